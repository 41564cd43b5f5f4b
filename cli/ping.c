#include "cli/ping.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/parts.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/cmdline.h"
#include "common/codis/resp.h"
#include "common/kube/config.h"
#include "common/kube/portforward.h"
#include "common/kube/secret.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "common/net/websocket.h"

#define PING_MS 3000

struct proxy {
	struct cli *cli;
	char name[POD_NAME_MAX], namespace[POD_NAMESPACE_MAX], state[64];
	uint16_t port;
	struct said_text password; /* --session_auth. Never printed. */
	struct ask pod, secret;
	struct portforward *forward;
	struct loop_timer *timer;
	struct resp *resp;
	int64_t began_ms;
	int answers; /* that are awaited */
	bool ready, ended, pong, denied;
	char said[400]; /* what is told of it */
};

struct proxies {
	struct cli *cli;
	struct proxy *all;
	int count;
};

/* --- which they are, and what they say of themselves ---------------------------------------------------------------
 */

struct finding {
	const struct known *known;
	struct proxies *proxies;
};

static int add_proxy(void *ctx, const struct inventory_pod *pod)
{
	struct finding *f = ctx;
	struct proxies *s = f->proxies;
	struct proxy *more, *p;

	if (pod->pod.component != CODIS_PROXY || pod->pod.status.deleting || s->count == PROXIES_MAX)
		return 0;
	more = realloc(s->all, (size_t)(s->count + 1) * sizeof(*more));
	if (!more)
		return -1;
	s->all = more;
	p = &more[s->count++];
	*p = (struct proxy){ .cli = s->cli };
	text_copy(p->name, sizeof(p->name), pod->pod.name);
	text_copy(p->namespace, sizeof(p->namespace), pod->pod.namespace);
	text_copy(p->state, sizeof(p->state), known_state(f->known, pod));
	/* the kubelet knows better than its pod's status, which is late, whether there is somebody to ask */
	p->ready = pod->pod.status.ready;
	p->ended = pod->node_lost || !pod->pod.node[0];
	if (p->ended)
		text_copy(p->said, sizeof(p->said), p->state);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const char *x = ((const struct proxy *)a)->name, *y = ((const struct proxy *)b)->name;
	size_t n = strlen(x), m = strlen(y);

	return n != m ? (n > m) - (n < m) : strcmp(x, y); /* proxy-10 behind proxy-9 */
}

__attribute__((format(printf, 2, 3))) static void say(struct proxy *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->said, sizeof(p->said), fmt, ap);
	va_end(ap);
	p->ended = true;
}

/* As the webhook's hooks take it: --host-proxy, else the stock one. */
static void read_port(struct proxy *p, const struct said_source *src, const struct cmdline *c)
{
	struct said_text said;
	const char *colon;
	long port = CODIS_PROXY_PORT;

	said_flag(src, c, "--host-proxy", &said);
	colon = said.said == SAID_KNOWN ? strrchr(said.text, ':') : NULL;
	if (colon && colon[1])
		port = strtol(colon + 1, NULL, 10);
	p->port = port > 0 && port <= UINT16_MAX ? (uint16_t)port : CODIS_PROXY_PORT;
}

static void read_pod(struct proxy *p, const cJSON *pod)
{
	const cJSON *container = codis_container_of(json_get(pod, "spec", NULL), CODIS_PROXY);
	struct said_source src = { .object = pod, .namespace = p->namespace, .container = container, .secret = true };
	struct cmdline c;

	p->port = CODIS_PROXY_PORT;
	said_clear(&p->password);
	if (!container)
		return;
	codis_cmdline_of(container, CODIS_PROXY, &c);
	read_port(p, &src, &c);
	said_flag(&src, &c, "--session_auth", &p->password);
}

static bool all_asked(const void *ctx)
{
	const struct proxies *s = ctx;

	for (int i = 0; i < s->count; i++) {
		const struct proxy *p = &s->all[i];

		if (!p->ended && ((p->pod.cli && !p->pod.ended) || (p->secret.cli && !p->secret.ended)))
			return false;
	}
	return true;
}

