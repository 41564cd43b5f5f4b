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
#include "controller/programs.h"
#include "controller/status.h"
#include "controller/web.h"

/* Of /status.json; one more where something that was there is gone, or means something else. */
#define SCHEMA    1
#define WAIT_S    2
#define WEB_ITEMS (8u << 20) /* values in our own JSON */
/* What was written serves for ten times as long as that took, and a little: whoever asks without end takes a tenth of
 * the loop, and who waits for /healthz behind them does not wait for each of their pages. */
#define FRESH_MIN_MS 20
#define FRESH_TIMES  10

enum { WEB_PAGE, WEB_EVENT, WEBS, SERVED_JSON = WEBS, SERVED_TEXT };

struct page {
	const struct controller *ctl;
	const struct clusters *clusters;
	const struct programs *programs;
	const char *identity;
	uv_async_t ask;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t written;
	unsigned long asked, answered; /* how many times; what is there answers the questions up to answered */
	int64_t fresh_until_ms;
	char *text, *json, *gauges;
	struct web {
		char *text;
		unsigned long of; /* the answer that it was made of */
	} webs[WEBS];
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
	if (p->programs)
		programs_json(p->programs, json_add_array(root, "programs"));
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

struct page *page_new(const struct controller *ctl, const struct clusters *clusters, const struct programs *programs,
		      const char *identity, struct error *err)
{
	struct page *p = calloc(1, sizeof(*p));

	if (!p || uv_async_init(ctl->uv, &p->ask, on_ask) != 0) {
		error_set(err, ERR_NOMEM, "status page: no memory");
		free(p);
		return NULL;
	}
	p->ctl = ctl;
	p->clusters = clusters;
	p->programs = programs;
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

/* Called with the lock, and what is there: the page, or the event, of it. It is made in the thread that serves, and by
 * the first who asks; what that took counts for how long all of it serves. NULL: no memory. */
static const char *web_of(struct page *p, int which)
{
	BUF_CLEANUP struct buf out = BUF_INIT(64u << 20);
	struct web *w = &p->webs[which];
	int64_t began_ms = clock_mono_ms();
	JSON_CLEANUP cJSON *status = NULL;

	if (w->text && w->of == p->answered)
		return w->text;
	status = p->json ? json_parse(p->json, strlen(p->json), WEB_ITEMS, NULL) : NULL;
	if (!status)
		return NULL;
	if (which == WEB_PAGE)
		web_page(status, clock_wall_ms(), &out);
	else
		web_event(status, &out);
	free(w->text);
	w->text = out.failed ? NULL : buf_detach(&out);
	w->of = p->answered;
	p->fresh_until_ms += FRESH_TIMES * (clock_mono_ms() - began_ms);
	return w->text;
}

static const struct {
	const char *path, *content_type;
} served[] = {
	[WEB_PAGE] = { "/", "text/html; charset=utf-8" },
	[WEB_EVENT] = { "/events", "text/event-stream" },
	[SERVED_JSON] = { "/status.json", "application/json" },
	[SERVED_TEXT] = { "/status", "text/plain; charset=utf-8" },
};

static int find_served(const char *path)
{
	for (int i = 0; i < (int)(sizeof(served) / sizeof(served[0])); i++) {
		if (strcmp(path, served[i].path) == 0)
			return i;
	}
	return -1;
}

void page_serve(struct page *p, const struct http_request *req, struct http_response *res)
{
	int which = find_served(req->path);
	const char *text = NULL;

	if (which < 0) {
		res->status = 404;
		buf_addstr(&res->body, "there is /, /status, /status.json, /events, /healthz, /readyz and /metrics\n");
		return;
	}
	pthread_mutex_lock(&p->lock);
	if (ask(p))
		text = which == SERVED_TEXT ? p->text : which == SERVED_JSON ? p->json : web_of(p, which);
	if (text) {
		res->content_type = served[which].content_type;
		buf_addstr(&res->body, text);
	} else {
		res->status = 503;
	}
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
	for (int i = 0; i < WEBS; i++)
		free(p->webs[i].text);
	free(p);
}

void page_free(struct page *p)
{
	if (p)
		uv_close((uv_handle_t *)&p->ask, on_closed);
}
