#include "common/codis/cmdline.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_own.h"
#include "common/codis/cmdline_handed.h"

#define TEXT_MAX (1u << 20)
/* Of a word that is compared: longer than the names and values that are looked for, and than any path (PATH_MAX). It is
 * on the stack, so that lack of memory is never taken for "there is no such word". */
#define SEEN_MAX 4096
/* In a value that is written anew; each is looked for in the whole environment. */
#define VARIABLES_MAX 16

static bool is_one_of(const char *name, const char *const *list)
{
	const char *slash = strrchr(name, '/');

	for (name = slash ? slash + 1 : name; *list; list++) {
		if (name[0] == (*list)[0] && strcmp(name, *list) == 0)
			return true;
	}
	return false;
}

/* "BIN=/codis/bin/codis-server" behind a launcher is a variable, and starts nothing. */
static bool is_program(const char *word, const char *const *programs)
{
	return !strchr(word, '=') && is_one_of(word, programs);
}

/* Called like this, a program does something else than serve, whatever follows. */
static bool is_question(const char *word)
{
	static const char *const words[] = {
		"-v", "--version", "-h", "--help", "--test-memory", "--check-system", NULL
	};

	return is_one_of(word, words);
}

/* Programs that run the one that they are given. */
static bool is_launcher(const char *word)
{
	static const char *const words[] = { "exec",    "command", "nohup",     "env",          "setsid",    "nice",
					     "ionice",  "chrt",    "taskset",   "numactl",      "stdbuf",    "tini",
					     "gosu",    "su-exec", "dumb-init", "catatonit",    "setpriv",   "sudo",
					     "runuser", "chroot",  "chpst",     "s6-setuidgid", "setuidgid", "prlimit",
					     "timeout", "busybox", "catchsegv", "tini-static",  NULL };

	return is_one_of(word, words);
}

static bool is_shell(const char *word)
{
	static const char *const words[] = { "sh", "bash", "dash", "ash", "ksh", "zsh", NULL };

	return is_one_of(word, words);
}

/* "-c", "-ec", "-lc", ...: the next word is the text. */
static bool is_text_flag(const char *word)
{
	return word[0] == '-' && word[1] != '-' && strchr(word, 'c');
}

static bool is_script(const char *word)
{
	size_t len = strlen(word);

	return strstr(word, "entrypoint") || (len > 3 && strcmp(word + len - 3, ".sh") == 0);
}

/* Whether a word behind a launcher, which is not the program, is the launcher's own or one more that runs something:
 * else it is what is run, and a program's name behind it ("timeout 5 redis-cli -h codis-server") starts nothing. "": a
 * word that only a shell can tell. */
static bool leads_on(const char *before, const char *word)
{
	static const char *const with_operand[] = { "gosu", "su-exec", "setuidgid", "s6-setuidgid", "chroot", NULL };

	if (!word[0] || word[0] == '-' || strchr(word, '=') || strchr("0123456789", word[0]))
		return true;
	if (is_launcher(word) || is_shell(word) || is_script(word))
		return true;
	return (before[0] == '-' && strcmp(before, "--") != 0) || is_one_of(before, with_operand);
}

/* --- a shell's text ----------------------------------------------------------------------------------------------- */

struct search {
	struct cmdline *c;
	const char *const *programs;
	bool too_involved;
	bool elsewhere; /* another command may start it, too */
};

/* "${CODIS_HOME}/bin/codis-server": the name behind the last slash, without quotes. False where it is none of its own.
 */
static bool plain_name(const struct shell_word *w, struct buf *out)
{
	size_t from = w->len;

	if (memchr(w->text, '=', w->len)) /* a variable for what is run */
		return false;
	while (from > 0 && w->text[from - 1] != '/')
		from--;
	for (size_t i = from; i < w->len; i++) {
		if (strchr("$`\\(){}", w->text[i]))
			return false;
		if (w->text[i] != '"' && w->text[i] != '\'')
			buf_addch(out, w->text[i]);
	}
	return from > 0;
}

/* Index of the word that is the program; 0 < count where it is started through a launcher, whose own words may be what
 * only a shell can tell. -1: it is not started. */
