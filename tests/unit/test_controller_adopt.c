/* A Codis that ran before this was installed: nothing is done to it because something is not seen, and codis.io/adopt
 * replaces its servers one by one, with nothing lost. */
#include "controller/adopt.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "controller/status.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

/* Two groups of two, none of whose servers is guarded. */
static void two_groups(struct world *w)
{
	add_pair(w);
	w->sets[0].shape.replicas = 4;
	for (int i = 0; i < 4; i++)
		w->servers[i].pod.unguarded = true;
	snprintf(w->v.namespace, sizeof(w->v.namespace), "codis");
	snprintf(w->v.product, sizeof(w->v.product), "codis-test");
	snprintf(w->sets[0].name, VIEW_NAME_MAX, "codis-server");
}

#define DD "10.0.0.4:6379"

static const char *waits(const struct world *w)
{
	static struct adoption a;

	adoption_look(&w->v, &limits, &a);
	return a.waits;
}

static void assert_waits(struct world *w, const char *words)
{
	assert_nothing(w);
	assert_string_equal(waits(w), words);
}

/* Its successor is there, guarded and in sync. */
static void adopted(struct server_view *s)
{
	s->pod.unguarded = false;
	s->pod.came_back = true;
}

/* --- seen or not ---------------------------------------------------------------------------------------------------
 */

TEST(servers_that_are_not_guarded_are_left_as_they_are)
{
	WORLD;

	two_groups(w);
	assert_nothing(w);
}

/* Pods without any label that we know: no server has a pod. */
static void unseen(struct world *w)
{
	for (int i = 0; i < w->v.server_count; i++)
		w->servers[i].pod = (struct pod_view){ .name = "" };
	w->v.set_count = 0;
	w->proxies[0].pod = (struct pod_view){ .name = "" };
}

TEST(nothing_is_done_to_servers_whose_pods_are_not_seen)
{
	WORLD;

	two_groups(w);
	unseen(w);
	assert_nothing(w);
	/* A replica is away for long: it is not dropped, since nobody would add it again. */
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].info_valid = false;
	w->servers[1].since_ms = 1;
	assert_nothing(w);
	w->servers[1].reach = REACH_SILENT;
	assert_nothing(w);
}

TEST(master_whose_pod_is_not_seen_has_not_failed_for_that)
{
	WORLD;

	two_groups(w);
	unseen(w);
	silence(w, 90000);
	assert_nothing(w); /* its replica hears it */
	w->servers[1].reach = REACH_SILENT;
	w->servers[1].info_valid = false;
	assert_nothing(w); /* nobody says anything */
	w->servers[1].reach = REACH_OK;
	w->servers[1].info_valid = true;
	w->servers[1].info.link_up = false;
	w->servers[1].info.syncing = true; /* it is no witness, and has not what the master had */
	w->groups[0].masterless_ms = 1;
	assert_nothing(w);
	w->servers[0].reach = REACH_REFUSED;
	assert_nothing(w);
}

TEST(master_whose_pod_is_not_seen_fails_on_its_replicas_word)
{
	WORLD;

	two_groups(w);
	unseen(w);
	refuse(w);
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B);
}

/* The template has got the label, and the roll has replaced the last pod: that one is seen. */
TEST(first_pod_that_is_seen_tells_nothing_of_the_others)
{
	WORLD;

	snprintf(w->servers[0].pod.name, VIEW_NAME_MAX, "%s", "");
	silence(w, 90000);
	w->servers[1].info.link_up = false;
	w->servers[1].info.syncing = true;
	w->groups[0].masterless_ms = 1;
	assert_nothing(w); /* codis-server-1 is seen, and its master codis-server-0 may well live */
	w->servers[0].pod_gone = true;
	guarded(&w->servers[1]);
	assert_only(w, ACT_PROMOTE, B);
}

/* --- one by one ----------------------------------------------------------------------------------------------------
 */

