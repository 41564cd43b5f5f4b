#include "common/codis/cmdline_handed.h"

#include <string.h>

#include "common/base/json.h"
#include "common/codis/cmdline.h"

#define NAME_MAX_LEN 128
/* Each is looked for in the whole environment. */
#define VARIABLES_MAX 16
#define BLANKS        " \t\n"

static bool is_all_args(const struct shell_word *w)
{
	static const char *const words[] = { "\"$@\"", "$@", "\"$*\"", "$*", "${@}", "\"${@}\"" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (shell_word_is(w, words[i]))
			return true;
	}
	return false;
}

/* One of them or several: "$1", "${@:2}". */
static bool is_of_args(const struct shell_word *w)
{
	size_t at = w->text[0] == '"';

	if (at == w->len || w->text[at++] != '$')
		return false;
	at += at < w->len && w->text[at] == '{';
	return at < w->len && strchr("@*123456789", w->text[at]);
}

static void hand(struct cmdline_start *s, const char *text, size_t len)
{
	if (s->count + s->handed < SHELL_WORDS)
		s->words[s->count + s->handed++] = (struct shell_word){ text, len };
}

/* What a shell makes others of may have any of its flags, each with a value that nobody can tell: a default in its
 * place would be wrong. */
static void hand_flags(struct cmdline_start *s, const char *text)
{
	static const char unknown[] = "$(...)";

	for (text += strspn(text, BLANKS); *text; text += strcspn(text, BLANKS), text += strspn(text, BLANKS)) {
		if (strncmp(text, "--", 2) != 0)
			continue;
		hand(s, text, strcspn(text, BLANKS "="));
		hand(s, unknown, sizeof(unknown) - 1);
	}
}

/* $(NAME) is the kubelet's, wherever it stands. */
static bool is_plain(const char *text)
{
	for (const char *dollar = strchr(text, '$'); dollar; dollar = strchr(dollar + 1, '$')) {
		if (dollar[1] != '(')
			return false;
	}
	return !strpbrk(text, "\"'`\\*?[~;&|<>");
}

static void hand_args(struct cmdline_start *s, cJSON *const *args, int count, bool same)
{
	for (int i = 0; i < count; i++) {
		const char *arg = args[i]->valuestring, *next = i + 1 < count ? args[i + 1]->valuestring : "";

		if (same && is_plain(arg) && is_plain(next))
			hand(s, arg, strlen(arg));
		else
			hand_flags(s, arg);
	}
}

/* How much of the braces' text stands behind the name: ":-x", which counts where the variable has nothing. */
static size_t default_len(const char *text, size_t len)
{
	const char *dash = memchr(text, '-', len);
	size_t name = dash ? (size_t)(dash - text) : len;

	return len - (name > 0 && name < len && text[name - 1] == ':' ? name - 1 : name);
}

/* "$(NAME)" and, in a shell's text, "$NAME", "${NAME}" and "${NAME:-}", which quotes make one word of. */
static bool variable_of(const struct cmdline *c, const struct shell_word *w, char name[NAME_MAX_LEN], bool *quoted)
{
	bool shell = c->kind == CMDLINE_SHELL;
	const char *p = w->text, *end = w->text + w->len;
	char close;

	*quoted = shell && w->len > 2 && p[0] == '"' && end[-1] == '"';
	p += *quoted;
	end -= *quoted;
	if (end - p < 2 || p[0] != '$' || (!shell && p[1] != '('))
		return false;
	close = p[1] == '(' ? ')' : p[1] == '{' ? '}' : '\0';
	if (close && end[-1] != close)
		return false;
	p += close ? 2 : 1;
	end -= close ? 1 : 0;
	if (close == '}')
		end -= default_len(p, (size_t)(end - p));
	if (end <= p || end - p >= NAME_MAX_LEN)
		return false;
	memcpy(name, p, (size_t)(end - p));
	name[end - p] = '\0';
	return strspn(name, SHELL_NAME_CHARS) == (size_t)(end - p);
}

/* NULL: it is not in env, or what it is only the running pod knows. */
static const char *value_of(const cJSON *container, const char *name)
{
	const char *value = NULL;
	const cJSON *e;

	json_each(e, json_get(container, "env", NULL)) {
		const char *its = json_str(e, "name", NULL);

		if (its && strcmp(its, name) == 0)
			value = json_str(e, "value", NULL);
	}
	return value;
}

/* A shell makes words of it; Redis reads "--port 7000" as one, too. False: it may have others than are known. */
static bool hand_variable(struct cmdline *c, struct cmdline_start *s, const char *name, bool quoted)
{
	const char *p = value_of(c->container, name);

	if (!p)
		return false;
	if (c->kind != CMDLINE_SHELL) {
		hand(s, p, strlen(p));
		return true;
	}
	if (cmdline_is_replaced(c, name, strlen(name))) {
		hand_flags(s, p);
		return false;
	}
	if (quoted || !is_plain(p)) {
		hand_flags(s, p);
		return true;
	}
	for (p += strspn(p, BLANKS); *p; p += strspn(p, BLANKS)) {
		size_t len = strcspn(p, BLANKS);

		hand(s, p, len);
		p += len;
	}
	return true;
}

/* "--requirepass $PW", "--bind 127.0.0.1 $POD_IP": one word, and no flag. */
static bool is_value_of_flag(const struct cmdline_start *s, int k)
{
	int flag = k - 1;

	while (flag > 0 && !cmdline_is_flag(&s->words[flag]))
		flag--;
	return flag > 0 && ((flag == k - 1 && !memchr(s->words[flag].text, '=', s->words[flag].len)) ||
			    shell_word_is(&s->words[flag], "--bind"));
}

bool cmdline_changes_args(const char *text)
{
	return shell_find(text, "set --") || shell_find(text, "shift");
}

void cmdline_hand_on(struct cmdline *c, cJSON *const *args, int count)
{
	int variables = 0;
	bool shell = c->kind == CMDLINE_SHELL, same = shell && !cmdline_changes_args(c->text->valuestring);

	for (int i = 0; i < c->count; i++) {
		struct cmdline_start *s = &c->starts[i];
		char name[NAME_MAX_LEN];
		bool quoted;

		for (int k = 0; k < s->count; k++) {
			const struct shell_word *w = &s->words[k];

			if (!w->len || (w->text[0] != '$' && w->text[0] != '"'))
				continue;
			if (shell && is_of_args(w))
				hand_args(s, args, count, same && is_all_args(w));
			else if (variables < VARIABLES_MAX && variable_of(c, w, name, &quoted) && ++variables &&
				 !hand_variable(c, s, name, quoted) && !quoted && !is_value_of_flag(s, k))
				c->unfollowed = *w;
		}
	}
}
