#include "tests/unit/inventory_named.h"

#include <stddef.h>

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
