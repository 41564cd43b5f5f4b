#include "controller/shared.h"

#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "controller/cluster.h"
#include "controller/say.h"

static bool lists(const char *members, const char *one, size_t len)
{
	for (const char *m = members; *m; m += strcspn(m, ","), m += *m == ',') {
		if (strcspn(m, ",") == len && strncmp(m, one, len) == 0)
			return true;
	}
	return false;
}

/* They have a member of ZooKeeper in common. */
static bool meet(const struct cluster *a, const struct cluster *b)
{
	for (const char *m = a->zk_resolved; *m; m += strcspn(m, ","), m += *m == ',') {
		if (lists(b->zk_resolved, m, strcspn(m, ",")))
			return true;
	}
	return false;
}

static bool is_read(const struct observed_group *g)
{
	return g->exists && g->czxid && g->node.count;
}

static bool same_servers(const struct codis_group *a, const struct codis_group *b)
{
	for (int i = 0; i < a->count; i++) {
		if (codis_group_find(b, a->servers[i].addr) >= 0)
			return true;
	}
	return false;
}

/* They read one tree, by whatever addresses: the change that made a group's node is a number of that ZooKeeper, and the
 * node names the same servers. An old list alone tells nothing: an address may have gone to anybody's pod. */
static bool read_the_same(const struct cluster *a, const struct cluster *b)
{
	for (int i = 0, k = 0; i < a->group_count && k < b->group_count;) {
		const struct observed_group *x = a->groups[i], *y = b->groups[k];

		if (x->node.id == y->node.id && is_read(x) && is_read(y) && x->czxid == y->czxid &&
		    same_servers(&x->node, &y->node))
			return true;
		i += x->node.id <= y->node.id;
		k += y->node.id <= x->node.id;
	}
	return false;
}

static bool has_read_all(const struct cluster *c)
{
	for (int i = 0; i < c->group_count; i++) {
		if (!c->groups[i]->read_ms)
			return false;
	}
	return c->listed_ms != 0;
}

/* Whoever serves a tree leads there, or follows one that it names. One that waits for its role, without keys, or
 * follows another one, has got an address that the tree still names. */
static bool may_serve(const struct observed_server *s, const struct codis_group *list)
{
	if (s->reach != REACH_OK || !s->info_valid || s->info.role != REDIS_ROLE_REPLICA)
		return true;
	return codis_group_find(list, s->info.master) >= 0 || (redis_info_guarded(&s->info) && s->info.keys);
}

/* The tree of a names a server that is a pod of b, which has not read its own yet. */
static bool may_be_the_same(const struct cluster *a, const struct cluster *b)
{
	for (int i = 0; i < a->group_count && !has_read_all(b); i++) {
		const struct codis_group *list = &a->groups[i]->node;

		for (int k = 0; k < list->count; k++) {
			int at = observed_server_at(b->servers, b->server_count, list->servers[k].addr);

			if (at >= 0 && b->servers[at]->uid[0] && may_serve(b->servers[at], list))
				return true;
		}
	}
	return false;
}

/* What may_be_the_same() goes by, of b. */
static uint64_t hash_servers(uint64_t hash, const struct cluster *b)
{
	for (int i = 0; i < b->server_count && b->namesake && !has_read_all(b); i++) {
		const struct observed_server *s = b->servers[i];

		hash = hash_text(hash, s->addr);
		hash = hash_text(hash, s->uid[0] ? "p" : "");
		hash = hash_text(hash, s->reach == REACH_OK && s->info_valid ? "i" : "");
		hash = hash_text(hash, s->info.role == REDIS_ROLE_REPLICA ? s->info.master : "");
		hash = hash_text(hash, s->info.keys ? "k" : "");
	}
	return hash;
}

static bool are_namesakes(const struct cluster *a, const struct cluster *b)
{
	return a != b && a->has_pods && b->has_pods && strcmp(a->product, b->product) == 0;
}

static bool share(const struct cluster *a, const struct cluster *b)
{
	return are_namesakes(a, b) &&
	       (meet(a, b) || read_the_same(a, b) || may_be_the_same(a, b) || may_be_the_same(b, a));
}

/* Whoever has servers of its own counts: proxies may be in another namespace than the servers that they are of. */
static const struct cluster *other_of(const struct cluster *first, const struct cluster *c)
{
	for (const struct cluster *o = first; o; o = o->next) {
		if (o->has_servers && share(c, o))
			return o;
	}
	return NULL;
}

static void look_at(const struct cluster *first, struct cluster *c)
{
	const struct cluster *o = other_of(first, c);
	char text[sizeof(c->shared)] = "";

	c->namesake = false;
	for (const struct cluster *x = first; x; x = x->next)
		c->namesake |= are_namesakes(c, x);
	if (o)
		snprintf(text, sizeof(text),
			 "/codis3/%s in ZooKeeper is also %s/%s's: nothing is done %s; give one of them another "
			 "product name, or a ZooKeeper of its own",
			 c->product, o->namespace, o->product, c->has_servers ? "to either" : "here");
	if (strcmp(text, c->shared) == 0)
		return;
	snprintf(c->shared, sizeof(c->shared), "%s", text);
	if (text[0])
		say_warn(c, "cluster.shared", "error=%s", LOGQ(text));
	cluster_look(c);
}

/* What of its tree tells whether another one has it, too. */
static uint64_t hash_tree(const struct cluster *c)
{
	uint64_t hash = hash_text(HASH_INIT, has_read_all(c) ? "all" : "");

	for (int i = 0; i < c->group_count; i++) {
		if (is_read(c->groups[i]))
			hash = hash_bytes(hash, &c->groups[i]->czxid, sizeof(c->groups[i]->czxid));
	}
	return hash;
}

bool shared_may_be(const struct cluster *c)
{
	return c->namesake && c->tree_looked != hash_tree(c);
}

void shared_look(struct cluster *first, unsigned long long *seen)
{
	uint64_t hash = HASH_INIT;

	for (struct cluster *c = first; c; c = c->next) {
		c->tree_looked = hash_tree(c);
		hash = hash_text(hash, c->namespace);
		hash = hash_text(hash, c->product);
		hash = hash_text(hash, c->zk_resolved);
		hash = hash_text(hash, c->has_servers ? "s" : c->has_pods ? "p" : "");
		hash = hash_bytes(hash, &c->tree_looked, sizeof(c->tree_looked));
		hash = hash_servers(hash, c);
	}
	if (hash == *seen)
		return;
	*seen = hash;
	for (struct cluster *c = first; c; c = c->next)
		look_at(first, c);
}
