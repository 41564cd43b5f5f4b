/* What is kept of a cluster's data: losses that are told and noted, slots that are noted, by whoever leads. The API
 * server is played here by kube_call() and kube_event(). */
#include "controller/ledger.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/controller_calls.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"

struct ledger_world {
	struct picture_room room;
	struct observed_server server_a, server_b, *servers[2];
	struct observed_group group, *groups[1];
};

static struct ledger_world w;

PLAYED_KUBE_CALL

/* The StatefulSet with these annotations (JSON). */
static void set(const char *uid, const char *annotations)
{
	char text[2048];
	struct error err = ERROR_INIT;

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"shop\",\"uid\":\"%s\",\"annotations\":%s},"
		 "\"spec\":{\"replicas\":2,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":"
		 "{\"containers\":[{\"name\":\"codis-server\",\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":"
		 "\"codis-test\"}]}]}}}}",
		 uid, annotations);
	JSON_CLEANUP cJSON *object = parse_text(text);

	if (inventory_set_set(world.inv, object, &err) < 0)
		fail_msg("%s", err.text);
}

static void server(struct observed_server *s, const char *addr, int index)
{
	s->c = world.c;
	snprintf(s->addr, sizeof(s->addr), "%s", addr);
	s->group = s->listed_group = 1;
	s->listed_index = index;
	s->reach = REACH_OK;
	w.servers[index] = s;
	assert_int_equal(codis_group_append(&w.group.node, addr), 0);
}

/* Group 1 is A, B; this controller leads. */
static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	calls_begin(NULL);
	controller_world_begin("shop");
	w.group.node.id = 1;
	w.group.exists = w.group.wanted = true;
	w.group.read_ms = 2;
	w.groups[0] = &w.group;
	world.c->groups = w.groups;
	world.c->group_count = 1;
	world.c->servers = w.servers;
	world.c->server_count = 2;
	server(&w.server_a, A, 0);
	server(&w.server_b, B, 1);
	world.c->connected_since_ms = 1;
	world.c->listed_ms = 2;
	world.c->dashboard.slots_known = true;
	for (int i = 0; i < CODIS_SLOTS; i++)
		world.c->dashboard.slot_group[i] = 1;
	set("uid-1", "{}");
	return 0;
}

static int finish(void **state)
{
	(void)state;
	picture_room_release(&w.room);
	world.c->group_count = world.c->server_count = 0; /* they are not its own */
	world.c->groups = NULL;
	world.c->servers = NULL;
	controller_world_end();
	return 0;
}

#define LEDGER_TEST(name) TEST_WITH(name, begin, finish)

/* One turn, `later` ms after the beginning. */
static void look(int64_t later)
{
	struct observed seen = { .namespace = "shop",
				 .product = "codis-test",
				 .mandate = world.ctl.mandate,
				 .leads = world.ctl.mandate == MANDATE_LEAD,
				 .kube_fresh = true,
				 .connected_since_ms = 1,
				 .listed_ms = 2,
				 .server_count = 2,
				 .group_count = 1,
				 .servers = w.servers,
				 .groups = w.groups,
				 .topom = &world.c->dashboard,
				 .password_trouble = "" };

	ledger_recall(world.c);
	assert_int_equal(picture_make(&world.c->view, &w.room, &seen, world.inv, 100000 + later), 0);
}

static void turn(int64_t later)
{
	look(later);
	ledger_note(world.c);
}

static void hear(struct observed_server *s, const char *run_id, enum redis_role role, const char *master, int64_t keys)
{
	s->info_valid = true;
	s->info = (struct redis_info){ .role = role, .keys = keys, .link_up = master != NULL };
	snprintf(s->info.run_id, sizeof(s->info.run_id), "%s", run_id);
	if (master)
		snprintf(s->info.master, sizeof(s->info.master), "%s", master);
	else
		memcpy(s->role_run_id, s->info.run_id, sizeof(s->role_run_id));
	ledger_hear(world.c, s);
}

#define PATH "PATCH /apis/apps/v1/namespaces/shop/statefulsets/codis-server application/merge-patch+json "

static void assert_noted(int count, const char *annotations)
{
	char text[1024];

	snprintf(text, sizeof(text), PATH "{\"metadata\":{\"annotations\":{%s},\"uid\":\"uid-1\"}}", annotations);
	assert_int_equal(calls.count, count);
	if (count)
		assert_string_equal(calls.asked, text);
}

