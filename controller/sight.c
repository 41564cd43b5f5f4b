#include "controller/sight.h"

#include <stdio.h>

/* Blind for less than that is a moment's trouble. */
#define BLIND_MS 2000
/* Where nobody sees, the lease does not go to and fro for ever. */
#define PATIENCE_MAX_MS 300000
#define CLEAR_MS        60000

void sight_init(struct sight *s, int lease_ms)
{
	*s = (struct sight){ .patience_ms = 2 * lease_ms };
}

static bool sees(const struct sight_seen *seen, int unheard)
{
	return seen->heard * 2 >= seen->servers + unheard && (!seen->clusters || seen->connected);
}

/* Another one may hear them: so whoever leads gives the lease up for them, and leaves it for a while. When it comes
 * back, none does. */
static bool unheard_count(const struct sight *s, bool leads, int lease_ms, int64_t now_ms)
{
	return s->gave_ms ? now_ms - s->gave_ms < 2 * lease_ms : leads;
}

static void note(struct sight *s, bool clear, int lease_ms, int64_t now_ms)
{
	if (clear) {
		s->blind_since_ms = 0;
		s->clear_since_ms = s->clear_since_ms ? s->clear_since_ms : now_ms;
	} else {
		s->clear_since_ms = 0;
		s->blind_since_ms = s->blind_since_ms ? s->blind_since_ms : now_ms;
	}
	if (s->clear_since_ms && now_ms - s->clear_since_ms >= CLEAR_MS)
		s->patience_ms = 2 * lease_ms;
}

bool sight_look(struct sight *s, const struct sight_seen *seen, bool leads, int lease_ms, int64_t now_ms)
{
	s->led_ms = leads ? now_ms : s->led_ms;
	if (now_ms - s->led_ms >= CLEAR_MS)
		s->gave_ms = 0; /* another one leads, and may have heard more */
	note(s, sees(seen, unheard_count(s, leads, lease_ms, now_ms) ? seen->unheard : 0), lease_ms, now_ms);
	if (!leads || !s->blind_since_ms || now_ms - s->blind_since_ms < s->patience_ms)
		return false;
	s->gave_ms = sees(seen, 0) ? now_ms : s->gave_ms;
	s->blind_since_ms = now_ms; /* should it have to lead again, it does so for a while */
	s->patience_ms = s->patience_ms * 2 < PATIENCE_MAX_MS ? s->patience_ms * 2 : PATIENCE_MAX_MS;
	return true;
}

bool sight_is_blind(const struct sight *s, int64_t now_ms)
{
	return s->blind_since_ms && now_ms - s->blind_since_ms >= BLIND_MS;
}

const char *sight_words(const struct sight_seen *seen, char *text, int size)
{
	if (seen->clusters && !seen->connected)
		return "no ZooKeeper is connected";
	snprintf(text, (size_t)size, "%d of %d servers answer it", seen->heard, seen->servers + seen->unheard);
	return text;
}
