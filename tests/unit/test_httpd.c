#include "tests/unit/net_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/net/drain.h"
#include "common/net/http.h"
#include "common/net/httpd.h"
#include "common/net/httpd_big.h"
#include "common/net/loop.h"
#include "common/net/ops.h"
#include "tests/unit/test.h"

#define MAX_BODY 100000

struct fixture {
	struct httpd *httpd;
	struct httpd_config cfg;
	struct error err;
	struct identity one, two;
	sem_t entered, leave; /* POST /wait */
	int status;
	struct buf body;
};

/* Says what it was asked. */
static void echo(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct fixture *f = ctx;
	const char *status = httpd_query(req, "status"), *fill = httpd_query(req, "fill");

	if (status)
		res->status = (int)strtol(status, NULL, 10);
	if (fill)
		buf_reserve(&res->body, strtoul(fill, NULL, 10));
	if (strcmp(req->path, "/wait") == 0) {
		sem_post(&f->entered);
		sem_wait(&f->leave);
	}
	if (strcmp(req->path, "/json") == 0)
		res->content_type = "application/json";
	buf_addf(&res->body, "%s %s %s %zu ", req->method, req->path, req->content_type, req->body_len);
	buf_add(&res->body, req->body, req->body_len);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f)
		return -1;
	f->cfg = (struct httpd_config){
		.address = "127.0.0.1:0", .threads = 2, .max_body = MAX_BODY, .handler = echo, .ctx = f
	};
	buf_init(&f->body, 1u << 20);
	sem_init(&f->entered, 0, 0);
	sem_init(&f->leave, 0, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	httpd_stop(f->httpd);
	buf_release(&f->body);
	sem_destroy(&f->entered);
	sem_destroy(&f->leave);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	f->httpd = httpd_start(&f->cfg, &f->err);
	if (!f->httpd)
		fail_msg("%s", f->err.text);
	assert_int_not_equal(httpd_port(f->httpd), 0);
}

static void start_tls(struct fixture *f)
{
	identity_make(&f->one, "one");
	identity_make(&f->two, "two");
	f->cfg.cert_pem = f->one.cert;
	f->cfg.key_pem = f->one.key;
	start(f);
}

static int fetch(struct fixture *f, const char *method, const char *path, const char *body, size_t len, const char *ca)
{
	static const char *const headers[] = { "Content-Type: text/x-test", NULL };
	const struct http_tls tls = { .ca_pem = ca };
	char url[128];
	struct http_spec spec = { .method = method,
				  .url = url,
				  .headers = body ? headers : NULL,
				  .body = body,
				  .body_len = len,
				  .timeout_ms = 20000 };

	snprintf(url, sizeof(url), "http%s://127.0.0.1:%u%s", ca ? "s" : "", httpd_port(f->httpd), path);
	buf_reset(&f->body);
	f->err = (struct error)ERROR_INIT;
	f->status = 0;
	return http_fetch(&spec, &tls, &f->status, &f->body, &f->err);
}

static void get(struct fixture *f, const char *path, const char *ca)
{
	if (fetch(f, "GET", path, NULL, 0, ca) < 0)
		fail_msg("%s", f->err.text);
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(requests)
{
	struct fixture *f = *state;

	start(f);
	get(f, "/a%20b?x=y", NULL);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body.data, "GET /a b  0 ");
	assert_int_equal(fetch(f, "POST", "/p", "hello", 5, NULL), 0);
	assert_string_equal(f->body.data, "POST /p text/x-test 5 hello");
	assert_int_equal(fetch(f, "PUT", "/p", "a\0b", 3, NULL), 0);
	assert_int_equal(f->body.len, strlen("PUT /p text/x-test 3 ") + 3);
	assert_int_equal(fetch(f, "DELETE", "/p", NULL, 0, NULL), 0);
	assert_string_equal(f->body.data, "DELETE /p  0 ");
	assert_int_equal(fetch(f, "HEAD", "/p", NULL, 0, NULL), 0);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body.data, "");
}

FIXTURE_TEST(statuses)
{
	static const int statuses[] = { 201, 404, 500, 503, 800 }; /* Codis answers errors with 800 */
	struct fixture *f = *state;
	char path[32];

	start(f);
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		snprintf(path, sizeof(path), "/x?status=%d", statuses[i]);
		get(f, path, NULL);
		assert_int_equal(f->status, statuses[i]);
		assert_string_equal(f->body.data, "GET /x  0 ");
	}
}

FIXTURE_TEST(bodies_up_to_the_limit)
{
	struct fixture *f = *state;
	char *big = malloc(MAX_BODY + 1);

	memset(big, 'x', MAX_BODY + 1);
	start(f);
	assert_int_equal(fetch(f, "POST", "/p", big, MAX_BODY, NULL), 0);
	assert_int_equal(f->status, 200);
	assert_int_equal(f->body.len, strlen("POST /p text/x-test 100000 ") + MAX_BODY);
	assert_int_equal(fetch(f, "POST", "/p", big, MAX_BODY + 1, NULL), 0);
	assert_int_equal(f->status, 413);
	assert_string_equal(f->body.data, "the body is over the limit of 100000 bytes\n");
	free(big);
}

/* Sends a request as it is and returns what comes back until the server closes. */
static const char *raw_exchange(struct fixture *f, const char *request, size_t len)
{
	int fd = connect_to(httpd_port(f->httpd));
	char *to;
	ssize_t n;

	send_all(fd, request, len);
	buf_reset(&f->body);
	while ((to = buf_reserve(&f->body, 4096)) && (n = recv(fd, to, 4096, 0)) > 0)
		buf_commit(&f->body, (size_t)n);
	close(fd);
	return f->body.data;
}

static const char *raw_text(struct fixture *f, const char *request)
{
	return raw_exchange(f, request, strlen(request));
}

FIXTURE_TEST(too_long_is_said_before_it_is_sent)
{
	struct fixture *f = *state;

	start(f);
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
					"Content-Length: 100001\r\n\r\n"),
			    "HTTP/1.1 413 ", 13);
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"),
			    "HTTP/1.1 413 ", 13);
}

