#include "controller/judge.h"

#include <stdio.h>
#include <string.h>

#include "common/codis/served.h"

/* A link that broke so long before its master was last heard was not broken by what befell the master. What two
 * connections bring is not heard in the order in which it happened. */
#define LINK_SLACK_MS 200
/* What does not answer for so long is more than busy with one command. */
#define SUSPECT_MS 500
/* A master that is well pings its replicas every second once it had its role from us (act_promote.c); by default every
 * ten: a replica of an idle one that was not heard for less has heard nothing, either. */
#define PING_MS        2000
#define PING_DEFAULT_S 10
/* A replica counts whole seconds by a clock that stands for 100 ms: one whose master is well, and pings it every
 * second, says 1 half of the time, and 2 now and then. It says 3 of one that is not. */
#define SURE_S 3
/* Between two INFOs of a group that is well, and what their seconds leave out. */
#define RARE_AGAIN_MS 3000
/* The others of a group are asked again at once when one falls away: whoever can, has answered by then. */
#define HEAR_OTHERS_MS 100
/* What was done in a minute is less than what a file lacks. */
#define CURRENT_MS 60000
/* Pods are told later than that only while the API server is slow. */
#define STRANGER_MS 5000
/* A process that ended is started again by its kubelet within this: at once, or after the first back-off. */
#define RESTART_MS 12000
/* Redis answers nobody while it packs a key of some hundred megabytes, or takes one in: Codis itself gives each such
 * step 5 s. */
#define MIGRATES_MS 10000
/* Between two INFOs that were both heard in time. */
#define LATELY_MS 2000

bool judge_has_pod(const struct server_view *s)
{
	return s->pod.name[0] != '\0';
}

bool judge_may_wake(const struct server_view *s)
{
	return (s->reach == REACH_SILENT && s->accepts) || (s->reach == REACH_UNKNOWN && s->complaint[0]);
}

bool judge_heard(const struct server_view *s)
{
	return s->reach == REACH_OK && s->info_valid && !s->info.loading;
}

bool judge_loads(const struct server_view *s)
{
	return s->reach == REACH_OK && s->info_valid && s->info.loading;
}

bool judge_of_another_group(const struct server_view *s, int gid)
{
	/* The process had its role in this group: what is heard of pods is older. One that is silent may live; a
	 * stranger is not asked any more. */
	if (s->remembered_group == gid && (s->info_valid || !s->of_another))
		return false;
	return s->of_another || (judge_has_pod(s) && s->group && s->group != gid);
}

int64_t judge_lasting_ms(const struct cluster_view *v, int64_t since_ms)
{
	return v->now_ms - (since_ms > v->steady_since_ms ? since_ms : v->steady_since_ms);
}

bool judge_may_be_a_stranger(const struct cluster_view *v, const struct server_view *s)
{
	return judge_heard(s) && s->info.role == REDIS_ROLE_MASTER && !s->remembered &&
	       judge_lasting_ms(v, s->since_ms) < STRANGER_MS;
}

/* How many of the pods that its StatefulSet, which there is, makes for the group are seen. */
static int pods_seen(const struct cluster_view *v, const struct group_view *g, bool *first)
{
	const struct view_set *set = view_set_of(v, g->node.id);
	const struct server_view *s;
	int first_ordinal, end, n = 0;

	codis_shape_members(&set->shape, g->node.id, &first_ordinal, &end);
	*first = false;
	for (int at = 0; (s = view_next(v, g, &at));) {
		if (!view_is_member(s, g->node.id) || !judge_has_pod(s))
			continue;
		*first |= s->ordinal == first_ordinal;
		n++;
	}
	return n;
}

bool judge_pod_is_gone(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
		       const struct decide_limits *limits)
{
	const struct view_set *set = view_set_of(v, g->node.id);
	bool first;

	if (!v->kube_fresh || judge_has_pod(s))
		return false;
	if (s->pod_gone || !set || set->shape.replicas <= 0)
		return s->pod_gone;
	/* The first is made first, and is rolled last: where it is seen, so would be the others that there are. */
	return pods_seen(v, g, &first) >= view_group_size(v, g->node.id) ||
	       (first && judge_lasting_ms(v, s->since_ms) >= limits->cold_wait_ms);
}

/* --- witnesses ----------------------------------------------------------------------------------------------------
 */

/* The process that had the link was not heard by us, and another one answers in its place: it was lost long before that
 * one began. */
