#include "webhook/options.h"

#include <stddef.h>

#define AT(field) offsetof(struct options, field)

/* One option, a few lines. */
/* clang-format off */
const struct opt webhook_options[] = {
	{ .name = "listen", .env = "CODIS_LISTEN", .type = OPT_STRING, .offset = AT(listen), .def = ":9443", .arg = "ADDR",
	  .help = "where the API server asks, by HTTPS" },
	{ .name = "ops-listen", .env = "CODIS_OPS_LISTEN", .type = OPT_STRING, .offset = AT(program.ops_listen), .def = ":8080",
	  .arg = "ADDR", .help = "where /healthz, /readyz and /metrics are" },
	{ .name = "threads", .env = "CODIS_THREADS", .type = OPT_INT, .offset = AT(threads), .def = "0", .arg = "N",
	  .help = "threads that answer, each of which may take some 10 MiB while it does; 0: one a core, from 2 to 4",
	  .min = 0, .max = 64 },
	{ .name = "namespace", .env = "POD_NAMESPACE", .type = OPT_STRING, .offset = AT(namespace), .def = "codis-system",
	  .arg = "NAME", .help = "namespace of the service and the secret" },
	{ .name = "service", .env = "CODIS_SERVICE", .type = OPT_STRING, .offset = AT(service), .def = "codis-webhook",
	  .arg = "NAME", .help = "the service by which the API server comes; the certificate is for it" },
	{ .name = "secret", .env = "CODIS_SECRET", .type = OPT_STRING, .offset = AT(secret), .def = "codis-webhook-ca",
	  .arg = "NAME", .help = "the secret in which the replicas keep their certificate authority" },
	{ .name = "mutating-config", .env = "CODIS_MUTATING_CONFIG", .type = OPT_STRING, .offset = AT(mutating),
	  .def = "codis-webhook", .arg = "NAME", .help = "the MutatingWebhookConfiguration to keep the caBundle of" },
	{ .name = "validating-config", .env = "CODIS_VALIDATING_CONFIG", .type = OPT_STRING, .offset = AT(validating),
	  .def = "codis-webhook", .arg = "NAME", .help = "the ValidatingWebhookConfiguration to keep the caBundle of" },
	{ .name = "pod-name", .env = "POD_NAME", .type = OPT_STRING, .offset = AT(pod_name), .arg = "NAME",
	  .help = "this replica's pod; without it, the name of the host" },
	{ .name = "ca-life", .env = "CODIS_CA_LIFE", .type = OPT_DURATION_S, .offset = AT(ca_life_s), .def = "365d", .arg = "TIME",
	  .help = "how long a certificate authority lives", .min = 3600, .max = 3650 * 86400 },
	{ .name = "cert-life", .env = "CODIS_CERT_LIFE", .type = OPT_DURATION_S, .offset = AT(cert_life_s), .def = "30d",
	  .arg = "TIME", .help = "how long a replica's certificate lives, but never longer than its authority", .min = 600,
	  .max = 3650 * 86400 },
	{ .name = "renew-before", .env = "CODIS_RENEW_BEFORE", .type = OPT_DURATION_S, .offset = AT(renew_before_s), .def = "10d",
	  .arg = "TIME", .help = "how long before its end each of them is replaced, but not in the first half of its life",
	  .min = 60, .max = 3650 * 86400 },
	{ .name = "ca-settle", .env = "CODIS_CA_SETTLE", .type = OPT_DURATION_MS, .offset = AT(ca_settle_ms), .def = "10s",
	  .arg = "TIME", .help = "a new authority signs once the webhook configurations have carried it for so long", .min = 1000,
	  .max = 600000 },
	{ .name = "cert-file", .env = "CODIS_CERT_FILE", .type = OPT_STRING, .offset = AT(cert_file), .arg = "FILE",
	  .help = "your own certificate (PEM), read again when it changes; secret and caBundle are then yours to keep" },
	{ .name = "key-file", .env = "CODIS_KEY_FILE", .type = OPT_STRING, .offset = AT(key_file), .arg = "FILE",
	  .help = "its key" },
	{ .name = "client-ca-file", .env = "CODIS_CLIENT_CA_FILE", .type = OPT_STRING, .offset = AT(client_ca_file),
	  .arg = "FILE",
	  .help = "authority (PEM) of the certificate that the API server has to show; read once. Without: anyone may ask" },
	{ .name = "kubeconfig", .type = OPT_STRING, .offset = AT(program.kubeconfig), .arg = "FILE",
	  .help = "how to reach the API server; else the pod's service account, $KUBECONFIG, ~/.kube/config" },
	{ .name = "viewer-image", .env = "CODIS_VIEWER_IMAGE", .type = OPT_STRING, .offset = AT(viewer_image),
	  .def = "codis-k8s:latest", .arg = "IMAGE", .help = "image with codis-controller, for the pods of a codis-ha" },
	{ .name = "scheduler-name", .env = "CODIS_SCHEDULER_NAME", .type = OPT_STRING, .offset = AT(scheduler),
	  .def = "codis-scheduler", .arg = "NAME",
	  .help = "whose schedulerName servers get; default-scheduler leaves them with the cluster's own" },
	{ .name = "drain", .env = "CODIS_DRAIN", .type = OPT_DURATION_MS, .offset = AT(drain_ms), .def = "5s", .arg = "TIME",
	  .help = "how long it takes requests after SIGTERM, until nobody is sent to it any more; then what is in flight has 10s",
	  .max = 60000 },
	{ .name = "log-level", .env = "CODIS_LOG_LEVEL", .type = OPT_CHOICE, .offset = AT(program.log_level), .def = "info",
	  .arg = "LEVEL", .help = "the least that is logged", .choices = "debug|info|warn|error" },
	OPT_END
};
/* clang-format on */
