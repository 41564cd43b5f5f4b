#include "cli/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/relay.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/coordinator.h"
#include "common/codis/pod.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "common/net/websocket.h"

#define CONNECT_MS 15000 /* through the API server, to one that may just be electing its leader */
#define SESSION_MS 10000
#define CALL_MS    3000
#define NODES_MAX  20000 /* Codis makes 1,024 slots, and as many groups at most */
#define AT_ONCE    64
#define TRIES      3

static const char *const roots[] = { "/codis3", "/jodis" };
#define ROOTS   2
#define ITS_OWN "/zookeeper" /* every ZooKeeper has it */

/* --- the pods ----------------------------------------------------------------------------------------------------- */

/* A host of the address, "zk-0.zookeeper.infra" or "zookeeper", as a pod of `namespace` resolves it. */
struct host {
	char service[POD_NAME_MAX], namespace[POD_NAMESPACE_MAX], pod[POD_NAME_MAX]; /* pod "": any of the Service */
	uint16_t port;
};

static cJSON *get_slices(struct tree *t, const struct host *h, struct error *err)
{
	char path[ASK_PATH_MAX];

	snprintf(path, sizeof(path),
		 "/apis/discovery.k8s.io/v1/namespaces/%s/"
		 "endpointslices?labelSelector=kubernetes.io%%2Fservice-name%%3D%s",
		 h->namespace, h->service);
	return ask_get(t->cli, path, 0, err);
}

static int add_member(struct tree *t, const struct host *h, const char *pod, struct error *err)
{
	if (t->count == TREE_MEMBERS)
		return 0;
	t->relays[t->count] = relay_open(t->cli, t->ws, h->namespace, pod, h->port, err);
	if (!t->relays[t->count])
		return -1;
	t->count++;
	text_copy(t->namespace, sizeof(t->namespace), h->namespace);
	return 0;
}

