/* act.c - carries actions out. Each is a short chain of asynchronous steps; the first failure ends it, is logged, and
 * leaves the rest to the next decision, which sees how far it got. */
#include "controller/act.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/codis/coordinator.h"
#include "common/codis/probe.h"
#include "common/codis/redis_command.h"
#include "common/codis/rest.h"
#include "common/kube/client.h"
#include "common/kube/event.h"
#include "common/net/addr.h"
#include "common/net/loop.h"
#include "controller/cluster.h"
#include "controller/observe.h"

#define REDIS_MS       500
#define FILL_MS        5000 /* a proxy answers when what it has in flight to a dead server is over: backend_recv_timeout */
#define CATCH_UP_MS    1000
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 2000
#define DELETED_MS     1000 /* a deletion shows in the pod by then */

struct op {
	struct cluster *c;
	struct action a;
	int64_t began_us;
	struct codis_group next; /* the group's node as it shall be */
	struct buf text;
	int waiting; /* parallel calls without an answer */
	int filled, unfilled;
	void (*then)(struct op *op);
	int64_t goal; /* the offset to catch up with */
	int64_t until_ms;
	struct loop_timer *timer;
	uint32_t marks_us[6]; /* time of each step since the beginning, for the log */
	int mark_count;
};

static void mark(struct op *op)
{
	if (op->mark_count < 6)
		op->marks_us[op->mark_count++] = (uint32_t)(clock_mono_us() - op->began_us);
}

/* A place where a test may end this process as if by kill -9. */
static void crash_point(struct op *op, const char *point)
{
	const struct controller *ctl = op->c->ctl;

	if (ctl->crash_armed && ctl->crash_at && strcmp(ctl->crash_at, point) == 0)
		_exit(137); /* not a signal: the kernel keeps process 1 of a container from killing itself */
}

/* --- beginning and end -----------------------------------------------------------------------------------------------
 */

static bool is_proxy_action(const struct op *op)
{
	return op->a.kind == ACT_FILL_PROXY || op->a.kind == ACT_ONLINE_PROXY || op->a.kind == ACT_REMOVE_PROXY ||
	       (op->a.kind == ACT_DELETE_POD && !op->a.gid && op->a.addr[0]);
}

static bool is_dashboard_action(const struct op *op)
{
	return op->a.kind == ACT_ASSIGN_SLOTS || op->a.kind == ACT_REMOVE_LOCK ||
	       (op->a.kind == ACT_DELETE_POD && !op->a.gid && !op->a.addr[0]);
}

static void count_running(struct op *op, int by)
{
	struct cluster *c = op->c;
	struct observed_group *g = op->a.gid && !is_proxy_action(op) ? cluster_group(c, op->a.gid, true) : NULL;
	struct observed_proxy *p = is_proxy_action(op) ? cluster_proxy(c, op->a.addr, false) : NULL;
	int64_t now = clock_mono_ms();

	c->running += by;
	if (g) {
		g->running += by;
		g->acted_ms = now;
	}
	if (p) {
		p->running += by;
		p->acted_ms = now;
	}
	if (is_dashboard_action(op)) {
		c->dashboard_running += by;
		c->dashboard_acted_ms = now;
	}
}