/* --- slots ------------------------------------------------------------------------------------------------------- */

LEDGER_TEST(slots_are_noted_once)
{
	turn(0);
	assert_noted(1, "\"codis.io/slots\":\"1=1024\"");
	turn(500); /* under way */
	answer(ERR_NONE);
	turn(1000); /* not seen yet */
	assert_int_equal(calls.count, 1);
	set("uid-1", "{\"codis.io/slots\":\"1=1024\"}");
	turn(100000);
	assert_int_equal(calls.count, 1);
	assert_int_equal(world.c->running, 0);
}

LEDGER_TEST(keys_are_noted)
{
	turn(0);
	answer(ERR_NONE);
	set("uid-1", "{\"codis.io/slots\":\"1=1024\"}");
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 130);
	turn(9000);
	assert_int_equal(calls.count, 1);
	turn(10000);
	assert_noted(2, "\"codis.io/slots\":\"1=1024/130\"");
}

LEDGER_TEST(only_who_leads_notes)
{
	world.ctl.mandate = MANDATE_NONE;
	turn(0);
	world.ctl.mandate = MANDATE_FAILOVER;
	turn(1000);
	assert_int_equal(calls.count, 0);
}

LEDGER_TEST(a_note_that_fails_is_tried_again_later_and_later)
{
	turn(0);
	answer(ERR_DENIED);
	turn(1900);
	assert_int_equal(calls.count, 1);
	turn(2000);
	assert_int_equal(calls.count, 2);
	answer(ERR_DENIED);
	turn(5900);
	assert_int_equal(calls.count, 2);
	turn(6000);
	assert_int_equal(calls.count, 3);
	answer(ERR_NONE);
}

/* One that is a group of its own. */
static void set_of_group(int group, const char *annotations)
{
	char text[2048];
	struct error err = ERROR_INIT;

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"g%d\",\"namespace\":\"shop\",\"uid\":\"uid-g%d\",\"annotations\":%s},"
		 "\"spec\":{\"replicas\":2,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\",\"codis.io/"
		 "group\":"
		 "\"%d\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"env\":[{\"name\":\"PRODUCT_NAME\","
		 "\"value\":"
		 "\"codis-test\"}]}]}}}}",
		 group, group, annotations, group);
	JSON_CLEANUP cJSON *object = parse_text(text);

	if (inventory_set_set(world.inv, object, &err) < 0)
		fail_msg("%s", err.text);
}

#define NOTED(name, slots)                                                                                             \
	"PATCH /apis/apps/v1/namespaces/shop/statefulsets/" name " application/merge-patch+json {\"metadata\":{"       \
	"\"annotations\":{\"codis.io/slots\":\"" slots "\"},\"uid\":\"uid-" name "\"}}"

LEDGER_TEST(each_statefulset_has_a_note_of_its_own_group)
{
	inventory_remove_set(world.inv, "uid-1");
	set_of_group(1, "{}");
	set_of_group(3, "{}");
	turn(0);
	assert_string_equal(calls.asked, NOTED("g1", "1=1024"));
	answer(ERR_DENIED); /* the other one does not wait for it */
	turn(2000);
	assert_string_equal(calls.asked, NOTED("g3", "none"));
	answer(ERR_NONE);
	turn(2001);
	assert_string_equal(calls.asked, NOTED("g1", "1=1024"));
	answer(ERR_NONE);
	turn(2002);
	assert_int_equal(calls.count, 3);
	set_of_group(1, "{\"codis.io/slots\":\"1=1024\"}");
	set_of_group(3, "{\"codis.io/slots\":\"none\"}");
	turn(100000);
	assert_int_equal(calls.count, 3);
}

/* What stands on the StatefulSet of another group is not said of this one. */
LEDGER_TEST(what_is_given_up_is_said_on_the_statefulset_of_the_group)
{
	inventory_remove_set(world.inv, "uid-1");
	set_of_group(1, "{}");
	set_of_group(3, "{\"codis.io/allow-data-loss\":\"all\",\"codis.io/data-lost\":\"1=130@2026-11-26T05:03:38Z\"}");
	look(0);
	assert_false(world.c->view.groups[0].may_lose);
	assert_int_equal(world.c->view.groups[0].lost_keys, 0);
	set_of_group(1, "{\"codis.io/allow-data-loss\":\"1\",\"codis.io/data-lost\":\"1=130@2026-11-26T05:03:38Z\"}");
	look(1);
	assert_true(world.c->view.groups[0].may_lose);
	assert_int_equal(world.c->view.groups[0].lost_keys, 130);
	assert_int_equal(view_groups_wanted(&world.c->view), 2);
	assert_false(world.c->view.paused);
	set_of_group(3, "{\"codis.io/paused\":\"anna\"}");
	look(2);
	assert_true(world.c->view.paused);
	assert_string_equal(world.c->view.paused_set, "g3");
	assert_string_equal(world.c->view.paused_by, "anna");
}

