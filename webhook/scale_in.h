/* scale_in.h - fewer codis-servers: refused while a group that would go still serves slots. Pure. */
#ifndef CODIS_WEBHOOK_SCALE_IN_H
#define CODIS_WEBHOOK_SCALE_IN_H

#include <cjson/cJSON.h>

#include "common/codis/topology.h"

struct admission_verdict;

struct scale_in {
	const cJSON *set;     /* as it is: its annotation codis.io/slots says what is served (common/codis/served.h),
				 codis.io/moving which groups are getting slots (common/codis/scaling.h) */
	const cJSON *allowed; /* whose annotation codis.io/allow-data-loss counts: as it shall be, or as it is */
	struct codis_shape before, after;
	bool others; /* another StatefulSet of the product has servers: they may take the slots, and would miss them */
};

/* A group goes when no server of it stays. Where the StatefulSet has no codis.io/slots (codis-controller never saw it,
 * or only watches there), it is let through with a warning. */
void check_scale_in(const struct scale_in *s, struct admission_verdict *v);

#endif
