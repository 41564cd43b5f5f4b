/* codisctl cleanup: takes a product away, its tree in ZooKeeper too, and nothing of anybody else. What it does it does
 * in an order in which it can be interrupted and repeated: the dashboard's maker, which says where the tree is, goes
 * last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ask.h"
#include "cli/controllers.h"
#include "cli/estate.h"
#include "cli/known.h"
#include "cli/namesake.h"
#include "cli/parts.h"
#include "cli/tree.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define LOOK_MS  500
#define PAUSE_MS 15000
#define GRACE_S  1 /* of pods whose data goes with them: their hooks would wait for a switch that nobody makes */

const struct opt cleanup_options[] = {
	{ "product", NULL, OPT_STRING, offsetof(struct cli_options, product), .arg = "NAME", .letter = 'p',
	  .help = "which product; needed where the namespace has several" },
	{ "yes", NULL, OPT_BOOL, offsetof(struct cli_options, yes), .letter = 'y', .help = "do not ask: for scripts" },
	{ "delete-data", NULL, OPT_BOOL, offsetof(struct cli_options, delete_data),
	  .help = "take the PersistentVolumeClaims of its StatefulSets, too" },
	{ "keep-tree", NULL, OPT_BOOL, offsetof(struct cli_options, keep_tree),
	  .help = "leave its tree in the coordinator, and ZooKeeper" },
	{ "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms), .arg = "TIME", .def = "5m", .min = 1,
	  .max = 3600000, .help = "how long to wait until its pods are gone" },
	OPT_END
};

struct cleaning {
	struct cli *cli;
	struct estate estate;
	struct tree tree;
	bool has_tree;        /* tree is connected */
	bool takes_zookeeper; /* with its tree */
	struct buf others;    /* products in ZooKeeper beside this one */
	int64_t end_ms;
};

/* --- what goes ---------------------------------------------------------------------------------------------------- */

