/* rest.c - proxies and dashboards as a controller sees them. Who is asked stands in the request's Host. */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/net/httpd.h"
#include "tests/bench/controller/world.h"

#define TEXT_MAX (16u << 20)

static void add_slot(const struct codis_slot *s, struct buf *out)
{
	buf_addf(out, "%s{\"id\":%d", s->id ? "," : "", s->id);
	if (s->locked)
		buf_addstr(out, ",\"locked\":true");
	if (s->addr[0])
		buf_addf(out, ",\"backend_addr\":\"%s\",\"backend_addr_group_id\":%d", s->addr, s->group);
	buf_addstr(out, ",\"forward_method\":1}");
}

/* --- proxies -------------------------------------------------------------------------------------------------------
 */

/* What a proxy says of itself changes at every question, as a real one's use of memory and CPU does. */
static void add_stats(struct buf *out)
{
	static atomic_int asked;
	int n = atomic_fetch_add(&asked, 1);

	buf_addf(out,
		 "\"stats\":{\"online\":true,\"closed\":false,\"sentinels\":{},\"ops\":{\"total\":%d,\"fails\":0,"
		 "\"redis\":{\"errors\":0},\"qps\":12},\"sessions\":{\"total\":4,\"alive\":2},\"rusage\":{\"now\":"
		 "\"2017-11-23 15:48:45.%09d +0000 UTC m=+0.1\",\"cpu\":0.01,\"mem\":12345678,\"raw\":{\"utime\":%d,"
		 "\"stime\":1,\"cutime\":0,\"cstime\":0,\"num_threads\":7,\"vm_size\":1,\"vm_rss\":1}},"
		 "\"backend\":{\"primary_only\":false}}",
		 n, n, n);
}

static void add_overview(struct world_proxy *p, struct buf *out)
{
	buf_addf(out,
		 "{\"version\":\"3.2.2\",\"compile\":\"bench\",\"config\":{\"proto_type\":\"tcp4\"},\"model\":{"
		 "\"token\":\"%s\",\"admin_addr\":\"%s:11080\",\"proxy_addr\":\"%s:19000\",\"proto_type\":\"tcp4\"},",
		 p->token, p->ip, p->ip);
	add_stats(out);
	buf_addstr(out, ",\"slots\":[");
	if (!p->slots_text.len) {
		for (int i = 0; i < CODIS_SLOTS; i++)
			add_slot(&p->slots[i], &p->slots_text);
	}
	buf_add(out, p->slots_text.data, p->slots_text.len);
	buf_addstr(out, "]}");
}

static void fill(struct world_proxy *p, const struct http_request *req, struct http_response *res)
{
	JSON_CLEANUP cJSON *array = json_parse(req->body, req->body_len, JSON_ITEMS, NULL);
	const cJSON *item;
	struct codis_slot s;

	cJSON_ArrayForEach(item, array) {
		if (codis_slot_parse(item, &s, NULL) == 0)
			p->slots[s.id] = s;
	}
	buf_reset(&p->slots_text);
	buf_addstr(&res->body, "\"OK\"");
}

static const char *host_of(const struct http_request *req, char out[48])
{
	const char *host = MHD_lookup_connection_value(req->conn, MHD_HEADER_KIND, "Host");

	snprintf(out, 48, "%.*s", host ? (int)strcspn(host, ":") : 0, host);
	return out;
}

static void serve_proxy(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct world *w = ctx;
	struct world_proxy *p = NULL;
	char ip[48];

	host_of(req, ip);
	for (int i = 0; i < w->products * WORLD_PROXIES && !p; i++) {
		if (strcmp(w->proxies[i].ip, ip) == 0)
			p = &w->proxies[i];
	}
	res->content_type = "application/json";
	pthread_mutex_lock(&w->lock);
	if (!p) {
		res->status = 404;
	} else if (strcmp(req->path, "/proxy") == 0) {
		add_overview(p, &res->body);
	} else if (strncmp(req->path, "/api/proxy/fillslots/", 21) == 0) {
		fill(p, req, res);
	} else {
		res->status = 404;
	}
	pthread_mutex_unlock(&w->lock);
}

/* --- dashboards: nothing of what they say changes -------------------------------------------------------------------
 */

