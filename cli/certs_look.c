#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ca_secret.h"
#include "cli/certs.h"
#include "common/base/base64.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/ops_pod.h"
#include "common/kube/secret.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define METRICS_MS  1500
#define METRICS_MAX (4u << 20)

const char *const certs_kinds[CERTS_CONFIGURATIONS] = { "MutatingWebhookConfiguration",
							"ValidatingWebhookConfiguration" };

/* --- asking ------------------------------------------------------------------------------------------------------- */

static int copy_member(cJSON *to, const cJSON *from, const char *name)
{
	const cJSON *member = json_get(from, name, NULL);

	return member ? json_set(to, name, cJSON_Duplicate(member, true)) : 0;
}

/* As a replica does, with the keys. */
static void judge(const cJSON *secret, struct error *unusable)
{
	CA_SECRET_CLEANUP struct ca_secret s = { 0 };

	if (!ca_secret_is_empty(secret) && ca_secret_read(secret, &s, unusable) < 0)
		error_wrap(unusable,
			   "Secret " CERTS_SECRET " cannot be used (delete it, and the replicas write theirs)");
}

/* What is public in it is kept, and nothing else. */
static void on_secret(struct ask *a, const cJSON *object)
{
	struct certs_look *l = a->ctx;
	cJSON *kept = cJSON_CreateObject(), *data = json_add_object(kept, "data");

	if (copy_member(kept, object, "metadata") == 0 &&
	    copy_member(data, json_get(object, "data", NULL), "ca.crt") == 0 &&
	    copy_member(data, json_get(object, "data", NULL), "ca-next.crt") == 0 &&
	    copy_member(data, json_get(object, "data", NULL), "ca-old.crt") == 0 && json_is_whole(kept)) {
		judge(object, &l->unusable);
		a->answer = kept;
		return;
	}
	cJSON_Delete(kept);
	error_set(&a->err, ERR_NOMEM, "no memory for the Secret");
}

static void begin(struct certs_look *l, struct cli *c)
{
	l->asks[0] = (struct ask){ .on_answer = on_secret, .ctx = l };
	snprintf(l->asks[0].path, sizeof(l->asks[0].path), "/api/v1/namespaces/%s/secrets/" CERTS_SECRET,
		 c->options.system);
	snprintf(l->asks[1].path, sizeof(l->asks[1].path),
		 "/api/v1/namespaces/%s/pods?labelSelector=app.kubernetes.io%%2Fname%%3D" CERTS_WEBHOOK,
		 c->options.system);
	snprintf(l->asks[2].path, sizeof(l->asks[2].path),
		 "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/" CERTS_WEBHOOK);
	snprintf(l->asks[3].path, sizeof(l->asks[3].path),
		 "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" CERTS_WEBHOOK);
	for (size_t i = 0; i < sizeof(l->asks) / sizeof(l->asks[0]); i++)
		ask_begin(c, &l->asks[i]);
}

/* As far as it can be read: what cannot has made the Secret unusable. */
static void take_cert(const cJSON *secret, const char *key, struct pem_set *set)
{
	char *pem = kube_secret_get(secret, key);

	if (pem)
		(void)pem_add(set, pem, NULL);
	free(pem);
}

static void take_secret(struct certs_look *l)
{
	const char *asked = json_str(l->secret, "metadata", "annotations", CA_SECRET_ROTATE, NULL);
	const char *done = json_str(l->secret, "metadata", "annotations", CA_SECRET_ROTATED, NULL);

	l->asked = asked && *asked && (!done || strcmp(asked, done) != 0);
	take_cert(l->secret, "ca.crt", &l->now);
	take_cert(l->secret, "ca-next.crt", &l->next);
	take_cert(l->secret, "ca-old.crt", &l->old);
}

/* As certs/peers.h has them: there may be a process that serves. */
static void take_pod(struct certs_look *l, struct cli *c, const cJSON *pod)
{
	const char *name = json_str(pod, "metadata", "name", NULL), *phase = json_str(pod, "status", "phase", NULL);
	struct certs_pod *p = &l->pods[l->count];

	if (!name || l->count == CERTS_PODS_MAX || !json_str(pod, "spec", "nodeName", NULL) ||
	    (phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0)))
		return;
	text_copy(p->name, sizeof(p->name), name);
	p->cli = c;
	buf_init(&p->metrics, METRICS_MAX);
	l->count++;
}

