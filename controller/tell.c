#include "controller/tell.h"

#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/kube/event.h"
#include "controller/cluster.h"
#include "controller/say.h"

#define WORDS_MAX 1200

cJSON *tell_about(const char *namespace, const char *name, const char *uid)
{
	cJSON *object = name[0] ? cJSON_CreateObject() : NULL, *meta = json_add_object(object, "metadata");

	if (json_add_str(meta, "namespace", namespace) && json_add_str(meta, "name", name) &&
	    json_add_str(meta, "uid", uid))
		return object;
	cJSON_Delete(object);
	return NULL;
}

void tell_event(const struct cluster *c, const char *kind, cJSON *about, bool warns, const char *reason,
		const char *words)
{
	if (about)
		kube_event(c->ctl->events, kind, about, warns, reason, "%s", words);
	cJSON_Delete(about);
}

static void tell_pod(const struct cluster *c, const char *pod, const char *uid, const char *words)
{
	JSON_CLEANUP cJSON *object = tell_about(c->namespace, pod, uid);

	if (object)
		kube_event_once(c->ctl->events, "Pod", object, true, "Held", "%s", words);
}

/* One thing that waits: taken into the hash of them all, or told. */
struct telling {
	struct cluster *c;
	bool aloud;
	uint64_t hash;
};

static void tell_one(struct telling *t, int gid, const char *pod, const char *uid, const char *words)
{
	t->hash = hash_text(hash_text(t->hash, uid), words);
	if (!t->aloud)
		return;
	say_warn(t->c, "held", "group=%d pod=%s why=%s", gid, LOGW(pod), LOGQ(words));
	tell_pod(t->c, pod, uid, words);
}

static void tell_all(struct telling *t)
{
	const struct cluster_view *v = &t->c->view;
	char words[WORDS_MAX], held[JUDGE_HELD_MAX];

	for (int i = 0; i < v->held_count; i++) {
		const struct action *a = &v->held[i];

		action_note_held(a, words, sizeof(words));
		tell_one(t, a->gid, a->pod, a->uid, words);
	}
	for (int i = 0; i < v->group_count && !t->c->ok; i++) {
		const struct server_view *m = view_master(v, &v->groups[i]);
		const char *why = m ? judge_held_up(v, &v->groups[i], &t->c->ctl->limits, held) : NULL;

		if (why)
			tell_one(t, v->groups[i].node.id, m->pod.name, m->pod.uid, why);
	}
}

void tell_held(struct cluster *c)
{
	struct telling t = { .c = c, .hash = HASH_INIT };

	if (c->view.mandate != MANDATE_LEAD)
		return;
	tell_all(&t);
	if (t.hash == c->held_told)
		return;
	c->held_told = t.hash;
	t.aloud = true;
	tell_all(&t);
}

void tell_would(struct cluster *c, const struct action *actions, int count)
{
	uint64_t hash = HASH_INIT;

	for (int i = 0; i < count; i++) {
		const struct action *a = &actions[i];

		hash = hash_text(hash_text(hash_text(hash, action_name(a->kind)), a->addr), a->why) + (uint64_t)a->gid;
	}
	if (hash == c->would_told)
		return;
	c->would_told = hash;
	for (int i = 0; i < count; i++) {
		const struct action *a = &actions[i];

		say_info(c, "action.would", "action=%s subject=%s group=%d addr=%s pod=%s from=%s why=%s evidence=%s",
			 action_name(a->kind), action_subject_name(a->subject), a->gid, LOGW(a->addr), LOGW(a->pod),
			 LOGW(a->from), LOGQ(a->why), LOGQ(a->evidence));
	}
}
