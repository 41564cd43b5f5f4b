/* options.h - codis-webhook's flags. */
#ifndef CODIS_WEBHOOK_OPTIONS_H
#define CODIS_WEBHOOK_OPTIONS_H

#include "common/base/opt.h"

struct options {
	char *listen, *ops_listen;
	char *namespace, *service, *secret;
	char *mutating, *validating;
	char *cert_file, *key_file;
	char *kubeconfig;
	char *viewer_image;
	char *log_level;
	int threads;
	int drain_ms;
};

extern const struct opt webhook_options[];

#endif
