#include "tests/codis-sim/proxy.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <signal.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/net/addr.h"
#include "tests/codis-sim/flags.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"
#include "tests/codis-sim/rpc.h"
#include "tests/codis-sim/zk.h"

enum { SESSION_MS = 60000, TRY_MS = 3000, DASHBOARD_TRIES = 10, COORDINATOR_TRIES = 30, LAST_WORDS_MS = 500 };

static const char usage[] =
	"Usage:\n"
	"	codis-proxy [--ncpu=N [--max-ncpu=MAX]] [--config=CONF] [--log=FILE] [--log-level=LEVEL] "
	"[--host-admin=ADDR]\n"
	"		[--host-proxy=ADDR] [--dashboard=ADDR|--zookeeper=ADDR [--zookeeper-auth=USR:PWD]] "
	"[--ulimit=NLIMIT]\n"
	"		[--pidfile=FILE] [--product_name=NAME] [--product_auth=AUTH] [--session_auth=AUTH]\n"
	"	codis-proxy --default-config\n"
	"	codis-proxy --version\n";

/* Shown in this order. */
static const struct conf_key keys[] = {
	{ "proto_type", CONF_STRING, "tcp4", 0 },
	{ "proxy_addr", CONF_STRING, "0.0.0.0:19000", 0 },
	{ "admin_addr", CONF_STRING, "0.0.0.0:11080", 0 },
	{ "jodis_name", CONF_STRING, "", 0 },
	{ "jodis_addr", CONF_STRING, "", 0 },
	{ "jodis_auth", CONF_STRING, "", 0 },
	{ "jodis_timeout", CONF_TIME, "20s", 0 },
	{ "jodis_compatible", CONF_BOOL, "false", 0 },
	{ "product_name", CONF_STRING, "codis-demo", 0 },
	{ "product_auth", CONF_STRING, "", CONF_SECRET },
	{ "session_auth", CONF_STRING, "", CONF_SECRET },
	{ "proxy_datacenter", CONF_STRING, "", 0 },
	{ "proxy_max_clients", CONF_INT, "1000", 0 },
	{ "proxy_max_offheap_size", CONF_SIZE, "1024mb", 0 },
	{ "proxy_heap_placeholder", CONF_SIZE, "256mb", 0 },
	{ "backend_ping_period", CONF_TIME, "5s", 0 },
	{ "backend_recv_bufsize", CONF_SIZE, "128kb", 0 },
	{ "backend_recv_timeout", CONF_TIME, "30s", 0 },
	{ "backend_send_bufsize", CONF_SIZE, "128kb", 0 },
	{ "backend_send_timeout", CONF_TIME, "30s", 0 },
	{ "backend_max_pipeline", CONF_INT, "20480", 0 },
	{ "backend_primary_only", CONF_BOOL, "false", 0 },
	{ "backend_primary_parallel", CONF_INT, "1", 0 },
	{ "backend_replica_parallel", CONF_INT, "1", 0 },
	{ "backend_keepalive_period", CONF_TIME, "75s", 0 },
	{ "backend_number_databases", CONF_INT, "16", 0 },
	{ "session_recv_bufsize", CONF_SIZE, "128kb", 0 },
	{ "session_recv_timeout", CONF_TIME, "30m", 0 },
	{ "session_send_bufsize", CONF_SIZE, "64kb", 0 },
	{ "session_send_timeout", CONF_TIME, "30s", 0 },
	{ "session_max_pipeline", CONF_INT, "10000", 0 },
	{ "session_keepalive_period", CONF_TIME, "75s", 0 },
	{ "session_break_on_failure", CONF_BOOL, "false", 0 },
	{ "metrics_report_server", CONF_STRING, "", 0 },
	{ "metrics_report_period", CONF_TIME, "1s", 0 },
	{ "metrics_report_influxdb_server", CONF_STRING, "", 0 },
	{ "metrics_report_influxdb_period", CONF_TIME, "1s", 0 },
	{ "metrics_report_influxdb_username", CONF_STRING, "", 0 },
	{ "metrics_report_influxdb_password", CONF_STRING, "", CONF_SECRET },
	{ "metrics_report_influxdb_database", CONF_STRING, "", 0 },
	{ "metrics_report_statsd_server", CONF_STRING, "", 0 },
	{ "metrics_report_statsd_period", CONF_TIME, "1s", 0 },
	{ "metrics_report_statsd_prefix", CONF_STRING, "", 0 },
	{ .name = NULL },
};

