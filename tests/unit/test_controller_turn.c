/* One turn of a cluster: what a person has said, sleep, TILT, rest, and what is told of what is held up. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "controller/action.h"
#include "controller/roles.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"

static struct observed_server *server(const char *addr)
{
	return cluster_server(world.c, addr);
}

static void hear(const char *addr, const char *master)
{
	struct observed_server *s = server(addr);

	assert_non_null(s);
	s->reach = REACH_OK;
	s->info_valid = true;
	s->heard_ms = clock_mono_ms();
	s->info.role = master ? REDIS_ROLE_REPLICA : REDIS_ROLE_MASTER;
	snprintf(s->info.master, sizeof(s->info.master), "%s", master ? master : "");
	s->info.link_up = master != NULL;
	s->info.offset = 1000;
	snprintf(s->info.run_id, sizeof(s->info.run_id), "run of %s", addr);
}

static void set_pod(const char *name, const char *ip)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-server", .name = name, .ip = ip });
}

/* A leads group 1, B follows it. */
static int begin(void **state)
{
	struct cluster *c;
	struct observed_group *g;

	(void)state;
	controller_world_begin("ns");
	world.ctl.writing_roles = ROLES_AT_ONCE; /* other clusters' labels are written all the time */
	c = world.c;
	set_pod("codis-server-0", "10.0.0.1");
	set_pod("codis-server-1", "10.0.0.2");
	fixture_set_set(world.inv, 2, 0);
	c->stock_due = true;
	c->connected_since_ms = 1;
	cluster_turn(c);
	g = cluster_group(c, 1, false);
	assert_non_null(g);
	codis_group_append(&g->node, A);
	codis_group_append(&g->node, B);
	g->exists = true;
	g->read_ms = c->listed_ms = c->proxies_read_ms = clock_mono_ms();
	hear(A, NULL);
	hear(B, A);
	c->stock_due = true;
	cluster_turn(c);
	assert_false(c->view.groups[0].busy);
	return 0;
}
#define TURN_TEST(name) TEST_WITH(name, begin, controller_world_teardown)

static void annotate(const char *annotations)
{
	struct error err = ERROR_INIT;
	char text[1024];
	JSON_CLEANUP cJSON *set = NULL;

	snprintf(
		text, sizeof(text),
		"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"codis-server\",\"uid\":\"uid-set\",\"annotations\":%s},"
		"\"spec\":{\"replicas\":2,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\","
		"\"codis.io/"
		"product\":\"codis-test\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"command\":"
		"[\"codis-server\"]}]}}}}",
		annotations);
	set = parse_text(text);
	assert_int_equal(inventory_set_set(world.inv, set, &err), 0);
	cluster_turn(world.c);
}

static int count_logged(const char *words)
{
	static char text[65536];
	ssize_t n = pread(world.log.fd, text, sizeof(text) - 1, 0);
	int found = 0;

	text[n > 0 ? n : 0] = '\0';
	for (const char *at = text; (at = strstr(at, words)); at++)
		found++;
	return found;
}

/* The master is dead. */
static void refuse_a(void)
{
	struct observed_server *a = server(A);

	a->reach = REACH_REFUSED;
	a->info_valid = false;
	a->since_ms = clock_mono_ms();
	server(B)->info.link_up = false;
}

TURN_TEST(paused_by_a_person)
{
	const struct cluster_view *v = &world.c->view;

	assert_int_equal(v->mandate, MANDATE_LEAD);
	refuse_a();
	annotate("{\"codis.io/paused\":\"anna:\\nmoving racks\"}");
	assert_true(v->paused);
	assert_int_equal(v->mandate, MANDATE_NONE);
	assert_string_equal(v->paused_by, "anna: moving racks");
	assert_int_equal(count_logged("event=action.begun"), 0);
	annotate("{\"codis.io/paused\":\"\"}");
	assert_true(v->paused);
	hear(A, NULL);
	hear(B, A);
	annotate("{\"codis.io/paused\":\"false\"}");
	assert_false(v->paused);
	assert_int_equal(v->mandate, MANDATE_LEAD);
}

TURN_TEST(adoption_is_asked_for_on_the_statefulset)
{
	world.ctl.dry_run = true; /* decided, and not done */
	annotate("{\"codis.io/adopt\":\"true\"}");
	assert_true(world.c->view.adopt);
	assert_true(world.c->view.servers[0].pod.unguarded);
	assert_non_null(strstr(world.c->line, "0/2 servers are adopted, it waits: the dashboard does not answer"));
	annotate("{\"codis.io/adopt\":\"false\"}");
	assert_false(world.c->view.adopt);
	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-server",
							  .name = "codis-server-0",
							  .ip = "10.0.0.1",
							  .args = "[\"--slaveof\",\"127.0.0.1\",\"1\","
								  "\"--slave-serve-stale-data\",\"no\"]" });
	cluster_turn(world.c);
	assert_false(world.c->view.servers[0].pod.unguarded);
	calm_deleted(&world.c->deleted, "codis-server-1", clock_mono_ms());
	cluster_turn(world.c);
	assert_true(world.c->view.servers[1].pod.came_back);
	assert_true(world.c->view.servers[1].pod.delete_after_ms > clock_mono_ms());
}

