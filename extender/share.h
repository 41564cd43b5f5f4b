/* share.h - what each node would have, if codis pods were shared out among a call's candidates by their size, and by
 * how much one has more. Whoever has less than its share is as good as any other: which of these is best the
 * scheduler's own scores know better, which see others' pods. Pure, in integers. */
#ifndef CODIS_EXTENDER_SHARE_H
#define CODIS_EXTENDER_SHARE_H

#include <stdint.h>

#include "extender/census.h"

/* Of the asking pod's product on a node: its pods, and of these the first members of their groups. */
struct share_own {
	uint32_t pods, masters;
};

/* Sums over the candidates that pass, and from them what falls to a node of size 1, in fractions (share.c). */
struct shares {
	uint64_t count, sizes, masters, memory_mib, own_pods, own_masters;
	uint64_t masters_rate, memory_rate, own_pods_rate, own_masters_rate;
};

static inline uint32_t share_size(const struct census_node *n)
{
	return n->size ? n->size : CENSUS_SIZE_UNKNOWN;
}

/* Fractions of 2^-31 (of memory 2^-20), so that nothing overflows: 20,000 candidates with sizes and counts below 2^16
 * each make sums below 2^31, and with less than 2^26 MiB of memory, 2^41. */
#define SHARE_BITS        31
#define SHARE_MEMORY_BITS 20
#define SHARE_MEMORY_MAX  (UINT32_C(1) << 26)

static inline uint32_t share_memory_of(const struct census_node *n)
{
	return n->memory_mib < SHARE_MEMORY_MAX ? n->memory_mib : SHARE_MEMORY_MAX;
}

/* A candidate is added; and then, all were. */
static inline void shares_add(struct shares *s, const struct census_node *n, struct share_own own)
{
	s->count++;
	s->sizes += share_size(n);
	s->masters += n->masters;
	s->memory_mib += share_memory_of(n);
	s->own_pods += own.pods;
	s->own_masters += own.masters;
}
void shares_settle(struct shares *s);

/* How many there would be above a share, rounded down, with one more. */
static inline int share_above(uint64_t count, uint64_t size, uint64_t rate)
{
	uint64_t share = size * rate, with_one = (count + 1) << SHARE_BITS;

	return with_one > share ? (int)((with_one - share) >> SHARE_BITS) : 0;
}

/* Masters of all products; of a node, or of a zone with these sizes. */
static inline int share_masters(const struct shares *s, uint64_t size, uint64_t masters)
{
	return share_above(masters, size, s->masters_rate);
}

/* The product's masters. */
static inline int share_own_masters(const struct shares *s, const struct census_node *n, uint32_t masters)
{
	return share_above(masters, share_size(n), s->own_masters_rate);
}

/* The product's pods: above its share and some more (share.c). */
static inline int share_own_pods(const struct shares *s, const struct census_node *n, uint32_t pods)
{
	return share_above(pods, share_size(n), s->own_pods_rate);
}

/* The memory that all ask for, with one more that asks for so much, above its share and some more: in steps of a 32nd
 * to a 64th of what the node has, rounded up. */
static inline int share_memory(const struct shares *s, const struct census_node *n, uint32_t memory_mib)
{
	uint64_t size = share_size(n), share = size * s->memory_rate;
	uint64_t with_it = (uint64_t)(share_memory_of(n) + memory_mib) << SHARE_MEMORY_BITS;
	/* Of size 1, 64 MiB, 2 MiB: a 32nd; of sizes between powers of two somewhat less. */
	int step = 64 - __builtin_clzll(size);

	return with_it > share ? 1 + (int)((with_it - share) >> SHARE_MEMORY_BITS >> step) : 0;
}

#endif
