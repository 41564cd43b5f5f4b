/* validate.h - which StatefulSets of Codis are refused, and which Deployments and DaemonSets. Pure: the verdict follows
 * from the request and the lookups. */
#ifndef CODIS_WEBHOOK_VALIDATE_H
#define CODIS_WEBHOOK_VALIDATE_H

struct admission_request;
struct admission_verdict;
struct lookups;

/* For POST /validate: statefulsets, statefulsets/scale, deployments and daemonsets. v must be initialised. Refuses with
 * 400 what is none of these, and with 422 what would break a cluster. An object that is already wrong stays editable in
 * everything else. */
void validate(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v);

#endif
