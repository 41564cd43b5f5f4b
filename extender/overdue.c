#include "extender/overdue.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "extender/serve.h"

#define CALLS_MAX  8
#define TURN_MS    1000
#define AGAIN_MS   5000
#define TIMEOUT_MS 4000

struct question {
	struct overdue_asker *asker;
	struct http_call *call; /* NULL: free */
	struct overdue pod;
	int64_t asked_ms;
};

struct overdue_asker {
	struct kube_client *kube;
	struct extender *extender;
	struct loop_timer *timer;
	struct question questions[CALLS_MAX];
};

/* A pod that says where it is about to stand is not let go: the watch, which counts it there, has not brought that. */
static bool has_no_place(const cJSON *pod, const char *uid)
{
	const char *is = json_str(pod, "metadata", "uid", NULL), *node = json_str(pod, "spec", "nodeName", NULL);
	const char *nominated = json_str(pod, "status", "nominatedNodeName", NULL);

	if (!is || strcmp(is, uid) != 0)
		return is != NULL;
	return (!node || !node[0]) && (!nominated || !nominated[0]);
}

static void on_answer(void *ctx, const cJSON *pod, const struct error *err)
{
	struct question *q = ctx;

	q->call = NULL;
	if (err ? err->code == ERR_NOTFOUND : has_no_place(pod, q->pod.uid))
		extender_end_overdue(q->asker->extender, q->pod.uid, q->asked_ms);
}

static void ask(struct question *q)
{
	char text[1024];
	struct buf path = BUF_IN(text);

	buf_addstr(&path, "/api/v1/namespaces/");
	text_escape(&path, q->pod.namespace);
	buf_addstr(&path, "/pods/");
	text_escape(&path, q->pod.name);
	q->asked_ms = clock_mono_ms();
	if (!buf_check(&path, "path", NULL)) /* what cannot be asked is taken again */
		q->call = kube_call(q->asker->kube, "GET", path.data, NULL, NULL, TIMEOUT_MS, on_answer, q, NULL);
}

static void on_turn(void *ctx)
{
	struct overdue_asker *a = ctx;

	for (int i = 0; i < CALLS_MAX; i++) {
		struct question *q = &a->questions[i];

		if (q->call)
			continue;
		if (!extender_take_overdue(a->extender, clock_mono_ms(), AGAIN_MS, &q->pod))
			return;
		ask(q);
	}
}

struct overdue_asker *overdue_start(uv_loop_t *uv, struct kube_client *kube, struct extender *extender, int turn_ms,
				    struct error *err)
{
	struct overdue_asker *a = calloc(1, sizeof(*a));
	uint64_t every = turn_ms ? (uint64_t)turn_ms : TURN_MS;

	if (a) {
		*a = (struct overdue_asker){ .kube = kube, .extender = extender };
		for (int i = 0; i < CALLS_MAX; i++)
			a->questions[i].asker = a;
		a->timer = loop_timer_start(uv, every, every, on_turn, a);
	}
	if (a && a->timer)
		return a;
	free(a);
	error_set(err, ERR_NOMEM, "no memory to ask about placements");
	return NULL;
}

void overdue_stop(struct overdue_asker *a)
{
	if (!a)
		return;
	loop_timer_free(a->timer);
	for (int i = 0; i < CALLS_MAX; i++)
		http_cancel(a->questions[i].call);
	free(a);
}
