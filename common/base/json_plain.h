/* json_plain.h - the bytes of a JSON string that stand for themselves, several at a time. */
#ifndef CODIS_BASE_JSON_PLAIN_H
#define CODIS_BASE_JSON_PLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define JSON_EACH_BYTE 0x0101010101010101u

/* All others are special: `"`, `\` and the control characters, a NUL among them. */
static inline bool json_is_plain(char c)
{
	return (unsigned char)c >= 0x20 && c != '"' && c != '\\';
}

/* Where one of the eight bytes is special, the high bit of the first such byte is the lowest that is set; 0 where none
 * is. A byte up to 0x7f gets it when what is taken from it is more than it has, or when the byte before has borrowed
 * from it. Less one bit, `"` stands right behind the control characters, and they stay among themselves: so both are
 * one comparison. */
static inline uint64_t json_special(uint64_t bytes)
{
	uint64_t quote_or_control = (bytes ^ (JSON_EACH_BYTE * 2)) - JSON_EACH_BYTE * (('"' ^ 2) + 1);
	uint64_t backslash = (bytes ^ (JSON_EACH_BYTE * '\\')) - JSON_EACH_BYTE;

	return (quote_or_control | backslash) & ~bytes & (JSON_EACH_BYTE * 0x80);
}

/* How many of eight bytes stand before the first special one. */
static inline size_t json_plain_of_8(const char *at)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	uint64_t bytes;

	memcpy(&bytes, at, 8);
	bytes = json_special(bytes);
	return bytes ? (size_t)__builtin_ctzll(bytes) / 8 : 8;
#else
	size_t n = 0;

	while (n < 8 && json_is_plain(at[n]))
		n++;
	return n;
#endif
}

static inline size_t json_plain_of_16(const char *at)
{
#ifdef __SSE2__
	const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i special = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);

	special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
	special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
	return (size_t)__builtin_ctz((unsigned)_mm_movemask_epi8(special) | 1u << 16);
#else
	size_t n = json_plain_of_8(at);

	return n < 8 ? n : 8 + json_plain_of_8(at + 8);
#endif
}

/* Where the first special byte is; the one at end is. */
static inline const char *json_plain_end(const char *at, const char *end)
{
	while (end - at >= 16) {
		size_t n = json_plain_of_16(at);

		at += n;
		if (n < 16)
			return at;
	}
	while (json_is_plain(*at))
		at++;
	return at;
}

#endif
