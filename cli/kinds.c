/* The kinds of objects that codisctl applies and takes away. */
#include <stdio.h>
#include <string.h>

#include "cli/documents.h"

const struct kind kinds_known[] = {
	{ "Namespace", "v1", "namespaces", true },
	{ "ConfigMap", "v1", "configmaps", false },
	{ "Secret", "v1", "secrets", false },
	{ "Service", "v1", "services", false },
	{ "ServiceAccount", "v1", "serviceaccounts", false },
	{ "PersistentVolumeClaim", "v1", "persistentvolumeclaims", false },
	{ "ReplicationController", "v1", "replicationcontrollers", false },
	{ "Deployment", "apps/v1", "deployments", false },
	{ "ReplicaSet", "apps/v1", "replicasets", false },
	{ "StatefulSet", "apps/v1", "statefulsets", false },
	{ "PodDisruptionBudget", "policy/v1", "poddisruptionbudgets", false },
	{ "NetworkPolicy", "networking.k8s.io/v1", "networkpolicies", false },
	{ "Role", "rbac.authorization.k8s.io/v1", "roles", false },
	{ "RoleBinding", "rbac.authorization.k8s.io/v1", "rolebindings", false },
	{ "ClusterRole", "rbac.authorization.k8s.io/v1", "clusterroles", true },
	{ "ClusterRoleBinding", "rbac.authorization.k8s.io/v1", "clusterrolebindings", true },
	{ "PriorityClass", "scheduling.k8s.io/v1", "priorityclasses", true },
	{ "MutatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", true },
	{ "ValidatingWebhookConfiguration", "admissionregistration.k8s.io/v1", "validatingwebhookconfigurations",
	  true },
	{ .name = NULL },
};

const struct kind *kind_find(const char *name)
{
	for (const struct kind *k = kinds_known; k->name; k++) {
		if (strcmp(k->name, name) == 0)
			return k;
	}
	return NULL;
}

int kind_group_len(const char *version)
{
	const char *slash = strchr(version, '/');

	return slash ? (int)(slash - version) : 0;
}

int kind_path(const struct kind *kind, const char *namespace, const char *name, char path[DOCUMENTS_PATH_MAX])
{
	bool core = !kind_group_len(kind->version);
	int n = snprintf(path, DOCUMENTS_PATH_MAX, "/%s/%s%s%s/%s%s%s", core ? "api" : "apis", kind->version,
			 kind->clusterwide ? "" : "/namespaces/", kind->clusterwide ? "" : namespace, kind->resource,
			 *name ? "/" : "", name);

	return n > 0 && n < DOCUMENTS_PATH_MAX ? 0 : -1;
}
