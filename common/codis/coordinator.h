/* coordinator.h - the ZooKeeper tree of one Codis product: /codis3/<product>/...
 *
 * One session a member, so that the death of one member costs nothing: a call goes to the session that answered last,
 * and to the next one when no answer comes in time. Every write is versioned: it is the fence that keeps two
 * controllers (or a controller and its past) from acting on one group.
 *
 * Never the past. A session only keeps its own reader from going back in time, and we have several. So (1) each read
 * has a sync in front, on its own session: a member that is cut from its leader, which serves what it has for some
 * seconds, does not answer that, and one that lags catches up first. (2) Every reply says the last change that its
 * member knows (zxid), a failure's too; one from before a change that was seen or made here, on any member, is taken
 * as no answer. One number for the whole tree covers data, children and nodes that are gone alike. A member that is
 * behind in spite of its sync gets a new session. Making one is a change that the ensemble must agree on: when it
 * still knows less then, and no other member knows more, the ensemble was restored or made anew, and is believed. */
#ifndef CODIS_CODIS_COORDINATOR_H
#define CODIS_CODIS_COORDINATOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

struct error;
struct coordinator;

#define COORDINATOR_MEMBERS 7

struct coordinator_config {
	const char *servers; /* "10.0.0.1:2181,[fd00::2]:2181"; names are refused, for they would block the loop */
	int session_ms;      /* 4,000 */
	/* One attempt at one member: 500. A call lasts three of them at least before it gives up. A set is asked of the
	 * next member after a fifth of it. */
	int call_ms;
	/* What was read by coordinator_get() or coordinator_list() is no longer so, or may no longer be: told once
	 * after a read, perhaps more than once. path NULL: a member came or was lost, so everything that was read may
	 * have changed unseen. A member that hangs is lost after two thirds of a session only. May read again. NULL:
	 * nobody wants it. */
	void (*on_changed)(void *ctx, const char *path);
	/* A member's session has ended, and why: it was connected, or what it said cannot be understood. NULL: nobody
	 * wants it. */
	void (*on_lost)(void *ctx, const struct error *why);
	void *ctx;
};

/* Copied. NULL and *err on failure. */
struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err);
/* Ends; calls under way are called back from within, with ERR_IO. NULL-safe. */
void coordinator_close(struct coordinator *c);
/* Whether a member is connected. */
bool coordinator_ready(const struct coordinator *c);
/* Whether the one that stands at this place in cfg->servers is. */
bool coordinator_hears(const struct coordinator *c, int member);
/* CPU time that what the members sent has cost, with what was called for it. */
int64_t coordinator_spent_us(const struct coordinator *c);

/* Which node, and which state of it: a node that was deleted and made anew has another czxid, and may have the same
 * version. */
struct coordinator_stat {
	int version;
	int64_t czxid; /* the change that made it; 0: not known (after set and create) */
	int64_t mzxid; /* the change that wrote it last */
};

/* data: NUL-terminated, valid during the call, as stat is. err: NULL, ERR_NOTFOUND, ERR_EXISTS, ERR_CONFLICT (another
 * version), ERR_TIMEOUT (no member answered: unknown whether a write was done), ERR_DENIED, ERR_TOOBIG and ERR_PROTOCOL
 * (of the member whose answer was refused), ERR_IO. stat is never NULL; of a failure its version is -1. */
typedef void (*coordinator_done)(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
				 const struct error *err);
/* names: the children, valid during the call; none is empty or longer than a file's name. */
typedef void (*coordinator_names)(void *ctx, int count, const char *const *names, const struct error *err);

int coordinator_get(struct coordinator *c, const char *path, coordinator_done done, void *ctx, struct error *err);
/* The same for somebody whom clients wait for: given up after ms, and the next member is asked after a fifth of
 * call_ms.
 */
int coordinator_get_within(struct coordinator *c, const char *path, int ms, coordinator_done done, void *ctx,
			   struct error *err);
int coordinator_list(struct coordinator *c, const char *path, coordinator_names done, void *ctx, struct error *err);
/* version -1 is refused: an unversioned write would be no fence. done gets the new version. A write is told as done
 * only when an answer says so: the same bytes there may be a rival's. So ERR_CONFLICT may have been one's own write
 * whose answer was lost. */
int coordinator_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err);
/* The same, given up after ms. */
int coordinator_set_within(struct coordinator *c, const char *path, const char *data, size_t len, int version, int ms,
			   coordinator_done done, void *ctx, struct error *err);
/* A persistent node, with the parents that it lacks. ERR_EXISTS: it may be one's own, as with set. */
int coordinator_create(struct coordinator *c, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err);
/* The node that was read: version and czxid of *what. It is asked for once. When no answer comes the node is read, and
 * done says success when the node with that czxid is no more. Else ERR_TIMEOUT: it may still be done, for as long as
 * the session lives in which it was asked for. Until then another delete of that path only looks whether the first one
 * is done: done late, that would take the node that was made anew with the same version. */
int coordinator_delete(struct coordinator *c, const char *path, const struct coordinator_stat *what,
		       coordinator_done done, void *ctx, struct error *err);

#endif
