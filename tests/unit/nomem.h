/* nomem.h - memory that runs out: the nth allocation of this thread fails, for every n, also where a library makes it.
 *
 *     NOMEM_EACH {                               first without a failure, then with the 1st, the 2nd, ...
 *             struct thing *t = thing_of_test();  what the test needs, and frees
 *
 *             nomem_on();
 *             r = thing_do(t, &err);              only what is asked here can fail
 *             nomem_off();
 *             if (r < 0) assert_int_equal(err.code, ERR_NOMEM);   a clean refusal,
 *             else assert_equal(t, expected);                      or right
 *             thing_free(t);
 *     }
 *
 * Each n is played twice: that allocation alone fails, and it and all after it. A round that leaves more memory in use
 * than it began with fails the test (the first two rounds, which have no failure, may fill what a library keeps for
 * ever). It ends at the first n that is not reached. What a test asserts must be allocated outside of on .. off.
 *
 * The program that uses it has malloc and its like from nomem.c, over the C library's own or the sanitizer's. */
#ifndef CODIS_TESTS_NOMEM_H
#define CODIS_TESTS_NOMEM_H

#include <stdbool.h>

#define NOMEM_EACH for (nomem_begin(__FILE__, __LINE__); nomem_next();)

void nomem_begin(const char *file, int line);
bool nomem_next(void);

void nomem_on(void);
void nomem_off(void);

/* What a test's peer does in between, for whom there is memory, to the end of the block. */
#define NOMEM_PAUSE __attribute__((cleanup(nomem_resume), unused)) bool nomem_was_on = nomem_pause()
bool nomem_pause(void);
void nomem_resume(const bool *was_on);

/* Whether an allocation has failed in this round. */
bool nomem_failed(void);
/* The first round, which gives what the others are compared with: nothing fails in it. */
bool nomem_is_first(void);

#endif
