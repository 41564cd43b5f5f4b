/* dashboards.h - a product has one codis-dashboard, and a ZooKeeper one product of a name. Pure. */
#ifndef CODIS_WEBHOOK_DASHBOARDS_H
#define CODIS_WEBHOOK_DASHBOARDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct admission_request;
struct admission_verdict;
struct lookups;

/* Refuses more than one of them. */
void check_dashboard_replicas(int replicas, struct admission_verdict *v);

/* Of a codis-dashboard StatefulSet or Deployment as it shall be: refused where a StatefulSet that has replicas is of
 * the same product in the namespace, or of the same name on the same ZooKeeper in another one: both would write the
 * same groups. Where only perhaps, a warning. */
void check_dashboards(const struct admission_request *req, const cJSON *set, const struct lookups *lookups,
		      struct admission_verdict *v);

/* Whether an update makes that question new. */
bool dashboards_news(const cJSON *old, const cJSON *now);

#endif
