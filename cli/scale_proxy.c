/* codisctl scale-proxy: so many proxies, until codis-controller says that so many serve and each answers PING. */
#include <stdio.h>
#include <string.h>

#include "cli/controllers.h"
#include "cli/documents.h"
#include "cli/known.h"
#include "cli/parts.h"
#include "cli/ping.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/pod.h"
#include "common/codis/scaling.h"

#define LOOK_MS 500

const struct opt scale_proxy_options[] = { { "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms),
					     .arg = "TIME", .def = "2m", .max = 3600000,
					     .help = "how long to wait until so many proxies serve; 0: not at all" },
					   OPT_END };

/* The last one is the article's. */
static const char *const makers[] = { "Deployment", "StatefulSet", "ReplicationController" };
#define MAKERS (sizeof(makers) / sizeof(makers[0]))

/* What makes the proxies of the product. */
struct maker {
	const struct known *known;
	const char *namespace, *product;
	int count;
	const char *kind;
	char path[ASK_PATH_MAX], name[POD_NAME_MAX];
	char names[400]; /* "Deployment a, StatefulSet b" */
	int replicas;
};

/* --- finding it --------------------------------------------------------------------------------------------------- */

static void look_at(struct maker *m, const struct kind *kind, const cJSON *object)
{
	char product[CODIS_PRODUCT_MAX], trouble[POD_WHY_MAX];
	const char *name = json_str(object, "metadata", "name", NULL);
	size_t used = strlen(m->names);
	char path[DOCUMENTS_PATH_MAX];
	struct codis_pod pod;
	struct error err;

	/* what it says wrongly besides is not asked here */
	(void)codis_template_read(object, &pod, &err);
	if (!name || pod.component != CODIS_PROXY || kind_path(kind, m->namespace, name, path) < 0)
		return;
	inventory_product_of(m->known->inventory, &pod, product, trouble);
	if (strcmp(product, m->product) != 0)
		return;
	snprintf(m->names + used, sizeof(m->names) - used, "%s%s %s", m->count++ ? ", " : "", kind->name, name);
	m->kind = kind->name;
	text_copy(m->name, sizeof(m->name), name);
	snprintf(m->path, sizeof(m->path), "%s/scale", path);
	m->replicas = (int)json_int(1, object, "spec", "replicas", NULL);
}

static enum cli_status find(struct cli *c, struct maker *m)
{
	struct error err;

	for (size_t i = 0; i < MAKERS; i++) {
		const struct kind *kind = kind_find(makers[i]);
		char path[DOCUMENTS_PATH_MAX];
		cJSON *list;
		const cJSON *object;

		kind_path(kind, m->namespace, "", path);
		list = ask_get(c, path, 0, &err);
		/* Who may not look for the article's kind is not kept from another one. */
		if (!list && err.code == ERR_DENIED && m->count)
			continue;
		if (!list)
			return cli_fail_call(c, &err);
		json_each(object, json_get(list, "items", NULL))
			look_at(m, kind, object);
		cJSON_Delete(list);
	}
	if (m->count == 1)
		return CLI_OK;
	if (!m->count)
		return cli_fail(c, CLI_NOT_SO,
				"no Deployment, StatefulSet or ReplicationController in namespace %s makes proxies of "
				"product %s",
				m->namespace, m->product);
	return cli_fail(c, CLI_NOT_SO,
			"several make proxies of product %s (%s): scale the one that is meant by kubectl", m->product,
			m->names);
}

static enum cli_status scale(struct cli *c, const struct maker *m, int count)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject(), *answer = NULL;
	struct error err;

	json_add_int(json_add_object(body, "spec"), "replicas", count);
	if (!json_is_whole(body))
		return cli_fail(c, CLI_NOT_SO, "no memory");
	answer = ask_patch(c, m->path, body, &err);
	if (!answer)
		return cli_fail_call(c, &err);
	buf_addf(&c->out, "%s %s: %d -> %d\n", m->kind, m->name, m->replicas, count);
	cli_flush(c);
	return CLI_OK;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

