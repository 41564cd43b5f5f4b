/* tally.h - what is counted of the reviews: metrics, and one line of the log a minute. */
#ifndef CODIS_WEBHOOK_TALLY_H
#define CODIS_WEBHOOK_TALLY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct logger;
struct metric;
struct metrics;

enum review_result { REVIEW_ALLOWED, REVIEW_CHANGED, REVIEW_REFUSED, REVIEW_BAD };

struct tally {
	struct metric *requests[2][REVIEW_BAD + 1], *seconds[2]; /* of validate, of mutate */
	struct metric *patches, *patch_bytes;
	atomic_ulong results[REVIEW_BAD + 1], warnings; /* since the last line */
};

const char *review_result_name(enum review_result result);

/* The metrics are there from now on, at 0; they are looked up this once, since each look is 1 % of a review. m is the
 * caller's, and outlives the tally. */
void tally_begin(struct tally *tally, struct metrics *m);
/* These, any thread. */
void tally_review(struct tally *tally, bool mutating, enum review_result result, int warnings);
/* Of the answer to one review. */
void tally_time(struct tally *tally, bool mutating, int64_t us);
void tally_patch(struct tally *tally, size_t bytes);

/* event=reviews with the numbers, where there were any; and begins anew. */
void tally_log(struct tally *tally, const struct logger *log);

#endif
