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

static bool sees(const struct sight_seen *seen)
{
	return seen->heard * 2 >= seen->servers && (!seen->clusters || seen->connected);
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
	note(s, sees(seen), lease_ms, now_ms);
	if (!leads || !s->blind_since_ms || now_ms - s->blind_since_ms < s->patience_ms)
		return false;
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
	snprintf(text, (size_t)size, "it hears %d of %d servers", seen->heard, seen->servers);
	return text;
}
