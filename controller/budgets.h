/* budgets.h - the PodDisruptionBudgets of a cluster's groups are kept as budget.h says: the API server is told what is
 * not so. */
#ifndef CODIS_CONTROLLER_BUDGETS_H
#define CODIS_CONTROLLER_BUDGETS_H

struct cluster;

/* Writes what is not as it shall be, one at a time, where this controller leads: called at each turn. */
void budgets_keep(struct cluster *c);

#endif
