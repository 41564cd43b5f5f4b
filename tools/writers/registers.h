/* registers.h - clients that read and write the same few keys, and the history of what each was told and when, which
 * tests/linearizable judges: a line of JSON each, with times in nanoseconds of one clock. A key is a register; every
 * write has a value of its own. What got no answer, or an error, has no "return": it may have happened or not. */
#ifndef CODIS_TOOLS_WRITERS_REGISTERS_H
#define CODIS_TOOLS_WRITERS_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REGISTERS_MAX 1024
/* Values of one client are its number and how many it wrote. */
#define REGISTERS_WRITES_MAX INT64_C(1000000000)

struct client;
struct error;

struct registers {
	int count;
	const char *run; /* in every key */
	FILE *history;   /* NULL: none is kept */
};

struct registers_operation {
	int client, key;
	bool write;
	int64_t value;              /* 0: of a key that nobody wrote to */
	int64_t call_ns, return_ns; /* return_ns 0: the outcome is not known */
};

struct registers_client {
	struct registers *all;
	int number;
	struct client *client;
	uint64_t chance;
	int64_t writes;
};

/* run stays the caller's and is used until registers_close. file NULL: no history. 0, or -1 and *err. */
int registers_open(struct registers *all, int count, const char *run, const char *file, struct error *err);
/* After the last client has ended. 0, or -1: not all of the history could be written. Again: 0. */
int registers_close(struct registers *all);
/* Of the client's thread: begin, steps, end, which reads every register once more. */
void registers_begin(struct registers_client *r);
/* Reads or writes one of them. False: there was no answer, or an error, which client->said has. */
bool registers_step(struct registers_client *r);
void registers_end(struct registers_client *r);

/* The line of an operation. size >= 192. */
void registers_line(const struct registers_operation *o, char *out, size_t size);
/* A value as a number; 0: it is none, as no client wrote it. */
int64_t registers_number(const char *value, size_t len);

#endif
