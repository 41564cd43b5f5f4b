#include "tests/unit/net_fixture.h"

#include <poll.h>

#include "common/base/clock.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "common/net/loop.h"
#include "tests/unit/test.h"

/* Nothing here takes long; a call that would hang ends the test by this. */
#define LIMIT_MS 20000

struct fixture {
	struct loop loop;
	struct http_client *client;
	struct loop_timer *limit;
	struct error err;
	int pending; /* the loop stops when no call is left */
	bool timed_out;
};

/* One call and what came of it. */
struct call {
	struct fixture *f;
	struct http_call *call;
	char url[128];
	struct http_spec spec;
	int done, released, status, chunks;
	struct buf body, stream;
	struct error err;
	void (*then)(struct call *c);   /* within done */
	int (*reading)(struct call *c); /* within on_data */
	struct call *other;
	struct turns *turns;
};

static void on_limit(void *ctx)
{
	struct fixture *f = ctx;

	f->timed_out = true;
	loop_stop(&f->loop);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	if (!f || loop_init(&f->loop, NULL, NULL, &f->err) < 0)
		return -1;
	f->client = http_client_new(&f->loop.uv, NULL, &f->err);
	return f->client ? 0 : -1;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	http_client_free(f->client);
	loop_timer_stop(&f->limit);
	loop_release(&f->loop);
	free(f);
	return 0;
}

static void use_tls(struct fixture *f, const struct http_tls *tls)
{
	http_client_free(f->client);
	f->client = http_client_new(&f->loop.uv, tls, &f->err);
	assert_non_null(f->client);
}

static void ended(struct fixture *f)
{
	if (--f->pending == 0)
		loop_stop(&f->loop);
}

static void on_done(void *ctx, const struct http_result *res)
{
	struct call *c = ctx;

	c->done++;
	c->status = res->status;
	assert_int_equal(res->body[res->len], '\0');
	buf_add(&c->body, res->body, res->len);
	if (res->err) {
		c->err = *res->err;
		assert_int_equal(res->status, 0);
	}
	if (c->then)
		c->then(c);
	c->call = NULL;
	ended(c->f);
}

static void on_release(void *ctx)
{
	struct call *c = ctx;

	c->released++;
}

static int on_data(void *ctx, const char *data, size_t len)
{
	struct call *c = ctx;

	c->chunks++;
	buf_add(&c->stream, data, len);
	return c->reading ? c->reading(c) : 0;
}

static struct call call_to(struct fixture *f, const char *scheme, uint16_t port, const char *path)
{
	struct call c = { .f = f,
			  .body = BUF_INIT(1u << 20),
			  .stream = BUF_INIT(1u << 20),
			  .spec = { .method = "GET", .timeout_ms = LIMIT_MS, .connect_timeout_ms = LIMIT_MS } };

	snprintf(c.url, sizeof(c.url), "%s://127.0.0.1:%u%s", scheme, port, path);
	return c;
}

#define CALL_CLEANUP __attribute__((cleanup(call_release)))
static void call_release(struct call *c)
{
	buf_release(&c->body);
	buf_release(&c->stream);
}

static void send_call(struct call *c)
{
	c->spec.url = c->url;
	c->spec.release = on_release;
	c->call = http_send(c->f->client, &c->spec, on_done, c, &c->f->err);
	if (!c->call)
		fail_msg("%s", c->f->err.text);
	assert_int_equal(c->done, 0); /* never from within */
	c->f->pending++;
}

/* Until no call is left. */
static void run(struct fixture *f)
{
	f->limit = loop_timer_start(&f->loop.uv, 2 * LIMIT_MS, 0, on_limit, f);
	if (f->pending)
		loop_run(&f->loop);
	loop_timer_stop(&f->limit);
	assert_false(f->timed_out);
}

static void perform(struct call *c)
{
	send_call(c);
	run(c->f);
	assert_int_equal(c->done, 1);
	assert_int_equal(c->released, 1);
}

/* --- round trips -------------------------------------------------------------------------------------------------- */

static void echo(void *ctx, const struct http_request *req, struct http_response *res)
{
	const char *status = httpd_query(req, "status");

	(void)ctx;
	if (status)
		res->status = (int)strtol(status, NULL, 10);
	buf_addf(&res->body, "%s %s %s %s", req->method, req->path, req->content_type, req->body);
}

static struct httpd *start_echo(const struct identity *id)
{
	struct httpd_config cfg = { .address = "127.0.0.1:0",
				    .threads = 2,
				    .max_body = 1u << 20,
				    .handler = echo,
				    .cert_pem = id ? id->cert : NULL,
				    .key_pem = id ? id->key : NULL };
	struct error err;
	struct httpd *h = httpd_start(&cfg, &err);

