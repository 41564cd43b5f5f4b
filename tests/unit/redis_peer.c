#include "tests/unit/redis_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/test.h"

struct peer_conn {
	uv_tcp_t tcp;
	uv_timer_t timer;
	struct redis_peer *p;
	size_t trickled;
	int handles; /* still open */
	char in[4096];
	struct peer_conn *next;
};

const char redis_peer_info[] = "$74\r\nrun_id:0123456789012345678901234567890123456789\r\nrole:master\r\ndb0:keys=1\r\n"
			       "\r\n";

static void on_closed(uv_handle_t *handle)
{
	struct peer_conn *c = handle->data;

	if (--c->handles == 0)
		free(c);
}

static void take_out(struct peer_conn *c)
{
	struct peer_conn **at = &c->p->conns;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void close_conn(struct peer_conn *c)
{
	take_out(c);
	uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void reset_conn(struct peer_conn *c)
{
	take_out(c);
	assert_int_equal(uv_tcp_close_reset(&c->tcp, on_closed), 0);
}

static void do_then(struct peer_conn *c)
{
	if (c->p->then == PEER_CLOSES)
		close_conn(c);
	else if (c->p->then == PEER_RESETS)
		reset_conn(c);
}

static void on_said(uv_write_t *req, int status)
{
	(void)status;
	free(req);
}

static void say(struct peer_conn *c, const char *text, size_t len)
{
	uv_buf_t buf = uv_buf_init((char *)(uintptr_t)text, (unsigned)len);
	uv_write_t *req = malloc(sizeof(*req));

	assert_non_null(req);
	if (uv_write(req, (uv_stream_t *)&c->tcp, &buf, 1, on_said) != 0)
		free(req);
}

static size_t length(const char *text, size_t len)
{
	return len ? len : strlen(text);
}

static void on_trickle(uv_timer_t *timer)
{
	struct peer_conn *c = timer->data;

	if (c->trickled < length(c->p->answer, c->p->answer_len))
		say(c, c->p->answer + c->trickled++, 1);
}

static void on_question(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct peer_conn *c = stream->data;
	struct redis_peer *p = c->p;

	(void)buf;
	if (n < 0) {
		p->ended++;
		close_conn(c);
	} else if (n > 0) {
		p->asked++;
		if (p->answer && p->trickles)
			uv_timer_start(&c->timer, on_trickle, 0, 1);
		else if (p->answer)
			say(c, p->answer, length(p->answer, p->answer_len));
		do_then(c);
	}
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct peer_conn *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->in, sizeof(c->in));
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct redis_peer *p = listener->data;
	struct peer_conn *c = calloc(1, sizeof(*c));

	assert_int_equal(status, 0);
	assert_non_null(c);
	c->p = p;
	c->tcp.data = c->timer.data = c;
	c->handles = 2;
	uv_tcp_init(p->uv, &c->tcp);
	uv_timer_init(p->uv, &c->timer);
	c->next = p->conns;
	p->conns = c;
	p->accepted++;
	assert_int_equal(uv_accept(listener, (uv_stream_t *)&c->tcp), 0);
	if (p->greeting)
		say(c, p->greeting, length(p->greeting, p->greeting_len));
	if (p->greeting && !p->answer && p->then != PEER_KEEPS)
		do_then(c);
	else
		uv_read_start((uv_stream_t *)&c->tcp, on_room, on_question);
}

void redis_peer_start(struct redis_peer *p, uv_loop_t *uv)
{
	struct sockaddr_in sin;
	int len = sizeof(sin);

	p->uv = uv;
	p->listener.data = p;
	uv_tcp_init(uv, &p->listener);
	uv_ip4_addr("127.0.0.1", 0, &sin);
	assert_int_equal(uv_tcp_bind(&p->listener, (struct sockaddr *)&sin, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&p->listener, 128, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&p->listener, (struct sockaddr *)&sin, &len), 0);
	snprintf(p->addr, sizeof(p->addr), "127.0.0.1:%d", ntohs(sin.sin_port));
}

void redis_peer_stop(struct redis_peer *p)
{
	while (p->conns)
		close_conn(p->conns);
	uv_close((uv_handle_t *)&p->listener, NULL);
}
