/* gone.h - pods that are gone lately. A scheduler whose watch is behind ours may still ask for one of them, and nothing
 * would tell when a place for it is not needed any more. No lock. */
#ifndef CODIS_EXTENDER_GONE_H
#define CODIS_EXTENDER_GONE_H

#include <stdbool.h>
#include <stdint.h>

/* Of more, those that went last. */
#define GONE_PODS 1024

/* Of zeros it is empty. */
struct gone {
	uint64_t uids[GONE_PODS]; /* hashes of theirs, which are never given again */
	uint32_t next;
};

void gone_add(struct gone *g, const char *uid);
bool gone_has(const struct gone *g, const char *uid);

#endif
