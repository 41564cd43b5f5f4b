/* driver: answers AdmissionReviews as codis-webhook does, without a network and a cluster.
 *
 * A line of stdin is {"path": "/mutate", "body": "the request's body", "known": [objects that its caches hold]}; each
 * is answered by a line {"status": 200, "body": "..."}. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/metrics.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "webhook/offline.h"
#include "webhook/serve.h"
#include "webhook/tally.h"

#define VIEWER "registry.example/codis-k8s:1"

static void die(const char *what)
{
	fprintf(stderr, "driver: %s\n", what);
	exit(2);
}

/* --- the caches ------------------------------------------------------------------------------------------------- */

static bool is_set(const cJSON *object)
{
	const char *kind = json_str(object, "kind", NULL);

	return kind && strcmp(kind, "StatefulSet") == 0;
}

/* StatefulSets first, as they were heard of before their pods. */
static void know(struct offline *off, const cJSON *known, bool sets)
{
	const cJSON *object;

	cJSON_ArrayForEach(object, known) {
		if (is_set(object) == sets && offline_know(off, object) < 0)
			die("no memory");
	}
}

/* --- a line ------------------------------------------------------------------------------------------------------ */

/* Of its exact size with its NUL, as httpd gives it, so that a read beyond it is seen by AddressSanitizer. */
static char *copy_of(const char *text, size_t len)
{
	char *copy = malloc(len + 1);

	if (!copy)
		die("no memory");
	memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

static void print_answer(const struct http_response *res)
{
	BUF_CLEANUP struct buf text = BUF_INIT(64u << 20);
	JSON_CLEANUP cJSON *out = cJSON_CreateObject();

	json_add_int(out, "status", res->status);
	json_add_str(out, "body", res->body.data ? res->body.data : "");
	if (json_write(out, &text) < 0)
		die("the answer cannot be written");
	puts(text.data);
	fflush(stdout);
}

static void answer(struct webhook *w, const cJSON *line)
{
	const cJSON *known = cJSON_GetObjectItemCaseSensitive(line, "known");
	struct offline *off = offline_new();
	struct http_response res = { .status = 200, .content_type = "text/plain", .body = BUF_INIT(64u << 20) };
	const char *path = json_str(line, "path", NULL), *body = json_str(line, "body", NULL);
	struct http_request req = { .method = "POST", .path = path, .content_type = "application/json" };
	char *copy;

	if (!path || !body || !off)
		die("a line needs path and body");
	w->lookups = offline_lookups(off);
	know(off, known, true);
	know(off, known, false);
	req.body_len = strlen(body);
	req.body = copy = copy_of(body, req.body_len);
	webhook_serve(w, &req, &res);
	print_answer(&res);
	free(copy);
	buf_release(&res.body);
	offline_free(off);
}

int main(void)
{
	struct metrics *metrics = metrics_new();
	struct tally tally;
	struct webhook w = { .log = { .fd = -1, .level = LOG_LEVEL_ERROR }, .tally = &tally, .viewer_image = VIEWER };
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	if (!metrics)
		die("no memory");
	tally_begin(&tally, metrics);
	while ((len = getline(&text, &size, stdin)) > 0) {
		struct error err = ERROR_INIT;
		JSON_CLEANUP cJSON *line = json_parse(text, (size_t)len, JSON_ITEMS, &err);

		if (!line)
			die(err.text);
		answer(&w, line);
	}
	free(text);
	metrics_free(metrics);
	return 0;
}
