#include "common/kube/informer.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_span.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/store.h"
#include "common/kube/watch.h"
#include "common/net/http.h"
#include "common/net/loop.h"

/* A cloud's node has 15 KB: 1.5 MB a page. */
#define PAGE            100
#define OBJECTS_MAX     500000
#define LIST_TIMEOUT_MS 30000
/* An answer that was lost must not cost a start half a minute. One that has to wait so long (an API server that queues
 * what it has no time for) gets twice the time the next time. */
#define LIST_IDLE_MS 10000
/* Pages but the last are full; some may be found empty. */
#define EMPTY_MAX      10
#define WATCH_MIN_S    300
#define WATCH_SPREAD_S 300
#define WATCH_SLACK_MS 30000 /* the server ends a watch in time; this is for one that does not */
#define BACKOFF_MIN_MS 800
#define BACKOFF_MAX_MS 30000
/* From the beginning of a watch to that of the next one, at least: a server, or what stands before it, that ends each
 * of them at once is asked no more often than this. */
#define WATCH_APART_MS 1000
/* A watch that ended later than this had been established: longer than it takes to fail to connect. */
#define WATCH_LIVED_MS 5000
/* What a watch that said nothing has missed comes on the next one within this. */
#define TRIAL_MS 3000
/* What was missed in a gap has come when events have been coming for so long, with no gap of so long. */
#define CATCH_UP_MS 2000
#define GAP_MS      5000
/* What a server that asks for a pause (Retry-After) can ask for. */
#define PAUSE_MAX_MS 60000
/* Between two words on objects that cannot be kept. */
#define UNUSABLE_SAID_MS 60000
#define VERSION_MAX      256
#define URL_MAX          4096
#define CONTINUE_MAX     2048
#define UNKEPT           "what it told could not be kept: no memory"

struct informer {
	struct kube_client *kube;
	struct informer_config cfg;
	char *base; /* path and selectors, and "?" or "&" behind them */
	struct store *store;
	char version[VERSION_MAX]; /* where the watch goes on; opaque */

	struct http_call *call;
	struct loop_timer *timer; /* to the next list or watch */
	void (*next)(struct informer *i);
	int failures;

	size_t n_listed;
	int n_empty;                  /* pages without an object that were not the last */
	char next_page[CONTINUE_MAX]; /* URL-encoded */
	int expired;                  /* lists in a row whose pages became too old on the way */

	struct buf line;
	int64_t watch_ms;  /* when the watch began */
	uint64_t events;   /* in this watch */
	struct error why;  /* what we have against this watch */
	bool unkept;       /* the owner could not keep what it was told: see informer_tell_again */
	bool tells_all;    /* the list that is under way tells what is as before, too */
	bool checks;       /* ... says what a watch that was mute has missed: */
	bool missed;       /* something */
	int idle_ms;       /* the watch is given up when it says nothing for so long */
	bool trial;        /* it follows one that was given up so, */
	struct error mute; /* for this */

	uint64_t unusable;        /* objects that could not be kept, since we last said so */
	int64_t said_unusable_ms; /* 0: never */

	int busy; /* depth of our callbacks: informer_stop may be called by the owner's */
	bool stopped;
	atomic_bool synced;
	_Atomic int64_t heard_ms, whole_ms;
	int64_t run_ms; /* since when it has been heard without a gap */
};

static void start_list(struct informer *i);
static void start_watch(struct informer *i);
static void start_trial(struct informer *i);

static void destroy(struct informer *i)
{
	free(i->base);
	store_free(i->store);
	loop_timer_free(i->timer);
	buf_release(&i->line);
	free(i);
}

static void enter(struct informer *i)
{
	i->busy++;
}

static void leave(struct informer *i)
{
	if (--i->busy == 0 && i->stopped)
		destroy(i);
}

/* "watch /api/v1/pods: why" */
static void say_what(struct error *err, const char *verb, const struct informer *i)
{
	error_wrap(err, "%s %.*s", verb, (int)strcspn(i->base, "?"), i->base);
}

/* all: what came says that there is nothing before it that has not come. */
static void heard(struct informer *i, bool all)
{
	int64_t now = clock_mono_ms();

	if (now - atomic_load(&i->heard_ms) > GAP_MS)
		i->run_ms = now;
	if (all || now - i->run_ms >= CATCH_UP_MS)
		atomic_store(&i->whole_ms, now);
	atomic_store(&i->heard_ms, now);
}

