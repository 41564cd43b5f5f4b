/* fuzz: -max_len=256 */
/* A history of nodes, pods and StatefulSets, some bytes for each event. After each event every index leads to every
 * pod, and each product whose pods have changed was told of, once. Where the first byte asks for it, nothing goes or
 * changes, and then the order in which they came makes no difference. */
#include <stdbool.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "common/net/addr.h"
#include "tests/fuzz/fuzz.h"

#define EVENTS   48
#define PODS     128 /* more than the names below make */
#define TOLD     64
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const char *const apps[] = { "codis-server", "codis-proxy", "codis-dashboard", "codis-ha" };
static const char *const spaces[] = { "red", "blue" };
static const char *const products[] = { "", "a", "b" };
static const char *const nodes[] = { "", "n1", "n2" };
static const char *const addresses[] = { "", "10.0.0.1", "fd00:0::1", "fd00::1" };
static const char *const envs[] = {
	"",
	"{\"name\":\"PRODUCT_NAME\",\"value\":\"a\"}",
	"{\"name\":\"PRODUCT_NAME\",\"value\":\"b\"}",
	"{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"c\",\"key\":\"k\"}}}",
	"{\"name\":\"PRODUCT_NAME\",\"value\":\"a\"},{\"name\":\"SERVER_REPLICA\",\"value\":\"1\"}",
	"{\"name\":\"SERVER_REPLICA\",\"value\":\"x\"}",
};

enum kind { SET_POD, REMOVE_POD, SET_SET, REMOVE_SET, SET_NODE, REMOVE_NODE, CLAIM, KINDS };

struct event {
	enum kind kind;
	const char *app, *space, *env, *node, *address, *product;
	unsigned ordinal, uid, replicas;
	bool deleting, finished, ready;
	char name[64], id[64];
};

/* What is known of a pod, to be compared with what is known after the next event. */
struct fact {
	char uid[POD_UID_MAX], space[POD_NAMESPACE_MAX], product[CODIS_PRODUCT_MAX];
	bool node_lost;
	int group;
};

struct facts {
	size_t count;
	struct fact at[PODS];
};

struct told {
	size_t count;
	char space[TOLD][POD_NAMESPACE_MAX], product[TOLD][CODIS_PRODUCT_MAX];
};

static struct event read_event(struct input *in)
{
	unsigned a = take_byte(in), b = take_byte(in), c = take_byte(in);
	struct event e = { .kind = a % KINDS,
			   .app = apps[a / KINDS % COUNT(apps)],
			   .space = spaces[a / KINDS / COUNT(apps) % COUNT(spaces)],
			   .env = envs[b % COUNT(envs)],
			   .node = nodes[b / COUNT(envs) % COUNT(nodes)],
			   .address = addresses[b / COUNT(envs) / COUNT(nodes) % COUNT(addresses)],
			   .product = products[c % COUNT(products)],
			   .ordinal = c & 3,
			   .uid = c >> 2 & 1,
			   .replicas = c >> 2 & 3,
			   .deleting = c >> 3 & 1,
			   .finished = (c >> 4 & 3) == 3,
			   .ready = c >> 6 & 1 };
	bool of_pod = e.kind == SET_POD || e.kind == REMOVE_POD || e.kind == CLAIM;

	snprintf(e.name, sizeof(e.name), of_pod ? "%s-%u" : "%s", e.app, e.ordinal);
	snprintf(e.id, sizeof(e.id), "%s-%s-%u-%u", e.space, e.app, of_pod ? e.ordinal : 9, e.uid);
	return e;
}

static cJSON *parsed(const struct buf *text)
{
	cJSON *json = json_parse(text->data, text->len, JSON_ITEMS, NULL);

	CHECK(json);
	return json;
}

static void write_head(struct buf *text, const struct event *e)
{
	buf_addf(text,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"%s\",\"creationTimestamp\":"
		 "\"2026-11-26T00:00:0%uZ\",\"labels\":{\"app\":\"%s\"}%s",
		 e->name, e->space, e->id, e->uid, e->app,
		 e->deleting ? ",\"deletionTimestamp\":\"2026-11-26T00:01:00Z\"" : "");
}

