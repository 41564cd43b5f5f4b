/* columns.h - a table for a terminal: each column as wide as its widest cell. */
#ifndef CODIS_CLI_COLUMNS_H
#define CODIS_CLI_COLUMNS_H

#include <stddef.h>

#include "common/base/buf.h"

#define COLUMNS_MAX 12

struct columns {
	int count;        /* of columns */
	struct buf cells; /* each with its closing 0 */
};

void columns_init(struct columns *t, int count);
void columns_release(struct columns *t);
/* The next cell, row by row; "" is printed as "-". Cleaned (text_clean). */
void columns_add(struct columns *t, const char *cell);
__attribute__((format(printf, 2, 3))) void columns_addf(struct columns *t, const char *fmt, ...);
/* Appends it to out, each row behind the indentation. */
void columns_print(const struct columns *t, const char *indent, struct buf *out);

#endif
