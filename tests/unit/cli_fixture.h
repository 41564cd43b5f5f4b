/* cli_fixture.h - for codisctl's tests: a command line against the played API server, and what it prints. */
#ifndef CODIS_TESTS_UNIT_CLI_FIXTURE_H
#define CODIS_TESTS_UNIT_CLI_FIXTURE_H

#include "cli/cli.h"
#include "tests/unit/fake_api.h"

struct cli_world {
	struct fake_world *world;
	struct fake_api *api;
	struct cli c; /* of the last command */
	int out_fd;   /* where its stdout goes; -1: it is kept in c.out */
};

#define CLI_TEST(name) TEST_WITH(name, cli_setup, cli_teardown)
int cli_setup(void **state);
int cli_teardown(void **state);

/* The context's namespace is codis. */
#define CLI(w, ...) cli_command(w, (const char *const[]){ "codisctl", ##__VA_ARGS__, NULL })
enum cli_status cli_command(struct cli_world *w, const char *const *argv);

/* Whether the words were printed, on stdout or stderr; else the test has failed, with what was. */
void cli_says(const struct cli_world *w, const char *words);
void cli_does_not_say(const struct cli_world *w, const char *words);

/* A pod of codis-controller; with a status.json that it answers, or NULL. */
void cli_controller(struct cli_world *w, const char *name, const char *status);
/* Who holds the Lease. */
void cli_lease(struct cli_world *w, const char *holder);
/* What path of the controller is asked. */
#define CLI_STATUS_OF(name) "/pods/" name ":8080/proxy/status.json"
/* status.json of one that leads, or not, with these clusters. */
const char *cli_status_json(bool leads, const char *clusters, char *out, size_t size);
#define CLI_HEALTHY                                                                                                    \
	"{\"namespace\":\"codis\",\"product\":\"codis-test\",\"ok\":true,\"line\":\"codis-test: OK, 1/1 groups led, "  \
	"1 proxy, 1024/1024 slots served\",\"paused\":false,\"adoption\":{\"asked\":false},\"recent\":[],\"groups\":[" \
	"{\"id\":1,\"led\":true,\"master\":\"codis-server-1\",\"why\":\"\",\"slots\":1024,\"members\":[{\"addr\":"     \
	"\"10.0.0.1:6379\",\"pod\":\"codis-server-0\",\"node\":\"n1\",\"zone\":\"zone-a\",\"state\":\"synced\","       \
	"\"synced\":true,\"guarded\":true,"                                                                            \
	"\"offset\":900,\"keys\":7,\"memory\":1572864,\"memory_max\":1073741824,\"ops\":12},{\"addr\":\"10.0.0.2:"     \
	"6379\",\"pod\":\"codis-server-1\",\"node\":\"n2\","                                                           \
	"\"state\":\"master\",\"guarded\":true,\"offset\":1000,\"keys\":7}]}],\"proxies\":[{\"addr\":"                 \
	"\"10.0.0.3:11080\",\"pod\":\"codis-proxy-0\",\"registered\":true,\"online\":true,\"answers\":true}]}"

/* A Codis of two servers, a proxy, a dashboard and their sets, as Kubernetes has it: namespace codis. */
void cli_codis(struct cli_world *w);

#endif
