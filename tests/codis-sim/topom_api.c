#include "common/base/json.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/redis.h"
#include "tests/codis-sim/serve.h"
#include "tests/codis-sim/topom.h"
#include "tests/codis-sim/version.h"

/* --- what is shown ------------------------------------------------------------------------------------------------ */

static cJSON *slots_array(const struct topom *t)
{
	cJSON *slots = cJSON_CreateArray();

	for (int i = 0; i < MAX_SLOTS; i++)
		json_push(slots, slot_map_json(&t->slots[i]));
	return slots;
}

static cJSON *group_stats(const struct topom *t)
{
	cJSON *o = cJSON_CreateObject(), *models = json_add_array(o, "models"), *stats = json_add_object(o, "stats");

	for (int i = 0; i < t->n_groups; i++) {
		const struct group *g = t->groups[i].g;

		json_push(models, group_json(g));
		for (int k = 0; k < g->count; k++) {
			const cJSON *one = cJSON_GetObjectItemCaseSensitive(t->server_stats, g->servers[k].addr);

			if (one)
				cJSON_AddItemToObject(stats, g->servers[k].addr, cJSON_Duplicate(one, true));
		}
	}
	return o;
}

static cJSON *proxy_stats(const struct topom *t)
{
	cJSON *o = cJSON_CreateObject(), *models = json_add_array(o, "models");

	for (int i = 0; i < t->n_proxies; i++)
		json_push(models, model_json(&t->proxies[i], true));
	cJSON_AddItemToObject(o, "stats",
			      t->proxy_stats ? cJSON_Duplicate(t->proxy_stats, true) : cJSON_CreateObject());
	return o;
}

static void add_slot_action(struct topom *t, cJSON *o)
{
	cJSON *a = json_add_object(o, "slot_action");

	json_add_int(a, "interval", atomic_load(&t->interval));
	json_add_bool(a, "disabled", atomic_load(&t->disabled));
	json_add_str(json_add_object(a, "progress"), "status", t->progress);
	json_add_int(a, "executor", atomic_load(&t->executor));
}

/* NULL and *err when the dashboard is not online. */
static cJSON *stats_json(struct topom *t, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	cJSON *o, *sentinels;

	if (topom_enter(t, err) < 0)
		return NULL;
	held = t;
	o = cJSON_CreateObject();
	json_add_bool(o, "closed", t->closed);
	cJSON_AddItemToObject(o, "slots", slots_array(t));
	cJSON_AddItemToObject(o, "group", group_stats(t));
	cJSON_AddItemToObject(o, "proxy", proxy_stats(t));
	add_slot_action(t, o);
	sentinels = json_add_object(o, "sentinels");
	json_add_bool(json_add_object(sentinels, "model"), "out_of_sync", false);
	json_add_object(sentinels, "stats");
	json_add_object(sentinels, "masters");
	return o;
}

static void overview(void *ctx, const struct request *req, struct reply *rep)
{
	struct topom *t = ctx;
	struct error err = ERROR_INIT;
	cJSON *stats = stats_json(t, &err), *o;

	(void)req;
	if (!stats) {
		reply_err(rep, &err);
		return;
	}
	o = cJSON_CreateObject();
	json_add_str(o, "version", SIM_VERSION);
	json_add_str(o, "compile", SIM_COMPILE);
	cJSON_AddItemToObject(o, "config", conf_json(&t->conf));
	cJSON_AddItemToObject(o, "model", model_json(&t->model, false));
	cJSON_AddItemToObject(o, "stats", stats);
	reply_json(rep, o);
}

static void model(void *ctx, const struct request *req, struct reply *rep)
{
	struct topom *t = ctx;

	(void)req;
	reply_json(rep, model_json(&t->model, false));
}

static void stats(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	cJSON *o = stats_json(ctx, &err);

	(void)req;
	if (o)
		reply_json(rep, o);
	else
		reply_err(rep, &err);
}

static void slots(void *ctx, const struct request *req, struct reply *rep)
{
	struct topom *held TOPOM_CLEANUP = NULL, *t = ctx;
	const struct slot_map *maps[MAX_SLOTS];
	struct error err = ERROR_INIT;

	(void)req;
	if (topom_enter(t, &err) < 0) {
		reply_err(rep, &err);
		return;
	}
	held = t;
	for (int i = 0; i < MAX_SLOTS; i++)
		maps[i] = &t->slots[i];
	reply_json(rep, topom_slots_json(t, NULL, maps, MAX_SLOTS));
}

