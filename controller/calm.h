/* calm.h - what was done lately, and when the same may be done again. Whatever does not help, or helps for a moment
 * only, is done at once at first and then more and more seldom, so that no fault of ours, of a peer or of a person
 * makes a storm. Pure; kept beside what is observed, and shown in the view. Zeroed: nothing was done. */
#ifndef CODIS_CONTROLLER_CALM_H
#define CODIS_CONTROLLER_CALM_H

#include <stdbool.h>
#include <stdint.h>

/* A group, a server, a proxy or the dashboard, to which something was done. */
struct calm_done {
	int kind;     /* enum action_kind: what was done last */
	int gid;      /* the group that it was about */
	int times;    /* done, one after the other, since all was well there (calm_well), or since a minute of rest */
	int failures; /* tried, and failed, since it last succeeded */
	int64_t ended_ms;      /* when it was last done; 0 never */
	int64_t well_since_ms; /* since when all is well there; 0: it is not, or that was not asked */
};

/* It was done, or it failed. */
void calm_note(struct calm_done *d, int kind, int gid, bool failed, int64_t now_ms);
/* All is well there, or not: once it has been for CALM_REST_MS, what was done has helped. */
#define CALM_REST_MS 5000
void calm_well(struct calm_done *d, bool well, int64_t now_ms);
/* When this may be done there: at once (0), or at that time. What changes a master is held for 30 s at most: a failover
 * that is needed comes late, not never. */
int64_t calm_until_ms(const struct calm_done *d, int kind, int gid, int64_t now_ms);
/* The same of failures alone, with max_ms between two of them at most. */
int64_t calm_failed_until_ms(const struct calm_done *d, int kind, int gid, int64_t max_ms, int64_t now_ms);

/* The same for each of several groups, as a proxy has fills: what is done for one group does not end the count of
 * another one. One a second is filled, so of those of the last minute none is forgotten. */
#define CALM_GROUPS 64
struct calm_groups {
	struct calm_done of[CALM_GROUPS]; /* ended_ms 0: free; of more, the oldest is forgotten */
};
const struct calm_done *calm_group(const struct calm_groups *g, int gid); /* NULL: nothing was done. NULL-safe */
struct calm_done *calm_group_place(struct calm_groups *g, int gid);       /* where it is to be noted */
bool calm_groups_rest(const struct calm_groups *g);                       /* nothing counts. NULL-safe */
void calm_groups_well(struct calm_groups *g, bool well, int64_t now_ms);

/* ms, doubled so many times, max_ms at most: what is waited after failures in a row. */
int64_t calm_doubled(int64_t ms, int times, int64_t max_ms);

/* The last times that something was done: how often that was in the last while. */
#define CALM_WINDOW 64 /* more are not counted */
struct calm_window {
	int64_t at_ms[CALM_WINDOW]; /* 0: not yet */
	int next;
};
void calm_count(struct calm_window *w, int64_t now_ms);
int calm_recent(const struct calm_window *w, int64_t while_ms, int64_t now_ms);

/* Pods of a cluster that were deleted lately, by their names: a successor of that name is deleted later and later, as
 * the kubelet waits longer and longer before it starts a container again (10 s to 5 minutes, forgotten after ten). */
#define CALM_PODS 64
struct calm_pods {
	struct calm_pod {
		uint64_t name; /* its hash */
		int times;
		int64_t at_ms; /* 0: free */
	} pods[CALM_PODS];     /* of more, the oldest is forgotten */
};
void calm_deleted(struct calm_pods *p, const char *pod, int64_t now_ms);
/* A successor has been well for CALM_POD_REST_MS: the next one is deleted as the first. */
#define CALM_POD_REST_MS 60000
void calm_pod_rest(struct calm_pods *p, const char *pod);
bool calm_was_deleted(const struct calm_pods *p, const char *pod); /* one of that name, however long ago */
int64_t calm_delete_after_ms(const struct calm_pods *p, const char *pod, int64_t now_ms); /* 0: at once */

/* TILT: our own network, not the servers. While more than half of those that were heard are silent, silence counts from
 * the moment when the last of them fell silent, and once they are back, from then. */
struct calm_tilt {
	bool tilted;
	int heard, silent; /* of how many that were heard how many are silent now */
	int64_t newest_ms; /* when the last one of them fell silent */
};
void calm_tilt_begin(struct calm_tilt *t); /* of a new look at all servers */
void calm_tilt_add(struct calm_tilt *t, bool silent, int64_t since_ms);
/* After all were added: since when things are steady, at least steady_since_ms. */
int64_t calm_tilt_end(struct calm_tilt *t, int64_t steady_since_ms, int64_t now_ms);

#endif
