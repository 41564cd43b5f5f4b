/* fuzz: -max_len=4096 */
/* Any text as the decisions of a ConfigMap: what is taken of it is written so that it is taken whole again. */
#include "common/codis/decisions.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20), again = BUF_INIT(1 << 20);
	struct decisions d = { 0 }, e = { 0 };

	CHECK(decisions_merge(&d, (const char *)data, len) == d.count);
	decisions_write(&d, &text);
	CHECK(!text.failed && text.len == d.bytes);
	CHECK(decisions_merge(&e, text.data, text.len) == d.count);
	decisions_write(&e, &again);
	CHECK(!again.failed && strcmp(text.data, again.data) == 0);
	for (int i = 0; i < d.count; i++) {
		JSON_CLEANUP cJSON *parsed = NULL;
		struct decision one;

		CHECK(decisions_read(&d, i, &parsed, &one) == 0);
	}
	decisions_release(&d);
	decisions_release(&e);
	return 0;
}