static void set_pod(struct inventory *inv, const struct event *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);
	JSON_CLEANUP cJSON *pod = NULL;

	write_head(&text, e);
	buf_addf(&text,
		 ",\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"%s\",\"controller\":true}]},\"spec\":{"
		 "\"nodeName\":\"%s\",\"containers\":[{\"name\":\"main\",\"env\":[%s]}]},\"status\":{\"phase\":\"%s\","
		 "\"podIP\":\"%s\"}}",
		 e->app, e->node, e->env, e->finished ? "Succeeded" : "Running", e->address);
	pod = parsed(&text);
	inventory_set_pod(inv, pod, NULL);
}

static void set_set(struct inventory *inv, const struct event *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);
	JSON_CLEANUP cJSON *set = NULL;

	write_head(&text, e);
	buf_addf(&text,
		 "},\"spec\":{\"replicas\":%u,\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{"
		 "\"containers\":[{\"name\":\"main\",\"env\":[%s]}]}}}}",
		 e->replicas, e->app, e->env);
	set = parsed(&text);
	inventory_set_set(inv, set, NULL);
}

static void set_node(struct inventory *inv, const struct event *e)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);
	JSON_CLEANUP cJSON *node = NULL;

	buf_addf(
		&text,
		"{\"metadata\":{\"name\":\"%s\"},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		e->node, e->ready ? "True" : "Unknown");
	node = parsed(&text);
	inventory_set_node(inv, node, NULL);
}

static void apply(struct inventory *inv, const struct event *e)
{
	switch (e->kind) {
	case SET_POD: set_pod(inv, e); break;
	case REMOVE_POD: inventory_remove_pod(inv, e->id); break;
	case SET_SET: set_set(inv, e); break;
	case REMOVE_SET: inventory_remove_set(inv, e->id); break;
	case SET_NODE: set_node(inv, e); break;
	case REMOVE_NODE: inventory_remove_node(inv, e->node); break;
	case CLAIM: inventory_claim(inv, e->id, e->product); break;
	case KINDS: break;
	}
}

/* --- what must hold after each event ------------------------------------------------------------------------------ */

static int note_fact(void *ctx, const struct inventory_pod *pod)
{
	struct facts *facts = ctx;
	struct fact *f = &facts->at[facts->count++];

	CHECK(facts->count < PODS);
	memset(f, 0, sizeof(*f));
	snprintf(f->uid, sizeof(f->uid), "%s", pod->pod.uid);
	snprintf(f->space, sizeof(f->space), "%s", pod->pod.namespace);
	snprintf(f->product, sizeof(f->product), "%s", pod->product);
	f->node_lost = pod->node_lost;
	f->group = pod->pod.group;
	return 0;
}

static void look(const struct inventory *inv, struct facts *facts)
{
	facts->count = 0;
	inventory_each_pod(inv, note_fact, facts);
}

static const struct fact *fact_of(const struct facts *facts, const char *uid)
{
	for (size_t i = 0; i < facts->count; i++) {
		if (strcmp(facts->at[i].uid, uid) == 0)
			return &facts->at[i];
	}
	return NULL;
}

static int count_same(void *ctx, const struct inventory_pod *pod)
{
	const struct inventory_pod **wanted = ctx;

	if (pod == *wanted)
		*wanted = NULL;
	return 0;
}

/* Whether a walk came to the pod is seen by its being wanted no more. */
#define CHECK_WALK(pod, walk)                                                                                          \
	do {                                                                                                           \
		const struct inventory_pod *wanted = (pod);                                                            \
		walk;                                                                                                  \
		CHECK(!wanted);                                                                                        \
	} while (0)

