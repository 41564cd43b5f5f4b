/* codisctl switchover: a wish on the codis-server StatefulSet that makes the group, and the wait for what
 * codis-controller answers to it (common/codis/wish.h). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/controllers.h"
#include "cli/known.h"
#include "cli/parts.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/topology.h"
#include "common/codis/wish.h"
#include "common/kube/client.h"

#define LOOK_MS 250
#define TRIES   20 /* a StatefulSet that is rolled is written a few times a second */

const struct opt switchover_options[] = {
	{ "to", NULL, OPT_STRING, offsetof(struct cli_options, to), .arg = "POD",
	  .help = "the server that is to lead; default: the best replica that is in sync" },
	{ "product", NULL, OPT_STRING, offsetof(struct cli_options, product), .arg = "NAME", .letter = 'p',
	  .help = "which product; needed where the namespace has several" },
	{ "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms), .arg = "TIME", .def = "30s",
	  .max = 3600000, .help = "how long to wait for the answer; 0: not at all" },
	OPT_END
};

struct asked {
	struct wish wish;
	char product[CODIS_PRODUCT_MAX];
	char path[ASK_PATH_MAX]; /* of the StatefulSet */
	char set[POD_NAME_MAX], uid[POD_UID_MAX];
	struct buf told; /* how far it is, as it was told last */
};

/* --- what is wished ----------------------------------------------------------------------------------------------- */

static enum cli_status parse(struct cli *c, struct wish *wish)
{
	const char *to = c->options.to, *group = c->arg_count ? c->args[0] : "";
	struct error err;

	if (wish_read(group, wish, &err) < 0 || wish->pod[0] || wish->wall_ms)
		return cli_fail(c, CLI_USAGE, "switchover: \"%.20s\" is no group: a number from 1 on", group);
	if (to && (!*to || !wish_is_pod(to)))
		return cli_fail(c, CLI_USAGE, "switchover: --to \"%.64s\" is no name of a pod", to);
	text_copy(wish->pod, sizeof(wish->pod), to ? to : "");
	return CLI_OK;
}

/* The one that leads has to be there: what nobody hears now would be done at a time at which nobody expects it. */
static enum cli_status is_heard(struct cli *c, const char *product)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, c, &status);
	bool leads = controllers_cluster(answer, cli_namespace(c), product);

	controllers_end(&all);
	if (status != CLI_OK || leads)
		return status;
	return cli_fail(
		c, CLI_NOT_SO,
		"no codis-controller that leads tells of %s: nothing was asked of it; codisctl status tells more",
		product);
}

static const struct codis_shape *shape_at(const void *sets, int i)
{
	return &((const struct inventory_set *const *)sets)[i]->shape;
}

static enum cli_status find_set(struct cli *c, const struct known *k, struct asked *a, char wished[WISH_TEXT_MAX])
{
	const struct inventory_set **sets = NULL;
	int count = inventory_sets_of(k->inventory, cli_namespace(c), a->product, &sets);
	int at = count > 0 ? codis_set_of_group(a->wish.gid, count, shape_at, sets) : -1;
	const char *text = at < 0 ? NULL : json_str(sets[at]->annotations, CODIS_ANNOTATION_SWITCHOVER, NULL);
	enum cli_status status = CLI_OK;

	if (at < 0) {
		status = cli_fail(c, CLI_NOT_SO, "product %s in namespace %s has no codis-server StatefulSet%s",
				  a->product, cli_namespace(c), count < 0 ? " that there is memory for" : "");
	} else {
		text_copy(a->set, sizeof(a->set), sets[at]->name);
		text_copy(a->uid, sizeof(a->uid), sets[at]->uid);
		snprintf(a->path, sizeof(a->path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", sets[at]->namespace,
			 sets[at]->name);
		text_copy(wished, WISH_TEXT_MAX, text ? text : "");
	}
	free(sets);
	return status;
}

/* What stands there is the same wish, of whoever: it is waited for. One without a time cannot be told from others, and
 * becomes ours. */
static bool is_wished(const struct asked *a, const struct wish *there)
{
	return there->gid == a->wish.gid && (!a->wish.pod[0] || strcmp(a->wish.pod, there->pod) == 0);
}

/* CLI_OK: what stands there is waited for. CLI_WAITED: nothing does that counts, and ours is to be written. */
static enum cli_status weigh_there(struct cli *c, struct asked *a, const char *wished)
{
	struct error unused;
	struct wish there;
	bool is_any = *wished && wish_read(wished, &there, &unused) == 0;