/* --- work from other threads -------------------------------------------------------------------------------------- */

void proxy_call(struct proxy *p, void (*run)(struct proxy *p, struct job *j), void *arg)
{
	struct job j = { .run = run, .arg = arg };

	pthread_mutex_lock(&p->jobs_lock);
	TAILQ_INSERT_TAIL(&p->jobs, &j, next);
	uv_async_send(&p->async);
	while (!j.done)
		pthread_cond_wait(&p->jobs_done, &p->jobs_lock);
	pthread_mutex_unlock(&p->jobs_lock);
}

void job_done(struct proxy *p, struct job *j)
{
	pthread_mutex_lock(&p->jobs_lock);
	j->done = true;
	pthread_cond_broadcast(&p->jobs_done);
	pthread_mutex_unlock(&p->jobs_lock);
}

static struct job *next_job(struct proxy *p)
{
	struct job *j;

	pthread_mutex_lock(&p->jobs_lock);
	j = TAILQ_FIRST(&p->jobs);
	if (j)
		TAILQ_REMOVE(&p->jobs, j, next);
	pthread_mutex_unlock(&p->jobs_lock);
	return j;
}

static void on_async(uv_async_t *async)
{
	struct proxy *p = async->data;
	struct job *j;

	while ((j = next_job(p)))
		j->run(p, j);
	if (atomic_load(&p->stopping))
		uv_stop(&p->loop);
}

bool proxy_is_closed(struct proxy *p)
{
	bool closed;

	pthread_mutex_lock(&p->mu);
	closed = p->closed;
	pthread_mutex_unlock(&p->mu);
	return closed;
}

void proxy_start(struct proxy *p)
{
	p->online = true;
}

static void close_job(struct proxy *p, struct job *j)
{
	struct fill *f = j->arg;

	uv_close((uv_handle_t *)&p->listener, NULL);
	p->closed = p->router.closed = true;
	f->job = j;
	router_fill(p, f);
}

/* Nobody is let in any more, all slots become offline (what is in flight is waited for); the process ends soon after.
 */
void proxy_close(struct proxy *p)
{
	struct slot *empty = calloc(MAX_SLOTS, sizeof(*empty));
	struct fill f = { .slots = empty, .n = MAX_SLOTS, .closing = true };

	for (int i = 0; empty && i < MAX_SLOTS; i++)
		empty[i].id = i;
	pthread_mutex_lock(&p->mu);
	if (!p->closed && empty) {
		serve_quiesce(p->serve);
		proxy_call(p, close_job, &f);
	}
	pthread_mutex_unlock(&p->mu);
	free(empty);
}

/* --- the loop ----------------------------------------------------------------------------------------------------- */

/* Before the loop waits: fills go on, sessions go on, and all that has been collected is written. */
static void on_prepare(uv_prepare_t *prepare)
{
	struct proxy *p = prepare->data;

	p->now_ns = uv_hrtime();
	do {
		router_turn(p);
		sessions_resume(p);
	} while (TAILQ_FIRST(&p->resuming));
	outlets_flush(p);
}

static void on_ping(uv_timer_t *timer)
{
	links_keep_alive(timer->data);
}

static void on_second(uv_timer_t *timer)
{
	struct proxy *p = timer->data;

	p->qps = p->ops_total - p->ops_last;
	p->ops_last = p->ops_total;
}

static void listen_for_clients(struct proxy *p)
{
	const char *addr = conf_get(&p->conf, "proxy_addr");
	struct error err = ERROR_INIT;
	struct sockaddr_in sin;
	char host[64];
	uint16_t port;
	int rc;

	if (addr_split(addr, host, sizeof(host), &port, &err) < 0)
		golog_panic("create proxy with config file failed\n[error]: %s", err.text);
	if (uv_ip4_addr(*host ? host : "0.0.0.0", port, &sin) < 0)
		golog_panic("create proxy with config file failed\n[error]: listen tcp4 %s: no IPv4 address", addr);
	uv_tcp_init(&p->loop, &p->listener);
	p->listener.data = p;
	rc = uv_tcp_bind(&p->listener, (struct sockaddr *)&sin, 0);
	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&p->listener, 1024, session_accept);
	if (rc < 0)
		golog_panic("create proxy with config file failed\n[error]: listen tcp4 %s: bind: %s", addr,
			    uv_strerror(rc));
}

