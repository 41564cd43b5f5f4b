/* Lost nodes: whose pods are made anew, on which evidence, and what keeps them. */
#include "controller/lost.h"

#include <string.h>

#include "controller/reason.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

static struct zookeeper_view zookeepers[5];

static void put_on(struct pod_view *pod, const char *node)
{
	snprintf(pod->node, sizeof(pod->node), "%s", node);
}

static void lose(struct world *w, struct pod_view *pod, int ms)
{
	pod->node_lost = true;
	pod->node_lost_ms = w->v.now_ms - ms;
}

/* B leads; A, which led before, is on n1 with proxy 1, and n1 has lost its power a minute ago. */
static void lose_node(struct world *w)
{
	struct server_view *a = &w->servers[0], *b = &w->servers[1];
	struct proxy_view *p;

	leads(b);
	memcpy(w->groups[0].node.servers[0].addr, B, sizeof(B));
	memcpy(w->groups[0].node.servers[1].addr, A, sizeof(A));
	a->listed_index = 1;
	b->listed_index = 0;
	p = add_proxy(w, "token-1");
	send_slots(w, 1, B);
	put_on(&a->pod, "n1");
	put_on(&p->pod, "n1");
	put_on(&b->pod, "n2");
	put_on(&w->proxies[0].pod, "n2");
	silence(w, 60000);
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 60000;
	p->registered = p->online = false;
	lose(w, &a->pod, 15000);
	lose(w, &p->pod, 15000);
}

static const struct action *of_kind(struct world *w, enum action_kind kind, const char *pod)
{
	run(w);
	for (int i = 0; i < w->count; i++)
		assert_true(reason_is_known(w->actions[i].why));
	for (int i = 0; i < w->count; i++) {
		if (w->actions[i].kind == kind && strcmp(w->actions[i].pod, pod) == 0)
			return &w->actions[i];
	}
	return NULL;
}

static const struct action *deleted(struct world *w, const char *pod)
{
	return of_kind(w, ACT_DELETE_POD, pod);
}

#define SERVER "codis-server-0"
#define PROXY  "codis-proxy-1"

TEST(pods_of_a_node_that_is_away_are_made_anew)
{
	WORLD;

	lose_node(w);
	assert_true(deleted(w, SERVER)->force);
	assert_string_equal(deleted(w, SERVER)->why, "its node is NotReady, and nothing on it answers");
	assert_true(deleted(w, PROXY)->force);
	w->servers[0].pod.deleting = w->proxies[1].pod.deleting = true; /* Terminating, for ever */
	assert_non_null(deleted(w, SERVER));
	assert_non_null(deleted(w, PROXY));
}

TEST(not_before_the_time_of_the_policy)
{
	WORLD;

	lose_node(w);
	w->servers[0].since_ms++; /* what was heard last of all that is there */
	assert_null(deleted(w, SERVER));
	assert_null(deleted(w, PROXY));
	w->servers[0].since_ms--;
	w->v.steady_since_ms = w->v.now_ms - 1000; /* what a sleeping loop has not heard is no silence */
	assert_null(deleted(w, SERVER));
}

/* The kubelet is away, the node is not. */
TEST(node_on_which_something_is_heard_is_not_away)
{
	WORLD;

	lose_node(w);
	w->proxies[1].reach = REACH_OK;
	assert_null(deleted(w, SERVER));
	w->proxies[1].reach = REACH_SILENT;
	w->servers[0].reach = REACH_UNKNOWN;
	snprintf(w->servers[0].complaint, sizeof(w->servers[0].complaint), "BUSY");
	assert_null(deleted(w, SERVER));
	assert_null(deleted(w, PROXY));
}

/* One that waits for its mutex is there: it answers what waits for none. */
TEST(node_on_which_a_process_waits_for_its_mutex_is_not_away)
{
	WORLD;
	struct dashboard_pod_view *b = &w->dashboards[0];

	lose_node(w);
	w->proxies[1].lives_ms = w->v.now_ms - 59999;
	assert_null(deleted(w, SERVER));
	assert_null(deleted(w, PROXY));
	w->proxies[1].lives_ms--;
	assert_non_null(deleted(w, SERVER));
	assert_non_null(deleted(w, PROXY));
	w->v.dashboard_count = 1;
	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 70000;
	b->lives_ms = w->v.now_ms - 59999;
	put_on(&b->pod, "n1");
	assert_null(deleted(w, SERVER));
	b->lives_ms--;
	assert_non_null(deleted(w, SERVER));
}