static void settle_backoff(struct op *op, bool failed)
{
	struct observed_group *g = op->a.gid ? cluster_group(op->c, op->a.gid, false) : NULL;
	int64_t ms = BACKOFF_MIN_MS;

	if (!g)
		return;
	g->failures = failed ? g->failures + 1 : 0;
	for (int i = 1; failed && i < g->failures && ms < BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (!failed)
		ms = op->a.kind == ACT_DELETE_POD ? DELETED_MS : 0;
	g->retry_ms = clock_mono_ms() + ms;
}

/* Looks again at everything that the action touched. */
static void look_again(struct op *op)
{
	struct cluster *c = op->c;

	if (op->a.gid)
		observe_group(c, op->a.gid);
	for (int i = 0; i < c->server_count; i++) {
		const struct server_view *s = view_server(&c->view, c->servers[i]->addr);

		if (s && op->a.gid && (s->group == op->a.gid || s->listed_group == op->a.gid))
			redis_probe_now(c->servers[i]->probe);
	}
	if (is_proxy_action(op) && cluster_proxy(c, op->a.addr, false))
		observe_proxy(c, cluster_proxy(c, op->a.addr, false));
	if (is_dashboard_action(op))
		c->dashboard_asked_ms = 0;
	cluster_look(c);
}

static void tell_pod(struct op *op, bool warning, const char *reason, const char *note)
{
	cJSON *pod JSON_CLEANUP = op->a.pod[0] ? cJSON_CreateObject() : NULL;
	cJSON *meta = pod ? json_add_object(pod, "metadata") : NULL;

	if (!meta || !json_add_str(meta, "namespace", op->c->namespace) || !json_add_str(meta, "name", op->a.pod) ||
	    !json_add_str(meta, "uid", op->a.uid))
		return;
	kube_event(op->c->ctl->events, "Pod", pod, warning, reason, "%s", note);
}

static const char *event_reason(enum action_kind kind)
{
	static const char *const reasons[ACT_KINDS] = {
		[ACT_PROMOTE] = "Promoted",        [ACT_SWITCH] = "Switched",      [ACT_FOLLOW] = "Following",
		[ACT_ADD_SERVER] = "Joined",       [ACT_DROP_SERVER] = "Dropped",  [ACT_FILL_PROXY] = "SlotsFilled",
		[ACT_ONLINE_PROXY] = "Joined",     [ACT_REMOVE_PROXY] = "Removed", [ACT_ASSIGN_SLOTS] = "SlotsAssigned",
		[ACT_REMOVE_LOCK] = "LockRemoved", [ACT_DELETE_POD] = "Replaced",
	};

	return reasons[kind];
}

static void end(struct op *op, const struct error *err)
{
	struct cluster *c = op->c;
	char labels[64], note[768], times[80] = "";
	int64_t us = clock_mono_us() - op->began_us;
	size_t n = 0;

	for (int i = 0; i < op->mark_count && n < sizeof(times) - 12; i++)
		n += (size_t)snprintf(times + n, sizeof(times) - n, "%s%u", i ? "," : "", op->marks_us[i]);
	snprintf(labels, sizeof(labels), "action=\"%s\",result=\"%s\"", action_name(op->a.kind), err ? "error" : "ok");
	metric_add(metric_counter(c->ctl->metrics, "codis_controller_actions_total", labels,
				  "Actions by kind and result."),
		   1);
	log_event(c->ctl->log, err ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, err ? "action.failed" : "action.done",
		  "action=%s product=%s group=%d server=%s pod=%s us=%lld steps_us=%s filled=%d unfilled=%d why=%s "
		  "error=%s",
		  action_name(op->a.kind), c->product, op->a.gid, op->a.addr, op->a.pod, (long long)us, times,
		  op->filled, op->unfilled, LOGQ(op->a.why), LOGQ(err ? err->text : ""));
	if (err)
		snprintf(note, sizeof(note), "%s of %s failed: %s", action_name(op->a.kind), op->a.addr, err->text);
	else
		snprintf(note, sizeof(note), "%s (group %d): %s", op->a.addr, op->a.gid, op->a.why);
	tell_pod(op, err != NULL, err ? "ActionFailed" : event_reason(op->a.kind), note);
	loop_timer_stop(&op->timer);
	settle_backoff(op, err != NULL);
	count_running(op, -1);
	look_again(op);
	buf_release(&op->text);
	free(op);
}

static void end_with(struct op *op, enum error_code code, const char *what)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "%s", what);
	end(op, &err);
}

/* --- steps that several actions share --------------------------------------------------------------------------------
 */

static int command(struct op *op, const char *addr, redis_done done, int argc, const char *const *argv)
{
	struct error err = ERROR_INIT;

	if (redis_command(op->c->ctl->uv, addr, op->c->auth, argc, argv, REDIS_MS, done, op, &err) == 0)
		return 0;
	end(op, &err);
	return -1;
}

static void on_fill(void *ctx, const cJSON *answer, const struct error *err);

struct fill {
	struct op *op;
	struct observed_proxy *p;
	bool locked;
	char addr[CODIS_ADDR_MAX];
	bool slots[CODIS_SLOTS]; /* which were sent */
};

