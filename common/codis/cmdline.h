/* cmdline.h - where a container's command line starts a program, with which words, and how to add more of them.
 *
 * Shapes: ["codis-server", "x.conf"]; args for an image whose entrypoint is the program; a launcher in front
 * ("tini -- codis-server"); and a shell with a text that starts it, perhaps at several places. */
#ifndef CODIS_CODIS_CMDLINE_H
#define CODIS_CODIS_CMDLINE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "common/codis/shell.h"

struct buf;

#define CMDLINE_STARTS    4
#define CMDLINE_VALUE_MAX 4096 /* of an address or a password */

enum cmdline_kind {
	CMDLINE_NONE,  /* no start was found: see why */
	CMDLINE_WORDS, /* the container's own words */
	CMDLINE_SHELL, /* in the text that a shell gets */
};

/* One place where the program is started: what stands behind its name. Behind these, the words that are handed to it by
 * "$@" and variables, as far as they are known: they are read, and never changed. */
struct cmdline_start {
	int count, handed;
	struct shell_word words[SHELL_WORDS];
};

struct cmdline {
	enum cmdline_kind kind;
	const char *why; /* of CMDLINE_NONE: "it has no command" */
	const cJSON *container;
	cJSON *text; /* that a shell gets, also where no start was found in it; NULL: none does */
	int count;
	struct cmdline_start starts[CMDLINE_STARTS];
	struct shell_word unfollowed; /* of a start: a variable that has words which are not known. len 0: none is */
};

/* Looks for the programs (a NULL-terminated list of names, any path) in the container; points into it, so that both
 * must stay as they are while *c is used. A program's name counts where it is run: first, behind a launcher, or in a
 * shell's text. args_alone: words without a command that look like the program's own arguments are taken for them. */
void cmdline_find(const cJSON *container, const char *const *programs, bool args_alone, struct cmdline *c);

/* The text that a list of words (of a command, or of an exec hook) gives to a shell, whatever its other options are;
 * NULL: no shell gets one. */
const char *cmdline_shell_text(const cJSON *words);

/* Whether the text stands anywhere in the words of the container, whatever they start. */
bool cmdline_mentions(const cJSON *container, const char *text);

/* All words of the container as one start, whatever it is that they start. */
void cmdline_words(const cJSON *container, struct cmdline *c);

/* "--" alone ends an option list, and is none. */
static inline bool cmdline_is_flag(const struct shell_word *w)
{
	return w->len > 2 && memcmp(w->text, "--", 2) == 0;
}

/* Index of the start's word that is `flag` (as a word of its own, or before "=" or a blank), or -1. *value, where it is
 * not NULL, gets what follows it (len 0: nothing does). */
int cmdline_flag_of(const struct cmdline *c, const struct cmdline_start *s, const char *flag, size_t len,
		    struct shell_word *value);

/* Most flags are literals, whose length is known to the compiler. */
static inline int cmdline_flag(const struct cmdline *c, const struct cmdline_start *s, const char *flag,
			       struct shell_word *value)
{
	return cmdline_flag_of(c, s, flag, strlen(flag), value);
}

/* Whether the flag is there with this value, "" too. */
bool cmdline_flag_is(const struct cmdline *c, const struct cmdline_start *s, const char *flag, const char *text);

/* Whether the start's word at this index is the text; false where there is no such word. */
bool cmdline_word_is(const struct cmdline *c, const struct cmdline_start *s, int index, const char *text);

/* The word as text to stand between double quotes in another script of the same container. Variables of the container
 * stay variables. False when it depends on anything else, or is over out's limit; out is then undefined. Give an out
 * that is BUF_IN: what is not known for lack of memory must not look like what is not said. */
bool cmdline_quote(const struct cmdline *c, const struct shell_word *word, struct buf *out);

/* The flag's value, quoted like that, from the first start. False, and out empty, when there is none or it is not to be
 * known; so it is not where it has a variable that its shell text or an injector sets: another script has the
 * container's. */
bool cmdline_value(const struct cmdline *c, const char *flag, struct buf *out);

/* Whether the container's environment has this name, as far as the pod tells. */
bool cmdline_has_env(const cJSON *container, const char *name);

/* Whether what is started has another value of the variable than the container, and so than a probe or hook: where its
 * shell's text sets it, or it is a reference ("vault:secret/data/codis#password") that an injector's launcher replaces.
 */
bool cmdline_is_replaced(const struct cmdline *c, const char *name, size_t len);

/* Whether an entry of envFrom may hold the variable of that name, by its prefix. */
bool cmdline_may_hold(const cJSON *env_from, const char *name, size_t len);

/* Adds words[i] (blanks between, nothing that needs quotes; NULL: nothing) behind those of start i. Changes the
 * container, which must be the caller's to change; *c is stale then. 0 or -1 (no memory). */
int cmdline_append(struct cmdline *c, const char *const words[CMDLINE_STARTS]);

/* Takes the words that are `word`, as written, away from each start. Changes the container like that one. How many, or
 * -1 (no memory). */
int cmdline_remove(struct cmdline *c, const char *word);

#endif
