#include "controller/succession.h"

#include <string.h>

#include "controller/judge.h"
#include "controller/view.h"

/* What it said last tells what it had when it got the role. */
#define LATELY_MS 5000
/* What it lacked then it may have got a second later: what is not well is asked several times a second. */
#define LACKS_MS 1500

static bool lives(const struct succession_master *master)
{
	return master->info && master->info->role == REDIS_ROLE_MASTER;
}

/* The master's word is the older one: so much was sent before the replica said what it has. */
static bool is_whole(const struct redis_info *info, const struct succession_master *master)
{
	return info->link_up && !info->syncing && !info->loading &&
	       (!lives(master) || master->info->offset - info->offset <= SUCCESSION_LAG_BYTES);
}

/* Somebody else wrote to its master since it lacks something: that one was heard after it. */
static void note_lack(struct succession *s, const struct succession_master *master)
{
	s->behind |= s->lacks_ms && lives(master) && master->heard_ms > s->lacks_ms;
}

static void hear_replica(struct succession *s, const struct redis_info *info, int64_t heard_ms,
			 const struct succession_master *master)
{
	bool same = strcmp(s->of, info->master) == 0 && !s->led_ms, whole = is_whole(info, master);

	memcpy(s->of, info->master, sizeof(s->of));
	s->heard_ms = heard_ms;
	s->whole_ms = whole ? heard_ms : same ? s->whole_ms : 0;
	s->lacks_ms = whole ? 0 : same && s->lacks_ms ? s->lacks_ms : heard_ms;
	/* One whose link is lost may have all of a master that has ended; one that syncs, or never did (1), has not. */
	s->behind =
		!whole && ((same && s->behind) || info->link_up || info->syncing || info->loading || info->offset <= 1);
	note_lack(s, master);
	s->of_silent = !whole && master->silent;
	s->how = SUCCESSION_UNKNOWN;
	s->led_ms = 0;
}

static enum succession_how how(const struct succession *s, int64_t heard_ms)
{
	if (s->given_ms && s->given_ms >= s->heard_ms)
		return SUCCESSION_GIVEN;
	if (!s->heard_ms || heard_ms - s->heard_ms > LATELY_MS)
		return SUCCESSION_UNKNOWN;
	if (s->behind)
		return heard_ms - s->heard_ms > LACKS_MS ? SUCCESSION_UNKNOWN : SUCCESSION_BEHIND;
	/* Neither it nor we heard that master: it had failed, and whoever found that gave the role. */
	return s->lacks_ms && !s->of_silent ? SUCCESSION_UNKNOWN : SUCCESSION_IN_SYNC;
}

void succession_hear(struct succession *s, const struct redis_info *info, int64_t heard_ms,
		     const struct succession_master *master)
{
	if (strcmp(s->run_id, info->run_id) != 0) {
		*s = (struct succession){ .how = SUCCESSION_UNKNOWN };
		memcpy(s->run_id, info->run_id, sizeof(s->run_id));
	}
	if (info->role == REDIS_ROLE_REPLICA) {
		hear_replica(s, info, heard_ms, master);
	} else if (info->role == REDIS_ROLE_MASTER && !s->led_ms) {
		if (!s->of_silent)
			note_lack(s, master);
		s->how = how(s, heard_ms);
		s->led_ms = heard_ms;
	}
}

void succession_give(struct succession *s, int64_t now_ms)
{
	s->given_ms = now_ms;
	if (s->led_ms)
		s->how = SUCCESSION_GIVEN;
}

/* --- judged ------------------------------------------------------------------------------------------------------- */

static bool has_far_more(const struct server_view *s, const struct server_view *m)
{
	return s->info.keys - m->info.keys > s->info.keys / 10;
}

/* A change of master that ended with its controller, between the role and the proxies: all that was written since, s
 * has.
 */
static bool is_unfilled(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
			const struct server_view *m)
{
	bool had_it_all =
		m->succession.how == SUCCESSION_UNKNOWN || m->succession.how == SUCCESSION_IN_SYNC || g->handed;

	return had_it_all && s->info.keys >= m->info.keys && view_sends_to(v, s) && view_nobody_sends_to(v, g, m);
}

/* Another master of the group that has what m lacks: the one that m followed, or any, where it had begun to follow
 * none. Another controller gives the role to one that has it all, though it may have come to that after we heard it
 * last: unless it had slept, and has far less.
 */
static bool is_overthrown(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
			  const struct server_view *m)
{
	const char *of = m->succession.of;
	bool behind = m->succession.how == SUCCESSION_BEHIND && strcmp(of, CODIS_GUARD_ADDR) != 0;

	if (s == m || !view_is_member(s, g->node.id) || !view_master_verified(s) || !judge_heard(s) ||
	    view_same_process(s, m) || !s->info.keys)
		return false;
	if (behind && !(g->handed && !has_far_more(s, m)))
		return strcmp(of, s->addr) == 0;
	return (m->succession.how != SUCCESSION_IN_SYNC && has_far_more(s, m)) || is_unfilled(v, g, s, m);
}

