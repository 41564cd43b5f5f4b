#include "common/base/text.h"

#include <ctype.h>
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