FIXTURE_TEST(too_long_in_chunks)
{
	BUF_CLEANUP struct buf request = BUF_INIT(1u << 20);
	struct fixture *f = *state;

	start(f);
	buf_addstr(&request, "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 2000; i++)
		buf_addf(&request, "40\r\n%064d\r\n", i);
	buf_addstr(&request, "0\r\n\r\n");
	assert_memory_equal(raw_exchange(f, request.data, request.len), "HTTP/1.1 413 ", 13);
}

FIXTURE_TEST(endless_chunks_are_cut_off)
{
	static const char head[] = "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
	enum { CHUNK = 1 << 20 };
	struct fixture *f = *state;
	char *chunk = calloc(1, CHUNK + 2);
	int fd, i;

	start(f);
	memcpy(chunk + CHUNK, "\r\n", 2);
	fd = connect_to(httpd_port(f->httpd));
	send_all(fd, head, sizeof(head) - 1);
	for (i = 0; i < 200; i++) {
		send_all(fd, "100000\r\n", 8);
		send_all(fd, chunk, CHUNK + 2);
		if (send(fd, "", 0, MSG_NOSIGNAL) < 0 || recv(fd, chunk, 1, MSG_DONTWAIT | MSG_PEEK) == 0)
			break;
	}
	assert_true(i < 200);
	close(fd);
	free(chunk);
	get(f, "/alive", NULL);
}

FIXTURE_TEST(garbage)
{
	static const char *const requests[] = {
		"\r\n\r\n\r\n",
		"nonsense\r\n\r\n",
		"GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1x\r\n\r\n",
		"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	};
	struct fixture *f = *state;
	int fd;

	start(f);
	for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
		fd = connect_to(httpd_port(f->httpd));
		send_all(fd, requests[i], strlen(requests[i]));
		close(fd);
	}
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n"), "HTTP/1.1 400 ",
			    13);
	get(f, "/alive", NULL);
}

/* The request's state is given back when its client goes away in the middle; the leak checker looks. */
FIXTURE_TEST(client_that_leaves)
{
	static const char part[] = "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc";
	struct fixture *f = *state;
	int fd;

	start(f);
	for (int i = 0; i < 20; i++) {
		fd = connect_to(httpd_port(f->httpd));
		send_all(fd, part, sizeof(part) - 1);
		close(fd);
	}
	get(f, "/alive", NULL);
}

FIXTURE_TEST(answer_over_its_limit)
{
	struct fixture *f = *state;

	start(f);
	get(f, "/x?fill=999999999", NULL);
	assert_int_equal(f->status, 500);
	assert_string_equal(f->body.data, "the answer is too long, or memory ran out\n");
}

FIXTURE_TEST(content_type_and_query)
{
	struct fixture *f = *state;

	start(f);
	assert_non_null(strstr(raw_text(f, "GET /json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
			       "\r\nContent-Type: application/json\r\n"));
	assert_non_null(strstr(raw_text(f, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
			       "\r\nContent-Type: text/plain; charset=utf-8\r\n"));
	get(f, "/?a=1&status=20%31&b", NULL);
	assert_int_equal(f->status, 201);
}

#define GET_ROOT  "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
#define ROOT_BODY "\r\n\r\nGET /  0 "

/* Asks for / on an open connection and returns the whole answer. */
static const char *ask(int fd, char *answer, size_t size)
{
	size_t len = 0;
	ssize_t n;

	send_all(fd, GET_ROOT, sizeof(GET_ROOT) - 1);
	for (answer[0] = '\0'; !strstr(answer, ROOT_BODY); len += (size_t)n, answer[len] = '\0') {
		n = recv(fd, answer + len, size - 1 - len, 0);
		assert_true(n > 0);
	}
	return answer;
}

FIXTURE_TEST(drain)
{
	struct fixture *f = *state;
	char answer[512];
	int fd;

	start(f);
	fd = connect_to(httpd_port(f->httpd));
	assert_null(strstr(ask(fd, answer, sizeof(answer)), "Connection: close"));
	httpd_drain(f->httpd);
	assert_non_null(strstr(ask(fd, answer, sizeof(answer)), "Connection: close"));
	assert_int_equal(recv(fd, answer, 1, 0), 0); /* and it does close */
	close(fd);
	assert_non_null(strstr(raw_text(f, GET_ROOT), "Connection: close")); /* new ones are still served */
}

/* --- whoever sits there keeps nobody out ---------------------------------------------------------------------------
 */

static void raise_limit_of_files(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max < 16384 ? limit.rlim_max : 16384;
	setrlimit(RLIMIT_NOFILE, &limit);
}

/* A connection from an address of this machine. */
static int connect_from(const char *from, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(port);
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

static bool is_closed(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, wait_ms) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0;
}

FIXTURE_TEST(the_one_that_is_idle_longest_makes_room)
{
	struct fixture *f = *state;
	char answer[512];
	int a, b, c;

	f->cfg.threads = 1;
	f->cfg.max_connections = 2;
	start(f);
	a = connect_to(httpd_port(f->httpd));
	ask(a, answer, sizeof(answer));
	usleep(2000); /* a clock of milliseconds says which of them is older */
	b = connect_to(httpd_port(f->httpd));
	ask(b, answer, sizeof(answer));
	usleep(2000);
	ask(a, answer, sizeof(answer));
	usleep(2000);
	c = connect_to(httpd_port(f->httpd));
	ask(c, answer, sizeof(answer));
	assert_true(is_closed(b, 5000));
	ask(a, answer, sizeof(answer));
	close(a);
	close(b);
	close(c);
}

/* One address takes only its own places. */
FIXTURE_TEST(a_peer_is_limited)
{
	struct fixture *f = *state;
	char answer[512];
	int other, many[20];

	f->cfg.max_per_peer = 5;
	start(f);
	other = connect_from("127.0.0.2", httpd_port(f->httpd));
	ask(other, answer, sizeof(answer));
	for (int i = 0; i < 20; i++) {
		many[i] = connect_to(httpd_port(f->httpd));
		ask(many[i], answer, sizeof(answer));
	}
	for (int i = 0; i < 15; i++)
		assert_true(is_closed(many[i], 5000));
	for (int i = 15; i < 20; i++)
		ask(many[i], answer, sizeof(answer));
	ask(other, answer, sizeof(answer));
	for (int i = 0; i < 20; i++)
		close(many[i]);
	close(other);
}

static void check_under_idle(uint16_t port, const char *path, int n)
{
	struct http_spec spec = { .method = "GET", .timeout_ms = 1000 }; /* a kubelet's */
	BUF_CLEANUP struct buf body = BUF_INIT(4096);
	int *fds = calloc((size_t)n, sizeof(*fds)), status = 0;
	struct error err = ERROR_INIT;
	char url[64];

	assert_non_null(fds);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", port, path);
	spec.url = url;
	for (int i = 0; i < n; i++)
		fds[i] = connect_to(port);
	for (int i = 0; i < 3; i++) {
		buf_reset(&body);
		if (http_fetch(&spec, NULL, &status, &body, &err) < 0)
			fail_msg("%d idle connections: %s", n, err.text);
		assert_int_equal(status, 200);
	}
	for (int i = 0; i < n; i++)
		close(fds[i]);
	free(fds);
}

FIXTURE_TEST(idle_connections_do_not_keep_others_out)
{
	static const int counts[] = { 100, 1000, 5000 };
	struct ops ops = { .metrics = NULL };
	struct fixture *f = *state;

	raise_limit_of_files();
	start(f);
	assert_int_equal(ops_start(&ops, "127.0.0.1:0", &f->err), 0);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		check_under_idle(httpd_port(ops.httpd), "/healthz", counts[i]);
		check_under_idle(httpd_port(f->httpd), "/x", counts[i]);
	}
	ops_stop(&ops);
}

/* 200 that connect from as many addresses between somebody's connecting and asking. */
FIXTURE_TEST(who_comes_meanwhile_turns_nobody_away)
{
	struct fixture *f = *state;
	int honest, many[200];
	char answer[512], from[32];

	f->cfg.max_connections = 64; /* as /healthz has it */
	start(f);
	honest = connect_to(httpd_port(f->httpd));
	for (int i = 0; i < 200; i++) {
		snprintf(from, sizeof(from), "127.0.1.%d", i + 1);
		many[i] = connect_from(from, httpd_port(f->httpd));
	}
	usleep(50000); /* those that are accepted have turned away whom they turn away */
	ask(honest, answer, sizeof(answer));
	close(honest);
	for (int i = 0; i < 200; i++)
		close(many[i]);
}

/* A byte now and then keeps no connection. When it was cut, in ms; limit_ms: it was not. */
static int64_t trickle(int fd, int64_t begin_ms, int limit_ms)
{
	while (clock_mono_ms() - begin_ms < limit_ms) {
		if (is_closed(fd, 200) || send(fd, "a", 1, MSG_NOSIGNAL) < 0)
			break;
	}
	close(fd);
	return clock_mono_ms() - begin_ms;
}

static int begin_with(struct fixture *f, const char *what)
{
	int fd = connect_to(httpd_port(f->httpd));

	send_all(fd, what, strlen(what));
	return fd;
}

struct trickler {
	pthread_t thread;
	int fd;
	int64_t begin_ms, end_ms;
};

static void *trickle_main(void *arg)
{
	struct trickler *t = arg;

	t->end_ms = trickle(t->fd, t->begin_ms, 20000);
	return NULL;
}

FIXTURE_TEST(what_comes_byte_by_byte_is_cut)
{
	struct trickler head = { .begin_ms = clock_mono_ms() };
	struct fixture *f = *state;
	int body;

	start(f);
	head.fd = begin_with(f, "GET /x HTTP/1.1\r\nHost: a\r\nX: ");
	assert_int_equal(pthread_create(&head.thread, NULL, trickle_main, &head), 0);
	body = begin_with(f, "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 90000\r\n\r\n");
	assert_in_range(trickle(body, head.begin_ms, 20000), 9000, 15000);
	pthread_join(head.thread, NULL);
	assert_in_range(head.end_ms, 4000, 9000);
}

FIXTURE_TEST(a_handshake_that_stalls_is_cut)
{
	static const unsigned char hello[] = { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc };
	struct fixture *f = *state;
	int fd, silent;

	start_tls(f);
	silent = connect_to(httpd_port(f->httpd));
	fd = connect_to(httpd_port(f->httpd));
	assert_int_equal(send(fd, hello, sizeof(hello), MSG_NOSIGNAL), sizeof(hello));
	assert_in_range(trickle(fd, clock_mono_ms(), 20000), 4000, 9000);
	assert_true(is_closed(silent, 5000));
	close(silent);
	get(f, "/x", f->one.cert);
	assert_int_equal(f->status, 200);
}

FIXTURE_TEST(idle_ones_go_after_a_while)
{
	struct fixture *f = *state;
	char answer[512];
	int fd, fresh;

	f->cfg.idle_ms = 300;
	start(f);
	fd = connect_to(httpd_port(f->httpd));
	fresh = connect_to(httpd_port(f->httpd));
	ask(fd, answer, sizeof(answer));
	assert_true(is_closed(fresh, 5000));
	assert_true(is_closed(fd, 5000));
	close(fd);
	close(fresh);
}

/* --- long bodies take turns --------------------------------------------------------------------------------------- */

#define BIG_LEN 90000

/* Sends a POST of BIG_LEN bytes to the path. */
static int send_big(struct fixture *f, const char *path)
{
	int fd = connect_to(httpd_port(f->httpd));
	char head[128], *body = calloc(1, BIG_LEN);

	snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
		 path, BIG_LEN);
	send_all(fd, head, strlen(head));
	send_all(fd, body, BIG_LEN);
	free(body);
	return fd;
}

