#include "common/codis/inventory.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/table.h"

/* Joining the cluster turns a node Ready, too. That is no failure: it comes within this time of the node's creation. */
#define JOINING_MS 120000

struct space;

/* A product of a namespace. It is there while somebody says it or belongs to it, and while it is remembered. */
struct product {
	struct table_link by_key; /* its hash is that of namespace and product */
	struct space *space;
	LIST_ENTRY(product) beside; /* in its namespace */
	char name[CODIS_PRODUCT_MAX];
	LIST_HEAD(members, member) pods; /* that belong to it */
	struct members sets;
	size_t sayers, servers; /* that say it, and so speak for the silent ones of the namespace; servers of them */
	/* Was said by one, or had a server, that is gone: who goes takes nothing back, he may be made anew. */
	bool remembered, had_servers;
	size_t clustered; /* servers, proxies, dashboards */
	bool touched;     /* is to be told of */
	SLIST_ENTRY(product) next_touched;
};

/* A namespace. It is there while it has pods or sets. */
struct space {
	struct table_link by_name;
	char name[POD_NAMESPACE_MAX];
	LIST_HEAD(, product) products;
	LIST_HEAD(, member) silent; /* that say no product: they move when what is said in the namespace changes */
	/* "" and codis-test are always there, so that finding a product for the silent ones cannot fail. */
	struct product unknown, standard;
	struct product stock;          /* only its sayers count: silent dashboards, which run as codis-test's */
	size_t members, said, touched; /* said: products that are said */
	size_t unreadable;             /* pods and sets that say a product in a way that cannot be read here */
	bool said_changed;
};

/* What pods and sets have in common: they belong to a product. The pointers lead into the pod or set itself. */
struct member {
	struct space *space;
	struct product *says, *of; /* says: NULL where it says none */
	LIST_ENTRY(member) beside, silent;
	struct pod *pod; /* NULL: a set */
	const char *name;
	enum codis_component component;
	const struct said_text *said_product, *said_replica;
	char *product, *trouble;         /* in what is known of it */
	char claimed[CODIS_PRODUCT_MAX]; /* see inventory_claim; of a set: for its pods */
};

struct pod {
	struct member member;
	struct inventory_pod known;
	struct table_link by_uid, by_name, by_ip, by_node, by_group;
	int64_t created_ms;
	uint64_t turn; /* the later came later */
};

/* Of servers; those of dashboards, proxies and codis-ha only speak for who says nothing. */
struct set {
	struct member member;
	struct inventory_set known;
	struct said_text said_product, said_replica;
	cJSON *annotations;
	struct table_link by_uid, by_name;
	int64_t created_ms;
};

struct node {
	struct inventory_node known;
	cJSON *labels;
	struct table_link by_name;
};

struct inventory {
	struct table pods_by_uid, pods_by_name, pods_by_ip, pods_by_node, pods_by_group;
	struct table sets_by_uid, sets_by_name;
	struct table nodes, spaces, products;
	SLIST_HEAD(, product) touched;
	uint64_t turn;
	void (*on_change)(void *ctx, const char *namespace, const char *product);
	void *ctx;
};

/* --- keys --------------------------------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *text)
{
	return hash_text(HASH_INIT, text);
}

static uint64_t hash_of_two(const char *a, const char *b)
{
	return hash_text(hash_text(hash_of(a), "/"), b);
}

static uint64_t hash_of_group(const struct product *p, int group)
{
	return (p->by_key.hash ^ (uint64_t)(group + 1)) * UINT64_C(1099511628211);
}

/* One text for each address: IPv6 is written in many ways. */
static uint64_t hash_of_ip(const char *ip)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;

	if (strchr(ip, ':') && inet_pton(AF_INET6, ip, &six) == 1 && inet_ntop(AF_INET6, &six, text, sizeof(text)))
		return hash_of(text);
	return hash_of(ip);
}

static bool same_ip(const char *a, const char *b)
{
	struct in6_addr x, y;

	return strcmp(a, b) == 0 ||
	       (inet_pton(AF_INET6, a, &x) == 1 && inet_pton(AF_INET6, b, &y) == 1 && memcmp(&x, &y, sizeof(x)) == 0);
}

/* --- finding ------------------------------------------------------------------------------------------------------ */

/* The first entry of the table with this hash for which `same` holds (it sees the entry as e), or NULL. */
#define FIND(table, type, link, key_hash, same)                                                                        \
	({                                                                                                             \
		type *e_found = NULL;                                                                                  \
		for (struct table_link *e_link = table_first(table, key_hash); e_link && !e_found;                     \
		     e_link = table_next(e_link)) {                                                                    \
			type *e = TABLE_ENTRY(e_link, type, link);                                                     \
			if (same)                                                                                      \
				e_found = e;                                                                           \
		}                                                                                                      \
		e_found;                                                                                               \
	})

static struct pod *find_pod(const struct inventory *inv, const char *uid)
{
	return FIND(&inv->pods_by_uid, struct pod, by_uid, hash_of(uid), strcmp(e->known.pod.uid, uid) == 0);
}

