#include "extender/reserve.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/hash.h"
#include "common/base/json_span.h"
#include "extender/census.h"

static uint64_t hash_of_group(const struct membership *m, bool silent)
{
	uint64_t hash = hash_text(HASH_INIT, m->namespace);

	if (!silent)
		hash = hash_text(hash_text(hash, "/"), m->product);
	return hash ^ ((uint64_t)m->group << 32) ^ ((uint64_t)m->component << 16);
}

static bool is_of(const struct reserved *pod, const struct membership *m, bool silent)
{
	const struct membership *its = &pod->member;

	return pod->silent == silent && its->component == m->component && its->group == m->group &&
	       strcmp(its->namespace, m->namespace) == 0 && (silent || strcmp(its->product, m->product) == 0);
}

void reservations_init(struct reservations *r, struct census *census)
{
	*r = (struct reservations){ .census = census };
	TAILQ_INIT(&r->by_deadline);
}

static struct census_pod counted(const struct reserved *pod)
{
	return (struct census_pod){ pod->member.namespace, pod->member.product, pod->member.master, pod->memory_mib };
}

/* What is wide says little of where the pod will be, so it is counted nowhere. */
static uint32_t hold(struct census *c, const struct reserved *pod, struct json_span node)
{
	const struct census_pod its = counted(pod);

	return pod->wide ? census_hold(c, node.at, node.len) : census_add(c, node.at, node.len, &its);
}

static void let_go(struct census *c, const struct reserved *pod, uint32_t node)
{
	const struct census_pod its = counted(pod);

	if (pod->wide)
		census_let_go(c, node);
	else
		census_remove(c, node, &its);
}

static void let_go_all(struct reservations *r, struct reservation *one)
{
	for (size_t i = 0; i < one->count; i++)
		let_go(r->census, &one->pod, one->nodes[i]);
	one->count = 0;
}

static void end_reservation(struct reservations *r, struct reservation *one)
{
	let_go_all(r, one);
	table_remove(&r->by_uid, &one->by_uid);
	table_remove(&r->by_group, &one->by_group);
	TAILQ_REMOVE(&r->by_deadline, one, by_deadline);
	free(one->nodes);
	free(one);
}

void reservations_release(struct reservations *r, bool forgotten)
{
	struct reservation *one;

	while ((one = TAILQ_FIRST(&r->by_deadline))) {
		one->count = forgotten ? 0 : one->count;
		end_reservation(r, one);
	}
	table_release(&r->by_uid);
	table_release(&r->by_group);
}

static const char *put(char **at, const char *text)
{
	size_t size = strlen(text) + 1;
	const char *put = memcpy(*at, text, size);

	*at += size;
	return put;
}

static struct reservation *reservation_new(const struct reserved *pod, size_t count)
{
	size_t texts = strlen(pod->uid) + strlen(pod->name) + strlen(pod->topology_key) + 3;
	struct reservation *one = calloc(1, sizeof(*one) + texts);
	char *at = one ? one->texts : NULL;

	if (!one)
		return NULL;
	one->nodes = calloc(count + 1, sizeof(*one->nodes));
	if (!one->nodes) {
		free(one);
		return NULL;
	}
	one->pod = *pod;
	one->pod.uid = put(&at, pod->uid);
	one->pod.name = put(&at, pod->name);
	one->pod.topology_key = put(&at, pod->topology_key);
	return one;
}

int reservations_add(struct reservations *r, const struct reserved *pod, const struct json_span *names,
		     const uint32_t *those, size_t count, int64_t deadline_ms)
{
	struct reservation *one;

	one = reservation_new(pod, count);
	if (!one)
		return -1;
	for (; one->count < count; one->count++) {
		uint32_t node = hold(r->census, pod, names[those[one->count]]);

		if (!node) {
			let_go_all(r, one);
			free(one->nodes);
			free(one);
			return -1;
		}
		one->nodes[one->count] = node;
	}
	one->deadline_ms = deadline_ms;
	table_add(&r->by_uid, &one->by_uid, hash_text(HASH_INIT, pod->uid));
	table_add(&r->by_group, &one->by_group, hash_of_group(&pod->member, pod->silent));
	TAILQ_INSERT_TAIL(&r->by_deadline, one, by_deadline);
	return 0;
}

