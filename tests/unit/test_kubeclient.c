/* Calls to the API server: what goes out, what comes back, and how it is said that it failed. */
#include "tests/unit/fake_api.h"
#include "tests/unit/net_fixture.h"

#include <fcntl.h>

#include "common/net/http.h"
#include "tests/unit/test.h"

#define LONG 10000

struct answer {
	struct fake_world *world;
	struct kube_client *kube;
	bool done, free_client;
	cJSON *object;
	struct error err; /* code ERR_NONE: none */
};

static void on_answer(void *ctx, const cJSON *object, const struct error *err)
{
	struct answer *a = ctx;

	assert_false(a->done);
	a->done = true;
	a->object = object ? cJSON_Duplicate(object, 1) : NULL;
	if (err)
		a->err = *err;
	assert_true(!object == (err != NULL));
	if (a->free_client) {
		kube_client_free(a->kube);
		a->kube = NULL;
	}
}

static void on_stream_end(void *ctx, const cJSON *none, const struct error *err)
{
	struct answer *a = ctx;

	assert_null(none);
	a->done = true;
	if (err)
		a->err = *err;
}

static bool is_done(void *ctx)
{
	return ((struct answer *)ctx)->done;
}

static void ask(struct answer *a, struct fake_world *w, struct kube_client *kube, const char *method, const char *path,
		const char *body, const char *type)
{
	JSON_CLEANUP cJSON *json = body ? cJSON_Parse(body) : NULL;
	struct error err;

	*a = (struct answer){ .world = w };
	assert_non_null(kube_call(kube, method, path, json, type, 2000, on_answer, a, &err));
	assert_false(a->done); /* never from within */
	assert_true(fake_run(w, LONG, is_done, a));
}

#define FIXTURE_TEST(name) TEST_WITH(name, fake_setup, fake_teardown)

/* An API server to which everybody comes back at once. */
FIXTURE_TEST(a_handshake_of_more_than_a_second)
{
	struct fake_world *w = *state;
	struct identity id;
	struct raw_server s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
				.end = RAW_KEEP,
				.tls = &id,
				.stall_ms = 1300 };
	struct kube_config cfg = { .ca_pem = id.cert };
	struct kube_client *kube;
	struct answer a = { .world = w };
	struct error err;
	char server[64];

	identity_make(&id, "slow");
	raw_start(&s);
	snprintf(server, sizeof(server), "https://127.0.0.1:%u", s.port);
	cfg.server = server;
	kube = kube_client_new(&w->loop.uv, &cfg, &err);
	assert_non_null(kube);
	assert_non_null(kube_call(kube, "GET", "/x", NULL, NULL, 0, on_answer, &a, &err));
	assert_true(fake_run(w, LONG, is_done, &a));
	kube_client_free(kube);
	raw_stop(&s);
	if (!a.object)
		fail_msg("%s", a.err.text);
	cJSON_Delete(a.object);
}

FIXTURE_TEST(an_object_comes_back)
{
	struct fake_world *w = *state;
	struct answer a;

	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/n/pods", "{\"metadata\":{\"name\":\"p\"}}", NULL);
	assert_int_equal(a.err.code, ERR_NONE);
	assert_string_equal(json_str(a.object, "metadata", "namespace", NULL), "n");
	cJSON_Delete(a.object);
	ask(&a, w, w->kube, "PATCH", "/api/v1/namespaces/n/pods/p?fieldManager=x",
	    "[{\"op\":\"add\",\"path\":\"/spec\",\"value\":1}]", KUBE_JSON_PATCH);
	assert_int_equal(json_int(0, a.object, "spec", NULL), 1);
	assert_int_equal(fake_count(&w->api, "PATCH /api/v1/namespaces/n/pods/p&fieldManager=x"), 1);
	cJSON_Delete(a.object);
}

static void on_warning(void *ctx, const char *text)
{
	snprintf(ctx, 64, "%s", text);
}

FIXTURE_TEST(what_is_warned_of_is_handed_over)
{
	struct fake_world *w = *state;
	struct answer a;
	char text[64] = "";

	w->api.warning = "299 - \"write \\\"two\\\"\"";
	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/n/pods", "{\"metadata\":{\"name\":\"p\"}}", NULL);
	cJSON_Delete(a.object);
	kube_client_on_warning(w->kube, on_warning, text);
	ask(&a, w, w->kube, "GET", "/api/v1/namespaces/n/pods/p", NULL, NULL);
	cJSON_Delete(a.object);
	assert_string_equal(text, "");
	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/n/pods", "{\"metadata\":{\"name\":\"q\"}}", NULL);
	cJSON_Delete(a.object);
	assert_string_equal(text, "write \"two\"");
	w->api.warning = "110 - \"stale\"";
	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/n/pods", "{\"metadata\":{\"name\":\"r\"}}", NULL);
	cJSON_Delete(a.object);
	assert_string_equal(text, "write \"two\"");
}

