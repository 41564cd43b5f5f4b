/* offer.h - which of the nodes that a pod may have its scheduler is offered, and what they score. Pure. */
#ifndef CODIS_EXTENDER_OFFER_H
#define CODIS_EXTENDER_OFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct place_pod;
struct placing;

/* Those of the nodes that pass that are to be offered (indices, room for args->count), and how many: see
 * docs/extender.md, "How many nodes it offers". turn: how often the pod was offered some before; each shuffles equals
 * anew. */
#define OFFER_MAX 16
size_t offer_nodes(const struct placing *pl, uint32_t turn, uint32_t *those);
/* Whether all that pass are, for it has preferences of its own. */
bool offer_is_wide(const struct place_pod *p, uint32_t turn);

/* Scores 0..10 for prioritize: 10 for the best, 0 for the worst and for the refused; equals get the same. 0 or -1
 * (memory). */
int offer_scores(const struct placing *pl, int *scores);

#endif
