/* decide_switchover.c - a master that is to hand its role over because a person wishes it. */
#include "controller/decide_parts.h"
#include "controller/switchover.h"

/* One change a group at a time. */
static bool is_at_work(const struct decision *d, int gid)
{
	for (int i = 0; i < d->count; i++) {
		if (d->out[i].gid == gid)
			return true;
	}
	return false;
}

void decide_switchover(struct decision *d)
{
	struct switchover s;
	int gid;

	switchover_look(d->v, d->limits, &s);
	if (s.step != SWITCHOVER_SWITCH)
		return;
	gid = s.group->node.id;
	if (!is_at_work(d, gid) && !awaits_another_group(d, s.group))
		propose_master(d, ACT_SWITCH, gid, s.next, s.master, SWITCHOVER_WHY)->wished = true;
}
