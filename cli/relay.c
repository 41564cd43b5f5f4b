#include "cli/relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "common/base/text.h"
#include "common/codis/pod.h"
#include "common/kube/portforward.h"
#include "common/net/loop.h"

#define BACKLOG  8
#define READ_MAX 65536

/* One that has connected to us. */
struct relayed {
	LIST_ENTRY(relayed) next;
	struct relay *relay;
	uv_tcp_t tcp;
	struct portforward *forward;
	char read[READ_MAX];
};

struct relay {
	struct cli *cli;
	struct websockets *ws;
	char namespace[POD_NAMESPACE_MAX], pod[POD_NAME_MAX];
	uint16_t pod_port, port;
	uv_tcp_t listener;
	LIST_HEAD(, relayed) all;
};

struct writing {
	uv_write_t req;
	char data[];
};

uint16_t relay_port(const struct relay *r)
{
	return r->port;
}

static void on_relayed_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void end(struct relayed *r)
{
	if (uv_is_closing((uv_handle_t *)&r->tcp))
		return;
	LIST_REMOVE(r, next);
	portforward_close(r->forward);
	r->forward = NULL;
	uv_close((uv_handle_t *)&r->tcp, on_relayed_closed);
}

static void on_written(uv_write_t *req, int status)
{
	(void)status; /* the reading of it tells */
	free(req->data);
}

static void on_data(void *ctx, const char *data, size_t len)
{
	struct relayed *r = ctx;
	struct writing *w = malloc(sizeof(*w) + len);
	uv_buf_t buf;

	if (!w) {
		end(r);
		return;
	}
	memcpy(w->data, data, len);
	buf = uv_buf_init(w->data, (unsigned)len);
	w->req.data = w;
	if (uv_write(&w->req, (uv_stream_t *)&r->tcp, &buf, 1, on_written) < 0) {
		free(w);
		end(r);
	}
}

static void on_end(void *ctx, const struct error *err)
{
	struct relayed *r = ctx;

	(void)err; /* whoever has connected sees it end, and tries again */
	r->forward = NULL;
	end(r);
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
	struct relayed *r = handle->data;

	(void)wanted;
	*buf = uv_buf_init(r->read, sizeof(r->read));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct relayed *r = stream->data;

	if (n < 0 || (n > 0 && portforward_send(r->forward, buf->base, (size_t)n, NULL) < 0))
		end(r);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct relay *relay = listener->data;
	struct relayed *r = status < 0 ? NULL : calloc(1, sizeof(*r));
	struct portforward_spec spec = { relay->namespace, relay->pod, relay->pod_port, on_data, on_end, r };

	if (!r)
		return;
	r->relay = relay;
	uv_tcp_init(listener->loop, &r->tcp);
	r->tcp.data = r;
	LIST_INSERT_HEAD(&relay->all, r, next);
	if (uv_accept(listener, (uv_stream_t *)&r->tcp) == 0)
		r->forward = portforward_open(relay->ws, &relay->cli->config, &spec, NULL);
	if (!r->forward || uv_read_start((uv_stream_t *)&r->tcp, on_room, on_read) < 0)
		end(r);
}

static int start_listening(struct relay *r, struct error *err)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) }, is = any;
	int len = sizeof(is), rc = uv_tcp_bind(&r->listener, (const struct sockaddr *)&any, 0);

	if (rc == 0)
		rc = uv_listen((uv_stream_t *)&r->listener, BACKLOG, on_connection);
	if (rc == 0)
		rc = uv_tcp_getsockname(&r->listener, (struct sockaddr *)&is, &len);
	if (rc < 0)
		return error_set(err, ERR_IO, "a port of 127.0.0.1: %s", uv_strerror(rc));
	r->port = ntohs(is.sin_port);
	return 0;
}

struct relay *relay_open(struct cli *c, struct websockets *ws, const char *namespace, const char *pod, uint16_t port,
			 struct error *err)
{
	struct relay *r = calloc(1, sizeof(*r));

	if (!r) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	r->cli = c;
	r->ws = ws;
	r->pod_port = port;
	text_copy(r->namespace, sizeof(r->namespace), namespace);
	text_copy(r->pod, sizeof(r->pod), pod);
	uv_tcp_init(&c->loop->uv, &r->listener);
	r->listener.data = r;
	if (start_listening(r, err) == 0)
		return r;
	relay_close(r);
	return NULL;
}

static void on_relay_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void relay_close(struct relay *r)
{
	struct relayed *one, *next;

	if (!r)
		return;
	for (one = LIST_FIRST(&r->all); one; one = next) {
		next = LIST_NEXT(one, next);
		end(one);
	}
	uv_close((uv_handle_t *)&r->listener, on_relay_closed);
}
