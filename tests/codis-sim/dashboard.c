#include <ctype.h>
#include <signal.h>
#include <unistd.h>

#include "tests/codis-sim/flags.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"
#include "tests/codis-sim/topom.h"
#include "tests/codis-sim/zk.h"

enum { SESSION_MS = 60000, LOCK_TRIES = 16 };

static const char usage[] =
	"Usage:\n"
	"	codis-dashboard [--ncpu=N] [--config=CONF] [--log=FILE] [--log-level=LEVEL] [--host-admin=ADDR]\n"
	"		[--pidfile=FILE] [--zookeeper=ADDR] [--product_name=NAME] [--product_auth=AUTH] "
	"[--remove-lock]\n"
	"	codis-dashboard --default-config\n"
	"	codis-dashboard --version\n";

static const struct conf_key keys[] = {
	{ "coordinator_name", CONF_STRING, "filesystem", 0 },
	{ "coordinator_addr", CONF_STRING, "/tmp/codis", 0 },
	{ "coordinator_auth", CONF_STRING, "", CONF_OPTIONAL },
	{ "admin_addr", CONF_STRING, "0.0.0.0:18080", 0 },
	{ "product_name", CONF_STRING, "codis-demo", 0 },
	{ "product_auth", CONF_STRING, "", CONF_SECRET },
	{ "migration_method", CONF_STRING, "semi-async", 0 },
	{ "migration_parallel_slots", CONF_INT, "100", 0 },
	{ "migration_async_maxbulks", CONF_INT, "200", 0 },
	{ "migration_async_maxbytes", CONF_SIZE, "32mb", 0 },
	{ "migration_async_numkeys", CONF_INT, "500", 0 },
	{ "migration_timeout", CONF_TIME, "30s", 0 },
	{ "sentinel_client_timeout", CONF_TIME, "10s", 0 },
	{ "sentinel_quorum", CONF_INT, "2", 0 },
	{ "sentinel_parallel_syncs", CONF_INT, "1", 0 },
	{ "sentinel_down_after", CONF_TIME, "30s", 0 },
	{ "sentinel_failover_timeout", CONF_TIME, "5m", 0 },
	{ "sentinel_notification_script", CONF_STRING, "", 0 },
	{ "sentinel_client_reconfig_script", CONF_STRING, "", 0 },
	{ .name = NULL },
};

static void check_config(const struct conf *c)
{
	const char *method = conf_get(c, "migration_method"), *product = conf_get(c, "product_name");

	if (strcmp(method, "sync") != 0 && strcmp(method, "semi-async") != 0)
		golog_panic("load config failed\n[error]: invalid migration_method");
	if (!isalnum((unsigned char)*product) && *product != '_')
		golog_panic("create topom with config file failed\n[error]: bad product name = %s", product);
	for (const char *p = product; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			golog_panic("create topom with config file failed\n[error]: bad product name = %s", product);
}

static void configure(struct topom *t, const struct flags *f)
{
	static const char *const overrides[][2] = { { "--product_name", "product_name" },
						    { "--product_auth", "product_auth" } };
	struct error err = ERROR_INIT;
	const char *value;

	conf_init(&t->conf, keys);
	value = flags_value(f, "--config");
	if (value && conf_load(&t->conf, value, &err) < 0)
		golog_panic("load config %s failed\n[error]: %s", value, err.text);
	value = flags_value(f, "--zookeeper");
	if (value) {
		conf_set(&t->conf, "coordinator_name", "zookeeper");
		conf_set(&t->conf, "coordinator_addr", value);
		golog_warn("option --zookeeper = %s", value);
	}
	for (size_t i = 0; i < 2; i++) {
		value = flags_value(f, overrides[i][0]);
		if (value)
			conf_set(&t->conf, overrides[i][1], value);
	}
	check_config(&t->conf);
}

static void open_coordinator(struct topom *t, bool remove_lock)
{
	const char *name = conf_get(&t->conf, "coordinator_name"), *addr = conf_get(&t->conf, "coordinator_addr");
	struct error err = ERROR_INIT;
	char path[256];

	if (strncmp(name, "zk", 2) != 0 && strcmp(name, "zookeeper") != 0)
		golog_panic("create '%s' client to '%s' failed\n[error]: only zookeeper is simulated", name, addr);
	t->zk = zk_open(addr, SESSION_MS, &err);
	if (!t->zk)
		golog_panic("create '%s' client to '%s' failed\n[error]: %s", name, addr, err.text);
	if (!remove_lock)
		return;
	snprintf(path, sizeof(path), "/codis3/%s/topom", conf_get(&t->conf, "product_name"));
	golog_warn("force remove-lock");
	if (zk_delete(t->zk, path, &err) < 0)
		golog_warn("force remove-lock failed\n[error]: %s", err.text);
	else
		golog_warn("force remove-lock OK");
}

static void describe(struct topom *t, const char *host_admin)
{
	const char *product = conf_get(&t->conf, "product_name"), *listen = conf_get(&t->conf, "admin_addr");
	const char *token[] = { product, listen }, *xauth[] = { product };

	model_fill(&t->model);
	snprintf(t->model.product, sizeof(t->model.product), "%s", product);
	model_address(listen, host_admin, t->model.admin_addr);
	auth_token(t->model.token, 2, token);
	auth_xauth(t->xauth, 1, xauth);
}

static void start_threads(struct topom *t)
{
	static void *(*const threads[])(void *) = { server_stats_thread, proxy_stats_thread, migrate_thread,
						    sync_thread };
	pthread_t id;

	for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++)
		if (pthread_create(&id, NULL, threads[i], t) || pthread_detach(id))
			golog_panic("no thread");
}

