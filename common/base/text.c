#include "common/base/text.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/buf.h"

void text_copy(char *out, size_t size, const char *s)
{
	size_t len = strnlen(s, size - 1);

	memcpy(out, s, len);
	out[len] = '\0';
}

size_t text_fit(const char *s, size_t max)
{
	size_t len = strnlen(s, max + 1);

	if (len <= max)
		return len;
	for (len = max; len > 0 && ((unsigned char)s[len] & 0xc0) == 0x80;)
		len--;
	return len;
}

int text_escape(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 128 && (isalnum(c) || strchr("-._~", c)))
			buf_addch(out, (char)c);
		else
			buf_addf(out, "%%%02X", c);
	}
	return out->failed ? -1 : 0;
}

/* The character at s, of *len bytes; -1: it is no UTF-8 (RFC 3629). */
static int32_t decode(const unsigned char *s, size_t left, size_t *len)
{
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	int32_t c;

	*len = s[0] < 0x80                   ? 1
	       : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
	       : s[0] >= 0xe0 && s[0] < 0xf0 ? 3
	       : s[0] >= 0xf0                ? 4
					     : 0;
	if (*len == 1)
		return s[0];
	if (!*len || *len > left)
		return -1;
	c = s[0] & (0x7f >> *len);
	for (size_t i = 1; i < *len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[*len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? -1 : c;
}

static bool is_obeyed(int32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

int text_clean(struct buf *out, const char *s, size_t len)
{
	for (size_t used; len; s += used, len -= used) {
		int32_t c = decode((const unsigned char *)s, len, &used);

		if (c < 0)
			used = 1;
		if (c == '\n' || c == '\r' || c == '\t')
			buf_addch(out, ' ');
		else if (is_obeyed(c)) /* also -1 */
			buf_addch(out, '?');
		else
			buf_add(out, s, used);
	}
	return out->failed ? -1 : 0;
}