/* --- calls with XAuth --------------------------------------------------------------------------------------------- */

/* Every XAuth call first looks whether the dashboard is closed, and so waits for the mutex. */
static bool allowed(struct topom *t, const struct request *req, struct reply *rep)
{
	if (topom_is_closed(t))
		reply_error(rep, "use of closed topom", false);
	else if (strcmp(req->params[0], t->xauth) != 0)
		reply_error(rep, "invalid xauth, please check product name & auth", false);
	else
		return true;
	return false;
}

static void done(struct reply *rep, int rc, const struct error *err)
{
	if (rc < 0)
		reply_err(rep, err);
	else
		reply_ok(rep);
}

static void xping(void *ctx, const struct request *req, struct reply *rep)
{
	if (allowed(ctx, req, rep))
		reply_ok(rep);
}

static void xstats(void *ctx, const struct request *req, struct reply *rep)
{
	if (allowed(ctx, req, rep))
		stats(ctx, req, rep);
}

static void xslots(void *ctx, const struct request *req, struct reply *rep)
{
	if (allowed(ctx, req, rep))
		slots(ctx, req, rep);
}

/* Looks at the cache as it is (which fills what the last call left dirty), and then drops it: the next call pays. */
static void reload(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	struct topom *t = ctx;

	if (!allowed(t, req, rep))
		return;
	if (topom_enter(t, &err) < 0) {
		reply_err(rep, &err);
		return;
	}
	topom_dirty_all(t);
	topom_leave(t);
	reply_ok(rep);
}

static void shutdown_topom(void *ctx, const struct request *req, struct reply *rep)
{
	if (!allowed(ctx, req, rep))
		return;
	topom_close(ctx);
	reply_ok(rep);
}

static void loglevel(void *ctx, const struct request *req, struct reply *rep)
{
	if (!allowed(ctx, req, rep))
		return;
	if (golog_set_level(req->params[1]))
		reply_ok(rep);
	else
		reply_error(rep, "invalid loglevel", false);
}

static void on_proxy(struct topom *t, const struct request *req, struct reply *rep,
		     int (*action)(struct topom *, const char *, struct error *))
{
	struct error err = ERROR_INIT;

	if (allowed(t, req, rep))
		done(rep, action(t, req->params[1], &err), &err);
}

static void create_proxy(void *ctx, const struct request *req, struct reply *rep)
{
	on_proxy(ctx, req, rep, proxy_create);
}

static void online_proxy(void *ctx, const struct request *req, struct reply *rep)
{
	on_proxy(ctx, req, rep, proxy_online);
}

static void reinit_proxy(void *ctx, const struct request *req, struct reply *rep)
{
	on_proxy(ctx, req, rep, proxy_reinit);
}

static void remove_proxy(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int force;

	if (allowed(ctx, req, rep) && request_int(req, rep, 2, "force", &force))
		done(rep, proxy_remove(ctx, req->params[1], force != 0, &err), &err);
}

static void on_group(struct topom *t, const struct request *req, struct reply *rep,
		     int (*action)(struct topom *, int, struct error *))
{
	struct error err = ERROR_INIT;
	int gid;

	if (allowed(t, req, rep) && request_int(req, rep, 1, "gid", &gid))
		done(rep, action(t, gid, &err), &err);
}

static void create_group(void *ctx, const struct request *req, struct reply *rep)
{
	on_group(ctx, req, rep, group_create);
}

static void remove_group(void *ctx, const struct request *req, struct reply *rep)
{
	on_group(ctx, req, rep, group_remove);
}

static void resync_group(void *ctx, const struct request *req, struct reply *rep)
{
	on_group(ctx, req, rep, group_resync);
}

static void resync_groups(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;

	if (allowed(ctx, req, rep))
		done(rep, group_resync_all(ctx, &err), &err);
}

/* A server is asked for its slots before it is added, without the mutex: a guarded one refuses. */
static int check_server(struct topom *t, const char *addr, struct error *err)
{
	REDIS_CLEANUP redisContext *c = redis_open(addr, conf_get(&t->conf, "product_auth"), 1000, err);
	REPLY_CLEANUP redisReply *r = c ? REDIS_DO(c, err, "SLOTSINFO") : NULL;

	return r ? 0 : -1;
}

