/* options_page.h - for a program's options test: its docs page has the very table that its options print. */
#ifndef CODIS_TESTS_OPTIONS_PAGE_H
#define CODIS_TESTS_OPTIONS_PAGE_H

#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/opt.h"
#include "tests/unit/test.h"

/* The options as a Markdown table. */
void options_table(const struct opt *table, struct buf *out);

/* The tests run in the top folder. */
void assert_page_has_options(const char *path, const struct opt *options);

#endif
