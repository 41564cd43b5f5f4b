#include "tests/spread/played.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/codis/inventory.h"
#include "extender/serve.h"
#include "tests/spread/scheduler.h"

#define WALL_MS   INT64_C(1700000000000)
#define STEP_MS   5  /* between two placements */
#define TURNS_MAX 50 /* how often a pod that found no place is tried again */
#define TTL_MS    15000
/* Where all come at once: placements that the watch has not shown yet; but no more than there are nodes. */
#define IN_FLIGHT 64
/* percentageOfNodesToScore of manifests/system, and the default */
enum { SHIPPED_PERCENTAGE = 2, DEFAULT_PERCENTAGE = 0 };

/* --- what came of it ---------------------------------------------------------------------------------------------- */

static void count_group(const struct world *w, const struct pod *first, struct played *out)
{
	bool by_zone = w->products[first->product].by_zone, within = false;

	for (int a = 0; a < w->kind.replica; a++) {
		for (int b = 0; b < a; b++) {
			int x = first[a].node, y = first[b].node;
			bool share = x >= 0 && y >= 0 && w->nodes[x].zone == w->nodes[y].zone;

			out->beside_on_node += x >= 0 && x == y;
			out->beside_in_zone += by_zone && share;
			within = within || (!by_zone && share);
		}
	}
	out->groups_within_zone += within;
}

static void count_all(const struct world *w, struct played *out)
{
	for (int i = 0; i < w->pod_count; i++) {
		const struct pod *p = &w->pods[i];

		out->placed += p->node >= 0;
		out->waiting += p->node < 0;
		if (p->group && !p->rank)
			count_group(w, p, out);
	}
}

void play_default(struct world *w, struct played *out)
{
	int found[NODES_MAX];

	memset(out, 0, sizeof(*out));
	for (int i = 0; i < w->pod_count; i++) {
		int pod = w->order[i], count = scheduler_find(w, pod, DEFAULT_PERCENTAGE, true, found);
		int node = scheduler_choose(w, pod, found, count);

		if (w->kind.moved && i == w->pod_count / 2)
			world_hand_over(w);
		if (node >= 0)
			world_take(w, pod, node);
	}
	count_all(w, out);
}

/* --- what the extender is told ------------------------------------------------------------------------------------ */

struct play {
	struct world *w;
	struct extender e;
	int64_t now_ms;
	int flying[IN_FLIGHT], in_flight;
	struct buf body, answer;
};

static void fail(const char *why)
{
	fprintf(stderr, "%s\n", why);
	exit(1);
}

static cJSON *parse(const struct buf *text)
{
	struct error err = ERROR_INIT;
	cJSON *object = json_parse(text->data, text->len, SERVE_ITEMS, &err);

	if (!object)
		fail(err.text);
	return object;
}

static void tell_node(struct inventory *inv, const struct node *n)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 16);

	buf_addf(&text, "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"topology.kubernetes.io/zone\":\"zone-%d\"}},",
		 n->name, n->zone);
	buf_addf(&text, "\"spec\":{\"taints\":[%s]},",
		 n->tainted ? "{\"key\":\"batch\",\"effect\":\"PreferNoSchedule\"}" : "");
	buf_addf(&text, "\"status\":{\"allocatable\":{\"cpu\":\"%dm\",\"memory\":\"%dKi\",\"pods\":\"110\"},",
		 (int)n->cpu_m, (int)n->memory_mib * 1024);
	buf_addstr(&text, "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}");
	JSON_CLEANUP cJSON *node = parse(&text);
	if (inventory_set_node(inv, node, NULL) < 0)
		fail("no memory");
}

static void add_uid(const struct pod *p, struct buf *out)
{
	buf_addf(out, "uid-%d-%d-%d", p->product, p->group > 0, p->ordinal);
}

/* As codis-webhook leaves it, as far as anybody looks at it here. */
static void add_pod(const struct world *w, const struct pod *p, struct buf *out)
{
	const struct product *product = &w->products[p->product];
	const char *key = product->by_zone ? "topology.kubernetes.io/zone" : "kubernetes.io/hostname";
	const char *what = p->group ? "codis-server" : "codis-proxy";

	buf_addf(out, "{\"metadata\":{\"name\":\"%s-%d\",\"namespace\":\"shop-%d\",\"uid\":\"", what, p->ordinal,
		 p->product);
	add_uid(p, out);
	buf_addf(out, "\",\"labels\":{\"app\":\"%s\",\"codis.io/product\":\"shop-%d\"", what, p->product);
	if (p->group)
		buf_addf(out, ",\"codis.io/group\":\"%d\"", p->group);
	if (p->labelled)
		buf_addf(out, ",\"codis.io/role\":\"%s\"", p->master ? "master" : "replica");
	buf_addf(out,
		 "},\"annotations\":{\"codis.io/topology-key\":\"%s\"},\"ownerReferences\":[{\"kind\":"
		 "\"StatefulSet\",\"name\":\"%s\",\"controller\":true}]},\"spec\":{",
		 key, what);
	if (p->node >= 0)
		buf_addf(out, "\"nodeName\":\"%s\",", w->nodes[p->node].name);
	if (p->group && product->ruled)
		buf_addf(out,
			 "\"affinity\":{\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":"
			 "[{\"labelSelector\":{\"matchLabels\":{\"codis.io/group\":\"%d\"}},\"topologyKey\":\"%s"
			 "\"}]}},",
			 p->group, key);
	buf_addf(out,
		 "\"containers\":[{\"name\":\"%s\",\"env\":[{\"name\":\"SERVER_REPLICA\",\"value\":\"%d\"}],"
		 "\"resources\":{\"requests\":{\"cpu\":\"%dm\",\"memory\":\"%dMi\"}}}]}}",
		 what, w->kind.replica, (int)p->cpu_m, (int)p->mib);
}

