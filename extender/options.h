/* options.h - codis-extender's flags. */
#ifndef CODIS_EXTENDER_OPTIONS_H
#define CODIS_EXTENDER_OPTIONS_H

#include "common/base/opt.h"

struct options {
	char *listen, *ops_listen;
	char *kubeconfig;
	char *pod_name;
	char *log_level;
	int reservation_ttl_ms;
};

extern const struct opt extender_options[];

#endif
