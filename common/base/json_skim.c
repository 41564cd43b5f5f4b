#include "common/base/json_skim.h"

#include <ctype.h>
#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_plain.h"

#define DEPTH_MAX 100
/* cJSON looks at 63 bytes of a number. */
#define NUMBER_MAX 60

/* A text, and a bit for each of its bytes and for the NUL at its end: it is special (json_plain.h). */
struct view {
	const char *text, *bits;
};

struct skim {
	char *to;         /* behind what stays */
	const char *from; /* what comes there next */
	struct view view;
};

/* --- where strings end -------------------------------------------------------------------------------------------- */

/* Bytes for the bits of so many, read eight at a time. */
static size_t bits_size(size_t len)
{
	return (len / 64 + 2) * sizeof(uint64_t);
}

static void put_bits(char *to, uint64_t bits)
{
	bits = htole64(bits);
	memcpy(to, &bits, sizeof(bits));
}

/* All at once: where one string ends then does not wait for where the one before does. */
static void find_special(const char *text, size_t len, char *bits)
{
	char tail[64] = "";

	for (; len >= sizeof(tail); len -= sizeof(tail), text += sizeof(tail), bits += sizeof(uint64_t))
		put_bits(bits, json_special_of_64(text));
	memcpy(tail, text, len);
	put_bits(bits, json_special_of_64(tail));
	put_bits(bits + sizeof(uint64_t), 0);
}

/* The first special byte from there on. */
static inline const char *plain_end(const char *at, struct view v)
{
	size_t i = (size_t)(at - v.text);
	uint64_t bits;

	for (;; i += 64 - i % 8) {
		memcpy(&bits, v.bits + i / 8, sizeof(bits));
		bits = le64toh(bits) >> i % 8;
		if (bits)
			return v.text + i + __builtin_ctzll(bits);
	}
}

/* All below take where something begins, and give what follows it; NULL: it is no JSON. The NUL stops each of them. */

/* Of what API servers write there is none. */
static const char *blanks(const char *at)
{
	while ((unsigned char)*at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* --- what has no members ------------------------------------------------------------------------------------------ */

static int hex(const char *at)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)at[i]))
			return -1;
		n = n * 16 + (at[i] <= '9' ? at[i] - '0' : (at[i] | 0x20) - 'a' + 10);
	}
	return n;
}

/* Behind `\u`. */
static const char *utf16(const char *at)
{
	int n = hex(at);

	if (n < 0xd800 || n > 0xdfff)
		return n < 0 ? NULL : at + 4;
	if (n > 0xdbff || at[4] != '\\' || at[5] != 'u')
		return NULL;
	n = hex(at + 6);
	return n >= 0xdc00 && n <= 0xdfff ? at + 10 : NULL;
}

/* Behind a `\`. */
static const char *escape(const char *at)
{
	switch (*at) {
	case '"':
	case '\\':
	case '/':
	case 'b':
	case 'f':
	case 'n':
	case 'r':
	case 't': return at + 1;
	case 'u': return utf16(at + 1);
	default: return NULL;
	}
}

/* At a `\`, which few strings have. */
static __attribute__((noinline)) const char *rest_of_string(const char *at, struct view v)
{
	while (at && *at == '\\') {
		at = escape(at + 1);
		if (at)
			at = plain_end(at, v);
	}
	return at && *at == '"' ? at + 1 : NULL;
}

/* Behind its first quote. */
static inline const char *string(const char *at, struct view v)
{
	at = plain_end(at, v);
	return *at == '"' ? at + 1 : rest_of_string(at, v);
}

static const char *digits(const char *at)
{
	const char *from = at;

	while (*at >= '0' && *at <= '9')
		at++;
	return at > from ? at : NULL;
}

static const char *number(const char *from)
{
	const char *at = from + (*from == '-');

	at = *at == '0' ? at + 1 : digits(at);
	if (at && *at == '.')
		at = digits(at + 1);
	if (at && (*at == 'e' || *at == 'E')) {
		at++;
		at = digits(at + (*at == '+' || *at == '-'));
	}
	return at && at - from <= NUMBER_MAX ? at : NULL;
}

static const char *word(const char *at, const char *text)
{
	size_t len = strlen(text);

	return strncmp(at, text, len) == 0 ? at + len : NULL;
}

static inline const char *scalar(const char *at, struct view v)
{
	switch (*at) {
	case '"': return string(at + 1, v);
	case 't': return word(at, "true");
	case 'f': return word(at, "false");
	case 'n': return word(at, "null");
	default: return number(at);
	}
}

/* --- what stays, or goes, as a whole ------------------------------------------------------------------------------ */

/* A member's name and its colon. */
static inline const char *name(const char *at, struct view v)
{
	at = blanks(at);
	at = *at == '"' ? string(at + 1, v) : NULL;
	if (at)
		at = blanks(at);
	return at && *at == ':' ? at + 1 : NULL;
}

/* An object or array, and maybe blanks. Most of a text is gone over here, so nothing is called for what lies within
 * another. */
