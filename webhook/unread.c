/* It is long where API servers are wordy: managedFields are often half of a pod. Whoever wants to read or set one of
 * these takes it from its list; what no list names is there. */
#include "webhook/unread.h"

#define ALL_OF(name)                                                                                                   \
	{                                                                                                              \
		name, NULL                                                                                             \
	}
#define END                                                                                                            \
	{                                                                                                              \
		.name = NULL                                                                                           \
	}

static const struct json_cut of_metadata[] = { ALL_OF("managedFields"), END };

static const struct json_cut of_container[] = { ALL_OF("volumeMounts"), ALL_OF("volumeDevices"),
						ALL_OF("terminationMessagePath"), ALL_OF("terminationMessagePolicy"),
						END };

/* Of a volume its name, and whether it is a claim, is read. */
static const struct json_cut of_volume[] = { ALL_OF("configMap"),   ALL_OF("csi"),
					     ALL_OF("downwardAPI"), ALL_OF("emptyDir"),
					     ALL_OF("hostPath"),    ALL_OF("projected"),
					     ALL_OF("secret"),      END };

static const struct json_cut of_status[] = { ALL_OF("conditions"), ALL_OF("containerStatuses"),
					     ALL_OF("initContainerStatuses"), END };

static const struct json_cut of_template[];

/* Of a pod, and of a StatefulSet. */
static const struct json_cut of_spec[] = { { "containers", of_container },
					   { "initContainers", of_container },
					   { "volumes", of_volume },
					   { "template", of_template },
					   END };

static const struct json_cut of_template[] = { { "spec", of_spec }, END };

static const struct json_cut of_object[] = {
	{ "metadata", of_metadata }, { "spec", of_spec }, { "status", of_status }, END
};

static const struct json_cut of_request[] = { { "object", of_object },
					      { "oldObject", of_object },
					      ALL_OF("userInfo"),
					      ALL_OF("options"),
					      ALL_OF("requestKind"),
					      ALL_OF("requestResource"),
					      END };

const struct json_cut unread[] = { { "request", of_request }, END };
