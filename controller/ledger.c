#include "controller/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/codis/scaling.h"
#include "common/codis/served.h"
#include "common/kube/client.h"
#include "common/kube/event.h"
#include "controller/cluster.h"
#include "controller/note.h"
#include "controller/recent.h"
#include "controller/say.h"
#include "controller/status.h"
#include "controller/tell.h"

#define TEXT_MAX     (128u << 10) /* of both notes; all annotations of an object may have 256 KiB */
#define LOOK_MS      500          /* what is due is computed so often at most */
#define RETRY_MIN_MS 2000
#define RETRY_MAX_MS 60000
#define TRUNCATED_MS 1000 /* what is noted has whole seconds */
#define OTHERS_SEE_MS                                                                                                  \
	60000 /* two controllers see one loss at different times; the one that leads has noted it by then */

/* --- heard ------------------------------------------------------------------------------------------------------- */

/* What the process has counts once it is known to be the one with the role: a stranger may have the address. */
static bool leads(const struct observed_server *s)
{
	return s->listed_group && s->listed_index == 0 && s->reach == REACH_OK && s->info_valid &&
	       s->info.role == REDIS_ROLE_MASTER && s->role_run_id[0] && !picture_restarted(s);
}

static const char *synced_with(struct cluster *c, const struct observed_server *s)
{
	bool synced = s->info.role == REDIS_ROLE_REPLICA && s->info.link_up && !s->info.syncing;
	const struct observed_server *m = synced ? cluster_server(c, s->info.master) : NULL;

	return m && leads(m) && m->listed_group == (s->group ? s->group : s->listed_group) ? m->info.run_id : "";
}

void ledger_hear(struct cluster *c, struct observed_server *s)
{
	struct observed_group *g;

	if (s->reach != REACH_OK || !s->info_valid)
		return;
	if (!leads(s) || s->info.loading) {
		data_hear_process(&s->data, &s->info, synced_with(c, s));
		return;
	}
	g = c->recalled ? cluster_group(c, s->listed_group, false) : NULL;
	if (g)
		data_hear_master(&g->data, &s->data, &s->info, clock_wall_ms());
}

/* --- recalled ---------------------------------------------------------------------------------------------------- */

/* The StatefulSets of a product. */
struct sets {
	const struct inventory_set **all;
	int count; /* -1: no memory */
};

static struct sets sets_of(const struct cluster *c)
{
	struct sets s;

	s.count = inventory_sets_of(c->ctl->inventory, c->namespace, c->product, &s.all);
	return s;
}

static const struct codis_shape *shape_at(const void *sets, int i)
{
	return &((const struct inventory_set *const *)sets)[i]->shape;
}

/* As view_set_of(). */
static const struct inventory_set *set_of(const struct sets *s, int gid)
{
	int at = codis_set_of_group(gid, s->count, shape_at, s->all);

	return at < 0 ? NULL : s->all[at];
}

static const char *annotation(const struct inventory_set *set, const char *name)
{
	return set ? json_str(set->annotations, name, NULL) : NULL;
}

/* Another StatefulSet, of the same name too, is another Codis. */
static void follow_sets(struct cluster *c, const struct sets *s)
{
	for (int i = 0; i < c->group_count; i++) {
		struct observed_group *g = c->groups[i];
		const struct inventory_set *set = set_of(s, g->node.id);

		if (!set || strcmp(g->set_uid, set->uid) == 0)
			continue;
		if (g->set_uid[0]) {
			g->data = (struct data_group){ .known = false };
			g->recalled = false;
		}
		snprintf(g->set_uid, sizeof(g->set_uid), "%s", set->uid);
	}
}

static bool is_being_emptied(const struct sets *s, int gid)
{
	struct moving m;

	for (int i = 0; i < s->count; i++) {
		moving_parse(annotation(s->all[i], CODIS_ANNOTATION_MOVING), &m);
		if (gids_have(&m.from, gid))
			return true;
	}
	return false;
}

/* What is noted later is of keys that we hear of ourselves: a server that was last heard without any may have got them.
 */
static void recall_keys(struct cluster *c, const struct sets *s, const struct inventory_set *set)
{
	const char *slots = annotation(set, CODIS_ANNOTATION_SLOTS);
	struct served_group was;

	while (slots && served_next(&slots, &was) == 1) {
		struct observed_group *g = cluster_group(c, was.gid, false);

		if (!g || g->recalled || set_of(s, was.gid) != set)
			continue;
		data_recall(&g->data, was.keys);
		g->data.leave = is_being_emptied(s, was.gid);
	}
}

