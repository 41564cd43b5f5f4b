#include "controller/wished.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/codis/inventory.h"
#include "common/kube/client.h"
#include "common/kube/event.h"
#include "controller/cluster.h"
#include "controller/op.h"
#include "controller/say.h"
#include "controller/switchover.h"
#include "controller/tell.h"

#define RETRY_MIN_MS      500
#define RETRY_MAX_MS      30000
#define TOO_MANY_REQUESTS 429
/* So long a watch that is late may bring what was answered. Later it is asked about again, and the API server says that
 * it is not there. */
#define LATE_MS 5000

/* As "/" stands in a JSON Pointer (RFC 6901). */
#define SWITCHOVER_PATH "/metadata/annotations/codis.io~1switchover"
#define SWITCHED_PATH   "/metadata/annotations/codis.io~1switched"

/* --- heard -------------------------------------------------------------------------------------------------------- */

static const char *wish_on(const struct inventory_set *set)
{
	return json_str(set->annotations, CODIS_ANNOTATION_SWITCHOVER, NULL);
}

/* What is longer than any wish is known by its beginning. */
static bool is_text(const char *kept, const char *text)
{
	return strncmp(kept, text, WISH_TEXT_MAX - 1) == 0;
}

static bool is_known(const struct wished *w, const struct inventory_set *set, const char *text)
{
	return w->step != WISHED_NOTHING && strcmp(w->uid, set->uid) == 0 &&
	       (is_text(w->text, text) || is_text(w->before, text));
}

static void begin_anew(struct wished *w, const struct inventory_set *set, int64_t now_ms)
{
	struct error err;

	/* what failed may have been the same one, as a watch that is late still tells of it */
	*w = (struct wished){
		.step = WISHED_SEEN, .seen_ms = now_ms, .failures = w->failures, .tried_ms = w->tried_ms
	};
	text_copy(w->uid, sizeof(w->uid), set->uid);
	text_copy(w->text, sizeof(w->text), wish_on(set));
	memcpy(w->before, w->text, sizeof(w->before));
	if (wish_read(wish_on(set), &w->wish, &err) < 0) {
		w->wish = (struct wish){ .gid = 0 };
		text_copy(w->unreadable, sizeof(w->unreadable), err.text);
	}
}

/* One at a time: that of the first StatefulSet that has one. What is begun is brought to its end, whatever is wished by
 * then. */
static void hear(struct cluster *c, const struct inventory_set *const *sets, int count)
{
	struct wished *w = &c->wished;
	const struct inventory_set *other = NULL;
	bool answered = false;

	if (w->writing || w->step == WISHED_BEGUN || w->step == WISHED_ENDED || count < 0)
		return;
	if (w->step == WISHED_ANSWERED && c->view.now_ms - w->answered_ms >= LATE_MS)
		w->step = WISHED_NOTHING;
	for (int i = 0; i < count; i++) {
		const char *text = sets[i]->deleting ? NULL : wish_on(sets[i]);
		bool known = text && is_known(w, sets[i], text);

		if (known && w->step != WISHED_ANSWERED)
			return;
		answered |= known; /* a watch that is late still tells of it */
		if (text && !known && !other)
			other = sets[i];
	}
	if (other)
		begin_anew(w, other, c->view.now_ms);
	else if (!answered)
		w->step = WISHED_NOTHING; /* whoever wished it has taken it away */
}

static const struct view_set *its_set(const struct cluster *c)
{
	for (int i = 0; i < c->view.set_count; i++) {
		if (strcmp(c->view.sets[i].uid, c->wished.uid) == 0)
			return &c->view.sets[i];
	}
	return NULL;
}

