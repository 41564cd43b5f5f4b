#include "common/base/json_span.h"

#include <string.h>

#include "common/base/json_plain.h"

/* All below take where something begins, and give what follows it; NULL: the text ends before. */

static const char *blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r'))
		at++;
	return at;
}

/* Behind its first quote. */
static const char *string(const char *at, const char *end)
{
	for (;;) {
		const char *quote = memchr(at, '"', (size_t)(end - at)), *back = quote;

		if (!quote)
			return NULL;
		while (back > at && back[-1] == '\\')
			back--;
		at = quote + 1;
		if ((quote - back) % 2 == 0)
			return at;
	}
}

/* Behind its first bracket. */
static const char *nested(const char *at, const char *end)
{
	for (size_t depth = 1; at && at < end;) {
		char c = *at++;

		if (c == '"')
			at = string(at, end);
		else if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && --depth == 0)
			return at;
	}
	return NULL;
}

const char *json_span_end(const char *at, const char *end)
{
	const char *from = at;

	if (at >= end)
		return NULL;
	if (*at == '"')
		return string(at + 1, end);
	if (*at == '{' || *at == '[')
		return nested(at + 1, end);
	while (at < end && (unsigned char)*at > ' ' && !strchr(",:]}\"[{", *at))
		at++;
	return at > from ? at : NULL;
}

static struct json_span span(const char *from, const char *to)
{
	return (struct json_span){ .at = from, .len = (size_t)(to - from) };
}

struct json_span json_span_trim(const char *text, size_t len)
{
	const char *end = text + len, *at = blanks(text, end);

