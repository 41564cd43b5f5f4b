/* text.h - copied, UTF-8 within a limit, and escaped in a URL. */
#ifndef CODIS_BASE_TEXT_H
#define CODIS_BASE_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* out gets s, or as much of it as has room in size bytes (at least 1) with the closing 0: as snprintf's "%s", and cheap
 * enough for what is copied at every look. */
void text_copy(char *out, size_t size, const char *s);

/* How many bytes of s to keep so that at most max are left and no UTF-8 character is cut in two. */
size_t text_fit(const char *s, size_t max);

#define TEXT_CHARACTER_MAX 4 /* bytes */

/* The character of UTF-8 (RFC 3629) that s, of len bytes and one at least, begins with, and how many bytes it has; -1,
 * and 1: it begins with none. */
int32_t text_character(const char *s, size_t len, size_t *used);

#define TEXT_BYTES_MAX 24

/* "512 B", "1.5 MiB", "12.0 GiB". Returns out. */
const char *text_bytes(int64_t bytes, char out[TEXT_BYTES_MAX]);

/* Appends s, percent-encoded for a URL's query or one segment of its path (RFC 3986: all but unreserved). */
int text_escape(struct buf *out, const char *s);

/* Appends s for a terminal or a line of a log: what a terminal obeys (control characters, also those of C1), what turns
 * the direction of writing, and what is no UTF-8 is "?", a line break or tab a blank. */
int text_clean(struct buf *out, const char *s, size_t len);

#endif
