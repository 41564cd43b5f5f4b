/* Random histories of an API server, its watches, a scheduler and the extender: bindings come late, fail, or succeed
 * though the scheduler was told that they failed; watches lag and break; nodes go, come back, lose their labels; pods
 * are made anew; a StatefulSet's pods become one group, and several again; the extender is killed. No rule of the
 * scheduler's own keeps anybody apart. Whatever happens, two members of a group are never bound in one domain of a key
 * by which one of them is strict; and when all is quiet, who can have a place gets one. CODIS_TEST_SEED=N plays one
 * history, CODIS_TEST_SEEDS=N so many. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/extender_fixture.h"
#include "tests/unit/test.h"

enum { HOST, ZONE, RACK, KEYS };
enum { NODES_MAX = 8, SETS = 2, OF_SET = 6, PODS = SETS * OF_SET, DASHBOARD = PODS, SLOTS, EVENTS_MAX = 4096 };

#define LIFETIME   15000
#define STEP_MS    200
#define BOUND_MS   12000 /* how long a binding takes, at most, of one that waits for no volume */
#define LAG_MS     2000  /* of the watches, at most */
#define CATCH_UP   2000
#define BACKOFF_MS 10000

static const char *const key_names[KEYS] = { "kubernetes.io/hostname", "topology.kubernetes.io/zone", "rack" };

enum state { ABSENT, PENDING, BINDING, BOUND };

struct member {
	enum state state;
	int uid, key, wider, offers; /* wider: -1: none */
	bool soft, choosy, deleting;
	int node, nominated; /* or -1 */
	int to;              /* BINDING: where */
	int64_t asked_ms;    /* when it was offered where it is, or will be */
	bool fails, unheard; /* BINDING: it will fail; it will be done, and the scheduler is told that it has failed */
	int64_t at_ms;       /* when it is asked for, bound, deleted */
};

struct event {
	int slot, node; /* a slot, or a node */
	int64_t at_ms;
	cJSON *object; /* NULL: it is gone */
	int uid;
};

/* Events of pods, or of nodes, in their order. */
struct watch {
	struct event events[EVENTS_MAX];
	int first, count;
	int64_t broken_until_ms, heard_ms, run_ms, current_ms; /* as in the informer */
};

struct history {
	unsigned seed, first_seed;
	struct extender e;
	int64_t now_ms;
	int nodes, zones, racks, replica;
	bool one_group[SETS]; /* its template says so by a label */
	int64_t grouped_ms[SETS];
	bool there[NODES_MAX], labelled[NODES_MAX];
	struct member pods[SLOTS];
	int known[SLOTS]; /* the uid that the extender has of it, or 0 */
	int last_uid;
	struct watch of_pods, of_nodes;
	bool quiet;
	struct buf story;
};

static int pick(struct history *h, int n)
{
	return (int)((unsigned)rand_r(&h->seed) % (unsigned)n);
}

static bool chance(struct history *h, int one_in)
{
	return !h->quiet && pick(h, one_in) == 0;
}

/* cmocka's messages are short. */
#define BROKEN(h, ...)                                                                                                 \
	do {                                                                                                           \
		(void)!write(2, (h)->story.data, (h)->story.len);                                                      \
		print_error("seed %u, %lld ms\n", (h)->first_seed, (long long)(h)->now_ms);                            \
		fail_msg(__VA_ARGS__);                                                                                 \
	} while (0)

#define SAY(h, ...)                                                                                                    \
	do {                                                                                                           \
		if ((h)->story.max)                                                                                    \
			buf_addf(&(h)->story, "%6lld ", (long long)(h)->now_ms), buf_addf(&(h)->story, __VA_ARGS__);   \
	} while (0)

/* --- what there is ------------------------------------------------------------------------------------------------ */

static int domain(const struct history *h, int key, int node)
{
	return key == HOST ? node : node % (key == ZONE ? h->zones : h->racks);
}

static int group_of(const struct history *h, int slot)
{
	return slot / OF_SET * OF_SET + (h->one_group[slot / OF_SET] ? 0 : slot % OF_SET / h->replica);
}

static const char *const set_names[SETS] = { "said", "silent" };