static const char *read_answer(struct fixture *f, int fd)
{
	char *to;
	ssize_t n;

	buf_reset(&f->body);
	while ((to = buf_reserve(&f->body, 4096)) && (n = recv(fd, to, 4096, 0)) > 0)
		buf_commit(&f->body, (size_t)n);
	close(fd);
	return f->body.data;
}

/* A client that reads nothing until all is sent gets its answer, no reset. */
FIXTURE_TEST(a_much_too_long_body)
{
	enum { PART = 1 << 20, PARTS = 17 };
	struct fixture *f = *state;
	char *part = calloc(1, PART), head[128];
	int fd;

	assert_non_null(part);
	snprintf(head, sizeof(head), "POST /p HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n\r\n",
		 PARTS * PART);
	start(f);
	fd = connect_to(httpd_port(f->httpd));
	send_all(fd, head, strlen(head));
	for (int i = 0; i < PARTS; i++) {
		assert_false(is_closed(fd, 0)); /* nor is anything said before the end of it */
		send_all(fd, part, PART);
	}
	assert_memory_equal(read_answer(f, fd), "HTTP/1.1 413 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\nthe body is over the limit of 100000 bytes\n"));
	get(f, "/alive", NULL);
	free(part);
}

FIXTURE_TEST(small_ones_pass_while_long_ones_wait)
{
	struct fixture *f = *state;
	int held, waiting;

	f->cfg.max_big = 1;
	start(f);
	held = send_big(f, "/wait");
	sem_wait(&f->entered);
	waiting = send_big(f, "/after");
	for (int i = 0; i < 20; i++) {
		assert_int_equal(fetch(f, "POST", "/small", "hello", 5, NULL), 0);
		assert_string_equal(f->body.data, "POST /small text/x-test 5 hello");
	}
	assert_false(is_closed(waiting, 0));
	sem_post(&f->leave);
	assert_memory_equal(read_answer(f, held), "HTTP/1.1 200 ", 13);
	assert_memory_equal(read_answer(f, waiting), "HTTP/1.1 200 ", 13);
	assert_non_null(strstr(f->body.data, "POST /after  90000 "));
}

