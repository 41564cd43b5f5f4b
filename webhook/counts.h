/* counts.h - how many pods a StatefulSet may have: servers by groups, one dashboard. Pure. */
#ifndef CODIS_WEBHOOK_COUNTS_H
#define CODIS_WEBHOOK_COUNTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/base/error.h"
#include "common/codis/pod.h"

struct admission_verdict;

/* What the pods of a server set say of themselves. Two are the same where their texts are. */
struct counts_setting {
	int server_replica; /* 0: wrong, or said elsewhere: see err */
	struct error err;
	struct codis_pod pod;
	const char *label; /* codis.io/group, as it is; NULL: none */
};

struct counts_setting counts_setting_of(const cJSON *set);

/* Of a StatefulSet, or of what else has replicas. */
int counts_replicas_of(const cJSON *object);
int counts_start_of(const cJSON *set);

/* Whether this many replicas of the StatefulSet are right. */
void counts_check(const cJSON *set, int replicas, struct admission_verdict *v);

/* Of an update, the same where the number is new, or what the servers say of it (else `same`). Fewer than before that
 * were wrong before, too, are a warning: they may be on their way to what is right. */
void counts_check_change(const cJSON *old, const cJSON *now, bool same, struct admission_verdict *v);

/* Groups are cut from the ordinals: a set that starts within a group would leave it short for ever. */
void counts_check_start(const cJSON *set, struct admission_verdict *v);

#endif