/* The first says its product, the other one says none. */
static cJSON *set_of(const struct history *h, int set)
{
	return parsed(
		"{\"metadata\":{\"name\":\"%s\",\"namespace\":\"default\",\"uid\":\"%s\"},\"spec\":{\"replicas\":%d,"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"%s}},\"spec\":{\"containers\":[{"
		"\"name\":"
		"\"main\",\"env\":[{\"name\":\"SERVER_REPLICA\",\"value\":\"%d\"},{\"name\":\"PRODUCT_NAME\","
		"\"value\":\"%s\"}]}]}}}}",
		set_names[set], set_names[set], OF_SET, h->one_group[set] ? ",\"codis.io/group\":\"1\"" : "",
		h->replica, set == 0 ? "orders" : "");
}

static cJSON *pod_of(const struct history *h, int slot)
{
	const struct member *p = &h->pods[slot];
	char more[256], node[16] = "", uid[16];
	cJSON *pod, *metadata;

	snprintf(more, sizeof(more),
		 ",\"annotations\":{\"codis.io/spread\":\"%s\",\"codis.io/topology-key\":\"%s%s%s\"}%s",
		 p->soft ? "soft" : "strict", p->wider >= 0 ? key_names[p->wider] : "", p->wider >= 0 ? "," : "",
		 key_names[p->key], p->deleting ? ",\"deletionTimestamp\":\"2023-11-14T22:13:00Z\"" : "");
	if (p->node >= 0)
		snprintf(node, sizeof(node), "n%d", p->node);
	if (slot == DASHBOARD)
		pod = stock_pod("codis-dashboard", "codis-dashboard", 0, "shop", 1, "", "");
	else
		pod = stock_pod("codis-server", set_names[slot / OF_SET], slot % OF_SET, slot < OF_SET ? "orders" : "",
				h->replica, node, more);
	metadata = cJSON_GetObjectItem(pod, "metadata");
	snprintf(uid, sizeof(uid), "u%d", p->uid);
	cJSON_ReplaceItemInObject(metadata, "uid", cJSON_CreateString(uid));
	if (p->nominated >= 0) {
		snprintf(node, sizeof(node), "n%d", p->nominated);
		cJSON_AddStringToObject(cJSON_AddObjectToObject(pod, "status"), "nominatedNodeName", node);
	}
	if (p->choosy)
		cJSON_AddItemToObject(cJSON_GetObjectItem(pod, "spec"), "topologySpreadConstraints",
				      parsed("[{\"whenUnsatisfiable\":\"ScheduleAnyway\"}]"));
	return pod;
}

static cJSON *node_of(const struct history *h, int node)
{
	char labels[96] = "";

	if (h->labelled[node])
		snprintf(labels, sizeof(labels), ",\"topology.kubernetes.io/zone\":\"z%d\",\"rack\":\"r%d\"",
			 domain(h, ZONE, node), domain(h, RACK, node));
	return parsed("{\"metadata\":{\"name\":\"n%d\",\"labels\":{\"kubernetes.io/hostname\":\"n%d\"%s}},\"status\":{"
		      "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}",
		      node, node, labels);
}

/* --- watches ------------------------------------------------------------------------------------------------------ */

static void queue(struct history *h, struct watch *w, struct event event)
{
	struct event *last = w->count ? &w->events[(w->first + w->count - 1) % EVENTS_MAX] : NULL;

	event.at_ms = h->now_ms + (h->quiet ? 0 : pick(h, LAG_MS));
	if (last && last->at_ms > event.at_ms)
		event.at_ms = last->at_ms;
	assert_true(w->count < EVENTS_MAX);
	w->events[(w->first + w->count++) % EVENTS_MAX] = event;
}

static void pod_changed(struct history *h, int slot)
{
	bool gone = h->pods[slot].state == ABSENT;

	queue(h, &h->of_pods,
	      (struct event){ .slot = slot, .uid = h->pods[slot].uid, .object = gone ? NULL : pod_of(h, slot) });
}

static void node_changed(struct history *h, int node)
{
	queue(h, &h->of_nodes, (struct event){ .node = node, .object = h->there[node] ? node_of(h, node) : NULL });
}

static void forget_pod(struct history *h, int slot)
{
	char uid[16];

	snprintf(uid, sizeof(uid), "u%d", h->known[slot]);
	inventory_remove_pod(h->e.inventory, uid);
	extender_pod_gone(&h->e, uid);
	h->known[slot] = 0;
}

