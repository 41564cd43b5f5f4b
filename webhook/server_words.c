#include "webhook/server_words.h"

#include <string.h>

#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/pod.h"
#include "common/codis/shell.h"
#include "common/kube/admission.h"
#include "webhook/settings.h"

static bool has(const struct cmdline *c, const struct cmdline_start *s, const char *flag)
{
	return cmdline_flag(c, s, flag, NULL) >= 0;
}

/* --- what ends it ------------------------------------------------------------------------------------------------- */

/* "--port=7000" is a setting of the name "port=7000" to Redis. */
static void warn_of_equals(const struct cmdline_start *s, struct admission_verdict *v)
{
	for (int i = 0; i < s->count; i++) {
		const struct shell_word *w = &s->words[i];
		size_t name = 0;

		if (!cmdline_is_flag(w) || !memchr(w->text, '=', w->len))
			continue;
		while (!strchr("= \"'", w->text[name]))
			name++;
		if (w->text[name] != '=')
			continue;
		admission_warn(v, "write %.*s and its value as two words: Redis knows no =, and ends at it",
			       (int)(name < 40 ? name : 40), w->text);
		return;
	}
}

/* In a shell's text something else may stay in the foreground. */
static void warn_of_background(const struct cmdline *c, const struct cmdline_start *s, struct admission_verdict *v)
{
	if (c->kind == CMDLINE_WORDS && cmdline_flag_is(c, s, "--daemonize", "yes"))
		admission_warn(v, "write --daemonize no: from the background it ends its container, again and again");
}

/* --- whom nobody can lead ----------------------------------------------------------------------------------------- */

static bool is_loopback(const struct cmdline *c, const struct cmdline_start *s, int index)
{
	static const char *const all[] = { "127.0.0.1", "localhost", "::1" };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (cmdline_word_is(c, s, index, all[i]))
			return true;
	}
	return false;
}

static bool is_bound_to_loopback(const struct cmdline *c, const struct cmdline_start *s)
{
	int first = cmdline_flag(c, s, "--bind", NULL) + 1, i = first,
	    end = first > s->count ? s->count + s->handed : s->count;

	while (i > 0 && i < end && !cmdline_is_flag(&s->words[i]) && is_loopback(c, s, i))
		i++;
	return i > first && (i == end || cmdline_is_flag(&s->words[i]));
}

/* Redis answers others than its own host only when it is bound, has a password, or is told to. It is guarded all the
 * same: so it is seen that it never gets ready. */
static bool is_protected(const struct cmdline *c, const struct cmdline_start *s)
{
	return settings_all_known(c, s) && !has(c, s, "--bind") && !cmdline_flag_is(c, s, "--protected-mode", "no") &&
	       (!has(c, s, "--requirepass") || cmdline_flag_is(c, s, "--requirepass", ""));
}

/* Roles are given by it. */
static bool is_slaveof_renamed(const struct cmdline *c, const struct cmdline_start *s)
{
	for (int i = 0; i < s->count + s->handed; i++) {
		if (cmdline_word_is(c, s, i, "--rename-command") &&
		    (cmdline_word_is(c, s, i + 1, "SLAVEOF") || cmdline_word_is(c, s, i + 1, "slaveof")))
			return true;
	}
	return false;
}

bool server_words_check(const struct cmdline *c, struct admission_verdict *v)
{
	bool led = true;

	for (int i = 0; i < c->count; i++) {
		const struct cmdline_start *s = &c->starts[i];

		warn_of_equals(s, v);
		warn_of_background(c, s, v);
		if (cmdline_flag_is(c, s, "--cluster-enabled", "yes")) {
			admission_warn(v,
				       "drop --cluster-enabled: such a server follows nobody, and ends at a guard; so "
				       "it gets none");
			led = false;
		} else if (is_bound_to_loopback(c, s)) {
			admission_warn(v,
				       "write --bind 0.0.0.0: at 127.0.0.1 neither proxies nor codis-controller reach "
				       "it, so no guard");
			led = false;
		} else if (is_slaveof_renamed(c, s)) {
			admission_warn(v, "leave SLAVEOF its name: codis-controller gives roles by it, so no guard");
			led = false;
		} else if (is_protected(c, s)) {
			admission_warn(v, "add --protected-mode no: without it, --bind or a password it answers nobody "
					  "elsewhere");
		}
	}
	return led;
}