TURN_TEST(deletions_of_the_last_minute_and_under_way)
{
	const struct cluster_view *v = &world.c->view;

	calm_count(&world.c->deletions, clock_mono_ms());
	calm_count(&world.ctl.deletions, clock_mono_ms());
	calm_count(&world.ctl.deletions, clock_mono_ms() - 60001);
	world.c->deleting = 1;
	world.ctl.deleting = 3;
	cluster_turn(world.c);
	assert_int_equal(v->deletions, 2);
	assert_int_equal(v->all_deletions, 4);
}

TURN_TEST(most_servers_fall_silent)
{
	struct cluster *c = world.c;
	int64_t before = c->steady_since_ms, since = clock_mono_ms();

	set_pod("codis-server-2", "10.0.0.3");
	c->stock_due = true;
	cluster_turn(c);
	hear("10.0.0.3:6379", "127.0.0.1:1");
	server(A)->reach = REACH_SILENT;
	server(A)->since_ms = since - 10;
	cluster_turn(c);
	assert_int_equal(c->steady_since_ms, before); /* not even half of them */
	server(B)->reach = REACH_SILENT;
	server(B)->since_ms = since;
	c->list_asked_ms = since;
	cluster_turn(c);
	assert_true(c->view.tilted);
	assert_int_equal(c->view.silent_servers, 2);
	assert_int_equal(c->view.steady_since_ms, since);
	assert_int_equal(c->list_asked_ms, 0); /* all is read again */
	assert_int_equal(
		count_logged("event=tilt namespace=ns product=codis-test leads=true tilted=true silent=2 heard=3"), 1);
	cluster_turn(c);
	hear(A, NULL);
	hear(B, A);
	cluster_turn(c);
	assert_false(c->view.tilted);
	assert_true(c->view.steady_since_ms >= c->looked_ms);
	assert_int_equal(count_logged("event=tilt"), 2);
}

static void silence_two_of_three(void)
{
	set_pod("codis-server-2", "10.0.0.3");
	world.c->stock_due = true;
	cluster_turn(world.c);
	hear("10.0.0.3:6379", "127.0.0.1:1");
	server(A)->reach = server(B)->reach = REACH_SILENT;
	cluster_turn(world.c);
	assert_true(world.c->view.tilted);
}

/* A process that is stopped, and whose pod is being deleted, stays for as long as its grace period. */
TURN_TEST(server_that_is_being_deleted_is_to_fall_silent)
{
	struct cluster *c = world.c;

	silence_two_of_three();
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1", .deleting = true });
	cluster_turn(c);
	assert_false(c->view.tilted);
	assert_int_equal(c->view.silent_servers, 1);
	inventory_remove_pod(world.inv, "uid-codis-server-0"); /* its group still lists it */
	c->stock_due = true;
	cluster_turn(c);
	assert_false(c->view.tilted);
	assert_int_equal(c->view.silent_servers, 1);
}

/* An address that a pod of another cluster has got was silent before, and is asked no more. */
TURN_TEST(address_that_is_not_asked_is_not_silent)
{
	struct cluster *c = world.c;

	silence_two_of_three();
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.namespace = "tenant", .app = "codis-server", .name = "stranger-0", .ip = "10.0.0.2" });
	inventory_remove_pod(world.inv, "uid-codis-server-1");
	c->stock_due = true;
	cluster_turn(c);
	assert_null(server(B)->probe);
	assert_false(c->view.tilted);
	assert_int_equal(c->view.silent_servers, 1);
}

/* Answers are heard, and looked at, before the tick that would tell. */
TURN_TEST(turn_after_a_sleep_judges_nothing_from_before)
{
	struct cluster *c = world.c;

	refuse_a();
	c->last_tick_ms = clock_mono_ms() - 1001;
	assert_true(cluster_slept(c, clock_mono_ms()));
	server(B)->heard_ms -= 10;
	cluster_turn(c);
	assert_true(c->view.groups[0].busy);
	assert_int_equal(c->view.steady_since_ms, c->looked_ms);
	assert_int_equal(count_logged("event=clock.jump"), 1);
	assert_int_equal(count_logged("event=action.begun"), 0);
	assert_false(cluster_slept(c, clock_mono_ms()));
}

