/* cJSON's text, straight into a buffer: what cJSON_PrintUnformatted() writes, without its copies. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_plain.h"

#define NUMBER_MAX 64 /* cJSON's own limit is 26 */

/* One byte takes six at the most: \u001f. Of so many bytes at a time the room is taken at once. */
#define ESCAPED_MAX 6
#define PIECE       512

static char *put_escaped(char *to, unsigned char c)
{
	static const char names[0x20] = { ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r' };
	static const char digits[] = "0123456789abcdef";
	char name = c < sizeof(names) ? names[c] : (char)c;

	*to++ = '\\';
	if (name) {
		*to++ = name;
		return to;
	}
	memcpy(to, "u00", 3);
	to[3] = digits[c >> 4];
	to[4] = digits[c & 15];
	return to + 5;
}

static char *put_text(char *to, const char *text, size_t len)
{
	size_t plain;

	for (;;) {
		plain = json_plain_copy(to, text, len);
		to += plain;
		if (plain == len)
			return to;
		to = put_escaped(to, (unsigned char)text[plain]);
		text += plain + 1;
		len -= plain + 1;
	}
}

int json_write_str(const char *text, struct buf *out)
{
	char piece[ESCAPED_MAX * PIECE], *to, *end;

	buf_addch(out, '"');
	for (size_t left = strlen(text), n; left; left -= n, text += n) {
		n = left < PIECE ? left : PIECE;
		to = out->max - out->len >= sizeof(piece) ? buf_reserve(out, ESCAPED_MAX * n) : NULL;
		end = put_text(to ? to : piece, text, n);
		if (to)
			buf_commit(out, (size_t)(end - to));
		else
			buf_add(out, piece, (size_t)(end - piece));
	}
	return buf_addch(out, '"');
}

/* cJSON writes each number twice and reads it once, to see whether 15 digits are enough; for a whole one they are. */
static void write_number(const cJSON *item, struct buf *out)
{
	char text[NUMBER_MAX];

	if (item->valueint != 0 && item->valuedouble == (double)item->valueint)
		buf_addf(out, "%d", item->valueint);
	else if (cJSON_PrintPreallocated((cJSON *)(uintptr_t)item, text, sizeof(text), false))
		buf_addstr(out, text);
	else
		out->failed = out->nomem = true;
}

static void write_members(const cJSON *item, struct buf *out)
{
	const cJSON *inner;

	buf_addch(out, cJSON_IsObject(item) ? '{' : '[');
	cJSON_ArrayForEach(inner, item) {
		if (inner != item->child)
			buf_addch(out, ',');
		if (cJSON_IsObject(item)) {
			json_write_str(inner->string ? inner->string : "", out);
			buf_addch(out, ':');
		}
		json_write(inner, out);
	}
	buf_addch(out, cJSON_IsObject(item) ? '}' : ']');
}

int json_write(const cJSON *item, struct buf *out)
{
	if (!item || json_is_lacking(item))
		out->failed = out->nomem = true; /* so that buf_check() at the end sees it */
	else if (cJSON_IsObject(item) || cJSON_IsArray(item))
		write_members(item, out);
	else if (cJSON_IsString(item))
		json_write_str(item->valuestring ? item->valuestring : "", out);
	else if (cJSON_IsNumber(item))
		write_number(item, out);
	else if (cJSON_IsRaw(item))
		buf_addstr(out, item->valuestring);
	else
		buf_addstr(out, cJSON_IsNull(item) ? "null" : cJSON_IsTrue(item) ? "true" : "false");
	return out->failed ? -1 : 0;
}
