#include "common/net/httpd_conns.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "common/base/clock.h"
#include "common/base/metrics.h"
#include "common/net/tcp.h"

/* Whoever is honest has said more after this time, however busy the machine. */
#define YOUNG_MS 1000
/* Who reads an answer that is no longer than this is never in the way. */
#define SMALL_ANSWER (32u << 10)
#define PHASE_BITS   4
#define LOST_MS      30000

enum why { WHY_CROWDED, WHY_HANDSHAKE, WHY_IDLE, WHY_HEAD, WHY_BODY, WHY_ANSWER, WHY_MEMORY, WHYS };

/* Whoever has the same address. */
struct peer {
	TAILQ_ENTRY(peer) link;
	struct in6_addr address;
	int all, open; /* the latter without those that were shut down */
};

struct conn {
	TAILQ_ENTRY(conn) link;
	int fd, thread;
	struct peer *peer;
	atomic_int_fast64_t at;        /* since when (ms) it is in which phase, in one */
	atomic_uint_fast64_t received; /* bytes that had come when it became idle */
	atomic_size_t bytes;
	atomic_bool proven;
	bool taken, shut; /* these and the next under the lock */
	int64_t shut_ms;
};

struct conns {
	struct conns_config config;
	pthread_mutex_t lock; /* of the list, and of who is shut */
	TAILQ_HEAD(, conn) all;
	TAILQ_HEAD(, peer) peers;
	int n_open; /* without those that were shut down */
	struct conn **by_fd;
	int fds;
	atomic_size_t bytes;
	atomic_int wanted; /* eventfd of whoever waits for a handshake to be done, or -1 */
	struct metric *open, *in_flight, *held, *cut[WHYS];
};

static int64_t at(int64_t since_ms, enum conn_phase phase)
{
	return since_ms * (1 << PHASE_BITS) + (int64_t)phase;
}

static enum conn_phase phase_of(int64_t at)
{
	return (enum conn_phase)(at & ((1 << PHASE_BITS) - 1));
}

static int64_t since_of(int64_t at)
{
	return at >> PHASE_BITS;
}

struct in6_addr conns_peer(const struct sockaddr *address)
{
	struct in6_addr peer = { 0 };

	if (address->sa_family == AF_INET6) {
		peer = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	} else if (address->sa_family == AF_INET) {
		peer.s6_addr[10] = peer.s6_addr[11] = 0xff;
		memcpy(peer.s6_addr + 12, &((const struct sockaddr_in *)(const void *)address)->sin_addr, 4);
	}
	return peer;
}

/* Its thread finds the end of it, and closes. What no thread has yet may be closed already, and its number be
 * another's: it is shut down when it is taken. */
static void shut(struct conns *c, struct conn *conn, enum why why)
{
	conn->shut = true;
	conn->shut_ms = clock_mono_ms();
	conn->peer->open--;
	c->n_open--;
	if (conn->taken)
		(void)shutdown(conn->fd, SHUT_RDWR); /* it may have gone by itself */
	if (c->cut[why])
		metric_add(c->cut[why], 1);
}

/* A request has begun to come that nobody has had the time to read: it is no longer idle. */
static bool has_begun(struct conn *conn, int64_t now_ms)
{
	int64_t idle = atomic_load(&conn->at);

	if (phase_of(idle) != CONN_IDLE || tcp_received(conn->fd) <= atomic_load(&conn->received))
		return false;
	atomic_compare_exchange_strong(&conn->at, &idle, at(now_ms, CONN_HEAD)); /* else it was read meanwhile */
	return true;
}

/* --- too many ----------------------------------------------------------------------------------------------------- */

/* Who goes first. The newest are to have the time to say what they want, and those that were served before are to be
 * kept from those that only come, or come in crowds; neither may keep the other out. */
enum rank { RANK_SILENT, RANK_SLOW, RANK_LESS, RANK_MORE, RANK_ASKING, RANK_ASKED, RANKS };