static bool lost_link_before_start(const struct server_view *s, const struct server_view *m)
{
	int64_t down_s = s->info.link_down_s;

	if (down_s < 0 || m->info.uptime_s < 0)
		return true;
	return down_s == INT64_MAX || s->heard_ms - down_s * 1000 + RESTART_MS < m->heard_ms - m->info.uptime_s * 1000;
}

/* What it says now is not of the process that had its role. */
static bool has_restarted(const struct server_view *m)
{
	return m->restarted || (m->info_valid && redis_info_guarded(&m->info));
}

/* It had lost its link to a master that was well: that it has none tells nothing, and it lacks what came since. */
static bool lost_link_before(const struct server_view *s, const struct server_view *m)
{
	bool restarted = has_restarted(m);
	/* One that restarted is heard again, and it is not the one that had the link. */
	int64_t heard_ms = restarted && m->role_heard_ms ? m->role_heard_ms : m->heard_ms;

	if (s->info.link_up || !s->link_down_since_ms || !heard_ms)
		return false;
	return restarted && !m->role_heard_ms ? lost_link_before_start(s, m)
					      : s->link_down_since_ms + LINK_SLACK_MS < heard_ms;
}

/* Its link stands, as it does for a minute when the way is cut, and nothing has come over it since long before the
 * master was last heard, which had sent more by then. */
static bool lags(const struct server_view *s, const struct server_view *m)
{
	bool restarted = has_restarted(m);
	int64_t heard_ms = restarted ? m->role_heard_ms : m->heard_ms;
	int64_t sent = restarted ? m->role_offset : m->info.offset;

	return s->info.link_up && (restarted || m->info.role == REDIS_ROLE_MASTER) && heard_ms &&
	       s->heard_ms - s->info.last_io_s * 1000 + PING_MS < heard_ms && s->info.offset < sent;
}

/* The master lives, or its kernel does, which brings what it has sent to whoever it reaches: s was heard after it, and
 * has less. So s is cut off from it, and that it does not hear it tells nothing. */
static bool lacks(const struct server_view *s, const struct server_view *m)
{
	return judge_may_wake(m) && m->info.role == REDIS_ROLE_MASTER && m->heard_ms && s->heard_ms > m->heard_ms &&
	       s->info.offset < m->info.offset;
}

/* The master is silent to us and to s, and another replica has heard it since, and has more: s is cut off from it, as
 * we are. That the other one has ended meanwhile tells nothing of the master. */
static bool another_heard_more(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
			       const struct server_view *m)
{
	int64_t io_ms = s->info.link_up ? s->heard_ms - s->info.last_io_s * 1000 : s->link_down_since_ms;
	const struct server_view *x;

	for (int at = 0; m->reach == REACH_SILENT && (x = view_next(v, g, &at));) {
		if (x != s && x != m && strcmp(x->link_up_to, m->addr) == 0 && x->link_io_ms > io_ms + PING_MS &&
		    x->link_up_offset > s->info.offset)
			return true;
	}
	return false;
}

/* Its word counts on a master that we do not reach: a member that we hear, and that had what the master sent. */
static bool is_witness(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
		       const struct server_view *m)
{
	return s != m && view_is_member(s, g->node.id) && judge_heard(s) && s->info.role == REDIS_ROLE_REPLICA &&
	       !s->info.syncing && strcmp(s->info.master, m->addr) == 0 && !lost_link_before(s, m) && !lags(s, m) &&
	       !lacks(s, m) && !another_heard_more(v, g, s, m);
}

/* After how many seconds it misses its master. Of one that it has heard since that is silent to us, as it is where only
 * our way there is cut, fewer tell nothing. */
static int enough_s(const struct server_view *s, const struct server_view *m, int io_s)
{
	bool heard_since = s->heard_ms - (s->info.last_io_s + 1) * 1000 - LINK_SLACK_MS >= m->since_ms;

	return heard_since ? SURE_S : io_s;
}

/* What it says of the time that it has not heard its master counts once we hear it for as long: one that was stopped
 * itself, and has just woken, has heard nobody. */
static bool has_not_heard(const struct cluster_view *v, const struct server_view *s, const struct server_view *m,
			  int io_s)
{
	int64_t io_ms = s->heard_ms - s->info.last_io_s * 1000;
	/* What it has heard since may have been one ping. */
	bool was_rare = s->rare_ms && io_ms - s->rare_ms < RARE_AGAIN_MS;
	bool rare = m->heard_ms && s->heard_ms && (io_ms + PING_MS < m->heard_ms || was_rare);

	return s->info.last_io_s >= enough_s(s, m, io_s) + (rare ? PING_DEFAULT_S : 0) &&
	       judge_lasting_ms(v, s->since_ms) >= (int64_t)io_s * 1000;
}

