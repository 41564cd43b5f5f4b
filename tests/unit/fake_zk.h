/* fake_zk.h - an ensemble of ZooKeeper, played on the loop: up to three members on one tree, each of which can lag, be
 * slow, lose answers, or say what no member says. */
#ifndef CODIS_TESTS_UNIT_FAKE_ZK_H
#define CODIS_TESTS_UNIT_FAKE_ZK_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "common/base/buf.h"

#define FAKE_ZK_MEMBERS 3

struct fake_zk;
struct fake_zk_conn;

struct fake_zk_node {
	char *path, *data;
	int len, version;
	int64_t czxid, mzxid, pzxid;
};

struct fake_zk_tree {
	struct fake_zk_node *nodes;
	int count;
	int64_t zxid;
};

struct fake_zk_member {
	struct fake_zk *zk;
	int number;
	uint16_t port;
	uv_tcp_t listener;
	struct fake_zk_tree *past; /* what it reads from; NULL: the tree as it is */
	int sessions;              /* connections that began one */
	uint64_t bytes;            /* that it has read */
	/* Changes what is sent: the frame without its length, which is put in front afterwards, of what is in *out
	 * then. The first answer of a connection has xid 0. NULL: honest. */
	void (*evil)(struct fake_zk_member *m, int xid, struct buf *out);
	/* Instead: the bytes of *out are sent as they are. */
	bool raw;
	bool deaf;   /* reads no more */
	int drip_ms; /* what it sends goes in pieces of 10 bytes, so far apart; 0: whole */
};

/* What becomes of a request. */
struct fake_zk_how {
	enum {
		ZK_SERVE,
		ZK_LOST,
		ZK_STALL,
		ZK_LATE,
		ZK_HANG
	} what; /* done; done, no answer; neither; done, and the
		 * answer after ms; the connection stands still
		 * for ms, then done */
	int ms;
};

struct fake_zk {
	uv_loop_t *uv;
	struct fake_zk_tree tree;
	struct fake_zk_member members[FAKE_ZK_MEMBERS];
	int count;
	struct fake_zk_how (*hook)(struct fake_zk_member *m, const char *op, const char *path);
	struct buf log; /* "M1 get /a\n" for each request but pings and syncs */
	struct fake_zk_conn *conns;
	struct buf out;
};

void fake_zk_start(struct fake_zk *zk, uv_loop_t *uv, int members);
/* Ends its handles; the loop is turned until they are gone. */
void fake_zk_stop(struct fake_zk *zk);
/* "127.0.0.1:1,127.0.0.1:2", members in this order, "132" for example. */
void fake_zk_servers(const struct fake_zk *zk, const char *order, char *out, size_t size);

/* The tree, without the protocol. put makes the node anew (version 0) when it is there. */
void fake_zk_put(struct fake_zk *zk, const char *path, const char *data, int len);
struct fake_zk_node *fake_zk_find(struct fake_zk *zk, const char *path);
void fake_zk_remove(struct fake_zk *zk, const char *path);
/* From now on a member shows the tree as it is now. */
void fake_zk_freeze(struct fake_zk_member *m);
/* Its connections end. */
void fake_zk_cut(struct fake_zk_member *m);

void zk_int(struct buf *out, int32_t v);
void zk_long(struct buf *out, int64_t v);
void zk_text(struct buf *out, const char *s, int len);

/* Turns the loop for so long. */
void fake_zk_pass(uv_loop_t *uv, int ms);

#endif