/* --- waiting ------------------------------------------------------------------------------------------------------ */

static uint64_t random_below(uint64_t n)
{
	uint64_t x = 0;

	uv_random(NULL, NULL, &x, sizeof(x), 0, NULL);
	return x % n;
}

/* 800 ms, doubled with each failure in a row, at most 30 s; of that, half is left to chance so that many do not come
 * back at once. */
static uint64_t backoff(int failures)
{
	uint64_t ms = BACKOFF_MAX_MS;

	if (failures < 6)
		ms = (uint64_t)BACKOFF_MIN_MS << failures;
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return ms / 2 + random_below(ms / 2);
}

static void on_time(void *ctx)
{
	struct informer *i = ctx;

	i->next(i);
}

static int hurry(const struct informer *i)
{
	return i->cfg.hurry ? i->cfg.hurry : 1;
}

static void later(struct informer *i, uint64_t ms, void (*next)(struct informer *i))
{
	i->next = next;
	loop_timer_set(i->timer, ms / (uint64_t)hurry(i));
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* How long the peer wants to be left alone, within reason. */
static uint64_t asked_pause(const struct error *err)
{
	uint64_t ms = err && err->retry_after_s > 0 ? (uint64_t)err->retry_after_s * 1000 : 0;

	return ms < PAUSE_MAX_MS ? ms : PAUSE_MAX_MS;
}

/* Until another watch may begin, some of it left to chance; 0 for one that had its time. */
static uint64_t apart(const struct informer *i)
{
	int64_t lived = clock_mono_ms() - i->watch_ms;

	if (lived >= WATCH_LIVED_MS)
		return 0;
	return (uint64_t)(lived < WATCH_APART_MS ? WATCH_APART_MS - lived : 0) + random_below(WATCH_APART_MS / 2);
}

static void tell(struct informer *i, const struct error *err)
{
	if (i->cfg.on_error)
		i->cfg.on_error(i->cfg.ctx, err);
}

/* Says what failed and does the next thing after the backoff. The owner may have stopped us. */
static void failed(struct informer *i, const struct error *err, void (*next)(struct informer *i))
{
	uint64_t ms = most(backoff(i->failures++), asked_pause(err));

	tell(i, err);
	if (!i->stopped)
		later(i, next == start_watch ? most(ms, apart(i)) : ms, next);
}

/* --- objects ------------------------------------------------------------------------------------------------------ */

static const char *uid_of(const cJSON *object)
{
	return json_str(object, "metadata", "uid", NULL);
}

/* Both are there and not the same: another object under the same name. */
static bool other_uid(const cJSON *a, const cJSON *b)
{
	const char *x = uid_of(a), *y = uid_of(b);

	return x && y && strcmp(x, y) != 0;
}

static void prune(struct informer *i, cJSON *object)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(object, "metadata");

	if (!i->cfg.keep_managers)
		cJSON_DeleteItemFromObjectCaseSensitive(metadata, "managedFields");
	if (i->cfg.prune)
		i->cfg.prune(object);
}

/* One object that no API server should have sent must not keep all others from being seen. Who has it in a list each
 * time says so now and then. */
static void leave_out(struct informer *i, const char *verb)
{
	int64_t now = clock_mono_ms();
	struct error err;

	i->unusable++;
	if (i->said_unusable_ms && now - i->said_unusable_ms < UNUSABLE_SAID_MS)
		return;
	error_set(&err, ERR_PROTOCOL, "left out %" PRIu64 " without a uid or a name, or with too long a one",
		  i->unusable);
	say_what(&err, verb, i);
	i->said_unusable_ms = now;
	i->unusable = 0;
	tell(i, &err);
}

static void tell_set(struct informer *i, const cJSON *object, cJSON *old)
{
	if (old && other_uid(old, object)) {
		if (i->cfg.on_delete)
			i->cfg.on_delete(i->cfg.ctx, old);
		cJSON_Delete(old);
		old = NULL;
	}
	if (i->cfg.on_set && !i->stopped)
		i->cfg.on_set(i->cfg.ctx, object, old);
	cJSON_Delete(old);
}

