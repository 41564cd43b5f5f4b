/* budget.h - the PodDisruptionBudget of a group: it lets one member be evicted while the others are ready, and ready is
 * who is in sync (webhook/hooks.c). Pure; budgets.c watches and writes them.
 *
 * Kubernetes evicts no pod that two budgets select (it answers 500), so a group has none of ours where another one
 * selects any of its pods, by the labels that each of them has. Nor has a group of one: its only pod could never be
 * evicted. minAvailable is a number, since with maxUnavailable Kubernetes would count all pods of the StatefulSet, and
 * let none of a group of two go. */
#ifndef CODIS_CONTROLLER_BUDGET_H
#define CODIS_CONTROLLER_BUDGET_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/codis/topology.h"

#define BUDGET_NAME_MAX 280

enum budget_step {
	BUDGET_RIGHT, /* nothing is to be done */
	BUDGET_CREATE,
	BUDGET_CHANGE,
	BUDGET_DELETE,
};

struct budget_change {
	enum budget_step step;
	int gid;
	char name[BUDGET_NAME_MAX];
	char uid[40];    /* CHANGE, DELETE: of which object */
	const char *why; /* a literal */
};

/* A codis-server StatefulSet and the budgets of its namespace. */
struct budget_facts {
	const char *namespace, *product, *set, *set_uid;
	const cJSON *labels; /* of its template; NULL: none */
	bool says_product;
	/* The pods that there are, by their names: {"codis-server-0":{"uid":"...","labels":{...}}}; NULL: none. One
	 * that is not there, or that says no labels, is made with those of the template. */
	const cJSON *pods;
	struct codis_shape shape;
	const cJSON *const *budgets;
	int count;
};

/* Whether others have made so many, or such long ones, that nobody can look through them for each pod while the loop
 * stands still: then nothing else may be asked. */
bool budget_too_many(const struct budget_facts *f);
/* The first thing that is to be done, looking at the groups from this one on, and then at those before it. 0, or -1: no
 * memory. */
int budget_next(const struct budget_facts *f, int from_gid, struct budget_change *out);
/* Pods that two others select, none of which is ours to take away: Kubernetes never evicts them. Calls tell for each,
 * with the names of two such budgets. 0, or -1: no memory. */
int budget_twice(const struct budget_facts *f,
		 void (*tell)(void *ctx, const char *pod, const char *first, const char *second), void *ctx);
/* The object as it shall be; the caller's (cJSON_Delete). NULL: no memory. */
cJSON *budget_object(const struct budget_facts *f, int gid);

#endif
