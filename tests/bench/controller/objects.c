/* objects.c - what the API server and ZooKeeper hold. A codis-server's pod is what the webhook made of a plain one,
 * with the status that a kubelet writes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/file.h"
#include "common/codis/coordinator.h"
#include "tests/bench/controller/world.h"

#define SERVER_POD    "tests/bench/controller/server-pod.json"
#define PROXY_POD     "tests/unit/fixtures/webhook/plain-proxy.json"
#define DASHBOARD_POD "tests/unit/fixtures/webhook/plain-dashboard.json"

static void give_up(const char *what, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	exit(1);
}

/* --- names ---------------------------------------------------------------------------------------------------------
 */

void world_product(int product, char out[32])
{
	snprintf(out, 32, "bench-%02d", product);
}

static void make_ip(int kind, int number, char out[48])
{
	snprintf(out, 48, "127.%d.%d.%d", kind, number / 200, number % 200 + 1);
}

void world_server_ip(int server, char out[48])
{
	make_ip(1, server, out);
}

void world_proxy_ip(int proxy, char out[48])
{
	make_ip(2, proxy, out);
}

void world_dashboard_ip(int product, char out[48])
{
	make_ip(3, product, out);
}

int world_group_of_slot(const struct world *w, int slot)
{
	return slot * w->groups / CODIS_SLOTS + 1;
}

/* --- pods ----------------------------------------------------------------------------------------------------------
 */

static cJSON *load(const char *path)
{
	struct error err = ERROR_INIT;
	char *text = file_read(path, 1u << 20, &err);
	cJSON *json = text ? json_parse(text, strlen(text), JSON_ITEMS, &err) : NULL;

	if (!json)
		give_up(path, &err);
	free(text);
	return json;
}

static cJSON *member(cJSON *object, const char *name)
{
	cJSON *m = cJSON_GetObjectItemCaseSensitive(object, name);

	return m ? m : json_add_object(object, name);
}

static void set(cJSON *object, const char *name, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	json_add_str(object, name, value);
}

static void set_env(cJSON *container, const char *name, const char *value)
{
	cJSON *env;

	cJSON_ArrayForEach(env, member(container, "env")) {
		if (strcmp(json_str(env, "name", NULL), name) == 0)
			set(env, "value", value);
	}
}

static void add_condition(cJSON *list, const char *type)
{
	cJSON *c = cJSON_CreateObject();

	json_add_str(c, "type", type);
	json_add_str(c, "status", "True");
	cJSON_AddNullToObject(c, "lastProbeTime");
	json_add_str(c, "lastTransitionTime", "2017-11-23T15:48:45Z");
	json_push(list, c);
}

static void add_status(cJSON *pod, const char *container, const char *ip)
{
	static const char *const conditions[] = { "PodReadyToStartContainers", "Initialized", "Ready",
						  "ContainersReady", "PodScheduled" };
	cJSON *status = member(pod, "status"), *list = json_add_array(status, "conditions"), *c;

	json_add_str(status, "phase", "Running");
	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
		add_condition(list, conditions[i]);
	json_add_str(status, "hostIP", "192.0.2.1");
	json_add_str(status, "podIP", ip);
	json_add_str(status, "startTime", "2017-11-23T15:48:45Z");
	json_add_str(status, "qosClass", "Burstable");
	c = cJSON_CreateObject();
	json_push(json_add_array(status, "containerStatuses"), c);
	json_add_str(c, "name", container);
	json_add_str(json_add_object(json_add_object(c, "state"), "running"), "startedAt", "2017-11-23T15:48:45Z");
	json_add_object(c, "lastState");
	json_add_bool(c, "ready", true);
	json_add_int(c, "restartCount", 0);
	json_add_str(c, "image", "docker.io/library/codis-image:latest");
	json_add_str(c, "imageID", "sha256:0b0ad3f47f0c4a0e8a3a2f5f3c1f6a110b0ad3f47f0c4a0e8a3a2f5f3c1f6a11");
	json_add_str(c, "containerID", "containerd://0b0ad3f47f0c4a0e8a3a2f5f3c1f6a110b0ad3f47f0c4a0e8a3a2f5f3c1f6a11");
	json_add_bool(c, "started", true);
}

struct pod {
	const cJSON *like;
	const char *component, *name, *ip, *zookeeper;
	const char *role;   /* "": none; a server's is labelled since long */
	int product, group; /* group 0: none */
};

