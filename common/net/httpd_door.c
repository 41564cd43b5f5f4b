#include "common/net/httpd_door.h"

#include <errno.h>
#include <linux/filter.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/metrics.h"
#include "common/net/addr.h"
#include "common/net/httpd_conns.h"

#define TURN_MS 100
/* Whoever is honest has said more after this time, however busy the machine. */
#define YOUNG_MS 1000
/* And has mostly begun to after this one. */
#define PROMPT_MS 100
/* One that has been let in takes the place of the next for so long at most: half a ClientHello costs nothing. */
#define FRESH_MS 20
#define RETRY_MS 5
#define BATCH    16
/* From when on nobody connects any more until the last who has is here: the last part of their handshake of TCP. */
#define SHUT_MS 100

/* Of a record of TLS, and of the message in it. */
#define HELLO_HEAD 9

struct waiter {
	TAILQ_ENTRY(waiter) link;
	int fd;
	struct sockaddr_in6 address;
	socklen_t len;
	struct at_door *peer;
	int64_t since_ms;
	bool speaks;
};

TAILQ_HEAD(waiters, waiter);

/* Those of one address who wait; there is no such peer without one. */
struct at_door {
	TAILQ_ENTRY(at_door) link;
	struct in6_addr address;
	int n, n_speaking;
	struct waiters silent, speaking;
};

struct door {
	struct door_config config;
	int listener, epoll, wake;
	pthread_t thread;
	bool started;
	atomic_bool shutting, ending, busy;
	/* The thread's own. */
	TAILQ_HEAD(, at_door) peers; /* whose turn is next, first */
	int n, n_speaking;
	int64_t turned_ms, shut_ms;
	struct metric *arrived, *waiting, *crowded, *silent;
};

/* --- who waits ---------------------------------------------------------------------------------------------------- */

static struct at_door *find_peer(struct door *d, const struct in6_addr *address)
{
	struct at_door *peer;

	TAILQ_FOREACH(peer, &d->peers, link)
		if (memcmp(&peer->address, address, sizeof(*address)) == 0)
			return peer;
	peer = calloc(1, sizeof(*peer));
	if (!peer)
		return NULL;
	peer->address = *address;
	TAILQ_INIT(&peer->silent);
	TAILQ_INIT(&peer->speaking);
	TAILQ_INSERT_TAIL(&d->peers, peer, link);
	return peer;
}

/* Leaves its fd open. */
static void forget(struct door *d, struct waiter *w)
{
	struct at_door *peer = w->peer;

	TAILQ_REMOVE(w->speaks ? &peer->speaking : &peer->silent, w, link);
	d->n--;
	d->n_speaking -= w->speaks;
	peer->n_speaking -= w->speaks;
	if (--peer->n == 0) {
		TAILQ_REMOVE(&d->peers, peer, link);
		free(peer);
	}
	free(w);
}

static void turn_away(struct door *d, struct waiter *w, struct metric *why)
{
	close(w->fd);
	forget(d, w);
	if (why)
		metric_add(why, 1);
}

enum said { TOO_LITTLE, ENOUGH, NONSENSE };

/* Of TLS, a ClientHello that is whole and comes in one record, as everybody sends it: less, or something else, would
 * wait inside for more, in the place of who has said what it wants. */
static enum said what_it_says(const struct door *d, int fd, const unsigned char *head, ssize_t n)
{
	enum { HANDSHAKE = 22, CLIENT_HELLO = 1, RECORD_HEAD = 5, MESSAGE_HEAD = 4 };
	int record, message, here = 0;

	if (!d->config.tls)
		return ENOUGH;
	if (head[0] != HANDSHAKE || (n > RECORD_HEAD && head[RECORD_HEAD] != CLIENT_HELLO))
		return NONSENSE;
	if (n < HELLO_HEAD)
		return TOO_LITTLE;
	record = head[3] << 8 | head[4];
	message = head[6] << 16 | head[7] << 8 | head[8];
	if (MESSAGE_HEAD + message > record)
		return NONSENSE;
	return ioctl(fd, FIONREAD, &here) == 0 && here >= RECORD_HEAD + record ? ENOUGH : TOO_LITTLE;
}

