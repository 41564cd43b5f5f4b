#include "common/codis/model.h"

#include <openssl/evp.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/net/addr.h"

/* Copies a string that has to fit. absent: out becomes "". */
static int take(const char *what, const char *s, char *out, size_t size, struct error *err)
{
	size_t len = s ? strlen(s) : 0;

	if (len >= size)
		return error_set(err, ERR_TOOBIG, "%s \"%.80s...\" is longer than %zu bytes", what, s, size - 1);
	memcpy(out, s ? s : "", len + 1);
	return 0;
}

static int take_addr(const char *what, const char *s, char out[CODIS_ADDR_MAX], struct error *err)
{
	if (take(what, s, out, CODIS_ADDR_MAX, err) < 0)
		return -1;
	addr_settle(out, CODIS_ADDR_MAX);
	return 0;
}

static int parse_server(const cJSON *json, struct codis_group *g, struct error *err)
{
	int i = g->count;

	if (i == CODIS_SERVERS_PER_GROUP)
		return error_set(err, ERR_TOOBIG, "group %d has more than %d servers", g->id, CODIS_SERVERS_PER_GROUP);
	if (!json_str(json, "server", NULL))
		return error_set(err, ERR_PROTOCOL, "server %d of group %d has no address", i, g->id);
	if (take_addr("server address", json_str(json, "server", NULL), g->servers[i].addr, err) < 0 ||
	    take("datacenter", json_str(json, "datacenter", NULL), g->servers[i].datacenter,
		 sizeof(g->servers[i].datacenter), err) < 0)
		return -1;
	if (take("action state", json_str(json, "action", "state", NULL), g->servers[i].action_state,
		 sizeof(g->servers[i].action_state), err) < 0)
		return -1;
	g->servers[i].action_index = (int)json_int(0, json, "action", "index", NULL);
	g->servers[i].replica_group = json_bool(false, json, "replica_group", NULL);
	g->count++;
	return 0;
}

int codis_group_parse(const cJSON *json, struct codis_group *g, struct error *err)
{
	const cJSON *servers = json_get(json, "servers", NULL), *item;

	memset(g, 0, sizeof(*g));
	g->id = (int)json_int(0, json, "id", NULL);
	if (g->id <= 0 || g->id > 9999)
		return error_set(err, ERR_PROTOCOL, "a group has id %d, Codis allows 1 to 9999", g->id);
	if (servers && !cJSON_IsArray(servers) && !cJSON_IsNull(servers))
		return error_set(err, ERR_PROTOCOL, "servers of group %d is no array", g->id);
	cJSON_ArrayForEach(item, servers) {
		if (parse_server(item, g, err) < 0)
			return -1;
	}
	g->promoting_index = (int)json_int(0, json, "promoting", "index", NULL);
	g->out_of_sync = json_bool(false, json, "out_of_sync", NULL);
	return take("promoting state", json_str(json, "promoting", "state", NULL), g->promoting_state,
		    sizeof(g->promoting_state), err);
}

/* What is empty is left out, as Codis does. */
static bool add_step(cJSON *parent, const char *name, int index, const char *state)
{
	cJSON *step = json_add_object(parent, name);

	return step && (!index || json_add_int(step, "index", index)) &&
	       (!state[0] || json_add_str(step, "state", state));
}

static cJSON *server_json(const struct codis_group *g, int i)
{
	cJSON *s = cJSON_CreateObject();

	if (s && json_add_str(s, "server", g->servers[i].addr) &&
	    json_add_str(s, "datacenter", g->servers[i].datacenter) &&
	    add_step(s, "action", g->servers[i].action_index, g->servers[i].action_state) &&
	    json_add_bool(s, "replica_group", g->servers[i].replica_group))
		return s;
	cJSON_Delete(s);
	return NULL;
}

int codis_group_write(const struct codis_group *g, struct buf *out)
{
	JSON_CLEANUP cJSON *root = cJSON_CreateObject();
	cJSON *servers;

	if (!json_add_int(root, "id", g->id))
		return -1;
	servers = json_add_array(root, "servers");
	for (int i = 0; i < g->count; i++) {
		if (json_push(servers, server_json(g, i)) < 0)
			return -1;
	}
	if (!servers || !add_step(root, "promoting", g->promoting_index, g->promoting_state))
		return -1;
	if (!json_add_bool(root, "out_of_sync", g->out_of_sync))
		return -1;
	return json_write(root, out);
}

int codis_group_find(const struct codis_group *g, const char *addr)
{
	for (int i = 0; i < g->count; i++) {
		if (addr_equal(g->servers[i].addr, addr))
			return i;
	}
	return -1;
}

static void end_promotion(struct codis_group *g)
{
	g->promoting_index = 0;
	g->promoting_state[0] = '\0';
}

static void remove_at(struct codis_group *g, int at)
{
	memmove(&g->servers[at], &g->servers[at + 1], (size_t)(g->count - at - 1) * sizeof(g->servers[0]));
	g->count--;
}