static int find_in_shell(const struct search *s, const struct shell_command *cmd)
{
	char seen[2][SEEN_MAX];
	int i = shell_program(cmd), first = i;
	bool is_command = false;

	for (const char *before = ""; i < cmd->count; i++) {
		struct buf word = BUF_IN(seen[i % 2]);

		if (!shell_plain(&cmd->words[i], &word)) {
			buf_reset(&word);
			if (!plain_name(&cmd->words[i], &word))
				buf_reset(&word);
		}
		if (is_program(word.data, s->programs))
			return i;
		if (i == first ? !is_launcher(word.data) : !leads_on(before, word.data))
			return -1;
		before = word.data;
		if (i == first)
			is_command = strcmp(word.data, "command") == 0;
		/* "command -v codis-server" asks where it is. */
		else if (is_command && (strcmp(word.data, "-v") == 0 || strcmp(word.data, "-V") == 0))
			return -1;
	}
	return -1;
}

static bool asks_only(const struct shell_command *cmd, int program)
{
	char seen[SEEN_MAX];
	struct buf word = BUF_IN(seen);

	return program + 1 < cmd->count && shell_plain(&cmd->words[program + 1], &word) && is_question(word.data);
}

static int on_inner_command(void *ctx, const struct shell_command *cmd)
{
	int program = find_in_shell(ctx, cmd);

	return program >= 0 && !asks_only(cmd, program);
}

/* Whether it runs the next word as a text: "su redis -c", "exec bash -ec", "eval". */
static bool runs_text(const char *word, bool *by_shell)
{
	static const char *const words[] = { "su", "runuser", NULL };

	*by_shell = *by_shell || is_shell(word) || is_one_of(word, words);
	return strcmp(word, "eval") == 0 || (*by_shell && is_text_flag(word));
}

static bool mentions(const struct search *s, const struct shell_command *cmd)
{
	const struct shell_word *last = &cmd->words[cmd->count - 1];
	const char *from = cmd->words[0].text;

	for (const char *const *program = s->programs; *program; program++) {
		if (memmem(from, (size_t)(last->text - from) + last->len, *program, strlen(*program)))
			return true;
	}
	return false;
}

/* Whether a text in its words starts the program, or what only a shell can tell may: "$LAUNCHER codis-server". */
static bool may_start(const struct search *s, const struct shell_command *cmd)
{
	bool by_shell = false, is_text = false, is_run = false;

	for (int i = shell_program(cmd), first = i; i < cmd->count; i++) {
		char seen[SEEN_MAX];
		struct buf word = BUF_IN(seen);
		bool plain = shell_plain(&cmd->words[i], &word) && !word.failed;

		if (plain && (is_text ? shell_each(word.data, on_inner_command, (void *)(uintptr_t)s, NULL) == 1
				      : is_run && is_program(word.data, s->programs)))
			return true;
		is_run = i == first ? !plain : is_run && strcmp(word.data, "--") == 0;
		is_text = plain && runs_text(word.data, &by_shell);
		if (i == first && plain && !is_text && !by_shell && !is_launcher(word.data))
			return false;
	}
	return false;
}

static int on_command(void *ctx, const struct shell_command *cmd)
{
	struct search *s = ctx;
	int program = find_in_shell(s, cmd);
	struct cmdline_start *start;

	if (program < 0)
		s->elsewhere = s->elsewhere || (mentions(s, cmd) && may_start(s, cmd));
	if (program < 0 || asks_only(cmd, program))
		return 0;
	if (cmd->unclear || s->c->count == CMDLINE_STARTS) {
		s->too_involved = true;
		return 1;
	}
	start = &s->c->starts[s->c->count++];
	/* The program itself comes first, so that a start without arguments has an end as well. */
	start->count = cmd->count - program;
	memcpy(start->words, &cmd->words[program], (size_t)start->count * sizeof(start->words[0]));
	return 0;
}

static void search_shell(struct cmdline *c, cJSON *script, const char *const *programs)
{
	struct search s = { .c = c, .programs = programs };
	struct error err = ERROR_INIT;

	c->text = script;
	c->kind = CMDLINE_SHELL;
	if (shell_each(script->valuestring, on_command, &s, &err) >= 0 && !s.too_involved && c->count > 0 &&
	    !s.elsewhere)
		return;
	c->kind = CMDLINE_NONE;
	c->why = s.too_involved || err.code || c->count ? "its shell text is too involved"
							: "its shell text does not show where it starts";
	c->count = 0;
}