/* It becomes a node's path: "a/b" or "" would be another one's. */
static bool is_product(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");

	return len > 0 && len < CODIS_PRODUCT_MAX && !name[len] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

static int count_part(const struct cleaning *cl, enum estate_part part)
{
	int n = 0;

	for (int i = 0; i < cl->estate.count; i++)
		n += cl->estate.things[i].part == part;
	return n;
}

static bool is_protected(const struct thing *t)
{
	const char *label = json_str(t->object, "metadata", "labels", "codis.io/protect", NULL);
	const char *annotation = json_str(t->object, "metadata", "annotations", "codis.io/protect", NULL);

	return (label && strcmp(label, "true") == 0) || (annotation && strcmp(annotation, "true") == 0);
}

/* A set that takes its PersistentVolumeClaims with it, where they were not given. */
static enum cli_status check_kept(struct cleaning *cl, const struct thing *t)
{
	if (cl->cli->options.delete_data || !estate_deletes_data(t))
		return CLI_OK;
	return cli_fail(
		cl->cli, CLI_NOT_SO,
		"StatefulSet %s takes its PersistentVolumeClaims with it (persistentVolumeClaimRetentionPolicy: "
		"whenDeleted: Delete), so nothing is taken away: --delete-data lets them go, too; to keep them "
		"write Retain there first",
		t->name);
}

static enum cli_status check_protected(struct cleaning *cl)
{
	for (int i = 0; i < cl->estate.count; i++) {
		const struct thing *t = &cl->estate.things[i];

		if (t->part != PART_MAKER && t->part != PART_DASHBOARD &&
		    (t->part != PART_ZOOKEEPER || !cl->takes_zookeeper))
			continue;
		if (check_kept(cl, t) != CLI_OK)
			return CLI_NOT_SO;
		if (is_protected(t))
			return cli_fail(
				cl->cli, CLI_NOT_SO,
				"%s %s has codis.io/protect=true, so nothing is taken away: kubectl label -n %s "
				"sts %s codis.io/protect- (or annotate) first",
				t->kind->name, t->name, cli_namespace(cl->cli), t->name);
	}
	return CLI_OK;
}

/* Those that its address names are (estate.h), unless that means another namespace. */
static bool is_the_coordinator(const struct cleaning *cl)
{
	return count_part(cl, PART_ZOOKEEPER) &&
	       (!cl->tree.namespace[0] || strcmp(cl->tree.namespace, cli_namespace(cl->cli)) == 0);
}

/* Why ZooKeeper of this namespace stays; NULL: it goes. */
static const char *why_zookeeper_stays(const struct cleaning *cl)
{
	if (cl->cli->options.keep_tree)
		return "its tree is kept";
	if (cl->others.len || cl->estate.others.len)
		return "others use it, too";
	if (!is_the_coordinator(cl))
		return "it is not known to be this product's";
	for (int i = 0; i < cl->estate.count; i++) {
		const struct thing *t = &cl->estate.things[i];

		if (t->part == PART_ZOOKEEPER && !estate_is_applied(t->object))
			return "codisctl did not apply it";
	}
	return NULL;
}

/* An earlier one was interrupted behind the tree: what makes servers and proxies goes before that. */
static bool is_resumed(const struct cleaning *cl)
{
	return !count_part(cl, PART_MAKER);
}

static bool is_zookeeper_going(const struct cleaning *cl)
{
	bool any = false;

	for (int i = 0; i < cl->estate.count; i++) {
		const struct thing *t = &cl->estate.things[i];

		if (t->part != PART_ZOOKEEPER)
			continue;
		any = true;
		if (!json_get(t->object, "metadata", "deletionTimestamp", NULL))
			return false;
	}
	return any;
}

static enum cli_status no_tree(struct cleaning *cl, const char *why)
{
	return cli_fail(cl->cli, CLI_NOT_SO,
			"%s, so /codis3/%s and /jodis/%s cannot be taken away from here: repeat this, or leave them by "
			"--keep-tree. Nothing is taken away yet",
			why, cl->estate.product, cl->estate.product);
}

/* Two namespaces may have one product name and one ZooKeeper. Where an earlier cleanup was interrupted, what the tree
 * names may be its own pods, which are gone. */
static enum cli_status check_namesake(struct cleaning *cl)
{
	char words[NAMESAKE_WORDS_MAX];
	enum namesake found;
	struct error err;

	if (namesake_find(&cl->tree, &cl->estate, &found, words, &err) < 0)
		return no_tree(cl, err.text);
	if (found == NAMESAKE_LIVES)
		return cli_fail(
			cl->cli, CLI_NOT_SO,
			"/codis3/%s is the tree of %s as well, which is in another namespace, and would lose its "
			"slots: --keep-tree leaves it. Nothing is taken away",
			cl->estate.product, words);
	if (found == NAMESAKE_UNKNOWN && !is_resumed(cl))
		return cli_fail(
			cl->cli, CLI_NOT_SO,
			"/codis3/%s names %s, which no pod of namespace %s has, and you may not list pods of all "
			"namespaces, to see whether another one lives in that tree: --keep-tree leaves it, or who may "
			"list them repeats this. Nothing is taken away",
			cl->estate.product, words, cli_namespace(cl->cli));
	return CLI_OK;
}

static enum cli_status open_tree(struct cleaning *cl)
{
	struct estate *e = &cl->estate;
	struct error err;
	bool there = false;

	if (cl->cli->options.keep_tree)
		return CLI_OK;
	if (!e->address[0])
		return no_tree(cl, e->elsewhere ? "its coordinator is etcd, or files"
						: "no dashboard and no proxy says by --zookeeper where its tree is");
	if (tree_open(&cl->tree, cl->cli, cli_namespace(cl->cli), e->address, &err) < 0)
		return no_tree(cl, err.text);
	if (!cl->tree.count && is_resumed(cl) && is_zookeeper_going(cl) && !why_zookeeper_stays(cl)) {
		cl->takes_zookeeper = true;
		return CLI_OK;
	}
	if (!cl->tree.count && (count_part(cl, PART_ZOOKEEPER) || !is_resumed(cl)))
		return no_tree(cl, "no pod of ZooKeeper is ready");
	if (!cl->tree.count) {
		buf_addf(&cl->cli->out, "no ZooKeeper is at %s any more, and no tree\n", e->address);
		return CLI_OK;
	}
	if (tree_look(&cl->tree, e->product, &there, &cl->others, &err) < 0)
		return no_tree(cl, err.text);
	cl->has_tree = true;
	cl->takes_zookeeper = count_part(cl, PART_ZOOKEEPER) && !why_zookeeper_stays(cl);
	return there ? check_namesake(cl) : CLI_OK;
}

/* --- what is told before ------------------------------------------------------------------------------------------ */

static void say_stays(const struct cleaning *cl, struct buf *out)
{
	const struct estate *e = &cl->estate;

	for (int i = 0; i < e->count; i++) {
		if (e->things[i].stays)
			buf_addf(out, "  %s %s: %s\n", e->things[i].kind->name, e->things[i].name, e->things[i].stays);
	}
	if (!cl->cli->options.delete_data && count_part(cl, PART_DATA)) {
		estate_list(e, PART_DATA, out);
		buf_addstr(out, "    (--delete-data takes them)\n");
	}
	if (!cl->takes_zookeeper && count_part(cl, PART_ZOOKEEPER)) {
		estate_list(e, PART_ZOOKEEPER, out);
		buf_addf(out, "    (%s)\n", why_zookeeper_stays(cl) ? why_zookeeper_stays(cl) : "it does not answer");
	}
	if (cl->others.len)
		buf_addf(out, "  in ZooKeeper %s: %s\n", e->address, cl->others.data);
	if (cl->takes_zookeeper && count_part(cl, PART_ZOOKEEPER_DATA) && !cl->cli->options.delete_data)
		estate_list(e, PART_ZOOKEEPER_DATA, out);
}

static void say_all(const struct cleaning *cl)
{
	BUF_CLEANUP struct buf stays = BUF_INIT(65536);
	const struct estate *e = &cl->estate;
	struct buf *out = &cl->cli->out;

	buf_addf(out, "Of product %s in namespace %s this goes, and what its pods have in memory:\n", e->product,
		 cli_namespace(cl->cli));
	estate_list(e, PART_MAKER, out);
	estate_list(e, PART_DASHBOARD, out);
	estate_list(e, PART_ACCESS, out);
	if (cl->has_tree)
		buf_addf(out, "  /codis3/%s and /jodis/%s in ZooKeeper %s\n", e->product, e->product, e->address);
	if (cl->takes_zookeeper) {
		estate_list(e, PART_ZOOKEEPER, out);
		estate_list(e, PART_ZOOKEEPER_ACCESS, out);
	}
	if (cl->cli->options.delete_data) {
		estate_list(e, PART_DATA, out);
		if (cl->takes_zookeeper)
			estate_list(e, PART_ZOOKEEPER_DATA, out);
	}
	say_stays(cl, &stays);
	if (stays.len)
		buf_addf(out, "This stays:\n%s", stays.data);
	cli_flush(cl->cli);
}

static enum cli_status ask_user(struct cleaning *cl)
{
	const char *product = cl->estate.product;
	char line[CODIS_PRODUCT_MAX + 2] = "";

	if (cl->cli->options.yes)
		return CLI_OK;
	if (!isatty(STDIN_FILENO))
		return cli_fail(
			cl->cli, CLI_USAGE,
			"cleanup asks before it takes anything away, and here is no terminal: --yes does not ask");
	buf_addf(&cl->cli->out, "Type %s to go on: ", product);
	cli_flush(cl->cli);
	if (!fgets(line, sizeof(line), stdin))
		line[0] = '\0';
	line[strcspn(line, "\r\n")] = '\0';
	if (strcmp(line, product) == 0)
		return CLI_OK;
	return cli_fail(cl->cli, CLI_NOT_SO, "nothing is taken away");
}

/* --- the pause ---------------------------------------------------------------------------------------------------- */

/* Heard, or nobody is there to act. */
static bool is_paused(struct cleaning *cl)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, cl->cli, &status), *cluster;
	bool paused = status == CLI_OK && !all.count && !all.err.code;

	if (json_bool(false, answer, "leads", NULL)) {
		cluster = controllers_cluster(answer, cli_namespace(cl->cli), cl->estate.product);
		paused = !cluster || json_bool(false, cluster, "paused", NULL);
	}
	controllers_end(&all);
	buf_reset(&cl->cli->err); /* a look that failed is followed by the next one */
	return paused;
}

