/* coordinator.h - the ZooKeeper tree of one Codis product: /codis3/<product>/...
 *
 * One session a member, so that the death of one member costs nothing: a call goes to the session that answered last,
 * and to the next one when no answer comes in time. Every write is versioned: it is the fence that keeps two
 * controllers (or a controller and its past) from acting on one group. */
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
	int call_ms;         /* one attempt at one member: 500 */
	/* What was read by coordinator_get() or coordinator_list() is no longer so, or may no longer be: told once
	 * after a read, perhaps more than once. path NULL: a member came or was lost, so everything that was read may
	 * have changed unseen. A member that hangs is lost after two thirds of a session only. May read again. NULL:
	 * nobody wants it. */
	void (*on_changed)(void *ctx, const char *path);
	void *ctx;
};

/* Copied. NULL and *err on failure. */
struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err);
/* Ends; calls under way are called back from within, with ERR_IO. NULL-safe. */
void coordinator_close(struct coordinator *c);
/* Whether a member is connected. */
bool coordinator_ready(const struct coordinator *c);

/* data: NUL-terminated, valid during the call; version: of the node. err: NULL, ERR_NOTFOUND, ERR_EXISTS, ERR_CONFLICT
 * (another version), ERR_TIMEOUT (no member answered: unknown whether a write was done), ERR_DENIED, ERR_IO. */
typedef void (*coordinator_done)(void *ctx, const char *data, size_t len, int version, const struct error *err);
/* names: the children, valid during the call. */
typedef void (*coordinator_names)(void *ctx, int count, const char *const *names, const struct error *err);

int coordinator_get(struct coordinator *c, const char *path, coordinator_done done, void *ctx, struct error *err);
int coordinator_list(struct coordinator *c, const char *path, coordinator_names done, void *ctx, struct error *err);
/* version -1 is refused: an unversioned write would be no fence. done gets the new version. */
int coordinator_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err);
/* A persistent node, with the parents that it lacks. */
int coordinator_create(struct coordinator *c, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err);
int coordinator_delete(struct coordinator *c, const char *path, int version, coordinator_done done, void *ctx,
		       struct error *err);

#endif
