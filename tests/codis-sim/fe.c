#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "tests/codis-sim/flags.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"
#include "tests/codis-sim/rpc.h"
#include "tests/codis-sim/serve.h"
#include "tests/codis-sim/zk.h"

/* codis-fe: static pages, a list of products, and calls passed on to the dashboard of the product asked for. */

enum { SESSION_MS = 60000, RELOAD_MS = 5000, PAGE_MAX = 4 << 20 };

static const char usage[] =
	"Usage:\n"
	"	codis-fe [--ncpu=N] [--log=FILE] [--log-level=LEVEL] [--assets-dir=PATH] [--pidfile=FILE]\n"
	"		(--dashboard-list=FILE|--zookeeper=ADDR [--zookeeper-auth=USR:PWD]) --listen=ADDR\n"
	"	codis-fe --version\n";

struct fe {
	pthread_mutex_t lock;
	struct zk *zk;
	const char *list_file, *assets;
	cJSON *routes; /* product: address of its dashboard */
	int64_t loaded_ms;
};

static cJSON *load_file(const struct fe *fe)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	JSON_CLEANUP cJSON *list = NULL;
	cJSON *routes = cJSON_CreateObject();
	FILE *f = fopen(fe->list_file, "re");
	char part[4096];
	const cJSON *one;
	size_t n;

	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&text, part, n);
	if (f)
		fclose(f);
	list = json_parse(text.data, text.len, JSON_ITEMS, NULL);
	cJSON_ArrayForEach(one, list)
		if (json_str(one, "name", NULL) && json_str(one, "dashboard", NULL))
			json_add_str(routes, json_str(one, "name", NULL), json_str(one, "dashboard", NULL));
	return routes;
}

static cJSON *load_tree(const struct fe *fe)
{
	char(*names)[128] NAMES_CLEANUP = NULL;
	int n = zk_list(fe->zk, "/codis3", &names, NULL);
	cJSON *routes = cJSON_CreateObject();
	char path[256];

	for (int i = 0; i < n; i++) {
		BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
		JSON_CLEANUP cJSON *topom = NULL;

		snprintf(path, sizeof(path), "/codis3/%s/topom", names[i]);
		if (zk_read(fe->zk, path, false, &text, NULL) <= 0)
			continue;
		topom = json_parse(text.data, text.len, JSON_ITEMS, NULL);
		if (json_str(topom, "admin_addr", NULL))
			json_add_str(routes, names[i], json_str(topom, "admin_addr", NULL));
	}
	return routes;
}

static void list(void *ctx, const struct request *req, struct reply *rep)
{
	struct fe *fe = ctx;
	cJSON *names = cJSON_CreateArray();
	const cJSON *one;

	(void)req;
	pthread_mutex_lock(&fe->lock);
	if (!fe->routes || clock_mono_ms() - fe->loaded_ms >= RELOAD_MS) {
		cJSON_Delete(fe->routes);
		fe->routes = fe->zk ? load_tree(fe) : load_file(fe);
		fe->loaded_ms = clock_mono_ms();
	}
	cJSON_ArrayForEach(one, fe->routes)
		json_push(names, cJSON_CreateString(one->string));
	pthread_mutex_unlock(&fe->lock);
	reply_json(rep, names);
}

static bool serve_file(const struct fe *fe, const struct request *req, struct reply *rep)
{
	char path[1024], part[4096];
	struct stat st;
	FILE *f;
	size_t n;

	if (strcmp(req->method, "GET") != 0 || strstr(req->path, ".."))
		return false;
	snprintf(path, sizeof(path), "%s%s%s", fe->assets, req->path,
		 req->path[strlen(req->path) - 1] == '/' ? "index.html" : "");
	f = stat(path, &st) == 0 && S_ISREG(st.st_mode) ? fopen(path, "re") : NULL;
	if (!f)
		return false;
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&rep->body, part, n);
	fclose(f);
	rep->status = 200;
	rep->type = strstr(path, ".html")  ? "text/html; charset=utf-8"
		    : strstr(path, ".js")  ? "application/javascript"
		    : strstr(path, ".css") ? "text/css"
					   : "application/octet-stream";
	return true;
}

static void forward(void *ctx, const struct request *req, struct reply *rep)
{
	struct error err = ERROR_INIT;
	struct fe *fe = ctx;
	char addr[128] = "";
	const char *found;

	if (serve_file(fe, req, rep))
		return;
	pthread_mutex_lock(&fe->lock);
	found = json_str(fe->routes, *req->forward ? req->forward : "?", NULL);
	snprintf(addr, sizeof(addr), "%s", found ? found : "");
	pthread_mutex_unlock(&fe->lock);
	rep->status = 403;
	if (*addr && rpc_forward(req->method, addr, req->path, req->body_len ? req->body : NULL, &rep->status,
				 &rep->body, &err) < 0)
		rep->status = 502;
}

static const struct route routes[] = { { "GET", "/list", list }, { .pattern = NULL } };

static void start(struct fe *fe, const struct flags *f)
{
	const char *zookeeper = flags_value(f, "--zookeeper"), *assets = flags_value(f, "--assets-dir");
	static char index[1024], beside[1000];
	struct error err = ERROR_INIT;
	struct stat st;

	if (!assets) { /* beside the program */
		ssize_t n = readlink("/proc/self/exe", beside, sizeof(beside) - 16);

		beside[n < 0 ? 0 : n] = '\0';
		snprintf(strrchr(beside, '/') ? strrchr(beside, '/') : beside, 8, "/assets");
		assets = beside;
	}
	fe->assets = assets;
	snprintf(index, sizeof(index), "%s/index.html", assets);
	if (stat(index, &st) < 0)
		golog_panic("get stat of %s failed", index);
	if (!zookeeper) {
		fe->list_file = flags_need(f, "--dashboard-list");
	} else {
		fe->zk = zk_open(zookeeper, SESSION_MS, &err);
		if (!fe->zk)
			golog_panic("create 'zookeeper' client to '%s' failed\n[error]: %s", zookeeper, err.text);
	}
	if (!serve_start(flags_need(f, "--listen"), routes, forward, fe, &err))
		golog_panic("listen failed\n[error]: %s", err.text);
}

int fe_main(int argc, char **argv)
{
	struct flag table[] = {
		{ "--ncpu", NULL, true, NULL, false },
		{ "--log", "-l", true, NULL, false },
		{ "--log-level", NULL, true, NULL, false },
		{ "--assets-dir", NULL, true, NULL, false },
		{ "--pidfile", NULL, true, NULL, false },
		{ "--dashboard-list", "-d", true, NULL, false },
		{ "--zookeeper", NULL, true, NULL, false },
		{ "--zookeeper-auth", NULL, true, NULL, false },
		{ "--listen", NULL, true, NULL, false },
		{ "--version", NULL, false, NULL, false },
		{ .name = NULL },
	};
	static struct fe fe = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct flags f = { .table = table };

	flags_parse(&f, usage, argc, argv);
	if (!flags_given(&f, "--listen") && !flags_given(&f, "--version"))
		flags_usage(usage);
	if (flags_value(&f, "--log"))
		golog_open(flags_value(&f, "--log"));
	start(&fe, &f);
	if (flags_value(&f, "--pidfile"))
		pidfile_write(flags_value(&f, "--pidfile"));
	for (;;)
		pause();
}