/* A master that is killed each half minute by a test, and follows again each time, does not wait to follow. */
TURN_TEST(group_in_which_all_has_been_well_is_at_rest)
{
	struct observed_group *g = cluster_group(world.c, 1, false);
	struct calm_done *b = &server(B)->done;

	for (int i = 0; i < 9; i++) {
		calm_note(&g->done, ACT_PROMOTE, 1, false, clock_mono_ms() - 1000);
		calm_note(b, ACT_FOLLOW, 1, false, clock_mono_ms() - 1000);
	}
	cluster_turn(world.c);
	assert_int_equal(g->done.times, 9);
	assert_true(g->done.well_since_ms > 0 && b->well_since_ms > 0);
	g->done.well_since_ms -= CALM_REST_MS;
	server(B)->info.link_up = false;
	cluster_turn(world.c);
	assert_int_equal(g->done.well_since_ms, 0);
	assert_int_equal(g->done.times, 9);
	hear(B, A);
	cluster_turn(world.c);
	g->done.well_since_ms -= CALM_REST_MS;
	b->well_since_ms -= CALM_REST_MS;
	cluster_turn(world.c);
	assert_int_equal(g->done.times, 0);
	assert_int_equal(b->times, 0);
}

TURN_TEST(pod_whose_successor_has_been_well_for_a_minute)
{
	struct cluster *c = world.c;

	c->ctl->dry_run = true;
	for (int i = 0; i < 5; i++)
		calm_deleted(&c->deleted, "codis-server-1", clock_mono_ms());
	cluster_turn(c);
	cluster_turn(c);
	server(B)->done.well_since_ms -= CALM_POD_REST_MS;
	cluster_turn(c);
	calm_deleted(&c->deleted, "codis-server-1", clock_mono_ms());
	cluster_turn(c);
	assert_in_range(c->view.servers[1].pod.delete_after_ms - clock_mono_ms(), 9000, 10000);
}

TURN_TEST(proxy_that_sends_rightly_is_at_rest)
{
	struct cluster *c = world.c;
	struct observed_proxy *p;

	c->ctl->dry_run = true;
	p = cluster_proxy(c, "10.0.1.1:11080", true);
	p->reach = REACH_OK;
	p->online = p->has_slots = p->wanted = true;
	p->heard_ms = p->slots_ms = clock_mono_ms();
	snprintf(p->registered_token, sizeof(p->registered_token), "token");
	for (int i = 0; i < CODIS_SLOTS; i++) {
		p->slots[i] = (struct codis_slot){ .id = (int16_t)i, .group = 1 };
		snprintf(p->slots[i].addr, CODIS_ADDR_MAX, "%s", A);
	}
	for (int i = 0; i < 9; i++)
		calm_note(calm_group_place(&p->filled, 1), ACT_FILL_PROXY, 1, false, clock_mono_ms());
	p->slots[7].locked = true;
	cluster_turn(c);
	assert_int_equal(p->filled.of[0].well_since_ms, 0);
	p->slots[7].locked = false;
	cluster_turn(c);
	assert_true(p->filled.of[0].well_since_ms > 0);
	p->filled.of[0].well_since_ms -= CALM_REST_MS;
	cluster_turn(c);
	assert_int_equal(p->filled.of[0].times, 0);
}

/* Who led before may have ended before it told it of what it has written. */
TURN_TEST(whoever_begins_to_lead_has_the_dashboard_read_its_tree_anew)
{
	struct cluster *c = world.c;

	(void)state;
	c->reload_due = false;
	cluster_turn(c);
	assert_false(c->reload_due);
	world.ctl.mandate = MANDATE_STANDBY;
	cluster_turn(c);
	assert_false(c->reload_due);
	world.ctl.mandate = MANDATE_LEAD;
	cluster_group(c, 1, false)->exists = false; /* perhaps its tree is lost */
	cluster_turn(c);
	assert_false(c->reload_due);
	cluster_group(c, 1, false)->exists = true;
	cluster_turn(c);
	assert_true(c->reload_due);
}

TURN_TEST(what_is_held_up_is_told_once)
{
	struct observed_group *g = cluster_group(world.c, 1, false);
	static const char *const words =
		"Warning Pod ns/codis-server-1 Held: group 1: promote of codis-server-1 waits: it "
		"was done so often, and did not last; kubectl delete pod codis-server-0 --force "
		"insists\n";

	for (int i = 0; i < 9; i++)
		calm_note(&g->done, ACT_PROMOTE, 1, false, clock_mono_ms());
	refuse_a();
	for (int i = 0; i < 3; i++)
		cluster_turn(world.c);
	assert_string_equal(world.events, words);
	assert_int_equal(
		count_logged("event=held namespace=ns product=codis-test leads=true group=1 pod=codis-server-1"), 1);
	assert_int_equal(world.c->view.held_count, 1);
}