static void bring_pod(struct history *h, int slot, int uid, cJSON *pod)
{
	struct error err;

	if (h->known[slot] && (!pod || h->known[slot] != uid))
		forget_pod(h, slot);
	if (!pod)
		return;
	assert_int_equal(inventory_set_pod(h->e.inventory, pod, &err), 0);
	h->known[slot] = uid;
	if (json_str(pod, "spec", "nodeName", NULL) && json_str(pod, "spec", "nodeName", NULL)[0])
		extender_settle(&h->e, pod_uid(pod));
}

static void bring_node(struct history *h, int node, cJSON *object)
{
	char name[16];
	struct error err;

	snprintf(name, sizeof(name), "n%d", node);
	if (object)
		assert_int_equal(inventory_set_node(h->e.inventory, object, &err), 0);
	else
		inventory_remove_node(h->e.inventory, name);
}

/* all: it has brought all there was. */
static void heard(struct history *h, struct watch *w, bool all)
{
	if (h->now_ms - w->heard_ms > 5000)
		w->run_ms = h->now_ms;
	w->heard_ms = h->now_ms;
	if (all || h->now_ms - w->run_ms >= CATCH_UP)
		w->current_ms = h->now_ms;
}

static void deliver(struct history *h, struct watch *w)
{
	if (h->now_ms < w->broken_until_ms)
		return;
	while (w->count && w->events[w->first].at_ms <= h->now_ms) {
		struct event *event = &w->events[w->first];

		if (w == &h->of_pods)
			bring_pod(h, event->slot, event->uid, event->object);
		else
			bring_node(h, event->node, event->object);
		SAY(h, "brought: %s %d\n", w == &h->of_pods ? "pod" : "node",
		    w == &h->of_pods ? event->slot : event->node);
		cJSON_Delete(event->object);
		w->first = (w->first + 1) % EVENTS_MAX;
		w->count--;
		heard(h, w, false);
		/* What was missed comes within CATCH_UP; calls may come between. */
		if (h->now_ms - w->run_ms < CATCH_UP - STEP_MS && chance(h, 2))
			return;
	}
	if (!w->count && pick(h, 50) == 0) /* a bookmark */
		heard(h, w, true);
}

static void clear_events(struct watch *w)
{
	for (; w->count; w->count--, w->first = (w->first + 1) % EVENTS_MAX)
		cJSON_Delete(w->events[w->first].object);
}

/* As after an answer that the version is too old. */
static void relist(struct history *h)
{
	clear_events(&h->of_pods);
	clear_events(&h->of_nodes);
	for (int i = 0; i < SLOTS; i++) {
		JSON_CLEANUP cJSON *pod = h->pods[i].state == ABSENT ? NULL : pod_of(h, i);

		bring_pod(h, i, h->pods[i].uid, pod);
	}
	for (int i = 0; i < h->nodes; i++) {
		JSON_CLEANUP cJSON *node = h->there[i] ? node_of(h, i) : NULL;

		bring_node(h, i, node);
	}
	h->of_pods.broken_until_ms = h->of_nodes.broken_until_ms = 0;
	heard(h, &h->of_pods, true);
	heard(h, &h->of_nodes, true);
}

static int64_t age_ms(void *ctx)
{
	const struct history *h = ctx;

	return h->now_ms - h->of_pods.current_ms;
}

/* --- the scheduler ------------------------------------------------------------------------------------------------ */

/* Who were offered their nodes as members of two groups may meet: they have become one since then. */
static bool were_apart(const struct history *h, int slot, int other)
{
	int64_t grouped_ms = h->grouped_ms[slot / OF_SET];

	return h->pods[slot].asked_ms < grouped_ms && h->pods[other].asked_ms < grouped_ms;
}

static void check_bound(const struct history *h, int slot)
{
	const struct member *p = &h->pods[slot];

	for (int i = 0; i < PODS; i++) {
		const struct member *o = &h->pods[i];

		if (i == slot || group_of(h, i) != group_of(h, slot) || o->node < 0 || o->state == ABSENT)
			continue;
		if (were_apart(h, slot, i))
			continue;
		if ((!p->soft && domain(h, p->key, p->node) == domain(h, p->key, o->node)) ||
		    (!o->soft && domain(h, o->key, p->node) == domain(h, o->key, o->node)))
			BROKEN(h, "pods %d and %d are both bound, on n%d and n%d", slot, i, p->node, o->node);
	}
}