void codis_group_drop(struct codis_group *g, const char *addr)
{
	int at = codis_group_find(g, addr);

	if (at < 0)
		return;
	if (at == g->promoting_index)
		end_promotion(g);
	else if (at < g->promoting_index)
		g->promoting_index--;
	remove_at(g, at);
}

int codis_group_append(struct codis_group *g, const char *addr)
{
	if (g->count == CODIS_SERVERS_PER_GROUP)
		return -1;
	memset(&g->servers[g->count], 0, sizeof(g->servers[0]));
	if (take("server address", addr, g->servers[g->count].addr, CODIS_ADDR_MAX, NULL) < 0)
		return -1;
	g->count++;
	return 0;
}

int codis_group_lead(struct codis_group *g, const char *addr)
{
	int at = codis_group_find(g, addr);
	typeof(g->servers[0]) leader, old;

	end_promotion(g);
	if (at == 0)
		return 0;
	if (at < 0) {
		if (codis_group_append(g, addr) < 0)
			return -1;
		at = g->count - 1;
		if (at == 0)
			return 0;
	}
	memcpy(&leader, &g->servers[at], sizeof(leader));
	memcpy(&old, &g->servers[0], sizeof(old));
	remove_at(g, at);
	remove_at(g, 0);
	memmove(&g->servers[1], &g->servers[0], (size_t)g->count * sizeof(g->servers[0]));
	memcpy(&g->servers[0], &leader, sizeof(leader));
	memcpy(&g->servers[g->count + 1], &old, sizeof(old));
	g->count += 2;
	return 0;
}

int codis_slot_parse(const cJSON *json, struct codis_slot *s, struct error *err)
{
	int64_t id = json_int(-1, json, "id", NULL);
	int64_t group = json_int(0, json, "backend_addr_group_id", NULL);
	int64_t from = json_int(0, json, "migrate_from_group_id", NULL);

	memset(s, 0, sizeof(*s));
	if (id < 0 || id >= CODIS_SLOTS)
		return error_set(err, ERR_PROTOCOL, "a slot has id %lld, Codis has 0 to %d", (long long)id,
				 CODIS_SLOTS - 1);
	if (group < 0 || group > 9999 || from < 0 || from > 9999)
		return error_set(err, ERR_PROTOCOL, "slot %lld names group %lld and %lld", (long long)id,
				 (long long)group, (long long)from);
	s->id = (int16_t)id;
	s->group = (int16_t)group;
	s->migrate_from = (int16_t)from;
	s->forward_method = json_int(0, json, "forward_method", NULL) == 1;
	s->locked = json_bool(false, json, "locked", NULL);
	if (take_addr("backend address", json_str(json, "backend_addr", NULL), s->addr, err) < 0)
		return -1;
	return take_addr("migration source", json_str(json, "migrate_from", NULL), s->migrate_addr, err);
}

bool codis_slot_same(const struct codis_slot *a, const struct codis_slot *b)
{
	return a->group == b->group && a->migrate_from == b->migrate_from && a->locked == b->locked &&
	       a->forward_method == b->forward_method && strcmp(a->addr, b->addr) == 0 &&
	       strcmp(a->migrate_addr, b->migrate_addr) == 0;
}

int codis_slot_push(cJSON *array, const struct codis_slot *s)
{
	cJSON *item = cJSON_CreateObject();
	bool ok = item && json_add_int(item, "id", s->id);

	/* Codis leaves out what is empty (omitempty), and so do we. */
	if (ok && s->locked)
		ok = json_add_bool(item, "locked", true);
	if (ok && s->addr[0])
		ok = json_add_str(item, "backend_addr", s->addr) &&
		     json_add_int(item, "backend_addr_group_id", s->group);
	if (ok && s->migrate_addr[0])
		ok = json_add_str(item, "migrate_from", s->migrate_addr) &&
		     json_add_int(item, "migrate_from_group_id", s->migrate_from);
	if (ok && s->forward_method)
		ok = json_add_int(item, "forward_method", s->forward_method);
	if (ok)
		return json_push(array, item);
	cJSON_Delete(item);
	return -1;
}

void codis_xauth(const char *product, const char *auth, const char *token, char out[CODIS_XAUTH_SIZE])
{
	static const char hex[] = "0123456789abcdef";
	char words[1024];
	struct buf text = BUF_IN(words);
	unsigned char digest[EVP_MAX_MD_SIZE] = { 0 };

	buf_addf(&text, "Codis-XAuth-[%s]", product);
	if (token)
		buf_addf(&text, "-[%s]-[%s]", auth ? auth : "", token);
	EVP_Digest(text.data, text.len, digest, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 16; i++) {
		out[2 * i] = hex[digest[i] >> 4];
		out[2 * i + 1] = hex[digest[i] & 15];
	}
	out[32] = '\0';
}
