#include "tests/codis-sim/model.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "common/base/json.h"
#include "tests/codis-sim/gojson.h"

bool action_is(const struct action *a, const char *state)
{
	return strcmp(a->state, state) == 0;
}

void action_set(struct action *a, int index, const char *state)
{
	a->index = index;
	snprintf(a->state, sizeof(a->state), "%s", state);
}

static void action_json(cJSON *parent, const char *name, const struct action *a)
{
	cJSON *o = json_add_object(parent, name);

	gojson_int_unless_zero(o, "index", a->index);
	gojson_str_unless_empty(o, "state", a->state);
	gojson_int_unless_zero(o, "target_id", a->target);
}

static void action_parse(const cJSON *parent, const char *name, struct action *a)
{
	const cJSON *o = json_get(parent, name, NULL);

	a->index = (int)json_int(0, o, "index", NULL);
	a->target = (int)json_int(0, o, "target_id", NULL);
	gojson_copy(o, "state", a->state, sizeof(a->state));
}

cJSON *slot_map_json(const struct slot_map *m)
{
	cJSON *o = cJSON_CreateObject();

	json_add_int(o, "id", m->id);
	json_add_int(o, "group_id", m->group);
	action_json(o, "action", &m->action);
	return o;
}

void slot_map_parse(const cJSON *json, struct slot_map *m)
{
	m->id = (int)json_int(0, json, "id", NULL);
	m->group = (int)json_int(0, json, "group_id", NULL);
	action_parse(json, "action", &m->action);
}

cJSON *group_json(const struct group *g)
{
	cJSON *o = cJSON_CreateObject(), *servers;

	json_add_int(o, "id", g->id);
	servers = json_add_array(o, "servers");
	for (int i = 0; i < g->count; i++) {
		const struct server *s = &g->servers[i];
		cJSON *one = cJSON_CreateObject();

		json_add_str(one, "server", s->addr);
		json_add_str(one, "datacenter", s->datacenter);
		action_json(one, "action", &s->action);
		json_add_bool(one, "replica_group", s->replica_group);
		json_push(servers, one);
	}
	action_json(o, "promoting", &g->promoting);
	json_add_bool(o, "out_of_sync", g->out_of_sync);
	return o;
}

void group_parse(const cJSON *json, struct group *g)
{
	const cJSON *one;

	memset(g, 0, sizeof(*g));
	g->id = (int)json_int(0, json, "id", NULL);
	cJSON_ArrayForEach(one, json_get(json, "servers", NULL)) {
		struct server *s = &g->servers[g->count];

		if (g->count == MAX_SERVERS)
			break;
		gojson_copy(one, "server", s->addr, sizeof(s->addr));
		gojson_copy(one, "datacenter", s->datacenter, sizeof(s->datacenter));
		action_parse(one, "action", &s->action);
		s->replica_group = json_bool(false, one, "replica_group", NULL);
		g->count++;
	}
	action_parse(json, "promoting", &g->promoting);
	g->out_of_sync = json_bool(false, json, "out_of_sync", NULL);
}

cJSON *model_json(const struct model *m, bool proxy)
{
	cJSON *o = cJSON_CreateObject();

	gojson_int_unless_zero(o, "id", m->id);
	json_add_str(o, "token", m->token);
	json_add_str(o, "start_time", m->start_time);
	json_add_str(o, "admin_addr", m->admin_addr);
	if (proxy) {
		json_add_str(o, "proto_type", m->proto_type);
		json_add_str(o, "proxy_addr", m->proxy_addr);
		gojson_str_unless_empty(o, "jodis_path", m->jodis_path);
	}
	json_add_str(o, "product_name", m->product);
	json_add_int(o, "pid", m->pid);
	json_add_str(o, "pwd", m->pwd);
	json_add_str(o, "sys", m->sys);
	if (proxy) {
		json_add_str(o, "hostname", m->hostname);
		json_add_str(o, "datacenter", m->datacenter);
	}
	return o;
}

void model_parse(const cJSON *json, struct model *m)
{
	memset(m, 0, sizeof(*m));
	m->id = (int)json_int(0, json, "id", NULL);
	gojson_copy(json, "token", m->token, sizeof(m->token));
	gojson_copy(json, "start_time", m->start_time, sizeof(m->start_time));
	gojson_copy(json, "admin_addr", m->admin_addr, sizeof(m->admin_addr));
	gojson_copy(json, "proto_type", m->proto_type, sizeof(m->proto_type));
	gojson_copy(json, "proxy_addr", m->proxy_addr, sizeof(m->proxy_addr));
	gojson_copy(json, "jodis_path", m->jodis_path, sizeof(m->jodis_path));
	gojson_copy(json, "product_name", m->product, sizeof(m->product));
	m->pid = (int)json_int(0, json, "pid", NULL);
	gojson_copy(json, "pwd", m->pwd, sizeof(m->pwd));
	gojson_copy(json, "sys", m->sys, sizeof(m->sys));
	gojson_copy(json, "hostname", m->hostname, sizeof(m->hostname));
	gojson_copy(json, "datacenter", m->datacenter, sizeof(m->datacenter));
}

