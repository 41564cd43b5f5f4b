/* offline.h - what codis-webhook says of an object, by its own code, without a network and a cluster: what it would
 * look up is what it was told. For `codisctl plan`, and for the fixtures. */
#ifndef CODIS_WEBHOOK_OFFLINE_H
#define CODIS_WEBHOOK_OFFLINE_H

#include <cjson/cJSON.h>

#include "common/kube/admission.h"

struct lookups;
struct offline;

struct offline *offline_new(void);      /* NULL: no memory */
void offline_free(struct offline *off); /* NULL-safe */

/* A StatefulSet, PodDisruptionBudget, Pod or Namespace that there is from now on, as the API server has it: with its
 * namespace, name and uid; a StatefulSet in place of the one of its name. What is looked at is not copied: it must last
 * as long. Other kinds are none that the webhook looks up. 0, or -1: no memory. */
int offline_know(struct offline *off, const cJSON *object);
/* What looks up that; good as long as off is. */
struct lookups offline_lookups(const struct offline *off);

/* What it says where the object (a resource as its rules name it: "pods", "statefulsets", ...) is made, or where old is
 * not NULL, changed: as from POST /mutate for pods, and from POST /validate for all others. The object is as the API
 * server completes it, and in its namespace. v must be initialised. */
void offline_review(const struct offline *off, const char *resource, const cJSON *object, const cJSON *old,
		    struct admission_verdict *v);

#endif
