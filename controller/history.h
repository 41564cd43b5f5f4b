/* history.h - the last decisions of all controllers, kept in the ConfigMap codis-decisions (common/codis/decisions.h):
 * what a leader did outlives it and its log. Any controller adds its own; whose write is overtaken reads and adds them
 * again. Without the ConfigMap nothing else suffers. */
#ifndef CODIS_CONTROLLER_HISTORY_H
#define CODIS_CONTROLLER_HISTORY_H

#include <stdint.h>
#include <uv.h>

struct decisions;
struct history;
struct kube_client;
struct logger;

struct history_config {
	const char *namespace, *identity; /* copied */
	const struct logger *log;
	int reread_ms; /* it is read again so often at least, since others add to it; 0: only with what is written */
	/* It was read: there may be decisions of others. Or NULL. */
	void (*on_read)(void *ctx);
	void *ctx;
};

/* Reads what there is. NULL: no memory. */
struct history *history_new(uv_loop_t *uv, struct kube_client *kube, const struct history_config *cfg);
/* Another one may have added to it, as where this controller begins to lead. */
void history_reread(struct history *h);
/* h NULL: nothing is kept. product "": of none. Written within a second, at most once in five. */
void history_note(struct history *h, const char *namespace, const char *product, int64_t wall_ms, const char *words);
/* All that is known, h's; NULL where h is. */
const struct decisions *history_all(const struct history *h);
/* Writes what is not written yet, then calls done, after 2 s at the latest; perhaps from within. Once. */
void history_flush(struct history *h, void (*done)(void *ctx), void *ctx);
void history_free(struct history *h); /* NULL-safe */

#endif