void slot_release(struct slot *s)
{
	free(s->groups);
	s->groups = NULL;
	s->n_groups = 0;
}

cJSON *slot_json(const struct slot *s)
{
	cJSON *o = cJSON_CreateObject(), *outer, *inner;

	json_add_int(o, "id", s->id);
	gojson_true_only(o, "locked", s->locked);
	gojson_str_unless_empty(o, "backend_addr", s->backend);
	gojson_int_unless_zero(o, "backend_addr_group_id", s->backend_group);
	gojson_str_unless_empty(o, "migrate_from", s->migrate);
	gojson_int_unless_zero(o, "migrate_from_group_id", s->migrate_group);
	gojson_int_unless_zero(o, "forward_method", s->method);
	if (!s->n_groups)
		return o;
	outer = json_add_array(o, "replica_groups");
	for (int i = 0; i < s->n_groups; i++) {
		inner = cJSON_CreateArray();
		for (int k = 0; k < s->groups[i].count; k++)
			json_push(inner, cJSON_CreateString(s->groups[i].addrs[k]));
		json_push(outer, inner);
	}
	return o;
}

static void parse_groups(const cJSON *outer, struct slot *s)
{
	const cJSON *inner, *addr;

	if (!cJSON_GetArraySize(outer))
		return;
	s->groups = calloc(3, sizeof(*s->groups));
	cJSON_ArrayForEach(inner, outer) {
		if (!s->groups || s->n_groups == 3 || !cJSON_GetArraySize(inner))
			continue;
		cJSON_ArrayForEach(addr, inner)
			if (cJSON_IsString(addr) && s->groups[s->n_groups].count < MAX_SERVERS)
				snprintf(s->groups[s->n_groups].addrs[s->groups[s->n_groups].count++], ADDR_SIZE, "%s",
					 addr->valuestring);
		s->n_groups++;
	}
}

static bool is_of_type(const cJSON *o, const char *name, int types)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return !v || (v->type & types);
}

bool slot_parse(const cJSON *json, struct slot *s)
{
	memset(s, 0, sizeof(*s));
	if (!cJSON_IsObject(json) || !is_of_type(json, "id", cJSON_Number) ||
	    !is_of_type(json, "locked", cJSON_True | cJSON_False) || !is_of_type(json, "backend_addr", cJSON_String) ||
	    !is_of_type(json, "forward_method", cJSON_Number))
		return false;
	s->id = (int)json_int(0, json, "id", NULL);
	s->locked = json_bool(false, json, "locked", NULL);
	gojson_copy(json, "backend_addr", s->backend, sizeof(s->backend));
	s->backend_group = (int)json_int(0, json, "backend_addr_group_id", NULL);
	gojson_copy(json, "migrate_from", s->migrate, sizeof(s->migrate));
	s->migrate_group = (int)json_int(0, json, "migrate_from_group_id", NULL);
	s->method = (int)json_int(0, json, "forward_method", NULL);
	parse_groups(json_get(json, "replica_groups", NULL), s);
	return true;
}

void model_fill(struct model *m)
{
	struct timespec now;
	struct utsname u;
	char stamp[32], zone[32];
	struct tm tm;

	/* Go prints a time in the zone of TZ. */
	clock_gettime(CLOCK_REALTIME, &now);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", localtime_r(&now.tv_sec, &tm));
	strftime(zone, sizeof(zone), "%z %Z", &tm);
	snprintf(m->start_time, sizeof(m->start_time), "%s.%09ld %s m=+0.005000000", stamp, now.tv_nsec, zone);
	m->pid = (int)getpid();
	if (!getcwd(m->pwd, sizeof(m->pwd)))
		m->pwd[0] = '\0';
	if (uname(&u) == 0)
		snprintf(m->sys, sizeof(m->sys), "%s %s %s %s %s GNU/Linux", u.sysname, u.nodename, u.release,
			 u.version, u.machine);
	if (gethostname(m->hostname, sizeof(m->hostname)) < 0)
		m->hostname[0] = '\0';
	m->hostname[sizeof(m->hostname) - 1] = '\0';
}

static void first_address(char *out, size_t size)
{
	struct ifaddrs *all = NULL;

	snprintf(out, size, "127.0.0.1");
	if (getifaddrs(&all) < 0)
		return;
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET || (i->ifa_flags & IFF_LOOPBACK))
			continue;
		getnameinfo(i->ifa_addr, sizeof(struct sockaddr_in), out, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
		break;
	}
	freeifaddrs(all);
}

void model_address(const char *listen, const char *host, char out[ADDR_SIZE])
{
	char ip[64];

	if (host && *host) {
		snprintf(out, ADDR_SIZE, "%s", host);
	} else if (strncmp(listen, "0.0.0.0:", 8) == 0 || *listen == ':') {
		first_address(ip, sizeof(ip));
		snprintf(out, ADDR_SIZE, "%s%s", ip, strrchr(listen, ':'));
	} else {
		snprintf(out, ADDR_SIZE, "%s", listen);
	}
}