/* It speaks, or has gone or says nonsense: then it is turned away, and false is returned. */
static bool hear(struct door *d, struct waiter *w)
{
	unsigned char head[HELLO_HEAD];
	ssize_t n = recv(w->fd, head, sizeof(head), MSG_PEEK | MSG_DONTWAIT);
	enum said said;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	said = n > 0 ? what_it_says(d, w->fd, head, n) : NONSENSE;
	if (said == NONSENSE) {
		turn_away(d, w, NULL);
		return false;
	}
	if (said == TOO_LITTLE)
		return true;
	(void)epoll_ctl(d->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	TAILQ_REMOVE(&w->peer->silent, w, link);
	w->speaks = true;
	TAILQ_INSERT_TAIL(&w->peer->speaking, w, link);
	w->peer->n_speaking++;
	d->n_speaking++;
	return true;
}

/* The peer that has most; NULL: they come from everywhere. */
static struct at_door *crowd(struct door *d)
{
	struct at_door *peer, *most = NULL;

	TAILQ_FOREACH(peer, &d->peers, link)
		if (!most || peer->n > most->n)
			most = peer;
	return most && most->n > 1 && most->n > d->config.total / 8 ? most : NULL;
}

static void take_older(struct waiter **oldest, struct waiter *w)
{
	if (w && (!*oldest || w->since_ms < (*oldest)->since_ms))
		*oldest = w;
}

/* Of a peer, or of all (NULL): those who have had the time to say something go first, or where most say nothing one of
 * these, so that no crowd of them turns away who speaks; else who has waited longest. */
static struct waiter *first_of(struct door *d, struct at_door *of, int64_t now_ms)
{
	struct waiter *silent = NULL, *oldest = NULL;
	struct at_door *peer;
	int more_silent = 0;

	TAILQ_FOREACH(peer, &d->peers, link) {
		if (of && peer != of)
			continue;
		take_older(&silent, TAILQ_FIRST(&peer->silent));
		take_older(&oldest, TAILQ_FIRST(&peer->speaking));
		more_silent += peer->n - 2 * peer->n_speaking;
	}
	if (silent && (more_silent > 0 || now_ms - silent->since_ms >= PROMPT_MS))
		return silent;
	take_older(&oldest, silent);
	return oldest;
}

/* One goes, but nobody of whom only nobody has heard yet that it speaks. */
static void turn_one_away(struct door *d, struct at_door *of, int64_t now_ms)
{
	struct waiter *w = first_of(d, of, now_ms);

	while (w && !w->speaks) {
		if (!hear(d, w))
			return;
		if (!w->speaks)
			break;
		w = first_of(d, of, now_ms);
	}
	if (w)
		turn_away(d, w, d->crowded);
}

static void make_room(struct door *d, struct at_door *newcomers, int64_t now_ms)
{
	if (newcomers->n > d->config.per_peer)
		turn_one_away(d, newcomers, now_ms);
	else if (d->n > d->config.total)
		turn_one_away(d, crowd(d), now_ms);
}

static int await(struct door *d, int fd, const struct sockaddr_in6 *address, socklen_t len, int64_t now_ms)
{
	struct in6_addr peer = conns_peer((const struct sockaddr *)(const void *)address);
	struct waiter *w = calloc(1, sizeof(*w));
	/* Told once of what comes: half a ClientHello stays there. */
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET, .data.ptr = w };

	if (!w)
		return -1;
	*w = (struct waiter){ .fd = fd, .address = *address, .len = len, .since_ms = now_ms };
	w->peer = find_peer(d, &peer);
	if (!w->peer) {
		free(w);
		return -1;
	}
	TAILQ_INSERT_TAIL(&w->peer->silent, w, link);
	w->peer->n++;
	d->n++;
	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
		forget(d, w);
		return -1;
	}
	make_room(d, w->peer, now_ms);
	return 0;
}

/* --- who comes ---------------------------------------------------------------------------------------------------- */

/* No file or no memory is left: whoever waits longest makes room. Without one, somebody else has to: false. */
static bool make_way(struct door *d, int64_t now_ms)
{
	if (d->n == 0) {
		(void)poll(NULL, 0, RETRY_MS);
		return false;
	}
	turn_one_away(d, crowd(d), now_ms);
	return true;
}

/* False: there is none, or it cannot be had. */
static bool accept_one(struct door *d, int64_t now_ms)
{
	struct sockaddr_in6 address = { 0 };
	socklen_t len = sizeof(address);
	int fd = accept4(d->listener, (struct sockaddr *)&address, &len, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0) {
		if (d->arrived)
			metric_add(d->arrived, 1);
		if (await(d, fd, &address, len, now_ms) < 0)
			close(fd);
		return true;
	}
	if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		return make_way(d, now_ms);
	return errno == ECONNABORTED || errno == EINTR;
}

static void accept_some(struct door *d, int64_t now_ms)
{
	for (int i = 0; i < BATCH && accept_one(d, now_ms); i++)
		;
}

static void let_in(struct door *d, struct waiter *w)
{
	struct door_config *c = &d->config;
	struct conn *conn = conns_open(c->conns, w->fd, &w->peer->address, c->tls ? CONN_HANDSHAKE : CONN_IDLE);

	if (!conn)
		close(w->fd);
	else if (c->let_in(c->ctx, conns_thread(conn), w->fd, (struct sockaddr *)&w->address, w->len) < 0)
		conns_close(c->conns, conn);
	forget(d, w);
}

