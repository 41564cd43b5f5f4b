#include "webhook/scale_in.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/scaling.h"
#include "common/codis/served.h"
#include "common/codis/topology.h"
#include "common/kube/admission.h"

#define NAMED 8 /* groups that a sentence names */

static const char *annotation(const cJSON *set, const char *name)
{
	return json_str(set, "metadata", "annotations", name, NULL);
}

/* No server of the product is left. */
static bool all_go(const struct scale_in *s)
{
	return s->after.replicas == 0 && !s->after.group && !s->others;
}

/* Servers go, and which groups are theirs is not known: it may be any that is said to be served. */
static bool unknown_go(const struct scale_in *s)
{
	return s->after.replicas < s->before.replicas && !s->before.group && !s->before.server_replica;
}

static bool goes(const struct scale_in *s, int gid)
{
	return unknown_go(s) || (codis_shape_makes(&s->before, gid) && !codis_shape_makes(&s->after, gid));
}

/* Some group of those before goes, or may go: the last one, or, with a higher start, the first. */
static bool any_goes(const struct scale_in *s)
{
	int first, last;

	return unknown_go(s) || (codis_shape_groups(&s->before, &first, &last) && (goes(s, first) || goes(s, last)));
}

/* What goes, and is not given up (refused) or is (given). */
struct loss {
	int groups, slots, named[NAMED], slots_of[NAMED];
	int64_t keys;
	bool keys_unknown;
};

static void count_group(struct loss *l, const struct served_group *g)
{
	if (l->groups < NAMED) {
		l->named[l->groups] = g->gid;
		l->slots_of[l->groups] = g->slots;
	}
	l->groups++;
	l->slots += g->slots;
	l->keys_unknown |= g->keys < 0;
	l->keys += g->keys < 0 ? 0 : g->keys;
}

/* -1: what is served is not known. With no server left at all nobody misses slots without keys. */
static int count_losses(const struct scale_in *s, struct loss *refused, struct loss *given)
{
	const char *text = annotation(s->set, CODIS_ANNOTATION_SLOTS);
	const char *allowed = annotation(s->allowed, CODIS_ANNOTATION_ALLOW_LOSS);
	struct served_group g;
	int r = -1;

	while (text && (r = served_next(&text, &g)) == 1) {
		if (goes(s, g.gid) && (!all_go(s) || g.keys != 0))
			count_group(served_may_lose(allowed, g.gid) ? given : refused, &g);
	}
	return r;
}

static void say_groups(const struct loss *l, struct buf *out)
{
	int named = l->groups < NAMED ? l->groups : NAMED;

	buf_addstr(out, l->groups == 1 ? "group " : "groups ");
	for (int i = 0; i < named; i++)
		buf_addf(out, "%s%d", i == 0 ? "" : i == l->groups - 1 ? " and " : ", ", l->named[i]);
	if (l->groups > NAMED)
		buf_addf(out, " and %d more", l->groups - NAMED);
}

static void say_keys(const struct loss *l, struct buf *out)
{
	char keys[SERVED_KEYS_MAX];

	served_say_keys(l->keys, keys);
	if (l->keys_unknown && !l->keys)
		buf_addstr(out, "an unknown number of keys");
	else
		buf_addf(out, "%s%s", keys, l->keys_unknown ? " and more" : "");
}

/* The value that gives these groups up. */
static void say_value(const struct loss *l, struct buf *out)
{
	for (int i = 0; l->groups <= NAMED && i < l->groups; i++)
		buf_addf(out, "%s%d", i ? "," : "", l->named[i]);
	if (l->groups > NAMED)
		buf_addstr(out, "all");
}

/* "256 and 128 slots" */
static void say_slots(const struct loss *l, struct buf *out)
{
	int named = l->groups < NAMED ? l->groups : NAMED;

	for (int i = 0; l->groups <= NAMED && i < named; i++)
		buf_addf(out, "%s%d", i == 0 ? "" : i == l->groups - 1 ? " and " : ", ", l->slots_of[i]);
	if (l->groups > NAMED)
		buf_addf(out, "%d", l->slots);
	buf_addstr(out, " slots");
}

/* Some groups are left, and codis-controller knows which go: it can move what they have. */
static bool can_be_moved(const struct scale_in *s)
{
	if (s->after.start != s->before.start)
		return false;
	if (s->after.replicas == 0)
		return s->others && (s->after.group || s->after.server_replica);
	return !s->after.group && s->after.server_replica && s->after.replicas % s->after.server_replica == 0;
}

/* What moves those of the first group, to one that stays. */
static void say_command(const struct scale_in *s, const struct loss *l, struct buf *out)
{
	int first, last;

	buf_addf(out, "codis-admin --dashboard=codis-dashboard:%d --slot-action --create-some --gid-from=%d ",
		 CODIS_DASHBOARD_PORT, l->named[0]);
	if (codis_shape_groups(&s->after, &first, &last))
		buf_addf(out, "--gid-to=%d ", first);
	else
		buf_addstr(out, "--gid-to=GROUP ");
	buf_addf(out, "--num-slots=%d%s", l->slots_of[0], l->groups > 1 ? ", and likewise for the others" : "");
}

static void say_scaling(const struct scale_in *s, const char *namespace, const char *name, struct buf *out)
{
	buf_addf(out, "codisctl scale-server %d%s%.254s -n %.63s moves them to the others first, and then scales",
		 s->after.replicas, s->others ? " --set " : "", s->others ? name : "", namespace);
}

