#include <inttypes.h>
#include <unistd.h>

#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/redis.h"
#include "tests/codis-sim/topom.h"

/* Carries out slot actions: pending -> preparing -> prepared (locked) -> migrating (keys move) -> finished. Slots
 * between different groups go in parallel; those that share a group, one after the other. */

enum { DBS = 16 };

struct plan {
	int sid, from, to;
	pthread_t thread;
	struct topom *t;
	bool failed;
};

static bool shares_group(const struct plan *plans, int n, const struct slot_map *m)
{
	for (int i = 0; i < n; i++) {
		if (plans[i].sid == m->id || plans[i].to == m->action.target || plans[i].from == m->action.target)
			return true;
		if (m->group && (plans[i].from == m->group || plans[i].to == m->group))
			return true;
	}
	return false;
}

static struct slot_map *pick(struct topom *t, const struct plan *plans, int n, bool pending)
{
	struct slot_map *best = NULL;

	for (int i = 0; i < MAX_SLOTS; i++) {
		struct slot_map *m = &t->slots[i];

		if (!m->action.state[0] || action_is(&m->action, ST_PENDING) != pending || shares_group(plans, n, m))
			continue;
		if (!best || m->action.index <= best->action.index)
			best = m;
	}
	return best;
}

static int step(struct topom *t, struct slot_map *m, const char *state, bool resync)
{
	const struct slot_map *list[] = { m };

	topom_dirty_slot(t, m->id);
	action_set(&m->action, m->action.index, state);
	if (resync && topom_resync(t, list, 1, NULL) < 0)
		return -1;
	return store_slot(t, m, NULL);
}

static int lock_slot(struct topom *t, struct slot_map *m)
{
	const struct slot_map *list[] = { m };

	golog_warn("slot-[%d] resync to prepared", m->id);
	if (step(t, m, ST_PREPARED, true) == 0)
		return 0;
	golog_warn("slot-[%d] resync-rollback to preparing", m->id);
	action_set(&m->action, m->action.index, ST_PREPARING);
	topom_resync(t, list, 1, NULL);
	return -1;
}

/* 1: a slot to be worked on was put into plans; 0: none left; -1: failed. */
static int prepare(struct topom *t, struct plan *plans, int n)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	struct slot_map *m;

	if (topom_enter(t, NULL) < 0)
		return -1;
	held = t;
	m = pick(t, plans, n, false);
	if (!m && !atomic_load(&t->disabled))
		m = pick(t, plans, n, true);
	if (!m)
		return 0;
	plans[n] = (struct plan){ .sid = m->id, .from = m->group, .to = m->action.target, .t = t };
	golog_warn("slot-[%d] action prepare: %s", m->id, m->action.state);
	if (action_is(&m->action, ST_PENDING) && step(t, m, ST_PREPARING, false) < 0)
		return -1;
	if (action_is(&m->action, ST_PREPARING) && lock_slot(t, m) < 0)
		return -1;
	if (action_is(&m->action, ST_PREPARED) && step(t, m, ST_MIGRATING, true) < 0)
		return -1;
	return 1;
}

/* --- moving keys -------------------------------------------------------------------------------------------------- */

struct move {
	char from[ADDR_SIZE], to[ADDR_SIZE];
	bool wait;     /* disabled, or a group is promoting: later */
	bool finished; /* nothing to move */
};

/* What to do next, and the executor counted: a promote is refused as long as it works. */
static int next_move(struct topom *t, int sid, struct move *mv)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	const struct group *from, *to;
	const struct slot_map *m;

	memset(mv, 0, sizeof(*mv));
	if (topom_enter(t, NULL) < 0)
		return -1;
	held = t;
	m = &t->slots[sid];
	if (action_is(&m->action, ST_FINISHED)) {
		mv->finished = true;
		return 0;
	}
	if (!action_is(&m->action, ST_MIGRATING))
		return -1;
	from = peek_group(t, m->group);
	to = peek_group(t, m->action.target);
	if (atomic_load(&t->disabled) || (from && from->promoting.state[0]) || (to && to->promoting.state[0])) {
		mv->wait = true;
		return 0;
	}
	if (from && from->count)
		snprintf(mv->from, sizeof(mv->from), "%.127s", from->servers[0].addr);
	if (to && to->count)
		snprintf(mv->to, sizeof(mv->to), "%.127s", to->servers[0].addr);
	atomic_fetch_add(&t->executor, 1);
	return 0;
}

/* Moves a batch of one database; how many keys are left, or -1. */
static long long move_batch(struct topom *t, redisContext *c, int sid, const char *to, struct error *err)
{
	const char *colon = strrchr(to, ':');
	char host[ADDR_SIZE], timeout[24], bulks[24], bytes[24], slot[16], keys[24];
	int64_t ms = conf_ms(&t->conf, "migration_timeout");

	snprintf(host, sizeof(host), "%.*s", colon ? (int)(colon - to) : 0, to);
	snprintf(timeout, sizeof(timeout), "%" PRId64, ms < 5000 ? ms : 5000);
	snprintf(bulks, sizeof(bulks), "%s", conf_get(&t->conf, "migration_async_maxbulks"));
	snprintf(bytes, sizeof(bytes), "%" PRId64, conf_bytes(&t->conf, "migration_async_maxbytes"));
	snprintf(keys, sizeof(keys), "%s", conf_get(&t->conf, "migration_async_numkeys"));
	snprintf(slot, sizeof(slot), "%d", sid);
	REPLY_CLEANUP redisReply *r =
		strcmp(conf_get(&t->conf, "migration_method"), "sync") == 0
			? REDIS_DO(c, err, "SLOTSMGRTTAGSLOT", host, colon ? colon + 1 : "", timeout, slot)
			: REDIS_DO(c, err, "SLOTSMGRTTAGSLOT-ASYNC", host, colon ? colon + 1 : "", timeout, bulks,
				   bytes, slot, keys);

	if (!r)
		return -1;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 || r->element[1]->type != REDIS_REPLY_INTEGER)
		return error_set(err, ERR_PROTOCOL, "invalid response to the migration of slot %d", sid);
	return r->element[1]->integer;
}

