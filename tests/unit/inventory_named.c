#include "tests/unit/inventory_named.h"

#include <stdlib.h>

#include "common/codis/inventory_parts.h"

const struct inventory_pod *pod_named(const struct inventory *inv, const char *namespace, const char *name)
{
	const struct pod *p = inv_find_pod_by_name(inv, namespace, name);

	return p ? &p->known : NULL;
}

const struct inventory_set *set_named(const struct inventory *inv, const char *namespace, const char *name)
{
	const struct set *s = inv_find_set_by_name(inv, namespace, name);

	return s && s->member.component == CODIS_SERVER ? &s->known : NULL;
}

const struct inventory_set *first_set(const struct inventory *inv, const char *namespace, const char *product)
{
	const struct inventory_set **sets, *first;
	int count = inventory_sets_of(inv, namespace, product, &sets);

	first = count > 0 ? sets[0] : NULL;
	free(sets);
	return first;
}
