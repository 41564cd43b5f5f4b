#include "common/kube/portforward.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/kube/config.h"
#include "common/net/websocket.h"

#define PROTOCOL  "v4.channel.k8s.io"
#define TOKEN_MAX 16384
#define PATH_MAX_ 1024
#define DATA      0
#define TROUBLE   1

struct portforward {
	struct websocket *ws;
	struct portforward_spec spec;
	char pod[256];
	bool begun[2];    /* the channel has told its port */
	struct error why; /* what the kubelet has said */
	bool in_call, closed;
};

static void end(struct portforward *p, const struct error *err)
{
	struct portforward_spec spec = p->spec;

	free(p);
	spec.on_end(spec.ctx, err);
}

static void on_end(void *ctx, const struct error *err)
{
	struct portforward *p = ctx;
	struct error why = p->why.code ? p->why : *err;

	error_wrap(&why, "pod %s, port %u", p->pod, p->spec.port);
	end(p, &why);
}

/* What the kubelet says is a text for people; the cause stands at its end. */
static void note_trouble(struct portforward *p, const unsigned char *text, size_t len)
{
	error_set(&p->why, ERR_IO, "%.*s", len > 300 ? 300 : (int)len, (const char *)text);
}

static void on_message(void *ctx, const unsigned char *data, size_t len)
{
	struct portforward *p = ctx;
	unsigned channel = len ? data[0] : 2;

	if (channel > TROUBLE)
		return;
	if (!p->begun[channel]) {
		p->begun[channel] = true;
		if (len != 3 || (data[1] | data[2] << 8) != p->spec.port)
			error_set(&p->why, ERR_PROTOCOL, "the API server does not begin with the port");
		return;
	}
	if (channel == TROUBLE) {
		if (len > 1)
			note_trouble(p, data + 1, len - 1);
		return;
	}
	p->in_call = true;
	p->spec.on_data(p->spec.ctx, (const char *)data + 1, len - 1);
	p->in_call = false;
	if (p->closed)
		portforward_close(p);
}

/* The caller's (free). -1 and *err; 0 and NULL: none. */
static int authorization(const struct kube_config *cfg, char **out, struct error *err)
{
	char *token = cfg->token_file ? file_read(cfg->token_file, TOKEN_MAX, err) : NULL;
	const char *text = token ? token : cfg->token;
	int r = 0;

	*out = NULL;
	if (cfg->token_file && !token)
		return -1;
	if (text) {
		text += strspn(text, " \t\r\n");
		if (asprintf(out, "Bearer %.*s", (int)strcspn(text, " \t\r\n"), text) < 0) {
			*out = NULL;
			r = error_set(err, ERR_NOMEM, "no memory");
		}
	}
	free(token);
	return r;
}

static int connect_to(struct portforward *p, struct websockets *s, const struct kube_config *cfg, struct error *err)
{
	struct websocket_spec spec = { .protocol = PROTOCOL, .on_message = on_message, .on_end = on_end, .ctx = p };
	char path[PATH_MAX_], *bearer;

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s/portforward?ports=%u", p->spec.namespace,
		 p->spec.pod, p->spec.port);
	if (authorization(cfg, &bearer, err) < 0)
		return -1;
	spec.path = path;
	spec.authorization = bearer;
	p->ws = websocket_open(s, &spec, err);
	free(bearer);
	return p->ws ? 0 : -1;
}

struct portforward *portforward_open(struct websockets *s, const struct kube_config *cfg,
				     const struct portforward_spec *spec, struct error *err)
{
	struct portforward *p = calloc(1, sizeof(*p));

	if (!p) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	p->spec = *spec;
	text_copy(p->pod, sizeof(p->pod), spec->pod);
	if (connect_to(p, s, cfg, err) == 0)
		return p;
	free(p);
	return NULL;
}

int portforward_send(struct portforward *p, const void *data, size_t len, struct error *err)
{
	BUF_CLEANUP struct buf message = BUF_INIT(WEBSOCKET_MAX);

	buf_addch(&message, DATA);
	buf_add(&message, data, len);
	if (buf_check(&message, "what is sent to the pod", err) < 0)
		return -1;
	return websocket_send(p->ws, message.data, message.len, err);
}

void portforward_close(struct portforward *p)
{
	if (!p)
		return;
	if (p->in_call) {
		p->closed = true;
		return;
	}
	websocket_close(p->ws);
	free(p);
}