/* The second view of a master that we do not reach: a witness has lost its link, or has not heard it for so long. */
static bool witness_misses(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			   int io_s)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (is_witness(v, g, s, m) && (!s->info.link_up || (io_s && has_not_heard(v, s, m, io_s))))
			return true;
	}
	return false;
}

/* The view against it: a witness has said, since we do not reach it, that it hears it. */
static bool witness_hears(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			  int io_s)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (is_witness(v, g, s, m) && s->info.link_up && s->info.last_io_s < enough_s(s, m, io_s) &&
		    s->heard_ms && s->heard_ms >= m->since_ms)
			return true;
	}
	return false;
}

static bool has_witness(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (is_witness(v, g, s, m))
			return true;
	}
	return false;
}

/* What Kubernetes says of it: its pod is gone, or its container does not run. That its node is NotReady says that its
 * kubelet is not heard: where there is a witness, that one's word is awaited. */
static bool kube_misses(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			const struct decide_limits *limits)
{
	if (!judge_has_pod(m))
		return judge_pod_is_gone(v, g, m, limits);
	return v->kube_fresh &&
	       (!m->pod.running || m->pod.node_gone || m->pod.node_out || (m->pod.node_lost && !has_witness(v, g, m)));
}

/* --- the master ------------------------------------------------------------------------------------------------------
 */

bool judge_is_patient(const struct group_view *g, const struct decide_limits *limits)
{
	return limits->silent_failovers && g->silent_failovers >= limits->silent_failovers;
}

/* Keys are moved from the group or to it at this moment, as the dashboard said last. */
static bool migrates(const struct cluster_view *v, int gid)
{
	const struct dashboard_view *b = &v->dashboard;

	for (int i = 0; b->slots_known && i < CODIS_SLOTS; i++) {
		if (b->slot_acting[i] && (b->slot_group[i] == gid || b->slot_target[i] == gid))
			return true;
	}
	return false;
}

/* It is being told to move some, or was and has not said since whose slots are whose, or was not asked yet. */
static bool slots_may_move(const struct cluster_view *v)
{
	return moving_is(&v->scaling.moving) && (v->scaling.busy || !v->dashboard.slots_known);
}

bool judge_slots_move(const struct cluster_view *v, int gid)
{
	const struct dashboard_view *b = &v->dashboard;

	if (b->reach == REACH_REFUSED)
		return false;
	for (int i = 0; b->slots_known && i < CODIS_SLOTS; i++) {
		if ((b->slot_group[i] == gid && (b->slot_acting[i] || b->slot_target[i])) || b->slot_target[i] == gid)
			return true;
	}
	return slots_may_move(v);
}

bool judge_leaves(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *m = view_master(v, g), *next;

	if (!m || !view_master_verified(m))
		return false;
	if (m->pod.deleting || (m->info_valid && m->info.ending))
		return true;
	next = m->pod.cordoned && v->kube_fresh ? judge_best_replica(v, g, m, true) : NULL;
	return next && !next->pod.cordoned && judge_has_pod(next);
}

/* A group whose masters stall again and again gains nothing by another master each time: each change costs a full
 * resync, whose fork is the next stall. There a silent one is awaited as long as Sentinel does, by default. One whose
 * pod a person has taken away is not. */
static int silence_ms(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
		      const struct decide_limits *limits)
{
	if (v->kube_fresh && (m->pod_gone || m->pod.deleting))
		return limits->silence_ms;
	if (judge_is_patient(g, limits))
		return limits->patience_ms;
	return migrates(v, g->node.id) && judge_may_wake(m) && !m->pod.node_lost && limits->silence_ms < MIGRATES_MS
		       ? MIGRATES_MS
		       : limits->silence_ms;
}

