/* gone.h - pods that are gone lately. A scheduler whose watch is behind ours may still ask for one of them, and nothing
 * would tell when a place for it is not needed any more. No lock. */
#ifndef CODIS_EXTENDER_GONE_H
#define CODIS_EXTENDER_GONE_H

#include <stdbool.h>
#include <stdint.h>

#define GONE_PODS 4096

/* Of zeros it is empty. */
struct gone {
	uint64_t uids[GONE_PODS]; /* hashes of theirs, by themselves; of two in one place the one that went last */
};

void gone_add(struct gone *g, const char *uid);
bool gone_has(const struct gone *g, const char *uid);

#endif