static int check_pod(void *ctx, const struct inventory_pod *pod)
{
	const struct inventory *inv = ctx;
	const struct kept_pod *p = &pod->pod;
	const struct inventory_node *node = inventory_node(inv, p->node);
	const struct inventory_pod *at;
	char addr[ADDR_TEXT_MAX];

	CHECK(inventory_pod(inv, p->uid) == pod);
	codis_pod_addr(p->ip, p->port, addr, sizeof(addr));
	at = inventory_pod_at(inv, addr);
	CHECK(!addr[0] || at);
	CHECK(inventory_has_its_addr(inv, pod) == (at == pod));
	CHECK(!p->status.finished && p->component != CODIS_NONE);
	CHECK(pod->node_lost == (p->node[0] && !(node && node->ready)));
	CHECK_WALK(pod, inventory_each_of_product(inv, p->namespace, pod->product, count_same, &wanted));
	CHECK_WALK(pod, inventory_each_of_group(inv, p->namespace, pod->product, p->group, count_same, &wanted));
	if (p->node[0])
		CHECK_WALK(pod, inventory_each_on_node(inv, p->node, count_same, &wanted));
	return 0;
}

static void on_change(void *ctx, const char *namespace, const char *product)
{
	struct told *t = ctx;

	for (size_t i = 0; i < t->count; i++)
		CHECK(strcmp(t->space[i], namespace) != 0 || strcmp(t->product[i], product) != 0);
	CHECK(t->count < TOLD);
	snprintf(t->space[t->count], sizeof(t->space[0]), "%s", namespace);
	snprintf(t->product[t->count++], sizeof(t->product[0]), "%s", product);
}

static bool was_told(const struct told *t, const struct fact *f)
{
	for (size_t i = 0; f && i < t->count; i++) {
		if (strcmp(t->space[i], f->space) == 0 && strcmp(t->product[i], f->product) == 0)
			return true;
	}
	return !f;
}

/* Of a pod that is there in one and not, or not so, in the other both products were told. */
static void check_told(const struct facts *a, const struct facts *b, const struct told *t)
{
	for (size_t i = 0; i < a->count; i++) {
		const struct fact *other = fact_of(b, a->at[i].uid);

		if (!other || memcmp(other, &a->at[i], sizeof(*other)) != 0)
			CHECK(was_told(t, &a->at[i]) && was_told(t, other));
	}
}

static void play(struct input *in)
{
	static struct facts before, after;
	static struct told told;
	struct inventory *inv = inventory_new();

	CHECK(inv);
	inventory_listen(inv, on_change, &told);
	look(inv, &before);
	for (int i = 0; in->len && i < EVENTS; i++) {
		struct event e = read_event(in);

		told.count = 0;
		apply(inv, &e);
		look(inv, &after);
		check_told(&before, &after, &told);
		check_told(&after, &before, &told);
		inventory_each_pod(inv, check_pod, inv);
		told.count = 0;
		if (e.kind != CLAIM)
			apply(inv, &e); /* which says nothing new */
		CHECK(told.count == 0);
		before = after;
	}
	inventory_free(inv);
}

/* --- the order of what only comes --------------------------------------------------------------------------------- */

/* Reads events that bring something; of several about one thing the first. */
static int read_arrivals(struct input *in, struct event events[EVENTS])
{
	int count = 0, i;

	while (in->len && count < EVENTS) {
		struct event e = read_event(in);

		if (e.kind != SET_POD && e.kind != SET_SET && e.kind != SET_NODE)
			continue;
		for (i = 0; i < count; i++) {
			if (events[i].kind == e.kind &&
			    (e.kind == SET_NODE ? events[i].node == e.node
						: events[i].space == e.space && strcmp(events[i].name, e.name) == 0))
				break;
		}
		if (i == count)
			events[count++] = e;
	}
	return count;
}

static void compare_orders(struct input *in)
{
	static struct event events[EVENTS];
	static struct facts one, other;
	struct inventory *forward = inventory_new(), *back = inventory_new();
	int count = read_arrivals(in, events);

	CHECK(forward && back);
	for (int i = 0; i < count; i++) {
		apply(forward, &events[i]);
		apply(back, &events[count - 1 - i]);
	}
	look(forward, &one);
	look(back, &other);
	CHECK(one.count == other.count);
	for (size_t i = 0; i < one.count; i++) {
		const struct fact *same = fact_of(&other, one.at[i].uid);

		CHECK(same && memcmp(same, &one.at[i], sizeof(*same)) == 0);
	}
	inventory_free(forward);
	inventory_free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };

	if (take_byte(&in) & 1)
		compare_orders(&in);
	else
		play(&in);
	return 0;
}