/* Whether the one that leads sees so many, and no other ones; how far it is, in words. */
static bool are_there(struct cli *c, const struct maker *m, int count, struct buf *how_far)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, c, &status), *proxy,
		    *cluster = controllers_cluster(answer, m->namespace, m->product);
	int online = 0, seen = 0;

	buf_reset(how_far);
	json_each(proxy, json_get(cluster, "proxies", NULL)) {
		seen++;
		online += json_bool(false, proxy, "registered", NULL) && json_bool(false, proxy, "online", NULL) &&
			  json_bool(false, proxy, "answers", NULL);
	}
	if (cluster)
		buf_addf(how_far, "%d of %d proxies serve", online, count);
	else if (status != CLI_OK)
		buf_addf(how_far, "%.*s", (int)strcspn(c->err.data, "\n"), c->err.data);
	else if (controllers_unknown(&all))
		buf_addstr(how_far, "codis-controller may not be asked, or cannot: nobody tells how many serve");
	else
		buf_addstr(how_far, "the leading codis-controller does not tell of the product");
	if (seen > count)
		buf_addf(how_far, ", %d more are left", seen - count);
	controllers_end(&all);
	buf_reset(&c->err); /* a look that failed is followed by the next one */
	return cluster && online == count && seen == count;
}

/* Another one has scaled it since: what was asked for does not come any more. Where it cannot be looked at it is not
 * known. */
static bool is_undone(struct cli *c, const struct maker *m, int count, int *replicas)
{
	struct error unused;
	JSON_CLEANUP cJSON *is = ask_get(c, m->path, 0, &unused);

	*replicas = is ? (int)json_int(0, is, "spec", "replicas", NULL) : count; /* 0 is left out there */
	return *replicas != count;
}

static enum cli_status say_undone(struct cli *c, const struct maker *m, int count, int replicas)
{
	return cli_fail(
		c, CLI_NOT_SO,
		"%s %s was scaled to %d by another one, after %d was written: a HorizontalPodAutoscaler does so, "
		"and manifests that are applied anew",
		m->kind, m->name, replicas, count);
}

static enum cli_status wait_for(struct cli *c, const struct maker *m, int count)
{
	BUF_CLEANUP struct buf how_far = BUF_INIT(1024), last = BUF_INIT(1024);
	int replicas;
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;

	for (;;) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;
		bool done = are_there(c, m, count, &how_far);

		if (strcmp(how_far.data, last.data) != 0) {
			buf_reset(&last);
			buf_addstr(&last, how_far.data);
			buf_addf(&c->out, "%s\n", how_far.data);
			cli_flush(c);
		}
		if (is_undone(c, m, count, &replicas))
			return say_undone(c, m, count, replicas);
		if (done)
			return CLI_OK;
		if (next_ms >= end_ms)
			return cli_fail(c, CLI_WAITED, "not within %g s: %s. It goes on; this can be repeated",
					c->options.wait_ms / 1000.0, how_far.data);
		ask_wait(c, next_ms, NULL, NULL);
	}
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static enum cli_status scale_to(struct cli *c, const char *named, int count)
{
	struct known k;
	char product[CODIS_PRODUCT_MAX];
	struct maker m = { .known = &k, .product = product };
	enum cli_status status = known_of(&k, c, named, product);

	m.namespace = cli_namespace(c);
	if (status == CLI_OK)
		status = find(c, &m);
	known_end(&k);
	if (status == CLI_OK)
		status = scale(c, &m, count);
	if (status != CLI_OK || !c->options.wait_ms)
		return status;
	status = wait_for(c, &m, count);
	return status == CLI_OK ? ping_now(c, product) : status;
}

enum cli_status scale_proxy_run(struct cli *c)
{
	const char *text = c->arg_count ? c->args[0] : "";
	int count = scaling_number(text, 1, PROXIES_MAX, 0);

	if (!count)
		return cli_fail(c, CLI_USAGE, "scale-proxy: \"%.20s\" is no number of proxies: 1 to %d", text,
				PROXIES_MAX);
	return scale_to(c, c->arg_count > 1 ? c->args[1] : NULL, count);
}
