#include "extender/gone.h"

#include "common/base/hash.h"

void gone_add(struct gone *g, const char *uid)
{
	g->uids[g->next++ % GONE_PODS] = hash_text(HASH_INIT, uid);
}

bool gone_has(const struct gone *g, const char *uid)
{
	uint64_t hash = hash_text(HASH_INIT, uid);

	for (int i = 0; i < GONE_PODS; i++) {
		if (g->uids[i] == hash)
			return true;
	}
	return false;
}
