/* Which clusters there are, and which pods belong to none. */
#include <pthread.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/net/httpd.h"
#include "controller/clusters.h"
#include "controller/lost.h"
#include "controller/page.h"
#include "controller/roster.h"
#include "controller/shared.h"
#include "controller/status.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

static struct {
	struct clusters *cs;
	int64_t now_ms;
	const char *outside; /* a namespace that takes no part */
} w;

static bool takes_part(void *ctx, const char *namespace)
{
	(void)ctx;
	return !w.outside || strcmp(namespace, w.outside) != 0;
}

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	controller_world_begin("ns");
	world.ctl.takes_part = takes_part;
	w.cs = clusters_new(&world.ctl, world.inv);
	w.now_ms = 1000000;
	assert_non_null(w.cs);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	clusters_free(w.cs);
	controller_world_end();
	return 0;
}
#define CLUSTERS_TEST(name) TEST_WITH(name, begin, finish)

/* None of these pods has an address, so nobody is asked anything. */
static void set_pod(const char *namespace, const char *product, const char *app, const char *name)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.namespace = namespace, .product = product, .app = app, .name = name, .uid = name });
}

static void tick(int64_t ms)
{
	w.now_ms += ms;
	clusters_tick(w.cs, w.now_ms);
}

static struct cluster *named(const char *namespace, const char *product)
{
	struct cluster *c = clusters_first(w.cs);

	while (c && (strcmp(c->namespace, namespace) != 0 || strcmp(c->product, product) != 0))
		c = c->next;
	assert_non_null(c);
	return c;
}

static int count(void)
{
	int n = 0;

	for (struct cluster *c = clusters_first(w.cs); c; c = c->next)
		n++;
	return n;
}

/* Two namespaces with one product name and one ZooKeeper. */
CLUSTERS_TEST(clusters_with_one_tree_are_left_alone)
{
	struct cluster *a, *b;

	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("other", "shop", "codis-server", "codis-server-1");
	set_pod("ns", "orders", "codis-server", "codis-server-2");
	tick(100);
	a = named("ns", "shop");
	b = named("other", "shop");
	snprintf(a->zk_resolved, sizeof(a->zk_resolved), "10.9.0.1:2181,10.9.0.2:2181");
	snprintf(b->zk_resolved, sizeof(b->zk_resolved), "10.9.0.12:2181,10.9.0.2:2182");
	snprintf(named("ns", "orders")->zk_resolved, sizeof(a->zk_resolved), "10.9.0.1:2181");
	tick(100);
	assert_string_equal(a->shared, "");
	snprintf(b->zk_resolved, sizeof(b->zk_resolved), "10.9.0.12:2181,10.9.0.2:2181");
	tick(100);
	assert_string_equal(a->shared, "/codis3/shop in ZooKeeper is also other/shop's: nothing is done to either; "
				       "give one of them another product name, or a ZooKeeper of its own");
	assert_string_equal(b->shared, "/codis3/shop in ZooKeeper is also ns/shop's: nothing is done to either; give "
				       "one of them another product name, or a ZooKeeper of its own");
	assert_string_equal(named("ns", "orders")->shared, "");
	cluster_turn(a);
	assert_int_equal(a->view.mandate, MANDATE_NONE);
	assert_non_null(strstr(a->line, a->shared));
	inventory_remove_pod(world.inv, "uid-codis-server-1"); /* proxies alone are where the servers are not */
	set_pod("other", "shop", "codis-proxy", "codis-proxy-0");
	tick(100);
	tick(100);
	assert_string_equal(a->shared, "");
	assert_string_equal(b->shared, "/codis3/shop in ZooKeeper is also ns/shop's: nothing is done here; give one "
				       "of them another product name, or a ZooKeeper of its own");
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	tick(100);
	tick(100);
	assert_string_equal(b->shared, "");
}

static const struct cluster_view *turned(struct cluster *c)
{
	cluster_turn(c);
	return &c->view;
}

static void read_group(struct cluster *c, int64_t czxid, const char *server)
{
	struct observed_group *g = cluster_group(c, 1, true);

	g->exists = true;
	g->czxid = czxid;
	g->read_ms = c->listed_ms = 5;
	g->node.count = 0;
	assert_int_equal(codis_group_append(&g->node, server), 0);
}

