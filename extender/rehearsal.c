#include "extender/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/inventory.h"
#include "common/kube/extender.h"
#include "extender/census.h"
#include "extender/offer.h"
#include "extender/place.h"
#include "extender/reserve.h"

struct rehearsal {
	struct inventory *inventory;
	struct census census;
	struct reservations reservations; /* none: each pod has its place before the next one comes */
	struct placing placing;
	struct place_pod pod; /* of the last call: its reasons name it */
	struct extender_args args;
};

struct rehearsal *rehearsal_new(void)
{
	struct rehearsal *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->inventory = inventory_new();
	reservations_init(&r->reservations, &r->census);
	if (r->inventory && census_init(&r->census, r->inventory) == 0)
		return r;
	rehearsal_free(r);
	return NULL;
}

void rehearsal_free(struct rehearsal *r)
{
	if (!r)
		return;
	reservations_release(&r->reservations, false);
	placing_release(&r->placing);
	place_pod_release(&r->pod);
	free(r->args.names);
	inventory_free(r->inventory);
	census_release(&r->census);
	free(r);
}

struct inventory *rehearsal_inventory(struct rehearsal *r)
{
	return r->inventory;
}

size_t rehearsal_room(size_t count)
{
	return count + OFFER_MAX;
}

static int take_names(struct rehearsal *r, const char *const *names, size_t count, struct error *err)
{
	struct json_span *spans = reallocarray(r->args.names, count + 1, sizeof(*spans));

	if (!spans)
		return error_set(err, ERR_NOMEM, "no memory to place a pod on %zu nodes", count);
	for (size_t i = 0; i < count; i++)
		spans[i] = (struct json_span){ names[i], strlen(names[i]) };
	r->args.names = spans;
	r->args.count = count;
	return 0;
}

static size_t pass_all(size_t count, uint32_t *those, int *scores)
{
	for (uint32_t i = 0; i < count; i++) {
		those[i] = i;
		scores[i] = 0;
	}
	return count;
}

int rehearsal_place(struct rehearsal *r, const cJSON *pod, const char *const *names, size_t count, int64_t wall_ms,
		    uint32_t *those, size_t *offered, int *scores, struct error *err)
{
	place_pod_release(&r->pod);
	if (take_names(r, names, count, err) < 0 || place_pod_of(pod, &r->pod, err) < 0)
		return -1;
	if (r->pod.pod.component == CODIS_NONE) {
		*offered = pass_all(count, those, scores);
		return 0;
	}
	place_join(&r->pod, r->inventory);
	if (place_nodes(&r->placing, r->inventory, &r->census, &r->reservations, NULL, &r->pod, &r->args, wall_ms,
			err) < 0)
		return -1;
	*offered = offer_nodes(&r->placing, 0, those);
	return offer_scores(&r->placing, scores) == 0 ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

void rehearsal_reason(const struct rehearsal *r, size_t i, struct buf *out)
{
	place_reason(&r->placing, i, out);
}
