/* programs.h - the pods of codis-k8s itself, for people: which version each runs, and until when codis-webhook's
 * certificate is good. Each minute (each 5 s, while one is not ready) they are listed, and then asked
 * for their metrics one after the other. Nothing
 * decides by it. */
#ifndef CODIS_CONTROLLER_PROGRAMS_H
#define CODIS_CONTROLLER_PROGRAMS_H

#include <cjson/cJSON.h>
#include <uv.h>

struct error;
struct kube_client;
struct logger;
struct programs;

/* namespace: that of its own pods; copied. NULL and *err on failure. */
struct programs *programs_new(uv_loop_t *uv, struct kube_client *kube, const char *namespace, const struct logger *log,
			      struct error *err);
void programs_free(struct programs *p); /* NULL-safe */
/* Appends an object each: program, pod, ready, and where the pod has said so version, certificate_ends (RFC 3339) and
 * certificate_days (until then).  * What cannot be had is left out; json_is_whole() tells whether memory ran out. */
void programs_json(const struct programs *p, cJSON *list);

#endif
