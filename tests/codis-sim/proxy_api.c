#include <sys/resource.h>
#include <unistd.h>

#include "common/base/json.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/proxy.h"
#include "tests/codis-sim/version.h"

/* What Codis calls flags of its statistics. */
enum { WITH_COMMANDS = 1, WITH_RUNTIME = 4, WITH_ALL = 7 };

/* --- statistics: copied in the loop, written down here ------------------------------------------------------------ */

struct counters {
	bool online, closed;
	int64_t ops_total, ops_fails, ops_errors, qps, sessions_total, sessions_alive;
	int n_commands;
	struct command commands[512];
};

static void copy_counters(struct proxy *p, struct job *j)
{
	struct counters *c = j->arg;

	*c = (struct counters){ .online = p->online && !p->closed,
				.closed = p->closed,
				.ops_total = p->ops_total,
				.ops_fails = p->ops_fails,
				.ops_errors = p->ops_errors,
				.qps = p->qps,
				.sessions_total = p->sessions_total,
				.sessions_alive = p->sessions_alive };
	for (int i = 0; i < p->commands.count; i++)
		if (p->commands.all[i].calls)
			c->commands[c->n_commands++] = p->commands.all[i];
	job_done(p, j);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct command *)a)->name, ((const struct command *)b)->name);
}

static void add_commands(cJSON *ops, struct counters *c)
{
	cJSON *cmd = json_add_array(ops, "cmd");

	qsort(c->commands, (size_t)c->n_commands, sizeof(c->commands[0]), by_name);
	for (int i = 0; i < c->n_commands; i++) {
		const struct command *x = &c->commands[i];
		cJSON *o = cJSON_CreateObject();

		json_add_str(o, "opstr", x->name);
		json_add_int(o, "calls", x->calls);
		json_add_int(o, "usecs", x->nsecs / 1000);
		json_add_int(o, "usecs_percall", x->nsecs / 1000 / x->calls);
		json_add_int(o, "fails", x->fails);
		json_add_int(o, "redis_errtype", x->errors);
		json_push(cmd, o);
	}
}

static void add_usage(cJSON *stats)
{
	cJSON *o = json_add_object(stats, "rusage"), *raw;
	struct rusage u = { 0 };
	struct model now = { 0 };

	model_fill(&now);
	getrusage(RUSAGE_SELF, &u);
	json_add_str(o, "now", now.start_time);
	cJSON_AddNumberToObject(o, "cpu", 0);
	json_add_int(o, "mem", u.ru_maxrss * 1024);
	raw = json_add_object(o, "raw");
	json_add_int(raw, "utime", u.ru_utime.tv_sec * 1000000000LL + u.ru_utime.tv_usec * 1000LL);
	json_add_int(raw, "stime", u.ru_stime.tv_sec * 1000000000LL + u.ru_stime.tv_usec * 1000LL);
	json_add_int(raw, "cutime", 0);
	json_add_int(raw, "cstime", 0);
	json_add_int(raw, "num_threads", 1);
	json_add_int(raw, "vm_size", u.ru_maxrss * 1024);
	json_add_int(raw, "vm_rss", u.ru_maxrss * 1024);
}

static void add_zeros(cJSON *parent, const char *name, const char *const *members)
{
	cJSON *o = json_add_object(parent, name);

	for (; *members; members++)
		json_add_int(o, *members, 0);
}

/* Numbers of a Go program; a C program has none, but whoever reads them finds them. */
static void add_runtime(cJSON *stats)
{
	static const char *const general[] = { "alloc", "sys", "lookups", "mallocs", "frees", NULL };
	static const char *const heap[] = { "alloc", "sys", "idle", "inuse", "objects", NULL };
	static const char *const gc[] = { "num", "cpu_fraction", "total_pausems", NULL };
	static const char *const rest[] = { "num_procs", "num_goroutines", "num_cgo_call", "mem_offheap", NULL };
	cJSON *o = json_add_object(stats, "runtime");

	add_zeros(o, "general", general);
	add_zeros(o, "heap", heap);
	add_zeros(o, "gc", gc);
	for (int i = 0; rest[i]; i++)
		json_add_int(o, rest[i], 0);
}

