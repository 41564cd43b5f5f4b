/* controller_view.h - one group as decide() sees it, in a test's hands: what a test changes of it is the situation. */
#ifndef CODIS_TESTS_CONTROLLER_VIEW_H
#define CODIS_TESTS_CONTROLLER_VIEW_H

#include "controller/decide.h"

#define A "10.0.0.1:6379"
#define B "10.0.0.2:6379"
#define C "10.0.0.3:6379"
#define D "10.0.2.1:18080" /* the dashboard */

struct world {
	struct cluster_view v;
	struct view_set sets[4]; /* one, without a label */
	struct server_view servers[8];
	struct group_view groups[4];
	struct proxy_view proxies[4];
	struct dashboard_pod_view dashboards[4];
	struct codis_slot slots[4][CODIS_SLOTS];
	struct calm_groups filled[4];
	struct action actions[16];
	int count;
	bool scales; /* the test says which groups have had slots; else it is all of them (had_all) */
};

extern const struct decide_limits limits;

/* One healthy group: A leads, B is its synced replica, one proxy. Freed by WORLD. */
struct world *healthy(void);
void free_world(struct world **w);
#define WORLD __attribute__((cleanup(free_world))) struct world *w = healthy()

struct server_view *add_server(struct world *w, const char *addr, int gid, int ordinal);
struct group_view *add_group(struct world *w, int gid);
struct proxy_view *add_proxy(struct world *w, const char *token);
void list(struct group_view *g, struct server_view *s);
/* A second healthy group, of C, which leads, and its replica. C's view; the replica's is behind it. */
struct server_view *add_pair(struct world *w);
/* Each group that there is has had slots: so none of them is new. */
void had_all(struct world *w);
/* What a server is and says. */
void guarded(struct server_view *s);
void leads(struct server_view *s);
void follows(struct server_view *s, const struct server_view *m);
/* All slots are the group's, and every proxy sends them to addr. */
void send_slots(struct world *w, int gid, const char *addr);
/* B has lost its link; A refuses; A is silent for so long. */
void lose_link(struct world *w);
void refuse(struct world *w);
void silence(struct world *w, int ms);

void run(struct world *w);
void assert_nothing(struct world *w);
/* This action and no other. */
const struct action *assert_only(struct world *w, enum action_kind kind, const char *addr);

#endif