/* Of whom it is the turn; the others of the address come after those of all others. */
static struct waiter *next_of(struct door *d)
{
	struct at_door *peer;
	struct waiter *w;

	TAILQ_FOREACH(peer, &d->peers, link) {
		w = TAILQ_FIRST(&peer->speaking);
		if (!w)
			continue;
		TAILQ_REMOVE(&d->peers, peer, link);
		TAILQ_INSERT_TAIL(&d->peers, peer, link);
		return w;
	}
	return NULL;
}

static void let_some_in(struct door *d)
{
	int fresh;

	while (d->n_speaking > 0) {
		conns_want(d->config.conns, d->wake); /* before they are counted, so that none is missed */
		fresh = conns_fresh(d->config.conns, clock_mono_ms(), FRESH_MS);
		if (fresh >= d->config.at_a_time)
			return;
		for (; fresh < d->config.at_a_time && d->n_speaking > 0; fresh++)
			let_in(d, next_of(d));
	}
}

/* --- the end ------------------------------------------------------------------------------------------------------ */

/* Whoever would begin to connect is not heard by the kernel from now on, whoever has begun still is: a socket that
 * listens resets, when it is closed, all that nobody has accepted, with the requests that they have sent. */
static void hear_nobody_new(int fd)
{
	enum { FLAGS = 13, SYN = 2 }; /* of TCP's header */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS, FLAGS),
		BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, SYN, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	(void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter,
			 sizeof(filter)); /* a kernel without it: as good as it can */
}

static void close_listener(struct door *d, int64_t now_ms)
{
	while (accept_one(d, now_ms))
		;
	close(d->listener);
	d->listener = -1;
}

static void shut_down(struct door *d, int64_t now_ms)
{
	if (d->listener < 0)
		return;
	if (!d->shut_ms) {
		d->shut_ms = now_ms;
		hear_nobody_new(d->listener);
	} else if (now_ms - d->shut_ms >= SHUT_MS) {
		close_listener(d, now_ms);
	}
}

static bool is_busy(struct door *d, int64_t now_ms)
{
	struct at_door *peer;
	struct waiter *last;

	if (d->listener >= 0 || d->n_speaking > 0)
		return true;
	TAILQ_FOREACH(peer, &d->peers, link) {
		last = TAILQ_LAST(&peer->silent, waiters);
		if (last && now_ms - last->since_ms < YOUNG_MS)
			return true;
	}
	return false;
}

/* --- its thread --------------------------------------------------------------------------------------------------- */

static void turn(struct door *d, int64_t now_ms)
{
	struct at_door *peer, *next;
	struct waiter *w;
	int n;

	d->turned_ms = now_ms;
	for (peer = TAILQ_FIRST(&d->peers); peer; peer = next) {
		next = TAILQ_NEXT(peer, link);
		for (n = peer->n; n > 0; n--) { /* the peer goes with the last of them */
			w = TAILQ_FIRST(&peer->silent);
			if (!w || now_ms - w->since_ms < d->config.silent_ms)
				break;
			turn_away(d, w, d->silent);
		}
	}
	if (d->waiting)
		metric_set(d->waiting, d->n);
	d->config.on_turn(d->config.ctx, now_ms);
}

/* Who has gone before it has said enough is turned away. */
static void hear_all_of(struct door *d, struct waiter *w, uint32_t events)
{
	if (hear(d, w) && !w->speaks && events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		turn_away(d, w, NULL);
}

static void take(struct door *d, const struct epoll_event *events, int n, int64_t now_ms)
{
	uint64_t woken;
	bool comes = false;

	for (int i = 0; i < n; i++) {
		if (events[i].data.ptr == &d->listener)
			comes = true;
		else if (events[i].data.ptr == &d->wake)
			(void)!read(d->wake, &woken, sizeof(woken));
		else
			hear_all_of(d, events[i].data.ptr, events[i].events);
	}
	if (comes && d->listener >= 0) /* last: it may turn one away whose event is among these */
		accept_some(d, now_ms);
}

static void *door_main(void *arg)
{
	struct door *d = arg;
	struct epoll_event events[BATCH];
	int64_t now_ms;
	int n;

	while (!atomic_load(&d->ending)) {
		n = epoll_wait(d->epoll, events, BATCH, d->n_speaking > 0 ? RETRY_MS : TURN_MS);
		now_ms = clock_mono_ms();
		take(d, events, n, now_ms);
		let_some_in(d);
		if (now_ms - d->turned_ms >= TURN_MS)
			turn(d, now_ms);
		if (atomic_load(&d->shutting)) {
			shut_down(d, now_ms);
			atomic_store(&d->busy, is_busy(d, now_ms));
		}
	}
	return NULL;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

static int listen_on(const struct addrinfo *ai)
{
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1, off = 0, errnum;

	if (fd < 0)
		return -1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    (ai->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0) ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, SOMAXCONN) < 0) {
		errnum = errno;
		close(fd);
		errno = errnum;
		return -1;
	}
	return fd;
}

