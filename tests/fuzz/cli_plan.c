/* fuzz: -max_len=8192 */
/* Manifests as somebody writes them: whatever they are, there is a verdict, in words or as JSON that can be read, or a
 * sentence; and what the webhook changes fits the pod that it was asked about. */
#include <stdlib.h>

#include "cli/plan.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/fuzz/fuzz.h"

#define NODES 3

static void check_report(const struct plan *p)
{
	BUF_CLEANUP struct buf text = BUF_INIT(64u << 20), json = BUF_INIT(64u << 20);
	struct error err = ERROR_INIT;

	CHECK(plan_show(p, true, &text, &err) == 0 || err.text[0]);
	CHECK(json_write(p->report, &json) == 0);
	JSON_CLEANUP cJSON *again = json_parse(json.data, json.len, PLAN_OBJECTS * 100, NULL);
	CHECK(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	struct cli c;
	struct plan p;

	cli_init(&c, -1, -1);
	c.options.system = (char *)(uintptr_t) "codis-system";
	CHECK(buf_add(&text, data, len) == 0);
	CHECK(plan_begin(&p, &c, &err) == 0);
	CHECK(plan_nodes_equal(&p, NODES, &err) == 0);
	if (plan_read_text(&p, text.data, text.len, "text", &err) == 0 && plan_admit(&p, &err) == 0 &&
	    plan_place(&p, &err) == 0 && plan_losses(&p, &err) == 0)
		check_report(&p);
	else
		CHECK(err.code != ERR_NONE && err.text[0]);
	plan_end(&p);
	c.options.system = NULL;
	cli_release(&c);
	return 0;
}
