/* roles.h: the labels of many clusters, by a played clock: how long a cold start takes, and who waits for whom. The API
 * server answers after ANSWER_MS, and by then the watch has told of what was written. */
#include "controller/roles.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/controller_calls.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/test.h"

#define GROUPS    1000
#define ALL_MS    (1000 * 2 * GROUPS / ROLES_A_SECOND)
#define STEP_MS   10
#define TICK_MS   100  /* as main.c */
#define LOOK_MS   1000 /* as cluster.c; where something is under way at each tick */
#define BEGIN_MS  100000
#define CLUSTERS  (GROUPS + 2)
#define ANSWER_MS 30

/* A cluster of groups of two, of which nobody says anything. */
struct one {
	struct cluster *c;
	struct view_set set;
	struct server_view *servers;
	struct group_view *groups;
	int *by_addr, *members;
	int left; /* labels that are to be written */
};

static struct {
	struct one ones[CLUSTERS];
	int count, groups;
	int written; /* in all */
	struct writing {
		struct one *of;
		struct server_view *server;
		enum codis_role role;
		int64_t answered_ms;
	} open[ROLES_AT_ONCE];
	int64_t now_ms; /* since the beginning */
	int look_ms;
} w;

PLAYED_KUBE_CALL

static void add_pair_to(struct one *o, int i, const struct world *like)
{
	struct group_view *g = &o->groups[i];

	*g = like->groups[0];
	memset(&g->node, 0, sizeof(g->node));
	g->node.id = i + 1;
	for (int k = 0; k < 2; k++) {
		struct server_view *s = &o->servers[2 * i + k];

		*s = like->servers[k];
		snprintf(s->addr, sizeof(s->addr), "10.%d.%d.%d:6379", w.groups / 250, w.groups % 250, k);
		snprintf(s->pod.name, sizeof(s->pod.name), "codis-server-%d", 2 * i + k);
		snprintf(s->info.run_id, sizeof(s->info.run_id), "%040d", 2 * w.groups + k);
		s->group = i + 1;
		list(g, s);
	}
	follows(&o->servers[2 * i + 1], &o->servers[2 * i]);
	w.groups++;
}

static struct one *add_cluster(const char *namespace, int groups)
{
	__attribute__((cleanup(free_world))) struct world *like = healthy();
	struct one *o = &w.ones[w.count++];

	*o = (struct one){ .c = calloc(1, sizeof(*o->c)),
			   .set = like->sets[0],
			   .servers = calloc(2 * (size_t)groups, sizeof(o->servers[0])),
			   .groups = calloc((size_t)groups, sizeof(o->groups[0])),
			   .by_addr = calloc(2 * (size_t)groups, sizeof(int)),
			   .members = calloc(4 * (size_t)groups, sizeof(int)),
			   .left = 2 * groups };
	assert_true(o->c && o->servers && o->groups && o->by_addr && o->members);
	o->c->ctl = &world.ctl;
	snprintf(o->c->namespace, sizeof(o->c->namespace), "%s", namespace);
	for (int i = 0; i < groups; i++)
		add_pair_to(o, i, like);
	o->set.shape.replicas = 2 * groups;
	o->c->view = like->v;
	o->c->view.sets = &o->set;
	o->c->view.servers = o->servers;
	o->c->view.groups = o->groups;
	o->c->view.server_count = 2 * groups;
	o->c->view.group_count = groups;
	view_index(&o->c->view, o->by_addr, o->members);
	return o;
}

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.look_ms = LOOK_MS;
	calls_begin(NULL);
	controller_world_begin("ns");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	for (int i = 0; i < w.count; i++) {
		free(w.ones[i].c);
		free(w.ones[i].servers);
		free(w.ones[i].groups);
		free(w.ones[i].by_addr);
		free(w.ones[i].members);
	}
	controller_world_end();
	return 0;
}
#define MANY_TEST(name) TEST_WITH(name, begin, finish)