/* --- words -------------------------------------------------------------------------------------------------------- */

/* The container's words in order: command, then args. None where one of them is no text, or there are too many: of a
 * part of them nobody knows what they say. */
struct words {
	int count;
	bool alone; /* without a command */
	cJSON *items[SHELL_WORDS];
};

/* NULL, or why there are none. */
static const char *collect(const cJSON *container, struct words *w)
{
	static const char *const fields[] = { "command", "args" };
	cJSON *item;
	int n = 0;

	w->count = 0;
	for (int f = 0; f < 2; f++) {
		const cJSON *list = json_get(container, fields[f], NULL);

		if (list && !cJSON_IsNull(list) && !json_is(list, cJSON_Array))
			return "its command is no list of texts";
		json_each(item, list) {
			if (!json_is(item, cJSON_String))
				return "its command is no list of texts";
			if (n == SHELL_WORDS)
				return "its command has over 256 words";
			w->items[n++] = item;
		}
		if (f == 0)
			w->alone = n == 0;
	}
	w->count = n;
	return n ? NULL : "it has no command of its own";
}

static void take_words(struct cmdline *c, const struct words *w, int first)
{
	struct cmdline_start *s = &c->starts[0];

	c->kind = CMDLINE_WORDS;
	c->count = 1;
	for (int i = first; i < w->count; i++)
		s->words[s->count++] =
			(struct shell_word){ w->items[i]->valuestring, strlen(w->items[i]->valuestring) };
}

/* "-o pipefail", "-euo pipefail", "+O globstar", "--rcfile x". */
static bool takes_a_value(const char *word)
{
	static const char *const words[] = { "--rcfile", "--init-file", NULL };

	return word[1] == '-' ? is_one_of(word, words) : strchr("oO", word[strlen(word) - 1]) != NULL;
}

/* The text that the shell at index i runs, or NULL: the first word behind its options, which "--" ends. */
static cJSON *shell_text(const struct words *w, int i)
{
	bool is_text = false, ended = false;

	for (i++; i < w->count && !ended && strspn(w->items[i]->valuestring, "-+"); i++) {
		const char *word = w->items[i]->valuestring;

		ended = strcmp(word, "--") == 0;
		is_text = is_text || is_text_flag(word);
		i += !ended && takes_a_value(word);
	}
	return is_text && i < w->count ? w->items[i] : NULL;
}

const char *cmdline_shell_text(const cJSON *words)
{
	struct words w = { .count = 0 };
	const cJSON *text = NULL;
	cJSON *item;

	cJSON_ArrayForEach(item, words) {
		if (w.count == SHELL_WORDS || !json_is(item, cJSON_String))
			return NULL;
		w.items[w.count++] = item;
	}
	for (int i = 0; i < w.count && !text && (i == 0 || is_launcher(w.items[0]->valuestring)); i++)
		text = is_shell(w.items[i]->valuestring) ? shell_text(&w, i) : NULL;
	return cJSON_GetStringValue(text);
}

/* The settings of redis.conf, of Redis 3.2, which codis-server is, and the names that later ones have for them. */
static const char *const settings[] = {
	"activerehashing",
	"always-show-logo",
	"aof-load-truncated",
	"aof-rewrite-incremental-fsync",
	"appendfilename",
	"appendfsync",
	"appendonly",
	"auto-aof-rewrite-min-size",
	"auto-aof-rewrite-percentage",
	"bind",
	"client-output-buffer-limit",
	"cluster-enabled",
	"daemonize",
	"databases",
	"dbfilename",
	"dir",
	"hash-max-ziplist-entries",
	"hash-max-ziplist-value",
	"hll-sparse-max-bytes",
	"hz",
	"include",
	"io-threads",
	"latency-monitor-threshold",
	"lazyfree-lazy-eviction",
	"list-compress-depth",
	"list-max-ziplist-size",
	"logfile",
	"loglevel",
	"lua-time-limit",
	"masterauth",
	"maxclients",
	"maxmemory",
	"maxmemory-policy",
	"maxmemory-samples",
	"min-replicas-max-lag",
	"min-replicas-to-write",
	"min-slaves-max-lag",
	"min-slaves-to-write",
	"no-appendfsync-on-rewrite",
	"notify-keyspace-events",
	"pidfile",
	"port",
	"protected-mode",
	"rdbchecksum",
	"rdbcompression",
	"rename-command",
	"repl-backlog-size",
	"repl-backlog-ttl",
	"repl-disable-tcp-nodelay",
	"repl-diskless-sync",
	"repl-diskless-sync-delay",
	"repl-ping-slave-period",
	"repl-timeout",
	"replica-announce-ip",
	"replica-announce-port",
	"replica-priority",
	"replica-read-only",
	"replica-serve-stale-data",
	"replicaof",
	"requirepass",
	"save",
	"set-max-intset-entries",
	"slave-announce-ip",
	"slave-announce-port",
	"slave-priority",
	"slave-read-only",
	"slave-serve-stale-data",
	"slaveof",
	"slowlog-log-slower-than",
	"slowlog-max-len",
	"stop-writes-on-bgsave-error",
	"supervised",
	"syslog-enabled",
	"syslog-facility",
	"syslog-ident",
	"tcp-backlog",
	"tcp-keepalive",
	"timeout",
	"unixsocket",
	"unixsocketperm",
	"zset-max-ziplist-entries",
	"zset-max-ziplist-value",
	NULL,
};