FIXTURE_TEST(every_refusal_has_its_code)
{
	static const struct {
		int status;
		enum error_code code;
	} cases[] = { { 401, ERR_DENIED }, { 403, ERR_DENIED }, { 404, ERR_NOTFOUND }, { 409, ERR_CONFLICT },
		      { 410, ERR_GONE },   { 422, ERR_STATUS }, { 429, ERR_STATUS },   { 500, ERR_STATUS } };
	struct fake_world *w = *state;
	struct answer a;
	char text[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		fake_fail(&w->api, "pods", cases[i].status, 1);
		ask(&a, w, w->kube, "GET", "/api/v1/pods?limit=1", NULL, NULL);
		assert_int_equal(a.err.code, cases[i].code);
		assert_int_equal(a.err.status, cases[i].status);
		snprintf(text, sizeof(text), "GET /api/v1/pods: HTTP %d: as the test asked", cases[i].status);
		assert_string_equal(a.err.text, text);
	}
	fake_apply(&w->api, "/api/v1/namespaces/n/pods/p", "{}");
	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/n/pods", "{\"metadata\":{\"name\":\"p\"}}", NULL);
	assert_int_equal(a.err.code, ERR_EXISTS);
	ask(&a, w, w->kube, "PUT", "/api/v1/namespaces/n/pods/p", "{\"metadata\":{\"resourceVersion\":\"1\"}}", NULL);
	assert_int_equal(a.err.code, ERR_CONFLICT);
}

FIXTURE_TEST(json_patch_of_which_a_test_fails_is_a_conflict)
{
	static const char body[] = "[{\"op\":\"test\",\"path\":\"/spec/replicas\",\"value\":4},"
				   "{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":2}]";
	struct fake_world *w = *state;
	struct answer a;

	fake_apply(&w->api, "/apis/apps/v1/namespaces/n/statefulsets/s", "{\"spec\":{\"replicas\":6}}");
	ask(&a, w, w->kube, "PATCH", "/apis/apps/v1/namespaces/n/statefulsets/s", body, KUBE_JSON_PATCH);
	assert_int_equal(a.err.code, ERR_CONFLICT);
	assert_int_equal(a.err.status, 422);
}

/* What is there may still be changed. */
FIXTURE_TEST(what_a_namespace_that_is_deleted_refuses_has_a_code_of_its_own)
{
	struct fake_world *w = *state;
	struct answer a;

	fake_apply(&w->api, "/api/v1/namespaces/n/pods/p", "{}");
	w->api.ending = "n";
	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/n/pods", "{\"metadata\":{\"name\":\"q\"}}", NULL);
	assert_int_equal(a.err.code, ERR_ENDING);
	assert_int_equal(a.err.status, 403);
	assert_non_null(strstr(a.err.text, "HTTP 403: unable to create new content in namespace n"));
	ask(&a, w, w->kube, "PATCH", "/api/v1/namespaces/n/pods/p", "{\"x\":1}", KUBE_MERGE_PATCH);
	assert_int_equal(a.err.code, ERR_NONE);
	cJSON_Delete(a.object);
	ask(&a, w, w->kube, "POST", "/api/v1/namespaces/nn/pods", "{\"metadata\":{\"name\":\"q\"}}", NULL);
	assert_int_equal(a.err.code, ERR_NONE);
	cJSON_Delete(a.object);
}

FIXTURE_TEST(a_call_has_a_time_limit)
{
	struct fake_world *w = *state;
	struct answer a;

	fake_hang(&w->api, true);
	ask(&a, w, w->kube, "GET", "/api/v1/pods", NULL, NULL);
	assert_int_equal(a.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(a.err.text, "GET /api/v1/pods: "));
	fake_hang(&w->api, false);
}