static enum rank rank_of(struct conn *conn, int64_t now_ms, bool many_new)
{
	int64_t is = atomic_load(&conn->at);
	bool idle = phase_of(is) <= CONN_IDLE, late = now_ms - since_of(is) >= YOUNG_MS;

	if (phase_of(is) > CONN_BIG)
		return RANK_ASKED;
	if (!idle && late)
		return RANK_SLOW;
	if (!atomic_load(&conn->proven))
		return late ? RANK_SILENT : many_new ? RANK_LESS : RANK_MORE;
	return !idle ? RANK_ASKING : many_new ? RANK_MORE : RANK_LESS;
}

/* Newcomers that have had no answer yet. */
static bool is_new(struct conn *conn)
{
	return phase_of(atomic_load(&conn->at)) <= CONN_BIG && !atomic_load(&conn->proven);
}

/* Whether it is one that may go: of a peer, or of all (NULL). */
static bool is_of(const struct conn *conn, const struct peer *peer)
{
	return !conn->shut && (!peer || conn->peer == peer);
}

static bool many_are_new(struct conns *c, const struct peer *peer)
{
	int all = 0, new = 0;
	struct conn *conn;

	TAILQ_FOREACH(conn, &c->all, link) {
		all += is_of(conn, peer);
		new += is_of(conn, peer) && is_new(conn);
	}
	return new > all / 2;
}

/* In the same millisecond, who asks nothing is before who does. */
static bool is_before(struct conn *a, struct conn *b)
{
	int64_t is_a = atomic_load(&a->at), is_b = atomic_load(&b->at);

	if (since_of(is_a) != since_of(is_b))
		return since_of(is_a) < since_of(is_b);
	return phase_of(is_a) <= CONN_IDLE && phase_of(is_b) > CONN_IDLE;
}

static struct conn *first_of(struct conns *c, const struct peer *peer, const struct conn *newcomer, int64_t now_ms)
{
	bool many_new = many_are_new(c, peer);
	struct conn *conn, *first = NULL;
	enum rank rank, lowest = RANKS;

	TAILQ_FOREACH(conn, &c->all, link) {
		if (conn == newcomer || !is_of(conn, peer))
			continue;
		rank = rank_of(conn, now_ms, many_new);
		if (rank < lowest || (first && rank == lowest && is_before(conn, first))) {
			first = conn;
			lowest = rank;
		}
	}
	return first;
}

/* The peer that has most; NULL: they come from everywhere. */
static const struct peer *crowd(struct conns *c)
{
	const struct peer *peer, *most = NULL;

	TAILQ_FOREACH(peer, &c->peers, link)
		if (!most || peer->open > most->open)
			most = peer;
	return most && most->open > c->config.total / 8 ? most : NULL;
}

static void make_room(struct conns *c, const struct conn *newcomer)
{
	int64_t now_ms = clock_mono_ms();
	const struct peer *peer = NULL;
	struct conn *first;

	if (newcomer->peer->open > c->config.per_peer)
		peer = newcomer->peer;
	else if (c->n_open > c->config.total)
		peer = crowd(c);
	else
		return;
	do
		first = first_of(c, peer, newcomer, now_ms);
	while (first && has_begun(first, now_ms)); /* so it is asked about once */
	if (first)
		shut(c, first, WHY_CROWDED);
}

/* --- too long, too much ------------------------------------------------------------------------------------------- */

static enum why why_of(enum conn_phase phase)
{
	switch (phase) {
	case CONN_HANDSHAKE:
	case CONN_GREETED: return WHY_HANDSHAKE;
	case CONN_IDLE: return WHY_IDLE;
	case CONN_HEAD: return WHY_HEAD;
	case CONN_BODY:
	case CONN_BIG: return WHY_BODY;
	default: return WHY_ANSWER;
	}
}