void wished_note(struct cluster *c)
{
	struct wished *w = &c->wished;
	const struct inventory_set **sets = NULL;
	int count = inventory_sets_of(c->ctl->inventory, c->namespace, c->product, &sets);

	hear(c, sets, count);
	free(sets);
	c->view.switchover = (struct switchover_view){
		.wished = w->step == WISHED_SEEN || w->step == WISHED_CHOSEN,
		.set = its_set(c),
		.wish = w->wish,
		.ours = w->step == WISHED_CHOSEN,
		.seen_ms = w->seen_ms,
		.now_wall_ms = clock_wall_ms(),
	};
	text_copy(c->view.switchover.unreadable, sizeof(c->view.switchover.unreadable), w->unreadable);
}

/* --- the switch --------------------------------------------------------------------------------------------------- */

void wished_begin(struct cluster *c)
{
	c->wished.step = WISHED_BEGUN;
}

static int mark(const struct op *op, const char *step)
{
	for (int i = 0; i < op->mark_count; i++) {
		if (strcmp(op->marks[i].step, step) == 0)
			return op->marks[i].ms;
	}
	return -1;
}

/* How long clients of its slots waited at most: from the locks on. */
static void say_done(const struct op *op, char *out, size_t size)
{
	int asked = mark(op, "asked"), fill = mark(op, "fill");
	size_t used = (size_t)snprintf(out, size, "%s (%s) replaces %s (%s) as the master of group %d; %lld ms",
				       op->a.pod, op->a.addr, op->a.from_pod, op->a.from, op->a.gid,
				       (long long)(clock_mono_ms() - op->began_ms));

	if (asked >= 0 && fill >= asked && used < size)
		snprintf(out + used, size - used, ", for %d of which its slots were held", fill - asked);
}

void wished_end(struct op *op, const struct error *err)
{
	struct wished *w = &op->c->wished;

	w->step = WISHED_ENDED;
	w->answer = (struct wish_answer){ .verdict = err ? WISH_FAILED : WISH_DONE, .wish = w->wish };
	if (err)
		snprintf(w->answer.words, sizeof(w->answer.words), "the switch of group %d to %s failed: %s", op->a.gid,
			 op->a.pod, err->text);
	else
		say_done(op, w->answer.words, sizeof(w->answer.words));
}

/* --- written ------------------------------------------------------------------------------------------------------ */

static void tell(struct cluster *c)
{
	const struct wish_answer *a = &c->wished.answer;
	const struct view_set *set = its_set(c);
	bool refused = a->verdict == WISH_REFUSED;

	say_info(c, "switchover.answered", "group=%d done=%s words=%s", a->wish.gid,
		 a->verdict == WISH_DONE ? "true" : "false", LOGQ(a->words));
	if (set && (refused || a->verdict == WISH_FAILED))
		tell_event(c, "StatefulSet", tell_about(c->namespace, set->name, set->uid), true,
			   refused ? "SwitchoverRefused" : "SwitchoverFailed", a->words);
}

static void take_written(struct cluster *c)
{
	struct wished *w = &c->wished;

	w->failures = 0;
	if (w->choosing) {
		w->step = WISHED_CHOSEN;
		w->wish = w->chosen;
		wish_write(&w->wish, w->text);
		return;
	}
	tell(c);
	w->step = WISHED_ANSWERED;
	w->answered_ms = c->view.now_ms;
}

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct cluster *c = ctx;
	struct wished *w = &c->wished;

	(void)object;
	w->writing = false;
	c->running--;
	cluster_look(c);
	if (!err) {
		take_written(c);
		return;
	}
	say_warn(c, "switchover.failed", "error=%s", LOGQ(err->text));
	w->tried_ms = c->view.now_ms;
	w->failures++;
	/* Its test has failed: another one is wished meanwhile, or none, as a watch is about to tell. One that has too
	 * much to do says nothing of it. */
	if (err->code == ERR_NOTFOUND || err->code == ERR_CONFLICT || err->code == ERR_INVALID ||
	    (err->code == ERR_STATUS && err->status / 100 == 4 && err->status != TOO_MANY_REQUESTS))
		w->step = WISHED_NOTHING;
}

