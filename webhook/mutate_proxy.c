/* What a codis-proxy gets: identity, a probe and a hook by which clients come to it only while it serves, and a short
 * stay on a node that is lost (it has no data, another one takes its place). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/said.h"
#include "webhook/hooks.h"
#include "webhook/liveness.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"
#include "webhook/mutation_hook.h"

#define SCRIPT_MAX 65536

/* "${POD_IP}:19000", "[::1]:19000", ":19000". */
struct address {
	char text[CMDLINE_VALUE_MAX];
	const char *host, *port; /* NULL: not said, or every address there is */
	bool said, hidden;       /* hidden: said, and only a shell can tell what */
};

/* "$(hostname -i):19000": only a shell can tell the host, and the port is a number all the same. */
static void read_port_alone(const struct shell_word *w, struct address *a)
{
	size_t end = w->len, from;

	while (end > 0 && strchr("\"'", w->text[end - 1]))
		end--;
	for (from = end; from > 0 && strchr("0123456789", w->text[from - 1]);)
		from--;
	if (from == end || from == 0 || w->text[from - 1] != ':' || end - from >= sizeof(a->text))
		return;
	memcpy(a->text, w->text + from, end - from);
	a->text[end - from] = '\0';
	a->port = a->text;
}

/* Where no start is seen, another program hands on what is said. */
static void read_hidden(const struct mutation *m, const struct cmdline *c, const char *flag, struct address *a)
{
	struct said_source src = { .object = m->pod, .namespace = m->namespace, .container = c->container };
	struct shell_word word;
	struct said_text said;

	if (c->count) {
		a->hidden = cmdline_flag(c, &c->starts[0], flag, &word) >= 0;
	} else {
		said_flag(&src, c, flag, &said);
		word = (struct shell_word){ said.text, strlen(said.text) };
		a->hidden = said.said != SAID_NOTHING;
	}
	if (a->hidden)
		read_port_alone(&word, a);
}

static void read_address(const struct mutation *m, const struct cmdline *c, const char *flag, struct address *a)
{
	struct buf value = BUF_IN(a->text);
	bool known = cmdline_value(c, flag, &value);
	char *colon = strrchr(a->text, ':');
	size_t len;

	a->host = a->port = NULL;
	a->said = known && colon;
	a->hidden = false;
	if (!known)
		read_hidden(m, c, flag, a);
	if (!a->said)
		return;
	*colon = '\0';
	if (colon[1])
		a->port = colon + 1;
	a->host = a->text;
	len = strlen(a->host);
	if (a->host[0] == '[' && a->host[len - 1] == ']') {
		a->text[len - 1] = '\0';
		a->host++;
	}
	if (!a->host[0] || strcmp(a->host, "0.0.0.0") == 0 || strcmp(a->host, "::") == 0)
		a->host = NULL;
}

/* Where that is not said (a start script, the file), at the pod's address, whatever it is bound to. */
static const char *probed_host(const cJSON *container, const struct address *proxy)
{
	if (proxy->host)
		return proxy->host;
	if (!proxy->said && cmdline_has_env(container, "POD_IP"))
		return "${POD_IP}";
	return proxy->hidden ? HOOKS_POD_ADDRESS : "127.0.0.1";
}

static void set_probe(struct mutation *m, cJSON *container, const struct address *proxy)
{
	BUF_CLEANUP struct buf script = BUF_INIT(SCRIPT_MAX);

	hooks_proxy_ready(probed_host(container, proxy), proxy->port, &script);
	mutation_hook_probe(m, container, &script, "clients may come before the dashboard has taken it in");
}

/* By which the dashboard has it: --host-admin, else its host's name (codis-proxy's ReplaceUnspecifiedIP). Of a start
 * script nothing is known but what it is given, and nothing of an address that only a shell can tell: POD_IP is for
 * that. */
static void admin_address(const struct mutation *m, const struct cmdline *c, int listed, struct buf *out)
{
	struct address admin;
	bool scripted;

	read_address(m, c, "--host-admin", &admin);
	scripted = !admin.said && cmdline_has_env(c->container, "POD_IP") &&
		   (c->kind == CMDLINE_NONE || cmdline_flag(c, &c->starts[0], "--host-admin", NULL) >= 0);
	if (admin.host && admin.port && cmdline_value(c, "--host-admin", out))
		return;
	buf_reset(out);
	buf_addstr(out, scripted ? "${POD_IP}:" : ":");
	if (admin.port)
		buf_addstr(out, admin.port);
	else
		buf_addint(out, listed);
}

static void set_hook(struct mutation *m, cJSON *container, const struct cmdline *c, const char *port)
{
	char own[CMDLINE_VALUE_MAX + 16], its[CMDLINE_VALUE_MAX];
	BUF_CLEANUP struct buf admin = BUF_IN(own), dashboard = BUF_IN(its), script = BUF_INIT(SCRIPT_MAX);
	bool known = cmdline_has_env(container, "DASHBOARD_ADDR");
	struct hooks_proxy p = { .port = port };

	if (known)
		buf_addstr(&dashboard, "${DASHBOARD_ADDR}");
	else
		known = cmdline_value(c, "--dashboard", &dashboard);
	admin_address(m, c, m->known.port ? m->known.port : CODIS_PROXY_ADMIN_PORT, &admin);
	p.dashboard = known ? dashboard.data : NULL;
	p.admin = admin.data;
	hooks_proxy_stop(&p, mutation_stop_seconds(m), &script);
	mutation_hook_set(m, container, "preStop", &script, "clients may get a refused connection when the proxy ends");
}

/* In its file there may be any. 0: its shell knows another one, and it lists none. */
static int listed_port(struct mutation *m, const struct cmdline *c, const struct address *proxy)
{
	static const char *const names[] = { "proxy", "codis-proxy", "redis", "service-port", NULL };
	uint16_t port = codis_listed_port(c->container, names, proxy->hidden ? 0 : CODIS_PROXY_PORT, m->known.port);

	if (proxy->hidden || proxy->port)
		return port;
	if (!cJSON_GetArraySize(json_get(c->container, "ports", NULL)))
		mutation_usual_port(m, c, CODIS_PROXY_PORT, "--host-proxy");
	return port ? port : CODIS_PROXY_PORT;
}

void proxy_mutate(struct mutation *m)
{
	struct address proxy;
	char listed[8];
	struct cmdline c;
	cJSON *container = mutation_replaceable(m, &c);

	if (!container)
		return;
	read_address(m, &c, "--host-proxy", &proxy);
	snprintf(listed, sizeof(listed), "%d", listed_port(m, &c, &proxy));
	if (!proxy.port)
		proxy.port = listed;
	mutation_host_port(m, container, strtol(proxy.port, NULL, 10)); /* 0: a variable */
	if (strcmp(proxy.port, "0") == 0) {
		admission_warn(m->verdict, "write the port of --host-proxy as a number: probe and hook, which do not "
					   "know it, are left out");
		liveness_warn(m, container);
		mutation_hook_set(m, container, "preStop", NULL, NULL);
		return;
	}
	set_probe(m, container, &proxy);
	liveness_warn(m, container);
	set_hook(m, container, &c, proxy.port);
}
