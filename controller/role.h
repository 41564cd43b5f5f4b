/* role.h - which role the label codis.io/role of a server's pod shall say. Pure; roles.c writes it. */
#ifndef CODIS_CONTROLLER_ROLE_H
#define CODIS_CONTROLLER_ROLE_H

#include "controller/view.h"

/* The first member of the group whose pod says something else than it shall, its master before all others, and what it
 * shall say; of those for which `may` holds. NULL: there is none.
 *
 * Nothing is said before the group's declared master is verified, nor while its master changes, nor where the template
 * says the label itself: its selector may have it, and the StatefulSet would let go of the pod. Then all keep what they
 * say. A replica is whoever follows that master, and whoever is called the master in its place. */
const struct server_view *role_next(const struct cluster_view *v, const struct group_view *g,
				    bool (*may)(void *ctx, const struct server_view *s, enum codis_role role),
				    void *ctx, enum codis_role *role);

#endif