static enum master_verdict judge_silent(const struct cluster_view *v, const struct group_view *g,
					const struct server_view *m, const struct decide_limits *limits,
					const char **why)
{
	bool errors = m->reach == REACH_UNKNOWN;

	if (judge_lasting_ms(v, m->since_ms) < silence_ms(v, g, m, limits) || witness_hears(v, g, m, limits->io_s))
		return MASTER_UNKNOWN;
	*why = errors ? "it answers nothing but errors, and its replica has nothing from it"
		      : "it is silent, and its replica has nothing from it";
	if (witness_misses(v, g, m, limits->io_s))
		return MASTER_FAILED;
	*why = "it is silent, and its pod or node is gone";
	return !errors && kube_misses(v, g, m, limits) ? MASTER_FAILED : MASTER_UNKNOWN;
}

static enum master_verdict judge_refused(const struct cluster_view *v, const struct group_view *g,
					 const struct server_view *m, const struct decide_limits *limits,
					 const char **why)
{
	if (witness_hears(v, g, m, limits->io_s))
		return MASTER_UNKNOWN; /* it refuses us */
	*why = "connections are refused, and its replica lost its link";
	if (witness_misses(v, g, m, 0))
		return MASTER_FAILED;
	*why = "connections are refused, and its container does not run";
	return kube_misses(v, g, m, limits) ? MASTER_FAILED : MASTER_UNKNOWN;
}

static enum master_verdict judge_unreachable(const struct cluster_view *v, const struct group_view *g,
					     const struct server_view *m, const struct decide_limits *limits,
					     const char **why)
{
	enum master_verdict verdict = MASTER_UNKNOWN;

	if (m->reach == REACH_REFUSED)
		verdict = judge_refused(v, g, m, limits, why);
	else if (m->reach == REACH_SILENT || (m->reach == REACH_UNKNOWN && m->complaint[0]))
		verdict = judge_silent(v, g, m, limits, why);
	if (verdict == MASTER_UNKNOWN)
		*why = "it does not answer";
	return verdict;
}

/* Of its pod was heard just now, and it has not answered since: it may be the process that leads here. */
static bool is_asked_first(const struct cluster_view *v, const struct server_view *m,
			   const struct decide_limits *limits)
{
	return m->reach == REACH_UNKNOWN && !m->heard_ms && !m->complaint[0] && !m->of_another &&
	       judge_lasting_ms(v, m->since_ms) < limits->silence_ms;
}

enum master_verdict judge_as_master(const struct cluster_view *v, const struct group_view *g,
				    const struct server_view *m, const struct decide_limits *limits, const char **why)
{
	/* The address has gone to a pod of another group: whoever had it is no more. */
	if (judge_of_another_group(m, g->node.id)) {
		*why = "its address belongs to another pod now";
		return is_asked_first(v, m, limits) ? MASTER_UNKNOWN : MASTER_FAILED;
	}
	if (m->reach != REACH_OK || !m->info_valid)
		return judge_unreachable(v, g, m, limits, why);
	*why = "it is loading its data";
	if (m->info.loading && !(redis_info_guarded(&m->info) && judge_best_replica(v, g, m, false)))
		return MASTER_UNKNOWN;
	*why = m->restarted ? "it restarted, and what it had is gone" : "it has started anew, and waits for a role";
	if (redis_info_guarded(&m->info) || m->restarted)
		return MASTER_FAILED;
	*why = m->role_refused_ms ? "it was declared master and refuses the role"
				  : "it was declared master and has not got the role";
	if (m->info.role == REDIS_ROLE_REPLICA)
		return MASTER_ROLELESS;
	*why = "it is master";
	return MASTER_HEALTHY;
}

enum master_verdict judge_master(const struct cluster_view *v, const struct group_view *g,
				 const struct decide_limits *limits, const char **why)
{
	const struct server_view *m = view_master(v, g);

	*why = "the group has no master yet";
	return m ? judge_as_master(v, g, m, limits, why) : MASTER_NONE;
}

bool judge_suspected(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
		     const struct decide_limits *limits)
{
	struct decide_limits sooner = *limits;
	const char *why;

	sooner.silence_ms = SUSPECT_MS < limits->silence_ms ? SUSPECT_MS : limits->silence_ms;
	if (v->mandate == MANDATE_STANDBY)
		sooner.silence_ms += limits->standby_ms;
	sooner.io_s = 1;
	return m && m->reach == REACH_SILENT && judge_as_master(v, g, m, &sooner, &why) == MASTER_FAILED;
}

bool judge_lost(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits)
{
	const struct server_view *m = view_master(v, g), *old;
	const char *why;

	switch (judge_master(v, g, limits, &why)) {
	case MASTER_FAILED: return true;
	case MASTER_ROLELESS:
		old = view_server(v, m->info.master);
		return old && old != m && view_is_member(old, g->node.id) &&
		       judge_as_master(v, g, old, limits, &why) == MASTER_FAILED;
	default: return false;
	}
}

