#include "common/codis/inventory_parts.h"

#include <arpa/inet.h>
#include <string.h>

#include "common/base/hash.h"

/* --- keys --------------------------------------------------------------------------------------------------------- */

uint64_t inv_hash_of(const char *text)
{
	return hash_text(HASH_INIT, text);
}

uint64_t inv_hash_of_two(const char *a, const char *b)
{
	return hash_text(hash_text(inv_hash_of(a), "/"), b);
}

uint64_t inv_hash_of_group(const struct product *p, int group)
{
	return (p->by_key.hash ^ (uint64_t)(group + 1)) * UINT64_C(1099511628211);
}

/* One text for each address: IPv6 is written in many ways. */
uint64_t inv_hash_of_ip(const char *ip)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;

	if (strchr(ip, ':') && inet_pton(AF_INET6, ip, &six) == 1 && inet_ntop(AF_INET6, &six, text, sizeof(text)))
		return inv_hash_of(text);
	return inv_hash_of(ip);
}

bool inv_same_ip(const char *a, const char *b)
{
	struct in6_addr x, y;

	return strcmp(a, b) == 0 ||
	       (inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1 && memcmp(&x, &y, sizeof(x)) == 0);
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* The first entry of the table with this hash for which `same` holds (it sees the entry as e), or NULL. */
#define FIND(table, type, link, key_hash, same)                                                                        \
	({                                                                                                             \
		type *e_found = NULL;                                                                                  \
		for (struct table_link *e_link = table_first(table, key_hash); e_link && !e_found;                     \
		     e_link = table_next(e_link)) {                                                                    \
			type *e = TABLE_ENTRY(e_link, type, link);                                                     \
			if (same)                                                                                      \
				e_found = e;                                                                           \
		}                                                                                                      \
		e_found;                                                                                               \
	})

struct pod *inv_find_pod(const struct inventory *inv, const char *uid)
{
	return FIND(&inv->pods_by_uid, struct pod, by_uid, inv_hash_of(uid), strcmp(e->known.pod.uid, uid) == 0);
}

struct pod *inv_find_pod_by_name(const struct inventory *inv, const char *namespace, const char *name)
{
	return FIND(&inv->pods_by_name, struct pod, by_name, inv_hash_of_two(namespace, name),
		    strcmp(e->known.pod.namespace, namespace) == 0 && strcmp(e->known.pod.name, name) == 0);
}

struct set *inv_find_set(const struct inventory *inv, const char *uid)
{
	return FIND(&inv->sets_by_uid, struct set, by_uid, inv_hash_of(uid), strcmp(e->known.uid, uid) == 0);
}

struct set *inv_find_set_by_name(const struct inventory *inv, const char *namespace, const char *name)
{
	return FIND(&inv->sets_by_name, struct set, by_name, inv_hash_of_two(namespace, name),
		    strcmp(e->known.namespace, namespace) == 0 && strcmp(e->known.name, name) == 0);
}

struct node *inv_find_node(const struct inventory *inv, const char *name)
{
	return FIND(&inv->nodes, struct node, by_name, inv_hash_of(name), strcmp(e->known.name, name) == 0);
}

struct space *inv_find_space(const struct inventory *inv, const char *name)
{
	return FIND(&inv->spaces, struct space, by_name, inv_hash_of(name), strcmp(e->name, name) == 0);
}

struct product *inv_find_product(const struct inventory *inv, const char *namespace, const char *name)
{
	return FIND(&inv->products, struct product, by_key, inv_hash_of_two(namespace, name),
		    strcmp(e->space->name, namespace) == 0 && strcmp(e->name, name) == 0);
}
