#include "common/codis/inventory_belong.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

/* --- namespaces and products -------------------------------------------------------------------------------------- */

static void add_product(struct inventory *inv, struct space *s, struct product *p, const char *name)
{
	p->space = s;
	snprintf(p->name, sizeof(p->name), "%.*s", CODIS_PRODUCT_MAX - 1, name);
	LIST_INSERT_HEAD(&s->products, p, beside);
	table_add(&inv->products, &p->by_key, inv_hash_of_two(s->name, p->name));
}

static struct space *space_of(struct inventory *inv, const char *name)
{
	struct space *s = inv_find_space(inv, name);

	if (s)
		return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", name);
	table_add(&inv->spaces, &s->by_name, inv_hash_of(s->name));
	add_product(inv, s, &s->unknown, "");
	add_product(inv, s, &s->standard, CODIS_DEFAULT_PRODUCT);
	return s;
}

static struct product *product_of(struct inventory *inv, struct space *s, const char *name)
{
	struct product *p = inv_find_product(inv, s->name, name);

	if (p)
		return p;
	p = calloc(1, sizeof(*p));
	if (p)
		add_product(inv, s, p, name);
	return p;
}

void belong_touch(struct inventory *inv, struct product *p)
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
void belong_settle(struct inventory *inv)
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
bool belong_has_product(enum codis_component c)
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
	return belong_has_product(m->component) ? m->says : NULL;
}

static bool is_unreadable(const struct member *m)
{
	return belong_has_product(m->component) && m->said_product->said == SAID_ELSEWHERE && !m->said_product->maybe;
}

void belong_speak(struct member *m)
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
	const struct set *set = owner[0] ? inv_find_set_by_name(inv, s->name, owner) : NULL;

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
	const struct set *set = owner[0] ? inv_find_set_by_name(inv, space, owner) : NULL;
	const char *name = m->claimed ? m->claimed : set ? set->member.claimed : NULL;
	struct product *p = name ? inv_find_product(inv, space, name) : NULL;

	return p && is_said(p) ? p : NULL;
}

/* Those that say nothing belong together: with a dashboard that says nothing, else to the only product there is.
 * owner: the pod's StatefulSet, or "". */
struct product *belong_where(const struct inventory *inv, const struct member *m, const char *owner)
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

void belong_write_trouble(const struct member *m, char out[POD_WHY_MAX])
{
	char text[POD_WHY_MAX];
	struct buf said = BUF_IN(text);

	out[0] = '\0';
	if (m->said_product->said == SAID_ELSEWHERE && belong_has_product(m->component)) {
		/* What to do comes first: the rest may be cut. */
		snprintf(out, POD_WHY_MAX, "label %.56s " CODIS_LABEL_PRODUCT ", or write the value: %.98s", m->name,
			 m->said_product->why);
	} else if (m->of == &m->space->unknown && m->space->unreadable && m->space->said < 2 &&
		   belong_has_product(m->component)) {
		snprintf(out, POD_WHY_MAX,
			 "add env PRODUCT_NAME: %.56s says no product, and what another pod of the namespace says "
			 "cannot be read",
			 m->name);
	} else if (m->of == &m->space->unknown && m->space->said < 2 && belong_has_product(m->component)) {
		snprintf(out, POD_WHY_MAX,
			 "add env PRODUCT_NAME: %.56s says no product, and %.40s has servers of its own", m->name,
			 only_said(m->space)->name);
	} else if (m->of == &m->space->unknown && belong_has_product(m->component)) {
		list_said(m->space, &said);
		snprintf(out, POD_WHY_MAX, "add env PRODUCT_NAME: %.56s says no product and the namespace has %s",
			 m->name, said.data);
	} else if (m->component == CODIS_SERVER && !*m->group && m->said_replica->said == SAID_ELSEWHERE) {
		snprintf(out, POD_WHY_MAX, "write the SERVER_REPLICA of %.56s: %.113s", m->name, m->said_replica->why);
	} else if (m->component == CODIS_SERVER && m->pod && !*m->group) {
		snprintf(out, POD_WHY_MAX,
			 "%.56s is in no group, for that comes from its number in a StatefulSet: run it in one",
			 m->name);
	}
}

static void tell_stand(const struct inventory *inv, const struct pod *p, bool stands)
{
	if (inv->places.on_stand && kept_pod_place(&p->known.pod)[0])
		inv->places.on_stand(inv->places.ctx, &p->known, stands);
}

/* --- who is the master of a group --------------------------------------------------------------------------------- */

/* The members of a group, one after the other; NULL at the end. */
static struct pod *next_of_group(const struct inventory *inv, const struct product *of, int group,
				 const struct pod *after)
{
	struct table_link *l =
		after ? table_next(&after->by_group) : table_first(&inv->pods_by_group, inv_hash_of_group(of, group));

	for (; l; l = table_next(l)) {
		struct pod *p = TABLE_ENTRY(l, struct pod, by_group);

		if (p->member.of == of && p->known.pod.group == group)
			return p;
	}
	return NULL;
}

static bool has_master(const struct inventory *inv, const struct product *of, int group)
{
	struct pod *p = NULL;

	while ((p = next_of_group(inv, of, group, p))) {
		if (p->known.pod.role == CODIS_ROLE_MASTER)
			return true;
	}
	return false;
}

