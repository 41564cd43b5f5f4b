/* record.h - what writers were acknowledged and when, and what can be told from it: gaps, and what a fault has cost.
 * All times are monotonic microseconds. */
#ifndef CODIS_TESTS_DEMO_RECORD_H
#define CODIS_TESTS_DEMO_RECORD_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

/* Redis replication is asynchronous: what is promised ends this long before a fault (README, "What is promised"). */
#define RECORD_TAIL_US     50000
#define RECORD_WRITERS_MAX 64

/* One writer's acknowledgements: write number i was acknowledged at at_us[i]. One thread adds, others may read. */
struct record {
	int64_t *at_us; /* allocated */
	size_t max;
	atomic_size_t count;
};

int record_init(struct record *r, size_t max); /* 0, or -1: no memory. Memory is taken as it fills. */
void record_release(struct record *r);
int record_add(struct record *r, int64_t at_us); /* 0, or -1: full */
/* The number of the first write that was acknowledged at since_us or later; count when there is none. */
size_t record_first(const struct record *r, int64_t since_us);

struct gap {
	int64_t begin_us, end_us;
	int writer; /* -1: all of them */
};

/* The longest time that a single writer spent without an acknowledgement, of the gaps that touch [from_us, to_us]; what
 * lies behind to_us is not counted. This is the outage that the unluckiest client has seen. n <= RECORD_WRITERS_MAX. */
struct gap record_worst_gap(const struct record *writers, int n, int64_t from_us, int64_t to_us);
/* The same, of the gaps that had begun by soon_us: what the fault itself has cost, without what the repair costs later.
 */
struct gap record_first_gap(const struct record *writers, int n, int64_t from_us, int64_t soon_us, int64_t to_us);
/* The longest time without an acknowledgement to any writer. */
struct gap record_common_gap(const struct record *writers, int n, int64_t from_us, int64_t to_us);

/* When a write that is missing was acknowledged, seen from the fault that it is charged to. */
enum loss {
	LOSS_BEFORE, /* more than RECORD_TAIL_US before: must not happen */
	LOSS_TAIL,   /* in the last RECORD_TAIL_US before, or as long after, when answers were still under way */
	LOSS_AFTER,  /* later: must not happen either */
	LOSS_KINDS
};

/* faults: in the order of time, at least one. A write between two faults is charged to the later one unless it is in
 * the tail of the earlier. Sets *fault to the index. */
enum loss record_charge(int64_t at_us, const int64_t *faults, int n, int *fault);

#endif
