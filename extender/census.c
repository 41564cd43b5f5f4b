#include "extender/census.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/memory.h"
#include "common/codis/inventory.h"

#define NODES_MIN 64
/* "namespace/product" */
#define PRODUCT_KEY_MAX (POD_NAMESPACE_MAX + CODIS_PRODUCT_MAX)

/* --- nodes -------------------------------------------------------------------------------------------------------- */

uint32_t census_find(const struct census *c, const char *node, size_t len)
{
	return names_find(&c->names, node, len);
}

static void set_domain(struct census *c, struct census_node *n, int key, const char *value, size_t len)
{
	uint32_t number = value ? names_take(&c->values, value, len) : 0;

	if (value && !number)
		c->incomplete = true;
	names_drop(&c->values, n->domains[key]);
	n->domains[key] = number;
}

int census_make_room(struct census *c)
{
	uint32_t room = c->node_room ? 2 * c->node_room : NODES_MIN;
	struct census_node *nodes;

	if (c->names.end < c->node_room)
		return 0;
	nodes = memory_grow_lines(c->nodes, c->node_room * sizeof(*nodes), room * sizeof(*nodes));
	if (!nodes)
		return -1;
	c->nodes = nodes;
	c->node_room = room;
	return 0;
}

/* Holds it once more. A node that nobody has seen is where its name says. 0: no memory. */
static uint32_t take_node(struct census *c, const char *name, size_t len)
{
	uint32_t number = census_make_room(c) == 0 ? names_take(&c->names, name, len) : 0;

	if (number && !c->nodes[number].domains[CENSUS_HOST])
		set_domain(c, &c->nodes[number], CENSUS_HOST, name, len);
	if (!number)
		c->incomplete = true;
	return number;
}

static void free_node(struct census *c, struct census_node *n)
{
	for (int i = 0; i < CENSUS_KEYS; i++)
		names_drop(&c->values, n->domains[i]);
	for (int i = 0; i < n->count; i++)
		names_drop(&c->products, n->counts[i].product);
	names_drop(&c->taints, n->taints);
	free(n->counts);
	*n = (struct census_node){ .counts = NULL };
}

/* One that has lost its label stays where it was: those that stand there, or are promised a place, have not moved. */
static void set_label(struct census *c, struct census_node *n, int key, const struct inventory_node *node)
{
	const char *value = inventory_node_label(node, c->keys[key]);
	uint8_t bit = (uint8_t)(1u << key);

	n->labelled = (uint8_t)(value ? n->labelled | bit : n->labelled & ~bit);
	if (value)
		set_domain(c, n, key, value, strlen(value));
}

static uint16_t size_of(uint32_t memory_mib)
{
	uint32_t size = memory_mib / CENSUS_SIZE_MIB;

	return (uint16_t)(!memory_mib ? 0 : !size ? 1 : size < UINT16_MAX ? size : UINT16_MAX);
}

/* Of more kinds than there are numbers some count as none: only what is preferred hangs on them. */
static void set_taints(struct census *c, struct census_node *n, const char *taints)
{
	uint32_t number = taints[0] ? names_take(&c->taints, taints, strlen(taints)) : 0;

	if (taints[0] && !number)
		c->incomplete = true;
	if (number > UINT8_MAX) {
		names_drop(&c->taints, number);
		number = 0;
	}
	names_drop(&c->taints, n->taints);
	n->taints = (uint8_t)number;
}

static void drop_node(struct census *c, uint32_t number)
{
	if (number && names_drop(&c->names, number) == 0)
		free_node(c, &c->nodes[number]);
}

static void on_node(void *ctx, const struct inventory_node *node, bool there)
{
	struct census *c = ctx;
	uint32_t number = census_find(c, node->name, strlen(node->name));
	struct census_node *n;

	if (!there) {
		if (number && c->nodes[number].seen) {
			c->nodes[number].seen = false;
			drop_node(c, number);
		}
		return;
	}
	if (!number || !c->nodes[number].seen)
		number = take_node(c, node->name, strlen(node->name));
	if (!number)
		return;
	n = &c->nodes[number];
	n->seen = true;
	n->ready = node->ready;
	n->ready_changed_4s = (uint32_t)(node->ready_changed_ms / 4000) & ((1U << 30) - 1);
	n->size = size_of(node->memory_mib);
	set_taints(c, n, node->taints);
	for (int i = 0; i < CENSUS_KEYS; i++) {
		if (c->keys[i])
			set_label(c, n, i, node);
	}
}