static enum cli_status wait_paused(struct cleaning *cl)
{
	int64_t end_ms = clock_mono_ms() + PAUSE_MS;

	while (!is_paused(cl)) {
		if (clock_mono_ms() >= end_ms)
			return cli_fail(
				cl->cli, CLI_WAITED,
				"codis-controller has not said within %d s that it is paused, so nothing is taken "
				"away: codisctl status tells more, codisctl resume ends the pause",
				PAUSE_MS / 1000);
		ask_wait(cl->cli, clock_mono_ms() + LOOK_MS, NULL, NULL);
	}
	buf_addf(&cl->cli->out, "codis-controller only watches %s\n", cl->estate.product);
	cli_flush(cl->cli);
	return CLI_OK;
}

static void path_of(const struct cleaning *cl, const struct thing *t, char path[DOCUMENTS_PATH_MAX])
{
	kind_path(t->kind, cli_namespace(cl->cli), t->name, path);
}

static enum cli_status pause_product(struct cleaning *cl)
{
	enum cli_status status = CLI_OK;
	bool any = false;

	for (int i = 0; i < cl->estate.count && status == CLI_OK; i++) {
		const struct thing *t = &cl->estate.things[i];
		char path[DOCUMENTS_PATH_MAX];

		if (t->part != PART_MAKER || t->component != CODIS_SERVER || strcmp(t->kind->name, "StatefulSet") != 0)
			continue;
		path_of(cl, t, path);
		any = true;
		status = ask_annotate(cl->cli, path, t->uid, CODIS_ANNOTATION_PAUSED, "codisctl cleanup");
	}
	return any && status == CLI_OK ? wait_paused(cl) : status;
}

