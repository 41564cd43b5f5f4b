#include "cli/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ping.h"
#include "cli/tree_copy.h"
#include "cli/tree_io.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/pod.h"

/* --- ZooKeeper ---------------------------------------------------------------------------------------------------- */

static int take_address(void *ctx, const struct inventory_pod *pod)
{
	char *address = ctx;

	if (pod->pod.coordinator.said == SAID_KNOWN && (!*address || pod->pod.component == CODIS_DASHBOARD))
		text_copy(address, POD_TEXT_MAX, pod->pod.coordinator.text);
	return 0;
}

enum cli_status source_open(struct tree *t, struct cli *c, const struct known *k, const char *product)
{
	char address[POD_TEXT_MAX] = "";
	struct error err;

	*t = (struct tree){ .cli = c };
	inventory_each_of_product(k->inventory, cli_namespace(c), product, take_address, address);
	if (!address[0])
		return cli_fail(
			c, CLI_NOT_SO,
			"no pod of a dashboard or proxy of product %s in namespace %s says by --zookeeper where "
			"its tree is",
			product, cli_namespace(c));
	if (tree_open(t, c, cli_namespace(c), address, &err) < 0)
		return cli_fail_call(c, &err);
	if (!t->count)
		return cli_fail(c, CLI_NOT_SO, "no pod of ZooKeeper %s is ready", address);
	return CLI_OK;
}

enum cli_status source_zookeeper(struct tree *t, struct cli *c, const char *product, cJSON **copy)
{
	struct error err;

	*copy = tree_copy_new(cli_namespace(c), product, "zookeeper");
	if (*copy && tree_io_read(t, *copy, &err) == 0)
		return CLI_OK;
	if (!*copy)
		return cli_fail(c, CLI_NOT_SO, "no memory");
	cJSON_Delete(*copy);
	*copy = NULL;
	return cli_fail(c, CLI_NOT_SO, "ZooKeeper, /codis3/%s: %s", product, err.text);
}

/* --- proxies ------------------------------------------------------------------------------------------------------ */

struct proxies {
	struct cli *cli;
	struct ask asks[PROXIES_MAX];
	char names[PROXIES_MAX][POD_NAME_MAX];
	const cJSON *answers[PROXIES_MAX];
	int count, answered;
};

static int ask_proxy(void *ctx, const struct inventory_pod *pod)
{
	struct proxies *p = ctx;
	struct ask *a = &p->asks[p->count];

	if (pod->pod.component != CODIS_PROXY || !pod->pod.port || pod->pod.status.deleting || p->count == PROXIES_MAX)
		return 0;
	text_copy(p->names[p->count], POD_NAME_MAX, pod->pod.name);
	snprintf(a->path, sizeof(a->path), "/api/v1/namespaces/%s/pods/%s:%u/proxy/proxy", pod->pod.namespace,
		 pod->pod.name, pod->pod.port);
	p->count++;
	ask_begin(p->cli, a);
	return 0;
}

static void take_answers(struct proxies *p)
{
	for (int i = 0; i < p->count; i++) {
		const struct ask *a = &p->asks[i];

		if (a->answer && json_bool(false, a->answer, "stats", "online", NULL))
			p->answers[p->answered++] = a->answer;
		else
			buf_addf(&p->cli->err, "proxy %s is left out: %s\n", p->names[i],
				 a->answer ? "it is not online" : a->err.text);
	}
}

static enum cli_status rebuild(struct proxies *p, const struct known *k, const char *product, cJSON **copy)
{
	struct error err;

	if (!p->answered)
		return cli_fail(p->cli, CLI_NOT_SO, "no proxy of product %s in namespace %s tells of its slots",
				product, cli_namespace(p->cli));
	*copy = tree_copy_new(cli_namespace(p->cli), product, "proxies");
	if (!*copy)
		return cli_fail(p->cli, CLI_NOT_SO, "no memory");
	if (tree_copy_rebuild(*copy, p->answers, p->answered, k->inventory, &err) == 0)
		return CLI_OK;
	cJSON_Delete(*copy);
	*copy = NULL;
	return cli_fail(p->cli, CLI_NOT_SO, "%s", err.text);
}

enum cli_status source_proxies(struct cli *c, const struct known *k, const char *product, cJSON **copy)
{
	struct proxies *p = calloc(1, sizeof(*p));
	enum cli_status status;

	*copy = NULL;
	if (!p)
		return cli_fail(c, CLI_NOT_SO, "no memory");
	p->cli = c;
	inventory_each_of_product(k->inventory, cli_namespace(c), product, ask_proxy, p);
	ask_wait(c, INT64_MAX, asks_ended, &(struct asks){ p->asks, p->count });
	take_answers(p);
	status = rebuild(p, k, product, copy);
	for (int i = 0; i < p->count; i++)
		ask_end(&p->asks[i]);
	free(p);
	return status;
}