/* One that refuses its overview is there, and nothing else of ours has to be. */
TEST(node_on_which_a_dashboard_waits_for_its_lock_is_not_away)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	w->v.dashboard_count = 1;
	snprintf(w->dashboards[0].addr, CODIS_ADDR_MAX, D);
	w->dashboards[0].reach = b->reach = REACH_UNKNOWN;
	put_on(&w->dashboards[0].pod, "n3");
	put_on(&b->pod, "n3");
	lose(w, &w->dashboards[0].pod, 60000);
	lose(w, &b->pod, 60000);
	assert_null(deleted(w, b->pod.name));
	w->dashboards[0].addr[0] = '\0'; /* nothing is known of it but what its node says */
	assert_non_null(deleted(w, b->pod.name));
}

/* It is we who hear nothing. */
TEST(nothing_is_lost_for_who_hears_nobody)
{
	WORLD;
	struct server_view *s;

	lose_node(w);
	s = add_server(w, C, 2, 2);
	s->reach = REACH_SILENT;
	assert_null(deleted(w, SERVER));
	assert_null(deleted(w, PROXY));
	s->reach = REACH_OK;
	assert_non_null(deleted(w, SERVER));
	w->v.kube_fresh = false;
	assert_null(deleted(w, SERVER));
}

TEST(ready_node_is_not_lost)
{
	WORLD;

	lose_node(w);
	w->servers[0].pod.node_lost = false;
	w->servers[0].heard_ms = 1;
	assert_false(deleted(w, SERVER)->force); /* it hangs, and there is a kubelet that ends it */
}

/* Its volume may be written to by the one that lives, cut off. */
TEST(pod_with_a_volume_waits_for_a_word)
{
	WORLD;

	lose_node(w);
	w->servers[0].pod.keeps_data = true;
	assert_null(deleted(w, SERVER));
	w->servers[0].pod.node_out = true;
	assert_non_null(deleted(w, SERVER));
}

/* What was lost may be on the node that is cut off. */
TEST(nothing_that_may_have_what_was_lost_is_given_up)
{
	WORLD;

	lose_node(w);
	w->groups[0].lost_keys = 7;
	assert_null(deleted(w, SERVER));
	w->groups[0].lost_keys = 0;
	w->groups[0].new_lost_keys = 7;
	assert_null(deleted(w, SERVER));
	w->servers[0].pod.node_out = true;
	assert_non_null(deleted(w, SERVER));
}

/* Whatever is said of its node: nobody else leads. */
TEST(only_holder_of_data_stays)
{
	WORLD;

	lose_node(w);
	w->servers[0].pod.node_out = w->servers[0].pod.node_gone = true;
	w->servers[1].info.role = REDIS_ROLE_REPLICA;
	guarded(&w->servers[1]);
	assert_null(deleted(w, SERVER));
}

TEST(wait_goes_by_the_words_of_others)
{
	struct decide_limits wait = limits;
	WORLD;

	lose_node(w);
	wait.node_loss_ms = -1;
	had_all(w);
	w->count = decide(&w->v, &wait, w->actions, 16);
	assert_int_equal(w->count, 0);
	w->servers[0].pod.node_gone = true;
	had_all(w);
	w->count = decide(&w->v, &wait, w->actions, 16);
	assert_int_equal(w->count, 0); /* its object may be made anew */
	w->servers[0].pod.node_lost_ms = w->v.now_ms - 60000;
	had_all(w);
	w->count = decide(&w->v, &wait, w->actions, 16);
	assert_int_equal(w->count, 1);
	assert_string_equal(w->actions[0].why, "its node is no more");
	w->servers[0].pod.node_lost_ms = w->v.now_ms - 1;
	w->servers[0].pod.node_out = true;
	had_all(w);
	w->count = decide(&w->v, &wait, w->actions, 16);
	assert_int_equal(w->count, 1);
	assert_string_equal(w->actions[0].why, "its node is out of service, as its taint says");
}

/* Each promote of a dashboard would wait for it; and clients that have nobody else. */
TEST(proxy_that_is_in_the_list_or_alone_stays)
{
	WORLD;

	lose_node(w);
	w->proxies[0].online = false;
	assert_null(deleted(w, PROXY));
	w->proxies[0].online = true;
	w->proxies[1].registered = true;
	assert_null(deleted(w, PROXY));
	assert_non_null(of_kind(w, ACT_REMOVE_PROXY, PROXY));
}

