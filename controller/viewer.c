#include "controller/viewer.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "controller/viewer_lines.h"

#define LOOK_MS     1000
#define MEMBERS_MS  60000 /* each proxy and server is told so often, and at each change */
#define MEMBERS_MAX (16u << 20)
#define URL_LENGTH  1024

struct viewer {
	struct loop loop;
	const char *url;
	struct http_client *http;
	struct loop_timer *timer;
	char last[8192];
	char trouble[512];
	bool asking;
	char json_url[URL_LENGTH]; /* "": it has none */
	int64_t members_ms;        /* when they were told; 0: they are to be */
};

static void on_stop(void *ctx)
{
	struct viewer *v = ctx;

	loop_stop(&v->loop);
}

/* Each with its time, whichever product it is about. */
static void print_lines(const char *ts, const char *text)
{
	for (size_t n; *text; text += n + (text[n] != '\0')) {
		n = strcspn(text, "\n");
		printf("%s %.*s\n", ts, (int)n, text);
	}
}

static void on_members(void *ctx, const struct http_result *res)
{
	BUF_CLEANUP struct buf lines = BUF_INIT(MEMBERS_MAX);
	JSON_CLEANUP cJSON *status = NULL;
	struct viewer *v = ctx;
	char ts[32];

	v->asking = false;
	if (!res->err && res->status == 200)
		status = json_parse(res->body, res->len, MEMBERS_MAX, NULL);
	if (!status) /* the line says why, or the next look does */
		return;
	viewer_lines(status, clock_rfc3339(clock_wall_ms(), ts, sizeof(ts)), &lines);
	fwrite(lines.data, 1, lines.len, stdout);
	fflush(stdout);
}

static void look_at_members(struct viewer *v)
{
	struct http_spec spec = { .method = "GET", .url = v->json_url, .timeout_ms = 5000, .max_body = MEMBERS_MAX };
	int64_t now_ms = clock_mono_ms();

	if (!v->json_url[0] || (v->members_ms && now_ms - v->members_ms < MEMBERS_MS))
		return;
	v->members_ms = now_ms;
	v->asking = http_send(v->http, &spec, on_members, v, NULL) != NULL;
}

static void on_status(void *ctx, const struct http_result *res)
{
	struct viewer *v = ctx;
	char ts[32];

	v->asking = false;
	clock_rfc3339(clock_wall_ms(), ts, sizeof(ts));
	if (res->err || res->status != 200) {
		const char *why = res->err ? res->err->text : "the controller does not answer with a status";

		if (strcmp(v->trouble, why) != 0)
			printf("%s no news: %s\n", ts, why);
		snprintf(v->trouble, sizeof(v->trouble), "%s", why);
	} else if (strncmp(v->last, res->body, sizeof(v->last) - 1) != 0) {
		snprintf(v->last, sizeof(v->last), "%s", res->body);
		v->trouble[0] = '\0';
		print_lines(ts, v->last);
		v->members_ms = 0;
	}
	fflush(stdout);
	look_at_members(v);
}

static void look(void *ctx)
{
	struct viewer *v = ctx;
	struct http_spec spec = { .method = "GET", .url = v->url, .timeout_ms = 5000 };

	if (!v->asking)
		v->asking = http_send(v->http, &spec, on_status, v, NULL) != NULL;
}

/* .../status.json stands beside .../status. */
static void find_json(struct viewer *v)
{
	static const char end[] = "/status";
	size_t n = strlen(v->url), m = sizeof(end) - 1;

	if (n > m && strcmp(v->url + n - m, end) == 0 && n + sizeof(".json") <= sizeof(v->json_url))
		snprintf(v->json_url, sizeof(v->json_url), "%s.json", v->url);
}

static int start(struct viewer *v, struct error *err)
{
	find_json(v);
	if (loop_init(&v->loop, on_stop, v, err) < 0)
		return -1;
	v->http = http_client_new(&v->loop.uv, NULL, err);
	if (!v->http)
		return -1;
	v->timer = loop_timer_start(&v->loop.uv, 0, LOOK_MS, look, v);
	return v->timer ? 0 : error_set(err, ERR_NOMEM, "no memory to start with");
}

int viewer_run(const char *url)
{
	struct viewer v = { .url = url };
	struct error err;

	if (start(&v, &err) < 0) {
		fprintf(stderr, "codis-controller: %s\n", err.text);
		return 1;
	}
	loop_run(&v.loop);
	loop_timer_free(v.timer);
	http_client_free(v.http);
	loop_release(&v.loop);
	return 0;
}
