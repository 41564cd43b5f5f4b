#include "controller/clusters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/inventory.h"
#include "common/kube/event.h"
#include "controller/say.h"
#include "controller/shared.h"
#include "controller/tell.h"

/* A cluster without pods for so long is forgotten. */
#define FORGET_MS 60000

struct clusters {
	struct controller *ctl;
	struct inventory *inv;
	struct cluster *first;
	struct stray_pod *strays;
	bool changed; /* products or strays may be others than before */
	bool was_synced;
	unsigned long long shared_seen;
};

static struct cluster *find(const struct clusters *cs, const char *namespace, const char *product)
{
	for (struct cluster *c = cs->first; c; c = c->next) {
		if (strcmp(c->namespace, namespace) == 0 && strcmp(c->product, product) == 0)
			return c;
	}
	return NULL;
}

static void on_change(void *ctx, const char *namespace, const char *product)
{
	struct clusters *cs = ctx;

	cs->changed = true;
	for (struct cluster *c = cs->first; c; c = c->next) {
		if ((namespace[0] && strcmp(c->namespace, namespace) != 0) ||
		    (product[0] && strcmp(c->product, product) != 0))
			continue;
		c->stock_due = c->ask_now = c->budgets.due = true;
		cluster_look(c);
	}
}

struct clusters *clusters_new(struct controller *ctl, struct inventory *inv)
{
	struct clusters *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return NULL;
	cs->ctl = ctl;
	cs->inv = inv;
	inventory_listen(inv, on_change, cs);
	return cs;
}

static void free_strays(struct stray_pod *s)
{
	while (s) {
		struct stray_pod *next = s->next;

		free(s);
		s = next;
	}
}

void clusters_free(struct clusters *cs)
{
	if (!cs)
		return;
	inventory_listen(cs->inv, NULL, NULL);
	while (cs->first) {
		struct cluster *next = cs->first->next;

		cluster_end(cs->first);
		cs->first = next;
	}
	free_strays(cs->strays);
	free(cs);
}

struct cluster *clusters_first(const struct clusters *cs)
{
	return cs->first;
}

const struct stray_pod *clusters_strays(const struct clusters *cs)
{
	return cs->strays;
}

static void see(struct cluster *c, struct sight_seen *seen)
{
	const struct cluster_view *v = &c->view;
	int servers = 0, heard = 0;

	for (int i = 0; i < v->server_count; i++) {
		const struct server_view *s = &v->servers[i];

		if (!s->addr[0] || s->named || !s->pod.running || s->pod.node_lost || s->pod.deleting)
			continue;
		servers++;
		heard += s->reach != REACH_SILENT && (s->reach != REACH_UNKNOWN || s->complaint[0]);
	}
	if (!servers)
		return;
	c->heard_once |= heard > 0;
	*(c->heard_once ? &seen->servers : &seen->unheard) += servers;
	seen->heard += heard;
	seen->clusters++;
	seen->connected += v->coordinator_ready;
}

void clusters_seen(struct clusters *cs, struct sight_seen *seen)
{
	*seen = (struct sight_seen){ 0 };
	for (struct cluster *c = cs->first; c; c = c->next)
		see(c, seen);
	if (seen->servers)
		return;
	seen->servers = seen->unheard;
	seen->unheard = 0;
}

void clusters_look(struct clusters *cs)
{
	cs->changed = true;
	for (struct cluster *c = cs->first; c; c = c->next)
		cluster_look(c);
}

bool clusters_take_part(const struct clusters *cs, const char *namespace)
{
	return !cs->ctl->takes_part || cs->ctl->takes_part(cs->ctl->takes_part_ctx, namespace);
}

void clusters_namespaces_changed(struct clusters *cs)
{
	cs->changed = true;
}

void clusters_budgets_changed(struct clusters *cs, const char *namespace)
{
	for (struct cluster *c = cs->first; c; c = c->next) {
		if (strcmp(c->namespace, namespace) != 0)
			continue;
		c->budgets.due = true;
		cluster_look(c);
	}
}

void clusters_take_stock(struct clusters *cs, const char *namespace)
{
	on_change(cs, namespace, "");
}

