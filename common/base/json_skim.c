#include "common/base/json_skim.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_plain.h"

#define DEPTH_MAX 100
/* cJSON looks at 63 bytes of a number. */
#define NUMBER_MAX 60

struct skim {
	const char *at, *end;
	const char *from; /* what is written next */
	struct buf *out;
	int depth;
};

static char peek(const struct skim *s)
{
	return s->at < s->end ? *s->at : '\0';
}

static bool take(struct skim *s, char c)
{
	bool is = s->at < s->end && *s->at == c;

	s->at += is;
	return is;
}

static void blanks(struct skim *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
		s->at++;
}

/* --- what has no members ------------------------------------------------------------------------------------------ */

static int hex(struct skim *s)
{
	int n = 0;

	for (int i = 0; i < 4; i++, s->at++) {
		char c = peek(s);

		if (!isxdigit((unsigned char)c))
			return -1;
		n = n * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return n;
}

/* Behind `\u`. */
static bool utf16(struct skim *s)
{
	int n = hex(s);

	if (n < 0xd800 || n > 0xdfff)
		return n >= 0;
	if (n > 0xdbff || !take(s, '\\') || !take(s, 'u'))
		return false;
	n = hex(s);
	return n >= 0xdc00 && n <= 0xdfff;
}

/* At its first quote. */
static bool string(struct skim *s)
{
	if (!take(s, '"'))
		return false;
	for (;;) {
		s->at += json_plain(s->at, (size_t)(s->end - s->at));
		if (take(s, '"'))
			return true;
		if (!take(s, '\\') || s->at == s->end || !*s->at || !strchr("\"\\/bfnrtu", *s->at))
			return false;
		if (*s->at++ == 'u' && !utf16(s))
			return false;
	}
}

static bool digits(struct skim *s)
{
	const char *from = s->at;

	while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
		s->at++;
	return s->at > from;
}

static bool number(struct skim *s)
{
	const char *from = s->at;

	take(s, '-');
	if (!take(s, '0') && !digits(s))
		return false;
	if (take(s, '.') && !digits(s))
		return false;
	if (peek(s) == 'e' || peek(s) == 'E') {
		s->at++;
		if (peek(s) == '+' || peek(s) == '-')
			s->at++;
		if (!digits(s))
			return false;
	}
	return s->at - from <= NUMBER_MAX;
}

static bool word(struct skim *s, const char *text)
{
	size_t len = strlen(text);

	if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
		return false;
	s->at += len;
	return true;
}

/* --- what has ----------------------------------------------------------------------------------------------------- */

static bool value(struct skim *s, const struct json_cut *cuts);

/* Of a name with an escape nobody knows here which it is; that member stays. */
static const struct json_cut *find(const struct json_cut *cuts, const char *name, size_t len)
{
	for (; cuts && cuts->name; cuts++) {
		if (cuts->name[0] == (len ? name[0] : '\0') && strncmp(cuts->name, name, len) == 0 && !cuts->name[len])
			return cuts;
	}
	return NULL;
}

static void leave_out(struct skim *s, const char *from, const char *to)
{
	buf_add(s->out, s->from, (size_t)(from - s->from));
	s->from = to;
}

/* kept: the end of the last member that stays, or NULL; what is left out takes the comma between with it. */
static bool member(struct skim *s, const struct json_cut *cuts, const char **kept)
{
	const char *from = *kept ? *kept : s->at, *name;
	const struct json_cut *cut;

	blanks(s);
	name = s->at + 1;
	if (!string(s))
		return false;
	cut = find(cuts, name, (size_t)(s->at - 1 - name));
	blanks(s);
	if (!take(s, ':') || !value(s, cut ? cut->inner : NULL))
		return false;
	if (!cut || cut->inner) {
		*kept = s->at;
		return true;
	}
	blanks(s);
	if (from < s->from) /* the member before is left out, too */
		from = s->from;
	leave_out(s, from, !*kept && peek(s) == ',' ? s->at + 1 : s->at);
	return true;
}

static bool object(struct skim *s, const struct json_cut *cuts)
{
	const char *kept = NULL;

	s->at++;
	blanks(s);
	if (take(s, '}'))
		return true;
	do {
		if (!member(s, cuts, &kept))
			return false;
		blanks(s);
	} while (take(s, ','));
	return take(s, '}');
}

static bool array(struct skim *s, const struct json_cut *cuts)
{
	s->at++;
	blanks(s);
	if (take(s, ']'))
		return true;
	do {
		if (!value(s, cuts))
			return false;
		blanks(s);
	} while (take(s, ','));
	return take(s, ']');
}

static bool value(struct skim *s, const struct json_cut *cuts)
{
	bool well = false;

	blanks(s);
	if (s->depth++ < DEPTH_MAX) {
		switch (peek(s)) {
		case '"': well = string(s); break;
		case '{': well = object(s, cuts); break;
		case '[': well = array(s, cuts); break;
		case 't': well = word(s, "true"); break;
		case 'f': well = word(s, "false"); break;
		case 'n': well = word(s, "null"); break;
		default: well = number(s); break;
		}
	}
	s->depth--;
	return well;
}

bool json_skim(const char *text, size_t len, const struct json_cut *cuts, struct buf *out)
{
	struct skim s = { .at = text, .end = text + len, .from = text, .out = out };

	if (!value(&s, cuts))
		return false;
	blanks(&s);
	if (s.at < s.end)
		return false;
	leave_out(&s, s.end, s.end);
	return !out->failed;
}

cJSON *json_parse_skimmed(const char *text, size_t len, size_t max_items, const struct json_cut *cuts,
			  struct error *err)
{
	BUF_CLEANUP struct buf rest = BUF_INIT(len);

	/* A text of fewer bytes has no more values than that, and needs not be counted. */
	if (len < max_items && buf_reserve(&rest, len) && json_skim(text, len, cuts, &rest))
		return json_parse(rest.data, rest.len, max_items, err);
	return json_parse(text, len, max_items, err);
}