static void look_at(struct conns *c, struct conn *conn, int64_t now_ms)
{
	int64_t is;
	int limit_ms;

	if (conn->shut || has_begun(conn, now_ms))
		return;
	is = atomic_load(&conn->at);
	limit_ms = c->config.ms[phase_of(is)];
	if (limit_ms && now_ms - since_of(is) >= limit_ms)
		shut(c, conn, why_of(phase_of(is)));
}

/* libmicrohttpd has closed it and did not say so: it had no memory for it. */
static bool is_lost(const struct conn *conn, int64_t now_ms)
{
	return !conn->taken && now_ms - since_of(atomic_load(&conn->at)) >= LOST_MS;
}

static void forget(struct conns *c, struct conn *conn)
{
	struct peer *peer = conn->peer;

	if (!conn->shut) {
		peer->open--;
		c->n_open--;
	}
	if (--peer->all == 0) {
		TAILQ_REMOVE(&c->peers, peer, link);
		free(peer);
	}
	if (c->by_fd[conn->fd] == conn)
		c->by_fd[conn->fd] = NULL;
	TAILQ_REMOVE(&c->all, conn, link);
	atomic_fetch_sub(&c->bytes, atomic_load(&conn->bytes));
	free(conn);
}

void conns_turn(struct conns *c, int64_t now_ms)
{
	struct conn *conn, *next;
	int open = 0, in_flight = 0;

	pthread_mutex_lock(&c->lock);
	for (conn = TAILQ_FIRST(&c->all); conn; conn = next) {
		next = TAILQ_NEXT(conn, link);
		if (is_lost(conn, now_ms)) {
			forget(c, conn);
			continue;
		}
		look_at(c, conn, now_ms);
		open++;
		in_flight += phase_of(atomic_load(&conn->at)) > CONN_IDLE;
	}
	pthread_mutex_unlock(&c->lock);
	if (!c->open)
		return;
	metric_set(c->open, open);
	metric_set(c->in_flight, in_flight);
	metric_set(c->held, (double)atomic_load(&c->bytes));
}

static struct conn *longest_reader(struct conns *c)
{
	struct conn *conn, *longest = NULL;

	TAILQ_FOREACH(conn, &c->all, link) {
		if (!conn->shut && phase_of(atomic_load(&conn->at)) == CONN_ANSWER &&
		    atomic_load(&conn->bytes) > SMALL_ANSWER &&
		    (!longest || since_of(atomic_load(&conn->at)) < since_of(atomic_load(&longest->at))))
			longest = conn;
	}
	return longest;
}

/* Bodies that are read are bounded by those that may be (httpd_big.h); answers, which may be as long, are not. */
static void relieve(struct conns *c)
{
	size_t bytes = atomic_load(&c->bytes);
	struct conn *conn;

	pthread_mutex_lock(&c->lock);
	while (bytes > c->config.bytes && (conn = longest_reader(c))) {
		bytes -= atomic_load(&conn->bytes) < bytes ? atomic_load(&conn->bytes) : bytes;
		shut(c, conn, WHY_MEMORY);
	}
	pthread_mutex_unlock(&c->lock);
}

/* --- what httpd tells --------------------------------------------------------------------------------------------- */

static bool may_hold(struct conns *c, int fd)
{
	int fds = c->fds ? c->fds : 64;
	struct conn **more;

	if (fd < c->fds)
		return true;
	while (fds <= fd)
		fds *= 2;
	more = realloc(c->by_fd, (size_t)fds * sizeof(*more));
	if (!more)
		return false;
	memset(more + c->fds, 0, (size_t)(fds - c->fds) * sizeof(*more));
	c->by_fd = more;
	c->fds = fds;
	return true;
}

/* The one of this address; NULL: no memory. */
static struct peer *find_peer(struct conns *c, const struct in6_addr *address)
{
	struct peer *peer;

	TAILQ_FOREACH(peer, &c->peers, link)
		if (memcmp(&peer->address, address, sizeof(*address)) == 0)
			return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->address = *address;
	TAILQ_INSERT_TAIL(&c->peers, peer, link);
	return peer;
}