/* One names its ZooKeeper by its pods, the other one by a Service. */
CLUSTERS_TEST(clusters_that_read_one_tree_are_left_alone_whatever_they_call_it)
{
	struct cluster *a, *b;

	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("other", "shop", "codis-server", "codis-server-1");
	tick(100);
	a = named("ns", "shop");
	b = named("other", "shop");
	snprintf(a->zk_resolved, sizeof(a->zk_resolved), "10.9.0.1:2181");
	snprintf(b->zk_resolved, sizeof(b->zk_resolved), "10.96.0.1:2181");
	tick(100);
	assert_false(shared_may_be(b));
	read_group(a, 77, "10.0.0.1:6379");
	tick(100);
	read_group(b, 78, "10.0.0.1:6379"); /* an old address, in a tree of its own */
	assert_true(shared_may_be(b));      /* what was read is not looked at yet */
	assert_int_equal(turned(b)->mandate, MANDATE_NONE);
	tick(100);
	assert_string_equal(b->shared, "");
	assert_int_equal(turned(b)->mandate, world.ctl.mandate);
	read_group(b, 77, "10.0.0.9:6379"); /* by chance */
	tick(100);
	assert_string_equal(b->shared, "");
	read_group(b, 77, "10.0.0.1:6379");
	b->groups[0]->czxid = 79;
	tick(100);
	b->groups[0]->czxid = 77;
	tick(100);
	assert_string_equal(a->shared, "/codis3/shop in ZooKeeper is also other/shop's: nothing is done to either; "
				       "give one of them another product name, or a ZooKeeper of its own");
	assert_string_equal(b->shared, "/codis3/shop in ZooKeeper is also ns/shop's: nothing is done to either; give "
				       "one of them another product name, or a ZooKeeper of its own");
}

/* At the start of a controller one of them has read its tree before the other. */
CLUSTERS_TEST(tree_that_names_servers_of_one_that_has_not_read_its_own_is_left_alone)
{
	struct cluster *a, *b;

	fixture_set_pod(world.inv, &(struct fixture_pod){ .namespace = "ns",
							  .product = "shop",
							  .app = "codis-server",
							  .name = "codis-server-0",
							  .ip = "10.0.0.1" });
	set_pod("other", "shop", "codis-server", "codis-server-1");
	tick(100);
	a = named("ns", "shop");
	b = named("other", "shop");
	read_group(b, 77, "10.0.0.1:6379");
	tick(100);
	assert_string_not_equal(b->shared, "");
	read_group(a, 78, "10.0.0.1:6379");
	tick(100);
	assert_string_equal(b->shared, "");
}

static void set_server_at(const char *namespace, const char *name, const char *ip)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){ .namespace = namespace,
							  .product = "shop",
							  .app = "codis-server",
							  .name = name,
							  .uid = name,
							  .ip = ip });
}

/* "other" lists an address that a pod of "ns" has got, whose ZooKeeper does not come up. */
static struct cluster *lists_a_pod_of_one_without_zookeeper(void)
{
	struct cluster *b;

	set_server_at("ns", "codis-server-0", "10.0.0.1");
	set_pod("ns", "shop", "codis-proxy", "codis-proxy-0");
	set_pod("other", "shop", "codis-server", "codis-server-1");
	tick(100);
	b = named("other", "shop");
	read_group(b, 77, "10.0.0.1:6379");
	tick(100);
	assert_string_not_equal(b->shared, "");
	return b;
}

CLUSTERS_TEST(tree_is_its_own_again_when_the_server_is_gone_that_it_names)
{
	struct cluster *b = lists_a_pod_of_one_without_zookeeper();

	set_server_at("ns", "codis-server-0", "10.0.0.2");
	roster_take_stock(named("ns", "shop"));
	tick(100);
	assert_string_equal(b->shared, "");
}

CLUSTERS_TEST(tree_is_its_own_when_the_server_that_it_names_serves_elsewhere_or_nobody)
{
	struct cluster *b = lists_a_pod_of_one_without_zookeeper();
	struct observed_server *s = cluster_server(named("ns", "shop"), "10.0.0.1:6379");

	s->reach = REACH_OK;
	s->info_valid = true;
	s->info.role = REDIS_ROLE_MASTER;
	tick(100);
	assert_string_not_equal(b->shared, "");
	s->info.role = REDIS_ROLE_REPLICA;
	snprintf(s->info.master, sizeof(s->info.master), "10.0.0.1:6379"); /* as one of the tree does */
	tick(100);
	assert_string_not_equal(b->shared, "");
	snprintf(s->info.master, sizeof(s->info.master), CODIS_GUARD_ADDR);
	s->info.keys = 7; /* of a file: it may have led in that tree */
	tick(100);
	assert_string_not_equal(b->shared, "");
	s->info.keys = 0;
	tick(100);
	assert_string_equal(b->shared, "");
	s->info.keys = 7;
	snprintf(s->info.master, sizeof(s->info.master), "10.0.0.9:6379");
	tick(100);
	assert_string_equal(b->shared, "");
	s->info_valid = false;
	tick(100);
	assert_string_not_equal(b->shared, "");
}

