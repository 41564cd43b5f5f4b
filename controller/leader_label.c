#include "controller/leader_label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/kube/client.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define RETRY_MS    10000
#define CALL_MS     3000
#define NAME_LENGTH 254

/* One call at a time: the pods that have it are listed; it is taken off the first that should not have it, and listed
 * again; then the own one gets it. */
struct leader_label {
	struct kube_client *kube;
	const struct logger *log;
	char pods[300], own[NAME_LENGTH];
	bool known, leads; /* what is wanted, once it was said */
	bool again;        /* that has changed since it was begun */
	bool failing;      /* that was said */
	int taken_off;     /* in this go */
	struct http_call *call;
	struct loop_timer *timer;
};

#define OTHERS_MAX 20

static void begin(void *ctx);

static void ended(struct leader_label *l, const struct error *err)
{
	if (err && !l->failing)
		log_warn(l->log, "label.failed", "label=%s error=%s", LEADER_LABEL, LOGQ(err->text));
	l->failing = err != NULL;
	if (l->again || err)
		loop_timer_set(l->timer, l->again ? 0 : RETRY_MS);
	l->again = false;
}

/* A pod that is gone has no label either. */
static bool has_failed(const struct error *err)
{
	return err && err->code != ERR_NOTFOUND;
}

static void on_own(void *ctx, const cJSON *object, const struct error *err)
{
	struct leader_label *l = ctx;

	(void)object;
	l->call = NULL;
	ended(l, has_failed(err) ? err : NULL);
}

static void on_other(void *ctx, const cJSON *object, const struct error *err)
{
	struct leader_label *l = ctx;

	(void)object;
	l->call = NULL;
	if (has_failed(err))
		ended(l, err);
	else
		begin(l);
}

static int patch(struct leader_label *l, const char *pod, bool has, kube_done done, struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *labels = json_add_object(json_add_object(body, "metadata"), "labels");
	char path[sizeof(l->pods) + NAME_LENGTH + 1];

	json_set(labels, LEADER_LABEL, has ? cJSON_CreateString("true") : cJSON_CreateNull());
	if (!json_is_whole(body))
		return error_set(err, ERR_NOMEM, "no memory");
	snprintf(path, sizeof(path), "%s/%s", l->pods, pod);
	l->call = kube_call(l->kube, "PATCH", path, body, KUBE_MERGE_PATCH, CALL_MS, done, l, err);
	return l->call ? 0 : -1;
}

static const char *other_of(const struct leader_label *l, const cJSON *list, bool *own)
{
	const char *other = NULL;
	const cJSON *pod;

	json_each(pod, json_get(list, "items", NULL)) {
		const char *name = json_str(pod, "metadata", "name", NULL);

		if (!name || strlen(name) >= NAME_LENGTH || strchr(name, '/'))
			continue;
		if (strcmp(name, l->own) == 0)
			*own = true;
		else
			other = name;
	}
	return other;
}

static void on_listed(void *ctx, const cJSON *list, const struct error *err)
{
	struct leader_label *l = ctx;
	bool own = false;
	const char *other = other_of(l, list, &own);
	struct error why = ERROR_INIT;
	int r = 0;

	l->call = NULL;
	if (err) {
		ended(l, err);
		return;
	}
	if (l->leads && other && l->taken_off++ < OTHERS_MAX)
		r = patch(l, other, false, on_other, &why);
	else if (l->leads != own)
		r = patch(l, l->own, l->leads, on_own, &why);
	if (!l->call)
		ended(l, r < 0 ? &why : NULL);
}

static void begin(void *ctx)
{
	struct leader_label *l = ctx;
	struct error err = ERROR_INIT;
	char path[sizeof(l->pods) + 60];

	snprintf(path, sizeof(path), "%s?labelSelector=codis.io%%2Fleader", l->pods);
	l->call = kube_call(l->kube, "GET", path, NULL, NULL, CALL_MS, on_listed, l, &err);
	if (!l->call)
		ended(l, &err);
}

static void on_timer(void *ctx)
{
	struct leader_label *l = ctx;

	l->taken_off = 0;
	begin(l);
}

struct leader_label *leader_label_new(uv_loop_t *uv, struct kube_client *kube, const char *namespace, const char *pod,
				      const struct logger *log)
{
	struct leader_label *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->kube = kube;
	l->log = log;
	snprintf(l->pods, sizeof(l->pods), "/api/v1/namespaces/%s/pods", namespace);
	snprintf(l->own, sizeof(l->own), "%s", pod);
	l->timer = loop_timer_new(uv, on_timer, l);
	if (!l->timer) {
		free(l);
		return NULL;
	}
	return l;
}

void leader_label_set(struct leader_label *l, bool leads)
{
	if (!l || (l->known && l->leads == leads))
		return;
	l->known = true;
	l->leads = leads;
	if (l->call)
		l->again = true;
	else
		loop_timer_set(l->timer, 0);
}

void leader_label_free(struct leader_label *l)
{
	if (!l)
		return;
	http_cancel(l->call);
	loop_timer_stop(&l->timer);
	free(l);
}