FIXTURE_TEST(a_call_may_be_taken_back)
{
	struct fake_world *w = *state;
	struct answer a = { .world = w }, b;
	struct http_call *call = kube_call(w->kube, "GET", "/api/v1/pods", NULL, NULL, 0, on_answer, &a, NULL);

	assert_non_null(call);
	http_cancel(call);
	call = kube_call(w->kube, "GET", "/api/v1/pods", NULL, NULL, 0, on_answer, &a, NULL);
	fake_hang(&w->api, true);
	while (fake_blocked(&w->api) == 0)
		uv_run(&w->loop.uv, UV_RUN_NOWAIT);
	http_cancel(call);
	fake_hang(&w->api, false);
	ask(&b, w, w->kube, "GET", "/api/v1/pods", NULL, NULL);
	cJSON_Delete(b.object);
	assert_false(a.done);
}

FIXTURE_TEST(the_client_may_end_in_an_answer)
{
	struct fake_world *w = *state;
	struct answer a = { .world = w, .kube = fake_client(w), .free_client = true }, b = a;

	assert_non_null(kube_call(a.kube, "GET", "/api/v1/pods", NULL, NULL, 0, on_answer, &a, NULL));
	fake_block(&w->api, "GET /api/v1/nodes");
	assert_non_null(kube_call(a.kube, "GET", "/api/v1/nodes", NULL, NULL, 0, on_answer, &b, NULL));
	assert_true(fake_run(w, LONG, is_done, &a));
	assert_false(b.done);
	cJSON_Delete(a.object);
	fake_unblock(&w->api);
}

FIXTURE_TEST(what_cannot_start_says_why)
{
	struct fake_world *w = *state;
	BUF_CLEANUP struct buf path = BUF_INIT(20000);
	JSON_CLEANUP cJSON *body = cJSON_CreateObject();
	struct error err = ERROR_INIT;
	char *big = malloc(5 << 20);

	buf_addf(&path, "/%09000d", 1);
	assert_null(kube_call(w->kube, "GET", path.data, NULL, NULL, 0, on_answer, NULL, &err));
	assert_int_equal(err.code, ERR_TOOBIG);
	memset(big, 'x', (5 << 20) - 1);
	big[(5 << 20) - 1] = '\0';
	cJSON_AddStringToObject(body, "x", big);
	err = (struct error)ERROR_INIT;
	assert_null(kube_call(w->kube, "PUT", "/api", body, NULL, 0, on_answer, NULL, &err));
	assert_int_equal(err.code, ERR_TOOBIG);
	free(big);
}

/* --- on the wire ------------------------------------------------------------------------------------------------- */

static struct kube_client *client_of(struct fake_world *w, uint16_t port, const char *token, const char *token_file)
{
	char server[64];
	struct kube_config cfg = { .server = server,
				   .token = (char *)(uintptr_t)token,
				   .token_file = (char *)(uintptr_t)token_file };
	struct error err;
	struct kube_client *c;

	snprintf(server, sizeof(server), "http://127.0.0.1:%u", port);
	c = kube_client_new(&w->loop.uv, &cfg, &err);
	assert_non_null(c);
	return c;
}

#define HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nContent-Length: "