static void add_server(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	struct topom *t = ctx;
	int gid;

	if (!allowed(t, req, rep) || !request_int(req, rep, 1, "gid", &gid))
		return;
	if (check_server(t, req->params[2], &err) < 0) {
		golog_warn("redis %s check slots-info failed\n[error]: %s", req->params[2], err.text);
		reply_err(rep, &err);
		return;
	}
	done(rep, group_add(t, gid, req->params[3], req->params[2], &err), &err);
}

static void on_server(struct topom *t, const struct request *req, struct reply *rep,
		      int (*action)(struct topom *, int, const char *, struct error *))
{
	struct error err = ERROR_INIT;
	int gid;

	if (allowed(t, req, rep) && request_int(req, rep, 1, "gid", &gid))
		done(rep, action(t, gid, req->params[2], &err), &err);
}

static void del_server(void *ctx, const struct request *req, struct reply *rep)
{
	on_server(ctx, req, rep, group_del);
}

static void promote_server(void *ctx, const struct request *req, struct reply *rep)
{
	on_server(ctx, req, rep, group_promote);
}

static void replica_groups(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int gid, value;

	if (allowed(ctx, req, rep) && request_int(req, rep, 1, "gid", &gid) &&
	    request_int(req, rep, 3, "value", &value))
		done(rep, group_replica(ctx, gid, req->params[2], value != 0, &err), &err);
}

static void replica_groups_all(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int value;

	if (allowed(ctx, req, rep) && request_int(req, rep, 1, "value", &value))
		done(rep, group_replica_all(ctx, value != 0, &err), &err);
}

static void create_sync(void *ctx, const struct request *req, struct reply *rep)
{
	on_proxy(ctx, req, rep, sync_create);
}

static void remove_sync(void *ctx, const struct request *req, struct reply *rep)
{
	on_proxy(ctx, req, rep, sync_remove);
}

static void server_info(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	struct topom *t = ctx;
	REDIS_CLEANUP redisContext *c = redis_open(req->params[0], conf_get(&t->conf, "product_auth"), 1000, &err);
	cJSON *info = c ? redis_info_full(c, &err) : NULL;

	if (info)
		reply_json(rep, info);
	else
		reply_err(rep, &err);
}

/* --- slots -------------------------------------------------------------------------------------------------------- */

static void create_action(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int sid, gid;

	if (allowed(ctx, req, rep) && request_int(req, rep, 1, "sid", &sid) && request_int(req, rep, 2, "gid", &gid))
		done(rep, slots_action_create(ctx, sid, gid, &err), &err);
}

static void create_some(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int src, dst, num;

	if (allowed(ctx, req, rep) && request_int(req, rep, 1, "src", &src) && request_int(req, rep, 2, "dst", &dst) &&
	    request_int(req, rep, 3, "num", &num))
		done(rep, slots_action_some(ctx, src, dst, num, &err), &err);
}

static void create_range(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int beg, end, gid;

	if (allowed(ctx, req, rep) && request_int(req, rep, 1, "beg", &beg) && request_int(req, rep, 2, "end", &end) &&
	    request_int(req, rep, 3, "gid", &gid))
		done(rep, slots_action_range(ctx, beg, end, gid, &err), &err);
}

static void remove_action(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int sid;

	if (allowed(ctx, req, rep) && request_int(req, rep, 1, "sid", &sid))
		done(rep, slots_action_remove(ctx, sid, &err), &err);
}

static void set_interval(void *ctx, const struct request *req, struct reply *rep)
{
	struct topom *t = ctx;
	int us;

	if (!allowed(t, req, rep) || !request_int(req, rep, 1, "value", &us))
		return;
	atomic_store(&t->interval, us < 0 ? 0 : us > 1000000 ? 1000000 : us);
	reply_ok(rep);
}

static void set_disabled(void *ctx, const struct request *req, struct reply *rep)
{
	struct topom *t = ctx;
	int value;

	if (!allowed(t, req, rep) || !request_int(req, rep, 1, "value", &value))
		return;
	atomic_store(&t->disabled, value != 0);
	reply_ok(rep);
}