static bool is_setting(const char *name, size_t len)
{
	char word[64];

	if (len >= sizeof(word) || memchr(name, '/', len))
		return false;
	memcpy(word, name, len);
	word[len] = '\0';
	return is_one_of(word, settings);
}

static bool has_blank(const char *word)
{
	return strpbrk(word, " \t\n") != NULL;
}

static bool is_conf(const char *word)
{
	size_t len = strlen(word);

	return len > 5 && strcmp(word + len - 5, ".conf") == 0 && !has_blank(word);
}

/* Words for an entrypoint that is not known are Redis' own where a .conf stands first, or each flag is a setting of it;
 * a start script's flags (--mode server) are not. */
static bool looks_like_server_args(const struct words *w)
{
	const char *first = w->items[0]->valuestring;

	if (is_conf(first))
		return true;
	for (int i = 0; i < w->count; i++) {
		const char *word = w->items[i]->valuestring;

		/* Redis reads "--port 7000" as one word, too. */
		if (strncmp(word, "--", 2) == 0 && !is_setting(word + 2, strcspn(word + 2, " =")))
			return false;
	}
	return strncmp(first, "--", 2) == 0;
}

/* Args alone that only a shell as entrypoint can be meant for: one with blanks, perhaps behind "-c" (of a file, that is
 * codis-proxy's). */
static cJSON *entrypoint_text(const struct words *w)
{
	const char *first = w->items[0]->valuestring;

	if (w->count == 1)
		return first[0] != '-' && has_blank(first) ? w->items[0] : NULL;
	return is_text_flag(first) && has_blank(w->items[1]->valuestring) ? w->items[1] : NULL;
}

/* Whether what is run may stand behind the word at i, as far as it may be at i: behind a launcher, or a script that is
 * named as one, which runs its first word. */
static bool may_be_behind(const struct words *w, int i)
{
	const char *word = w->items[i]->valuestring;

	if (i == 0)
		return is_launcher(word) || is_script(word);
	if (i == 1 && is_script(w->items[0]->valuestring))
		return is_launcher(word);
	return leads_on(w->items[i - 1]->valuestring, word);
}

/* Of a program that is not known, what stands behind "--", and all of its words where the first has a .conf behind it,
 * or is a shell with its text, as an injector's launcher has them. */
static bool is_behind_a_wrapper(const struct words *w, int i)
{
	if (strcmp(w->items[i - 1]->valuestring, "--") == 0)
		return true;
	return i == 1 && w->count > 2 && w->items[0]->valuestring[0] != '-' &&
	       (is_conf(w->items[2]->valuestring) || (is_shell(w->items[1]->valuestring) && shell_text(w, 1)));
}

/* "$@" and nothing else is what this command runs. */
static int on_all_args(void *ctx, const struct shell_command *cmd)
{
	const struct shell_word *last = &cmd->words[cmd->count - 1];
	int first = shell_program(cmd);

	(void)ctx;
	if (first < cmd->count && shell_word_is(&cmd->words[first], "exec"))
		first++;
	return first == cmd->count - 1 && (shell_word_is(last, "\"$@\"") || shell_word_is(last, "$@"));
}

