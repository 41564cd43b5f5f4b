/* httpd_conns.h - part of httpd: who is connected, how long each may take for what it does, and who has to go when
 * there are too many. libmicrohttpd knows one time limit, between two bytes, and keeps whom it has when it is full: a
 * byte now and then holds a connection for ever, and a hundred idle ones keep the kubelet out. Any thread. */
#ifndef CODIS_NET_HTTPD_CONNS_H
#define CODIS_NET_HTTPD_CONNS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conns;

/* In the order in which they go when there are too many; the first two are alike in that. */
enum conn_phase {
	CONN_IDLE,      /* nothing of a (next) request has come */
	CONN_HANDSHAKE, /* of TLS */
	CONN_HEAD,      /* the request's head is on its way */
	CONN_BODY,      /* its body is */
	CONN_BIG,       /* the same, and others wait for it to be done */
	CONN_WAITING,   /* suspended: whoever suspended it has a limit for that */
	CONN_ANSWER,    /* it is being answered, or reads the answer */
	CONN_PHASES
};

struct conn;

struct conns_limits {
	int total, per_peer; /* connections; of one address */
	int ms[CONN_PHASES]; /* how long each phase may take; 0: for ever */
};

/* With a thread that looks several times a second; it calls each_turn, too. NULL: no memory, or no thread. */
struct conns *conns_start(const struct conns_limits *limits, void (*each_turn)(void *ctx, int64_t now_ms), void *ctx);
/* Once no connection is left. NULL-safe. */
void conns_stop(struct conns *c);

/* A connection that was just accepted. When there are too many, the one that is idle longest is shut down, of its peer
 * or of all: so whoever comes is served, and whoever only sits there goes. NULL: no memory. */
struct conn *conns_open(struct conns *c, int fd, const struct sockaddr *peer, enum conn_phase phase);
/* Before fd is closed. NULL-safe. */
void conns_close(struct conns *c, struct conn *conn);
void conns_phase(struct conns *c, struct conn *conn, enum conn_phase phase);

#endif