FIXTURE_TEST(who_waits_too_long_is_told_to_come_again)
{
	struct fixture *f = *state;
	const char *answer;
	int held, waiting;

	f->cfg.max_big = 1;
	start(f);
	held = send_big(f, "/wait");
	sem_wait(&f->entered);
	waiting = send_big(f, "/after");
	answer = read_answer(f, waiting);
	assert_memory_equal(answer, "HTTP/1.1 503 ", 13);
	assert_non_null(strstr(answer, "\r\nRetry-After: 1\r\n"));
	assert_non_null(strstr(answer, "\r\n\r\ntoo many long requests at once; try again\n"));
	sem_post(&f->leave);
	assert_memory_equal(read_answer(f, held), "HTTP/1.1 200 ", 13);
	assert_memory_equal(read_answer(f, send_big(f, "/again")), "HTTP/1.1 200 ", 13);
}

/* Ten at once, of whom two at most are read and answered at a time, over TLS as well. */
struct crowd {
	atomic_int now, most;
	sem_t entered, leave;
};

static void count_crowd(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct crowd *c = ctx;
	int now = atomic_fetch_add(&c->now, 1) + 1, most = atomic_load(&c->most);

	while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
		;
	sem_post(&c->entered);
	sem_wait(&c->leave);
	buf_addf(&res->body, "%zu", req->body_len);
	atomic_fetch_sub(&c->now, 1);
}

struct sender {
	pthread_t thread;
	struct fixture *f;
	int status;
	char answer[64];
};

static void *send_main(void *arg)
{
	struct sender *s = arg;
	const struct http_tls tls = { .ca_pem = s->f->one.cert };
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	char *body = calloc(1, BIG_LEN), url[64];
	struct http_spec spec = {
		.method = "POST", .url = url, .body = body, .body_len = BIG_LEN, .timeout_ms = 20000
	};
	struct error err = ERROR_INIT;

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", httpd_port(s->f->httpd));
	if (http_fetch(&spec, &tls, &s->status, &out, &err) < 0)
		snprintf(s->answer, sizeof(s->answer), "%.60s", err.text);
	else
		snprintf(s->answer, sizeof(s->answer), "%.60s", out.data);
	free(body);
	return NULL;
}

static void begin_sending(struct sender *s, struct fixture *f)
{
	s->f = f;
	assert_int_equal(pthread_create(&s->thread, NULL, send_main, s), 0);
}

/* Whoever is in the handler holds one of the four threads: the next one comes to another. */
FIXTURE_TEST(ten_long_ones_at_once)
{
	struct crowd crowd = { 0 };
	struct sender senders[10] = { 0 };
	struct fixture *f = *state;

	sem_init(&crowd.entered, 0, 0);
	sem_init(&crowd.leave, 0, 0);
	f->cfg.handler = count_crowd;
	f->cfg.ctx = &crowd;
	f->cfg.threads = 4;
	start_tls(f);
	for (int i = 0; i < 2; i++) {
		begin_sending(&senders[i], f);
		sem_wait(&crowd.entered);
	}
	for (int i = 2; i < 10; i++)
		begin_sending(&senders[i], f);
	usleep(300000); /* for a third one to enter, if it may */
	for (int i = 0; i < 10; i++)
		sem_post(&crowd.leave);
	for (int i = 0; i < 10; i++) {
		pthread_join(senders[i].thread, NULL);
		assert_string_equal(senders[i].answer, "90000");
		assert_int_equal(senders[i].status, 200);
	}
	assert_int_equal(crowd.most, 2);
	sem_destroy(&crowd.entered);
	sem_destroy(&crowd.leave);
}

/* Who holds a turn and does not use it gives it back. */
FIXTURE_TEST(a_long_one_that_stalls_holds_nobody_up_for_long)
{
	static const char head[] = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 90000\r\n\r\n";
	struct fixture *f = *state;
	char *part = calloc(1, 50000);
	int fds[2];

	start(f);
	for (int i = 0; i < 2; i++) {
		fds[i] = connect_to(httpd_port(f->httpd));
		send_all(fds[i], head, sizeof(head) - 1);
		send_all(fds[i], part, 50000);
	}
	free(part);
	assert_true(is_closed(fds[0], 6000));
	assert_true(is_closed(fds[1], 6000));
	assert_memory_equal(read_answer(f, send_big(f, "/x")), "HTTP/1.1 200 ", 13);
	close(fds[0]);
	close(fds[1]);
}

static void *stop_main(void *arg)
{
	struct fixture *f = arg;

	httpd_stop(f->httpd);
	f->httpd = NULL;
	return NULL;
}

/* MHD cannot: those who wait are told to come again first. */
FIXTURE_TEST(stops_while_some_wait)
{
	struct fixture *f = *state;
	pthread_t stopper;
	int held, waiting;

	f->cfg.max_big = 1;
	start(f);
	held = send_big(f, "/wait");
	sem_wait(&f->entered);
	waiting = send_big(f, "/after");
	for (int i = 0; i < 20; i++) /* by the thread that has read of it what it may, then */
		assert_int_equal(fetch(f, "POST", "/small", "hello", 5, NULL), 0);
	assert_int_equal(pthread_create(&stopper, NULL, stop_main, f), 0);
	read_answer(f, waiting);
	sem_post(&f->leave);
	pthread_join(stopper, NULL);
	close(held);
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

static void wait_until_quiet(struct httpd *h)
{
	int64_t end_ms = clock_mono_ms() + 20000;

	while (httpd_busy(h)) {
		assert_true(clock_mono_ms() < end_ms);
		usleep(1000);
	}
}

static bool can_connect(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	sin.sin_port = htons(port);
	r = connect(fd, (struct sockaddr *)&sin, sizeof(sin));
	close(fd);
	return r == 0;
}

/* Asks on a connection of its own each time, until it can have none. */
struct caller {
	pthread_t thread;
	uint16_t port;
	atomic_int answered, unanswered;
};

static void *call_main(void *arg)
{
	struct caller *c = arg;
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	char answer[512];
	ssize_t n;
	int fd;

	sin.sin_port = htons(c->port);
	for (;;) {
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0)
			break;
		n = send(fd, GET_ROOT, sizeof(GET_ROOT) - 1, MSG_NOSIGNAL) < 0 ? -1
									       : recv(fd, answer, sizeof(answer), 0);
		atomic_fetch_add(n > 13 ? &c->answered : &c->unanswered, 1);
		close(fd);
	}
	close(fd);
	return NULL;
}

FIXTURE_TEST(who_could_connect_is_answered)
{
	struct caller callers[4] = { 0 };
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 4; i++) {
		callers[i].port = httpd_port(f->httpd);
		assert_int_equal(pthread_create(&callers[i].thread, NULL, call_main, &callers[i]), 0);
	}
	while (atomic_load(&callers[0].answered) < 50)
		usleep(1000);
	httpd_drain(f->httpd);
	httpd_refuse(f->httpd);
	wait_until_quiet(f->httpd);
	httpd_stop(f->httpd);
	f->httpd = NULL;
	for (int i = 0; i < 4; i++) {
		pthread_join(callers[i].thread, NULL);
		assert_int_equal(callers[i].unanswered, 0);
	}
}

