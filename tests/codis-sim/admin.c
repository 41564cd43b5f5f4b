#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/codis-sim/auth.h"
#include "tests/codis-sim/flags.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/model.h"
#include "tests/codis-sim/programs.h"
#include "tests/codis-sim/rpc.h"
#include "tests/codis-sim/zk.h"

/* codis-admin: one verb a call; silent and 0 when it went well, a [PANIC] line and 1 when not. */

enum { SESSION_MS = 60000, NODE_MAX = 1 << 20 };

static const char usage[] =
	"Usage:\n"
	"	codis-admin [-v] --proxy=ADDR [--auth=AUTH] [config|model|stats|slots]\n"
	"	codis-admin [-v] --proxy=ADDR [--auth=AUTH] "
	"(--start|--shutdown|--reset-stats|--forcegc|--log-level=LEVEL)\n"
	"	codis-admin [-v] --proxy=ADDR [--auth=AUTH] --fillslots=FILE [--locked]\n"
	"	codis-admin [-v] --dashboard=ADDR [config|model|stats|slots|group|proxy|--list-group|--list-proxy]\n"
	"	codis-admin [-v] --dashboard=ADDR (--shutdown|--reload|--log-level=LEVEL)\n"
	"	codis-admin [-v] --dashboard=ADDR --slots-assign --beg=ID --end=ID (--gid=ID|--offline) [--confirm]\n"
	"	codis-admin [-v] --dashboard=ADDR (--slots-status|--group-status|--proxy-status)\n"
	"	codis-admin [-v] --dashboard=ADDR (--create-proxy|--online-proxy) --addr=ADDR\n"
	"	codis-admin [-v] --dashboard=ADDR --remove-proxy (--addr=ADDR|--token=TOKEN|--pid=ID) [--force]\n"
	"	codis-admin [-v] --dashboard=ADDR --reinit-proxy (--addr=ADDR|--token=TOKEN|--pid=ID|--all) [--force]\n"
	"	codis-admin [-v] --dashboard=ADDR (--create-group|--remove-group) --gid=ID\n"
	"	codis-admin [-v] --dashboard=ADDR --resync-group (--gid=ID|--all)\n"
	"	codis-admin [-v] --dashboard=ADDR --group-add --gid=ID --addr=ADDR [--datacenter=DATACENTER]\n"
	"	codis-admin [-v] --dashboard=ADDR (--group-del|--promote-server) --gid=ID --addr=ADDR\n"
	"	codis-admin [-v] --dashboard=ADDR --replica-groups --gid=ID --addr=ADDR (--enable|--disable)\n"
	"	codis-admin [-v] --dashboard=ADDR --sync-action (--create|--remove) --addr=ADDR\n"
	"	codis-admin [-v] --dashboard=ADDR --slot-action --create --sid=ID --gid=ID\n"
	"	codis-admin [-v] --dashboard=ADDR --slot-action --remove --sid=ID\n"
	"	codis-admin [-v] --dashboard=ADDR --slot-action --create-some --gid-from=ID --gid-to=ID --num-slots=N\n"
	"	codis-admin [-v] --dashboard=ADDR --slot-action --create-range --beg=ID --end=ID --gid=ID\n"
	"	codis-admin [-v] --dashboard=ADDR --slot-action (--interval=VALUE|--disabled=VALUE)\n"
	"	codis-admin [-v] --dashboard=ADDR --rebalance [--confirm]\n"
	"	codis-admin [-v] (--remove-lock|--config-dump) --product=NAME --zookeeper=ADDR\n"
	"	codis-admin [-v] --dashboard-list --zookeeper=ADDR\n";

static void print_json(const cJSON *value)
{
	BUF_CLEANUP struct buf out = BUF_INIT(32 << 20);

	if (value)
		gojson_print(value, &out);
	else
		buf_addstr(&out, "null");
	puts(out.data);
}

/* --- calls -------------------------------------------------------------------------------------------------------- */

