/* It is long where API servers are wordy: managedFields are often half of a pod. Whoever wants to read or set one of
 * these takes it from its list; what no list names is there. */
#include "webhook/unread.h"

#define ALL_OF(name) JSON_CUT(name, NULL)

static const struct json_cut of_owner[] = { ALL_OF("apiVersion"), ALL_OF("uid"), ALL_OF("blockOwnerDeletion"),
					    JSON_CUT_END };

static const struct json_cut of_metadata[] = { ALL_OF("managedFields"),
					       ALL_OF("uid"),
					       ALL_OF("creationTimestamp"),
					       ALL_OF("generation"),
					       ALL_OF("resourceVersion"),
					       JSON_CUT("ownerReferences", of_owner),
					       JSON_CUT_END };

static const struct json_cut of_port[] = { ALL_OF("protocol"), JSON_CUT_END };

static const struct json_cut of_mount[] = { ALL_OF("readOnly"), ALL_OF("subPath"), ALL_OF("recursiveReadOnly"),
					    ALL_OF("mountPropagation"), JSON_CUT_END };

#define OF_CONTAINER                                                                                                   \
	ALL_OF("volumeDevices"), ALL_OF("terminationMessagePath"), ALL_OF("terminationMessagePolicy"),                 \
		JSON_CUT("ports", of_port)

/* Whether a template has changed is asked of all that a pod gets by it. */
static const struct json_cut of_container[] = { OF_CONTAINER, JSON_CUT("volumeMounts", of_mount), JSON_CUT_END };

/* A dashboard's go into a container that waits. Where data lies and what room it has is said of a set, whose user reads
 * it, and not of each of its pods. */
static const struct json_cut of_pods_container[] = { OF_CONTAINER, ALL_OF("volumeMounts"), ALL_OF("resources"),
						     ALL_OF("securityContext"), JSON_CUT_END };

/* Which ones outlive a pod is read. */
static const struct json_cut of_volume[] = { ALL_OF("configMap"),   ALL_OF("secret"),   ALL_OF("projected"),
					     ALL_OF("downwardAPI"), ALL_OF("emptyDir"), JSON_CUT_END };

#define OF_SPEC                                                                                                        \
	ALL_OF("dnsPolicy"), ALL_OF("serviceAccountName"), ALL_OF("serviceAccount"), ALL_OF("securityContext"),        \
		ALL_OF("hostname"), ALL_OF("subdomain"), ALL_OF("priority"), ALL_OF("enableServiceLinks"),             \
		ALL_OF("preemptionPolicy"), ALL_OF("topologySpreadConstraints")

static const struct json_cut of_template[];

/* Of a pod, and of a StatefulSet. */
static const struct json_cut of_spec[] = { JSON_CUT("containers", of_container),
					   JSON_CUT("initContainers", of_container),
					   JSON_CUT("template", of_template),
					   JSON_CUT("volumes", of_volume),
					   OF_SPEC,
					   JSON_CUT_END };

static const struct json_cut of_template[] = { JSON_CUT("spec", of_spec), JSON_CUT_END };

static const struct json_cut of_pods_spec[] = { JSON_CUT("containers", of_pods_container),
						JSON_CUT("initContainers", of_pods_container), ALL_OF("volumes"),
						OF_SPEC, JSON_CUT_END };

/* What is asked about has no status yet, or it is the API server's. */
#define OF_OBJECT JSON_CUT("metadata", of_metadata), ALL_OF("status"), ALL_OF("kind"), ALL_OF("apiVersion")

static const struct json_cut of_object[] = { JSON_CUT("spec", of_spec), OF_OBJECT, JSON_CUT_END };

static const struct json_cut of_pod[] = { JSON_CUT("spec", of_pods_spec), OF_OBJECT, JSON_CUT_END };

static const struct json_cut of_resource[] = { ALL_OF("group"), ALL_OF("version"), JSON_CUT_END };

#define OF_REQUEST                                                                                                     \
	JSON_CUT("resource", of_resource), ALL_OF("kind"), ALL_OF("dryRun"), ALL_OF("userInfo"), ALL_OF("options"),    \
		ALL_OF("requestKind"), ALL_OF("requestResource")

static const struct json_cut of_request[] = { JSON_CUT("object", of_object), JSON_CUT("oldObject", of_object),
					      OF_REQUEST, JSON_CUT_END };

static const struct json_cut of_pods_request[] = { JSON_CUT("object", of_pod), JSON_CUT("oldObject", of_pod),
						   OF_REQUEST, JSON_CUT_END };

const struct json_cut unread[] = { JSON_CUT("request", of_request), JSON_CUT_END };
const struct json_cut unread_of_pod[] = { JSON_CUT("request", of_pods_request), JSON_CUT_END };