FIXTURE_TEST(what_is_in_flight_is_waited_for)
{
	struct fixture *f = *state;
	static const char get_wait[] = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
	char answer[512];
	int idle, asks;

	start(f);
	idle = connect_to(httpd_port(f->httpd));
	ask(idle, answer, sizeof(answer));
	asks = connect_to(httpd_port(f->httpd));
	send_all(asks, get_wait, sizeof(get_wait) - 1);
	sem_wait(&f->entered);
	httpd_drain(f->httpd);
	httpd_refuse(f->httpd);
	while (can_connect(httpd_port(f->httpd)))
		;
	assert_true(httpd_busy(f->httpd));
	ask(idle, answer, sizeof(answer)); /* not closed, since this may have been on its way */
	assert_non_null(strstr(answer, "Connection: close"));
	sem_post(&f->leave);
	assert_memory_equal(read_answer(f, asks), "HTTP/1.1 200 ", 13);
	wait_until_quiet(f->httpd);
	close(idle);
}

FIXTURE_TEST(who_asks_nothing_is_not_waited_for)
{
	struct fixture *f = *state;
	char answer[512];
	int idle, silent;

	start(f);
	silent = connect_to(httpd_port(f->httpd));
	idle = connect_to(httpd_port(f->httpd));
	ask(idle, answer, sizeof(answer));
	httpd_refuse(f->httpd);
	wait_until_quiet(f->httpd);
	assert_false(is_closed(idle, 0));
	close(idle);
	close(silent);
}

struct loop_and_drain {
	struct loop loop;
	bool done;
};

static void on_drained(void *ctx)
{
	struct loop_and_drain *l = ctx;

	l->done = true;
	loop_stop(&l->loop);
}

static void do_nothing(void *ctx)
{
	(void)ctx;
}

FIXTURE_TEST(a_drain_ends_when_all_are_answered)
{
	struct loop_and_drain l = { .done = false };
	struct fixture *f = *state;
	struct drain *d;
	char answer[512];
	int fd;

	start(f);
	assert_int_equal(loop_init(&l.loop, do_nothing, NULL, &f->err), 0);
	d = drain_new(&l.loop.uv, on_drained, &l);
	assert_non_null(d);
	fd = connect_to(httpd_port(f->httpd));
	drain_begin(d, f->httpd, 1);
	ask(fd, answer, sizeof(answer));
	assert_non_null(strstr(answer, "Connection: close"));
	loop_run(&l.loop);
	assert_true(l.done);
	assert_false(httpd_busy(f->httpd));
	drain_free(d);
	loop_release(&l.loop);
	close(fd);
}

TEST(nobody_begins_to_wait_at_the_end)
{
	struct big_claim claim = { 0 };
	struct big b;

	big_init(&b, 0);
	big_end(&b);
	assert_int_equal(big_take(&b, &claim, NULL), BIG_REFUSED);
	big_release(&b);
}

/* --- what can be read in two ways ----------------------------------------------------------------------------------
 */

FIXTURE_TEST(two_lengths_are_refused)
{
	struct fixture *f = *state;

	start(f);
	assert_memory_equal(
		raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 2\r\n\r\nabcd"),
		"HTTP/1.1 400 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\nthe request has two lengths\n"));
	assert_memory_equal(
		raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n"
			    "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
		"HTTP/1.1 400 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\nthe request has a length and comes in chunks\n"));
	assert_null(strstr(f->body.data, "smuggled"));
}

/* MHD would wait for the end of the connection, in vain. */
FIXTURE_TEST(a_body_that_is_coded_otherwise_than_in_chunks_is_refused_at_once)
{
	struct fixture *f = *state;

	start(f);
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
			    "HTTP/1.1 400 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\nTransfer-Encoding can only be chunked\n"));
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n"
					"Connection: close\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
			    "HTTP/1.1 200 ", 13);
}

/* Else its body would be the next request. */
FIXTURE_TEST(a_length_whose_name_ends_with_a_space_is_refused)
{
	struct fixture *f = *state;

	start(f);
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nContent-Length : 34\r\n\r\n"
					"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"),
			    "HTTP/1.1 400 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\na header has a space in its name, or more than a line\n"));
	assert_null(strstr(f->body.data, "smuggled"));
}

/* MHD puts the second line behind the header's name, and would read the body as the next request. */
FIXTURE_TEST(a_header_of_two_lines_is_refused)
{
	static const char *const headers[] = {
		"Content-Length:\r\n 34",      "Content-Length: 3\r\n\t4",         "Transfer-Encoding:\r\n chunked",
		"X: a\r\n Content-Length: 34", "X: a\rTransfer-Encoding: chunked",
	};
	struct fixture *f = *state;
	char text[200];

	start(f);
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
		snprintf(text, sizeof(text),
			 "POST /p HTTP/1.1\r\nHost: x\r\n%s\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n",
			 headers[i]);
		assert_memory_equal(raw_text(f, text), "HTTP/1.1 400 ", 13);
		assert_non_null(strstr(f->body.data, "a header has a space in its name, or more than a line\n"));
		assert_null(strstr(f->body.data, "smuggled"));
	}
}

FIXTURE_TEST(chunks_in_chunks_are_refused)
{
	struct fixture *f = *state;

	start(f);
	assert_memory_equal(raw_text(f, "POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
					"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"),
			    "HTTP/1.1 400 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\nTransfer-Encoding can only be chunked\n"));
}