static struct pod *find_pod_by_name(const struct inventory *inv, const char *namespace, const char *name)
{
	return FIND(&inv->pods_by_name, struct pod, by_name, hash_of_two(namespace, name),
		    strcmp(e->known.pod.namespace, namespace) == 0 && strcmp(e->known.pod.name, name) == 0);
}

static struct set *find_set(const struct inventory *inv, const char *uid)
{
	return FIND(&inv->sets_by_uid, struct set, by_uid, hash_of(uid), strcmp(e->known.uid, uid) == 0);
}

static struct set *find_set_by_name(const struct inventory *inv, const char *namespace, const char *name)
{
	return FIND(&inv->sets_by_name, struct set, by_name, hash_of_two(namespace, name),
		    strcmp(e->known.namespace, namespace) == 0 && strcmp(e->known.name, name) == 0);
}

static struct node *find_node(const struct inventory *inv, const char *name)
{
	return FIND(&inv->nodes, struct node, by_name, hash_of(name), strcmp(e->known.name, name) == 0);
}

static struct space *find_space(const struct inventory *inv, const char *name)
{
	return FIND(&inv->spaces, struct space, by_name, hash_of(name), strcmp(e->name, name) == 0);
}

static struct product *find_product(const struct inventory *inv, const char *namespace, const char *name)
{
	return FIND(&inv->products, struct product, by_key, hash_of_two(namespace, name),
		    strcmp(e->space->name, namespace) == 0 && strcmp(e->name, name) == 0);
}

/* --- namespaces and products -------------------------------------------------------------------------------------- */

static void add_product(struct inventory *inv, struct space *s, struct product *p, const char *name)
{
	p->space = s;
	snprintf(p->name, sizeof(p->name), "%.*s", CODIS_PRODUCT_MAX - 1, name);
	LIST_INSERT_HEAD(&s->products, p, beside);
	table_add(&inv->products, &p->by_key, hash_of_two(s->name, p->name));
}

static struct space *space_of(struct inventory *inv, const char *name)
{
	struct space *s = find_space(inv, name);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	table_add(&inv->spaces, &s->by_name, hash_of(s->name));
	add_product(inv, s, &s->unknown, "");
	add_product(inv, s, &s->standard, CODIS_DEFAULT_PRODUCT);
	return s;
}

static struct product *product_of(struct inventory *inv, struct space *s, const char *name)
{
	struct product *p = find_product(inv, s->name, name);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p)
		add_product(inv, s, p, name);
	return p;
}

static void touch(struct inventory *inv, struct product *p)
{
	if (p->touched)
		return;
	p->touched = true;
	p->space->touched++;
	SLIST_INSERT_HEAD(&inv->touched, p, next_touched);
}

static bool is_said(const struct product *p)
{
	return p->sayers || p->remembered;
}

/* Those that are always there end with their namespace. */
static bool is_built_in(const struct product *p)
{
	return p == &p->space->unknown || p == &p->space->standard;
}

static void remove_product(struct inventory *inv, struct product *p)
{
	LIST_REMOVE(p, beside);
	table_remove(&inv->products, &p->by_key);
	if (!is_built_in(p))
		free(p);
}

static void free_unused(struct inventory *inv, struct product *p)
{
	struct space *s = p->space;

	if (!is_built_in(p) && !is_said(p) && LIST_EMPTY(&p->pods) && LIST_EMPTY(&p->sets))
		remove_product(inv, p);
	if (s->members || s->touched)
		return;
	while (!LIST_EMPTY(&s->products)) /* what is remembered */
		remove_product(inv, LIST_FIRST(&s->products));
	table_remove(&inv->spaces, &s->by_name);
	free(s);
}

/* Tells of what was touched, and frees what nobody is left in. */
static void settle(struct inventory *inv)
{
	struct product *p;

	SLIST_FOREACH(p, &inv->touched, next_touched)
	{
		if (inv->on_change)
			inv->on_change(inv->ctx, p->space->name, p->name);
	}
	while ((p = SLIST_FIRST(&inv->touched))) {
		SLIST_REMOVE_HEAD(&inv->touched, next_touched);
		p->touched = false;
		p->space->touched--;
		free_unused(inv, p);
	}
}

/* --- which product ------------------------------------------------------------------------------------------------ */

/* Whether it runs as one product's, and so must know which. */
static bool has_product(enum codis_component c)
{
	return c == CODIS_SERVER || c == CODIS_PROXY || c == CODIS_DASHBOARD || c == CODIS_HA;
}

static bool is_clustered(enum codis_component c)
{
	return c == CODIS_SERVER || c == CODIS_PROXY || c == CODIS_DASHBOARD;
}

/* Where the word of this member counts for those that say nothing; NULL: nowhere. */
static struct product *speaks_for(const struct member *m)
{
	if (m->component == CODIS_DASHBOARD && m->said_product->said == SAID_NOTHING)
		return &m->space->stock;
	return has_product(m->component) ? m->says : NULL;
}

static bool is_unreadable(const struct member *m)
{
	return has_product(m->component) && m->said_product->said == SAID_ELSEWHERE && !m->said_product->maybe;
}