static void say_way(const struct scale_in *s, const struct loss *l, const char *namespace, const char *name,
		    struct buf *out)
{
	if (can_be_moved(s)) {
		say_scaling(s, namespace, name, out);
		return;
	}
	buf_addstr(out, "move them first, in codis-fe or by ");
	say_command(s, l, out);
}

/* A whole sentence, as kubectl shows it: what is lost, what moves it, what gives it up. */
static void refuse(const struct scale_in *s, const struct loss *l, struct admission_verdict *v)
{
	char text[5][512];
	struct buf groups = BUF_IN(text[0]), slots = BUF_IN(text[1]), keys = BUF_IN(text[2]), way = BUF_IN(text[3]),
		   value = BUF_IN(text[4]);
	const char *name = json_str(s->set, "metadata", "name", NULL), *one = l->groups == 1 ? "s" : "";
	const char *namespace = json_str(s->set, "metadata", "namespace", NULL);

	name = name ? name : "NAME";
	namespace = namespace ? namespace : "NAMESPACE";
	say_groups(l, &groups);
	say_slots(l, &slots);
	say_keys(l, &keys);
	say_way(s, l, namespace, name, &way);
	say_value(l, &value);
	if (unknown_go(s) && !all_go(s))
		admission_refuse(v, 422,
				 "%s still serve%s %s (%s), and which of them go cannot be told: correct "
				 "SERVER_REPLICA first; or, to give them up, kubectl annotate -n %.63s sts "
				 "%.254s " CODIS_ANNOTATION_ALLOW_LOSS "=%s",
				 groups.data, one, slots.data, keys.data, namespace, name, value.data);
	else if (all_go(s))
		admission_refuse(
			v, 422,
			"%s still serve%s %s (%s), which would be lost, for data is in the memory of these pods: "
			"to give them up, kubectl annotate -n %.63s sts %.254s " CODIS_ANNOTATION_ALLOW_LOSS
			"=all first",
			groups.data, one, slots.data, keys.data, namespace, name);
	else
		admission_refuse(v, 422,
				 "%s still serve%s %s (%s), which would be lost: %s; or, "
				 "to give them up, kubectl annotate -n %.63s sts %.254s " CODIS_ANNOTATION_ALLOW_LOSS
				 "=%s",
				 groups.data, one, slots.data, keys.data, way.data, namespace, name, value.data);
}

static void warn_given(const struct loss *l, struct admission_verdict *v)
{
	char text[128];
	struct buf keys = BUF_IN(text);

	say_keys(l, &keys);
	admission_warn(v, "remove " CODIS_ANNOTATION_ALLOW_LOSS " now: as it says, %d slots (%s) are given up",
		       l->slots, keys.data);
}

/* Those that are getting slots just now, and go. codis-controller notes it before the first one moves, so
 * codis.io/slots is late: by it they have none. */
static bool find_filling(const struct scale_in *s, struct gids *out)
{
	const char *allowed = annotation(s->allowed, CODIS_ANNOTATION_ALLOW_LOSS);
	struct moving moving;

	out->count = 0;
	moving_parse(annotation(s->set, CODIS_ANNOTATION_MOVING), &moving);
	for (int i = 0; i < moving.to.count && !all_go(s); i++) {
		if (goes(s, moving.to.of[i]) && !served_may_lose(allowed, moving.to.of[i]))
			gids_add(out, moving.to.of[i]);
	}
	return out->count > 0;
}

static void refuse_filling(const struct scale_in *s, const struct gids *filling, struct admission_verdict *v)
{
	struct loss l = { .groups = filling->count };
	char text[3][512];
	struct buf groups = BUF_IN(text[0]), way = BUF_IN(text[1]), value = BUF_IN(text[2]);
	const char *name = json_str(s->set, "metadata", "name", NULL);
	const char *namespace = json_str(s->set, "metadata", "namespace", NULL);

	name = name ? name : "NAME";
	namespace = namespace ? namespace : "NAMESPACE";
	for (int i = 0; i < filling->count && i < NAMED; i++)
		l.named[i] = filling->of[i];
	gids_say(filling, &groups);
	say_value(&l, &value);
	if (can_be_moved(s))
		say_scaling(s, namespace, name, &way);
	else
		buf_addstr(&way, "wait until " CODIS_ANNOTATION_MOVING " is gone, and move them back first");
	admission_refuse(v, 422,
			 "slots are moving to %s just now, and would be lost: %s; or, to give them up, kubectl "
			 "annotate -n %.63s sts %.254s " CODIS_ANNOTATION_ALLOW_LOSS "=%s",
			 groups.data, way.data, namespace, name, value.data);
}

void check_scale_in(const struct scale_in *s, struct admission_verdict *v)
{
	struct loss refused = { 0 }, given = { 0 };
	struct gids filling;
	int known;

	if (!any_goes(s))
		return;
	known = count_losses(s, &refused, &given);
	if (known >= 0 && refused.groups)
		refuse(s, &refused, v);
	else if (find_filling(s, &filling))
		refuse_filling(s, &filling, v);
	else if (known < 0)
		admission_warn(
			v, "check that the groups that go serve no slots: codis-controller has not said it here, and "
			   "they are lost");
	else if (given.groups)
		warn_given(&given, v);
}