static void store(struct world *w, const char *path, cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	fake_apply(&w->kube->api, path, text);
	cJSON_free(text);
	cJSON_Delete(object);
}

static void make_pod(struct world *w, const struct pod *p)
{
	static int made;
	cJSON *pod = cJSON_Duplicate(p->like, 1), *meta = member(pod, "metadata"), *labels = member(meta, "labels");
	cJSON *container = cJSON_GetArrayItem(member(member(pod, "spec"), "containers"), 0);
	char product[32], path[256], text[64];

	world_product(p->product, product);
	snprintf(text, sizeof(text), "0b0ad3f4-7f0c-4a0e-8a3a-%012d", made);
	set(meta, "uid", text);
	set(labels, CODIS_LABEL_PRODUCT, product);
	set(labels, CODIS_LABEL_COMPONENT, p->component);
	snprintf(text, sizeof(text), "%d", p->group);
	if (p->group)
		set(labels, CODIS_LABEL_GROUP, text);
	if (p->role[0])
		set(labels, CODIS_LABEL_ROLE, p->role);
	set_env(container, "PRODUCT_NAME", product);
	set_env(container, "ZK_ADDR", p->zookeeper);
	snprintf(text, sizeof(text), "node-%d", made++ % WORLD_NODES);
	set(member(pod, "spec"), "nodeName", text);
	add_status(pod, json_str(container, "name", NULL), p->ip);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/%s", product, p->name);
	store(w, path, pod);
}

static void make_pods(struct world *w, int product, const cJSON *like[3], const char *zookeeper)
{
	char name[64], ip[48];
	struct pod p = { .name = name, .ip = ip, .zookeeper = zookeeper, .product = product };

	for (int i = 0; i < w->groups * WORLD_REPLICA; i++) {
		snprintf(name, sizeof(name), "codis-server-%d", i);
		world_server_ip(product * w->groups * WORLD_REPLICA + i, ip);
		p.like = like[0];
		p.component = "codis-server";
		p.group = i / WORLD_REPLICA + 1;
		p.role = codis_role_name(i % WORLD_REPLICA ? CODIS_ROLE_REPLICA : CODIS_ROLE_MASTER);
		make_pod(w, &p);
	}
	p.group = 0;
	p.role = "";
	for (int i = 0; i < WORLD_PROXIES; i++) {
		snprintf(name, sizeof(name), "codis-proxy-6d5f8c7b9-%05d", i);
		world_proxy_ip(product * WORLD_PROXIES + i, ip);
		p.like = like[1];
		p.component = "codis-proxy";
		make_pod(w, &p);
	}
	snprintf(name, sizeof(name), "codis-dashboard-0");
	world_dashboard_ip(product, ip);
	p.like = like[2];
	p.component = "codis-dashboard";
	make_pod(w, &p);
}

static void make_set(struct world *w, int product, const cJSON *like)
{
	cJSON *set_ = cJSON_CreateObject(), *meta = member(set_, "metadata"), *spec = member(set_, "spec");
	cJSON *template = member(spec, "template"), *labels = member(member(template, "metadata"), "labels");
	char name[32], path[256], uid[64];

	world_product(product, name);
	snprintf(uid, sizeof(uid), "1b0ad3f4-7f0c-4a0e-8a3a-%012d", product);
	json_add_str(meta, "uid", uid);
	json_add_str(labels, "app", "codis-server");
	json_add_int(spec, "replicas", w->groups * WORLD_REPLICA);
	json_add_str(spec, "serviceName", "codis-server");
	cJSON_AddItemToObject(template, "spec", cJSON_Duplicate(json_get(like, "spec", NULL), 1));
	set_env(cJSON_GetArrayItem(member(member(template, "spec"), "containers"), 0), "PRODUCT_NAME", name);
	snprintf(path, sizeof(path), "/apis/apps/v1/namespaces/%s/statefulsets/codis-server", name);
	store(w, path, set_);
}

static void make_node(struct world *w, int number)
{
	cJSON *node = cJSON_CreateObject(), *meta = member(node, "metadata");
	char path[64];

	snprintf(path, sizeof(path), "node-%d", number);
	json_add_str(member(meta, "labels"), CODIS_HOSTNAME_KEY, path);
	json_add_str(meta, "uid", path);
	add_condition(json_add_array(member(node, "status"), "conditions"), "Ready");
	snprintf(path, sizeof(path), "/api/v1/nodes/node-%d", number);
	store(w, path, node);
}

