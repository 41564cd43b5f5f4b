#include "controller/gauges.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/base/buf.h"
#include "controller/clusters.h"
#include "controller/status.h"

/* --- of a cluster ---------------------------------------------------------------------------------------------------
 */

struct cluster_row {
	const struct cluster *c;
	const struct cluster_view *v;
	struct status_sum sum;
};

static int64_t slots_served(const struct cluster_row *r)
{
	return r->sum.slots;
}

static int64_t groups(const struct cluster_row *r)
{
	return r->sum.groups;
}

static int64_t groups_led(const struct cluster_row *r)
{
	return r->sum.led;
}

static int64_t proxies(const struct cluster_row *r)
{
	return r->sum.proxies;
}

static int64_t proxies_serving(const struct cluster_row *r)
{
	return r->sum.serving;
}

static int64_t lost_keys(const struct cluster_row *r)
{
	return r->sum.lost_keys;
}

static int64_t slots_to_move(const struct cluster_row *r)
{
	return r->c->scale_told.left;
}

static int64_t paused(const struct cluster_row *r)
{
	return r->v->paused;
}

static int64_t held(const struct cluster_row *r)
{
	return r->v->held_count;
}

static int64_t dashboard(const struct cluster_row *r)
{
	return r->v->dashboard.reach == REACH_OK;
}

static int64_t coordinator(const struct cluster_row *r)
{
	return r->v->coordinator_ready;
}

struct cluster_family {
	const char *name, *help;
	int64_t (*value)(const struct cluster_row *r);
};

static const struct cluster_family of_cluster[] = {
	{ "codis_cluster_slots_served", "Of the 1,024 slots those that every proxy sends to a healthy master.",
	  slots_served },
	{ "codis_cluster_groups", "Groups that the StatefulSets make.", groups },
	{ "codis_cluster_groups_led", "Groups with a healthy master.", groups_led },
	{ "codis_cluster_proxies", "Proxies that are to serve.", proxies },
	{ "codis_cluster_proxies_serving", "Proxies that serve.", proxies_serving },
	{ "codis_cluster_keys_lost", "Keys that were lost, until somebody acknowledges it.", lost_keys },
	{ "codis_slots_to_move", "Slots that are not yet in the group that is to have them.", slots_to_move },
	{ "codis_cluster_paused", "1 while codis.io/paused keeps the controller from acting.", paused },
	{ "codis_cluster_actions_held", "Actions that are held up, for a reason that the status says.", held },
	{ "codis_cluster_dashboard_up", "1 while the dashboard answers.", dashboard },
	{ "codis_cluster_coordinator_up", "1 while ZooKeeper is connected.", coordinator },
};

static int64_t failovers(const struct cluster_row *r)
{
	return r->c->tally.failovers;
}

static int64_t switches(const struct cluster_row *r)
{
	return r->c->tally.switches;
}

static int64_t failed(const struct cluster_row *r)
{
	return r->c->tally.failed;
}

static const struct cluster_family counted[] = {
	{ "codis_cluster_failovers_total", "Masters that failed and were replaced by this controller.", failovers },
	{ "codis_cluster_switches_total", "Masters that were replaced by this controller while they lived.", switches },
	{ "codis_cluster_actions_failed_total", "What this controller has begun and could not do.", failed },
};

/* --- of a group -----------------------------------------------------------------------------------------------------
 */

struct group_row {
	const struct cluster_view *v;
	int gid;
	struct status_group group;
};

/* -1: not known, and not shown. */
static int64_t led(const struct status_group *g)
{
	return g->led;
}

static int64_t slots(const struct status_group *g)
{
	return g->slots;
}

static int64_t replicas(const struct status_group *g)
{
	return g->replicas;
}

static int64_t synced(const struct status_group *g)
{
	return g->synced;
}

static int64_t keys(const struct status_group *g)
{
	return g->keys;
}

static int64_t lag(const struct status_group *g)
{
	return g->lag_bytes;
}

static const struct {
	const char *name, *help;
	int64_t (*value)(const struct status_group *g);
} of_group[] = {
	{ "codis_group_led", "1 while the group has a healthy master.", led },
	{ "codis_group_slots", "Slots that are assigned to the group.", slots },
	{ "codis_group_replicas", "Replicas that the group is to have.", replicas },
	{ "codis_group_replicas_synced", "Replicas that are in sync.", synced },
	{ "codis_group_keys", "Keys of its master.", keys },
	{ "codis_group_replication_lag_bytes",
	  "Bytes by which the last replica in sync is behind; with what was written between the two questions.", lag },
};

#define GAUGE        "gauge"
#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* --- written --------------------------------------------------------------------------------------------------------
 */