static void ask_secret(struct proxy *p)
{
	if (p->ended || p->password.said != SAID_ELSEWHERE || p->password.where != WHERE_SECRET ||
	    !p->password.object[0])
		return;
	p->secret.timeout_ms = PING_MS;
	snprintf(p->secret.path, sizeof(p->secret.path), "/api/v1/namespaces/%s/secrets/%s", p->namespace,
		 p->password.object);
	ask_begin(p->cli, &p->secret);
}

/* Without the password PING is answered with what tells so. */
static void take_secret(struct proxy *p)
{
	char *value = p->secret.answer ? kube_secret_get(p->secret.answer, p->password.key) : NULL;

	if (value && strlen(value) < sizeof(p->password.text)) {
		p->password.said = SAID_KNOWN;
		text_copy(p->password.text, sizeof(p->password.text), value);
	}
	if (value)
		explicit_bzero(value, strlen(value));
	free(value);
}

/* The pods as they are, and the Secrets of those that name one. */
static void read_all(struct proxies *s)
{
	for (int i = 0; i < s->count; i++) {
		struct proxy *p = &s->all[i];

		if (p->ended)
			continue;
		p->pod.timeout_ms = PING_MS;
		snprintf(p->pod.path, sizeof(p->pod.path), "/api/v1/namespaces/%s/pods/%s", p->namespace, p->name);
		ask_begin(s->cli, &p->pod);
	}
	ask_wait(s->cli, INT64_MAX, all_asked, s);
	for (int i = 0; i < s->count; i++) {
		struct proxy *p = &s->all[i];

		if (!p->ended && p->pod.err.code)
			say(p, "%s", p->pod.err.text);
		else if (!p->ended)
			read_pod(p, p->pod.answer);
		ask_secret(p);
	}
	ask_wait(s->cli, INT64_MAX, all_asked, s);
	for (int i = 0; i < s->count; i++)
		take_secret(&s->all[i]);
}

/* --- PING --------------------------------------------------------------------------------------------------------- */

static void stop(struct proxy *p)
{
	portforward_close(p->forward);
	p->forward = NULL;
	loop_timer_stop(&p->timer);
	uv_stop(&p->cli->loop->uv);
}

static int on_answer(void *ctx, const struct resp_answer *a)
{
	struct proxy *p = ctx;

	if (--p->answers > 0) /* to AUTH: what is wrong with it PING tells */
		return 0;
	p->pong = a->type == RESP_STATUS && strcmp(a->text, "PONG") == 0;
	if (p->pong)
		say(p, "PONG in %lld ms", (long long)(clock_mono_ms() - p->began_ms));
	else if (strncmp(a->text, "NOAUTH", 6) == 0)
		say(p, "it asks for a password%s",
		    p->password.said == SAID_KNOWN ? ", and does not take that of its --session_auth"
						   : " (--session_auth) that cannot be read here");
	else
		say(p, "it answers \"%.200s\"", a->text);
	return 1;
}

static void on_data(void *ctx, const char *data, size_t len)
{
	struct proxy *p = ctx;
	struct error err;

	if (resp_read(p->resp, data, len, on_answer, p, &err) < 0)
		say(p, "%s", err.text);
	if (p->ended)
		stop(p);
}

static void on_end(void *ctx, const struct error *err)
{
	struct proxy *p = ctx;

	p->forward = NULL;
	p->denied = err->code == ERR_DENIED;
	if (p->denied)
		say(p, "%s: it takes get and create of pods/portforward", err->text);
	else
		say(p, "%s%s%s", p->ready ? "" : p->state, p->ready ? "" : ": ", err->text);
	stop(p);
}

static void on_time(void *ctx)
{
	struct proxy *p = ctx;

	say(p, "no answer within %d s", PING_MS / 1000);
	stop(p);
}

static int send_ping(struct proxy *p, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	int r;

	p->answers = 1;
	if (p->password.said == SAID_KNOWN && p->password.text[0]) {
		buf_addf(&text, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(p->password.text), p->password.text);
		p->answers = 2;
	}
	buf_addstr(&text, "*1\r\n$4\r\nPING\r\n");
	r = buf_check(&text, "PING", err) < 0 ? -1 : portforward_send(p->forward, text.data, text.len, err);
	explicit_bzero(text.data, text.len);
	return r;
}

