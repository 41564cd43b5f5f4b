/* extender_fixture.h - Nodes and Pods as the tests of the extender need them. */
#ifndef CODIS_TESTS_EXTENDER_FIXTURE_H
#define CODIS_TESTS_EXTENDER_FIXTURE_H

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"
#include "extender/explain.h"
#include "extender/place.h"
#include "extender/reserve.h"
#include "extender/serve.h"
#include "tests/unit/test.h"

#define WALL_MS INT64_C(1700000000000) /* 2023-11-14T22:13:20Z */

cJSON *parsed(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* labels: more members of metadata.labels, each with a comma before it; or "". */
void add_node(struct inventory *inv, const char *name, const char *labels, const char *ready, const char *changed);

void add_plain_node(struct inventory *inv, const char *name);

/* A stock pod as no webhook has seen it. node "" for one that is not bound; more: more of metadata, each with a comma
 * before it. */
cJSON *stock_pod(const char *app, const char *owner, int ordinal, const char *product, int replica, const char *node,
		 const char *more);

cJSON *server_pod(int ordinal, const char *node);

void add_pod(struct inventory *inv, cJSON *pod);

const char *pod_uid(const cJSON *pod);

void extender_setup(struct extender *e);

void extender_teardown(struct extender *e);

#endif