static void come_back(struct history *h, struct member *p)
{
	p->state = PENDING;
	p->at_ms = h->now_ms + 1000 + pick(h, BACKOFF_MS - 1000);
}

static void ask(struct history *h, int slot, bool again)
{
	BUF_CLEANUP struct buf body = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20);
	JSON_CLEANUP cJSON *pod = pod_of(h, slot), *answer = NULL;
	struct member *p = &h->pods[slot];
	const cJSON *offered;
	int count = 0;

	come_back(h, p);
	buf_addstr(&body, "{\"Pod\":");
	json_write(pod, &body);
	buf_addstr(&body, ",\"NodeNames\":[");
	for (int n = 0; n < h->nodes; n++) {
		if (h->there[n] && !chance(h, 5)) /* others are full */
			buf_addf(&body, "%s\"n%d\"", count++ ? "," : "", n);
	}
	buf_addstr(&body, "]}");
	if (!count)
		return;
	assert_int_equal(serve_filter(&h->e, body.data, body.len, h->now_ms, WALL_MS + h->now_ms, &out), 200);
	SAY(h, "asked for pod %d: %s\n", slot, out.data);
	answer = parsed("%s", out.data);
	offered = json_get(answer, "NodeNames", NULL);
	count = cJSON_GetArraySize(offered);
	if (!count)
		return;
	p->state = BINDING;
	p->asked_ms = again ? p->asked_ms : h->now_ms;
	p->to = cJSON_GetStringValue(cJSON_GetArrayItem(offered, pick(h, count)))[1] - '0';
	p->fails = chance(h, 4);
	p->unheard =
		p->offers++ < 4 && !p->fails && chance(h, 6); /* of one that fails on and on the last promise counts */
	p->at_ms = h->now_ms + (h->quiet ? 100 : pick(h, pick(h, 2) ? 300 : BOUND_MS));
	if (!again && chance(h, 5)) { /* 1.35 says so before it waits for a volume */
		p->nominated = p->to;
		pod_changed(h, slot);
		p->at_ms += pick(h, 60000);
	}
}

static void bind(struct history *h, int slot)
{
	struct member *p = &h->pods[slot];

	p->nominated = -1;
	if (p->fails) {
		come_back(h, p);
		pod_changed(h, slot);
		return;
	}
	p->node = p->to;
	SAY(h, "pod %d bound to n%d%s\n", slot, p->node, p->unheard ? ", unheard" : "");
	check_bound(h, slot);
	pod_changed(h, slot);
	if (p->unheard)
		come_back(h, p);
	else
		p->state = BOUND;
}

/* The scheduler has not seen that it is bound, and asks once more; what it would bind is refused. */
static void ask_for_bound(struct history *h, int slot)
{
	struct member *p = &h->pods[slot];
	int node = p->node;

	p->node = -1;
	ask(h, slot, true);
	p->node = node;
	p->nominated = -1;
	p->state = BOUND;
}

/* --- whatever else happens ---------------------------------------------------------------------------------------- */

static void appear(struct history *h, int slot)
{
	struct member *p = &h->pods[slot];

	*p = (struct member){ .state = PENDING, .uid = ++h->last_uid, .wider = -1, .node = -1, .nominated = -1 };
	p->at_ms = h->now_ms + pick(h, 500);
	p->key = h->racks > h->replica ? pick(h, KEYS) : HOST;
	p->soft = pick(h, 6) == 0;
	p->choosy = pick(h, 6) == 0;
	if (p->key != ZONE && pick(h, 4) == 0)
		p->wider = ZONE;
	SAY(h, "pod %d comes, %s by %s%s%s\n", slot, p->soft ? "soft" : "strict", key_names[p->key],
	    p->wider >= 0 ? " and zone" : "", p->choosy ? ", choosy" : "");
	if (slot == DASHBOARD)
		p->state = BOUND;
	if (!h->quiet || slot == DASHBOARD || pick(h, 2))
		pod_changed(h, slot); /* else the scheduler has it sooner */
}

