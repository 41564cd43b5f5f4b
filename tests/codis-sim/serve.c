#include "tests/codis-sim/serve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/json.h"
#include "common/net/addr.h"
#include "tests/codis-sim/gojson.h"
#include "tests/codis-sim/golog.h"

enum { BODY_MAX = 8 << 20, REPLY_MAX = 16 << 20 };

struct serve {
	struct MHD_Daemon *daemon;
	const struct route *routes;
	serve_handler fallback;
	void *ctx;
};

/* Fills params and says whether the path fits the pattern. A ":name" stands for one part that is not empty. */
static bool matches(const char *pattern, const char *path, struct request *req)
{
	int n = 0;

	while (*pattern && *path) {
		if (*pattern == ':') {
			size_t len = strcspn(path, "/");

			if (!len || n == SERVE_PARAMS)
				return false;
			snprintf(req->params[n++], sizeof(req->params[0]), "%.*s", (int)len, path);
			path += len;
			pattern += strcspn(pattern, "/");
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return !*pattern && !*path;
}

static void answer(struct serve *s, struct request *req, struct reply *rep)
{
	for (const struct route *r = s->routes; r && r->pattern; r++) {
		memset(req->params, 0, sizeof(req->params));
		if (strcmp(r->method, req->method) == 0 && matches(r->pattern, req->path, req)) {
			r->handler(s->ctx, req, rep);
			return;
		}
	}
	if (s->fallback)
		s->fallback(s->ctx, req, rep);
	else
		buf_addstr(&rep->body, "404 page not found\n");
}

static enum MHD_Result send_reply(struct MHD_Connection *conn, struct reply *rep)
{
	struct MHD_Response *r;
	enum MHD_Result result;

	r = MHD_create_response_from_buffer(rep->body.len, rep->body.data, MHD_RESPMEM_MUST_COPY);
	if (!r)
		return MHD_NO;
	MHD_add_response_header(r, "Content-Type", rep->type);
	if (rep->location)
		MHD_add_response_header(r, "Location", rep->location);
	result = MHD_queue_response(conn, (unsigned)rep->status, r);
	MHD_destroy_response(r);
	return result;
}

static void log_call(struct MHD_Connection *conn, const struct request *req)
{
	const union MHD_ConnectionInfo *info;
	char host[64] = "";

	if (strcmp(req->method, "GET") == 0 || strncmp(req->path, "/api/", 5) != 0)
		return;
	info = MHD_get_connection_info(conn, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	if (info)
		getnameinfo(info->client_addr, sizeof(struct sockaddr_in), host, sizeof(host), NULL, 0, NI_NUMERICHOST);
	golog_warn("API call %s from %s []", req->path, host);
}

/* MHD calls once with the header, then with pieces of the body, then once more to be answered. */
static enum MHD_Result on_request(void *ctx, struct MHD_Connection *conn, const char *path, const char *method,
				  const char *version, const char *data, size_t *size, void **state)
{
	struct serve *s = ctx;
	struct buf *body = *state;
	struct request req = { .method = method, .path = path };
	struct reply rep = { .status = 404, .type = "application/json; charset=utf-8", .body = BUF_INIT(REPLY_MAX) };
	enum MHD_Result result;

	(void)version;
	if (!body) {
		body = malloc(sizeof(*body));
		if (!body)
			return MHD_NO;
		buf_init(body, BODY_MAX);
		*state = body;
		return MHD_YES;
	}
	if (*size) {
		buf_add(body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	req.body = body->data;
	req.body_len = body->len;
	req.forward = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "forward");
	if (!req.forward)
		req.forward = "";
	log_call(conn, &req);
	answer(s, &req, &rep);
	result = send_reply(conn, &rep);
	buf_release(&rep.body);
	return result;
}

static void on_done(void *ctx, struct MHD_Connection *conn, void **state, enum MHD_RequestTerminationCode why)
{
	struct buf *body = *state;

	(void)ctx;
	(void)conn;
	(void)why;
	if (!body)
		return;
	buf_release(body);
	free(body);
	*state = NULL;
}

static int listen_at(const char *addr, struct error *err)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	char host[64];
	uint16_t port;
	int fd, on = 1;

	if (addr_split(addr, host, sizeof(host), &port, err) < 0)
		return -1;
	sin.sin_port = htons(port);
	if (*host && inet_pton(AF_INET, host, &sin.sin_addr) != 1)
		return error_set(err, ERR_INVALID, "listen tcp %s: no IPv4 address", addr);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_errno(err, errno, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 || listen(fd, 1024) < 0) {
		error_set(err, ERR_IO, "listen tcp %s: bind: %s", addr,
			  errno == EADDRINUSE ? "address already in use" : strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

struct serve *serve_start(const char *addr, const struct route *routes, serve_handler fallback, void *ctx,
			  struct error *err)
{
	struct serve *s;
	int fd = listen_at(addr, err);

	if (fd < 0)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		golog_panic("no memory");
	s->routes = routes;
	s->fallback = fallback;
	s->ctx = ctx;
	s->daemon =
		MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL, 0,
				 NULL, NULL, on_request, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_COMPLETED,
				 on_done, NULL, MHD_OPTION_CONNECTION_LIMIT, 512U, MHD_OPTION_END);
	if (!s->daemon) {
		error_set(err, ERR_IO, "start of the HTTP server at %s failed", addr);
		close(fd);
		free(s);
		return NULL;
	}
	return s;
}

void serve_quiesce(struct serve *s)
{
	MHD_socket fd = MHD_quiesce_daemon(s->daemon);

	if (fd >= 0)
		close(fd);
}

void reply_json(struct reply *rep, cJSON *value)
{
	rep->status = 200;
	gojson_print(value, &rep->body);
	cJSON_Delete(value);
}

void reply_ok(struct reply *rep)
{
	reply_json(rep, cJSON_CreateString("OK"));
}

void reply_error(struct reply *rep, const char *cause, bool traced)
{
	JSON_CLEANUP cJSON *o = cJSON_CreateObject();
	cJSON *record;

	rep->status = 800;
	json_add_str(o, "Cause", cause);
	if (traced) {
		record = cJSON_CreateObject();
		json_add_str(record, "Name", "codis-sim");
		json_add_str(record, "File", __FILE__);
		json_add_int(record, "Line", __LINE__);
		json_push(json_add_array(o, "Stack"), record);
	} else {
		cJSON_AddNullToObject(o, "Stack");
	}
	gojson_print(o, &rep->body);
}

void reply_err(struct reply *rep, const struct error *err)
{
	reply_error(rep, err->text, true);
}

void reply_redirect(struct reply *rep, const char *location)
{
	rep->status = 302;
	rep->location = location;
}

bool request_int(const struct request *req, struct reply *rep, int i, const char *name, int *out)
{
	const char *text = req->params[i];
	char cause[64], *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (errno || end == text || *end || n < INT_MIN || n > INT_MAX) {
		snprintf(cause, sizeof(cause), "invalid %s", name);
		reply_error(rep, cause, false);
		return false;
	}
	*out = (int)n;
	return true;
}