TEST(dashboard_that_moves_slots_waits_for_a_word)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;
	struct dashboard_pod_view *pod = &w->dashboards[0];

	put_on(&b->pod, "n3");
	b->reach = REACH_SILENT;
	b->since_ms = w->v.now_ms - 60000;
	lose(w, &b->pod, 15000);
	pod->pod = b->pod;
	pod->reach = b->reach;
	pod->since_ms = b->since_ms;
	w->v.dashboard_count = 1;
	assert_true(deleted(w, "codis-dashboard-0")->force);
	b->slot_acting[7] = true;
	assert_null(deleted(w, "codis-dashboard-0"));
	b->pod.node_out = true;
	assert_non_null(deleted(w, "codis-dashboard-0"));
}

/* --- ZooKeeper
 * -------------------------------------------------------------------------------------------------------- */

/* Three of them, the last one on a node that was lost a minute ago. */
static void add_zookeepers(struct world *w, int count)
{
	memset(zookeepers, 0, sizeof(zookeepers));
	for (int i = 0; i < count; i++) {
		snprintf(zookeepers[i].set, VIEW_NAME_MAX, "zk");
		snprintf(zookeepers[i].namespace, 64, "infra");
		snprintf(zookeepers[i].pod.name, VIEW_NAME_MAX, "zk-%d", i);
		snprintf(zookeepers[i].pod.uid, VIEW_UID_MAX, "zk-%d", i);
		snprintf(zookeepers[i].pod.node, VIEW_NAME_MAX, "z%d", i);
		zookeepers[i].pod.ready = true;
	}
	w->v.zookeepers = zookeepers;
	w->v.zookeeper_count = count;
	lose(w, &zookeepers[count - 1].pod, 60000);
}

TEST(member_of_zookeeper_is_made_anew_while_the_others_are_a_quorum)
{
	WORLD;
	const struct action *a;

	add_zookeepers(w, 3);
	a = deleted(w, "zk-2");
	assert_true(a->force);
	assert_int_equal(a->subject, SUBJECT_ZOOKEEPER);
	assert_string_equal(a->namespace, "infra");
	assert_string_equal(a->evidence, "its node z2 is lost since 60.0 s; others ready: 2 of 2");
	zookeepers[0].pod.ready = false;
	assert_nothing(w);
	zookeepers[0].pod.ready = true;
	zookeepers[0].pod.deleting = true;
	assert_nothing(w);
	zookeepers[0].pod.deleting = false;
	w->v.zookeeper_busy = true;
	assert_nothing(w);
	w->v.zookeeper_busy = false;
	zookeepers[2].pod.keeps_data = true;
	assert_nothing(w);
	zookeepers[2].pod.keeps_data = false;
	zookeepers[2].pod.node_lost_ms++;
	assert_nothing(w);
	w->servers[1].reach = REACH_SILENT; /* what else is there is silent for long enough */
	w->servers[1].since_ms = w->v.now_ms - 60000;
	put_on(&w->servers[1].pod, "z2");
	assert_non_null(deleted(w, "zk-2"));
}

/* The Role in ZooKeeper's namespace is missing, say. */
TEST(member_of_zookeeper_that_cannot_be_deleted_is_tried_more_and_more_seldom)
{
	WORLD;

	add_zookeepers(w, 3);
	for (int i = 0; i < 9; i++)
		calm_note(&w->v.zookeeper_done, ACT_DELETE_POD, 0, true, w->v.now_ms);
	assert_nothing(w);
	w->v.now_ms += 12799;
	assert_nothing(w);
	w->v.now_ms++;
	assert_non_null(deleted(w, "zk-2"));
}

/* Its kubelet is away, and it is not. */
TEST(member_of_zookeeper_that_answers_us_is_not_lost)
{
	WORLD;

	add_zookeepers(w, 3);
	zookeepers[2].heard = true;
	assert_nothing(w);
	lose_node(w); /* nor is what else is on its node */
	assert_non_null(deleted(w, SERVER));
	put_on(&w->servers[0].pod, "z2");
	assert_null(deleted(w, SERVER));
	zookeepers[2].pod.node_out = true;
	assert_non_null(deleted(w, "zk-2"));
}

TEST(members_of_zookeeper_are_made_anew_one_by_one)
{
	WORLD;

	add_zookeepers(w, 5);
	lose(w, &zookeepers[3].pod, 60000);
	assert_only(w, ACT_DELETE_POD, "");
	assert_string_equal(w->actions[0].pod, "zk-3");
	lose(w, &zookeepers[2].pod, 60000); /* no quorum without the three */
	assert_nothing(w);
}