/* Whether the text runs the words behind it, as they are: "ulimit -n 65535; exec "$@"". */
static bool runs_its_args(const char *text)
{
	return !cmdline_changes_args(text) && shell_each(text, on_all_args, NULL, NULL) == 1;
}

static int index_of(const struct words *w, const cJSON *item)
{
	int i = 0;

	while (i < w->count && w->items[i] != item)
		i++;
	return i;
}

static void search_text(struct cmdline *c, const struct words *w, cJSON *text, const char *const *programs)
{
	int behind = index_of(w, text) + 2; /* its $0 */

	search_shell(c, text, programs);
	if (!c->count && behind < w->count && is_program(w->items[behind]->valuestring, programs) &&
	    runs_its_args(text->valuestring))
		take_words(c, w, behind);
}

static void search_words(struct cmdline *c, const struct words *w, const char *const *programs)
{
	bool may_be = true; /* what is run */

	for (int i = 0; i < w->count; i++) {
		bool starts = may_be || is_behind_a_wrapper(w, i);
		cJSON *text = starts && is_shell(w->items[i]->valuestring) ? shell_text(w, i) : NULL;

		if (text) {
			search_text(c, w, text, programs);
			return;
		}
		if (starts && is_program(w->items[i]->valuestring, programs)) {
			take_words(c, w, i);
			return;
		}
		may_be = may_be && may_be_behind(w, i);
	}
	c->why = "its command does not name it";
}

/* The words of the starts, which are long, count as far as their count says. */
static void begin(struct cmdline *c, const cJSON *container)
{
	c->kind = CMDLINE_NONE;
	c->why = NULL;
	c->container = container;
	c->text = NULL;
	c->count = 0;
	c->unfollowed.len = 0;
	for (int i = 0; i < CMDLINE_STARTS; i++)
		c->starts[i].count = c->starts[i].handed = 0;
}

/* What stands behind a shell's text: $0, and what "$@" is. */
static void hand_on(struct cmdline *c, const struct words *w)
{
	int args = index_of(w, c->text) + 2;

	args = args < w->count ? args : w->count;
	cmdline_hand_on(c, w->items + args, w->count - args);
}

void cmdline_find(const cJSON *container, const char *const *programs, bool args_alone, struct cmdline *c)
{
	cJSON *text = NULL;
	struct words w;

	begin(c, container);
	c->why = collect(container, &w);
	if (c->why)
		return;
	if (w.alone)
		text = entrypoint_text(&w);
	if (text)
		search_shell(c, text, programs);
	else
		search_words(c, &w, programs);
	if (c->kind == CMDLINE_NONE && w.alone && args_alone && !text && looks_like_server_args(&w))
		take_words(c, &w, 0);
	hand_on(c, &w);
}

bool cmdline_mentions(const cJSON *container, const char *text)
{
	static const char *const names[] = { "command", "args" };
	const cJSON *word;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		json_each(word, json_get(container, names[i], NULL)) {
			if (json_is(word, cJSON_String) && strstr(word->valuestring, text))
				return true;
		}
	}
	return false;
}

void cmdline_words(const cJSON *container, struct cmdline *c)
{
	struct words w;

	begin(c, container);
	if (!collect(container, &w))
		take_words(c, &w, 0);
}

/* --- flags -------------------------------------------------------------------------------------------------------- */

/* Whether the word as the program gets it is this text, in capitals or not, which Redis takes alike (its settings'
 * names too); false where only a shell can tell. */
static bool is_plain(const struct cmdline *c, const struct shell_word *w, const char *text)
{
	char seen[SEEN_MAX];
	struct buf plain = BUF_IN(seen);

	if (c->kind != CMDLINE_SHELL)
		return w->len == strlen(text) && strncasecmp(w->text, text, w->len) == 0;
	return shell_plain(w, &plain) && strcasecmp(plain.data, text) == 0;
}

/* As a word of its own, or one with a blank behind it. */
static bool shell_has_flag(const struct shell_word *w, const char *flag, size_t len)
{
	char seen[SEEN_MAX];
	struct buf plain = BUF_IN(seen);

	/* It begins otherwise, and with no quote either. */
	if (!w->len || (w->text[0] != flag[0] && !strchr("\"'\\", w->text[0])))
		return false;
	return shell_plain(w, &plain) && strncasecmp(plain.data, flag, len) == 0 &&
	       (plain.data[len] == '\0' || plain.data[len] == ' ');
}

