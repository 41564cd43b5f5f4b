#include "webhook/article.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/shell.h"

struct article {
	enum codis_component component;
	const char *which;
	const char *step;
	const char *warning;
};

static const struct article articles[] = {
	{ CODIS_SERVER, "postStart", "--group-add",
	  "drop the article's postStart, which is replaced: it ends a server that has no role yet" },
	{ CODIS_SERVER, "preStop", "--group-del",
	  "drop the article's preStop, which is replaced: it takes a master from its group before the switch" },
	{ CODIS_PROXY, "preStop", "--remove-proxy",
	  "drop the article's preStop, which is replaced: it stops a proxy that still gets clients" },
	{ CODIS_DASHBOARD, "postStart", "--dashboard-list",
	  "drop the article's postStart, which is left out: it ends the dashboard when ZooKeeper does not answer yet" },
	{ CODIS_DASHBOARD, "preStop", "dashboard.pid",
	  "drop the article's preStop, which is replaced: a stray quote behind its shell makes it fail each time" },
};

#define ARTICLES (sizeof(articles) / sizeof(articles[0]))

static const struct article *find_article(enum codis_component component, const char *which)
{
	for (size_t i = 0; i < ARTICLES; i++) {
		if (articles[i].component == component && strcmp(articles[i].which, which) == 0)
			return &articles[i];
	}
	return NULL;
}

/* Also where the shell's name is spoilt, as in the article's ("/bin/sh'"). */
const char *article_text(const cJSON *handler)
{
	const cJSON *words = json_get(handler, "exec", "command", NULL);
	const char *text = cmdline_shell_text(words), *flag = cJSON_GetStringValue(cJSON_GetArrayItem(words, 1));

	if (!text && flag && strcmp(flag, "-c") == 0)
		text = cJSON_GetStringValue(cJSON_GetArrayItem(words, 2));
	return text;
}

/* --- its steps ---------------------------------------------------------------------------------------------------- */

#define WORD_MAX 256

static bool word_is(const struct shell_command *command, int i, const char *text)
{
	const struct shell_word *w = &command->words[i];

	return w->len == strlen(text) && memcmp(w->text, text, w->len) == 0;
}

/* The program without its path and quotes; "$admin", "${CODIS_ADMIN}": codis-admin, as the article has it. */
static void program_of(const struct shell_command *command, char out[WORD_MAX])
{
	struct shell_word w = command->words[shell_program(command)];
	const char *slash;

	snprintf(out, WORD_MAX, "%.*s", (int)(w.len < WORD_MAX ? w.len : WORD_MAX - 1), w.text);
	for (char *from = out, *to = out;; from++) {
		if (*from != '"' && *from != '\'')
			*to++ = *from;
		if (!*from)
			break;
	}
	slash = strrchr(out, '/');
	if (out[0] == '$' && strcasestr(out, "admin"))
		snprintf(out, WORD_MAX, "codis-admin");
	else if (slash)
		memmove(out, slash + 1, strlen(slash));
}

/* Of programs that change things, too. */
static bool has_option(const struct shell_command *command, char option)
{
	for (int i = 0; i < command->count; i++) {
		const struct shell_word *w = &command->words[i];

		if (w->len > 1 && w->text[0] == '-' && w->text[1] != '-' && memchr(w->text, option, w->len))
			return true;
	}
	return false;
}

/* redis-cli changes things, too. */
static bool only_asks(const struct shell_command *command)
{
	for (int i = 0; i < command->count; i++) {
		if (word_is(command, i, "ping") || word_is(command, i, "PING") || word_is(command, i, "info") ||
		    word_is(command, i, "INFO"))
			return true;
	}
	return false;
}

static bool is_article_step(const char *program)
{
	static const char *const steps[] = { "codis-admin", "exit",     "[",    "[[",    "test",   "sleep",
					     "expr",        "hostname", "awk",  "true",  "false",  ":",
					     "echo",        "fi",       "done", "kill",  "ps",     "cat",
					     "set",         "grep",     "cut",  "head",  "tail",   "printf",
					     "date",        "seq",      "}",    "break", "export", "tr",
					     "nslookup",    "getent",   "host", "dig",   "ping",   "wc",
					     "basename",    "pgrep",    "ls",   "local", "return", "wait" };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(program, steps[i]) == 0)
			return true;
	}
	return false;
}

static int find_other_step(void *ctx, const struct shell_command *command)
{
	char program[WORD_MAX];

	(void)ctx;
	if (shell_program(command) == command->count)
		return 0;
	program_of(command, program);
	if (strcmp(program, "redis-cli") == 0)
		return only_asks(command) ? 0 : 1;
	if (strcmp(program, "sed") == 0)
		return has_option(command, 'i') ? 1 : 0;
	if (strcmp(program, "nc") == 0)
		return has_option(command, 'z') ? 0 : 1;
	if (strcmp(program, "exec") == 0) /* of its output */
		return shell_program(command) + 1 == command->count ? 0 : 1;
	return is_article_step(program) ? 0 : 1;
}

const char *article_warning(enum codis_component component, const char *which, const cJSON *hook)
{
	const struct article *a = find_article(component, which);
	const char *text = article_text(hook);

	return a && text && shell_find(text, a->step) && shell_each(text, find_other_step, NULL, NULL) == 0 ? a->warning
													    : NULL;
}

/* --- how it ends -------------------------------------------------------------------------------------------------- */

