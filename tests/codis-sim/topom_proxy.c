#include "common/base/json.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/rpc.h"
#include "tests/codis-sim/topom.h"

void proxy_xauth(const struct topom *t, const struct model *p, char out[XAUTH_SIZE])
{
	const char *parts[] = { t->model.product, conf_get(&t->conf, "product_auth"), p->token };

	auth_xauth(out, 3, parts);
}

static int call(const struct topom *t, const struct model *p, const char *method, const char *action, const cJSON *body,
		struct error *err)
{
	char path[160], xauth[XAUTH_SIZE];

	proxy_xauth(t, p, xauth);
	snprintf(path, sizeof(path), "/api/proxy/%s/%s", action, xauth);
	return rpc_call(method, p->admin_addr, path, body, RPC_TIMEOUT_MS, NULL, err);
}

static int reinit(struct topom *t, const struct model *p, struct error *err)
{
	const struct slot_map *maps[MAX_SLOTS];
	JSON_CLEANUP cJSON *slots = NULL, *sentinel = cJSON_CreateObject();
	struct error why = ERROR_INIT;
	const char *failed = NULL;

	golog_warn("proxy-[%s] reinit", p->token);
	for (int i = 0; i < MAX_SLOTS; i++)
		maps[i] = &t->slots[i];
	slots = topom_slots_json(t, p, maps, MAX_SLOTS);
	json_add_bool(sentinel, "out_of_sync", false);
	if (call(t, p, "PUT", "fillslots", slots, &why) < 0)
		failed = "fillslots";
	else if (call(t, p, "PUT", "start", NULL, &why) < 0)
		failed = "start";
	else if (call(t, p, "PUT", "sentinels", sentinel, &why) < 0)
		failed = "set sentinels";
	if (!failed)
		return 0;
	golog_error("proxy-[%s] %s failed\n[error]: %s", p->token, failed, why.text);
	return error_set(err, ERR_IO, "proxy-[%s] %s failed", p->token, failed);
}

/* Who is at addr, and whether it is ours. with_why: "create" tells the reason, "online" does not. */
static int look(struct topom *t, const char *addr, struct model *p, bool with_why, struct error *err)
{
	JSON_CLEANUP cJSON *model = NULL;
	struct error why = ERROR_INIT;
	const char *what = NULL;

	if (rpc_call("GET", addr, "/api/proxy/model", NULL, RPC_TIMEOUT_MS, &model, &why) < 0) {
		what = "fetch model";
	} else {
		model_parse(model, p);
		if (call(t, p, "GET", "xping", NULL, &why) < 0)
			what = "check xauth";
	}
	if (!what)
		return 0;
	return error_set(err, ERR_IO, "proxy@%s %s failed%s%s", addr, what, with_why ? ", " : "",
			 with_why ? why.text : "");
}

static int next_id(const struct topom *t)
{
	int max = 0;

	for (int i = 0; i < t->n_proxies; i++)
		if (t->proxies[i].id > max)
			max = t->proxies[i].id;
	return max + 1;
}

int proxy_create(struct topom *t, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct model p;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (look(t, addr, &p, true, err) < 0)
		return -1;
	if (find_proxy(t, p.token, NULL))
		return error_set(err, ERR_EXISTS, "proxy-[%s] already exists", p.token);
	p.id = next_id(t);
	topom_dirty_proxy(t, p.token);
	if (store_proxy(t, &p, "create", err) < 0)
		return -1;
	return reinit(t, &p, err);
}

int proxy_online(struct topom *t, const char *addr, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct model p, *known;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	if (look(t, addr, &p, false, err) < 0)
		return -1;
	known = find_proxy(t, p.token, NULL);
	p.id = known ? known->id : next_id(t);
	topom_dirty_proxy(t, p.token);
	if (store_proxy(t, &p, known ? "update" : "create", err) < 0)
		return -1;
	return reinit(t, &p, err);
}

int proxy_remove(struct topom *t, const char *token, bool force, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct error why = ERROR_INIT;
	struct model *p;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	p = find_proxy(t, token, err);
	if (!p)
		return -1;
	if (call(t, p, "PUT", "shutdown", NULL, &why) < 0) {
		golog_warn("proxy-[%s] shutdown failed, force remove = %s\n[error]: %s", token,
			   force ? "true" : "false", why.text);
		if (!force)
			return error_set(err, ERR_IO, "proxy-[%s] shutdown failed", token);
	}
	topom_dirty_proxy(t, token);
	return store_remove_proxy(t, p, err);
}

int proxy_reinit(struct topom *t, const char *token, struct error *err)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct model *p;

	if (topom_enter(t, err) < 0)
		return -1;
	held = t;
	p = find_proxy(t, token, err);
	return p ? reinit(t, p, err) : -1;
}
