/* calls [ROUNDS]: what a filter call costs codis-extender, without HTTP: of so many candidates, with so many codis pods
 * in the cluster. A report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "extender/explain.h"
#include "extender/serve.h"

#define WALL_MS INT64_C(1700000000000)
#define NODES   5000
/* Each Codis has a namespace. */
#define PODS_OF_ONE 2000
#define UID         "0b8e7c1e-0000-4000-8000-%012d"

static bool always_ready(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	(void)why_not;
	(void)size;
	return true;
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static cJSON *parse(const struct buf *text)
{
	struct error err = ERROR_INIT;
	cJSON *object = json_parse(text->data, text->len, SERVE_ITEMS, &err);

	if (!object) {
		fprintf(stderr, "%s\n", err.text);
		exit(1);
	}
	return object;
}

static void name_of(int node, char name[64])
{
	snprintf(name, 64, "ip-10-0-%d-%d.eu-central-1.compute.internal", node / 250, node % 250);
}

static void add_node(struct inventory *inv, int i)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 16);
	char name[64];

	name_of(i, name);
	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"kubernetes.io/hostname\":\"ip-%d\","
		 "\"topology.kubernetes.io/zone\":\"z%d\",\"kubernetes.io/arch\":\"amd64\",\"kubernetes.io/"
		 "os\":\"linux\","
		 "\"topology.kubernetes.io/region\":\"eu-central-1\",\"node.kubernetes.io/"
		 "instance-type\":\"m6i.2xlarge\"}},"
		 "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
		 name, i, i % 3);
	JSON_CLEANUP cJSON *node = parse(&text);
	inventory_set_node(inv, node, NULL);
}

/* As codis-webhook leaves it, some 4 KB. node "": not bound. */
static void pod_text(int i, const char *node, struct buf *out)
{
	int codis = i / PODS_OF_ONE, ordinal = i % PODS_OF_ONE, group = ordinal / 2 + 1;

	buf_addf(
		out,
		"{\"metadata\":{\"name\":\"codis-server-%d\",\"namespace\":\"shop-%d\",\"uid\":\"" UID "\","
		"\"resourceVersion\":\"%d\",\"labels\":{\"app\":\"codis-server\",\"codis.io/"
		"component\":\"codis-server\","
		"\"codis.io/product\":\"codis-test\",\"codis.io/group\":\"%d\"},\"ownerReferences\":[{\"kind\":"
		"\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}]},\"spec\":{\"nodeName\":\"%s\","
		"\"containers\":[{\"name\":\"codis-server\",\"image\":\"codis-image:latest\",\"env\":[{\"name\":"
		"\"SERVER_REPLICA\",\"value\":\"2\"},{\"name\":\"PRODUCT_NAME\",\"value\":\"codis-test\"}],\"command\":"
		"[\"codis-server\"],\"args\":[\"/codis/config/redis.conf\",\"--slaveof\",\"127.0.0.1\",\"1\"],"
		"\"lifecycle\":{\"preStop\":{\"exec\":{\"command\":[\"/bin/sh\",\"-c\",\"%0*d\"]}}}}],"
		"\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{"
		"\"labelSelector\":"
		"{\"matchLabels\":{\"codis.io/product\":\"codis-test\",\"codis.io/group\":\"%d\"}},\"topologyKey\":"
		"\"kubernetes.io/hostname\"}]}}}}",
		ordinal, codis, i, i + 1, group, node, 2900, 0, group);
}

static void add_pod(struct inventory *inv, int i, int node)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 16);
	char name[64] = "";

	if (node >= 0)
		name_of(node, name);
	pod_text(i, name, &text);
	JSON_CLEANUP cJSON *pod = parse(&text);
	inventory_set_pod(inv, pod, NULL);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* All pods but the asking one's group have a place; what it gets is taken back each time. */