static void recall_losses(struct cluster *c, const struct sets *s, const struct inventory_set *set)
{
	const char *losses = annotation(set, CODIS_ANNOTATION_DATA_LOST);
	int64_t tolerance = c->ctl->mandate == MANDATE_LEAD ? TRUNCATED_MS : OTHERS_SEE_MS;
	struct served_loss was;

	while (losses && served_loss_next(&losses, &was) == 1) {
		struct observed_group *g = cluster_group(c, was.gid, false);

		if (g && set_of(s, was.gid) == set && g->data.lost_keys &&
		    was.wall_ms + tolerance >= g->data.lost_wall_ms)
			data_noted(&g->data);
	}
}

/* Given up on purpose; and what the controller that leads must have told and noted long since. */
static void forget_losses(struct cluster *c, const struct sets *s)
{
	int64_t now = clock_wall_ms();

	for (int i = 0; i < c->group_count; i++) {
		struct observed_group *g = c->groups[i];
		const char *allowed = annotation(set_of(s, g->node.id), CODIS_ANNOTATION_ALLOW_LOSS);

		if (allowed && served_may_lose(allowed, g->node.id)) {
			if (g->wanted)
				data_noted(&g->data);
			else
				data_give_up(&g->data);
		} else if (!controller_leads(c->ctl) && g->data.lost_keys &&
			   now - g->data.lost_wall_ms > OTHERS_SEE_MS) {
			data_noted(&g->data);
		}
	}
}

void ledger_recall(struct cluster *c)
{
	struct sets s;

	if (!c->ctl->kube_synced)
		return;
	s = sets_of(c);
	if (s.count > 0) {
		follow_sets(c, &s);
		forget_losses(c, &s);
	}
	for (int i = 0; i < s.count; i++) {
		recall_keys(c, &s, s.all[i]);
		recall_losses(c, &s, s.all[i]);
	}
	for (int i = 0; s.count > 0 && i < c->group_count; i++)
		c->groups[i]->recalled = true;
	c->recalled |= s.count >= 0;
	free(s.all);
}

/* --- told -------------------------------------------------------------------------------------------------------- */

static void tell_object(struct cluster *c, const char *kind, const char *name, const char *uid, const char *reason,
			const char *words)
{
	tell_event(c, kind, tell_about(c->namespace, name, uid), true, reason, words);
}

static void count_losses(struct cluster *c, int gid, unsigned by)
{
	char labels[256];

	snprintf(labels, sizeof(labels), "namespace=\"%s\",product=\"%s\",group=\"%d\"", c->namespace, c->product, gid);
	metric_add(metric_counter(c->ctl->metrics, "codis_data_losses_total", labels,
				  "Times that an empty server got the slots of a group that had keys."),
		   by);
}

static void tell_loss(struct cluster *c, const struct observed_group *g)
{
	const struct cluster_view *v = &c->view;
	const struct view_set *set = view_set_of(v, g->node.id);
	const struct group_view *group = view_group(v, g->node.id);
	const struct server_view *m = group ? view_master(v, group) : NULL;
	char keys[SERVED_KEYS_MAX], when[32], command[SERVED_COMMAND_MAX], words[1024];

	served_say_keys(g->data.lost_keys, keys);
	clock_rfc3339(g->data.lost_wall_ms, when, sizeof(when));
	snprintf(words, sizeof(words),
		 "group %d: %s serves an empty data set: %s are gone since %.19sZ; acknowledge it with: %s", g->node.id,
		 m && m->pod.name[0] ? m->pod.name : g->node.servers[0].addr, keys, when,
		 served_acknowledge(c->namespace, set ? set->name : "", command));
	say_warn(c, "data.lost", "group=%d keys=%lld pod=%s", g->node.id, (long long)g->data.lost_keys,
		 m ? m->pod.name : "");
	count_losses(c, g->node.id, 1);
	recent_note(c, "DataLost", words);
	if (m && m->pod.name[0])
		tell_object(c, "Pod", m->pod.name, m->pod.uid, "DataLost", words);
	if (set)
		tell_object(c, "StatefulSet", set->name, set->uid, "DataLost", words);
}

/* What is being taken back, or may yet be, is not lost: nothing is told of a group before what is known of it is of one
 * time. */
static bool may_come_back(const struct cluster *c, const struct observed_group *g)
{
	const struct group_view *group = view_group(&c->view, g->node.id);
	const struct server_view *m = group ? view_master(&c->view, group) : NULL, *old;

	return g->running || !group || group->busy ||
	       (m && view_master_verified(m) && succession_judge(&c->view, group, m, &old) != SUCCESSION_FINE);
}

