#include "controller/status_change.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/buf.h"

#define BETWEEN "; "

size_t status_change_head(const char *line)
{
	const char *end = strstr(line, BETWEEN);

	return end ? (size_t)(end - line) : strlen(line);
}

/* The cause behind at, which is moved behind it; NULL: there is none. */
static const char *next_cause(const char **at, size_t *len)
{
	const char *cause = strncmp(*at, BETWEEN, strlen(BETWEEN)) == 0 ? *at + strlen(BETWEEN) : NULL;

	if (!cause)
		return NULL;
	*len = status_change_head(cause);
	*at = cause + *len;
	return cause;
}

static size_t figures_at(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && (isdigit((unsigned char)text[n]) || (n && text[n] == '.')))
		n++;
	return n;
}

static bool same_but_figures(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i = 0, k = 0;

	while (i < a_len && k < b_len) {
		size_t mine = figures_at(a + i, a_len - i), other = figures_at(b + k, b_len - k);

		if (mine && other) {
			i += mine;
			k += other;
		} else if (a[i++] != b[k++]) {
			return false;
		}
	}
	return i == a_len && k == b_len;
}

static bool has_cause(const char *line, const char *cause, size_t len, bool figures)
{
	const char *at = line + status_change_head(line), *one;
	size_t n;

	while ((one = next_cause(&at, &n))) {
		if ((n == len && memcmp(one, cause, len) == 0) || (figures && same_but_figures(one, n, cause, len)))
			return true;
	}
	return false;
}

void status_change_only(const char *line, const char *other, bool figures, struct buf *out)
{
	const char *at = line + status_change_head(line), *cause;
	size_t len;

	while ((cause = next_cause(&at, &len))) {
		if (has_cause(other, cause, len, figures))
			continue;
		buf_addstr(out, out->len ? BETWEEN : "");
		buf_add(out, cause, len);
	}
}
