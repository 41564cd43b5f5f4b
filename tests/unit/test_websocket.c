/* The WebSocket client: whom it trusts, as whom it shows itself, and what is refused. What it carries is tested with
 * codisctl's ping. */
#include "common/net/websocket.h"

#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/net/http.h"
#include "tests/unit/certs_fixture.h"

#define PATIENT_MS 10000

/* An HTTPS server that takes no WebSocket: 403 for who shows a certificate, else 404; by that TLS is known to stand. */
struct server {
	struct MHD_Daemon *daemon;
	char url[64];
	struct cert ca, leaf;
};

struct seen {
	struct fake_world *world;
	struct error err;
	bool ended;
};

static enum MHD_Result answer(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
			      const char *version, const char *data, size_t *len, void **held)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	unsigned shown = 0;
	enum MHD_Result r;

	(void)cls, (void)url, (void)method, (void)version, (void)data, (void)len, (void)held;
	gnutls_certificate_get_peers(info->tls_session, &shown);
	r = MHD_queue_response(conn, shown ? 403 : 404, response);
	MHD_destroy_response(response);
	return r;
}

static void server_start(struct server *s, const char *host)
{
	make_ca("ca", 0, 10, &s->ca);
	make_leaf(&s->ca, 0, 10, &s->leaf);
	s->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_TLS, 0, NULL, NULL, answer, s,
				     MHD_OPTION_HTTPS_MEM_CERT, s->leaf.cert_pem, MHD_OPTION_HTTPS_MEM_KEY,
				     s->leaf.key_pem, MHD_OPTION_HTTPS_MEM_TRUST, s->ca.cert_pem, MHD_OPTION_END);
	assert_non_null(s->daemon);
	snprintf(s->url, sizeof(s->url), "https://%s:%u", host,
		 MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
}

static void server_stop(struct server *s)
{
	MHD_stop_daemon(s->daemon);
	cert_release(&s->ca);
	cert_release(&s->leaf);
}

static void on_message(void *ctx, const unsigned char *data, size_t len)
{
	(void)ctx, (void)data, (void)len;
	fail_msg("a message came");
}

static void on_end(void *ctx, const struct error *err)
{
	struct seen *s = ctx;

	assert_false(s->ended);
	s->ended = true;
	s->err = *err;
}

static bool has_ended(void *ctx)
{
	return ((struct seen *)ctx)->ended;
}

/* How a connection ends. */
static struct error ending(struct fake_world *w, const char *url, const struct http_tls *tls)
{
	struct seen seen = { .world = w };
	struct websocket_spec spec = {
		.path = "/x", .protocol = "p", .on_message = on_message, .on_end = on_end, .ctx = &seen
	};
	struct error err = ERROR_INIT;
	struct websockets *s = websockets_new(&w->loop.uv, url, tls, &err);

	assert_non_null(s);
	assert_non_null(websocket_open(s, &spec, &err));
	assert_true(fake_run(w, PATIENT_MS, has_ended, &seen));
	websockets_free(s);
	return seen.err;
}

FIXTURE_TEST(the_ca_that_is_named_is_trusted_for_its_name_and_no_other)
{
	struct server server;
	struct cert other = { 0 };
	struct error err;

	server_start(&server, "localhost");
	make_ca("other", 0, 10, &other);
	err = ending(*state, server.url, &(struct http_tls){ .ca_pem = server.ca.cert_pem });
	assert_int_equal(err.status, 404);
	err = ending(*state, server.url, &(struct http_tls){ .ca_pem = other.cert_pem });
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(err.status, 0);
	err = ending(*state, server.url, &(struct http_tls){ .ca_pem = other.cert_pem, .skip_verify = true });
	assert_int_equal(err.status, 404);
	memcpy(strstr(server.url, "localhost"), "127.0.0.1", 9); /* of which the certificate says nothing */
	err = ending(*state, server.url, &(struct http_tls){ .ca_pem = server.ca.cert_pem });
	assert_int_equal(err.code, ERR_IO);
	assert_int_equal(err.status, 0);
	cert_release(&other);
	server_stop(&server);
}

FIXTURE_TEST(a_client_certificate_is_shown)
{
	struct server server;
	struct error err;

	server_start(&server, "localhost");
	err = ending(*state, server.url,
		     &(struct http_tls){ server.ca.cert_pem, server.leaf.cert_pem, server.leaf.key_pem, false });
	assert_int_equal(err.code, ERR_DENIED);
	assert_int_equal(err.status, 403);
	server_stop(&server);
}

FIXTURE_TEST(what_is_no_server_or_no_certificate_is_refused)
{
	static const char *const servers[] = { "",  "localhost:1", "ftp://a", "https://", "https://a/b", "https://[::1",
					       NULL };
	struct fake_world *w = *state;
	struct error err;

	for (const char *const *s = servers; *s; s++) {
		assert_null(websockets_new(&w->loop.uv, *s, NULL, &err));
		assert_int_equal(err.code, ERR_INVALID);
	}
	assert_null(websockets_new(&w->loop.uv, "https://a", &(struct http_tls){ .ca_pem = "-----BEGIN" }, &err));
	assert_null(
		websockets_new(&w->loop.uv, "https://a", &(struct http_tls){ .cert_pem = "x", .key_pem = "y" }, &err));
}

FIXTURE_TEST(nobody_listens)
{
	struct fake_world *w = *state;
	char url[64];
	struct error err;

	snprintf(url, sizeof(url), "http://127.0.0.1:%u", w->api.port);
	fake_down(&w->api);
	err = ending(w, url, NULL);
	assert_int_equal(err.code, ERR_IO);
	fake_up(&w->api);
}

/* The kernel connects them, nobody accepts: no thread opens anything meanwhile (see websockets_free). */
FIXTURE_TEST(connections_that_are_under_way_are_given_up)
{
	struct fake_world *w = *state;
	struct seen seen = { .world = w };
	struct websocket_spec spec = {
		.path = "/x", .protocol = "p", .on_message = on_message, .on_end = on_end, .ctx = &seen
	};
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(addr);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct websockets *s;
	struct error err = ERROR_INIT;
	char url[64];

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
	assert_int_equal(listen(fd, 8), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", ntohs(addr.sin_port));
	s = websockets_new(&w->loop.uv, url, NULL, &err);
	websocket_close(websocket_open(s, &spec, &err));
	assert_non_null(websocket_open(s, &spec, &err));
	websockets_free(s);
	assert_false(seen.ended);
	close(fd);
}

static void count(uv_idle_t *idle)
{
	++*(int *)idle->data;
}

/* For what the rest of the program opens meanwhile could be closed: see websockets_free. */
FIXTURE_TEST(nothing_else_of_the_loop_runs_while_they_end)
{
	struct fake_world *w = *state;
	struct error err = ERROR_INIT;
	struct websockets *s = websockets_new(&w->loop.uv, "http://127.0.0.1:1", NULL, &err);
	int turns = 0;
	uv_idle_t idle = { .data = &turns };

	assert_non_null(s);
	uv_idle_init(&w->loop.uv, &idle);
	uv_idle_start(&idle, count);
	websockets_free(s);
	assert_int_equal(turns, 0);
	uv_run(&w->loop.uv, UV_RUN_NOWAIT);
	assert_int_equal(turns, 1);
	uv_close((uv_handle_t *)&idle, NULL);
	uv_run(&w->loop.uv, UV_RUN_NOWAIT);
}
