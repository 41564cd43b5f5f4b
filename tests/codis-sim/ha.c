/* codis-ha: looks at the dashboard's stats every few seconds, and acts on them alone. What the dashboard has not asked
 * yet counts as dead to it, so it takes out what is well: that is why it is played. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/codis-sim/auth.h"
#include "tests/codis-sim/flags.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"
#include "tests/codis-sim/redis.h"
#include "tests/codis-sim/rpc.h"
#include "tests/codis-sim/version.h"

#define API         "/api/topom/"
#define INTERVAL    5
#define SHUTDOWN_MS 10000

static const char usage[] =
	"Usage:\n"
	"	codis-ha [--log=FILE] [--log-level=LEVEL] [--interval=SECONDS] --dashboard=ADDR [--no-maintains]\n"
	"	codis-ha  --version\n";

enum state { ALIVE, UNHEARD, WRONG, BROKEN }; /* no answer or none yet; of another master; its link is down */

struct ha {
	const char *dashboard, *auth;
	char xauth[XAUTH_SIZE];
	int interval;
	const cJSON *stats;
};

static bool put(const struct ha *ha, const char *path)
{
	struct error err = ERROR_INIT;

	if (rpc_call("PUT", ha->dashboard, path, NULL, RPC_TIMEOUT_MS, NULL, &err) == 0)
		return true;
	golog_error("call rpc %s to dashboard %s failed\n[error]: %s", path, ha->dashboard, err.text);
	return false;
}

static const cJSON *stats_of(const struct ha *ha, const char *kind, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json_get(ha->stats, kind, "stats", NULL), name);
}

static bool is_heard(const cJSON *entry)
{
	return entry && !json_get(entry, "error", NULL) && !json_bool(false, entry, "timeout", NULL) &&
	       json_get(entry, "stats", NULL);
}

static const char *addr_of(const cJSON *group, int index)
{
	return json_str(cJSON_GetArrayItem(json_get(group, "servers", NULL), index), "server", NULL);
}

static enum state server_state(const struct ha *ha, const cJSON *group, int index)
{
	const cJSON *entry = stats_of(ha, "group", addr_of(group, index));
	const char *master, *link;

	if (!is_heard(entry))
		return UNHEARD;
	master = json_str(entry, "stats", "master_addr", NULL);
	if (index == 0)
		return master && *master ? WRONG : ALIVE;
	link = json_str(entry, "stats", "master_link_status", NULL);
	if (!master || strcmp(master, addr_of(group, 0)) != 0 || !link)
		return WRONG;
	return strcmp(link, "up") == 0 ? ALIVE : strcmp(link, "down") == 0 ? BROKEN : WRONG;
}

/* One at a time; whether one was to be removed. */
static bool remove_a_proxy(const struct ha *ha)
{
	const cJSON *p;
	char path[200];

	cJSON_ArrayForEach(p, json_get(ha->stats, "proxy", "models", NULL)) {
		const char *token = json_str(p, "token", NULL);

		if (is_heard(stats_of(ha, "proxy", token)))
			continue;
		golog_warn("try to remove proxy-[%s]", json_str(p, "admin_addr", NULL));
		snprintf(path, sizeof(path), API "proxy/remove/%s/%s/1", ha->xauth, token);
		put(ha, path);
		return true;
	}
	return false;
}

static void shut_down(const struct ha *ha, const char *addr)
{
	struct error err = ERROR_INIT;
	REDIS_CLEANUP redisContext *c = redis_open(addr, ha->auth, SHUTDOWN_MS, &err);

	golog_warn("try to shutdown codis-server(slave) %s", addr);
	if (c)
		freeReplyObject(redisCommand(c, "SHUTDOWN"));
	else
		golog_warn("connect to codis-server(slave) %s failed\n[error]: %s", addr, err.text);
}

/* The same of replicas, until a group is met whose master is amiss. */
static bool remove_a_replica(const struct ha *ha)
{
	const cJSON *g;
	char path[300];

	cJSON_ArrayForEach(g, json_get(ha->stats, "group", "models", NULL)) {
		int n = cJSON_GetArraySize(json_get(g, "servers", NULL));

		if (n > 1 && server_state(ha, g, 0) != ALIVE)
			return false;
		for (int i = 1; i < n; i++) {
			enum state state = server_state(ha, g, i);

			if (state == ALIVE || state == BROKEN)
				continue;
			golog_warn("try to group-del-server to dashboard %s", addr_of(g, i));
			snprintf(path, sizeof(path), API "group/del/%s/%d/%s", ha->xauth,
				 (int)json_int(0, g, "id", NULL), addr_of(g, i));
			if (put(ha, path))
				shut_down(ha, addr_of(g, i));
			return true;
		}
	}
	return false;
}

