#include "controller/page.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "common/net/httpd.h"
#include "controller/clusters.h"
#include "controller/gauges.h"
#include "controller/status.h"

/* Of /status.json; one more where something that was there is gone, or means something else. */
#define SCHEMA 1
#define WAIT_S 2
/* What was written serves for ten times as long as that took, and a little: whoever asks without end takes a tenth of
 * the loop, and who waits for /healthz behind them does not wait for each of their pages. */
#define FRESH_MIN_MS 20
#define FRESH_TIMES  10

struct page {
	const struct controller *ctl;
	const struct clusters *clusters;
	const char *identity;
	uv_async_t ask;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t written;
	unsigned long asked, answered; /* how many times; what is there answers the questions up to answered */
	int64_t fresh_until_ms;
	char *text, *json, *gauges;
};

struct outside {
	const struct page *page;
	struct buf *out;
};

static int add_outside(void *ctx, const char *namespace, const char *product)
{
	struct outside *o = ctx;

	if (!clusters_take_part(o->page->clusters, namespace))
		buf_addf(o->out, "%s%s%s: NOT MANAGED: the namespace's labels do not match --namespace-selector\n",
			 namespace, product[0] ? "/" : "", product);
	return 0;
}

static void write_text(const struct page *p, struct buf *out)
{
	char line[sizeof(((struct cluster *)NULL)->line)];
	bool ok;

	for (const struct cluster *c = clusters_first(p->clusters); c; c = c->next) {
		status_line(&c->view, &c->ctl->limits, line, sizeof(line), &ok);
		buf_addf(out, "%s/%s\n", c->namespace, c->view.product[0] ? line : c->product);
	}
	for (const struct stray_pod *s = clusters_strays(p->clusters); s; s = s->next)
		buf_addf(out, "%s: NOT LED: %s\n", s->namespace, s->trouble);
	inventory_each_product(p->ctl->inventory, add_outside, &(struct outside){ p, out });
	if (!out->len)
		buf_addstr(out, "no Codis cluster is seen\n");
}

static bool push_stray(cJSON *list, const struct stray_pod *s)
{
	cJSON *o = cJSON_CreateObject();

	return json_push(list, o) == 0 && json_add_str(o, "namespace", s->namespace) &&
	       json_add_str(o, "pod", s->name) && json_add_str(o, "trouble", s->trouble);
}

static bool leads(const struct page *p)
{
	return controller_leads(p->ctl) && !p->ctl->dry_run;
}

static void write_json(const struct page *p, struct buf *out)
{
	JSON_CLEANUP cJSON *root = cJSON_CreateObject();
	cJSON *list, *strays;

	json_add_int(root, "schema", SCHEMA);
	list = json_add_array(root, "clusters");
	strays = json_add_array(root, "not_led");
	json_add_bool(root, "leads", leads(p));
	json_add_str(root, "identity", p->identity);
	for (const struct cluster *c = clusters_first(p->clusters); c; c = c->next) {
		json_push(list, status_json(&c->view, &c->ctl->limits));
	}
	for (const struct stray_pod *s = clusters_strays(p->clusters); s; s = s->next)
		push_stray(strays, s);
	json_write(root, out);
}

static void on_ask(uv_async_t *ask)
{
	struct page *p = ask->data;
	BUF_CLEANUP struct buf text = BUF_INIT(4u << 20), json = BUF_INIT(64u << 20), gauges = BUF_INIT(16u << 20);
	int64_t began_ms = clock_mono_ms();
	unsigned long asked;

	pthread_mutex_lock(&p->lock);
	asked = p->asked;
	pthread_mutex_unlock(&p->lock);
	write_text(p, &text);
	write_json(p, &json);
	gauges_write(p->clusters, leads(p), &gauges);
	pthread_mutex_lock(&p->lock);
	free(p->text);
	free(p->json);
	free(p->gauges);
	p->text = buf_detach(&text);
	p->json = buf_detach(&json);
	p->gauges = buf_detach(&gauges);
	p->answered = asked;
	if (p->text && p->json && p->gauges)
		p->fresh_until_ms = clock_mono_ms() + FRESH_TIMES * (clock_mono_ms() - began_ms) + FRESH_MIN_MS;
	pthread_cond_broadcast(&p->written);
	pthread_mutex_unlock(&p->lock);
}

struct page *page_new(const struct controller *ctl, const struct clusters *clusters, const char *identity,
		      struct error *err)
{
	struct page *p = calloc(1, sizeof(*p));

	if (!p || uv_async_init(ctl->uv, &p->ask, on_ask) != 0) {
		error_set(err, ERR_NOMEM, "status page: no memory");
		free(p);
		return NULL;
	}
	p->ctl = ctl;
	p->clusters = clusters;
	p->identity = identity;
	p->ask.data = p;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->written, NULL);
	return p;
}

/* Called with the lock. Whether an answer to this question has come. */
static bool wait_for(struct page *p, unsigned long question)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += WAIT_S;
	while (p->answered < question) {
		if (pthread_cond_timedwait(&p->written, &p->lock, &until) != 0)
			return false;
	}
	return true;
}

/* Called with the lock. Whether what is there is fresh, or was made so. */
static bool ask(struct page *p)
{
	if (clock_mono_ms() < p->fresh_until_ms)
		return true;
	p->asked++;
	uv_async_send(&p->ask);
	return wait_for(p, p->asked);
}

void page_serve(struct page *p, const struct http_request *req, struct http_response *res)
{
	bool json = strcmp(req->path, "/status.json") == 0;
	const char *text = NULL;

	if (!json && strcmp(req->path, "/status") != 0) {
		res->status = 404;
		buf_addstr(&res->body, "there is /status, /status.json, /healthz, /readyz and /metrics\n");
		return;
	}
	if (json)
		res->content_type = "application/json";
	pthread_mutex_lock(&p->lock);
	if (ask(p))
		text = json ? p->json : p->text;
	if (text)
		buf_addstr(&res->body, text);
	else
		res->status = 503;
	pthread_mutex_unlock(&p->lock);
}

int page_metrics(struct page *p, struct buf *out)
{
	bool told;

	pthread_mutex_lock(&p->lock);
	told = ask(p) && p->gauges;
	if (told)
		buf_addstr(out, p->gauges);
	pthread_mutex_unlock(&p->lock);
	return told ? 0 : -1;
}

static void on_closed(uv_handle_t *h)
{
	struct page *p = h->data;

	pthread_cond_destroy(&p->written);
	pthread_mutex_destroy(&p->lock);
	free(p->text);
	free(p->json);
	free(p->gauges);
	free(p);
}

void page_free(struct page *p)
{
	if (p)
		uv_close((uv_handle_t *)&p->ask, on_closed);
}