FIXTURE_TEST(nothing_ends_a_path_early)
{
	struct fixture *f = *state;

	start(f);
	assert_memory_equal(raw_text(f, "GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n"), "HTTP/1.1 400 ", 13);
	assert_non_null(strstr(f->body.data, "\r\n\r\nthe path holds %00\n"));
	assert_memory_equal(raw_text(f, "GET /a%20b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), "HTTP/1.1 200 ",
			    13);
}

static void *get_main(void *arg)
{
	struct fixture *f = arg;

	(void)fetch(f, "GET", "/wait", NULL, 0, NULL); /* whether its answer still goes out is not promised */
	return NULL;
}

FIXTURE_TEST(stop_waits_for_handlers)
{
	struct fixture *f = *state;
	pthread_t client, stopper;

	start(f);
	assert_int_equal(pthread_create(&client, NULL, get_main, f), 0);
	sem_wait(&f->entered);
	assert_int_equal(pthread_create(&stopper, NULL, stop_main, f), 0);
	assert_int_not_equal(pthread_tryjoin_np(stopper, NULL), 0);
	sem_post(&f->leave);
	pthread_join(stopper, NULL);
	pthread_join(client, NULL);
}

/* --- who may ask ---------------------------------------------------------------------------------------------------
 */

static int fetch_as(struct fixture *f, const struct identity *who)
{
	const struct http_tls tls = { .ca_pem = f->one.cert,
				      .cert_pem = who ? who->cert : NULL,
				      .key_pem = who ? who->key : NULL };
	struct http_spec spec = { .method = "GET", .timeout_ms = 5000 };
	char url[64];

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/x", httpd_port(f->httpd));
	spec.url = url;
	buf_reset(&f->body);
	return http_fetch(&spec, &tls, &f->status, &f->body, &f->err);
}

FIXTURE_TEST(only_clients_of_the_authority_are_served)
{
	struct fixture *f = *state;
	struct identity three;

	identity_make(&f->one, "one");
	identity_make(&f->two, "two");
	identity_make(&three, "three");
	f->cfg.cert_pem = f->one.cert;
	f->cfg.key_pem = f->one.key;
	f->cfg.client_ca_pem = f->two.cert;
	start(f);
	if (fetch_as(f, &f->two) < 0)
		fail_msg("%s", f->err.text);
	assert_int_equal(f->status, 200);
	assert_int_equal(fetch_as(f, &three), -1);
	assert_int_equal(fetch_as(f, NULL), -1);
	assert_int_equal(httpd_set_certificate(f->httpd, three.cert, three.key, &f->err), 0);
	f->one = three; /* also under the next certificate */
	if (fetch_as(f, &f->two) < 0)
		fail_msg("%s", f->err.text);
	assert_int_equal(f->status, 200);
	assert_int_equal(fetch_as(f, &three), -1);
	assert_int_equal(fetch_as(f, NULL), -1);
}

FIXTURE_TEST(an_authority_that_is_none)
{
	struct fixture *f = *state;

	identity_make(&f->one, "one");
	f->cfg.cert_pem = f->one.cert;
	f->cfg.key_pem = f->one.key;
	f->cfg.client_ca_pem = "nonsense";
	assert_null(httpd_start(&f->cfg, &f->err));
	assert_memory_equal(f->err.text, "authority of client certificates: ", 34);
}

/* --- addresses ---------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(address_taken)
{
	struct fixture *f = *state;
	char address[32];

	start(f);
	snprintf(address, sizeof(address), "127.0.0.1:%u", httpd_port(f->httpd));
	f->cfg.address = address;
	assert_null(httpd_start(&f->cfg, &f->err));
	assert_memory_equal(f->err.text, "listening on 127.0.0.1:", 23);
	assert_non_null(strstr(f->err.text, ": Address already in use"));
}

FIXTURE_TEST(bad_addresses)
{
	static const char *const addresses[] = { "", "9443", "nowhere.invalid:80", "127.0.0.1:x", "300.0.0.1:80" };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		f->cfg.address = addresses[i];
		f->err = (struct error)ERROR_INIT;
		assert_null(httpd_start(&f->cfg, &f->err));
		assert_int_equal(f->err.code, ERR_INVALID);
	}
}

FIXTURE_TEST(every_address)
{
	struct fixture *f = *state;

	f->cfg.address = ":0";
	start(f);
	get(f, "/v4", NULL); /* through 127.0.0.1, though the socket is one of IPv6 where there is IPv6 */
	assert_string_equal(f->body.data, "GET /v4  0 ");
}

/* --- TLS ---------------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(tls)
{
	struct fixture *f = *state;

	start_tls(f);
	get(f, "/x", f->one.cert);
	assert_string_equal(f->body.data, "GET /x  0 ");
	assert_int_equal(fetch(f, "GET", "/x", NULL, 0, f->two.cert), -1);
	assert_int_equal(f->err.code, ERR_PROTOCOL);
}

struct tls_client {
	SSL_CTX *ctx;
	SSL *ssl;
	int fd;
};

/* The handshake on a connection that is there; 1 when it succeeds. */
static int tls_connect(struct tls_client *c, int fd, int version)
{
	c->fd = fd;
	c->ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(c->ctx, version);
	SSL_CTX_set_max_proto_version(c->ctx, version);
	SSL_CTX_set_security_level(c->ctx, 0);
	c->ssl = SSL_new(c->ctx);
	SSL_set_fd(c->ssl, c->fd);
	return SSL_connect(c->ssl);
}

static void tls_close(struct tls_client *c)
{
	SSL_free(c->ssl);
	SSL_CTX_free(c->ctx);
	close(c->fd);
}

static void tls_request(struct tls_client *c)
{
	char answer[1024] = "";
	int len = 0, n;

	assert_int_equal(SSL_write(c->ssl, GET_ROOT, sizeof(GET_ROOT) - 1), sizeof(GET_ROOT) - 1);
	for (; !strstr(answer, ROOT_BODY); len += n, answer[len] = '\0') {
		n = SSL_read(c->ssl, answer + len, (int)sizeof(answer) - 1 - len);
		assert_true(n > 0);
	}
	assert_memory_equal(answer, "HTTP/1.1 200 ", 13);
}

static void assert_greeted_as(const struct tls_client *c, const char *name)
{
	X509 *cert = SSL_get1_peer_certificate(c->ssl);
	char cn[32] = "";

	X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, cn, sizeof(cn));
	X509_free(cert);
	assert_string_equal(cn, name);
}

FIXTURE_TEST(tls_versions)
{
	struct fixture *f = *state;
	struct tls_client c;

	start_tls(f);
	assert_int_equal(tls_connect(&c, connect_to(httpd_port(f->httpd)), TLS1_2_VERSION), 1);
	tls_request(&c);
	tls_close(&c);
	assert_int_equal(tls_connect(&c, connect_to(httpd_port(f->httpd)), TLS1_3_VERSION), 1);
	tls_request(&c);
	tls_close(&c);
	assert_int_not_equal(tls_connect(&c, connect_to(httpd_port(f->httpd)), TLS1_1_VERSION), 1);
	tls_close(&c);
}

/* Of an answer that is so long that it is none of those that libmicrohttpd holds back by itself. */
FIXTURE_TEST(the_head_and_the_body_of_an_answer_are_one_packet)
{
	static const char request[] = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4000\r\n\r\n";
	static const char body[4000] = "(";
	struct fixture *f = *state;
	struct tls_client c;
	char answer[5000];
	unsigned before;
	int len = 0, n;

	start_tls(f);
	assert_int_equal(tls_connect(&c, connect_to(httpd_port(f->httpd)), TLS1_3_VERSION), 1);
	tls_request(&c);
	before = packets_in(c.fd);
	assert_int_equal(SSL_write(c.ssl, request, sizeof(request) - 1), sizeof(request) - 1);
	assert_int_equal(SSL_write(c.ssl, body, sizeof(body)), sizeof(body));
	for (; len < 4000 || !memchr(answer, '(', (size_t)len - 3999); len += n) {
		n = SSL_read(c.ssl, answer + len, (int)sizeof(answer) - len);
		assert_true(n > 0);
	}
	assert_int_equal(packets_in(c.fd), before + 1);
	tls_close(&c);
}

