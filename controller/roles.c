#include "controller/roles.h"

#include <stdio.h>

#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/kube/client.h"
#include "controller/cluster.h"
#include "controller/role.h"
#include "controller/say.h"

#define CALL_MS      2000  /* nothing waits for it but the next one, and the end of the controller */
#define AGAIN_MS     10000 /* the same of the same server: the watch may be behind */
#define RETRY_MIN_MS 1000
#define RETRY_MAX_MS 60000
#define ONE_MS       (1000 / ROLES_A_SECOND)

/* Told once for all failures in a row. */
static void note_failed(struct cluster *c, const struct error *err)
{
	c->roles.failed_ms = c->view.now_ms;
	if (c->roles.failures++)
		return;
	say_warn(c, "role.failed", "error=%s", LOGQ(err->text));
}

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct cluster *c = ctx;

	(void)object;
	c->roles.writing = false;
	c->ctl->writing_roles--;
	c->running--;
	/* One that is gone by now, or another one of its name, is seen by the watch. */
	if (err && err->code != ERR_NOTFOUND && err->code != ERR_CONFLICT) {
		note_failed(c, err);
		return;
	}
	c->roles.failures = 0;
	cluster_look(c);
}

/* With the uid, so that a successor of the same name is safe. 0, or -1 and *err. */
static int write_role(struct cluster *c, const struct server_view *s, enum codis_role role, struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *meta = json_add_object(body, "metadata");
	char path[400];

	if (!json_add_str(meta, "uid", s->pod.uid) ||
	    !json_add_str(json_add_object(meta, "labels"), CODIS_LABEL_ROLE, codis_role_name(role)))
		return error_set(err, ERR_NOMEM, "no memory for a label");
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", c->namespace, s->pod.name);
	return kube_call(c->ctl->kube, "PATCH", path, body, KUBE_MERGE_PATCH, CALL_MS, on_written, c, err) ? 0 : -1;
}

static void begin_writing(struct cluster *c, const struct server_view *s, enum codis_role role)
{
	struct observed_server *o = cluster_server(c, s->addr);
	struct error err = ERROR_INIT;

	if (o) {
		o->role_written = role;
		o->role_written_ms = c->view.now_ms;
	}
	if (write_role(c, s, role, &err) < 0) {
		note_failed(c, &err);
		return;
	}
	c->roles.writing = true;
	c->ctl->writing_roles++;
	c->running++;
	say_info(c, "role", "group=%d pod=%s role=%s", s->group, s->pod.name, codis_role_name(role));
}

static bool may_write(void *ctx, const struct server_view *s, enum codis_role role)
{
	struct cluster *c = ctx;
	const struct observed_server *o = cluster_server(c, s->addr);

	return !o || o->role_written != role || c->view.now_ms - o->role_written_ms >= AGAIN_MS;
}

static bool may_begin(const struct cluster *c)
{
	const struct cluster_view *v = &c->view;

	if (v->mandate != MANDATE_LEAD || c->ctl->dry_run || !v->kube_fresh || c->roles.writing || c->closing)
		return false;
	return !c->roles.failures ||
	       v->now_ms - c->roles.failed_ms >= calm_doubled(RETRY_MIN_MS, c->roles.failures - 1, RETRY_MAX_MS);
}

/* When the last one of all would have been written, had each waited for its time: what was not used for a second is
 * lost. */
static int64_t paid_ms(const struct controller *ctl, int64_t now_ms)
{
	return ctl->roles_paid_ms < now_ms - 1000 ? now_ms - 1000 : ctl->roles_paid_ms;
}

static bool is_room(const struct controller *ctl, int64_t now_ms)
{
	return ctl->writing_roles < ROLES_AT_ONCE && paid_ms(ctl, now_ms) + ONE_MS <= now_ms;
}

/* The limits of all first, and they cost its namespace nothing; but it is one that asks. */
static bool take_turn(struct cluster *c)
{
	struct controller *ctl = c->ctl;
	uint64_t namespace = hash_text(HASH_INIT, c->namespace);
	int64_t now_ms = c->view.now_ms;

	if (!is_room(ctl, now_ms)) {
		share_ask(&ctl->role_shares, namespace, 1000 * now_ms);
		return false;
	}
	if (!share_take(&ctl->role_shares, namespace, 1000 * now_ms))
		return false;
	ctl->roles_paid_ms = paid_ms(ctl, now_ms) + ONE_MS;
	return true;
}

void roles_keep(struct cluster *c)
{
	const struct server_view *s = NULL;
	enum codis_role role;

	if (!may_begin(c))
		return;
	for (int i = 0; i < c->view.group_count && !s; i++)
		s = role_next(&c->view, &c->view.groups[i], may_write, c, &role);
	/* What is held up here is looked for at the next turn again. */
	if (s && take_turn(c))
		begin_writing(c, s, role);
}