/* Whom the calls go to: "dashboard" and its API, or "proxy". */
struct peer {
	const char *kind, *addr, *api;
	char xauth[XAUTH_SIZE];
};

static cJSON *get(const struct peer *p, const char *path, const char *what)
{
	struct error err = ERROR_INIT;
	cJSON *answer = NULL;

	if (rpc_call("GET", p->addr, path, NULL, RPC_TIMEOUT_MS, &answer, &err) < 0)
		golog_panic("call rpc %s to %s %s failed\n[error]: %s", what, p->kind, p->addr, err.text);
	return answer;
}

/* Learns product (and token) from the peer itself, and makes XAuth of them. */
static void connect_peer(struct peer *p, const char *auth)
{
	JSON_CLEANUP cJSON *model = NULL;
	cJSON *pong;
	char path[128];
	struct model m;

	snprintf(path, sizeof(path), "%s/model", p->api);
	model = get(p, path, "model");
	model_parse(model, &m);
	const char *parts[] = { m.product, auth, m.token };

	auth_xauth(p->xauth, strcmp(p->kind, "proxy") == 0 ? 3 : 1, parts);
	snprintf(path, sizeof(path), "%s/xping/%s", p->api, p->xauth);
	pong = get(p, path, "xping");
	cJSON_Delete(pong);
}

/* PUT <api>/<action>/<xauth>[<rest>]; the answer, or the end of the program. */
static cJSON *put(const struct peer *p, const char *what, const char *action, const char *rest, const cJSON *body)
{
	struct error err = ERROR_INIT;
	cJSON *answer = NULL;
	char path[512];

	snprintf(path, sizeof(path), "%s/%s/%s%s", p->api, action, p->xauth, rest);
	if (rpc_call("PUT", p->addr, path, body, RPC_TIMEOUT_MS, &answer, &err) < 0)
		golog_panic("call rpc %s to %s %s failed\n[error]: %s", what, p->kind, p->addr, err.text);
	return answer;
}

static void act(const struct peer *p, const char *what, const char *action, const char *rest)
{
	cJSON_Delete(put(p, what, action, rest, NULL));
}

static cJSON *stats_of(const struct peer *p)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/stats/%s", p->api, p->xauth);
	return get(p, path, "stats");
}

/* --- verbs that only put flags into a path ------------------------------------------------------------------------ */

struct verb {
	const char *flag, *second; /* --slot-action --create */
	const char *what, *action;
	const char *args[4]; /* flags whose values make up the rest of the path; '#' in front: a number */
};

static const struct verb verbs[] = {
	{ "--shutdown", NULL, "shutdown", "shutdown", { NULL } },
	{ "--reload", NULL, "reload", "reload", { NULL } },
	{ "--log-level", NULL, "loglevel", "loglevel", { "--log-level" } },
	{ "--create-proxy", NULL, "create-proxy", "proxy/create", { "--addr" } },
	{ "--online-proxy", NULL, "online-proxy", "proxy/online", { "--addr" } },
	{ "--create-group", NULL, "create-group", "group/create", { "#--gid" } },
	{ "--remove-group", NULL, "remove-group", "group/remove", { "#--gid" } },
	{ "--group-del", NULL, "group-del-server", "group/del", { "#--gid", "--addr" } },
	{ "--promote-server", NULL, "group-promote-server", "group/promote", { "#--gid", "--addr" } },
	{ "--sync-action", "--create", "create-sync-action", "group/action/create", { "--addr" } },
	{ "--sync-action", "--remove", "remove-sync-action", "group/action/remove", { "--addr" } },
	{ "--slot-action", "--create", "create-slot-action", "slots/action/create", { "#--sid", "#--gid" } },
	{ "--slot-action", "--remove", "remove-slot-action", "slots/action/remove", { "#--sid" } },
	{ "--slot-action",
	  "--create-some",
	  "create-slot-action-some",
	  "slots/action/create-some",
	  { "#--gid-from", "#--gid-to", "#--num-slots" } },
	{ "--slot-action",
	  "--create-range",
	  "create-slot-action-range",
	  "slots/action/create-range",
	  { "#--beg", "#--end", "#--gid" } },
	{ "--slot-action", "--interval", "slot-action-interval", "slots/action/interval", { "#--interval" } },
	{ "--slot-action", "--disabled", "slot-action-disabled", "slots/action/disabled", { "#--disabled" } },
};

