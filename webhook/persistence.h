/* persistence.h - a codis-server whose data has a volume that outlives its pod, and that writes nothing to it. Pure. */
#ifndef CODIS_WEBHOOK_PERSISTENCE_H
#define CODIS_WEBHOOK_PERSISTENCE_H

#include <cjson/cJSON.h>

struct admission_verdict;
struct cmdline;

/* Warns where its folder is known to lie on a PersistentVolumeClaim or a hostPath, and it is known to save nothing.
 * What stands in its file is not known, and nothing is said. */
void persistence_warn(const cJSON *pod_spec, const cJSON *container, const struct cmdline *c,
		      struct admission_verdict *v);

#endif
