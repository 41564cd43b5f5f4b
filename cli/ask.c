#include "cli/ask.h"

#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define NO_END    INT64_MAX
#define PAGES_MAX 1000  /* of one list; who says that there are more than so many says it for ever */
#define APPLY_MS  30000 /* admission takes its time, webhook by webhook */

/* Whoever waits looks again. A call may end in a part of the loop's turn that is before the wait for what comes next.
 */
void ask_wake(struct cli *c)
{
	uv_stop(&c->loop->uv);
}

static void on_done(void *ctx, const cJSON *object, const struct error *err)
{
	struct ask *a = ctx;

	ask_wake(a->cli);
	a->call = NULL;
	a->ended = true;
	if (err)
		a->err = *err;
	if (!err && a->on_answer) {
		a->on_answer(a, object);
	} else if (object) { /* or what a refusal is */
		a->answer = cJSON_Duplicate(object, true);
		if (!a->answer && !err)
			error_set(&a->err, ERR_NOMEM, "no memory for the answer");
	}
}

static void begin(struct cli *c, struct ask *a, const char *method, const cJSON *body)
{
	a->cli = c;
	a->ended = false;
	a->err = (struct error)ERROR_INIT;
	a->call = kube_call(c->kube, method, a->path, body, body ? KUBE_MERGE_PATCH : NULL, a->timeout_ms, on_done, a,
			    &a->err);
	a->ended = !a->call;
}

void ask_begin(struct cli *c, struct ask *a)
{
	begin(c, a, "GET", NULL);
}

void ask_end(struct ask *a)
{
	http_cancel(a->call);
	a->call = NULL;
	cJSON_Delete(a->answer);
	a->answer = NULL;
}

bool asks_ended(const void *asks)
{
	const struct asks *s = asks;

	for (int i = 0; i < s->count; i++) {
		if (!s->all[i].ended)
			return false;
	}
	return true;
}

static void on_time(void *ctx)
{
	ask_wake(ctx);
}

bool ask_wait(struct cli *c, int64_t deadline_ms, bool (*until)(const void *ctx), const void *ctx)
{
	int64_t left = deadline_ms == NO_END ? 0 : deadline_ms - clock_mono_ms();
	struct loop_timer *timer = NULL;
	bool is;

	if (deadline_ms != NO_END) /* without memory for it what is asked ends by its own limits */
		timer = loop_timer_start(&c->loop->uv, left > 0 ? (uint64_t)left : 0, 0, on_time, c);
	while (!(is = until && until(ctx)) && clock_mono_ms() < deadline_ms)
		uv_run(&c->loop->uv, UV_RUN_DEFAULT);
	loop_timer_stop(&timer);
	return is;
}

static cJSON *wait_for(struct cli *c, struct ask *a, struct error *err)
{
	struct asks one = { a, 1 };
	cJSON *answer;

	ask_wait(c, NO_END, asks_ended, &one);
	answer = a->answer;
	if (!answer)
		*err = a->err;
	return answer;
}

int ask_next_page(const char *list, const cJSON *page, int *pages, char path[ASK_PATH_MAX], struct error *err)
{
	const char *next = json_str(page, "metadata", "continue", NULL);
	BUF_CLEANUP struct buf token = BUF_INIT(ASK_PATH_MAX);
	int name = (int)strcspn(list, "?");

	if (!next || !*next)
		return 0;
	if (++*pages >= PAGES_MAX)
		return error_set(err, ERR_TOOBIG, "%.*s: the API server's list has no end: it is over %d objects long",
				 name, list, PAGES_MAX * ASK_PAGE);
	text_escape(&token, next);
	if (token.failed || snprintf(path, ASK_PATH_MAX, "%s&continue=%s", list, token.data) >= ASK_PATH_MAX)
		return error_set(err, ERR_TOOBIG, "%.*s: the API server's token of the next page is too long", name,
				 list);
	return 1;
}

cJSON *ask_get(struct cli *c, const char *path, int timeout_ms, struct error *err)
{
	struct ask a = { .timeout_ms = timeout_ms };

	snprintf(a.path, sizeof(a.path), "%s", path);
	begin(c, &a, "GET", NULL);
	return wait_for(c, &a, err);
}

cJSON *ask_patch(struct cli *c, const char *path, const cJSON *patch, struct error *err)
{
	struct ask a = { .timeout_ms = 0 };

	snprintf(a.path, sizeof(a.path), "%s", path);
	begin(c, &a, "PATCH", patch);
	return wait_for(c, &a, err);
}

cJSON *ask_apply(struct cli *c, const char *path, const cJSON *object, cJSON **refusal, struct error *err)
{
	struct ask a = { .cli = c };
	cJSON *answer;

	*refusal = NULL;
	a.call = kube_apply(c->kube, path, object, APPLY_MS, on_done, &a, &a.err);
	a.ended = !a.call;
	answer = wait_for(c, &a, err);
	if (!a.err.code)
		return answer;
	*err = a.err;
	*refusal = answer;
	return NULL;
}

cJSON *ask_put(struct cli *c, const char *path, struct error *err)
{
	JSON_CLEANUP cJSON *nothing = cJSON_CreateObject();
	struct ask a = { .cli = c };

	a.call = kube_call(c->kube, "PUT", path, nothing, NULL, 0, on_done, &a, &a.err);
	a.ended = !a.call;
	return wait_for(c, &a, err);
}

int ask_delete(struct cli *c, const char *path, const char *uid, int grace_s, struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject(), *answer = NULL;
	struct ask a = { .cli = c };

	json_add_str(json_add_object(body, "preconditions"), "uid", uid);
	json_add_str(body, "propagationPolicy", "Foreground");
	if (grace_s >= 0)
		json_add_int(body, "gracePeriodSeconds", grace_s);
	if (!json_is_whole(body))
		return error_set(err, ERR_NOMEM, "no memory");
	a.call = kube_call(c->kube, "DELETE", path, body, NULL, 0, on_done, &a, &a.err);
	a.ended = !a.call;
	answer = wait_for(c, &a, err);
	if (answer || a.err.code == ERR_NOTFOUND || a.err.code == ERR_CONFLICT) /* another uid */
		return 0;
	return -1;
}

int ask_annotate_over(struct cli *c, const char *path, const char *uid, const char *version, const char *key,
		      const char *value, struct error *err)
{
	JSON_CLEANUP cJSON *body = cJSON_CreateObject(), *answer = NULL;
	cJSON *metadata = json_add_object(body, "metadata"), *annotations = json_add_object(metadata, "annotations");

	json_add_str(metadata, "uid", uid);
	if (version)
		json_add_str(metadata, "resourceVersion", version);
	if (json_set(annotations, key, value ? cJSON_CreateString(value) : cJSON_CreateNull()) < 0 ||
	    !json_is_whole(body))
		return error_set(err, ERR_NOMEM, "no memory");
	answer = ask_patch(c, path, body, err);
	return answer ? 0 : -1;
}

enum cli_status ask_annotate(struct cli *c, const char *path, const char *uid, const char *key, const char *value)
{
	struct error err;

	return ask_annotate_over(c, path, uid, NULL, key, value, &err) == 0 ? CLI_OK : cli_fail_call(c, &err);
}