static bool run_verb(const struct peer *p, const struct flags *f)
{
	BUF_CLEANUP struct buf rest = BUF_INIT(400);

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		const struct verb *v = &verbs[i];

		if (!flags_given(f, v->flag) || (v->second && !flags_given(f, v->second)))
			continue;
		for (int k = 0; k < 4 && v->args[k]; k++) {
			if (*v->args[k] == '#')
				buf_addf(&rest, "/%d", flags_need_int(f, v->args[k] + 1));
			else
				buf_addf(&rest, "/%s", flags_need(f, v->args[k]));
		}
		act(p, v->what, v->action, rest.data);
		return true;
	}
	return false;
}

/* --- the other verbs ---------------------------------------------------------------------------------------------- */

static void group_add(const struct peer *p, const struct flags *f)
{
	const char *dc = flags_value(f, "--datacenter");
	char rest[400];

	snprintf(rest, sizeof(rest), "/%d/%s%s%s", flags_need_int(f, "--gid"), flags_need(f, "--addr"), dc ? "/" : "",
		 dc ? dc : "");
	act(p, "group-add-server", "group/add", rest);
}

static void replica_groups(const struct peer *p, const struct flags *f)
{
	char rest[400];

	snprintf(rest, sizeof(rest), "/%d/%s/%d", flags_need_int(f, "--gid"), flags_need(f, "--addr"),
		 flags_given(f, "--enable"));
	act(p, "replica-groups", "group/replica-groups", rest);
}

static void resync_group(const struct peer *p, const struct flags *f)
{
	JSON_CLEANUP cJSON *stats = NULL;
	const cJSON *g;
	char rest[32];

	if (!flags_given(f, "--all")) {
		snprintf(rest, sizeof(rest), "/%d", flags_need_int(f, "--gid"));
		act(p, "resync-group", "group/resync", rest);
		return;
	}
	stats = stats_of(p);
	cJSON_ArrayForEach(g, json_get(stats, "group", "models", NULL)) {
		snprintf(rest, sizeof(rest), "/%d", (int)json_int(0, g, "id", NULL));
		act(p, "resync-group", "group/resync", rest);
	}
}

static bool is_meant(const struct flags *f, const cJSON *proxy)
{
	const char *token = flags_value(f, "--token"), *addr = flags_value(f, "--addr");

	if (flags_given(f, "--all"))
		return true;
	if (token)
		return strcmp(json_str(proxy, "token", NULL), token) == 0;
	if (addr)
		return strcmp(json_str(proxy, "admin_addr", NULL), addr) == 0;
	return json_int(0, proxy, "id", NULL) == flags_need_int(f, "--pid");
}

/* remove or reinit, by address, token or id; who is not there is an error unless --force. */
static void on_proxies(const struct peer *p, const struct flags *f, const char *what, const char *action,
		       bool with_force)
{
	JSON_CLEANUP cJSON *stats = stats_of(p);
	const cJSON *x;
	char rest[200];
	int n = 0;

	cJSON_ArrayForEach(x, json_get(stats, "proxy", "models", NULL)) {
		if (!is_meant(f, x))
			continue;
		snprintf(rest, sizeof(rest), "/%s", json_str(x, "token", NULL));
		if (with_force)
			snprintf(rest + strlen(rest), 4, "/%d", flags_given(f, "--force"));
		if (flags_given(f, "--all"))
			printf("reinit proxy: %s\n", json_str(x, "token", NULL));
		act(p, what, action, rest);
		n++;
	}
	if (!n && flags_value(f, "--token")) {
		snprintf(rest, sizeof(rest), "/%s", flags_value(f, "--token"));
		if (with_force)
			snprintf(rest + strlen(rest), 4, "/%d", flags_given(f, "--force"));
		act(p, what, action, rest);
	} else if (!n && !flags_given(f, "--force") && !flags_given(f, "--all")) {
		golog_panic("can't find specific proxy");
	}
}

