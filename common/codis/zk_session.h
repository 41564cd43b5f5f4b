/* zk_session.h - a session with one member of ZooKeeper: its client library on the loop, and a guard before it.
 *
 * A handle of the library has one connection and one session. When either is lost the handle is given up and a new one
 * made, later each time. Nothing of what the member sends is read by the library before zk_frame_check() has seen it
 * whole: until then it stays in the socket. */
#ifndef CODIS_CODIS_ZK_SESSION_H
#define CODIS_CODIS_ZK_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>
#include <zookeeper/zookeeper.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/zk_frame.h"
#include "common/net/addr.h"

struct zk_session;

struct zk_session_config {
	uv_loop_t *uv;
	int session_ms;
	uint64_t *clock;                            /* counts what happens, for all sessions of one owner */
	void (*on_connected)(struct zk_session *s); /* it came, or was lost */
	/* It ends, and why: it was connected, or what it said cannot be understood. What was asked is answered with a
	 * failure right after this. */
	void (*on_failed)(struct zk_session *s, const struct error *why);
	void (*on_changed)(struct zk_session *s, const char *path); /* a watch fires */
	void (*on_closed)(struct zk_session *s);                    /* after zk_session_close(): nothing is left */
	void *ctx;
};

/* Embedded in its owner's struct; only the first part may be looked at. */
struct zk_session {
	char addr[ADDR_TEXT_MAX + 8]; /* as the client wants it: IPv6 without brackets */
	uint64_t born;                /* on the owner's clock */
	struct zk_frame frame;        /* during a completion: the frame that it comes from */
	struct error failed;          /* why the last one ended */

	zhandle_t *zh; /* NULL: the timer makes another */

	struct zk_session_config cfg;
	bool connected;
	const char *broken; /* to be ended in the next turn, and why */
	uv_timer_t timer;
	uv_poll_t *poll;
	int fd;    /* a name of our own for the client's socket, good until we close it */
	int lowat; /* SO_RCVLOWAT as it is set */
	uint64_t connected_at_ms, partial_since_ms; /* 0: no */
	struct buf due, seen;                       /* kinds of the answers to come; bytes that were looked at */
	int failures;                               /* since it last held for a while */
	int handles;
	bool closing;
	int64_t spent_us; /* CPU time: what the member sent has cost */
};

/* *s is all 0 but for its address. The first connection is tried in the next turn of the loop. */
void zk_session_start(struct zk_session *s, const struct zk_session_config *cfg);
/* Whether it can be asked: connected, and not about to be ended. */
bool zk_session_usable(const struct zk_session *s);
/* Connections are made anew, with another session: what the member says afterwards is no older than this moment, for a
 * session is a change that the ensemble agrees on. In the next turn of the loop; why stays the caller's. */
void zk_session_renew(struct zk_session *s, const char *why);
/* What is open is answered with ZCLOSING, from within. Never blocks: the socket is shut down first. */
void zk_session_close(struct zk_session *s);

/* An answer of this kind is due: called after each request that was given to s->zh, in their order. It is sent in the
 * next turn of the loop. */
void zk_session_expect(struct zk_session *s, enum zk_kind kind);

#endif
