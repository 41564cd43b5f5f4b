/* codisctl install: the wait until codis-k8s serves. */
#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/install.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/pod.h"
#include "common/codis/waits.h"
#include "common/kube/ops_pod.h"

#define LOOK_MS 500

struct waiting {
	struct cli *cli;
	const struct documents *documents;
	struct buf now, told; /* how far it is: of this look, and as it was said last */
	struct buf why, why_told;
	char namespace[256]; /* of one that is not ready */
};

/* --- one look ----------------------------------------------------------------------------------------------------- */

/* Says how many of its pods are ready, of those that it has now; whether all are, and there are no others. */
static bool is_ready(struct waiting *w, const char *name, const cJSON *deployment)
{
	const cJSON *status = json_get(deployment, "status", NULL);
	int64_t wanted = json_int(1, deployment, "spec", "replicas", NULL);
	int64_t updated = json_int(0, status, "updatedReplicas", NULL), all = json_int(0, status, "replicas", NULL);
	int64_t available = json_int(0, status, "availableReplicas", NULL);
	bool seen = json_int(0, status, "observedGeneration", NULL) >=
		    json_int(0, deployment, "metadata", "generation", NULL);
	int64_t ready = !seen ? 0 : available < updated ? available : updated;

	buf_addf(&w->now, "%s%s %lld of %lld", w->now.len ? ", " : "ready: ", name, (long long)ready,
		 (long long)wanted);
	if (seen && all > updated)
		buf_addf(&w->now, " (%lld old)", (long long)(all - updated));
	return seen && updated == wanted && available == wanted && all == wanted;
}

/* "codis-webhook-5d9c7b6f4-7xkqp: ImagePullBackOff, codis-k8s:latest" */
static void say_pod(struct waiting *w, const cJSON *pod)
{
	const char *name = json_str(pod, "metadata", "name", NULL), *late, *reason, *message;
	const cJSON *one, *scheduled;

	json_each(one, json_get(pod, "status", "containerStatuses", NULL)) {
		char waits[WAITS_MAX];

		waits_read(one, waits);
		if (name && waits[0])
			buf_addf(&w->why, "%s%s: %s", w->why.len ? "\n  " : "  ", name, waits);
	}
	late = waits_words("", waits_unprepared(json_get(pod, "status", NULL)), clock_wall_ms());
	if (name && late[0])
		buf_addf(&w->why, "%s%s: %s", w->why.len ? "\n  " : "  ", name, late);
	scheduled = codis_condition(pod, "PodScheduled");
	reason = json_str(scheduled, "reason", NULL);
	message = json_str(scheduled, "message", NULL);
	if (name && reason && strcmp(reason, "Unschedulable") == 0)
		buf_addf(&w->why, "%s%s: it has no node: %s", w->why.len ? "\n  " : "  ", name, message ? message : "");
}

/* Who may not list them, is not told. */
static void say_pods(struct waiting *w)
{
	char path[512];
	struct error err;
	JSON_CLEANUP cJSON *pods = NULL;
	const cJSON *pod;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods?%s", w->namespace, OPS_POD_SELECTOR);
	pods = ask_get(w->cli, path, 0, &err);
	json_each(pod, json_get(pods, "items", NULL))
		say_pod(w, pod);
}

/* CLI_WAITED: not yet, also where the API server does not answer. */
static enum cli_status look(struct waiting *w)
{
	bool ready = true;

	buf_reset(&w->now);
	buf_reset(&w->why);
	for (int i = 0; i < w->documents->count; i++) {
		const struct document *doc = &w->documents->all[i];
		const char *namespace = json_str(doc->object, "metadata", "namespace", NULL);
		char path[DOCUMENTS_PATH_MAX];
		JSON_CLEANUP cJSON *is = NULL;
		struct error err = ERROR_INIT;

		if (strcmp(doc->kind->name, "Deployment") != 0 || kind_path(doc->kind, namespace, doc->name, path) < 0)
			continue;
		is = ask_get(w->cli, path, 0, &err);
		if (!is && err.code == ERR_DENIED)
			return cli_fail_call(w->cli, &err);
		if (!is)
			buf_addf(&w->now, "%s%s: %s", w->now.len ? ", " : "", doc->name, err.text);
		else if (is_ready(w, doc->name, is))
			continue;
		ready = false;
		text_copy(w->namespace, sizeof(w->namespace), namespace);
	}
	if (!ready && w->namespace[0])
		say_pods(w);
	return ready ? CLI_OK : CLI_WAITED;
}

/* --- the wait ----------------------------------------------------------------------------------------------------- */

static void tell_changed(struct cli *c, const struct buf *now, struct buf *told)
{
	if (!now->len || strcmp(now->data, told->data) == 0)
		return;
	buf_reset(told);
	buf_addstr(told, now->data);
	for (const char *line = now->data; *line;) {
		size_t len = strcspn(line, "\n");

		text_clean(&c->out, line, len);
		buf_addch(&c->out, '\n');
		line += len + (line[len] == '\n');
	}
	cli_flush(c);
}

static enum cli_status end(struct waiting *w, enum cli_status status)
{
	struct cli *c = w->cli;

	if (status == CLI_WAITED)
		return cli_fail(
			c, status,
			"not within %g s. What was applied stands and goes on, and this can be repeated; kubectl "
			"describe pods -n %s tells more",
			c->options.wait_ms / 1000.0, w->namespace);
	if (status == CLI_OK)
		buf_addstr(&c->out, "codis-k8s is ready. Next: codisctl buildup, or kubectl apply of your own Codis\n");
	return status;
}

enum cli_status install_wait(struct cli *c, const struct documents *d)
{
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;
	struct waiting w = { .cli = c, .documents = d };
	enum cli_status status;

	buf_init(&w.now, 65536);
	buf_init(&w.told, 65536);
	buf_init(&w.why, 65536);
	buf_init(&w.why_told, 65536);
	for (;;) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		status = look(&w);
		tell_changed(c, &w.now, &w.told);
		tell_changed(c, &w.why, &w.why_told);
		if (status != CLI_WAITED || next_ms >= end_ms)
			break;
		ask_wait(c, next_ms, NULL, NULL);
	}
	status = end(&w, status);
	buf_release(&w.now);
	buf_release(&w.told);
	buf_release(&w.why);
	buf_release(&w.why_told);
	return status;
}