static void slots_assign(const struct peer *p, const struct flags *f)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateArray();
	bool offline = flags_given(f, "--offline");
	int beg = flags_need_int(f, "--beg"), end = flags_need_int(f, "--end");
	int gid = offline ? 0 : flags_need_int(f, "--gid");

	for (int i = beg; i <= end; i++) {
		struct slot_map m = { .id = i, .group = gid };

		json_push(body, slot_map_json(&m));
	}
	if (flags_given(f, "--confirm"))
		cJSON_Delete(put(p, "slots-assign", "slots/assign", offline ? "/offline" : "", body));
	else
		print_json(body);
}

/* The plan as ranges of slots that go to one group. */
static void rebalance(const struct peer *p, const struct flags *f)
{
	JSON_CLEANUP cJSON *plan =
		put(p, "slot-rebalance", "slots/rebalance", flags_given(f, "--confirm") ? "/1" : "/0", NULL);
	int beg = -1, gid = 0;
	char name[16];

	if (!cJSON_GetArraySize(plan)) {
		puts("nothing changes");
		return;
	}
	for (int i = 0; i <= MAX_SLOTS; i++) {
		snprintf(name, sizeof(name), "%d", i);
		int to = (int)json_int(0, plan, name, NULL);

		if (beg >= 0 && to != gid) {
			printf("[%04d,%04d] => %d\n", beg, i - 1, gid);
			beg = -1;
		}
		if (beg < 0 && to) {
			beg = i;
			gid = to;
		}
	}
	puts("done");
}

static void slots_status(const struct peer *p)
{
	JSON_CLEANUP cJSON *slots = NULL;
	char path[128];

	snprintf(path, sizeof(path), "%s/slots/%s", p->api, p->xauth);
	slots = get(p, path, "slots");
	print_json(slots);
}

static const char *mark_of(const cJSON *entry)
{
	if (!entry)
		return "[?]";
	if (json_get(entry, "error", NULL))
		return "[E]";
	if (json_bool(false, entry, "timeout", NULL) || !json_get(entry, "stats", NULL))
		return "[T]";
	return NULL;
}

static void print_server(const cJSON *stats, const cJSON *g, int i, const cJSON *s)
{
	const char *addr = json_str(s, "server", NULL), *mark, *of;
	const cJSON *entry = cJSON_GetObjectItemCaseSensitive(json_get(stats, "group", "stats", NULL), addr);
	const char *first = json_str(cJSON_GetArrayItem(json_get(g, "servers", NULL), 0), "server", NULL);
	char master[256] = "NO:ONE", expect[256] = "NO:ONE";
	int gid = (int)json_int(0, g, "id", NULL);

	mark = mark_of(entry);
	if (mark) {
		printf("%s group-%d [%d] %s\n", mark, gid, i, addr);
		return;
	}
	of = json_str(entry, "stats", "master_addr", NULL);
	if (of)
		snprintf(master, sizeof(master), "%s:%s", of, json_str(entry, "stats", "master_link_status", NULL));
	if (i)
		snprintf(expect, sizeof(expect), "%s:up", first);
	printf("%s group-%d [%d] %s      ==> %s\n", strcmp(master, expect) == 0 ? "[ ]" : "[X]", gid, i, addr, master);
}

static void group_status(const struct peer *p)
{
	JSON_CLEANUP cJSON *stats = stats_of(p);
	const cJSON *g, *s;

	cJSON_ArrayForEach(g, json_get(stats, "group", "models", NULL)) {
		int i = 0;

		cJSON_ArrayForEach(s, json_get(g, "servers", NULL))
			print_server(stats, g, i++, s);
	}
}

