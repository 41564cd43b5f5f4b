#include "tools/writers/record.h"

#include <stdlib.h>

int record_init(struct record *r, size_t max)
{
	r->at_us = calloc(max, sizeof(*r->at_us));
	r->max = max;
	atomic_init(&r->count, 0);
	return r->at_us ? 0 : -1;
}

void record_release(struct record *r)
{
	free(r->at_us);
	r->at_us = NULL;
	r->max = 0;
	atomic_store(&r->count, 0);
}

int record_add(struct record *r, int64_t at_us)
{
	size_t count = atomic_load_explicit(&r->count, memory_order_relaxed);

	if (count == r->max)
		return -1;
	r->at_us[count] = at_us;
	atomic_store_explicit(&r->count, count + 1, memory_order_release);
	return 0;
}

static size_t record_count(const struct record *r)
{
	return atomic_load_explicit(&r->count, memory_order_acquire);
}

size_t record_first(const struct record *r, int64_t since_us)
{
	size_t low = 0, high = record_count(r);

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (r->at_us[middle] < since_us)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void longest(struct gap *worst, int64_t begin_us, int64_t end_us, int writer)
{
	if (end_us - begin_us > worst->end_us - worst->begin_us)
		*worst = (struct gap){ .begin_us = begin_us, .end_us = end_us, .writer = writer };
}

/* Where a gap that is under way at from_us has begun: at the acknowledgement before it, if there is one. */
static int64_t gap_begin(const struct record *r, size_t first, int64_t from_us)
{
	return first > 0 ? r->at_us[first - 1] : from_us;
}

struct gap record_first_gap(const struct record *writers, int n, int64_t from_us, int64_t soon_us, int64_t to_us)
{
	struct gap worst = { .begin_us = from_us, .end_us = from_us, .writer = -1 };

	for (int w = 0; w < n; w++) {
		size_t count = record_count(&writers[w]), i = record_first(&writers[w], from_us);
		int64_t begin_us = gap_begin(&writers[w], i, from_us);

		for (; i < count && begin_us <= soon_us && writers[w].at_us[i] < to_us; i++) {
			longest(&worst, begin_us, writers[w].at_us[i], w);
			begin_us = writers[w].at_us[i];
		}
		if (begin_us <= soon_us)
			longest(&worst, begin_us, to_us, w);
	}
	return worst;
}

struct gap record_worst_gap(const struct record *writers, int n, int64_t from_us, int64_t to_us)
{
	return record_first_gap(writers, n, from_us, to_us, to_us);
}

/* The writer with the earliest acknowledgement that is still ahead; -1: none. */
static int earliest(const struct record *writers, int n, const size_t *head)
{
	int best = -1;

	for (int w = 0; w < n; w++) {
		if (head[w] == record_count(&writers[w]))
			continue;
		if (best < 0 || writers[w].at_us[head[w]] < writers[best].at_us[head[best]])
			best = w;
	}
	return best;
}

struct gap record_common_gap(const struct record *writers, int n, int64_t from_us, int64_t to_us)
{
	struct gap worst = { .begin_us = from_us, .end_us = from_us, .writer = -1 };
	size_t head[RECORD_WRITERS_MAX];
	int64_t begin_us = 0;
	int w;

	for (w = 0; w < n; w++) {
		head[w] = record_first(&writers[w], from_us);
		if (head[w] > 0 && writers[w].at_us[head[w] - 1] > begin_us)
			begin_us = writers[w].at_us[head[w] - 1];
	}
	begin_us = begin_us ? begin_us : from_us;
	while ((w = earliest(writers, n, head)) >= 0 && writers[w].at_us[head[w]] < to_us) {
		longest(&worst, begin_us, writers[w].at_us[head[w]], -1);
		begin_us = writers[w].at_us[head[w]++];
	}
	longest(&worst, begin_us, to_us, -1);
	return worst;
}

enum loss record_charge(int64_t at_us, const int64_t *faults, int n, int *fault)
{
	int next = 0;

	while (next < n && faults[next] < at_us)
		next++;
	if (next > 0 && at_us - faults[next - 1] <= RECORD_TAIL_US) {
		*fault = next - 1;
		return LOSS_TAIL;
	}
	*fault = next < n ? next : n - 1;
	if (next == n)
		return LOSS_AFTER;
	return faults[next] - at_us <= RECORD_TAIL_US ? LOSS_TAIL : LOSS_BEFORE;
}
