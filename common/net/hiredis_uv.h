/* hiredis_uv.h - hiredis' asynchronous context on a libuv loop. hiredis ships an adapter, but it ignores the error
 * event that a refused connection causes (libuv stops polling then), so such a connection would hang for ever. */
#ifndef CODIS_NET_HIREDIS_UV_H
#define CODIS_NET_HIREDIS_UV_H

#include <hiredis/async.h>
#include <uv.h>

/* 0, or -1 when ac is attached already or memory ran out. */
int hiredis_uv_attach(redisAsyncContext *ac, uv_loop_t *uv);

#endif
