/* drain.h - the end of a controller: what is under way is finished, or undone, before the lease is given back. */
#ifndef CODIS_CONTROLLER_DRAIN_H
#define CODIS_CONTROLLER_DRAIN_H

struct controller;

/* Nothing new is decided from here on; done is called when nothing is under way any more, as under_way says. An action
 * that takes longer than DRAIN_MS takes no further step but to unlock what it has locked; after UNDO_MS more it is
 * left. Once. */
#define DRAIN_MS 7000 /* a promotion over a silent master */
#define UNDO_MS  6000 /* an answer of a proxy that hangs is awaited for 5 s */
void drain_begin(struct controller *ctl, int (*under_way)(void *ctx), void (*done)(void *ctx), void *ctx);

#endif
