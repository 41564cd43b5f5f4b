/* codisctl restore: what is missing in the coordinator's tree is written back, and the dashboard told. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/source.h"
#include "cli/tree_copy.h"
#include "cli/tree_io.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/codis/model.h"

#define FILE_MAX_BYTES (16u << 20)
#define SHOWN          8 /* of what differs */

const struct opt restore_options[] = {
	{ "file", NULL, OPT_STRING, offsetof(struct cli_options, file), .arg = "FILE", .letter = 'f',
	  .help = "what codisctl backup wrote" },
	{ "from-proxies", NULL, OPT_BOOL, offsetof(struct cli_options, from_proxies),
	  .help = "what living proxies say of their slots, in place of a file" },
	{ "yes", NULL, OPT_BOOL, offsetof(struct cli_options, yes), .letter = 'y',
	  .help = "write it; without, it is only said what would be written" },
	{ "force", NULL, OPT_BOOL, offsetof(struct cli_options, force), .help = "also over what is there and differs" },
	{ "product", NULL, OPT_STRING, offsetof(struct cli_options, product), .arg = "NAME", .letter = 'p',
	  .help = "which product; needed where the namespace has several" },
	OPT_END
};

/* What is to be done, before it is done. */
struct plan {
	struct cli *cli;
	const struct known *known;
	const cJSON *want, *have;
	struct tree_write *writes;
	int count, same, gone, differing; /* nodes */
	int same_slots, lacking_slots;    /* of those that a group has */
	struct tree_copy_counts there;
	struct buf differences;
};

/* --- what is missing ---------------------------------------------------------------------------------------------- */

static int version_of(const cJSON *have, const char *path)
{
	const cJSON *node;

	json_each(node, json_get(have, "nodes", NULL)) {
		const char *is = json_str(node, "path", NULL);

		if (is && strcmp(is, path) == 0)
			return (int)json_int(-1, node, "version", NULL);
	}
	return -1;
}

/* A proxy that lives no more would hold up each promotion by codis-dashboard. */
static bool is_gone(const struct plan *p, const cJSON *data)
{
	const char *admin = json_str(data, "admin_addr", NULL);
	const struct inventory_pod *pod = admin ? inventory_pod_at(p->known->inventory, admin) : NULL;

	return !pod || pod->pod.component != CODIS_PROXY || strcmp(pod->product, tree_copy_product(p->want)) != 0;
}

static void note_difference(struct plan *p, const char *path, const cJSON *is, const cJSON *shall)
{
	if (p->differing++ >= SHOWN)
		return;
	buf_addf(&p->differences, "  %s is ", path);
	json_write(is, &p->differences);
	buf_addstr(&p->differences, ", and would be ");
	json_write(shall, &p->differences);
	buf_addch(&p->differences, '\n');
}

static void judge(struct plan *p, const cJSON *node)
{
	const char *path = json_str(node, "path", NULL);
	const cJSON *shall = json_get(node, "data", NULL), *is = path ? tree_copy_data(p->have, path) : NULL;
	bool slot = path && strncmp(path, "slots/", 6) == 0, proxy = path && strncmp(path, "proxy/", 6) == 0;

	if (is && (proxy || json_equal(is, shall))) {
		p->same++;
		p->same_slots += tree_copy_is_assigned(path, is);
		return;
	}
	if (proxy && is_gone(p, shall)) {
		p->gone++;
		return;
	}
	/* A slot that no group has is as good as missing; a group that is there is newer than any copy. */
	if (is && (!slot || tree_copy_is_assigned(path, is))) {
		note_difference(p, path, is, shall);
		if (!p->cli->options.force)
			return;
	}
	p->lacking_slots += path && tree_copy_is_assigned(path, shall) && !(is && tree_copy_is_assigned(path, is));
	p->writes[p->count++] = (struct tree_write){ node, is ? version_of(p->have, path) : -1 };
}

static enum cli_status make_plan(struct plan *p)
{
	const cJSON *node, *nodes = json_get(p->want, "nodes", NULL);

	p->there = tree_copy_count(p->have);
	p->writes = calloc((size_t)cJSON_GetArraySize(nodes) + 1, sizeof(*p->writes));
	if (!p->writes)
		return cli_fail(p->cli, CLI_NOT_SO, "no memory");
	json_each(node, nodes)
		judge(p, node);
	return CLI_OK;
}

/* Slots that lack beside those that are as they would be written: a part of this copy, as an interrupted restore leaves
 * it. Else the tree is another one, and younger. */
static bool is_part(const struct plan *p)
{
	return p->there.assigned == p->same_slots && p->lacking_slots;
}

static void say_plan(const struct plan *p)
{
	struct tree_copy_counts n = tree_copy_count(p->want);
	struct buf *out = &p->cli->out;

	buf_addf(out, "from %s: %d groups, %d proxies, %d slots that a group has\n", tree_copy_from(p->want), n.groups,
		 n.proxies, n.assigned);
	buf_addf(out, "in ZooKeeper: %d groups, %d proxies, %d slots that a group has\n", p->there.groups,
		 p->there.proxies, p->there.assigned);
	buf_addf(out, "to be written: %d nodes; %d are the same, %d are there and differ", p->count, p->same,
		 p->differing);
	if (p->gone)
		buf_addf(out, ", %d of proxies that are no more are left out", p->gone);
	buf_addf(out, "\n%s", p->differences.data);
	if (p->differing > SHOWN)
		buf_addf(out, "  and %d more\n", p->differing - SHOWN);
}