static void start_loop(struct proxy *p)
{
	int64_t ping = conf_ms(&p->conf, "backend_ping_period");

	uv_loop_init(&p->loop);
	uv_async_init(&p->loop, &p->async, on_async);
	uv_prepare_init(&p->loop, &p->prepare);
	uv_timer_init(&p->loop, &p->ping);
	uv_timer_init(&p->loop, &p->second);
	p->async.data = p->prepare.data = p->ping.data = p->second.data = p;
	uv_prepare_start(&p->prepare, on_prepare);
	uv_timer_start(&p->second, on_second, 1000, 1000);
	if (ping) {
		ping = ping < 1000 ? 1000 : ping;
		uv_timer_start(&p->ping, on_ping, (uint64_t)ping, (uint64_t)ping);
	}
}

/* --- online: by the dashboard, which then fills and starts us ----------------------------------------------------- */

struct online {
	struct proxy *p;
	const char *dashboard; /* or NULL: the coordinator knows it */
	const char *coordinator;
};

static bool is_online_or_closed(struct proxy *p)
{
	bool is;

	pthread_mutex_lock(&p->mu);
	is = p->online || p->closed;
	pthread_mutex_unlock(&p->mu);
	return is;
}

static bool ask_dashboard(struct proxy *p, const char *dashboard)
{
	JSON_CLEANUP cJSON *model = NULL;
	struct error err = ERROR_INIT;
	const char *product = p->model.product;
	char path[256], xauth[XAUTH_SIZE];

	if (rpc_call("GET", dashboard, "/api/topom/model", NULL, RPC_TIMEOUT_MS, &model, &err) < 0) {
		golog_warn("rpc fetch model failed\n[error]: %s", err.text);
		return false;
	}
	if (!json_str(model, "product_name", NULL) || strcmp(json_str(model, "product_name", NULL), product) != 0)
		golog_panic("unexcepted product name, got model = %s", json_str(model, "product_name", NULL));
	auth_xauth(xauth, 1, &product);
	snprintf(path, sizeof(path), "/api/topom/proxy/online/%s/%s", xauth, p->model.admin_addr);
	if (rpc_call("PUT", dashboard, path, NULL, RPC_TIMEOUT_MS, NULL, &err) < 0) {
		golog_warn("rpc online proxy failed\n[error]: %s", err.text);
		return false;
	}
	golog_warn("rpc online proxy seems OK");
	return true;
}

static bool find_and_ask(struct proxy *p, struct zk *zk)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	JSON_CLEANUP cJSON *topom = NULL;
	char path[256];

	snprintf(path, sizeof(path), "/codis3/%s/topom", p->model.product);
	if (zk_read(zk, path, false, &text, NULL) <= 0)
		return false;
	topom = json_parse(text.data, text.len, JSON_ITEMS, NULL);
	return json_str(topom, "admin_addr", NULL) && ask_dashboard(p, json_str(topom, "admin_addr", NULL));
}

static void *online_thread(void *ctx)
{
	struct online *o = ctx;
	struct error err = ERROR_INIT;
	struct zk *zk = NULL;
	int tries = o->dashboard ? DASHBOARD_TRIES : COORDINATOR_TRIES;

	if (!o->dashboard) {
		zk = zk_open(o->coordinator, SESSION_MS, &err);
		if (!zk)
			golog_panic("create 'zookeeper' client to '%s' failed\n[error]: %s", o->coordinator, err.text);
	}
	for (int i = 0; i < tries; i++) {
		if (is_online_or_closed(o->p) ||
		    (o->dashboard ? ask_dashboard(o->p, o->dashboard) : find_and_ask(o->p, zk))) {
			zk_close(zk);
			return NULL;
		}
		usleep(TRY_MS * 1000);
	}
	golog_panic("online proxy failed");
}

/* --- jodis: an ephemeral node that tells clients of this proxy, while it is online -------------------------------- */

static void jodis_text(const struct proxy *p, struct buf *out)
{
	JSON_CLEANUP cJSON *o = cJSON_CreateObject();

	json_add_str(o, "addr", p->model.proxy_addr);
	json_add_str(o, "admin", p->model.admin_addr);
	json_add_str(o, "start", p->model.start_time);
	json_add_str(o, "state", "online");
	json_add_str(o, "token", p->model.token);
	gojson_print(o, out);
}

