/* pause, resume, adopt: annotations of the codis-server StatefulSets of a product, and the wait until codis-controller
 * has seen them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/controllers.h"
#include "cli/known.h"
#include "cli/parts.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define LOOK_MS    250
#define REASON_MAX 300

const struct opt annotate_options[] = {
	{ "product", NULL, OPT_STRING, offsetof(struct cli_options, product), .arg = "NAME", .letter = 'p',
	  .help = "which product; needed where the namespace has several" },
	{ "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms), .arg = "TIME", .def = "15s",
	  .max = 3600000, .help = "how long to wait until the status says so; 0: not at all" },
	OPT_END
};

/* What is done to which sets, and how the status shows that it was heard. */
struct annotating {
	const char *key, *value; /* value NULL: it is taken away, from all that have it */
	bool (*heard)(const cJSON *cluster);
};

static const char *value_on(const struct inventory_set *set, const char *key)
{
	return json_str(set->annotations, key, NULL);
}

/* The uid: one that was made anew meanwhile is another one's business. */
static enum cli_status patch(struct cli *c, const struct inventory_set *set, const struct annotating *how)
{
	char path[ASK_PATH_MAX];
	enum cli_status status;

	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", set->namespace, set->name);
	status = ask_annotate(c, path, set->uid, how->key, how->value);
	if (status != CLI_OK)
		return status;
	if (how->value)
		buf_addf(&c->out, "StatefulSet %s: %s=\"%s\"\n", set->name, how->key, how->value);
	else
		buf_addf(&c->out, "StatefulSet %s: %s is taken away\n", set->name, how->key);
	cli_flush(c);
	return CLI_OK;
}

/* On one of several sets it counts for all: on the one that has it already, else on the first. */
static const struct inventory_set *set_to_write(const struct inventory_set *const *sets, int count, const char *key)
{
	for (int i = 0; i < count; i++) {
		if (value_on(sets[i], key))
			return sets[i];
	}
	return sets[0];
}

static enum cli_status write_sets(struct cli *c, const struct inventory_set *const *sets, int count,
				  const struct annotating *how)
{
	enum cli_status status = CLI_OK;
	bool any = false;

	if (how->value)
		return patch(c, set_to_write(sets, count, how->key), how);
	for (int i = 0; i < count && status == CLI_OK; i++) {
		if (!value_on(sets[i], how->key))
			continue;
		any = true;
		status = patch(c, sets[i], how);
	}
	if (!any)
		buf_addf(&c->out, "no StatefulSet has %s: nothing is to be done\n", how->key);
	return status;
}

/* --- what the controller says of it ------------------------------------------------------------------------------- */

static bool look(struct cli *c, const char *product, const struct annotating *how)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, c, &status), *cluster;
	const char *line;
	bool heard = false;

	cluster = controllers_cluster(answer, cli_namespace(c), product);
	line = json_str(cluster, "line", NULL);
	if (cluster && how->heard(cluster)) {
		heard = true;
		buf_addf(&c->out, "%s/", cli_namespace(c));
		text_clean(&c->out, line ? line : product, strlen(line ? line : product));
		buf_addch(&c->out, '\n');
	}
	controllers_end(&all);
	buf_reset(&c->err); /* a look that failed is followed by the next one */
	return heard;
}

static enum cli_status wait_heard(struct cli *c, const char *product, const struct annotating *how)
{
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;
	bool whole = c->options.wait_ms % 1000 == 0;

	if (!c->options.wait_ms)
		return CLI_OK;
	do {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		if (look(c, product, how))
			return CLI_OK;
		ask_wait(c, next_ms, NULL, NULL);
	} while (clock_mono_ms() < end_ms);
	return cli_fail(c, CLI_WAITED,
			"codis-controller has not confirmed it within %d%s: codisctl status tells more. What "
			"was written stands",
			whole ? c->options.wait_ms / 1000 : c->options.wait_ms, whole ? " s" : " ms");
}

static enum cli_status write_product(struct cli *c, const struct known *k, const char *product,
				     const struct annotating *how)
{
	const struct inventory_set **sets = NULL;
	int count = inventory_sets_of(k->inventory, cli_namespace(c), product, &sets);
	enum cli_status status;

	if (count > 0)
		status = write_sets(c, sets, count, how);
	else
		status = cli_fail(c, CLI_NOT_SO, "product %s in namespace %s has no codis-server StatefulSet%s",
				  product, cli_namespace(c), count < 0 ? " that there is memory for" : "");
	free(sets);
	return status;
}

static enum cli_status annotate(struct cli *c, const struct annotating *how)
{
	char product[CODIS_PRODUCT_MAX];
	struct known k;
	enum cli_status status = known_of(&k, c, c->options.product, product);

	if (status == CLI_OK)
		status = write_product(c, &k, product, how);
	if (status == CLI_OK)
		status = wait_heard(c, product, how);
	known_end(&k);
	return status;
}

/* --- the verbs ---------------------------------------------------------------------------------------------------- */

static bool is_paused(const cJSON *cluster)
{
	return json_bool(false, cluster, "paused", NULL);
}

static bool is_resumed(const cJSON *cluster)
{
	return !json_bool(true, cluster, "paused", NULL);
}

static bool is_adopting(const cJSON *cluster)
{
	return json_bool(false, cluster, "adoption", "asked", NULL);
}

/* Who says nothing is named, and when that was. */
static void default_reason(char reason[REASON_MAX])
{
	const char *user = getenv("USER");
	char now[32];

	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	snprintf(reason, REASON_MAX, "%.100s, by codisctl at %.16sZ", user && *user ? user : "somebody", now);
}

enum cli_status pause_run(struct cli *c)
{
	struct annotating how = { CODIS_ANNOTATION_PAUSED, NULL, is_paused };
	char reason[REASON_MAX];

	default_reason(reason);
	how.value = c->arg_count ? c->args[0] : reason;
	if (!*how.value || strcmp(how.value, "false") == 0 || strlen(how.value) >= REASON_MAX)
		return cli_fail(c, CLI_USAGE,
				"pause: the reason is \"%.20s\": it has 1 to %d bytes, and is not \"false\"", how.value,
				REASON_MAX - 1);
	return annotate(c, &how);
}

enum cli_status resume_run(struct cli *c)
{
	return annotate(c, &(struct annotating){ CODIS_ANNOTATION_PAUSED, NULL, is_resumed });
}

enum cli_status adopt_run(struct cli *c)
{
	return annotate(c, &(struct annotating){ CODIS_ANNOTATION_ADOPT, "true", is_adopting });
}