	if (!h)
		fail_msg("%s", err.text);
	return h;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(get)
{
	struct httpd *h = start_echo(NULL);
	CALL_CLEANUP struct call c = call_to(*state, "http", httpd_port(h), "/a?x");

	perform(&c);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.body.data, "GET /a  ");
	assert_int_equal(c.err.code, ERR_NONE);
	httpd_stop(h);
}

FIXTURE_TEST(methods_with_and_without_body)
{
	static const char *const headers[] = { "Content-Type: application/merge-patch+json", NULL };
	static const char *const methods[] = { "POST", "PUT", "PATCH", "DELETE" };
	struct httpd *h = start_echo(NULL);
	char expected[64];

	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		CALL_CLEANUP struct call with = call_to(*state, "http", httpd_port(h), "/p");
		CALL_CLEANUP struct call without = call_to(*state, "http", httpd_port(h), "/p");
		char body[] = "{}";

		with.spec.method = without.spec.method = methods[i];
		with.spec.headers = headers;
		with.spec.body = body;
		with.spec.body_len = 2;
		send_call(&with);
		memset(body, 'x', 2); /* it was copied */
		send_call(&without);
		run(*state);
		snprintf(expected, sizeof(expected), "%s /p application/merge-patch+json {}", methods[i]);
		assert_string_equal(with.body.data, expected);
		snprintf(expected, sizeof(expected), "%s /p  ", methods[i]);
		assert_string_equal(without.body.data, expected);
	}
	httpd_stop(h);
}

FIXTURE_TEST(what_goes_out)
{
	static const char *const headers[] = { "Authorization: Bearer t0ken", NULL };
	struct raw_server s = { .answer = "HTTP/1.1 204 No Content\r\n\r\n", .end = RAW_CLOSE };
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/api/v1/pods?watch=1");
	c.spec.headers = headers;
	c.spec.method = "POST";
	perform(&c);
	assert_int_equal(c.status, 204);
	raw_stop(&s);
	assert_memory_equal(s.last, "POST /api/v1/pods?watch=1 HTTP/1.1\r\n", 36);
	assert_non_null(strstr(s.last, "\r\nAuthorization: Bearer t0ken\r\n"));
	assert_non_null(strstr(s.last, "\r\nUser-Agent: codis-k8s/"));
	assert_non_null(strstr(s.last, "\r\nContent-Length: 0\r\n"));
	assert_null(strstr(s.last, "Content-Type"));
	assert_null(strstr(s.last, "Expect"));
	call_release(&c);
}

/* Codis says that something went wrong with HTTP 800, and why in the body; Go leaves the reason phrase as it likes. */
FIXTURE_TEST(status_800)
{
	static const char *const answers[] = {
		"HTTP/1.1 800 status code 800\r\nContent-Length: 15\r\n\r\n{\"Cause\":\"lock\"}",
		"HTTP/1.1 800 \r\nContent-Length: 15\r\n\r\n{\"Cause\":\"lock\"}",
		"HTTP/1.1 800\r\nContent-Length: 15\r\n\r\n{\"Cause\":\"lock\"}",
	};
	struct httpd *h = start_echo(NULL);
	CALL_CLEANUP struct call c = call_to(*state, "http", httpd_port(h), "/a?status=800");

	perform(&c);
	assert_int_equal(c.status, 800);
	assert_string_equal(c.body.data, "GET /a  ");
	httpd_stop(h);
	for (size_t i = 0; i < 3; i++) {
		struct raw_server s = { .answer = answers[i], .end = RAW_CLOSE };
		CALL_CLEANUP struct call raw;

		raw_start(&s);
		raw = call_to(*state, "http", s.port, "/");
		perform(&raw);
		raw_stop(&s);
		assert_int_equal(raw.status, 800);
		assert_string_equal(raw.body.data, "{\"Cause\":\"lock\"");
	}
}

/* Unusual, but right. */
FIXTURE_TEST(heads_and_trailers)
{
	static const char *const answers[] = {
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
		"HTTP/1.0 200 OK\ncontent-length:2\n\nok",
	};

	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		struct raw_server s = { .answer = answers[i], .end = RAW_CLOSE };
		CALL_CLEANUP struct call c;

		raw_start(&s);
		c = call_to(*state, "http", s.port, "/");
		perform(&c);
		raw_stop(&s);
		assert_int_equal(c.status, 200);
		assert_string_equal(c.body.data, "ok");
	}
}

FIXTURE_TEST(error_statuses_are_answers)
{
	struct httpd *h = start_echo(NULL);
	CALL_CLEANUP struct call c = call_to(*state, "http", httpd_port(h), "/a?status=409");

	perform(&c);
	assert_int_equal(c.status, 409);
	assert_string_equal(c.body.data, "GET /a  ");
	assert_int_equal(c.err.code, ERR_NONE);
	httpd_stop(h);
}