static void proxy_status(const struct peer *p)
{
	JSON_CLEANUP cJSON *stats = stats_of(p);
	const cJSON *x;

	cJSON_ArrayForEach(x, json_get(stats, "proxy", "models", NULL)) {
		const char *token = json_str(x, "token", NULL);
		const char *mark =
			mark_of(cJSON_GetObjectItemCaseSensitive(json_get(stats, "proxy", "stats", NULL), token));

		printf("%s proxy-%d [T] %s [A] %s [P] %s\n", mark ? mark : "[ ]", (int)json_int(0, x, "id", NULL),
		       token, json_str(x, "admin_addr", NULL), json_str(x, "proxy_addr", NULL));
	}
}

static void overview(const struct peer *p, const struct flags *f, const char *path)
{
	static const char *const parts[] = { "config", "model", "stats" };
	JSON_CLEANUP cJSON *o = get(p, path, "overview");
	const cJSON *shown = o;
	bool dashboard = strcmp(p->kind, "dashboard") == 0;

	for (size_t i = 0; i < 3; i++)
		if (flags_word(f, parts[i]))
			shown = json_get(o, parts[i], NULL);
	if (flags_word(f, "slots"))
		shown = dashboard ? json_get(o, "stats", "slots", NULL) : json_get(o, "slots", NULL);
	if (dashboard && flags_word(f, "group"))
		shown = json_get(o, "stats", "group", NULL);
	if (dashboard && flags_word(f, "proxy"))
		shown = json_get(o, "stats", "proxy", NULL);
	if (flags_given(f, "--list-group"))
		shown = json_get(o, "stats", "group", "models", NULL);
	if (flags_given(f, "--list-proxy"))
		shown = json_get(o, "stats", "proxy", "models", NULL);
	print_json(shown);
}

static void on_dashboard(const struct flags *f)
{
	struct peer p = { .kind = "dashboard", .addr = flags_need(f, "--dashboard"), .api = "/api/topom" };

	connect_peer(&p, "");
	if (flags_given(f, "--slots-assign"))
		slots_assign(&p, f);
	else if (flags_given(f, "--slots-status"))
		slots_status(&p);
	else if (flags_given(f, "--group-add"))
		group_add(&p, f);
	else if (flags_given(f, "--group-status"))
		group_status(&p);
	else if (flags_given(f, "--proxy-status"))
		proxy_status(&p);
	else if (flags_given(f, "--replica-groups"))
		replica_groups(&p, f);
	else if (flags_given(f, "--resync-group"))
		resync_group(&p, f);
	else if (flags_given(f, "--remove-proxy"))
		on_proxies(&p, f, "remove-proxy", "proxy/remove", true);
	else if (flags_given(f, "--reinit-proxy"))
		on_proxies(&p, f, "reinit-proxy", "proxy/reinit", false);
	else if (flags_given(f, "--rebalance"))
		rebalance(&p, f);
	else if (!run_verb(&p, f))
		overview(&p, f, "/topom");
	else if (flags_given(f, "--promote-server"))
		group_status(&p);
}

/* --- a proxy ------------------------------------------------------------------------------------------------------ */

static cJSON *read_slots(const char *path, bool locked)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8 << 20);
	FILE *f = fopen(path, "re");
	char part[4096];
	cJSON *slots, *one;
	size_t n;

	while (f && (n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&text, part, n);
	if (f)
		fclose(f);
	slots = json_parse(text.data, text.len, JSON_ITEMS, NULL);
	if (!cJSON_IsArray(slots))
		golog_panic("decode slots from json failed: %s", path);
	cJSON_ArrayForEach(one, slots) {
		if (!locked)
			continue;
		cJSON_DeleteItemFromObjectCaseSensitive(one, "locked");
		json_add_bool(one, "locked", true);
	}
	return slots;
}