FIXTURE_TEST(a_head_without_a_body_is_not_held_back)
{
	struct fixture *f = *state;

	start_tls(f);
	assert_int_equal(fetch(f, "HEAD", "/p", NULL, 0, f->one.cert), 0);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body.data, "");
}

#define PIPELINED 2000

static uint16_t port_of(int fd, int (*name)(int, struct sockaddr *, socklen_t *))
{
	struct sockaddr_in address = { 0 };
	socklen_t len = sizeof(address);

	return name(fd, (struct sockaddr *)&address, &len) == 0 ? address.sin_port : 0;
}

/* The server's end, which is in this process, gets as little space as there may be. */
static void narrow_peer(int fd)
{
	uint16_t port = port_of(fd, getsockname);

	for (int other = 0; other < 1024; other++)
		if (port_of(other, getpeername) == port)
			setsockopt(other, SOL_SOCKET, SO_SNDBUF, &(int){ 1 }, sizeof(int));
}

/* One that asks on and on and reads little: writes on the other side end anywhere. */
struct slow_reader {
	struct tls_client tls;
	int asked, answered;
	char in[4096];
	int len;
};

static void ask_on(struct slow_reader *r)
{
	char request[600];
	int len;

	for (; r->asked < PIPELINED; r->asked++) {
		len = snprintf(request, sizeof(request), "GET /%0*d HTTP/1.1\r\nHost: h\r\n\r\n", r->asked % 500 + 10,
			       r->asked);
		if (SSL_write(r->tls.ssl, request, len) != len)
			return;
	}
}

/* The answers come whole, and in their order. */
static void check_answers(struct slow_reader *r)
{
	char expected[600];
	const char *body;

	for (;; r->answered++) {
		snprintf(expected, sizeof(expected), "\r\n\r\nGET /%0*d  0 ", r->answered % 500 + 10, r->answered);
		r->in[r->len] = '\0';
		body = strstr(r->in, "\r\n\r\nGET /");
		if (!body || strlen(body) < strlen(expected))
			return;
		assert_memory_equal(body, expected, strlen(expected));
		body += strlen(expected);
		r->len -= (int)(body - r->in);
		memmove(r->in, body, (size_t)r->len);
	}
}

