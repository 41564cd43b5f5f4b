/* cJSON's text, straight into a buffer: what cJSON_PrintUnformatted() writes, without its copies. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_plain.h"

#define NUMBER_MAX 64 /* cJSON's own limit is 26 */

/* One byte takes six at the most: \u001f. For so many bytes the room is taken at once; longer ones go by pieces. */
#define ESCAPED_MAX 6
#define AT_ONCE     4096
#define PIECE       512

/* What follows the backslash of those that do not stand for themselves. */
static const char escapes[256] = {
	[0 ... '\b' - 1] = 'u',    ['\b'] = 'b', ['\t'] = 't',  ['\n'] = 'n', ['\v'] = 'u', ['\f'] = 'f', ['\r'] = 'r',
	['\r' + 1 ... 0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static char *put_escaped(char *to, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	*to++ = '\\';
	*to++ = escapes[c];
	if (escapes[c] != 'u')
		return to;
	memcpy(to, "00", 2);
	to[2] = digits[c >> 4];
	to[3] = digits[c & 15];
	return to + 4;
}

/* Sixteen bytes are copied before it is known how many of them stand for themselves. */
static char *put_text(char *to, const char *text, size_t len)
{
	while (len >= 16) {
		size_t plain = json_plain_of_16(text);

		memcpy(to, text, 16);
		to += plain;
		text += plain;
		len -= plain;
		if (plain < 16) {
			to = put_escaped(to, (unsigned char)*text++);
			len--;
		}
	}
	for (const char *end = text + len; text < end; text++) {
		if (escapes[(unsigned char)*text])
			to = put_escaped(to, (unsigned char)*text);
		else
			*to++ = *text;
	}
	return to;
}

static int write_in_pieces(const char *text, size_t len, struct buf *out)
{
	char piece[ESCAPED_MAX * PIECE];

	buf_addch(out, '"');
	for (size_t n; len; len -= n, text += n) {
		n = len < PIECE ? len : PIECE;
		buf_add(out, piece, (size_t)(put_text(piece, text, n) - piece));
	}
	return buf_addch(out, '"');
}

int json_write_str(const char *text, struct buf *out)
{
	size_t len = strlen(text), most = ESCAPED_MAX * len + 2;
	char *from = len <= AT_ONCE && most <= out->max - out->len ? buf_reserve(out, most) : NULL, *to = from;

	if (!from)
		return write_in_pieces(text, len, out);
	*to++ = '"';
	to = put_text(to, text, len);
	*to++ = '"';
	buf_commit(out, (size_t)(to - from));
	return 0;
}

/* cJSON writes each number twice and reads it once, to see whether 15 digits are enough; for a whole one they are. */
static void write_number(const cJSON *item, struct buf *out)
{
	char text[NUMBER_MAX];

	if (item->valueint != 0 && item->valuedouble == (double)item->valueint)
		buf_addint(out, item->valueint);
	else if (cJSON_PrintPreallocated((cJSON *)(uintptr_t)item, text, sizeof(text), false))
		buf_addstr(out, text);
	else
		out->failed = out->nomem = true;
}

static void write_object(const cJSON *object, struct buf *out)
{
	char before = '{';

	for (const cJSON *item = object->child; item; item = item->next, before = ',') {
		buf_addch(out, before);
		json_write_str(item->string ? item->string : "", out);
		buf_addch(out, ':');
		json_write(item, out);
	}
	if (!object->child)
		buf_addch(out, '{');
	buf_addch(out, '}');
}

static void write_array(const cJSON *array, struct buf *out)
{
	char before = '[';

	for (const cJSON *item = array->child; item; item = item->next, before = ',') {
		buf_addch(out, before);
		json_write(item, out);
	}
	if (!array->child)
		buf_addch(out, '[');
	buf_addch(out, ']');
}

int json_write(const cJSON *item, struct buf *out)
{
	if (!item || json_is_lacking(item)) {
		out->failed = out->nomem = true; /* so that buf_check() at the end sees it */
		return -1;
	}
	switch (item->type & 0xff) {
	case cJSON_Object: write_object(item, out); break;
	case cJSON_Array: write_array(item, out); break;
	case cJSON_String: json_write_str(item->valuestring ? item->valuestring : "", out); break;
	case cJSON_Number: write_number(item, out); break;
	case cJSON_Raw: buf_addstr(out, item->valuestring); break;
	case cJSON_NULL: buf_addstr(out, "null"); break;
	default: buf_addstr(out, cJSON_IsTrue(item) ? "true" : "false"); break;
	}
	return out->failed ? -1 : 0;
}