/* What the watch brings. */
static void show(struct play *play, int pod)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 16);
	char uid[64];
	struct buf its = BUF_IN(uid);

	add_pod(play->w, &play->w->pods[pod], &text);
	JSON_CLEANUP cJSON *object = parse(&text);
	if (inventory_set_pod(play->e.inventory, object, NULL) < 0)
		fail("no memory");
	add_uid(&play->w->pods[pod], &its);
	if (play->w->pods[pod].node >= 0)
		extender_settle(&play->e, uid);
}

/* The oldest of those in flight is seen. */
static void land(struct play *play)
{
	show(play, play->flying[0]);
	memmove(play->flying, play->flying + 1, (size_t)--play->in_flight * sizeof(play->flying[0]));
}

static void hand_over(struct play *play)
{
	while (play->in_flight)
		land(play);
	world_hand_over(play->w);
	for (int i = 0; i < play->w->pod_count; i++) {
		if (play->w->pods[i].labelled)
			show(play, i);
	}
}

static void fly(struct play *play, int pod)
{
	if (play->in_flight == IN_FLIGHT || play->in_flight == play->w->node_count)
		land(play);
	play->flying[play->in_flight++] = pod;
	if (!play->w->kind.at_once)
		land(play);
}

/* --- what it is asked --------------------------------------------------------------------------------------------- */

static int node_named(const int *found, int count, const struct world *w, const char *name)
{
	for (int i = 0; i < count; i++) {
		if (strcmp(w->nodes[found[i]].name, name) == 0)
			return found[i];
	}
	fail("a node was offered that was not asked for");
	return -1;
}

/* Those that it offers, in place of those that were found. */
static int read_offer(const struct play *play, int *found, int count)
{
	JSON_CLEANUP cJSON *answer = parse(&play->answer);
	const cJSON *name;
	int offer[NODES_MAX], offered = 0;

	cJSON_ArrayForEach(name, json_get(answer, "NodeNames", NULL))
		offer[offered++] = node_named(found, count, play->w, cJSON_GetStringValue(name));
	memcpy(found, offer, (size_t)offered * sizeof(*found));
	return offered;
}

static int ask(struct play *play, int pod, int *found, int count)
{
	const struct world *w = play->w;

	buf_reset(&play->body);
	buf_reset(&play->answer);
	buf_addstr(&play->body, "{\"Pod\":");
	add_pod(w, &w->pods[pod], &play->body);
	buf_addstr(&play->body, ",\"Nodes\":null,\"NodeNames\":[");
	for (int i = 0; i < count; i++)
		buf_addf(&play->body, "%s\"%s\"", i ? "," : "", w->nodes[found[i]].name);
	buf_addstr(&play->body, "]}");
	if (serve_filter(&play->e, play->body.data, play->body.len, play->now_ms, WALL_MS, &play->answer) != 200)
		fail(play->answer.data);
	return read_offer(play, found, count);
}

static void place(struct play *play, int pod, struct played *out)
{
	struct world *w = play->w;
	const struct product *product = &w->products[w->pods[pod].product];
	int found[NODES_MAX], count = scheduler_find(w, pod, SHIPPED_PERCENTAGE, product->ruled, found), node;

	play->now_ms += STEP_MS;
	if (!count)
		return;
	count = ask(play, pod, found, count);
	out->asked++;
	out->offered += count;
	node = scheduler_choose(w, pod, found, count);
	if (node < 0)
		return;
	world_take(w, pod, node);
	fly(play, pod);
}

static bool always_ready(void *ctx, char *why_not, size_t size)
{
	(void)ctx;
	(void)why_not;
	(void)size;
	return true;
}

static void begin(struct play *play, struct world *w)
{
	*play = (struct play){ .w = w, .body = BUF_INIT(1 << 20), .answer = BUF_INIT(1 << 20) };
	if (extender_init(&play->e, metrics_new()) < 0)
		fail("no memory");
	play->e.ready = always_ready;
	play->e.reservation_ttl_ms = TTL_MS;
	play->e.log = (struct logger){ .fd = 2, .level = LOG_LEVEL_ERROR };
	for (int i = 0; i < w->node_count; i++)
		tell_node(play->e.inventory, &w->nodes[i]);
	/* Where all come at once the watch has brought half of them before the scheduler asks. */
	for (int i = 0; w->kind.at_once && i < w->pod_count; i += 2)
		show(play, i);
}

static void end(struct play *play)
{
	while (play->in_flight)
		land(play);
	extender_release(&play->e);
	metrics_free(play->e.metrics);
	buf_release(&play->body);
	buf_release(&play->answer);
}

void play_extender(struct world *w, struct played *out)
{
	struct play *play = malloc(sizeof(*play));

	if (!play)
		fail("no memory");
	memset(out, 0, sizeof(*out));
	begin(play, w);
	for (int turn = 0; turn < TURNS_MAX; turn++) {
		for (int i = 0; i < w->pod_count; i++) {
			if (w->kind.moved && !turn && i == w->pod_count / 2)
				hand_over(play);
			if (w->pods[w->order[i]].node < 0)
				place(play, w->order[i], out);
		}
		while (play->in_flight)
			land(play);
	}
	end(play);
	free(play);
	count_all(w, out);
}
