#include "common/base/text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
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

int32_t text_character(const char *s, size_t len, size_t *used)
{
	static const int32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *u = (const unsigned char *)s;
	size_t n = u[0] < 0x80                   ? 1
		   : u[0] >= 0xc2 && u[0] < 0xe0 ? 2
		   : u[0] >= 0xe0 && u[0] < 0xf0 ? 3
		   : u[0] >= 0xf0                ? 4
						 : 0;
	int32_t c;

	*used = 1;
	if (n == 1)
		return u[0];
	if (!n || n > len)
		return -1;
	c = u[0] & (0x7f >> n);
	for (size_t i = 1; i < n; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return -1;
		c = c << 6 | (u[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return -1;
	*used = n;
	return c;
}

static bool is_obeyed(int32_t c)
{
	return c < ' ' || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

int text_clean(struct buf *out, const char *s, size_t len)
{
	for (size_t used; len; s += used, len -= used) {
		int32_t c = text_character(s, len, &used);

		if (c == '\n' || c == '\r' || c == '\t')
			buf_addch(out, ' ');
		else if (is_obeyed(c)) /* also -1 */
			buf_addch(out, '?');
		else
			buf_add(out, s, used);
	}
	return out->failed ? -1 : 0;
}

const char *text_bytes(int64_t bytes, char out[TEXT_BYTES_MAX])
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB" };
	double value = (double)bytes;
	int unit = -1;

	for (; value >= 1024 && unit < 3; unit++)
		value /= 1024;
	if (unit < 0)
		snprintf(out, TEXT_BYTES_MAX, "%" PRId64 " B", bytes);
	else
		snprintf(out, TEXT_BYTES_MAX, "%.1f %s", value, units[unit]);
	return out;
}
