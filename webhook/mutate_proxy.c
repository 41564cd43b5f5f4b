/* What a codis-proxy gets: identity, a probe and a hook by which clients come to it only while it serves, and a short
 * stay on a node that is lost (it has no data, another one takes its place). */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "webhook/hooks.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"

#define SCRIPT_MAX 65536

/* Where it serves clients, from --host-proxy: "${POD_IP}:19000" is cut in two. */
static void set_probe(struct mutation *m, cJSON *container, const struct cmdline *c)
{
	char value[CMDLINE_VALUE_MAX];
	BUF_CLEANUP struct buf addr = BUF_IN(value), script = BUF_INIT(SCRIPT_MAX);
	const char *host = "127.0.0.1", *port;
	char *colon, stock[8];

	snprintf(stock, sizeof(stock), "%d", CODIS_PROXY_PORT);
	port = stock;

	if (cmdline_value(c, "--host-proxy", &addr) && (colon = strrchr(addr.data, ':')) && colon[1]) {
		*colon = '\0';
		port = colon + 1;
		if (addr.data[0] && strcmp(addr.data, "0.0.0.0") != 0)
			host = addr.data;
	}
	hooks_proxy_ready(host, port, &script);
	mutation_hook_probe(m, container, &script, NULL);
}

static void set_hook(struct mutation *m, cJSON *container, const struct cmdline *c)
{
	char own[CMDLINE_VALUE_MAX], its[CMDLINE_VALUE_MAX];
	BUF_CLEANUP struct buf admin = BUF_IN(own), dashboard = BUF_IN(its), script = BUF_INIT(SCRIPT_MAX);
	bool known = cmdline_value(c, "--host-admin", &admin);

	if (cmdline_has_env(container, "DASHBOARD_ADDR"))
		buf_addstr(&dashboard, "${DASHBOARD_ADDR}");
	else
		known = known && cmdline_value(c, "--dashboard", &dashboard);
	hooks_proxy_stop(known ? dashboard.data : NULL, admin.data, mutation_stop_seconds(m), &script);
	mutation_hook_set(m, container, "preStop", &script, "clients may get a refused connection when the proxy ends");
}

void proxy_mutate(struct mutation *m)
{
	struct cmdline c;
	cJSON *container = mutation_replaceable(m, &c);

	if (!container)
		return;
	set_probe(m, container, &c);
	set_hook(m, container, &c);
}
