/* client.h - calls to the Kubernetes API on the loop. */
#ifndef CODIS_KUBE_CLIENT_H
#define CODIS_KUBE_CLIENT_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/base/json_span.h"

struct error;
struct http_call;
struct kube_client;
struct kube_config;

#define KUBE_JSON            "application/json"
#define KUBE_MERGE_PATCH     "application/merge-patch+json"
#define KUBE_STRATEGIC_PATCH "application/strategic-merge-patch+json"
#define KUBE_JSON_PATCH      "application/json-patch+json"
#define KUBE_APPLY_PATCH     "application/apply-patch+yaml" /* JSON is YAML, too */

/* cfg is copied. One that was loaded is read again each minute, and after a call that failed as it does when
 * certificates were replaced: calls then go out under the new ones, and those under way end as they are. NULL and *err
 * on failure. */
struct kube_client *kube_client_new(uv_loop_t *uv, const struct kube_config *cfg, struct error *err);
void kube_client_free(struct kube_client *c); /* cancels what is under way; NULL-safe */
/* Wall time by the clock of the API server, as its last answer said to the second; 0: it has not said any yet. Our own
 * clock, which may be wrong or set meanwhile, does not enter into it. Any thread. */
int64_t kube_client_date_ms(const struct kube_client *c);

/* What the API server, or a webhook, warns of in its answers to kube_call() and kube_apply() from now on, before their
 * done; the text is as it came, and valid during the call. */
void kube_client_on_warning(struct kube_client *c, void (*warn)(void *ctx, const char *text), void *ctx);

/* object: the parsed answer, owned by the client, valid during the call; NULL on error.
 * err: NULL on 2xx, else code ERR_NOTFOUND (404), ERR_CONFLICT (409, and 422 where a test of a JSON Patch has failed),
 * ERR_EXISTS (409 AlreadyExists), ERR_GONE (410),
 * ERR_ENDING (403 NamespaceTerminating), ERR_DENIED (401, other 403), ERR_STATUS with .status and the message of the
 * Status object, or a transport error. .retry_after_s is what the server asked for. */
typedef void (*kube_done)(void *ctx, const cJSON *object, const struct error *err);

/* method "GET", "POST", "PUT", "PATCH", "DELETE"; path "/api/v1/...", with its query; body may be NULL (it is printed
 * at once, not kept); content_type NULL: application/json. Whole call at most timeout_ms (0: 10 s). done is called
 * exactly once, never from within, unless cancelled (http_cancel of net/http.h). NULL and *err when it could not
 * even start. */
struct http_call *kube_call(struct kube_client *c, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err);

/* Server-side apply: a PATCH of KUBE_APPLY_PATCH to a path with ?fieldManager=..., likewise. Where it is refused, done
 * gets beside err, whose text has 400 bytes of it, the Status object with its whole message; NULL where that is no
 * JSON. */
struct http_call *kube_apply(struct kube_client *c, const char *path, const cJSON *body, int timeout_ms, kube_done done,
			     void *ctx, struct error *err);

/* A GET of which on_page gets the answer as it came, to parse of it what it wants when it wants it: a page of a list
 * is large. It is valid until on_page returns; at NULL with err. idle_ms: as for kube_stream. Else like kube_call. For
 * informer.c. */
struct http_call *kube_list(struct kube_client *c, const char *path, int timeout_ms, int idle_ms,
			    void (*on_page)(void *ctx, struct json_span page, const struct error *err), void *ctx,
			    struct error *err);

/* A streamed GET (a watch): on_data gets raw bytes, and ends the call by returning non-zero; done gets the end, with
 * object always NULL and err NULL when the server ended it. timeout_ms 0: no limit; idle_ms: ERR_TIMEOUT when not a
 * byte came for so long, 0: no limit. For informer.c. */
struct http_call *kube_stream(struct kube_client *c, const char *path, int timeout_ms, int idle_ms,
			      int (*on_data)(void *ctx, const char *data, size_t len), kube_done done, void *ctx,
			      struct error *err);

#endif