static void delete (struct history *h, int slot)
{
	struct member *p = &h->pods[slot];

	if (!p->deleting && slot != DASHBOARD && pick(h, 2)) {
		p->deleting = true;
		p->at_ms = h->now_ms + pick(h, 20000);
		pod_changed(h, slot);
		return;
	}
	SAY(h, "pod %d gone\n", slot);
	p->state = ABSENT;
	p->node = p->nominated = -1;
	pod_changed(h, slot);
	p->at_ms = h->now_ms + pick(h, 5000);
}

static void bring_set(struct history *h, int set)
{
	JSON_CLEANUP cJSON *object = set_of(h, set);

	assert_int_equal(inventory_set_set(h->e.inventory, object, NULL), 0);
}

/* Of a pod in flight that no watch has brought nobody knows that it is of another group now. */
static bool all_in_flight_are_known(const struct history *h)
{
	for (int i = 0; i < PODS; i++) {
		const struct member *p = &h->pods[i];

		if (p->offers && p->state != ABSENT && h->known[i] != p->uid)
			return false;
	}
	return true;
}

static void regroup(struct history *h)
{
	int set = pick(h, SETS);

	if (!all_in_flight_are_known(h))
		return;
	h->one_group[set] = !h->one_group[set];
	h->grouped_ms[set] = h->now_ms;
	SAY(h, "%s: %s\n", set_names[set], h->one_group[set] ? "one group" : "several groups");
	bring_set(h, set);
}

static void start_extender(struct history *h)
{
	extender_setup(&h->e);
	h->e.age_ms = age_ms;
	h->e.ready_ctx = h;
	for (int i = 0; i < KEYS;
	     i++) /* where a node was is known of keys that were asked for while it had the label */
		assert_true(census_key(&h->e.census, h->e.inventory, key_names[i]) >= 0);
	memset(h->known, 0, sizeof(h->known));
	for (int i = 0; i < SETS; i++)
		bring_set(h, i);
	relist(h);
}

static void kill_extender(struct history *h)
{
	SAY(h, "the extender is killed\n");
	for (int i = 0; i < h->nodes; i++)
		h->labelled[i] = h->there[i] = true; /* one that is new cannot know where such a node is */
	extender_teardown(&h->e);
	start_extender(h);
	h->e.unknown_until_ms = h->now_ms + LIFETIME;
}

static void stir_nodes(struct history *h)
{
	int node = pick(h, h->nodes);

	if (chance(h, 200)) {
		h->there[node] = !h->there[node];
		h->labelled[node] = true; /* of one that never had a label nobody knows where it is */
		SAY(h, "n%d %s\n", node, h->there[node] ? "comes" : "goes");
		node_changed(h, node);
	}
	if (h->there[node] && !h->of_nodes.count && chance(h, 200)) { /* it was seen with its labels */
		h->labelled[node] = !h->labelled[node];
		SAY(h, "n%d %s its labels\n", node, h->labelled[node] ? "gets" : "loses");
		node_changed(h, node);
	}
}

static void stir(struct history *h)
{
	stir_nodes(h);
	if (chance(h, 300) && h->now_ms > h->e.unknown_until_ms + LAG_MS) { /* not both at once */
		struct watch *w = pick(h, 2) ? &h->of_pods : &h->of_nodes;

		SAY(h, "the watch of %s breaks\n", w == &h->of_pods ? "pods" : "nodes");
		w->broken_until_ms = h->now_ms + pick(h, 40000);
	}
	if (chance(h, 400)) {
		SAY(h, "relist\n");
		relist(h);
	}
	if (chance(h, 1000))
		kill_extender(h);
	if (chance(h, 300))
		regroup(h);
	if (chance(h, 300)) {
		SAY(h, "the dashboard %s\n", h->pods[DASHBOARD].state == ABSENT ? "comes" : "goes");
		if (h->pods[DASHBOARD].state == ABSENT)
			appear(h, DASHBOARD);
		else
			delete (h, DASHBOARD);
	}
}

static void step_pod(struct history *h, int slot)
{
	struct member *p = &h->pods[slot];

	if (p->state == BOUND && !p->deleting && chance(h, 300))
		delete (h, slot);
	if (p->at_ms > h->now_ms)
		return;
	switch (p->state) {
	case ABSENT: appear(h, slot); break;
	case PENDING: p->node >= 0 ? ask_for_bound(h, slot) : ask(h, slot, false); break;
	case BINDING: bind(h, slot); break;
	case BOUND:
		if (p->deleting)
			delete (h, slot);
		break;
	}
}

