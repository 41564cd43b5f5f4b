/* certs.h - what certificates codis-webhook serves with, and by what it is trusted: the public parts of its Secret, the
 * caBundles of both webhook configurations, and what each of its pods says in its metrics (docs/certificates.md). */
#ifndef CODIS_CLI_CERTS_H
#define CODIS_CLI_CERTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "certs/pem.h"
#include "cli/ask.h"
#include "cli/cli.h"
#include "common/base/buf.h"
#include "common/codis/pod.h"

/* As manifests/system names them. */
#define CERTS_WEBHOOK "codis-webhook"
#define CERTS_SECRET  "codis-webhook-ca"

#define CERTS_PODS_MAX       16
#define CERTS_CONFIGURATIONS 2

struct certs_pod {
	char name[POD_NAME_MAX];
	struct cli *cli;
	struct http_call *call;
	struct buf metrics;
	bool ended; /* with its metrics, or with err.code */
	struct error err;
};

struct certs_look {
	struct ask asks[2 + CERTS_CONFIGURATIONS];         /* the Secret, the pods, the configurations */
	const cJSON *secret;                               /* without the keys; NULL: there is none */
	const cJSON *configurations[CERTS_CONFIGURATIONS]; /* NULL: there is none */
	struct error unusable; /* why the replicas cannot use the Secret; without a code: they can */
	struct pem_set now, next, old;
	bool asked;                            /* for a change that has not begun */
	bool own;                              /* see certs_ask_pods */
	struct certs_pod pods[CERTS_PODS_MAX]; /* that are on a node and have not ended */
	int count;
};

/* "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration" */
extern const char *const certs_kinds[CERTS_CONFIGURATIONS];

/* 0, or -1 and *err: something else than that it is not there. Ended by certs_look_end in any case. */
int certs_look(struct certs_look *l, struct cli *c, struct error *err);
void certs_look_end(struct certs_look *l);
/* Asks the pods for their metrics, each for 1.5 s at most. Where they serve with a certificate of the user's own, a
 * Secret from before is nothing to them: l->own, and the look is as without one. */
void certs_ask_pods(struct certs_look *l, struct cli *c);
/* When the certificate that a pod serves with ("leaf"), or its CA ("ca"), ends; -1: it has not said. */
int64_t certs_pod_until_ms(const struct certs_pod *pod, const char *which);
/* From when on that should have been replaced; likewise. */
int64_t certs_pod_late_ms(const struct certs_pod *pod, const char *which);

/* Whether all webhooks of the configuration trust all of these; one that does not exist calls nobody. */
bool certs_carries(const cJSON *configuration, const struct pem_set *set);
/* The kind of a configuration that trusts another CA than the one that signs, or not that one; NULL: none does. */
const char *certs_trusts_another(const struct certs_look *l);
/* Whether a change is asked for or under way. */
bool certs_changing(const struct certs_look *l);
/* Where the change is, and what it waits for. */
void certs_stage(const struct certs_look *l, struct buf *out);

/* certs_rotate.c */
enum cli_status certs_rotate(struct cli *c);

#endif
