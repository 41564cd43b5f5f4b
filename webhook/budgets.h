/* budgets.h - the warning of PodDisruptionBudgets that do not protect the servers of a StatefulSet. */
#ifndef CODIS_WEBHOOK_BUDGETS_H
#define CODIS_WEBHOOK_BUDGETS_H

struct admission_request;
struct admission_verdict;
struct lookups;

/* codis-controller keeps a budget a group (controller/budget.h), but where another one selects the pods: two evict
 * none. Warns where that one lets more than one of the pods of this codis-server StatefulSet go, and where there are
 * two: when it is made, and when a change of its labels makes it so. Pure. */
void check_budget(const struct admission_request *req, const struct lookups *lookups, struct admission_verdict *v);

#endif
