/* The server's threads ask while the loop's thread changes what there is (for SANITIZE=thread, and for locks that are
 * not given back). */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/extender_fixture.h"
#include "tests/unit/test.h"

enum { THREADS = 3, CALLS = 300, CHANGES = 600, NODES = 12, PODS = 24 };

#define NAMES "[\"n0\",\"n1\",\"n2\",\"n3\",\"n4\",\"n5\",\"n6\",\"n7\",\"n8\",\"n9\",\"n10\",\"n11\",\"never-seen\"]"

struct asker {
	struct extender *e;
	pthread_t thread;
	unsigned seed;
	int bad;
};

static bool is_json(const struct buf *out)
{
	JSON_CLEANUP cJSON *answer = json_parse(out->data, out->len, JSON_ITEMS, NULL);

	return answer && !out->failed;
}

static cJSON *random_member(unsigned *seed, const char *node)
{
	static const char *const more[] = {
		"", ",\"annotations\":{\"codis.io/topology-key\":\"rack\"}",
		",\"annotations\":{\"codis.io/spread\":\"soft\"}",
		",\"annotations\":{\"codis.io/topology-key\":\"topology.kubernetes.io/zone,kubernetes.io/hostname\"}"
	};

	return stock_pod("codis-server", "codis-server", rand_r(seed) % PODS, rand_r(seed) % 2 ? "shop" : "", 2, node,
			 more[rand_r(seed) % 4]);
}

/* cmocka's asserts are not for other threads. */
static void *ask(void *ctx)
{
	struct asker *a = ctx;

	for (int i = 0; i < CALLS; i++) {
		BUF_CLEANUP struct buf body = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
		JSON_CLEANUP cJSON *pod = random_member(&a->seed, "");
		int status;

		buf_addstr(&body, "{\"Pod\":");
		json_write(pod, &body);
		buf_addstr(&body, i % 3 == 2 ? ",\"NodeNameToMetaVictims\":{\"n1\":{\"Pods\":[]},\"n2\":{\"Pods\":[]}}}"
					     : ",\"NodeNames\":" NAMES "}");
		if (i % 3 == 0)
			status = serve_filter(a->e, body.data, body.len, i * 100, WALL_MS, &out);
		else if (i % 3 == 1)
			status = serve_prioritize(a->e, body.data, body.len, i * 100, WALL_MS, &out);
		else
			status = serve_preempt(a->e, body.data, body.len, i * 100, WALL_MS, &out);
		a->bad += status != 200 || !is_json(&out);
	}
	return NULL;
}

static void change(struct extender *e, unsigned *seed)
{
	char name[16], labels[64];
	int node = rand_r(seed) % NODES;
	JSON_CLEANUP cJSON *pod = NULL;
	struct overdue overdue;
	struct error err;

	snprintf(name, sizeof(name), "n%d", node);
	pod = random_member(seed, rand_r(seed) % 3 ? name : "");
	snprintf(labels, sizeof(labels), ",\"rack\":\"r%d\"", rand_r(seed) % 3);
	pthread_mutex_lock(&e->lock);
	switch (rand_r(seed) % 5) {
	case 0: add_node(e->inventory, name, labels, "True", "2020-01-01T00:00:10Z"); break;
	case 1: inventory_remove_node(e->inventory, name); break;
	case 2: inventory_remove_pod(e->inventory, pod_uid(pod)); break;
	default: inventory_set_pod(e->inventory, pod, &err); break;
	}
	pthread_mutex_unlock(&e->lock);
	if (inventory_pod(e->inventory, pod_uid(pod)))
		extender_settle(e, pod_uid(pod));
	else
		extender_pod_gone(e, pod_uid(pod));
	extender_know_nothing(e, -e->reservation_ttl_ms); /* it has ended */
	if (extender_take_overdue(e, rand_r(seed) % 50000, 1000, &overdue))
		extender_end_overdue(e, overdue.uid, rand_r(seed) % 50000);
}

TEST(calls_and_changes_do_not_disturb_each_other)
{
	struct asker askers[THREADS];
	struct extender e;
	unsigned seed = 1;

	extender_setup(&e);
	for (int i = 0; i < THREADS; i++) {
		askers[i] = (struct asker){ .e = &e, .seed = (unsigned)i + 2 };
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
	}
	for (int i = 0; i < CHANGES; i++)
		change(&e, &seed);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(askers[i].thread, NULL), 0);
		assert_int_equal(askers[i].bad, 0);
	}
	extender_teardown(&e);
}
