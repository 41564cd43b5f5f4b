/* drain.h - how a program that serves HTTP ends without leaving anybody unanswered. First it goes on serving, for those
 * who are sent here until everybody knows that it is not ready: each answer says Connection: close, and nobody who is
 * idle is closed, since a request may be on its way on it. Then nobody can connect any more, and what is in flight is
 * answered, within 10 s. Only then are those closed that never asked anything in all that time. */
#ifndef CODIS_NET_DRAIN_H
#define CODIS_NET_DRAIN_H

#include <stdint.h>
#include <uv.h>

struct drain;
struct httpd;

/* done is called once, from a timer, after drain_begin. NULL: no memory. */
struct drain *drain_new(uv_loop_t *uv, void (*done)(void *ctx), void *ctx);
/* h: NULL: nothing is served yet. It has to be there until done is called, which is for httpd_stop. */
void drain_begin(struct drain *d, struct httpd *h, int serve_ms);
void drain_free(struct drain *d); /* NULL-safe */

#endif
