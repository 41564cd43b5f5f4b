/* wire.h - RESP in and out. hiredis' reader does the parsing; its callbacks put the bytes together again, since a proxy
 * passes on what it does not look into. */
#ifndef CODIS_SIM_WIRE_H
#define CODIS_SIM_WIRE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct redisReader;

/* A reader that appends every reply it has read to out. */
struct redisReader *wire_reply_reader(struct buf *out);

/* --- commands of clients ------------------------------------------------------------------------------------------ */
struct word {
	size_t at, len; /* in the line's wire */
};

struct command_line {
	struct buf *wire; /* the command as it is passed on */
	struct word *words;
	int n, cap, expected;
	bool bad;
};

struct redisReader *wire_command_reader(struct command_line *line);
void line_begin(struct command_line *line, int n_words);
void line_word(struct command_line *line, const char *data, size_t len);
void line_release(struct command_line *line);
const char *line_data(const struct command_line *line, int i);

void wire_bulk(struct buf *out, const char *data, size_t len);
void wire_array(struct buf *out, int n);
void wire_word(struct buf *out, const char *text); /* a bulk of a C string */

#endif
