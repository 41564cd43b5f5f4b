#include "webhook/protect.h"

#include <string.h>

#include "common/base/json.h"
#include "common/codis/topology.h"
#include "common/kube/admission.h"
#include "webhook/lookups.h"

static bool asks(const cJSON *set, const char *where)
{
	const char *value = json_str(set, "metadata", where, CODIS_PROTECT, NULL);

	return value && strcmp(value, "true") == 0;
}

void check_protected(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v)
{
	const cJSON *set = req->old_object;
	const char *name = json_str(set, "metadata", "name", NULL);
	bool label = asks(set, "labels"), annotation = asks(set, "annotations");

	if (!name || (!label && !annotation) || json_get(set, "metadata", "deletionTimestamp", NULL) ||
	    (lookups->is_ending && lookups->is_ending(lookups->ctx, req->namespace)))
		return;
	admission_refuse(v, 422,
			 "StatefulSet %.254s has the %s " CODIS_PROTECT
			 ", and is not deleted while it has: kubectl %s -n %.64s sts %.254s " CODIS_PROTECT "-",
			 name, label ? "label" : "annotation", label ? "label" : "annotate", req->namespace, name);
}