static void step(struct history *h)
{
	h->now_ms += STEP_MS;
	stir(h);
	deliver(h, &h->of_nodes);
	deliver(h, &h->of_pods);
	for (int i = 0, at = pick(h, PODS); i < PODS; i++)
		step_pod(h, (at + i) % PODS);
}

/* --- a history ---------------------------------------------------------------------------------------------------- */

static void begin(struct history *h, unsigned seed, bool told)
{
	memset(h, 0, sizeof(*h));
	h->seed = h->first_seed = seed;
	h->now_ms = 1000;
	buf_init(&h->story, told ? 64u << 20 : 0);
	h->replica = 2 + pick(h, 2);
	h->nodes = h->replica + 1 + pick(h, NODES_MAX - h->replica);
	h->zones = 1 + pick(h, 4);
	h->racks = 1 + pick(h, 6);
	for (int i = 0; i < h->nodes; i++)
		h->there[i] = h->labelled[i] = true;
	for (int i = 0; i < SLOTS; i++)
		h->pods[i] = (struct member){ .state = ABSENT, .node = -1, .nominated = -1 };
	start_extender(h);
}

static bool has_a_place(const struct history *h, int slot, int node)
{
	const struct member *p = &h->pods[slot];

	for (int i = 0; i < PODS; i++) {
		const struct member *o = &h->pods[i];

		if (i == slot || group_of(h, i) != group_of(h, slot) || o->node < 0)
			continue;
		if ((!p->soft && domain(h, p->key, node) == domain(h, p->key, o->node)) ||
		    (!o->soft && domain(h, o->key, node) == domain(h, o->key, o->node)))
			return false;
	}
	return true;
}

static void check_placed(const struct history *h)
{
	for (int i = 0; i < PODS; i++) {
		for (int n = 0; n < h->nodes && h->pods[i].node < 0; n++) {
			if (has_a_place(h, i, n))
				BROKEN(h, "pod %d is not placed, though it may stand on n%d", i, n);
		}
	}
}

static void end(struct history *h)
{
	h->quiet = true;
	for (int i = 0; i < h->nodes; i++) {
		h->there[i] = h->labelled[i] = true;
		node_changed(h, i);
	}
	h->of_pods.broken_until_ms = h->of_nodes.broken_until_ms = 0;
	for (int i = 0; i < 600; i++)
		step(h);
	check_placed(h);
}

/* All are gone, and the time of what was promised is over: nobody holds anything. */
static void check_nothing_is_left(struct history *h)
{
	struct census *c = &h->e.census;
	struct overdue overdue;

	for (int i = 0; i < SLOTS; i++)
		h->pods[i].state = ABSENT;
	for (int i = 0; i < h->nodes; i++)
		h->there[i] = false;
	h->now_ms += LIFETIME + LAG_MS;
	relist(h);
	extender_take_overdue(&h->e, h->now_ms, 0, &overdue);
	census_begin(c);
	attempts_find(&h->e.attempts, "", h->now_ms + ATTEMPTS_MS); /* of pods that no watch has brought */
	if (h->e.reservations.by_uid.count || h->e.attempts.by_uid.count)
		BROKEN(h, "something is promised, or remembered, of who is gone");
	if (c->names.count || c->values.count || c->products.count)
		BROKEN(h, "a name is held of who is gone");
}

static void play(unsigned seed, bool told)
{
	struct history *h = test_calloc(1, sizeof(*h));

	begin(h, seed, told);
	for (int i = 0; i < 1000; i++)
		step(h);
	end(h);
	check_nothing_is_left(h);
	clear_events(&h->of_pods);
	clear_events(&h->of_nodes);
	extender_teardown(&h->e);
	buf_release(&h->story);
	test_free(h);
}

static unsigned number_of(const char *name, unsigned otherwise)
{
	const char *value = getenv(name);

	return value ? (unsigned)strtoul(value, NULL, 10) : otherwise;
}

TEST(members_of_a_strict_group_never_meet_and_all_are_placed)
{
	unsigned seeds = number_of("CODIS_TEST_SEEDS", 300), one = number_of("CODIS_TEST_SEED", 0);

	for (unsigned seed = one ? one : 1; seed <= (one ? one : seeds); seed++) {
		play(seed, one != 0);
	}
}
