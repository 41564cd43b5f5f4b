#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/controllers.h"
#include "cli/logs_read.h"
#include "cli/logs_show.h"
#include "cli/parts.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/pod.h"

#define HELD_MAX      (64u << 20) /* of what is read at once */
#define HELD_LIVE_MAX (1u << 20)  /* of what is followed */
#define TICK_MS       250
#define LOOK_MS       1000 /* for pods that have come or gone */
#define LOOK_LIMIT_MS 3000
/* A line that is followed waits for so long for an older one of another pod. */
#define SETTLE_MS 300
#define NOT_BEGUN 400 /* the status of a container that waits to start */

const struct opt logs_options[] = {
	{ "all-namespaces", NULL, OPT_BOOL, offsetof(struct cli_options, all), .letter = 'A',
	  .help = "of products in all namespaces" },
	{ "all", NULL, OPT_BOOL, offsetof(struct cli_options, every),
	  .help = "every line, also those about no product" },
	{ "follow", NULL, OPT_BOOL, offsetof(struct cli_options, follow), .letter = 'f',
	  .help = "go on with what is said from now on, also by controllers that come" },
	{ "since", NULL, OPT_DURATION_S, offsetof(struct cli_options, since_s), .arg = "TIME", .min = 1,
	  .max = 365 * 86400, .help = "only what is not older: 5m, 2h; default: as far back as the logs go" },
	{ "tail", NULL, OPT_INT, offsetof(struct cli_options, tail), .def = "-1", .arg = "N", .min = -1, .max = 1000000,
	  .help = "only the last N lines of all; -1: all" },
	{ "previous", NULL, OPT_BOOL, offsetof(struct cli_options, previous),
	  .help = "only of the containers before those that run; without, both are shown" },
	{ "output", NULL, OPT_CHOICE, offsetof(struct cli_options, output), .def = "text", .choices = "text|json",
	  .letter = 'o', .help = "json: an object in each line" },
	OPT_END
};

struct reading {
	struct logs logs;
	struct ask look; /* for pods, while it follows */
	int64_t look_ms; /* when it is due */
	bool looking, lost;
	unsigned long left_out; /* lines that there was no room for */
};

/* --- pods --------------------------------------------------------------------------------------------------------- */

/* A pod of codis-controller as its logs are asked for. */
struct teller {
	const char *pod, *node, *container;
	int restarts;
	bool ready;
	int64_t made_ms; /* wall time; 0: it does not say */
};

static const cJSON *named(const cJSON *list, const char *name)
{
	const cJSON *item;

	json_each(item, list) {
		const char *its = json_str(item, "name", NULL);

		if (its && strcmp(its, name) == 0)
			return item;
	}
	return NULL;
}

static bool is_ready(const cJSON *pod)
{
	const char *status = json_str(codis_condition(pod, "Ready"), "status", NULL);

	return !status || strcmp(status, "True") == 0;
}

/* False: it says nothing that a log could be asked for by. */
static bool teller_of(const cJSON *pod, struct teller *t)
{
	const cJSON *containers = json_get(pod, "spec", "containers", NULL), *own = named(containers, "controller");
	const char *node = json_str(pod, "spec", "nodeName", NULL);
	const char *made = json_str(pod, "metadata", "creationTimestamp", NULL);

	t->pod = json_str(pod, "metadata", "name", NULL);
	t->container = json_str(own ? own : json_first(containers), "name", NULL);
	t->node = node ? node : "";
	if (!t->pod || !t->container || !*t->node)
		return false;
	t->restarts = (int)json_int(0, named(json_get(pod, "status", "containerStatuses", NULL), t->container),
				    "restartCount", NULL);
	t->ready = is_ready(pod);
	if (!made || clock_parse_rfc3339(made, &t->made_ms, NULL) < 0)
		t->made_ms = 0;
	return true;
}

static struct logs_source *source_of(const struct logs *l, const char *pod)
{
	for (int i = 0; i < l->count; i++) {
		if (!l->sources[i]->previous && strcmp(l->sources[i]->pod, pod) == 0)
			return l->sources[i];
	}
	return NULL;
}

static struct logs_source *add(struct logs *l, const struct teller *t, bool previous)
{
	struct logs_source *s = logs_add(l, t->pod, t->node, t->container, previous);

	if (s)
		s->restarts = t->restarts;
	else
		cli_fail(l->cli, CLI_NOT_SO, "%s: too many pods, or no memory: its log is missing", t->pod);
	return s;
}

static enum cli_status fail_denied(struct cli *c, const struct error *err)
{
	cli_fail_call(c, err);
	return cli_fail(c, CLI_NO_CLUSTER,
			"logs needs list of pods and get of pods/log in namespace %s; without them: kubectl get events "
			"-n %s says what was done to each pod and why, and codisctl status what is wrong",
			c->options.system, cli_namespace(c));
}