/* Every product has a namespace of its own. */
static void make_namespace(struct world *w, int product)
{
	cJSON *namespace = cJSON_CreateObject();
	char name[32], path[64];

	world_product(product, name);
	json_add_str(member(namespace, "metadata"), "uid", name);
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s", name);
	store(w, path, namespace);
}

void world_make_objects(struct world *w, const char *zookeeper)
{
	const cJSON *like[3] = { load(SERVER_POD), load(PROXY_POD), load(DASHBOARD_POD) };

	for (int i = 0; i < WORLD_NODES; i++)
		make_node(w, i);
	for (int i = 0; i < w->products; i++) {
		make_namespace(w, i);
		make_set(w, i, like[0]);
		make_pods(w, i, like, zookeeper);
	}
	for (int i = 0; i < 3; i++)
		cJSON_Delete((cJSON *)(uintptr_t)like[i]);
}

/* --- ZooKeeper's tree; slots are left out, nobody reads them --------------------------------------------------------
 */

struct growing {
	struct world *w;
	struct coordinator *zk;
	int open;
};

static void on_made(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct growing *g = ctx;

	(void)data;
	(void)len;
	(void)stat;
	if (err)
		give_up("ZooKeeper", err);
	g->open--;
}

/* One after the other: a disk may take long for each. */
static void make_node_at(struct growing *g, const char *path, const char *text, size_t len)
{
	struct error err = ERROR_INIT;

	if (coordinator_create(g->zk, path, text, len, on_made, g, &err) < 0)
		give_up("ZooKeeper", &err);
	g->open++;
	while (g->open > 16)
		uv_run(g->w->uv, UV_RUN_ONCE);
}

static void make_group_node(struct growing *g, int product, int gid)
{
	const struct world *w = g->w;
	const struct world_server *s = &w->servers[(product * w->groups + gid - 1) * WORLD_REPLICA];
	struct codis_group group = { .id = gid };
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);
	char name[32], path[128];

	world_product(product, name);
	codis_group_append(&group, s[0].addr);
	codis_group_append(&group, s[1].addr);
	codis_group_write(&group, &text);
	snprintf(path, sizeof(path), "/codis3/%s/group/group-%04d", name, gid);
	make_node_at(g, path, text.data, text.len);
}

static void make_proxy_node(struct growing *g, int product, int number)
{
	const struct world_proxy *p = &g->w->proxies[number];
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);
	char name[32], path[128];

	world_product(product, name);
	buf_addf(&text,
		 "{\"id\":%d,\"token\":\"%s\",\"start_time\":\"2017-11-23 15:48:45.123456789 +0000 UTC m=+0.1\","
		 "\"admin_addr\":\"%s:11080\",\"proto_type\":\"tcp4\",\"proxy_addr\":\"%s:19000\","
		 "\"product_name\":\"%s\",\"pid\":1,\"pwd\":\"/codis\",\"sys\":\"Linux\",\"hostname\":\"proxy\","
		 "\"datacenter\":\"\"}",
		 number + 1, p->token, p->ip, p->ip, name);
	snprintf(path, sizeof(path), "/codis3/%s/proxy/proxy-%s", name, p->token);
	make_node_at(g, path, text.data, text.len);
}

void world_make_tree(struct world *w, const char *zookeeper)
{
	struct coordinator_config cfg = { .servers = zookeeper, .session_ms = 10000, .call_ms = 10000 };
	struct error err = ERROR_INIT;
	struct growing g = { .w = w, .zk = coordinator_open(w->uv, &cfg, &err) };

	if (!g.zk)
		give_up("ZooKeeper", &err);
	while (!coordinator_ready(g.zk))
		uv_run(w->uv, UV_RUN_ONCE);
	for (int p = 0; p < w->products; p++) {
		for (int gid = 1; gid <= w->groups; gid++)
			make_group_node(&g, p, gid);
		for (int i = 0; i < WORLD_PROXIES; i++)
			make_proxy_node(&g, p, p * WORLD_PROXIES + i);
	}
	while (g.open)
		uv_run(w->uv, UV_RUN_ONCE);
	coordinator_close(g.zk);
}