/* Who lost its master last, and for not too long; else any that is no replica of it. 0: nobody. */
static int pick(const struct ha *ha, const cJSON *group, int n)
{
	long least = ha->interval * 10L + 1;
	int picked = 0, other = 0;

	for (int i = 1; i < n; i++) {
		const char *down = json_str(stats_of(ha, "group", addr_of(group, i)), "stats",
					    "master_link_down_since_seconds", NULL);
		long seconds = down ? strtol(down, NULL, 10) : -1;
		enum state state = server_state(ha, group, i);

		if (state == BROKEN && seconds >= 0 && seconds < least) {
			picked = i;
			least = seconds;
		} else if (state != UNHEARD && state != ALIVE && !other) {
			other = i;
		}
	}
	return picked ? picked : other;
}

static void promote(const struct ha *ha)
{
	const cJSON *g;
	char path[300];

	cJSON_ArrayForEach(g, json_get(ha->stats, "group", "models", NULL)) {
		int n = cJSON_GetArraySize(json_get(g, "servers", NULL)), to;
		const char *state = json_str(g, "promoting", "state", NULL);

		if (!n || server_state(ha, g, 0) != UNHEARD || (state && *state))
			continue;
		to = pick(ha, g, n);
		if (!to)
			continue;
		golog_warn("try to promote group-[%d] with slave %s", (int)json_int(0, g, "id", NULL), addr_of(g, to));
		snprintf(path, sizeof(path), API "group/promote/%s/%d/%s", ha->xauth, (int)json_int(0, g, "id", NULL),
			 addr_of(g, to));
		put(ha, path);
	}
}

static cJSON *ask(const struct ha *ha, const char *path)
{
	struct error err = ERROR_INIT;
	cJSON *answer = NULL;

	if (rpc_call("GET", ha->dashboard, path, NULL, RPC_TIMEOUT_MS, &answer, &err) < 0)
		golog_panic("rpc %s failed\n[error]: %s", path, err.text);
	return answer;
}

static void look(struct ha *ha, bool maintains)
{
	JSON_CLEANUP cJSON *stats = NULL;
	char path[100];

	snprintf(path, sizeof(path), API "stats/%s", ha->xauth);
	ha->stats = stats = ask(ha, path);
	if (maintains && !remove_a_proxy(ha) && !remove_a_replica(ha))
		promote(ha);
}

int ha_main(int argc, char **argv)
{
	struct flag table[] = {
		{ "--log", "-l", true, NULL, false },
		{ "--log-level", NULL, true, NULL, false },
		{ "--interval", NULL, true, NULL, false },
		{ "--dashboard", NULL, true, NULL, false },
		{ "--no-maintains", NULL, false, NULL, false },
		{ "--version", NULL, false, NULL, false },
		{ .name = NULL },
	};
	struct flags f = { .table = table };
	JSON_CLEANUP cJSON *overview = NULL;
	struct ha ha = { .interval = INTERVAL };
	const char *product;

	flags_parse(&f, usage, argc, argv);
	if (flags_given(&f, "--version")) {
		printf("version: %s\ncompile: %s\n", SIM_VERSION, SIM_COMPILE);
		return 0;
	}
	if (flags_value(&f, "--log"))
		golog_open(flags_value(&f, "--log"));
	if (flags_given(&f, "--interval"))
		ha.interval = flags_need_int(&f, "--interval");
	if (ha.interval <= 0)
		golog_panic("option --interval = %d", ha.interval);
	ha.dashboard = flags_need(&f, "--dashboard");
	overview = ask(&ha, "/topom");
	product = json_str(overview, "config", "product_name", NULL);
	ha.auth = json_str(overview, "config", "product_auth", NULL);
	auth_xauth(ha.xauth, 1, &product);
	for (;; sleep((unsigned)ha.interval))
		look(&ha, !flags_given(&f, "--no-maintains"));
}
