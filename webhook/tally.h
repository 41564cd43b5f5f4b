/* tally.h - what is counted of the reviews: metrics, and one line of the log a minute. */
#ifndef CODIS_WEBHOOK_TALLY_H
#define CODIS_WEBHOOK_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logger;
struct metrics;

enum review_result { REVIEW_ALLOWED, REVIEW_CHANGED, REVIEW_REFUSED, REVIEW_BAD };

/* Since the last line. All zero to begin with. */
struct tally {
	atomic_ulong results[REVIEW_BAD + 1], warnings;
};

const char *review_result_name(enum review_result result);

/* The metrics are there from now on, at 0. */
void tally_begin(struct metrics *m);
/* tally may be NULL: nobody writes the line. Any thread. */
void tally_review(struct metrics *m, struct tally *tally, bool mutating, enum review_result result, int warnings);
/* Of the answer to one review. */
void tally_time(struct metrics *m, bool mutating, int64_t us);
void tally_patch(struct metrics *m, size_t bytes);

/* event=reviews with the numbers, where there were any; and begins anew. */
void tally_log(struct tally *tally, const struct logger *log);

#endif
