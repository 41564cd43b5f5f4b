/* What an answer changes of what is observed, and whether it is news. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/coordinator.h"
#include "controller/observe.h"
#include "controller/roster.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define D "10.0.2.1:18080"

#define OBSERVE_TEST(name) TEST_WITH(name, controller_world_setup, controller_world_teardown)

static struct error failure(enum error_code code)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "played");
	return err;
}

/* --- groups ----------------------------------------------------------------------------------------------------------
 */

static int64_t made = 1; /* the change that made the node */

static bool hear_group(int64_t began_ms, int version, const char *promoting)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"{\"id\":1,\"servers\":[{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},\"replica_group\":false}],"
		"\"promoting\":{%s},\"out_of_sync\":false}",
		A, promoting);
	return observe_hear_group(world.c, 1, began_ms, text, strlen(text),
				  &(struct coordinator_stat){ version, made, 0 }, NULL);
}

OBSERVE_TEST(node_of_a_group_is_news_when_it_is_another_one)
{
	struct error gone = failure(ERR_NOTFOUND), silent = failure(ERR_TIMEOUT);
	const struct observed_group *g;

	assert_true(hear_group(100, 7, ""));
	g = cluster_group(world.c, 1, false);
	assert_true(g && g->exists);
	assert_int_equal(g->version, 7);
	assert_int_equal(g->read_ms, 100);
	assert_string_equal(g->node.servers[0].addr, A);
	assert_non_null(cluster_server(world.c, A)); /* and it is watched */
	assert_false(hear_group(200, 7, ""));
	assert_int_equal(g->read_ms, 200);
	assert_true(hear_group(300, 8, ""));
	assert_false(hear_group(250, 9, "")); /* a read that began earlier comes late */
	assert_int_equal(g->version, 8);
	assert_false(world.c->list_failed);
	assert_false(observe_hear_group(world.c, 1, 400, NULL, 0, NULL, &silent)); /* nothing is known of it */
	assert_true(world.c->list_failed);                                         /* it is asked again soon */
	assert_int_equal(g->read_ms, 300);
	assert_true(observe_hear_group(world.c, 1, 500, NULL, 0, NULL, &gone));
	assert_false(g->exists);
	assert_int_equal(g->node.count, 0);
}

OBSERVE_TEST(when_somebody_else_has_written_a_node)
{
	const struct observed_group *g;
	struct observed_proxy *proxy;
	int64_t now_ms = clock_mono_ms();

	made = 1;
	assert_true(hear_group(100, 7, ""));
	g = cluster_group(world.c, 1, false);
	assert_int_equal(g->others_version, 7);
	assert_int_equal(g->written_ms, 0); /* long ago, perhaps */
	assert_false(hear_group(200, 7, ""));
	assert_int_equal(g->written_ms, 0);
	proxy = cluster_proxy(world.c, "10.0.1.0:11080", true);
	proxy->asked_ms = 7;
	assert_true(hear_group(300, 8, ""));
	assert_int_equal(proxy->asked_ms, 0); /* where does it send the slots now? */
	proxy->asking = true;
	proxy->asked_ms = 7;
	assert_true(hear_group(310, 18, ""));
	assert_int_equal(proxy->asked_ms, 7); /* an answer is awaited: it was asked for then, and is taken as such */
	assert_true(proxy->ask_again);
	assert_int_equal(g->others_version, 18);
	cluster_group(world.c, 1, false)->others_version = cluster_group(world.c, 1, false)->version = 8;
	assert_int_equal(g->others_version, 8);
	assert_in_range(g->written_ms, now_ms, clock_mono_ms());
	cluster_group(world.c, 1, false)->version = 9; /* that was us */
	assert_false(hear_group(400, 9, ""));
	assert_int_equal(g->others_version, 8);
}

static void hear_leader(int64_t began_ms, int version, const char *addr)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"{\"id\":1,\"servers\":[{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},\"replica_group\":false}],"
		"\"promoting\":{},\"out_of_sync\":false}",
		addr);
	observe_hear_group(world.c, 1, began_ms, text, strlen(text), &(struct coordinator_stat){ version, made, 0 },
			   NULL);
}

