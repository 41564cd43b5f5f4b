/* extender_fixture.h - Nodes and Pods as the tests of the extender need them. */
#ifndef CODIS_TESTS_EXTENDER_FIXTURE_H
#define CODIS_TESTS_EXTENDER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/kube/extender.h"
#include "extender/cluster.h"
#include "extender/explain.h"
#include "extender/place.h"
#include "extender/reserve.h"
#include "extender/serve.h"

#define WALL_MS INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

static inline cJSON *parsed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static inline cJSON *parsed(const char *fmt, ...)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	cJSON *root;
	va_list ap;

	va_start(ap, fmt);
	assert_int_equal(buf_vaddf(&text, fmt, ap), 0);
	va_end(ap);
	root = json_parse(text.data, text.len, &err);
	if (!root)
		fail_msg("%s: %s", err.text, text.data);
	return root;
}

/* labels: more members of metadata.labels, each with a comma before it; or "". */
static inline void add_node(struct cluster *c, const char *name, const char *labels, const char *ready,
			    const char *changed)
{
	JSON_CLEANUP cJSON *node = parsed(
		"{\"metadata\":{\"name\":\"%s\",\"creationTimestamp\":\"2020-01-01T00:00:00Z\","
		"\"labels\":{\"kubernetes.io/hostname\":\"%s\"%s}},"
		"\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\",\"lastTransitionTime\":\"%s\"}]}}",
		name, name, labels, ready, changed);
	struct error err = ERROR_INIT;

	assert_int_equal(cluster_set_node(c, node, &err), 0);
}

static inline void add_plain_node(struct cluster *c, const char *name)
{
	add_node(c, name, "", "True", "2020-01-01T00:00:10Z");
}

/* A stock pod as no webhook has seen it. node "" for one that is not bound; more: more of metadata, each with a comma
 * before it. */
static inline cJSON *stock_pod(const char *app, const char *owner, int ordinal, const char *product, int replica,
			       const char *node, const char *more)
{
	return parsed("{\"metadata\":{\"name\":\"%s-%d\",\"namespace\":\"default\",\"uid\":\"uid-%s-%s-%d\","
		      "\"labels\":{\"app\":\"%s\"},\"ownerReferences\":[{\"apiVersion\":\"apps/v1\","
		      "\"kind\":\"StatefulSet\",\"name\":\"%s\",\"controller\":true}]%s},"
		      "\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"main\",\"env\":["
		      "{\"name\":\"SERVER_REPLICA\",\"value\":\"%d\"},"
		      "{\"name\":\"PRODUCT_NAME\",\"value\":\"%s\"}]}]}}",
		      owner, ordinal, product, owner, ordinal, app, owner, more, node, replica, product);
}

static inline cJSON *server_pod(int ordinal, const char *node)
{
	return stock_pod("codis-server", "codis-server", ordinal, "codis-test", 2, node, "");
}

static inline void add_pod(struct cluster *c, cJSON *pod)
{
	struct error err = ERROR_INIT;

	if (cluster_set_pod(c, pod, POD_BY_APP, &err) < 0)
		fail_msg("%s", err.text);
	cJSON_Delete(pod);
}

static inline bool always_ready(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	(void)why_not;
	(void)size;
	return true;
}

static inline void extender_setup(struct extender *e)
{
	assert_int_equal(extender_init(e, metrics_new()), 0);
	assert_non_null(e->metrics);
	e->log.level = LOG_LEVEL_ERROR;
	e->log.fd = 2;
	e->reservation_ttl_ms = 15000;
	e->ready = always_ready;
}

static inline void extender_teardown(struct extender *e)
{
	metrics_free(e->metrics);
	extender_release(e);
}

#endif