/* --- who has its data ------------------------------------------------------------------------------------------------
 */

/* Its master's address has gone to a server of another group, which leads there, and it hears that one: it has synced
 * anew, and what it has is of that group. Until its old link has ended, it hears nobody. */
static bool has_strangers_data(const struct cluster_view *v, const struct group_view *g, const struct server_view *s)
{
	const struct server_view *of =
		s->info.role == REDIS_ROLE_REPLICA && s->info.link_up ? view_server(v, s->info.master) : NULL;

	return of && of != s && judge_of_another_group(of, g->node.id) &&
	       s->heard_ms - (s->info.last_io_s + 1) * 1000 > of->since_ms;
}

int64_t judge_lacks(const struct server_view *s, const struct server_view *m)
{
	int64_t lacks = m->info.offset - s->info.offset;

	return !m->info_valid && m->info.role == REDIS_ROLE_MASTER && s->heard_ms > m->heard_ms && lacks > 0 ? lacks
													     : 0;
}

/* m may live, and had sent far more before s was heard last: one that was stopped, say, and has just woken. Or all that
 * m had came while s loaded, and the way was cut before s was sent it. What has ended is no choice: there whoever has
 * most of it leads. */
static bool is_far_behind(const struct server_view *s, const struct server_view *m)
{
	int64_t bytes = judge_lacks(s, m);
	bool has_nothing_of_it = bytes && m->info.keys && !s->info.keys;

	return m->reach != REACH_REFUSED && (has_nothing_of_it || bytes > SUCCESSION_LAG_BYTES);
}

/* This process has followed somebody: that the one before it had a role tells nothing of what it has by now. Its link
 * may not have been seen, by who was cut off from it meanwhile. */
static bool has_followed(const struct server_view *s)
{
	return s->info.link_down_s >= 0 && s->info.link_down_s < s->info.uptime_s;
}

static bool has_what_it_sent(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
			     const struct server_view *m)
{
	/* offset 1 and below: it never finished a sync with this master. */
	return is_witness(v, g, s, m) && s->info.offset > 1 && (!s->restarted || has_followed(s)) &&
	       !has_strangers_data(v, g, s) && !is_far_behind(s, m);
}

bool judge_about_to_go(const struct server_view *s)
{
	return s->pod.deleting || s->info.ending;
}

/* Its kubelet ends it within that behind its hook, if it does at all. */
#define LETS_GO_MS 2000

bool judge_lets_go(const struct redis_info *info, int64_t ending_ms, int64_t now_ms)
{
	return info->ending && info->role == REDIS_ROLE_REPLICA && info->link_up && now_ms - ending_ms < LETS_GO_MS;
}

static bool is_better(const struct server_view *s, const struct server_view *than, bool choose)
{
	/* Who refuses the role is of no use; of several, who did so longest ago. */
	if (s->role_refused_ms != than->role_refused_ms)
		return s->role_refused_ms < than->role_refused_ms;
	if (judge_about_to_go(s) != judge_about_to_go(than))
		return judge_about_to_go(than);
	if (choose && s->pod.cordoned != than->pod.cordoned)
		return than->pod.cordoned;
	return s->info.offset > than->info.offset;
}

const struct server_view *judge_best_replica(const struct cluster_view *v, const struct group_view *g,
					     const struct server_view *m, bool must_be_synced)
{
	const struct server_view *best = NULL, *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (!has_what_it_sent(v, g, s, m) || (must_be_synced && (!view_synced(s, m) || judge_about_to_go(s))))
			continue;
		/* Those that are in sync will have the same. */
		if (!best || is_better(s, best, must_be_synced))
			best = s;
	}
	return best;
}

bool judge_more_to_hear(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			const struct server_view *best)
{
	const struct server_view *s;

	if (v->now_ms - m->since_ms >= HEAR_OTHERS_MS)
		return false;
	for (int at = 0; (s = view_next(v, g, &at));) {
		bool asked = s->reach == REACH_OK && !s->info_valid;
		bool had_link = s->info.link_up || s->info.syncing; /* it may have ended its sync since */
		bool old = s->info_valid && had_link && s->heard_ms && s->heard_ms < m->since_ms;

		if (s != m && s != best && view_is_member(s, g->node.id) && !s->pod.deleting && (asked || old) &&
		    s->info.role == REDIS_ROLE_REPLICA && strcmp(s->info.master, m->addr) == 0)
			return true;
	}
	return false;
}

