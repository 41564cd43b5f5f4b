/* decide_scaling.c - more groups, or fewer: one step after the other. */
#include <string.h>

#include "controller/decide_parts.h"
#include "controller/scale.h"

void decide_scaling(struct decision *d)
{
	static const enum action_kind kinds[] = {
		[SCALE_NOTES] = ACT_NOTE_SCALING,
		[SCALE_MOVES] = ACT_MOVE_SLOTS,
		[SCALE_SCALES] = ACT_SCALE,
		[SCALE_REMOVES] = ACT_REMOVE_GROUP,
	};
	struct action *a;
	struct scale s;

	if (d->v->scaling.busy || d->v->dashboard.busy || !d->v->kube_fresh)
		return;
	scale_look(d->v, d->limits, &s);
	if (s.step == SCALE_RESTS)
		return;
	a = propose(d, kinds[s.step], s.step == SCALE_REMOVES ? s.gid : 0, s.why);
	if (s.step == SCALE_SCALES) {
		memcpy(a->pod, s.set->name, sizeof(a->pod));
		memcpy(a->uid, s.set->uid, sizeof(a->uid));
	}
	a->replicas = s.replicas;
	a->undoes = s.undoes;
}
