/* httpd_conns.h - part of httpd: who is served, how long each may take for what it does, and who has to go when there
 * are too many. libmicrohttpd knows one time limit, between two bytes, and keeps whom it has when it is full: a byte
 * now and then holds a connection for ever, and a hundred idle ones keep the kubelet out. Any thread, but where it is
 * said. */
#ifndef CODIS_NET_HTTPD_CONNS_H
#define CODIS_NET_HTTPD_CONNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conns;
struct metrics;

#define CONNS_THREADS_MAX 64

enum conn_phase {
	CONN_HANDSHAKE, /* of TLS, and what costs is still to be done for it */
	CONN_GREETED,   /* of TLS, and the client has the word */
	CONN_IDLE,      /* nothing of a (next) request has come */
	CONN_HEAD,      /* the request's head is on its way */
	CONN_BODY,      /* its body is */
	CONN_BIG,       /* the same, and others wait for it to be done */
	CONN_WAITING,   /* suspended: whoever suspended it has a limit for that */
	CONN_HANDLER,   /* the handler has it */
	CONN_ANSWER,    /* it reads the answer */
	CONN_PHASES
};

struct conn;

struct conns_config {
	int total, per_peer;     /* connections; of one address */
	int threads;             /* that serve them, at most CONNS_THREADS_MAX */
	int ms[CONN_PHASES];     /* how long each phase may take; 0: for ever */
	size_t bytes;            /* that all of them hold, of bodies and of answers; 0: no limit */
	struct metrics *metrics; /* or NULL */
	const char *port;        /* label of the metrics */
};

/* NULL: no memory. */
struct conns *conns_new(const struct conns_config *config);
/* Once no connection is left. NULL-safe. */
void conns_free(struct conns *c);
/* Some times a second: cuts off who takes too long, and counts. One thread. */
void conns_turn(struct conns *c, int64_t now_ms);

/* An address without its port; of IPv4 the mapped one. */
struct in6_addr conns_peer(const struct sockaddr *address);

/* A connection that is about to be served. When there are too many, one is shut down: of its peer when that has too
 * many, else of the one that has most. NULL: no memory. */
struct conn *conns_open(struct conns *c, int fd, const struct in6_addr *peer, enum conn_phase phase);
/* By which thread, from 0: it was the one that had least to do. */
int conns_thread(const struct conn *conn);
/* Its thread has the one that was opened with fd from now on. NULL: it is not known any more. */
struct conn *conns_take(struct conns *c, int fd);
/* Before fd is closed. NULL-safe. */
void conns_close(struct conns *c, struct conn *conn);

/* These without a lock, by the thread that serves it. */
void conns_phase(struct conns *c, struct conn *conn, enum conn_phase phase);
/* CONN_IDLE, when so many bytes have been read from it (as tcp_received counts): more are a request that comes. */
void conns_idle(struct conns *c, struct conn *conn, uint64_t received);
/* Its handshake: what costs is done. Without effect once it is over. */
void conns_greeted(struct conns *c, struct conn *conn);
/* It has had an answer that was worth asking for. */
void conns_proven(struct conn *conn);
/* How many bytes it holds now. When all together hold too many, those that read their answers longest are shut down. */
void conns_hold(struct conns *c, struct conn *conn, size_t bytes);

/* How many were opened less than ms ago and are not taken, or in a handshake that still costs. */
int conns_fresh(struct conns *c, int64_t now_ms, int ms);
/* fd (an eventfd) is written to once, when that is done for one of them. */
void conns_want(struct conns *c, int fd);
/* Whether anybody waits for an answer, or may have asked. */
bool conns_busy(struct conns *c, int64_t now_ms);
/* Whether the threads that serve do their work: none is in a handler for longer than ms, nor keeps one open that was
 * shut down so long ago. */
bool conns_alive(struct conns *c, int64_t now_ms, int ms, char *why_not, size_t size);

#endif
