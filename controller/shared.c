#include "controller/shared.h"

#include <stdio.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/log.h"
#include "controller/cluster.h"

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

static bool share(const struct cluster *a, const struct cluster *b)
{
	return a != b && a->has_pods && b->has_pods && strcmp(a->product, b->product) == 0 && meet(a, b);
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

	if (o)
		snprintf(text, sizeof(text),
			 "/codis3/%s in ZooKeeper is also %s/%s's: nothing is done %s; give one of them another "
			 "product name, or a ZooKeeper of its own",
			 c->product, o->namespace, o->product, c->has_servers ? "to either" : "here");
	if (strcmp(text, c->shared) == 0)
		return;
	snprintf(c->shared, sizeof(c->shared), "%s", text);
	if (text[0])
		log_warn(c->ctl->log, "cluster.shared", "namespace=%s product=%s error=%s", c->namespace, c->product,
			 LOGQ(text));
	cluster_look(c);
}

void shared_look(struct cluster *first, unsigned long long *seen)
{
	uint64_t hash = HASH_INIT;

	for (const struct cluster *c = first; c; c = c->next) {
		hash = hash_text(hash, c->namespace);
		hash = hash_text(hash, c->product);
		hash = hash_text(hash, c->zk_resolved);
		hash = hash_text(hash, c->has_servers ? "s" : c->has_pods ? "p" : "");
	}
	if (hash == *seen)
		return;
	*seen = hash;
	for (struct cluster *c = first; c; c = c->next)
		look_at(first, c);
}
