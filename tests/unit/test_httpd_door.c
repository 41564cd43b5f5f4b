/* Who is let in, when, and who is not. */
#include "common/net/httpd_door.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/net/httpd_conns.h"
#include "tests/unit/test.h"

#define MANY 8

struct fixture {
	struct door_config config;
	struct conns *conns;
	struct door *door;
	pthread_mutex_t lock;
	pthread_cond_t came;
	struct in_addr in[MANY];
	int n_in;
	int clients[MANY];
	int n_clients;
};

/* It is taken, and over. */
static int let_in(void *ctx, int thread, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct fixture *f = ctx;

	(void)thread;
	(void)len;
	pthread_mutex_lock(&f->lock);
	if (f->n_in < MANY)
		f->in[f->n_in++] = ((const struct sockaddr_in *)(const void *)peer)->sin_addr;
	pthread_cond_signal(&f->came);
	pthread_mutex_unlock(&f->lock);
	conns_close(f->conns, conns_take(f->conns, fd));
	close(fd);
	return 0;
}

static void on_turn(void *ctx, int64_t now_ms)
{
	(void)ctx;
	(void)now_ms;
}

static int setup(void **state)
{
	struct conns_config conns = { .total = MANY, .per_peer = MANY, .threads = 1 };
	struct fixture *f = calloc(1, sizeof(*f));

	f->conns = conns_new(&conns);
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->came, NULL);
	f->config = (struct door_config){ .address = "127.0.0.1:0",
					  .total = MANY,
					  .per_peer = MANY,
					  .silent_ms = 60000,
					  .at_a_time = 1,
					  .conns = f->conns,
					  .let_in = let_in,
					  .on_turn = on_turn,
					  .ctx = f };
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	door_free(f->door);
	conns_free(f->conns);
	for (int i = 0; i < f->n_clients; i++)
		close(f->clients[i]);
	pthread_cond_destroy(&f->came);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

static void open_door(struct fixture *f)
{
	struct error err = ERROR_INIT;

	f->door = door_open(&f->config, &err);
	if (!f->door)
		fail_msg("%s", err.text);
}

static void start(struct fixture *f)
{
	struct error err = ERROR_INIT;

	assert_int_equal(door_start(f->door, &err), 0);
}

static int comes(struct fixture *f, const char *from, const char *words)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = inet_addr(from) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	sin = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	sin.sin_port = htons(door_port(f->door));
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(send(fd, words, strlen(words), MSG_NOSIGNAL), strlen(words));
	f->clients[f->n_clients++] = fd;
	return fd;
}

static void wait_for(struct fixture *f, int n_in)
{
	pthread_mutex_lock(&f->lock);
	while (f->n_in < n_in)
		pthread_cond_wait(&f->came, &f->lock);
	pthread_mutex_unlock(&f->lock);
}

static bool is_closed(int fd, int wait_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char c;

	return poll(&p, 1, wait_ms) == 1 && recv(fd, &c, 1, MSG_DONTWAIT) <= 0;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(addresses_take_turns)
{
	struct fixture *f = *state;

	open_door(f);
	for (int i = 0; i < 5; i++)
		comes(f, "127.0.0.2", "hello");
	comes(f, "127.0.0.3", "hello");
	start(f); /* all of them speak already */
	wait_for(f, 6);
	assert_int_equal(f->in[0].s_addr, inet_addr("127.0.0.2"));
	assert_int_equal(f->in[1].s_addr, inet_addr("127.0.0.3"));
	assert_int_equal(f->in[2].s_addr, inet_addr("127.0.0.2"));
}

FIXTURE_TEST(who_says_nothing_is_not_let_in)
{
	struct fixture *f = *state;
	int silent;

	f->config.silent_ms = 200;
	open_door(f);
	silent = comes(f, "127.0.0.2", "");
	start(f);
	comes(f, "127.0.0.3", "hello");
	wait_for(f, 1);
	assert_int_equal(f->in[0].s_addr, inet_addr("127.0.0.3"));
	assert_true(is_closed(silent, 5000));
	assert_int_equal(f->n_in, 1);
}

/* Inside it would take the place of the next, who has more to say. */
FIXTURE_TEST(half_a_hello_is_not_let_in)
{
	static const char hello[] = "\x16\x03\x01\x00\x06\x01\x00\x00\x02zz";
	struct fixture *f = *state;
	int half, gone;

	f->config.tls = true;
	open_door(f);
	half = comes(f, "127.0.0.2", "\x16");
	gone = comes(f, "127.0.0.2", "\x16\x03");
	start(f);
	assert_true(is_closed(comes(f, "127.0.0.2", "GET / HTTP/1.1"), 5000));
	assert_true(is_closed(comes(f, "127.0.0.2", "\x16\x03\x01\x01\x01\x10"), 5000));
	assert_true(is_closed(comes(f, "127.0.0.2", "\x16\x03\x01\x01\x01\x01\x01\x01\x01"), 5000));
	assert_int_equal(f->n_in, 0);
	assert_int_equal(send(half, hello + 1, 9, MSG_NOSIGNAL), 9);
	shutdown(gone, SHUT_WR);
	assert_true(is_closed(gone, 5000));
	assert_int_equal(f->n_in, 0);
	assert_int_equal(send(half, hello + 10, 1, MSG_NOSIGNAL), 1);
	wait_for(f, 1);
}

FIXTURE_TEST(the_address_that_has_most_makes_room)
{
	struct fixture *f = *state;
	int honest, first;

	f->config.total = 3;
	open_door(f);
	honest = comes(f, "127.0.0.3", "");
	first = comes(f, "127.0.0.2", "");
	for (int i = 0; i < 2; i++)
		comes(f, "127.0.0.2", "");
	start(f);
	assert_true(is_closed(first, 5000));
	assert_false(is_closed(honest, 0));
}

FIXTURE_TEST(a_crowd_of_the_silent_turns_nobody_away_who_speaks)
{
	struct fixture *f = *state;
	char address[16];

	f->config.total = 3;
	open_door(f);
	comes(f, "127.0.0.2", "hello");
	for (int i = 0; i < 5; i++) {
		snprintf(address, sizeof(address), "127.0.0.%d", 3 + i);
		comes(f, address, "");
	}
	start(f); /* they are taken in one turn: who speaks has waited longest */
	wait_for(f, 1);
	assert_int_equal(f->in[0].s_addr, inet_addr("127.0.0.2"));
	assert_true(is_closed(f->clients[1], 5000));
}

FIXTURE_TEST(an_address_has_its_own_places_only)
{
	struct fixture *f = *state;
	int first;

	f->config.per_peer = 2;
	open_door(f);
	first = comes(f, "127.0.0.2", "");
	for (int i = 0; i < 2; i++)
		comes(f, "127.0.0.2", "");
	start(f);
	assert_true(is_closed(first, 5000));
	assert_false(is_closed(f->clients[1], 0));
	assert_false(is_closed(f->clients[2], 0));
}

FIXTURE_TEST(who_goes_again_takes_no_place)
{
	struct fixture *f = *state;

	f->config.total = 1;
	open_door(f);
	start(f);
	for (int i = 0; i < MANY - 1; i++)
		shutdown(comes(f, "127.0.0.2", ""), SHUT_RDWR);
	comes(f, "127.0.0.3", "hello");
	wait_for(f, 1);
	assert_int_equal(f->in[0].s_addr, inet_addr("127.0.0.3"));
}
