/* act_mend.c - the repairs: each is one call, and what it changed is looked at again. */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/codis/info.h"
#include "common/codis/inventory.h"
#include "common/codis/rest.h"
#include "common/kube/client.h"
#include "common/net/addr.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/op.h"

#define OWNER_MS 2000
/* One whose pod has ended: whoever has its address by now, if anybody, is near. */
#define OWNER_GONE_MS 300

/* --- FOLLOW ------------------------------------------------------------------------------------------------------- */

static void on_following(void *ctx, const char *answer, const struct error *err)
{
	(void)answer;
	op_end(ctx, err);
}

static int is_still_there(void *ctx, const char *answer, struct error *err)
{
	struct redis_info info;

	return redis_info_parse(answer, strlen(answer), &info, err) == 0 ? promote_is_same_process(ctx, &info, err)
									 : -1;
}

/* Only to the process that was decided on: the node may take long to be written, and by then anybody may have its
 * address. As Codis' own change of a role does, it is told the password as well: a server that has no masterauth of its
 * own, as none had to have so far, never gets in sync. */
static int say_whom_to_follow(struct op *op, struct error *err)
{
	const char *const all[FOLLOW_WORDS][4] = {
		{ "INFO" },
		{ "CONFIG", "SET", "masterauth", op->c->auth },
		{ "SLAVEOF", op->host, op->port_text },
	};
	const struct redis_words words[FOLLOW_WORDS] = {
		{ .argc = 1, .argv = op->argv[0], .check = is_still_there },
		{ .argc = 4, .argv = op->argv[1], .may_fail = true },
		{ .argc = 3, .argv = op->argv[2] },
	};
	int n = 0;

	memcpy(op->argv, all, sizeof(all));
	if (op->run_id[0])
		op->words[n++] = words[0];
	if (op->c->auth[0])
		op->words[n++] = words[1];
	op->words[n++] = words[2];
	return op_try_commands(op, op->a.addr, on_following, op->words, n, err);
}

static void follow(struct op *op)
{
	struct error err = ERROR_INIT;
	uint16_t port;

	if (op_is_at_home(op, &err) < 0 || addr_split(op->a.master, op->host, sizeof(op->host), &port, &err) < 0) {
		op_end(op, &err);
		return;
	}
	snprintf(op->port_text, sizeof(op->port_text), "%u", port);
	if (say_whom_to_follow(op, &err) < 0)
		op_end(op, &err);
}

static void on_follow_fenced(struct op *op, const struct error *err)
{
	if (err) {
		op_end(op, err);
		return;
	}
	follow(op);
}

/* Whoever follows throws away what it has. Decided on an old node it would be the serving master that copies the one
 * before it, or a replica that another controller is just giving the role to. So the node is written as it is, over the
 * version that was decided on, as a promotion does. */
void follow_begin(struct op *op)
{
	struct error err = ERROR_INIT;

	promote_note_target(op);
	if (!op->exists)
		op_fail(op, ERR_CONFLICT, "the group has no node");
	else if (op_fence(op, on_follow_fenced, &err) < 0)
		op_end(op, &err);
}

/* --- ADD_SERVER, DROP_SERVER -------------------------------------------------------------------------------------- */

static void on_listed(struct op *op, const struct error *err)
{
	if (!err)
		observe_reload(op->c);
	op_end(op, err);
}

void membership_begin(struct op *op)
{
	struct error err = ERROR_INIT;

	if (op->a.kind == ACT_DROP_SERVER) {
		codis_group_drop(&op->next, op->a.addr);
	} else if (codis_group_append(&op->next, op->a.addr) < 0) {
		op_fail(op, ERR_TOOBIG, "the group has too many servers");
		return;
	}
	if (op_fence(op, on_listed, &err) < 0)
		op_end(op, &err);
}

/* --- MARK_IN_SYNC ------------------------------------------------------------------------------------------------- */

