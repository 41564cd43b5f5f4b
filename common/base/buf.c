#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

char buf_empty[1] = "";

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf)BUF_INIT(max);
}

void buf_release(struct buf *b)
{
	if (b->borrowed) {
		buf_reset(b);
		return;
	}
	if (b->cap)
		free(b->data);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->failed = b->nomem = false;
	if (b->cap)
		b->data[0] = '\0';
}

void buf_cut(struct buf *b, size_t len)
{
	if (len >= b->len)
		return;
	b->len = len;
	b->data[len] = '\0';
}

static int buf_fail(struct buf *b)
{
	b->failed = true;
	return -1;
}

char *buf_grow(struct buf *b, size_t len)
{
	size_t cap = b->cap ? b->cap : 64;
	char *grown;

	if (b->failed)
		return NULL;
	if (len > b->max || b->len > b->max - len) {
		buf_fail(b);
		return NULL;
	}
	if (b->len + len + 1 > b->cap) {
		while (cap < b->len + len + 1)
			cap = cap > b->max / 2 ? b->max + 1 : cap * 2;
		grown = realloc(b->cap ? b->data : NULL, cap);
		if (!grown) {
			b->nomem = true;
			buf_fail(b);
			return NULL;
		}
		grown[b->len] = '\0';
		b->data = grown;
		b->cap = cap;
	}
	return b->data + b->len;
}

int buf_add(struct buf *b, const void *data, size_t len)
{
	char *to = buf_reserve(b, len);

	if (!to)
		return -1;
	if (len)
		memcpy(to, data, len);
	buf_commit(b, len);
	return 0;
}

int buf_addint(struct buf *b, int64_t n)
{
	uint64_t left = n < 0 ? -(uint64_t)n : (uint64_t)n;
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + left % 10);
	while (left /= 10);
	if (n < 0)
		*--at = '-';
	return buf_add(b, at, (size_t)(digits + sizeof(digits) - at));
}

/* Of nothing but text, %s, %d and %%, as most are. */
static bool is_simple(const char *fmt)
{
	while ((fmt = strchr(fmt, '%')) && fmt[1] && strchr("sd%", fmt[1]))
		fmt += 2;
	return !fmt;
}

/* Printf would take some ten times as long. */
static int add_simple(struct buf *b, const char *fmt, va_list ap)
{
	size_t before = b->len;
	const char *at, *text;

	for (; *(at = strchrnul(fmt, '%')); fmt = at + 2) {
		buf_add(b, fmt, (size_t)(at - fmt));
		if (at[1] == 's')
			buf_addstr(b, (text = va_arg(ap, const char *)) ? text : "(null)"); /* as glibc's does */
		else if (at[1] == 'd')
			buf_addint(b, va_arg(ap, int));
		else
			buf_addch(b, '%');
	}
	if (buf_addstr(b, fmt) == 0)
		return 0;
	b->len = before;
	if (b->cap)
		b->data[before] = '\0';
	return -1;
}

static int __attribute__((format(printf, 2, 0))) add_printed(struct buf *b, const char *fmt, va_list ap)
{
	size_t end = b->cap < b->max + 1 ? b->cap : b->max + 1, room = !b->failed && end > b->len ? end - b->len : 0;
	va_list again;
	char *to;
	int n;

	va_copy(again, ap);
	n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, again); /* most find the room that they need */
	va_end(again);
	if (n >= 0 && (size_t)n < room) {
		buf_commit(b, (size_t)n);
		return 0;
	}
	if (room)
		b->data[b->len] = '\0';
	if (n < 0)
		return buf_fail(b);
	to = buf_reserve(b, (size_t)n);
	if (!to)
		return -1;
	vsnprintf(to, (size_t)n + 1, fmt, ap);
	buf_commit(b, (size_t)n);
	return 0;
}

int buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	return is_simple(fmt) ? add_simple(b, fmt, ap) : add_printed(b, fmt, ap);
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = buf_vaddf(b, fmt, ap);
	va_end(ap);
	return r;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->len)
		n = b->len;
	if (!n)
		return;
	memmove(b->data, b->data + n, b->len - n + 1);
	b->len -= n;
}

char *buf_detach(struct buf *b)
{
	char *data;

	if (b->failed || (!b->cap && !buf_reserve(b, 0)))
		return NULL;
	if (b->borrowed) {
		data = strdup(b->data);
		if (data)
			buf_reset(b);
		return data;
	}
	data = b->data;
	b->cap = 0;
	buf_release(b);
	return data;
}

int buf_check(const struct buf *b, const char *what, struct error *err)
{
	if (!b->failed)
		return 0;
	if (b->nomem)
		return error_set(err, ERR_NOMEM, "no memory for %s", what);
	return error_set(err, ERR_TOOBIG, "%s is over its limit of %zu bytes", what, b->max);
}