/* What is asked for may have been said by one that is gone. */
static void say_younger(struct cli *c, const cJSON *pods)
{
	struct teller t, youngest = { .made_ms = clock_wall_ms() - INT64_C(1000) * c->options.since_s };
	const cJSON *pod;
	char at[32];

	json_each(pod, pods) {
		if (c->options.since_s && teller_of(pod, &t) && t.made_ms > youngest.made_ms)
			youngest = t;
	}
	if (youngest.pod)
		cli_fail(c, CLI_OK,
			 "%s was made at %.19sZ, and a log goes with its pod: what another one did before that is in "
			 "codisctl history",
			 youngest.pod, clock_rfc3339(youngest.made_ms, at, sizeof(at)));
}

/* Which there are. CLI_OK, or the status, and why is said. */
static enum cli_status find(struct logs *l, bool previous)
{
	struct cli *c = l->cli;
	struct error err = ERROR_INIT;
	char path[ASK_PATH_MAX];
	JSON_CLEANUP cJSON *pods = ask_get(c, controllers_path(c, path, sizeof(path)), 0, &err);
	const cJSON *pod;
	struct teller t;

	if (!pods)
		return err.code == ERR_DENIED && err.status != 401 ? fail_denied(c, &err) : cli_fail_call(c, &err);
	json_each(pod, json_get(pods, "items", NULL)) {
		struct logs_source *s;

		if (!teller_of(pod, &t))
			continue;
		s = previous || t.restarts ? add(l, &t, true) : NULL;
		if (s)
			s->asked = previous;
		if (!previous)
			add(l, &t, false);
	}
	say_younger(c, json_get(pods, "items", NULL));
	return l->count ? CLI_OK
			: cli_fail(c, CLI_NOT_SO, "no codis-controller is there (namespace %s): nobody fails over",
				   c->options.system);
}

/* --- what there is ------------------------------------------------------------------------------------------------ */

static bool is_json(const struct cli *c)
{
	return strcmp(c->options.output, "json") == 0;
}

static void drop_oldest(struct logs *l)
{
	struct reading *r = (struct reading *)l; /* its first member */
	struct logs_source *whose;

	if (logs_first(l, &whose)) {
		logs_drop(whose);
		r->left_out++;
	}
}

static void show_first(struct logs *l)
{
	struct logs_source *whose;
	const struct logs_line *line = logs_first(l, &whose);

	if (!line)
		return;
	logs_show(l->cli, whose, line, is_json(l->cli));
	logs_drop(whose);
}

/* All but the last N of all of them. */
static void show_read(struct logs *l)
{
	struct logs_source *whose;
	int over = 0;

	for (int i = 0; i < l->count; i++)
		over += l->sources[i]->count;
	for (over -= l->tail; l->tail >= 0 && over > 0 && logs_first(l, &whose); over--)
		logs_drop(whose);
	while (logs_first(l, &whose)) {
		show_first(l);
		if (l->cli->out.len > HELD_LIVE_MAX)
			cli_flush(l->cli);
	}
}

/* Of the container before there may be none. */
static bool is_missing(const struct logs_source *s)
{
	return s->err.code && !(s->previous && !s->asked && s->err.code != ERR_TIMEOUT);
}

/* CLI_NO_CLUSTER where it is for us that it may not be read. */
static enum cli_status say_one_missing(struct logs_source *s)
{
	struct cli *c = s->logs->cli;

	s->missed = true;
	if (s->err.code == ERR_DENIED && s->err.status != 401)
		return fail_denied(c, &s->err);
	return cli_fail(c, CLI_NOT_SO, "%s on %s: its log is missing%s: %s", s->pod, s->node,
			s->last_ns ? " from here on" : "",
			s->err.code == ERR_TIMEOUT ? "it does not answer" : s->err.text);
}

/* CLI_OK, or the status where a log is missing, which is said. */
static enum cli_status say_missing(struct logs *l)
{
	enum cli_status status = CLI_OK;

	for (int i = 0; i < l->count && status != CLI_NO_CLUSTER; i++) {
		if (is_missing(l->sources[i]))
			status = say_one_missing(l->sources[i]);
	}
	return status;
}

static enum cli_status read_all(struct reading *r)
{
	struct logs *l = &r->logs;
	enum cli_status status;

	for (int i = 0; i < l->count; i++)
		logs_begin(l->sources[i], false);
	ask_wait(l->cli, INT64_MAX, logs_ended, l);
	show_read(l);
	status = say_missing(l);
	if (r->left_out)
		status = cli_fail(l->cli, CLI_NOT_SO,
				  "there are over %u MB: the oldest %lu lines are left out; --since or --tail",
				  HELD_MAX >> 20, r->left_out);
	return status;
}

/* --- what is said from now on ------------------------------------------------------------------------------------- */

/* Its container was replaced: what the one before it said last is read first, where that has not come yet. */
static void take_restart(struct logs_source *s, const struct teller *t)
{
	struct logs_source *before = add(s->logs, t, true);

	s->restarts = t->restarts;
	if (!before)
		return;
	before->last_ns = s->last_ns;
	before->last_count = s->last_count;
	logs_begin(before, false);
}