/* The slot as it shall be on the proxy; false when it is none of this group's. */
static bool wanted_slot(const struct op *op, const struct observed_proxy *p, int id, const char *addr, bool locked,
			struct codis_slot *out)
{
	const struct dashboard_view *b = &op->c->dashboard;
	int gid = op->a.gid;

	*out = p->slots[id];
	out->id = (int16_t)id;
	out->locked = locked;
	if (out->migrate_from == gid || (b->slots_known && b->slot_acting[id])) {
		/* A migration touches it: only the address of our group's master changes. */
		if (out->migrate_from == gid)
			memcpy(out->migrate_addr, addr, CODIS_ADDR_MAX);
		if (out->group == gid)
			memcpy(out->addr, addr, CODIS_ADDR_MAX);
		return out->migrate_from == gid || out->group == gid;
	}
	if ((b->slots_known ? b->slot_group[id] : out->group) != gid)
		return false;
	out->group = (int16_t)gid;
	memcpy(out->addr, addr, CODIS_ADDR_MAX);
	return true;
}

static void fill_one(struct op *op, struct observed_proxy *p, const char *addr, bool locked)
{
	cJSON *array JSON_CLEANUP = cJSON_CreateArray();
	struct fill *f = calloc(1, sizeof(*f));
	char xauth[CODIS_XAUTH_SIZE];
	struct codis_slot slot;
	int n = 0;

	for (int i = 0; array && f && i < CODIS_SLOTS; i++) {
		if (wanted_slot(op, p, i, addr, locked, &slot) && codis_slot_push(array, &slot) == 0) {
			f->slots[i] = true;
			n++;
		}
	}
	if (!n) {
		free(f);
		return;
	}
	f->op = op;
	f->p = p;
	f->locked = locked;
	snprintf(f->addr, sizeof(f->addr), "%s", addr);
	codis_xauth(op->c->product, op->c->auth, p->token, xauth);
	if (proxy_fill_slots(op->c->http, p->admin_addr, xauth, array, FILL_MS, on_fill, f, NULL) < 0) {
		op->unfilled++;
		free(f);
		return;
	}
	p->running++;
	op->waiting++;
}

static void on_fill(void *ctx, const cJSON *answer, const struct error *err)
{
	struct fill *f = ctx;
	struct op *op = f->op;
	struct codis_slot slot;

	(void)answer;
	f->p->running--;
	f->p->acted_ms = clock_mono_ms();
	if (err) {
		op->unfilled++;
		log_warn(op->c->ctl->log, "fill.failed", "proxy=%s error=%s", f->p->admin_addr, LOGQ(err->text));
	} else {
		op->filled++;
		for (int i = 0; i < CODIS_SLOTS; i++) {
			if (f->slots[i] && wanted_slot(op, f->p, i, f->addr, f->locked, &slot))
				f->p->slots[i] = slot;
		}
	}
	free(f);
	if (--op->waiting == 0)
		op->then(op);
}

/* Every proxy that may serve gets the group's slots, all at once. A proxy that fails is seen and filled later. */
static void fill_all(struct op *op, const char *addr, bool locked, void (*then)(struct op *op))
{
	op->then = then;
	op->waiting = 1;
	for (int i = 0; i < op->c->proxy_count; i++) {
		struct observed_proxy *p = op->c->proxies[i];

		if (p->has_slots && p->token[0] && p->reach != REACH_REFUSED)
			fill_one(op, p, addr, locked);
	}
	if (--op->waiting == 0)
		then(op);
}

static int write_next(struct op *op)
{
	buf_reset(&op->text);
	return codis_group_write(&op->next, &op->text);
}

/* The group's node, by its version: from here on no other controller that believes to lead can act on this group
 * without seeing that it came too late. */
static void fence(struct op *op, coordinator_done done)
{
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct error err = ERROR_INIT;
	char path[200];
	int r;

	cluster_path(op->c, path, sizeof(path), "group/group-%04d", op->a.gid);
	if (!g || !op->c->zk || write_next(op) < 0) {
		end_with(op, ERR_NOMEM, "the group's new node could not be made");
		return;
	}
	if (g->exists)
		r = coordinator_set(op->c->zk, path, op->text.data, op->text.len, g->version, done, op, &err);
	else
		r = coordinator_create(op->c->zk, path, op->text.data, op->text.len, done, op, &err);
	if (r < 0)
		end(op, &err);
}

