/* preview.h - what the pods of a StatefulSet, Deployment or DaemonSet will be told, told when that is applied: pods are
 * made by a controller, and what it is told nobody reads. Pure. */
#ifndef CODIS_WEBHOOK_PREVIEW_H
#define CODIS_WEBHOOK_PREVIEW_H

struct admission_request;
struct admission_verdict;
struct lookups;

/* Of the object that is made or changed: refuses it where the first or the last of its pods would be refused, and
 * that is new; where it was so before, warns. So it does where a pod is let in with an objection. Adds the warnings
 * that they would get, where its template is new. */
void preview_pods(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v);

#endif
