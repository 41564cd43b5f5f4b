/* json_skim.h - a long JSON text that is parsed without the parts that nobody reads.
 *
 * cJSON stays the parser: a text is gone over once, and what is left of it is parsed. Where the text is anything but
 * JSON as RFC 8259 has it, all of it is parsed, so that cJSON alone says what is taken and what is wrong with the rest.
 */
#ifndef CODIS_BASE_JSON_SKIM_H
#define CODIS_BASE_JSON_SKIM_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct buf;
struct error;

/* A member that is left out, or (inner) whose own members are looked at. What belongs to an array belongs to each of
 * its elements, which stay where they are. A list ends with a NULL name. */
struct json_cut {
	const char *name;
	size_t len;                   /* of it */
	const struct json_cut *inner; /* NULL: the whole member is left out */
};

#define JSON_CUT(text, inner_)                                                                                         \
	{                                                                                                              \
		.name = (text), .len = sizeof(text) - 1, .inner = (inner_)                                             \
	}
#define JSON_CUT_END                                                                                                   \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

/* As json_parse(), less the members that `cuts` names for the text's object; here the text has to end with a NUL. Takes
 * an eighth more bytes than the text has, and 16. */
cJSON *json_parse_skimmed(const char *text, size_t len, size_t max_items, const struct json_cut *cuts,
			  struct error *err);

/* Appends the text, which ends with a NUL, without them; out has to have room for all of it, an eighth more, and 16.
 * False: it is no JSON of RFC 8259, is nested deeper than 100, or memory ran out; out is then undefined. */
bool json_skim(const char *text, size_t len, const struct json_cut *cuts, struct buf *out);

#endif
