/* codisctl scale-server: so many servers, by the annotation codis.io/scale-to, until each group has its share of the
 * slots and those that go are gone; and --cancel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/controllers.h"
#include "cli/known.h"
#include "cli/parts.h"
#include "cli/ping.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/pod.h"
#include "common/codis/scaling.h"

#define LOOK_MS 500
#define TELL_MS 5000 /* slots arrive several times a second */

const struct opt scale_server_options[] = {
	{ "cancel", NULL, OPT_BOOL, offsetof(struct cli_options, cancel),
	  .help = "without N: what was asked for counts no more, and groups that lost slots get their share again" },
	{ "product", NULL, OPT_STRING, offsetof(struct cli_options, product), .arg = "NAME", .letter = 'p',
	  .help = "which product; needed where the namespace has several" },
	{ "set", NULL, OPT_STRING, offsetof(struct cli_options, statefulset), .arg = "STATEFULSET",
	  .help = "whose servers; needed where the product has several" },
	{ "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms), .arg = "TIME", .def = "1h",
	  .max = 86400000, .help = "how long to wait until it is done; 0: not at all" },
	OPT_END
};

/* The StatefulSet that is meant. */
struct scaling_set {
	char path[ASK_PATH_MAX], name[POD_NAME_MAX], uid[POD_UID_MAX];
	char asked[16]; /* "4"; "": it is to be cancelled */
	int servers, replicas;
	bool was_asked; /* codis.io/scale-to stands there already */
};

static enum cli_status read_set(struct cli *c, const struct inventory_set *set, bool others, struct scaling_set *s)
{
	char why[SCALING_WHY_MAX];

	if (*s->asked && !scaling_fits(s->asked, &set->shape, others, &s->servers, why))
		return cli_fail(c, CLI_USAGE, "scale-server: \"%s\": %s", s->asked, why);
	snprintf(s->path, sizeof(s->path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", set->namespace, set->name);
	text_copy(s->name, sizeof(s->name), set->name);
	text_copy(s->uid, sizeof(s->uid), set->uid);
	s->replicas = set->shape.replicas;
	s->was_asked = json_str(set->annotations, CODIS_ANNOTATION_SCALE_TO, NULL) != NULL;
	return CLI_OK;
}

static bool is_asked(const struct inventory_set *set)
{
	return json_str(set->annotations, CODIS_ANNOTATION_SCALE_TO, NULL) != NULL;
}

/* The one of that name, or the only one, or the only one that is asked of those of which one is to be cancelled; -1: it
 * is not clear which. */
static int find_set(const struct cli *c, const struct inventory_set *const *sets, int count)
{
	const char *name = c->options.statefulset;
	int found = -1;

	for (int i = 0; i < count; i++) {
		if (name ? strcmp(sets[i]->name, name) != 0 : c->options.cancel && count > 1 && !is_asked(sets[i]))
			continue;
		if (found >= 0)
			return -1;
		found = i;
	}
	return found;
}

static bool others_stay(const struct inventory_set *const *sets, int count, int but)
{
	for (int i = 0; i < count; i++) {
		const char *asked = json_str(sets[i]->annotations, CODIS_ANNOTATION_SCALE_TO, NULL);

		if (i != but && sets[i]->shape.replicas > 0 && !sets[i]->deleting && !scaling_asks_for_none(asked))
			return true;
	}
	return false;
}

#define NAMED_MAX 6 /* a sentence names so many */

static enum cli_status fail_which(struct cli *c, const char *product, const struct inventory_set *const *sets,
				  int count)
{
	BUF_CLEANUP struct buf names = BUF_INIT(4096);

	for (int i = 0; i < count && i < NAMED_MAX; i++)
		buf_addf(&names, "%s%s", i ? ", " : "", sets[i]->name);
	if (count > NAMED_MAX)
		buf_addf(&names, " and %d more", count - NAMED_MAX);
	if (c->options.statefulset)
		return cli_fail(c, CLI_NOT_SO, "no StatefulSet %.253s makes groups of product %s (%s)",
				c->options.statefulset, product, names.data);
	return cli_fail(c, CLI_USAGE,
			"scale-server: several StatefulSets make the groups of product %s (%s): say which by "
			"--set",
			product, names.data);
}

static enum cli_status take_set(struct cli *c, const struct known *k, const char *product, struct scaling_set *s)
{
	const struct inventory_set **sets = NULL;
	int count = inventory_sets_of(k->inventory, cli_namespace(c), product, &sets);
	int at = count > 0 ? find_set(c, sets, count) : -1;
	enum cli_status status;

	if (at >= 0)
		status = read_set(c, sets[at], others_stay(sets, count, at), s);
	else if (count > 0)
		status = fail_which(c, product, sets, count);
	else
		status = cli_fail(c, CLI_NOT_SO, "product %s in namespace %s has no codis-server StatefulSet%s",
				  product, cli_namespace(c), count < 0 ? " that there is memory for" : "");
	free(sets);
	return status;
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

struct progress {
	struct buf words, last;
	int64_t told_ms; /* last */
	bool moves;      /* slots do, or groups are about to go, as the controller says */
	bool ended;
	enum cli_status status;
};

/* What the controller that leads says of it; whether all is well there. */
static bool hear(struct cli *c, const char *product, struct progress *p)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, c, &status),
		    *cluster = controllers_cluster(answer, cli_namespace(c), product);
	const char *line = json_str(cluster, "line", NULL);
	bool ok = json_bool(false, cluster, "ok", NULL);

	p->moves = cJSON_GetArraySize(json_get(cluster, "scaling", "to", NULL)) > 0 ||
		   cJSON_GetArraySize(json_get(cluster, "scaling", "from", NULL)) > 0;
	buf_reset(&p->words);
	if (line)
		text_clean(&p->words, line, strlen(line));
	else
		buf_addstr(&p->words, "the leading codis-controller does not tell of the product");
	controllers_end(&all);
	buf_reset(&c->err); /* a look that failed is followed by the next one */
	return ok;
}

static enum cli_status end(struct progress *p, enum cli_status status)
{
	p->ended = true;
	return p->status = status;
}

/* By what stands on the StatefulSet: codis-controller takes it away when it is done. */
static enum cli_status look(struct cli *c, const char *product, const struct scaling_set *s, struct progress *p)
{
	bool ok = hear(c, product, p), same, moves;
	int replicas;
	struct error err;
	JSON_CLEANUP cJSON *set = ask_get(c, s->path, 0, &err);
	const cJSON *notes = json_get(set, "metadata", "annotations", NULL);
	const char *asked = json_str(notes, CODIS_ANNOTATION_SCALE_TO, NULL);