FIXTURE_TEST(headers_are_what_they_should_be)
{
	struct fake_world *w = *state;
	struct raw_server s = { .answer = HEAD("200 OK") "2\r\n\r\n{}", .end = RAW_KEEP };
	struct kube_client *c;
	struct answer a;

	raw_start(&s);
	c = client_of(w, s.port, "secret\r\nX-Evil: 1", NULL);
	ask(&a, w, c, "PATCH", "/api/v1/nodes/n?a=b", "{\"x\":1}", KUBE_MERGE_PATCH);
	cJSON_Delete(a.object);
	kube_client_free(c);
	raw_stop(&s);
	assert_non_null(strstr(s.last, "PATCH /api/v1/nodes/n?a=b HTTP/1.1\r\n"));
	assert_non_null(strstr(s.last, "\r\nAuthorization: Bearer secret\r\n"));
	assert_null(strstr(s.last, "X-Evil"));
	assert_non_null(strstr(s.last, "\r\nContent-Type: application/merge-patch+json\r\n"));
	assert_non_null(strstr(s.last, "\r\nAccept: application/json\r\n"));
	assert_non_null(strstr(s.last, "\r\nUser-Agent: codis-k8s/"));
	assert_non_null(strstr(s.last, "\r\n\r\n{\"x\":1}"));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

FIXTURE_TEST(a_token_that_was_replaced_is_read_again)
{
	static const char denied[] = HEAD("401 Unauthorized") "27\r\n\r\n{\"message\":\"Unauthorized\"}\n";
	struct fake_world *w = *state;
	struct raw_server s = { .answer = HEAD("200 OK") "2\r\n\r\n{}", .end = RAW_KEEP }, t;
	char path[] = "/tmp/codis-token-XXXXXX";
	struct kube_client *c;
	struct answer a;

	close(mkstemp(path));
	write_file(path, "one\n");
	raw_start(&s);
	c = client_of(w, s.port, NULL, path);
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	cJSON_Delete(a.object);
	write_file(path, "two\n");
	ask(&a, w, c, "GET", "/x", NULL, NULL); /* not yet: it is read each minute */
	cJSON_Delete(a.object);
	kube_client_free(c);
	raw_stop(&s);
	assert_non_null(strstr(s.last, "Authorization: Bearer one\r\n"));

	t = (struct raw_server){ .answer = denied, .end = RAW_KEEP };
	raw_start(&t);
	write_file(path, "one\n");
	c = client_of(w, t.port, NULL, path);
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	assert_int_equal(a.err.code, ERR_DENIED);
	assert_null(strstr(a.err.text, "one"));
	write_file(path, "two\n");
	ask(&a, w, c, "GET", "/x", NULL, NULL); /* but at once when it was refused */
	kube_client_free(c);
	raw_stop(&t);
	assert_non_null(strstr(t.last, "Authorization: Bearer two\r\n"));
	unlink(path);
}

FIXTURE_TEST(blanks_around_a_token_are_not_sent_and_an_empty_file_is_no_token)
{
	struct fake_world *w = *state;
	struct raw_server s = { .answer = HEAD("401 No") "2\r\n\r\n{}", .end = RAW_KEEP };
	char path[] = "/tmp/codis-token-XXXXXX";
	struct kube_client *c;
	struct answer a;

	close(mkstemp(path));
	write_file(path, " \tone \n");
	raw_start(&s);
	c = client_of(w, s.port, NULL, path);
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	assert_int_equal(a.err.code, ERR_DENIED); /* so that it is read again */
	write_file(path, "\n");
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	kube_client_free(c);
	raw_stop(&s);
	assert_non_null(strstr(s.last, "\r\nAuthorization: Bearer one\r\n"));
	unlink(path);
}

/* A kubeconfig with its CA beside it. */
struct config_files {
	char folder[32], config[64], ca[64];
};

static struct kube_client *client_by_file(struct config_files *f, struct fake_world *w, const char *server,
					  const char *ca)
{
	struct kube_config cfg;
	struct kube_client *c;
	char text[1024];

	snprintf(f->folder, sizeof(f->folder), "/tmp/codis-config-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->config, sizeof(f->config), "%s/config", f->folder);
	snprintf(f->ca, sizeof(f->ca), "%s/ca.crt", f->folder);
	snprintf(text, sizeof(text),
		 "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
		 "clusters: [{name: c, cluster: {server: '%s', certificate-authority: ca.crt}}]\n"
		 "users: [{name: u, user: {token: t}}]\n",
		 server);
	write_file(f->config, text);
	write_file(f->ca, ca);
	assert_int_equal(kube_config_load(&cfg, f->config, NULL), 0);
	c = kube_client_new(&w->loop.uv, &cfg, NULL);
	assert_non_null(c);
	kube_config_release(&cfg);
	return c;
}

static void files_remove(const struct config_files *f)
{
	unlink(f->config);
	unlink(f->ca);
	rmdir(f->folder);
}

FIXTURE_TEST(a_ca_that_was_replaced_is_read_again)
{
	struct fake_world *w = *state;
	struct identity one, two;
	struct raw_server s = { .answer = HEAD("200 OK") "2\r\n\r\n{}", .end = RAW_CLOSE, .tls = &one };
	struct config_files f;
	struct kube_client *c;
	char server[64];
	struct answer a;

	identity_make(&one, "one");
	identity_make(&two, "two");
	raw_start(&s);
	snprintf(server, sizeof(server), "https://127.0.0.1:%u", s.port);
	c = client_by_file(&f, w, server, two.cert);
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	assert_int_equal(a.err.code, ERR_PROTOCOL);
	write_file(f.ca, "-----BEGIN CERT"); /* half of it: not yet */
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	assert_int_equal(a.err.code, ERR_PROTOCOL);
	write_file(f.ca, one.cert);
	ask(&a, w, c, "GET", "/x", NULL, NULL);
	assert_int_equal(a.err.code, ERR_NONE);
	cJSON_Delete(a.object);
	kube_client_free(c);
	raw_stop(&s);
	files_remove(&f);
}

FIXTURE_TEST(calls_under_way_end_well_when_certificates_are_replaced)
{
	struct fake_world *w = *state;
	struct answer a = { .world = w }, b;
	struct config_files f;
	struct kube_client *c;
	char server[64];

	snprintf(server, sizeof(server), "http://127.0.0.1:%u", w->api.port);
	c = client_by_file(&f, w, server, "-----BEGIN A-----END A");
	fake_block(&w->api, "GET /api/v1/pods");
	assert_non_null(kube_call(c, "GET", "/api/v1/pods", NULL, NULL, 0, on_answer, &a, NULL));
	while (fake_blocked(&w->api) == 0)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	write_file(f.ca, "-----BEGIN B-----END B");
	fake_fail(&w->api, "nodes", 401, 1);
	ask(&b, w, c, "GET", "/api/v1/nodes", NULL, NULL); /* a doubt */
	ask(&b, w, c, "GET", "/api/v1/nodes", NULL, NULL);
	cJSON_Delete(b.object);
	ask(&b, w, c, "GET", "/api/v1/nodes", NULL, NULL); /* would free what is idle: this is not */
	cJSON_Delete(b.object);
	fake_unblock(&w->api);
	assert_true(fake_run(w, LONG, is_done, &a));
	assert_int_equal(a.err.code, ERR_NONE);
	cJSON_Delete(a.object);
	ask(&b, w, c, "GET", "/api/v1/nodes", NULL, NULL); /* frees what is idle */
	cJSON_Delete(b.object);
	kube_client_free(c);
	files_remove(&f);
}

FIXTURE_TEST(what_refuses_a_stream_has_a_limit)
{
	static char big[2 << 20] = HEAD("500 Oh") "2000000\r\n\r\n";
	struct fake_world *w = *state;
	struct raw_server s = { .answer = big, .end = RAW_CLOSE };
	struct answer a = { .world = w };
	struct kube_client *c;
	size_t n = strlen(big);

	memset(big + n, 'x', 1500000);
	raw_start(&s);
	c = client_of(w, s.port, NULL, NULL);
	assert_non_null(kube_stream(c, "/x", 5000, 0, NULL, on_stream_end, &a, NULL));
	assert_true(fake_run(w, LONG, is_done, &a));
	assert_int_equal(a.err.code, ERR_TOOBIG);
	kube_client_free(c);
	raw_stop(&s);
}

FIXTURE_TEST(the_api_servers_clock_is_known_from_its_answers)
{
	struct fake_world *w = *state;
	struct answer a;

	fake_apply(&w->api, "/api/v1/namespaces/n/pods/p", "{}");
	assert_int_equal(kube_client_date_ms(w->kube), 0);
	ask(&a, w, w->kube, "GET", "/api/v1/namespaces/n/pods/p", NULL, NULL);
	assert_in_range(kube_client_date_ms(w->kube), clock_wall_ms() - 5000, clock_wall_ms() + 1000);
	cJSON_Delete(a.object);
	fake_clock(&w->api, -3600);
	ask(&a, w, w->kube, "GET", "/api/v1/namespaces/n/pods/q", NULL, NULL); /* a refusal has one, too */
	assert_int_equal(a.err.code, ERR_NOTFOUND);
	assert_in_range(kube_client_date_ms(w->kube), clock_wall_ms() - 3605000, clock_wall_ms() - 3599000);
}

FIXTURE_TEST(an_answer_that_is_no_json_is_told)
{
	static const char *const answers[] = { HEAD("200 OK") "5\r\n\r\nhello",
					       HEAD("502 Bad Gateway") "5\r\n\r\nhello", HEAD("500 Oh") "2\r\n\r\n{}" };
	static const char *const texts[] = { "GET /x: the answer is not JSON", "GET /x: HTTP 502: hello",
					     "GET /x: HTTP 500: (no message)" };
	struct fake_world *w = *state;
	struct answer a;

	for (int i = 0; i < 3; i++) {
		struct raw_server s = { .answer = answers[i], .end = RAW_KEEP };
		struct kube_client *c;

		raw_start(&s);
		c = client_of(w, s.port, NULL, NULL);
		ask(&a, w, c, "GET", "/x", NULL, NULL);
		if (strncmp(a.err.text, texts[i], strlen(texts[i])) != 0)
			fail_msg("%s", a.err.text);
		kube_client_free(c);
		raw_stop(&s);
	}
}

/* --- without a loop ---------------------------------------------------------------------------------------------- */
