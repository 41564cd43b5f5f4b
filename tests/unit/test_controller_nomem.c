/* Memory runs out while a cluster is looked at: what is decided from is whole, or nothing is decided; and what there
 * was no memory for is looked at again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/coordinator.h"
#include "controller/decide.h"
#include "controller/note.h"
#include "controller/observe.h"
#include "controller/roster.h"
#include "controller/status.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"

static const char group1[] = "{\"id\":1,\"servers\":[{\"server\":\"" A "\"},{\"server\":\"" B "\"}],"
			     "\"promoting\":{},\"out_of_sync\":false}";
static const char proxy_node[] = "{\"token\":\"t\",\"admin_addr\":\"10.0.1.1:11080\"}";
static const char *const groups[] = { "group-0001", "group-0002" }, *const proxies[] = { "proxy-t" };

static void set_pods(void)
{
	static const struct fixture_pod pods[] = {
		{ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" },
		{ .app = "codis-server", .name = "codis-server-1", .ip = "10.0.0.2" },
		{ .app = "codis-server", .name = "codis-server-2" },
		{ .app = "codis-server", .name = "codis-server-4", .ip = "10.0.0.5" }, /* of it nothing is heard */
		{ .app = "codis-proxy", .name = "codis-proxy-0", .ip = "10.0.1.1" },
		{ .app = "codis-proxy", .name = "codis-proxy-1", .ip = "10.0.1.2" },
		{ .app = "codis-dashboard", .name = "codis-dashboard-0", .ip = "10.0.2.1" },
	};

	fixture_set_node(world.inv, true, false);
	fixture_set_set(world.inv, 4, 0);
	for (size_t i = 0; i < sizeof(pods) / sizeof(pods[0]); i++)
		fixture_set_pod(world.inv, &pods[i]);
}

static void hear_all(void)
{
	int64_t now = clock_mono_ms();

	world.c->list_failed = false;
	observe_hear_group_list(world.c, now, 2, groups);
	observe_hear_group(world.c, 1, now, group1, strlen(group1), &(struct coordinator_stat){ .version = 7 }, NULL);
	observe_hear_proxy_list(world.c, 1, proxies);
	observe_hear_proxy_node(world.c, "t", proxy_node, strlen(proxy_node),
				&(struct coordinator_stat){ .version = 3 });
}

/* Without what depends on whether the pods or the coordinator's words came first: the order of the proxies (also
 * in the line and its reasons), and whether a group that is not listed is known. */
static void straighten(cJSON *json)
{
	cJSON *list = cJSON_GetObjectItemCaseSensitive(json, "proxies"), *group;
	const char *first = json_str(cJSON_GetArrayItem(list, 0), "addr", NULL);

	if (first && strcmp(first, "10.0.1.1:11080") != 0)
		cJSON_AddItemToArray(list, cJSON_DetachItemFromArray(list, 0));
	cJSON_ArrayForEach(group, cJSON_GetObjectItemCaseSensitive(json, "groups"))
		cJSON_DeleteItemFromObjectCaseSensitive(group, "busy");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "line");
	cJSON_DeleteItemFromObjectCaseSensitive(json, "reasons");
}

/* What is seen, in words; "" where nothing is. */
static void write_view(struct buf *out)
{
	JSON_CLEANUP cJSON *json = NULL;

	buf_reset(out);
	if (!world.c->view.product[0])
		return;
	json = status_json(&world.c->view, &world.ctl.limits);
	straighten(json);
	assert_int_equal(json_write(json, out), 0);
	buf_addf(out, " %d groups %d servers %d proxies %d dashboards", world.c->view.group_count,
		 world.c->view.server_count, world.c->view.proxy_count, world.c->view.dashboard_count);
}

TEST(a_picture_is_whole_or_nothing_is_decided)
{
	BUF_CLEANUP struct buf right = BUF_INIT(65536), seen = BUF_INIT(65536);

	NOMEM_EACH
	{
		controller_world_begin("ns");
		world.ctl.mandate = MANDATE_NONE;
		world.c->stock_due = true;
		set_pods();
		nomem_on();
		hear_all();
		cluster_turn(world.c);
		nomem_off();
		write_view(nomem_is_first() ? &right : &seen);
		if (nomem_is_first()) {
			if (!strstr(right.data, "3 groups 4 servers 2 proxies 1 dashboards"))
				fail_msg("%s", right.data);
		} else if (!world.c->list_failed && !world.c->stock_due && seen.len) {
			assert_string_equal(seen.data, right.data);
		} else {
			assert_true(nomem_failed());
		}
		if (!seen.len && !nomem_is_first())
			assert_true(world.c->open);
		/* Nobody is missing from what was decided from. */
		if (world.c->view.product[0]) {
			assert_int_equal(world.c->server_count, 3);
			for (int i = 0; i < 3; i++)
				assert_int_equal(world.c->servers[i]->group, i < 2 ? 1 : 3);
			assert_int_equal(world.c->proxy_count, 2);
			assert_int_equal(world.c->dashboard_count, 1);
			assert_non_null(cluster_group(world.c, 1, false));
			assert_non_null(cluster_group(world.c, 3, false));
		}
		/* A list that lacks a group is not one. */
		if (world.c->list_failed && !cluster_group(world.c, 2, false))
			assert_int_equal(world.c->listed_ms, 0);
		/* What is asked for again, as it is then. */
		if (world.c->list_failed)
			hear_all();
		cluster_turn(world.c);
		write_view(&seen);
		assert_string_equal(seen.data, right.data);
		assert_false(world.c->list_failed || world.c->lacks);
		for (int i = 0; i < world.c->server_count; i++)
			assert_non_null(world.c->servers[i]->probe);
		controller_world_end();
	}
}

