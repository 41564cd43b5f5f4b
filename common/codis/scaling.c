#include "common/codis/scaling.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

#define NONE       "none"
#define NAMED      6
#define NUMBER_MAX 9 /* digits: as much as is kept of codis.io/scale-to is all of it */

/* --- groups ------------------------------------------------------------------------------------------------------- */

/* Where it stands, or would. */
static int place(const struct gids *g, int gid)
{
	int low = 0, high = g->count;

	while (low < high) {
		int mid = low + (high - low) / 2;

		if (g->of[mid] < gid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool gids_have(const struct gids *g, int gid)
{
	int at = place(g, gid);

	return at < g->count && g->of[at] == gid;
}

void gids_add(struct gids *g, int gid)
{
	int at = place(g, gid);

	if ((at < g->count && g->of[at] == gid) || g->count == GIDS_MAX || gid < 1 || gid > CODIS_GROUP_MAX)
		return;
	memmove(&g->of[at + 1], &g->of[at], (size_t)(g->count - at) * sizeof(g->of[0]));
	g->of[at] = (int16_t)gid;
	g->count++;
}

bool gids_same(const struct gids *a, const struct gids *b)
{
	return a->count == b->count && memcmp(a->of, b->of, (size_t)a->count * sizeof(a->of[0])) == 0;
}

int gids_write(const struct gids *g, struct buf *out)
{
	for (int i = 0; i < g->count; i++)
		buf_addf(out, "%s%d", i ? "," : "", g->of[i]);
	return buf_addstr(out, g->count ? "" : NONE);
}

bool gids_take(const char **text, struct gids *out)
{
	bool more = true;

	out->count = 0;
	if (strncmp(*text, NONE, strlen(NONE)) == 0) {
		*text += strlen(NONE);
		return true;
	}
	while (more) {
		char *end;
		long gid = **text >= '1' && **text <= '9' ? strtol(*text, &end, 10) : 0;

		if (gid < 1 || gid > CODIS_GROUP_MAX)
			return false;
		gids_add(out, (int)gid);
		more = *end == ',';
		*text = end + more;
	}
	return true;
}

void gids_say(const struct gids *g, struct buf *out)
{
	int named = g->count > NAMED ? NAMED - 1 : g->count;

	buf_addstr(out, g->count == 1 ? "group " : "groups ");
	for (int i = 0; i < named; i++)
		buf_addf(out, "%s%d", i == 0 ? "" : i == g->count - 1 ? " and " : ", ", g->of[i]);
	if (g->count > named)
		buf_addf(out, " and %d more", g->count - named);
}

/* --- codis.io/moving ---------------------------------------------------------------------------------------------- */

bool moving_is(const struct moving *m)
{
	return m->to.count || m->from.count;
}

int moving_write(const struct moving *m, struct buf *out)
{
	if (m->to.count) {
		buf_addstr(out, "to=");
		gids_write(&m->to, out);
		buf_addch(out, ' ');
	}
	if (m->from.count) {
		buf_addstr(out, "from=");
		gids_write(&m->from, out);
		buf_addch(out, ' ');
	}
	return buf_addf(out, "slots=%d", m->slots);
}

/* Moves *text behind the word, where it stands there. */
static bool take_word(const char **text, const char *word)
{
	if (strncmp(*text, word, strlen(word)) != 0)
		return false;
	*text += strlen(word);
	return true;
}

static bool parse(const char *text, struct moving *out)
{
	if (take_word(&text, "to=") && !(gids_take(&text, &out->to) && take_word(&text, " ")))
		return false;
	if (take_word(&text, "from=") && !(gids_take(&text, &out->from) && take_word(&text, " ")))
		return false;
	if (!take_word(&text, "slots="))
		return false;
	out->slots = scaling_number(text, 0, CODIS_SLOTS, 0);
	return true;
}

void moving_parse(const char *text, struct moving *out)
{
	memset(out, 0, sizeof(*out));
	if (text && !parse(text, out))
		memset(out, 0, sizeof(*out));
}

/* --- numbers ------------------------------------------------------------------------------------------------------ */

int scaling_number(const char *text, int min, int max, int def)
{
	char *end;
	long n;

	if (!text || *text < '0' || *text > '9' || strnlen(text, NUMBER_MAX + 1) > NUMBER_MAX)
		return def;
	n = strtol(text, &end, 10);
	return *end || n < min || n > max ? def : (int)n;
}

bool scaling_asks_for_none(const char *text)
{
	return scaling_number(text, 0, 0, -1) == 0;
}

/* What it is that does not fit, of a number. */
static void say_unfit(int n, const struct codis_shape *shape, char why[SCALING_WHY_MAX])
{
	int size = shape->server_replica, low = size > 0 ? n / size * size : 0;

	if (shape->group)
		snprintf(why, SCALING_WHY_MAX,
			 "by label " CODIS_LABEL_GROUP " it is one group: 0 empties it; for more or fewer replicas "
			 "scale it itself");
	else if (size < 1)
		snprintf(why, SCALING_WHY_MAX, "SERVER_REPLICA is not known");
	else if (low)
		snprintf(why, SCALING_WHY_MAX, "it must be a multiple of SERVER_REPLICA, which is %d: %d or %d", size,
			 low, low + size);
	else
		snprintf(why, SCALING_WHY_MAX, "it must be a multiple of SERVER_REPLICA, which is %d, and %d at least",
			 size, size);
}

bool scaling_fits(const char *text, const struct codis_shape *shape, bool others, int *servers,
		  char why[SCALING_WHY_MAX])
{
	int n = scaling_number(text, 0, CODIS_ORDINALS_MAX, -1);
	bool whole = shape->group ? n == 0 : shape->server_replica > 0 && n % shape->server_replica == 0;

	*servers = -1;
	if (n < 0) {
		snprintf(why, SCALING_WHY_MAX, "it must be a number of servers");
	} else if (!whole) {
		say_unfit(n, shape, why);
	} else if (n == 0 && !others) {
		snprintf(why, SCALING_WHY_MAX,
			 "no group would be left to take its slots, for no other StatefulSet of the product stays");
	} else {
		*servers = n;
		return true;
	}
	return false;
}