static void write_head(struct buf *out, const char *name, const char *help, const char *type)
{
	buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_labels(struct buf *out, const char *name, const struct cluster_view *v)
{
	buf_addf(out, "%s{namespace=\"%s\",product=\"%s\"", name, v->namespace, v->product);
}

/* One series a word, 1 for the one that is so: a word is a label's value then, and alerts can name it. */
static void write_states(const struct cluster_row *rows, int count, struct buf *out)
{
	static const char name[] = "codis_cluster_state";

	write_head(out, name, "1 for the state that the status line says.", GAUGE);
	for (int i = 0; i < count; i++) {
		for (int word = 0; word < STATUS_WORDS; word++) {
			write_labels(out, name, rows[i].v);
			buf_addf(out, ",state=\"%s\"} %d\n", status_word((enum status_word)word),
				 rows[i].sum.word == (enum status_word)word);
		}
	}
}

static void write_clusters(const struct cluster_family *family, const char *type, const struct cluster_row *rows,
			   int count, struct buf *out)
{
	write_head(out, family->name, family->help, type);
	for (int i = 0; i < count; i++) {
		write_labels(out, family->name, rows[i].v);
		buf_addf(out, "} %" PRId64 "\n", family->value(&rows[i]));
	}
}

static void write_groups(const struct group_row *rows, int count, struct buf *out)
{
	for (size_t f = 0; f < COUNT(of_group); f++) {
		write_head(out, of_group[f].name, of_group[f].help, GAUGE);
		for (int i = 0; i < count; i++) {
			int64_t value = of_group[f].value(&rows[i].group);

			if (value < 0)
				continue;
			write_labels(out, of_group[f].name, rows[i].v);
			buf_addf(out, ",group=\"%d\"} %" PRId64 "\n", rows[i].gid, value);
		}
	}
}

/* --- gathered, once for all families
 * ----------------------------------------------------------------------------------
 */

/* One that was taken away is remembered for a minute, and is not down meanwhile. */
static bool is_shown(const struct cluster *c)
{
	return c->view.product[0] && (c->has_pods || view_servers_wanted(&c->view) > 0);
}

static void count_all(const struct clusters *all, int *clusters, int *groups)
{
	*clusters = *groups = 0;
	for (const struct cluster *c = clusters_first(all); c; c = c->next) {
		*clusters += is_shown(c);
		*groups += is_shown(c) ? c->view.group_count : 0;
	}
}

static int gather_clusters(const struct clusters *all, struct cluster_row *rows)
{
	int n = 0;

	for (const struct cluster *c = clusters_first(all); c; c = c->next) {
		if (!is_shown(c))
			continue;
		rows[n].c = c;
		rows[n].v = &c->view;
		status_sum(&c->view, &c->ctl->limits, &rows[n++].sum);
	}
	return n;
}

static int gather_groups(const struct clusters *all, struct group_row *rows, int room)
{
	int n = 0;

	for (const struct cluster *c = clusters_first(all); c; c = c->next) {
		for (int i = 0; is_shown(c) && i < c->view.group_count && n < room; i++) {
			const struct group_view *g = &c->view.groups[i];

			rows[n] = (struct group_row){ .v = &c->view, .gid = g->node.id };
			n += status_of_group(&c->view, g, &c->ctl->limits, &rows[n].group);
		}
	}
	return n;
}

static void write_how_groups_are(const struct clusters *all, int count, struct buf *out)
{
	int room = count < GAUGES_GROUPS_MAX ? count : GAUGES_GROUPS_MAX;
	struct group_row *rows = calloc((size_t)room + 1, sizeof(*rows));

	if (!rows)
		return;
	write_groups(rows, gather_groups(all, rows, room), out);
	write_head(out, "codis_groups_left_out", "Groups for which there is no room here.", GAUGE);
	buf_addf(out, "codis_groups_left_out %d\n", count - room);
	free(rows);
}

void gauges_write(const struct clusters *all, bool leads, struct buf *out)
{
	struct cluster_row *rows;
	int clusters, groups;

	count_all(all, &clusters, &groups);
	rows = calloc((size_t)clusters + 1, sizeof(*rows));
	if (!rows)
		return;
	clusters = gather_clusters(all, rows);
	for (size_t f = 0; f < COUNT(counted); f++)
		write_clusters(&counted[f], "counter", rows, clusters, out);
	if (leads) {
		write_states(rows, clusters, out);
		for (size_t f = 0; f < COUNT(of_cluster); f++)
			write_clusters(&of_cluster[f], GAUGE, rows, clusters, out);
		write_how_groups_are(all, groups, out);
	}
	free(rows);
}
