#include "common/kube/store.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"

struct stored {
	const char *key; /* text */
	cJSON *object;   /* NULL: the name alone, and of its object: */
	const char *uid, *version;
	unsigned sweep; /* in which it was last put or kept */
	char text[];
};

struct store {
	pthread_rwlock_t lock;
	void *tree; /* tsearch's: balanced, so a reader walks in order of the keys */
	size_t count;
	unsigned sweep;
};

struct store *store_new(void)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_rwlockattr_t attr;

	if (!s)
		return NULL;
	/* The loop must not starve while servers' threads read. */
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&s->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	return s;
}

static void stored_free(void *arg)
{
	struct stored *e = arg;

	cJSON_Delete(e->object);
	free(e);
}

void store_free(struct store *s)
{
	if (!s)
		return;
	tdestroy(s->tree, stored_free);
	pthread_rwlock_destroy(&s->lock);
	free(s);
}

int store_key(const cJSON *object, char key[STORE_KEY_MAX])
{
	const char *namespace = json_str(object, "metadata", "namespace", NULL);
	const char *name = json_str(object, "metadata", "name", NULL);
	int n;

	if (!name || !*name)
		return -1;
	if (namespace && *namespace)
		n = snprintf(key, STORE_KEY_MAX, "%s/%s", namespace, name);
	else
		n = snprintf(key, STORE_KEY_MAX, "%s", name);
	return n < STORE_KEY_MAX ? 0 : -1;
}

/* --- one object --------------------------------------------------------------------------------------------------- */

static int by_key(const void *a, const void *b)
{
	const struct stored *x = a, *y = b;

	return strcmp(x->key, y->key);
}

static struct stored *stored_new(const char *key, const char *uid, const char *version)
{
	size_t key_size = strlen(key) + 1, uid_size = strlen(uid) + 1, version_size = strlen(version) + 1;
	struct stored *e = calloc(1, sizeof(*e) + key_size + uid_size + version_size);

	if (!e)
		return NULL;
	e->key = memcpy(e->text, key, key_size);
	e->uid = memcpy(e->text + key_size, uid, uid_size);
	e->version = memcpy(e->text + key_size + uid_size, version, version_size);
	return e;
}

static struct stored *find(const struct store *s, const char *key)
{
	struct stored wanted = { .key = key }, **found = tfind(&wanted, &s->tree, by_key);

	return found ? *found : NULL;
}

const cJSON *store_peek(struct store *s, const char *key)
{
	struct stored *e = find(s, key);

	return e ? e->object : NULL;
}

static struct stored *add(struct store *s, const char *key)
{
	struct stored *e = stored_new(key, "", "");

	if (!e || tsearch(e, &s->tree, by_key)) {
		s->count += e != NULL;
		return e;
	}
	free(e);
	return NULL;
}

int store_put(struct store *s, const char *key, cJSON *object, cJSON **old)
{
	struct stored *e = find(s, key);

	*old = NULL;
	pthread_rwlock_wrlock(&s->lock);
	if (!e)
		e = add(s, key);
	if (e) {
		*old = e->object;
		e->object = object;
		e->sweep = s->sweep;
	}
	pthread_rwlock_unlock(&s->lock);
	return e ? 0 : -1;
}