/* INFO as Codis keeps it: an object of strings. */
static void add_server_stats(const struct world_server *s, bool first, struct buf *out)
{
	BUF_CLEANUP struct buf info = BUF_INIT(1u << 16);
	bool comma = false;
	char *save = NULL;

	world_info(s, &info);
	buf_addf(out, "%s\"%s\":{\"stats\":{", first ? "" : ",", s->addr);
	for (char *line = strtok_r(info.data, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		buf_addf(out, "%s\"%.*s\":\"%s\"", comma ? "," : "", (int)(colon - line), line, colon + 1);
		comma = true;
	}
	buf_addstr(out, "},\"unixtime\":1511425725}");
}

static void make_slots(const struct world *w, struct buf *out)
{
	buf_addstr(out, "[");
	for (int i = 0; i < CODIS_SLOTS; i++)
		buf_addf(out, "%s{\"id\":%d,\"group_id\":%d,\"action\":{}}", i ? "," : "", i,
			 world_group_of_slot(w, i));
	buf_addstr(out, "]");
}

static void make_topom(const struct world *w, int product, struct buf *out)
{
	int first = product * w->groups * WORLD_REPLICA;
	char name[32];

	world_product(product, name);
	buf_addf(out,
		 "{\"version\":\"3.2.2\",\"compile\":\"bench\",\"config\":{\"coordinator_name\":\"zookeeper\"},"
		 "\"model\":{\"product_name\":\"%s\"},\"stats\":{\"closed\":false,\"slots\":",
		 name);
	make_slots(w, out);
	buf_addstr(out, ",\"group\":{\"models\":[");
	for (int g = 0; g < w->groups; g++)
		buf_addf(out,
			 "%s{\"id\":%d,\"servers\":[{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},"
			 "\"replica_group\":false},{\"server\":\"%s\",\"datacenter\":\"\",\"action\":{},"
			 "\"replica_group\":false}],\"promoting\":{},\"out_of_sync\":false}",
			 g ? "," : "", g + 1, w->servers[first + 2 * g].addr, w->servers[first + 2 * g + 1].addr);
	buf_addstr(out, "],\"stats\":{");
	for (int i = 0; i < w->groups * WORLD_REPLICA; i++)
		add_server_stats(&w->servers[first + i], i == 0, out);
	buf_addf(out, "}},\"proxy\":{\"models\":[],\"stats\":{\"%s\":{", w->proxies[product * WORLD_PROXIES].token);
	add_stats(out);
	buf_addstr(out, ",\"unixtime\":1}}},\"slot_action\":{\"interval\":0,\"disabled\":false,\"progress\":{"
			"\"status\":\"\"},\"executor\":0}}}");
}

static void serve_dashboard(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct world *w = ctx;
	char ip[48], own[48];
	int product = -1;

	host_of(req, ip);
	for (int i = 0; i < w->products && product < 0; i++) {
		world_dashboard_ip(i, own);
		if (strcmp(own, ip) == 0)
			product = i;
	}
	res->content_type = "application/json";
	if (product < 0)
		res->status = 404;
	else if (strcmp(req->path, "/topom") == 0)
		buf_add(&res->body, w->topoms[product].data, w->topoms[product].len);
	else if (strncmp(req->path, "/api/topom/slots/", 17) == 0)
		buf_add(&res->body, w->slots[product].data, w->slots[product].len);
	else if (strncmp(req->path, "/api/topom/reload/", 18) == 0 ||
		 strncmp(req->path, "/api/topom/proxy/online/", 24) == 0)
		buf_addstr(&res->body, "\"OK\"");
	else
		res->status = 404;
}

/* --- start ---------------------------------------------------------------------------------------------------------
 */

static void start_proxy(struct world *w, int i)
{
	struct world_proxy *p = &w->proxies[i];
	int first = i / WORLD_PROXIES * w->groups * WORLD_REPLICA;

	world_proxy_ip(i, p->ip);
	snprintf(p->token, sizeof(p->token), "%032d", i + 1);
	buf_init(&p->slots_text, TEXT_MAX);
	for (int s = 0; s < CODIS_SLOTS; s++) {
		int gid = world_group_of_slot(w, s);

		p->slots[s].id = (int16_t)s;
		p->slots[s].group = (int16_t)gid;
		memcpy(p->slots[s].addr, w->servers[first + (gid - 1) * WORLD_REPLICA].addr, CODIS_ADDR_MAX);
	}
}

static void start_http(struct world *w, const char *address, http_handler handler)
{
	struct httpd_config cfg = { .address = address,
				    .threads = 1,
				    .max_body = TEXT_MAX,
				    .max_connections = 4000,
				    .max_per_peer = 4000,
				    .handler = handler,
				    .ctx = w };
	struct error err = ERROR_INIT;

	if (!httpd_start(&cfg, &err)) {
		fprintf(stderr, "%s: %s\n", address, err.text);
		exit(1);
	}
}

void world_start_rest(struct world *w)
{
	pthread_mutex_init(&w->lock, NULL);
	w->proxies = calloc((size_t)w->products * WORLD_PROXIES, sizeof(*w->proxies));
	for (int i = 0; i < w->products * WORLD_PROXIES; i++)
		start_proxy(w, i);
	w->topoms = calloc((size_t)w->products, sizeof(*w->topoms));
	w->slots = calloc((size_t)w->products, sizeof(*w->slots));
	for (int i = 0; i < w->products; i++) {
		buf_init(&w->topoms[i], TEXT_MAX);
		buf_init(&w->slots[i], TEXT_MAX);
		make_topom(w, i, &w->topoms[i]);
		make_slots(w, &w->slots[i]);
	}
	start_http(w, "0.0.0.0:11080", serve_proxy);
	start_http(w, "0.0.0.0:18080", serve_dashboard);
}