static void on_proxy(const struct flags *f)
{
	static const char *const plain[][2] = { { "--start", "start" },
						{ "--shutdown", "shutdown" },
						{ "--reset-stats", "stats/reset" },
						{ "--forcegc", "forcegc" } };
	struct peer p = { .kind = "proxy", .addr = flags_need(f, "--proxy"), .api = "/api/proxy" };
	const char *auth = flags_value(f, "--auth");
	JSON_CLEANUP cJSON *slots = NULL;
	char rest[64];

	for (size_t i = 0; i < 4; i++) {
		if (!flags_given(f, plain[i][0]))
			continue;
		connect_peer(&p, auth ? auth : "");
		act(&p, plain[i][1], plain[i][1], "");
		return;
	}
	if (flags_given(f, "--fillslots")) {
		connect_peer(&p, auth ? auth : "");
		slots = read_slots(flags_need(f, "--fillslots"), flags_given(f, "--locked"));
		cJSON_Delete(put(&p, "fillslots", "fillslots", "", slots));
	} else if (flags_given(f, "--log-level")) {
		connect_peer(&p, auth ? auth : "");
		snprintf(rest, sizeof(rest), "/%.60s", flags_need(f, "--log-level"));
		act(&p, "loglevel", "loglevel", rest);
	} else {
		overview(&p, f, "/proxy");
	}
}

/* --- the coordinator ---------------------------------------------------------------------------------------------- */

static struct zk *open_coordinator(const struct flags *f)
{
	const char *addr = flags_value(f, "--zookeeper");
	struct error err = ERROR_INIT;
	struct zk *zk;

	if (!addr)
		flags_usage(usage);
	zk = zk_open(addr, SESSION_MS, &err);
	if (!zk)
		golog_panic("create 'zookeeper' client to '%s' failed\n[error]: %s", addr, err.text);
	return zk;
}

static cJSON *read_json(struct zk *zk, const char *path)
{
	BUF_CLEANUP struct buf text = BUF_INIT(NODE_MAX);
	struct error err = ERROR_INIT;
	int rc = zk_read(zk, path, false, &text, &err);

	if (rc < 0)
		golog_panic("read %s failed\n[error]: %s", path, err.text);
	return rc ? json_parse(text.data, text.len, JSON_ITEMS, NULL) : NULL;
}

static void dashboard_list(struct zk *zk)
{
	char(*names)[128] NAMES_CLEANUP = NULL;
	JSON_CLEANUP cJSON *list = cJSON_CreateArray();
	struct error err = ERROR_INIT;
	int n = zk_list(zk, "/codis3", &names, &err);
	char path[256];

	if (n < 0)
		golog_panic("list products failed\n[error]: %s", err.text);
	for (int i = 0; i < n; i++) {
		JSON_CLEANUP cJSON *topom = NULL;
		cJSON *one = cJSON_CreateObject();

		snprintf(path, sizeof(path), "/codis3/%s/topom", names[i]);
		topom = read_json(zk, path);
		json_add_str(one, "name", names[i]);
		json_add_str(one, "dashboard",
			     json_str(topom, "admin_addr", NULL) ? json_str(topom, "admin_addr", NULL) : "");
		json_push(list, one);
	}
	print_json(list);
}

static void remove_lock(struct zk *zk, const char *product)
{
	struct error err = ERROR_INIT;
	char path[256];

	snprintf(path, sizeof(path), "/codis3/%s/topom", product);
	if (zk_delete(zk, path, &err) < 0)
		golog_panic("force remove-lock failed\n[error]: %s", err.text);
}

/* Children of a folder, each as kind makes it. */
static void dump_folder(struct zk *zk, const char *product, const char *folder, cJSON *out)
{
	char(*names)[128] NAMES_CLEANUP = NULL;
	char path[512];
	int n;

	snprintf(path, sizeof(path), "/codis3/%s/%s", product, folder);
	n = zk_list(zk, path, &names, NULL);
	if (n <= 0)
		return;
	cJSON *array = json_add_array(out, folder);

	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "/codis3/%s/%s/%s", product, folder, names[i]);
		cJSON *one = read_json(zk, path);

		if (one)
			json_push(array, one);
	}
}