	while (end > at && (end[-1] == ' ' || end[-1] == '\n' || end[-1] == '\t' || end[-1] == '\r'))
		end--;
	return span(at, end);
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

static bool breaks(struct json_walk *w)
{
	w->broken = true;
	return false;
}

bool json_walk_begin(struct json_walk *w, struct json_span value)
{
	*w = (struct json_walk){ .broken = true };
	if (!value.at || value.len < 2 || (value.at[0] != '{' && value.at[0] != '['))
		return false;
	*w = (struct json_walk){ .at = value.at + 1,
				 .end = value.at + value.len,
				 .close = value.at[0] == '{' ? '}' : ']' };
	return true;
}

/* Behind the name and its colon; NULL: there is none. */
static const char *take_name(const struct json_walk *w, const char *at, struct json_span *name)
{
	const char *to = at < w->end && *at == '"' ? string(at + 1, w->end) : NULL;

	if (!to)
		return NULL;
	*name = span(at + 1, to - 1);
	at = blanks(to, w->end);
	return at < w->end && *at == ':' ? at + 1 : NULL;
}

bool json_walk_name(struct json_walk *w, struct json_span *name)
{
	const char *at;

	*name = (struct json_span){ .at = NULL };
	if (w->done || w->broken)
		return false;
	at = blanks(w->at, w->end);
	if (at < w->end && *at == w->close) {
		w->at = at + 1;
		w->done = true;
		return !w->inner && w->at != w->end ? breaks(w) : false;
	}
	if (w->begun) {
		if (at == w->end || *at != ',')
			return breaks(w);
		at++;
	}
	w->begun = true;
	if (w->close == '}')
		at = take_name(w, blanks(at, w->end), name);
	if (!at)
		return breaks(w);
	w->at = blanks(at, w->end);
	return true;
}

char json_walk_at(const struct json_walk *w)
{
	return w->at < w->end ? *w->at : '\0';
}

bool json_walk_value(struct json_walk *w, struct json_span *value)
{
	const char *to = w->broken ? NULL : json_span_end(w->at, w->end);

	if (!to)
		return breaks(w);
	*value = span(w->at, to);
	w->at = to;
	return true;
}

bool json_walk_next(struct json_walk *w, struct json_span *name, struct json_span *value)
{
	return json_walk_name(w, name) && json_walk_value(w, value);
}

/* Where the first byte is that is not plain; `end` if all are. */
static const char *plain(const char *at, const char *end)
{
	while (at < end && json_is_plain(*at))
		at++;
	return at;
}

/* The special bytes of a text, one after the other, but for its last ones: found 64 bytes at a time, and where a string
 * ends does not keep what comes behind it waiting. */
struct specials {
	const char *block, *end;
	uint64_t mask; /* of the block, those that are left */
};

static inline const char *next_special(struct specials *s)
{
	const char *at;

	while (!s->mask) {
		s->block += 64;
		if (s->end - s->block < 64)
			return NULL;
		s->mask = json_special_of_64(s->block);
	}
	at = s->block + __builtin_ctzll(s->mask);
	s->mask &= s->mask - 1;
	return at;
}

/* Strings that follow each other as Go writes them, with nothing but a comma in between; `at` is behind the first one's
 * quote. *behind is set behind each one's last quote. */
static size_t texts_in_a_row(const char *at, const char *end, struct json_span *texts, size_t room, const char **behind)
{
	struct specials s = { .block = at, .end = end, .mask = end - at < 64 ? 0 : json_special_of_64(at) };
	const char *to;
	size_t count = 0;

	while (count < room && (to = next_special(&s)) && *to == '"') {
		texts[count++] = span(at, to);
		*behind = to + 1;
		at = next_special(&s);
		if (at != to + 2 || to[1] != ',' || *at != '"')
			break;
		at++;
	}
	return count;
}

size_t json_walk_texts(struct json_walk *w, struct json_span *texts, size_t room)
{
	const char *behind = w->at, *end = w->end; /* behind what is taken */
	size_t count = 0;

	if (w->close != ']' || w->done || w->broken)
		return 0;
	while (count < room) {
		const char *at = blanks(behind, end), *to;
		size_t row;

		if (w->begun || count)
			at = at < end && *at == ',' ? blanks(at + 1, end) : end;
		if (at == end || *at != '"')
			break;
		row = texts_in_a_row(at + 1, end, texts + count, room - count, &behind);
		count += row;
		if (row)
			continue;
		to = plain(at + 1, end);
		if (to == end || *to != '"')
			break;
		texts[count++] = span(at + 1, to);
		behind = to + 1;
	}
	w->at = behind;
	w->begun = w->begun || count;
	return count;
}

bool json_walk_enter(struct json_walk *w, struct json_walk *inner)
{
	if (!json_walk_begin(inner, span(w->at, w->end)))
		return breaks(w);
	inner->inner = true;
	return true;
}

struct json_span json_walk_leave(struct json_walk *w, const struct json_walk *inner)
{
	struct json_span all = span(w->at, inner->at);

	w->broken = w->broken || inner->broken || !inner->done;
	w->at = inner->at;
	return all;
}

/* --- single values ------------------------------------------------------------------------------------------------ */

struct json_span json_span_member(struct json_span object, const char *name)
{
	struct json_span its, value;
	struct json_walk w;

	if (!json_walk_begin(&w, object) || w.close != '}')
		return (struct json_span){ .at = NULL };
	while (json_walk_next(&w, &its, &value)) {
		if (json_span_is(its, name))
			return value;
	}
	return (struct json_span){ .at = NULL };
}

struct json_span json_span_text(struct json_span value)
{
	struct json_span none = { .at = NULL }, text;

	if (!value.at || value.len < 2 || value.at[0] != '"')
		return none;
	text = span(value.at + 1, value.at + value.len - 1);
	if (memchr(text.at, '\\', text.len))
		return none;
	for (size_t i = 0; i < text.len; i++) {
		if ((unsigned char)text.at[i] < 0x20)
			return none;
	}
	return text;
}

bool json_span_is(struct json_span span, const char *text)
{
	return span.at && span.len == strlen(text) && memcmp(span.at, text, span.len) == 0;
}