/* The controller that only stands by is held up by what the leader has done, as the leader is. */
OBSERVE_TEST(changes_of_master_by_others_count)
{
	const struct observed_group *g;

	made = 1;
	hear_leader(100, 7, A);
	g = cluster_group(world.c, 1, false);
	hear_leader(200, 8, A);
	assert_int_equal(g->done.times, 0);
	hear_leader(300, 9, "10.0.0.2:6379");
	assert_int_equal(g->done.times, 1);
	assert_int_equal(calm_recent(&g->silences, 1000, clock_mono_ms()), 0);
	cluster_server(world.c, "10.0.0.2:6379")->reach = REACH_SILENT;
	hear_leader(400, 10, A);
	assert_int_equal(g->done.times, 2);
	assert_int_equal(calm_recent(&g->silences, 1000, clock_mono_ms()), 1);
}

static void hear_finished(int64_t began_ms, int version, const char *addr)
{
	char text[512];

	snprintf(
		text, sizeof(text),
		"{\"id\":1,\"servers\":[{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},\"replica_group\":false}],"
		"\"promoting\":{\"index\":0,\"state\":\"finished\"},\"out_of_sync\":false}",
		addr);
	observe_hear_group(world.c, 1, began_ms, text, strlen(text), &(struct coordinator_stat){ version, made, 0 },
			   NULL);
}

OBSERVE_TEST(who_was_declared_in_one_write_was_so_by_a_controller)
{
	static const char b[] = "10.0.0.2:6379";
	const struct observed_group *g;

	made = 1;
	hear_leader(100, 7, A);
	g = cluster_group(world.c, 1, false);
	assert_string_equal(g->handed_to, ""); /* it led when it was first read */
	hear_leader(200, 8, b);
	assert_string_equal(g->handed_to, b);
	hear_leader(300, 9, b); /* written again */
	assert_string_equal(g->handed_to, b);
	hear_leader(400, 11, A); /* what was between was not read */
	assert_string_equal(g->handed_to, "");
	hear_leader(500, 12, b);
	hear_finished(600, 13, A); /* a promotion of a dashboard's */
	assert_string_equal(g->handed_to, "");
	hear_leader(700, 14, b); /* ... which another one writes over */
	assert_string_equal(g->handed_to, "");
}

OBSERVE_TEST(an_older_version_of_a_node_is_of_the_past)
{
	struct observed_group *g;

	made = 1;
	assert_true(hear_group(100, 7, ""));
	g = cluster_group(world.c, 1, false);
	assert_false(hear_group(200, 6, "\"state\":\"preparing\""));
	assert_int_equal(g->version, 7);
	assert_string_equal(g->node.promoting_state, "");
	assert_int_equal(g->read_ms, 100);
	assert_true(world.c->list_failed); /* it is read again soon */
	made = 2;
	assert_true(hear_group(300, 0, "")); /* another node of that name */
	assert_int_equal(g->version, 0);
	assert_true(hear_group(400, 5, ""));
	assert_false(hear_group(500, 4, ""));
	g->older_since_ms -= 60000;
	assert_true(hear_group(600, 4, "")); /* nothing else is said for a minute: it was restored from a copy */
	assert_int_equal(g->version, 4);
	made = 1;
}

OBSERVE_TEST(group_that_appears_is_not_known_until_its_node_is_read)
{
	static const char *const names[] = { "group-0001", "group-x", "group-0000", "else" };
	const struct observed_group *g = cluster_group(world.c, 1, true);

	observe_hear_group_list(world.c, 100, 0, NULL);
	assert_int_equal(g->read_ms, 100); /* it is known that there is none */
	observe_hear_group_list(world.c, 200, 4, names);
	assert_int_equal(world.c->group_count, 1);
	assert_true(g->exists);
	assert_int_equal(g->read_ms, 0);
	assert_true(hear_group(300, 0, ""));
	assert_int_equal(g->read_ms, 300);
	observe_hear_group_list(world.c, 400, 4, names);
	assert_int_equal(g->read_ms, 300);
	assert_int_equal(world.c->listed_ms, 400);
}

/* No more groups than there are slots have one. */
OBSERVE_TEST(groups_are_watched_up_to_a_limit)
{
	static char texts[CLUSTER_GROUPS_MAX + 1][16];
	const char *names[CLUSTER_GROUPS_MAX + 1];

	for (int i = 0; i <= CLUSTER_GROUPS_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "group-%04d", i + 1);
		names[i] = texts[i];
	}
	observe_hear_group_list(world.c, 100, CLUSTER_GROUPS_MAX, names);
	assert_false(cluster_is_too_large(world.c));
	observe_hear_group_list(world.c, 200, CLUSTER_GROUPS_MAX + 1, names);
	assert_int_equal(world.c->group_count, CLUSTER_GROUPS_MAX);
	assert_true(cluster_is_too_large(world.c));
	observe_hear_group_list(world.c, 300, CLUSTER_GROUPS_MAX, names);
	assert_false(cluster_is_too_large(world.c));
}

