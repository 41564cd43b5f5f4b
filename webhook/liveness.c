#include "webhook/liveness.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/shell.h"
#include "webhook/mutation.h"

/* Of a command; what is behind it is not looked at. */
#define TEXT_MAX     8192
#define QUESTION_MAX 24
/* Kubernetes' own. */
#define PERIOD_S   10
#define THRESHOLD  3
#define PATIENCE_S (PERIOD_S * THRESHOLD / 2) /* less is little */

/* --- what it asks ------------------------------------------------------------------------------------------------- */

/* The words of the probe in one text, with blanks between, as a shell's text has them anyway. */
static const char *text_of(const cJSON *probe, struct buf *out)
{
	const cJSON *word;

	json_each(word, json_get(probe, "exec", "command", NULL)) {
		if (cJSON_IsString(word))
			buf_addf(out, "%s ", word->valuestring);
	}
	return out->len ? out->data : "";
}

struct question {
	char word[QUESTION_MAX];
	bool exits; /* by -e: redis-cli fails where the answer is an error; else it succeeds (3.2 and 7.0 were tried) */
};

#define ENDS " \t\n'\"`;|&)<>"

/* Of redis-cli, and of what is said to it by these; its other flags have none. */
static bool takes_value(const char *flag, size_t len)
{
	static const char *const flags[] = { "-h", "-p", "-s", "-a", "-u", "-r", "-i", "-n", "-t", "--user", "--pass" };

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		if (strlen(flags[i]) == len && strncmp(flag, flags[i], len) == 0)
			return true;
	}
	return false;
}

/* The first word that is no flag's: "" where it is asked by its standard input. */
static void read_question(const char *at, struct question *q)
{
	bool value = false;

	*q = (struct question){ .exits = false };
	for (;;) {
		size_t len;

		at += strspn(at, " \t'\"");
		len = strcspn(at, ENDS);
		if (!len)
			return;
		if (!value && *at != '-') {
			snprintf(q->word, QUESTION_MAX, "%.*s", (int)(len < QUESTION_MAX ? len : QUESTION_MAX), at);
			break;
		}
		q->exits = q->exits || (!value && len == 2 && strncmp(at, "-e", 2) == 0);
		value = !value && takes_value(at, len);
		at += len;
	}
	for (char *c = q->word; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

/* Whether what is told decides: it goes to another program, or into a comparison. */
static bool is_looked_at(const char *text, const char *at)
{
	for (const char *p = at; *p && !strchr(";&\n", *p); p++) {
		if (*p == '|')
			return p[1] != '|';
	}
	for (const char *p = at; p > text && p[-1] != ')'; p--) {
		if (p[-1] == '`' || (p[-1] == '(' && p - text > 1 && p[-2] == '$'))
			return true;
	}
	return false;
}

/* What a server answers while it loads and while it has no role (Redis 3.2, flags l and t). */
static bool is_always_answered(const char *word)
{
	static const char *const words[] = { "info", "role", "config", "auth", "command" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/* A role that it gets later, or may lose, where INFO is looked through for it. */
static const char *find_role(const char *text)
{
	static const char *const roles[] = { "role:master", "role:slave", "master_link_status:up" };

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		if (strstr(text, roles[i]))
			return roles[i];
	}
	return NULL;
}

/* Whether the question fails of a server that lives. */
static bool fails_of_server(const char *text, struct question *q, bool looked_at)
{
	const char *role = looked_at ? find_role(text) : NULL;

	if (!is_always_answered(q->word))
		return true;
	if (role)
		snprintf(q->word, QUESTION_MAX, "%s", role);
	return role != NULL;
}

/* The question by which the probe fails of something that lives; false: none is seen. Who looks for LOADING knows. */
static bool find_failing(const char *text, bool server, struct question *q)
{
	if (shell_find(text, "LOADING"))
		return false;
	for (const char *at = text; (at = strstr(at, "redis-cli"));) {
		size_t comment;
		bool looked_at;

		at += strlen("redis-cli");
		if (!strchr(ENDS, *at))
			continue;
		read_question(at, q);
		looked_at = strcmp(q->word, "ping") != 0 && is_looked_at(text, at);
		if (!q->word[0] || (!q->exits && !looked_at) || (server && !fails_of_server(text, q, looked_at)))
			continue;
		comment = shell_comment(text, at);
		if (!comment)
			return true;
		at += comment;
	}
	snprintf(q->word, QUESTION_MAX, "ping");
	return strcasestr(text, "ping") && shell_find(text, "PONG");
}

static void warn_of_question(struct mutation *m, const char *probe, bool starting, const char *text)
{
	bool server = m->known.component == CODIS_SERVER;
	struct question q;
	const char *when;

	if (!find_failing(text, server, &q))
		return;
	if (server && starting && strcmp(q.word, "ping") == 0) /* it may wait while it loads */
		return;
	if (!server)
		when = "until the dashboard has taken it in";
	else if (m->guarded && strcmp(q.word, "ping") != 0)
		when = "while it loads or has no role";
	else
		when = "while it loads";
	admission_warn(m->verdict, "ask by tcpSocket in %s: \"%s\" fails %s, and ends it", probe, q.word, when);
}

/* --- how long it waits -------------------------------------------------------------------------------------------- */

/* A server is busy for seconds while it moves a large key, or runs KEYS or a script, and has its data in memory alone.
 * A tcpSocket is accepted by the kernel meanwhile. */
static void warn_of_patience(struct mutation *m, const cJSON *probe, const char *text)
{
	int64_t period = json_int(PERIOD_S, probe, "periodSeconds", NULL);
	int64_t threshold = json_int(THRESHOLD, probe, "failureThreshold", NULL);

	if (m->known.component != CODIS_SERVER || !strstr(text, "redis-cli") || period < 1 || threshold < 1 ||
	    period >= PATIENCE_S || threshold >= PATIENCE_S || period * threshold >= PATIENCE_S)
		return;
	admission_warn(
		m->verdict,
		"raise failureThreshold of livenessProbe to %d: a server that is busy for %d s is ended, with its "
		"data",
		(int)((PATIENCE_S + period - 1) / period), (int)(period * threshold));
}

void liveness_warn(struct mutation *m, const cJSON *container)
{
	static const char *const names[] = { "livenessProbe", "startupProbe" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char room[TEXT_MAX];
		struct buf words = BUF_IN(room);
		const cJSON *probe = json_get(container, names[i], NULL);
		const char *text = text_of(probe, &words);

		if (!*text)
			continue;
		warn_of_question(m, names[i], i == 1, text);
		if (i == 0)
			warn_of_patience(m, probe, text);
	}
}