static void take_pod(struct logs *l, const struct teller *t)
{
	struct logs_source *s = source_of(l, t->pod);

	if (!s) {
		cli_fail(l->cli, CLI_OK, "%s on %s has come", t->pod, t->node);
		s = add(l, t, false);
	}
	if (!s)
		return;
	s->gone = 0;
	if (!t->ready && !s->dull)
		cli_fail(l->cli, CLI_OK, "%s on %s is not ready: what it says may be missing", t->pod, t->node);
	s->dull = !t->ready;
	if (t->restarts > s->restarts)
		take_restart(s, t);
	if (s->call)
		return;
	if (s->err.code && !s->missed && s->err.status != NOT_BEGUN)
		say_one_missing(s);
	logs_begin(s, true);
}

/* What a pod has said last may come after it has gone: it has a look's time for that. */
static void forget_gone(struct logs *l)
{
	for (int i = l->count - 1; i >= 0; i--) {
		struct logs_source *s = l->sources[i];

		if (s->previous ? s->call || s->count : ++s->gone < 3 || s->count)
			continue;
		if (!s->previous)
			cli_fail(l->cli, CLI_OK, "%s on %s is gone", s->pod, s->node);
		logs_remove(l, i);
	}
}

/* Whoever cannot be looked for is not heard either, and nothing would say so: all is read again from where it was. Said
 * once, until there is an answer again. */
static void take_failure(struct reading *r)
{
	struct cli *c = r->logs.cli;
	size_t said;

	for (int i = 0; i < r->logs.count; i++)
		logs_end(r->logs.sources[i]);
	if (!r->lost)
		cli_fail_call(c, &r->look.err);
	said = c->err.len;
	cli_connect(c); /* a credential may have ended */
	if (r->lost && c->err.len > said)
		c->err.data[c->err.len = said] = '\0';
	r->lost = true;
}

static void take_look(struct reading *r)
{
	const cJSON *pod;
	struct teller t;

	r->looking = false;
	r->look_ms = clock_mono_ms() + LOOK_MS;
	if (r->look.answer) {
		r->lost = false;
		json_each(pod, json_get(r->look.answer, "items", NULL)) {
			if (teller_of(pod, &t))
				take_pod(&r->logs, &t);
		}
		forget_gone(&r->logs);
	} else {
		take_failure(r);
	}
	ask_end(&r->look);
}

static void look(struct reading *r)
{
	struct cli *c = r->logs.cli;

	if (r->looking && r->look.ended)
		take_look(r);
	if (r->looking || clock_mono_ms() < r->look_ms)
		return;
	r->look = (struct ask){ .timeout_ms = LOOK_LIMIT_MS };
	controllers_path(c, r->look.path, sizeof(r->look.path));
	r->looking = true;
	ask_begin(c, &r->look);
}

/* Those for which no older one can come any more. */
static void show_settled(struct logs *l)
{
	int64_t now_ms = clock_mono_ms();
	struct logs_source *whose;
	const struct logs_line *line;

	while ((line = logs_first(l, &whose)) && now_ms - line->arrived_ms >= SETTLE_MS)
		show_first(l);
}

static void show_over(struct logs *l)
{
	show_first(l);
	if (l->cli->out.len > HELD_LIVE_MAX)
		cli_flush(l->cli);
}

static enum cli_status follow(struct reading *r)
{
	struct logs *l = &r->logs;
	struct cli *c = l->cli;

	l->tail = -1;
	l->held_max = HELD_LIVE_MAX;
	l->on_full = show_over;
	while (!c->out.failed && !cli_is_unread(c)) {
		look(r);
		ask_wait(c, clock_mono_ms() + TICK_MS, NULL, NULL);
		show_settled(l);
		cli_flush(c);
	}
	ask_end(&r->look);
	return CLI_NOT_SO;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

enum cli_status logs_run(struct cli *c)
{
	struct reading r = { .logs = { .cli = c,
				       .every = c->options.every,
				       .product = c->arg_count ? c->args[0] : NULL,
				       .since_s = c->options.since_s,
				       .tail = c->options.tail,
				       .held_max = HELD_MAX,
				       .on_full = drop_oldest } };
	enum cli_status status;

	if (c->options.follow && c->options.previous)
		return cli_fail(c, CLI_USAGE,
				"logs: --previous says nothing any more, so there is nothing to --follow");
	status = cli_connect_once(c);
	if (status != CLI_OK)
		return status;
	r.logs.namespace = c->options.all ? NULL : cli_namespace(c);
	status = find(&r.logs, c->options.previous);
	if (status == CLI_OK)
		status = read_all(&r);
	cli_flush(c);
	if (c->options.follow && status != CLI_NO_CLUSTER && r.logs.count)
		status = follow(&r);
	logs_release(&r.logs);
	return status;
}
