/* options.h - the options of codis-controller: one table for flags, environment, --help and docs. */
#ifndef CODIS_CONTROLLER_OPTIONS_H
#define CODIS_CONTROLLER_OPTIONS_H

#include <stdbool.h>

#include "common/base/opt.h"
#include "common/kube/program.h"

struct options {
	struct program_options program;
	char *namespace, *pod_name, *lease, *namespace_selector, *crash_at, *view_url, *node_loss, *bound_writes;
	int lease_ms, probe_ms, probe_timeout_ms, silence_ms, cold_wait_ms, proxy_gone_ms;
	int max_silent_failovers, max_deletions;
	bool view, dry_run;
};

extern const struct opt controller_options[];

/* What --node-loss says: *ms after which the pods of a node that is away are replaced; -1: never. 0, or -1 and *err. */
int options_node_loss(const char *text, int *ms, struct error *err);

#endif