/* A master that a member follows: it takes writes, whatever the list says. */
static bool is_followed(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	const struct server_view *s;

	for (int at = 0; view_master_verified(m) && (s = view_next(v, g, &at));) {
		if (view_is_member(s, g->node.id) && view_synced(s, m))
			return true;
	}
	return false;
}

/* It was started again, in its pod or with the volume of one before: what it has is of some time before. */
static bool is_of_file(const struct server_view *s)
{
	return redis_info_guarded(&s->info) && !s->pod.deleting && (s->pod.restarts > 0 || s->pod.keeps_data);
}

/* When its link to a master was up last. A controller that came later has that from itself. */
static int64_t link_up_at(const struct server_view *s)
{
	int64_t at_ms;

	if (s->link_up_at_ms || s->info.link_up || s->info.offset <= 1 || s->info.link_down_s < 0 ||
	    s->info.link_down_s == INT64_MAX)
		return s->link_up_at_ms;
	at_ms = s->heard_ms - s->info.link_down_s * 1000;
	return at_ms > 0 ? at_ms : 1;
}

/* When what it has was its group's newest last: it was in sync with a master, or led itself as the process that it is.
 */
static int64_t current_at(const struct server_view *s)
{
	int64_t led_ms = s->remembered ? s->role_heard_ms : 0, up_ms = link_up_at(s);

	return led_ms > up_ms ? led_ms : up_ms;
}

/* The process that answers led or was in sync shortly before the group had no master any more. */
static bool was_current(const struct cluster_view *v, const struct group_view *g, const struct server_view *s)
{
	int64_t current_ms = current_at(s);

	if (redis_info_guarded(&s->info) || s->restarted || s->info.syncing || !current_ms)
		return false;
	return (g->masterless_ms ? g->masterless_ms : v->now_ms) - current_ms < CURRENT_MS;
}

/* A process that had a role, though nobody knows when, and more than is left of the other one. */
static bool has_more_than_a_file(const struct server_view *s, const struct server_view *file)
{
	return is_of_file(file) && !redis_info_guarded(&s->info) && !s->restarted && !s->info.syncing &&
	       s->info.keys > file->info.keys;
}

/* The process that answers had its role in another group, by an address that was a member's there: what it has is of
 * that one. */
static bool is_of_another(const struct server_view *s, int gid)
{
	return s->remembered && s->remembered_group && s->remembered_group != gid;
}

/* ... and leads it still: whoever writes to that group writes to it. */
static bool leads_another(const struct cluster_view *v, const struct server_view *s, int gid)
{
	const struct group_view *g = is_of_another(s, gid) ? view_group(v, s->remembered_group) : NULL;

	return g && view_master(v, g) == s && view_master_verified(s);
}

/* The link of s was last up to the other one, which is the same process, leads, declared or not, or led after it had
 * followed anybody, and has synced with nobody since: whatever both were told meanwhile, that one has what it sent. */
static bool has_what_it_got(const struct server_view *led, const struct server_view *s)
{
	bool leads =
		led->info.role == REDIS_ROLE_MASTER || (led->remembered && led->role_heard_ms > led->link_up_at_ms);

	return leads && strcmp(s->link_up_to, led->addr) == 0 && !led->restarted && !redis_info_guarded(&led->info) &&
	       !led->info.syncing && s->role_heard_ms <= s->link_up_at_ms && led->info.uptime_s >= 0 &&
	       led->heard_ms - led->info.uptime_s * 1000 <= s->link_up_at_ms;
}

/* Greater than 0: a has the newer data, when no order between them is known from replication. The declared master is
 * the one that was fenced last; offsets compare only under one master, and tell nothing after a restart. */
