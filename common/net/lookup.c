#include "common/net/lookup.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

/* Enough for what the C library asks with. */
#define STACK_SIZE (256u << 10)

struct lookup {
	struct lookups *all;
	int at; /* in running */
	char owner[LOOKUP_OWNER_MAX], host[LOOKUP_HOST_MAX];
	lookup_done done;
	void *ctx;
	uv_async_t ended;
	int status;
	struct addrinfo *found;
	atomic_bool is_told; /* what the thread has written is there */
};

static void *look_up(void *arg)
{
	static const struct addrinfo any_family = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	struct lookup *l = arg;

	l->status = getaddrinfo(l->host, NULL, &any_family, &l->found);
	atomic_store(&l->is_told, true);
	uv_async_send(&l->ended); /* its last: what follows may free it */
	return NULL;
}

static void free_lookup(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_ended(uv_async_t *ended)
{
	struct lookup *l = ended->data;
	bool found;

	if (!atomic_load(&l->is_told))
		return;
	found = l->status == 0;
	l->all->running[l->at] = NULL;
	l->done(l->ctx, l->status, found ? l->found : NULL);
	if (found)
		freeaddrinfo(l->found);
	uv_close((uv_handle_t *)&l->ended, free_lookup);
}

static int start_thread(struct lookup *l)
{
	pthread_attr_t attr;
	pthread_t thread;
	int r;

	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	r = pthread_create(&thread, &attr, look_up, l);
	pthread_attr_destroy(&attr);
	return r;
}

/* A free place; -1: none for this owner. */
static int place_for(const struct lookups *all, const char *owner)
{
	int of_owner = 0, at = -1;

	for (int i = 0; i < LOOKUPS_MAX; i++) {
		if (!all->running[i])
			at = i;
		else
			of_owner += strcmp(all->running[i]->owner, owner) == 0;
	}
	return of_owner < LOOKUPS_OF_ONE ? at : -1;
}

int lookup_start(struct lookups *all, uv_loop_t *uv, const char *owner, const char *host, lookup_done done, void *ctx,
		 struct error *err)
{
	int at = place_for(all, owner), r;
	struct lookup *l;

	if (at < 0 || strlen(host) >= LOOKUP_HOST_MAX)
		return error_set(err, ERR_TOOBIG, "looking up %.100s: too many are under way, or it is too long", host);
	l = calloc(1, sizeof(*l));
	if (!l)
		return error_set(err, ERR_NOMEM, "looking up %.100s: no memory", host);
	l->all = all;
	l->at = at;
	l->done = done;
	l->ctx = ctx;
	snprintf(l->owner, sizeof(l->owner), "%s", owner);
	snprintf(l->host, sizeof(l->host), "%s", host);
	r = uv_async_init(uv, &l->ended, on_ended);
	if (r < 0) {
		free(l);
		return error_errno(err, -r, "looking up %.100s", host);
	}
	l->ended.data = l;
	r = start_thread(l);
	if (r != 0) {
		uv_close((uv_handle_t *)&l->ended, free_lookup);
		return error_errno(err, r, "looking up %.100s", host);
	}
	all->running[at] = l;
	return 0;
}
