#include "controller/action.h"

#include <stdio.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/served.h"

static const struct {
	const char *name, *reason;
	enum action_subject subject;
} kinds[ACT_KINDS] = {
	[ACT_PROMOTE] = { "promote", "Promoted", SUBJECT_GROUP },
	[ACT_SWITCH] = { "switch", "Switched", SUBJECT_GROUP },
	[ACT_FOLLOW] = { "follow", "Following", SUBJECT_SERVER },
	[ACT_ADD_SERVER] = { "add-server", "Joined", SUBJECT_SERVER },
	[ACT_DROP_SERVER] = { "drop-server", "Dropped", SUBJECT_SERVER },
	[ACT_MARK_IN_SYNC] = { "mark-in-sync", "InSync", SUBJECT_SERVER },
	[ACT_FILL_PROXY] = { "fill-proxy", "SlotsFilled", SUBJECT_PROXY },
	[ACT_ONLINE_PROXY] = { "online-proxy", "Joined", SUBJECT_PROXY },
	[ACT_REMOVE_PROXY] = { "remove-proxy", "Removed", SUBJECT_PROXY },
	[ACT_ASSIGN_SLOTS] = { "assign-slots", "SlotsAssigned", SUBJECT_DASHBOARD },
	[ACT_REMOVE_LOCK] = { "remove-lock", "LockRemoved", SUBJECT_DASHBOARD },
	[ACT_DELETE_POD] = { "delete-pod", "Replaced", SUBJECT_SERVER },
	[ACT_BOUND_WRITES] = { "bound-writes", "WritesBounded", SUBJECT_SETTING },
	[ACT_FREE_WRITES] = { "free-writes", "WritesFree", SUBJECT_SETTING },
	[ACT_NOTE_SCALING] = { "note-scaling", "Noted", SUBJECT_SCALING },
	[ACT_MOVE_SLOTS] = { "move-slots", "SlotsMoving", SUBJECT_SCALING },
	[ACT_SCALE] = { "scale", "Scaled", SUBJECT_SCALING },
	[ACT_REMOVE_GROUP] = { "remove-group", "GroupRemoved", SUBJECT_SCALING },
	[ACT_UNREADY_PROXY] = { "unready-proxy", "TakenOutOfService", SUBJECT_PROXY },
};

const char *action_name(enum action_kind kind)
{
	return kinds[kind].name;
}

const char *action_reason(enum action_kind kind)
{
	return kinds[kind].reason;
}

enum action_subject action_subject(enum action_kind kind)
{
	return kinds[kind].subject;
}

const char *action_subject_name(enum action_subject subject)
{
	static const char *const names[] = {
		"group", "server", "proxy", "dashboard", "zookeeper", "setting", "scaling"
	};

	return names[subject];
}

bool action_replaces(const struct action *a)
{
	return a->from[0] && strcmp(a->from, a->addr) != 0;
}

#define WHO_MAX (VIEW_NAME_MAX + CODIS_ADDR_MAX + 4)

/* "codis-server-1 (10.0.0.2:6379)", or as much of it as is known. A pod that is no more is told by the name it had. */
static const char *who(const char *pod, const char *gone, const char *addr, char out[WHO_MAX])
{
	pod = pod[0] ? pod : gone;
	if (pod[0] && addr[0])
		snprintf(out, WHO_MAX, "%s (%s)", pod, addr);
	else
		snprintf(out, WHO_MAX, "%s", pod[0] ? pod : addr);
	return out;
}

#define WHY_MAX (REASON_EVIDENCE_MAX + 128)

/* The reason, and behind it what was seen. */
static void say_why(const struct action *a, char out[WHY_MAX])
{
	snprintf(out, WHY_MAX, "%s%s%s%s", a->why, a->evidence[0] ? " (" : "", a->evidence, a->evidence[0] ? ")" : "");
}

void action_note(const struct action *a, int64_t took_ms, const struct error *failed, char *out, size_t size)
{
	char self[WHO_MAX], old[WHO_MAX], group[24] = "", empty[SERVED_KEYS_MAX + 32] = "", keys[SERVED_KEYS_MAX];
	const char *insist = a->takes_back ? "; " CODIS_ANNOTATION_ALLOW_LOSS " on the StatefulSet insists" : "";
	char why[WHY_MAX];

	who(a->pod, a->gone_pod, a->addr, self);
	if (a->gid)
		snprintf(group, sizeof(group), "group %d: ", a->gid);
	if (a->lost_keys) {
		served_say_keys(a->lost_keys, keys);
		snprintf(empty, sizeof(empty), ", empty, of a group that had %s", keys);
	}
	if (a->whole)
		snprintf(empty, sizeof(empty), ", with all that it had");
	say_why(a, why);
	if (failed && a->subject == SUBJECT_SCALING)
		snprintf(out, size, "%s%s failed: %s", group, action_name(a->kind), failed->text);
	else if (a->kind == ACT_SCALE)
		snprintf(out, size, "%d servers: %s", a->replicas, why);
	else if (a->subject == SUBJECT_SCALING)
		snprintf(out, size, "%s%s", group, why);
	else if (failed)
		snprintf(out, size, "%s%s of %s failed: %s", group, action_name(a->kind), self, failed->text);
	else if (a->subject == SUBJECT_GROUP && action_replaces(a))
		snprintf(out, size, "%s%s replaces %s%s: %s%s; %lld ms", group, self,
			 who(a->from_pod, a->gone_from, a->from, old), empty, why, insist, (long long)took_ms);
	else if (a->subject == SUBJECT_GROUP)
		snprintf(out, size, "%s%s has the master's role%s: %s; %lld ms", group, self, empty, why,
			 (long long)took_ms);
	else
		snprintf(out, size, "%s%s: %s", group, self, why);
}

/* "group 1: promote of codis-server-1" */
static void name_it(const struct action *a, char *out, size_t size)
{
	const char *pod = a->pod[0] ? a->pod : a->gone_pod;
	char group[24] = "";

	if (a->gid)
		snprintf(group, sizeof(group), "group %d: ", a->gid);
	if (a->subject == SUBJECT_SCALING)
		snprintf(out, size, "%s%s", group, action_name(a->kind));
	else
		snprintf(out, size, "%s%s of %s", group, action_name(a->kind), pod[0] ? pod : a->addr);
}

void action_note_would(const struct action *a, char *out, size_t size)
{
	char it[WHO_MAX + 48];

	name_it(a, it, sizeof(it));
	snprintf(out, size, "%s would be done: %s", it, a->why); /* without what changes at each look */
}

void action_note_held(const struct action *a, char *out, size_t size)
{
	char it[WHO_MAX + 48];

	name_it(a, it, sizeof(it));
	snprintf(out, size, "%s waits: %s", it, a->held);
	if (a->kind == ACT_DELETE_POD)
		snprintf(out + strlen(out), size - strlen(out), "; kubectl delete pod %s does it now", a->pod);
	else if (a->subject == SUBJECT_GROUP && action_replaces(a) && a->from_pod[0])
		snprintf(out + strlen(out), size - strlen(out), "; kubectl delete pod %s --force insists", a->from_pod);
}