static void on_marked(struct op *op, const struct error *err)
{
	/* With the next overview: many groups are marked at once after a first assignment, and each reload makes a
	 * dashboard read all slots. */
	if (!err)
		op->c->reload_due = true;
	op_end(op, err);
}

void mark_in_sync_begin(struct op *op)
{
	struct error err = ERROR_INIT;

	op->next.out_of_sync = false;
	if (op_fence(op, on_marked, &err) < 0)
		op_end(op, &err);
}

/* --- ONLINE_PROXY, REMOVE_PROXY ----------------------------------------------------------------------------------- */

static void on_dashboard(void *ctx, const cJSON *answer, const struct error *err)
{
	(void)answer;
	op_end(ctx, err);
}

void online_proxy_begin(struct op *op)
{
	struct error err = ERROR_INIT;

	if (dashboard_online_proxy(op->c->http, op->c->dashboard.addr, op->c->product, op->a.addr, on_dashboard, op,
				   &err) < 0)
		op_end(op, &err);
}

static void on_removed(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		       const struct error *err)
{
	struct op *op = ctx;

	(void)data;
	(void)len;
	(void)stat;
	if (!err)
		observe_reload(op->c);
	op_end(op, err && err->code != ERR_NOTFOUND ? err : NULL);
}

void remove_node(struct op *op, const char *path, const struct coordinator_stat *what)
{
	struct error err = ERROR_INIT;

	if (op_may_go_on(op, &err) < 0)
		op_end(op, &err);
	else if (!op->c->zk)
		op_fail(op, ERR_IO, "the coordinator is not connected");
	else if (coordinator_delete(op->c->zk, path, what, on_removed, op, &err) < 0)
		op_end(op, &err);
}

void remove_proxy_begin(struct op *op)
{
	struct coordinator_stat what = { .version = op->version, .czxid = op->a.czxid };
	char path[200];

	cluster_path(op->c, path, sizeof(path), "proxy/proxy-%s", op->a.token);
	remove_node(op, path, &what);
}

/* --- REMOVE_LOCK -------------------------------------------------------------------------------------------------- */

/* Still the lock that was judged? A node that was taken anew has the same version, so its words are compared, and the
 * one that was read is the one that goes. */
static void on_lock_read(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
			 const struct error *err)
{
	struct op *op = ctx;
	struct error bad = ERROR_INIT;
	JSON_CLEANUP cJSON *lock = err ? NULL : json_parse(data, len, MODEL_ITEMS, &bad);
	const char *addr = json_str(lock, "admin_addr", NULL);
	char path[200];

	op->c->dashboard.lock_exists = -1; /* to be read again, whatever happens */
	if (err) {
		op_end(op, err->code == ERR_NOTFOUND ? NULL : err);
		return;
	}
	if (!addr || strcmp(addr, op->a.from) != 0 ||
	    observe_start_time(json_str(lock, "start_time", NULL)) != op->a.lock_start_wall_ms) {
		op_fail(op, ERR_CONFLICT, "another dashboard has taken the lock meanwhile");
		return;
	}
	cluster_path(op->c, path, sizeof(path), "topom");
	remove_node(op, path, stat);
}

/* Nobody is there, or it waits for the lock: then it refuses its overview, and does not have it. */
static bool has_no_lock(const struct error *err)
{
	return err &&
	       (err->code == ERR_REFUSED || err->code == ERR_TIMEOUT || err->code == ERR_IO || err->code == ERR_STATUS);
}

static void read_lock(struct op *op)
{
	struct error err = ERROR_INIT;
	char path[200];

	cluster_path(op->c, path, sizeof(path), "topom");
	if (!op->c->zk)
		op_fail(op, ERR_IO, "the coordinator is not connected");
	else if (coordinator_get(op->c->zk, path, on_lock_read, op, &err) < 0)
		op_end(op, &err);
}

