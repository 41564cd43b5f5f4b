#include "controller/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/text.h"
#include "common/codis/pod.h"
#include "common/kube/client.h"
#include "common/kube/ops_pod.h"
#include "common/net/addr.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define AGAIN_MS 60000
#define SOON_MS  5000 /* where one is not ready, or says nothing */
#define CALL_MS  3000
#define PODS_MAX 16
#define DAY_MS   86400000
/* The version comes first, and the certificates soon; a controller's own metrics may be megabytes. */
#define READ_MAX (64u << 10)

struct program_pod {
	char program[64], name[254], version[64], addr[ADDR_TEXT_MAX];
	bool ready;
	int64_t ends_wall_ms; /* its certificate; -1: it has none */
};

struct programs {
	struct kube_client *kube;
	struct http_client *http;
	const struct logger *log;
	char path[400];
	struct loop_timer *timer;
	struct http_call *call;
	struct program_pod known[PODS_MAX], asked[PODS_MAX]; /* of the last round; of the one that is under way */
	int known_count, asked_count, at;                    /* at: which of them is being asked */
	struct buf metrics;                                  /* of the one at `at` */
	bool failing;                                        /* that was said */
};

static void ask_next(struct programs *p);

/* --- one pod ------------------------------------------------------------------------------------------------------ */

static int on_metrics(void *ctx, const char *data, size_t len)
{
	struct programs *p = ctx;
	size_t room = READ_MAX - p->metrics.len;

	if (buf_add(&p->metrics, data, len < room ? len : room) < 0)
		return -1;
	return len < room ? 0 : -1; /* what is wanted was among it */
}

/* Also of one whose answer broke off: what was said stands. */
static void on_end(void *ctx, const struct http_result *res)
{
	struct programs *p = ctx;
	struct program_pod *pod = &p->asked[p->at];

	(void)res;
	p->call = NULL;
	if (p->metrics.len) {
		ops_pod_version(p->metrics.data, pod->version, sizeof(pod->version));
		pod->ends_wall_ms = ops_pod_certificate_ms(p->metrics.data, "leaf");
	}
	p->at++;
	ask_next(p);
}

static bool all_said(const struct programs *p)
{
	for (int i = 0; i < p->known_count; i++) {
		if (!p->known[i].ready || !p->known[i].version[0])
			return false;
	}
	return p->known_count > 0;
}

static void ask_next(struct programs *p)
{
	struct error err = ERROR_INIT;
	char url[ADDR_TEXT_MAX + 20];
	struct http_spec spec = { .method = "GET", .url = url, .timeout_ms = CALL_MS, .on_data = on_metrics };

	for (; p->at < p->asked_count; p->at++) {
		if (!p->asked[p->at].addr[0])
			continue;
		snprintf(url, sizeof(url), "http://%s/metrics", p->asked[p->at].addr);
		buf_reset(&p->metrics);
		p->call = http_send(p->http, &spec, on_end, p, &err);
		if (p->call)
			return;
	}
	memcpy(p->known, p->asked, sizeof(p->known));
	p->known_count = p->asked_count;
	loop_timer_set(p->timer, all_said(p) ? AGAIN_MS : SOON_MS);
}

/* --- all of them -------------------------------------------------------------------------------------------------- */

static bool is_ready(const cJSON *pod)
{
	const char *status = json_str(codis_condition(pod, "Ready"), "status", NULL);

	return status && strcmp(status, "True") == 0;
}

static void take(struct programs *p, const cJSON *pod)
{
	const char *program = json_str(pod, "metadata", "labels", "app.kubernetes.io/name", NULL);
	const char *name = json_str(pod, "metadata", "name", NULL), *ip = json_str(pod, "status", "podIP", NULL);
	struct program_pod *to = &p->asked[p->asked_count];

	if (!program || !name || p->asked_count == PODS_MAX)
		return;
	*to = (struct program_pod){ .ready = is_ready(pod), .ends_wall_ms = -1 };
	text_copy(to->program, sizeof(to->program), program);
	text_copy(to->name, sizeof(to->name), name);
	if (ip && addr_is_numeric(ip) && addr_join(ip, (uint16_t)ops_pod_port(pod), to->addr, sizeof(to->addr)) < 0)
		to->addr[0] = '\0';
	p->asked_count++;
}

static void on_listed(void *ctx, const cJSON *list, const struct error *err)
{
	struct programs *p = ctx;
	const cJSON *pod;

	p->call = NULL;
	if (err && !p->failing)
		log_warn(p->log, "programs.failed", "error=%s", LOGQ(err->text));
	p->failing = err != NULL;
	p->asked_count = p->at = 0;
	json_each(pod, json_get(list, "items", NULL))
		take(p, pod);
	ask_next(p);
}

static void begin(void *ctx)
{
	struct programs *p = ctx;
	struct error err = ERROR_INIT;

	p->call = kube_call(p->kube, "GET", p->path, NULL, NULL, CALL_MS, on_listed, p, &err);
	if (!p->call)
		on_listed(p, NULL, &err);
}

struct programs *programs_new(uv_loop_t *uv, struct kube_client *kube, const char *namespace, const struct logger *log,
			      struct error *err)
{
	struct programs *p = calloc(1, sizeof(*p));

	if (!p) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	p->kube = kube;
	p->log = log;
	snprintf(p->path, sizeof(p->path), "/api/v1/namespaces/%s/pods?%s", namespace, OPS_POD_SELECTOR);
	buf_init(&p->metrics, READ_MAX + 1);
	p->http = http_client_new(uv, NULL, err);
	p->timer = p->http ? loop_timer_start(uv, 0, 0, begin, p) : NULL;
	if (!p->timer) {
		if (p->http)
			error_set(err, ERR_NOMEM, "no memory");
		programs_free(p);
		return NULL;
	}
	return p;
}

void programs_free(struct programs *p)
{
	if (!p)
		return;
	http_cancel(p->call);
	http_client_free(p->http);
	loop_timer_stop(&p->timer);
	buf_release(&p->metrics);
	free(p);
}

void programs_json(const struct programs *p, cJSON *list)
{
	char ends[32];

	for (int i = 0; i < p->known_count; i++) {
		const struct program_pod *pod = &p->known[i];
		cJSON *o = cJSON_CreateObject();

		json_push(list, o);
		json_add_str(o, "program", pod->program);
		json_add_str(o, "pod", pod->name);
		json_add_bool(o, "ready", pod->ready);
		if (pod->version[0])
			json_add_str(o, "version", pod->version);
		if (pod->ends_wall_ms < 0)
			continue;
		clock_rfc3339(pod->ends_wall_ms, ends, sizeof(ends));
		json_add_str(o, "certificate_ends", ends);
		json_add_int(o, "certificate_days", (pod->ends_wall_ms - clock_wall_ms()) / DAY_MS);
	}
}