/* A replica of the one that m followed, which is silent or has ended: it has far more than m had. */
static bool is_left_behind(const struct group_view *g, const struct server_view *s, const struct server_view *m)
{
	const char *of = m->succession.of;
	bool beside = strcmp(of, s->info.master) == 0 || strcmp(of, CODIS_GUARD_ADDR) == 0;

	return s != m && m->succession.how == SUCCESSION_BEHIND && view_is_member(s, g->node.id) && judge_heard(s) &&
	       s->info.role == REDIS_ROLE_REPLICA && !redis_info_guarded(&s->info) && !s->info.syncing &&
	       s->info.offset > 1 && beside && strcmp(s->info.master, m->addr) != 0 && has_far_more(s, m);
}

/* It was found to have what m lacks, and has not ended since. */
static bool keeps(const struct group_view *g, const struct server_view *s, const struct server_view *m)
{
	return s != m && m->succession.how != SUCCESSION_IN_SYNC && m->info.run_id[0] &&
	       strcmp(s->succession.keeps_from, m->info.run_id) == 0 && view_is_member(s, g->node.id) &&
	       s->reach != REACH_REFUSED && !s->restarted;
}

/* What is lost either way are the writes of some time: those that m got since it leads, or those that it lacked. */
static bool is_better_taken_back(const struct succession *s, int64_t now_ms)
{
	int64_t leads = now_ms - s->led_ms, lacked = s->whole_ms ? s->led_ms - s->whole_ms : INT64_MAX;

	return s->how == SUCCESSION_BEHIND && leads <= SUCCESSION_TAKE_BACK_MS && leads < lacked;
}

/* Every proxy was asked so long after the role was heard of. */
static bool all_were_asked(const struct cluster_view *v, int64_t ms)
{
	for (int i = 0; i < v->proxy_count; i++) {
		const struct proxy_view *p = &v->proxies[i];

		if (p->registered && p->reach != REACH_REFUSED && (p->reach != REACH_OK || p->slots_ms < ms))
			return false;
	}
	return true;
}

/* Another controller may be about to fill the proxies. It tells those that answer at once, but one may wait for a
 * server meanwhile, and answer nobody. Where all answer, and none was told, who gave the role has ended. It is not
 * waited for longer: a dashboard may read the node at any time, and sends whom it takes in then to m, so that both are
 * written to.
 */
static bool is_at_work(const struct cluster_view *v, const struct group_view *g, const struct server_view *m)
{
	int64_t since_ms = g->written_ms > m->succession.led_ms ? g->written_ms : m->succession.led_ms;
	int64_t lasting_ms = judge_lasting_ms(v, since_ms);

	return lasting_ms < SUCCESSION_FILLED_MS &&
	       (lasting_ms < SUCCESSION_TOLD_MS || !all_were_asked(v, v->now_ms - lasting_ms + SUCCESSION_TOLD_MS));
}

static bool has_more(const struct server_view *s, const struct server_view *than)
{
	if (!than || view_master_verified(s) != view_master_verified(than))
		return !than || view_master_verified(s);
	return s->info.keys > than->info.keys;
}

enum succession_verdict succession_judge(const struct cluster_view *v, const struct group_view *g,
					 const struct server_view *m, const struct server_view **old)
{
	const struct server_view *s;

	*old = NULL;
	if (m->succession.how == SUCCESSION_GIVEN || g->may_lose)
		return SUCCESSION_FINE;
	for (int at = 0; (s = view_next(v, g, &at));) {
		if ((is_overthrown(v, g, s, m) || is_left_behind(g, s, m) || keeps(g, s, m)) && has_more(s, *old))
			*old = s;
	}
	if (!*old)
		return SUCCESSION_FINE;
	if (!is_overthrown(v, g, *old, m))
		return SUCCESSION_WAITS;
	if ((*old)->heard_ms < m->succession.led_ms)
		return SUCCESSION_UNHEARD;
	if (is_unfilled(v, g, *old, m))
		return is_at_work(v, g, m) ? SUCCESSION_UNHEARD : SUCCESSION_TAKE_BACK;
	return is_better_taken_back(&m->succession, v->now_ms) ? SUCCESSION_TAKE_BACK : SUCCESSION_WAITS;
}

bool succession_stays(enum succession_verdict verdict)
{
	return verdict == SUCCESSION_FINE || verdict == SUCCESSION_WAITS;
}

/* A replica of one that keeps what m lacks has it, too. */
static bool follows_one(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
			const struct server_view *m)
{
	const struct server_view *of = s->info.role == REDIS_ROLE_REPLICA ? view_server(v, s->info.master) : NULL;

	return of && of != s && judge_heard(s) && s->info.offset > 1 && !s->info.syncing &&
	       (is_overthrown(v, g, of, m) || keeps(g, of, m));
}

void succession_note(const struct cluster_view *v, const struct group_view *g, const struct server_view *s,
		     struct succession *out)
{
	const struct server_view *m = view_master(v, g), *old;

	if (!m || !view_master_verified(m) || s == m)
		return;
	/* In the middle of a change, roles and node may contradict each other. */
	if (g->busy || g->node.promoting_state[0])
		return;
	if (g->may_lose || view_synced(s, m))
		out->keeps_from[0] = '\0';
	else if (succession_judge(v, g, m, &old) == SUCCESSION_WAITS &&
		 (is_overthrown(v, g, s, m) || is_left_behind(g, s, m) || follows_one(v, g, s, m)))
		memcpy(out->keeps_from, m->info.run_id, sizeof(out->keeps_from));
}
