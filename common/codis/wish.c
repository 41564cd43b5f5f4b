#include "common/codis/wish.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/text.h"

#define BEGUN    " begun"
#define SHOWN    40 /* bytes of a text that cannot be read */
#define TIME_MAX 40

static const char *const verdicts[] = {
	[WISH_DONE] = "done", [WISH_NEEDLESS] = "needless", [WISH_REFUSED] = "refused", [WISH_FAILED] = "failed"
};
#define VERDICTS (sizeof(verdicts) / sizeof(verdicts[0]))

/* --- a wish ------------------------------------------------------------------------------------------------------- */

/* A word of DNS, or several with dots between them. */
bool wish_is_pod(const char *name)
{
	char before = '.';

	if (strnlen(name, WISH_POD_MAX) >= WISH_POD_MAX)
		return false;
	for (; *name; before = *name++) {
		bool dot = *name == '.', hyphen = *name == '-';

		if (!(islower((unsigned char)*name) || isdigit((unsigned char)*name) || dot || hyphen))
			return false;
		if ((dot || hyphen) && (before == '.' || (dot && before == '-')))
			return false;
	}
	return before != '.' && before != '-';
}

/* Up to nine digits, the first of which is no 0; 0: there is no such number. */
static int take_group(const char **text)
{
	int n = 0;

	for (int i = 0; i < 9 && isdigit((unsigned char)**text) && (n || **text != '0'); i++)
		n = n * 10 + (*(*text)++ - '0');
	return n;
}

/* "=NAME" and "@TIME", where they are there: what stands between the sign and the next one of `ends`. 0, or -1: it is
 * empty, or too long. */
static int take_part(const char **text, char sign, const char *ends, char *out, size_t size)
{
	size_t len;

	out[0] = '\0';
	if (**text != sign)
		return 0;
	(*text)++;
	len = strcspn(*text, ends);
	if (!len || len >= size)
		return -1;
	memcpy(out, *text, len);
	out[len] = '\0';
	*text += len;
	return 0;
}

static int read_wish(const char *text, struct wish *out)
{
	char time[TIME_MAX];

	*out = (struct wish){ .gid = take_group(&text) };
	if (!out->gid || take_part(&text, '=', "@ ", out->pod, sizeof(out->pod)) < 0 ||
	    (out->pod[0] && !wish_is_pod(out->pod)) || take_part(&text, '@', " ", time, sizeof(time)) < 0)
		return -1;
	if (time[0] && (clock_parse_rfc3339(time, &out->wall_ms, NULL) < 0 || out->wall_ms <= 0))
		return -1;
	out->begun = strcmp(text, BEGUN) == 0;
	/* what is begun has been chosen, and has its time */
	return out->begun ? (out->pod[0] && out->wall_ms ? 0 : -1) : *text ? -1 : 0;
}

int wish_read(const char *text, struct wish *out, struct error *err)
{
	if (read_wish(text, out) == 0)
		return 0;
	return error_set(err, ERR_INVALID,
			 "\"%.*s%s\" is no wish for another master: GROUP or GROUP=POD, as 2=codis-server-3",
			 (int)text_fit(text, SHOWN), text, strnlen(text, SHOWN + 1) > SHOWN ? "..." : "");
}

const char *wish_write(const struct wish *w, char out[WISH_TEXT_MAX])
{
	char time[32];

	clock_rfc3339(w->wall_ms, time, sizeof(time));
	snprintf(out, WISH_TEXT_MAX, "%d%s%s%s%.23s%s%s", w->gid, w->pod[0] ? "=" : "", w->pod, w->wall_ms ? "@" : "",
		 w->wall_ms ? time : "", w->wall_ms ? "Z" : "", w->begun ? BEGUN : "");
	return out;
}

bool wish_is_same(const struct wish *a, const struct wish *b)
{
	return a->gid && a->gid == b->gid && a->wall_ms && a->wall_ms == b->wall_ms;
}

/* --- what became of it -------------------------------------------------------------------------------------------- */

static int read_answer(const char *text, struct wish_answer *out)
{
	char wish[WISH_TEXT_MAX];
	size_t verdict = 0, len;

	*out = (struct wish_answer){ .verdict = WISH_DONE };
	while (verdict < VERDICTS && strncmp(text, verdicts[verdict], strlen(verdicts[verdict])) != 0)
		verdict++;
	if (verdict == VERDICTS)
		return -1;
	out->verdict = (enum wish_verdict)verdict;
	text += strlen(verdicts[verdict]);
	if (take_part(&text, ' ', " ", wish, sizeof(wish)) < 0)
		return -1;
	len = strlen(wish);
	if (len && wish[len - 1] == ':') { /* the colon that ends it: a time has some, too */
		wish[--len] = '\0';
		if (read_wish(wish, &out->wish) < 0)
			return -1;
	} else if (len || *text++ != ':') {
		return -1;
	}
	if (*text++ != ' ')
		return -1;
	len = text_fit(text, sizeof(out->words) - 1);
	memcpy(out->words, text, len);
	return 0;
}

int wish_answer_read(const char *text, struct wish_answer *out, struct error *err)
{
	if (read_answer(text, out) == 0)
		return 0;
	return error_set(err, ERR_INVALID, CODIS_ANNOTATION_SWITCHED " cannot be read: \"%.*s\"",
			 (int)text_fit(text, SHOWN), text);
}

const char *wish_answer_write(const struct wish_answer *a, char out[WISH_ANSWER_MAX])
{
	struct wish wish = a->wish;
	char text[WISH_TEXT_MAX] = "";

	wish.begun = false;
	if (wish.gid)
		wish_write(&wish, text);
	snprintf(out, WISH_ANSWER_MAX, "%s%s%s: %s", verdicts[a->verdict], text[0] ? " " : "", text, a->words);
	return out;
}
