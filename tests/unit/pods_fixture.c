#include "tests/unit/pods_fixture.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "tests/unit/test.h"

__attribute__((format(printf, 1, 2))) static cJSON *parse(const char *fmt, ...)
{
	char text[4096];
	struct error err = ERROR_INIT;
	va_list ap;
	cJSON *json;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json = json_parse(text, strlen(text), JSON_ITEMS, &err);
	if (!json)
		fail_msg("%s: %s", err.text, text);
	return json;
}

#define UNPREPARED                                                                                                     \
	"Pending\",\"startTime\":\"2026-01-01T00:00:00Z\",\"conditions\":[{\"type\":\"PodReadyToStartContainers\","    \
	"\"status\":\"False\"}],\"qosClass\":\"Burstable"

void fixture_set_pod(struct inventory *inv, const struct fixture_pod *pod)
{
	const char *uid = pod->uid ? pod->uid : pod->name, *product = pod->product ? pod->product : "codis-test";
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *json = parse(
		"{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\",\"uid\":\"uid-%s\",%s\"labels\":{\"app\":\"%s\"%s%"
		"s%s},"
		"\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"%.*s\",\"controller\":true}]},"
		"\"spec\":{\"nodeName\":\"node0\",\"volumes\":[{\"emptyDir\":{}}%s],\"containers\":[{\"name\":\"%s\","
		"\"command\":[\"%s\"],\"args\":%s,"
		"\"env\":%s}]},"
		"\"status\":{\"phase\":\"%s\"%s%s%s,\"containerStatuses\":[{\"name\":\"%s\",\"restartCount\":0,"
		"\"image\":\"c:9\",\"state\":{\"%s\":{\"%s\":\"%s\"}}}]}}",
		pod->namespace ? pod->namespace : "ns", pod->name, uid,
		pod->deleting ? "\"deletionTimestamp\":\"2026-01-01T00:00:01Z\"," : "", pod->app,
		product[0] ? ",\"codis.io/product\":\"" : "", product, product[0] ? "\"" : "",
		(int)strcspn(pod->name, "0123456789") - 1, pod->name,
		pod->claim ? ",{\"persistentVolumeClaim\":{\"claimName\":\"data\"}}" : "", pod->app, pod->app,
		pod->args ? pod->args : "[]", pod->env ? pod->env : "[]", pod->unprepared ? UNPREPARED : "Running",
		pod->ip ? ",\"podIP\":\"" : "", pod->ip ? pod->ip : "", pod->ip ? "\"" : "", pod->app,
		pod->waiting || pod->reason ? "waiting" : "running", pod->reason ? "reason" : "startedAt",
		pod->reason ? pod->reason : "2026-01-01T00:00:00Z");

	if (inventory_set_pod(inv, json, &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_set_node(struct inventory *inv, bool ready, bool unschedulable)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *json =
		parse("{\"metadata\":{\"name\":\"node0\"},\"spec\":{\"unschedulable\":%s},\"status\":"
		      "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		      unschedulable ? "true" : "false", ready ? "True" : "Unknown");

	if (inventory_set_node(inv, json, &err) < 0)
		fail_msg("%s", err.text);
}

/* labels: further ones of the template, each with a comma in front. */
static void put_set(struct inventory *inv, const char *name, const char *metadata, int replicas, int start,
		    const char *labels)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *json =
		parse("{\"metadata\":{\"namespace\":\"ns\",\"name\":\"%s\",\"uid\":\"uid-set%s\"%s},\"spec\":{"
		      "\"replicas\":%d,"
		      "\"ordinals\":{\"start\":%d},\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\","
		      "\"codis.io/product\":\"codis-test\"%s}},\"spec\":{\"containers\":[{\"name\":\"codis-server\","
		      "\"command\":[\"codis-server\"],\"env\":[{\"name\":\"SERVER_REPLICA\",\"value\":\"2\"}]}]}}}}",
		      name, name + strlen("codis-server"), metadata, replicas, start, labels);

	if (inventory_set_set(inv, json, &err) < 0)
		fail_msg("%s", err.text);
}

void fixture_set_set(struct inventory *inv, int replicas, int ordinals_start)
{
	put_set(inv, "codis-server", "", replicas, ordinals_start, "");
}

void fixture_set_group_set(struct inventory *inv, int group, int replicas, const char *annotations)
{
	char name[64], labels[64], metadata[512];

	snprintf(name, sizeof(name), "codis-server-%d", group);
	snprintf(labels, sizeof(labels), ",\"codis.io/group\":\"%d\"", group);
	snprintf(metadata, sizeof(metadata), ",\"annotations\":%s", annotations);
	put_set(inv, name, metadata, replicas, 0, labels);
}

void fixture_delete_set(struct inventory *inv)
{
	put_set(inv, "codis-server", ",\"deletionTimestamp\":\"2026-01-01T00:00:01Z\"", 2, 0, "");
}