/* Those that are not ready are left out: one that is not asked costs nothing, one that does not answer seconds. */
static int add_members(struct tree *t, const struct host *h, const cJSON *slices, struct error *err)
{
	const cJSON *slice, *endpoint;

	json_each(slice, json_get(slices, "items", NULL)) {
		json_each(endpoint, json_get(slice, "endpoints", NULL)) {
			const char *pod = json_str(endpoint, "targetRef", "name", NULL);

			if (!pod || json_bool(false, endpoint, "conditions", "terminating", NULL) ||
			    !json_bool(true, endpoint, "conditions", "ready", NULL) ||
			    (h->pod[0] && strcmp(h->pod, pod) != 0))
				continue;
			if (add_member(t, h, pod, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* "a", "a.b", "a.b.svc.cluster.local": a Service and its namespace, or a pod and its Service. */
static int find_host(struct tree *t, const char *own, char *name, uint16_t port, struct error *err)
{
	struct host h = { .port = port };
	JSON_CLEANUP cJSON *slices = NULL;
	char *words[3] = { name, NULL, NULL };

	for (int i = 1; i < 3 && words[i - 1]; i++) {
		words[i] = strchr(words[i - 1], '.');
		if (words[i])
			*words[i]++ = '\0';
	}
	if (words[2])
		words[2][strcspn(words[2], ".")] = '\0';
	text_copy(h.service, sizeof(h.service), words[0]);
	text_copy(h.namespace, sizeof(h.namespace), words[1] ? words[1] : own);
	slices = get_slices(t, &h, err);
	if (!slices)
		return -1;
	if (!words[1] || json_first(json_get(slices, "items", NULL)))
		return add_members(t, &h, slices, err);
	cJSON_Delete(slices);
	text_copy(h.pod, sizeof(h.pod), words[0]);
	text_copy(h.service, sizeof(h.service), words[1]);
	text_copy(h.namespace, sizeof(h.namespace), words[2] && strcmp(words[2], "svc") != 0 ? words[2] : own);
	slices = get_slices(t, &h, err);
	return slices ? add_members(t, &h, slices, err) : -1;
}

static bool is_host(const char *name)
{
	return cli_is_namespace(name) ||
	       (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.") == strlen(name) &&
		strcspn(name, "abcdefghijklmnopqrstuvwxyz") < strlen(name) && strlen(name) < POD_NAME_MAX);
}

static int find_members(struct tree *t, const char *own, const char *address, struct error *err)
{
	char hosts[POD_TEXT_MAX], *save = NULL;

	text_copy(hosts, sizeof(hosts), address);
	for (char *host = strtok_r(hosts, ",", &save); host; host = strtok_r(NULL, ",", &save)) {
		char *colon = strrchr(host, ':'), *end = NULL;
		long port = colon ? strtol(colon + 1, &end, 10) : 2181;

		if (end &&
		    *end) /* of "zk:2181/shop" the tree below /shop is meant, and not another one's of that name */
			return error_set(err, ERR_INVALID, "\"%.60s\" is no port", colon + 1);
		if (colon)
			*colon = '\0';
		if (!is_host(host) || port <= 0 || port > UINT16_MAX)
			return error_set(err, ERR_INVALID, "it is no Service of this cluster");
		if (find_host(t, own, host, (uint16_t)port, err) < 0)
			return -1;
	}
	return 0;
}

/* --- the connection ----------------------------------------------------------------------------------------------- */

static bool is_ready(const void *ctx)
{
	return coordinator_ready(((const struct tree *)ctx)->zk);
}

static void on_changed(void *ctx, const char *path)
{
	struct tree *t = ctx;

	(void)path;
	uv_stop(&t->cli->loop->uv); /* whoever waits looks again */
}

static int connect_to(struct tree *t, struct error *err)
{
	BUF_CLEANUP struct buf servers = BUF_INIT(1024);
	struct coordinator_config cfg = {
		.session_ms = SESSION_MS, .call_ms = CALL_MS, .on_changed = on_changed, .ctx = t
	};

	for (int i = 0; i < t->count; i++)
		buf_addf(&servers, "%s127.0.0.1:%u", i ? "," : "", relay_port(t->relays[i]));
	if (buf_check(&servers, "its members", err) < 0)
		return -1;
	cfg.servers = servers.data;
	t->zk = coordinator_open(&t->cli->loop->uv, &cfg, err);
	if (!t->zk)
		return -1;
	if (ask_wait(t->cli, clock_mono_ms() + CONNECT_MS, is_ready, t))
		return 0;
	return error_set(err, ERR_TIMEOUT, "none of %d pods answers by a port-forward within %d s", t->count,
			 CONNECT_MS / 1000);
}

int tree_open(struct tree *t, struct cli *c, const char *namespace, const char *address, struct error *err)
{
	const struct kube_config *cfg = &c->config;
	struct http_tls tls = { cfg->ca_pem, cfg->cert_pem, cfg->key_pem, cfg->skip_verify };

	*t = (struct tree){ .cli = c };
	t->ws = websockets_new(&c->loop->uv, c->server, &tls, err);
	if (!t->ws || find_members(t, namespace, address, err) < 0 || (t->count && connect_to(t, err) < 0))
		return error_wrap(err, "ZooKeeper %.200s", address);
	return 0;
}

void tree_close(struct tree *t)
{
	coordinator_close(t->zk);
	for (int i = 0; i < t->count; i++)
		relay_close(t->relays[i]);
	websockets_free(t->ws);
	*t = (struct tree){ .count = 0 };
}

/* --- its nodes ---------------------------------------------------------------------------------------------------- */

struct walk;

struct node {
	struct walk *walk;
	int depth;
	char path[];
};

/* All nodes below one; parents stand before their children. */
struct walk {
	struct tree *tree;
	struct node **nodes;
	int count, next, open, deepest, gone;
	bool failed;
	struct error err; /* the first one */
};

static void note_error(struct walk *w, const char *path, const struct error *err)
{
	if (!w->failed) {
		w->err = *err;
		error_wrap(&w->err, "%s", path);
	}
	w->failed = true;
}

static void add_node(struct walk *w, const char *parent, const char *name, int depth)
{
	size_t size = strlen(parent) + strlen(name) + 2;
	struct node **more, *n;
	struct error err;

	if (w->count == NODES_MAX) {
		error_set(&err, ERR_TOOBIG, "it has over %d nodes", NODES_MAX);
		note_error(w, parent, &err);
		return;
	}
	more = realloc(w->nodes, (size_t)(w->count + 1) * sizeof(*more));
	if (more)
		w->nodes = more;
	n = more ? malloc(sizeof(*n) + size) : NULL;
	if (!n) {
		error_set(&err, ERR_NOMEM, "no memory");
		note_error(w, parent, &err);
		return;
	}
	*n = (struct node){ .walk = w, .depth = depth };
	snprintf(n->path, size, "%s%s%s", parent, *name ? "/" : "", name);
	w->deepest = depth > w->deepest ? depth : w->deepest;
	w->nodes[w->count++] = n;
}

static void walk_release(struct walk *w)
{
	for (int i = 0; i < w->count; i++)
		free(w->nodes[i]);
	free(w->nodes);
}

static void ended(struct node *n, const struct error *err)
{
	n->walk->open--;
	if (err && err->code != ERR_NOTFOUND)
		note_error(n->walk, n->path, err);
	uv_stop(&n->walk->tree->cli->loop->uv);
}

static void on_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct node *n = ctx;

	for (int i = 0; !err && i < count; i++)
		add_node(n->walk, n->path, names[i], n->depth + 1);
	ended(n, err);
}

static bool has_room(const void *ctx)
{
	const struct walk *w = ctx;

	return w->open < AT_ONCE && (w->next < w->count || !w->open);
}

static bool is_idle(const void *ctx)
{
	return !((const struct walk *)ctx)->open;
}

static int wait_all(struct walk *w, struct error *err)
{
	ask_wait(w->tree->cli, INT64_MAX, is_idle, w);
	if (w->failed)
		*err = w->err;
	return w->failed ? -1 : 0;
}

static int collect(struct walk *w, const char *root, struct error *err)
{
	struct error why;

	add_node(w, root, "", 0);
	while (!w->failed) {
		struct node *n;

		ask_wait(w->tree->cli, INT64_MAX, has_room, w);
		if (w->next == w->count)
			break;
		n = w->nodes[w->next++];
		if (coordinator_list(w->tree->zk, n->path, on_names, n, &why) == 0)
			w->open++;
		else
			note_error(w, n->path, &why);
	}
	return wait_all(w, err);
}

static void on_deleted(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		       const struct error *err)
{
	struct node *n = ctx;

	(void)data, (void)len, (void)stat;
	n->walk->gone += !err;
	ended(n, err);
}

static void on_read(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct node *n = ctx;
	struct error why;

	(void)data, (void)len;
	if (err)
		ended(n, err);
	else if (coordinator_delete(n->walk->tree->zk, n->path, stat, on_deleted, n, &why) < 0)
		ended(n, &why);
}

/* Those of a depth, which have no children any more. */
static int delete_level(struct walk *w, int depth, struct error *err)
{
	struct error why;

	for (w->next = 0; w->next < w->count && !w->failed;) {
		struct node *n = w->nodes[w->next++];

		if (n->depth != depth)
			continue;
		ask_wait(w->tree->cli, INT64_MAX, has_room, w);
		if (coordinator_get(w->tree->zk, n->path, on_read, n, &why) == 0)
			w->open++;
		else
			note_error(w, n->path, &why);
	}
	return wait_all(w, err);
}

static int remove_once(struct tree *t, const char *root, int *gone, struct error *err)
{
	struct walk w = { .tree = t };
	int r = collect(&w, root, err);

	for (int depth = w.deepest; r == 0 && depth >= 0; depth--)
		r = delete_level(&w, depth, err);
	*gone += w.gone;
	walk_release(&w);
	return r;
}

int tree_remove(struct tree *t, const char *product, int *gone, struct error *err)
{
	char path[CODIS_PRODUCT_MAX + 16];

	*gone = 0;
	for (int i = 0; i < ROOTS; i++) {
		int r = -1;

		snprintf(path, sizeof(path), "%s/%s", roots[i], product);
		/* a proxy that ends makes, or takes away, a node meanwhile */
		for (int tries = 0; r < 0 && tries < TRIES; tries++)
			r = remove_once(t, path, gone, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* --- who is in it ------------------------------------------------------------------------------------------------- */

struct look {
	struct tree *tree;
	const char *product;
	const char *root;
	bool there, ended;
	struct buf *others;
	struct error err;
};

/* What somebody else than Codis has there stands with its "/". */
static void add_other(struct look *l, const char *name)
{
	char node[CODIS_PRODUCT_MAX + 2];

	snprintf(node, sizeof(node), "/%s", name);
	if (!l->root[1] && (strcmp(node, roots[0]) == 0 || strcmp(node, roots[1]) == 0 || strcmp(node, ITS_OWN) == 0))
		return;
	cli_add_name(l->others, l->root[1] ? name : node);
}

static void on_names_there(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct look *l = ctx;

	for (int i = 0; !err && i < count; i++) {
		if (l->root[1] && strcmp(names[i], l->product) == 0)
			l->there = true;
		else
			add_other(l, names[i]);
	}
	if (err && err->code != ERR_NOTFOUND)
		l->err = *err;
	l->ended = true;
	uv_stop(&l->tree->cli->loop->uv);
}

static bool look_ended(const void *ctx)
{
	return ((const struct look *)ctx)->ended;
}

int tree_look(struct tree *t, const char *product, bool *there, struct buf *others, struct error *err)
{
	struct look l = { .tree = t, .product = product, .others = others };

	for (int i = 0; i <= ROOTS; i++) {
		l.ended = false;
		l.root = i < ROOTS ? roots[i] : "/";
		if (coordinator_list(t->zk, l.root, on_names_there, &l, err) < 0)
			return -1;
		ask_wait(t->cli, INT64_MAX, look_ended, &l);
		if (l.err.code) {
			*err = l.err;
			return -1;
		}
	}
	*there = l.there;
	return buf_check(others, "the names of products", err);
}
