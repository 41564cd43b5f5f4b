#include "controller/viewer.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/net/http.h"
#include "common/net/loop.h"

#define LOOK_MS 1000

struct viewer {
	struct loop loop;
	const char *url;
	struct http_client *http;
	struct loop_timer *timer;
	char last[8192];
	char trouble[512];
	bool asking;
};

static void on_stop(void *ctx)
{
	struct viewer *v = ctx;

	loop_stop(&v->loop);
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
		printf("%s %s", ts, v->last);
	}
	fflush(stdout);
}

static void look(void *ctx)
{
	struct viewer *v = ctx;
	struct http_spec spec = { .method = "GET", .url = v->url, .timeout_ms = 5000 };

	if (!v->asking)
		v->asking = http_send(v->http, &spec, on_status, v, NULL) != NULL;
}

static int start(struct viewer *v, struct error *err)
{
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