CLUSTERS_TEST(nothing_is_judged_from_half_a_list)
{
	world.ctl.kube_synced = false;
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	tick(100);
	assert_int_equal(count(), 0);
	world.ctl.kube_synced = true;
	tick(100);
	assert_int_equal(count(), 1);
}

/* A tenant's pod with our label, in a namespace that takes no part, is not talked to, nor is anybody told of it. */
CLUSTERS_TEST(namespace_that_takes_no_part_has_no_cluster)
{
	w.outside = "tenant";
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("tenant", "shop", "codis-server", "codis-server-1");
	set_pod("tenant", "orders", "codis-dashboard", "orders-dashboard-0");
	set_pod("tenant", "", "codis-server", "codis-server-2");
	tick(100);
	assert_int_equal(count(), 1);
	assert_string_equal(clusters_first(w.cs)->namespace, "ns");
	assert_null(clusters_strays(w.cs));
	assert_int_equal(world.event_count, 0);
	w.outside = NULL;
	clusters_namespaces_changed(w.cs);
	tick(100);
	assert_int_equal(count(), 3);
}

/* What is under way comes to its end, nothing new begins, and then it is let go; its pods need not be gone. */
CLUSTERS_TEST(cluster_whose_namespace_leaves_ends)
{
	struct cluster *c;

	set_pod("ns", "shop", "codis-server", "codis-server-0");
	tick(100);
	c = clusters_first(w.cs);
	assert_int_equal(c->view.mandate, MANDATE_LEAD);
	c->running = 1;
	w.outside = "ns";
	clusters_namespaces_changed(w.cs);
	tick(100);
	assert_int_equal(count(), 1);
	cluster_turn(c);
	assert_int_equal(c->view.mandate, MANDATE_NONE);
	c->running = 0;
	tick(100);
	assert_int_equal(count(), 0);
}

/* Of servers that run, on nodes that are there. */
CLUSTERS_TEST(what_is_seen_of_all_clusters)
{
	struct sight_seen seen;
	struct server_view servers[] = {
		{ .addr = "10.0.0.1:6379", .pod = { .running = true }, .reach = REACH_OK },
		{ .addr = "10.0.0.2:6379", .pod = { .running = true }, .reach = REACH_REFUSED },
		{ .addr = "10.0.0.3:6379", .pod = { .running = true }, .reach = REACH_SILENT },
		{ .addr = "10.0.0.4:6379", .pod = { .running = true }, .complaint = "BUSY" },
		{ .addr = "10.0.0.5:6379", .pod = { .running = true } },
		{ .addr = "10.0.0.6:6379" },
		{ .addr = "10.0.0.7:6379", .pod = { .running = true, .node_lost = true }, .reach = REACH_SILENT },
		{ .addr = "10.0.0.8:6379", .pod = { .running = true, .deleting = true }, .reach = REACH_SILENT },
		{ .pod = { .running = true } },
	};
	struct cluster *c;

	set_pod("ns", "shop", "codis-proxy", "codis-proxy-0");
	set_pod("ns", "orders", "codis-proxy", "codis-proxy-1");
	tick(100);
	clusters_seen(w.cs, &seen);
	assert_int_equal(seen.servers + seen.clusters, 0);
	c = clusters_first(w.cs);
	c->view.servers = servers;
	c->view.server_count = sizeof(servers) / sizeof(servers[0]);
	clusters_seen(w.cs, &seen);
	assert_int_equal(seen.servers, 5);
	assert_int_equal(seen.heard, 3);
	assert_int_equal(seen.clusters, 1);
	assert_int_equal(seen.connected, 0);
	c->view.coordinator_ready = true;
	clusters_seen(w.cs, &seen);
	assert_int_equal(seen.connected, 1);
	c->view.server_count = 0;
}