int certs_look(struct certs_look *l, struct cli *c, struct error *err)
{
	struct asks all = { l->asks, sizeof(l->asks) / sizeof(l->asks[0]) };
	const cJSON *pod;

	*l = (struct certs_look){ .unusable = ERROR_INIT };
	begin(l, c);
	ask_wait(c, INT64_MAX, asks_ended, &all);
	for (int i = 0; i < all.count; i++) {
		if (l->asks[i].err.code && l->asks[i].err.code != ERR_NOTFOUND) {
			*err = l->asks[i].err;
			return -1;
		}
	}
	l->secret = l->asks[0].answer;
	l->configurations[0] = l->asks[2].answer;
	l->configurations[1] = l->asks[3].answer;
	json_each(pod, json_get(l->asks[1].answer, "items", NULL))
		take_pod(l, c, pod);
	take_secret(l);
	return 0;
}

void certs_look_end(struct certs_look *l)
{
	for (size_t i = 0; i < sizeof(l->asks) / sizeof(l->asks[0]); i++)
		ask_end(&l->asks[i]);
	for (int i = 0; i < l->count; i++) {
		http_cancel(l->pods[i].call);
		buf_release(&l->pods[i].metrics);
	}
	pem_release(&l->now);
	pem_release(&l->next);
	pem_release(&l->old);
	l->count = 0;
}

/* --- the pods' metrics -------------------------------------------------------------------------------------------- */

static int on_metrics(void *ctx, const char *data, size_t len)
{
	struct certs_pod *p = ctx;

	buf_add(&p->metrics, data, len);
	return p->metrics.failed ? -1 : 0;
}

static void on_end(void *ctx, const cJSON *object, const struct error *err)
{
	struct certs_pod *p = ctx;

	(void)object;
	p->call = NULL;
	p->ended = true;
	if (err)
		p->err = *err;
	uv_stop(&p->cli->loop->uv);
}

static bool pods_ended(const void *look)
{
	const struct certs_look *l = look;

	for (int i = 0; i < l->count; i++) {
		if (!l->pods[i].ended)
			return false;
	}
	return true;
}

static void ask_pod(struct certs_pod *p, const cJSON *pod)
{
	char path[512];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s:%d/proxy/metrics", p->cli->options.system, p->name,
		 ops_pod_port(pod));
	p->call = kube_stream(p->cli->kube, path, METRICS_MS, 0, on_metrics, on_end, p, &p->err);
	p->ended = !p->call;
}

/* Who serves by a CA of the Secret tells when that ends, too. */
static bool is_own(const struct certs_look *l)
{
	bool serves = false;

	for (int i = 0; i < l->count; i++) {
		if (certs_pod_until_ms(&l->pods[i], "ca") >= 0)
			return false;
		serves |= certs_pod_until_ms(&l->pods[i], "leaf") >= 0;
	}
	return serves;
}

static void forget_secret(struct certs_look *l)
{
	l->own = true;
	l->asked = false;
	l->secret = NULL;
	l->unusable = (struct error)ERROR_INIT;
	pem_release(&l->now);
	pem_release(&l->next);
	pem_release(&l->old);
}

void certs_ask_pods(struct certs_look *l, struct cli *c)
{
	const cJSON *pod;
	int i = 0;

	json_each(pod, json_get(l->asks[1].answer, "items", NULL)) {
		const char *name = json_str(pod, "metadata", "name", NULL);

		if (i < l->count && name && strcmp(l->pods[i].name, name) == 0)
			ask_pod(&l->pods[i++], pod);
	}
	ask_wait(c, clock_mono_ms() + 2 * METRICS_MS, pods_ended, l);
	if (l->secret && is_own(l))
		forget_secret(l);
}

static bool has_said(const struct certs_pod *pod)
{
	return pod->ended && !pod->err.code && pod->metrics.len;
}

int64_t certs_pod_until_ms(const struct certs_pod *pod, const char *which)
{
	return has_said(pod) ? ops_pod_certificate_ms(pod->metrics.data, which) : -1;
}

