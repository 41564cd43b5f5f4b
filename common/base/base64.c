#include "common/base/base64.h"

#include <limits.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"

#define ALPHABET "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
#define DATA_MAX (INT_MAX / 2) /* OpenSSL counts in int */

char *base64_encode(const void *data, size_t len)
{
	char *text = len <= DATA_MAX ? malloc((len + 2) / 3 * 4 + 1) : NULL;

	if (text)
		EVP_EncodeBlock((unsigned char *)text, data, (int)len);
	return text;
}

int base64_add(const void *data, size_t len, struct buf *out)
{
	size_t text_len = len <= DATA_MAX ? (len + 2) / 3 * 4 : out->max + 1;
	char *to = buf_reserve(out, text_len); /* and a NUL, as OpenSSL writes one, too */

	if (!to)
		return -1;
	EVP_EncodeBlock((unsigned char *)to, data, (int)len);
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
