/* zk_frame.h - one frame of what a ZooKeeper member sends, looked at before its client library reads it.
 *
 * libzookeeper 3.8 believes what it is told: a count of 2^31 children is allocated, a name that is missing is NULL, a
 * length may write out of bounds, and an answer that nobody asked for is an assertion. So nothing reaches it that was
 * not seen here to be whole, to be of the kind that is due, and to be within limits. This owns no protocol: it tells
 * only where the frame ends and whether each length in it stays inside.
 * Source: zookeeper.jute and zookeeper.c of ZooKeeper 3.8.0. */
#ifndef CODIS_CODIS_ZK_FRAME_H
#define CODIS_CODIS_ZK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* What a node holds: ZooKeeper takes no more itself (jute.maxbuffer), and Codis' nodes have some KiB. */
#define ZK_DATA_MAX (1u << 20)
/* Children of one node: no more than 1,024 groups can have one of the 1,024 slots, and proxies are fewer. */
#define ZK_NAMES_MAX 4096
/* A name among them: as long as a file's may be. */
#define ZK_NAME_MAX 255
/* A path. The longest that is asked for has 200 bytes. */
#define ZK_PATH_MAX 4096
/* A whole frame: the largest node, its stat and the header. All names at their longest would be more: refused. */
#define ZK_FRAME_MAX (ZK_DATA_MAX + 1024)
/* Between these a member may set the session's time-out, whatever was asked for: its own limits are 2 to 20 ticks. */
#define ZK_SESSION_MIN_MS 100
#define ZK_SESSION_MAX_MS 120000

/* What is due next: answers come in the order of the requests. */
enum zk_kind {
	ZK_NOTHING, /* no answer: only what comes unasked (a ping's answer, a watch that fires) */
	ZK_CONNECT, /* the first answer of a connection */
	ZK_DATA,    /* get: the node's data and its stat */
	ZK_STAT,    /* set, exists */
	ZK_NAMES,   /* children and the stat of their parent */
	ZK_PATH,    /* create, sync */
	ZK_VOID,    /* delete */
};

struct zk_frame {
	size_t size;  /* of the whole frame with the length in front; 4 when not even that is there */
	bool answer;  /* it is the one that was due */
	int64_t zxid; /* of an answer: the last change that the member knew when it gave it */
};

/* 1: the frame is whole, and may be given to the client; 0: more bytes are needed, *f has size only; -1 and *err
 * (ERR_PROTOCOL, ERR_TOOBIG): it must not be, and nothing behind it can be understood. */
int zk_frame_check(enum zk_kind due, const void *bytes, size_t have, struct zk_frame *f, struct error *err);

#endif
