#include "controller/options.h"

#include <stdio.h>
#include <string.h>

#include "common/base/error.h"

/* One option, a few lines. */
/* clang-format off */
const struct opt controller_options[] = {
	{ .name = "ops-listen", .env = "CODIS_OPS_LISTEN", .type = OPT_STRING, .offset = offsetof(struct options, program.ops_listen),
	  .def = ":8080", .arg = "ADDR", .help = "where /status, /healthz, /readyz and /metrics are served" },
	{ .name = "kubeconfig", .env = "KUBECONFIG", .type = OPT_STRING, .offset = offsetof(struct options, program.kubeconfig),
	  .arg = "FILE", .help = "how to reach the API server; default: the pod's service account" },
	{ .name = "namespace", .env = "POD_NAMESPACE", .type = OPT_STRING, .offset = offsetof(struct options, namespace),
	  .def = "codis-system", .arg = "NAME", .help = "namespace of the lease" },
	{ .name = "namespace-selector", .env = "CODIS_NAMESPACE_SELECTOR", .type = OPT_STRING,
	  .offset = offsetof(struct options, namespace_selector),
	  .def = "codis.io/managed!=false,kubernetes.io/metadata.name notin (kube-system,codis-system)", .arg = "SELECTOR",
	  .help = "namespaces whose labels it matches take part; elsewhere no pod is asked anything, and nothing is done" },
	{ .name = "pod-name", .env = "POD_NAME", .type = OPT_STRING, .offset = offsetof(struct options, pod_name),
	  .arg = "NAME", .help = "identity in the lease; default: the host's name" },
	{ .name = "lease", .env = "CODIS_LEASE", .type = OPT_STRING, .offset = offsetof(struct options, lease),
	  .def = "codis-controller", .arg = "NAME", .help = "name of the lease that says who works" },
	{ .name = "lease-duration", .env = "CODIS_LEASE_DURATION", .type = OPT_DURATION_MS,
	  .offset = offsetof(struct options, lease_ms), .def = "4s", .arg = "TIME",
	  .help = "another controller takes over when the lease was not renewed for so long", .min = 2000, .max = 60000 },
	{ .name = "probe-period", .env = "CODIS_PROBE_PERIOD", .type = OPT_DURATION_MS,
	  .offset = offsetof(struct options, probe_ms), .def = "250ms", .arg = "TIME",
	  .help = "between two INFOs to a server; four times that while all is well in its group (a connection that drops is "
	          "looked at at once)", .min = 20, .max = 10000 },
	{ .name = "probe-timeout", .env = "CODIS_PROBE_TIMEOUT", .type = OPT_DURATION_MS,
	  .offset = offsetof(struct options, probe_timeout_ms), .def = "500ms", .arg = "TIME",
	  .help = "a server that has not answered for so long is silent", .min = 20, .max = 10000 },
	{ .name = "silence", .env = "CODIS_SILENCE", .type = OPT_DURATION_MS, .offset = offsetof(struct options, silence_ms),
	  .def = "1s", .arg = "TIME",
	  .help = "a master that is silent for so long has failed, when it is silent to its replica, too", .min = 200,
	  .max = 60000 },
	{ .name = "cold-wait", .env = "CODIS_COLD_WAIT", .type = OPT_DURATION_MS,
	  .offset = offsetof(struct options, cold_wait_ms), .def = "15s", .arg = "TIME",
	  .help = "a group of which no member has a role and some are missing gets its roles after this", .min = 1000,
	  .max = 600000 },
	{ .name = "proxy-gone", .env = "CODIS_PROXY_GONE", .type = OPT_DURATION_MS,
	  .offset = offsetof(struct options, proxy_gone_ms), .def = "3s", .arg = "TIME",
	  .help = "a proxy that does not answer for so long is taken out", .min = 500, .max = 600000 },
	{ .name = "max-silent-failovers", .env = "CODIS_MAX_SILENT_FAILOVERS", .type = OPT_INT,
	  .offset = offsetof(struct options, max_silent_failovers), .def = "12", .arg = "N",
	  .help = "so many silent masters of a group are replaced in an hour; then each is awaited for 30 s. 0: without limit",
	  .min = 0, .max = 64 },
	{ .name = "max-deletions", .env = "CODIS_MAX_DELETIONS", .type = OPT_INT,
	  .offset = offsetof(struct options, max_deletions), .def = "30", .arg = "N",
	  .help = "so many pods are deleted in a minute at most, a third of them in one cluster", .min = 3, .max = 64 },
	{ .name = "dry-run", .env = "CODIS_DRY_RUN", .type = OPT_BOOL, .offset = offsetof(struct options, dry_run), .def = "false",
	  .help = "decide, log and tell in the status what would be done, and do nothing: no lease is taken, and nothing is "
	          "written to Kubernetes, ZooKeeper, dashboards, proxies or servers" },
	{ .name = "node-loss", .env = "CODIS_NODE_LOSS", .type = OPT_STRING, .offset = offsetof(struct options, node_loss),
	  .def = "replace-after=60s", .arg = "POLICY",
	  .help = "replace-after=TIME: the pods of a node that is NotReady, and on which nothing answers for so long, are made "
	          "anew elsewhere, where that loses nothing; wait: only when its object is gone or a taint says that it is down" },
	{ .name = "bound-writes", .env = "CODIS_BOUND_WRITES", .type = OPT_CHOICE,
	  .offset = offsetof(struct options, bound_writes), .def = "auto", .arg = "WHERE",
	  .help = "where a master that is cut off takes no writes any more after 5 s (min-slaves-to-write): auto, in groups in "
	          "which two replicas are in sync; always, also with one; or never", .choices = "auto|always|never" },
	{ .name = "log-level", .env = "CODIS_LOG_LEVEL", .type = OPT_CHOICE, .offset = offsetof(struct options, program.log_level),
	  .def = "info", .arg = "LEVEL", .help = "debug, info, warn or error", .choices = "debug|info|warn|error" },
	{ .name = "crash-at", .env = "CODIS_CRASH_AT", .type = OPT_STRING, .offset = offsetof(struct options, crash_at),
	  .arg = "POINT", .help = "tests: after SIGUSR2, end as by kill -9 at promote.begin, promote.fenced or promote.role" },
	{ .name = "view", .env = NULL, .type = OPT_BOOL, .offset = offsetof(struct options, view), .def = "false",
	  .help = "no controller, but a viewer: print the status line of every cluster at every change, and each proxy and server then "
		  "and once a minute" },
	{ .name = "view-url", .env = "CODIS_VIEW_URL", .type = OPT_STRING, .offset = offsetof(struct options, view_url),
	  .def = "http://codis-controller.codis-system.svc:8080/status", .arg = "URL", .help = "where the viewer reads" },
	OPT_END,
};
/* clang-format on */

