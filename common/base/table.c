#include "common/base/table.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 64

static struct table_link **bucket(const struct table *t, uint64_t hash)
{
	/* Upper bits, too: FNV's lower ones differ least. */
	return t->buckets ? &t->buckets[(hash ^ hash >> 32) & (t->cap - 1)] : (struct table_link **)&t->only;
}

static void insert(struct table *t, struct table_link *link)
{
	struct table_link **head = bucket(t, link->hash);

	link->next = *head;
	link->at = head;
	if (link->next)
		link->next->at = &link->next;
	*head = link;
}

static void move_all(struct table *t, struct table_link *link)
{
	for (struct table_link *next; link; link = next) {
		next = link->next;
		insert(t, link);
	}
}

static void grow(struct table *t)
{
	struct table old = *t;
	size_t cap = old.cap ? 2 * old.cap : FIRST_CAP;
	struct table_link **grown = calloc(cap, sizeof(struct table_link *));

	if (!grown)
		return;
	t->buckets = grown;
	t->cap = cap;
	t->only = NULL;
	move_all(t, old.only);
	for (size_t i = 0; i < old.cap; i++)
		move_all(t, old.buckets[i]);
	free(old.buckets);
}

void table_add(struct table *t, struct table_link *link, uint64_t hash)
{
	if (t->count >= t->cap)
		grow(t);
	link->hash = hash;
	insert(t, link);
	t->count++;
}

void table_remove(struct table *t, struct table_link *link)
{
	if (!link->at)
		return;
	*link->at = link->next;
	if (link->next)
		link->next->at = link->at;
	link->next = NULL;
	link->at = NULL;
	t->count--;
}

static struct table_link *with_hash(struct table_link *link, uint64_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct table_link *table_first(const struct table *t, uint64_t hash)
{
	return with_hash(*bucket(t, hash), hash);
}

struct table_link *table_next(const struct table_link *link)
{
	return with_hash(link->next, link->hash);
}

struct table_link *table_walk(const struct table *t, const struct table_link *link)
{
	struct table_link **head;

	if (link && link->next)
		return link->next;
	if (!t->buckets)
		return link ? NULL : t->only;
	head = link ? bucket(t, link->hash) + 1 : t->buckets;
	while (head < t->buckets + t->cap && !*head)
		head++;
	return head < t->buckets + t->cap ? *head : NULL;
}

void table_release(struct table *t)
{
	for (struct table_link *link = table_walk(t, NULL), *next; link; link = next) {
		next = table_walk(t, link);
		link->at = NULL;
	}
	free(t->buckets);
	memset(t, 0, sizeof(*t));
}