static void speak(struct member *m)
{
	struct product *p = speaks_for(m);
	struct space *s = m->space;
	bool was = p && is_said(p);

	if (is_unreadable(m) && s->unreadable++ == 0)
		s->said_changed = true;
	if (!p)
		return;
	p->sayers++;
	if (m->component == CODIS_SERVER && p->servers++ == 0)
		s->said_changed = true;
	if (was)
		return;
	s->said += p != &s->stock;
	s->said_changed = true;
}

/* gone: it has not changed its mind, it is no more. */
static void fall_silent(struct member *m, bool gone)
{
	struct product *p = speaks_for(m);
	struct space *s = m->space;

	if (is_unreadable(m) && --s->unreadable == 0)
		s->said_changed = true;
	if (p && m->component == CODIS_SERVER && --p->servers == 0) {
		p->had_servers = p->had_servers || gone;
		s->said_changed = true;
	}
	if (!p || --p->sayers)
		return;
	p->remembered = p->remembered || gone;
	if (p->remembered)
		return;
	s->said -= p != &s->stock;
	s->said_changed = true;
}

static struct product *only_said(struct space *s)
{
	struct product *p;

	LIST_FOREACH(p, &s->products, beside)
	{
		if (is_said(p))
			break;
	}
	return p;
}

/* The product that the pod's StatefulSet says: while it is rolled out, its old pods do not say it yet. */
static struct product *said_by_owner(const struct inventory *inv, const struct space *s, const char *owner)
{
	const struct set *set = owner[0] ? find_set_by_name(inv, s->name, owner) : NULL;

	return set ? set->member.says : NULL;
}

/* Two sets of servers in one product would both make group 1. Those of codis-test may be labelled so, or not. */
static bool has_other_servers(const struct member *m, const struct product *p)
{
	return m->component == CODIS_SERVER && p != &m->space->standard && (p->servers || p->had_servers);
}

static struct product *claimed_by(const struct inventory *inv, const struct member *m, const char *owner)
{
	const char *space = m->space->name;
	const struct set *set = owner[0] ? find_set_by_name(inv, space, owner) : NULL;
	const char *name = m->claimed[0] ? m->claimed : set ? set->member.claimed : "";
	struct product *p = name[0] ? find_product(inv, space, name) : NULL;

	return p && is_said(p) ? p : NULL;
}

/* Those that say nothing belong together: with a dashboard that says nothing, else to the only product there is.
 * owner: the pod's StatefulSet, or "". */
static struct product *where_it_belongs(const struct inventory *inv, const struct member *m, const char *owner)
{
	struct space *s = m->space;
	struct product *p;

	if (m->says)
		return m->says;
	if (m->said_product->said != SAID_NOTHING)
		return &s->unknown;
	p = said_by_owner(inv, s, owner);
	if (p)
		return p;
	if (is_said(&s->stock) || speaks_for(m) == &s->stock)
		return &s->standard;
	p = only_said(s);
	if (!p && !s->unreadable)
		return &s->standard;
	if (p && s->said == 1 && !s->unreadable && !has_other_servers(m, p))
		return p;
	p = claimed_by(inv, m, owner);
	return p ? p : &s->unknown;
}