LEDGER_TEST(nothing_is_noted_where_nothing_is_known)
{
	world.c->dashboard.slots_known = false;
	turn(0);
	world.c->dashboard.slots_known = true;
	world.c->closing = true;
	turn(1000);
	assert_int_equal(calls.count, 0);
}

/* Cut, it would tell that the rest is not served; none at all would tell that nothing is. */
TEST(a_note_is_written_whole_or_has_failed)
{
	NOMEM_EACH
	{
		begin(NULL);
		look(0);
		nomem_on();
		ledger_note(world.c);
		nomem_off();
		if (calls.count)
			assert_noted(1, "\"codis.io/slots\":\"1=1024\"");
		assert_int_equal(world.c->note_failures, !calls.count);
		if (nomem_is_first())
			assert_int_equal(calls.count, 1);
		finish(NULL);
	}
}

/* --- losses ------------------------------------------------------------------------------------------------------ */

/* A led with 130 keys; B, empty, leads now. */
static void lose(void)
{
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 130);
	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\"}");
	answer(ERR_NONE);
	hear(&w.server_b, "b", REDIS_ROLE_REPLICA, "127.0.0.1:1", 0);
	w.server_a.reach = REACH_REFUSED;
	assert_int_equal(codis_group_lead(&w.group.node, B), 0);
	w.server_b.listed_index = 0;
	w.server_a.listed_index = 1;
	hear(&w.server_b, "b", REDIS_ROLE_MASTER, NULL, 0);
}

LEDGER_TEST(losses_are_counted_from_zero)
{
	turn(0);
	assert_counted("codis_data_losses_total{namespace=\"shop\",product=\"codis-test\",group=\"1\"} 0\n");
	answer(ERR_NONE);
}

LEDGER_TEST(a_loss_is_told_and_noted)
{
	char when[32], noted[256], event[512];

	lose();
	turn(500);
	clock_rfc3339(w.group.data.lost_wall_ms, when, sizeof(when));
	snprintf(noted, sizeof(noted), "\"codis.io/data-lost\":\"1=130@%.19sZ\"", when);
	assert_noted(2, noted);
	snprintf(event, sizeof(event),
		 "Warning StatefulSet shop/codis-server DataLost: group 1: " B
		 " serves an empty data set: about 130 keys are "
		 "gone since %.19sZ; acknowledge it with: kubectl annotate -n shop sts codis-server "
		 "codis.io/data-lost-\n",
		 when);
	assert_string_equal(world.events, event);
	assert_counted("codis_data_losses_total{namespace=\"shop\",product=\"codis-test\",group=\"1\"} 1\n");
	answer(ERR_NONE);
	turn(1000); /* shown until the note is seen */
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 130);
	snprintf(noted, sizeof(noted), "{\"codis.io/slots\":\"1=1024/130\",\"codis.io/data-lost\":\"1=130@%.19sZ\"}",
		 when);
	set("uid-1", noted);
	turn(1500);
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
	assert_int_equal(world.c->view.groups[0].lost_keys, 130);
	assert_int_equal(calls.count, 2);
	turn(10500);
	assert_noted(3, "\"codis.io/slots\":\"1=1024/0\"");
	set("uid-1", "{\"codis.io/slots\":\"1=1024/0\"}"); /* acknowledged */
	turn(20000);
	assert_int_equal(world.c->view.groups[0].lost_keys, 0);
	assert_string_equal(world.events, event);
}

LEDGER_TEST(who_does_not_lead_neither_tells_nor_notes)
{
	lose();
	world.ctl.mandate = MANDATE_NONE;
	turn(500);
	assert_int_equal(calls.count, 1);
	assert_string_equal(world.events, "");
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 130);
	world.ctl.mandate = MANDATE_LEAD; /* the other one ended before it did */
	turn(1000);
	assert_int_equal(calls.count, 2);
	assert_non_null(strstr(world.events, "DataLost"));
	answer(ERR_NONE);
}