OBSERVE_TEST(node_that_cannot_be_read_leaves_what_was_known)
{
	const struct observed_group *g;

	world.log.level = LOG_LEVEL_ERROR;
	assert_true(hear_group(100, 7, ""));
	g = cluster_group(world.c, 1, false);
	assert_true(observe_hear_group(world.c, 1, 200, "{\"id\":1", 7, &(struct coordinator_stat){ 8, 1, 0 }, NULL));
	assert_int_equal(g->read_ms, 100);
	assert_int_equal(g->version, 7);
	assert_true(g->unreadable[0] != '\0');
	assert_false(observe_hear_group(world.c, 1, 250, "{\"id\":1", 7, &(struct coordinator_stat){ 8, 1, 0 },
					NULL)); /* no news */
	/* A copy of another group's: what is done here is not done there. */
	assert_true(observe_hear_group(world.c, 1, 300, "{\"id\":7}", 8, &(struct coordinator_stat){ 9, 1, 0 }, NULL));
	assert_string_equal(g->unreadable, "it says that it is group 7");
	assert_int_equal(world.c->group_count, 1);
	assert_int_equal(g->version, 7);
	assert_true(hear_group(400, 10, ""));
	assert_string_equal(g->unreadable, "");
}

OBSERVE_TEST(promotion_that_begins_asks_the_dashboard_at_once)
{
	const struct observed_group *g;
	int64_t since_ms;

	world.c->dashboard_asked_ms = 5;
	assert_true(hear_group(100, 7, ""));
	g = cluster_group(world.c, 1, false);
	assert_int_equal(world.c->dashboard_asked_ms, 5);
	assert_true(hear_group(200, 8, "\"index\":0,\"state\":\"preparing\""));
	since_ms = g->promoting_since_ms;
	assert_in_range(since_ms, clock_mono_ms() - 1000, clock_mono_ms());
	assert_int_equal(world.c->dashboard_asked_ms, 0);
	assert_true(hear_group(300, 8, "\"index\":0,\"state\":\"preparing\"")); /* judged by when it was read */
	assert_int_equal(g->promoting_since_ms, since_ms);
	assert_true(hear_group(400, 9, ""));
	assert_int_equal(g->promoting_since_ms, 0);
}

static bool hear_led_by(int64_t began_ms, int version, const char *first, const char *promoting)
{
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"id\":1,\"servers\":[{\"server\":\"%s\"},{\"server\":\"10.0.0.9:6379\"}],"
		 "\"promoting\":{\"index\":1,\"state\":\"%s\"},\"out_of_sync\":false}",
		 first, promoting);
	return observe_hear_group(world.c, 1, began_ms, text, strlen(text), &(struct coordinator_stat){ version, 1, 0 },
				  NULL);
}

OBSERVE_TEST(a_node_that_is_written_as_it_was_is_a_claim)
{
	struct observed_group *g;
	int64_t now_ms = clock_mono_ms();

	hear_led_by(100, 7, A, "");
	g = cluster_group(world.c, 1, false);
	assert_int_equal(g->claimed_ms, 0);
	hear_led_by(200, 8, A, "");
	assert_in_range(g->claimed_ms, now_ms, clock_mono_ms());
	hear_led_by(300, 9, "10.0.0.8:6379", "");
	assert_int_equal(g->claimed_ms, 0);
	g->kept_ms = clock_mono_ms();
	hear_led_by(400, 10, "10.0.0.8:6379", ""); /* it has overtaken the claim that we have overtaken, too */
	assert_int_equal(g->claimed_ms, 0);
	g->kept_ms -= 250;
	hear_led_by(500, 11, "10.0.0.8:6379", "");
	assert_in_range(g->claimed_ms, now_ms, clock_mono_ms());
	g->version = 12; /* that was us */
	hear_led_by(600, 12, "10.0.0.8:6379", "");
	assert_in_range(g->claimed_ms, now_ms, clock_mono_ms());
}

