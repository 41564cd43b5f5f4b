/* estate_fixture.h - for tests of what codisctl does to a product and its tree: both are played. */
#ifndef CODIS_TESTS_UNIT_ESTATE_FIXTURE_H
#define CODIS_TESTS_UNIT_ESTATE_FIXTURE_H

#include "tests/unit/cli_fixture.h"
#include "tests/unit/fake_zk.h"

#define CORE    "/api/v1/namespaces/codis/"
#define APPS    "/apis/apps/v1/namespaces/codis/"
#define BUDGETS "/apis/policy/v1/namespaces/codis/poddisruptionbudgets/"
#define APPLIED "\"managedFields\":[{\"manager\":\"codisctl\",\"operation\":\"Apply\"}]"

/* A Codis as buildup makes it, its ZooKeeper played, and codis-controller that has heard of the pause. */
struct estate_world {
	struct cli_world *w;
	struct fake_zk zk; /* on a loop and in a thread of its own, from estate_play() to estate_settle() */
	uv_loop_t loop;
	uv_async_t end;
	uv_thread_t thread;
	bool plays;
};

#define ESTATE_TEST(name) TEST_WITH(name, estate_setup, estate_teardown)
int estate_setup(void **state);
int estate_teardown(void **state);

void estate_play(struct estate_world *e);
/* From now on the tree can be looked at. */
void estate_settle(struct estate_world *e);

/* What makes pods that are labelled app=APP; more: ",", or more of its spec between commas. */
void estate_put_maker(struct cli_world *w, const char *resource, const char *name, const char *app, const char *more);
/* A Service that selects these. */
void estate_put_service(struct cli_world *w, const char *name, const char *app);
/* Where servers, proxies and the dashboard look for ZooKeeper, in place of zookeeper:2181. */
void estate_put_address(struct estate_world *e, const char *address);
bool estate_is_there(struct estate_world *e, const char *path);

#endif