static bool word_has_flag(const struct cmdline *c, const struct shell_word *w, const char *flag, size_t len,
			  struct shell_word *value)
{
	bool shell = c->kind == CMDLINE_SHELL, /* most begin alike, and end otherwise */
		begins = w->len >= len && (w->text[len - 1] | 0x20) == (flag[len - 1] | 0x20) &&
			 strncasecmp(w->text, flag, len) == 0;
	char next = begins && w->len > len ? w->text[len] : '\0';

	/* --flag=VALUE: the value is a part of the word, with a shell's quotes as they are. */
	if (next == '=') {
		*value = (struct shell_word){ w->text + len + 1, w->len - len - 1 };
		return true;
	}
	/* Redis reads "--port 7000" as one word, too. */
	if (next == ' ' && !shell) {
		*value = (struct shell_word){ w->text + len, w->len - len };
		value->text += strspn(value->text, " ");
		value->len -= (size_t)(value->text - (w->text + len));
		return true;
	}
	if (shell ? !shell_has_flag(w, flag, len) : !begins || w->len != len)
		return false;
	*value = (struct shell_word){ w->text, 0 };
	return true;
}

int cmdline_flag_of(const struct cmdline *c, const struct cmdline_start *s, const char *flag, size_t len,
		    struct shell_word *value)
{
	struct shell_word found;

	/* The last one counts, for Redis and for docopt alike. */
	for (int i = s->count + s->handed - 1; i >= 0; i--) {
		int end = i < s->count ? s->count : s->count + s->handed;

		if (!word_has_flag(c, &s->words[i], flag, len, &found))
			continue;
		/* No value begins like a flag: neither Redis nor docopt takes such a one. */
		if (found.len == 0 && i + 1 < end && !cmdline_is_flag(&s->words[i + 1]))
			found = s->words[i + 1];
		if (value)
			*value = found;
		return i;
	}
	return -1;
}

bool cmdline_flag_is(const struct cmdline *c, const struct cmdline_start *s, const char *flag, const char *text)
{
	struct shell_word value;
	int at = cmdline_flag(c, s, flag, &value);

	/* An empty word is a value, and no word is none. */
	if (at < 0 || (value.len == 0 && (at + 1 == s->count || cmdline_is_flag(&s->words[at + 1]))))
		return false;
	return is_plain(c, &value, text);
}

bool cmdline_word_is(const struct cmdline *c, const struct cmdline_start *s, int index, const char *text)
{
	return index >= 0 && index < s->count + s->handed && is_plain(c, &s->words[index], text);
}

/* --- quoting ------------------------------------------------------------------------------------------------------ */

/* The entry that counts. NULL: there is none. */
static const cJSON *find_variable(const cJSON *container, const char *name, size_t len)
{
	const cJSON *e, *found = NULL;

	json_each(e, json_get(container, "env", NULL)) {
		const char *n = json_str(e, "name", NULL);

		if (n && strlen(n) == len && memcmp(n, name, len) == 0)
			found = e;
	}
	return found;
}

bool cmdline_has_env(const cJSON *container, const char *name)
{
	return find_variable(container, name, strlen(name));
}

/* Bank-Vaults' vault-env and secret-init, 1Password's op, Azure Key Vault's akv2k8s. */
static bool is_reference(const char *value)
{
	static const char *const schemes[] = { "vault:",
					       "bao:",
					       ">>vault:",
					       ">>bao:",
					       "op://",
					       "arn:aws:secretsmanager:",
					       "gcp:secretmanager:",
					       "azure:keyvault:" };

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strncmp(value, schemes[i], strlen(schemes[i])) == 0)
			return true;
	}
	return strstr(value, "@azurekeyvault") != NULL;
}

bool cmdline_is_replaced(const struct cmdline *c, const char *name, size_t len)
{
	const cJSON *e = find_variable(c->container, name, len);
	const char *value = json_str(e, "value", NULL);
	bool is_empty = e && (!value || !value[0]) && !json_get(e, "valueFrom", NULL);

	return (value && is_reference(value)) ||
	       (c->kind == CMDLINE_SHELL && shell_sets(c->text->valuestring, name, len, is_empty));
}