/* Only its last write names another master. */
OBSERVE_TEST(a_promotion_over_a_master_that_the_dashboard_had_not_read_of_is_noted)
{
	const struct observed_group *g;

	hear_led_by(100, 7, A, "");
	g = cluster_group(world.c, 1, false);
	hear_led_by(200, 8, A, "preparing");
	assert_string_equal(g->unread_master, "");
	hear_led_by(300, 9, "10.0.0.9:6379", "finished");
	assert_string_equal(g->unread_master, "");
	hear_led_by(400, 10, "10.0.0.9:6379", "");
	hear_led_by(500, 11, A, "preparing"); /* which leads no more */
	assert_string_equal(g->unread_master, "10.0.0.9:6379");
	hear_led_by(600, 12, A, "prepared");
	assert_string_equal(g->unread_master, "10.0.0.9:6379");
	hear_led_by(700, 13, A, "");
	assert_string_equal(g->unread_master, "");
	hear_led_by(800, 14, "10.0.0.9:6379", "finished"); /* the writes before it were not seen */
	assert_string_equal(g->unread_master, "");
}

/* --- the lock --------------------------------------------------------------------------------------------------------
 */

OBSERVE_TEST(start_time_in_any_zone)
{
	const char *utc = "2026-11-23 15:48:45.123456789 +0000 UTC m=+0.1";
	int64_t ms = observe_start_time(utc);

	assert_int_equal(ms / 1000, 1795448925);
	assert_int_equal(observe_start_time("2026-11-23 23:48:45.123456789 +0800 CST m=+0.1"), ms);
	assert_int_equal(observe_start_time("2026-11-23 10:18:45.5 -0530 XYZ"), ms);
	assert_int_equal(observe_start_time("2026-11-23 15:48:45 UTC"), 0);
	assert_int_equal(observe_start_time("soon"), 0);
	assert_int_equal(observe_start_time(NULL), 0);
}

OBSERVE_TEST(lock_is_there_or_not_or_not_known)
{
	const char *lock = "{\"admin_addr\":\"" D "\",\"start_time\":\"2026-11-23 23:48:45 +0800 CST\"}";
	struct error gone = failure(ERR_NOTFOUND), silent = failure(ERR_TIMEOUT);
	int64_t now_ms = clock_mono_ms();

	assert_true(observe_hear_lock(world.c, 100, lock, strlen(lock), NULL));
	assert_int_equal(world.c->dashboard.lock_exists, 1);
	assert_string_equal(world.c->dashboard.lock_addr, D);
	assert_int_equal(world.c->dashboard.lock_read_ms, 100);
	assert_in_range(world.c->dashboard.lock_heard_ms, now_ms, clock_mono_ms());
	world.c->dashboard.lock_heard_ms = 7;
	assert_false(observe_hear_lock(world.c, 200, lock, strlen(lock), NULL));
	assert_int_equal(world.c->dashboard.lock_heard_ms, 7);
	assert_true(observe_hear_lock(world.c, 300, NULL, 0, &gone));
	assert_int_equal(world.c->dashboard.lock_exists, 0);
	assert_string_equal(world.c->dashboard.lock_addr, "");
	assert_true(observe_hear_lock(world.c, 400, NULL, 0, &silent));
	assert_int_equal(world.c->dashboard.lock_exists, -1);
}

/* Its pod has ended. Once its lock is gone, whoever has one at its address is another process. */
OBSERVE_TEST(lock_of_the_dashboard_that_ended_is_gone)
{
	const char *lock = "{\"admin_addr\":\"" D "\",\"start_time\":\"2026-11-23 23:48:45 +0800 CST\"}";
	const char *next = "{\"admin_addr\":\"" D "\",\"start_time\":\"2026-11-23 23:48:50 +0800 CST\"}";
	struct error gone = failure(ERR_NOTFOUND), silent = failure(ERR_TIMEOUT);
	struct observed_topom *t = &world.c->dashboard;

	snprintf(t->left, sizeof(t->left), D);
	observe_hear_lock(world.c, 100, lock, strlen(lock), NULL);
	observe_hear_lock(world.c, 200, NULL, 0, &silent);
	observe_hear_lock(world.c, 300, lock, strlen(lock), NULL);
	observe_hear_lock(world.c, 400, lock, strlen(lock), NULL);
	assert_string_equal(t->left, D);
	observe_hear_lock(world.c, 500, next, strlen(next), NULL);
	assert_string_equal(t->left, "");
	snprintf(t->left, sizeof(t->left), D);
	observe_hear_lock(world.c, 600, NULL, 0, &gone);
	assert_string_equal(t->left, "");
}

