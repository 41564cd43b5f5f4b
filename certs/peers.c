#include "certs/peers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/net/http.h"

#define PATH_LIMIT 2048
#define PODS_MAX   256

struct peers {
	struct kube_client *kube;
	char namespace[256], service[256];
	struct http_call *call;
	void (*done)(void *ctx, const char *const *pods, const struct error *err);
	void *ctx;
};

static void finish(struct peers *p, const char *const *pods, const struct error *err)
{
	void (*done)(void *ctx, const char *const *pods, const struct error *err) = p->done;
	void *ctx = p->ctx;

	free(p);
	done(ctx, pods, err);
}

/* On a node, and not ended: there may be a process that serves. */
static bool may_serve(const cJSON *pod)
{
	const char *phase = json_str(pod, "status", "phase", NULL);

	return json_str(pod, "spec", "nodeName", NULL) &&
	       (!phase || (strcmp(phase, "Succeeded") != 0 && strcmp(phase, "Failed") != 0));
}

static void on_pods(void *ctx, const cJSON *list, const struct error *err)
{
	const char *names[PODS_MAX + 1] = { NULL };
	struct peers *p = ctx;
	const cJSON *pod;
	struct error why;
	int n = 0;

	if (err) {
		finish(p, NULL, err);
		return;
	}
	cJSON_ArrayForEach(pod, json_get(list, "items", NULL)) {
		const char *name = json_str(pod, "metadata", "name", NULL);

		if (!name || !may_serve(pod))
			continue;
		if (n == PODS_MAX) {
			error_set(&why, ERR_TOOBIG, "over %d pods are behind Service %s/%s", PODS_MAX, p->namespace,
				  p->service);
			finish(p, NULL, &why);
			return;
		}
		names[n++] = name;
	}
	finish(p, names, NULL);
}

static int ask_pods(struct peers *p, const cJSON *service, struct error *err)
{
	BUF_CLEANUP struct buf selector = BUF_INIT(PATH_LIMIT), path = BUF_INIT(PATH_LIMIT);
	const cJSON *label;

	cJSON_ArrayForEach(label, json_get(service, "spec", "selector", NULL))
		buf_addf(&selector, "%s%s=%s", selector.len ? "," : "", label->string,
			 cJSON_IsString(label) ? label->valuestring : "");
	if (!selector.len)
		return error_set(err, ERR_INVALID, "Service %s/%s selects no pods", p->namespace, p->service);
	buf_addf(&path, "/api/v1/namespaces/%s/pods?labelSelector=", p->namespace);
	if (buf_check(&selector, "the Service's selector", err) < 0)
		return -1;
	text_escape(&path, selector.data);
	if (buf_check(&path, "the Service's selector", err) < 0)
		return -1;
	p->call = kube_call(p->kube, "GET", path.data, NULL, NULL, 0, on_pods, p, err);
	return p->call ? 0 : -1;
}

static void on_service(void *ctx, const cJSON *service, const struct error *err)
{
	struct peers *p = ctx;
	struct error why;

	p->call = NULL;
	if (err)
		finish(p, NULL, err);
	else if (ask_pods(p, service, &why) < 0)
		finish(p, NULL, &why);
}

struct peers *peers_ask(struct kube_client *kube, const char *namespace, const char *service,
			void (*done)(void *ctx, const char *const *pods, const struct error *err), void *ctx,
			struct error *err)
{
	struct peers *p = calloc(1, sizeof(*p));
	char path[PATH_LIMIT];

	if (!p) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	*p = (struct peers){ .kube = kube, .done = done, .ctx = ctx };
	text_copy(p->namespace, sizeof(p->namespace), namespace);
	text_copy(p->service, sizeof(p->service), service);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/services/%s", p->namespace, p->service);
	p->call = kube_call(kube, "GET", path, NULL, NULL, 0, on_service, p, err);
	if (p->call)
		return p;
	free(p);
	return NULL;
}

void peers_cancel(struct peers *p)
{
	if (!p)
		return;
	http_cancel(p->call);
	free(p);
}
