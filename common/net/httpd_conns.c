#include "common/net/httpd_conns.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/net/tcp.h"

#define TURN_MS 100

struct conn {
	TAILQ_ENTRY(conn) link;
	int fd;
	struct in6_addr peer;
	enum conn_phase phase;
	int64_t since_ms;
	uint64_t received; /* bytes that had come when it became idle */
	bool shut;
};

struct conns {
	struct conns_limits limits;
	void (*each_turn)(void *ctx, int64_t now_ms);
	void *ctx;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	pthread_t thread;
	bool ending;
	TAILQ_HEAD(, conn) all;
};

static struct in6_addr peer_of(const struct sockaddr *address)
{
	struct in6_addr peer = { 0 };

	if (address && address->sa_family == AF_INET6) {
		peer = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	} else if (address && address->sa_family == AF_INET) {
		peer.s6_addr[10] = peer.s6_addr[11] = 0xff;
		memcpy(peer.s6_addr + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	}
	return peer;
}

static bool is_peer(const struct conn *a, const struct conn *b)
{
	return memcmp(&a->peer, &b->peer, sizeof(a->peer)) == 0;
}

/* Its thread finds the end of it, and closes. */
static void shut(struct conn *conn)
{
	conn->shut = true;
	(void)shutdown(conn->fd, SHUT_RDWR); /* it may have gone by itself */
}

static void enter(struct conn *conn, enum conn_phase phase, int64_t now_ms)
{
	conn->phase = phase;
	conn->since_ms = now_ms;
	if (phase == CONN_IDLE)
		conn->received = tcp_received(conn->fd);
}

/* --- too many ----------------------------------------------------------------------------------------------------- */

/* Who has done a handshake and who is in one are alike: what matters is how long there has been no request. A client
 * that has just done its own would go before hundreds that never do theirs. */
static int rank(enum conn_phase phase)
{
	return phase == CONN_HANDSHAKE ? CONN_IDLE : (int)phase;
}

static bool goes_before(const struct conn *a, const struct conn *b)
{
	return !b || rank(a->phase) < rank(b->phase) || (rank(a->phase) == rank(b->phase) && a->since_ms < b->since_ms);
}

/* A request has begun to come that nobody has had the time to read. */
static bool has_begun(const struct conn *conn)
{
	return conn->phase == CONN_IDLE && tcp_received(conn->fd) > conn->received;
}

static struct conn *first_to_go(struct conns *c, const struct conn *newcomer, bool of_its_peer)
{
	struct conn *conn, *first;
	bool again;

	do {
		first = NULL;
		TAILQ_FOREACH(conn, &c->all, link) {
			if (conn != newcomer && !conn->shut && (!of_its_peer || is_peer(conn, newcomer)) &&
			    goes_before(conn, first))
				first = conn;
		}
		again = first && has_begun(first);
		if (again)
			enter(first, CONN_HEAD, clock_mono_ms()); /* so it is asked about once */
	} while (again);
	return first;
}

/* Whoever has been idle longest goes, of the newcomer's own peer first. */
static void make_room(struct conns *c, const struct conn *newcomer)
{
	struct conn *conn, *goes = NULL;
	int n_all = 0, n_peer = 0;

	TAILQ_FOREACH(conn, &c->all, link) {
		n_all += !conn->shut;
		n_peer += !conn->shut && is_peer(conn, newcomer);
	}
	if (n_peer > c->limits.per_peer)
		goes = first_to_go(c, newcomer, true);
	if (!goes && n_all > c->limits.total)
		goes = first_to_go(c, newcomer, false);
	if (goes)
		shut(goes);
}

/* --- too long ----------------------------------------------------------------------------------------------------- */

static void look_at(const struct conns *c, struct conn *conn, int64_t now_ms)
{
	int limit_ms;

	if (conn->shut)
		return;
	if (has_begun(conn))
		enter(conn, CONN_HEAD, now_ms);
	limit_ms = c->limits.ms[conn->phase];
	if (limit_ms && now_ms - conn->since_ms >= limit_ms)
		shut(conn);
}

static void *turn(void *arg)
{
	struct conns *c = arg;
	struct conn *conn;
	struct timespec until;

	pthread_mutex_lock(&c->lock);
	while (!c->ending) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += TURN_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&c->ended, &c->lock, &until);
		TAILQ_FOREACH(conn, &c->all, link)
			look_at(c, conn, clock_mono_ms());
		pthread_mutex_unlock(&c->lock);
		c->each_turn(c->ctx, clock_mono_ms());
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* --- what httpd tells --------------------------------------------------------------------------------------------- */

struct conn *conns_open(struct conns *c, int fd, const struct sockaddr *peer, enum conn_phase phase)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->fd = fd;
	conn->peer = peer_of(peer);
	conn->phase = phase; /* nothing has been read of it, so whatever has come is of its request */
	conn->since_ms = clock_mono_ms();
	pthread_mutex_lock(&c->lock);
	TAILQ_INSERT_TAIL(&c->all, conn, link);
	make_room(c, conn);
	pthread_mutex_unlock(&c->lock);
	return conn;
}

void conns_close(struct conns *c, struct conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	TAILQ_REMOVE(&c->all, conn, link);
	pthread_mutex_unlock(&c->lock);
	free(conn);
}

void conns_phase(struct conns *c, struct conn *conn, enum conn_phase phase)
{
	pthread_mutex_lock(&c->lock);
	enter(conn, phase, clock_mono_ms());
	pthread_mutex_unlock(&c->lock);
}

struct conns *conns_start(const struct conns_limits *limits, void (*each_turn)(void *ctx, int64_t now_ms), void *ctx)
{
	struct conns *c = calloc(1, sizeof(*c));
	pthread_condattr_t monotonic;

	if (!c)
		return NULL;
	c->limits = *limits;
	c->each_turn = each_turn;
	c->ctx = ctx;
	TAILQ_INIT(&c->all);
	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	if (pthread_create(&c->thread, NULL, turn, c) == 0)
		return c;
	pthread_cond_destroy(&c->ended);
	pthread_mutex_destroy(&c->lock);
	free(c);
	return NULL;
}

void conns_stop(struct conns *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->ending = true;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	pthread_cond_destroy(&c->ended);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