#define BLOCKS_MAX 16

/* An "if" or "{" that is not closed yet. */
struct block {
	bool is_behind_and;
	bool has_failing_branch; /* whose last command may fail */
};

/* What can make a text fail, or never end, whatever its last command says. */
struct ending {
	const char *text, *end; /* behind the last command */
	bool may_fail;
	bool last_is_well; /* the last command always succeeds, and is not behind && */
	int depth;
	struct block blocks[BLOCKS_MAX];
};

static bool is_behind_and(const char *start, const struct shell_command *command)
{
	const char *p = command->words[0].text;

	while (p > start && strchr(" \t\n", p[-1]))
		p--;
	return p - start >= 2 && p[-1] == '&' && p[-2] == '&';
}

static void open_block(struct ending *s, bool behind_and)
{
	if (s->depth < BLOCKS_MAX)
		s->blocks[s->depth++] = (struct block){ .is_behind_and = behind_and };
	else
		s->may_fail = true;
}

/* Its last command is that of its last branch; the other ones end as well. */
static void close_block(struct ending *s)
{
	if (s->depth > 0) {
		const struct block *b = &s->blocks[--s->depth];

		s->last_is_well = s->last_is_well && !b->is_behind_and && !b->has_failing_branch;
	}
}

/* The word at n, in front of the program. */
static void look_at_reserved(struct ending *s, const struct shell_command *command, int n)
{
	if (word_is(command, n, "until") || word_is(command, n, "while"))
		s->may_fail = true;
	else if (word_is(command, n, "if") || word_is(command, n, "{"))
		open_block(s, n == 0 && is_behind_and(s->text, command));
	else if ((word_is(command, n, "else") || word_is(command, n, "elif")) && s->depth > 0 && !s->last_is_well)
		s->blocks[s->depth - 1].has_failing_branch = true;
}

static bool is_errexit(const struct shell_command *command, int i)
{
	const struct shell_word *w = &command->words[i];

	return word_is(command, i, "errexit") || (w->text[0] == '-' && memchr(w->text, 'e', w->len));
}

/* What ends the text there, or may: by another status, at the next failure, or since nobody knows what it runs. */
static bool may_end_it(const struct shell_command *command, int i)
{
	static const char *const words[] = { "eval", ".", "source", "trap" };
	bool has_argument = i + 1 < command->count;

	if (word_is(command, i, "exit") || word_is(command, i, "return"))
		return !has_argument || !word_is(command, i + 1, "0");
	if (word_is(command, i, "exec"))
		return has_argument;
	for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++) {
		if (word_is(command, i, words[k]))
			return true;
	}
	for (int n = i + 1; word_is(command, i, "set") && n < command->count; n++) {
		if (is_errexit(command, n))
			return true;
	}
	return false;
}

/* "GID=$(codis-admin ...)", whose status is that command's. */
static bool is_of_a_command(const struct shell_word *w)
{
	return memchr(w->text, '`', w->len) || memmem(w->text, w->len, "$(", 2);
}

static int look_at_ending(void *ctx, const struct shell_command *command)
{
	const struct shell_word *last = &command->words[command->count - 1];
	struct ending *s = ctx;
	int i = shell_program(command);
	bool fails = false;

	for (int n = 0; n < i; n++) {
		look_at_reserved(s, command, n);
		fails = word_is(command, n, "!");
	}
	s->end = last->text + last->len;
	if (i == command->count) {
		s->last_is_well = s->last_is_well && !is_of_a_command(last);
		return 0;
	}
	/* Behind "if" or "{" these are no commands of their own. */
	if (word_is(command, i, "fi") || word_is(command, i, "}")) {
		close_block(s);
		return 0;
	}
	s->may_fail = s->may_fail || may_end_it(command, i);
	s->last_is_well = !fails && !is_behind_and(s->text, command) &&
			  (word_is(command, i, "true") || word_is(command, i, ":") || word_is(command, i, "echo") ||
			   word_is(command, i, "exit"));
	return 0;
}

/* "sh -ec": it ends at the first command that fails. */
static bool ends_at_a_failure(const cJSON *words, const char *text)
{
	const cJSON *word;

	cJSON_ArrayForEach(word, words) {
		const char *its = cJSON_GetStringValue(word);

		if (its == text)
			break;
		if (!its) /* who asks may be anybody */
			continue;
		if ((its[0] == '-' && its[1] != '-' && strchr(its, 'e')) || strcmp(its, "errexit") == 0)
			return true;
	}
	return false;
}

static bool surely_succeeds(const cJSON *words, const char *text)
{
	struct ending s = { .text = text, .end = text };

	/* Of "(true)" the shell that it runs in may be behind &&. */
	return text && shell_each(text, look_at_ending, &s, NULL) == 0 && s.last_is_well && !s.may_fail &&
	       !strchr(s.end, ')') && !ends_at_a_failure(words, text);
}

const char *article_ending_step(const cJSON *hook)
{
	static const char *const steps[] = { "--group-add", "--sync-action" };
	const cJSON *words = json_get(hook, "exec", "command", NULL), *word;

	if (surely_succeeds(words, article_text(hook)))
		return NULL;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		cJSON_ArrayForEach(word, words) {
			if (cJSON_IsString(word) && shell_find(word->valuestring, steps[i]))
				return steps[i];
		}
	}
	return NULL;
}
