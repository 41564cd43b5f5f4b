/* model.h - what Codis 3.2 keeps in its coordinator and says on its REST interfaces, as C structs.
 * Source: the JSON of pkg/models (group, slot, proxy, topom); tests/contract records what a real one answers. */
#ifndef CODIS_CODIS_MODEL_H
#define CODIS_CODIS_MODEL_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/codis/topology.h"

struct buf;
struct error;

#define CODIS_ADDR_MAX          64 /* "10.0.0.1:6379"; longer ones are refused */
#define CODIS_TOKEN_MAX         65 /* proxy token, 32 hex digits as Codis makes it */
#define CODIS_SERVERS_PER_GROUP 16 /* more are refused: no layout needs them */
#define CODIS_XAUTH_SIZE        33
#define MODEL_ITEMS             10000 /* values in a node of the coordinator, which has some dozens */

/* A group node: /codis3/<product>/group/group-NNNN. */
struct codis_group {
	int id;
	int count;
	struct {
		char addr[CODIS_ADDR_MAX];
		char datacenter[32];
		bool replica_group;
		int action_index;           /* of a sync that the dashboard has yet to do; 0: none */
		char action_state[16];      /* "", pending, syncing, synced, synced_failed */
	} servers[CODIS_SERVERS_PER_GROUP]; /* [0] is the master as declared */
	int promoting_index;
	char promoting_state[16]; /* "", preparing, prepared, finished */
	bool out_of_sync;
};

/* 0, or -1 and *err: what member is missing, or over its limit. */
int codis_group_parse(const cJSON *json, struct codis_group *g, struct error *err);
/* The node's text as Codis writes it. 0 or -1. */
int codis_group_write(const struct codis_group *g, struct buf *out);
/* Index or -1. Addresses are compared as addresses: "[fd00::1]:6379" is "[fd00:0::1]:6379". */
int codis_group_find(const struct codis_group *g, const char *addr);
/* addr moves to index 0 and the old master to the end, as Codis orders them after a promote; an addr that is not listed
 * is put in front. Clears promoting. 0, or -1 when the group is full. */
int codis_group_lead(struct codis_group *g, const char *addr);
int codis_group_append(struct codis_group *g, const char *addr); /* 0, or -1 when full */
/* A promotion to it ends. */
void codis_group_drop(struct codis_group *g, const char *addr);

/* A slot as a proxy has it (GET /api/proxy/slots, the body of fillslots). */
struct codis_slot {
	int16_t id;
	int16_t group;        /* backend_addr_group_id; 0: none */
	int16_t migrate_from; /* migrate_from_group_id; 0: none */
	uint8_t forward_method;
	bool locked;
	char addr[CODIS_ADDR_MAX];         /* "" : offline */
	char migrate_addr[CODIS_ADDR_MAX]; /* "" : not migrating */
};
/* One slot; replica_groups are not kept (reads go to the master after a fill, until Codis resyncs them). 0 or -1. */
int codis_slot_parse(const cJSON *json, struct codis_slot *s, struct error *err);
/* Whether all but the id is the same. */
bool codis_slot_same(const struct codis_slot *a, const struct codis_slot *b);
/* Appends the slot to a JSON array as fillslots takes it. 0 or -1 (memory). */
int codis_slot_push(cJSON *array, const struct codis_slot *s);

/* XAuth of a dashboard (auth and token NULL) or of a proxy: sha256("Codis-XAuth-[product]-[auth]-[token]")[:16] in hex.
 */
void codis_xauth(const char *product, const char *auth, const char *token, char out[CODIS_XAUTH_SIZE]);

#endif
