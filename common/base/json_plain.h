/* json_plain.h - the bytes of a JSON string that stand for themselves, several at a time. */
#ifndef CODIS_BASE_JSON_PLAIN_H
#define CODIS_BASE_JSON_PLAIN_H

#include <endian.h>
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

/* 0 where none of the eight bytes is special. A byte up to 0x7f gets its high bit when what is taken from it is more
 * than it has, or when the byte before has borrowed from it. Less one bit, `"`
 * stands right behind the control characters, and they stay among themselves: so both are one comparison. */
static inline uint64_t json_special(uint64_t bytes)
{
	uint64_t quote_or_control = (bytes ^ (JSON_EACH_BYTE * 2)) - JSON_EACH_BYTE * (('"' ^ 2) + 1);
	uint64_t backslash = (bytes ^ (JSON_EACH_BYTE * '\\')) - JSON_EACH_BYTE;

	return (quote_or_control | backslash) & ~bytes & (JSON_EACH_BYTE * 0x80);
}

#ifdef __SSE2__
/* A bit for each of sixteen bytes, the first one's the lowest: it is special. */
static inline unsigned json_special_of_16(const char *at)
{
	const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
	__m128i special = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);

	special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"')));
	special = _mm_or_si128(special, _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\')));
	return (unsigned)_mm_movemask_epi8(special);
}
#else
/* The high bit of each byte that is not 0; nothing is carried from one to the next. */
static inline uint64_t json_not_0(uint64_t bytes)
{
	return (((bytes & (JSON_EACH_BYTE * 0x7f)) + JSON_EACH_BYTE * 0x7f) | bytes) & (JSON_EACH_BYTE * 0x80);
}

static inline unsigned json_special_of_8(const char *at)
{
	uint64_t bytes, plain;

	memcpy(&bytes, at, sizeof(bytes));
	bytes = le64toh(bytes);
	plain = json_not_0(bytes & (JSON_EACH_BYTE * 0xe0)) & json_not_0(bytes ^ (JSON_EACH_BYTE * '"')) &
		json_not_0(bytes ^ (JSON_EACH_BYTE * '\\'));
	/* The eight high bits, gathered in the highest byte. */
	return (unsigned)(~((plain >> 7) * 0x0102040810204080u) >> 56);
}

static inline unsigned json_special_of_16(const char *at)
{
	return json_special_of_8(at) | json_special_of_8(at + 8) << 8;
}
#endif

/* Likewise of 64. */
static inline uint64_t json_special_of_64(const char *at)
{
	return json_special_of_16(at) | (uint64_t)json_special_of_16(at + 16) << 16 |
	       (uint64_t)json_special_of_16(at + 32) << 32 | (uint64_t)json_special_of_16(at + 48) << 48;
}

/* How many of sixteen bytes stand before the first special one. */
static inline size_t json_plain_of_16(const char *at)
{
	return (size_t)__builtin_ctz(json_special_of_16(at) | 1u << 16);
}

#endif
