/* inventory_parts.h - what an inventory is made of, and how one finds its parts. For inventory.c and inventory_belong.c
 * alone, and for tests that ask for what is held under a name. */
#ifndef CODIS_CODIS_INVENTORY_PARTS_H
#define CODIS_CODIS_INVENTORY_PARTS_H

#include <sys/queue.h>

#include "common/base/table.h"
#include "common/codis/inventory.h"

struct space;

/* A product of a namespace. It is there while somebody says it or belongs to it, and while it is remembered. */
struct product {
	struct table_link by_key; /* its hash is that of namespace and product */
	struct space *space;
	LIST_ENTRY(product) beside; /* in its namespace */
	char name[CODIS_PRODUCT_MAX];
	LIST_HEAD(members, member) pods; /* that belong to it */
	struct members sets;
	size_t sayers, servers; /* that say it, and so speak for the silent ones of the namespace; servers of them */
	/* Was said by one, or had a server, that is gone: who goes takes nothing back, he may be made anew. */
	bool remembered, had_servers;
	size_t clustered; /* servers, proxies, dashboards */
	bool touched;     /* is to be told of */
	SLIST_ENTRY(product) next_touched;
};

/* A namespace. It is there while it has pods or sets. */
struct space {
	struct table_link by_name;
	char name[POD_NAMESPACE_MAX];
	LIST_HEAD(, product) products;
	LIST_HEAD(, member) silent; /* that say no product: they move when what is said in the namespace changes */
	/* "" and codis-test are always there, so that finding a product for the silent ones cannot fail. */
	struct product unknown, standard;
	struct product stock;          /* only its sayers count: silent dashboards, which run as codis-test's */
	size_t members, said, touched; /* said: products that are said */
	size_t unreadable;             /* pods and sets that say a product in a way that cannot be read here */
	bool said_changed;
};

/* What pods and sets have in common: they belong to a product. The pointers lead into the pod or set itself. */
struct member {
	struct space *space;
	struct product *says, *of; /* says: NULL where it says none */
	LIST_ENTRY(member) beside, silent;
	struct pod *pod; /* NULL: a set */
	const char *name;
	enum codis_component component;
	const struct kept_text *said_product, *said_replica;
	const int *group;                /* of a pod: its own; of a set: that of all its pods, or 0 */
	const char **product, **trouble; /* in what is known of it */
	char *own_trouble;               /* what that points to; NULL: a text that needs no memory */
	char *claimed;                   /* see inventory_claim; of a set: for its pods; NULL: nothing */
};

struct pod {
	struct member member;
	struct inventory_pod known;
	struct table_link by_uid, by_name, by_ip, by_node, by_group;
	int64_t created_ms;
	uint64_t turn; /* the later came later */
	char texts[];
};

/* Of servers; those of dashboards, proxies and codis-ha only speak for who says nothing. */
struct set {
	struct member member;
	struct inventory_set known;
	struct kept_text said_product, said_replica;
	cJSON *annotations, *labels;
	struct table_link by_uid, by_name;
	int64_t created_ms;
	char texts[];
};

struct node {
	struct inventory_node known;
	char *labels; /* "key", "value", ..., "": each with its NUL */
	size_t labels_size;
	char *taints; /* NULL: none */
	struct table_link by_name;
	char name[];
};

struct inventory {
	struct table pods_by_uid, pods_by_name, pods_by_ip, pods_by_node, pods_by_group;
	struct table sets_by_uid, sets_by_name;
	struct table nodes, spaces, products;
	SLIST_HEAD(, product) touched;
	uint64_t turn;
	bool no_labels; /* see inventory_leave_out_labels */
	void (*on_change)(void *ctx, const char *namespace, const char *product);
	void *ctx;
	struct inventory_places places;
};

/* Keys of the tables, and what they lead to; NULL: it is not there. */
uint64_t inv_hash_of(const char *text);
uint64_t inv_hash_of_two(const char *a, const char *b);
uint64_t inv_hash_of_group(const struct product *p, int group);
/* One text for each address: IPv6 is written in many ways. */
uint64_t inv_hash_of_ip(const char *ip);
bool inv_same_ip(const char *a, const char *b);
struct pod *inv_find_pod(const struct inventory *inv, const char *uid);
struct pod *inv_find_pod_by_name(const struct inventory *inv, const char *namespace, const char *name);
struct set *inv_find_set(const struct inventory *inv, const char *uid);
struct set *inv_find_set_by_name(const struct inventory *inv, const char *namespace, const char *name);
struct node *inv_find_node(const struct inventory *inv, const char *name);
struct space *inv_find_space(const struct inventory *inv, const char *name);
struct product *inv_find_product(const struct inventory *inv, const char *namespace, const char *name);

#endif