static void *wait_for_signal(void *topom)
{
	sigset_t set;
	int sig = 0;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigwait(&set, &sig);
	golog_warn("dashboard receive signal = '%s'", strsignal(sig));
	topom_close(topom);
	return NULL;
}

static void catch_signals(struct topom *t)
{
	pthread_t id;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL); /* before any thread is made: all inherit it */
	signal(SIGPIPE, SIG_IGN);
	if (t && (pthread_create(&id, NULL, wait_for_signal, t) || pthread_detach(id)))
		golog_panic("no thread");
}

/* The lock node stays when its owner is killed: then this gives up after half a minute. */
static void go_online(struct topom *t)
{
	struct error err = ERROR_INIT;

	for (int i = 0; !topom_is_closed(t) && !topom_is_online(t); i++) {
		if (topom_start(t, &err) == 0)
			continue;
		if (i >= LOCK_TRIES)
			golog_panic("dashboard online failed, give up & abort :'(");
		golog_warn("dashboard online failed [%d]", i);
		sleep(2);
	}
	if (!topom_is_online(t))
		return;
	start_threads(t);
	golog_warn("dashboard is working ...");
}

static void run(struct topom *t, const struct flags *f)
{
	const char *pidfile = flags_value(f, "--pidfile");
	struct error err = ERROR_INIT;

	catch_signals(NULL);
	open_coordinator(t, flags_given(f, "--remove-lock"));
	describe(t, flags_value(f, "--host-admin"));
	t->serve = serve_start(conf_get(&t->conf, "admin_addr"), topom_routes, NULL, t, &err);
	if (!t->serve)
		golog_panic("create topom with config file failed\n[error]: %s", err.text);
	conf_log(&t->conf, "create topom with config");
	if (pidfile)
		pidfile_write(pidfile);
	catch_signals(t);
	go_online(t);
	while (!topom_is_closed(t))
		usleep(100000);
	golog_warn("dashboard is exiting ...");
	usleep(50000); /* the answer to a shutdown is still under way */
	zk_close(t->zk);
	if (pidfile)
		pidfile_remove(pidfile);
}

int dashboard_main(int argc, char **argv)
{
	struct flag table[] = {
		{ "--ncpu", NULL, true, NULL, false },
		{ "--config", "-c", true, NULL, false },
		{ "--log", "-l", true, NULL, false },
		{ "--log-level", NULL, true, NULL, false },
		{ "--host-admin", NULL, true, NULL, false },
		{ "--pidfile", NULL, true, NULL, false },
		{ "--zookeeper", NULL, true, NULL, false },
		{ "--product_name", NULL, true, NULL, false },
		{ "--product_auth", NULL, true, NULL, false },
		{ "--remove-lock", NULL, false, NULL, false },
		{ "--default-config", NULL, false, NULL, false },
		{ "--version", NULL, false, NULL, false },
		{ .name = NULL },
	};
	static struct topom t = { .mu = PTHREAD_MUTEX_INITIALIZER };
	struct flags f = { .table = table };

	flags_parse(&f, usage, argc, argv);
	if (program_answers(&f, keys))
		return 0;
	configure(&t, &f);
	run(&t, &f);
	_exit(0); /* other threads may still wait for a proxy or a server */
}
