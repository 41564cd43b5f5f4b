/* redis_peer.h - whoever has an address and says what it wants to whoever comes: a peer on the test's own loop. */
#ifndef CODIS_TESTS_UNIT_REDIS_PEER_H
#define CODIS_TESTS_UNIT_REDIS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

enum peer_then { PEER_KEEPS, PEER_CLOSES, PEER_RESETS };

struct redis_peer {
	/* Filled in by the test, and may be changed meanwhile. */
	const char *greeting; /* said at once, or NULL */
	size_t greeting_len;  /* 0: strlen */
	const char *answer;   /* said whenever something comes, or NULL */
	size_t answer_len;    /* 0: strlen */
	bool trickles;        /* the answer byte by byte, one each millisecond */
	enum peer_then then;  /* when the answer, or else the greeting, was said */
	/* For the test to read. */
	char addr[64];
	int accepted, asked, ended; /* connections; times that something came; connections that ended from outside */

	uv_loop_t *uv;
	uv_tcp_t listener;
	struct peer_conn *conns;
};

/* An INFO that a probe takes. */
extern const char redis_peer_info[];

/* Listens on a free port of 127.0.0.1. */
void redis_peer_start(struct redis_peer *p, uv_loop_t *uv);
/* Closes all; the loop has to turn before it is closed. */
void redis_peer_stop(struct redis_peer *p);

#endif
