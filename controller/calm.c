#include "controller/calm.h"

#include "common/base/hash.h"
#include "controller/action.h"

/* Sentinel tries a failover of one master again after 6 minutes (twice its failover-timeout); here each is fenced by
 * itself, and what is awaited is only that a fault repeats itself. */
#define FAILED_MIN_MS 50
#define FREE_TIMES    3 /* two faults at once, and a half-done change that is brought to its end */
#define AGAIN_MIN_MS  1000
#define AGAIN_MAX_MS  30000
#define FORGET_MS     60000 /* more than AGAIN_MAX_MS, so that waiting alone is no rest */
#define TILT_MIN      3     /* of fewer, the silence of most tells nothing of the network */
#define DELETED_MS    1000  /* a deletion shows in the pod by then */

/* The kubelet's. */
#define POD_MIN_MS    10000
#define POD_MAX_MS    300000
#define POD_FORGET_MS 600000

int64_t calm_doubled(int64_t ms, int times, int64_t max_ms)
{
	while (times-- > 0 && ms < max_ms)
		ms *= 2;
	return ms < max_ms ? ms : max_ms;
}

void calm_note(struct calm_done *d, int kind, int gid, bool failed, int64_t now_ms)
{
	bool again = d->ended_ms && d->gid == gid && now_ms - d->ended_ms < FORGET_MS;
	bool same = again && d->kind == kind;

	*d = (struct calm_done){
		.kind = kind,
		.gid = gid,
		.times = (again ? d->times : 0) + !failed,
		.failures = failed ? (same ? d->failures : 0) + 1 : 0,
		.ended_ms = now_ms,
	};
}

void calm_well(struct calm_done *d, bool well, int64_t now_ms)
{
	if (!well)
		d->well_since_ms = 0;
	else if (!d->well_since_ms)
		d->well_since_ms = now_ms;
	else if (now_ms - d->well_since_ms >= CALM_REST_MS)
		d->times = 0;
}

/* How long what has failed is not tried again, at most. A switch locks slots each time; a proxy that sends slots
 * elsewhere, and a group without a master, serve nobody meanwhile. */
static int64_t longest_ms(int kind)
{
	return kind == ACT_PROMOTE ? 2000 : kind == ACT_FILL_PROXY ? 5000 : AGAIN_MAX_MS;
}

int64_t calm_failed_until_ms(const struct calm_done *d, int kind, int gid, int64_t max_ms, int64_t now_ms)
{
	int64_t until_ms;

	if (!d->ended_ms || d->gid != gid || !d->failures || d->kind != kind)
		return 0;
	until_ms = d->ended_ms + calm_doubled(FAILED_MIN_MS, d->failures - 1, max_ms);
	return until_ms > now_ms ? until_ms : 0;
}

int64_t calm_until_ms(const struct calm_done *d, int kind, int gid, int64_t now_ms)
{
	int64_t until_ms = 0;

	if (!d->ended_ms || d->gid != gid)
		return 0;
	if (d->failures && d->kind == kind)
		return calm_failed_until_ms(d, kind, gid, longest_ms(kind), now_ms);
	if (d->times >= FREE_TIMES)
		until_ms = d->ended_ms + calm_doubled(AGAIN_MIN_MS, d->times - FREE_TIMES, AGAIN_MAX_MS);
	else if (d->kind == ACT_DELETE_POD && kind == ACT_DELETE_POD)
		until_ms = d->ended_ms + DELETED_MS;
	return until_ms > now_ms ? until_ms : 0;
}

const struct calm_done *calm_group(const struct calm_groups *g, int gid)
{
	for (int i = 0; g && i < CALM_GROUPS; i++) {
		if (g->of[i].ended_ms && g->of[i].gid == gid)
			return &g->of[i];
	}
	return NULL;
}

struct calm_done *calm_group_place(struct calm_groups *g, int gid)
{
	struct calm_done *at = &g->of[0];

