#include "common/base/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/json_span.h"
#include "common/base/memory.h"

#define SLOTS_MIN 64
/* Texts that are looked for at once: what they need is on its way to the processor meanwhile. */
#define AT_ONCE 16

/* 64 bytes, so that a look at one reads one line of memory. */
struct name {
	uint32_t hash, len;
	uint32_t held; /* 0: free */
	uint32_t next; /* of a free one: the next that is free */
	union {
		char here[48]; /* a text that fits in with its NUL, which is most of them */
		char *there;
	};
};

struct name_slot {
	uint32_t hash, number; /* number 0: free */
};

static const char *text_of(const struct name *name)
{
	return name->len < sizeof(name->here) ? name->here : name->there;
}

/* A free one is of no length. */
static void free_text(struct name *name)
{
	if (name->len >= sizeof(name->here))
		free(name->there);
}

uint32_t names_hash(const char *text, size_t len)
{
	uint64_t hash = hash_bytes(HASH_INIT, text, len);

	return (uint32_t)(hash ^ (hash >> 32));
}

void names_release(struct names *n)
{
	for (uint32_t i = 1; i < n->end; i++)
		free_text(&n->all[i]);
	free(n->all);
	free(n->slots);
	*n = (struct names){ .all = NULL };
}

/* Names are short: calling memcmp() costs more than comparing, sixteen bytes at a time, the last twice in part. */
static inline bool is(const struct name *name, const char *text, size_t len)
{
	const char *its = text_of(name);

	if (name->len != len || len < 16)
		return name->len == len && memcmp(its, text, len) == 0;
	for (size_t at = 0; at + 16 < len; at += 16) {
		if (memcmp(its + at, text + at, 16) != 0)
			return false;
	}
	return memcmp(its + len - 16, text + len - 16, 16) == 0;
}

static inline bool is_in(const struct names *n, const struct name_slot *slot, const char *text, size_t len,
			 uint32_t hash)
{
	return slot->hash == hash && slot->number && is(&n->all[slot->number], text, len);
}

static uint32_t find(const struct names *n, const char *text, size_t len, uint32_t hash)
{
	uint32_t mask = n->slot_cap - 1;

	for (uint32_t i = hash & mask; n->slot_cap; i = (i + 1) & mask) {
		const struct name_slot *slot = &n->slots[i];

		if (!slot->number || is_in(n, slot, text, len, hash))
			return slot->number;
	}
	return 0;
}

uint32_t names_find(const struct names *n, const char *text, size_t len)
{
	return find(n, text, len, names_hash(text, len));
}

static void find_some(const struct names *n, const struct json_span *texts, size_t count, uint32_t *numbers)
{
	uint32_t hashes[AT_ONCE], mask = n->slot_cap - 1;

	for (size_t i = 0; i < count; i++) {
		hashes[i] = names_hash(texts[i].at, texts[i].len);
		__builtin_prefetch(&n->slots[hashes[i] & mask]);
	}
	for (size_t i = 0; i < count; i++)
		__builtin_prefetch(&n->all[n->slots[hashes[i] & mask].number]);
	for (size_t i = 0; i < count; i++) {
		const struct name_slot *first = &n->slots[hashes[i] & mask];

		numbers[i] = is_in(n, first, texts[i].at, texts[i].len, hashes[i])
				     ? first->number
				     : find(n, texts[i].at, texts[i].len, hashes[i]);
	}
}

void names_find_all(const struct names *n, const struct json_span *texts, size_t count, uint32_t *numbers)
{
	if (!n->count) {
		for (size_t i = 0; i < count; i++) /* not memset: of none there may be no array */
			numbers[i] = 0;
		return;
	}
	for (size_t i = 0; i < count; i += AT_ONCE)
		find_some(n, texts + i, count - i < AT_ONCE ? count - i : AT_ONCE, numbers + i);
}

const char *names_text(const struct names *n, uint32_t number)
{
	return text_of(&n->all[number]);
}

uint32_t names_hash_of(const struct names *n, uint32_t number)
{
	return n->all[number].hash;
}

static void set_slot(struct names *n, uint32_t number)
{
	uint32_t mask = n->slot_cap - 1, i = n->all[number].hash & mask;

	while (n->slots[i].number)
		i = (i + 1) & mask;
	n->slots[i] = (struct name_slot){ n->all[number].hash, number };
}

/* So that half of the slots stay free. */
static int make_slots(struct names *n)
{
	uint32_t cap = n->slot_cap ? 2 * n->slot_cap : SLOTS_MIN;
	struct name_slot *slots, *old = n->slots;

	if (2 * (n->count + 1) <= n->slot_cap)
		return 0;
	slots = calloc(cap, sizeof(*slots));
	if (!slots)
		return -1;
	n->slots = slots;
	n->slot_cap = cap;
	for (uint32_t i = 1; i < n->end; i++) {
		if (n->all[i].held)
			set_slot(n, i);
	}
	free(old);
	return 0;
}

/* A number that is free, still to be filled; 0: no memory. */
static uint32_t make_number(struct names *n)
{
	uint32_t cap = n->cap ? 2 * n->cap : SLOTS_MIN;
	struct name *all;

	if (n->free)
		return n->free;
	if (n->end == n->cap) {
		all = memory_grow_lines(n->all, n->cap * sizeof(*all), cap * sizeof(*all));
		if (!all)
			return 0;
		n->all = all;
		n->cap = cap;
	}
	if (!n->end)
		n->all[n->end++] = (struct name){ .held = 0 };
	return n->end;
}

/* 0, or -1: no memory. */
static int set_text(struct name *name, const char *text, size_t len)
{
	char *copy = len < sizeof(name->here) ? name->here : malloc(len + 1);

	if (!copy)
		return -1;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (copy != name->here)
		name->there = copy;
	name->len = (uint32_t)len;
	return 0;
}

static uint32_t add(struct names *n, const char *text, size_t len, uint32_t hash)
{
	uint32_t number = make_number(n);
	struct name name = { .hash = hash, .held = 1 };

	if (!number || set_text(&name, text, len) < 0)
		return 0;
	if (number == n->end)
		n->end++;
	else
		n->free = n->all[number].next;
	n->all[number] = name;
	set_slot(n, number);
	n->count++;
	return number;
}

uint32_t names_take(struct names *n, const char *text, size_t len)
{
	uint32_t hash = names_hash(text, len), number;

	if (make_slots(n) < 0)
		return 0;
	number = find(n, text, len, hash);
	if (!number)
		return add(n, text, len, hash);
	names_hold(n, number);
	return number;
}

void names_hold(struct names *n, uint32_t number)
{
	n->all[number].held++;
}

/* What stands behind it in one row moves up, where it would not be found any more. */
static void take_out(struct names *n, uint32_t number)
{
	uint32_t mask = n->slot_cap - 1, i = n->all[number].hash & mask, next;

	while (n->slots[i].number != number)
		i = (i + 1) & mask;
	for (next = (i + 1) & mask; n->slots[next].number; next = (next + 1) & mask) {
		uint32_t home = n->slots[next].hash & mask;

		if (((next - home) & mask) < ((next - i) & mask))
			continue;
		n->slots[i] = n->slots[next];
		i = next;
	}
	n->slots[i].number = 0;
}

uint32_t names_drop(struct names *n, uint32_t number)
{
	struct name *name;

	if (!number)
		return 0;
	name = &n->all[number];
	if (--name->held)
		return name->held;
	take_out(n, number);
	free_text(name);
	*name = (struct name){ .next = n->free };
	n->free = number;
	n->count--;
	return 0;
}