/* Noted by the other, at its own time, and acknowledged: nothing is left of it here. */
LEDGER_TEST(who_does_not_lead_sees_the_note)
{
	char noted[128], when[32];

	lose();
	world.ctl.mandate = MANDATE_NONE;
	clock_rfc3339(clock_wall_ms() - 2000, when, sizeof(when));
	snprintf(noted, sizeof(noted), "{\"codis.io/data-lost\":\"1=130@%.19sZ\"}", when);
	set("uid-1", noted);
	turn(500);
	set("uid-1", "{}");
	turn(1000);
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
	assert_int_equal(world.c->view.groups[0].lost_keys, 0);
}

LEDGER_TEST(recalled_from_the_one_before)
{
	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\"}");
	turn(0);
	assert_int_equal(world.c->view.groups[0].keys, 130);
	hear(&w.server_a, "a", REDIS_ROLE_REPLICA, "127.0.0.1:1", 0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	turn(500);
	assert_non_null(strstr(world.events, "about 130 keys are gone"));
}

/* It slept while the other controller gave A its role and noted what was written to it since. */
LEDGER_TEST(what_is_noted_meanwhile_is_of_keys_that_are_heard_of_here)
{
	turn(0);
	answer(ERR_NONE);
	hear(&w.server_a, "a", REDIS_ROLE_REPLICA, "127.0.0.1:1", 0);
	set("uid-1", "{\"codis.io/slots\":\"1=1024/49\"}");
	turn(500);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 101);
	turn(1000);
	assert_string_equal(world.events, "");
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
	assert_int_equal(world.c->view.groups[0].keys, 101);
}

/* A server of another cluster has the address, whose pod is not told yet. */
LEDGER_TEST(keys_of_one_that_is_not_known_to_have_the_role_are_not_the_groups)
{
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 130);
	snprintf(w.server_a.info.run_id, sizeof(w.server_a.info.run_id), "stranger");
	w.server_a.info.keys = 1000000;
	w.server_a.role_run_id[0] = '\0';
	ledger_hear(world.c, &w.server_a);
	assert_int_equal(w.group.data.keys, 130);
}

/* The note is a minute old at most, and slots with all their keys leave a group in less. */
LEDGER_TEST(keys_that_have_left_a_group_that_is_emptied_are_not_lost)
{
	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\",\"codis.io/moving\":\"from=1 slots=1024\"}");
	turn(0);
	assert_int_equal(world.c->view.groups[0].keys, 130); /* nor may an empty one lead in their place */
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	assert_int_equal(w.group.data.lost_keys, 0);
	assert_string_equal(world.events, "");
}

/* ... and the emptying was cancelled since: it is to get its share again. */
LEDGER_TEST(keys_that_have_left_a_group_with_its_slots_are_not_lost)
{
	struct observed_topom *t = &world.c->dashboard;

	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\",\"codis.io/moving\":\"to=1 slots=512\"}");
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	for (int i = 0; i < CODIS_SLOTS; i++)
		t->slot_group[i] = 2;
	turn(500);
	assert_string_equal(world.events, "");
	assert_null(strstr(calls.asked, "data-lost"));
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
}

LEDGER_TEST(keys_of_a_group_that_still_has_a_slot_are_lost)
{
	struct observed_topom *t = &world.c->dashboard;

	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\",\"codis.io/moving\":\"to=1 slots=512\"}");
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	for (int i = 1; i < CODIS_SLOTS; i++)
		t->slot_group[i] = 2;
	turn(500);
	assert_non_null(strstr(world.events, "about 130 keys are gone"));
}

/* What is heard before the StatefulSet is known would hide what was noted. */
LEDGER_TEST(recalled_before_anything_is_heard)
{
	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\"}");
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	turn(500);
	assert_non_null(strstr(world.events, "about 130 keys are gone"));
}

LEDGER_TEST(given_up)
{
	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\",\"codis.io/allow-data-loss\":\"1\"}");
	turn(0);
	w.group.wanted = false; /* its pods are gone */
	turn(500);
	set("uid-1", "{\"codis.io/slots\":\"1=1024/130\"}");
	w.group.wanted = true;
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0);
	turn(1000);
	assert_string_equal(world.events, "");
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
}

