/* mutation.h - a pod under mutation, and the changes that more than one component gets.
 *
 * Everything works on a copy of the pod; the patch is what the copy differs by. It is a copy on write
 * (base/json_own.h): only what these functions give may be changed, and only by them or behind json_own(), or it would
 * be the request that changes. What the user has set stays, and where that defeats a guarantee a warning says so
 * (admission_warn). A change that cannot be made because the pod has a shape that no API server sends, or for lack of
 * memory, refuses the pod: the verdict is then no longer allowed, and further changes do no harm. */
#ifndef CODIS_WEBHOOK_MUTATION_H
#define CODIS_WEBHOOK_MUTATION_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/codis/pod.h"
#include "common/kube/admission.h"

struct cmdline;
struct lookups;

struct mutation {
	cJSON *pod;             /* the copy */
	struct codis_pod known; /* what it said before */
	bool guarded;           /* a server: it will start guarded */
	const char *namespace;  /* of the request */
	const struct lookups *lookups;
	const char *viewer_image;
	struct admission_verdict *verdict;
};

/* The object or array `name` of parent, made when it is absent or null; parent may be NULL. NULL: refused. */
cJSON *mutation_object(struct mutation *m, cJSON *parent, const char *name);
cJSON *mutation_array(struct mutation *m, cJSON *parent, const char *name);

/* Adds item to the parent as `name` (a literal; an array: NULL), in place of what is there; takes it over. */
void mutation_set(struct mutation *m, cJSON *parent, const char *name, cJSON *item);
/* Leaves out what the parent has as `name`, if it has. */
void mutation_drop(struct mutation *m, cJSON *parent, const char *name);

/* The container of the pod's Codis program, its words too. NULL, with a warning: it cannot be told, so nothing is put
 * into any. */
cJSON *mutation_container(struct mutation *m);

/* Warns, where the usual port is taken since neither command line nor containerPort tells one, of a variable of the
 * command line that may, and is not known. */
void mutation_usual_port(struct mutation *m, const struct cmdline *c, int usual, const char *flag);

/* Warns of a port of its node's network that the scheduler does not know of; 0: the port is not known. */
void mutation_host_port(struct mutation *m, const cJSON *container, int64_t port);

/* Labels codis.io/product (where it is known), codis.io/component and, for a server, codis.io/group. A label that says
 * otherwise is refused: it would put the pod somewhere else for one program than for the next. */
void mutation_labels(struct mutation *m);

/* What a pod without data gets, whose place another takes: labels and a short stay on a node that is lost. Its
 * container (NULL: as above), and in *c that container's command line. */
cJSON *mutation_replaceable(struct mutation *m, struct cmdline *c);

/* How long the pod stays bound to a node that is not-ready or unreachable; seconds < 0: without limit. Kubernetes' own
 * 300 s count as not set. Warns of a user's shorter time where there should be no limit. */
void mutation_tolerate(struct mutation *m, int seconds);

/* A term for affinity.podAntiAffinity: pods with these labels (an object, copied) are kept apart by the key. weight 0:
 * required. What is there stays. */
void mutation_anti_affinity(struct mutation *m, const cJSON *labels, const char *topology_key, int weight);

/* A preferred term for affinity.podAffinity: on a node with pods with these labels (copied). */
void mutation_near(struct mutation *m, const cJSON *labels);

/* Leaves out preferred anti-affinities of the article's shape, with a warning: they have no podAffinityTerm, so they
 * never spread anything, and as fields of a pod (not of an annotation) the API server would refuse them. */
void mutation_clean_affinity(struct mutation *m);

/* spec.schedulerName. Warns of another one that the user has chosen, and of a node. */
void mutation_scheduler(struct mutation *m);

/* How many seconds a preStop hook may take: the grace period less 5 s, in which the process itself ends; at least 0. */
int mutation_stop_seconds(const struct mutation *m);

#endif