static int by_product(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

#define PRODUCTS_NAMED 3

/* "a, b and 3 more" */
static void list_said(const struct space *s, struct buf *out)
{
	const char *names[64];
	const struct product *p;
	size_t n = 0, named;

	LIST_FOREACH(p, &s->products, beside)
	{
		if (is_said(p) && n < sizeof(names) / sizeof(names[0]))
			names[n++] = p->name;
	}
	qsort(names, n, sizeof(names[0]), by_product);
	named = n <= PRODUCTS_NAMED ? n : PRODUCTS_NAMED - 1;
	for (size_t i = 0; i < named; i++)
		buf_addf(out, "%s%.24s", i == 0 ? "" : i == s->said - 1 ? " and " : ", ", names[i]);
	if (named < s->said)
		buf_addf(out, " and %zu more", s->said - named);
}

static void write_trouble(const struct member *m, char out[POD_WHY_MAX])
{
	BUF_CLEANUP struct buf said = BUF_INIT(POD_WHY_MAX);

	out[0] = '\0';
	if (m->said_product->said == SAID_ELSEWHERE && has_product(m->component)) {
		/* What to do comes first: the rest may be cut. */
		snprintf(out, POD_WHY_MAX, "label %.56s " CODIS_LABEL_PRODUCT ", or write the value: %.98s", m->name,
			 m->said_product->why);
	} else if (m->of == &m->space->unknown && m->space->unreadable && m->space->said < 2 &&
		   has_product(m->component)) {
		snprintf(out, POD_WHY_MAX,
			 "%.56s says no product, and what another pod of the namespace says cannot be read: "
			 "add env PRODUCT_NAME",
			 m->name);
	} else if (m->of == &m->space->unknown && m->space->said < 2 && has_product(m->component)) {
		snprintf(out, POD_WHY_MAX,
			 "%.56s says no product, and %.40s has servers of its own: add env PRODUCT_NAME", m->name,
			 only_said(m->space)->name);
	} else if (m->of == &m->space->unknown && has_product(m->component)) {
		list_said(m->space, &said);
		snprintf(out, POD_WHY_MAX, "%.56s says no product and the namespace has %s: add env PRODUCT_NAME",
			 m->name, said.data);
	} else if (m->component == CODIS_SERVER && m->said_replica->said == SAID_ELSEWHERE) {
		snprintf(out, POD_WHY_MAX, "write the SERVER_REPLICA of %.56s: %.113s", m->name, m->said_replica->why);
	} else if (m->component == CODIS_SERVER && m->pod && m->pod->known.pod.group <= 0) {
		snprintf(out, POD_WHY_MAX,
			 "%.56s is in no group, for that comes from its number in a StatefulSet: run it in one",
			 m->name);
	}
}

static void leave(struct inventory *inv, struct member *m)
{
	if (!m->of)
		return;
	touch(inv, m->of);
	LIST_REMOVE(m, beside);
	if (m->pod) {
		table_remove(&inv->pods_by_group, &m->pod->by_group);
		m->of->clustered -= is_clustered(m->component);
	}
	m->of = NULL;
}

static void join(struct inventory *inv, struct member *m, struct product *p)
{
	m->of = p;
	touch(inv, p);
	snprintf(m->product, CODIS_PRODUCT_MAX, "%s", p->name);
	if (!m->pod) {
		LIST_INSERT_HEAD(&p->sets, m, beside);
		return;
	}
	LIST_INSERT_HEAD(&p->pods, m, beside);
	p->clustered += is_clustered(m->component);
	table_add(&inv->pods_by_group, &m->pod->by_group, hash_of_group(p, m->pod->known.pod.group));
}

static void resolve(struct inventory *inv, struct member *m)
{
	struct product *p = where_it_belongs(inv, m, m->pod ? m->pod->known.pod.owner : "");
	char trouble[POD_WHY_MAX];

	if (m->of != p) {
		leave(inv, m);
		join(inv, m, p);
	}
	write_trouble(m, trouble);
	if (strcmp(trouble, m->trouble) != 0) {
		memcpy(m->trouble, trouble, sizeof(trouble));
		touch(inv, p);
	}
}

/* After a change of who says what: those who say nothing may belong elsewhere now. */
static void resolve_silent(struct inventory *inv, struct space *s)
{
	struct member *m;

	if (!s->said_changed)
		return;
	s->said_changed = false;
	LIST_FOREACH(m, &s->silent, silent)
	resolve(inv, m);
}

/* The namespace of a member, and the product that it says. 0, or -1: no memory. */
static int find_place(struct inventory *inv, const char *namespace, struct member *m)
{
	bool known = m->said_product->said == SAID_KNOWN;

	m->space = space_of(inv, namespace);
	if (!m->space)
		return -1;
	m->says = known ? product_of(inv, m->space, m->said_product->text) : NULL;
	if (!known || m->says)
		return 0;
	touch(inv, &m->space->unknown); /* ends the namespace, if it is empty */
	return -1;
}

/* The member speaks already. */
static void member_link(struct inventory *inv, struct member *m)
{
	m->space->members++;
	if (m->said_product->said == SAID_NOTHING)
		LIST_INSERT_HEAD(&m->space->silent, m, silent);
	m->trouble[0] = '\0';
	resolve(inv, m);
}

static void member_unlink(struct inventory *inv, struct member *m, bool gone)
{
	leave(inv, m);
	fall_silent(m, gone);
	if (m->said_product->said == SAID_NOTHING)
		LIST_REMOVE(m, silent);
	m->space->members--;
}

/* --- pods --------------------------------------------------------------------------------------------------------- */

static int64_t time_of(const char *text)
{
	int64_t ms;

	return text && clock_parse_rfc3339(text, &ms, NULL) == 0 ? ms : 0;
}

static int64_t created(const cJSON *object)
{
	return time_of(json_str(object, "metadata", "creationTimestamp", NULL));
}

static bool is_lost(const struct node *n, const struct pod *p)
{
	return p->known.pod.node[0] && !(n && n->known.ready);
}

static void pod_link(struct inventory *inv, struct pod *p)
{
	const struct codis_pod *pod = &p->known.pod;

	table_add(&inv->pods_by_uid, &p->by_uid, hash_of(pod->uid));
	table_add(&inv->pods_by_name, &p->by_name, hash_of_two(pod->namespace, pod->name));
	if (pod->ip[0])
		table_add(&inv->pods_by_ip, &p->by_ip, hash_of_ip(pod->ip));
	if (pod->node[0])
		table_add(&inv->pods_by_node, &p->by_node, hash_of(pod->node));
	p->known.node_lost = is_lost(find_node(inv, pod->node), p);
	member_link(inv, &p->member);
}

static struct pod *pod_new(const struct codis_pod *read)
{
	struct pod *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	memcpy(&p->known.pod, read, sizeof(*read));
	p->member.component = read->component;
	p->member.pod = p;
	p->member.name = p->known.pod.name;
	p->member.said_product = &p->known.pod.product;
	p->member.said_replica = &p->known.pod.server_replica_said;
	p->member.product = p->known.product;
	p->member.trouble = p->known.trouble;
	return p;
}

/* gone: see fall_silent. The StatefulSet of one that is gone goes on speaking for it. */
static void pod_drop(struct inventory *inv, struct pod *p, bool gone)
{
	const struct codis_pod *pod = &p->known.pod;
	bool spoken_for = pod->owner[0] && find_set_by_name(inv, pod->namespace, pod->owner);

	member_unlink(inv, &p->member, gone && !spoken_for);
	table_remove(&inv->pods_by_uid, &p->by_uid);
	table_remove(&inv->pods_by_name, &p->by_name);
	table_remove(&inv->pods_by_ip, &p->by_ip);
	table_remove(&inv->pods_by_node, &p->by_node);
	free(p);
}

/* Puts the pod in the place of what was known of it, or of another one of its name. Whoever comes says its product
 * before who goes takes back his words: else the silent ones would move away and back. 0, or -1: no memory, and nothing
 * has changed. */
static int pod_put(struct inventory *inv, const struct codis_pod *read, int64_t created_ms, struct pod *old)
{
	struct pod *p = pod_new(read);

	if (!p || find_place(inv, read->namespace, &p->member) < 0) {
		free(p);
		return -1;
	}
	p->created_ms = created_ms;
	p->turn = ++inv->turn;
	if (old && strcmp(old->known.pod.uid, read->uid) == 0) {
		p->turn = old->turn;
		memcpy(p->member.claimed, old->member.claimed, sizeof(p->member.claimed));
	}
	speak(&p->member);
	if (old)
		pod_drop(inv, old, false);
	pod_link(inv, p);
	resolve_silent(inv, p->member.space);
	return 0;
}

int inventory_set_pod(struct inventory *inv, const cJSON *object, struct error *err)
{
	const char *uid = json_str(object, "metadata", "uid", NULL);
	int64_t created_ms = created(object);
	struct codis_pod read;
	struct pod *old;
	int done;

	if (!uid)
		return error_set(err, ERR_PROTOCOL, "a Pod without a uid");
	memset(&read, 0, sizeof(read)); /* what is between its members is compared, too */
	done = codis_pod_read(object, &read, err);
	if (done < 0 || read.component == CODIS_NONE || read.status.finished) {
		inventory_remove_pod(inv, uid);
		return done;
	}
	old = find_pod_by_name(inv, read.namespace, read.name);
	if (old && strcmp(old->known.pod.uid, uid) != 0 && created_ms < old->created_ms)
		return 0;
	if (old && memcmp(&old->known.pod, &read, sizeof(read)) == 0)
		return 0;
	done = pod_put(inv, &read, created_ms, old);
	settle(inv);
	if (done == 0)
		return 0;
	inventory_remove_pod(inv, uid);
	return error_set(err, ERR_NOMEM, "no memory for pod %s/%s", read.namespace, read.name);
}

void inventory_remove_pod(struct inventory *inv, const char *uid)
{
	struct pod *p = find_pod(inv, uid);
	struct space *s;

	if (!p)
		return;
	s = p->member.space;
	pod_drop(inv, p, true);
	resolve_silent(inv, s);
	settle(inv);
}

/* --- StatefulSets ------------------------------------------------------------------------------------------------- */

static void set_free(struct set *s)
{
	if (!s)
		return;
	cJSON_Delete(s->annotations);
	free(s);
}

static void set_drop(struct inventory *inv, struct set *s, bool gone)
{
	member_unlink(inv, &s->member, gone);
	table_remove(&inv->sets_by_uid, &s->by_uid);
	table_remove(&inv->sets_by_name, &s->by_name);
	set_free(s);
}

/* What the object says, not linked yet. NULL: no memory. */
static struct set *set_new(const cJSON *object, const char *uid, const struct codis_pod *template)
{
	const cJSON *annotations = json_get(object, "metadata", "annotations", NULL);
	const char *namespace = json_str(object, "metadata", "namespace", NULL);
	const char *name = json_str(object, "metadata", "name", NULL);
	struct set *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	snprintf(s->known.uid, sizeof(s->known.uid), "%s", uid);
	snprintf(s->known.namespace, sizeof(s->known.namespace), "%s", namespace ? namespace : "");
	snprintf(s->known.name, sizeof(s->known.name), "%s", name ? name : "");
	s->known.replicas = (int)json_int(1, object, "spec", "replicas", NULL);
	s->known.ordinals_start = (int)json_int(0, object, "spec", "ordinals", "start", NULL);
	s->known.server_replica = template->server_replica;
	s->known.deleting = json_str(object, "metadata", "deletionTimestamp", NULL) != NULL;
	s->said_product = template->product;
	s->said_replica = template->server_replica_said;
	s->created_ms = created(object);
	s->annotations = cJSON_IsObject(annotations) ? cJSON_Duplicate(annotations, true) : NULL;
	s->known.annotations = s->annotations;
	s->member.name = s->known.name;
	s->member.component = template->component;
	s->member.said_product = &s->said_product;
	s->member.said_replica = &s->said_replica;
	s->member.product = s->known.product;
	s->member.trouble = s->known.trouble;
	if (!cJSON_IsObject(annotations) || s->annotations)
		return s;
	set_free(s);
	return NULL;
}

static bool same_set(const struct set *a, const struct set *b)
{
	return a->member.component == b->member.component && strcmp(a->known.uid, b->known.uid) == 0 &&
	       a->known.replicas == b->known.replicas && a->known.ordinals_start == b->known.ordinals_start &&
	       a->known.server_replica == b->known.server_replica && a->known.deleting == b->known.deleting &&
	       memcmp(&a->said_product, &b->said_product, sizeof(a->said_product)) == 0 &&
	       memcmp(&a->said_replica, &b->said_replica, sizeof(a->said_replica)) == 0 &&
	       (a->annotations ? b->annotations && json_equal(a->annotations, b->annotations) : !b->annotations);
}

/* As pod_put; takes the set over when it succeeds. */
static int set_put(struct inventory *inv, struct set *set, struct set *old)
{
	if (find_place(inv, set->known.namespace, &set->member) < 0)
		return -1;
	if (old && strcmp(old->known.uid, set->known.uid) == 0)
		memcpy(set->member.claimed, old->member.claimed, sizeof(set->member.claimed));
	speak(&set->member);
	if (set->member.says != (old ? old->member.says : NULL))
		set->member.space->said_changed = true; /* its pods that say nothing follow */
	if (old)
		set_drop(inv, old, false);
	table_add(&inv->sets_by_uid, &set->by_uid, hash_of(set->known.uid));
	table_add(&inv->sets_by_name, &set->by_name, hash_of_two(set->known.namespace, set->known.name));
	member_link(inv, &set->member);
	resolve_silent(inv, set->member.space);
	return 0;
}

int inventory_set_set(struct inventory *inv, const cJSON *object, struct error *err)
{
	const cJSON *template = json_get(object, "spec", "template", NULL);
	const char *uid = json_str(object, "metadata", "uid", NULL);
	struct codis_pod read;
	struct set *set, *old;
	int done = 0;

	if (!uid)
		return error_set(err, ERR_PROTOCOL, "a StatefulSet without a uid");
	memset(&read, 0, sizeof(read));
	if (!has_product(codis_component_of(template)) || (done = codis_template_read(object, &read, err)) < 0) {
		inventory_remove_set(inv, uid);
		return done;
	}
	set = set_new(object, uid, &read);
	if (set) {
		old = find_set_by_name(inv, set->known.namespace, set->known.name);
		if (old && (same_set(old, set) || set->created_ms < old->created_ms)) {
			set_free(set);
			return 0;
		}
		done = set_put(inv, set, old);
		settle(inv);
		if (done == 0)
			return 0;
	}
	set_free(set);
	inventory_remove_set(inv, uid);
	return error_set(err, ERR_NOMEM, "no memory for StatefulSet %s", uid);
}

void inventory_remove_set(struct inventory *inv, const char *uid)
{
	struct set *set = find_set(inv, uid);
	struct space *s;

	if (!set)
		return;
	s = set->member.space;
	s->said_changed = true;
	set_drop(inv, set, true);
	resolve_silent(inv, s);
	settle(inv);
}

/* --- what the coordinator says of those who say nothing ------------------------------------------------------------
 */

void inventory_claim(struct inventory *inv, const char *uid, const char *product)
{
	struct pod *p = find_pod(inv, uid);
	struct space *s = p ? p->member.space : NULL;
	struct set *set = p && p->known.pod.owner[0] ? find_set_by_name(inv, s->name, p->known.pod.owner) : NULL;

	if (!p || p->member.of != &s->unknown || p->known.pod.product.said != SAID_NOTHING)
		return;
	snprintf(set ? set->member.claimed : p->member.claimed, CODIS_PRODUCT_MAX, "%s", product);
	s->said_changed = true;
	resolve_silent(inv, s);
	settle(inv);
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static void read_ready(const cJSON *object, struct inventory_node *n)
{
	const cJSON *ready = codis_condition(object, "Ready");
	const char *status = json_str(ready, "status", NULL);
	int64_t changed = time_of(json_str(ready, "lastTransitionTime", NULL));

	n->ready = status && strcmp(status, "True") == 0;
	n->ready_changed_ms = n->ready && changed - created(object) < JOINING_MS ? 0 : changed;
}

/* Its pods learn what became of it; n NULL: it is gone. */
static void tell_pods(struct inventory *inv, const char *name, const struct node *n)
{
	uint64_t hash = hash_of(name);

	for (struct table_link *l = table_first(&inv->pods_by_node, hash); l; l = table_next(l)) {
		struct pod *p = TABLE_ENTRY(l, struct pod, by_node);

		if (strcmp(p->known.pod.node, name) != 0)
			continue;
		p->known.node_lost = is_lost(n, p);
		touch(inv, p->member.of);
	}
	settle(inv);
}

static struct node *node_of(struct inventory *inv, const char *name)
{
	struct node *n = find_node(inv, name);

	if (n)
		return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	snprintf(n->known.name, sizeof(n->known.name), "%s", name);
	table_add(&inv->nodes, &n->by_name, hash_of(n->known.name));
	return n;
}

static void node_drop(struct inventory *inv, struct node *n)
{
	table_remove(&inv->nodes, &n->by_name);
	cJSON_Delete(n->labels);
	free(n);
}

int inventory_set_node(struct inventory *inv, const cJSON *object, struct error *err)
{
	const char *name = json_str(object, "metadata", "name", NULL);
	const cJSON *labels = json_get(object, "metadata", "labels", NULL);
	struct inventory_node was;
	struct node *n;
	cJSON *copy = NULL;
	bool is_new;

	if (!name || strlen(name) >= sizeof(was.name))
		return error_set(err, ERR_PROTOCOL, "a Node without a name, or with too long a one");
	is_new = !find_node(inv, name);
	n = node_of(inv, name);
	if (n && cJSON_IsObject(labels))
		copy = cJSON_Duplicate(labels, true);
	if (!n || (cJSON_IsObject(labels) && !copy)) {
		inventory_remove_node(inv, name);
		return error_set(err, ERR_NOMEM, "no memory for node %s", name);
	}
	was = n->known;
	cJSON_Delete(n->labels);
	n->known.labels = n->labels = copy;
	n->known.ready = false;
	n->known.ready_changed_ms = 0;
	n->known.unschedulable = json_bool(false, object, "spec", "unschedulable", NULL);
	read_ready(object, &n->known);
	if (is_new || was.ready != n->known.ready || was.unschedulable != n->known.unschedulable)
		tell_pods(inv, name, n);
	return 0;
}

void inventory_remove_node(struct inventory *inv, const char *name)
{
	struct node *n = find_node(inv, name);

	if (!n)
		return;
	node_drop(inv, n);
	tell_pods(inv, name, NULL);
}

/* --- questions ---------------------------------------------------------------------------------------------------- */

const struct inventory_pod *inventory_pod(const struct inventory *inv, const char *uid)
{
	const struct pod *p = find_pod(inv, uid);

	return p ? &p->known : NULL;
}

const struct inventory_pod *inventory_pod_by_name(const struct inventory *inv, const char *namespace, const char *name)
{
	const struct pod *p = find_pod_by_name(inv, namespace, name);

	return p ? &p->known : NULL;
}

static bool answers_before(const struct pod *a, const struct pod *b)
{
	if (a->known.pod.status.deleting != b->known.pod.status.deleting)
		return b->known.pod.status.deleting;
	return a->created_ms != b->created_ms ? a->created_ms > b->created_ms : a->turn > b->turn;
}

const struct inventory_pod *inventory_pod_at(const struct inventory *inv, const char *ip)
{
	const struct pod *best = NULL;

	for (struct table_link *l = table_first(&inv->pods_by_ip, hash_of_ip(ip)); l; l = table_next(l)) {
		const struct pod *p = TABLE_ENTRY(l, struct pod, by_ip);

		if (same_ip(p->known.pod.ip, ip) && (!best || answers_before(p, best)))
			best = p;
	}
	return best ? &best->known : NULL;
}

const struct inventory_node *inventory_node(const struct inventory *inv, const char *name)
{
	const struct node *n = find_node(inv, name);

	return n ? &n->known : NULL;
}

const struct inventory_set *inventory_set_by_name(const struct inventory *inv, const char *namespace, const char *name)
{
	const struct set *s = find_set_by_name(inv, namespace, name);

	return s && s->member.component == CODIS_SERVER ? &s->known : NULL;
}

static const struct set *set_of(const struct member *m)
{
	return (const struct set *)(const void *)((const char *)m - offsetof(struct set, member));
}

static bool set_before(const struct inventory_set *a, const struct inventory_set *b)
{
	return a->deleting != b->deleting ? b->deleting : strcmp(a->name, b->name) < 0;
}

const struct inventory_set *inventory_set_of(const struct inventory *inv, const char *namespace, const char *product)
{
	const struct product *p = find_product(inv, namespace, product);
	const struct inventory_set *best = NULL;
	const struct member *m;

	if (!p)
		return NULL;
	LIST_FOREACH(m, &p->sets, beside)
	{
		if (m->component == CODIS_SERVER && (!best || set_before(&set_of(m)->known, best)))
			best = &set_of(m)->known;
	}
	return best;
}

void inventory_product_of(const struct inventory *inv, const struct codis_pod *pod, char product[CODIS_PRODUCT_MAX],
			  char trouble[POD_WHY_MAX])
{
	struct space nobody = { .standard = { .name = CODIS_DEFAULT_PRODUCT } }, *s = find_space(inv, pod->namespace);
	struct member m = { .space = s ? s : &nobody,
			    .name = pod->name,
			    .component = pod->component,
			    .said_product = &pod->product,
			    .said_replica = &pod->server_replica_said };

	if (pod->product.said != SAID_KNOWN)
		m.of = where_it_belongs(inv, &m, pod->owner);
	snprintf(product, CODIS_PRODUCT_MAX, "%.*s", CODIS_PRODUCT_MAX - 1, m.of ? m.of->name : pod->product.text);
	write_trouble(&m, trouble);
}

const char *inventory_node_label(const struct inventory_node *node, const char *key)
{
	const char *value = json_str(node->labels, key, NULL);

	return !value && strcmp(key, CODIS_HOSTNAME_KEY) == 0 ? node->name : value;
}

/* --- walks -------------------------------------------------------------------------------------------------------- */

/* Calls fn with what is known of each entry that has this hash and for which `same` holds (it sees the entry as e). */
#define EACH(table, type, link, key_hash, same)                                                                        \
	int e_done = 0;                                                                                                \
	for (struct table_link *e_link = table_first(table, key_hash); e_link && !e_done;                              \
	     e_link = table_next(e_link)) {                                                                            \
		const type *e = TABLE_ENTRY(e_link, type, link);                                                       \
		if (same)                                                                                              \
			e_done = fn(ctx, &e->known);                                                                   \
	}                                                                                                              \
	return e_done

#define EACH_OF_ALL(table, type, link)                                                                                 \
	int e_done = 0;                                                                                                \
	for (struct table_link *e_link = table_walk(table, NULL); e_link && !e_done;                                   \
	     e_link = table_walk(table, e_link))                                                                       \
		e_done = fn(ctx, &TABLE_ENTRY(e_link, type, link)->known);                                             \
	return e_done

int inventory_each_pod(const struct inventory *inv, inventory_pod_fn fn, void *ctx)
{
	EACH_OF_ALL(&inv->pods_by_uid, struct pod, by_uid);
}

int inventory_each_of_product(const struct inventory *inv, const char *namespace, const char *product,
			      inventory_pod_fn fn, void *ctx)
{
	const struct product *p = find_product(inv, namespace, product);
	const struct member *m;
	int done = 0;

	if (!p)
		return 0;
	LIST_FOREACH(m, &p->pods, beside)
	{
		done = fn(ctx, &m->pod->known);
		if (done)
			break;
	}
	return done;
}

int inventory_each_of_group(const struct inventory *inv, const char *namespace, const char *product, int group,
			    inventory_pod_fn fn, void *ctx)
{
	const struct product *p = find_product(inv, namespace, product);

	if (!p)
		return 0;
	EACH(&inv->pods_by_group, struct pod, by_group, hash_of_group(p, group),
	     e->member.of == p && e->known.pod.group == group);
}

int inventory_each_on_node(const struct inventory *inv, const char *node, inventory_pod_fn fn, void *ctx)
{
	EACH(&inv->pods_by_node, struct pod, by_node, hash_of(node), strcmp(e->known.pod.node, node) == 0);
}

int inventory_each_product(const struct inventory *inv,
			   int (*fn)(void *ctx, const char *namespace, const char *product), void *ctx)
{
	int done = 0;

	for (struct table_link *l = table_walk(&inv->products, NULL); l && !done; l = table_walk(&inv->products, l)) {
		const struct product *p = TABLE_ENTRY(l, struct product, by_key);

		if (p->clustered && p->name[0])
			done = fn(ctx, p->space->name, p->name);
	}
	return done;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

struct inventory *inventory_new(void)
{
	return calloc(1, sizeof(struct inventory));
}

void inventory_listen(struct inventory *inv, void (*on_change)(void *ctx, const char *namespace, const char *product),
		      void *ctx)
{
	inv->on_change = on_change;
	inv->ctx = ctx;
}

void inventory_free(struct inventory *inv)
{
	if (!inv)
		return;
	inv->on_change = NULL;
	for (struct table_link *l = table_walk(&inv->pods_by_uid, NULL), *next; l; l = next) {
		next = table_walk(&inv->pods_by_uid, l);
		pod_drop(inv, TABLE_ENTRY(l, struct pod, by_uid), true);
	}
	for (struct table_link *l = table_walk(&inv->sets_by_uid, NULL), *next; l; l = next) {
		next = table_walk(&inv->sets_by_uid, l);
		set_drop(inv, TABLE_ENTRY(l, struct set, by_uid), true);
	}
	for (struct table_link *l = table_walk(&inv->nodes, NULL), *next; l; l = next) {
		next = table_walk(&inv->nodes, l);
		node_drop(inv, TABLE_ENTRY(l, struct node, by_name));
	}
	settle(inv); /* takes the products and namespaces along */
	table_release(&inv->pods_by_uid);
	table_release(&inv->pods_by_name);
	table_release(&inv->pods_by_ip);
	table_release(&inv->pods_by_node);
	table_release(&inv->pods_by_group);
	table_release(&inv->sets_by_uid);
	table_release(&inv->sets_by_name);
	table_release(&inv->nodes);
	table_release(&inv->spaces);
	table_release(&inv->products);
	free(inv);
}