TEST(replicas_are_adopted_first_then_masters_are_switched)
{
	WORLD;
	const struct action *a;

	two_groups(w);
	w->v.adopt = true;
	a = assert_only(w, ACT_DELETE_POD, B);
	assert_string_equal(a->why, "it is not guarded, and is adopted");
	assert_true(a->adopts);
	adopted(&w->servers[1]);
	assert_only(w, ACT_DELETE_POD, DD);
	adopted(&w->servers[3]);
	a = assert_only(w, ACT_SWITCH, B);
	assert_string_equal(a->why, "the master is not guarded, and is adopted");
	assert_string_equal(a->from, A);
	w->groups[0].node.count = 0; /* done */
	w->servers[0].listed_group = w->servers[1].listed_group = 0;
	leads(&w->servers[1]);
	follows(&w->servers[0], &w->servers[1]);
	list(&w->groups[0], &w->servers[1]);
	list(&w->groups[0], &w->servers[0]);
	for (int i = 0; i < CODIS_SLOTS; i++)
		memcpy(w->slots[0][i].addr, B, sizeof(B));
	assert_only(w, ACT_DELETE_POD, A);
	adopted(&w->servers[0]);
	assert_only(w, ACT_SWITCH, DD);
	adopted(&w->servers[2]);
	assert_waits(w, "");
}

TEST(next_step_waits_until_all_are_there_in_sync_and_listed)
{
	WORLD;
	struct server_view *b = &w->servers[1];

	two_groups(w);
	w->v.adopt = true;
	adopted(b);
	b->pod.deleting = true;
	assert_waits(w, "codis-server-1 is leaving");
	b->pod.deleting = false;
	b->reach = REACH_UNKNOWN;
	b->info_valid = false;
	assert_waits(w, "codis-server-1 does not answer yet");
	b->pod.unschedulable = true;
	assert_waits(w, "no node takes codis-server-1");
	b->reach = REACH_OK;
	b->info_valid = true;
	b->info.link_up = false;
	assert_waits(w, "codis-server-1 is not in sync");
	b->info.link_up = true;
	w->groups[1].busy = true;
	assert_waits(w, "something is being done in group 2");
	w->groups[1].busy = false;
	w->sets[0].shape.replicas = 6;
	assert_waits(w, "there are 4 servers' pods of 6");
	w->sets[0].shape.replicas = 4;
	w->v.tilted = true;
	assert_waits(w, "most servers are silent");
	w->v.tilted = false;
	w->proxies[0].reach = REACH_SILENT;
	w->proxies[0].since_ms = w->v.now_ms - 1;
	assert_waits(w, "proxy codis-proxy-0 does not answer");
	w->proxies[0].reach = REACH_OK;
	w->v.dashboard.reach = REACH_SILENT;
	w->v.dashboard.since_ms = w->v.now_ms - 1;
	assert_waits(w, "the dashboard does not answer");
	w->v.dashboard.reach = REACH_OK;
	w->v.dashboard.slot_target[7] = 2;
	assert_waits(w, "slots are moved from group 1, or to it");
	w->v.dashboard.slot_target[7] = 0;
	w->proxies[0].online = false;
	assert_waits(w, "no proxy serves");
	w->proxies[0].online = true;
	w->sets[0].deleting = true;
	assert_waits(w, "StatefulSet codis-server is being deleted");
	w->sets[0].deleting = false;
	w->v.kube_fresh = false;
	assert_waits(w, "the API server does not answer");
	w->v.kube_fresh = true;
	assert_only(w, ACT_DELETE_POD, DD);
	b->listed_group = 0; /* it is joined first */
	codis_group_drop(&w->groups[0].node, B);
	assert_only(w, ACT_ADD_SERVER, B);
	assert_string_equal(waits(w), "codis-server-1 is not in the list of group 1 yet");
}

/* It would shut down who comes back before the dashboard has asked it. */
TEST(adoption_waits_until_codis_ha_is_a_viewer)
{
	WORLD;

	two_groups(w);
	w->v.adopt = true;
	snprintf(w->v.ha.name, sizeof(w->v.ha.name), "codis-ha-0");
	assert_waits(w,
		     "codis-ha-0 would take out a server that has just come: kubectl delete pod -n codis codis-ha-0");
	w->v.ha.name[0] = '\0';
	assert_only(w, ACT_DELETE_POD, B);
}

TEST(adoption_stops_where_codis_webhook_is_not_there)
{
	WORLD;

	two_groups(w);
	w->v.adopt = true;
	w->servers[1].pod.came_back = true; /* and is not guarded */
	assert_waits(
		w, "codis-server-1 has come back without the guard: look after codis-webhook, then kubectl delete pod "
		   "codis-server-1");
}