bool cmdline_may_hold(const cJSON *env_from, const char *name, size_t len)
{
	const char *prefix = json_str(env_from, "prefix", NULL);
	size_t n = prefix ? strlen(prefix) : 0;

	return n < len && (n == 0 || memcmp(prefix, name, n) == 0);
}

/* What the kubelet may know, the shell of a hook does as well. */
static bool may_have_env(const cJSON *container, const char *name)
{
	const cJSON *e;

	json_each(e, json_get(container, "envFrom", NULL)) {
		if (cmdline_may_hold(e, name, strlen(name)))
			return true;
	}
	return cmdline_has_env(container, name);
}

static void add_quoted(struct buf *out, char c)
{
	if (strchr("\"\\$`", c))
		buf_addch(out, '\\');
	buf_addch(out, c);
}

/* A variable of the container at p, "$(NAME)" or, for a shell, "$NAME" and "${NAME}": appends ${NAME} and returns its
 * length; 0 when there is none. A shell's $1 is none of the container, and a hook has others. */
static size_t add_variable(const struct cmdline *c, const char *p, size_t len, struct buf *out)
{
	char written[256];
	struct buf name = BUF_IN(written);
	bool shell = c->kind == CMDLINE_SHELL, paren = len > 2 && p[1] == '(', brace = shell && len > 2 && p[1] == '{';
	size_t from = paren || brace ? 2 : 1, n;

	if (!paren && !shell)
		return 0;
	for (n = 0; from + n < len && strchr(SHELL_NAME_CHARS, p[from + n]); n++)
		buf_addch(&name, p[from + n]);
	if (n == 0 || isdigit((unsigned char)p[from]) || name.failed || !may_have_env(c->container, name.data))
		return 0;
	if ((paren || brace) && (from + n >= len || p[from + n] != (paren ? ')' : '}')))
		return 0;
	buf_addf(out, "${%s}", name.data);
	return from + n + (paren || brace);
}

/* What a shell makes of one piece of a word, without variables; quote is NULL where no shell reads it. Returns the
 * piece's length. */
static size_t add_piece(const char *p, size_t len, char *quote, struct buf *out)
{
	if (!quote) {
		add_quoted(out, *p);
		return 1;
	}
	if (*p == '\'' && *quote != '"') {
		*quote = *quote ? '\0' : '\'';
		return 1;
	}
	if (*p == '"' && *quote != '\'') {
		*quote = *quote ? '\0' : '"';
		return 1;
	}
	if (*p == '\\' && *quote != '\'' && len > 1) {
		add_quoted(out, p[1]);
		return 2;
	}
	add_quoted(out, *p);
	return 1;
}

bool cmdline_quote(const struct cmdline *c, const struct shell_word *word, struct buf *out)
{
	bool shell = c->kind == CMDLINE_SHELL;
	char quote = '\0';
	int variables = 0;
	size_t n;

	for (size_t i = 0; i < word->len; i += n) {
		const char *p = word->text + i;
		char next = i + 1 < word->len ? p[1] : '\0';

		if (out->failed || (*p == '$' && ++variables > VARIABLES_MAX))
			return false;
		/* $(NAME) is the kubelet's, whatever quotes stand around it. */
		n = *p == '$' && (quote != '\'' || next == '(') ? add_variable(c, p, word->len - i, out) : 0;
		if (n)
			continue;
		if (*p == '$' && next == '$' && (!shell || quote == '\'') &&
		    (i + 2 == word->len || p[2] != '(')) { /* so the kubelet is told of one */
			add_quoted(out, '$');
			n = 2;
			continue;
		}
		/* What the kubelet or the shell would replace, and we cannot. */
		if (*p == '$' && ((shell && quote != '\'') || next == '(' || next == '$'))
			return false;
		if (shell && *p == '`' && quote != '\'')
			return false;
		if (shell && *p == '\\' && quote == '"' && !(next && strchr("\"\\$`", next)))
			return false;
		n = add_piece(p, word->len - i, shell ? &quote : NULL, out);
	}
	return !out->failed;
}

/* Whether a ${NAME} of the quoted text is a variable that the shell's text sets, or its launcher. */
static bool has_replaced(const struct cmdline *c, const char *quoted)
{
	if (c->kind != CMDLINE_SHELL)
		return false;
	for (const char *at = quoted, *last = NULL; (at = strstr(at, "${")); at += 2) {
		size_t len = strcspn(at + 2, "}");

		if (last && strncmp(last + 2, at + 2, len + 1) == 0)
			continue;
		if (cmdline_is_replaced(c, at + 2, len))
			return true;
		last = at;
	}
	return false;
}

