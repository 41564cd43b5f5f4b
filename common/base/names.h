/* names.h - numbers for texts: each text that is held has one, small ones first, so that arrays can be kept by number
 * and texts need not be compared. A number is given again when nobody holds its text any more. */
#ifndef CODIS_BASE_NAMES_H
#define CODIS_BASE_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct json_span;
struct name;
struct name_slot;

struct names {
	struct name *all;        /* by number; 0 is none */
	struct name_slot *slots; /* number 0: free */
	uint32_t end, cap;       /* of all: end is one more than the greatest number there was */
	uint32_t slot_cap;       /* a power of two, or 0 */
	uint32_t count, free;    /* free: the first number that may be given again, or 0 */
};

/* Of zeros it is empty. */
void names_release(struct names *n);

/* The number of a text, which is held once more. 0: no memory. */
uint32_t names_take(struct names *n, const char *text, size_t len);
/* Holds what has this number once more. */
void names_hold(struct names *n, uint32_t number);
/* Holds it once less; 0 is nothing. Returns how often it is held then. */
uint32_t names_drop(struct names *n, uint32_t number);
/* 0: nobody holds it. */
uint32_t names_find(const struct names *n, const char *text, size_t len);
/* The same for many at once, which costs less than one after the other. */
void names_find_all(const struct names *n, const struct json_span *texts, size_t count, uint32_t *numbers);
/* Its text, a C string that is valid until another is taken. */
const char *names_text(const struct names *n, uint32_t number);

/* The hash of a text, and that of one that is held. */
uint32_t names_hash(const char *text, size_t len);
uint32_t names_hash_of(const struct names *n, uint32_t number);

#endif