/* --- taking away -------------------------------------------------------------------------------------------------- */

static enum cli_status delete_part(struct cleaning *cl, enum estate_part part)
{
	for (int i = 0; i < cl->estate.count; i++) {
		const struct thing *t = &cl->estate.things[i];
		char path[DOCUMENTS_PATH_MAX];
		struct error err;

		if (t->part != part)
			continue;
		path_of(cl, t, path);
		if (ask_delete(cl->cli, path, t->uid, -1, &err) < 0)
			return cli_fail_call(cl->cli, &err);
		if (!estate_is_owned(t))
			buf_addf(&cl->cli->out, "%s %s: deleted\n", t->kind->name, t->name);
		cli_flush(cl->cli);
	}
	return CLI_OK;
}

/* It keeps its maker, which says where the tree is. */
static enum cli_status end_dashboards(struct cleaning *cl)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();

	json_add_int(json_add_object(body, "spec"), "replicas", 0);
	if (!json_is_whole(body))
		return cli_fail(cl->cli, CLI_NOT_SO, "no memory");
	for (int i = 0; i < cl->estate.count; i++) {
		const struct thing *t = &cl->estate.things[i];
		char path[DOCUMENTS_PATH_MAX];
		struct error err;
		cJSON *answer;

		if (t->part != PART_DASHBOARD || json_int(1, t->object, "spec", "replicas", NULL) == 0)
			continue;
		path_of(cl, t, path);
		answer = ask_patch(cl->cli, path, body, &err);
		if (!answer && err.code != ERR_NOTFOUND)
			return cli_fail_call(cl->cli, &err);
		cJSON_Delete(answer);
		buf_addf(&cl->cli->out, "%s %s: scaled to 0\n", t->kind->name, t->name);
	}
	cli_flush(cl->cli);
	return CLI_OK;
}

