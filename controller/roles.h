/* roles.h - the label codis.io/role of the servers' pods is kept as role.h says. */
#ifndef CODIS_CONTROLLER_ROLES_H
#define CODIS_CONTROLLER_ROLES_H

struct cluster;

/* Writes one that is not as it shall be, where this controller leads: called at each turn, after all else. One at a
 * time in a cluster, ROLES_AT_ONCE in all, and ROLES_A_SECOND, in equal parts for the namespaces. */
#define ROLES_AT_ONCE  4
#define ROLES_A_SECOND 20
void roles_keep(struct cluster *c);

#endif