/* The lowest database above db that holds keys, or -1. */
static int next_db(redisContext *c, int db)
{
	REPLY_CLEANUP redisReply *r = REDIS_DO(c, NULL, "INFO", "keyspace");
	char name[16];

	for (int i = db + 1; r && r->type == REDIS_REPLY_STRING && i < DBS; i++) {
		snprintf(name, sizeof(name), "db%d:", i);
		if (strstr(r->str, name))
			return i;
	}
	return -1;
}

static int select_db(redisContext *c, int db, struct error *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", db);
	REPLY_CLEANUP redisReply *r = REDIS_DO(c, err, "SELECT", text);

	return r ? 0 : -1;
}

/* One turn in database *db; *left: keys that remain there; *db is the next one, or -1 when all is done. */
static int move_some(struct topom *t, int sid, const struct move *mv, int *db, long long *left, struct error *err)
{
	redisContext *c REDIS_CLEANUP = NULL;

	*left = 0;
	if (!mv->from[0]) {
		*db = -1;
		return 0;
	}
	c = redis_open(mv->from, conf_get(&t->conf, "product_auth"), (int)conf_ms(&t->conf, "migration_timeout"), err);
	if (!c || select_db(c, *db, err) < 0)
		return -1;
	*left = move_batch(t, c, sid, mv->to, err);
	if (*left < 0)
		return -1;
	if (!*left)
		*db = next_db(c, *db);
	return 0;
}

static int complete(struct topom *t, int sid)
{
	struct topom *held TOPOM_CLEANUP = NULL;
	const struct slot_map *list[1];
	struct slot_map *m, done;

	if (topom_enter(t, NULL) < 0)
		return -1;
	held = t;
	m = &t->slots[sid];
	golog_warn("slot-[%d] action complete", sid);
	if (action_is(&m->action, ST_MIGRATING) && step(t, m, ST_FINISHED, false) < 0)
		return -1;
	list[0] = m;
	if (topom_resync(t, list, 1, NULL) < 0)
		return -1;
	topom_dirty_slot(t, sid);
	done = (struct slot_map){ .id = sid, .group = m->action.target };
	return store_slot(t, &done, NULL);
}

static void report(struct topom *t, const char *text)
{
	pthread_mutex_lock(&t->mu);
	snprintf(t->progress, sizeof(t->progress), "%s", text);
	pthread_mutex_unlock(&t->mu);
}

static int work(struct topom *t, int sid, struct error *err)
{
	long long left;
	struct move mv;
	char text[96];
	int db = 0, rc;

	while (topom_is_online(t)) {
		if (next_move(t, sid, &mv) < 0)
			return error_set(err, ERR_INVALID, "slot-[%d] action state is invalid", sid);
		if (mv.finished)
			return complete(t, sid);
		if (mv.wait) {
			sleep(1);
			continue;
		}
		rc = move_some(t, sid, &mv, &db, &left, err);
		atomic_fetch_sub(&t->executor, 1);
		if (rc < 0)
			return -1;
		if (db < 0)
			return complete(t, sid);
		snprintf(text, sizeof(text), "[OK] Slot[%04d]@DB[%d]=%lld", sid, db, left);
		report(t, text);
		usleep((useconds_t)atomic_load(&t->interval));
	}
	return 0;
}

static void *work_thread(void *ctx)
{
	struct error err = ERROR_INIT;
	struct plan *p = ctx;
	char text[200] = "";

	golog_warn("slot-[%d] process action", p->sid);
	p->failed = work(p->t, p->sid, &err) < 0;
	if (p->failed)
		snprintf(text, sizeof(text), "[ERROR] Slot[%04d]: %.150s", p->sid, err.text);
	report(p->t, text);
	return NULL;
}

/* 1: something was done; 0: nothing to do; -1: failed. */
static int round_of_plans(struct topom *t)
{
	struct plan plans[128];
	int max = (int)conf_int(&t->conf, "migration_parallel_slots"), n = 0, rc = 0, result = 1;

	while (n < max && n < 128 && (rc = prepare(t, plans, n)) > 0)
		n++;
	if (rc < 0 || !n)
		return rc;
	for (int i = 0; i < n; i++)
		if (pthread_create(&plans[i].thread, NULL, work_thread, &plans[i]))
			golog_panic("no thread");
	for (int i = 0; i < n; i++) {
		pthread_join(plans[i].thread, NULL);
		if (plans[i].failed)
			result = -1;
	}
	usleep(10000);
	return result;
}

void *migrate_thread(void *topom)
{
	struct topom *t = topom;
	int rc;

	while (!topom_is_closed(t)) {
		while ((rc = round_of_plans(t)) > 0)
			;
		if (rc < 0) {
			golog_warn("process slot action failed");
			sleep(5);
		}
		sleep(1);
	}
	return NULL;
}
