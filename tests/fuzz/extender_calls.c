/* fuzz: -max_len=8192 */
/* Lines of JSON: all but the last are objects that a watch brings (each as node and as pod), the last is what a
 * scheduler asks, three times in a row. */
#include <fcntl.h>
#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"
#include "extender/explain.h"
#include "extender/serve.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (4u << 20)
#define OBJECTS  16
#define WALL_MS  INT64_C(1700000000000)
#define LIFETIME 15000
#define NODE(name)                                                                                                     \
	"{\"metadata\":{\"name\":\"" name "\",\"labels\":{\"kubernetes.io/hostname\":\"" name "\"}},"                  \
	"\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"

static struct metrics *metrics;
static int nowhere;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	metrics = metrics_new();
	nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	CHECK(metrics && nowhere >= 0);
	return 0;
}

static bool always_ready(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	(void)why_not;
	(void)size;
	return true;
}

static void tell(struct extender *e, const char *text, size_t len)
{
	JSON_CLEANUP cJSON *object = json_parse(text, len, JSON_ITEMS, NULL);
	BUF_CLEANUP struct buf sentence = BUF_INIT(1u << 16);
	struct error err = ERROR_INIT;

	if (!object)
		return;
	inventory_set_node(e->inventory, object, &err);
	inventory_set_pod(e->inventory, object, &err);
	if (explain_pending(e->inventory, object, &sentence))
		CHECK(sentence.len > 0);
}

static void tell_some(struct extender *e)
{
	static const char *const objects[] = {
		NODE("n1"), NODE("n2"),
		"{\"metadata\":{\"name\":\"codis-server-0\",\"namespace\":\"shop\",\"uid\":\"u0\",\"labels\":{\"app\":"
		"\"codis-server\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"codis-server\","
		"\"controller\":true}]},\"spec\":{\"nodeName\":\"n1\"}}"
	};

	for (size_t i = 0; i < sizeof(objects) / sizeof(objects[0]); i++)
		tell(e, objects[i], strlen(objects[i]));
}

/* An answer is JSON; a score is within its limits. */
static void check_answer(int status, const struct buf *out)
{
	JSON_CLEANUP cJSON *answer = json_parse(out->data, out->len, JSON_ITEMS, NULL);
	const cJSON *one;

	CHECK((status == 200 || status == 400 || status == 500) && !out->failed && answer);
	if (cJSON_IsArray(answer)) {
		cJSON_ArrayForEach(one, answer) {
			int64_t score = json_int(-1, one, "Score", NULL);

			CHECK(score >= 0 && score <= EXTENDER_SCORE_MAX && json_str(one, "Host", NULL));
		}
	}
}

static void ask(struct extender *e, const char *body, size_t len)
{
	BUF_CLEANUP struct buf out = BUF_INIT(TEXT_MAX);
	int64_t now = 1000;

	for (int i = 0; i < 3; i++, now += LIFETIME / 2 + 1) { /* the third: what the first reserved is past */
		buf_reset(&out);
		check_answer(serve_filter(e, body, len, now, WALL_MS + now, &out), &out);
		buf_reset(&out);
		check_answer(serve_preempt(e, body, len, now, WALL_MS + now, &out), &out);
		buf_reset(&out);
		check_answer(serve_prioritize(e, body, len, now, WALL_MS + now, &out), &out);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len }, line = take_line(&in);
	struct extender e;

	CHECK(extender_init(&e, metrics) == 0);
	e.log = (struct logger){ .fd = nowhere, .level = LOG_LEVEL_DEBUG };
	e.ready = always_ready;
	e.reservation_ttl_ms = LIFETIME;
	tell_some(&e);
	for (int i = 0; in.len && i < OBJECTS; i++, line = take_line(&in))
		tell(&e, (const char *)line.at, line.len);
	ask(&e, (const char *)line.at, line.len);
	extender_release(&e);
	return 0;
}
