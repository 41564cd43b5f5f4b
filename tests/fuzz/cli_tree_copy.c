/* fuzz: -max_len=8192 */
/* The document of codisctl backup, as restore is given it: what is read has only nodes that Codis would have written,
 * is written as it was read, and counts to no more than that. */
#include <string.h>

#include "cli/tree_copy.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/topology.h"
#include "tests/fuzz/fuzz.h"

static void check_nodes(const cJSON *tree)
{
	const cJSON *node;

	json_each(node, json_get(tree, "nodes", NULL)) {
		const char *path = json_str(node, "path", NULL);

		CHECK(path && strlen(path) < TREE_COPY_PATH_MAX);
		CHECK(!strstr(path, "..") && !strstr(path, "//") && strchr(path, '/') == strrchr(path, '/'));
		CHECK(tree_copy_data(tree, path) == json_get(node, "data", NULL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20), out = BUF_INIT(16u << 20);
	struct error err = ERROR_INIT;
	struct tree_copy_counts n;

	CHECK(buf_add(&text, data, len) == 0);
	JSON_CLEANUP cJSON *tree = tree_copy_read(text.data, text.len, &err);
	if (!tree) {
		CHECK(err.code != ERR_NONE && err.text[0]);
		return 0;
	}
	check_nodes(tree);
	n = tree_copy_count(tree);
	CHECK(n.slots <= CODIS_SLOTS && n.assigned <= n.slots && (!n.assigned || n.groups));
	CHECK(tree_copy_product(tree)[0]);
	CHECK(tree_copy_write(tree, &out) == 0 || out.failed); /* aliases: more than it has room for */
	return 0;
}