/* --- proxies ---------------------------------------------------------------------------------------------------------
 */

static cJSON *slots(int count, const char *addr, bool locked)
{
	cJSON *list = cJSON_CreateArray();

	for (int i = 0; i < count; i++) {
		struct codis_slot s = { .id = (int16_t)i, .group = 1, .locked = locked };

		snprintf(s.addr, sizeof(s.addr), "%s", addr);
		assert_int_equal(codis_slot_push(list, &s), 0);
	}
	return list;
}

/* NULL: the proxy left its slots out, as they are the same. */
static bool hear_proxy(struct observed_proxy *p, const char *addr, bool locked)
{
	JSON_CLEANUP cJSON *answer = cJSON_Parse("{\"model\":{\"token\":\"t\"},\"stats\":{\"online\":true}}");

	cJSON_AddItemToObject(answer, "slots", addr ? slots(CODIS_SLOTS, addr, locked) : cJSON_CreateArray());
	p->asked_ms = clock_mono_ms();
	return observe_hear_proxy(p, answer, NULL);
}

OBSERVE_TEST(proxy_is_news_when_it_says_something_else)
{
	struct observed_proxy *p = cluster_proxy(world.c, "10.0.1.1:11080", true);

	assert_true(hear_proxy(p, A, false));
	assert_int_equal(p->reach, REACH_OK);
	assert_true(p->online && p->has_slots);
	assert_string_equal(p->token, "t");
	assert_string_equal(p->slots[1023].addr, A);
	assert_false(hear_proxy(p, A, false));
	assert_true(hear_proxy(p, A, true));
	assert_true(p->slots[7].locked);
	p->slots_ms = 5;
	assert_false(hear_proxy(p, NULL, false)); /* the same: left out */
	assert_true(p->slots[7].locked);
	assert_int_equal(p->slots_ms, p->asked_ms);
}

/* Who was asked first is told by these times, and the dashboard is asked at once what it has assigned. */
OBSERVE_TEST(each_slot_has_the_time_since_when_it_is_so)
{
	struct observed_proxy *p = cluster_proxy(world.c, "10.0.1.1:11080", true);
	int64_t before = clock_mono_ms();
	struct codis_slot moved = { .id = 7, .group = 2 };

	assert_true(hear_proxy(p, A, false));
	assert_true(p->slot_since_ms[7] >= before);
	p->slot_since_ms[7] = p->slot_since_ms[8] = 5;
	world.c->dashboard_asked_ms = before;
	assert_false(hear_proxy(p, A, false));
	assert_true(hear_proxy(p, "10.0.0.9:6379", false)); /* another master, the same group */
	assert_int_equal(p->slot_since_ms[7], 5);
	assert_int_equal(world.c->dashboard_asked_ms, 0);
	assert_true(observe_take_slot(p, &moved));
	assert_true(p->slot_since_ms[7] >= before);
	assert_int_equal(p->slot_since_ms[8], 5);
	assert_true(hear_proxy(p, A, true));
	assert_true(p->slot_since_ms[8] >= before);
}

OBSERVE_TEST(answer_from_before_what_was_done_is_not_believed)
{
	struct observed_proxy *p = cluster_proxy(world.c, "10.0.1.1:11080", true);

	assert_true(hear_proxy(p, A, false));
	p->acted_ms = clock_mono_ms() + 60000; /* later than it will be asked, however slow this machine is */
	assert_false(hear_proxy(p, "10.0.0.9:6379", false));
	assert_string_equal(p->slots[0].addr, A);
	p->acted_ms = p->heard_ms = 1;
	p->heard_ms = 0;
	assert_true(hear_proxy(p, A, false)); /* the first after it is news, whatever it says */
}

/* Each is held with what it says of 1,024 slots. */
OBSERVE_TEST(proxies_without_a_pod_are_watched_up_to_a_limit)
{
	char node[100], token[8];

	for (int i = 0; i <= CLUSTER_PROXIES_MAX; i++) {
		assert_false(cluster_is_too_large(world.c));
		snprintf(node, sizeof(node), "{\"admin_addr\":\"10.1.0.%d:11080\"}", i);
		snprintf(token, sizeof(token), "%d", i);
		observe_hear_proxy_node(world.c, token, node, strlen(node), &(struct coordinator_stat){ 1, 1, 0 });
	}
	assert_int_equal(world.c->proxy_count, CLUSTER_PROXIES_MAX);
	assert_true(cluster_is_too_large(world.c));
	assert_false(world.c->list_failed);
}