/* What was written is what is there: the next decision need not wait to read it. */
static void note_fenced(struct op *op, int version)
{
	struct observed_group *g = cluster_group(op->c, op->a.gid, false);

	if (!g)
		return;
	g->node = op->next;
	g->version = version;
	g->exists = true;
}

/* --- promote and switch
 * ------------------------------------------------------------------------------------------------ */

static void on_promoted_filled(struct op *op)
{
	mark(op);
	observe_reload(op->c);
	end(op, NULL);
}

static void on_verified(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct observed_server *s = cluster_server(op->c, op->a.addr);
	struct redis_info info;

	if (err) {
		end(op, err);
		return;
	}
	if (redis_info_parse(answer, strlen(answer), &info, NULL) < 0 || info.role != REDIS_ROLE_MASTER) {
		end_with(op, ERR_PROTOCOL, "SLAVEOF NO ONE was accepted, and INFO shows no master");
		return;
	}
	if (s)
		memcpy(s->role_run_id, info.run_id, sizeof(s->role_run_id));
	mark(op);
	crash_point(op, "promote.role");
	fill_all(op, op->a.addr, false, on_promoted_filled);
}

static void on_ping_period(void *ctx, const char *answer, const struct error *err)
{
	(void)ctx;
	(void)answer;
	(void)err; /* only makes silence show sooner; a server without the setting keeps its own */
}

static void on_role(void *ctx, const char *answer, const struct error *err)
{
	static const char *const info[] = { "INFO" };
	static const char *const ping[] = { "CONFIG", "SET", "repl-ping-slave-period", "1" };
	struct op *op = ctx;

	(void)answer;
	if (err) {
		end(op, err);
		return;
	}
	/* A replica hears a healthy master every second then: what it does not hear is evidence soon. */
	redis_command(op->c->ctl->uv, op->a.addr, op->c->auth, 4, ping, REDIS_MS, on_ping_period, NULL, NULL);
	command(op, op->a.addr, on_verified, 1, info);
}

static void take_role(struct op *op)
{
	static const char *const words[] = { "SLAVEOF", "NO", "ONE" };

	command(op, op->a.addr, on_role, 3, words);
}

static void ask_replica(void *ctx);

static void on_replica_offset(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct redis_info info;

	if (err) {
		end(op, err);
		return;
	}
	if (redis_info_parse(answer, strlen(answer), &info, NULL) == 0 && info.offset >= op->goal) {
		mark(op);
		take_role(op);
		return;
	}
	if (clock_mono_ms() > op->until_ms) {
		/* The old master goes on: the next decision sees locked slots and fills them. */
		end_with(op, ERR_TIMEOUT, "the replica did not catch up with the locked master in time");
		return;
	}
	loop_timer_stop(&op->timer);
	op->timer = loop_timer_start(op->c->ctl->uv, 2, 0, ask_replica, op);
	if (!op->timer)
		end_with(op, ERR_NOMEM, "no memory for a timer");
}

static void ask_replica(void *ctx)
{
	struct op *op = ctx;

	command(op, op->a.addr, on_replica_offset, 1, (const char *const[]){ "INFO" });
}

static void on_master_offset(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct redis_info info;

	if (err || redis_info_parse(answer, strlen(answer), &info, NULL) < 0) {
		/* It died meanwhile: what the replica has is all there is. */
		take_role(op);
		return;
	}
	op->goal = info.offset;
	op->until_ms = clock_mono_ms() + CATCH_UP_MS;
	ask_replica(op);
}

static void on_fenced(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct op *op = ctx;

	(void)data;
	(void)len;
	if (err) {
		end(op, err);
		return;
	}
	note_fenced(op, version);
	mark(op);
	crash_point(op, "promote.fenced");
	if (op->a.kind == ACT_SWITCH)
		command(op, op->a.other, on_master_offset, 1, (const char *const[]){ "INFO" });
	else
		take_role(op);
}

static void on_locked(struct op *op)
{
	mark(op);
	if (op->unfilled) {
		/* A proxy that we could not lock may go on writing to the old master. */
		end_with(op, ERR_TIMEOUT, "not every proxy could be locked, so the old master stays");
		return;
	}
	fence(op, on_fenced);
}

