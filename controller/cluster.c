#include "controller/cluster.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"

void cluster_path(const struct cluster *c, char *out, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(out, size, "/codis3/%s/", c->product);

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < size)
		vsnprintf(out + n, size - (size_t)n, fmt, ap);
	va_end(ap);
}

struct observed_group *cluster_group(struct cluster *c, int gid, bool make)
{
	struct observed_group *g;

	for (int i = 0; i < c->group_count; i++) {
		if (c->groups[i]->node.id == gid)
			return c->groups[i];
	}
	if (!make || c->group_count == CLUSTER_GROUPS || !(g = calloc(1, sizeof(*g))))
		return NULL;
	g->node.id = gid;
	c->groups[c->group_count++] = g;
	return g;
}

struct observed_proxy *cluster_proxy(struct cluster *c, const char *admin_addr, bool make)
{
	struct observed_proxy *p;

	for (int i = 0; i < c->proxy_count; i++) {
		if (strcmp(c->proxies[i]->admin_addr, admin_addr) == 0)
			return c->proxies[i];
	}
	if (!make || c->proxy_count == CLUSTER_PROXIES || !(p = calloc(1, sizeof(*p))))
		return NULL;
	p->c = c;
	snprintf(p->admin_addr, sizeof(p->admin_addr), "%s", admin_addr);
	p->first_seen_ms = p->since_ms = clock_mono_ms();
	c->proxies[c->proxy_count++] = p;
	return p;
}

struct observed_server *cluster_server(struct cluster *c, const char *addr)
{
	for (int i = 0; i < c->server_count; i++) {
		if (strcmp(c->servers[i]->addr, addr) == 0)
			return c->servers[i];
	}
	return NULL;
}

void cluster_look(struct cluster *c)
{
	if (!c->closing && !uv_is_active((uv_handle_t *)&c->soon))
		uv_timer_start(&c->soon, c->look, 0, 0);
}