FIXTURE_TEST(connections_are_kept)
{
	struct raw_server s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .end = RAW_KEEP };
	struct fixture *f = *state;

	raw_start(&s);
	for (int i = 0; i < 5; i++) {
		CALL_CLEANUP struct call c = call_to(f, "http", s.port, "/");

		perform(&c);
		assert_string_equal(c.body.data, "ok");
	}
	assert_int_equal(s.requests, 5);
	assert_int_equal(s.connections, 1);
	http_client_free(f->client); /* closes it, else the server waited */
	f->client = NULL;
	raw_stop(&s);
}

/* Its one thread reads from the kept one alone: over that there would be an answer. */
FIXTURE_TEST(fresh_connection_beside_a_kept_one)
{
	struct raw_server s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .end = RAW_KEEP };
	struct fixture *f = *state;
	struct call c;

	raw_start(&s);
	c = call_to(f, "http", s.port, "/");
	perform(&c);
	assert_string_equal(c.body.data, "ok");
	call_release(&c);
	c = call_to(f, "http", s.port, "/");
	c.spec.fresh = true;
	c.spec.timeout_ms = 100;
	perform(&c);
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	assert_true(c.err.connected);
	call_release(&c);
	http_client_free(f->client);
	f->client = NULL;
	raw_stop(&s);
}

/* The server has closed the connection that was kept: the call goes out on a fresh one. */
FIXTURE_TEST(kept_connection_has_died)
{
	struct raw_server s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", .end = RAW_CLOSE };
	struct fixture *f = *state;

	raw_start(&s);
	for (int i = 1; i <= 5; i++) {
		CALL_CLEANUP struct call c = call_to(f, "http", s.port, "/");

		c.spec.method = "POST";
		perform(&c);
		assert_string_equal(c.body.data, "ok");
		while (s.closed < i)
			sched_yield();
	}
	raw_stop(&s);
}

FIXTURE_TEST(many_at_once)
{
	enum { N = 100 };
	struct httpd *h = start_echo(NULL);
	struct call *calls = calloc(N, sizeof(*calls));
	char expected[64], path[16];

	for (int i = 0; i < N; i++) {
		snprintf(path, sizeof(path), "/%d", i);
		calls[i] = call_to(*state, "http", httpd_port(h), path);
		send_call(&calls[i]);
	}
	run(*state);
	for (int i = 0; i < N; i++) {
		snprintf(expected, sizeof(expected), "GET /%d  ", i);
		assert_string_equal(calls[i].body.data, expected);
		call_release(&calls[i]);
	}
	free(calls);
	httpd_stop(h);
}

FIXTURE_TEST(calls_are_limited)
{
	struct fixture *f = *state;
	struct call c = call_to(f, "http", 1, "/");

	c.spec.url = c.url;
	for (int i = 0; i < 1024; i++)
		assert_non_null(http_send(f->client, &c.spec, on_done, &c, &f->err));
	assert_null(http_send(f->client, &c.spec, on_done, &c, &f->err));
	assert_int_equal(f->err.code, ERR_TOOBIG);
}

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(tls)
{
	struct fixture *f = *state;
	struct identity one, two;
	struct httpd *h;

	identity_make(&one, "one");
	identity_make(&two, "two");
	h = start_echo(&one);
	{
		CALL_CLEANUP struct call c = call_to(f, "https", httpd_port(h), "/");
		CALL_CLEANUP struct call again = c, unsafe = c, nobody = c;
		char ca[sizeof(one.cert)];

		memcpy(ca, one.cert, sizeof(ca));
		use_tls(f, &(struct http_tls){ .ca_pem = ca });
		memset(ca, 'x', sizeof(ca)); /* it was copied */
		perform(&c);
		assert_string_equal(c.body.data, "GET /  ");
		use_tls(f, &(struct http_tls){ .ca_pem = two.cert });
		perform(&again);
		assert_int_equal(again.status, 0);
		assert_int_equal(again.err.code, ERR_PROTOCOL);
		use_tls(f, NULL); /* the system's authorities do not know it either */
		perform(&nobody);
		assert_int_equal(nobody.err.code, ERR_PROTOCOL);
		use_tls(f, &(struct http_tls){ .skip_verify = 1 });
		perform(&unsafe);
		assert_int_equal(unsafe.status, 200);
	}
	httpd_stop(h);
}

FIXTURE_TEST(tls_for_another_name)
{
	struct fixture *f = *state;
	struct identity one;
	struct httpd *h;
	struct call c;

	identity_make(&one, "one");
	h = start_echo(&one);
	use_tls(f, &(struct http_tls){ .ca_pem = one.cert });
	c = call_to(f, "https", httpd_port(h), "/");
	snprintf(c.url, sizeof(c.url), "https://localhost:%u/", httpd_port(h)); /* the certificate is for 127.0.0.1 */
	perform(&c);
	assert_int_equal(c.err.code, ERR_PROTOCOL);
	call_release(&c);
	httpd_stop(h);
}

