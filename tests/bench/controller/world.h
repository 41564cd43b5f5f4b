/* world.h - a whole world for one codis-controller, in one process: an API server, codis-servers, proxies, dashboards.
 * Products are numbered from 0, groups over all products from 0; group g has the servers 2g and 2g+1.
 */
#ifndef CODIS_TESTS_BENCH_CONTROLLER_WORLD_H
#define CODIS_TESTS_BENCH_CONTROLLER_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/codis/model.h"
#include "tests/unit/fake_api.h"

#define WORLD_REPLICA 2 /* SERVER_REPLICA */
#define WORLD_PROXIES 2 /* of a product */
#define WORLD_NODES   50

struct world_server {
	struct world *w;
	int number;
	char addr[CODIS_ADDR_MAX];
	char run_id[41];
	int master;     /* number of the server that it follows; -1: it is a master; -2: it waits with the guard */
	bool up;        /* listens */
	bool following; /* has the data of its master: a sync was done while that was up */
	uv_tcp_t listener;
	struct world_conn *conns;
};

struct world_proxy {
	char ip[48], token[CODIS_TOKEN_MAX];
	struct codis_slot slots[CODIS_SLOTS];
	struct buf slots_text; /* as JSON, as they are now; empty: to be made again */
};

struct world {
	int products, groups; /* groups of each product */
	struct fake_world *kube;
	uv_loop_t *uv;
	struct world_server *servers;
	struct world_proxy *proxies;
	struct buf *topoms, *slots; /* of each product: the text of GET /topom and of GET /api/topom/slots */
	pthread_mutex_t lock;       /* proxies are asked on the HTTP servers' threads */
};

/* Names and addresses. */
void world_product(int product, char out[32]);
void world_server_ip(int server, char out[48]);
void world_proxy_ip(int proxy, char out[48]);
void world_dashboard_ip(int product, char out[48]);
/* Which group of its product (1...) has the slot at the beginning. */
int world_group_of_slot(const struct world *w, int slot);

/* objects.c: pods, StatefulSets and nodes for the API server, the tree for ZooKeeper. Both end the program when they
 * fail. */
void world_make_objects(struct world *w, const char *zookeeper);
void world_make_tree(struct world *w, const char *zookeeper);

/* servers.c: all servers listen, each on its own address; a role that is given is told on stdout. */
void world_start_servers(struct world *w);
/* As the end of its process: its socket listens no more, its connections are closed. Returns when that began
 * (monotonic, microseconds). */
int64_t world_kill(struct world_server *s);
/* Another process, empty and with the guard. */
void world_revive(struct world_server *s);
/* The text of INFO. */
void world_info(const struct world_server *s, struct buf *out);

/* rest.c: proxies on :11080, dashboards on :18080. */
void world_start_rest(struct world *w);

#endif
