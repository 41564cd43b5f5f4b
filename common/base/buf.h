/* buf.h - one growable buffer, always with a limit.
 *
 * A failed append (no memory, or over the limit) is remembered: later appends do nothing, and `failed`
 * says so at the end. So a text can be built in many steps and checked once. data is always a C string.
 */
#ifndef CODIS_BASE_BUF_H
#define CODIS_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct error;

struct buf {
	char *data; /* never NULL; NUL-terminated */
	size_t len;
	size_t cap; /* bytes allocated; 0 while data points to the shared empty string */
	size_t max; /* len never passes this */
	bool failed;
	bool nomem;    /* it failed for lack of memory, not for its limit */
	bool borrowed; /* data is the caller's array */
};

extern char buf_empty[1];

#define BUF_INIT(limit)                                                                                                \
	{                                                                                                              \
		.data = buf_empty, .max = (limit)                                                                      \
	}
/* In an array of the caller's, whose size is the limit: nothing is allocated, so memory cannot run out. For texts that
 * are known to be short and that something is decided by. */
#define BUF_IN(array)                                                                                                  \
	{                                                                                                              \
		.data = ((array)[0] = '\0', (array)), .cap = sizeof(array), .max = sizeof(array) - 1, .borrowed = true \
	}
#define BUF_CLEANUP __attribute__((cleanup(buf_release)))

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);         /* frees; the buffer can be used again, with the same limit */
void buf_reset(struct buf *b);           /* empties, keeps the memory, forgets a failure */
void buf_cut(struct buf *b, size_t len); /* takes off what stands behind the first len bytes; not a failure */

/* Append. All return 0, or -1 when this or an earlier append failed. */
int buf_add(struct buf *b, const void *data, size_t len);
static inline int buf_addstr(struct buf *b, const char *s); /* of a literal the length is known to the compiler */
int buf_addint(struct buf *b, int64_t n);                   /* in decimal, as "%lld" and cheaper */
int buf_addf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buf_vaddf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* Most find the room that they need; what was allocated may be more than the limit. */
static inline bool buf_has_room(const struct buf *b, size_t len)
{
	return !b->failed && len < b->cap - b->len && len <= b->max - b->len;
}

char *buf_grow(struct buf *b, size_t len); /* buf_reserve() where there is none */

/* Makes room for len more bytes and returns where they go (buf_commit adds them), or NULL. */
static inline char *buf_reserve(struct buf *b, size_t len)
{
	return buf_has_room(b, len) ? b->data + b->len : buf_grow(b, len);
}

static inline void buf_commit(struct buf *b, size_t len)
{
	b->len += len;
	b->data[b->len] = '\0';
}

static inline int buf_addch(struct buf *b, char c)
{
	char *to = buf_reserve(b, 1);

	if (!to)
		return -1;
	*to = c;
	buf_commit(b, 1);
	return 0;
}

static inline int buf_addstr(struct buf *b, const char *s)
{
	return buf_add(b, s, strlen(s));
}

/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

/* The string, now the caller's to free(); the buffer is empty afterwards. NULL when the buffer has failed. */
char *buf_detach(struct buf *b);

/* 0, or -1 with *err: `what` is too big (ERR_TOOBIG), or memory ran out (ERR_NOMEM). */
int buf_check(const struct buf *b, const char *what, struct error *err);

#endif
