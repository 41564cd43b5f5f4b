#include "cli/plain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/text.h"
#include "common/net/addr.h"

/* --- which products, and their dashboards ------------------------------------------------------------------------- */

static int add_product(void *ctx, const char *namespace, const char *product)
{
	struct plain *p = ctx;
	struct plain_product *more = realloc(p->products, (size_t)(p->count + 1) * sizeof(*more));

	if (!more)
		return -1;
	p->products = more;
	text_copy(more[p->count].namespace, sizeof(more->namespace), namespace);
	text_copy(more[p->count].product, sizeof(more->product), product);
	p->count++;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct plain_product *one = a, *other = b;
	int order = strcmp(one->namespace, other->namespace);

	return order ? order : strcmp(one->product, other->product);
}

static int find_dashboard(void *ctx, const struct inventory_pod *pod)
{
	struct ask *a = ctx;

	if (pod->pod.component != CODIS_DASHBOARD || !pod->pod.port || pod->pod.status.deleting)
		return 0;
	snprintf(a->path, sizeof(a->path), "/api/v1/namespaces/%s/pods/%s:%u/proxy/topom", pod->pod.namespace,
		 pod->pod.name, pod->pod.port);
	return 1;
}

int plain_begin(struct plain *p, struct cli *c, const struct known *k, int timeout_ms)
{
	*p = (struct plain){ .count = 0 };
	if (inventory_each_product(k->inventory, add_product, p) != 0)
		return -1;
	if (!p->count)
		return 0;
	qsort(p->products, (size_t)p->count, sizeof(*p->products), by_name);
	p->dashboards = calloc((size_t)p->count, sizeof(*p->dashboards));
	if (!p->dashboards)
		return -1;
	for (int i = 0; i < p->count; i++) {
		struct ask *a = &p->dashboards[i];

		a->timeout_ms = timeout_ms;
		inventory_each_of_product(k->inventory, p->products[i].namespace, p->products[i].product,
					  find_dashboard, a);
		if (a->path[0])
			ask_begin(c, a);
		else
			a->ended = true;
	}
	return 0;
}

bool plain_ended(const void *plain)
{
	const struct plain *p = plain;

	return asks_ended(&(struct asks){ p->dashboards, p->dashboards ? p->count : 0 });
}

void plain_end(struct plain *p)
{
	for (int i = 0; p->dashboards && i < p->count; i++)
		ask_end(&p->dashboards[i]);
	free(p->dashboards);
	free(p->products);
	*p = (struct plain){ .count = 0 };
}

/* --- one product -------------------------------------------------------------------------------------------------- */

struct telling {
	const struct known *known;
	const cJSON *topom; /* NULL: not known */
	cJSON *groups, *proxies, *others;
	const char *unknown; /* why it is not known whether codis-controller works; or NULL */
	int servers, servers_ready, proxy_count, proxies_ready;
};

static cJSON *group_of(cJSON *groups, int id)
{
	cJSON *g;

	json_each(g, groups) {
		if (json_int(0, g, "id", NULL) == id)
			return g;
	}
	g = cJSON_CreateObject();
	if (json_push(groups, g) < 0 || !json_add_int(g, "id", id) || !json_add_str(g, "master", "") ||
	    !json_add_array(g, "members"))
		return NULL;
	return g;
}

static int add_member(struct telling *t, const struct inventory_pod *pod, cJSON *o)
{
	cJSON *g = group_of(t->groups, pod->pod.group);

	t->servers++;
	t->servers_ready += pod->pod.status.ready;
	if (!g || !json_add_str(o, "role", codis_role_name(pod->pod.role)))
		return -1;
	if (pod->pod.role == CODIS_ROLE_MASTER && json_set(g, "master", cJSON_CreateString(pod->pod.name)) < 0)
		return -1;
	return cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(g, "members"), o) ? 0 : -1;
}

/* A group's list has it; true also where no list is known, and where one has a name, which may be this one's. */
static bool is_listed(const cJSON *topom, const char *addr)
{
	const cJSON *groups = json_get(topom, "stats", "group", "models", NULL), *g, *s;
	struct addr parsed;

	json_each(g, groups) {
		json_each(s, json_get(g, "servers", NULL)) {
			const char *listed = json_str(s, "server", NULL);

			if (listed && (addr_parse(listed, &parsed, NULL) < 0 || addr_equal(listed, addr)))
				return true;
		}
	}
	return !cJSON_IsArray(groups);
}

/* A server that was made anew since nobody leads is no replica, whatever number it has: nobody has told it to be one.
 */
static const char *state_of(const struct telling *t, const struct inventory_pod *pod)
{
	const char *state = known_state(t->known, pod);

	if (pod->pod.component != CODIS_SERVER || strcmp(state, "ready") != 0 || is_listed(t->topom, pod->addr))
		return state;
	return "not in its group's list";
}

