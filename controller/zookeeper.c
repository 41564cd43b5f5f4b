#include "controller/zookeeper.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/log.h"
#include "common/codis/coordinator.h"
#include "common/net/addr.h"
#include "common/net/lookup.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/say.h"

#define RESOLVE_MS       10000
#define RESOLVE_AGAIN_MS 1000 /* while no member is connected */

struct resolving {
	struct cluster *c;
	char names[POD_TEXT_MAX]; /* what is left to resolve */
	uint16_t port;
	char host[300];
	bool qualified; /* the host was asked for with the cluster's namespace behind */
	char found[512];
};

static void resolve_next(struct resolving *r);
static void look_up(struct resolving *r, const char *name);

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Sorted, so that the same members in another order are the same. */
static void sort_members(char *list, size_t size)
{
	char members[COORDINATOR_MEMBERS][ADDR_TEXT_MAX] = { 0 };
	char text[1024];
	struct buf out = BUF_IN(text);
	int n = 0;
	char *save = NULL;

	for (char *m = strtok_r(list, ",", &save); m && n < COORDINATOR_MEMBERS; m = strtok_r(NULL, ",", &save))
		snprintf(members[n++], sizeof(members[0]), "%s", m);
	qsort(members, (size_t)n, sizeof(members[0]), by_text);
	for (int i = 0; i < n; i++)
		buf_addf(&out, "%s%s", i ? "," : "", members[i]);
	snprintf(list, size, "%s", out.data);
}

static void on_changed(void *ctx, const char *path)
{
	observe_changed(ctx, path);
}

static void on_lost(void *ctx, const struct error *why)
{
	struct cluster *c = ctx;

	say_warn(c, "coordinator.member_lost", "error=%s", LOGQ(why->text));
}

static void open_coordinator(struct cluster *c, const char *servers)
{
	struct coordinator_config cfg = { .servers = servers,
					  .session_ms = 4000,
					  .call_ms = 500,
					  .on_changed = on_changed,
					  .on_lost = on_lost,
					  .ctx = c };
	struct error err = ERROR_INIT;
	struct coordinator *zk = coordinator_open(c->ctl->uv, &cfg, &err), *old;

	if (!zk) {
		say_error(c, "coordinator.failed", "error=%s", LOGQ(err.text));
		return;
	}
	old = c->zk;
	c->zk = zk;
	c->connected_since_ms = 0;
	coordinator_close(old); /* what is under way there ends with an error */
	snprintf(c->zk_resolved, sizeof(c->zk_resolved), "%s", servers);
	say_info(c, "coordinator.opened", "servers=%s", servers);
}

static void resolved(struct resolving *r)
{
	struct cluster *c = r->c;

	c->zk_resolving = false;
	if (r->found[0]) {
		sort_members(r->found, sizeof(r->found));
		if (strcmp(r->found, c->zk_resolved) != 0 && !c->running)
			open_coordinator(c, r->found);
	}
	free(r);
}

static void add_member(struct resolving *r, const struct addrinfo *a)
{
	char ip[NI_MAXHOST], member[ADDR_TEXT_MAX];
	size_t used = strlen(r->found);

	if (getnameinfo(a->ai_addr, a->ai_addrlen, ip, sizeof(ip), NULL, 0, NI_NUMERICHOST) != 0 ||
	    addr_join(ip, r->port, member, sizeof(member)) < 0 || used + strlen(member) + 2 > sizeof(r->found))
		return;
	snprintf(r->found + used, sizeof(r->found) - used, "%s%s", used ? "," : "", member);
}

/* Of a name with addresses of both families those of the one that is best to be reached, which comes first: else each
 * member would count twice. */
static void on_resolved(void *ctx, int status, const struct addrinfo *found)
{
	struct resolving *r = ctx;

	for (const struct addrinfo *a = found; a; a = a->ai_next)
		if (a->ai_family == found->ai_family)
			add_member(r, a);
	if (status != 0 && r->qualified) {
		/* Not of this namespace: as it stands, then. */
		r->qualified = false;
		look_up(r, r->host);
		return;
	}
	resolve_next(r);
}

/* Where that cannot be, all of it is begun anew in a while. */
static void look_up(struct resolving *r, const char *name)
{
	struct controller *ctl = r->c->ctl;

	if (lookup_start(&ctl->lookups, ctl->uv, r->c->namespace, name, on_resolved, r, NULL) == 0)
		return;
	r->found[0] = '\0';
	resolved(r);
}

static void resolve_next(struct resolving *r)
{
	char name[600], member[300];
	size_t len;

	len = strcspn(r->names, ",/"); /* "/chroot" behind the list is not supported by Codis either */
	if (!len) {
		r->c->zk_unresolved = !r->found[0];
		resolved(r);
		return;
	}
	snprintf(member, sizeof(member), "%.*s", (int)len, r->names);
	memmove(r->names, r->names + len + (r->names[len] == ','), strlen(r->names + len + (r->names[len] == ',')) + 1);
	if (addr_split(member, r->host, sizeof(r->host), &r->port, NULL) < 0) {
		snprintf(r->host, sizeof(r->host), "%s", member);
		r->port = 2181;
	}
	/* Names in a pod's command are of its own namespace; ours is another one. */
	r->qualified = !addr_is_numeric(r->host) && !strstr(r->host, ".svc");
	snprintf(name, sizeof(name), r->qualified ? "%s.%s.svc" : "%s", r->host, r->c->namespace);
	look_up(r, name);
}

static void resolve(struct cluster *c, int64_t now_ms)
{
	int64_t again_ms = c->connected_since_ms ? RESOLVE_MS : RESOLVE_AGAIN_MS;
	struct resolving *r;

	if (!c->zk_name[0] || c->zk_resolving || (c->zk_resolved_ms && now_ms - c->zk_resolved_ms < again_ms))
		return;
	c->zk_resolved_ms = now_ms;
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->c = c;
	snprintf(r->names, sizeof(r->names), "%s", c->zk_name);
	c->zk_resolving = true;
	resolve_next(r);
}

static void note_heard(struct cluster *c)
{
	struct buf out = BUF_IN(c->zk_heard);
	const char *m = c->zk_resolved;

	for (int i = 0; *m; i++, m += strcspn(m, ","), m += *m == ',') {
		if (!c->zk || !coordinator_hears(c->zk, i))
			continue;
		if (out.len)
			buf_addch(&out, ',');
		buf_add(&out, m, strcspn(m, ","));
	}
	if (!out.len)
		c->zk_heard[0] = '\0';
}

void zookeeper_tick(struct cluster *c, int64_t now_ms)
{
	bool ready = c->zk && coordinator_ready(c->zk);

	note_heard(c);
	if (ready != (c->connected_since_ms != 0)) {
		c->connected_since_ms = ready ? now_ms : 0;
		c->list_asked_ms = 0; /* what was read before may be of long ago */
		cluster_look(c);
	}
	resolve(c, now_ms);
}
