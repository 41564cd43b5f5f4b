/* Why something is done, in words: who missed whom, since when, at which offset. */
#include "controller/reason.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "controller/status.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

static void assert_evidence(const struct action *a, const char *words)
{
	assert_string_equal(a->evidence, words);
}

TEST(master_that_refuses)
{
	WORLD;
	char note[1024];
	const struct action *a;

	refuse(w);
	w->servers[0].since_ms = w->v.now_ms - 200;
	lose_link(w);
	w->servers[1].link_down_since_ms = w->v.now_ms - 100;
	w->servers[1].info.offset = 12345;
	a = assert_only(w, ACT_PROMOTE, B);
	assert_evidence(a,
			"codis-server-0 refuses since 0.2 s; codis-server-1 lost its link 0.1 s ago at offset 12345");
	assert_string_equal(reason_label(a->why), "refused");
	action_note(a, 41, NULL, note, sizeof(note));
	assert_string_equal(note,
			    "group 1: codis-server-1 (10.0.0.2:6379) replaces codis-server-0 (10.0.0.1:6379): "
			    "connections are refused, and its replica lost its link (codis-server-0 refuses since "
			    "0.2 s; codis-server-1 lost its link 0.1 s ago at offset 12345); 41 ms");
}

TEST(master_that_is_silent)
{
	WORLD;
	const struct action *a;

	silence(w, 3000);
	w->servers[1].info.last_io_s = 3;
	a = assert_only(w, ACT_PROMOTE, B);
	assert_evidence(
		a,
		"codis-server-0 is silent since 3.0 s; codis-server-1 has had nothing from it for 3 s, at offset 990");
	assert_string_equal(reason_label(a->why), "silent");
	snprintf(w->servers[0].pod.node, VIEW_NAME_MAX, "node2");
	assert_evidence(assert_only(w, ACT_PROMOTE, B), "codis-server-0 on node2 is silent since 3.0 s; codis-server-1 "
							"has had nothing from it for 3 s, at offset 990");
	w->servers[0].pod.node_lost = true;
	assert_evidence(assert_only(w, ACT_PROMOTE, B),
			"codis-server-0 on node2 is silent since 3.0 s; its node node2 is lost; "
			"codis-server-1 has had nothing from it for 3 s, at offset 990");
	w->servers[0].reach = REACH_UNKNOWN;
	w->servers[0].pod.node_lost = false;
	snprintf(w->servers[0].complaint, sizeof(w->servers[0].complaint), "BUSY");
	assert_evidence(assert_only(w, ACT_PROMOTE, B),
			"codis-server-0 answers -BUSY since 3.0 s; codis-server-1 has had nothing "
			"from it for 3 s, at offset 990");
}

/* By its address alone nobody knows it next morning, when another pod has that. */
TEST(pod_that_is_gone_is_called_by_the_name_it_had)
{
	WORLD;
	char note[1024];

	refuse(w);
	lose_link(w);
	w->servers[0].pod = (struct pod_view){ 0 };
	w->servers[0].pod_gone = true;
	snprintf(w->servers[0].gone_name, VIEW_NAME_MAX, "codis-server-0");
	w->servers[0].gone_group = 1;
	action_note(assert_only(w, ACT_PROMOTE, B), 41, NULL, note, sizeof(note));
	assert_non_null(strstr(note, "codis-server-1 (10.0.0.2:6379) replaces codis-server-0 (10.0.0.1:6379): "));
}

TEST(server_that_leaves_the_list_is_called_by_the_name_it_had)
{
	WORLD;
	struct server_view *b = &w->servers[1];
	const struct action *a;
	char note[1024];

	b->pod = (struct pod_view){ 0 };
	b->pod_gone = true;
	snprintf(b->gone_name, VIEW_NAME_MAX, "codis-server-1");
	b->gone_group = 1;
	b->reach = REACH_SILENT;
	b->info_valid = false;
	b->since_ms = w->v.now_ms - 60000;
	a = assert_only(w, ACT_DROP_SERVER, B);
	action_note(a, 41, NULL, note, sizeof(note));
	assert_string_equal(note,
			    "group 1: codis-server-1 (10.0.0.2:6379): no pod has its address and nothing answers there "
			    "(it is silent since 60.0 s; its pod is gone, or has another address)");
	action_note_would(a, note, sizeof(note));
	assert_string_equal(note,
			    "group 1: drop-server of codis-server-1 would be done: no pod has its address and nothing "
			    "answers there");
}

/* Who has the address now, or had it last, is another group's, and neither replaced nor dropped. */
TEST(pod_of_another_group_gives_no_name)
{
	WORLD;
	struct server_view *a = &w->servers[0];
	char note[1024];

	refuse(w);
	lose_link(w);
	a->group = 2;
	snprintf(a->pod.name, VIEW_NAME_MAX, "codis-server-3");
	action_note(assert_only(w, ACT_PROMOTE, B), 41, NULL, note, sizeof(note));
	assert_non_null(strstr(note, "codis-server-1 (10.0.0.2:6379) replaces 10.0.0.1:6379: its address belongs to "
				     "another pod now"));
	a->group = 1;
	a->pod = (struct pod_view){ 0 };
	a->pod_gone = true;
	snprintf(a->gone_name, VIEW_NAME_MAX, "codis-server-3");
	a->gone_group = 2;
	action_note(assert_only(w, ACT_PROMOTE, B), 41, NULL, note, sizeof(note));
	assert_non_null(strstr(note, "codis-server-1 (10.0.0.2:6379) replaces 10.0.0.1:6379: "));
}

