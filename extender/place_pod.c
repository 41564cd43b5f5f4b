#include "extender/place_pod.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/inventory.h"

bool place_is_strict(const struct kept_pod *pod)
{
	return pod->strict && pod->component == CODIS_SERVER && pod->group > 0;
}

int place_check_group(const struct place_pod *p, struct error *err)
{
	const struct kept_pod *pod = &p->pod;
	bool known = pod->group > 0 || (pod->group_said && pod->ordinal < 0);

	if (pod->component != CODIS_SERVER || known || pod->server_replica_said.said != SAID_ELSEWHERE)
		return 0;
	return error_set(err, ERR_INVALID, "%s: write its value, since groups depend on it",
			 pod->server_replica_said.why);
}

static int check(struct place_pod *p, struct error *err)
{
	const struct kept_pod *pod = &p->pod;

	if (pod->component == CODIS_NONE)
		return 0;
	if (!pod->uid[0])
		return error_set(err, ERR_INVALID, "the pod has no metadata.uid");
	p->strict = place_is_strict(pod);
	return place_check_group(p, err);
}

int place_pod_of(const cJSON *pod, struct place_pod *p, struct error *err)
{
	struct codis_pod read;

	memset(p, 0, sizeof(*p));
	if (codis_pod_read(pod, &read, err) < 0)
		return -1;
	if (read.component == CODIS_NONE)
		return 0;
	p->block = malloc(kept_pod_size(&read) + 1);
	if (!p->block)
		return error_set(err, ERR_NOMEM, "no memory for pod %s", read.name);
	kept_pod_fill(&p->pod, p->block, &read);
	return check(p, err);
}

int place_pod_known(const struct inventory_pod *pod, struct place_pod *p, struct error *err)
{
	memset(p, 0, sizeof(*p));
	p->pod = pod->pod;
	return check(p, err);
}

void place_pod_release(struct place_pod *p)
{
	free(p->block);
	p->block = NULL;
}

/* --- who stands beside it ----------------------------------------------------------------------------------------- */

static void set_member(struct place_pod *p, int group)
{
	const struct kept_pod *pod = &p->pod;

	p->pod.group = group;
	p->strict = place_is_strict(pod);
	snprintf(p->member.namespace, sizeof(p->member.namespace), "%s", pod->namespace);
	p->member.component = pod->component;
	p->member.group = group;
}

static int group_of(const struct place_pod *p, const struct inventory *inv, const struct inventory_pod *known)
{
	if (known)
		return known->pod.group;
	return p->pod.component == CODIS_SERVER ? inventory_group_of(inv, &p->pod) : 0;
}

void place_join(struct place_pod *p, const struct inventory *inv)
{
	const struct inventory_pod *known = inventory_pod(inv, p->pod.uid);
	char trouble[POD_WHY_MAX];

	set_member(p, group_of(p, inv, known));
	p->pod.ruled = p->pod.ruled && p->pod.group_said == p->member.group;
	if (known)
		snprintf(p->member.product, sizeof(p->member.product), "%s", known->product);
	else
		inventory_product_of_kept(inv, &p->pod, p->member.product, trouble);
	p->member.master = known ? known->master : inventory_is_master(inv, &p->pod, p->member.product);
}

const char *place_product(const struct place_pod *p)
{
	return p->member.product[0] ? p->member.product : "an unknown product";
}

bool place_is_peer(const struct place_pod *p, const struct inventory_pod *other)
{
	return other->pod.component == p->member.component && other->pod.group == p->member.group &&
	       strcmp(other->pod.namespace, p->member.namespace) == 0 &&
	       strcmp(other->product, p->member.product) == 0 && strcmp(other->pod.name, p->pod.name) != 0;
}

struct peers {
	const struct place_pod *pod;
	int (*fn)(void *ctx, const struct inventory_pod *peer);
	void *ctx;
};

static int on_member(void *ctx, const struct inventory_pod *other)
{
	const struct peers *peers = ctx;

	return kept_pod_place(&other->pod)[0] && place_is_peer(peers->pod, other) ? peers->fn(peers->ctx, other) : 0;
}

int place_each_peer(const struct place_pod *p, const struct inventory *inv,
		    int (*fn)(void *ctx, const struct inventory_pod *peer), void *ctx)
{
	struct peers peers = { p, fn, ctx };

	return inventory_each_of_group(inv, p->member.namespace, p->member.product, p->member.group, on_member, &peers);
}

static int on_unbound(void *ctx, const struct inventory_pod *other)
{
	const struct peers *peers = ctx;

	return !other->pod.node[0] && place_is_peer(peers->pod, other) ? peers->fn(peers->ctx, other) : 0;
}

int place_each_waiting(const struct place_pod *p, const struct inventory *inv,
		       int (*fn)(void *ctx, const struct inventory_pod *peer), void *ctx)
{
	struct peers peers = { p, fn, ctx };

	return inventory_each_of_group(inv, p->member.namespace, p->member.product, p->member.group, on_unbound,
				       &peers);
}

static int on_strict(void *ctx, const struct inventory_pod *other)
{
	const struct peers *peers = ctx;

	return place_is_strict(&other->pod) && place_is_peer(peers->pod, other);
}

bool place_is_apart(const struct place_pod *p, const struct inventory *inv)
{
	struct peers peers = { .pod = p };

	return p->strict || inventory_each_of_group(inv, p->member.namespace, p->member.product, p->member.group,
						    on_strict, &peers) != 0;
}
