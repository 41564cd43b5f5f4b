/* picture.h - the view of a cluster, from what was observed and what is known of Kubernetes. Pure: no clock, no I/O; it
 * writes nothing but the view. */
#ifndef CODIS_CONTROLLER_PICTURE_H
#define CODIS_CONTROLLER_PICTURE_H

#include <stdint.h>

#include "controller/observed.h"
#include "controller/view.h"

struct inventory;

/* What a view's arrays stand in; grows, and is kept from one view to the next. Zeroed before first use. */
struct picture_room {
	void *servers, *groups, *proxies, *dashboards, *zookeepers, *by_addr, *members, *sets;
	int set_room, server_room, group_room, proxy_room, dashboard_room, zookeeper_room, by_addr_room, member_room;
};
void picture_room_release(struct picture_room *room);

/* Fills *v in; what it points to is the room's (slots of proxies: of what was observed) until the next call. 0, or -1
 * without memory: then *v is not to be used. */
int picture_make(struct cluster_view *v, struct picture_room *room, const struct observed *seen,
		 const struct inventory *inv, int64_t now_ms);

/* Another process answers in place of the one that was last seen with a role or a synced link, and it was not given the
 * role on purpose. */
bool picture_restarted(const struct observed_server *s);
/* The group in which the process that was heard last had its role; 0: none, or it has ended by now. */
int picture_role_group(const struct observed_server *s);
/* Where the server of this address stands among servers in the order of their addresses; -1: nowhere. */
int observed_server_at(struct observed_server *const *servers, int count, const char *addr);

#endif