static void turn(struct one *o)
{
	int before = calls.count, pod;

	o->c->view.now_ms = BEGIN_MS + w.now_ms;
	roles_keep(o->c);
	if (calls.count == before)
		return;
	assert_true(calls.open_count <= ROLES_AT_ONCE);
	assert_int_equal(sscanf(strstr(calls.asked, "/pods/"), "/pods/codis-server-%d ", &pod), 1);
	w.open[calls.open_count - 1] = (struct writing){
		.of = o,
		.server = &o->servers[pod],
		.role = strstr(calls.asked, "\"master\"") ? CODIS_ROLE_MASTER : CODIS_ROLE_REPLICA,
		.answered_ms = w.now_ms + ANSWER_MS,
	};
}

/* It is looked at anew at once, as on_written() asks for. */
static void answer_first(void)
{
	struct writing one = w.open[0];

	memmove(w.open, w.open + 1, sizeof(w.open) - sizeof(w.open[0]));
	one.server->pod.role = one.role;
	w.written++;
	one.of->left--;
	answer(ERR_NONE);
	turn(one.of);
}

/* Until then. Each cluster is looked at once in LOOK_MS, not all at the same tick. */
static void play_until(int64_t end_ms)
{
	for (; w.now_ms < end_ms; w.now_ms += STEP_MS) {
		while (calls.open_count && w.open[0].answered_ms <= w.now_ms)
			answer_first();
		for (int i = 0; w.now_ms % TICK_MS == 0 && i < w.count; i++) {
			if ((w.now_ms / TICK_MS + i) % (w.look_ms / TICK_MS) == 0)
				turn(&w.ones[i]);
		}
	}
}

static int left(void)
{
	int n = 0;

	for (int i = 0; i < w.count; i++)
		n += w.ones[i].left;
	return n;
}

/* All are written by then, and nothing a second time. */
static void assert_all_after(int64_t ms)
{
	play_until(ms / 2);
	assert_in_range(w.written, GROUPS - 4 * ROLES_A_SECOND, GROUPS + 2 * ROLES_A_SECOND);
	play_until(ms);
	assert_int_equal(left(), 0);
	play_until(ms + 2 * LOOK_MS);
	assert_int_equal(calls.count, 2 * GROUPS);
}

static void add_namespaces(int count, int groups_of_each)
{
	char namespace[16];

	for (int i = 0; i < count; i++) {
		snprintf(namespace, sizeof(namespace), "ns-%d", i);
		add_cluster(namespace, groups_of_each);
	}
}

static void add_clusters(const char *namespace, int count)
{
	for (int i = 0; i < count; i++)
		add_cluster(namespace, 1);
}

MANY_TEST(a_thousand_groups_in_a_thousand_namespaces_are_labelled_in_a_hundred_seconds)
{
	add_namespaces(GROUPS, 1);
	assert_all_after(ALL_MS + 2 * LOOK_MS);
}

/* All look at each tick, and find the limits of all full nearly always. */
MANY_TEST(and_so_they_are_where_each_has_something_under_way)
{
	w.look_ms = TICK_MS;
	add_namespaces(GROUPS, 1);
	assert_all_after(ALL_MS + 2 * LOOK_MS);
}

MANY_TEST(and_so_are_as_many_as_are_remembered)
{
	w.look_ms = TICK_MS;
	add_namespaces(SHARES_MAX - 6, GROUPS / (SHARES_MAX - 6));
	assert_all_after(ALL_MS + 2 * LOOK_MS);
}

MANY_TEST(and_so_are_a_thousand_clusters_in_one_namespace)
{
	add_clusters("ns", GROUPS);
	assert_all_after(ALL_MS + 2 * LOOK_MS);
}

MANY_TEST(and_so_is_one_cluster_of_a_thousand_groups)
{
	add_cluster("ns", GROUPS);
	assert_all_after(ALL_MS + 2 * LOOK_MS);
}

/* It is looked at behind all others, which would take every one that there is. */
MANY_TEST(nobody_waits_for_a_thousand_clusters_of_another_namespace)
{
	for (int look_ms = TICK_MS; look_ms <= LOOK_MS; look_ms += LOOK_MS - TICK_MS) {
		struct one *last;

		w.look_ms = look_ms;
		add_clusters(look_ms == TICK_MS ? "open" : "calm", GROUPS / 2);
		play_until(w.now_ms + 10000);
		last = add_cluster(look_ms == TICK_MS ? "shop" : "mall", 1);
		play_until(w.now_ms + 3000);
		assert_int_equal(last->left, 0);
	}
}