/* Over that very wish, of that very StatefulSet. answer NULL: what is chosen, in its place. */
static int write_over(struct cluster *c, const char *was, const char *answer, struct error *err)
{
	JSON_CLEANUP cJSON *patch = cJSON_CreateArray();
	const struct view_set *set = its_set(c);
	char path[600], text[WISH_TEXT_MAX];

	if (!set || !was)
		return error_set(err, ERR_NOTFOUND, "its StatefulSet is no more");
	if (!json_patch_push_str(patch, "test", "/metadata/uid", set->uid) ||
	    !json_patch_push_str(patch, "test", SWITCHOVER_PATH, was) ||
	    !(answer ? json_patch_push(patch, "remove", SWITCHOVER_PATH, NULL) &&
			       json_patch_push_str(patch, "add", SWITCHED_PATH, answer)
		     : json_patch_push_str(patch, "replace", SWITCHOVER_PATH, wish_write(&c->wished.chosen, text))))
		return error_set(err, ERR_NOMEM, "no memory for a patch");
	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", c->namespace, set->name);
	return kube_call(c->ctl->kube, "PATCH", path, patch, KUBE_JSON_PATCH, 0, on_written, c, err) ? 0 : -1;
}

/* As it was heard, where nobody of us has written it yet: it may be longer than what is kept of it. */
static const char *text_there(const struct cluster *c, const struct inventory_set *const *sets, int count)
{
	for (int i = 0; c->wished.step == WISHED_SEEN && i < count; i++) {
		if (strcmp(sets[i]->uid, c->wished.uid) == 0)
			return wish_on(sets[i]);
	}
	return c->wished.text;
}

static void begin_write(struct cluster *c, bool choosing)
{
	struct wished *w = &c->wished;
	const struct inventory_set **sets = NULL;
	int count = inventory_sets_of(c->ctl->inventory, c->namespace, c->product, &sets);
	char answer[WISH_ANSWER_MAX];
	struct error err = ERROR_INIT;

	w->choosing = choosing;
	if (write_over(c, text_there(c, sets, count), choosing ? NULL : wish_answer_write(&w->answer, answer), &err) ==
	    0) {
		w->writing = true;
		c->running++;
	} else {
		w->tried_ms = c->view.now_ms;
		w->failures++;
		say_warn(c, "switchover.failed", "error=%s", LOGQ(err.text));
		if (err.code == ERR_NOTFOUND)
			w->step = WISHED_NOTHING;
	}
	free(sets);
}

static bool may_write(const struct cluster *c)
{
	const struct wished *w = &c->wished;
	const struct controller *ctl = c->ctl;
	int64_t since_ms = c->view.now_ms - w->tried_ms;

	return ctl->mandate == MANDATE_LEAD && !ctl->dry_run && !ctl->leaving && ctl->kube_fresh && !c->closing &&
	       !w->writing && (!w->failures || since_ms >= calm_doubled(RETRY_MIN_MS, w->failures - 1, RETRY_MAX_MS));
}

void wished_answer(struct cluster *c)
{
	struct wished *w = &c->wished;
	struct switchover s;

	if (!may_write(c))
		return;
	if (w->step == WISHED_ENDED) {
		begin_write(c, false);
		return;
	}
	switchover_look(&c->view, &c->ctl->limits, &s);
	if (s.step == SWITCHOVER_CHOOSE) {
		w->chosen = w->wish;
		w->chosen.begun = true;
		text_copy(w->chosen.pod, sizeof(w->chosen.pod), s.next->pod.name);
		if (!w->chosen.wall_ms)
			w->chosen.wall_ms = clock_wall_ms();
		begin_write(c, true);
	} else if (s.step == SWITCHOVER_ANSWER) {
		w->answer = (struct wish_answer){ .verdict = s.verdict, .wish = w->wish };
		text_copy(w->answer.words, sizeof(w->answer.words), s.words);
		begin_write(c, false);
	}
}