static void keep_registered(struct proxy *p, struct zk *zk, const char *text)
{
	BUF_CLEANUP struct buf there = BUF_INIT(1 << 20);
	struct error err = ERROR_INIT;
	int generation = -1;

	while (!proxy_is_closed(p)) {
		buf_reset(&there);
		if (generation != zk_generation(zk) || zk_read(zk, p->model.jodis_path, false, &there, NULL) == 0) {
			generation = zk_generation(zk);
			if (zk_create(zk, p->model.jodis_path, text, true, &err) < 0)
				golog_warn("jodis create node %s failed\n[error]: %s", p->model.jodis_path, err.text);
			else
				golog_warn("jodis create node %s", p->model.jodis_path);
		}
		usleep(200000);
	}
	zk_delete(zk, p->model.jodis_path, NULL);
}

static void *jodis_thread(void *ctx)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	struct proxy *p = ctx;
	struct error err = ERROR_INIT;
	struct zk *zk = zk_open(conf_get(&p->conf, "jodis_addr"), (int)conf_ms(&p->conf, "jodis_timeout"), &err);

	if (!zk)
		golog_panic("create proxy with config file failed\n[error]: %s", err.text);
	jodis_text(p, &text);
	while (!is_online_or_closed(p))
		usleep(20000);
	if (!proxy_is_closed(p))
		keep_registered(p, zk, text.data);
	zk_close(zk);
	return NULL;
}

/* --- settings ----------------------------------------------------------------------------------------------------- */

static void configure(struct proxy *p, const struct flags *f)
{
	static const char *const overrides[][2] = { { "--product_name", "product_name" },
						    { "--product_auth", "product_auth" },
						    { "--session_auth", "session_auth" } };
	struct error err = ERROR_INIT;
	const char *value;

	conf_init(&p->conf, keys);
	value = flags_value(f, "--config");
	if (value && conf_load(&p->conf, value, &err) < 0)
		golog_panic("load config %s failed\n[error]: %s", value, err.text);
	for (size_t i = 0; i < 3; i++) {
		value = flags_value(f, overrides[i][0]);
		if (value)
			conf_set(&p->conf, overrides[i][1], value);
	}
	value = conf_get(&p->conf, "product_name");
	for (const char *c = value; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			golog_panic("create proxy with config file failed\n[error]: bad product name = %s", value);
	p->recv_timeout_ms = (int)conf_ms(&p->conf, "backend_recv_timeout");
	p->max_clients = (int)conf_int(&p->conf, "proxy_max_clients");
	p->max_pipeline = (int)conf_int(&p->conf, "session_max_pipeline");
	p->dbs = (int)conf_int(&p->conf, "backend_number_databases");
	p->dbs = p->dbs < 1 ? 1 : p->dbs > MAX_DBS ? MAX_DBS : p->dbs;
	p->break_on_failure = conf_bool(&p->conf, "session_break_on_failure");
	p->primary_only = conf_bool(&p->conf, "backend_primary_only");
	p->session_auth = conf_get(&p->conf, "session_auth");
	p->product_auth = conf_get(&p->conf, "product_auth");
}

static void describe(struct proxy *p, const struct flags *f)
{
	const char *product = conf_get(&p->conf, "product_name"), *data = conf_get(&p->conf, "proxy_addr");
	const char *admin = conf_get(&p->conf, "admin_addr");
	const char *token[] = { product, data, admin }, *xauth[] = { product, p->product_auth, p->model.token };

	model_fill(&p->model);
	snprintf(p->model.product, sizeof(p->model.product), "%s", product);
	snprintf(p->model.proto_type, sizeof(p->model.proto_type), "%s", conf_get(&p->conf, "proto_type"));
	snprintf(p->model.datacenter, sizeof(p->model.datacenter), "%s", conf_get(&p->conf, "proxy_datacenter"));
	model_address(data, flags_value(f, "--host-proxy"), p->model.proxy_addr);
	model_address(admin, flags_value(f, "--host-admin"), p->model.admin_addr);
	auth_token(p->model.token, 3, token);
	auth_xauth(p->xauth, 3, xauth);
	if (!*conf_get(&p->conf, "jodis_addr"))
		return;
	snprintf(p->model.jodis_path, sizeof(p->model.jodis_path),
		 conf_bool(&p->conf, "jodis_compatible") ? "/zk/codis/db_%s/proxy/%s" : "/jodis/%s/proxy-%s", product,
		 p->model.token);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void *loop_thread(void *ctx)
{
	struct proxy *p = ctx;

	uv_run(&p->loop, UV_RUN_DEFAULT);
	return NULL;
}

static void *signal_thread(void *ctx)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &sig);
	golog_warn("proxy receive signal = '%s'", strsignal(sig));
	proxy_close(ctx);
	return NULL;
}

