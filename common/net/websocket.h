/* websocket.h - connections of a WebSocket client (libwebsockets on the libuv loop, TLS by OpenSSL). One loop thread.
 * Names are looked up blockingly, so it is for command-line programs. Who uses it links libwebsockets. */
#ifndef CODIS_NET_WEBSOCKET_H
#define CODIS_NET_WEBSOCKET_H

#include <stddef.h>
#include <uv.h>

struct error;
struct http_tls;
struct websocket;  /* one connection */
struct websockets; /* those to one server */

/* Of what is not sent yet, and of one message that comes. */
#define WEBSOCKET_MAX (1u << 20)

/* server: "https://10.96.0.1:443", "http://[::1]:8080", without a path. tls may be NULL; its strings are needed only
 * during the call. NULL and *err on failure. */
struct websockets *websockets_new(uv_loop_t *uv, const char *server, const struct http_tls *tls, struct error *err);
/* Ends all connections without calling back. No other thread may open a descriptor meanwhile: libwebsockets 4.1 closes
 * one of its own twice then. NULL-safe. */
void websockets_free(struct websockets *s);

struct websocket_spec {
	const char *path;          /* with its query */
	const char *protocol;      /* the only subprotocol that is offered */
	const char *authorization; /* of that header: "Bearer ..."; or NULL */
	/* A whole message, valid during the call. It may call websocket_close. */
	void (*on_message)(void *ctx, const unsigned char *data, size_t len);
	/* It was refused, broken or ended by the peer; once, and the last. Not from within websocket_open. */
	void (*on_end)(void *ctx, const struct error *err);
	void *ctx;
};

/* Begins to connect; what is sent before it is connected waits. NULL and *err when it could not even start. */
struct websocket *websocket_open(struct websockets *s, const struct websocket_spec *spec, struct error *err);
/* A binary message (copied). 0, or -1 and *err: no memory, or over WEBSOCKET_MAX is waiting. */
int websocket_send(struct websocket *w, const void *data, size_t len, struct error *err);
/* Without calling back. NULL-safe. */
void websocket_close(struct websocket *w);

#endif