/* --- pods that belong to none ----------------------------------------------------------------------------------------
 */

static bool was_told(const struct stray_pod *told, const struct stray_pod *s)
{
	for (; told; told = told->next) {
		if (told->told && strcmp(told->uid, s->uid) == 0 && strcmp(told->trouble, s->trouble) == 0)
			return true;
	}
	return false;
}

static void tell_stray(const struct clusters *cs, const struct stray_pod *s)
{
	JSON_CLEANUP cJSON *pod = tell_about(s->namespace, s->name, s->uid);

	log_warn(cs->ctl->log, "pod.stray", "namespace=%s pod=%s error=%s", s->namespace, s->name, LOGQ(s->trouble));
	if (pod)
		kube_event_once(cs->ctl->events, "Pod", pod, true, "NotLed", "%s", s->trouble);
}

static int add_stray(void *ctx, const struct inventory_pod *p)
{
	struct clusters *cs = ctx;
	struct stray_pod *s;

	if (!p->trouble[0] || !clusters_take_part(cs, p->pod.namespace))
		return 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return 1; /* at the next tick */
	snprintf(s->namespace, sizeof(s->namespace), "%s", p->pod.namespace);
	snprintf(s->name, sizeof(s->name), "%s", p->pod.name);
	snprintf(s->uid, sizeof(s->uid), "%s", p->pod.uid);
	snprintf(s->trouble, sizeof(s->trouble), "%s", p->trouble);
	s->next = cs->strays;
	cs->strays = s;
	return 0;
}

/* Whether all were found. */
static bool find_strays(struct clusters *cs)
{
	struct stray_pod *before = cs->strays;
	bool all;

	cs->strays = NULL;
	all = inventory_each_pod(cs->inv, add_stray, cs) == 0;
	for (struct stray_pod *s = cs->strays; s; s = s->next) {
		s->told = was_told(before, s);
		if (s->told || cs->ctl->mandate != MANDATE_LEAD)
			continue;
		s->told = true;
		tell_stray(cs, s);
	}
	free_strays(before);
	return all;
}

/* --- clusters --------------------------------------------------------------------------------------------------------
 */

static int find_product(void *ctx, const char *namespace, const char *product)
{
	struct clusters *cs = ctx;
	struct cluster *c;

	if (!product[0] || !clusters_take_part(cs, namespace) || find(cs, namespace, product))
		return 0;
	c = cluster_begin(cs->ctl, namespace, product);
	if (!c)
		return 1; /* at the next tick */
	c->next = cs->first;
	cs->first = c;
	return 0;
}

/* Outside, or without pods for a while; and with nothing under way. */
static bool is_over(struct cluster *c, int64_t now_ms)
{
	if (c->outside)
		return cluster_idle(c);
	if (c->has_pods || c->stock_due || !c->empty_since_ms)
		c->empty_since_ms = now_ms;
	return now_ms - c->empty_since_ms >= FORGET_MS && cluster_idle(c);
}

static void forget(struct clusters *cs, int64_t now_ms)
{
	for (struct cluster **at = &cs->first; *at;) {
		struct cluster *c = *at;

		if (!is_over(c, now_ms)) {
			at = &c->next;
			continue;
		}
		say_info(c, "cluster.gone", "%s", "");
		*at = c->next;
		cluster_end(c);
	}
}

void clusters_tick(struct clusters *cs, int64_t now_ms)
{
	bool all;

	if (!cs->ctl->kube_synced)
		return;
	if (cs->changed || !cs->was_synced) {
		for (struct cluster *c = cs->first; c; c = c->next)
			c->outside = !clusters_take_part(cs, c->namespace);
		all = inventory_each_product(cs->inv, find_product, cs) == 0;
		/* Whom a group lists is no stray. A whole turn: the view points to what taking stock forgets. */
		for (struct cluster *c = cs->first; c; c = c->next) {
			if (c->stock_due)
				cluster_turn(c);
		}
		cs->changed = !find_strays(cs) || !all;
		cs->was_synced = true;
	}
	shared_look(cs->first, &cs->shared_seen);
	for (struct cluster *c = cs->first; c; c = c->next)
		cluster_tick(c, now_ms);
	forget(cs, now_ms);
}