static bool keeps_data(const cJSON *pod)
{
	const cJSON *volume;

	json_each(volume, json_get(pod, "spec", "volumes", NULL)) {
		if (json_get(volume, "persistentVolumeClaim", NULL))
			return true;
	}
	return false;
}

/* The grace period is for the switch of a master and for clients that move on: there is nowhere to go. One that keeps
 * what it has gets the time to write it. */
static void hurry(struct cleaning *cl, const cJSON *pod)
{
	const char *name = json_str(pod, "metadata", "name", NULL), *uid = json_str(pod, "metadata", "uid", NULL);
	char path[DOCUMENTS_PATH_MAX];
	struct error err;

	if (!name || !uid || keeps_data(pod) ||
	    json_int(GRACE_S + 1, pod, "metadata", "deletionGracePeriodSeconds", NULL) <= GRACE_S)
		return;
	kind_path(&(struct kind){ "Pod", "v1", "pods", false }, cli_namespace(cl->cli), name, path);
	(void)ask_delete(cl->cli, path, uid, GRACE_S, &err); /* else it ends in its own time */
}

static int count_pods(struct cleaning *cl, enum estate_part from, enum estate_part to, struct error *err)
{
	JSON_CLEANUP cJSON *list = NULL;
	char path[DOCUMENTS_PATH_MAX];
	const cJSON *pod;
	int n = 0;

	kind_path(&(struct kind){ "Pod", "v1", "pods", false }, cli_namespace(cl->cli), "", path);
	list = ask_get(cl->cli, path, 0, err);
	if (!list)
		return -1;
	json_each(pod, json_get(list, "items", NULL)) {
		if (!estate_has_pod(&cl->estate, pod, from, to))
			continue;
		n++;
		hurry(cl, pod);
	}
	return n;
}

/* Of makers that were deleted: while they are there, what is applied under their names goes with them. */
static int count_makers(struct cleaning *cl, enum estate_part part, struct error *err)
{
	int n = 0;

	for (int i = 0; i < cl->estate.count; i++) {
		const struct thing *t = &cl->estate.things[i];
		char path[DOCUMENTS_PATH_MAX];
		cJSON *is;

		if (t->part != part)
			continue;
		path_of(cl, t, path);
		is = ask_get(cl->cli, path, 0, err);
		if (!is && err->code != ERR_NOTFOUND)
			return -1;
		n += is && strcmp(t->uid, json_str(is, "metadata", "uid", NULL)) == 0;
		cJSON_Delete(is);
	}
	return n;
}

/* Until the pods of these parts are gone, and the makers of that one. */
static enum cli_status wait_gone(struct cleaning *cl, enum estate_part from, enum estate_part to,
				 enum estate_part makers)
{
	int told = -1;

	for (;;) {
		struct error err = ERROR_INIT;
		int pods = count_pods(cl, from, to, &err), left = pods == 0 ? count_makers(cl, makers, &err) : 1;

		if (err.code == ERR_DENIED)
			return cli_fail_call(cl->cli, &err);
		if (pods == 0 && left == 0)
			return CLI_OK;
		if (pods > 0 && pods != told)
			buf_addf(&cl->cli->out, "%d pod%s left\n", pods, pods == 1 ? " is" : "s are");
		cli_flush(cl->cli);
		told = pods;
		if (clock_mono_ms() >= cl->end_ms)
			return cli_fail(
				cl->cli, CLI_WAITED,
				"not within %g s: %d pods are left, which kubectl get pods -n %s shows. It goes on; "
				"this can be repeated",
				cl->cli->options.wait_ms / 1000.0, pods, cli_namespace(cl->cli));
		ask_wait(cl->cli, clock_mono_ms() + LOOK_MS, NULL, NULL);
	}
}

static enum cli_status remove_tree(struct cleaning *cl)
{
	const char *product = cl->estate.product;
	struct error err;
	int gone;

	if (!cl->has_tree)
		return CLI_OK;
	if (tree_remove(&cl->tree, product, &gone, &err) < 0)
		return cli_fail(cl->cli, CLI_NOT_SO, "ZooKeeper: %s. This can be repeated", err.text);
	buf_addf(&cl->cli->out, "/codis3/%s and /jodis/%s: %d nodes deleted\n", product, product, gone);
	cli_flush(cl->cli);
	return CLI_OK;
}