static struct reservation *by_uid(struct table_link *link)
{
	return link ? TABLE_ENTRY(link, struct reservation, by_uid) : NULL;
}

/* From this link on. */
static struct reservation *with_uid(struct table_link *link, const char *uid)
{
	while (link && strcmp(by_uid(link)->pod.uid, uid) != 0)
		link = table_next(link);
	return by_uid(link);
}

/* The last that was made. */
static struct reservation *find(const struct reservations *r, const char *uid)
{
	return with_uid(table_first(&r->by_uid, hash_text(HASH_INIT, uid)), uid);
}

void reservations_drop(struct reservations *r, const char *uid)
{
	struct reservation *one;

	while ((one = find(r, uid)))
		end_reservation(r, one);
}

void reservations_end_brief(struct reservations *r, const char *uid)
{
	struct reservation *one = find(r, uid), *next;

	for (; one; one = next) {
		next = with_uid(table_next(&one->by_uid), uid);
		if (one->pod.brief)
			end_reservation(r, one);
	}
}

void reservations_take_back(struct reservations *r, const char *uid)
{
	struct reservation *one = find(r, uid);

	if (one)
		end_reservation(r, one);
}

size_t reservations_expire(struct reservations *r, int64_t now_ms, int64_t heard_ms)
{
	struct reservation *one;
	size_t dropped = 0;

	while ((one = TAILQ_FIRST(&r->by_deadline)) && one->deadline_ms <= now_ms && one->deadline_ms <= heard_ms) {
		end_reservation(r, one);
		dropped++;
	}
	return dropped;
}

const struct reservation *reservations_take_overdue(struct reservations *r, int64_t now_ms, int64_t again_ms)
{
	struct reservation *one, *other;

	TAILQ_FOREACH(one, &r->by_deadline, by_deadline) {
		if (one->deadline_ms > now_ms)
			return NULL;
		if (!one->taken_ms || now_ms - one->taken_ms >= again_ms)
			break;
	}
	for (other = one ? find(r, one->pod.uid) : NULL; other;
	     other = with_uid(table_next(&other->by_uid), one->pod.uid))
		other->taken_ms = now_ms;
	return one;
}

void reservations_end_overdue(struct reservations *r, const char *uid, int64_t then_ms)
{
	struct reservation *one = find(r, uid), *next;

	for (; one; one = next) {
		next = with_uid(table_next(&one->by_uid), uid);
		if (one->deadline_ms <= then_ms)
			end_reservation(r, one);
	}
}

/* From this link on. */
static const struct reservation *first_of(struct table_link *link, const struct membership *member, bool silent)
{
	while (link && !is_of(&TABLE_ENTRY(link, struct reservation, by_group)->pod, member, silent))
		link = table_next(link);
	return link ? TABLE_ENTRY(link, struct reservation, by_group) : NULL;
}

const struct reservation *reservations_of(const struct reservations *r, const struct membership *member,
					  const struct reservation *one)
{
	const struct reservation *next = NULL;

	if (!one || !one->pod.silent)
		next = first_of(one ? table_next(&one->by_group)
				    : table_first(&r->by_group, hash_of_group(member, false)),
				member, false);
	if (next)
		return next;
	return first_of(one && one->pod.silent ? table_next(&one->by_group)
					       : table_first(&r->by_group, hash_of_group(member, true)),
			member, true);
}

const struct reservation *reservations_elsewhere(const struct reservations *r, const char *uid,
						 const struct membership *member, const struct reservation *one)
{
	struct reservation *next = one ? with_uid(table_next(&one->by_uid), uid) : find(r, uid);

	while (next && is_of(&next->pod, member, next->pod.silent))
		next = with_uid(table_next(&next->by_uid), uid);
	return next;
}