int64_t certs_pod_late_ms(const struct certs_pod *pod, const char *which)
{
	return has_said(pod) ? ops_pod_certificate_late_ms(pod->metrics.data, which) : -1;
}

/* --- what it says ------------------------------------------------------------------------------------------------- */

static bool webhook_carries(const cJSON *webhook, const struct pem_set *set, bool alone)
{
	PEM_CLEANUP struct pem_set carried = { 0 };
	const char *base64 = json_str(webhook, "clientConfig", "caBundle", NULL);
	struct error err;
	char *text = base64 ? base64_decode(base64, &(size_t){ 0 }, &err) : NULL;
	bool all = text && pem_add(&carried, text, &err) == 0;

	for (int i = 0; all && i < set->n; i++)
		all = pem_has(&carried, set->at[i]);
	free(text);
	return all && !(alone && carried.n > set->n);
}

static bool all_carry(const cJSON *configuration, const struct pem_set *set, bool alone)
{
	const cJSON *webhook;

	json_each(webhook, json_get(configuration, "webhooks", NULL)) {
		if (!webhook_carries(webhook, set, alone))
			return false;
	}
	return true;
}

bool certs_carries(const cJSON *configuration, const struct pem_set *set)
{
	return all_carry(configuration, set, false);
}

const char *certs_trusts_another(const struct certs_look *l)
{
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		if (!all_carry(l->configurations[i], &l->now, true))
			return certs_kinds[i];
	}
	return NULL;
}

bool certs_changing(const struct certs_look *l)
{
	return l->asked || l->next.n || l->old.n;
}

static void add_fingerprint(struct buf *out, const struct pem_set *set)
{
	char fingerprint[CERT_FINGERPRINT_MAX];
	struct error err;

	if (set->n && cert_fingerprint(set->at[0], fingerprint, &err) == 0)
		buf_addstr(out, fingerprint);
	else
		buf_addstr(out, "(cannot be read)");
}

static void add_settling(const struct certs_look *l, struct buf *out)
{
	bool all = true;

	buf_addstr(out, "stage 1 of 2: CA ");
	add_fingerprint(out, &l->next);
	buf_addstr(out, " stands beside the one that signs");
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		if (certs_carries(l->configurations[i], &l->next))
			continue;
		buf_addf(out, "; %s " CERTS_WEBHOOK " does not carry it yet", certs_kinds[i]);
		all = false;
	}
	if (all)
		buf_addstr(out, ", and is carried; it signs when each API server knows it (10 s)");
}

static void add_serving(const struct certs_look *l, struct buf *out)
{
	char fingerprint[CERT_FINGERPRINT_MAX] = "";
	struct error err;
	int serve = 0;

	if (l->now.n)
		(void)cert_fingerprint(l->now.at[0], fingerprint, &err);
	for (int i = 0; i < l->count; i++)
		serve += ca_secret_serves(l->secret, l->pods[i].name, fingerprint);
	buf_addstr(out, "stage 2 of 2: CA ");
	add_fingerprint(out, &l->now);
	buf_addf(out, " signs; %d of %d pods serve by it", serve, l->count);
	for (int i = 0, n = 0; i < l->count; i++) {
		if (!ca_secret_serves(l->secret, l->pods[i].name, fingerprint))
			buf_addf(out, "%s%s", n++ ? ", " : ", not yet: ", l->pods[i].name);
	}
	if (serve == l->count)
		buf_addstr(out, "; the old one is about to be dropped");
}

static void add_dropped(const struct certs_look *l, struct buf *out)
{
	const char *kind = certs_trusts_another(l);

	if (!kind) {
		buf_addstr(out, "none is under way");
		return;
	}
	buf_addstr(out, "stage 2 of 2: CA ");
	add_fingerprint(out, &l->now);
	buf_addf(out, " signs, and the old one is dropped; %s " CERTS_WEBHOOK " does not say so yet", kind);
}

void certs_stage(const struct certs_look *l, struct buf *out)
{
	if (l->next.n)
		add_settling(l, out);
	else if (l->old.n)
		add_serving(l, out);
	else if (l->asked)
		buf_addf(out, "asked for: a pod of codis-webhook has to make the new CA%s",
			 l->count ? "" : ", and there is none");
	else
		add_dropped(l, out);
}