/* Codis has no handler, Go has: the first process of a namespace, which no signal kills, ends. */
static void on_hangup(int sig)
{
	(void)sig;
	_exit(2);
}

static pthread_t spawn(void *(*run)(void *), void *arg)
{
	pthread_t id;

	if (pthread_create(&id, NULL, run, arg))
		golog_panic("no thread");
	return id;
}

static void wait_for_the_end(struct proxy *p)
{
	int waited = 0;

	while (!is_online_or_closed(p)) {
		if (waited % 1000 == 0)
			golog_warn("proxy waiting online ...");
		usleep(20000);
		waited += 20;
	}
	golog_warn("proxy is working ...");
	while (!proxy_is_closed(p))
		usleep(20000);
	golog_warn("proxy is exiting ...");
}

static void run(struct proxy *p, const struct flags *f)
{
	struct online online = { .p = p,
				 .dashboard = flags_value(f, "--dashboard"),
				 .coordinator = flags_value(f, "--zookeeper") };
	const char *pidfile = flags_value(f, "--pidfile");
	bool with_jodis = *conf_get(&p->conf, "jodis_addr") != '\0';
	struct error err = ERROR_INIT;
	pthread_t jodis = 0, loop;

	start_loop(p);
	listen_for_clients(p);
	p->serve = serve_start(conf_get(&p->conf, "admin_addr"), proxy_routes, NULL, p, &err);
	if (!p->serve)
		golog_panic("create proxy with config file failed\n[error]: %s", err.text);
	conf_log(&p->conf, "create proxy with config");
	if (pidfile)
		pidfile_write(pidfile);
	loop = spawn(loop_thread, p);
	pthread_detach(spawn(signal_thread, p));
	if (with_jodis)
		jodis = spawn(jodis_thread, p);
	if (online.dashboard || online.coordinator)
		pthread_detach(spawn(online_thread, &online));
	wait_for_the_end(p);
	if (with_jodis)
		pthread_join(jodis, NULL);
	usleep(LAST_WORDS_MS * 1000); /* clients that are there get errors for a moment, as in Codis */
	atomic_store(&p->stopping, true);
	uv_async_send(&p->async);
	pthread_join(loop, NULL);
	if (pidfile)
		pidfile_remove(pidfile);
}

static struct proxy *proxy_new(void)
{
	struct proxy *p = calloc(1, sizeof(*p));
	sigset_t set;

	if (!p)
		golog_panic("no memory");
	pthread_mutex_init(&p->mu, NULL);
	pthread_mutex_init(&p->jobs_lock, NULL);
	pthread_cond_init(&p->jobs_done, NULL);
	TAILQ_INIT(&p->jobs);
	TAILQ_INIT(&p->links);
	TAILQ_INIT(&p->dirty);
	TAILQ_INIT(&p->resuming);
	commands_init(&p->commands);
	router_init(p);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread is made: all inherit it */
	signal(SIGPIPE, SIG_IGN);
	if (getpid() == 1)
		signal(SIGHUP, on_hangup);
	return p;
}

int proxy_main(int argc, char **argv)
{
	struct flag table[] = {
		{ "--ncpu", NULL, true, NULL, false },         { "--max-ncpu", NULL, true, NULL, false },
		{ "--config", "-c", true, NULL, false },       { "--log", "-l", true, NULL, false },
		{ "--log-level", NULL, true, NULL, false },    { "--host-admin", NULL, true, NULL, false },
		{ "--host-proxy", NULL, true, NULL, false },   { "--dashboard", NULL, true, NULL, false },
		{ "--zookeeper", NULL, true, NULL, false },    { "--zookeeper-auth", NULL, true, NULL, false },
		{ "--ulimit", NULL, true, NULL, false },       { "--pidfile", NULL, true, NULL, false },
		{ "--product_name", NULL, true, NULL, false }, { "--product_auth", NULL, true, NULL, false },
		{ "--session_auth", NULL, true, NULL, false }, { "--default-config", NULL, false, NULL, false },
		{ "--version", NULL, false, NULL, false },     { .name = NULL },
	};
	struct flags f = { .table = table };
	struct proxy *p;

	flags_parse(&f, usage, argc, argv);
	if (program_answers(&f, keys))
		return 0;
	p = proxy_new();
	configure(p, &f);
	describe(p, &f);
	run(p, &f);
	_exit(0); /* threads of the administration may still be under way */
}
