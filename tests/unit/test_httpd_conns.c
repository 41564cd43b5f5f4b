/* Who has to go when there are too many connections. */
#include "common/net/httpd_conns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/test.h"

#define TOTAL 3

struct pair {
	int ours, theirs;
	struct conn *conn;
};

struct fixture {
	struct conns *conns;
	int listener;
	struct sockaddr_in address;
	struct pair pairs[TOTAL + 1];
	int n;
};

static void no_turn(void *ctx, int64_t now_ms)
{
	(void)ctx;
	(void)now_ms;
}

static int setup(void **state)
{
	struct conns_limits limits = { .total = TOTAL, .per_peer = 100 };
	struct fixture *f = calloc(1, sizeof(*f));
	socklen_t len = sizeof(f->address);

	f->conns = conns_start(&limits, no_turn, NULL);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	f->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->address, len), 0);
	assert_int_equal(listen(f->listener, TOTAL + 1), 0);
	assert_int_equal(getsockname(f->listener, (struct sockaddr *)&f->address, &len), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < f->n; i++) {
		conns_close(f->conns, f->pairs[i].conn);
		close(f->pairs[i].ours);
		close(f->pairs[i].theirs);
	}
	conns_stop(f->conns);
	close(f->listener);
	free(f);
	return 0;
}

static struct pair *comes(struct fixture *f, enum conn_phase phase)
{
	struct pair *pair = &f->pairs[f->n++];

	pair->theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pair->theirs, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	pair->ours = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair->ours >= 0);
	pair->conn = conns_open(f->conns, pair->ours, (struct sockaddr *)&f->address, phase);
	assert_non_null(pair->conn);
	return pair;
}

static bool has_gone(const struct pair *pair)
{
	struct pollfd p = { .fd = pair->ours, .events = POLLRDHUP };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLHUP | POLLRDHUP));
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(who_has_done_its_handshake_stays_before_those_who_never_do)
{
	struct fixture *f = *state;
	struct pair *stalled = comes(f, CONN_HANDSHAKE), *second = comes(f, CONN_HANDSHAKE);
	struct pair *honest = comes(f, CONN_HANDSHAKE);

	conns_phase(f->conns, honest->conn, CONN_IDLE);
	comes(f, CONN_HANDSHAKE);
	assert_false(has_gone(honest));
	assert_true(has_gone(stalled));
	assert_false(has_gone(second));
}

FIXTURE_TEST(who_is_in_a_handshake_stays_before_those_who_ask_nothing)
{
	struct fixture *f = *state;
	struct pair *idle = comes(f, CONN_IDLE), *honest = comes(f, CONN_HANDSHAKE);

	comes(f, CONN_IDLE);
	comes(f, CONN_IDLE);
	assert_false(has_gone(honest));
	assert_true(has_gone(idle));
}

FIXTURE_TEST(a_request_that_nobody_has_read_yet_keeps_its_connection)
{
	struct fixture *f = *state;
	struct pair *honest = comes(f, CONN_IDLE), *idle = comes(f, CONN_IDLE);

	assert_int_equal(write(honest->theirs, "G", 1), 1);
	comes(f, CONN_IDLE);
	comes(f, CONN_IDLE);
	assert_false(has_gone(honest));
	assert_true(has_gone(idle));
}
