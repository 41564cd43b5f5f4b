#include "common/codis/shell.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"

#define BLANKS    " \t"
#define WORD_ENDS " \t\n;&|()<>"
#define NEST_MAX  32
/* Of a variable, behind ":-": a longer one is gone through no further. */
#define DEFAULT_MAX 256

/* --- words: each of these returns where it ends, or NULL when it does not ----------------------------------------- */

static const char *skip_expansion(const char *p, int depth);

static const char *skip_single(const char *p)
{
	p = strchr(p + 1, '\'');
	return p ? p + 1 : NULL;
}

static const char *skip_backtick(const char *p)
{
	for (p++; *p && *p != '`'; p++) {
		if (*p == '\\' && p[1])
			p++;
	}
	return *p ? p + 1 : NULL;
}

static const char *skip_double(const char *p, int depth)
{
	for (p++; p && *p && *p != '"';) {
		if (*p == '\\' && p[1])
			p += 2;
		else if (*p == '`')
			p = skip_backtick(p);
		else if (*p == '$')
			p = skip_expansion(p, depth + 1);
		else
			p++;
	}
	return p && *p ? p + 1 : NULL;
}

/* One character, or what is quoted or expanded at p. */
static const char *skip_piece(const char *p, int depth)
{
	switch (*p) {
	case '\\': return p[1] ? p + 2 : NULL;
	case '\'': return skip_single(p);
	case '"': return skip_double(p, depth);
	case '`': return skip_backtick(p);
	case '$': return skip_expansion(p, depth + 1);
	default: return p + 1;
	}
}

/* From "$": a variable, ${...}, $(...) or $((...)). A "case" within $(...) ends too early and is then found to be
 * unbalanced; $'...' has rules of its own, and so has a here-document in $(...). */
static const char *skip_expansion(const char *p, int depth)
{
	char open = p[1], close = open == '{' ? '}' : ')';
	bool commands = open == '(' && p[2] != '(';
	int level = 1;

	if (depth > NEST_MAX || open == '\'')
		return NULL;
	if (open != '{' && open != '(')
		return p + 1;
	for (p += 2; p && *p && level > 0;) {
		if (commands && p[0] == '<' && p[1] == '<')
			return NULL;
		if (*p == open)
			level++;
		if (*p == close)
			level--;
		p = skip_piece(p, depth);
	}
	return level == 0 ? p : NULL;
}

static const char *skip_word(const char *p)
{
	while (p && *p && !strchr(WORD_ENDS, *p))
		p = skip_piece(p, 0);
	return p;
}

/* A backslash joins the next line. */
static const char *skip_blanks(const char *p)
{
	p += strspn(p, BLANKS);
	while (p[0] == '\\' && p[1] == '\n') {
		p += 2;
		p += strspn(p, BLANKS);
	}
	return p;
}

/* --- here-documents ----------------------------------------------------------------------------------------------- */

#define HERE_MAX 4
#define HERE_LEN 64

/* Those whose lines begin behind the next newline. */
struct here {
	int count;
	struct {
		char end[HERE_LEN];
		bool tabs;   /* "<<-": tabs in front of its lines do not count */
		bool joined; /* a backslash at a line's end joins the next one: its word is not quoted */
	} docs[HERE_MAX];
};

/* At "<<": the operator and its word. */
static const char *skip_here(const char *p, struct here *h)
{
	const char *word = p + 2 + (p[2] == '-'), *end;
	struct buf plain;
	struct shell_word w;

	if (p[2] == '<' || h->count == HERE_MAX)
		return NULL;
	word = skip_blanks(word);
	end = skip_word(word);
	if (!end || end == word)
		return NULL;
	w = (struct shell_word){ word, (size_t)(end - word) };
	plain = (struct buf)BUF_IN(h->docs[h->count].end);
	if (!shell_plain(&w, &plain) || plain.failed || plain.len == 0)
		return NULL;
	h->docs[h->count].tabs = p[2] == '-';
	h->docs[h->count].joined = plain.len == w.len;
	h->count++;
	return end;
}