static void tell_losses(struct cluster *c)
{
	for (int i = 0; i < c->group_count; i++) {
		struct observed_group *g = c->groups[i];

		if (!g->counted)
			count_losses(c, g->node.id, 0); /* a counter that begins with 1 has never risen */
		g->counted = true;
		if (!g->data.lost_keys || g->data.told || may_come_back(c, g))
			continue;
		g->data.told = true;
		tell_loss(c, g);
	}
}

/* Once for each promotion. */
static void tell_successions(struct cluster *c)
{
	char words[STATUS_SUCCESSION_MAX];

	for (int i = 0; i < c->view.group_count; i++) {
		const struct group_view *group = &c->view.groups[i];
		const struct server_view *m = view_master(&c->view, group);
		struct observed_group *g = cluster_group(c, group->node.id, false);
		const struct view_set *set = view_set_of(&c->view, group->node.id);

		/* In the middle of a change, roles and node may contradict each other. */
		if (!g || !m || group->busy || group->node.promoting_state[0] ||
		    g->succession_told_ms == m->succession.led_ms ||
		    !status_succession(&c->view, group, true, words, sizeof(words)))
			continue;
		g->succession_told_ms = m->succession.led_ms;
		say_warn(c, "succession.waits", "group=%d pod=%s why=%s", g->node.id, LOGW(m->pod.name), LOGQ(words));
		if (m->pod.name[0])
			tell_object(c, "Pod", m->pod.name, m->pod.uid, "PromotedBehind", words);
		if (set)
			tell_object(c, "StatefulSet", set->name, set->uid, "PromotedBehind", words);
	}
}

/* --- noted ------------------------------------------------------------------------------------------------------- */

static void say_failed(struct cluster *c, const struct error *err)
{
	c->note_failures++;
	say_warn(c, "note.failed", "error=%s", LOGQ(err->text));
}

static void on_noted(void *ctx, const cJSON *object, const struct error *err)
{
	struct cluster *c = ctx;

	(void)object;
	c->noting = false;
	c->running--;
	for (int i = 0; i < c->note_count; i++) {
		if (c->notes[i].writing && err)
			c->notes[i].times = c->notes[i].before;
		c->notes[i].writing = false;
	}
	if (!err) {
		c->note_failures = 0;
		if (c->note_count > 1)
			c->note_tried_ms = 0; /* the next one at once */
		return;
	}
	say_failed(c, err);
}

/* With the uid, so that a successor of the same name is safe. */
static int patch(struct cluster *c, const struct view_set *set, const struct buf *slots, const struct buf *losses,
		 struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *meta = json_add_object(body, "metadata"), *annotations = json_add_object(meta, "annotations");
	char path[600];

	/* Cut, a note would tell that the rest is not served, or not lost. */
	if (buf_check(slots, CODIS_ANNOTATION_SLOTS, err) < 0 || buf_check(losses, CODIS_ANNOTATION_DATA_LOST, err) < 0)
		return -1;
	if (!json_add_str(meta, "uid", set->uid) ||
	    (slots->len && !json_add_str(annotations, CODIS_ANNOTATION_SLOTS, slots->data)) ||
	    (losses->len && !json_add_str(annotations, CODIS_ANNOTATION_DATA_LOST, losses->data)))
		return error_set(err, ERR_NOMEM, "no memory for a patch");
	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", c->namespace, set->name);
	if (!kube_call(c->ctl->kube, "PATCH", path, body, KUBE_MERGE_PATCH, 0, on_noted, c, err))
		return -1;
	c->noting = true;
	c->running++;
	return 0;
}

static bool may_note(const struct cluster *c)
{
	const struct cluster_view *v = &c->view;
	int64_t since = v->now_ms - c->note_tried_ms;

	return v->mandate == MANDATE_LEAD && !c->ctl->dry_run && v->kube_fresh && v->coordinator_ready &&
	       v->set_count && !c->noting && !c->closing &&
	       since >= (c->note_failures ? calm_doubled(RETRY_MIN_MS, c->note_failures - 1, RETRY_MAX_MS) : LOOK_MS);
}

static struct cluster_note *find_note(const struct cluster *c, const char *uid)
{
	for (int i = 0; i < c->note_count; i++) {
		if (strcmp(c->notes[i].uid, uid) == 0)
			return &c->notes[i];
	}
	return NULL;
}

/* A note for each of them, and for no others, none of which is being written. 0, or -1: no memory. */
static int keep_notes(struct cluster *c)
{
	const struct cluster_view *v = &c->view;
	struct cluster_note *notes;
	bool same = c->note_count == v->set_count;

	for (int i = 0; same && i < v->set_count; i++)
		same = strcmp(c->notes[i].uid, v->sets[i].uid) == 0;
	notes = same ? NULL : calloc((size_t)v->set_count, sizeof(*notes));
	if (!notes)
		return same ? 0 : -1;
	for (int i = 0; i < v->set_count; i++) {
		const struct cluster_note *was = find_note(c, v->sets[i].uid);

		if (was)
			notes[i] = *was;
		snprintf(notes[i].uid, sizeof(notes[i].uid), "%s", v->sets[i].uid);
	}
	free(c->notes);
	c->notes = notes;
	c->note_count = v->set_count;
	return 0;
}

