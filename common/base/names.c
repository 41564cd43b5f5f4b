#include "common/base/names.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"

#define SLOTS_MIN 64

struct name {
	char *text; /* NULL: free */
	uint32_t hash, len;
	uint32_t held; /* of a free one: the next that is free */
};

uint32_t names_hash(const char *text, size_t len)
{
	uint64_t hash = hash_bytes(HASH_INIT ^ len, text, len);

	return (uint32_t)(hash ^ (hash >> 32));
}

void names_release(struct names *n)
{
	for (uint32_t i = 1; i < n->end; i++)
		free(n->all[i].text);
	free(n->all);
	free(n->slots);
	*n = (struct names){ .all = NULL };
}

/* Names are short: calling memcmp() costs more than comparing. */
static bool is(const struct name_slot *slot, const char *text, size_t len)
{
	uint64_t a, b;
	size_t at = 0;

	if (slot->len != len || len < sizeof(a))
		return slot->len == len && memcmp(slot->text, text, len) == 0;
	for (; at + sizeof(a) <= len; at += sizeof(a)) {
		memcpy(&a, slot->text + at, sizeof(a));
		memcpy(&b, text + at, sizeof(b));
		if (a != b)
			return false;
	}
	memcpy(&a, slot->text + len - sizeof(a), sizeof(a));
	memcpy(&b, text + len - sizeof(b), sizeof(b));
	return a == b;
}

/* Where the text stands, or the free slot where it would. */
static struct name_slot *slot_of(const struct names *n, const char *text, size_t len, uint32_t hash)
{
	uint32_t mask = n->slot_cap - 1;

	for (uint32_t i = hash & mask;; i = (i + 1) & mask) {
		struct name_slot *slot = &n->slots[i];

		if (!slot->number || (slot->hash == hash && is(slot, text, len)))
			return slot;
	}
}

uint32_t names_find_hashed(const struct names *n, const char *text, size_t len, uint32_t hash)
{
	return n->slot_cap ? slot_of(n, text, len, hash)->number : 0;
}

uint32_t names_find(const struct names *n, const char *text, size_t len)
{
	return names_find_hashed(n, text, len, names_hash(text, len));
}

void names_prepare(const struct names *n, uint32_t hash)
{
	if (n->slot_cap)
		__builtin_prefetch(&n->slots[hash & (n->slot_cap - 1)]);
}

const char *names_text(const struct names *n, uint32_t number)
{
	return n->all[number].text;
}

uint32_t names_hash_of(const struct names *n, uint32_t number)
{
	return n->all[number].hash;
}

static void place(struct names *n, uint32_t number)
{
	uint32_t mask = n->slot_cap - 1, i = n->all[number].hash & mask;

	while (n->slots[i].number)
		i = (i + 1) & mask;
	n->slots[i] = (struct name_slot){ n->all[number].text, n->all[number].hash, number, n->all[number].len };
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
		if (n->all[i].text)
			place(n, i);
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
		all = realloc(n->all, cap * sizeof(*all));
		if (!all)
			return 0;
		n->all = all;
		n->cap = cap;
	}
	if (!n->end)
		n->all[n->end++] = (struct name){ .text = NULL };
	n->all[n->end] = (struct name){ .text = NULL };
	return n->end;
}

static uint32_t add(struct names *n, const char *text, size_t len, uint32_t hash)
{
	uint32_t number = make_number(n);
	char *copy = number ? malloc(len + 1) : NULL;

	if (!copy)
		return 0;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (number == n->end)
		n->end++;
	else
		n->free = n->all[number].held;
	n->all[number] = (struct name){ .text = copy, .hash = hash, .len = (uint32_t)len, .held = 1 };
	place(n, number);
	n->count++;
	return number;
}

uint32_t names_take(struct names *n, const char *text, size_t len)
{
	uint32_t hash = names_hash(text, len), number;

	if (make_slots(n) < 0)
		return 0;
	number = slot_of(n, text, len, hash)->number;
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
	struct name *name = &n->all[number];

	if (!number || --name->held)
		return number ? name->held : 0;
	take_out(n, number);
	free(name->text);
	*name = (struct name){ .held = n->free };
	n->free = number;
	n->count--;
	return 0;
}