/* Another StatefulSet of the same name: its Codis never had that data. */
LEDGER_TEST(made_anew)
{
	lose();
	set("uid-2", "{}");
	turn(500);
	assert_string_equal(world.events, "");
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
	assert_int_equal(world.c->view.groups[0].keys, -1);
}

/* A replica that was in sync takes over. */
LEDGER_TEST(failover_loses_nothing)
{
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 0); /* flushed a moment ago */
	w.group.data.keys = 130;
	hear(&w.server_b, "b", REDIS_ROLE_REPLICA, A, 0);
	w.server_b.listed_index = 0;
	w.server_a.listed_index = 1;
	hear(&w.server_b, "b", REDIS_ROLE_MASTER, NULL, 0);
	turn(500);
	assert_string_equal(world.events, "");
}

/* It has loaded what its full sync has brought, and leads before it is heard again. */
LEDGER_TEST(failover_to_one_that_was_loading_loses_nothing)
{
	turn(0);
	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 130);
	hear(&w.server_b, "b", REDIS_ROLE_REPLICA, CODIS_GUARD_ADDR, 0);
	w.server_b.info.loading = true;
	ledger_hear(world.c, &w.server_b);
	w.server_b.listed_index = 0;
	w.server_a.listed_index = 1;
	hear(&w.server_b, "b", REDIS_ROLE_MASTER, NULL, 130);
	turn(500);
	assert_string_equal(world.events, "");
}

/* --- a promotion that a person begins ----------------------------------------------------------------------------- */

/* While the one that has the keys is made the master again, they are not lost. */
LEDGER_TEST(nothing_is_lost_while_a_promotion_is_taken_back)
{
	hear(&w.server_a, "old", REDIS_ROLE_MASTER, NULL, 130);
	ledger_recall(world.c);
	hear(&w.server_a, "old", REDIS_ROLE_MASTER, NULL, 130);
	hear(&w.server_b, "new", REDIS_ROLE_REPLICA, NULL, 0); /* it syncs */
	w.group.node.servers[0] = w.group.node.servers[1];     /* the dashboard gives it to B */
	w.server_a.listed_index = 1;
	w.server_b.listed_index = 0;
	hear(&w.server_b, "new", REDIS_ROLE_MASTER, NULL, 0);
	assert_int_equal(w.group.data.lost_keys, 130);
	w.group.running = 1;
	turn(10);
	assert_int_equal(world.event_count, 0);
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
	assert_true(world.c->view.groups[0].loss_unclear);
	w.group.running = 0;
	turn(20);
	assert_int_equal(world.event_count, 0); /* A still has them, and a person is to say whether it leads */
	assert_int_equal(world.c->view.groups[0].new_lost_keys, 0);
	w.server_a.reach = REACH_REFUSED;
	w.group.doubted_ms = 3;
	turn(30);
	assert_int_equal(world.event_count, 0); /* nor while it is not known who leads */
	w.group.read_ms = 3;
	turn(40);
	assert_int_equal(world.event_count, 1);
	assert_false(world.c->view.groups[0].loss_unclear);
}

LEDGER_TEST(a_successor_that_lacks_something_is_told_of_once)
{
	const char *words = " PromotedBehind: group 1: 10.0.0.1:6379 was promoted, and 10.0.0.2:6379 has what it lacks "
			    "(130 keys to 5): promote that one again, or give it up with kubectl annotate -n shop sts "
			    "codis-server codis.io/allow-data-loss=1\n";

	hear(&w.server_a, "a", REDIS_ROLE_MASTER, NULL, 5);
	hear(&w.server_b, "b", REDIS_ROLE_MASTER, NULL, 130);
	w.server_a.succession.led_ms = 7;
	w.server_a.heard_ms = w.server_b.heard_ms = 8;
	turn(10);
	turn(20);
	assert_int_equal(world.event_count, 1);
	assert_non_null(strstr(world.events, words));
	w.server_a.succession.led_ms = 8; /* again */
	turn(30);
	assert_int_equal(world.event_count, 2);
	set("uid-1", "{\"codis.io/allow-data-loss\":\"1\"}");
	w.server_a.succession.led_ms = 9;
	w.server_b.heard_ms = 10;
	turn(40);
	assert_true(world.c->view.groups[0].may_lose);
	assert_int_equal(world.event_count, 2); /* a person insists */
}
