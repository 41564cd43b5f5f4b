/* inventory_belong.h - which product a pod or a StatefulSet belongs to, and what moves when another one speaks: see
 * docs/architecture.md, "Whose a silent pod is". For inventory.c alone. */
#ifndef CODIS_CODIS_INVENTORY_BELONG_H
#define CODIS_CODIS_INVENTORY_BELONG_H

#include "common/codis/inventory_parts.h"

/* It has changed: its listener is told by the next belong_settle(). */
void belong_touch(struct inventory *inv, struct product *p);
/* Tells of what was touched, and frees what nobody is left in. */
void belong_settle(struct inventory *inv);
/* Whether it runs as one product's, and so must know which. */
bool belong_has_product(enum codis_component c);
/* Its word counts from now on for those of its namespace that say nothing. */
void belong_speak(struct member *m);
/* Those that say nothing belong together: with a dashboard that says nothing, else to the only product there is.
 * owner: the pod's StatefulSet, or "". */
struct product *belong_where(const struct inventory *inv, const struct member *m, const char *owner);
/* Why it belongs to none, and which line to add; "" where it does. */
void belong_write_trouble(const struct member *m, char out[POD_WHY_MAX]);
/* After a change of who says what: those who say nothing may belong elsewhere now. */
void belong_resolve_silent(struct inventory *inv, struct space *s);
/* The namespace of a member, and the product that it says. 0, or -1: no memory. */
int belong_find_place(struct inventory *inv, const char *namespace, struct member *m);
/* The member speaks already. */
void belong_link(struct inventory *inv, struct member *m);
/* The pod is of another group now. */
void belong_regroup(struct inventory *inv, struct pod *p, int group);
/* The label of its role says something else now. */
void belong_take_role(struct inventory *inv, struct pod *p, enum codis_role role);
/* Whether one of these words is the master of that group of the product, or would be. */
bool belong_is_master(const struct inventory *inv, const struct product *of, const struct kept_pod *pod);
/* gone: deleted, so that its word stays remembered; else it only comes in again as it is now. */
void belong_unlink(struct inventory *inv, struct member *m, bool gone);

#endif
