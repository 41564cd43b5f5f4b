#include "tests/unit/extender_fixture.h"

cJSON *parsed(const char *fmt, ...)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	cJSON *root;
	va_list ap;

	va_start(ap, fmt);
	assert_int_equal(buf_vaddf(&text, fmt, ap), 0);
	va_end(ap);
	root = json_parse(text.data, text.len, JSON_ITEMS, &err);
	if (!root)
		fail_msg("%s: %s", err.text, text.data);
	return root;
}

void add_node(struct inventory *inv, const char *name, const char *labels, const char *ready, const char *changed)
{
	JSON_CLEANUP cJSON *node = parsed(
		"{\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":\"2020-01-01T00:00:00Z\","
		"\"labels\":{\"kubernetes.io/hostname\":\"%s\"%s}},"
		"\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
		name, name, labels, ready, changed);
	struct error err = ERROR_INIT;

	assert_int_equal(inventory_set_node(inv, node, &err), 0);
}

void add_plain_node(struct inventory *inv, const char *name)
{
	add_node(inv, name, "", "True", "2020-01-01T00:00:10Z");
}

cJSON *stock_pod(const char *app, const char *owner, int ordinal, const char *product, int replica, const char *node,
		 const char *more)
{
	return parsed("{\"metadata\":{\"name\":\"%s-%d\",\"namespace\":\"default\",\"uid\":\"uid-%s-%s-%d\","
		      "\"labels\":{\"app\":\"%s\"},\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
		      "\"kind\":\"StatefulSet\",\"name\":\"%s\",\"controller\":true}]%s},"
		      "\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"main\",\"env\":["
		      "{\"name\":\"SERVER_REPLICA\",\"value\":\"%d\"},"
		      "{\"name\":\"PRODUCT_NAME\",\"value\":\"%s\"}]}]}}",
		      owner, ordinal, product, owner, ordinal, app, owner, more, node, replica, product);
}

cJSON *server_pod(int ordinal, const char *node)
{
	return stock_pod("codis-server", "codis-server", ordinal, "codis-test", 2, node, "");
}

void add_pod(struct inventory *inv, cJSON *pod)
{
	struct error err = ERROR_INIT;

	if (inventory_set_pod(inv, pod, &err) < 0)
		fail_msg("%s", err.text);
	cJSON_Delete(pod);
}

const char *pod_uid(const cJSON *pod)
{
	return json_str(pod, "metadata", "uid", NULL);
}

static bool always_ready(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	(void)why_not;
	(void)size;
	return true;
}

void extender_setup(struct extender *e)
{
	assert_int_equal(extender_init(e, metrics_new()), 0);
	assert_non_null(e->metrics);
	e->log.level = LOG_LEVEL_ERROR;
	e->log.fd = 2;
	e->reservation_ttl_ms = 15000;
	e->ready = always_ready;
}

void extender_teardown(struct extender *e)
{
	metrics_free(e->metrics);
	extender_release(e);
}