TEST(only_server_of_a_group_is_not_adopted_while_it_has_data)
{
	WORLD;

	two_groups(w);
	w->v.adopt = true;
	w->v.server_count = 1;
	w->v.group_count = 1;
	w->groups[0].node.count = 1;
	w->sets[0].shape.replicas = w->sets[0].shape.server_replica = 1;
	assert_waits(w, "codis-server-0 is the only server of its group, and what it has would be gone with its pod");
	w->servers[0].info.keys = 0;
	assert_only(w, ACT_DELETE_POD, A);
}

TEST(adoption_is_not_what_is_most_urgent)
{
	WORLD;

	two_groups(w);
	w->v.adopt = true;
	w->slots[0][7].locked = true;
	assert_only(w, ACT_FILL_PROXY, w->proxies[0].admin_addr);
}

TEST(adoption_goes_no_faster_than_the_limits)
{
	WORLD;

	two_groups(w);
	w->v.adopt = true;
	w->v.deletions = 10;
	assert_nothing(w);
	w->v.deletions = 0;
	w->v.mandate = MANDATE_FAILOVER;
	assert_nothing(w);
}

/* --- in the status -------------------------------------------------------------------------------------------------
 */

static const char *line_or_not(const struct world *w)
{
	static char line[1024];
	bool ok;

	status_line(&w->v, &limits, line, sizeof(line), &ok);
	return line;
}

static const char *line_of(const struct world *w)
{
	const char *line = line_or_not(w);

	assert_non_null(strstr(line, ": OK, ")); /* it serves */
	return line;
}

TEST(status_says_what_is_not_guarded_and_how_it_becomes_so)
{
	WORLD;
	JSON_CLEANUP cJSON *json = NULL;

	two_groups(w);
	w->servers[0].ordinal = 3; /* they stand in the order of their addresses */
	w->servers[3].ordinal = 0;
	snprintf(w->servers[0].pod.name, VIEW_NAME_MAX, "codis-server-3");
	snprintf(w->servers[3].pod.name, VIEW_NAME_MAX, "codis-server-0");
	assert_string_equal(line_of(w), "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served; 4/4 servers "
					"are not guarded (codis-server-0, "
					"codis-server-1, codis-server-2 and 1 more), and may come back empty as "
					"masters: kubectl annotate -n codis sts "
					"codis-server codis.io/adopt=true replaces them one by one");
	w->v.adopt = true;
	adopted(&w->servers[1]);
	assert_string_equal(line_of(w),
			    "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served; 1/4 servers are adopted");
	w->servers[3].pod.came_back = true;
	assert_string_equal(line_of(w),
			    "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served; 1/4 servers are "
			    "adopted, it waits: codis-server-0 has come back without the guard: look after "
			    "codis-webhook, then kubectl delete pod codis-server-0");
	json = status_json(&w->v, &limits);
	assert_true(json_bool(false, json, "adoption", "asked", NULL));
	assert_int_equal(json_int(0, json, "adoption", "unguarded", NULL), 3);
	for (int i = 0; i < 4; i++)
		adopted(&w->servers[i]);
	assert_string_equal(line_of(w), "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served, adopted");
	w->sets[0].shape.replicas = 6; /* one is being made anew, say */
	assert_null(strstr(line_or_not(w), ", adopted"));
	w->sets[0].shape.replicas = 4;
	w->v.adopt = false;
	assert_string_equal(line_of(w), "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served");
}

TEST(status_says_that_codis_ha_acts)
{
	WORLD;

	two_groups(w);
	for (int i = 0; i < 4; i++)
		adopted(&w->servers[i]);
	snprintf(w->v.ha.name, sizeof(w->v.ha.name), "codis-ha-0");
	assert_string_equal(line_of(w), "codis-test: OK, 2/2 groups led, 1 proxy, 1024/1024 slots served; codis-ha-0 "
					"acts beside codis-controller, and shuts down servers that are well: kubectl "
					"delete pod -n codis codis-ha-0 makes a viewer of it");
	w->v.mandate = MANDATE_NONE; /* codis.io/ha: keep */
	assert_null(strstr(line_of(w), "codis-ha-0 acts"));
}