#define REPLACE_AFTER "replace-after="

/* Kubernetes calls a node NotReady after 40 s, and a machine may take its time to start again. */
#define NODE_LOSS_MIN_MS 5000
#define NODE_LOSS_MAX_MS 86400000

int options_node_loss(const char *text, int *ms, struct error *err)
{
	static const struct opt time[] = { { .name = "time",
					     .type = OPT_DURATION_MS,
					     .offset = 0,
					     .arg = "TIME",
					     .help = "",
					     .min = NODE_LOSS_MIN_MS,
					     .max = NODE_LOSS_MAX_MS },
					   OPT_END };
	char name[] = "time", flag[] = "--time", given[32], *argv[] = { name, flag, given, NULL };
	int value = 0;

	if (strcmp(text, "wait") == 0) {
		*ms = -1;
		return 0;
	}
	if (strncmp(text, REPLACE_AFTER, strlen(REPLACE_AFTER)) == 0) {
		snprintf(given, sizeof(given), "%s", text + strlen(REPLACE_AFTER));
		if (opt_parse(time, &value, 3, argv, NULL) >= 0) {
			*ms = value;
			return 0;
		}
	}
	return error_set(err, ERR_INVALID, "--node-loss is \"%.60s\": it must be wait or replace-after=TIME, 5s to 24h",
			 text);
}