FIXTURE_TEST(answers_to_who_reads_slowly_are_whole)
{
	struct fixture *f = *state;
	struct slow_reader r = { 0 };
	struct pollfd p = { .events = POLLIN };
	int n;

	start_tls(f);
	assert_int_equal(tls_connect(&r.tls, connect_to(httpd_port(f->httpd)), TLS1_3_VERSION), 1);
	narrow_peer(r.tls.fd);
	fcntl(r.tls.fd, F_SETFL, O_NONBLOCK);
	SSL_set_mode(r.tls.ssl, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	p.fd = r.tls.fd;
	while (r.answered < PIPELINED) {
		ask_on(&r);
		n = SSL_read(r.tls.ssl, r.in + r.len, (int)sizeof(r.in) - 1 - r.len);
		if (n > 0) {
			r.len += n;
			check_answers(&r);
		} else {
			assert_int_equal(SSL_get_error(r.tls.ssl, n), SSL_ERROR_WANT_READ);
			assert_int_equal(poll(&p, 1, 20000), 1);
		}
	}
	tls_close(&r.tls);
}

/* Who wants another handshake, or new keys without end, is cut off, and costs no more than that. */
FIXTURE_TEST(a_second_handshake_is_refused)
{
	struct fixture *f = *state;
	struct tls_client c;
	char byte;

	start_tls(f);
	assert_int_equal(tls_connect(&c, connect_to(httpd_port(f->httpd)), TLS1_2_VERSION), 1);
	tls_request(&c);
	SSL_renegotiate(c.ssl);
	assert_true(SSL_do_handshake(c.ssl) <= 0 || SSL_read(c.ssl, &byte, 1) <= 0);
	assert_true(is_closed(c.fd, 5000));
	tls_close(&c);
	get(f, "/x", f->one.cert);
	assert_int_equal(f->status, 200);
}

FIXTURE_TEST(new_keys_without_end_are_refused)
{
	struct fixture *f = *state;
	struct tls_client c;
	int i;

	start_tls(f);
	assert_int_equal(tls_connect(&c, connect_to(httpd_port(f->httpd)), TLS1_3_VERSION), 1);
	tls_request(&c);
	for (i = 0; i < 10000 && SSL_key_update(c.ssl, SSL_KEY_UPDATE_REQUESTED) == 1; i++)
		if (SSL_do_handshake(c.ssl) != 1)
			break;
	assert_true(i < 10000 || is_closed(c.fd, 5000));
	tls_close(&c);
	get(f, "/x", f->one.cert);
	assert_int_equal(f->status, 200);
}

/* A connection keeps what it was greeted with; new ones get the new one; one that was silent so far gets either. */
FIXTURE_TEST(hot_certificate_change)
{
	struct fixture *f = *state;
	struct tls_client before, after, late;
	int silent;

	start_tls(f);
	silent = connect_to(httpd_port(f->httpd));
	assert_int_equal(tls_connect(&before, connect_to(httpd_port(f->httpd)), TLS1_3_VERSION), 1);
	tls_request(&before);
	assert_int_equal(httpd_set_certificate(f->httpd, f->two.cert, f->two.key, &f->err), 0);
	assert_int_equal(tls_connect(&after, connect_to(httpd_port(f->httpd)), TLS1_3_VERSION), 1);
	assert_int_equal(tls_connect(&late, silent, TLS1_2_VERSION), 1);
	tls_request(&after);
	tls_request(&before);
	tls_request(&late);
	assert_greeted_as(&before, "one");
	assert_greeted_as(&after, "two");
	tls_close(&before);
	tls_close(&after);
	tls_close(&late);
	get(f, "/x", f->two.cert);
	assert_int_equal(fetch(f, "GET", "/x", NULL, 0, f->one.cert), -1);
}

FIXTURE_TEST(bad_certificates)
{
	struct fixture *f = *state;

	start_tls(f);
	assert_int_equal(httpd_set_certificate(f->httpd, "nonsense", f->two.key, &f->err), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	assert_memory_equal(f->err.text, "server certificate and key: ", 28);
	assert_int_equal(httpd_set_certificate(f->httpd, f->two.cert, f->one.key, &f->err), -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	get(f, "/x", f->one.cert); /* the old one stays */
	f->cfg.key_pem = f->two.key;
	assert_null(httpd_start(&f->cfg, &f->err));
	assert_int_equal(f->err.code, ERR_INVALID);
}

FIXTURE_TEST(certificate_without_tls)
{
	struct fixture *f = *state;

	start(f);
	identity_make(&f->two, "two");
	assert_int_equal(httpd_set_certificate(f->httpd, f->two.cert, f->two.key, &f->err), -1);
}

struct load {
	struct fixture *f;
	uint16_t port;
	char both[4096];
	atomic_bool stop;
	atomic_int failed, served;
};

static void *load_main(void *arg)
{
	struct load *l = arg;
	const struct http_tls tls = { .ca_pem = l->both };
	BUF_CLEANUP struct buf body = BUF_INIT(10000);
	char url[64];
	struct http_spec spec = { .method = "POST",
				  .url = url,
				  .body = "x",
				  .body_len = 1,
				  .timeout_ms = 20000,
				  .connect_timeout_ms = 20000 };
	int status;

	snprintf(url, sizeof(url), "https://127.0.0.1:%u/", l->port);
	while (!l->stop) {
		buf_reset(&body);
		if (http_fetch(&spec, &tls, &status, &body, NULL) < 0 || status != 200)
			l->failed++;
		l->served++;
	}
	return NULL;
}

/* No call fails while certificates change under it. */
FIXTURE_TEST(certificate_changes_under_load)
{
	struct fixture *f = *state;
	pthread_t threads[3];
	struct load l = { .f = f };

	start_tls(f);
	l.port = httpd_port(f->httpd);
	snprintf(l.both, sizeof(l.both), "%s%s", f->one.cert, f->two.cert);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, load_main, &l), 0);
	for (int i = 0; i < 400 || l.served < 100; i++) {
		const struct identity *id = i % 2 ? &f->one : &f->two;

		assert_int_equal(httpd_set_certificate(f->httpd, id->cert, id->key, &f->err), 0);
	}
	l.stop = true;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(l.failed, 0);
}

/* --- /healthz, /readyz, /metrics ---------------------------------------------------------------------------------- */

static int add_more(void *ctx, struct buf *out)
{
	return *(atomic_bool *)ctx ? buf_addstr(out, "more 1\n") : -1;
}

static bool check_flag(void *ctx, char *why_not, size_t size)
{
	if (*(atomic_bool *)ctx)
		return true;
	snprintf(why_not, size, "the informer has not synced yet");
	return false;
}

FIXTURE_TEST(ops)
{
	struct fixture *f = *state;
	atomic_bool ready = false;
	struct metrics *m = metrics_new();
	struct ops o = { .metrics = m, .ready = check_flag, .ctx = &ready };

	metric_add(metric_counter(m, "x_total", "", "X"), 3);
	assert_int_equal(ops_start(&o, "127.0.0.1:0", &f->err), 0);
	f->httpd = o.httpd;
	get(f, "/readyz", NULL);
	assert_int_equal(f->status, 503);
	assert_string_equal(f->body.data, "the informer has not synced yet\n");
	ready = true;
	get(f, "/readyz", NULL);
	assert_int_equal(f->status, 200);
	assert_string_equal(f->body.data, "ok\n");
	get(f, "/healthz", NULL);
	assert_int_equal(f->status, 200);
	assert_int_equal(fetch(f, "HEAD", "/healthz", NULL, 0, NULL), 0); /* curl -I */
	assert_int_equal(f->status, 200);
	get(f, "/metrics", NULL);
	assert_non_null(strstr(f->body.data, "\nx_total 3\n"));
	assert_non_null(strstr(f->body.data, "\nprocess_resident_memory_bytes "));
	o.more_metrics = add_more;
	get(f, "/metrics", NULL);
	assert_int_equal(f->status, 200);
	assert_non_null(strstr(f->body.data, "\nx_total 3\n"));
	assert_non_null(strstr(f->body.data, "\nmore 1\n"));
	ready = false; /* a half is not the whole */
	get(f, "/metrics", NULL);
	assert_int_equal(f->status, 503);
	get(f, "/nothing", NULL);
	assert_int_equal(f->status, 404);
	assert_int_equal(fetch(f, "POST", "/metrics", NULL, 0, NULL), 0);
	assert_int_equal(f->status, 405);
	assert_int_equal(fetch(f, "POST", "/metrics", "x", 1, NULL), 0);
	assert_int_equal(f->status, 413);
	f->httpd = NULL;
	ops_stop(&o);
	ops_stop(&o);
	metrics_free(m);
}

FIXTURE_TEST(what_is_served_is_counted_from_the_start)
{
	static const char *const lines[] = {
		"\ncodis_http_connections{port=\"ops\"} 0\n",
		"\ncodis_http_requests_in_flight{port=\"ops\"} 0\n",
		"\ncodis_http_bytes_in_flight{port=\"ops\"} 0\n",
		"\ncodis_http_connections_cut_total{port=\"ops\",why=\"too_many\"} 0\n",
		"\ncodis_http_newcomers{port=\"ops\"} 0\n",
		"\ncodis_http_newcomers_total{port=\"ops\"} 0\n",
		"\ncodis_http_newcomers_turned_away_total{port=\"ops\",why=\"silent\"} 0\n",
		"\ncodis_http_requests_refused_total{port=\"ops\",why=\"too_long\"} 0\n",
	};
	struct metrics *m = metrics_new();
	struct ops o = { .metrics = m };
	struct fixture *f = *state;

	assert_int_equal(ops_start(&o, "127.0.0.1:0", &f->err), 0);
	buf_reset(&f->body);
	metrics_write(m, &f->body);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(f->body.data, lines[i]))
			fail_msg("%s is not in\n%s", lines[i], f->body.data);
	f->httpd = o.httpd;
	assert_int_equal(fetch(f, "POST", "/metrics", "x", 1, NULL), 0);
	get(f, "/metrics", NULL);
	assert_non_null(strstr(f->body.data, "\ncodis_http_requests_refused_total{port=\"ops\",why=\"too_long\"} 1\n"));
	assert_non_null(strstr(f->body.data, "\ncodis_http_newcomers_total{port=\"ops\"} 2\n"));
	f->httpd = NULL;
	ops_stop(&o);
	metrics_free(m);
}

static void say_status(void *ctx, const struct http_request *req, struct http_response *res)
{
	(void)ctx;
	buf_addf(&res->body, "other %s", req->path);
}

FIXTURE_TEST(ops_may_serve_more)
{
	struct fixture *f = *state;
	struct ops o = { .other = say_status };

	assert_int_equal(ops_start(&o, "127.0.0.1:0", &f->err), 0);
	f->httpd = o.httpd;
	get(f, "/status", NULL);
	assert_string_equal(f->body.data, "other /status");
	get(f, "/readyz", NULL); /* nobody says that it is not */
	assert_string_equal(f->body.data, "ok\n");
}