/* A set of another name is another ZooKeeper; a pod of no set is made anew by nobody. */
TEST(other_zookeepers_do_not_count)
{
	WORLD;

	add_zookeepers(w, 3);
	snprintf(zookeepers[1].set, VIEW_NAME_MAX, "other");
	assert_nothing(w);
	snprintf(zookeepers[1].set, VIEW_NAME_MAX, "zk");
	zookeepers[2].set[0] = '\0';
	assert_nothing(w);
}

/* --- out of the Service
 * ------------------------------------------------------------------------------------------------ */

/* It is locked by us, and serves the other groups: taken out, it would be ready again only after seconds. */
TEST(proxy_that_waits_for_a_silent_master_stays_in_its_service)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");

	send_slots(w, 1, A);
	silence(w, 1500);
	p->pod.ready = w->proxies[0].pod.ready = true;
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 4999;
	p->heard_ms = w->servers[0].since_ms;
	p->busy = true;
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->heard_ms--; /* it is away with it */
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	w->proxies[0].reach = REACH_SILENT; /* by our lock */
	w->proxies[0].since_ms = w->v.now_ms - 500;
	w->proxies[0].heard_ms = w->servers[0].since_ms;
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	w->proxies[0].heard_ms--; /* away as well: one has to stay */
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->heard_ms++;
	p->since_ms--;
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY)); /* nor is it another one itself */
	w->proxies[0].reach = REACH_OK;
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
}

TEST(silent_proxy_leaves_its_service_at_once)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");

	send_slots(w, 1, A);
	p->pod.ready = w->proxies[0].pod.ready = true;
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 1000;
	p->busy = true; /* a fill waits for it */
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->unready_ms = w->v.now_ms - 9999; /* its kubelet may have said otherwise */
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->unready_ms--;
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->pod.ready = false;
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->pod.ready = true;
	p->since_ms++;
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->since_ms--;
	w->proxies[0].reach = REACH_SILENT; /* there is nowhere else to go */
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	w->proxies[0].reach = REACH_OK;
	w->proxies[0].pod.ready = false; /* somebody else has taken that one out */
	assert_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	w->proxies[0].pod.name[0] = '\0'; /* it has no pod that could be ready */
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	w->v.coordinator_ready = false; /* its leader was there as well */
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	p->pod.ready = false;
	p->busy = false;
	p->since_ms = w->v.now_ms - 60000;
	assert_nothing(w);
}

/* The leader is away with the proxy, say. */
TEST(standby_takes_a_silent_proxy_out_of_its_service_a_moment_later)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");

	send_slots(w, 1, A);
	w->v.mandate = MANDATE_STANDBY;
	w->v.kube_fresh = false; /* that is the one's who leads */
	p->pod.ready = w->proxies[0].pod.ready = true;
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms - 1299;
	assert_nothing(w);
	p->since_ms--;
	w->v.pods_fresh = false;
	assert_nothing(w);
	w->v.pods_fresh = true;
	assert_non_null(of_kind(w, ACT_UNREADY_PROXY, PROXY));
	assert_int_equal(w->count, 1);
	p->pod.ready = false;
	p->since_ms = w->v.now_ms - 60000; /* what else is done with it, the one who leads does */
	assert_nothing(w);
	p->pod.ready = true;
	w->v.mandate = MANDATE_FAILOVER; /* it does not reach the API server */
	assert_nothing(w);
}

/* --- where ZooKeeper is
 * ------------------------------------------------------------------------------------------------ */

static void assert_namespace(const char *servers, const char *expected)
{
	char out[64];

	lost_zookeeper_namespace(servers, out, sizeof(out));
	assert_string_equal(out, expected);
}

TEST(namespace_of_zookeeper)
{
	assert_namespace("zookeeper:2181", "");
	assert_namespace("zookeeper", "");
	assert_namespace("", "");
	assert_namespace("zookeeper.infra:2181/chroot", "infra");
	assert_namespace("zk-0.zk.infra:2181,zk-1.zk.infra:2181", "infra");
	assert_namespace("zk-0.zk.infra.svc:2181", "infra");
	assert_namespace("zk.infra.svc.cluster.local:2181", "infra");
	assert_namespace("10.0.0.1:2181", "");
	assert_namespace("[fd00::1]:2181", "");
}
