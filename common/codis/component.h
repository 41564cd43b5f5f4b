/* component.h - which program of Codis a pod is, by its labels. The one rule: codis-webhook, which is asked by the same
 * conditions (manifests/system/40-webhook-configuration.yaml), and the watches of codis-controller and codis-extender
 * take in the same pods. Pure. */
#ifndef CODIS_CODIS_COMPONENT_H
#define CODIS_CODIS_COMPONENT_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/codis/topology.h"

/* Of a pod, or of a template / StatefulSet given as an object with metadata.labels; the first that holds:
 * 1. codis.io/component is codis-server, codis-proxy, codis-dashboard, codis-ha, codis-fe, zookeeper or zk;
 * 2. app is one of these;
 * 3. app.kubernetes.io/component is codis-server, ... codis-fe;
 * 4. it is server, proxy, dashboard, ha or fe, and app.kubernetes.io/name is codis, codis-server, ... codis-fe, or
 *    app.kubernetes.io/part-of is codis;
 * 5. app.kubernetes.io/name is codis-server, ... codis-fe, and there is no app.kubernetes.io/component.
 * Else, with codis.io/inject "false", and for a pod that shall end (restartPolicy Never or OnFailure): CODIS_NONE. */
enum codis_component codis_component_of(const cJSON *object);

/* Of one that is CODIS_NONE by them: a label that nearly says which it is ("codis.io/component: server", "app:
 * Codis-Server-shop"). *key and *value point into it, or are literals. CODIS_NONE: there is none. */
enum codis_component codis_component_nearly(const cJSON *object, const char **key, const char **value);

/* Label selectors that together take in all these pods, each pod by one of them at most, and few others. */
#define COMPONENT_SELECTORS 5
extern const char *const component_selectors[COMPONENT_SELECTORS];

#endif
