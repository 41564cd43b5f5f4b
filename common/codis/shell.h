/* shell.h - as much of the shell's grammar as it takes to find a command in a text and to know where its words end.
 *
 * It splits a text into its simple commands ("mkdir -p x", "exec codis-server x.conf") without running or expanding
 * anything. What it cannot follow surely (case, here-strings, quotes that do not close, ...) is an error, never a
 * guess: whoever edits the text then leaves it alone. So is a longer text than a program can be given. Source:
 * POSIX.1-2017, Shell Command Language, 2.2 - 2.10. */
#ifndef CODIS_CODIS_SHELL_H
#define CODIS_CODIS_SHELL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct buf;
struct error;

#define SHELL_WORDS 256
/* The kernel takes no longer word (MAX_ARG_STRLEN, with its NUL), so what is longer is never run. */
#define SHELL_TEXT_MAX 131071

/* Of the name of a variable. */
#define SHELL_NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

/* As written, with its quotes. */
struct shell_word {
	const char *text;
	size_t len;
};

/* As it is written. */
static inline bool shell_word_is(const struct shell_word *w, const char *text)
{
	return w->len == strlen(text) && memcmp(w->text, text, w->len) == 0;
}

/* The words of one simple command in order; redirections are none of them. The first may be an assignment or a reserved
 * word ("if", "then", "{"). unclear: it is the name of a function, or shells do not agree on its words. */
struct shell_command {
	int count;
	bool unclear;
	struct shell_word words[SHELL_WORDS];
};

/* Calls fn for each simple command that has a word; fn's non-zero value ends it and is returned. 0 at the end, or -1
 * and *err. Commands inside $(...), `...` and quotes are part of the word that they stand in. */
int shell_each(const char *text, int (*fn)(void *ctx, const struct shell_command *command), void *ctx,
	       struct error *err);

/* Index of the word that names the program, behind assignments and reserved words; count when there is none. */
int shell_program(const struct shell_command *command);

/* Whether the text gives the variable another value than it has: "NAME=x", but neither "NAME=$NAME" nor, unless it is
 * empty, "NAME=${NAME:-x}". What `read` or another file sets is not seen. */
bool shell_sets(const char *text, const char *name, size_t len, bool is_empty);

/* A place in a text whose lines are gone through one after the other: in which quote it is, or whether in a comment. It
 * begins as { text, text }, and is moved forth. */
struct shell_place {
	const char *text, *at;
	char quote; /* '\0': in none */
	bool comment;
};

void shell_place_move(struct shell_place *place, const char *to);

/* How much of a comment the line, a shell's or a file's in its text, has from this place on; 0: it is in none. It goes
 * back to the line's beginning. */
size_t shell_comment(const char *text, const char *at);

/* Where the text has this first, but for its comments; NULL: nowhere. Who has put a step out of work has not removed
 * it. */
const char *shell_find(const char *text, const char *what);

/* Appends the word without its quotes; out's limit cuts it. False when only a shell could tell what it is ($, `). */
bool shell_plain(const struct shell_word *word, struct buf *out);

#endif
