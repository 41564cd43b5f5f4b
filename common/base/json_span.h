/* json_span.h - where values stand in a JSON text of which little is read: nothing is allocated, nothing copied.
 *
 * Brackets and quotes are followed, and what stands between two members is looked at; what is in a value is not: who
 * reads one parses it, or compares it with what he knows. */
#ifndef CODIS_BASE_JSON_SPAN_H
#define CODIS_BASE_JSON_SPAN_H

#include <stdbool.h>
#include <stddef.h>

struct json_span {
	const char *at; /* NULL: there is none */
	size_t len;
};

/* Behind the value that begins at `at`; NULL: the text ends before, or there is none. */
const char *json_span_end(const char *at, const char *end);

/* Without the blanks around it. */
struct json_span json_span_trim(const char *text, size_t len);

/* Goes over the members of an object, or the elements of an array, once. */
struct json_walk {
	const char *at, *end;
	char close;
	bool begun, inner, done, broken;
};

/* False: the value is neither. */
bool json_walk_begin(struct json_walk *w, struct json_span value);
/* The next one. name: what stands between its quotes, escapes as they are; at NULL in an array. False: there is none
 * more, or (broken) what comes is no JSON. */
bool json_walk_next(struct json_walk *w, struct json_span *name, struct json_span *value);

/* The next elements of an array as long as they are strings of nothing but plain bytes (json_plain.h), at most `room`
 * of them, without their quotes; how many. What comes then, if anything, is for json_walk_next(). */
size_t json_walk_texts(struct json_walk *w, struct json_span *texts, size_t room);

/* The same in two steps: its name, then its value, or another walk over that. json_walk_at: the value's first byte. */
bool json_walk_name(struct json_walk *w, struct json_span *name);
char json_walk_at(const struct json_walk *w);
bool json_walk_value(struct json_walk *w, struct json_span *value);
bool json_walk_enter(struct json_walk *w, struct json_walk *inner);
/* After the last element of inner; what that went over. */
struct json_span json_walk_leave(struct json_walk *w, const struct json_walk *inner);

/* A member of an object; at NULL: it has none of that name, or is none. */
struct json_span json_span_member(struct json_span object, const char *name);

/* What stands between the quotes of a string that has no escape in it; at NULL: it is no such string. */
struct json_span json_span_text(struct json_span value);

bool json_span_is(struct json_span span, const char *text);

#endif