static void write_note(struct cluster *c, struct cluster_note *note, const struct view_set *set,
		       const struct buf *slots, const struct buf *losses)
{
	struct error err = ERROR_INIT;

	note->before = note->times;
	note->writing = true;
	if (slots->len)
		note->times = (struct note_times){ .written_ms = c->view.now_ms, .keys_ms = c->view.now_ms };
	if (patch(c, set, slots, losses, &err) == 0)
		return;
	note->times = note->before;
	note->writing = false;
	say_failed(c, &err);
}

/* all NULL: what is served is not known. Whether something was written, or could not be. */
static bool note_both(struct cluster *c, struct cluster_note *note, const struct view_set *set,
		      const struct inventory_set *known, const struct note_serving *all)
{
	BUF_CLEANUP struct buf slots = BUF_INIT(TEXT_MAX), losses = BUF_INIT(TEXT_MAX);
	const struct cluster_view *v = &c->view;
	bool due = all && note_slots(v, set, all, &note->times, annotation(known, CODIS_ANNOTATION_SLOTS), &slots);

	/* The same words again only when they were not seen for a while: the watch may be behind. */
	if (v->now_ms - note->losses_ms >= RETRY_MIN_MS &&
	    note_losses(v, set, annotation(known, CODIS_ANNOTATION_DATA_LOST), &losses)) {
		note->losses_ms = v->now_ms;
		due = true;
	}
	if (!due && !slots.failed && !losses.failed)
		return false;
	write_note(c, note, set, &slots, &losses);
	return true;
}

/* One at a time; who was written last is looked at last. */
static void note_next(struct cluster *c, const struct sets *s)
{
	const struct cluster_view *v = &c->view;
	struct error err = ERROR_INIT;
	struct note_serving all;
	bool known = note_count(v, &all);

	if (s->count < 0 || keep_notes(c) < 0) {
		error_set(&err, ERR_NOMEM, "no memory for notes");
		say_failed(c, &err);
		return;
	}
	for (int i = 0; i < v->set_count; i++) {
		int at = (c->note_next + i) % v->set_count;
		const struct view_set *set = &v->sets[at];

		if (set->deleting || at >= s->count || strcmp(s->all[at]->uid, set->uid) != 0 ||
		    !note_both(c, &c->notes[at], set, s->all[at], known ? &all : NULL))
			continue;
		c->note_next = at + 1;
		return;
	}
}

/* All that is known of its keys is what was noted, and its slots are others' by now: they have left with them, as where
 * a group was emptied that is to have its share again. */
static bool have_left(const struct cluster *c, const struct observed_group *g)
{
	const struct dashboard_view *b = &c->view.dashboard;

	if (g->data.lost_run_id[0] || !b->slots_known)
		return false;
	for (int i = 0; i < CODIS_SLOTS; i++) {
		if (b->slot_group[i] == g->node.id || (b->slot_acting[i] && b->slot_target[i] == g->node.id))
			return false;
	}
	return true;
}

static void pass_over_what_has_left(struct cluster *c)
{
	for (int i = 0; i < c->view.group_count; i++) {
		struct group_view *group = &c->view.groups[i];
		struct observed_group *g = group->new_lost_keys ? cluster_group(c, group->node.id, false) : NULL;

		if (!g || g->data.told || !have_left(c, g))
			continue;
		data_noted(&g->data);
		group->new_lost_keys = 0;
	}
}

/* It is no OK, either. */
static void pass_over_what_may_come_back(struct cluster *c)
{
	for (int i = 0; i < c->view.group_count; i++) {
		struct group_view *group = &c->view.groups[i];
		const struct observed_group *g = group->new_lost_keys ? cluster_group(c, group->node.id, false) : NULL;

		if (!g || !may_come_back(c, g))
			continue;
		group->new_lost_keys = 0;
		group->loss_unclear = true;
	}
}

void ledger_note(struct cluster *c)
{
	struct sets s;

	pass_over_what_has_left(c);
	pass_over_what_may_come_back(c);
	if (c->view.mandate == MANDATE_LEAD) {
		tell_losses(c);
		tell_successions(c);
	}
	if (!may_note(c))
		return;
	c->note_tried_ms = c->view.now_ms;
	s = sets_of(c);
	note_next(c, &s);
	free(s.all);
}