bool belong_is_master(const struct inventory *inv, const struct product *of, const struct kept_pod *pod)
{
	if (!pod->group || pod->role == CODIS_ROLE_MASTER)
		return pod->group != 0;
	return codis_rank_of(pod->group, pod->ordinal, pod->server_replica) == 0 &&
	       !(of && has_master(inv, of, pod->group));
}

/* After somebody who is labelled as the master has come or gone: the first member is it no more, or again. */
static void settle_masters(const struct inventory *inv, const struct product *of, int group)
{
	struct pod *p = NULL;

	while (group && (p = next_of_group(inv, of, group, p))) {
		bool master = belong_is_master(inv, of, &p->known.pod);

		if (p->known.master == master)
			continue;
		p->known.master = master;
		if (inv->places.on_master && kept_pod_place(&p->known.pod)[0])
			inv->places.on_master(inv->places.ctx, &p->known);
	}
}

void belong_take_role(struct inventory *inv, struct pod *p, enum codis_role role)
{
	if (p->known.pod.role == role)
		return;
	p->known.pod.role = role;
	settle_masters(inv, p->member.of, p->known.pod.group);
}

/* It is one of its group, and so is told of, or is not any more. */
static void enter_group(struct inventory *inv, struct pod *p, const struct product *of)
{
	const struct kept_pod *pod = &p->known.pod;

	table_add(&inv->pods_by_group, &p->by_group, inv_hash_of_group(of, pod->group));
	p->known.master = belong_is_master(inv, of, pod);
	tell_stand(inv, p, true);
	if (pod->role == CODIS_ROLE_MASTER)
		settle_masters(inv, of, pod->group);
}

static void leave_group(struct inventory *inv, struct pod *p, const struct product *of)
{
	tell_stand(inv, p, false);
	table_remove(&inv->pods_by_group, &p->by_group);
	if (p->known.pod.role == CODIS_ROLE_MASTER)
		settle_masters(inv, of, p->known.pod.group);
}

/* --- coming and going --------------------------------------------------------------------------------------------- */

static void leave(struct inventory *inv, struct member *m)
{
	if (!m->of)
		return;
	belong_touch(inv, m->of);
	LIST_REMOVE(m, beside);
	if (m->pod) {
		leave_group(inv, m->pod, m->of);
		m->of->clustered -= is_clustered(m->component);
	}
	m->of = NULL;
}

static void join(struct inventory *inv, struct member *m, struct product *p)
{
	m->of = p;
	belong_touch(inv, p);
	*m->product = p->name;
	if (!m->pod) {
		LIST_INSERT_HEAD(&p->sets, m, beside);
		return;
	}
	LIST_INSERT_HEAD(&p->pods, m, beside);
	p->clustered += is_clustered(m->component);
	enter_group(inv, m->pod, p);
}

static void set_trouble(struct member *m, const char *trouble)
{
	free(m->own_trouble);
	m->own_trouble = trouble[0] ? strdup(trouble) : NULL;
	/* That there is one is told in any case. */
	*m->trouble = m->own_trouble ? m->own_trouble : trouble[0] ? "there is no memory to say what it lacks" : "";
}

static void resolve(struct inventory *inv, struct member *m)
{
	struct product *p = belong_where(inv, m, m->pod ? m->pod->known.pod.owner : "");
	char trouble[POD_WHY_MAX];

	if (m->of != p) {
		leave(inv, m);
		join(inv, m, p);
	}
	belong_write_trouble(m, trouble);
	if (strcmp(trouble, *m->trouble) != 0) {
		set_trouble(m, trouble);
		belong_touch(inv, p);
	}
}

void belong_regroup(struct inventory *inv, struct pod *p, int group)
{
	if (p->known.pod.group == group)
		return;
	leave_group(inv, p, p->member.of);
	p->known.pod.group = group;
	enter_group(inv, p, p->member.of);
	belong_touch(inv, p->member.of);
	resolve(inv, &p->member);
}

/* After a change of who says what: those who say nothing may belong elsewhere now. */
void belong_resolve_silent(struct inventory *inv, struct space *s)
{
	struct member *m;

	if (!s->said_changed)
		return;
	s->said_changed = false;
	LIST_FOREACH(m, &s->silent, silent)
	resolve(inv, m);
}

/* The namespace of a member, and the product that it says. 0, or -1: no memory. */
int belong_find_place(struct inventory *inv, const char *namespace, struct member *m)
{
	bool known = m->said_product->said == SAID_KNOWN;

	m->space = space_of(inv, namespace);
	if (!m->space)
		return -1;
	m->says = known ? product_of(inv, m->space, m->said_product->text) : NULL;
	if (!known || m->says)
		return 0;
	belong_touch(inv, &m->space->unknown); /* ends the namespace, if it is empty */
	return -1;
}

/* The member speaks already. */
void belong_link(struct inventory *inv, struct member *m)
{
	m->space->members++;
	if (m->said_product->said == SAID_NOTHING)
		LIST_INSERT_HEAD(&m->space->silent, m, silent);
	set_trouble(m, "");
	resolve(inv, m);
}

void belong_unlink(struct inventory *inv, struct member *m, bool gone)
{
	leave(inv, m);
	fall_silent(m, gone);
	if (m->said_product->said == SAID_NOTHING)
		LIST_REMOVE(m, silent);
	m->space->members--;
	free(m->own_trouble);
	free(m->claimed);
}
