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

static inline char *put_escaped(char *to, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";

	to[0] = '\\';
	to[1] = escapes[c];
	to += 2;
	if (to[-1] != 'u')
		return to;
	memcpy(to, "00", 2);
	to[2] = digits[c >> 4];
	to[3] = digits[c & 15];
	return to + 4;
}

/* Of 4 to 15 bytes, as most names and values have: from both ends, which overlap. False: not all of them stand for
 * themselves, and nothing is written. */
static inline bool put_short(char *to, const char *text, size_t len)
{
	uint64_t first, last;
	uint32_t head, tail;

	if (len >= sizeof(first)) {
		memcpy(&first, text, sizeof(first));
		memcpy(&last, text + len - sizeof(last), sizeof(last));
		if (json_special(first) || json_special(last))
			return false;
		memcpy(to, &first, sizeof(first));
		memcpy(to + len - sizeof(last), &last, sizeof(last));
		return true;
	}
	memcpy(&head, text, sizeof(head));
	memcpy(&tail, text + len - sizeof(tail), sizeof(tail));
	if (json_special(head | (uint64_t)tail << 32))
		return false;
	memcpy(to, &head, sizeof(head));
	memcpy(to + len - sizeof(tail), &tail, sizeof(tail));
	return true;
}

/* Plain text, of which up to 15 bytes more are read, and written. */
static inline char *put_run(char *to, const char *text, size_t len)
{
	memcpy(to, text, 16);
	for (size_t at = 16; at < len; at += 16)
		memcpy(to + at, text + at, 16);
	return to + len;
}

/* Where the special ones are is known of 64 bytes before one of them is copied, so that none waits for the one before
 * it. Behind them have to be 16 more. */
static char *put_64(char *to, const char *text)
{
	uint64_t special = json_special_of_64(text);
	size_t from = 0;

	for (; special; special &= special - 1) {
		size_t at = (size_t)__builtin_ctzll(special);

		to = put_escaped(put_run(to, text + from, at - from), (unsigned char)text[at]);
		from = at + 1;
	}
	return put_run(to, text + from, 64 - from);
}

/* Sixteen bytes are copied before it is known how many of them stand for themselves. */
static char *put_text(char *to, const char *text, size_t len)
{
	for (; len >= 64 + 16; text += 64, len -= 64)
		to = put_64(to, text);
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
	if (len >= 4 && put_short(to, text, len))
		return to + len;
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

/* Where it goes at once, with its quotes and two bytes more; NULL: it is long, or near the limit. */
static inline char *room_for(size_t len, struct buf *out)
{
	size_t most = ESCAPED_MAX * len + 4;

	return len <= AT_ONCE && most <= out->max - out->len ? buf_reserve(out, most) : NULL;
}

static inline char *put_quoted(char *to, const char *text, size_t len)
{
	*to++ = '"';
	to = put_text(to, text, len);
	*to++ = '"';
	return to;
}

int json_write_str(const char *text, struct buf *out)
{
	size_t len = strlen(text);
	char *from = room_for(len, out);

	if (!from)
		return write_in_pieces(text, len, out);
	buf_commit(out, (size_t)(put_quoted(from, text, len) - from));
	return 0;
}

/* A member's name, what stands before it, and its colon. */
static void write_name(char before, const char *name, struct buf *out)
{
	size_t len = strlen(name);
	char *from = room_for(len, out), *to = from;

	if (from) {
		*to++ = before;
		to = put_quoted(to, name, len);
		*to++ = ':';
		buf_commit(out, (size_t)(to - from));
		return;
	}
	buf_addch(out, before);
	write_in_pieces(name, len, out);
	buf_addch(out, ':');
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
		write_name(before, item->string ? item->string : "", out);
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
