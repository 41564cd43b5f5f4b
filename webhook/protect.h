/* protect.h - StatefulSets that ask not to be deleted. */
#ifndef CODIS_WEBHOOK_PROTECT_H
#define CODIS_WEBHOOK_PROTECT_H

struct admission_request;
struct admission_verdict;
struct lookups;

/* Refuses to delete a StatefulSet with the label or annotation CODIS_PROTECT "true", but where its namespace is being
 * deleted, or it is already. Its pods, and fewer replicas, are none of this. Pure. */
void check_protected(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v);

#endif
