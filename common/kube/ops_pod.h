/* ops_pod.h - a pod of one of codis-k8s' own programs: the port at which it tells its metrics, and what of these is for
 * people. */
#ifndef CODIS_KUBE_OPS_POD_H
#define CODIS_KUBE_OPS_POD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of them, in a list's query. */
#define OPS_POD_SELECTOR "labelSelector=app.kubernetes.io%2Fpart-of%3Dcodis-k8s"

/* The port of the pod that is called ops, in whichever container; 8080 where none is. */
int ops_pod_port(const cJSON *pod);
/* Of the text of its /metrics: when what codis-webhook serves with ("leaf"), or the CA that signs ("ca"), ends; -1: it
 * does not say. */
int64_t ops_pod_certificate_ms(const char *metrics, const char *which);
/* ... from when on that should have been replaced. */
int64_t ops_pod_certificate_late_ms(const char *metrics, const char *which);
/* ... the version that runs. False: it does not say, or has no room in out. */
bool ops_pod_version(const char *metrics, char *out, size_t size);

#endif