	for (int i = 0; i < CALM_GROUPS; i++) {
		if (g->of[i].ended_ms && g->of[i].gid == gid)
			return &g->of[i];
		if (g->of[i].ended_ms < at->ended_ms)
			at = &g->of[i];
	}
	return at;
}

bool calm_groups_rest(const struct calm_groups *g)
{
	for (int i = 0; g && i < CALM_GROUPS; i++) {
		if (g->of[i].times)
			return false;
	}
	return true;
}

void calm_groups_well(struct calm_groups *g, bool well, int64_t now_ms)
{
	for (int i = 0; i < CALM_GROUPS; i++) {
		if (g->of[i].times)
			calm_well(&g->of[i], well, now_ms);
	}
}

void calm_count(struct calm_window *w, int64_t now_ms)
{
	w->at_ms[w->next] = now_ms;
	w->next = (w->next + 1) % CALM_WINDOW;
}

int calm_recent(const struct calm_window *w, int64_t while_ms, int64_t now_ms)
{
	int n = 0;

	for (int i = 0; w->at_ms[0] && i < CALM_WINDOW; i++) /* the first to be used */
		n += w->at_ms[i] && now_ms - w->at_ms[i] < while_ms;
	return n;
}

static uint64_t hash_of(const char *pod)
{
	return hash_text(HASH_INIT, pod);
}

void calm_deleted(struct calm_pods *p, const char *pod, int64_t now_ms)
{
	struct calm_pod *at = &p->pods[0];
	uint64_t name = hash_of(pod);

	for (int i = 0; i < CALM_PODS; i++) {
		struct calm_pod *x = &p->pods[i];

		if (x->at_ms && x->name == name) {
			at = x;
			break;
		}
		if (x->at_ms < at->at_ms)
			at = x;
	}
	if (!at->at_ms || at->name != name || now_ms - at->at_ms >= POD_FORGET_MS)
		at->times = 0;
	at->name = name;
	at->times++;
	at->at_ms = now_ms;
}

void calm_pod_rest(struct calm_pods *p, const char *pod)
{
	uint64_t name = hash_of(pod);

	for (int i = 0; i < CALM_PODS; i++) {
		if (p->pods[i].at_ms && p->pods[i].name == name)
			p->pods[i].times = 0;
	}
}

bool calm_was_deleted(const struct calm_pods *p, const char *pod)
{
	uint64_t name = p->pods[0].at_ms ? hash_of(pod) : 0;

	for (int i = 0; name && i < CALM_PODS; i++) {
		if (p->pods[i].at_ms && p->pods[i].name == name)
			return true;
	}
	return false;
}

int64_t calm_delete_after_ms(const struct calm_pods *p, const char *pod, int64_t now_ms)
{
	uint64_t name = p->pods[0].at_ms ? hash_of(pod) : 0; /* the first to be used */

	for (int i = 0; name && i < CALM_PODS; i++) {
		const struct calm_pod *x = &p->pods[i];
		int64_t after_ms = x->at_ms + calm_doubled(POD_MIN_MS, x->times - 1, POD_MAX_MS);

		if (x->at_ms && x->name == name)
			return after_ms > now_ms ? after_ms : 0;
	}
	return 0;
}

void calm_tilt_begin(struct calm_tilt *t)
{
	t->heard = t->silent = 0;
	t->newest_ms = 0;
}

void calm_tilt_add(struct calm_tilt *t, bool silent, int64_t since_ms)
{
	t->heard++;
	if (!silent)
		return;
	t->silent++;
	if (since_ms > t->newest_ms)
		t->newest_ms = since_ms;
}

int64_t calm_tilt_end(struct calm_tilt *t, int64_t steady_since_ms, int64_t now_ms)
{
	bool was = t->tilted;
	int64_t since_ms = 0;

	t->tilted = t->heard >= TILT_MIN && t->silent * 2 > t->heard;
	if (t->tilted)
		since_ms = t->newest_ms;
	else if (was)
		since_ms = now_ms;
	return since_ms > steady_since_ms ? since_ms : steady_since_ms;
}