static void on_owner(void *ctx, const cJSON *answer, const struct error *unheard)
{
	struct op *op = ctx;

	(void)answer;
	if (has_no_lock(unheard))
		read_lock(op);
	else
		op_fail(op, ERR_CONFLICT, "the dashboard that took the lock answers, and is no pod of ours");
}

/* It may be outside of our pods: whoever has its address is asked first. A pod of another cluster that has it began
 * later (lock_is_stale()): what that one answers tells nothing. */
void remove_lock_begin(struct op *op)
{
	const struct cluster *c = op->c;
	struct error err = ERROR_INIT;
	int ms = strcmp(op->a.from, c->dashboard.left) == 0 ? OWNER_GONE_MS : OWNER_MS;

	if (inventory_is_elsewhere(c->ctl->inventory, op->a.from, c->namespace, c->product))
		read_lock(op);
	else if (dashboard_overview(c->http, op->a.from, ms, NULL, on_owner, op, &err) < 0)
		op_end(op, &err);
}

/* --- ASSIGN_SLOTS ------------------------------------------------------------------------------------------------- */

/* Ranges of equal size, one a group, as Codis' own tools print them. NULL: no memory. */
static cJSON *assignment(const struct cluster_view *v)
{
	int groups = view_groups_wanted(v);
	cJSON *array = cJSON_CreateArray();

	for (int i = 0; array && i < CODIS_SLOTS; i++) {
		cJSON *item = cJSON_CreateObject();

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

void assign_begin(struct op *op)
{
	JSON_CLEANUP cJSON *slots = assignment(&op->c->view);
	struct error err = ERROR_INIT;

	if (!slots)
		op_fail(op, ERR_NOMEM, "no memory for 1,024 slots");
	else if (dashboard_assign_slots(op->c->http, op->c->dashboard.addr, op->c->product, slots, on_dashboard, op,
					&err) < 0)
		op_end(op, &err);
}

/* --- DELETE_POD --------------------------------------------------------------------------------------------------- */

static void on_pod_deleted(void *ctx, const cJSON *object, const struct error *err)
{
	(void)object;
	op_end(ctx, err && err->code != ERR_NOTFOUND ? err : NULL);
}

static const char *namespace_of(const struct op *op)
{
	return op->a.namespace[0] ? op->a.namespace : op->c->namespace;
}

int delete_pod(struct op *op, const char *pod, const char *uid, kube_done done, void *ctx, struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *pre = body ? json_add_object(body, "preconditions") : NULL;
	char path[400];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", namespace_of(op), pod);
	if (!pre || !json_add_str(pre, "uid", uid) ||
	    (!op->a.adopts && !json_add_int(body, "gracePeriodSeconds", op->a.force ? 0 : 1)))
		return error_set(err, ERR_NOMEM, "no memory");
	return kube_call(op->c->ctl->kube, "DELETE", path, body, NULL, 0, done, ctx, err) ? 0 : -1;
}

static void delete_it(struct op *op)
{
	struct error err = ERROR_INIT;

	if (op_may_go_on(op, &err) < 0 || delete_pod(op, op->a.pod, op->a.uid, on_pod_deleted, op, &err) < 0)
		op_end(op, &err);
}

static void on_adoption_noted(void *ctx, const cJSON *object, const struct error *err)
{
	struct op *op = ctx;

	(void)object;
	if (err)
		op_end(op, err);
	else
		delete_it(op);
}

/* So that whoever leads by then sees that its successor has come back, and how. */
static int note_adoption(struct op *op, struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	const struct view_set *set = view_set_of(&op->c->view, op->a.gid);
	cJSON *meta = json_add_object(body, "metadata");
	char path[600];

	if (!set)
		return error_set(err, ERR_NOTFOUND, "there is no StatefulSet of group %d", op->a.gid);
	if (!json_add_str(meta, "uid", set->uid) ||
	    !json_add_fmt(json_add_object(meta, "annotations"), CODIS_ANNOTATION_ADOPTING, "%s/%s", op->a.pod,
			  op->a.uid))
		return error_set(err, ERR_NOMEM, "no memory for a patch");
	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", op->c->namespace, set->name);
	return kube_call(op->c->ctl->kube, "PATCH", path, body, KUBE_MERGE_PATCH, 0, on_adoption_noted, op, err) ? 0
														 : -1;
}

/* Forced, the object goes at once: a kubelet that is away would never confirm it, and its StatefulSet would wait for
 * that. */
void delete_pod_begin(struct op *op)
{
	struct error err = ERROR_INIT;

	if (!op->a.adopts)
		delete_it(op);
	else if (note_adoption(op, &err) < 0)
		op_end(op, &err);
}

/* --- UNREADY_PROXY ------------------------------------------------------------------------------------------------ */

static void on_unready(void *ctx, const cJSON *object, const struct error *err)
{
	(void)object;
	op_end(ctx, err && err->code != ERR_NOTFOUND ? err : NULL);
}

/* NULL: no memory. */
static cJSON *unready_patch(const struct op *op)
{
	cJSON *body = cJSON_CreateObject(), *condition = cJSON_CreateObject();
	char now[32];

	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	json_add_str(json_add_object(body, "metadata"), "uid", op->a.uid);
	json_add_str(condition, "type", "Ready");
	json_add_str(condition, "status", "False");
	json_add_str(condition, "reason", "CodisProxySilent");
	json_add_str(condition, "message", op->a.why);
	json_add_fmt(condition, "lastTransitionTime", "%.19sZ", now);
	json_push(json_add_array(json_add_object(body, "status"), "conditions"), condition);
	if (json_is_whole(body))
		return body;
	cJSON_Delete(body);
	return NULL;
}

/* Kubernetes takes the pods of a node that is away out of their Services after 40 s. Its kubelet, where there is one,
 * says within 10 s how it is. */
void unready_begin(struct op *op)
{
	struct observed_proxy *p = cluster_proxy(op->c, op->a.addr, false);
	JSON_CLEANUP cJSON *body = unready_patch(op);
	struct error err = ERROR_INIT;
	char path[400];

	if (p)
		p->unready_ms = clock_mono_ms();
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s/status", op->c->namespace, op->a.pod);
	if (!body)
		op_fail(op, ERR_NOMEM, "no memory");
	else if (op_may_go_on(op, &err) < 0)
		op_end(op, &err);
	else if (!kube_call(op->c->ctl->kube, "PATCH", path, body, KUBE_STRATEGIC_PATCH, 0, on_unready, op, &err))
		op_end(op, &err);
}

/* --- BOUND_WRITES, FREE_WRITES ------------------------------------------------------------------------------------ */

static void on_set(void *ctx, const char *answer, const struct error *err)
{
	struct op *op = ctx;
	struct observed_server *s = cluster_server(op->c, op->a.addr);

	(void)answer;
	if (s)
		s->setting_failures = err ? s->setting_failures + 1 : 0;
	op_end(op, err);
}

/* 3 s: a replica says each second what it has. */
static void on_lag_set(void *ctx, const char *answer, const struct error *err)
{
	static const char *const words[] = { "CONFIG", "SET", "min-slaves-to-write", "1" };
	struct op *op = ctx;

	if (err)
		on_set(op, answer, err);
	else
		op_command(op, op->a.addr, on_set, 4, words);
}

void setting_begin(struct op *op)
{
	static const char *const lag[] = { "CONFIG", "SET", "min-slaves-max-lag", "3" };
	static const char *const free[] = { "CONFIG", "SET", "min-slaves-to-write", "0" };
	bool bound = op->a.kind == ACT_BOUND_WRITES;

	op_command(op, op->a.addr, bound ? on_lag_set : on_set, 4, bound ? lag : free);
}