TEST(master_that_restarted)
{
	WORLD;

	w->servers[0].restarted = true;
	lose_link(w);
	assert_evidence(
		assert_only(w, ACT_PROMOTE, B),
		"codis-server-0 is another process than had the role; codis-server-1 has lost its link at offset 990");
	w->servers[0].restarted = false;
	guarded(&w->servers[0]);
	w->servers[0].since_ms = w->v.now_ms - 400;
	assert_evidence(assert_only(w, ACT_PROMOTE, B),
			"codis-server-0 waits for a role since 0.4 s; codis-server-1 has lost its link at offset 990");
}

TEST(switch_of_a_master_that_lives)
{
	WORLD;
	const struct action *a;

	w->servers[0].pod.deleting = true;
	a = assert_only(w, ACT_SWITCH, B);
	assert_evidence(a, "codis-server-0 is master at offset 1000; codis-server-1 is in sync at offset 990");
	assert_string_equal(reason_label(a->why), "pod-deleted");
}

TEST(member_that_is_mended)
{
	WORLD;

	snprintf(w->servers[1].info.master, CODIS_ADDR_MAX, "%s", C);
	assert_evidence(assert_only(w, ACT_FOLLOW, B), "it follows 10.0.0.3:6379, with 10 keys");
	leads(&w->servers[1]);
	assert_evidence(assert_only(w, ACT_FOLLOW, B), "it is master, with 10 keys");
	guarded(&w->servers[1]);
	assert_evidence(assert_only(w, ACT_FOLLOW, B), "it was started anew and waits for a role, with 0 keys");
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].since_ms = w->v.now_ms - 3100;
	w->servers[1].pod.running = false;
	assert_evidence(assert_only(w, ACT_DELETE_POD, B), "it refuses since 3.1 s; its container does not run");
	w->servers[1].pod.name[0] = '\0';
	w->servers[1].pod_gone = true;
	assert_evidence(assert_only(w, ACT_DROP_SERVER, B),
			"it refuses since 3.1 s; its pod is gone, or has another address");
}

TEST(proxy_and_dashboard)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	for (int i = 0; i < 7; i++)
		snprintf(w->slots[0][i].addr, CODIS_ADDR_MAX, "%s", C);
	w->slots[0][9].locked = true;
	assert_evidence(assert_only(w, ACT_FILL_PROXY, p->admin_addr), "slots elsewhere: 7; slots locked: 1");
	p->reach = REACH_SILENT;
	p->pod.running = true;
	p->since_ms = w->v.now_ms - 12000;
	assert_evidence(assert_only(w, ACT_REMOVE_PROXY, p->admin_addr), "it is silent since 12.0 s");
	p->reach = REACH_OK;
	memset(w->v.dashboard.slot_group, 0, sizeof(w->v.dashboard.slot_group));
	memset(w->slots, 0, sizeof(w->slots));
	w->servers[0].info.keys = 0;
	assert_evidence(assert_only(w, ACT_ASSIGN_SLOTS, D), "groups led: 1");
}

TEST(what_does_not_fit_is_left_out_whole)
{
	WORLD;
	char out[40];

	refuse(w);
	lose_link(w);
	run(w);
	reason_evidence(&w->v, &w->actions[0], out, sizeof(out));
	assert_string_equal(out, "codis-server-0 refuses since 0.0 s");
	reason_evidence(&w->v, &w->actions[0], out, 8);
	assert_string_equal(out, "");
}

TEST(word_of_a_reason_that_nobody_knows)
{
	assert_string_equal(reason_label("something"), "other");
	assert_string_equal(reason_label(NULL), "other");
	assert_false(reason_is_known("something"));
}

TEST(status_has_the_evidence_and_what_was_done)
{
	WORLD;
	static struct recent_note notes[RECENT_NOTES];
	JSON_CLEANUP cJSON *json = NULL;

	for (int i = 0; i < 9; i++) {
		notes[i % RECENT_NOTES].wall_ms = 1767323045000 + 1000 * i;
		snprintf(notes[i % RECENT_NOTES].words, sizeof(notes[0].words), "note %d", i);
	}
	w->v.recent = notes;
	w->v.recent_count = 9;
	refuse(w);
	lose_link(w);
	json = status_json(&w->v, &limits);
	assert_string_equal(json_str(cJSON_GetArrayItem(json_get(json, "groups", NULL), 0), "evidence", NULL),
			    "codis-server-0 refuses since 0.0 s; codis-server-1 has lost its link at offset 990");
	assert_int_equal(cJSON_GetArraySize(json_get(json, "recent", NULL)), RECENT_NOTES);
	assert_string_equal(json_str(cJSON_GetArrayItem(json_get(json, "recent", NULL), 0), "words", NULL), "note 8");
	assert_string_equal(json_str(cJSON_GetArrayItem(json_get(json, "recent", NULL), 7), "words", NULL), "note 1");
	assert_string_equal(json_str(cJSON_GetArrayItem(json_get(json, "recent", NULL), 0), "at", NULL),
			    "2026-01-02T03:04:13Z");
}