bool store_is_earlier(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	if (strspn(a, "0123456789") != la || strspn(b, "0123456789") != lb)
		return false;
	return la != lb ? la < lb : strcmp(a, b) < 0;
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

bool store_name(struct store *s, const char *key, struct stored_name *out)
{
	const struct stored *e = find(s, key);

	if (!e)
		return false;
	out->uid = e->object ? or_empty(json_str(e->object, "metadata", "uid", NULL)) : e->uid;
	out->version = e->object ? or_empty(json_str(e->object, "metadata", "resourceVersion", NULL)) : e->version;
	return true;
}

int store_put_name(struct store *s, const char *key, const char *uid, const char *version)
{
	struct stored *e = stored_new(key, uid, version), **place, *old = NULL;

	if (!e)
		return -1;
	e->sweep = s->sweep;
	pthread_rwlock_wrlock(&s->lock);
	place = tsearch(e, &s->tree, by_key);
	if (place && *place != e) { /* of equal keys, either may lead to it */
		old = *place;
		*place = e;
	}
	s->count += place && !old;
	pthread_rwlock_unlock(&s->lock);
	if (old)
		stored_free(old);
	if (!place)
		free(e);
	return place ? 0 : -1;
}

cJSON *store_object_of_name(const char *key, const char *uid)
{
	const char *slash = strchr(key, '/');
	cJSON *object = cJSON_CreateObject(), *metadata = json_add_object(object, "metadata");

	if ((!slash || json_add_fmt(metadata, "namespace", "%.*s", (int)(slash - key), key)) &&
	    json_add_str(metadata, "name", slash ? slash + 1 : key) && json_add_str(metadata, "uid", uid))
		return object;
	cJSON_Delete(object);
	return NULL;
}

cJSON *store_take(struct store *s, const char *key)
{
	struct stored *e = find(s, key);
	cJSON *object;

	if (!e)
		return NULL;
	pthread_rwlock_wrlock(&s->lock);
	tdelete(e, &s->tree, by_key);
	s->count--;
	pthread_rwlock_unlock(&s->lock);
	object = e->object;
	free(e);
	return object;
}

/* --- all objects -------------------------------------------------------------------------------------------------- */

struct walk {
	const struct store *store;
	int (*fn)(void *ctx, const cJSON *object);
	void *ctx;
	int result;
	struct stored **unseen;
	size_t count;
};

void store_sweep_begin(struct store *s)
{
	s->sweep++;
}

void store_keep(struct store *s, const char *key)
{
	struct stored *e = find(s, key);

	if (e)
		e->sweep = s->sweep;
}

static void collect_unseen(const void *node, VISIT order, void *arg)
{
	struct stored *e = *(struct stored *const *)node;
	struct walk *w = arg;

	if ((order == postorder || order == leaf) && e->sweep != w->store->sweep)
		w->unseen[w->count++] = e;
}

/* Names become objects before any is taken out: that needs no memory. */
static int add_names(const struct walk *w, cJSON *names)
{
	for (size_t i = 0; i < w->count; i++) {
		const struct stored *e = w->unseen[i];

		if (!e->object && json_push(names, store_object_of_name(e->key, e->uid)) < 0)
			return -1;
	}
	return 0;
}

cJSON *store_sweep_end(struct store *s)
{
	struct walk w = { .store = s, .unseen = calloc(s->count + 1, sizeof(*w.unseen)) };
	cJSON *gone = cJSON_CreateArray();

	if (w.unseen)
		twalk_r(s->tree, collect_unseen, &w);
	if (!w.unseen || !gone || add_names(&w, gone) < 0) {
		free(w.unseen);
		cJSON_Delete(gone);
		return NULL;
	}
	for (size_t i = 0; i < w.count; i++) {
		cJSON *object = store_take(s, w.unseen[i]->key);

		if (object)
			json_push(gone, object);
	}
	free(w.unseen);
	return gone;
}

static void visit(const void *node, VISIT order, void *arg)
{
	struct stored *e = *(struct stored *const *)node;
	struct walk *w = arg;

	if ((order == postorder || order == leaf) && w->result == 0 && e->object)
		w->result = w->fn(w->ctx, e->object);
}

int store_each(struct store *s, int (*fn)(void *ctx, const cJSON *object), void *ctx)
{
	struct walk w = { .fn = fn, .ctx = ctx };

	pthread_rwlock_rdlock(&s->lock);
	twalk_r(s->tree, visit, &w);
	pthread_rwlock_unlock(&s->lock);
	return w.result;
}

int store_read(struct store *s, const char *key, int (*fn)(void *ctx, const cJSON *object), void *ctx)
{
	struct stored *e;
	int r;

	pthread_rwlock_rdlock(&s->lock);
	e = find(s, key);
	r = fn(ctx, e ? e->object : NULL);
	pthread_rwlock_unlock(&s->lock);
	return r;
}