static const char *nested(const char *at, struct view v, int outer)
{
	char ends[DEPTH_MAX], in = '\0'; /* what ends those that it lies in, and the innermost */
	int depth = outer;

	for (;; at++) {
		if (in == '}' && !(at = name(at, v)))
			return NULL;
		at = blanks(at);
		if (*at == '{' && at[1] == '}' && depth < DEPTH_MAX) { /* as most of managedFields */
			at = blanks(at + 2);
		} else if (*at == '{' || *at == '[') {
			if (depth == DEPTH_MAX)
				return NULL;
			ends[depth++] = in;
			in = *at == '{' ? '}' : ']';
			at = blanks(at + 1);
			if (*at != in) {
				at--;
				continue;
			}
		} else {
			at = scalar(at, v);
			if (!at)
				return NULL;
			at = blanks(at);
		}
		for (; depth > outer && *at == in; in = ends[--depth])
			at = blanks(at + 1);
		if (depth == outer)
			return at;
		if (*at != ',')
			return NULL;
	}
}

static inline const char *whole(const char *at, struct view v, int depth)
{
	at = blanks(at);
	return *at == '{' || *at == '[' ? nested(at, v, depth) : scalar(at, v);
}

/* --- what loses something that lies within ------------------------------------------------------------------------ */

static const char *value(struct skim *s, const char *at, const struct json_cut *cuts, int depth);

/* Of a name with an escape nobody knows here which it is; that member stays. */
static const struct json_cut *find(const struct json_cut *cuts, const char *name, size_t len)
{
	for (; cuts->name; cuts++) {
		if (cuts->len == len && memcmp(cuts->name, name, len) == 0)
			return cuts;
	}
	return NULL;
}

static void leave_out(struct skim *s, const char *from, const char *to)
{
	size_t len = (size_t)(from - s->from);

	memcpy(s->to, s->from, len);
	s->to += len;
	s->from = to;
}

/* kept: the end of the last member that stays, or NULL; what is left out takes the comma between with it. */
static const char *member(struct skim *s, const char *from, const struct json_cut *cuts, const char **kept, int depth)
{
	const char *quote = blanks(from), *at = *quote == '"' ? string(quote + 1, s->view) : NULL;
	const struct json_cut *cut;

	if (!at)
		return NULL;
	cut = find(cuts, quote + 1, (size_t)(at - 2 - quote));
	at = blanks(at);
	if (*at != ':')
		return NULL;
	at = cut && cut->inner ? value(s, at + 1, cut->inner, depth) : whole(at + 1, s->view, depth);
	if (!at || !cut || cut->inner) {
		*kept = at;
		return at;
	}
	if (*kept)
		from = *kept;
	if (from < s->from) /* the member before is left out, too */
		from = s->from;
	at = blanks(at);
	leave_out(s, from, !*kept && *at == ',' ? at + 1 : at);
	return at;
}

static const char *object(struct skim *s, const char *at, const struct json_cut *cuts, int depth)
{
	const char *kept = NULL, *first = blanks(at);

	if (*first == '}')
		return first + 1;
	for (;; at++) {
		at = member(s, at, cuts, &kept, depth);
		if (!at)
			return NULL;
		at = blanks(at);
		if (*at != ',')
			return *at == '}' ? at + 1 : NULL;
	}
}

static const char *array(struct skim *s, const char *at, const struct json_cut *cuts, int depth)
{
	at = blanks(at);
	if (*at == ']')
		return at + 1;
	for (;; at++) {
		at = value(s, at, cuts, depth);
		if (!at)
			return NULL;
		at = blanks(at);
		if (*at != ',')
			return *at == ']' ? at + 1 : NULL;
	}
}

static const char *value(struct skim *s, const char *at, const struct json_cut *cuts, int depth)
{
	at = blanks(at);
	if (depth == DEPTH_MAX || (*at != '{' && *at != '['))
		return whole(at, s->view, depth);
	return *at == '{' ? object(s, at + 1, cuts, depth + 1) : array(s, at + 1, cuts, depth + 1);
}

bool json_skim(const char *text, size_t len, const struct json_cut *cuts, struct buf *out)
{
	char *to = buf_reserve(out, len + bits_size(len));
	struct skim s = { .to = to, .from = text };
	const char *at;

	if (!to)
		return false;
	find_special(text, len, to + len);
	s.view = (struct view){ .text = text, .bits = to + len };
	at = value(&s, text, cuts, 0);
	if (!at || blanks(at) != text + len)
		return false;
	leave_out(&s, text + len, text + len);
	buf_commit(out, (size_t)(s.to - to));
	return true;
}

cJSON *json_parse_skimmed(const char *text, size_t len, size_t max_items, const struct json_cut *cuts,
			  struct error *err)
{
	BUF_CLEANUP struct buf rest = BUF_INIT(len + bits_size(len));

	/* A text of fewer bytes has no more values than that, and needs not be counted. */
	if (len < max_items && json_skim(text, len, cuts, &rest))
		return json_parse(rest.data, rest.len, max_items, err);
	return json_parse(text, len, max_items, err);
}