/* One that this controller has never heard counts apart, as long as it has heard another. */
CLUSTERS_TEST(what_is_seen_of_a_cluster_that_is_hidden)
{
	struct sight_seen seen;
	struct server_view shop[2] = { { .addr = "10.0.0.1:6379", .pod = { .running = true } },
				       { .addr = "10.0.0.2:6379", .pod = { .running = true } } };
	struct server_view orders[3];
	struct cluster *c;

	for (int i = 0; i < 3; i++)
		orders[i] = (struct server_view){ .addr = "10.0.1.1:6379",
						  .pod = { .running = true },
						  .reach = REACH_SILENT };
	set_pod("ns", "shop", "codis-proxy", "codis-proxy-0");
	set_pod("ns", "orders", "codis-proxy", "codis-proxy-1");
	tick(100);
	c = clusters_first(w.cs);
	c->view.servers = shop;
	c->view.server_count = 2;
	c->next->view.servers = orders;
	c->next->view.server_count = 3;
	clusters_seen(w.cs, &seen);
	assert_int_equal(seen.servers, 5); /* nothing is heard: it may be us */
	assert_int_equal(seen.unheard + seen.heard, 0);
	shop[0].reach = REACH_OK;
	clusters_seen(w.cs, &seen);
	assert_int_equal(seen.servers, 2); /* all of the one that is heard */
	assert_int_equal(seen.heard, 1);
	assert_int_equal(seen.unheard, 3);
	assert_int_equal(seen.clusters, 2);
	orders[1].reach = REACH_OK;
	clusters_seen(w.cs, &seen);
	shop[0].reach = orders[1].reach = REACH_SILENT;
	clusters_seen(w.cs, &seen);
	assert_int_equal(seen.servers, 5); /* they were heard */
	assert_int_equal(seen.unheard + seen.heard, 0);
	c->view.server_count = c->next->view.server_count = 0;
}

CLUSTERS_TEST(each_product_of_a_namespace_is_one)
{
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("ns", "shop", "codis-server", "codis-server-1");
	set_pod("ns", "shop", "codis-proxy", "codis-proxy-0");
	tick(100);
	assert_int_equal(count(), 1);
	assert_string_equal(clusters_first(w.cs)->product, "shop");
	set_pod("ns", "orders", "codis-dashboard", "codis-dashboard-0");
	set_pod("ns2", "shop", "codis-proxy", "codis-proxy-1");
	set_pod("ns3", "shop", "codis-fe", "codis-fe-0"); /* it shows clusters, it is none */
	tick(100);
	assert_int_equal(count(), 3);
}

CLUSTERS_TEST(cluster_without_pods_is_forgotten_after_a_minute)
{
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	tick(100);
	tick(200000);
	assert_int_equal(count(), 1); /* it has its pod, whatever it does */
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	tick(100);
	tick(59899);
	assert_int_equal(count(), 1);
	clusters_first(w.cs)->running = 1; /* something is under way */
	tick(1);
	assert_int_equal(count(), 1);
	clusters_first(w.cs)->running = 0;
	tick(1);
	assert_int_equal(count(), 0);
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	tick(100);
	assert_int_equal(count(), 1);
}

/* The page may read the view at any time between two turns. */
CLUSTERS_TEST(view_outlives_nothing_that_it_points_to)
{
	char line[1024];
	bool ok;
	struct cluster *c;

	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-proxy", .name = "codis-proxy-0", .ip = "127.0.0.1" });
	set_pod("ns", "codis-test", "codis-server", "codis-server-0");
	tick(100);
	c = clusters_first(w.cs);
	assert_int_equal(c->proxy_count, 1);
	while (c->proxies[0]->asking) /* it is refused */
		uv_run(&world.uv, UV_RUN_ONCE);
	c->proxies[0]->reach = REACH_OK;
	c->proxies[0]->online = c->proxies[0]->has_slots = true;
	cluster_turn(c);
	assert_ptr_equal(c->view.proxies[0].slots, c->proxies[0]->slots);
	c->open = false; /* as when all is well */
	inventory_remove_pod(world.inv, "uid-codis-proxy-0");
	tick(100);
	assert_int_equal(c->proxy_count, 0);
	assert_int_equal(c->view.proxy_count, 0);
	status_line(&c->view, &world.ctl.limits, line, sizeof(line), &ok);
}

CLUSTERS_TEST(only_the_cluster_that_a_change_touches_takes_stock)
{
	struct cluster *c;

	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("ns", "orders", "codis-server", "orders-0");
	tick(100);
	for (c = clusters_first(w.cs); c; c = c->next)
		assert_false(c->stock_due);
	set_pod("ns", "shop", "codis-server", "codis-server-1");
	for (c = clusters_first(w.cs); c; c = c->next)
		assert_int_equal(c->stock_due, strcmp(c->product, "shop") == 0);
}

