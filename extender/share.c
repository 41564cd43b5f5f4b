#include "extender/share.h"

/* What the pod's product, and the memory of all, may be above their share before that counts: the scheduler evens out
 * what it is offered, others' pods too, and needs room for that; it is offered more where there are more candidates. */
#define SPARE_MIN 25  /* percent */
#define SPARE_MAX 100 /* as many as there are candidates, up to this */

static uint64_t and_to_spare(const struct shares *s, uint64_t rate)
{
	uint64_t percent = s->count < SPARE_MIN ? SPARE_MIN : s->count < SPARE_MAX ? s->count : SPARE_MAX;

	return rate + rate / 100 * percent;
}

void shares_settle(struct shares *s)
{
	if (!s->sizes)
		return;
	s->masters_rate = (s->masters << SHARE_BITS) / s->sizes;
	s->own_masters_rate = (s->own_masters << SHARE_BITS) / s->sizes;
	s->own_pods_rate = and_to_spare(s, (s->own_pods << SHARE_BITS) / s->sizes);
	s->memory_rate = and_to_spare(s, (s->memory_mib << SHARE_MEMORY_BITS) / s->sizes);
}