FIXTURE_TEST(client_certificate)
{
	struct fixture *f = *state;
	struct identity server, client, stranger;
	struct raw_server s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
				.end = RAW_CLOSE,
				.tls = &server,
				.client = &client };

	identity_make(&server, "server");
	identity_make(&client, "client");
	identity_make(&stranger, "stranger");
	raw_start(&s);
	{
		CALL_CLEANUP struct call with = call_to(f, "https", s.port, "/");
		CALL_CLEANUP struct call without = with, wrong = with;

		use_tls(f, &(struct http_tls){ server.cert, client.cert, client.key, 0 });
		perform(&with);
		assert_string_equal(with.body.data, "ok");
		use_tls(f, &(struct http_tls){ .ca_pem = server.cert });
		perform(&without);
		assert_int_not_equal(without.err.code, ERR_NONE);
		use_tls(f, &(struct http_tls){ server.cert, stranger.cert, stranger.key, 0 });
		perform(&wrong);
		assert_int_not_equal(wrong.err.code, ERR_NONE);
	}
	raw_stop(&s);
}

FIXTURE_TEST(bad_pem)
{
	struct fixture *f = *state;
	struct identity one;
	struct httpd *h;

	identity_make(&one, "one");
	h = start_echo(&one);
	{
		CALL_CLEANUP struct call ca = call_to(f, "https", httpd_port(h), "/");
		CALL_CLEANUP struct call cert = ca;

		use_tls(f, &(struct http_tls){ .ca_pem = "nonsense" });
		perform(&ca);
		assert_int_equal(ca.err.code, ERR_INVALID);
		use_tls(f, &(struct http_tls){ one.cert, "nonsense", one.key, 0 });
		perform(&cert);
		assert_int_equal(cert.err.code, ERR_INVALID);
	}
	httpd_stop(h);
}

/* --- what goes wrong ---------------------------------------------------------------------------------------------- */

FIXTURE_TEST(refused)
{
	struct call c;
	uint16_t port;

	close(listen_anywhere(&port));
	c = call_to(*state, "http", port, "/api/topom/reload/s3cret");
	perform(&c);
	assert_int_equal(c.err.code, ERR_REFUSED);
	assert_non_null(strstr(c.err.text, "GET http://127.0.0.1:"));
	assert_null(strstr(c.err.text, "s3cret"));
	call_release(&c);
}

FIXTURE_TEST(timeout)
{
	struct raw_server s = { .answer = "", .end = RAW_HOLD };
	int64_t begin = clock_mono_ms();
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/s3cret");
	c.spec.timeout_ms = 100;
	perform(&c);
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	assert_true(c.err.connected);
	assert_null(strstr(c.err.text, "s3cret"));
	assert_true(clock_mono_ms() - begin >= 100);
	raw_stop(&s);
	call_release(&c);
}

