/* zk.h - the coordinator, blocking: ZooKeeper as Codis' store uses it. Any thread. */
#ifndef CODIS_SIM_ZK_H
#define CODIS_SIM_ZK_H

#include <stdbool.h>

struct buf;
struct error;
struct zk;

/* A name that does not resolve is an error at once; members that do not answer are waited for by the calls. */
struct zk *zk_open(const char *servers, int session_ms, struct error *err);
void zk_close(struct zk *z); /* ends the session; NULL-safe */

/* 1 and the text in out, 0 when there is no such node (unless must), or -1 and *err. */
int zk_read(struct zk *z, const char *path, bool must, struct buf *out, struct error *err);
/* Names of the children, sorted; *names is one allocation (free() it). The count, 0 when there is no node, or -1. */
int zk_list(struct zk *z, const char *path, char (**names)[128], struct error *err);
#define NAMES_CLEANUP __attribute__((cleanup(zk_free_names)))
void zk_free_names(char (**names)[128]);
int zk_create(struct zk *z, const char *path, const char *text, bool ephemeral, struct error *err);
/* Creates it where it is not there; carries no version. */
int zk_update(struct zk *z, const char *path, const char *text, struct error *err);
int zk_delete(struct zk *z, const char *path, struct error *err); /* no such node: fine */
/* Changes when a session was lost, and with it the ephemeral nodes. */
int zk_generation(struct zk *z);

#endif