static double measure(struct extender *e, int pods, int names, int rounds, bool known, double *p99)
{
	BUF_CLEANUP struct buf body = BUF_INIT(4 << 20), out = BUF_INIT(1 << 20);
	double *us = calloc((size_t)rounds, sizeof(*us)), p50;
	char name[64];

	if (!us)
		exit(1);
	if (known)
		add_pod(e->inventory, pods + 1, -1);
	buf_addstr(&body, "{\"Pod\":");
	pod_text(pods + (known ? 1 : 3), "", &body);
	for (int i = 0; i < names; i++) {
		name_of(i * (NODES / names), name);
		buf_addf(&body, "%s\"%s\"", i ? "," : ",\"Nodes\":null,\"NodeNames\":[", name);
	}
	buf_addstr(&body, "]}");
	for (int i = 0; i < rounds; i++) {
		double begin;

		snprintf(name, sizeof(name), UID, pods + (known ? 1 : 3));
		extender_settle(e, name);
		buf_reset(&out);
		begin = now_us();
		if (serve_filter(e, body.data, body.len, i, WALL_MS, &out) != 200 || !strstr(out.data, "ip-")) {
			fprintf(stderr, "%s\n", out.data);
			exit(1);
		}
		us[i] = now_us() - begin;
	}
	qsort(us, (size_t)rounds, sizeof(*us), by_size);
	p50 = us[rounds / 2];
	*p99 = us[rounds * 99 / 100];
	free(us);
	return p50;
}

/* A pod of a Codis of its own that the scheduler has given up on for now, as of a full cluster. */
static void add_pending(struct extender *e, struct explainer *x, int i)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 16);

	pod_text(i, "", &text);
	text.len--; /* before the last brace */
	buf_addstr(&text, ",\"status\":{\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
			  "\"Unschedulable\",\"message\":\"0/1 nodes are available\"}]}}");
	JSON_CLEANUP cJSON *pod = parse(&text);
	inventory_set_pod(e->inventory, pod, NULL);
	explainer_set(x, e->inventory, pod);
}

/* What an event of a bound pod costs the loop, beside so many Pending ones: both are of the inventory's pods. */
static double measure_event(struct extender *e, struct explainer *x, int bound, int rounds)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 16);
	char name[64];

	name_of(bound * 7 % NODES, name);
	pod_text(bound, name, &text);
	JSON_CLEANUP cJSON *pod = parse(&text);
	double begin = now_us();

	for (int i = 0; i < rounds; i++)
		explainer_set(x, e->inventory, pod);
	return (now_us() - begin) / rounds;
}

static void measure_events(struct extender *e, int made, int rounds)
{
	static const int pending[] = { 0, 1000, 2000 };
	struct explainer x = { .events = NULL };
	int waiting = 0;

	printf("%7s %22s\n", "Pending", "an event of a bound us");
	for (size_t p = 0; p < sizeof(pending) / sizeof(pending[0]); p++) {
		for (; waiting < pending[p]; waiting++)
			add_pending(e, &x, made + 10 + waiting);
		printf("%7d %22.2f\n", waiting, measure_event(e, &x, 4, rounds));
	}
	explainer_release(&x);
}

int main(int argc, char **argv)
{
	static const int pods[] = { 0, 2000, 26000 }, names[] = { 16, 100, 500, 1000, 5000 };
	int rounds = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 2000;
	struct extender e;
	int made = 0;

	if (rounds < 100 || extender_init(&e, metrics_new()) < 0)
		return 2;
	e.ready = always_ready;
	e.reservation_ttl_ms = 15000;
	e.log = (struct logger){ .fd = 2, .level = LOG_LEVEL_WARN };
	for (int i = 0; i < NODES; i++)
		add_node(e.inventory, i);
	printf("%6s %6s %22s %22s\n", "pods", "names", "p50, p99 us", "of a pod not seen yet");
	for (size_t p = 0; p < sizeof(pods) / sizeof(pods[0]); p++) {
		for (; made < pods[p]; made++)
			add_pod(e.inventory, made, made * 7 % NODES);
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			double p99, p99_new, p50 = measure(&e, pods[p], names[n], rounds, true, &p99),
					     p50_new = measure(&e, pods[p], names[n], rounds, false, &p99_new);

			printf("%6d %6d %12.1f %9.1f %12.1f %9.1f\n", pods[p], names[n], p50, p99, p50_new, p99_new);
		}
	}
	measure_events(&e, made, rounds);
	extender_release(&e);
	metrics_free(e.metrics);
	return 0;
}
