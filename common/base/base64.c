#include "common/base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "common/base/buf.h"
#include "common/base/error.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define DATA_MAX (INT_MAX / 2) /* OpenSSL counts in int */

/* Gives how many of the bytes, a multiple of 24, are written as digits; the rest is left to OpenSSL, which takes ten
 * times as long. After Wojciech Mula and Daniel Lemire, "Faster Base64 Encoding and Decoding Using AVX2 Instructions",
 * ACM Transactions on the Web 12 (2018). */
#ifdef __x86_64__
/* The same in both halves. */
#define TWICE(...) _mm256_setr_epi8(__VA_ARGS__, __VA_ARGS__)

/* Of each half's first twelve bytes; sixteen are read. */
__attribute__((target("avx2"))) static inline __m256i two_of(const unsigned char *data)
{
	return _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)data)),
				       _mm_loadu_si128((const __m128i *)(const void *)(data + 12)), 1);
}

__attribute__((target("avx2"))) static size_t encode_most(char *to, const unsigned char *data, size_t len)
{
	/* Of each three bytes the second, first, third, second: so that each six bits lie within one half of four. */
	const __m256i order = TWICE(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10);
	/* What a value's digit is above it, by its range: a-z, 0-9 (ten times), +, /, A-Z. */
	const __m256i above = TWICE('a' - 26, -4, -4, -4, -4, -4, -4, -4, -4, -4, -4, '+' - 62, '/' - 63, 'A', 0, 0);
	size_t at = 0;

	for (; len - at >= 28; at += 24, to += 32) {
		__m256i bytes = _mm256_shuffle_epi8(two_of(data + at), order);
		__m256i odd = _mm256_mulhi_epu16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x0fc0fc00)),
						 _mm256_set1_epi32(0x04000040));
		__m256i even = _mm256_mullo_epi16(_mm256_and_si256(bytes, _mm256_set1_epi32(0x003f03f0)),
						  _mm256_set1_epi32(0x01000010));
		__m256i values = _mm256_or_si256(odd, even);
		/* 0 up to 51, then 1 to 12; and 13 for those up to 25. */
		__m256i range = _mm256_subs_epu8(values, _mm256_set1_epi8(51));

		range = _mm256_or_si256(
			range, _mm256_and_si256(_mm256_cmpgt_epi8(_mm256_set1_epi8(26), values), _mm256_set1_epi8(13)));
		_mm256_storeu_si256((__m256i *)(void *)to, _mm256_add_epi8(values, _mm256_shuffle_epi8(above, range)));
	}
	return at;
}
#endif

static void encode(char *to, const unsigned char *data, size_t len)
{
	size_t done = 0;

#ifdef __x86_64__
	if (__builtin_cpu_supports("avx2"))
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
