/* options_page.h - for a program's options test: its docs page has the very table that its options print. */
#ifndef CODIS_TESTS_OPTIONS_PAGE_H
#define CODIS_TESTS_OPTIONS_PAGE_H

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/opt.h"

/* The tests run in the top folder. */
static inline void assert_page_has_options(const char *path, const struct opt *options)
{
	BUF_CLEANUP struct buf table = BUF_INIT(65536);
	struct error err = ERROR_INIT;
	char *page = file_read(path, 1u << 20, &err);

	opt_markdown(options, &table);
	if (!page)
		fail_msg("%s", err.text);
	else if (!strstr(page, table.data))
		fail_msg("%s does not have this table:\n%s", path, table.data);
	free(page);
}

#endif
