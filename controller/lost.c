#include "controller/lost.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/codis/inventory.h"
#include "controller/cluster.h"

struct noting {
	struct cluster *c;
	int64_t now_ms;
};

static struct observed_node *find(const struct cluster *c, const char *name)
{
	for (int i = 0; i < c->lost_count; i++) {
		if (strcmp(c->lost[i].name, name) == 0)
			return &c->lost[i];
	}
	return NULL;
}

/* NULL: no memory; it is noted at the next turn then. */
static struct observed_node *add(struct cluster *c, const char *name, int64_t now_ms)
{
	struct observed_node *grown;
	int room = 2 * c->lost_room + 4;

	if (c->lost_count == c->lost_room) {
		grown = realloc(c->lost, (size_t)room * sizeof(*grown));
		if (!grown)
			return NULL;
		c->lost = grown;
		c->lost_room = room;
	}
	c->lost[c->lost_count] = (struct observed_node){ .lost_ms = now_ms };
	snprintf(c->lost[c->lost_count].name, sizeof(c->lost[0].name), "%s", name);
	return &c->lost[c->lost_count++];
}

static int note_pod(void *ctx, const struct inventory_pod *p)
{
	struct noting *n = ctx;
	struct observed_node *node;

	if (!p->node_lost)
		return 0;
	node = find(n->c, p->pod.node);
	if (!node)
		node = add(n->c, p->pod.node, n->now_ms);
	if (node)
		node->seen = true;
	return 0;
}

void lost_note(struct cluster *c, int64_t now_ms)
{
	const struct inventory *inv = c->ctl->inventory;
	struct noting n = { c, now_ms };
	int kept = 0;

	/* What is not heard is not known: a node was not lost anew when the API server is heard again. */
	if (!c->ctl->kube_fresh)
		return;
	lost_zookeeper_namespace(c->zk_name, c->zk_namespace, sizeof(c->zk_namespace));
	for (int i = 0; i < c->lost_count; i++)
		c->lost[i].seen = false;
	inventory_each_of_product(inv, c->namespace, c->product, note_pod, &n);
	inventory_each_zookeeper(inv, c->namespace, note_pod, &n);
	inventory_each_zookeeper(inv, c->zk_namespace, note_pod, &n);
	for (int i = 0; i < c->lost_count; i++) {
		if (c->lost[i].seen)
			c->lost[kept++] = c->lost[i];
	}
	c->lost_count = kept;
}

/* Of "zk-0.zk.infra.svc.cluster.local" what stands before "svc"; of "zk.infra" and "zk-0.zk.infra", which may be names
 * of the pod's own namespace as well, the last part. */
void lost_zookeeper_namespace(const char *servers, char *out, size_t size)
{
	size_t len = strcspn(servers, ":,/"), from = 0, last = 0, last_len = 0;

	out[0] = '\0';
	for (int part = 0; from < len; part++) {
		size_t n = strcspn(servers + from, ".:,/");

		if (part >= 2 && n == 3 && strncmp(servers + from, "svc", n) == 0)
			break;
		last = part ? from : 0;
		last_len = part ? n : 0;
		from += n + (servers[from + n] == '.');
	}
	if (last_len && strspn(servers, "0123456789.[") < len && last_len < size)
		snprintf(out, size, "%.*s", (int)last_len, servers + last);
}
