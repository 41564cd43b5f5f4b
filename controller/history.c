#include "controller/history.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/codis/decisions.h"
#include "common/kube/client.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define SOON_MS     500 /* what is decided at once is written at once */
#define PACE_MS     5000
#define FAILED_MS   60000
#define CALL_MS     2000
#define FLUSH_MS    2000
#define CONFLICTS   5 /* one after the other; then at the usual pace */
#define PATH_LENGTH 400

struct history {
	struct kube_client *kube;
	const struct logger *log;
	void (*on_read)(void *ctx);
	void *ctx;
	char identity[254], collection[PATH_LENGTH];
	int reread_ms; /* 0: only with what is written */
	struct decisions all;
	bool unwritten;   /* something is not, as far as is known */
	bool failing;     /* the last attempt did not come to its end, and that was said */
	int conflicts;    /* of this attempt */
	int64_t wrote_ms; /* when the last write began; 0: there was none */
	struct http_call *call;
	struct loop_timer *timer, *last; /* the next attempt; the end of the last one's time */
	void (*flushed)(void *ctx);
	void *flushed_ctx;
};

static void begin(void *ctx);

static void flushed(void *ctx)
{
	struct history *h = ctx;
	void (*done)(void *ctx) = h->flushed;

	h->flushed = NULL;
	loop_timer_clear(h->last);
	if (done)
		done(h->flushed_ctx);
}

static void schedule(struct history *h, int64_t ms)
{
	loop_timer_set(h->timer, (uint64_t)ms);
}

static void ended(struct history *h, const struct error *err)
{
	h->conflicts = 0;
	if (err && !h->failing)
		log_warn(h->log, "history.unwritten", "name=%s error=%s", DECISIONS_CONFIG_MAP, LOGQ(err->text));
	h->failing = err != NULL;
	if (h->flushed && h->unwritten && !err)
		begin(h);
	else if (h->flushed)
		flushed(h);
	else if (err)
		schedule(h, FAILED_MS);
	else if (h->unwritten)
		schedule(h, PACE_MS);
	else if (h->reread_ms)
		schedule(h, h->reread_ms);
}

static void on_written(void *ctx, const cJSON *object, const struct error *err)
{
	struct history *h = ctx;

	(void)object;
	h->call = NULL;
	if (err && (err->code == ERR_CONFLICT || err->code == ERR_EXISTS) && h->conflicts++ < CONFLICTS) {
		h->unwritten = true;
		begin(h);
		return;
	}
	h->unwritten |= err != NULL;
	ended(h, err);
}

/* What we do not know in it stays. */
static cJSON *object_of(const cJSON *read, const char *text)
{
	cJSON *object = read ? cJSON_Duplicate(read, 1) : cJSON_CreateObject();

	if (!read) {
		cJSON *metadata;

		json_add_str(object, "apiVersion", "v1");
		json_add_str(object, "kind", "ConfigMap");
		metadata = json_add_object(object, "metadata");
		json_add_str(metadata, "name", DECISIONS_CONFIG_MAP);
		json_add_str(json_add_object(metadata, "labels"), "app.kubernetes.io/part-of", "codis-k8s");
	}
	if (!json_is(json_get(object, "data", NULL), cJSON_Object))
		json_set(object, "data", cJSON_CreateObject());
	json_set(cJSON_GetObjectItemCaseSensitive(object, "data"), DECISIONS_KEY, cJSON_CreateString(text));
	return object;
}

static int write_all(struct history *h, const cJSON *read, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(2 * DECISIONS_BYTES_MAX);
	JSON_CLEANUP cJSON *object = NULL;
	const char *there = json_str(read, "data", DECISIONS_KEY, NULL);
	char path[PATH_LENGTH + sizeof(DECISIONS_CONFIG_MAP)];

	decisions_write(&h->all, &text);
	if (buf_check(&text, "the decisions", err) < 0)
		return -1;
	h->unwritten = false;
	if (there && strcmp(there, text.data) == 0)
		return 0;
	object = object_of(read, text.data);
	if (!object || !json_is_whole(object))
		return error_set(err, ERR_NOMEM, "no memory");
	h->wrote_ms = clock_mono_ms();
	snprintf(path, sizeof(path), "%s%s%s", h->collection, read ? "/" : "", read ? DECISIONS_CONFIG_MAP : "");
	h->call = kube_call(h->kube, read ? "PUT" : "POST", path, object, NULL, CALL_MS, on_written, h, err);
	return h->call ? 1 : -1;
}

