#include "webhook/zookeepers.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define HOST_MAX     256 /* longer than any name (RFC 1035); one that is cut is none */
#define PORT         "2181"
#define STOCK_DOMAIN "cluster.local"

/* One meaning of a member. */
struct meaning {
	char pod[HOST_MAX];     /* of the service; "": all that are behind it */
	char service[HOST_MAX]; /* or another host */
	char namespace[HOST_MAX];
	char domain[HOST_MAX]; /* of the cluster; "": its own, the stock one too */
	bool sure;
};

struct member {
	char port[8];
	int count;
	struct meaning meanings[2];
};

/* --- a host ------------------------------------------------------------------------------------------------------- */

static void copy(char out[HOST_MAX], const char *from, size_t len)
{
	snprintf(out, HOST_MAX, "%.*s", (int)(len < HOST_MAX ? len : HOST_MAX - 1), from);
}

/* "zk-0" of "zk-0.zookeeper": a pod of a StatefulSet. The length of the StatefulSet's name, or 0. */
static size_t set_of_pod(const char *host)
{
	size_t label = strcspn(host, "."), digits = 0;

	while (digits < label && isdigit((unsigned char)host[label - digits - 1]))
		digits++;
	return digits > 0 && digits + 1 < label && host[label - digits - 1] == '-' ? label - digits - 1 : 0;
}

/* An address in the one way to write it. */
static bool is_ip(const char *host, char out[HOST_MAX])
{
	unsigned char bytes[16];
	int family = inet_pton(AF_INET, host, bytes) == 1    ? AF_INET
		     : inet_pton(AF_INET6, host, bytes) == 1 ? AF_INET6
							     : 0;

	return family && inet_ntop(family, bytes, out, HOST_MAX);
}

/* A pod's own. */
static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

/* Cuts "svc" and what is behind it, the cluster's domain, off the labels; false: it has none. */
static bool cut_domain(char *host, char domain[HOST_MAX])
{
	char *at = strstr(host, ".svc.");
	size_t len = strlen(host);

	if (!at && len > 4 && strcmp(host + len - 4, ".svc") == 0)
		at = host + len - 4;
	if (!at)
		return false;
	copy(domain, at[4] ? at + 5 : "", strlen(at));
	if (strcmp(domain, STOCK_DOMAIN) == 0)
		domain[0] = '\0';
	*at = '\0';
	return true;
}

struct labels {
	int count;
	const char *at[4]; /* the last with all that is behind it */
};

static void split(const char *host, struct labels *l)
{
	const char *dot = host;

	for (l->count = 0; dot && l->count < 4; dot = strchr(dot, '.')) {
		dot += l->count > 0;
		l->at[l->count++] = dot;
	}
}

static struct meaning *add(struct member *m, const char *service, const char *namespace, bool sure)
{
	struct meaning *one = &m->meanings[m->count++];

	memset(one, 0, sizeof(*one));
	copy(one->service, service, namespace ? strcspn(service, ".") : strlen(service));
	copy(one->namespace, namespace ? namespace : "", namespace ? strlen(namespace) : 0);
	one->sure = sure;
	return one;
}

static void add_pod(struct member *m, const struct labels *l, const char *namespace, bool sure)
{
	struct meaning *one = add(m, l->at[1], namespace, sure);

	copy(one->pod, l->at[0], strcspn(l->at[0], "."));
}

/* "a.b" may be pod a of service b as well as service a of namespace b. What looks like a pod is none of a namespace
 * that nobody spoke of: each namespace may have its own zk-0.zookeeper. */
static void settle_two(const struct labels *l, const char *namespace, const char *other, struct member *m)
{
	bool pod = set_of_pod(l->at[0]) > 0, named = strcmp(l->at[1], namespace) == 0 || strcmp(l->at[1], other) == 0;

	add_pod(m, l, namespace, pod);
	if (!pod || named)
		add(m, l->at[0], l->at[1], !pod && named);
}

/* As a pod of the namespace resolves it: its search list has NAMESPACE.svc.DOMAIN, then svc.DOMAIN. */
static void settle_host(char *host, const char *namespace, const char *other, struct member *m)
{
	char domain[HOST_MAX] = "", address[HOST_MAX];
	bool in_cluster = cut_domain(host, domain);
	struct labels l;

	m->count = 0;
	split(host, &l);
	if (is_ip(host, address))
		add(m, is_loopback(address) ? "" : address, NULL, true);
	else if (!host[0])
		add(m, "", NULL, true);
	else if (in_cluster && l.count == 2)
		add(m, l.at[0], l.at[1], true);
	else if (in_cluster && l.count == 3)
		add_pod(m, &l, l.at[2], true);
	else if (in_cluster || l.count > 3)
		add(m, host, NULL, true);
	else if (l.count == 1)
		add(m, host, namespace, true);
	else if (l.count == 3 && set_of_pod(host))
		add_pod(m, &l, l.at[2], true);
	else if (l.count == 3)
		add(m, host, NULL, true);
	else
		settle_two(&l, namespace, other, m);
	for (int i = 0; i < m->count; i++)
		copy(m->meanings[i].domain, domain, strlen(domain));
}

