/* act_scale.c - more groups, or fewer: what is noted on the StatefulSet, slots that the dashboard is told to move, the
 * number of servers, and the nodes of groups that are no more. */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/rest.h"
#include "common/kube/client.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/op.h"
#include "controller/scale.h"

#define TEXT_MAX (16u << 10) /* two lists of 1,024 groups */

/* --- the StatefulSet ------------------------------------------------------------------------------------------------
 */

static void on_patched(void *ctx, const cJSON *object, const struct error *err)
{
	(void)object;
	op_end(ctx, err);
}

/* With the uid, so that a successor of the same name is safe. The body is given by its caller, without the uid. */
static void patch(struct op *op, const char *name, const char *uid, cJSON *body, cJSON *meta)
{
	struct error err = ERROR_INIT;
	char path[600];

	json_add_str(meta, "uid", uid);
	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", op->c->namespace, name);
	if (!json_is_whole(body))
		op_fail(op, ERR_NOMEM, "no memory for a patch");
	else if (op_may_go_on(op, &err) < 0 ||
		 !kube_call(op->c->ctl->kube, "PATCH", path, body, KUBE_MERGE_PATCH, 0, on_patched, op, &err))
		op_end(op, &err);
}

static bool add_null(cJSON *annotations, const char *name)
{
	return json_set(annotations, name, cJSON_CreateNull()) == 0;
}

static int add_notes(const struct scale *s, cJSON *annotations, struct error *err)
{
	BUF_CLEANUP struct buf had = BUF_INIT(TEXT_MAX), moving = BUF_INIT(TEXT_MAX);

	if (s->drops)
		return add_null(annotations, CODIS_ANNOTATION_HAD_SLOTS) &&
				       add_null(annotations, CODIS_ANNOTATION_MOVING)
			       ? 0
			       : error_set(err, ERR_NOMEM, "no memory for a patch");
	if (s->forgets)
		return add_null(annotations, CODIS_ANNOTATION_SCALE_TO)
			       ? 0
			       : error_set(err, ERR_NOMEM, "no memory for a patch");
	gids_write(&s->had, &had);
	if (moving_is(&s->moving))
		moving_write(&s->moving, &moving);
	if (buf_check(&had, CODIS_ANNOTATION_HAD_SLOTS, err) < 0 ||
	    buf_check(&moving, CODIS_ANNOTATION_MOVING, err) < 0)
		return -1;
	json_add_str(annotations, CODIS_ANNOTATION_HAD_SLOTS, had.data);
	if (moving.len ? !json_add_str(annotations, CODIS_ANNOTATION_MOVING, moving.data)
		       : !add_null(annotations, CODIS_ANNOTATION_MOVING))
		return error_set(err, ERR_NOMEM, "no memory for a patch");
	return 0;
}

void note_scaling_begin(struct op *op)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *meta = json_add_object(body, "metadata");
	struct error err = ERROR_INIT;
	struct scale s;

	scale_look(&op->c->view, &op->c->ctl->limits, &s);
	if (s.step != SCALE_NOTES)
		op_fail(op, ERR_CONFLICT, "there is nothing to be noted any more");
	else if (add_notes(&s, json_add_object(meta, "annotations"), &err) < 0)
		op_end(op, &err);
	else
		patch(op, s.set->name, s.set->uid, body, meta);
}

static bool is_fewer(const struct cluster_view *v, const struct action *a)
{
	for (int i = 0; i < v->set_count; i++) {
		if (strcmp(v->sets[i].uid, a->uid) == 0)
			return a->replicas < v->sets[i].shape.replicas;
	}
	return false;
}

/* Fewer as was asked for: with that the asking is over. One that asks for more goes on until the new groups have their
 * share. */
void scale_begin(struct op *op)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *meta = json_add_object(body, "metadata"), *annotations = json_add_object(meta, "annotations");
	bool fewer = is_fewer(&op->c->view, &op->a);

	json_add_int(json_add_object(body, "spec"), "replicas", op->a.replicas);
	if (fewer && !add_null(annotations, CODIS_ANNOTATION_SCALE_TO))
		op_fail(op, ERR_NOMEM, "no memory for a patch");
	else
		patch(op, op->a.pod, op->a.uid, body, meta);
}

/* --- slots ----------------------------------------------------------------------------------------------------------
 */

static void move_next(struct op *op);

static void on_told(void *ctx, const cJSON *answer, const struct error *err)
{
	struct op *op = ctx;

	(void)answer;
	if (err) {
		op_end(op, err);
		return;
	}
	op->moved++;
	move_next(op);
}

static void move_next(struct op *op)
{
	const struct move *m = &op->moves[op->moved];
	struct error err = ERROR_INIT;

	if (op->moved == op->move_count)
		op_end(op, NULL);
	else if (op_may_go_on(op, &err) < 0 || dashboard_move_slot(op->c->http, op->c->dashboard.addr, op->c->product,
								   m->slot, m->to, on_told, op, &err) < 0)
		op_end(op, &err);
}

static void on_interval(void *ctx, const cJSON *answer, const struct error *err)
{
	(void)answer;
	if (err)
		op_end(ctx, err);
	else
		move_next(ctx);
}

/* A dashboard forgets the interval when it ends, so it is told with each few slots. */
void move_slots_begin(struct op *op)
{
	const struct cluster_view *v = &op->c->view;
	struct error err = ERROR_INIT;
	struct scale s;

	scale_look(v, &op->c->ctl->limits, &s);
	memcpy(op->moves, s.moves, sizeof(op->moves));
	op->move_count = s.count;
	if (v->scaling.interval_us < 0)
		move_next(op);
	else if (dashboard_set_interval(op->c->http, op->c->dashboard.addr, op->c->product, v->scaling.interval_us,
					on_interval, op, &err) < 0)
		op_end(op, &err);
}

/* --- a group that is no more ----------------------------------------------------------------------------------------
 */

/* Still the version that was decided on: whoever has added a server since has written it. */
void remove_group_begin(struct op *op)
{
	const struct observed_group *g = cluster_group(op->c, op->a.gid, false);
	struct coordinator_stat what = { .version = op->version, .czxid = g ? g->czxid : 0 };
	char path[200];

	cluster_path(op->c, path, sizeof(path), "group/group-%04d", op->a.gid);
	if (!g || !g->czxid)
		op_fail(op, ERR_CONFLICT, "the group's node is to be read first");
	else
		remove_node(op, path, &what);
}