	if (is_any && !is_wished(a, &there))
		return cli_fail(c, CLI_NOT_SO,
				"StatefulSet %s has another wish, %s=\"%s\": repeat this when that is done", a->set,
				CODIS_ANNOTATION_SWITCHOVER, wished);
	if (!is_any || !there.wall_ms)
		return CLI_WAITED;
	a->wish = there;
	buf_addf(&c->out, "StatefulSet %s: %s=\"%s\" is there already, and is waited for\n", a->set,
		 CODIS_ANNOTATION_SWITCHOVER, wished);
	cli_flush(c);
	return CLI_OK;
}

/* Where it still is as it was read: of two who wish at once one is told of the other's wish, and overwrites none. 0, or
 * -1 and *err (ERR_CONFLICT: look again). */
static int write_wish(struct cli *c, const struct asked *a, char wished[WISH_TEXT_MAX], const char *text,
		      struct error *err)
{
	JSON_CLEANUP cJSON *set = ask_get(c, a->path, 0, err);
	const char *there = json_str(set, "metadata", "annotations", CODIS_ANNOTATION_SWITCHOVER, NULL);
	char is[WISH_TEXT_MAX];

	if (!set)
		return -1;
	text_copy(is, sizeof(is), there ? there : "");
	if (strcmp(is, wished) == 0)
		return ask_annotate_over(c, a->path, a->uid, json_str(set, "metadata", "resourceVersion", NULL),
					 CODIS_ANNOTATION_SWITCHOVER, text, err);
	memcpy(wished, is, sizeof(is));
	return error_set(err, ERR_CONFLICT, "StatefulSet %s is written all the time", a->set);
}

static enum cli_status wish(struct cli *c, struct asked *a, char wished[WISH_TEXT_MAX])
{
	char text[WISH_TEXT_MAX];
	int64_t date_ms = kube_client_date_ms(c->kube);
	struct error err = ERROR_INIT;

	for (int tries = 0; tries < TRIES; tries++) {
		enum cli_status status = weigh_there(c, a, wished);

		if (status != CLI_WAITED)
			return status;
		/* whole seconds are what the API server says; the rest tells two wishes apart */
		a->wish.wall_ms = (date_ms ? date_ms : clock_wall_ms()) / 1000 * 1000 + clock_wall_ms() % 1000;
		wish_write(&a->wish, text);
		if (write_wish(c, a, wished, text, &err) == 0) {
			buf_addf(&c->out, "StatefulSet %s: %s=\"%s\"\n", a->set, CODIS_ANNOTATION_SWITCHOVER, text);
			cli_flush(c);
			return CLI_OK;
		}
		if (err.code != ERR_CONFLICT)
			break;
	}
	return cli_fail_call(c, &err);
}

/* --- what becomes of it ------------------------------------------------------------------------------------------- */

static void tell(struct cli *c, struct asked *a, const char *words)
{
	if (!*words || strcmp(a->told.data, words) == 0)
		return;
	buf_reset(&a->told);
	buf_addstr(&a->told, words);
	text_clean(&c->out, words, strlen(words));
	buf_addch(&c->out, '\n');
	cli_flush(c);
}

/* Nothing is chosen yet: what it waits for, as the one that leads says it. */
static void tell_waiting(struct cli *c, struct asked *a)
{
	BUF_CLEANUP struct buf words = BUF_INIT(1024);
	struct controllers all;
	enum cli_status status;
	const cJSON *answer = controllers_status(&all, c, &status);
	const cJSON *cluster = controllers_cluster(answer, cli_namespace(c), a->product);
	const char *waits = json_str(cluster, "switchover", "waits", NULL);

	if (!cluster)
		buf_addstr(&words, "codis-controller is waited for");
	else if (waits && *waits)
		buf_addf(&words, "group %d waits: %.200s", a->wish.gid, waits);
	if (words.len)
		tell(c, a, words.data);
	controllers_end(&all);
	buf_reset(&c->err); /* a look that failed is followed by the next one */
}

static enum cli_status say_answer(struct cli *c, const struct wish_answer *answer)
{
	if (answer->verdict == WISH_REFUSED || answer->verdict == WISH_FAILED)
		return cli_fail(c, CLI_NOT_SO, "%s%s",
				answer->verdict == WISH_REFUSED ? "refused, and nothing was done: " : "",
				answer->words);
	text_clean(&c->out, answer->words, strlen(answer->words));
	buf_addch(&c->out, '\n');
	return CLI_OK;
}

/* CLI_WAITED: it is not answered yet. */
static enum cli_status weigh(struct cli *c, struct asked *a, const cJSON *set)
{
	const char *switched = json_str(set, "metadata", "annotations", CODIS_ANNOTATION_SWITCHED, NULL);
	const char *wished = json_str(set, "metadata", "annotations", CODIS_ANNOTATION_SWITCHOVER, NULL);
	BUF_CLEANUP struct buf words = BUF_INIT(1024);
	struct wish_answer answer;
	struct wish there;
	struct error unused;

