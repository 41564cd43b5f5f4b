#include "common/codis/topology.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

static const char *const component_names[] = {
	[CODIS_NONE] = "",
	[CODIS_SERVER] = "codis-server",
	[CODIS_PROXY] = "codis-proxy",
	[CODIS_DASHBOARD] = "codis-dashboard",
	[CODIS_HA] = "codis-ha",
	[CODIS_FE] = "codis-fe",
	[CODIS_ZOOKEEPER] = "zookeeper",
};

const char *codis_component_name(enum codis_component c)
{
	return component_names[c];
}

enum codis_component codis_component_parse(const char *name)
{
	for (int c = CODIS_SERVER; name && c <= CODIS_ZOOKEEPER; c++) {
		if (strcmp(name, component_names[c]) == 0)
			return (enum codis_component)c;
	}
	/* Stock manifests call ZooKeeper's members either way. */
	return name && strcmp(name, "zk") == 0 ? CODIS_ZOOKEEPER : CODIS_NONE;
}

static const char *const role_names[] = {
	[CODIS_ROLE_UNSAID] = "",
	[CODIS_ROLE_MASTER] = "master",
	[CODIS_ROLE_REPLICA] = "replica",
};

const char *codis_role_name(enum codis_role role)
{
	return role_names[role];
}

enum codis_role codis_role_parse(const char *name)
{
	for (int r = CODIS_ROLE_MASTER; name && r <= CODIS_ROLE_REPLICA; r++) {
		if (strcmp(name, role_names[r]) == 0)
			return (enum codis_role)r;
	}
	return CODIS_ROLE_UNSAID;
}

static bool is_alnum(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* As the API server checks label values; an empty one would be a label, but no product. */
static bool is_label_value(const char *value, size_t len)
{
	if (len == 0 || len >= CODIS_PRODUCT_MAX || !is_alnum(value[0]) || !is_alnum(value[len - 1]))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!is_alnum(value[i]) && value[i] != '-' && value[i] != '_' && value[i] != '.')
			return false;
	}
	return true;
}

int codis_product_check(const char *text, struct error *err)
{
	if (is_label_value(text, strlen(text)))
		return 0;
	return error_set(err, ERR_INVALID,
			 "product \"%.80s\" is no label value: use 1 to %d letters, digits, '-', '_' or '.', a letter "
			 "or digit first and last",
			 text, CODIS_PRODUCT_MAX - 1);
}

/* As the API server checks the keys of labels: a name of 63, perhaps behind a domain and "/". */
bool codis_is_label_key(const char *key)
{
	const char *slash = strchr(key, '/'), *name = slash ? slash + 1 : key;
	size_t domain = slash ? (size_t)(slash - key) : 0;

	if (slash && (domain == 0 || domain > 253 || strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789-.") != domain ||
		      strchr("-.", key[0]) || strchr("-.", slash[-1])))
		return false;
	return is_label_value(name, strlen(name));
}

int codis_server_replica_parse(const char *text, int *replica, struct error *err)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || n < 1 || n > 64)
		return error_set(err, ERR_INVALID,
				 "SERVER_REPLICA is \"%.40s\": it must be a whole number from 1 to 64", text);
	*replica = (int)n;
	return 0;
}

int codis_ordinal(const char *pod_name, const char *owner)
{
	const char *dash = pod_name ? strrchr(pod_name, '-') : NULL;
	size_t stem;
	long n;

	if (!dash || !dash[1] || strspn(dash + 1, "0123456789") != strlen(dash + 1) || strlen(dash + 1) > 9)
		return -1;
	stem = (size_t)(dash - pod_name);
	if (owner && (strlen(owner) != stem || memcmp(pod_name, owner, stem) != 0))
		return -1;
	n = strtol(dash + 1, NULL, 10);
	return n <= INT_MAX ? (int)n : -1;
}

int codis_group_of(int ordinal, int server_replica)
{
	return ordinal / server_replica + 1;
}