OBSERVE_TEST(proxy_that_does_not_answer)
{
	struct observed_proxy *p = cluster_proxy(world.c, "10.0.1.1:11080", true);
	struct error silent = failure(ERR_TIMEOUT), refused = failure(ERR_REFUSED);

	p->asked_ms = 5;
	assert_true(observe_hear_proxy(p, NULL, &silent));
	assert_int_equal(p->reach, REACH_SILENT);
	assert_int_equal(p->since_ms, 5); /* since it was asked */
	p->asked_ms = 6;
	assert_false(observe_hear_proxy(p, NULL, &silent));
	assert_int_equal(p->since_ms, 5);
	assert_true(observe_hear_proxy(p, NULL, &refused));
	assert_int_equal(p->reach, REACH_REFUSED);
}

OBSERVE_TEST(process_that_answers_nothing_at_all)
{
	struct observed_proxy *p = cluster_proxy(world.c, "10.0.1.1:11080", true);
	struct error silent = failure(ERR_TIMEOUT), refused = failure(ERR_REFUSED), any = failure(ERR_STATUS);

	p->knock.asking = true;
	p->knock.asked_ms = 5;
	observe_hear_knock(&p->knock, &silent); /* its node is away */
	assert_false(p->knock.asking);
	assert_int_equal(p->knock.stuck_ms, 0);
	silent.connected = true;
	observe_hear_knock(&p->knock, &silent);
	assert_int_equal(p->knock.stuck_ms, 5); /* since it was asked */
	p->knock.asked_ms = 6;
	observe_hear_knock(&p->knock, &silent);
	assert_int_equal(p->knock.stuck_ms, 5);
	assert_int_equal(p->knock.lives_ms, 0);
	observe_hear_knock(&p->knock, &any); /* an answer, whatever it says */
	assert_int_equal(p->knock.stuck_ms, 0);
	assert_int_equal(p->knock.lives_ms, 6);
	observe_hear_knock(&p->knock, &silent);
	observe_hear_proxy(p, NULL, &silent);
	assert_int_equal(p->knock.stuck_ms, 6);
	observe_hear_proxy(p, NULL, &refused); /* another process */
	assert_int_equal(p->knock.stuck_ms, 0);
}

#define PROXY "10.0.1.1:11080"

static bool hear_entry(const char *token, int version)
{
	const char *node = "{\"admin_addr\":\"" PROXY "\"}";

	return observe_hear_proxy_node(world.c, token, node, strlen(node), &(struct coordinator_stat){ version, 1, 0 });
}

OBSERVE_TEST(proxy_that_two_entries_have)
{
	static const char *const both[] = { "proxy-old", "proxy-new" }, *const one[] = { "proxy-new" };
	const struct observed_proxy *p = cluster_proxy(world.c, PROXY, true);

	assert_true(hear_entry("old", 1));
	assert_false(hear_entry("old", 1));
	assert_true(hear_entry("new", 5));
	assert_false(hear_entry("old", 1)); /* read again, in whatever order */
	assert_false(hear_entry("new", 5));
	assert_true(hear_entry("new", 6));
	assert_string_equal(p->registered_token, "old");
	assert_int_equal(p->registered_version, 1);
	assert_string_equal(p->other_token, "new");
	assert_int_equal(p->other_version, 6);
	observe_hear_proxy_list(world.c, 2, both);
	assert_false(world.c->stock_due);
	observe_hear_proxy_list(world.c, 1, one);
	assert_true(world.c->stock_due);
	assert_string_equal(p->registered_token, "new"); /* never without an entry meanwhile */
	assert_int_equal(p->registered_version, 6);
	assert_string_equal(p->other_token, "");
	observe_hear_proxy_list(world.c, 0, NULL);
	assert_string_equal(p->registered_token, "");
	assert_false(observe_hear_proxy_node(world.c, "t", "{}", 2, &(struct coordinator_stat){ 1, 1, 0 }));
}

/* A dashboard takes it in just then, and fills it with what it knows. */
OBSERVE_TEST(a_proxy_with_a_new_entry_is_asked_at_once)
{
	struct observed_proxy *p = cluster_proxy(world.c, PROXY, true);

	p->asked_ms = 5;
	assert_true(hear_entry("new", 6));
	assert_int_equal(p->asked_ms, 0);
	p->asked_ms = 5;
	assert_false(hear_entry("new", 6));
	assert_int_equal(p->asked_ms, 5);
}