static int add_pod(void *ctx, const struct inventory_pod *pod)
{
	struct telling *t = ctx;
	cJSON *o = cJSON_CreateObject();
	int r = -1;

	if (!o || !json_add_str(o, "addr", pod->addr) || !json_add_str(o, "pod", pod->pod.name) ||
	    !json_add_str(o, "node", pod->pod.node) ||
	    !json_add_str(o, "component", codis_component_name(pod->pod.component)) ||
	    !json_add_str(o, "state", state_of(t, pod))) {
		cJSON_Delete(o);
		return -1;
	}
	if (pod->pod.component == CODIS_SERVER)
		r = add_member(t, pod, o);
	else
		r = cJSON_AddItemToArray(pod->pod.component == CODIS_PROXY ? t->proxies : t->others, o) ? 0 : -1;
	if (pod->pod.component == CODIS_PROXY) {
		t->proxy_count++;
		t->proxies_ready += pod->pod.status.ready;
	}
	if (r < 0)
		cJSON_Delete(o);
	return r;
}

/* ZooKeeper is told of by itself, for the namespace. */
static int add_product_pod(void *ctx, const struct inventory_pod *pod)
{
	return pod->pod.component == CODIS_ZOOKEEPER ? 0 : add_pod(ctx, pod);
}

/* How many slots the dashboard has given to a group; 0: to any. */
static int count_slots(const cJSON *topom, int id)
{
	const cJSON *slot;
	int n = 0;

	json_each(slot, json_get(topom, "stats", "slots", NULL)) {
		int64_t group = json_int(0, slot, "group_id", NULL);

		n += id ? group == id : group > 0;
	}
	return n;
}

static int add_slots(const struct telling *t)
{
	cJSON *g;

	json_each(g, t->groups) {
		if (t->topom && !json_add_int(g, "slots", count_slots(t->topom, (int)json_int(0, g, "id", NULL))))
			return -1;
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const cJSON *one = *(cJSON *const *)a, *other = *(cJSON *const *)b;
	int64_t id = json_int(0, one, "id", NULL), other_id = json_int(0, other, "id", NULL);
	const char *pod = json_str(one, "pod", NULL), *other_pod = json_str(other, "pod", NULL);

	if (id != other_id)
		return id < other_id ? -1 : 1;
	return strcmp(pod ? pod : "", other_pod ? other_pod : "");
}

/* By id, then by name. 0 or -1 (no memory). */
static int sort(cJSON *list)
{
	int count = cJSON_GetArraySize(list);
	cJSON **items = count > 1 ? calloc((size_t)count, sizeof(cJSON *)) : NULL;

	if (count < 2)
		return 0;
	if (!items)
		return -1;
	for (int i = 0; i < count; i++)
		items[i] = cJSON_DetachItemFromArray(list, 0);
	qsort(items, (size_t)count, sizeof(cJSON *), compare);
	for (int i = 0; i < count; i++)
		cJSON_AddItemToArray(list, items[i]); /* which allocates nothing */
	free(items);
	return 0;
}

static int sort_all(struct telling *t)
{
	cJSON *g;
	int r = sort(t->groups) | sort(t->proxies) | sort(t->others);

	json_each(g, t->groups)
		r |= sort(cJSON_GetObjectItemCaseSensitive(g, "members"));
	return r;
}

static const char *dashboard_trouble(const struct ask *a)
{
	if (!a->path[0])
		return "; no dashboard is seen";
	return a->answer ? "" : "; the dashboard does not answer";
}

static int add_line(const struct telling *t, const char *product, const struct ask *a, cJSON *o)
{
	char slots[64] = "";

	if (t->topom)
		snprintf(slots, sizeof(slots), ", %d/%d slots assigned", count_slots(t->topom, 0), CODIS_SLOTS);
	return json_add_fmt(o, "line", "%s: %s, %d/%d servers ready, %d/%d proxies ready%s%s; %s", product,
			    t->unknown ? "UNKNOWN" : "NO CONTROLLER", t->servers_ready, t->servers, t->proxies_ready,
			    t->proxy_count, slots, dashboard_trouble(a), t->unknown ? t->unknown : "nobody fails over")
		       ? 0
		       : -1;
}

static int report_product(const struct plain_product *p, const struct ask *a, const struct known *k,
			  const char *unknown, cJSON *o)
{
	struct telling t = { .known = k,
			     .unknown = unknown,
			     .topom = json_get(a->answer, "stats", NULL) ? a->answer : NULL };

	if (!json_add_str(o, "namespace", p->namespace) || !json_add_str(o, "product", p->product) ||
	    !json_add_bool(o, "ok", false))
		return -1;
	t.groups = json_add_array(o, "groups");
	t.proxies = json_add_array(o, "proxies");
	t.others = json_add_array(o, "others");
	if (!t.groups || !t.proxies || !t.others ||
	    inventory_each_of_product(k->inventory, p->namespace, p->product, add_product_pod, &t) != 0 ||
	    inventory_each_zookeeper(k->inventory, p->namespace, add_pod, &t) != 0 || sort_all(&t) < 0)
		return -1;
	if (a->err.code && !json_add_str(o, "dashboard_trouble", a->err.text))
		return -1;
	return add_slots(&t) < 0 ? -1 : add_line(&t, p->product, a, o);
}

int plain_report(const struct plain *p, const struct known *k, const char *unknown, cJSON *report)
{
	cJSON *list = json_add_array(report, "clusters");

	for (int i = 0; i < p->count; i++) {
		cJSON *o = cJSON_CreateObject();

		if (json_push(list, o) < 0 || report_product(&p->products[i], &p->dashboards[i], k, unknown, o) < 0)
			return -1;
	}
	return list ? 0 : -1;
}
