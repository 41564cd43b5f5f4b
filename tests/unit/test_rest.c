/* Questions to dashboards and proxies that are never sent. */
#include <string.h>

#include "common/base/error.h"
#include "common/codis/rest.h"
#include "tests/unit/test.h"

static void on_answer(void *ctx, const cJSON *answer, const struct error *err)
{
	(void)ctx;
	(void)answer;
	(void)err;
	fail();
}

/* While it restarts none is known; libcurl would take the path's first word for a host. */
TEST(no_dashboard_is_told_of_as_such)
{
	struct error err = ERROR_INIT;

	assert_int_equal(dashboard_move_slot(NULL, "", "shop", 7, 2, on_answer, NULL, &err), -1);
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.text, ": no dashboard is known that answers"));
	assert_null(strstr(err.text, "http://"));
}
