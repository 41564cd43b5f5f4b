/* clusters.h - which clusters there are: every product of a namespace that has a server, a proxy or a dashboard, and
 * for a while after. */
#ifndef CODIS_CONTROLLER_CLUSTERS_H
#define CODIS_CONTROLLER_CLUSTERS_H

#include "common/codis/pod.h"
#include "controller/cluster.h"
#include "controller/sight.h"

struct clusters;

/* A pod whose product or group cannot be told. */
struct stray_pod {
	char namespace[POD_NAMESPACE_MAX], name[POD_NAME_MAX], uid[POD_UID_MAX];
	char trouble[POD_WHY_MAX];
	bool told;
	struct stray_pod *next;
};

/* ctl and inv stay the caller's. NULL: no memory. */
struct clusters *clusters_new(struct controller *ctl, struct inventory *inv);
void clusters_free(struct clusters *cs); /* NULL-safe */

/* Ten times a second. Nothing is judged from half a list: without ctl->kube_synced no cluster is found. */
void clusters_tick(struct clusters *cs, int64_t now_ms);
/* All are looked at: what concerns all has changed. */
void clusters_look(struct clusters *cs);
/* Namespaces take part that did not, or the other way round. */
void clusters_namespaces_changed(struct clusters *cs);
/* Whether a cluster there is one of ours. */
bool clusters_take_part(const struct clusters *cs, const char *namespace);
/* A PodDisruptionBudget of that namespace is another than before. */
void clusters_budgets_changed(struct clusters *cs, const char *namespace);
/* Who is watched in a namespace is to be found out again. */
void clusters_take_stock(struct clusters *cs, const char *namespace);

/* What is seen of all of them. */
void clusters_seen(struct clusters *cs, struct sight_seen *seen);

struct cluster *clusters_first(const struct clusters *cs); /* and .next; in no order */
const struct stray_pod *clusters_strays(const struct clusters *cs);

#endif