static int compare_data(const struct cluster_view *v, const struct group_view *g, const struct server_view *a,
			const struct server_view *b)
{
	int ia = codis_group_find(&g->node, a->addr), ib = codis_group_find(&g->node, b->addr);
	bool one_master = strcmp(a->info.master, b->info.master) == 0 && !redis_info_guarded(&a->info);
	int64_t apart_ms = current_at(a) - current_at(b);

	if ((a->info.keys > 0) != (b->info.keys > 0))
		return a->info.keys > 0 ? 1 : -1;
	if (is_of_another(a, g->node.id) != is_of_another(b, g->node.id))
		return is_of_another(b, g->node.id) ? 1 : -1;
	if (is_followed(v, g, a) != is_followed(v, g, b))
		return is_followed(v, g, a) ? 1 : -1;
	if ((was_current(v, g, a) && is_of_file(b)) || (was_current(v, g, b) && is_of_file(a)))
		return was_current(v, g, a) ? 1 : -1;
	if (a->pod.deleting != b->pod.deleting)
		return b->pod.deleting ? 1 : -1;
	if (has_more_than_a_file(a, b) || has_more_than_a_file(b, a))
		return has_more_than_a_file(a, b) ? 1 : -1;
	if ((ia == 0) != (ib == 0))
		return ia == 0 ? 1 : -1;
	if (has_what_it_got(a, b) != has_what_it_got(b, a))
		return has_what_it_got(a, b) ? 1 : -1;
	if (one_master && a->info.offset != b->info.offset)
		return a->info.offset > b->info.offset ? 1 : -1;
	if (apart_ms > LATELY_MS || apart_ms < -LATELY_MS)
		return apart_ms > 0 ? 1 : -1;
	if (a->info.keys != b->info.keys)
		return a->info.keys > b->info.keys ? 1 : -1;
	if ((ia < 0) != (ib < 0))
		return ia >= 0 ? 1 : -1;
	return ia != ib ? ib - ia : b->ordinal - a->ordinal;
}

/* What is known of the members that are awaited. */
struct awaited {
	bool any;               /* one that has a pod is not heard */
	bool loads;             /* one reads its file */
	bool data;              /* one may come back with its volume */
	bool unknown;           /* one may be a stranger, or lead with the keys: that is clear in a moment */
	bool silent;            /* one that had keys, or was never heard, says nothing, and may live */
	int64_t heard_since_ms; /* since when the first of those that are heard is; 0: none is */
};

/* It says nothing, and may live: it had keys when it was heard last, or was never heard. */
static bool may_have_keys(const struct server_view *s)
{
	return s->reach == REACH_SILENT && !s->info_valid && (s->info.keys > 0 || !s->info.run_id[0]);
}

static void await(struct awaited *w, const struct server_view *s)
{
	w->loads |= judge_loads(s);
	w->data |= !judge_heard(s) && s->pod.keeps_data;
	w->silent |= may_have_keys(s);
	if (s->pod.deleting)
		return;
	w->any |= !judge_heard(s);
	if (judge_heard(s) && (!w->heard_since_ms || s->since_ms < w->heard_since_ms))
		w->heard_since_ms = s->since_ms;
}

/* Since the first one was heard: before that, nobody could have been. */
static bool waited_enough(const struct cluster_view *v, const struct group_view *g, const struct awaited *w,
			  int cold_wait_ms)
{
	int64_t since_ms = g->masterless_ms > w->heard_since_ms ? g->masterless_ms : w->heard_since_ms;

	return g->masterless_ms && v->now_ms - since_ms >= cold_wait_ms;
}

static bool had_keys(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *m = view_master(v, g);

	return g->keys > 0 || (g->keys < 0 && m && m->info.keys > 0);
}

/* A pod is gone, and the next one of its name comes with its volume. That of the declared master is awaited. */
static void await_volume(const struct cluster_view *v, const struct group_view *g, struct awaited *w)
{
	const struct server_view *m = view_master(v, g), *s;
	int members = 0;
	bool kept = false;

	for (int at = 0; (s = view_next(v, g, &at));) {
		members += view_is_member(s, g->node.id) && judge_has_pod(s) && !s->pod.deleting;
		kept |= s->pod.keeps_data;
	}
	if (!kept || members >= view_group_size(v, g->node.id))
		return;
	w->data = true;
	w->any |= m && !judge_heard(m) && (!judge_has_pod(m) || m->pod.deleting);
}

static const struct server_view *newest_of(const struct cluster_view *v, const struct group_view *g, struct awaited *w)
{
	const struct server_view *best = NULL, *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (!view_is_member(s, g->node.id) || !judge_has_pod(s))
			continue;
		await(w, s);
		w->unknown |= judge_may_be_a_stranger(v, s);
		if (judge_heard(s) && !judge_may_be_a_stranger(v, s) && !has_strangers_data(v, g, s) &&
		    !leads_another(v, s, g->node.id) && (!best || compare_data(v, g, s, best) > 0))
			best = s;
	}
	await_volume(v, g, w);
	return best;
}