/* Nor does its node say something that cannot be read. */
TEST(a_group_is_heard_or_read_again)
{
	const struct observed_group *g;

	NOMEM_EACH
	{
		controller_world_begin("ns");
		nomem_on();
		observe_hear_group(world.c, 1, clock_mono_ms(), group1, strlen(group1),
				   &(struct coordinator_stat){ .version = 7 }, NULL);
		nomem_off();
		g = cluster_group(world.c, 1, false);
		assert_true(!g || !g->unreadable[0]);
		assert_int_equal(world.c->list_failed, !g || g->node.count != 2);
		controller_world_end();
	}
}

/* --- lack of memory is no word of a peer -------------------------------------------------------------------------- */

TEST(a_peer_that_we_had_no_memory_to_ask_is_not_silent)
{
	struct error none = { .code = ERR_NOMEM, .text = "no memory" }, silent = { .code = ERR_TIMEOUT };
	struct observed_proxy *p;
	struct observed_dashboard *d;

	controller_world_begin("ns");
	p = cluster_proxy(world.c, "10.0.1.1:11080", true);
	d = cluster_dashboard(world.c, "10.0.2.1:18080", true);
	p->reach = d->reach = REACH_OK;
	observe_hear_proxy(p, NULL, &none);
	observe_hear_dashboard(d, NULL, &none);
	assert_int_equal(p->reach, REACH_OK);
	assert_int_equal(d->reach, REACH_OK);
	observe_hear_proxy(p, NULL, &silent);
	observe_hear_dashboard(d, NULL, &silent);
	assert_int_equal(p->reach, REACH_SILENT);
	assert_int_equal(d->reach, REACH_SILENT);
	controller_world_end();
}

/* --- what is noted and told --------------------------------------------------------------------------------------- */

static struct cluster_view *view_of_losses(struct group_view g[3])
{
	struct cluster_view *v = calloc(1, sizeof(*v));

	assert_non_null(v);
	memset(g, 0, 3 * sizeof(g[0]));
	v->now_ms = 100000;
	v->groups = g;
	v->group_count = 3;
	v->dashboard.slots_known = true;
	for (int i = 0; i < 3; i++) {
		g[i].node.id = i + 1;
		g[i].keys = 1000;
		g[i].new_lost_keys = 10;
		g[i].new_lost_wall_ms = INT64_C(1700000000000);
	}
	for (int i = 0; i < CODIS_SLOTS; i++)
		v->dashboard.slot_group[i] = (int16_t)(i % 3 + 1);
	return v;
}

TEST(a_note_is_whole_or_failed)
{
	BUF_CLEANUP struct buf right = BUF_INIT(4096);
	struct group_view g[3];
	struct cluster_view *v = view_of_losses(g);
	struct note_serving all;

	NOMEM_EACH
	{
		struct buf slots = BUF_INIT(4096), losses = BUF_INIT(4096);
		struct note_times times = { 0 };

		nomem_on();
		note_count(v, &all);
		note_slots(v, NULL, &all, &times, NULL, &slots);
		note_losses(v, NULL, NULL, &losses);
		nomem_off();
		if (nomem_is_first())
			buf_addf(&right, "%s %s", slots.data, losses.data);
		else
			assert_int_equal(slots.failed || losses.failed, nomem_failed());
		if (!slots.failed)
			assert_int_equal(strncmp(right.data, slots.data, slots.len), 0);
		if (!losses.failed)
			assert_string_equal(right.data + right.len - losses.len, losses.data);
		buf_release(&slots);
		buf_release(&losses);
	}
	free(v);
}

TEST(a_status_is_whole_or_none)
{
	BUF_CLEANUP struct buf right = BUF_INIT(65536), seen = BUF_INIT(65536);
	struct decide_limits limits = DECIDE_LIMITS;
	struct group_view g[3];
	struct cluster_view *v = view_of_losses(g);
	char right_line[4096], line[4096];
	bool ok;

	snprintf(v->product, sizeof(v->product), "codis-test");
	NOMEM_EACH
	{
		JSON_CLEANUP cJSON *json = NULL;

		nomem_on();
		json = status_json(v, &limits);
		status_line(v, &limits, nomem_is_first() ? right_line : line, sizeof(line), &ok);
		nomem_off();
		if (nomem_is_first())
			assert_int_equal(json_write(json, &right), 0);
		else
			assert_string_equal(line, right_line);
		buf_reset(&seen);
		if (json && json_write(json, &seen) == 0)
			assert_string_equal(seen.data, right.data);
	}
	free(v);
}