/* --- who stands there --------------------------------------------------------------------------------------------- */

static size_t product_key(char key[PRODUCT_KEY_MAX], const char *namespace, const char *product)
{
	size_t a = strlen(namespace), b = strlen(product);

	if (a + b + 1 > PRODUCT_KEY_MAX) /* none is as long */
		return 0;
	memcpy(key, namespace, a);
	key[a] = '/';
	memcpy(key + a + 1, product, b);
	return a + 1 + b;
}

uint32_t census_product(const struct census *c, const char *namespace, const char *product)
{
	char key[PRODUCT_KEY_MAX];

	return names_find(&c->products, key, product_key(key, namespace, product));
}

static struct census_count *find_count(const struct census_node *n, uint32_t product, bool master)
{
	for (int i = 0; i < n->count; i++) {
		if (n->counts[i].product == product && n->counts[i].master == master)
			return &n->counts[i];
	}
	return NULL;
}

#define ROOM_MIN 4

/* Room for one more: there is as much as the next power of two, but for a few. */
static int make_count(struct census_node *n)
{
	struct census_count *counts;

	if (n->count && (n->count < ROOM_MIN || (n->count & (n->count - 1))))
		return 0;
	counts = realloc(n->counts, (n->count ? 2 * n->count : ROOM_MIN) * sizeof(*counts));
	if (!counts)
		return -1;
	n->counts = counts;
	return 0;
}

/* One that counts nothing yet; it holds the product. NULL: no memory. */
static struct census_count *new_count(struct census *c, struct census_node *n, const char *key, size_t len, bool master)
{
	uint32_t product;

	if (n->count == UINT16_MAX || make_count(n) < 0)
		return NULL;
	product = names_take(&c->products, key, len);
	if (!product)
		return NULL;
	n->counts[n->count] = (struct census_count){ .product = product, .master = master };
	n->products |= census_bits(product);
	return &n->counts[n->count++];
}

uint32_t census_hold(struct census *c, const char *node, size_t len)
{
	return take_node(c, node, len);
}

void census_let_go(struct census *c, uint32_t node)
{
	drop_node(c, node);
}

uint32_t census_add(struct census *c, const char *node, size_t len, const struct census_pod *pod)
{
	uint32_t number = take_node(c, node, len), its;
	char key[PRODUCT_KEY_MAX];
	size_t key_len = product_key(key, pod->namespace, pod->product);
	struct census_count *count;

	if (!number)
		return 0;
	its = names_find(&c->products, key, key_len);
	count = its ? find_count(&c->nodes[number], its, pod->master) : NULL;
	if (!count)
		count = new_count(c, &c->nodes[number], key, key_len, pod->master);
	if (!count) {
		c->incomplete = true;
		drop_node(c, number);
		return 0;
	}
	count->pods++;
	c->nodes[number].pods++;
	c->nodes[number].masters += pod->master;
	c->nodes[number].memory_mib += pod->memory_mib;
	return number;
}

static void set_bits(struct census_node *n)
{
	n->products = 0;
	for (int i = 0; i < n->count; i++)
		n->products |= census_bits(n->counts[i].product);
}

void census_remove(struct census *c, uint32_t node, const struct census_pod *pod)
{
	struct census_node *n = node ? &c->nodes[node] : NULL;
	struct census_count *count =
		n ? find_count(n, census_product(c, pod->namespace, pod->product), pod->master) : NULL;

	if (!count)
		return;
	if (--count->pods == 0) {
		names_drop(&c->products, count->product);
		*count = n->counts[--n->count];
		set_bits(n);
	}
	n->pods--;
	n->masters -= pod->master;
	n->memory_mib -= pod->memory_mib;
	drop_node(c, node);
}

static void let_go_of_left(struct census *c)
{
	drop_node(c, c->left);
	c->left = 0;
}

/* A pod that has changed leaves, and stands there again: where a node was that is gone is not forgotten meanwhile. */
static void leave(struct census *c, uint32_t node, const struct census_pod *pod)
{
	if (node)
		names_hold(&c->names, node);
	let_go_of_left(c);
	c->left = node;
	census_remove(c, node, pod);
}

static struct census_pod counted_as(const struct inventory_pod *pod)
{
	return (struct census_pod){ .namespace = pod->pod.namespace,
				    .product = pod->product,
				    .master = pod->master,
				    .memory_mib = census_memory(pod->pod.memory_mib) };
}

