#include "tests/unit/options_page.h"

void assert_page_has_options(const char *path, const struct opt *options)
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
