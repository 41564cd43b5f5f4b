#include "controller/act.h"

#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/op.h"

void act(struct cluster *c, const struct action *a)
{
	static void (*const begin[ACT_KINDS])(struct op * op) = {
		[ACT_PROMOTE] = promote_begin,
		[ACT_SWITCH] = promote_begin,
		[ACT_FOLLOW] = follow_begin,
		[ACT_ADD_SERVER] = membership_begin,
		[ACT_DROP_SERVER] = membership_begin,
		[ACT_MARK_IN_SYNC] = mark_in_sync_begin,
		[ACT_FILL_PROXY] = fill_begin,
		[ACT_ONLINE_PROXY] = online_proxy_begin,
		[ACT_REMOVE_PROXY] = remove_proxy_begin,
		[ACT_ASSIGN_SLOTS] = assign_begin,
		[ACT_REMOVE_LOCK] = remove_lock_begin,
		[ACT_DELETE_POD] = delete_pod_begin,
		[ACT_UNREADY_PROXY] = unready_begin,
		[ACT_BOUND_WRITES] = setting_begin,
		[ACT_FREE_WRITES] = setting_begin,
		[ACT_NOTE_SCALING] = note_scaling_begin,
		[ACT_MOVE_SLOTS] = move_slots_begin,
		[ACT_SCALE] = scale_begin,
		[ACT_REMOVE_GROUP] = remove_group_begin,
	};
	struct op *op = c->ctl->dry_run ? NULL : op_begin(c, a);

	if (op)
		begin[a->kind](op);
}
