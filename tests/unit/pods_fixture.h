/* pods_fixture.h - Codis' pods and StatefulSets as the API server tells of them, into an inventory. */
#ifndef CODIS_TESTS_UNIT_PODS_FIXTURE_H
#define CODIS_TESTS_UNIT_PODS_FIXTURE_H

#include <stdbool.h>

struct inventory;

struct fixture_pod {
	const char *namespace; /* NULL: "ns" */
	const char *product;   /* NULL: "codis-test"; "": it says none */
	const char *app;       /* "codis-server", "codis-proxy", "codis-dashboard", "codis-ha" */
	const char *name;      /* "codis-server-0"; its StatefulSet is what stands before the number */
	const char *uid;       /* NULL: "uid-" and the name */
	const char *ip;        /* NULL: none yet */
	const char *args;      /* a JSON array of the program's arguments; NULL: none */
	const char *env;       /* a JSON array of variables; NULL: none */
	const char *reason;    /* of its container, which has the image "c:9" and waits, in the kubelet's word */
	bool deleting;
	bool waiting;    /* its container does not run */
	bool claim;      /* it has a PersistentVolumeClaim */
	bool unprepared; /* for long: its volumes or its network do not come */
};

void fixture_set_pod(struct inventory *inv, const struct fixture_pod *pod);
/* The node on which fixture_set_pod's pods are. */
void fixture_set_node(struct inventory *inv, bool ready, bool unschedulable);
/* A codis-server StatefulSet of "ns" and "codis-test". */
void fixture_set_set(struct inventory *inv, int replicas, int ordinals_start);
/* One that is a group: codis-server-GROUP, uid-set-GROUP, with these annotations (JSON). */
void fixture_set_group_set(struct inventory *inv, int group, int replicas, const char *annotations);
/* That of fixture_set_set(), of two servers, is being deleted. */
void fixture_delete_set(struct inventory *inv);

#endif
