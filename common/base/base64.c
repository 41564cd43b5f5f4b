#include "common/base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <tmmintrin.h>
#endif

#include "common/base/buf.h"
#include "common/base/error.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define DATA_MAX (INT_MAX / 2) /* OpenSSL counts in int */

/* Gives how many of the bytes, a multiple of twelve, are written as digits; the rest is left to OpenSSL, which takes
 * five times as long. After Wojciech Mula and Daniel Lemire, "Faster Base64 Encoding and Decoding Using AVX2
 * Instructions", ACM Transactions on the Web 12 (2018), with vectors of half the size. */
#ifdef __x86_64__
__attribute__((target("ssse3"))) static size_t encode_most(char *to, const unsigned char *data, size_t len)
{
	/* Of each three bytes the second, first, third, second: so that each six bits lie within one half of four. */
	const __m128i order = _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	/* What a value's digit is above it, by its range: a-z, 0-9 (ten times), +, /, A-Z. */
	const __m128i above =
		_mm_setr_epi8('a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0);
	size_t at = 0;

	for (; len - at >= 16; at += 12, to += 16) {
		__m128i bytes = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + at)), order);
		__m128i odd =
			_mm_mulhi_epu16(_mm_and_si128(bytes, _mm_set1_epi32(0x0fc0fc00)), _mm_set1_epi32(0x04000040));
		__m128i even =
			_mm_mullo_epi16(_mm_and_si128(bytes, _mm_set1_epi32(0x003f03f0)), _mm_set1_epi32(0x01000010));
		__m128i values = _mm_or_si128(odd, even);
		/* 0 up to 51, then 1 to 12; and 13 for those up to 25. */
		__m128i range = _mm_subs_epu8(values, _mm_set1_epi8(51));

		range = _mm_or_si128(range,
				     _mm_and_si128(_mm_cmpgt_epi8(_mm_set1_epi8(26), values), _mm_set1_epi8(13)));
		_mm_storeu_si128((__m128i *)(void *)to, _mm_add_epi8(values, _mm_shuffle_epi8(above, range)));
	}
	return at;
}
#endif

static void encode(char *to, const unsigned char *data, size_t len)
{
	size_t done = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("ssse3"))
		done = encode_most(to, data, len);
#endif
	EVP_EncodeBlock((unsigned char *)to + done / 3 * 4, data + done, (int)(len - done));
}

char *base64_encode(const void *data, size_t len)
{
	char *text = len <= DATA_MAX ? malloc((len + 2) / 3 * 4 + 1) : NULL;

	if (text)
		encode(text, data, len);
	return text;
}

int base64_add(const void *data, size_t len, struct buf *out)
{
	size_t text_len = len <= DATA_MAX ? (len + 2) / 3 * 4 : out->max + 1;
	char *to = buf_reserve(out, text_len); /* and a NUL, as OpenSSL writes one, too */

	if (!to)
		return -1;
	encode(to, data, len);
	buf_commit(out, text_len);
	return 0;
}

/* How many '=' stand at the end, or -1: OpenSSL is content with them, and with blanks, in other places, too. */
static int padding(const char *text, size_t len)
{
	size_t digits = strspn(text, ALPHABET);

	if (len % 4 || len > DATA_MAX || len - digits > 2 || strspn(text + digits, "=") != len - digits)
		return -1;
	return (int)(len - digits);
}

char *base64_decode(const char *text, size_t *len, struct error *err)
{
	size_t n = strlen(text);
	int pad = padding(text, n);
	unsigned char *data;

	if (pad < 0) {
		error_set(err, ERR_INVALID, "not base64");
		return NULL;
	}
	data = malloc(n / 4 * 3 + 1);
	if (!data) {
		error_set(err, ERR_NOMEM, "no memory for %zu bytes of base64", n);
		return NULL;
	}
	*len = n / 4 * 3 - (size_t)pad; /* OpenSSL decodes the padding to zeros and counts them */
	if (n)
		EVP_DecodeBlock(data, (const unsigned char *)text, (int)n);
	data[*len] = '\0';
	return (char *)data;
}
