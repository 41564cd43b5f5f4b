/* act_scale.c - more groups, or fewer: what is noted on the StatefulSet, slots that the dashboard is told to move, the
 * number of servers, and the nodes of groups that are no more. */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"
#include "common/codis/rest.h"
#include "common/kube/client.h"
#include "controller/act_parts.h"
#include "controller/cluster.h"
#include "controller/op.h"
#include "controller/scale.h"

#define TEXT_MAX (16u << 10) /* two lists of 1,024 groups */

/* As "/" stands in a JSON Pointer (RFC 6901). */
#define SCALE_TO_PATH "/metadata/annotations/codis.io~1scale-to"
#define REPLICAS_PATH "/spec/replicas"

/* --- the StatefulSet ------------------------------------------------------------------------------------------------
 */

static void on_patched(void *ctx, const cJSON *object, const struct error *err)
{
	(void)object;
	op_end(ctx, err);
}

static void patch(struct op *op, const struct view_set *set, const cJSON *body, const char *type)
{
	struct error err = ERROR_INIT;
	char path[600];

	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/%s", op->c->namespace, set->name);
	if (!json_is_whole(body))
		op_fail(op, ERR_NOMEM, "no memory for a patch");
	else if (op_may_go_on(op, &err) < 0 ||
		 !kube_call(op->c->ctl->kube, "PATCH", path, body, type, 0, on_patched, op, &err))
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

/* With the uid, so that a successor of the same name is safe. */
static void note(struct op *op, const struct scale *s)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	cJSON *meta = json_add_object(body, "metadata");
	struct error err = ERROR_INIT;

	if (add_notes(s, json_add_object(meta, "annotations"), &err) < 0) {
		op_end(op, &err);
		return;
	}
	json_add_str(meta, "uid", s->set->uid);
	patch(op, s->set, body, KUBE_MERGE_PATCH);
}

/* Over that very StatefulSet, and over what a person has asked for there: whoever asks for something else, or for
 * nothing any more, is not overrun by a decision that is older. */
static bool add_tests(cJSON *patch, const struct view_set *set, bool asked)
{
	return json_patch_push_str(patch, "test", "/metadata/uid", set->uid) &&
	       (!asked || json_patch_push_str(patch, "test", SCALE_TO_PATH, set->asked_by));
}

static void forget(struct op *op, const struct view_set *set)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateArray();

	if (!add_tests(body, set, true) || !json_patch_push(body, "remove", SCALE_TO_PATH, NULL))
		op_fail(op, ERR_NOMEM, "no memory for a patch");
	else
		patch(op, set, body, KUBE_JSON_PATCH);
}

void note_scaling_begin(struct op *op)
{
	struct scale s;

	scale_look(&op->c->view, &op->c->ctl->limits, &s);
	if (s.step != SCALE_NOTES)
		op_fail(op, ERR_CONFLICT, "there is nothing to be noted any more");
	else if (s.forgets)
		forget(op, s.set);
	else
		note(op, &s);
}

static const struct view_set *set_of_action(const struct cluster_view *v, const struct action *a)
{
	for (int i = 0; i < v->set_count; i++) {
		if (strcmp(v->sets[i].uid, a->uid) == 0)
			return &v->sets[i];
	}
	return NULL;
}

static bool push_number(cJSON *patch, const char *op, const char *path, int n)
{
	cJSON *number = cJSON_CreateNumber(n);

	return number && json_patch_push(patch, op, path, number);
}

/* Fewer as was asked for: with that the asking is over. One that asks for more goes on until the new groups have their
 * share. */
void scale_begin(struct op *op)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateArray();
	const struct view_set *set = set_of_action(&op->c->view, &op->a);
	bool fewer = set && op->a.replicas < set->shape.replicas;

	if (!set)
		op_fail(op, ERR_CONFLICT, "its StatefulSet is no more");
	else if (!add_tests(body, set, !op->a.undoes) ||
		 !push_number(body, "test", REPLICAS_PATH, set->shape.replicas) ||
		 (fewer && !json_patch_push(body, "remove", SCALE_TO_PATH, NULL)) ||
		 !push_number(body, "replace", REPLICAS_PATH, op->a.replicas))
		op_fail(op, ERR_NOMEM, "no memory for a patch");
	else
		patch(op, set, body, KUBE_JSON_PATCH);
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
