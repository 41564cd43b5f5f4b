#include "controller/recent.h"

#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/codis/decisions.h"
#include "controller/cluster.h"
#include "controller/history.h"

static void keep(struct cluster *c, int64_t wall_ms, const char *words)
{
	struct recent_note *kept = &c->recent[c->recent_count++ % RECENT_NOTES];

	kept->wall_ms = wall_ms;
	snprintf(kept->words, sizeof(kept->words), "%.*s", (int)sizeof(kept->words) - 1, words);
}

void recent_note(struct cluster *c, const char *reason, const char *words)
{
	int64_t now_ms = clock_wall_ms();
	char said[DECISION_WORDS_MAX];

	snprintf(said, sizeof(said), "%s: %s", reason, words);
	keep(c, now_ms, said);
	history_note(c->ctl->history, c->namespace, c->product, now_ms, said);
}

void recent_recall(struct cluster *c)
{
	const struct decisions *all = history_all(c->ctl->history);
	int places[RECENT_NOTES], n = 0;

	if (!all)
		return;
	for (int at = decisions_before(all, all->count, c->namespace, c->product); at >= 0 && n < RECENT_NOTES;
	     at = decisions_before(all, at, c->namespace, c->product))
		places[n++] = at;
	c->recent_count = 0;
	while (n-- > 0) {
		JSON_CLEANUP cJSON *parsed = NULL;
		struct decision one;

		if (decisions_read(all, places[n], &parsed, &one) == 0)
			keep(c, one.wall_ms, one.words);
	}
}