/* Whether a proxy is away with a master is known before the master has failed. */
OBSERVE_TEST(proxies_are_asked_as_soon_as_a_server_is_slow)
{
	struct codis_group none = { .id = 1 }, g = { .id = 1 };
	struct observed_group *o = cluster_group(world.c, 1, true);
	struct redis_probe *probe;

	assert_int_equal(codis_group_append(&g, "10.0.0.1:6379"), 0);
	o->exists = true;
	o->node = g;
	roster_relist(world.c, o, &none);
	probe = cluster_server(world.c, "10.0.0.1:6379")->probe;
	world.c->ask_now = false;
	probe->on_slow(probe->ctx, probe);
	assert_true(world.c->ask_now);
}

OBSERVE_TEST(proxy_that_nobody_names_is_forgotten)
{
	struct observed_proxy *p = cluster_proxy(world.c, PROXY, true);

	world.c->ask_now = true;
	p->running = 1;
	observe(world.c, clock_mono_ms());
	assert_false(p->asking);
	assert_int_equal(p->asked_ms, 0);
	assert_false(world.c->stock_due);
	p->running = 0;
	observe(world.c, clock_mono_ms());
	assert_true(world.c->stock_due); /* forgotten by it */
}

/* --- dashboards ------------------------------------------------------------------------------------------------------
 */

static struct observed_dashboard *dashboard(const char *addr)
{
	struct observed_dashboard *d = cluster_dashboard(world.c, addr, true);

	snprintf(d->uid, sizeof(d->uid), "uid");
	d->asked_ms = clock_mono_ms();
	return d;
}

/* gid 0: left out, as it is the same. */
static bool hear_dashboard(struct observed_dashboard *d, int gid)
{
	JSON_CLEANUP cJSON *answer = cJSON_CreateObject();
	cJSON *list = json_add_array(json_add_object(answer, "stats"), "slots");

	for (int i = 0; gid && i < CODIS_SLOTS; i++) {
		cJSON *o = cJSON_CreateObject();

		json_add_int(o, "id", i);
		json_add_int(o, "group_id", gid);
		json_push(list, o);
	}
	return observe_hear_dashboard(d, answer, NULL);
}

OBSERVE_TEST(dashboard_that_serves)
{
	struct observed_dashboard *d = dashboard(D);
	struct error waits = failure(ERR_STATUS);

	d->asked_ms = 5;
	assert_false(observe_hear_dashboard(d, NULL, &waits));
	assert_int_equal(d->reach, REACH_UNKNOWN);
	assert_int_equal(d->waits_ms, 0); /* of what stands before it, say */
	waits.status = 800;
	assert_false(observe_hear_dashboard(d, NULL, &waits));
	assert_int_equal(d->waits_ms, 5); /* it waits for the lock */
	assert_string_equal(world.c->dashboard.addr, "");
	assert_true(hear_dashboard(d, 1));
	assert_int_equal(d->waits_ms, 0);
	assert_string_equal(world.c->dashboard.addr, D);
	assert_true(world.c->dashboard.slots_known);
	assert_int_equal(world.c->dashboard.slot_group[1023], 1);
	assert_false(hear_dashboard(d, 1));
	assert_false(hear_dashboard(d, 0));
	assert_int_equal(world.c->dashboard.slot_group[1023], 1);
	world.c->dashboard.slot_since_ms[5] = 1;
	assert_false(hear_dashboard(d, 1));
	assert_int_equal(world.c->dashboard.slot_since_ms[5], 1);
	assert_true(hear_dashboard(d, 2));
	assert_int_equal(world.c->dashboard.slot_since_ms[5], d->heard_ms);
}

static bool hear_slot_action(struct observed_dashboard *d, const char *text)
{
	JSON_CLEANUP cJSON *answer = cJSON_Parse(text);

	return observe_hear_dashboard(d, answer, NULL);
}

