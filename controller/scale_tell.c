#include "controller/scale_tell.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/kube/event.h"
#include "controller/cluster.h"
#include "controller/recent.h"
#include "controller/say.h"
#include "controller/scale.h"
#include "controller/tell.h"

#define TOLD_MS 2000 /* what waits for less is not worth a word */
#define ASK_MS  300  /* while slots move the dashboard is asked so often: it is given some more when some are done */

static void tell(struct cluster *c, bool warns, const char *reason, const char *words)
{
	const struct cluster_view *v = &c->view;
	const struct view_set *home = v->set_count ? &v->sets[v->scaling.home] : NULL;

	say_at(c, warns ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "slots.move", "reason=%s words=%s", reason, LOGQ(words));
	if (home)
		tell_event(c, "StatefulSet", tell_about(c->namespace, home->name, home->uid), warns, reason, words);
}

static void tell_progress(struct cluster *c, const struct scale *s, bool warns, const char *reason)
{
	char text[SCALE_WORDS_MAX];
	struct buf words = BUF_IN(text);

	if (scale_words(&c->view, s, &words))
		tell(c, warns, reason, words.data);
}

/* That it begins and ends is kept; each time that it waits would leave no room for what else was done. */
static void tell_begin(struct cluster *c, const struct scale *s)
{
	char text[SCALE_WORDS_MAX];
	struct buf words = BUF_IN(text);

	if (!scale_words(&c->view, s, &words))
		return;
	tell(c, false, "SlotsMoving", words.data);
	recent_note(c, "SlotsMoving", words.data);
}

static void tell_end(struct cluster *c, const struct moving *was)
{
	char text[SCALE_WORDS_MAX];
	struct buf words = BUF_IN(text);

	scale_end_words(&c->view, was, &words);
	tell(c, false, "SlotsMoved", words.data);
	recent_note(c, "SlotsMoved", words.data);
}

/* It waits, for long enough, or does so no more. */
static void tell_waits(struct cluster *c, const struct scale *s)
{
	int64_t now_ms = c->view.now_ms;

	if (!s->waits[0] || !s->left) {
		if (c->scale_told.waits && s->left)
			tell_progress(c, s, false, "SlotsMoving");
		c->scale_told.waits = false;
		c->scale_told.waits_since_ms = 0;
		return;
	}
	if (!c->scale_told.waits_since_ms)
		c->scale_told.waits_since_ms = now_ms;
	if (c->scale_told.waits || now_ms - c->scale_told.waits_since_ms < TOLD_MS)
		return;
	c->scale_told.waits = true;
	tell_progress(c, s, true, "SlotsWait");
}

void scale_tell(struct cluster *c)
{
	const struct moving *now = &c->view.scaling.moving;
	struct moving *told = &c->scale_told.moving;
	struct scale s;

	if (c->view.mandate != MANDATE_LEAD || c->ctl->dry_run) {
		c->scale_told.moving = (struct moving){ .slots = 0 };
		return;
	}
	scale_look(&c->view, &c->ctl->limits, &s);
	c->scale_told.left = s.left;
	if (s.left && c->view.now_ms - c->dashboard_asked_ms >= ASK_MS)
		c->dashboard_asked_ms = 0;
	if (!gids_same(&now->to, &told->to) || !gids_same(&now->from, &told->from)) {
		if (!moving_is(now))
			tell_end(c, told);
		else if (s.left)
			tell_begin(c, &s);
		/* Groups that are empty go one after the other; the end is told of all of them. */
		if (s.left || !moving_is(now) || !moving_is(told))
			*told = *now;
	}
	if (moving_is(now))
		tell_waits(c, &s);
}