/* At the first line: behind the last one. NULL: it does not end, or not where it seems to. */
static const char *skip_lines(const char *p, struct here *h)
{
	for (int i = 0; i < h->count; i++) {
		for (bool last = false; !last;) {
			const char *line = p + (h->docs[i].tabs ? strspn(p, "\t") : 0);
			size_t len = strcspn(line, "\n");

			last = strlen(h->docs[i].end) == len && memcmp(line, h->docs[i].end, len) == 0;
			if (!last && (!line[len] || (h->docs[i].joined && len > 0 && line[len - 1] == '\\')))
				return NULL;
			p = line + len + (line[len] == '\n');
		}
	}
	h->count = 0;
	return p;
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

/* At "<" or ">", behind the number if there is one: the operator and its word. */
static const char *skip_redirection(const char *p, struct here *h)
{
	const char *word;

	if (p[1] == '(')
		return NULL;
	if (strncmp(p, "<<", 2) == 0)
		return skip_here(p, h);
	p += strspn(p, "<>");
	p = skip_blanks(p + (*p == '&' || *p == '|'));
	word = skip_word(p);
	return word == p ? NULL : word;
}

/* How much stands in front of "<" or ">": a descriptor, or "{NAME}", into which bash puts one. -1: it is no
 * redirection.
 */
static int descriptor_of(const char *p)
{
	size_t name = *p == '{' ? strspn(p + 1, SHELL_NAME_CHARS) : 0;
	size_t len = name && p[name + 1] == '}' ? name + 2 : strspn(p, "0123456789");

	return p[len] == '<' || p[len] == '>' ? (int)len : -1;
}

/* One word, one redirection or one comment. */
static const char *take(const char *p, struct shell_command *command, struct here *h)
{
	int descriptor = descriptor_of(p);
	const char *end;

	if (*p == '#')
		return p + strcspn(p, "\n");
	if (descriptor > 1) /* to dash 10 and {NAME} are words */
		command->unclear = true;
	if (descriptor >= 0)
		return skip_redirection(p + descriptor, h);
	end = skip_word(p);
	if (!end || end == p || command->count == SHELL_WORDS)
		return NULL;
	command->words[command->count++] = (struct shell_word){ p, (size_t)(end - p) };
	return end;
}

static bool is_reserved(const struct shell_word *w)
{
	static const char *const words[] = { "if", "then", "else", "elif", "while", "until", "do", "{", "!", "time" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (shell_word_is(w, words[i]))
			return true;
	}
	return false;
}

static bool is_assignment(const struct shell_word *w)
{
	size_t name = strspn(w->text, SHELL_NAME_CHARS);

	return name > 0 && name < w->len && w->text[name] == '=';
}

/* "name" of "name()": what stands before a parenthesis is else a reserved word or an array's assignment. */
static bool is_definition(const struct shell_command *command)
{
	return shell_program(command) == command->count - 1;
}

int shell_each(const char *text, int (*fn)(void *ctx, const struct shell_command *command), void *ctx,
	       struct error *err)
{
	struct shell_command command;
	struct here here = { .count = 0 };
	const char *p = text;
	int parens = 0, r;

	if (strnlen(text, SHELL_TEXT_MAX + 1) > SHELL_TEXT_MAX)
		return error_set(err, ERR_TOOBIG, "the shell text is longer than a program can be given");
	for (;;) {
		command.count = 0;
		command.unclear = false;
		for (p = skip_blanks(p); p && *p && !strchr("\n;&|()", *p); p = p ? skip_blanks(p) : NULL)
			p = take(p, &command, &here);
		if (!p)
			break;
		command.unclear = command.unclear || (*p == '(' && is_definition(&command));
		if (command.count && (r = fn(ctx, &command)) != 0)
			return r;
		parens += (*p == '(') - (*p == ')');
		if (parens < 0)
			break;
		if (!*p && here.count)
			break;
		if (!*p)
			return parens == 0 ? 0 : error_set(err, ERR_INVALID, "a parenthesis does not close");
		p = *p == '\n' ? skip_lines(p + 1, &here) : p + 1;
		if (!p)
			break;
	}
	return error_set(err, ERR_INVALID, "the shell text is too involved");
}

int shell_program(const struct shell_command *command)
{
	int i = 0;

	while (i < command->count && (is_reserved(&command->words[i]) || is_assignment(&command->words[i])))
		i++;
	return i;
}

/* "$NAME", "${NAME}", "${NAME:-x}", in double quotes or not: what it has, where it has any. */
static bool is_itself(const char *value, const char *name, size_t len)
{
	bool quoted = *value == '"', brace;
	const char *end;

	value += quoted;
	brace = value[0] == '$' && value[1] == '{';
	if (value[0] != '$' || strncmp(value + 1 + brace, name, len) != 0)
		return false;
	end = value + 1 + brace + len;
	if (brace) {
		end += *end == ':' && strchr("-=?", end[1]);
		end = strchr("-=?}", *end) ? memchr(end, '}', strnlen(end, DEFAULT_MAX)) : NULL;
		if (!end)
			return false;
		end++;
	}
	if (quoted && *end++ != '"')
		return false;
	return strchr(WORD_ENDS, *end) != NULL;
}

struct setting {
	const char *name;
	size_t len;
	bool is_empty;
};

static bool is_set_by(const struct setting *s, const struct shell_word *w)
{
	const char *at = w->text + s->len;

	if (w->len <= s->len || memcmp(w->text, s->name, s->len) != 0)
		return false;
	return strncmp(at, "+=", 2) == 0 || (*at == '=' && (s->is_empty || !is_itself(at + 1, s->name, s->len)));
}

static bool declares(const struct shell_word *w)
{
	static const char *const words[] = { "export", "readonly", "declare", "typeset", "local" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (shell_word_is(w, words[i]))
			return true;
	}
	return false;
}

/* Before a program it is that program's alone; "NAME+=x" is no assignment elsewhere, and looks like a program. */
static int on_setting(void *ctx, const struct shell_command *command)
{
	int program = shell_program(command), first = 0;

	if (program < command->count && !declares(&command->words[program]))
		return is_set_by(ctx, &command->words[program]);
	if (program < command->count)
		first = program + 1;
	for (int i = first; i < command->count; i++) {
		if (is_set_by(ctx, &command->words[i]))
			return 1;
	}
	return 0;
}

bool shell_sets(const char *text, const char *name, size_t len, bool is_empty)
{
	struct setting s = { name, len, is_empty };
	bool mentioned = false;

	/* Most texts set none, which is seen without a grammar: by the "=" behind the name, each looked at once. */
	for (const char *at = strchr(text, '='); at && !mentioned; at = strchr(at + 1, '=')) {
		const char *end = at - (at > text && at[-1] == '+');

		mentioned = (size_t)(end - text) >= len && memcmp(end - len, name, len) == 0;
	}
	return mentioned && shell_each(text, on_setting, &s, NULL) != 0;
}

void shell_place_move(struct shell_place *place, const char *to)
{
	for (; place->at < to; place->at++) {
		const char *p = place->at;

		if (*p == '\n')
			*place = (struct shell_place){ place->text, p, '\0', false };
		else if (place->comment)
			continue;
		else if (*p == '\\' && place->quote != '\'' && p[1] != '\n')
			place->at++;
		else if (place->quote)
			place->quote = *p == place->quote ? '\0' : place->quote;
		else if (*p == '"' || *p == '\'')
			place->quote = *p;
		else if (*p == '#')
			place->comment = p == place->text || strchr(WORD_ENDS, p[-1]);
	}
}

size_t shell_comment(const char *text, const char *at)
{
	struct shell_place place = { text, at, '\0', false };

	while (place.at > text && place.at[-1] != '\n')
		place.at--;
	shell_place_move(&place, at);
	return place.comment ? strcspn(at, "\n") : 0;
}

const char *shell_find(const char *text, const char *what)
{
	const char *at = strstr(text, what);

	for (size_t comment; at && (comment = shell_comment(text, at)) > 0;)
		at = strstr(at + comment, what);
	return at;
}

/* Within double quotes a backslash only quotes these. */
static bool escapes(char c)
{
	return c == '"' || c == '\\' || c == '$' || c == '`';
}

bool shell_plain(const struct shell_word *word, struct buf *out)
{
	bool single = false, dbl = false;

	for (size_t i = 0; i < word->len; i++) {
		char c = word->text[i], next = i + 1 < word->len ? word->text[i + 1] : '\0';

		if (c == '\'' && !dbl)
			single = !single;
		else if (single)
			buf_addch(out, c);
		else if (c == '"')
			dbl = !dbl;
		else if (c == '$' || c == '`')
			return false;
		else if (c == '\\' && next == '\n')
			i++;
		else if (c == '\\' && (!dbl || escapes(next)))
			buf_addch(out, word->text[++i]);
		else
			buf_addch(out, c);
	}
	return true;
}