/* --- doing it ----------------------------------------------------------------------------------------------------- */

static int find_dashboard(void *ctx, const struct inventory_pod *pod)
{
	char *path = ctx;

	if (pod->pod.component != CODIS_DASHBOARD || !pod->pod.port || pod->pod.status.deleting)
		return 0;
	snprintf(path, ASK_PATH_MAX, "/api/v1/namespaces/%s/pods/%s:%u/proxy/api/topom/reload/", pod->pod.namespace,
		 pod->pod.name, pod->pod.port);
	return 1;
}

/* It knows the tree as it was, and writes what it knows. */
static enum cli_status tell_dashboard(struct cli *c, const struct known *k, const char *product)
{
	char path[ASK_PATH_MAX] = "", xauth[CODIS_XAUTH_SIZE];
	JSON_CLEANUP cJSON *answer = NULL;
	struct error err;
	size_t len;

	inventory_each_of_product(k->inventory, cli_namespace(c), product, find_dashboard, path);
	len = strlen(path);
	if (!len) {
		buf_addstr(&c->out, "no dashboard is seen: it reads the tree when it starts\n");
		return CLI_OK;
	}
	codis_xauth(product, NULL, NULL, xauth);
	snprintf(path + len, sizeof(path) - len, "%s", xauth);
	answer = ask_put(c, path, &err);
	if (!answer)
		return cli_fail(c, CLI_WAITED,
				"it is written, and the dashboard was not told (%s): repeat this, or delete its pod so "
				"that it reads it",
				err.text);
	buf_addstr(&c->out, "the dashboard has read it; codisctl status says when all is well\n");
	return CLI_OK;
}

static enum cli_status carry_out(struct plan *p, struct tree *t, const char *product)
{
	struct cli *c = p->cli;
	struct error err;
	int wrote = 0, failed;

	cli_flush(c);
	failed = tree_io_write(t, product, p->writes, p->count, &wrote, &err);
	buf_addf(&c->out, "%d of %d nodes are written\n", wrote, p->count);
	if (failed < 0 && (err.code == ERR_EXISTS || err.code == ERR_CONFLICT))
		return cli_fail(c, CLI_NOT_SO, "%s: somebody else writes it, too. Repeat this, which goes on",
				err.text);
	if (failed < 0)
		return cli_fail(c, CLI_NOT_SO, "%s. Repeat this, which goes on", err.text);
	return tell_dashboard(c, p->known, product);
}

static enum cli_status go_on(struct plan *p, struct tree *t, const char *product)
{
	struct cli *c = p->cli;
	enum cli_status status = make_plan(p);

	if (status != CLI_OK)
		return status;
	say_plan(p);
	if (!tree_copy_count(p->want).assigned)
		return cli_fail(c, CLI_NOT_SO, "it has no slot that a group has, so there is nothing to restore");
	if (p->there.assigned && p->count && !is_part(p) && !c->options.force)
		return cli_fail(
			c, CLI_NOT_SO,
			"ZooKeeper has a tree with slots: nothing is written. --force writes over what differs");
	if (!p->count && !c->options.yes) {
		buf_addstr(&c->out, "nothing is missing\n");
		return CLI_OK;
	}
	if (!c->options.yes)
		return cli_fail(c, CLI_NOT_SO, "nothing is written yet: --yes does it");
	return carry_out(p, t, product);
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static enum cli_status read_copy(struct cli *c, const char *product, cJSON **copy)
{
	struct error err;
	char *text = file_read(c->options.file, FILE_MAX_BYTES, &err);

	*copy = text ? tree_copy_read(text, strlen(text), &err) : NULL;
	if (!*copy && text)
		error_wrap(&err, "%s", c->options.file);
	free(text);
	if (!*copy)
		return cli_fail(c, CLI_NOT_SO, "%s", err.text);
	if (strcmp(tree_copy_product(*copy), product) != 0)
		return cli_fail(c, CLI_NOT_SO, "%s is of product %s, and not of %s", c->options.file,
				tree_copy_product(*copy), product);
	return CLI_OK;
}

static enum cli_status restore(struct cli *c, const struct known *k, const char *product, cJSON *want)
{
	struct plan p = { .cli = c, .known = k, .want = want, .differences = BUF_INIT(1 << 20) };
	struct tree t = { .count = 0 };
	cJSON *have = NULL;
	enum cli_status status = source_open(&t, c, k, product);

	if (status == CLI_OK)
		status = source_zookeeper(&t, c, product, &have);
	p.have = have;
	if (status == CLI_OK)
		status = go_on(&p, &t, product);
	buf_release(&p.differences);
	free(p.writes);
	cJSON_Delete(have);
	tree_close(&t);
	return status;
}

enum cli_status restore_run(struct cli *c)
{
	char product[CODIS_PRODUCT_MAX];
	struct known k;
	cJSON *want = NULL;
	enum cli_status status;

	if (!c->options.file == !c->options.from_proxies)
		return cli_fail(c, CLI_USAGE, "restore: -f FILE, or --from-proxies: one of them");
	status = known_of(&k, c, c->options.product, product);
	if (status == CLI_OK)
		status = c->options.file ? read_copy(c, product, &want) : source_proxies(c, &k, product, &want);
	if (status == CLI_OK)
		status = restore(c, &k, product, want);
	cJSON_Delete(want);
	known_end(&k);
	return status;
}