/* Who is in a handler holds its thread, for how long is not known; else the one with fewest. */
static int freest(struct conns *c)
{
	int load[CONNS_THREADS_MAX] = { 0 }, freest = 0;
	struct conn *conn;

	TAILQ_FOREACH(conn, &c->all, link)
		load[conn->thread] += phase_of(atomic_load(&conn->at)) == CONN_HANDLER ? 1 << 16 : 1;
	for (int i = 1; i < c->config.threads; i++)
		if (load[i] < load[freest])
			freest = i;
	return freest;
}

static int enlist(struct conns *c, struct conn *conn, const struct in6_addr *address)
{
	if (!may_hold(c, conn->fd))
		return -1;
	if (c->by_fd[conn->fd]) /* that one is lost */
		forget(c, c->by_fd[conn->fd]);
	conn->peer = find_peer(c, address);
	if (!conn->peer)
		return -1;
	conn->thread = freest(c);
	conn->peer->all++;
	conn->peer->open++;
	c->n_open++;
	c->by_fd[conn->fd] = conn;
	TAILQ_INSERT_TAIL(&c->all, conn, link);
	return 0;
}

struct conn *conns_open(struct conns *c, int fd, const struct in6_addr *peer, enum conn_phase phase)
{
	struct conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->fd = fd;
	atomic_init(&conn->at, at(clock_mono_ms(), phase)); /* nothing is read: whatever has come is of its request */
	pthread_mutex_lock(&c->lock);
	if (enlist(c, conn, peer) == 0) {
		make_room(c, conn);
	} else {
		free(conn);
		conn = NULL;
	}
	pthread_mutex_unlock(&c->lock);
	return conn;
}

int conns_thread(const struct conn *conn)
{
	return conn->thread;
}

static void wake(struct conns *c)
{
	int fd = atomic_exchange(&c->wanted, -1);

	if (fd >= 0)
		(void)eventfd_write(fd, 1); /* whoever waits looks now and then, too */
}

struct conn *conns_take(struct conns *c, int fd)
{
	struct conn *conn;

	pthread_mutex_lock(&c->lock);
	conn = fd < c->fds ? c->by_fd[fd] : NULL;
	if (conn) {
		conn->taken = true;
		if (conn->shut)
			(void)shutdown(fd, SHUT_RDWR);
	}
	pthread_mutex_unlock(&c->lock);
	if (conn && phase_of(atomic_load(&conn->at)) != CONN_HANDSHAKE)
		wake(c);
	return conn;
}

void conns_close(struct conns *c, struct conn *conn)
{
	if (!conn)
		return;
	pthread_mutex_lock(&c->lock);
	forget(c, conn);
	pthread_mutex_unlock(&c->lock);
	wake(c);
}

void conns_phase(struct conns *c, struct conn *conn, enum conn_phase phase)
{
	enum conn_phase before = phase_of(atomic_load(&conn->at));

	atomic_store(&conn->at, at(clock_mono_ms(), phase));
	if (before == CONN_HANDSHAKE)
		wake(c);
}

void conns_idle(struct conns *c, struct conn *conn, uint64_t received)
{
	atomic_store(&conn->received, received);
	conns_phase(c, conn, CONN_IDLE);
}

void conns_greeted(struct conns *c, struct conn *conn)
{
	int64_t is = atomic_load(&conn->at);

	if (phase_of(is) != CONN_HANDSHAKE)
		return;
	atomic_store(&conn->at, at(since_of(is), CONN_GREETED)); /* the time is of the whole handshake */
	wake(c);
}

void conns_proven(struct conn *conn)
{
	atomic_store(&conn->proven, true);
}

void conns_hold(struct conns *c, struct conn *conn, size_t bytes)
{
	size_t before = atomic_exchange(&conn->bytes, bytes), all;

	if (before == bytes)
		return;
	all = atomic_fetch_add(&c->bytes, bytes - before) + bytes - before;
	if (bytes > before && c->config.bytes && all > c->config.bytes)
		relieve(c);
}

