/* fuzz: -max_len=8192 */
/* Any text as YAML: what is read of it is JSON that is no deeper than it may be, has no key twice and takes no more
 * memory than was allowed; the same text says the same again. */
#include "common/base/yaml_read.h"

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/fuzz/fuzz.h"

#define MEMORY (1u << 20)

static void check_value(const cJSON *item, int depth) /* NOLINT(misc-no-recursion) */
{
	const cJSON *child;
	int seen = 0;

	CHECK(depth <= YAML_DEPTH);
	json_each(child, item) {
		CHECK(!cJSON_IsObject(item) || seen++ > 64 ||
		      cJSON_GetObjectItemCaseSensitive(item, child->string) == child);
		check_value(child, depth + 1);
	}
}

static int on_document(void *ctx, cJSON *document, int line, struct error *err)
{
	struct buf *out = ctx;
	size_t before = out->len;
	cJSON *again;

	(void)err;
	CHECK(line > 0 && !cJSON_IsNull(document));
	check_value(document, 1);
	CHECK(json_write(document, out) == 0);
	again = json_parse(out->data + before, out->len - before, MEMORY, NULL);
	CHECK(again);
	cJSON_Delete(again);
	cJSON_Delete(document);
	return 0;
}

static int read_text(const char *text, size_t len, struct buf *out, struct error *err)
{
	int r = yaml_read(text, len, MEMORY, on_document, out, err);

	CHECK(r == 0 || (r == -1 && err->code != ERR_NONE && strncmp(err->text, "line ", 5) == 0));
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	BUF_CLEANUP struct buf first = BUF_INIT(64u << 20), second = BUF_INIT(64u << 20);
	struct error err = ERROR_INIT;
	char *text = take_text(&in);
	int r = read_text(text, len, &first, &err);

	CHECK(read_text(text, len, &second, &err) == r && strcmp(first.data, second.data) == 0);
	free(text);
	return 0;
}