int codis_rank_of(int group, int ordinal, int server_replica)
{
	if (group <= 0)
		return -1;
	return server_replica > 0 && codis_group_of(ordinal, server_replica) == group ? ordinal % server_replica
										      : ordinal;
}

int codis_gid_parse(const char *text, int *group, struct error *err)
{
	size_t len = strspn(text, "0123456789");
	long n = len > 0 && len < 6 && !text[len] ? strtol(text, NULL, 10) : 0;

	if (n < 1 || n > CODIS_GROUP_MAX)
		return error_set(err, ERR_INVALID,
				 "label " CODIS_LABEL_GROUP
				 " is \"%.40s\": it must be a whole number from 1 to %d, the "
				 "group of all pods of the StatefulSet; without it their numbers say it",
				 text, CODIS_GROUP_MAX);
	if (text[0] == '0') /* a label is compared as text */
		return error_set(err, ERR_INVALID, "label " CODIS_LABEL_GROUP " is \"%.40s\": write \"%ld\"", text, n);
	*group = (int)n;
	return 0;
}

bool codis_shape_groups(const struct codis_shape *s, int *first, int *last)
{
	if (s->replicas <= 0 || (!s->group && s->server_replica <= 0))
		return false;
	*first = s->group ? s->group : codis_group_of(s->start, s->server_replica);
	*last = s->group ? s->group : (int)(((int64_t)s->start + s->replicas - 1) / s->server_replica + 1);
	return true;
}

bool codis_shape_makes(const struct codis_shape *s, int gid)
{
	int first, last;

	return codis_shape_groups(s, &first, &last) && gid >= first && gid <= last;
}

int codis_shape_begins(const struct codis_shape *s)
{
	return s->server_replica > 0 ? codis_group_of(s->start, s->server_replica) : 1;
}

static int64_t ends_with(const struct codis_shape *s)
{
	return ((int64_t)s->start + (s->replicas > 1 ? s->replicas : 1) - 1) / s->server_replica + 1;
}

bool codis_shapes_meet(const struct codis_shape *a, const struct codis_shape *b)
{
	if (a->server_replica <= 0 || b->server_replica <= 0)
		return true;
	return codis_shape_begins(a) <= ends_with(b) && codis_shape_begins(b) <= ends_with(a);
}

static int within(int64_t n, int64_t low, int64_t high)
{
	return (int)(n < low ? low : n > high ? high : n);
}

void codis_shape_members(const struct codis_shape *s, int gid, int *first, int *end)
{
	int64_t low = s->start, high = low + s->replicas;

	*first = *end = s->start;
	if (!codis_shape_makes(s, gid))
		return;
	if (high > INT_MAX)
		high = INT_MAX;
	*first = s->group ? s->start : within((int64_t)(gid - 1) * s->server_replica, low, high);
	*end = s->group ? (int)high : within((int64_t)gid * s->server_replica, low, high);
}

int codis_set_of_group(int gid, int count, const struct codis_shape *(*shape_at)(const void *sets, int i),
		       const void *sets)
{
	int low = 0, high = count;

	while (low < high) {
		int mid = low + (high - low) / 2, group = shape_at(sets, mid)->group;

		if (group == gid)
			return mid;
		if (group < gid)
			low = mid + 1;
		else
			high = mid;
	}
	low = 0;
	while (low + 1 < count && !shape_at(sets, low + 1)->group && codis_shape_begins(shape_at(sets, low + 1)) <= gid)
		low++;
	return count > 0 ? low : -1;
}

bool codis_replicas_fit(int replicas, int server_replica, char *sentence, size_t size)
{
	long long below = (long long)(replicas / server_replica) * server_replica;

	if (replicas % server_replica == 0)
		return true;
	if (below + server_replica > INT32_MAX)
		snprintf(sentence, size, "SERVER_REPLICA is %d, so replicas has to be a multiple of %d: %lld, not %d",
			 server_replica, server_replica, below, replicas);
	else
		snprintf(sentence, size,
			 "SERVER_REPLICA is %d, so replicas has to be a multiple of %d: %lld or %lld, not %d",
			 server_replica, server_replica, below, below + server_replica, replicas);
	return false;
}