int conns_fresh(struct conns *c, int64_t now_ms, int ms)
{
	struct conn *conn;
	int n = 0;

	pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH(conn, &c->all, link) {
		int64_t is = atomic_load(&conn->at);

		n += (!conn->taken || phase_of(is) == CONN_HANDSHAKE) && !conn->shut && now_ms - since_of(is) < ms;
	}
	pthread_mutex_unlock(&c->lock);
	return n;
}

void conns_want(struct conns *c, int fd)
{
	atomic_store(&c->wanted, fd);
}

/* One that was never asked on is about to be, unless it only sits there. */
static bool may_ask(struct conn *conn, int64_t now_ms)
{
	int64_t is = atomic_load(&conn->at);

	if (conn->shut)
		return false;
	if (phase_of(is) > CONN_IDLE || has_begun(conn, now_ms))
		return true;
	return !atomic_load(&conn->proven) && now_ms - since_of(is) < YOUNG_MS;
}

bool conns_busy(struct conns *c, int64_t now_ms)
{
	struct conn *conn;
	bool busy = false;

	pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH(conn, &c->all, link)
		busy = busy || may_ask(conn, now_ms);
	pthread_mutex_unlock(&c->lock);
	return busy;
}

bool conns_alive(struct conns *c, int64_t now_ms, int ms, char *why_not, size_t size)
{
	struct conn *conn;
	bool alive = true;

	pthread_mutex_lock(&c->lock);
	TAILQ_FOREACH(conn, &c->all, link) {
		int64_t is = atomic_load(&conn->at), asked_ms = now_ms - since_of(is);

		if (phase_of(is) == CONN_HANDLER && asked_ms >= ms)
			snprintf(why_not, size, "a request has been worked at for %lld ms", (long long)asked_ms);
		else if (conn->taken && conn->shut && now_ms - conn->shut_ms >= ms)
			snprintf(why_not, size, "a connection that was cut off has not been closed for %lld ms",
				 (long long)(now_ms - conn->shut_ms));
		else
			continue;
		alive = false;
		break;
	}
	pthread_mutex_unlock(&c->lock);
	return alive;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static void name_metrics(struct conns *c)
{
	static const char *const whys[WHYS] = {
		[WHY_CROWDED] = "too_many", [WHY_HANDSHAKE] = "handshake", [WHY_IDLE] = "idle",     [WHY_HEAD] = "head",
		[WHY_BODY] = "body",        [WHY_ANSWER] = "answer",       [WHY_MEMORY] = "memory",
	};
	struct metrics *m = c->config.metrics;
	char labels[64];

	snprintf(labels, sizeof(labels), "port=\"%s\"", c->config.port);
	c->open = metric_gauge(m, "codis_http_connections", labels, "Connections that are served.");
	c->in_flight = metric_gauge(m, "codis_http_requests_in_flight", labels,
				    "Requests that are read, worked at or answered.");
	c->held = metric_gauge(m, "codis_http_bytes_in_flight", labels, "Bytes of bodies and answers in memory.");
	for (int i = 0; i < WHYS; i++) {
		snprintf(labels, sizeof(labels), "port=\"%s\",why=\"%s\"", c->config.port, whys[i]);
		c->cut[i] = metric_counter(m, "codis_http_connections_cut_total", labels,
					   "Connections that were cut off, by what they took too long for.");
	}
}

struct conns *conns_new(const struct conns_config *config)
{
	struct conns *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->config = *config;
	atomic_init(&c->wanted, -1);
	TAILQ_INIT(&c->all);
	TAILQ_INIT(&c->peers);
	pthread_mutex_init(&c->lock, NULL);
	if (config->metrics)
		name_metrics(c);
	return c;
}

void conns_free(struct conns *c)
{
	struct conn *conn;

	if (!c)
		return;
	while ((conn = TAILQ_FIRST(&c->all))) /* those that are lost */
		forget(c, conn);
	pthread_mutex_destroy(&c->lock);
	free(c->by_fd);
	free(c);
}
