#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/redis.h"
#include "tests/codis-sim/rpc.h"
#include "tests/codis-sim/topom.h"

enum { REFRESH_MS = 1000 };

/* One server or proxy that is asked; on a thread of its own, so that those that hang hold up nobody. */
struct probe {
	pthread_t thread;
	struct topom *t;
	char key[ADDR_SIZE]; /* address, or token */
	struct model proxy;  /* proxies only */
	cJSON *stats;        /* or NULL: */
	struct error err;
};

static void *probe_server(void *ctx)
{
	struct probe *p = ctx;
	REDIS_CLEANUP redisContext *c = redis_open(p->key, conf_get(&p->t->conf, "product_auth"), REFRESH_MS, &p->err);

	if (c)
		p->stats = redis_info_full(c, &p->err);
	return NULL;
}

static void *probe_proxy(void *ctx)
{
	struct probe *p = ctx;
	char path[128], xauth[XAUTH_SIZE];

	proxy_xauth(p->t, &p->proxy, xauth);
	snprintf(path, sizeof(path), "/api/proxy/stats/%s", xauth);
	rpc_call("GET", p->proxy.admin_addr, path, NULL, REFRESH_MS, &p->stats, &p->err);
	return NULL;
}

/* {"stats":{...}} or {"error":{...}} or {"timeout":true}, each with unixtime. */
static cJSON *entry_of(struct probe *p)
{
	cJSON *o = cJSON_CreateObject(), *error;

	if (p->stats) {
		cJSON_AddItemToObject(o, "stats", p->stats);
		p->stats = NULL;
	} else if (p->err.code != ERR_TIMEOUT) {
		error = json_add_object(o, "error");
		json_add_str(error, "Cause", p->err.text);
		cJSON_AddNullToObject(error, "Stack");
	}
	json_add_int(o, "unixtime", clock_wall_ms() / 1000);
	if (p->err.code == ERR_TIMEOUT)
		json_add_bool(o, "timeout", true);
	return o;
}

static cJSON *ask_all(struct probe *probes, int n, void *(*ask)(void *))
{
	cJSON *all = cJSON_CreateObject();

	for (int i = 0; i < n; i++)
		if (pthread_create(&probes[i].thread, NULL, ask, &probes[i]))
			golog_panic("no thread");
	for (int i = 0; i < n; i++)
		pthread_join(probes[i].thread, NULL);
	for (int i = 0; i < n; i++)
		cJSON_AddItemToObject(all, probes[i].key, entry_of(&probes[i]));
	return all;
}

static int list_servers(struct topom *t, struct probe **probes)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	int n = 0;

	if (topom_enter(t, NULL) < 0)
		return 0;
	held = t;
	*probes = calloc((size_t)t->n_groups * MAX_SERVERS + 1, sizeof(**probes));
	for (int i = 0; *probes && i < t->n_groups; i++)
		for (int k = 0; k < t->groups[i].g->count; k++) {
			(*probes)[n].t = t;
			snprintf((*probes)[n++].key, ADDR_SIZE, "%.127s", t->groups[i].g->servers[k].addr);
		}
	return n;
}

static int list_proxies(struct topom *t, struct probe **probes)
{
	struct topom *held TOPOM_CLEANUP = NULL;

	if (topom_enter(t, NULL) < 0)
		return 0;
	held = t;
	*probes = calloc((size_t)t->n_proxies + 1, sizeof(**probes));
	for (int i = 0; *probes && i < t->n_proxies; i++) {
		(*probes)[i].t = t;
		(*probes)[i].proxy = t->proxies[i];
		snprintf((*probes)[i].key, ADDR_SIZE, "%s", t->proxies[i].token);
	}
	return *probes ? t->n_proxies : 0;
}

static void publish(struct topom *t, cJSON **where, cJSON *stats)
{
	pthread_mutex_lock(&t->mu);
	cJSON_Delete(*where);
	*where = stats;
	pthread_mutex_unlock(&t->mu);
}

void *server_stats_thread(void *topom)
{
	struct topom *t = topom;

	while (!topom_is_closed(t)) {
		struct probe *probes = NULL;
		int n = list_servers(t, &probes);

		publish(t, &t->server_stats, ask_all(probes, n, probe_server));
		free(probes);
		sleep(1);
	}
	return NULL;
}

/* A proxy that is in the tree but not started (it came back) is taken in. */
static void online_idle(struct topom *t, const struct probe *p)
{
	struct error err = ERROR_INIT;

	if (!p->stats || json_bool(true, p->stats, "closed", NULL) || json_bool(true, p->stats, "online", NULL))
		return;
	if (proxy_online(t, p->proxy.admin_addr, &err) < 0)
		golog_warn("auto online proxy-[%s] failed\n[error]: %s", p->key, err.text);
}

static void *probe_and_online(void *ctx)
{
	struct probe *p = ctx;

	probe_proxy(p);
	online_idle(p->t, p);
	return NULL;
}

void *proxy_stats_thread(void *topom)
{
	struct topom *t = topom;

	while (!topom_is_closed(t)) {
		struct probe *probes = NULL;
		int n = list_proxies(t, &probes);

		publish(t, &t->proxy_stats, ask_all(probes, n, probe_and_online));
		free(probes);
		sleep(1);
	}
	return NULL;
}
