/* rehearsal.h - where codis-extender would have pods, by its own code, without a network and a cluster: an inventory in
 * memory, and a pod after the other. For `codisctl plan`. */
#ifndef CODIS_EXTENDER_REHEARSAL_H
#define CODIS_EXTENDER_REHEARSAL_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;
struct inventory;
struct rehearsal;

struct rehearsal *rehearsal_new(void);    /* NULL: no memory */
void rehearsal_free(struct rehearsal *r); /* NULL-safe */

/* What there is: nodes, StatefulSets and pods are told to it as the API server has them (inventory_set_node and its
 * like), a pod that has got its place once more. */
struct inventory *rehearsal_inventory(struct rehearsal *r);

/* What a scheduler that finds `count` nodes for a pod is told: which of these it is offered, *offered indices, and what
 * each of all scores, 0 to 10. those and scores have room for rehearsal_room(count). A pod that is none of Codis' is
 * offered all. Where none is offered, rehearsal_reason says why of each. wall_ms: now. 0, or -1 and *err: no memory, or
 * the pod says what cannot be meant, and is refused everywhere (ERR_INVALID). */
int rehearsal_place(struct rehearsal *r, const cJSON *pod, const char *const *names, size_t count, int64_t wall_ms,
		    uint32_t *those, size_t *offered, int *scores, struct error *err);
size_t rehearsal_room(size_t count);

/* Why the i-th node of the last call is refused. */
void rehearsal_reason(const struct rehearsal *r, size_t i, struct buf *out);

#endif