/* --- a list ------------------------------------------------------------------------------------------------------- */

/* Takes one from *list and moves it behind; false: it was the last. */
static bool next_member(const char **list, const char *namespace, const char *other, struct member *m)
{
	size_t len;
	char host[HOST_MAX], *colon;
	const char *port = PORT;

	*list += strspn(*list, ", \t");
	len = strcspn(*list, ", \t/");
	if (len == 0)
		return false;
	copy(host, *list, len < HOST_MAX ? len : 0);
	*list += len;
	for (char *at = host; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	colon = strrchr(host, ':');
	if (colon && (!strchr(host, ']') || strchr(host, ']') < colon)) {
		*colon = '\0';
		port = colon + 1;
	}
	snprintf(m->port, sizeof(m->port), "%.5s", port);
	len = strlen(host);
	if (len && strchr("].", host[len - 1]))
		host[len - 1] = '\0';
	settle_host(host + (host[0] == '['), namespace, other, m);
	return true;
}

/* "/codis" of "zk-0:2181,zk-1:2181/codis"; "": none. */
static const char *path_of(const char *list, size_t *len)
{
	const char *at = strchr(list, '/');

	*len = at ? strcspn(at, ", \t") : 0;
	while (*len && at[*len - 1] == '/')
		--*len;
	return at ? at : "";
}

static bool is_same_path(const char *a, const char *b)
{
	size_t a_len, b_len;

	a = path_of(a, &a_len);
	b = path_of(b, &b_len);
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* --- two ---------------------------------------------------------------------------------------------------------- */

/* Without what charts put behind the name of a service for its second one. */
static size_t stem(const char *service)
{
	static const char *const ends[] = { "-headless", "-client", "-hs", "-cs" };
	size_t len = strlen(service);

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		size_t of_end = strlen(ends[i]);

		if (len > of_end && strcmp(service + len - of_end, ends[i]) == 0)
			return len - of_end;
	}
	return len;
}

static enum same_zookeeper compare_pods(const struct meaning *a, const struct meaning *b)
{
	size_t set = set_of_pod(a->pod);

	if (!a->pod[0] || !b->pod[0] || strcmp(a->pod, b->pod) == 0)
		return ZOOKEEPER_SAME;
	return set && set == set_of_pod(b->pod) && memcmp(a->pod, b->pod, set) == 0 ? ZOOKEEPER_PERHAPS
										    : ZOOKEEPER_OTHER;
}

static enum same_zookeeper compare(const struct meaning *a, const struct meaning *b)
{
	size_t len = stem(a->service);
	enum same_zookeeper found;

	if (!a->service[0] || strcmp(a->namespace, b->namespace) != 0 || len != stem(b->service) ||
	    memcmp(a->service, b->service, len) != 0)
		return ZOOKEEPER_OTHER;
	if (strcmp(a->service, b->service) != 0)
		return a->namespace[0] ? ZOOKEEPER_PERHAPS : ZOOKEEPER_OTHER;
	found = compare_pods(a, b);
	return found == ZOOKEEPER_SAME && (!a->sure || !b->sure || strcmp(a->domain, b->domain) != 0)
		       ? ZOOKEEPER_PERHAPS
		       : found;
}

static enum same_zookeeper compare_members(const struct member *a, const struct member *b)
{
	enum same_zookeeper found = ZOOKEEPER_OTHER;

	for (int i = 0; i < a->count && strcmp(a->port, b->port) == 0; i++) {
		for (int k = 0; k < b->count; k++) {
			enum same_zookeeper one = compare(&a->meanings[i], &b->meanings[k]);

			found = one > found ? one : found;
		}
	}
	return found;
}

enum same_zookeeper zookeepers_same(const char *a, const char *a_namespace, const char *b, const char *b_namespace)
{
	enum same_zookeeper found = ZOOKEEPER_OTHER, most = is_same_path(a, b) ? ZOOKEEPER_SAME : ZOOKEEPER_PERHAPS;
	struct member one, other;

	while (next_member(&a, a_namespace, b_namespace, &one)) {
		for (const char *rest = b; next_member(&rest, b_namespace, a_namespace, &other);) {
			enum same_zookeeper now = compare_members(&one, &other);

			found = now > found ? now : found;
		}
	}
	return found < most ? found : most;
}