CLUSTERS_TEST(pod_whose_product_cannot_be_told_is_told_once)
{
	set_pod("ns", "shop", "codis-dashboard", "codis-dashboard-0");
	set_pod("ns", "orders", "codis-dashboard", "orders-dashboard-0");
	set_pod("ns", "", "codis-server", "codis-server-0");
	tick(100);
	assert_non_null(clusters_strays(w.cs));
	assert_string_equal(clusters_strays(w.cs)->name, "codis-server-0");
	assert_non_null(strstr(clusters_strays(w.cs)->trouble, "PRODUCT_NAME"));
	assert_int_equal(world.event_count, 1);
	assert_non_null(strstr(world.events, " NotLed: "));
	set_pod("ns", "shop", "codis-proxy", "codis-proxy-0"); /* another change */
	tick(100);
	assert_int_equal(world.event_count, 1);
	set_pod("ns", "shop", "codis-server", "codis-server-0"); /* it says its product now */
	tick(100);
	assert_null(clusters_strays(w.cs));
}

CLUSTERS_TEST(who_does_not_lead_tells_no_pod)
{
	world.ctl.mandate = MANDATE_NONE;
	set_pod("ns", "shop", "codis-dashboard", "codis-dashboard-0");
	set_pod("ns", "orders", "codis-dashboard", "orders-dashboard-0");
	set_pod("ns", "", "codis-server", "codis-server-0");
	tick(100);
	assert_int_equal(world.event_count, 0);
	world.ctl.mandate = MANDATE_LEAD;
	clusters_look(w.cs); /* the lease changed hands */
	tick(100);
	assert_int_equal(world.event_count, 1);
}

