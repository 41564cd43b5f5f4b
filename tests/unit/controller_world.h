/* controller_world.h - a controller with its parts, and one cluster of it, that asks nobody: probes of servers and
 * Events are played, by the functions through which they are used (libcodis.a is an archive: these are taken instead).
 */
#ifndef CODIS_TESTS_CONTROLLER_WORLD_H
#define CODIS_TESTS_CONTROLLER_WORLD_H

#include <stdbool.h>
#include <uv.h>

#include "common/base/log.h"
#include "common/codis/inventory.h"
#include "common/codis/probe.h"
#include "controller/cluster.h"

struct redis_probe {
	char addr[CODIS_ADDR_MAX], auth[64];
	int pace_ms; /* that it was last given */
	int asked;   /* so many times at once */
	bool ended;
	void (*on_slow)(void *ctx, struct redis_probe *p);
	void *ctx;
};

struct controller_world {
	uv_loop_t uv;
	struct logger log; /* into a file of its own, which can be read */
	struct controller ctl;
	struct inventory *inv;
	struct cluster *c;
	struct redis_probe probes[16]; /* in the order in which they were begun */
	int probe_count;
	char events[8192]; /* "Warning Pod shop/codis-server-0 DataLost: why", a line each */
	int event_count;
};

extern struct controller_world world; /* of the test that runs */

/* The controller leads, and has heard of all objects. Its cluster is product codis-test of the namespace. */
void controller_world_begin(const char *namespace);
/* Nothing may be left on the loop. */
void controller_world_end(void);
/* The same for TEST_WITH, in the namespace of pods_fixture.h. */
int controller_world_setup(void **state);
int controller_world_teardown(void **state);

/* The controller's metrics have these words: "codis_controller_leader 1\n". */
void assert_counted(const char *series);
void assert_not_counted(const char *series);

#endif