TURN_TEST(dry_run_tells_once_what_it_would_do)
{
	world.ctl.dry_run = true;
	refuse_a();
	for (int i = 0; i < 3; i++)
		cluster_turn(world.c);
	assert_int_equal(
		count_logged(
			"event=action.would namespace=ns product=codis-test leads=true action=promote subject=group "
			"group=1 addr=10.0.0.2:6379 pod=codis-server-1 from=10.0.0.1:6379"),
		1);
	assert_int_equal(count_logged("event=action.begun"), 0);
	assert_int_equal(world.c->view.would_count, 1);
	assert_non_null(strstr(world.c->line,
			       "DRY RUN: nothing is done; group 1: promote of codis-server-1 would be done: "
			       "connections are refused, and its replica lost its link"));
}

TURN_TEST(that_nobody_gets_the_lease_is_said)
{
	world.ctl.limits.unsure_ms = 4000;
	controller_take_mandate(&world.ctl, MANDATE_STANDBY);
	world.ctl.unled_since_ms = clock_mono_ms() - 11000; /* an election */
	cluster_turn(world.c);
	assert_null(world.c->view.lease_trouble);
	world.ctl.unled_since_ms -= 1000;
	world.c->line_ms -= 5000; /* it is no leader's, which tells at once */
	cluster_turn(world.c);
	assert_string_equal(world.c->view.lease_trouble,
			    "no controller gets the Lease: only failovers are done; their logs say why");
	assert_non_null(strstr(world.c->line, "; no controller gets the Lease"));
	world.ctl.unled_since_ms = 0;
	world.c->line_ms -= 5000;
	cluster_turn(world.c);
	assert_null(strstr(world.c->line, "Lease"));
}

/* Since when is noted, and forgotten when a replica holds it again. */
TURN_TEST(bound_that_nobody_holds)
{
	int64_t since_ms;

	fixture_set_node(world.inv, true, false);
	world.ctl.limits.bound = BOUND_ALWAYS;
	world.ctl.dry_run = true;
	controller_take_mandate(&world.ctl, MANDATE_STANDBY);
	server(A)->info.bounded = true;
	cluster_turn(world.c);
	assert_int_equal(server(A)->unheld_ms, 0);
	server(B)->info.link_up = false;
	since_ms = clock_mono_ms();
	cluster_turn(world.c);
	assert_in_range(server(A)->unheld_ms, since_ms, clock_mono_ms());
	assert_int_equal(server(B)->unheld_ms, 0);
	server(A)->unheld_ms = since_ms - 500;
	cluster_turn(world.c);
	assert_int_equal(server(A)->unheld_ms, since_ms - 500);
	assert_int_equal(world.c->view.would_count, 0);
	server(A)->unheld_ms = since_ms - DECIDE_UNHELD_MS;
	cluster_turn(world.c);
	assert_int_equal(world.c->view.would_count, 1);
	assert_int_equal(world.c->view.would[0].kind, ACT_FREE_WRITES);
	server(B)->info.link_up = true;
	cluster_turn(world.c);
	assert_int_equal(server(A)->unheld_ms, 0);
}

TURN_TEST(who_does_not_reach_the_api_server_for_long_comes_second)
{
	int64_t since_ms;

	world.ctl.limits.unsure_ms = 4000;
	controller_take_mandate(&world.ctl, MANDATE_FAILOVER);
	since_ms = world.ctl.failover_since_ms;
	assert_in_range(since_ms, 1, clock_mono_ms());
	cluster_turn(world.c);
	assert_false(world.c->view.second);
	assert_null(world.c->view.lease_trouble);
	world.ctl.failover_since_ms -= 4000;
	since_ms = world.ctl.failover_since_ms;
	controller_take_mandate(&world.ctl, MANDATE_FAILOVER);
	assert_int_equal(world.ctl.failover_since_ms, since_ms); /* it goes on */
	cluster_turn(world.c);
	assert_true(world.c->view.second);
	assert_string_equal(world.c->view.lease_trouble, "the API server does not answer: only failovers are done");
	/* Since when a master is lost is noted, as by one that does not lead. */
	server(A)->reach = REACH_REFUSED;
	server(A)->info_valid = false;
	server(B)->info.link_up = false;
	cluster_turn(world.c);
	assert_true(cluster_group(world.c, 1, false)->lost_ms != 0);
	controller_take_mandate(&world.ctl, MANDATE_LEAD);
	assert_int_equal(world.ctl.failover_since_ms, 0);
	cluster_turn(world.c);
	assert_false(world.c->view.second);
}