/* While it is incomplete nobody knows whether this one was counted. */
static void on_stand(void *ctx, const struct inventory_pod *pod, bool stands)
{
	struct census *c = ctx;
	const struct census_pod its = counted_as(pod);
	const char *place = kept_pod_place(&pod->pod);

	if (c->incomplete)
		return;
	if (stands)
		census_add(c, place, strlen(place), &its);
	else
		leave(c, census_find(c, place, strlen(place)), &its);
}

/* Counted anew before it was counted no more: the node is held all the time. */
static void on_master(void *ctx, const struct inventory_pod *pod)
{
	struct census *c = ctx;
	const struct census_pod its = counted_as(pod);
	const char *place = kept_pod_place(&pod->pod);
	struct census_pod was = its;

	was.master = !its.master;
	if (!c->incomplete)
		census_remove(c, census_add(c, place, strlen(place), &its), &was);
}

/* --- topology keys ------------------------------------------------------------------------------------------------ */

struct column {
	struct census *census;
	int key;
};

static int fill(void *ctx, const struct inventory_node *node)
{
	struct column *col = ctx;
	struct census *c = col->census;
	uint32_t number = census_find(c, node->name, strlen(node->name));

	if (number)
		set_label(c, &c->nodes[number], col->key, node);
	return 0;
}

void census_begin(struct census *c)
{
	let_go_of_left(c);
	c->turn++;
	c->crowded = false;
}

/* Hostname and zone are kept. One that is free was never asked for. */
static int column_to_give_up(const struct census *c)
{
	int column = CENSUS_ZONE + 1;

	for (int i = column + 1; i < CENSUS_KEYS; i++) {
		if (c->used[i] < c->used[column])
			column = i;
	}
	return column;
}

int census_key(struct census *c, const struct inventory *inv, const char *key)
{
	struct column col = { .census = c, .key = column_to_give_up(c) };
	char *copy;

	for (int i = 0; i < CENSUS_KEYS; i++) {
		if (c->keys[i] && strcmp(c->keys[i], key) == 0) {
			c->used[i] = c->turn;
			return i;
		}
	}
	copy = strdup(key);
	if (!copy)
		return -1;
	c->crowded = c->crowded || (c->keys[col.key] && c->used[col.key] == c->turn);
	free(c->keys[col.key]);
	c->keys[col.key] = copy;
	c->used[col.key] = c->turn;
	for (uint32_t i = 1; i < c->names.end; i++) {
		c->nodes[i].labelled &= (uint8_t) ~(1u << col.key);
		set_domain(c, &c->nodes[i], col.key, NULL, 0);
	}
	inventory_each_node(inv, fill, &col);
	return col.key;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static int take_node_in(void *ctx, const struct inventory_node *node)
{
	on_node(ctx, node, true);
	return 0;
}

static int take_pod_in(void *ctx, const struct inventory_pod *pod)
{
	if (kept_pod_place(&pod->pod)[0])
		on_stand(ctx, pod, true);
	return 0;
}

static int take_in(struct census *c, const struct inventory *inv)
{
	c->incomplete = false;
	inventory_each_node(inv, take_node_in, c);
	inventory_each_pod(inv, take_pod_in, c);
	return c->incomplete ? -1 : 0;
}

static void forget(struct census *c)
{
	for (uint32_t i = 1; i < c->names.end; i++)
		free_node(c, &c->nodes[i]);
	names_release(&c->names);
	names_release(&c->values);
	names_release(&c->products);
	names_release(&c->taints);
	c->left = 0;
}

int census_recount(struct census *c, const struct inventory *inv)
{
	forget(c);
	return take_in(c, inv);
}

int census_init(struct census *c, struct inventory *inv)
{
	const struct inventory_places places = {
		.on_stand = on_stand, .on_master = on_master, .on_node = on_node, .ctx = c
	};

	c->keys[CENSUS_HOST] = strdup(CODIS_HOSTNAME_KEY);
	c->keys[CENSUS_ZONE] = strdup(CODIS_ZONE_KEY);
	census_begin(c);
	if (!c->keys[CENSUS_HOST] || !c->keys[CENSUS_ZONE])
		return -1;
	inventory_tell_places(inv, &places);
	return take_in(c, inv);
}

void census_release(struct census *c)
{
	if (c->nodes)
		forget(c);
	free(c->nodes);
	for (int i = 0; i < CENSUS_KEYS; i++)
		free(c->keys[i]);
	*c = (struct census){ .nodes = NULL };
}
