#include "common/kube/store.h"

#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/json.h"

struct stored {
	const char *key; /* text */
	cJSON *object;
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

static struct stored *stored_new(const char *key)
{
	size_t size = strlen(key) + 1;
	struct stored *e = calloc(1, sizeof(*e) + size);

	if (e)
		e->key = memcpy(e->text, key, size);
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
	struct stored *e = stored_new(key);

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

void store_change(struct store *s, cJSON *object, void (*change)(cJSON *object))
{
	pthread_rwlock_wrlock(&s->lock);
	change(object);
	pthread_rwlock_unlock(&s->lock);
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

cJSON *store_sweep_end(struct store *s)
{
	struct walk w = { .store = s, .unseen = calloc(s->count + 1, sizeof(*w.unseen)) };
	cJSON *gone = cJSON_CreateArray();

	if (!w.unseen || !gone) {
		free(w.unseen);
		cJSON_Delete(gone);
		return NULL;
	}
	twalk_r(s->tree, collect_unseen, &w);
	for (size_t i = 0; i < w.count; i++)
		json_push(gone, store_take(s, w.unseen[i]->key));
	free(w.unseen);
	return gone;
}

static void visit(const void *node, VISIT order, void *arg)
{
	struct stored *e = *(struct stored *const *)node;
	struct walk *w = arg;

	if ((order == postorder || order == leaf) && w->result == 0)
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