/* What there was no memory for at a change is found at the next tick. */
TEST(clusters_and_strays_are_found_once_there_is_memory)
{
	NOMEM_EACH
	{
		begin(NULL);
		set_pod("ns", "shop", "codis-dashboard", "codis-dashboard-0");
		set_pod("ns", "orders", "codis-dashboard", "orders-dashboard-0");
		set_pod("ns", "", "codis-server", "codis-server-0");
		nomem_on();
		tick(100);
		nomem_off();
		tick(100);
		assert_int_equal(count(), 2);
		assert_non_null(clusters_strays(w.cs));
		assert_null(clusters_strays(w.cs)->next);
		finish(NULL);
	}
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

struct reader {
	pthread_t thread;
	struct page *page;
	const char *path; /* NULL: /status.json */
	struct http_response res;
};

static void *read_page(void *arg)
{
	struct reader *r = arg;

	page_serve(r->page, &(struct http_request){ .path = r->path ? r->path : "/status.json" }, &r->res);
	return NULL;
}

/* One cluster that is left out would be taken for one that is no more. */
TEST(a_page_tells_of_all_clusters_or_of_none)
{
	BUF_CLEANUP struct buf right = BUF_INIT(65536);
	struct reader r = { .path = NULL };

	begin(NULL);
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("ns", "orders", "codis-server", "orders-0");
	tick(100);
	NOMEM_EACH
	{
		r.page = page_new(&world.ctl, w.cs, NULL, "me", NULL);
		assert_non_null(r.page);
		r.res = (struct http_response){ .status = 200, .body = BUF_INIT(65536) };
		assert_int_equal(pthread_create(&r.thread, NULL, read_page, &r), 0);
		nomem_on();
		uv_run(&world.uv, UV_RUN_ONCE);
		nomem_off();
		pthread_join(r.thread, NULL);
		if (nomem_is_first())
			buf_add(&right, r.res.body.data, r.res.body.len);
		else if (r.res.status == 200)
			assert_string_equal(r.res.body.data, right.data);
		else
			assert_true(nomem_failed() && r.res.status == 503);
		buf_release(&r.res.body);
		page_free(r.page);
		uv_run(&world.uv, UV_RUN_NOWAIT);
	}
	assert_non_null(strstr(right.data, "\"orders\""));
	finish(NULL);
}

/* Who asks without end takes a small part of the loop: what was just written serves again, and the loop need not turn.
 */
TEST(a_page_is_not_written_for_each_who_asks)
{
	bool served = false;
	struct reader r = { .path = NULL };

	begin(NULL);
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	tick(100);
	r.page = page_new(&world.ctl, w.cs, NULL, "me", NULL);
	assert_non_null(r.page);
	for (int i = 0; i < 5 && !served; i++) { /* this thread may have to wait for its turn */
		r.res = (struct http_response){ .status = 200, .body = BUF_INIT(65536) };
		assert_int_equal(pthread_create(&r.thread, NULL, read_page, &r), 0);
		uv_run(&world.uv, UV_RUN_ONCE);
		pthread_join(r.thread, NULL);
		buf_reset(&r.res.body);
		r.res.status = 200;
		read_page(&r);
		served = r.res.status == 200 && strstr(r.res.body.data, "\"shop\"");
		buf_release(&r.res.body);
	}
	assert_true(served);
	page_free(r.page);
	uv_run(&world.uv, UV_RUN_NOWAIT);
	finish(NULL);
}

static void assert_web_page(const char *path, const char *kind)
{
	BUF_CLEANUP struct buf right = BUF_INIT(1 << 20);
	struct reader r = { .path = path };

	r.page = page_new(&world.ctl, w.cs, NULL, "me", NULL);
	assert_non_null(r.page);
	r.res = (struct http_response){ .status = 200, .body = BUF_INIT(1 << 20) };
	assert_int_equal(pthread_create(&r.thread, NULL, read_page, &r), 0);
	uv_run(&world.uv, UV_RUN_ONCE);
	pthread_join(r.thread, NULL);
	assert_string_equal(r.res.content_type, kind);
	buf_add(&right, r.res.body.data, r.res.body.len);
	buf_release(&r.res.body);
	page_free(r.page);
	uv_run(&world.uv, UV_RUN_NOWAIT);
	assert_non_null(strstr(right.data, "ns/orders"));
	assert_non_null(strstr(right.data, "ns/shop"));
	assert_non_null(strstr(right.data, "me leads."));
}

CLUSTERS_TEST(the_page_has_all_clusters)
{
	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("ns", "orders", "codis-server", "orders-0");
	tick(100);
	assert_web_page("/", "text/html; charset=utf-8");
	assert_web_page("/events", "text/event-stream");
}

static void assert_page_has(const char *words)
{
	struct reader r = { .page = page_new(&world.ctl, w.cs, NULL, "me", NULL),
			    .res = { .status = 200, .body = BUF_INIT(65536) } };

	assert_non_null(r.page);
	assert_int_equal(pthread_create(&r.thread, NULL, read_page, &r), 0);
	uv_run(&world.uv, UV_RUN_ONCE);
	pthread_join(r.thread, NULL);
	assert_non_null(strstr(r.res.body.data, words));
	buf_release(&r.res.body);
	page_free(r.page);
	uv_run(&world.uv, UV_RUN_NOWAIT);
}

/* It decides as one that leads, and does nothing. */
CLUSTERS_TEST(dry_run_does_not_lead)
{
	assert_page_has("{\"schema\":1,");
	assert_page_has("\"leads\":true");
	world.ctl.dry_run = true;
	assert_page_has("\"leads\":false");
}

static void *read_gauges(void *arg)
{
	struct reader *r = arg;

	r->res.status = page_metrics(r->page, &r->res.body) == 0 ? 200 : 503;
	return NULL;
}

/* As /metrics has them after its own; the caller's. */
static char *gauges(void)
{
	struct reader r = { .page = page_new(&world.ctl, w.cs, NULL, "me", NULL), .res = { .body = BUF_INIT(65536) } };

	assert_non_null(r.page);
	assert_int_equal(pthread_create(&r.thread, NULL, read_gauges, &r), 0);
	uv_run(&world.uv, UV_RUN_ONCE);
	pthread_join(r.thread, NULL);
	assert_int_equal(r.res.status, 200);
	page_free(r.page);
	uv_run(&world.uv, UV_RUN_NOWAIT);
	return buf_detach(&r.res.body);
}

static bool says_once(const char *text, const char *words)
{
	const char *found = strstr(text, words);

	return found && !strstr(found + 1, words);
}

/* What is gone has no series; who does not lead tells of nobody. */
CLUSTERS_TEST(metrics_of_the_clusters_that_there_are)
{
	char *text;

	set_pod("ns", "shop", "codis-server", "codis-server-0");
	set_pod("ns", "orders", "codis-proxy", "codis-proxy-0");
	tick(100);
	text = gauges();
	assert_true(says_once(text, "# TYPE codis_cluster_state gauge\n"));
	assert_true(says_once(text, "\ncodis_cluster_state{namespace=\"ns\",product=\"shop\",state=\"DOWN\"} 1\n"));
	assert_true(says_once(text, "\ncodis_cluster_state{namespace=\"ns\",product=\"shop\",state=\"OK\"} 0\n"));
	assert_true(says_once(text, "\ncodis_cluster_proxies_serving{namespace=\"ns\",product=\"orders\"} 0\n"));
	assert_true(says_once(text, "\ncodis_group_led{namespace=\"ns\",product=\"shop\",group=\"1\"} 0\n"));
	assert_true(says_once(text, "\ncodis_groups_left_out 0\n"));
	assert_true(says_once(text, "\ncodis_cluster_failovers_total{namespace=\"ns\",product=\"shop\"} 0\n"));
	assert_true(says_once(text, "\ncodis_slots_to_move{namespace=\"ns\",product=\"shop\"} 0\n"));
	free(text);
	inventory_remove_pod(world.inv, "uid-codis-proxy-0");
	tick(100);
	text = gauges();
	assert_non_null(strstr(text, "product=\"shop\""));
	assert_null(strstr(text, "product=\"orders\""));
	free(text);
	world.ctl.mandate = MANDATE_STANDBY;
	text = gauges();
	assert_true(says_once(text, "\ncodis_cluster_failovers_total{namespace=\"ns\",product=\"shop\"} 0\n"));
	assert_null(strstr(text, "codis_cluster_state"));
	assert_null(strstr(text, "codis_group"));
	free(text);
}

/* --- what a cluster tells, and costs -------------------------------------------------------------------------------
 */

static void look(struct cluster *c)
{
	cluster_look(c);
	uv_run(&world.uv, UV_RUN_NOWAIT);
}

static int count_logged(const char *words)
{
	char text[65536];
	ssize_t n = pread(world.log.fd, text, sizeof(text) - 1, 0);
	int found = 0;

	assert_true(n >= 0 && (size_t)n < sizeof(text) - 1);
	text[n] = '\0';
	for (const char *at = text; (at = strstr(at, words)); at++)
		found++;
	return found;
}

/* A silent log is one of a program that hangs; what is missing is a warning, by one of two controllers. */
CLUSTERS_TEST(status_is_told_once_an_hour_without_a_change)
{
	struct cluster *c;

	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0" });
	tick(100);
	c = clusters_first(w.cs);
	cluster_turn(c);
	assert_int_equal(count_logged("event=status"), 1);
	assert_int_equal(count_logged("level=warn event=status"), 1);
	cluster_turn(c);
	assert_int_equal(count_logged("event=status"), 1);
	c->line_ms -= 3600000;
	cluster_turn(c);
	assert_int_equal(count_logged("event=status"), 2);
	world.ctl.mandate = MANDATE_STANDBY;
	cluster_turn(c);
	assert_int_equal(count_logged("event=status"), 2);
	cluster_turn(c);
	world.ctl.mandate = MANDATE_LEAD; /* what the one before has warned of went with it */
	cluster_turn(c);
	assert_int_equal(count_logged("level=warn event=status"), 3);
	assert_int_equal(count_logged("level=info event=status"), 0);
}

/* An incident is read by its steps. What the one that does not lead sees of it comes a moment later. */
CLUSTERS_TEST(between_two_whole_lines_the_log_has_what_changed)
{
	struct cluster *c;

	fixture_set_pod(world.inv, &(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0" });
	tick(100);
	c = clusters_first(w.cs);
	cluster_turn(c);
	assert_int_equal(count_logged(" new="), 0);
	snprintf(c->line, sizeof(c->line), "codis-test: OK, 1/1 groups led; what was; dashboard is down");
	cluster_turn(c);
	assert_int_equal(count_logged(" over=\"what was\""), 1);
	assert_int_equal(count_logged(" new=\""), 1);
	world.ctl.mandate = MANDATE_STANDBY;
	snprintf(c->line, sizeof(c->line), "codis-test: OK, 1/1 groups led; what was; dashboard is down");
	cluster_turn(c);
	assert_int_equal(count_logged(" new=\""), 1);
	c->line_ms -= 5000;
	cluster_turn(c);
	assert_int_equal(count_logged(" new=\""), 2);
	assert_int_equal(count_logged("level=info event=status"), 1);
}

/* The Secret is asked for while the server refuses already: what is not known yet is no news, what it comes to is. */
CLUSTERS_TEST(server_that_wants_a_password_is_told_of_once_for_each_reason)
{
	struct observed_server *s;
	struct cluster *c;

	fixture_set_pod(world.inv,
			&(struct fixture_pod){ .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	tick(100);
	c = clusters_first(w.cs);
	look(c);
	assert_int_equal(c->server_count, 1);
	s = c->servers[0];
	snprintf(s->complaint, sizeof(s->complaint), "NOAUTH");
	s->since_ms = clock_mono_ms();
	look(c);
	assert_int_equal(world.event_count, 0);
	s->since_ms -= 2000;
	look(c);
	assert_int_equal(world.event_count, 1);
	assert_non_null(strstr(world.events, " PasswordNotKnown: "));
	look(c);
	assert_int_equal(world.event_count, 1);
	snprintf(c->password_trouble, sizeof(c->password_trouble), "it is in a Secret that may not be read");
	look(c);
	assert_int_equal(world.event_count, 2);
	c->password_trouble[0] = '\0'; /* it is known now, and wrong */
	look(c);
	assert_int_equal(world.event_count, 3);
}

/* Why kubectl delete pod does not come back. */
CLUSTERS_TEST(last_holder_is_told_of_once)
{
	struct observed_server *s;
	struct cluster *c;

	fixture_set_set(world.inv, 2, 0);
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1", .deleting = true });
	tick(100);
	c = clusters_first(w.cs);
	look(c);
	s = c->servers[0];
	s->listed_group = s->group = c->groups[0]->node.id;
	assert_int_equal(codis_group_append(&c->groups[0]->node, s->addr), 0);
	s->reach = REACH_OK;
	s->info_valid = true;
	s->info.role = REDIS_ROLE_MASTER;
	look(c);
	assert_int_equal(world.event_count, 0); /* it has no key */
	s->info.keys = 7;
	look(c);
	look(c);
	assert_string_equal(world.events,
			    "Warning Pod ns/codis-server-0 OnlyCopy: group 1: codis-server-0 has the only data: it "
			    "waits for a replica in sync, as long as its grace period lasts\n");
}

/* One whose peers cost more than its share is asked seldom and is not OK; the others are looked at as before. */
CLUSTERS_TEST(costly_cluster_slows_down_itself_alone)
{
	struct cluster *c, *other;

	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.product = "shop", .app = "codis-server", .name = "codis-server-0", .ip = "10.0.0.1" });
	set_pod("ns", "orders", "codis-server", "orders-0");
	tick(100);
	c = clusters_first(w.cs);
	other = c->next;
	tick(100);
	assert_false(c->cost.over || other->cost.over);
	c->turned_us += COST_BURST_US + 1000000;
	c->open = false;
	c->looked_ms = w.now_ms; /* nothing but this is a reason to look */
	tick(100);
	assert_true(c->cost.over);
	assert_false(other->cost.over);
	assert_true(c->view.costly);
	cluster_look(c);
	assert_true(uv_timer_get_due_in(&c->soon) >= 100);
	cluster_look(other);
	assert_int_equal(uv_timer_get_due_in(&other->soon), 0);
	uv_timer_stop(&c->soon);
	uv_timer_stop(&other->soon);
	cluster_heard(c, true);
	assert_true(uv_timer_get_due_in(&c->soon) >= 100);
	cluster_heard(other, true);
	assert_true(uv_timer_get_due_in(&other->soon) < 100);
	assert_true(world.probes[0].pace_ms >= 8 * world.ctl.probe_ms);
	assert_non_null(strstr(c->line, "asked seldom"));
	tick(60000);
	assert_false(c->cost.over);
	assert_null(strstr(c->line, "asked seldom"));
}

/* --- lost nodes ----------------------------------------------------------------------------------------------------
 */

CLUSTERS_TEST(since_when_a_node_is_lost_is_remembered)
{
	struct cluster *c;

	fixture_set_node(world.inv, true, false);
	set_pod("ns", NULL, "codis-server", "codis-server-0");
	tick(100);
	c = clusters_first(w.cs);
	lost_note(c, 1000);
	assert_int_equal(c->lost_count, 0);
	fixture_set_node(world.inv, false, false);
	lost_note(c, 2000);
	lost_note(c, 3000);
	assert_int_equal(c->lost_count, 1);
	assert_string_equal(c->lost[0].name, "node0");
	assert_int_equal(c->lost[0].lost_ms, 2000);
	world.ctl.kube_fresh = false; /* nothing is known */
	fixture_set_node(world.inv, true, false);
	lost_note(c, 4000);
	assert_int_equal(c->lost_count, 1);
	world.ctl.kube_fresh = true;
	lost_note(c, 5000);
	assert_int_equal(c->lost_count, 0);
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	set_pod("ns", "", "zookeeper", "zookeeper-0");
	fixture_set_node(world.inv, false, false);
	lost_note(c, 6000);
	assert_int_equal(c->lost_count, 1);
	assert_int_equal(c->lost[0].lost_ms, 6000);
}