/* As set_object, where the store has names alone. */
static int set_named(struct informer *i, const char *key, const char *uid, const cJSON *object, struct error *err)
{
	const char *version = json_str(object, "metadata", "resourceVersion", NULL);
	JSON_CLEANUP cJSON *gone = NULL;
	struct stored_name was;
	bool there = store_name(i->store, key, &was), anew = there && strcmp(was.uid, uid) != 0;

	i->missed |= !there || anew || strcmp(was.version, version ? version : "") != 0;
	if (anew)
		gone = store_object_of_name(key, was.uid);
	if ((anew && !gone) || store_put_name(i->store, key, uid, version ? version : "") < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	if (anew && i->cfg.on_delete)
		i->cfg.on_delete(i->cfg.ctx, gone);
	if (i->cfg.on_set && !i->stopped)
		i->cfg.on_set(i->cfg.ctx, object, there && !anew ? object : NULL);
	return 0;
}

static int set_whole(struct informer *i, const char *key, cJSON *object, struct error *err)
{
	cJSON *old = NULL;

	if (!i->tells_all && json_equal(store_peek(i->store, key), object)) {
		store_keep(i->store, key);
		cJSON_Delete(object);
		return 0;
	}
	if (store_put(i->store, key, object, &old) < 0) {
		cJSON_Delete(object);
		return error_set(err, ERR_NOMEM, "no memory");
	}
	i->missed = true;
	tell_set(i, object, old);
	return 0;
}

/* Takes the object, which was pruned, over. Told is what differs, whatever its version says: those of an etcd that was
 * restored are given a second time. 0, or -1 and *err. */
static int set_object(struct informer *i, const char *verb, cJSON *object, struct error *err)
{
	const char *uid = uid_of(object);
	char key[STORE_KEY_MAX];
	int done;

	if (store_key(object, key) < 0 || !uid) {
		cJSON_Delete(object);
		leave_out(i, verb);
		return 0;
	}
	if (i->cfg.names_only) {
		done = set_named(i, key, uid, object, err);
		cJSON_Delete(object);
	} else {
		done = set_whole(i, key, object, err);
	}
	return done == 0 && i->unkept ? error_set(err, ERR_NOMEM, UNKEPT) : done;
}

/* last: as it was when it went, still the caller's. 0, or -1 and *err. */
static int delete_object(struct informer *i, cJSON *last, struct error *err)
{
	const char *uid = uid_of(last);
	JSON_CLEANUP cJSON *other = NULL;
	char key[STORE_KEY_MAX];
	struct stored_name was;
	bool is_other;

	if (store_key(last, key) < 0) {
		leave_out(i, "watch");
		return 0;
	}
	if (!store_name(i->store, key, &was))
		return 0;
	is_other = uid && was.uid[0] && strcmp(was.uid, uid) != 0;
	if (is_other && i->cfg.names_only && !(other = store_object_of_name(key, was.uid)))
		return error_set(err, ERR_NOMEM, "no memory");
	if (i->cfg.names_only)
		store_take(i->store, key);
	else
		other = store_take(i->store, key);
	prune(i, last);
	if (i->cfg.on_delete)
		i->cfg.on_delete(i->cfg.ctx, is_other ? other : last);
	return 0;
}

/* --- list --------------------------------------------------------------------------------------------------------- */

/* What was not in the list is gone. 0; -1 and *err; the owner may have stopped us. */
static int drop_unlisted(struct informer *i, struct error *err)
{
	cJSON *gone = store_sweep_end(i->store), *item;

	if (!gone)
		return error_set(err, ERR_NOMEM, "no memory");
	i->missed |= cJSON_GetArraySize(gone) > 0;
	cJSON_ArrayForEach(item, gone)
		if (!i->stopped && i->cfg.on_delete)
			i->cfg.on_delete(i->cfg.ctx, item);
	cJSON_Delete(gone);
	return i->unkept ? error_set(err, ERR_NOMEM, UNKEPT) : 0;
}

static int not_json(struct error *err, const char *why)
{
	return error_set(err, ERR_PROTOCOL, "the list is %s", why);
}

/* Into the store at once, and parsed one by one: a list as it came may be many times what is kept of it, and parsed it
 * is six times its text. 0; -1 and *err; the owner may have stopped us. */
static int take_items(struct informer *i, struct json_span items, struct error *err)
{
	struct json_span none, value;
	struct json_walk list;
	struct error why;

	if (!json_walk_begin(&list, items))
		return 0;
	while (!i->stopped && json_walk_next(&list, &none, &value)) {
		cJSON *item = json_parse(value.at, value.len, JSON_ITEMS, &why);

		if (!item)
			return not_json(err, why.text);
		if (i->n_listed++ >= OBJECTS_MAX) {
			cJSON_Delete(item);
			return error_set(err, ERR_TOOBIG, "a list of more than %d objects", OBJECTS_MAX);
		}
		prune(i, item);
		if (set_object(i, "list", item, err) < 0)
			return -1;
	}
	return list.broken ? not_json(err, "not JSON") : 0;
}

/* metadata: the caller's. The items stand in the page. 0, or -1 and *err. */
static int read_page(struct json_span page, cJSON **metadata, struct json_span *items, struct error *err)
{
	struct json_span name, value, its = { .at = NULL };
	struct json_walk members;
	struct error why;

	*items = its;
	if (!json_walk_begin(&members, page) || members.close != '}')
		return not_json(err, "no JSON object");
	while (json_walk_next(&members, &name, &value)) {
		if (json_span_is(name, "metadata"))
			its = value;
		else if (json_span_is(name, "items"))
			*items = value;
	}
	if (members.broken)
		return not_json(err, "not JSON, or not the whole of it");
	*metadata = its.at ? json_parse(its.at, its.len, JSON_ITEMS, &why) : cJSON_CreateNull();
	return *metadata ? 0 : not_json(err, its.at ? why.text : "too large for the memory");
}

static bool is_empty(struct json_span items)
{
	struct json_span none;
	struct json_walk list;

	return !json_walk_begin(&list, items) || !json_walk_name(&list, &none);
}

/* *more: another page follows. */
static int take_page(struct informer *i, struct json_span page, bool *more, struct error *err)
{
	BUF_CLEANUP struct buf token = BUF_INIT(CONTINUE_MAX - 1);
	JSON_CLEANUP cJSON *metadata = NULL;
	const char *version, *next;
	struct json_span items;

	if (read_page(page, &metadata, &items, err) < 0)
		return -1;
	version = json_str(metadata, "resourceVersion", NULL);
	next = json_str(metadata, "continue", NULL);
	if (!version || !*version || strlen(version) >= VERSION_MAX)
		return error_set(err, ERR_PROTOCOL, "a list without a resourceVersion");
	*more = next && *next;
	if (*more && text_escape(&token, next) < 0)
		return error_set(err, ERR_TOOBIG, "the list's continue token is over %d bytes", CONTINUE_MAX);
	if (*more && strcmp(token.data, i->next_page) == 0)
		return error_set(err, ERR_PROTOCOL, "the list's continue token leads to the same page again");
	i->n_empty += *more && is_empty(items);
	if (i->n_empty > EMPTY_MAX)
		return error_set(err, ERR_PROTOCOL, "a list of pages with nothing on them");
	i->n_listed++; /* pages count, too: none is free */
	snprintf(i->next_page, sizeof(i->next_page), "%s", token.data);
	snprintf(i->version, sizeof(i->version), "%s", version);
	return take_items(i, items, err);
}

static void list_failed(struct informer *i, const struct error *err)
{
	i->expired = 0;
	i->checks = false; /* nothing was heard meanwhile, and that was told */
	failed(i, err, start_list);
}

/* Who has missed something is deaf until the watch says something itself, though all is known at this moment. */
static void list_heard(struct informer *i)
{
	if (i->checks && i->missed) {
		atomic_store(&i->whole_ms, clock_mono_ms());
		tell(i, &i->mute);
	} else {
		heard(i, true);
	}
	i->checks = false;
}

static void finish_list(struct informer *i)
{
	struct error err;

	if (drop_unlisted(i, &err) < 0) {
		say_what(&err, "list", i);
		list_failed(i, &err);
		return;
	}
	if (!i->stopped)
		list_heard(i);
	if (i->stopped)
		return;
	i->expired = 0;
	i->tells_all = false;
	atomic_store(&i->synced, true);
	if (i->cfg.on_synced)
		i->cfg.on_synced(i->cfg.ctx);
	if (!i->stopped)
		start_watch(i);
}

static void next_page(struct informer *i);

static void take_list(struct informer *i, struct json_span page, const struct error *err)
{
	struct error why;
	bool more = false;

	if (err && err->code == ERR_GONE && i->next_page[0] && i->expired < 2) {
		i->expired++;
		start_list(i);
	} else if (err) {
		list_failed(i, err);
	} else if (take_page(i, page, &more, &why) < 0) {
		say_what(&why, "list", i);
		if (!i->stopped)
			list_failed(i, &why);
	} else if (!i->stopped) {
		i->run_ms = clock_mono_ms(); /* the other pages may be anything, however long it takes */
		if (!i->checks)
			heard(i, false);
		if (more)
			next_page(i);
		else
			finish_list(i);
	}
}

static void on_list(void *ctx, struct json_span page, const struct error *err)
{
	struct informer *i = ctx;

	enter(i);
	i->call = NULL;
	take_list(i, page, err);
	leave(i);
}

static int list_idle_ms(const struct informer *i)
{
	int64_t ms = i->cfg.list_idle_ms ? i->cfg.list_idle_ms : LIST_IDLE_MS;

	ms <<= i->failures < 8 ? i->failures : 8;
	return ms < LIST_TIMEOUT_MS ? (int)ms : LIST_TIMEOUT_MS;
}

static void next_page(struct informer *i)
{
	char url[URL_MAX + CONTINUE_MAX], limit[32] = "";
	struct error err;

	/* The pages behind a continue token are kept for five minutes. They are asked for once more; when that was in
	 * vain, too, the whole is asked for at once, as client-go's pager does, and next time pages again. */
	if (i->expired < 2)
		snprintf(limit, sizeof(limit), "limit=%d&", i->cfg.page ? i->cfg.page : PAGE);
	/* No resourceVersion: the newest. "0", a cache's, could be older than what we have seen already. */
	snprintf(url, sizeof(url), "%s%s%s%s", i->base, limit, i->next_page[0] ? "continue=" : "", i->next_page);
	i->call = kube_list(i->kube, url, LIST_TIMEOUT_MS, list_idle_ms(i), on_list, i, &err);
	if (!i->call)
		list_failed(i, &err);
}

static void start_list(struct informer *i)
{
	store_sweep_begin(i->store);
	i->tells_all = i->tells_all || i->unkept;
	i->unkept = false;
	i->missed = false;
	i->n_listed = 0;
	i->n_empty = 0;
	i->next_page[0] = '\0';
	next_page(i);
}

/* --- watch -------------------------------------------------------------------------------------------------------- */

static int take_version(struct informer *i, const cJSON *object, struct error *err)
{
	const char *version = json_str(object, "metadata", "resourceVersion", NULL);

	if (!version || !*version || strlen(version) >= VERSION_MAX)
		return error_set(err, ERR_PROTOCOL, "an event without a resourceVersion");
	/* Its etcd was restored: what we hold from after that never was. */
	if (store_is_earlier(version, i->version))
		return error_set(err, ERR_PROTOCOL, "the resourceVersion went back from %.32s to %.32s", i->version,
				 version);
	snprintf(i->version, sizeof(i->version), "%s", version);
	return 0;
}

static int error_event(const cJSON *status, struct error *err)
{
	const char *message = json_str(status, "message", NULL);
	int code = (int)json_int(0, status, "code", NULL);
	int64_t pause_s = json_int(0, status, "details", "retryAfterSeconds", NULL);

	error_set(err, code == 410 ? ERR_GONE : ERR_STATUS, "HTTP %d: %.400s", code,
		  message ? message : "(no message)");
	err->status = code;
	err->retry_after_s = pause_s > 0 && pause_s < INT32_MAX ? (int)pause_s : 0;
	return -1;
}

static int take_event(struct informer *i, cJSON *event, bool *all, struct error *err)
{
	const char *type = json_str(event, "type", NULL);
	const cJSON *object = json_get(event, "object", NULL);

	if (!type || !cJSON_IsObject(object))
		return error_set(err, ERR_PROTOCOL, "an event without type or object");
	if (strcmp(type, "ERROR") == 0)
		return error_event(object, err);
	if (take_version(i, object, err) < 0)
		return -1;
	*all = strcmp(type, "BOOKMARK") == 0;
	if (*all)
		return 0;
	if (strcmp(type, "DELETED") == 0)
		return delete_object(i, cJSON_GetObjectItemCaseSensitive(event, "object"), err);
	if (strcmp(type, "ADDED") == 0 || strcmp(type, "MODIFIED") == 0) {
		cJSON *owned = cJSON_DetachItemFromObjectCaseSensitive(event, "object");

		prune(i, owned);
		return set_object(i, "watch", owned, err);
	}
	return error_set(err, ERR_PROTOCOL, "an event of type \"%.32s\"", type);
}

/* Non-zero ends the watch: an event was lost on us, or the owner has stopped us. */
static int on_line(void *ctx, const char *line, size_t len)
{
	struct informer *i = ctx;
	JSON_CLEANUP cJSON *event = json_parse(line, len, JSON_ITEMS, &i->why);
	bool all = false;

	if (!event || take_event(i, event, &all, &i->why) < 0)
		return -1;
	if (i->unkept)
		return error_set(&i->why, ERR_NOMEM, UNKEPT);
	if (i->events++ == 0 && i->trial)
		tell(i, &i->mute);
	heard(i, all);
	return i->stopped;
}

static int on_data(void *ctx, const char *data, size_t len)
{
	struct informer *i = ctx;
	int r;

	enter(i);
	r = watch_lines(&i->line, data, len, on_line, i, &i->why);
	leave(i);
	return r;
}

/* What the peer refused is listed again; what did not arrive, or what it has no time for now, is watched on from where
 * we are. */
static bool lost(const struct error *err)
{
	return err->code == ERR_REFUSED || err->code == ERR_TIMEOUT || err->code == ERR_IO || err->status == 429 ||
	       err->status == 503;
}

static int mute_ms(const struct informer *i)
{
	return i->cfg.mute_ms ? i->cfg.mute_ms : INFORMER_MUTE_MS;
}

/* Nothing came, not even bookmarks. Where the way was cut, another watch tells at once what was missed, and it costs
 * nothing. Where that says nothing, too, something may hold it back, or it may wait for a version that will not come
 * soon, since etcd was restored; or an API server before 1.31 has no bookmarks for what does not change, since its etcd
 * was not told to say more often than each ten minutes how far it is. A list says which. */
static void give_up_mute(struct informer *i, const struct error *err)
{
	if (!i->trial) {
		i->mute = *err;
		later(i, 0, start_trial);
	} else if (i->events) {
		later(i, apart(i), start_watch);
	} else {
		i->checks = true;
		later(i, 0, start_list);
	}
}

static void end_broken(struct informer *i, const struct error *err, int64_t lived)
{
	if (err->code == ERR_GONE) {
		/* Part of a watch's life, not worth a word; but two in a row must not turn in a circle. */
		later(i, i->failures ? backoff(i->failures) : 0, start_list);
		i->failures++;
	} else if (err->code == ERR_TIMEOUT && lived >= i->idle_ms) {
		give_up_mute(i, err);
	} else if (lived >= WATCH_LIVED_MS && lost(err)) {
		tell(i, err);
		if (!i->stopped)
			later(i, asked_pause(err), start_watch);
	} else {
		failed(i, err, lost(err) ? start_watch : start_list);
	}
}

static void end_watch(struct informer *i, const struct error *err)
{
	int64_t lived = clock_mono_ms() - i->watch_ms;
	bool established = lived >= WATCH_LIVED_MS;
	struct error brief;

	if (established)
		i->failures = 0;
	if (err) {
		end_broken(i, err, lived);
	} else if (established || (i->events && !i->failures)) {
		i->failures += !established; /* the next one that is as short is worth a word */
		later(i, apart(i), start_watch);
	} else {
		error_set(&brief, ERR_PROTOCOL, "it ended at once");
		say_what(&brief, "watch", i);
		failed(i, &brief, start_watch);
	}
}

static void on_watch_end(void *ctx, const cJSON *none, const struct error *err)
{
	struct informer *i = ctx;

	(void)none;
	enter(i);
	i->call = NULL;
	if (i->why.code)
		say_what(&i->why, "watch", i);
	end_watch(i, i->why.code ? &i->why : err);
	leave(i);
}

static void watch_from_here(struct informer *i)
{
	int seconds = WATCH_MIN_S + (int)random_below(WATCH_SPREAD_S);
	BUF_CLEANUP struct buf url = BUF_INIT(URL_MAX + 3 * VERSION_MAX);
	struct error err;

	buf_addf(&url, "%swatch=1&allowWatchBookmarks=true&timeoutSeconds=%d&resourceVersion=", i->base, seconds);
	text_escape(&url, i->version);
	if (buf_check(&url, "the watch's URL", &err) < 0) { /* cut, it would ask for another version */
		failed(i, &err, start_watch);
		return;
	}
	buf_reset(&i->line);
	i->why = (struct error)ERROR_INIT;
	i->events = 0;
	i->watch_ms = i->run_ms = clock_mono_ms();
	i->idle_ms = i->trial ? TRIAL_MS / hurry(i) : mute_ms(i);
	i->call = kube_stream(i->kube, url.data, seconds * 1000 + WATCH_SLACK_MS, i->idle_ms, on_data, on_watch_end, i,
			      &err);
	if (!i->call)
		failed(i, &err, start_watch);
}

static void start_watch(struct informer *i)
{
	i->trial = false;
	watch_from_here(i);
}

static void start_trial(struct informer *i)
{
	i->trial = true;
	watch_from_here(i);
}

/* --- the informer ------------------------------------------------------------------------------------------------- */

static char *base_of(const struct informer_config *cfg)
{
	BUF_CLEANUP struct buf url = BUF_INIT(URL_MAX);

	buf_addf(&url, "%s?", cfg->path);
	if (cfg->label_selector) {
		buf_addstr(&url, "labelSelector=");
		text_escape(&url, cfg->label_selector);
		buf_addch(&url, '&');
	}
	if (cfg->field_selector) {
		buf_addstr(&url, "fieldSelector=");
		text_escape(&url, cfg->field_selector);
		buf_addch(&url, '&');
	}
	return buf_detach(&url);
}

struct informer *informer_start(uv_loop_t *uv, struct kube_client *c, const struct informer_config *cfg,
				struct error *err)
{
	struct informer *i = calloc(1, sizeof(*i));

	if (!i) {
		error_set(err, ERR_NOMEM, "informer of %s: no memory", cfg->path);
		return NULL;
	}
	i->kube = c;
	i->cfg = *cfg;
	atomic_init(&i->heard_ms, -1);
	atomic_init(&i->whole_ms, -1);
	buf_init(&i->line, WATCH_LINE_MAX);
	i->base = base_of(cfg);
	i->store = store_new();
	i->timer = loop_timer_new(uv, on_time, i);
	if (!i->base || !i->store || !i->timer) {
		error_set(err, ERR_NOMEM, "informer of %s: no memory, or a selector that is too long", cfg->path);
		destroy(i);
		return NULL;
	}
	later(i, 0, start_list);
	return i;
}

void informer_stop(struct informer *i)
{
	if (!i || i->stopped)
		return;
	i->stopped = true;
	http_cancel(i->call);
	i->call = NULL;
	loop_timer_clear(i->timer);
	if (!i->busy)
		destroy(i);
}

void informer_tell_again(struct informer *i)
{
	struct error err;

	atomic_store(&i->synced, false);
	i->unkept = true;
	i->checks = false;
	if (i->busy || i->stopped) /* who calls us back sees it */
		return;
	http_cancel(i->call);
	i->call = NULL;
	error_set(&err, ERR_NOMEM, UNKEPT);
	say_what(&err, "watch", i);
	enter(i);
	failed(i, &err, start_list);
	leave(i);
}

bool informer_synced(const struct informer *i)
{
	return atomic_load(&i->synced);
}

static int64_t since(int64_t at)
{
	return at < 0 ? -1 : clock_mono_ms() - at;
}

int64_t informer_age_ms(const struct informer *i)
{
	return since(atomic_load(&i->heard_ms));
}

int64_t informer_whole_age_ms(const struct informer *i)
{
	return since(atomic_load(&i->whole_ms));
}

bool informer_name(struct informer *i, const char *key, struct stored_name *out)
{
	return store_name(i->store, key, out);
}

int informer_read(struct informer *i, const char *key, int (*fn)(void *ctx, const cJSON *object), void *ctx)
{
	return store_read(i->store, key, fn, ctx);
}

int informer_each(struct informer *i, int (*fn)(void *ctx, const cJSON *object), void *ctx)
{
	return store_each(i->store, fn, ctx);
}
