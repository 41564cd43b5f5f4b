/* liveness.h - the probes of a user's that would end a pod for no fault of its own. */
#ifndef CODIS_WEBHOOK_LIVENESS_H
#define CODIS_WEBHOOK_LIVENESS_H

#include <cjson/cJSON.h>

struct mutation;

/* Warns of a livenessProbe or startupProbe of a codis-server or codis-proxy that fails though it lives: by a question
 * that is answered with an error while a server loads or has no role, and until a proxy is taken in; and of a server's
 * livenessProbe by redis-cli that gives it little time. By m->guarded the server may be without a role. */
void liveness_warn(struct mutation *m, const cJSON *container);

#endif