static cJSON *stats_json(struct proxy *p, int flags)
{
	struct counters *c = calloc(1, sizeof(*c));
	cJSON *o = cJSON_CreateObject(), *ops, *sessions;

	if (!c)
		golog_panic("no memory");
	pthread_mutex_lock(&p->mu);
	proxy_call(p, copy_counters, c);
	pthread_mutex_unlock(&p->mu);
	json_add_bool(o, "online", c->online);
	json_add_bool(o, "closed", c->closed);
	json_add_object(o, "sentinels");
	ops = json_add_object(o, "ops");
	json_add_int(ops, "total", c->ops_total);
	json_add_int(ops, "fails", c->ops_fails);
	json_add_int(json_add_object(ops, "redis"), "errors", c->ops_errors);
	json_add_int(ops, "qps", c->qps);
	if ((flags & WITH_COMMANDS) && c->n_commands)
		add_commands(ops, c);
	sessions = json_add_object(o, "sessions");
	json_add_int(sessions, "total", c->sessions_total);
	json_add_int(sessions, "alive", c->sessions_alive);
	add_usage(o);
	json_add_bool(json_add_object(o, "backend"), "primary_only", p->primary_only);
	if (flags & WITH_RUNTIME)
		add_runtime(o);
	free(c);
	return o;
}

static void copy_slots(struct proxy *p, struct job *j)
{
	struct slot *slots = j->arg;

	for (int i = 0; i < MAX_SLOTS; i++)
		router_snapshot(p, i, &slots[i]);
	job_done(p, j);
}

static cJSON *slots_json(struct proxy *p)
{
	struct slot *slots = calloc(MAX_SLOTS, sizeof(*slots));
	cJSON *array = cJSON_CreateArray();

	if (!slots)
		golog_panic("no memory");
	pthread_mutex_lock(&p->mu);
	proxy_call(p, copy_slots, slots);
	pthread_mutex_unlock(&p->mu);
	for (int i = 0; i < MAX_SLOTS; i++) {
		json_push(array, slot_json(&slots[i]));
		slot_release(&slots[i]);
	}
	free(slots);
	return array;
}

/* --- routes without XAuth ----------------------------------------------------------------------------------------- */

static void root(void *ctx, const struct request *req, struct reply *rep)
{
	(void)ctx;
	(void)req;
	reply_redirect(rep, "/proxy");
}

static void overview(void *ctx, const struct request *req, struct reply *rep)
{
	struct proxy *p = ctx;
	cJSON *o = cJSON_CreateObject();

	(void)req;
	json_add_str(o, "version", SIM_VERSION);
	json_add_str(o, "compile", SIM_COMPILE);
	cJSON_AddItemToObject(o, "config", conf_json(&p->conf));
	cJSON_AddItemToObject(o, "model", model_json(&p->model, true));
	cJSON_AddItemToObject(o, "stats", stats_json(p, WITH_ALL));
	cJSON_AddItemToObject(o, "slots", slots_json(p));
	reply_json(rep, o);
}

static void model(void *ctx, const struct request *req, struct reply *rep)
{
	struct proxy *p = ctx;

	(void)req;
	reply_json(rep, model_json(&p->model, true));
}

static void stats(void *ctx, const struct request *req, struct reply *rep)
{
	(void)req;
	reply_json(rep, stats_json(ctx, WITH_ALL));
}

static void slots(void *ctx, const struct request *req, struct reply *rep)
{
	(void)req;
	reply_json(rep, slots_json(ctx));
}

/* --- routes with XAuth -------------------------------------------------------------------------------------------- */

static bool allowed(struct proxy *p, const struct request *req, struct reply *rep)
{
	if (proxy_is_closed(p))
		reply_error(rep, "use of closed proxy", false);
	else if (strcmp(req->params[0], p->xauth) != 0)
		reply_error(rep, "invalid xauth, please check product name & auth", false);
	else
		return true;
	return false;
}

static void xping(void *ctx, const struct request *req, struct reply *rep)
{
	if (allowed(ctx, req, rep))
		reply_ok(rep);
}