static void on_read(void *ctx, const cJSON *object, const struct error *err)
{
	struct history *h = ctx;
	const char *text = json_str(object, "data", DECISIONS_KEY, NULL);
	struct error why = ERROR_INIT;
	int writing = 0;

	h->call = NULL;
	if (err && err->code != ERR_NOTFOUND) {
		ended(h, err);
		return;
	}
	if (text && decisions_merge(&h->all, text, strlen(text)) < 0)
		writing = error_set(&why, ERR_NOMEM, "no memory");
	else if (h->unwritten)
		writing = write_all(h, object, &why);
	if (text && h->on_read)
		h->on_read(h->ctx);
	h->unwritten |= writing < 0;
	if (writing <= 0)
		ended(h, writing < 0 ? &why : NULL);
}

static void begin(void *ctx)
{
	struct history *h = ctx;
	struct error err = ERROR_INIT;
	char path[PATH_LENGTH + sizeof(DECISIONS_CONFIG_MAP)];

	if (h->call)
		return;
	snprintf(path, sizeof(path), "%s/%s", h->collection, DECISIONS_CONFIG_MAP);
	h->call = kube_call(h->kube, "GET", path, NULL, NULL, CALL_MS, on_read, h, &err);
	if (!h->call)
		ended(h, &err);
}

struct history *history_new(uv_loop_t *uv, struct kube_client *kube, const struct history_config *cfg)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->kube = kube;
	h->log = cfg->log;
	h->reread_ms = cfg->reread_ms;
	h->on_read = cfg->on_read;
	h->ctx = cfg->ctx;
	snprintf(h->identity, sizeof(h->identity), "%s", cfg->identity);
	snprintf(h->collection, sizeof(h->collection), "/api/v1/namespaces/%s/configmaps", cfg->namespace);
	h->timer = loop_timer_new(uv, begin, h);
	h->last = loop_timer_new(uv, flushed, h);
	if (!h->timer || !h->last) {
		history_free(h);
		return NULL;
	}
	schedule(h, 0);
	return h;
}

void history_reread(struct history *h)
{
	if (h && !h->call)
		schedule(h, 0);
}

void history_note(struct history *h, const char *namespace, const char *product, int64_t wall_ms, const char *words)
{
	BUF_CLEANUP struct buf clean = BUF_INIT(4 * DECISION_WORDS_MAX);
	struct decision one = { wall_ms, namespace, product, NULL, NULL };
	int64_t wait_ms;

	if (!h)
		return;
	text_clean(&clean, words, strlen(words));
	one.by = h->identity;
	one.words = clean.data;
	if (decisions_add(&h->all, &one) < 0) {
		log_warn(h->log, "history.lost", "error=%s", LOGQ("no memory"));
		return;
	}
	if (h->unwritten) /* it goes with the one that waits */
		return;
	h->unwritten = true;
	if (h->call)
		return;
	wait_ms = h->wrote_ms ? h->wrote_ms + PACE_MS - clock_mono_ms() : 0;
	schedule(h, wait_ms > SOON_MS ? wait_ms : SOON_MS);
}

const struct decisions *history_all(const struct history *h)
{
	return h ? &h->all : NULL;
}

void history_flush(struct history *h, void (*done)(void *ctx), void *ctx)
{
	if (!h || (!h->unwritten && !h->call)) {
		done(ctx);
		return;
	}
	h->flushed = done;
	h->flushed_ctx = ctx;
	loop_timer_set(h->last, FLUSH_MS);
	begin(h);
}

void history_free(struct history *h)
{
	if (!h)
		return;
	http_cancel(h->call);
	loop_timer_stop(&h->timer);
	loop_timer_stop(&h->last);
	decisions_release(&h->all);
	free(h);
}
