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
 * Understands token, client certificate and key, CA, each as file or data. exec plugins are refused with a sentence.
 * 0, or -1 and *err naming the file. */
int kube_config_load(struct kube_config *cfg, const char *path, struct error *err);
void kube_config_release(struct kube_config *cfg);

#endif