/* Nobody accepts, and the kernel's queue of connections is full. */
FIXTURE_TEST(connect_timeout)
{
	int64_t begin = clock_mono_ms();
	struct call c;
	uint16_t port;
	int fd = listen_anywhere(&port), fillers[4];

	assert_int_equal(listen(fd, 0), 0);
	for (int i = 0; i < 4; i++) {
		struct sockaddr_in sin = { .sin_family = AF_INET,
					   .sin_port = htons(port),
					   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

		fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(fillers[i], (struct sockaddr *)&sin, sizeof(sin));
	}
	c = call_to(*state, "http", port, "/");
	c.spec.connect_timeout_ms = 100;
	perform(&c);
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	assert_false(c.err.connected);
	assert_in_range(clock_mono_ms() - begin, 100, LIMIT_MS / 2);
	for (int i = 0; i < 4; i++)
		close(fillers[i]);
	close(fd);
	call_release(&c);
}

FIXTURE_TEST(broken_answers)
{
	static const struct {
		const char *answer;
		enum error_code code;
	} cases[] = {
		{ "nonsense\r\n\r\n", ERR_PROTOCOL },
		{ "", ERR_IO },
		{ "HTTP/1.1 200 OK\r\nContent-Le", ERR_IO },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", ERR_IO },
		{ "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc", ERR_PROTOCOL },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", ERR_IO },
		{ "HTTP/1.1 200 OK\r\n\r\n{\"cut", ERR_PROTOCOL },
		{ "HTTP/1.0 200 OK\r\n\r\n", ERR_PROTOCOL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc", ERR_PROTOCOL },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", ERR_PROTOCOL },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", ERR_IO },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct raw_server s = { .answer = cases[i].answer, .end = RAW_CLOSE };
		CALL_CLEANUP struct call c;

		raw_start(&s);
		c = call_to(*state, "http", s.port, "/");
		perform(&c);
		raw_stop(&s);
		if (c.status || c.err.code != cases[i].code)
			fail_msg("%s: %d, code %d: %s", cases[i].answer, c.status, c.err.code, c.err.text);
	}
}

/* A head without end is the peer's doing, not a want of memory. */
FIXTURE_TEST(too_long_heads)
{
	static const char begin[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n";
	BUF_CLEANUP struct buf one = BUF_INIT(1u << 20), many = BUF_INIT(1u << 20);
	const char *answers[2];

	buf_addf(&one, "%sX: %0200000d\r\n\r\nok", begin, 0);
	buf_addstr(&many, begin);
	for (int i = 0; i < 100; i++)
		buf_addf(&many, "X-%d: %0990d\r\n", i, 0);
	buf_addstr(&many, "\r\nok");
	answers[0] = one.data;
	answers[1] = many.data;
	for (size_t i = 0; i < 2; i++) {
		struct raw_server s = { .answer = answers[i], .end = RAW_CLOSE };
		CALL_CLEANUP struct call c;

		raw_start(&s);
		c = call_to(*state, "http", s.port, "/");
		perform(&c);
		raw_stop(&s);
		assert_int_equal(c.err.code, ERR_PROTOCOL);
		assert_non_null(strstr(c.err.text, ": the answer's head is too long"));
	}
}

/* `one` often enough to be sent at once. */
static void repeat(struct buf *out, const char *one)
{
	while (out->len < 60000)
		buf_addstr(out, one);
}

/* What frames an answer is bounded as the answer is: curl itself keeps every line behind the body, and reads what
 * stands behind a chunk's length for as long as it comes. */
FIXTURE_TEST(framing_without_an_end)
{
	static const char chunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	static const struct {
		const char *begin, *more, *words;
	} cases[] = {
		{ "2\r\nok\r\n0\r\n", "X: y\r\n", "the answer's head is too long" },
		{ "1;", "extension", "the answer has little in it for its length" },
		{ "", "1;extension=extension-extension\r\na\r\n", "the answer has little in it for its length" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BUF_CLEANUP struct buf answer = BUF_INIT(1000), more = BUF_INIT(100000);
		struct raw_server s = { .end = RAW_FLOOD };
		CALL_CLEANUP struct call c;

		buf_addf(&answer, "%s%s", chunked, cases[i].begin);
		repeat(&more, cases[i].more);
		s.answer = answer.data;
		s.more = more.data;
		raw_start(&s);
		c = call_to(*state, "http", s.port, "/");
		c.spec.max_body = 1000000;
		c.spec.timeout_ms = 3000;
		perform(&c);
		assert_int_equal(c.err.code, ERR_PROTOCOL);
		assert_non_null(strstr(c.err.text, cases[i].words));
		call_release(&c);
		raw_stop(&s);
	}
}

FIXTURE_TEST(answers_without_a_body_need_no_length)
{
	static const char *const answers[] = { "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n" };

	for (size_t i = 0; i < 2; i++) {
		struct raw_server s = { .answer = answers[i], .end = RAW_CLOSE };
		CALL_CLEANUP struct call c;

		raw_start(&s);
		c = call_to(*state, "http", s.port, "/");
		perform(&c);
		raw_stop(&s);
		assert_int_equal(c.status, i ? 304 : 204);
	}
}

/* --- at least once --------------------------------------------------------------------------------------------------
 */

/* Answers the first request, and closes its connection, and any other one, behind the next. */
struct forgetful {
	uint16_t port;
	int fd;
	pthread_t thread;
	atomic_int requests;
};

static bool has_request(struct forgetful *s, int fd)
{
	char text[4096];

	if (recv(fd, text, sizeof(text), 0) <= 0)
		return false;
	s->requests++;
	return true;
}

static void *forgetful_main(void *arg)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
	struct forgetful *s = arg;
	struct pollfd fds[2] = { { .fd = s->fd, .events = POLLIN },
				 { .fd = accept(s->fd, NULL, NULL), .events = POLLIN } };
	int fd;

	if (has_request(s, fds[1].fd))
		send_all(fds[1].fd, answer, sizeof(answer) - 1);
	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents) {
			has_request(s, fds[1].fd);
			close(fds[1].fd);
			fds[1].fd = -1;
			continue;
		}
		fd = accept(s->fd, NULL, NULL);
		if (fd < 0)
			break;
		has_request(s, fd);
		close(fd);
	}
	close(fds[1].fd);
	return NULL;
}

FIXTURE_TEST(a_post_is_not_repeated)
{
	struct forgetful s = { 0 };
	CALL_CLEANUP struct call first, second;

	s.fd = listen_anywhere(&s.port);
	assert_int_equal(pthread_create(&s.thread, NULL, forgetful_main, &s), 0);
	first = call_to(*state, "http", s.port, "/");
	second = call_to(*state, "http", s.port, "/");
	first.spec.method = second.spec.method = "POST";
	first.spec.body = second.spec.body = "{}";
	first.spec.body_len = second.spec.body_len = 2;
	perform(&first);
	assert_int_equal(first.status, 200);
	perform(&second);
	assert_int_equal(second.err.code, ERR_IO);
	shutdown(s.fd, SHUT_RDWR);
	pthread_join(s.thread, NULL);
	close(s.fd);
	assert_int_equal(s.requests, 2);
}