/* An empty one is no successor of whoever may come back with the keys, nor is an older file one of a process that may
 * wake. */
static bool is_no_successor(const struct cluster_view *v, const struct group_view *g, const struct server_view *best,
			    const struct awaited *w)
{
	return best && had_keys(v, g) &&
	       ((w->data && !best->info.keys) || (w->silent && (!best->info.keys || is_of_file(best))));
}

const struct server_view *judge_newest(const struct cluster_view *v, const struct group_view *g,
				       const struct decide_limits *limits)
{
	struct awaited w = { 0 };
	const struct server_view *best = newest_of(v, g, &w);

	if (!best || w.loads || w.unknown || (w.any && !waited_enough(v, g, &w, limits->cold_wait_ms)))
		return NULL;
	return is_no_successor(v, g, best, &w) ? NULL : best;
}

const struct server_view *judge_last_holder(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *m = view_master(v, g), *s;

	if (!m || !m->pod.deleting || !view_master_verified(m) || !m->info.keys || view_group_size(v, g->node.id) == 1)
		return NULL;
	for (int at = 0; (s = view_next(v, g, &at));) {
		if (s != m && view_is_member(s, g->node.id) && view_synced(s, m) && !s->pod.deleting)
			return NULL;
	}
	return m;
}

bool judge_may_live(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
		    const struct decide_limits *limits)
{
	return m->reach != REACH_REFUSED && !m->info_valid && !judge_pod_is_gone(v, g, m, limits) &&
	       !judge_of_another_group(m, g->node.id);
}

static bool is_silent_for(const struct cluster_view *v, const struct server_view *m, int ms)
{
	return m->reach == REACH_SILENT && judge_lasting_ms(v, m->since_ms) >= ms;
}

/* It alone is silent. Where others of its group are, too, what they have is not known, and it may be we who are cut
 * off: nobody is told to give it up for that. */
static bool is_silent_alone(const struct cluster_view *v, const struct group_view *g, const struct server_view *m,
			    int ms)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (s != m && view_is_member(s, g->node.id) && s->reach == REACH_SILENT)
			return false;
	}
	return !v->tilted && is_silent_for(v, m, ms);
}

static const char *held_up_by(char out[JUDGE_HELD_MAX], const struct cluster_view *v, const char *why,
			      const struct server_view *s)
{
	if (s->pod.name[0])
		snprintf(out, JUDGE_HELD_MAX, "%s: kubectl delete pod -n %.63s %.253s --force gives it up", why,
			 v->namespace, s->pod.name);
	else
		snprintf(out, JUDGE_HELD_MAX, "%s: ending %.63s, which is no pod, gives it up", why, s->addr);
	return out;
}

static const struct server_view *silent_holder(const struct cluster_view *v, const struct group_view *g)
{
	const struct server_view *s;

	for (int at = 0; (s = view_next(v, g, &at));) {
		if (view_is_member(s, g->node.id) && judge_has_pod(s) && may_have_keys(s))
			return s;
	}
	return NULL;
}

const char *judge_held_up(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
			  char out[JUDGE_HELD_MAX])
{
	const struct server_view *m = view_master(v, g), *holder;
	char command[SERVED_COMMAND_MAX];
	struct awaited w = { 0 };
	const char *why;

	if (m && judge_is_patient(g, limits) && is_silent_for(v, m, limits->silence_ms) &&
	    judge_lasting_ms(v, m->since_ms) < silence_ms(v, g, m, limits))
		return held_up_by(out, v, "its masters were silent so often that this one is awaited for 30 s", m);
	if (!m ||
	    !(judge_master(v, g, limits, &why) == MASTER_FAILED || is_silent_alone(v, g, m, limits->silence_ms)) ||
	    judge_best_replica(v, g, m, false))
		return NULL;
	if (judge_may_live(v, g, m, limits))
		return held_up_by(out, v, "no replica has what it had, and it may still live", m);
	if (!is_no_successor(v, g, newest_of(v, g, &w), &w))
		return NULL;
	holder = w.data ? NULL : silent_holder(v, g);
	if (holder)
		return held_up_by(out, v, "a member that had its keys is silent, and may still live", holder);
	snprintf(out, JUDGE_HELD_MAX, "its volume may come back with its keys: %s gives them up",
		 served_give_up(v->namespace, view_set_name(v, g->node.id), g->node.id, command));
	return out;
}