static void xstats(void *ctx, const struct request *req, struct reply *rep)
{
	int flags = 0;

	if (!allowed(ctx, req, rep))
		return;
	if (req->params[1][0] && !request_int(req, rep, 1, "flags", &flags))
		return;
	reply_json(rep, stats_json(ctx, flags));
}

static void xslots(void *ctx, const struct request *req, struct reply *rep)
{
	if (allowed(ctx, req, rep))
		slots(ctx, req, rep);
}

static void start_job(struct proxy *p, struct job *j)
{
	proxy_start(p);
	job_done(p, j);
}

static void start(void *ctx, const struct request *req, struct reply *rep)
{
	struct proxy *p = ctx;

	if (!allowed(p, req, rep))
		return;
	pthread_mutex_lock(&p->mu);
	proxy_call(p, start_job, NULL);
	pthread_mutex_unlock(&p->mu);
	reply_ok(rep);
}

static void reset_job(struct proxy *p, struct job *j)
{
	commands_reset(&p->commands);
	p->ops_total = p->ops_fails = p->ops_errors = p->ops_last = 0;
	p->sessions_total = p->sessions_alive;
	job_done(p, j);
}

static void reset_stats(void *ctx, const struct request *req, struct reply *rep)
{
	if (!allowed(ctx, req, rep))
		return;
	proxy_call(ctx, reset_job, NULL);
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

static void shutdown_proxy(void *ctx, const struct request *req, struct reply *rep)
{
	if (!allowed(ctx, req, rep))
		return;
	proxy_close(ctx);
	reply_ok(rep);
}

static void fill_job(struct proxy *p, struct job *j)
{
	struct fill *f = j->arg;

	f->job = j;
	router_fill(p, f);
}

/* A body that is no list of slots counts as an empty one, as in Codis: nothing is filled, and the answer is OK. */
static int parse_slots(const struct request *req, struct slot **slots)
{
	JSON_CLEANUP cJSON *body = json_parse(req->body, req->body_len, JSON_ITEMS, NULL);
	int n = cJSON_IsArray(body) ? cJSON_GetArraySize(body) : 0, i = 0;
	const cJSON *one;

	*slots = calloc((size_t)n + 1, sizeof(**slots));
	if (!*slots)
		golog_panic("no memory");
	if (!n)
		return 0;
	cJSON_ArrayForEach(one, body)
		if (!slot_parse(one, &(*slots)[i++]))
			return 0;
	return n;
}

static void fillslots(void *ctx, const struct request *req, struct reply *rep)
{
	struct fill f = { 0 };
	struct proxy *p = ctx;
	struct slot *list;

	if (!allowed(p, req, rep))
		return;
	f.n = parse_slots(req, &list);
	f.slots = list;
	pthread_mutex_lock(&p->mu);
	if (p->closed)
		f.error = "use of closed proxy";
	else
		proxy_call(p, fill_job, &f);
	pthread_mutex_unlock(&p->mu);
	if (f.error)
		reply_error(rep, f.error, false);
	else
		reply_ok(rep);
	for (int i = 0; i < f.n; i++)
		slot_release(&list[i]);
	free(list);
}

#define API "/api/proxy/"

const struct route proxy_routes[] = {
	{ "GET", "/", root },
	{ "GET", "/proxy", overview },
	{ "GET", "/proxy/model", model },
	{ "GET", "/proxy/stats", stats },
	{ "GET", "/proxy/slots", slots },
	{ "GET", API "model", model },
	{ "GET", API "xping/:xauth", xping },
	{ "GET", API "stats/:xauth", xstats },
	{ "GET", API "stats/:xauth/:flags", xstats },
	{ "GET", API "slots/:xauth", xslots },
	{ "PUT", API "start/:xauth", start },
	{ "PUT", API "stats/reset/:xauth", reset_stats },
	{ "PUT", API "forcegc/:xauth", xping },
	{ "PUT", API "shutdown/:xauth", shutdown_proxy },
	{ "PUT", API "loglevel/:xauth/:value", loglevel },
	{ "PUT", API "fillslots/:xauth", fillslots },
	{ "PUT", API "sentinels/:xauth", xping },
	{ "PUT", API "sentinels/:xauth/rewatch", xping },
	{ .pattern = NULL },
};
