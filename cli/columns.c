#include "cli/columns.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/text.h"

#define CELLS_MAX (32u << 20)
#define GAP       2

void columns_init(struct columns *t, int count)
{
	t->count = count;
	buf_init(&t->cells, CELLS_MAX);
}

void columns_release(struct columns *t)
{
	buf_release(&t->cells);
}

void columns_add(struct columns *t, const char *cell)
{
	if (!*cell)
		cell = "-";
	text_clean(&t->cells, cell, strlen(cell));
	buf_addch(&t->cells, '\0');
}

void columns_addf(struct columns *t, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	columns_add(t, text);
}

/* Characters, not bytes, of UTF-8. */
static size_t width_of(const char *cell)
{
	size_t n = 0;

	for (; *cell; cell++)
		n += (*cell & 0xc0) != 0x80;
	return n;
}

void columns_print(const struct columns *t, const char *indent, struct buf *out)
{
	const char *cell = t->cells.data, *end = cell + t->cells.len;
	size_t widths[COLUMNS_MAX] = { 0 };

	for (int i = 0; cell < end; cell += strlen(cell) + 1, i = (i + 1) % t->count) {
		size_t width = width_of(cell);

		widths[i] = width > widths[i] ? width : widths[i];
	}
	cell = t->cells.data;
	for (int i = 0; cell < end; cell += strlen(cell) + 1, i = (i + 1) % t->count) {
		bool last = i == t->count - 1;

		buf_addf(out, "%s%s", i ? "" : indent, cell);
		if (last)
			buf_addch(out, '\n');
		else
			buf_addf(out, "%*s", (int)(widths[i] - width_of(cell)) + GAP, "");
	}
}