static int open_listener(const char *address, struct error *err)
{
	struct addrinfo hints = { .ai_flags = AI_PASSIVE | AI_NUMERICHOST, .ai_socktype = SOCK_STREAM }, *ai;
	char host[64], service[8];
	uint16_t port;
	int fd, r;

	if (addr_split(address, host, sizeof(host), &port, err) < 0)
		return error_wrap(err, "listening address");
	snprintf(service, sizeof(service), "%u", port);
	r = getaddrinfo(*host ? host : "::", service, &hints, &ai);
	if (r != 0)
		return error_set(err, ERR_INVALID, "listening on %s: %s", address, gai_strerror(r));
	fd = listen_on(ai);
	freeaddrinfo(ai);
	if (fd < 0 && errno == EAFNOSUPPORT && !*host && getaddrinfo("0.0.0.0", service, &hints, &ai) == 0) {
		fd = listen_on(ai);
		freeaddrinfo(ai);
	}
	return fd < 0 ? error_errno(err, errno, "listening on %s", address) : fd;
}

static void name_metrics(struct door *d)
{
	struct metrics *m = d->config.metrics;
	char labels[64];

	snprintf(labels, sizeof(labels), "port=\"%s\"", d->config.port);
	d->arrived = metric_counter(m, "codis_http_newcomers_total", labels, "Connections that were made.");
	d->waiting = metric_gauge(m, "codis_http_newcomers", labels,
				  "Connections that have said nothing yet, or wait for their turn.");
	for (int i = 0; i < 2; i++) {
		snprintf(labels, sizeof(labels), "port=\"%s\",why=\"%s\"", d->config.port, i ? "silent" : "too_many");
		*(i ? &d->silent : &d->crowded) =
			metric_counter(m, "codis_http_newcomers_turned_away_total", labels,
				       "Connections that were closed before they were served.");
	}
}

static int watch(struct door *d, int fd, void *what)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = what };

	return fd < 0 ? -1 : epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &event);
}

struct door *door_open(const struct door_config *config, struct error *err)
{
	struct door *d = calloc(1, sizeof(*d));

	if (!d) {
		error_set(err, ERR_NOMEM, "HTTP server: no memory");
		return NULL;
	}
	d->config = *config;
	d->epoll = d->wake = -1;
	TAILQ_INIT(&d->peers);
	atomic_init(&d->busy, true);
	if (config->metrics)
		name_metrics(d);
	d->listener = open_listener(config->address, err);
	if (d->listener < 0) {
		door_free(d);
		return NULL;
	}
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (watch(d, d->listener, &d->listener) == 0 && watch(d, d->wake, &d->wake) == 0)
		return d;
	error_errno(err, errno, "HTTP server on %s: cannot wait for connections", config->address);
	door_free(d);
	return NULL;
}

uint16_t door_port(const struct door *d)
{
	struct sockaddr_in6 address = { 0 };
	socklen_t len = sizeof(address);

	if (getsockname(d->listener, (struct sockaddr *)&address, &len) < 0)
		return 0;
	return ntohs(address.sin6_port); /* it stands where IPv4 has it */
}

int door_start(struct door *d, struct error *err)
{
	int r = pthread_create(&d->thread, NULL, door_main, d);

	d->started = r == 0;
	return r == 0 ? 0 : error_errno(err, r, "HTTP server on %s: cannot start its threads", d->config.address);
}

void door_shut(struct door *d)
{
	atomic_store(&d->shutting, true);
	(void)eventfd_write(d->wake, 1);
}

bool door_is_busy(struct door *d)
{
	return atomic_load(&d->busy);
}

void door_end(struct door *d)
{
	struct waiter *w;

	if (d->started) {
		atomic_store(&d->ending, true);
		(void)eventfd_write(d->wake, 1);
		pthread_join(d->thread, NULL);
		d->started = false;
	}
	while ((w = first_of(d, NULL, 0)))
		turn_away(d, w, NULL);
	if (d->listener >= 0)
		close(d->listener);
	d->listener = -1;
}

void door_free(struct door *d)
{
	if (!d)
		return;
	door_end(d);
	if (d->epoll >= 0)
		close(d->epoll);
	if (d->wake >= 0)
		close(d->wake);
	free(d);
}
