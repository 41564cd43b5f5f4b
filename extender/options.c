#include "extender/options.h"

#include <stddef.h>

const struct opt extender_options[] = {
	{ "listen", "CODIS_LISTEN", OPT_STRING, offsetof(struct options, listen), "127.0.0.1:9080", "ADDR",
	  "where the scheduler asks; loopback, since nobody else has to", 0, 0, NULL },
	{ "ops-listen", "CODIS_OPS_LISTEN", OPT_STRING, offsetof(struct options, ops_listen), ":8081", "ADDR",
	  "where /healthz, /readyz and /metrics are", 0, 0, NULL },
	{ "kubeconfig", NULL, OPT_STRING, offsetof(struct options, kubeconfig), NULL, "FILE",
	  "how to reach the API server; else the pod's service account, $KUBECONFIG, ~/.kube/config", 0, 0, NULL },
	{ "reservation-ttl", "CODIS_RESERVATION_TTL", OPT_DURATION_MS, offsetof(struct options, reservation_ttl_ms),
	  "15s", "TIME", "how long nodes stay reserved for a pod that is not seen bound", 1000, 600000, NULL },
	{ "log-level", "CODIS_LOG_LEVEL", OPT_CHOICE, offsetof(struct options, log_level), "info", "LEVEL",
	  "the least that is logged", 0, 0, "debug|info|warn|error" },
	OPT_END
};