static void config_dump(struct zk *zk, const char *product)
{
	JSON_CLEANUP cJSON *out = cJSON_CreateObject();
	cJSON *slots = json_add_array(out, "slots");
	char path[256];

	for (int i = 0; i < MAX_SLOTS; i++) {
		JSON_CLEANUP cJSON *json = NULL;
		struct slot_map m = { .id = i };

		snprintf(path, sizeof(path), "/codis3/%s/slots/slot-%04d", product, i);
		json = read_json(zk, path);
		if (json)
			slot_map_parse(json, &m);
		json_push(slots, slot_map_json(&m));
	}
	dump_folder(zk, product, "group", out);
	dump_folder(zk, product, "proxy", out);
	if (!json_get(out, "group", NULL) && !json_get(out, "proxy", NULL))
		golog_panic("cann't find product = %s [v3]", product);
	print_json(out);
}

static void on_coordinator(const struct flags *f)
{
	bool list = flags_given(f, "--dashboard-list"), lock = flags_given(f, "--remove-lock"),
	     dump = flags_given(f, "--config-dump");
	const char *product = flags_value(f, "--product");
	struct zk *zk;

	if (!list && ((!lock && !dump) || !product))
		flags_usage(usage);
	zk = open_coordinator(f);
	if (list)
		dashboard_list(zk);
	else if (lock)
		remove_lock(zk, product);
	else
		config_dump(zk, product);
	zk_close(zk);
}

/* clang-format off */
#define WORD(name)	  { name, NULL, false, NULL, false }
#define VALUE(name)	  { name, NULL, true, NULL, false }
#define BRIEF(name, with) { name, with, true, NULL, false }
/* clang-format on */

int admin_main(int argc, char **argv)
{
	/* clang-format off */
	struct flag table[] = {
		{ "--verbose", "-v", false, NULL, false }, VALUE("--proxy"), VALUE("--dashboard"),
		BRIEF("--auth", "-a"), BRIEF("--addr", "-x"), BRIEF("--token", "-t"), BRIEF("--gid", "-g"),
		WORD("--start"), WORD("--shutdown"), VALUE("--log-level"), VALUE("--fillslots"), WORD("--locked"),
		WORD("--reset-stats"), WORD("--forcegc"), WORD("--reload"), WORD("--slots-assign"), VALUE("--beg"),
		VALUE("--end"), WORD("--offline"), WORD("--confirm"), WORD("--slots-status"), WORD("--list-proxy"),
		WORD("--create-proxy"), WORD("--online-proxy"), WORD("--remove-proxy"), VALUE("--pid"),
		WORD("--force"), WORD("--reinit-proxy"), WORD("--all"), WORD("--proxy-status"), WORD("--list-group"),
		WORD("--create-group"), WORD("--remove-group"), WORD("--resync-group"), WORD("--group-add"),
		VALUE("--datacenter"), WORD("--group-del"), WORD("--group-status"), WORD("--replica-groups"),
		WORD("--enable"), WORD("--disable"), WORD("--promote-server"), WORD("--sync-action"),
		WORD("--create"), WORD("--remove"), WORD("--slot-action"), VALUE("--sid"), WORD("--create-some"),
		VALUE("--gid-from"), VALUE("--gid-to"), VALUE("--num-slots"), WORD("--create-range"),
		VALUE("--interval"), VALUE("--disabled"), WORD("--rebalance"), WORD("--remove-lock"),
		VALUE("--product"), VALUE("--zookeeper"), VALUE("--zookeeper-auth"), WORD("--config-dump"),
		WORD("--dashboard-list"),
		{ .name = NULL },
	};
	/* clang-format on */
	struct flags f = { .table = table };

	flags_parse(&f, usage, argc, argv);
	if (flags_given(&f, "--proxy"))
		on_proxy(&f);
	else if (flags_given(&f, "--dashboard"))
		on_dashboard(&f);
	else
		on_coordinator(&f);
	return 0;
}