static void begin_promote(struct op *op)
{
	crash_point(op, "promote.begin");
	if (codis_group_lead(&op->next, op->a.addr) < 0) {
		end_with(op, ERR_TOOBIG, "the group has too many servers");
		return;
	}
	op->next.id = op->a.gid;
	if (op->a.kind == ACT_SWITCH)
		fill_all(op, op->a.other, true, on_locked);
	else
		fence(op, on_fenced);
}

/* --- the other actions
 * ---------------------------------------------------------------------------------------------------- */

static void on_plain(void *ctx, const char *answer, const struct error *err)
{
	(void)answer;
	end(ctx, err);
}

static void begin_follow(struct op *op)
{
	char host[CODIS_ADDR_MAX], port_text[8];
	struct error err = ERROR_INIT;
	uint16_t port;

	if (addr_split(op->a.other, host, sizeof(host), &port, &err) < 0) {
		end(op, &err);
		return;
	}
	snprintf(port_text, sizeof(port_text), "%u", port);
	command(op, op->a.addr, on_plain, 3, (const char *const[]){ "SLAVEOF", host, port_text });
}

static void on_listed(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct op *op = ctx;

	(void)data;
	(void)len;
	if (!err) {
		note_fenced(op, version);
		observe_reload(op->c);
	}
	end(op, err);
}

static void begin_membership(struct op *op)
{
	if (op->a.kind == ACT_DROP_SERVER) {
		codis_group_drop(&op->next, op->a.addr);
	} else if (codis_group_append(&op->next, op->a.addr) < 0) {
		end_with(op, ERR_TOOBIG, "the group has too many servers");
		return;
	}
	fence(op, on_listed);
}

static void begin_fill(struct op *op)
{
	const struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct observed_proxy *p = cluster_proxy(op->c, op->a.addr, false);

	if (!g || !g->node.count || !p || !p->has_slots) {
		end_with(op, ERR_NOTFOUND, "the group or the proxy is gone");
		return;
	}
	op->then = on_promoted_filled;
	op->waiting = 1;
	fill_one(op, p, g->node.servers[0].addr, false);
	if (--op->waiting == 0)
		end(op, NULL);
}

static void on_rest(void *ctx, const cJSON *answer, const struct error *err)
{
	(void)answer;
	end(ctx, err);
}

static void begin_online(struct op *op)
{
	struct error err = ERROR_INIT;

	if (dashboard_online_proxy(op->c->http, op->c->dashboard.addr, op->c->product, op->a.addr, on_rest, op, &err) <
	    0)
		end(op, &err);
}

static void on_removed(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct op *op = ctx;

	(void)data;
	(void)len;
	(void)version;
	if (!err)
		observe_reload(op->c);
	end(op, err && err->code != ERR_NOTFOUND ? err : NULL);
}

static void begin_remove_proxy(struct op *op)
{
	struct observed_proxy *p = cluster_proxy(op->c, op->a.addr, false);
	struct error err = ERROR_INIT;
	char path[200];

	cluster_path(op->c, path, sizeof(path), "proxy/proxy-%s", op->a.token);
	if (!op->c->zk || !p)
		end_with(op, ERR_IO, "the coordinator is not connected, or the proxy is gone");
	else if (coordinator_delete(op->c->zk, path, p->registered_version, on_removed, op, &err) < 0)
		end(op, &err);
}

/* Still the lock that was judged? A node that was taken anew has the same version, so its words are compared. */
static void on_lock_read(void *ctx, const char *data, size_t len, int version, const struct error *err)
{
	struct op *op = ctx;
	const struct dashboard_view *b = &op->c->view.dashboard;
	struct error bad = ERROR_INIT;
	cJSON *lock JSON_CLEANUP = err ? NULL : json_parse(data, len, &bad);
	const char *addr = json_str(lock, "admin_addr", NULL);
	char path[200];

	op->c->dashboard.lock_exists = -1; /* to be read again, whatever happens */
	if (err) {
		end(op, err->code == ERR_NOTFOUND ? NULL : err);
		return;
	}
	if (!addr || strcmp(addr, b->lock_addr) != 0 ||
	    observe_start_time(json_str(lock, "start_time", NULL)) != b->lock_start_wall_ms) {
		end_with(op, ERR_CONFLICT, "another dashboard has taken the lock meanwhile");
		return;
	}
	cluster_path(op->c, path, sizeof(path), "topom");
	if (coordinator_delete(op->c->zk, path, version, on_removed, op, &bad) < 0)
		end(op, &bad);
}