	if (switched && wish_answer_read(switched, &answer, &unused) == 0 && wish_is_same(&answer.wish, &a->wish))
		return say_answer(c, &answer);
	if (!wished || wish_read(wished, &there, &unused) < 0 || !wish_is_same(&there, &a->wish))
		return cli_fail(
			c, CLI_NOT_SO,
			"the wish was taken away, or another one was written over it: codisctl status shows who "
			"leads");
	if (there.begun) {
		buf_addf(&words, "%s is to lead group %d", there.pod, there.gid);
		tell(c, a, words.data);
	} else {
		tell_waiting(c, a);
	}
	return CLI_WAITED;
}

static enum cli_status look(struct cli *c, struct asked *a, struct error *err)
{
	JSON_CLEANUP cJSON *set = ask_get(c, a->path, 0, err);

	if (set)
		return weigh(c, a, set);
	if (err->code == ERR_NOTFOUND || err->code == ERR_DENIED)
		return cli_fail_call(c, err);
	return CLI_WAITED;
}

static enum cli_status wait_answer(struct cli *c, struct asked *a)
{
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;
	struct error err = ERROR_INIT;
	enum cli_status status;

	if (!c->options.wait_ms)
		return CLI_OK;
	for (;;) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		status = look(c, a, &err);
		if (status != CLI_WAITED)
			return status;
		if (next_ms >= end_ms)
			return cli_fail(c, CLI_WAITED,
					"no answer within %g s%s%s. What was written stands; this can be repeated",
					c->options.wait_ms / 1000.0, *a->told.data ? ": " : "", a->told.data);
		ask_wait(c, next_ms, NULL, NULL);
	}
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static enum cli_status ask_for_it(struct cli *c, struct asked *a)
{
	char wished[WISH_TEXT_MAX] = "";
	struct known k;
	enum cli_status status = known_of(&k, c, c->options.product, a->product);

	if (status == CLI_OK)
		status = find_set(c, &k, a, wished);
	known_end(&k);
	if (status == CLI_OK)
		status = is_heard(c, a->product);
	if (status == CLI_OK)
		status = wish(c, a, wished);
	return status == CLI_OK ? wait_answer(c, a) : status;
}

enum cli_status switchover_run(struct cli *c)
{
	struct asked a = { .told = BUF_INIT(1024) };
	enum cli_status status = parse(c, &a.wish);

	buf_addstr(&a.told, "");
	if (status == CLI_OK)
		status = ask_for_it(c, &a);
	buf_release(&a.told);
	return status;
}
