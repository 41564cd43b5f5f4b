/* fuzz.h - what the harnesses of `make fuzz` share. Each tests/fuzz/<name>.c is one harness, a program of its own: it
 * feeds a parser with whatever libFuzzer thinks of, and checks what must hold of the answer. A file <program>_<name>.c
 * may use that program's parts; all others use what is common only.
 *
 * A harness keeps nothing from one input to the next, so that an input fails again when it is tried alone. A line
 * "fuzz: OPTION..." in its comment has options of libFuzzer for it. */
#ifndef CODIS_TESTS_FUZZ_FUZZ_H
#define CODIS_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* What must hold, in every build. */
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #x);                                \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* An input in parts. Each part that is a text is copied, so that a byte behind its end is not the input's. */
struct input {
	const uint8_t *at;
	size_t len;
};

/* 0 at the end. */
static inline unsigned take_byte(struct input *in)
{
	if (!in->len)
		return 0;
	in->len--;
	return *in->at++;
}

/* What is left, with a NUL behind it, the caller's. Its length is `in->len`, its C string may be shorter. */
static inline char *take_text(const struct input *in)
{
	char *text = malloc(in->len + 1);

	CHECK(text);
	if (in->len)
		memcpy(text, in->at, in->len);
	text[in->len] = '\0';
	return text;
}

/* What is before the next newline, or all: the rest is left in *in, without that newline. */
static inline struct input take_line(struct input *in)
{
	const uint8_t *end = in->len ? memchr(in->at, '\n', in->len) : NULL;
	struct input line = { in->at, end ? (size_t)(end - in->at) : in->len };
	size_t taken = line.len + (end != NULL);

	in->at = taken ? in->at + taken : in->at;
	in->len -= taken;
	return line;
}

#endif