OBSERVE_TEST(slot_actions_that_are_turned_off_and_on_again_are_news)
{
	struct observed_dashboard *d = dashboard(D);

	assert_true(hear_dashboard(d, 1));
	assert_false(hear_slot_action(d, "{\"stats\":{\"slots\":[],\"slot_action\":{\"disabled\":false}}}"));
	assert_true(hear_slot_action(d, "{\"stats\":{\"slots\":[],\"slot_action\":{\"disabled\":true}}}"));
	assert_true(world.c->dashboard.slots_disabled);
	assert_false(hear_dashboard(d, 0)); /* it does not say */
	assert_true(world.c->dashboard.slots_disabled);
	assert_true(hear_slot_action(d, "{\"stats\":{\"slots\":[],\"slot_action\":{\"disabled\":false}}}"));
	assert_false(world.c->dashboard.slots_disabled);
}

OBSERVE_TEST(lock_is_read_at_once_when_a_dashboard_no_longer_serves)
{
	struct observed_dashboard *d = dashboard(D);
	struct error refused = failure(ERR_REFUSED);

	world.c->list_asked_ms = 5;
	assert_true(hear_dashboard(d, 1));
	assert_int_equal(world.c->list_asked_ms, 5);
	assert_true(observe_hear_dashboard(d, NULL, &refused));
	assert_int_equal(world.c->list_asked_ms, 0);
}

OBSERVE_TEST(two_dashboards_do_not_overwrite_each_other)
{
	struct observed_dashboard *one = dashboard(D), *two = dashboard("10.0.2.2:18080");
	struct error refused = failure(ERR_REFUSED);

	assert_true(hear_dashboard(two, 1));
	one->reach = REACH_OK;
	assert_true(observe_hear_dashboard(one, NULL, &refused));
	assert_int_equal(two->reach, REACH_OK);
	assert_string_equal(world.c->dashboard.addr, "10.0.2.2:18080");
	assert_true(world.c->dashboard.slots_known);
}

OBSERVE_TEST(slots_left_out_by_another_than_said_them_are_asked_for_again)
{
	struct observed_dashboard *one = dashboard(D), *two = dashboard("10.0.2.2:18080");

	assert_true(hear_dashboard(one, 1));
	assert_true(hear_dashboard(two, 2));
	one->asked_ms += 10;
	assert_false(hear_dashboard(one, 0)); /* as it said before, which is not what is held */
	assert_true(world.c->dashboard.slots_known);
	assert_int_equal(world.c->dashboard.slot_group[0], 2);
	assert_int_equal(world.c->dashboard.slots_ms, two->asked_ms);
	assert_string_equal(world.c->dashboard.slots_from, "");
}

OBSERVE_TEST(assignment_that_cannot_be_read_is_not_known)
{
	JSON_CLEANUP cJSON *bad = cJSON_Parse("{\"stats\":{\"slots\":[{\"id\":0,\"group_id\":7},{\"id\":1024}]}}");
	struct observed_dashboard *d = dashboard(D);

	assert_true(hear_dashboard(d, 1));
	assert_true(observe_hear_dashboard(d, bad, NULL));
	assert_false(world.c->dashboard.slots_known);
	assert_false(observe_hear_dashboard(d, bad, NULL));
	assert_true(hear_dashboard(d, 1));
	assert_true(world.c->dashboard.slots_known);
}

/* Of a rebalance of all slots most wait for their turn for hours. */
OBSERVE_TEST(migration_that_only_waits_for_its_turn)
{
	static const char *const states[] = { "", "pending", "preparing", "prepared", "migrating", "finished" };
	JSON_CLEANUP cJSON *json = cJSON_CreateObject();
	cJSON *slots = json_add_array(json_add_object(json, "stats"), "slots");

	for (int i = 0; i < CODIS_SLOTS; i++) {
		cJSON *slot = cJSON_CreateObject();

		json_add_int(slot, "id", i);
		json_add_int(slot, "group_id", 1);
		json_add_str(json_add_object(slot, "action"), "state", i < 6 ? states[i] : "");
		json_push(slots, slot);
	}
	observe_hear_dashboard(dashboard(D), json, NULL);
	assert_true(world.c->dashboard.slots_known);
	for (int i = 0; i < 6; i++)
		assert_int_equal(world.c->dashboard.slot_acting[i], i >= 2);
}

OBSERVE_TEST(first_word_of_a_dashboard_after_it_was_acted_on_is_news)
{
	struct observed_dashboard *d = dashboard(D);

	assert_true(hear_dashboard(d, 1));
	assert_false(hear_dashboard(d, 1));
	world.c->dashboard_acted_ms = d->asked_ms + 1;
	d->asked_ms += 2;
	assert_true(hear_dashboard(d, 1));
	assert_false(hear_dashboard(d, 1));
}
