/* action.h - what may be done to a cluster: the kinds, what each is about, and the words for them in logs, metrics and
 * Events. Plain data: decide.c proposes actions, act.c carries them out. */
#ifndef CODIS_CONTROLLER_ACTION_H
#define CODIS_CONTROLLER_ACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "controller/reason.h"
#include "controller/view.h"

struct error;

enum action_kind {
	ACT_PROMOTE,       /* gid, addr, from: fence, SLAVEOF NO ONE, verify, fill the proxies, reload the dashboard */
	ACT_SWITCH,        /* gid, addr, from: the same with a live master: lock, let the replica catch up first */
	ACT_FOLLOW,        /* gid, addr, master: SLAVEOF */
	ACT_ADD_SERVER,    /* gid, addr: into the group's list */
	ACT_DROP_SERVER,   /* gid, addr: out of it */
	ACT_MARK_IN_SYNC,  /* gid: out_of_sync in its node, which codis-fe shows, is true no more */
	ACT_FILL_PROXY,    /* gid, addr: slots that point elsewhere than the declared master */
	ACT_ONLINE_PROXY,  /* addr: let the dashboard take it in */
	ACT_REMOVE_PROXY,  /* addr, token: drop its node */
	ACT_ASSIGN_SLOTS,  /* first assignment of all slots */
	ACT_REMOVE_LOCK,   /* from, lock_start_wall_ms: the lock of a dashboard that is provably gone */
	ACT_DELETE_POD,    /* pod, uid: its process is not started again while its sibling serves */
	ACT_UNREADY_PROXY, /* pod, uid: clients are sent elsewhere, until its kubelet says that it is ready */
	ACT_BOUND_WRITES,  /* addr: min-slaves-to-write 1, so that it takes none for long when it is cut off */
	ACT_FREE_WRITES,   /* addr: min-slaves-to-write 0 */
	ACT_NOTE_SCALING,  /* on the StatefulSet: which groups get slots, or are emptied (scaling.h) */
	ACT_MOVE_SLOTS,    /* the dashboard is told to move some more of them */
	ACT_SCALE,         /* pod, uid: a StatefulSet's; replicas: so many it gets */
	ACT_REMOVE_GROUP,  /* gid: its node, which lists no server */
	ACT_KINDS
};

/* What is busy while the action runs, and is looked at again when it ends. */
enum action_subject {
	SUBJECT_GROUP,  /* gid: its master changes; addr is the new one */
	SUBJECT_SERVER, /* addr, a member of gid: one change a group at a time */
	SUBJECT_PROXY,  /* addr: of its admin interface; gid where it is about the slots of that group, else 0 */
	SUBJECT_DASHBOARD,
	SUBJECT_ZOOKEEPER, /* a pod of namespace */
	SUBJECT_SETTING,   /* of the server addr: its group goes on as it is */
	SUBJECT_SCALING,   /* the number of groups, and who has which slots */
};

struct action {
	enum action_kind kind;
	enum action_subject subject;
	int gid; /* 0: about no group */
	/* The node on which it was decided: the group's, or the proxy's where it is removed. Only this version of it
	 * is written over. */
	bool exists;
	int version;
	int64_t czxid;                              /* REMOVE_PROXY: which node */
	char addr[CODIS_ADDR_MAX];                  /* the server, the proxy or the dashboard that it is about */
	char pod[VIEW_NAME_MAX], uid[VIEW_UID_MAX]; /* its pod; "": it has none */
	char gone_pod[VIEW_NAME_MAX];               /* the name of the one that addr had, which is no more */
	char master[CODIS_ADDR_MAX];                /* FOLLOW: whom */
	char from[CODIS_ADDR_MAX];     /* PROMOTE, SWITCH: the old master, "" none; REMOVE_LOCK: who took it */
	char from_pod[VIEW_NAME_MAX];  /* its pod */
	char gone_from[VIEW_NAME_MAX]; /* as gone_pod */
	char from_uid[VIEW_UID_MAX];   /* PROMOTE with lock: its pod's, when that may be ended; "": it may not */
	char token[CODIS_TOKEN_MAX];   /* of the proxy */
	bool force;                    /* DELETE_POD: its node is lost, so no kubelet will end it */
	char namespace[64];            /* of the pod; "" : the cluster's */
	int64_t lock_start_wall_ms;    /* REMOVE_LOCK: when its owner began */
	int replicas;                  /* SCALE */
	bool undoes;                   /* SCALE: what somebody else has scaled */
	bool lock;                     /* PROMOTE: from may still live, silent: no proxy may send to it when it wakes;
					* FILL_PROXY: the slots are held */
	bool from_lives;               /* ... its kernel lives: it may wake at any time */
	bool early;                    /* ... it may yet not have failed: the slots are held until that is clear */
	bool left;         /* FILL_PROXY: it has been so for so long that nobody is at work on it, whoever leads */
	bool adopts;       /* DELETE_POD: noted on the StatefulSet first, and with the grace period that the pod has */
	int64_t lost_keys; /* PROMOTE of an empty server: the keys that its group had; else 0 */
	int64_t lacks;     /* PROMOTE: so many bytes that from had sent, as it said itself, addr has not */
	bool takes_back;   /* PROMOTE: from was promoted by a person, and has not what addr has */
	bool keeps;        /* PROMOTE of who leads: another controller's claim is overtaken, and its locks are undone */
	bool wished;       /* SWITCH: by a person (switchover.h) */
	bool whole;        /* SWITCH: addr had all that from had, while nothing more was sent to that one */
	const char *why;   /* a literal: what was seen */
	char evidence[REASON_EVIDENCE_MAX]; /* of whom, since when, at which offset (reason.h); "" nothing */
	const char *held;                   /* a literal: what it waits for; NULL: nothing (decide.h) */
};

/* "promote", "switch", ...: in logs, metrics and tests. */
const char *action_name(enum action_kind kind);
/* The Event's reason when it is done: "Promoted", "Switched", ... */
const char *action_reason(enum action_kind kind);
/* Whether it puts another master in the place of one: not where that one gets its role again. */
bool action_replaces(const struct action *a);
/* What an action of this kind is about; only DELETE_POD may be about another subject, which decide() then says. */
enum action_subject action_subject(enum action_kind kind);
const char *action_subject_name(enum action_subject subject); /* "group", "server", "proxy", "dashboard" */
/* The Event's words: what was done, why, and for a new master how long it took; failed non-NULL: what failed. */
void action_note(const struct action *a, int64_t took_ms, const struct error *failed, char *out, size_t size);
/* What a dry run would do, and why. */
void action_note_would(const struct action *a, char *out, size_t size);
/* What waits (a->held), and how a person insists. */
void action_note_held(const struct action *a, char *out, size_t size);

#endif
