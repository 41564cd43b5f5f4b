/* options.h - codis-extender's flags. */
#ifndef CODIS_EXTENDER_OPTIONS_H
#define CODIS_EXTENDER_OPTIONS_H

#include "common/base/opt.h"
#include "common/kube/program.h"

struct options {
	struct program_options program;
	char *listen;
	char *scheduler, *scheduler_lease;
	char *pod_name, *namespace;
	int reservation_ttl_ms;
};

extern const struct opt extender_options[];

#endif
