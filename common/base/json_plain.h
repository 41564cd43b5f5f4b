/* json_plain.h - the bytes of a JSON string that stand for themselves, eight at a time. */
#ifndef CODIS_BASE_JSON_PLAIN_H
#define CODIS_BASE_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define JSON_EACH_BYTE 0x0101010101010101u

/* Where one of the eight bytes is a `"`, a `\` or a control character, the high bit of the first such byte is the
 * lowest that is set; 0 where none is. A byte up to 0x7f gets it when what is taken from it is more than it has, or
 * when the byte before has borrowed from it. Less one bit, `"` stands right behind the control characters, and they
 * stay among themselves: so both are one comparison. */
static inline uint64_t json_special(uint64_t bytes)
{
	uint64_t quote_or_control = (bytes ^ (JSON_EACH_BYTE * 2)) - JSON_EACH_BYTE * (('"' ^ 2) + 1);
	uint64_t backslash = (bytes ^ (JSON_EACH_BYTE * '\\')) - JSON_EACH_BYTE;

	return (quote_or_control | backslash) & ~bytes & (JSON_EACH_BYTE * 0x80);
}

static inline bool json_is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Where the first `"`, `\` or control character is. There has to be one, and behind it seven bytes that may be read. */
static inline const char *json_plain_end(const char *at)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (uint64_t bytes;; at += sizeof(bytes)) {
		memcpy(&bytes, at, sizeof(bytes));
		bytes = json_special(bytes);
		if (bytes)
			return at + __builtin_ctzll(bytes) / 8;
	}
#else
	while (json_is_plain(*at))
		at++;
	return at;
#endif
}

/* Copies what is before the first of them, len bytes at most, and says how many; behind them up to 7 more, where len
 * is so long. */
static inline size_t json_plain_copy(char *to, const char *text, size_t len)
{
	size_t at = 0;

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	for (; len - at >= 8; at += 8) {
		uint64_t bytes, found;

		memcpy(&bytes, text + at, 8);
		memcpy(to + at, &bytes, 8);
		found = json_special(bytes);
		if (found)
			return at + (size_t)__builtin_ctzll(found) / 8;
	}
#endif
	for (; at < len && json_is_plain(text[at]); at++)
		to[at] = text[at];
	return at;
}

#endif
