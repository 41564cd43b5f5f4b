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
#include "common/codis/inventory.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "webhook/serve.h"

#define VIEWER "registry.example/codis-k8s:1"

/* --- the caches ------------------------------------------------------------------------------------------------- */

struct caches {
	const cJSON *known;
	struct inventory *inventory;
};

static bool is_kind(const cJSON *object, const char *kind)
{
	const char *is = json_str(object, "kind", NULL);

	return is && strcmp(is, kind) == 0;
}

static bool is_named(const cJSON *object, const char *namespace, const char *name)
{
	const char *its_namespace = json_str(object, "metadata", "namespace", NULL),
		   *its_name = json_str(object, "metadata", "name", NULL);

	return its_namespace && its_name && strcmp(its_namespace, namespace) == 0 && strcmp(its_name, name) == 0;
}

static void find_set(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg)
{
	const struct caches *c = ctx;
	const cJSON *object, *found = NULL;

	cJSON_ArrayForEach(object, c->known) {
		if (is_kind(object, "StatefulSet") && is_named(object, namespace, name))
			found = object;
	}
	fn(arg, found);
}

static bool is_ending(void *ctx, const char *namespace)
{
	const struct caches *c = ctx;
	const cJSON *object;

	cJSON_ArrayForEach(object, c->known) {
		const char *name = json_str(object, "metadata", "name", NULL);

		if (is_kind(object, "Namespace") && name && strcmp(name, namespace) == 0)
			return json_get(object, "metadata", "deletionTimestamp", NULL) != NULL;
	}
	return false;
}

static int each_of_kind(const struct caches *c, const char *kind, int (*fn)(void *arg, const cJSON *object), void *arg)
{
	const cJSON *object;

	cJSON_ArrayForEach(object, c->known) {
		int r = is_kind(object, kind) ? fn(arg, object) : 0;

		if (r)
			return r;
	}
	return 0;
}

static void each_set(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	each_of_kind(ctx, "StatefulSet", fn, arg);
}

static int each_budget(void *ctx, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	each_of_kind(ctx, "PodDisruptionBudget", fn, arg);
	return 0;
}

static void trouble_of(void *ctx, const cJSON *set, char why[POD_WHY_MAX])
{
	const struct caches *c = ctx;

	lookups_trouble(c->inventory, set, why);
}

static int add_set(void *arg, const cJSON *set)
{
	inventory_set_set(arg, set, NULL);
	return 0;
}

static int add_pod(void *arg, const cJSON *pod)
{
	inventory_set_pod(arg, pod, NULL);
	return 0;
}

/* --- a line ------------------------------------------------------------------------------------------------------ */

static void die(const char *what)
{
	fprintf(stderr, "driver: %s\n", what);
	exit(2);
}

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
	struct caches caches = { cJSON_GetObjectItemCaseSensitive(line, "known"), inventory_new() };
	struct http_response res = { .status = 200, .content_type = "text/plain", .body = BUF_INIT(64u << 20) };
	const char *path = json_str(line, "path", NULL), *body = json_str(line, "body", NULL);
	struct http_request req = { .method = "POST", .path = path, .content_type = "application/json" };
	char *copy;

	if (!path || !body || !caches.inventory)
		die("a line needs path and body");
	w->lookups.ctx = w->lookups.budgets = &caches;
	each_of_kind(&caches, "StatefulSet", add_set, caches.inventory);
	each_of_kind(&caches, "Pod", add_pod, caches.inventory);
	req.body_len = strlen(body);
	req.body = copy = copy_of(body, req.body_len);
	webhook_serve(w, &req, &res);
	print_answer(&res);
	free(copy);
	buf_release(&res.body);
	inventory_free(caches.inventory);
}

int main(void)
{
	struct webhook w = { .log = { .fd = -1, .level = LOG_LEVEL_ERROR },
			     .metrics = metrics_new(),
			     .viewer_image = VIEWER,
			     .lookups = { .find = find_set,
					  .each = each_set,
					  .is_ending = is_ending,
					  .trouble = trouble_of,
					  .each_budget = each_budget } };
	char *text = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&text, &size, stdin)) > 0) {
		struct error err = ERROR_INIT;
		JSON_CLEANUP cJSON *line = json_parse(text, (size_t)len, JSON_ITEMS, &err);

		if (!line)
			die(err.text);
		answer(&w, line);
	}
	free(text);
	metrics_free(w.metrics);
	return 0;
}