/* --- who gives roles ---------------------------------------------------------------------------------------------- */

typedef char *find_text(const char *in, const char *text);

/* Looks for it behind anything but a "-": "--slaveof" is the server's own. */
static const char *find_own(const char *word, const char *from, find_text *find, const char *text)
{
	const char *at = find(from, text);

	while (at && at != word && at[-1] == '-')
		at = find(at + 1, text);
	return at;
}

static bool has_text(const cJSON *words, find_text *find, const char *text)
{
	const cJSON *word;

	cJSON_ArrayForEach(word, words) {
		const char *in = json_text_of(word), *at = in ? find_own(in, in, find, text) : NULL;

		for (size_t comment; at && (comment = shell_comment(in, at)) > 0;)
			at = find_own(in, at + comment, find, text);
		if (at)
			return true;
	}
	return false;
}

/* A container's words, of its command and args or of a hook. */
struct spoken {
	const char *name, *where;
	const cJSON *words, *more;
};

static bool says(const struct spoken *spoken, const char *text)
{
	return has_text(spoken->words, strstr, text) || has_text(spoken->more, strstr, text);
}

/* A command of Redis, which may be written in capitals. */
static bool says_command(const struct spoken *spoken, const char *name)
{
	return has_text(spoken->words, strcasestr, name) || has_text(spoken->more, strcasestr, name);
}

static void warn_of_role(const struct spoken *spoken, struct admission_verdict *v)
{
	if (says(spoken, "redis-cli") && (says_command(spoken, "slaveof") || says_command(spoken, "replicaof")))
		admission_warn(
			v, "drop slaveof from %s of %.30s: after a restart an empty server would serve, or be copied",
			spoken->where, spoken->name);
}

/* Of codis-admin, which a server without a role refuses, and one that has been joined already does as well. */
static const char *const steps[] = { "--group-add", "--sync-action", "--promote-server" };

#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Which of the first ones stands here; if none, how many these are. */
static size_t step_at(const char *at, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (at[2] == steps[i][2] && strncmp(at, steps[i], strlen(steps[i])) == 0)
			return i;
	}
	return count;
}

/* The first of the steps that the words have; STEPS: none. All are looked for at once, by what they begin with. */
static size_t find_step(const cJSON *words)
{
	size_t found = STEPS;
	const cJSON *word;

	cJSON_ArrayForEach(word, words) {
		const char *in = json_text_of(word), *at = in ? find_own(in, in, strstr, "--") : NULL;

		for (size_t comment; at; at = find_own(in, at + (comment ? comment : 2), strstr, "--")) {
			size_t step = step_at(at, found);

			comment = step < found ? shell_comment(in, at) : 0;
			if (!comment)
				found = step;
		}
	}
	return found;
}

static void warn_of_step(const struct spoken *spoken, struct admission_verdict *v)
{
	size_t step = find_step(spoken->words), more = find_step(spoken->more);

	if (more < step)
		step = more;
	if (step < STEPS)
		admission_warn(v,
			       "drop %s from %s of %.30s: codis-controller does it, and to a guarded server it fails",
			       steps[step], spoken->where, spoken->name);
}

static void warn_of_sentinel(const cJSON *container, const char *name, struct admission_verdict *v)
{
	if (codis_is_sentinel(container))
		admission_warn(v,
			       "drop container %.30s: a sentinel gives roles beside codis-controller, and they fight",
			       name);
}

void server_words_warn_of_roles(const cJSON *pod_spec, const cJSON *server, bool guarded, struct admission_verdict *v)
{
	static const char *const lists[] = { "containers", "initContainers" };
	const cJSON *c;

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		json_each(c, json_get(pod_spec, lists[i], NULL)) {
			const char *name = json_str(c, "name", NULL);
			struct spoken command = { name ? name : "", "the command", json_get(c, "command", NULL),
						  json_get(c, "args", NULL) };
			struct spoken hook = { command.name, "postStart",
					       json_get(c, "lifecycle", "postStart", "exec", "command", NULL), NULL };

			warn_of_role(&command, v);
			warn_of_role(&hook, v);
			if (c != server)
				warn_of_sentinel(c, command.name, v);
			if (guarded)
				warn_of_step(&command, v);
		}
	}
}