/* A body that is no JSON counts as an empty list, as in Codis. */
static void assign_slots(struct topom *t, const struct request *req, struct reply *rep, bool offline)
{
	JSON_CLEANUP cJSON *body = json_parse(req->body, req->body_len, JSON_ITEMS, NULL);
	struct error err = ERROR_INIT;
	struct slot_map *maps;
	const cJSON *one;
	int n = 0;

	if (!allowed(t, req, rep))
		return;
	maps = calloc(MAX_SLOTS, sizeof(*maps));
	cJSON_ArrayForEach(one, body)
		if (maps && n < MAX_SLOTS && cJSON_IsObject(one))
			slot_map_parse(one, &maps[n++]);
	done(rep, maps ? slots_assign(t, maps, n, offline, &err) : -1, &err);
	free(maps);
}

static void assign(void *ctx, const struct request *req, struct reply *rep)
{
	assign_slots(ctx, req, rep, false);
}

static void assign_offline(void *ctx, const struct request *req, struct reply *rep)
{
	assign_slots(ctx, req, rep, true);
}

static void rebalance(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	int confirm, plan[MAX_SLOTS] = { 0 };
	char name[16];
	cJSON *o;

	if (!allowed(ctx, req, rep) || !request_int(req, rep, 1, "confirm", &confirm))
		return;
	if (slots_rebalance(ctx, confirm != 0, plan, &err) < 0) {
		reply_err(rep, &err);
		return;
	}
	o = cJSON_CreateObject();
	for (int i = 0; i < MAX_SLOTS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		if (plan[i])
			json_add_int(o, name, plan[i]);
	}
	reply_json(rep, o);
}

static void root(void *ctx, const struct request *req, struct reply *rep)
{
	(void)ctx;
	(void)req;
	reply_redirect(rep, "/topom");
}

#define API "/api/topom/"

const struct route topom_routes[] = {
	{ "GET", "/", root },
	{ "GET", "/topom", overview },
	{ "GET", "/topom/model", model },
	{ "GET", "/topom/stats", stats },
	{ "GET", "/topom/slots", slots },
	{ "GET", API "model", model },
	{ "GET", API "xping/:xauth", xping },
	{ "GET", API "stats/:xauth", xstats },
	{ "GET", API "slots/:xauth", xslots },
	{ "PUT", API "reload/:xauth", reload },
	{ "PUT", API "shutdown/:xauth", shutdown_topom },
	{ "PUT", API "loglevel/:xauth/:value", loglevel },
	{ "PUT", API "proxy/create/:xauth/:addr", create_proxy },
	{ "PUT", API "proxy/online/:xauth/:addr", online_proxy },
	{ "PUT", API "proxy/reinit/:xauth/:token", reinit_proxy },
	{ "PUT", API "proxy/remove/:xauth/:token/:force", remove_proxy },
	{ "PUT", API "group/create/:xauth/:gid", create_group },
	{ "PUT", API "group/remove/:xauth/:gid", remove_group },
	{ "PUT", API "group/resync/:xauth/:gid", resync_group },
	{ "PUT", API "group/resync-all/:xauth", resync_groups },
	{ "PUT", API "group/add/:xauth/:gid/:addr", add_server },
	{ "PUT", API "group/add/:xauth/:gid/:addr/:datacenter", add_server },
	{ "PUT", API "group/del/:xauth/:gid/:addr", del_server },
	{ "PUT", API "group/promote/:xauth/:gid/:addr", promote_server },
	{ "PUT", API "group/replica-groups/:xauth/:gid/:addr/:value", replica_groups },
	{ "PUT", API "group/replica-groups-all/:xauth/:value", replica_groups_all },
	{ "PUT", API "group/action/create/:xauth/:addr", create_sync },
	{ "PUT", API "group/action/remove/:xauth/:addr", remove_sync },
	{ "GET", API "group/info/:addr", server_info },
	{ "PUT", API "slots/action/create/:xauth/:sid/:gid", create_action },
	{ "PUT", API "slots/action/create-some/:xauth/:src/:dst/:num", create_some },
	{ "PUT", API "slots/action/create-range/:xauth/:beg/:end/:gid", create_range },
	{ "PUT", API "slots/action/remove/:xauth/:sid", remove_action },
	{ "PUT", API "slots/action/interval/:xauth/:value", set_interval },
	{ "PUT", API "slots/action/disabled/:xauth/:value", set_disabled },
	{ "PUT", API "slots/assign/:xauth", assign },
	{ "PUT", API "slots/assign/:xauth/offline", assign_offline },
	{ "PUT", API "slots/rebalance/:xauth/:confirm", rebalance },
	{ .pattern = NULL },
};