FIXTURE_TEST(bad_urls)
{
	static const char *const urls[] = { "", "http://", "http://127.0.0.1:99999/", "http://127.0.0.1:1 /" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		CALL_CLEANUP struct call c = call_to(*state, "http", 1, "/");

		snprintf(c.url, sizeof(c.url), "%s", urls[i]);
		perform(&c);
		assert_int_equal(c.err.code, ERR_INVALID);
	}
}

FIXTURE_TEST(only_http)
{
	static const char *const urls[] = { "ftp://127.0.0.1/", "file:///etc/passwd", "telnet://127.0.0.1:1/" };

	for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		CALL_CLEANUP struct call c = call_to(*state, "http", 1, "/");

		snprintf(c.url, sizeof(c.url), "%s", urls[i]);
		perform(&c);
		assert_int_equal(c.err.code, ERR_PROTOCOL);
		assert_int_equal(c.status, 0);
	}
}

FIXTURE_TEST(redirects_are_answers)
{
	struct raw_server s = { .answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n"
					  "Content-Length: 0\r\n\r\n" };
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/");
	perform(&c);
	assert_int_equal(c.status, 302);
	raw_stop(&s);
	call_release(&c);
}

FIXTURE_TEST(answer_over_the_limit)
{
	struct httpd *h = start_echo(NULL);
	CALL_CLEANUP struct call fits = call_to(*state, "http", httpd_port(h), "/123");
	CALL_CLEANUP struct call c = call_to(*state, "http", httpd_port(h), "/1234");

	fits.spec.max_body = c.spec.max_body = 10;
	perform(&fits);
	assert_string_equal(fits.body.data, "GET /123  ");
	perform(&c);
	assert_int_equal(c.status, 0);
	assert_int_equal(c.err.code, ERR_TOOBIG);
	assert_non_null(strstr(c.err.text, "the answer is over 10 bytes"));
	httpd_stop(h);
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

#define STREAM_HEAD  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
#define STREAM_LINES "6\r\none\ntw\r\n3\r\no\n3\r\n"

FIXTURE_TEST(stream)
{
	struct raw_server s = { .answer = STREAM_HEAD STREAM_LINES "0\r\n\r\n", .end = RAW_CLOSE };
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/");
	c.spec.on_data = on_data;
	perform(&c);
	assert_int_equal(c.status, 200);
	assert_true(c.chunks > 0);
	assert_string_equal(c.stream.data, "one\ntwo\n3");
	assert_string_equal(c.body.data, "");
	raw_stop(&s);
	call_release(&c);
}

FIXTURE_TEST(only_success_is_streamed)
{
	struct raw_server s = { .answer = "HTTP/1.1 410 Gone\r\nContent-Length: 4\r\n\r\ngone" };
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/");
	c.spec.on_data = on_data;
	perform(&c);
	assert_int_equal(c.status, 410);
	assert_int_equal(c.chunks, 0);
	assert_string_equal(c.body.data, "gone");
	raw_stop(&s);
	call_release(&c);
}

FIXTURE_TEST(stream_that_falls_silent)
{
	struct raw_server s = { .answer = STREAM_HEAD STREAM_LINES, .end = RAW_HOLD };
	int64_t begin = clock_mono_ms();
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/");
	c.spec.on_data = on_data;
	c.spec.timeout_ms = 0;
	c.spec.idle_timeout_ms = 500;
	perform(&c);
	assert_string_equal(c.stream.data, "one\ntwo\n3");
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	assert_non_null(strstr(c.err.text, "not a byte for"));
	assert_true(clock_mono_ms() - begin >= 500);
	raw_stop(&s);
	call_release(&c);
}

static void post(void *ctx)
{
	sem_post(ctx);
}

/* Every byte begins the time anew. */
FIXTURE_TEST(stream_that_says_something_in_time)
{
	struct raw_server s = { .answer = STREAM_HEAD STREAM_LINES, .end = RAW_HOLD };
	struct fixture *f = *state;
	int64_t begin = clock_mono_ms();
	struct loop_timer *later;
	sem_t go;
	struct call c;

	sem_init(&go, 0, 0);
	s.go = &go;
	raw_start(&s);
	later = loop_timer_start(&f->loop.uv, 300, 0, post, &go);
	c = call_to(f, "http", s.port, "/");
	c.spec.on_data = on_data;
	c.spec.idle_timeout_ms = 1000;
	perform(&c);
	assert_string_equal(c.stream.data, "one\ntwo\n3");
	assert_int_equal(c.err.code, ERR_TIMEOUT);
	assert_true(clock_mono_ms() - begin >= 300 + 1000 - 5);
	loop_timer_stop(&later);
	raw_stop(&s);
	sem_destroy(&go);
	call_release(&c);
}

static int cancel_itself(struct call *c);

/* More than curl reads at once. */
FIXTURE_TEST(large_stream)
{
	enum { LEN = 6000000 };
	BUF_CLEANUP struct buf answer = BUF_INIT(2 * LEN);
	struct raw_server s = { .end = RAW_CLOSE };
	struct call c;
	size_t head;

	buf_addf(&answer, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LEN);
	head = answer.len;
	for (int i = 0; i < LEN; i++)
		buf_addch(&answer, (char)('a' + i % 23));
	s.answer = answer.data;
	raw_start(&s);
	c = call_to(*state, "http", s.port, "/");
	buf_init(&c.stream, LEN);
	c.spec.on_data = on_data;
	perform(&c);
	assert_true(c.chunks > 1);
	assert_int_equal(c.stream.len, LEN);
	assert_memory_equal(c.stream.data, answer.data + head, LEN);
	raw_stop(&s);
	call_release(&c);
}

struct turns {
	struct call *call;
	int count;
	size_t bytes, most; /* since the last turn; between two */
};

static void count_turn(void *ctx)
{
	struct turns *t = ctx;

	if (t->bytes > t->most)
		t->most = t->bytes;
	t->bytes = 0;
	if (++t->count == 20)
		cancel_itself(t->call);
}

static int count_bytes(struct call *c)
{
	struct turns *t = c->turns;

	t->bytes += c->stream.len;
	buf_reset(&c->stream);
	return 0;
}

/* A peer that sends faster than it is read does not keep the loop from turning. */
FIXTURE_TEST(a_flood_leaves_others_their_turn)
{
	struct fixture *f = *state;
	BUF_CLEANUP struct buf more = BUF_INIT(100000);
	struct raw_server s = { .answer = "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", .end = RAW_FLOOD };
	CALL_CLEANUP struct call c;
	struct turns t = { .call = &c };
	struct loop_timer *turns;

	repeat(&more, "\n");
	s.more = more.data;
	raw_start(&s);
	c = call_to(f, "http", s.port, "/");
	buf_init(&c.stream, 16u << 20);
	c.spec.on_data = on_data;
	c.reading = count_bytes;
	c.turns = &t;
	turns = loop_timer_start(&f->loop.uv, 5, 5, count_turn, &t);
	send_call(&c);
	run(f);
	loop_timer_stop(&turns);
	assert_int_equal(c.done, 0); /* it was cancelled, and did not end by itself */
	assert_in_range(t.most, 0, 100000000);
	raw_stop(&s);
}

/* --- callbacks that start, cancel and free ------------------------------------------------------------------------ */

static int give_up(struct call *c)
{
	(void)c;
	return 1;
}

static int cancel_itself(struct call *c)
{
	http_cancel(c->call);
	c->call = NULL;
	ended(c->f);
	return c->chunks; /* not looked at: the call is no more */
}

static int cancel_other_while_reading(struct call *c)
{
	http_cancel(c->other->call);
	c->other->call = NULL;
	ended(c->f);
	c->reading = NULL;
	return 0;
}

static int start_other_while_reading(struct call *c)
{
	c->reading = NULL;
	send_call(c->other);
	return 0;
}

static int free_client_while_reading(struct call *c)
{
	http_client_free(c->f->client);
	c->f->client = NULL;
	c->f->pending = 1;
	ended(c->f);
	return 1;
}

FIXTURE_TEST(reader_gives_up)
{
	struct raw_server s = { .answer = STREAM_HEAD STREAM_LINES, .end = RAW_HOLD };
	struct call c;

	raw_start(&s);
	c = call_to(*state, "http", s.port, "/");
	c.spec.on_data = on_data;
	c.reading = give_up;
	perform(&c);
	assert_int_equal(c.chunks, 1);
	assert_non_null(strstr(c.err.text, "given up by its reader"));
	raw_stop(&s);
	call_release(&c);
}

/* Two streams at two servers; what the first does while it reads, and how often each is done. */
static void two_streams(struct fixture *f, int (*reading)(struct call *c), bool start_both, int done, int other_done)
{
	struct raw_server s = { .answer = STREAM_HEAD STREAM_LINES "0\r\n\r\n", .end = RAW_CLOSE };
	struct raw_server held = { .answer = STREAM_HEAD, .end = other_done ? RAW_CLOSE : RAW_HOLD };
	struct call c, other;

	if (other_done)
		held.answer = s.answer;
	raw_start(&s);
	raw_start(&held);
	c = call_to(f, "http", s.port, "/");
	other = call_to(f, "http", held.port, "/");
	c.spec.on_data = other.spec.on_data = on_data;
	c.reading = reading;
	c.other = &other;
	if (start_both)
		send_call(&other);
	send_call(&c);
	run(f);
	assert_int_equal(c.done, done);
	assert_int_equal(other.done, other_done);
	assert_int_equal(c.released, 1);
	assert_int_equal(other.released, start_both || other_done);
	assert_int_equal(c.err.code, ERR_NONE);
	raw_stop(&s);
	raw_stop(&held);
	call_release(&c);
	call_release(&other);
}

FIXTURE_TEST(cancel_while_reading)
{
	two_streams(*state, cancel_itself, false, 0, 0);
}

FIXTURE_TEST(cancel_another_while_reading)
{
	two_streams(*state, cancel_other_while_reading, true, 1, 0);
}

FIXTURE_TEST(start_while_reading)
{
	two_streams(*state, start_other_while_reading, false, 1, 1);
}

FIXTURE_TEST(free_while_reading)
{
	two_streams(*state, free_client_while_reading, true, 0, 0);
}

static void cancel_both_when_done(struct call *c)
{
	http_cancel(c->call); /* without effect: it is done */
	http_cancel(c->other->call);
	ended(c->f);
}

static void start_other_when_done(struct call *c)
{
	send_call(c->other);
}

static void free_client_when_done(struct call *c)
{
	http_client_free(c->f->client);
	c->f->client = NULL;
	c->f->pending = 1;
}

static void two_calls(struct fixture *f, void (*then)(struct call *c), bool start_both, int other_done)
{
	struct httpd *h = start_echo(NULL);
	struct raw_server held = { .answer = "", .end = RAW_HOLD };
	struct call c = call_to(f, "http", httpd_port(h), "/"), other;

	raw_start(&held);
	other = call_to(f, "http", other_done ? httpd_port(h) : held.port, "/");
	c.then = then;
	c.other = &other;
	if (start_both)
		send_call(&other);
	send_call(&c);
	run(f);
	assert_int_equal(c.done, 1);
	assert_int_equal(c.status, 200);
	assert_int_equal(other.done, other_done);
	assert_int_equal(c.released, 1);
	assert_int_equal(other.released, 1);
	raw_stop(&held);
	httpd_stop(h);
	call_release(&c);
	call_release(&other);
}

FIXTURE_TEST(cancel_when_done)
{
	two_calls(*state, cancel_both_when_done, true, 0);
}

FIXTURE_TEST(start_when_done)
{
	two_calls(*state, start_other_when_done, false, 1);
}

FIXTURE_TEST(free_when_done)
{
	two_calls(*state, free_client_when_done, true, 0);
}

/* Every call is done in the same turn, and the first of them cancels the others: their answers must not come. */
static void cancel_rest(struct call *c)
{
	for (struct call *o = c->other; o != c; o = o->other) {
		if (!o->call)
			continue;
		http_cancel(o->call);
		o->call = NULL;
		ended(o->f);
	}
}

FIXTURE_TEST(cancel_what_has_its_answer)
{
	enum { N = 20 };
	struct call calls[N];
	uint16_t port;
	int sum = 0;

	close(listen_anywhere(&port)); /* refused, all of them, at once */
	for (int i = 0; i < N; i++) {
		calls[i] = call_to(*state, "http", port, "/");
		calls[i].other = &calls[(i + 1) % N];
		calls[i].then = cancel_rest;
	}
	for (int i = 0; i < N; i++)
		send_call(&calls[i]);
	run(*state);
	for (int i = 0; i < N; i++) {
		sum += calls[i].done;
		assert_int_equal(calls[i].released, 1);
		call_release(&calls[i]);
	}
	assert_int_equal(sum, 1);
}

FIXTURE_TEST(cancel_at_once)
{
	struct fixture *f = *state;
	struct raw_server s = { .answer = "", .end = RAW_HOLD };
	struct call c;

	raw_start(&s);
	c = call_to(f, "http", s.port, "/");
	send_call(&c);
	http_cancel(c.call);
	http_cancel(NULL);
	uv_run(&f->loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(c.done, 0);
	assert_int_equal(c.released, 1);
	raw_stop(&s);
	call_release(&c);
}

/* --- blocking ----------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(fetch)
{
	struct httpd *h = start_echo(NULL);
	BUF_CLEANUP struct buf body = BUF_INIT(12);
	struct error err;
	char url[128];
	struct http_spec spec = { .method = "PUT", .url = url, .body = "x", .body_len = 1, .timeout_ms = LIMIT_MS };
	int status = 0;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u/?status=800", httpd_port(h));
	spec.headers = (const char *const[]){ "Content-Type: t", NULL };
	assert_int_equal(http_fetch(&spec, NULL, &status, &body, &err), 0);
	assert_int_equal(status, 800);
	assert_string_equal(body.data, "PUT / t x");
	snprintf(url, sizeof(url), "http://127.0.0.1:%u/longer", httpd_port(h));
	buf_reset(&body);
	assert_int_equal(http_fetch(&spec, NULL, &status, &body, &err), -1);
	assert_int_equal(err.code, ERR_TOOBIG);
	httpd_stop(h);
	buf_reset(&body);
	assert_int_equal(http_fetch(&spec, NULL, &status, &body, &err), -1);
	assert_int_equal(err.code, ERR_REFUSED);
}