static void begin_remove_lock(struct op *op)
{
	struct error err = ERROR_INIT;
	char path[200];

	cluster_path(op->c, path, sizeof(path), "topom");
	if (!op->c->zk)
		end_with(op, ERR_IO, "the coordinator is not connected");
	else if (coordinator_get(op->c->zk, path, on_lock_read, op, &err) < 0)
		end(op, &err);
}

static cJSON *assignment(const struct cluster_view *v)
{
	int groups = view_groups_wanted(v);
	cJSON *array = cJSON_CreateArray();

	for (int i = 0; array && i < CODIS_SLOTS; i++) {
		cJSON *item = cJSON_CreateObject();

		/* Ranges of equal size, one a group, as Codis' own tools print them. */
		if (!item || !json_add_int(item, "id", i) ||
		    !json_add_int(item, "group_id", view_wanted_group(v, i * groups / CODIS_SLOTS))) {
			cJSON_Delete(item);
			cJSON_Delete(array);
			return NULL;
		}
		if (json_push(array, item) < 0) {
			cJSON_Delete(array);
			return NULL;
		}
	}
	return array;
}

static void begin_assign(struct op *op)
{
	cJSON *slots JSON_CLEANUP = assignment(&op->c->view);
	struct error err = ERROR_INIT;

	if (!slots)
		end_with(op, ERR_NOMEM, "no memory for 1,024 slots");
	else if (dashboard_assign_slots(op->c->http, op->c->dashboard.addr, op->c->product, slots, on_rest, op, &err) <
		 0)
		end(op, &err);
}

static void on_pod_deleted(void *ctx, const cJSON *object, const struct error *err)
{
	(void)object;
	end(ctx, err && err->code != ERR_NOTFOUND ? err : NULL);
}

/* With the uid, so that a successor of the same name is safe. */
static void begin_delete_pod(struct op *op)
{
	cJSON *body JSON_CLEANUP = cJSON_CreateObject();
	cJSON *pre = body ? json_add_object(body, "preconditions") : NULL;
	struct error err = ERROR_INIT;
	char path[400];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", op->c->namespace, op->a.pod);
	if (!pre || !json_add_str(pre, "uid", op->a.uid) || !json_add_int(body, "gracePeriodSeconds", 1)) {
		end_with(op, ERR_NOMEM, "no memory");
		return;
	}
	if (!kube_call(op->c->ctl->kube, "DELETE", path, body, NULL, 0, on_pod_deleted, op, &err)) {
		end(op, &err);
		return;
	}
}

void act(struct cluster *c, const struct action *a)
{
	struct op *op = calloc(1, sizeof(*op));
	const struct observed_group *g = a->gid ? cluster_group(c, a->gid, true) : NULL;

	if (!op)
		return; /* decided again at the next look */
	op->c = c;
	op->a = *a;
	op->began_us = clock_mono_us();
	buf_init(&op->text, 1u << 20);
	if (g)
		op->next = g->node;
	log_info(c->ctl->log, "action.begun", "action=%s product=%s group=%d server=%s other=%s pod=%s why=%s",
		 action_name(a->kind), c->product, a->gid, a->addr, a->other, a->pod, LOGQ(a->why));
	count_running(op, 1);
	switch (a->kind) {
	case ACT_PROMOTE:
	case ACT_SWITCH: begin_promote(op); break;
	case ACT_FOLLOW: begin_follow(op); break;
	case ACT_ADD_SERVER:
	case ACT_DROP_SERVER: begin_membership(op); break;
	case ACT_FILL_PROXY: begin_fill(op); break;
	case ACT_ONLINE_PROXY: begin_online(op); break;
	case ACT_REMOVE_PROXY: begin_remove_proxy(op); break;
	case ACT_REMOVE_LOCK: begin_remove_lock(op); break;
	case ACT_ASSIGN_SLOTS: begin_assign(op); break;
	case ACT_DELETE_POD: begin_delete_pod(op); break;
	case ACT_KINDS: end_with(op, ERR_INVALID, "no such action"); break;
	}
}
