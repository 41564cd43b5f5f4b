#include "extender/options.h"

#include <stddef.h>

/* One option, a few lines. */
/* clang-format off */
const struct opt extender_options[] = {
	{ .name = "listen", .env = "CODIS_LISTEN", .type = OPT_STRING, .offset = offsetof(struct options, listen),
	  .def = "127.0.0.1:9080", .arg = "ADDR", .help = "where the scheduler asks; loopback, since nobody else has to" },
	{ .name = "ops-listen", .env = "CODIS_OPS_LISTEN", .type = OPT_STRING,
	  .offset = offsetof(struct options, program.ops_listen), .def = ":8081", .arg = "ADDR",
	  .help = "where /healthz, /readyz and /metrics are" },
	{ .name = "kubeconfig", .type = OPT_STRING, .offset = offsetof(struct options, program.kubeconfig), .arg = "FILE",
	  .help = "how to reach the API server; else the pod's service account, $KUBECONFIG, ~/.kube/config" },
	{ .name = "scheduler", .env = "CODIS_SCHEDULER", .type = OPT_STRING, .offset = offsetof(struct options, scheduler),
	  .arg = "ADDR", .help = "the HTTPS port of the kube-scheduler in the same pod, whose health and version are looked after; "
				 "else those of none" },
	{ .name = "scheduler-lease", .env = "CODIS_SCHEDULER_LEASE", .type = OPT_STRING,
	  .offset = offsetof(struct options, scheduler_lease), .arg = "NAME",
	  .help = "the Lease of that scheduler, in the namespace of its own pod; else a change of leader is not noticed" },
	{ .name = "namespace", .env = "POD_NAMESPACE", .type = OPT_STRING, .offset = offsetof(struct options, namespace),
	  .def = "codis-system", .arg = "NAME", .help = "namespace of its own pod" },
	{ .name = "pod-name", .env = "POD_NAME", .type = OPT_STRING, .offset = offsetof(struct options, pod_name),
	  .def = "codis-extender", .arg = "NAME", .help = "who it is in its Events" },
	{ .name = "reservation-ttl", .env = "CODIS_RESERVATION_TTL", .type = OPT_DURATION_MS,
	  .offset = offsetof(struct options, reservation_ttl_ms), .def = "75s", .arg = "TIME",
	  .help = "how long nodes stay reserved for a pod that is not seen bound", .min = 1000, .max = 600000 },
	{ .name = "log-level", .env = "CODIS_LOG_LEVEL", .type = OPT_CHOICE,
	  .offset = offsetof(struct options, program.log_level), .def = "info", .arg = "LEVEL",
	  .help = "the least that is logged", .choices = "debug|info|warn|error" },
	OPT_END
};
/* clang-format on */
