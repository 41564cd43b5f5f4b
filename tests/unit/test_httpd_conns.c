/* Who has to go when there are too many connections. */
#include "common/net/httpd_conns.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/unit/test.h"

#define TOTAL 3
#define BYTES 100000
/* Later than who is honest has said what it wants, of which conns knows by the clock alone. */
#define LATE_US 1100000

struct pair {
	int ours, theirs;
	struct conn *conn;
};

struct fixture {
	struct conns *conns;
	int listener;
	struct sockaddr_in address;
	struct pair pairs[TOTAL + 2];
	int n;
};

static int setup(void **state)
{
	struct conns_config config = { .total = TOTAL, .per_peer = 100, .threads = 2, .bytes = BYTES };
	struct fixture *f = calloc(1, sizeof(*f));
	socklen_t len = sizeof(f->address);

	f->conns = conns_new(&config);
	f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	f->address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert_int_equal(bind(f->listener, (struct sockaddr *)&f->address, len), 0);
	assert_int_equal(listen(f->listener, TOTAL + 2), 0);
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
	conns_free(f->conns);
	close(f->listener);
	free(f);
	return 0;
}

static struct pair *comes_from(struct fixture *f, const char *address, enum conn_phase phase)
{
	struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(address) };
	struct in6_addr peer = conns_peer((struct sockaddr *)&from);
	struct pair *pair = &f->pairs[f->n++];

	pair->theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(pair->theirs, (struct sockaddr *)&f->address, sizeof(f->address)), 0);
	pair->ours = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(pair->ours >= 0);
	pair->conn = conns_open(f->conns, pair->ours, &peer, phase);
	assert_non_null(pair->conn);
	assert_ptr_equal(conns_take(f->conns, pair->ours), pair->conn);
	return pair;
}

static struct pair *comes(struct fixture *f, enum conn_phase phase)
{
	return comes_from(f, "127.0.0.1", phase);
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

/* What only comes and sits there, or sends slowly, makes room before who has been served. */
FIXTURE_TEST(who_was_served_stays_before_who_never_asked)
{
	struct fixture *f = *state;
	struct pair *served = comes(f, CONN_IDLE), *silent = comes(f, CONN_IDLE), *slow = comes(f, CONN_HEAD);

	conns_proven(served->conn);
	usleep(LATE_US);
	comes(f, CONN_HANDSHAKE);
	assert_true(has_gone(silent));
	comes(f, CONN_HANDSHAKE);
	assert_true(has_gone(slow));
	assert_false(has_gone(served));
}

FIXTURE_TEST(who_has_just_come_stays_before_who_sends_slowly)
{
	struct fixture *f = *state;
	struct pair *slow = comes(f, CONN_HEAD), *slower, *honest;

	slower = comes(f, CONN_BODY);
	usleep(LATE_US);
	honest = comes(f, CONN_IDLE);
	comes(f, CONN_HEAD);
	comes(f, CONN_HEAD);
	assert_true(has_gone(slow));
	assert_true(has_gone(slower));
	assert_false(has_gone(honest));
}

/* Many that come at once push out each other, and not who has been served. */
static void check_newcomers(struct fixture *f, enum conn_phase phase)
{
	struct pair *served = comes(f, CONN_IDLE), *first;

	conns_proven(served->conn);
	first = comes(f, phase);
	comes(f, phase);
	comes(f, phase);
	assert_false(has_gone(served));
	assert_true(has_gone(first));
}

FIXTURE_TEST(newcomers_do_not_push_out_who_was_served)
{
	check_newcomers(*state, CONN_HANDSHAKE);
}

FIXTURE_TEST(nor_do_those_that_begin_to_ask)
{
	check_newcomers(*state, CONN_BODY);
}

FIXTURE_TEST(who_has_most_makes_room)
{
	struct fixture *f = *state;
	struct pair *honest = comes_from(f, "127.0.0.2", CONN_IDLE), *first = comes(f, CONN_IDLE);

	comes(f, CONN_IDLE);
	comes_from(f, "127.0.0.3", CONN_IDLE);
	assert_false(has_gone(honest));
	assert_true(has_gone(first));
}

FIXTURE_TEST(answers_that_nobody_reads_do_not_fill_the_memory)
{
	struct fixture *f = *state;
	struct pair *first = comes(f, CONN_ANSWER), *small = comes(f, CONN_ANSWER), *last = comes(f, CONN_ANSWER);

	conns_hold(f->conns, small->conn, 1000);
	conns_hold(f->conns, first->conn, BYTES - 1000);
	assert_false(has_gone(first));
	usleep(2000); /* a clock of milliseconds says which of them is older */
	conns_phase(f->conns, last->conn, CONN_ANSWER);
	conns_hold(f->conns, last->conn, BYTES - 1000);
	assert_true(has_gone(first));
	assert_false(has_gone(last));
	assert_false(has_gone(small));
}

FIXTURE_TEST(a_handler_that_is_stuck_is_seen)
{
	struct fixture *f = *state;
	struct pair *asks = comes(f, CONN_HEAD);
	int64_t now_ms;
	char why[80] = "";

	conns_phase(f->conns, asks->conn, CONN_HANDLER);
	now_ms = clock_mono_ms();
	assert_true(conns_alive(f->conns, now_ms, 10000, why, sizeof(why)));
	assert_false(conns_alive(f->conns, now_ms + 10000, 10000, why, sizeof(why)));
	assert_memory_equal(why, "a request has been worked at for 100", 36);
	conns_phase(f->conns, asks->conn, CONN_ANSWER);
	assert_true(conns_alive(f->conns, now_ms + 20000, 10000, why, sizeof(why)));
}

FIXTURE_TEST(a_thread_that_does_not_close_is_seen)
{
	struct fixture *f = *state;
	struct pair *first = comes(f, CONN_IDLE);
	char why[80] = "";

	for (int i = 0; i < TOTAL; i++)
		comes(f, CONN_IDLE);
	assert_true(has_gone(first));
	assert_true(conns_alive(f->conns, clock_mono_ms(), 10000, why, sizeof(why)));
	assert_false(conns_alive(f->conns, clock_mono_ms() + 10000, 10000, why, sizeof(why)));
	assert_memory_equal(why, "a connection that was cut off has not been closed for 10", 56);
}

/* Whoever is in a handler holds its thread. */
FIXTURE_TEST(a_connection_goes_to_a_thread_that_is_free)
{
	struct fixture *f = *state;
	struct pair *asks = comes(f, CONN_IDLE);

	conns_phase(f->conns, asks->conn, CONN_HANDLER);
	for (int i = 0; i < TOTAL - 1; i++)
		assert_int_not_equal(conns_thread(comes(f, CONN_IDLE)->conn), conns_thread(asks->conn));
}
