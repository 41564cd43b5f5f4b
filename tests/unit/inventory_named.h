/* inventory_named.h - what an inventory holds under a name, which only its own parts and its tests ask. */
#ifndef CODIS_TESTS_INVENTORY_NAMED_H
#define CODIS_TESTS_INVENTORY_NAMED_H

struct inventory;

/* NULL: none. A StatefulSet counts when it is of codis-servers. */
const struct inventory_pod *pod_named(const struct inventory *inv, const char *namespace, const char *name);
const struct inventory_set *set_named(const struct inventory *inv, const char *namespace, const char *name);
/* The first of those that make a product's groups. */
const struct inventory_set *first_set(const struct inventory *inv, const char *namespace, const char *product);

#endif
