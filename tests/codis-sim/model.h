/* model.h - what Codis keeps in its coordinator, as structs and as JSON. Independent of common/codis, which it tests.
 */
#ifndef CODIS_SIM_MODEL_H
#define CODIS_SIM_MODEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct buf;

#define MAX_SLOTS   1024
#define MAX_GROUP   9999
#define MAX_SERVERS 32
#define ADDR_SIZE   128

#define ST_NOTHING   ""
#define ST_PENDING   "pending"
#define ST_PREPARING "preparing"
#define ST_PREPARED  "prepared"
#define ST_MIGRATING "migrating"
#define ST_FINISHED  "finished"
#define ST_SYNCING   "syncing"

struct action {
	int index;
	char state[16];
	int target; /* slots only */
};

struct slot_map {
	int id, group;
	struct action action;
};

struct server {
	char addr[ADDR_SIZE];
	char datacenter[64];
	struct action action;
	bool replica_group;
};

struct group {
	int id, count;
	struct server servers[MAX_SERVERS];
	struct action promoting;
	bool out_of_sync;
};

/* A proxy; and, with the few members that it has, a dashboard. */
struct model {
	int id;
	char token[64], start_time[96], admin_addr[ADDR_SIZE], proto_type[16], proxy_addr[ADDR_SIZE], jodis_path[256];
	char product[64];
	int pid;
	char pwd[512], sys[512], hostname[256], datacenter[64];
};

/* A slot as proxies get it. */
struct slot {
	int id;
	bool locked;
	char backend[ADDR_SIZE];
	int backend_group;
	char migrate[ADDR_SIZE];
	int migrate_group;
	int method;
	int n_groups; /* replica groups, in their order of preference */
	struct {
		int count;
		char addrs[MAX_SERVERS][ADDR_SIZE];
	} * groups; /* NULL, or 3 of them */
};
void slot_release(struct slot *s);

bool action_is(const struct action *a, const char *state);
void action_set(struct action *a, int index, const char *state);

cJSON *slot_map_json(const struct slot_map *m);
void slot_map_parse(const cJSON *json, struct slot_map *m);
cJSON *group_json(const struct group *g);
void group_parse(const cJSON *json, struct group *g);
cJSON *model_json(const struct model *m, bool proxy);
void model_parse(const cJSON *json, struct model *m);
cJSON *slot_json(const struct slot *s);
bool slot_parse(const cJSON *json, struct slot *s); /* false: a member of the wrong type */

/* pid, pwd, sys, start_time, hostname of this process. */
void model_fill(struct model *m);
/* "127.0.0.1:19000" for "0.0.0.0:19000": the flag's address if given, else the host's. */
void model_address(const char *listen, const char *host, char out[ADDR_SIZE]);

#endif
