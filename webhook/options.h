/* options.h - codis-webhook's flags. */
#ifndef CODIS_WEBHOOK_OPTIONS_H
#define CODIS_WEBHOOK_OPTIONS_H

#include "common/base/opt.h"
#include "common/kube/program.h"

struct options {
	struct program_options program;
	char *listen;
	char *namespace, *service, *secret;
	char *mutating, *validating;
	char *cert_file, *key_file, *client_ca_file;
	char *viewer_image, *pod_name, *scheduler;
	int ca_life_s, cert_life_s, renew_before_s, ca_settle_ms;
	int threads;
	int drain_ms;
};

extern const struct opt webhook_options[];

#endif