	if (!set)
		return CLI_OK; /* the API server is away for a moment; it is asked again */
	replicas = (int)json_int(-1, set, "spec", "replicas", NULL);
	same = replicas == (*s->asked ? s->servers : s->replicas);
	moves = p->moves || json_str(notes, CODIS_ANNOTATION_MOVING, NULL);
	if (asked && strcmp(asked, s->asked) != 0)
		return end(p, cli_fail(c, CLI_NOT_SO, "somebody else asks for %.20s servers now", asked));
	/* What was asked for, and the asking, codis-controller ends with one write: it may be right before ours. */
	if (!asked && !same && !*s->asked)
		return end(p, cli_fail(c, CLI_NOT_SO, "too late: StatefulSet %s has %d servers by now", s->name,
				       replicas));
	if (!asked && !same)
		return end(p, cli_fail(c, CLI_NOT_SO, "somebody has taken " CODIS_ANNOTATION_SCALE_TO " away"));
	return !asked && same && !moves && ok ? end(p, CLI_OK) : CLI_OK;
}

/* What has changed, now and then, and at the end. */
static void tell(struct cli *c, struct progress *p)
{
	int64_t now_ms = clock_mono_ms();

	if (strcmp(p->words.data, p->last.data) == 0 || (!p->ended && p->told_ms && now_ms - p->told_ms < TELL_MS))
		return;
	p->told_ms = now_ms;
	buf_reset(&p->last);
	buf_addstr(&p->last, p->words.data);
	buf_addf(&c->out, "%s\n", p->words.data);
	cli_flush(c);
}

static enum cli_status wait_for(struct cli *c, const char *product, const struct scaling_set *s)
{
	struct progress p = { .words = BUF_INIT(2048), .last = BUF_INIT(2048) };
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;

	while (!p.ended) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		look(c, product, s, &p);
		tell(c, &p);
		if (!p.ended && next_ms >= end_ms)
			end(&p, cli_fail(c, CLI_WAITED, "not within %g s. It goes on; this can be repeated",
					 c->options.wait_ms / 1000.0));
		if (!p.ended)
			ask_wait(c, next_ms, NULL, NULL);
	}
	buf_release(&p.words);
	buf_release(&p.last);
	return p.status;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static enum cli_status write_it(struct cli *c, const struct scaling_set *s)
{
	enum cli_status status;

	if (!*s->asked && !s->was_asked) {
		buf_addf(&c->out, "StatefulSet %s has no " CODIS_ANNOTATION_SCALE_TO ": nothing is to be cancelled\n",
			 s->name);
		return CLI_OK;
	}
	status = ask_annotate(c, s->path, s->uid, CODIS_ANNOTATION_SCALE_TO, *s->asked ? s->asked : NULL);
	if (status != CLI_OK)
		return status;
	if (*s->asked)
		buf_addf(&c->out, "StatefulSet %s: %d -> %d servers\n", s->name, s->replicas, s->servers);
	else
		buf_addf(&c->out, "StatefulSet %s: " CODIS_ANNOTATION_SCALE_TO " is taken away\n", s->name);
	cli_flush(c);
	return CLI_OK;
}

static enum cli_status scale(struct cli *c, struct scaling_set *s)
{
	char product[CODIS_PRODUCT_MAX];
	struct known k;
	enum cli_status status = known_of(&k, c, c->options.product, product);

	if (status == CLI_OK)
		status = take_set(c, &k, product, s);
	known_end(&k);
	if (status == CLI_OK)
		status = write_it(c, s);
	if (status == CLI_OK && c->options.wait_ms)
		status = wait_for(c, product, s);
	return status == CLI_OK && c->options.wait_ms ? ping_now(c, product) : status;
}

enum cli_status scale_server_run(struct cli *c)
{
	struct scaling_set s = { .servers = 0 };
	const char *text = c->arg_count ? c->args[0] : "";

	if (c->options.cancel == (c->arg_count > 0))
		return cli_fail(c, CLI_USAGE, "scale-server: say how many servers there shall be, or --cancel");
	if (!c->options.cancel && scaling_number(text, 0, CODIS_ORDINALS_MAX, -1) < 0)
		return cli_fail(c, CLI_USAGE, "scale-server: \"%.20s\" is no number of servers", text);
	text_copy(s.asked, sizeof(s.asked), text);
	return scale(c, &s);
}
