#include "extender/gone.h"

#include "common/base/hash.h"

void gone_add(struct gone *g, const char *uid)
{
	uint64_t hash = hash_text(HASH_INIT, uid);

	g->uids[hash % GONE_PODS] = hash;
}

bool gone_has(const struct gone *g, const char *uid)
{
	uint64_t hash = hash_text(HASH_INIT, uid);

	return g->uids[hash % GONE_PODS] == hash;
}