static void begin(struct proxy *p, struct websockets *ws)
{
	struct portforward_spec spec = { p->namespace, p->name, p->port, on_data, on_end, p };
	struct error err = ERROR_INIT;

	p->began_ms = clock_mono_ms();
	p->resp = resp_new();
	p->timer = loop_timer_start(&p->cli->loop->uv, PING_MS, 0, on_time, p);
	if (!p->resp || !p->timer) {
		say(p, "no memory");
		return;
	}
	p->forward = portforward_open(ws, &p->cli->config, &spec, &err);
	if (!p->forward || send_ping(p, &err) < 0) {
		say(p, "%s", err.text);
		stop(p);
	}
}

static bool all_ended(const void *ctx)
{
	const struct proxies *s = ctx;

	for (int i = 0; i < s->count; i++) {
		if (!s->all[i].ended)
			return false;
	}
	return true;
}

static enum cli_status ping_all(struct proxies *s)
{
	const struct kube_config *cfg = &s->cli->config;
	struct http_tls tls = { cfg->ca_pem, cfg->cert_pem, cfg->key_pem, cfg->skip_verify };
	struct error err;
	struct websockets *ws = websockets_new(&s->cli->loop->uv, s->cli->server, &tls, &err);

	if (!ws)
		return cli_fail(s->cli, CLI_NO_CLUSTER, "%s", err.text);
	for (int i = 0; i < s->count; i++) {
		if (!s->all[i].ended)
			begin(&s->all[i], ws);
	}
	ask_wait(s->cli, INT64_MAX, all_ended, s);
	websockets_free(ws);
	return CLI_OK;
}

/* --- what is told ------------------------------------------------------------------------------------------------- */

static enum cli_status tell(struct cli *c, const struct proxies *s, const char *product)
{
	struct columns t;
	int silent = 0, denied = 0;

	columns_init(&t, 2);
	for (int i = 0; i < s->count; i++) {
		columns_add(&t, s->all[i].name);
		columns_add(&t, s->all[i].said);
		silent += !s->all[i].pong;
		denied += s->all[i].denied;
	}
	columns_print(&t, "  ", &c->out);
	columns_release(&t);
	if (!silent && s->count) {
		buf_addf(&c->out, "%sPONG%s\n", cli_green(c), cli_plain(c));
		return CLI_OK;
	}
	if (!s->count)
		return cli_fail(c, CLI_NOT_SO, "product %s in namespace %s has no proxy", product, cli_namespace(c));
	return cli_fail(c, denied == silent ? CLI_NO_CLUSTER : CLI_NOT_SO, "no PONG from %d of %d prox%s", silent,
			s->count, s->count == 1 ? "y" : "ies");
}

static void release(struct proxies *s)
{
	for (int i = 0; i < s->count; i++) {
		struct proxy *p = &s->all[i];

		portforward_close(p->forward);
		loop_timer_stop(&p->timer);
		resp_free(p->resp);
		ask_end(&p->pod);
		ask_end(&p->secret);
		explicit_bzero(&p->password, sizeof(p->password));
	}
	free(s->all);
}

enum cli_status ping_product(struct cli *c, const struct known *k, const char *product)
{
	struct proxies s = { .cli = c };
	struct finding f = { k, &s };
	enum cli_status status = CLI_OK;

	if (inventory_each_of_product(k->inventory, cli_namespace(c), product, add_proxy, &f) < 0)
		status = cli_fail(c, CLI_NOT_SO, "no memory");
	if (status == CLI_OK && s.count) {
		qsort(s.all, (size_t)s.count, sizeof(*s.all), by_name);
		read_all(&s);
		if (!all_ended(&s))
			status = ping_all(&s);
	}
	if (status == CLI_OK)
		status = tell(c, &s, product);
	release(&s);
	return status;
}

enum cli_status ping_now(struct cli *c, const char *product)
{
	struct known k = { .begun = false };
	enum cli_status status = known_get(&k, c, cli_namespace(c));

	if (status == CLI_OK)
		status = ping_product(c, &k, product);
	known_end(&k);
	return status;
}

enum cli_status ping_run(struct cli *c)
{
	char product[CODIS_PRODUCT_MAX];
	struct known k;
	enum cli_status status = known_of(&k, c, c->arg_count ? c->args[0] : NULL, product);

	if (status == CLI_OK)
		status = ping_product(c, &k, product);
	known_end(&k);
	return status;
}