static enum cli_status remove_zookeeper(struct cleaning *cl)
{
	enum cli_status status;

	if (!cl->takes_zookeeper)
		return CLI_OK;
	status = delete_part(cl, PART_ZOOKEEPER);
	if (status == CLI_OK)
		status = delete_part(cl, PART_ZOOKEEPER_ACCESS);
	if (status == CLI_OK && cl->cli->options.delete_data)
		status = delete_part(cl, PART_ZOOKEEPER_DATA);
	if (status == CLI_OK)
		status = wait_gone(cl, PART_ZOOKEEPER, PART_ZOOKEEPER, PART_ZOOKEEPER);
	return status;
}

static enum cli_status take_away(struct cleaning *cl)
{
	enum cli_status status = pause_product(cl);

	cl->end_ms = clock_mono_ms() + cl->cli->options.wait_ms;
	if (status == CLI_OK)
		status = delete_part(cl, PART_ACCESS);
	if (status == CLI_OK)
		status = delete_part(cl, PART_MAKER);
	if (status == CLI_OK && cl->cli->options.delete_data)
		status = delete_part(cl, PART_DATA);
	if (status == CLI_OK)
		status = end_dashboards(cl);
	if (status == CLI_OK)
		status = wait_gone(cl, PART_MAKER, PART_DASHBOARD, PART_MAKER);
	if (status == CLI_OK)
		status = remove_tree(cl);
	if (status == CLI_OK)
		status = remove_zookeeper(cl);
	if (status == CLI_OK)
		status = delete_part(cl, PART_DASHBOARD);
	if (status == CLI_OK)
		status = wait_gone(cl, PART_MAKER, PART_DASHBOARD, PART_DASHBOARD);
	if (status == CLI_OK)
		buf_addf(&cl->cli->out, "%s/%s is gone\n", cli_namespace(cl->cli), cl->estate.product);
	return status;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static enum cli_status clean(struct cleaning *cl)
{
	enum cli_status status;

	if (!cl->estate.product[0]) {
		buf_addf(&cl->cli->out, "there is no Codis in namespace %s; -n names another one\n",
			 cli_namespace(cl->cli));
		return CLI_OK;
	}
	if (!is_product(cl->estate.product))
		return cli_fail(cl->cli, CLI_USAGE, "cleanup: \"%.64s\" is no name of a product", cl->estate.product);
	if (!count_part(cl, PART_MAKER) && !count_part(cl, PART_DASHBOARD) && !count_part(cl, PART_ACCESS)) {
		buf_addf(&cl->cli->out, "nothing of product %s is in namespace %s\n", cl->estate.product,
			 cli_namespace(cl->cli));
		return CLI_OK;
	}
	status = check_protected(cl);
	if (status == CLI_OK)
		status = open_tree(cl);
	if (status == CLI_OK)
		status = check_protected(cl); /* ZooKeeper's, where that goes */
	if (status != CLI_OK)
		return status;
	say_all(cl);
	status = ask_user(cl);
	return status == CLI_OK ? take_away(cl) : status;
}

enum cli_status cleanup_run(struct cli *c)
{
	struct cleaning cl = { .cli = c };
	struct known k = { .begun = false };
	enum cli_status status;

	if (c->options.product && !is_product(c->options.product))
		return cli_fail(c, CLI_USAGE, "cleanup: \"%.64s\" is no name of a product", c->options.product);
	buf_init(&cl.others, 65536);
	status = cli_connect_once(c);
	if (status == CLI_OK)
		status = known_get(&k, c, cli_namespace(c));
	if (status == CLI_OK) {
		status = estate_get(&cl.estate, c, &k, c->options.product);
		known_end(&k);
		if (status == CLI_OK)
			status = clean(&cl);
		tree_close(&cl.tree);
		estate_release(&cl.estate);
	}
	known_end(&k);
	buf_release(&cl.others);
	return status;
}
