/* config.h - where the API server is and who we are: the pod's service account, or a kubeconfig file. */
#ifndef CODIS_KUBE_CONFIG_H
#define CODIS_KUBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

struct kube_config {
	char *server;     /* "https://10.96.0.1:443" */
	char *ca_pem;     /* or NULL */
	char *token;      /* or NULL */
	char *token_file; /* read again every 60 s; or NULL */
	char *cert_pem, *key_pem;
	char *namespace; /* of the pod, or of the context; "default" */
	bool skip_verify;
	bool loaded; /* by kube_config_load, of this path; so it can be read again */
	char *path;  /* or NULL */
};

/* path NULL: the service account when KUBERNETES_SERVICE_HOST is set, else $KUBECONFIG, else ~/.kube/config.
 * Understands token, client certificate and key, CA, each as file or data. exec plugins are refused with a sentence,
 * and so is a $KUBECONFIG of several files. 0, or -1 and *err naming the file. */
int kube_config_load(struct kube_config *cfg, const char *path, struct error *err);

/* What a person at a terminal chooses, as kubectl lets them. */
struct kube_config_choice {
	const char *path;    /* NULL: as above, but the service account comes last, as for kubectl */
	const char *context; /* in place of current-context, so never the service account; NULL: none is named */
	/* exec plugins are run: they are the file's owner's programs, with our environment, and may ask on the
	 * terminal. Blocks for 30 s at most (exec.h). */
	bool exec;
};

/* kube_config_load for that choice. $KUBECONFIG may name several files, separated by ':', as kubectl merges them: of
 * what several have, the first one's counts; those that are not there are passed over. It is not read again: whoever
 * was refused (401) loads it anew. */
int kube_config_choose(struct kube_config *cfg, const struct kube_config_choice *choice, struct error *err);
void kube_config_release(struct kube_config *cfg);

#endif