bool cmdline_value(const struct cmdline *c, const char *flag, struct buf *out)
{
	struct shell_word value;

	buf_reset(out);
	if (c->count && cmdline_flag(c, &c->starts[0], flag, &value) >= 0 && value.len &&
	    cmdline_quote(c, &value, out) && !has_replaced(c, out->data))
		return true;
	buf_reset(out);
	return false;
}

/* --- appending ---------------------------------------------------------------------------------------------------- */

static int append_words(struct cmdline *c, const char *words)
{
	char room[256];
	struct buf word = BUF_IN(room);
	cJSON *args = cJSON_GetObjectItemCaseSensitive(c->container, "args"),
	      *list = args && args->child ? args : cJSON_GetObjectItemCaseSensitive(c->container, "command");

	for (size_t n; *words; words += n + (words[n] == ' ')) {
		n = strcspn(words, " ");
		buf_reset(&word);
		if (buf_add(&word, words, n) < 0 || json_push(list, cJSON_CreateString(word.data)) < 0)
			return -1;
	}
	return 0;
}

static bool set_text(cJSON *item, const struct buf *text)
{
	return !text->failed && json_own(item) && cJSON_SetValuestring(item, text->data);
}

static int append_text(struct cmdline *c, const char *const *words)
{
	BUF_CLEANUP struct buf text = BUF_INIT(2 * TEXT_MAX);
	const char *from = c->text->valuestring;

	for (int i = 0; i < c->count; i++) {
		const struct shell_word *last = &c->starts[i].words[c->starts[i].count - 1];
		const char *end = last->text + last->len;

		buf_add(&text, from, (size_t)(end - from));
		/* Before "<" or ">" a number would be a descriptor, and no word. */
		if (words[i])
			buf_addf(&text, " %s%s", words[i], *end == '<' || *end == '>' ? " " : "");
		from = end;
	}
	buf_addstr(&text, from);
	return set_text(c->text, &text) ? 0 : -1;
}

int cmdline_append(struct cmdline *c, const char *const words[CMDLINE_STARTS])
{
	if (c->kind == CMDLINE_SHELL)
		return append_text(c, words);
	return words[0] ? append_words(c, words[0]) : 0;
}

/* --- removing ----------------------------------------------------------------------------------------------------- */

/* The item of the list whose text this is. The word points into it, and is gone with it. */
static int remove_item(cJSON *list, const char *text)
{
	cJSON *item = list ? list->child : NULL;

	while (item && item->valuestring != text)
		item = item->next;
	if (!item)
		return 0;
	cJSON_Delete(cJSON_DetachItemViaPointer(list, item));
	return 1;
}

static int remove_items(struct cmdline *c, const char *word)
{
	static const char *const names[] = { "command", "args" };
	int count = 0;

	for (int i = 0; i < c->starts[0].count; i++) {
		const struct shell_word *w = &c->starts[0].words[i];
		const char *text = shell_word_is(w, word) ? w->text : NULL;

		for (size_t n = 0; text && n < sizeof(names) / sizeof(names[0]); n++)
			count += remove_item(cJSON_GetObjectItemCaseSensitive(c->container, names[n]), text);
	}
	return count;
}

static int remove_text(struct cmdline *c, const char *word)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX);
	const char *from = c->text->valuestring;
	int count = 0;

	for (int i = 0; i < c->count; i++) {
		for (int k = 0; k < c->starts[i].count; k++) {
			const struct shell_word *w = &c->starts[i].words[k];

			if (!shell_word_is(w, word))
				continue;
			buf_add(&text, from, (size_t)(w->text - from) - (w->text > from && w->text[-1] == ' '));
			from = w->text + w->len;
			count++;
		}
	}
	buf_addstr(&text, from);
	if (!count)
		return 0;
	return set_text(c->text, &text) ? count : -1;
}

int cmdline_remove(struct cmdline *c, const char *word)
{
	if (c->kind == CMDLINE_NONE)
		return 0;
	return c->kind == CMDLINE_SHELL ? remove_text(c, word) : remove_items(c, word);
}
