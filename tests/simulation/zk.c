/* zk.c - ZooKeeper: the tree of the product behind the coordinator's functions, which are played here. Three members,
 * on the nodes 0 to 2; whoever reaches one that has the majority with it is served. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/coordinator.h"
#include "tests/simulation/sim.h"

#define PREFIX     "/codis3/" PRODUCT "/"
#define NODES_MAX  64
#define WATCHES    48
#define GIVE_UP_US MS(1500)
#define LOST_US    MS(2700)

struct coordinator {
	struct sim_controller *in;
	struct coordinator_config cfg;
	bool ready;
	int64_t reached_us;
	char watched[WATCHES][96];
	int watch_count;
	struct coordinator *next;
};

static struct {
	struct node nodes[NODES_MAX];
	int count;
	int64_t zxid;
	struct {
		bool is;
		struct codis_group group;
	} groups[SIM_GROUPS + 1]; /* as their nodes say */
	struct coordinator *all;
} z;

void zk_reset(void)
{
	memset(&z, 0, sizeof(z));
}

/* --- who is served --- */

static bool member_up(int m)
{
	return W.node_up[m] && !W.zk_down[m];
}

static bool has_majority(int m)
{
	int n = 0;

	for (int k = 0; k < 3; k++)
		n += member_up(k) && way_open(m, k) && way_open(k, m);
	return n >= 2;
}

static bool zk_serves(int m, int from)
{
	return member_up(m) && way_open(from, m) && way_open(m, from) && has_majority(m);
}

bool zk_reachable(int from)
{
	for (int m = 0; m < 3; m++) {
		if (zk_serves(m, from))
			return true;
	}
	return false;
}

/* --- the tree --- */

struct node *zk_find(const char *path)
{
	for (int i = 0; i < z.count; i++) {
		if (strcmp(z.nodes[i].path, path) == 0)
			return &z.nodes[i];
	}
	return NULL;
}

static void on_watch(void *ctx, int64_t arg)
{
	char *path = ctx;
	struct coordinator *c = (struct coordinator *)(intptr_t)arg;

	if (c->cfg.on_changed)
		c->cfg.on_changed(c->cfg.ctx, path[0] ? path : NULL);
}

static void tell(struct coordinator *c, const char *path)
{
	char *full = malloc(128);

	snprintf(full, 128, "%s%s", path[0] ? PREFIX : "", path);
	after_in(c->in, chance_between(300, 3000) + chance_between(0, W.zk_watch_us), on_watch, full, (intptr_t)c);
}

static void watch(struct coordinator *c, const char *path)
{
	for (int i = 0; i < c->watch_count; i++) {
		if (strcmp(c->watched[i], path) == 0)
			return;
	}
	if (c->watch_count < WATCHES)
		snprintf(c->watched[c->watch_count++], sizeof(c->watched[0]), "%s", path);
}

static void changed(const char *path)
{
	for (struct coordinator *c = z.all; c; c = c->next) {
		for (int i = 0; i < c->watch_count; i++) {
			if (strcmp(c->watched[i], path) != 0)
				continue;
			memmove(&c->watched[i], &c->watched[i + 1],
				(size_t)(--c->watch_count - i) * sizeof(c->watched[0]));
			if (zk_reachable(c->in->node))
				tell(c, path);
			break;
		}
	}
}

static void changed_folder(const char *path)
{
	char folder[96];
	const char *slash = strrchr(path, '/');

	if (!slash)
		return;
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	changed(folder);
}

static bool parse_group(const struct node *n, struct codis_group *g)
{
	JSON_CLEANUP cJSON *json = json_parse(n->data, n->len, MODEL_ITEMS, NULL);

	return json && codis_group_parse(json, g, NULL) == 0;
}

static void put(const char *path, const char *data, size_t len)
{
	struct node *n = zk_find(path);
	bool made = !n;
	int gid;

	if (made) {
		if (z.count == NODES_MAX)
			abort();
		n = &z.nodes[z.count++];
		*n = (struct node){ .version = -1, .czxid = z.zxid + 1 };
		snprintf(n->path, sizeof(n->path), "%s", path);
	}
	n->version++;
	n->mzxid = ++z.zxid;
	n->data = malloc(len + 1);
	memcpy(n->data, data, len);
	n->data[len] = '\0';
	n->len = len;
	if (sscanf(path, "group/group-%4d", &gid) == 1 && gid <= SIM_GROUPS)
		z.groups[gid].is = parse_group(n, &z.groups[gid].group);
	changed(path);
	if (made)
		changed_folder(path);
}

void zk_write(const char *path, const char *data)
{
	put(path, data, strlen(data));
}

void zk_remove(const char *path)
{
	struct node *n = zk_find(path);

	int gid;

	if (!n)
		return;
	if (sscanf(path, "group/group-%4d", &gid) == 1 && gid <= SIM_GROUPS)
		z.groups[gid].is = false;
	*n = z.nodes[--z.count];
	z.zxid++;
	changed(path);
	changed_folder(path);
}

const struct codis_group *zk_group(int gid)
{
	return gid >= 1 && gid <= SIM_GROUPS && z.groups[gid].is ? &z.groups[gid].group : NULL;
}

void zk_write_group(const struct codis_group *g)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8192);
	char path[32];

	snprintf(path, sizeof(path), "group/group-%04d", g->id);
	codis_group_write(g, &text);
	put(path, text.data, text.len);
}

void zk_write_proxy(const char *token, const char *addr)
{
	char path[64], text[160];

	snprintf(path, sizeof(path), "proxy/proxy-%s", token);
	snprintf(text, sizeof(text), "{\"token\":\"%s\",\"admin_addr\":\"%s\"}", token, addr);
	zk_write(path, text);
}

int zk_proxies(char tokens[8][33], char addrs[8][SIM_ADDR])
{
	int n = 0;

	for (int i = 0; i < z.count && n < 8; i++) {
		if (sscanf(z.nodes[i].path, "proxy/proxy-%32s", tokens[n]) == 1 &&
		    sscanf(strstr(z.nodes[i].data, "admin_addr"), "admin_addr\":\"%23[^\"]", addrs[n]) == 1)
			n++;
	}
	return n;
}

const char *go_time(int64_t us)
{
	static char text[64];
	time_t s = (time_t)(us / 1000000 + 1767225600);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S.000000000 +0000 UTC m=+0.1", &tm);
	return text;
}

/* --- the coordinator's functions --- */

enum zk_call { ZK_GET, ZK_LIST, ZK_SET, ZK_CREATE, ZK_DELETE };

struct zk_op {
	struct coordinator *c;
	enum zk_call call;
	char path[96];
	char *data;
	size_t len;
	int version;
	int64_t czxid, began_us;
	uint32_t epoch;
	coordinator_done done;
	coordinator_names names;
	void *ctx;
	/* the answer */
	enum error_code code;
	struct coordinator_stat stat;
	char *got;
	size_t got_len;
	const char *children[NODES_MAX];
	int child_count;
	bool answered;
};

static void on_answer(void *ctx, int64_t arg)
{
	struct zk_op *o = ctx;
	struct error err = ERROR_INIT;

	if (o->answered) /* it was given up before */
		return;
	o->answered = true;
	o->code = arg ? ERR_TIMEOUT : o->code;
	if (o->code != ERR_NONE) {
		error_set(&err, o->code, "played ZooKeeper: %s",
			  o->code == ERR_CONFLICT   ? "another version"
			  : o->code == ERR_NOTFOUND ? "no such node"
			  : o->code == ERR_EXISTS   ? "it is there"
						    : "no answer in time");
		o->stat = (struct coordinator_stat){ .version = -1 };
	}
	if (o->call == ZK_LIST)
		o->names(o->ctx, o->child_count, o->children, o->code ? &err : NULL);
	else
		o->done(o->ctx, o->code ? NULL : o->got, o->code ? 0 : o->got_len, &o->stat, o->code ? &err : NULL);
}

static void list(struct zk_op *o)
{
	size_t len = strlen(o->path);

	for (int i = 0; i < z.count; i++) {
		if (strncmp(z.nodes[i].path, o->path, len) == 0 && z.nodes[i].path[len] == '/')
			o->children[o->child_count++] = strdup(z.nodes[i].path + len + 1);
	}
	watch(o->c, o->path);
}

static void group_written(const struct zk_op *o, const struct codis_group *before, const struct codis_group *later)
{
	check_group_written(o->c->in, o->began_us, before, later);
	if (before->count && later->count && strcmp(before->servers[0].addr, later->servers[0].addr) != 0)
		faults_at(STEP_FENCED, o->c->in, pod_at(later->servers[0].addr));
}

static void write_node(struct zk_op *o)
{
	struct codis_group before = { 0 }, later;
	struct node *n = zk_find(o->path);
	bool is_group = strncmp(o->path, "group/", 6) == 0;

	if (is_group && n)
		parse_group(n, &before);
	put(o->path, o->data, o->len);
	n = zk_find(o->path);
	o->stat = (struct coordinator_stat){ n->version, 0, n->mzxid };
	o->got = o->data;
	o->got_len = o->len;
	if (is_group && parse_group(n, &later))
		group_written(o, &before, &later);
}

static void do_it(struct zk_op *o)
{
	struct node *n = zk_find(o->path);

	switch (o->call) {
	case ZK_LIST: list(o); return;
	case ZK_GET:
		watch(o->c, o->path);
		if (!n) {
			o->code = ERR_NOTFOUND;
			return;
		}
		o->got = strdup(n->data);
		o->got_len = n->len;
		o->stat = (struct coordinator_stat){ n->version, n->czxid, n->mzxid };
		return;
	case ZK_SET:
		if (!n || n->version != o->version)
			o->code = n ? ERR_CONFLICT : ERR_NOTFOUND;
		else
			write_node(o);
		return;
	case ZK_CREATE:
		if (n)
			o->code = ERR_EXISTS;
		else
			write_node(o);
		return;
	case ZK_DELETE:
		if (!n || n->version != o->version || n->czxid != o->czxid) {
			o->code = n ? ERR_CONFLICT : ERR_NOTFOUND;
			return;
		}
		if (strncmp(o->path, "proxy/proxy-", 12) == 0)
			check_proxy_removed(o->c->in, o->path + 12);
		if (strcmp(o->path, "topom") == 0)
			check_lock_removed(o->c->in, n->data);
		zk_remove(o->path);
		return;
	}
}

/* What was sent is done, though whoever sent it has ended. */
static void answer_after(struct zk_op *o, int64_t us)
{
	if (o->c->in->alive && o->c->in->epoch == o->epoch)
		after_in(o->c->in, us, on_answer, o, 0);
}

static void on_reaches(void *ctx, int64_t arg)
{
	struct zk_op *o = ctx;
	struct sim_controller *in = o->c->in;
	bool writes = o->call >= ZK_SET;

	(void)arg;
	if (!zk_reachable(in->node)) {
		if (W.now - o->began_us < GIVE_UP_US) {
			after(MS(100), on_reaches, o, 0);
			return;
		}
		o->code = ERR_TIMEOUT;
		answer_after(o, 0);
		return;
	}
	do_it(o);
	/* While a member is away an answer may get lost, and what is asked again finds its own write. */
	if (writes && o->code == ERR_NONE && (W.zk_down[0] || W.zk_down[1] || W.zk_down[2]) && chance_percent(15)) {
		o->code = chance_percent(50) ? ERR_TIMEOUT : o->call == ZK_CREATE ? ERR_EXISTS : ERR_CONFLICT;
		answer_after(o, GIVE_UP_US);
		return;
	}
	answer_after(o, chance_between(100, 700) + (writes ? chance_between(0, W.zk_write_us) / 2 : 0));
}

static struct zk_op *ask(struct coordinator *c, enum zk_call call, const char *path, void *ctx)
{
	struct zk_op *o = calloc(1, sizeof(*o));

	if (call >= ZK_SET)
		controller_may_crash(c->in);
	*o = (struct zk_op){ .c = c, .call = call, .ctx = ctx, .began_us = W.now };
	o->epoch = c->in->epoch;
	snprintf(o->path, sizeof(o->path), "%s", strncmp(path, PREFIX, strlen(PREFIX)) ? path : path + strlen(PREFIX));
	after(chance_between(200, call >= ZK_SET ? 3000 + W.zk_write_us : 1200), on_reaches, o, 0);
	return o;
}

/* What it asks for may be done later all the same. */
static void give_up_after(struct zk_op *o, int ms)
{
	after_in(o->c->in, MS(ms), on_answer, o, 1);
}

int coordinator_get(struct coordinator *c, const char *path, coordinator_done done, void *ctx, struct error *err)
{
	(void)err;
	ask(c, ZK_GET, path, ctx)->done = done;
	return 0;
}

int coordinator_get_within(struct coordinator *c, const char *path, int ms, coordinator_done done, void *ctx,
			   struct error *err)
{
	struct zk_op *o = ask(c, ZK_GET, path, ctx);

	(void)err;
	o->done = done;
	give_up_after(o, ms);
	return 0;
}

int coordinator_list(struct coordinator *c, const char *path, coordinator_names done, void *ctx, struct error *err)
{
	(void)err;
	ask(c, ZK_LIST, path, ctx)->names = done;
	return 0;
}

static struct zk_op *write_to(struct coordinator *c, enum zk_call call, const char *path, const char *data, size_t len,
			      int version, int64_t czxid, coordinator_done done, void *ctx)
{
	struct zk_op *o = ask(c, call, path, ctx);

	o->data = malloc(len + 1);
	memcpy(o->data, data, len);
	o->data[len] = '\0';
	o->len = len;
	o->version = version;
	o->czxid = czxid;
	o->done = done;
	controller_may_crash(c->in); /* when it is sent */
	return o;
}

int coordinator_set(struct coordinator *c, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err)
{
	(void)err;
	write_to(c, ZK_SET, path, data, len, version, 0, done, ctx);
	return 0;
}

int coordinator_set_within(struct coordinator *c, const char *path, const char *data, size_t len, int version, int ms,
			   coordinator_done done, void *ctx, struct error *err)
{
	(void)err;
	give_up_after(write_to(c, ZK_SET, path, data, len, version, 0, done, ctx), ms);
	return 0;
}

int coordinator_create(struct coordinator *c, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err)
{
	(void)err;
	write_to(c, ZK_CREATE, path, data, len, 0, 0, done, ctx);
	return 0;
}

int coordinator_delete(struct coordinator *c, const char *path, const struct coordinator_stat *what,
		       coordinator_done done, void *ctx, struct error *err)
{
	(void)err;
	write_to(c, ZK_DELETE, path, "", 0, what->version, what->czxid, done, ctx);
	return 0;
}

struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err)
{
	struct coordinator *c = calloc(1, sizeof(*c));

	(void)err;
	c->in = controller_of(uv);
	c->cfg = *cfg;
	c->reached_us = -LOST_US;
	c->next = z.all;
	z.all = c;
	return c;
}

void coordinator_close(struct coordinator *c)
{
	for (struct coordinator **at = &z.all; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			return;
		}
	}
}

bool coordinator_ready(const struct coordinator *c)
{
	return c->ready;
}

bool coordinator_hears(const struct coordinator *c, int member)
{
	return c->ready && member < 3 && zk_serves(member, c->in->node);
}

int64_t coordinator_spent_us(const struct coordinator *c)
{
	(void)c;
	return 0;
}

void zk_forget(struct sim_controller *in)
{
	for (struct coordinator **at = &z.all; *at;) {
		if ((*at)->in == in)
			*at = (*at)->next;
		else
			at = &(*at)->next;
	}
}

/* Before a tick. */
void zk_settle(struct sim_controller *in)
{
	for (struct coordinator *c = z.all; c; c = c->next) {
		bool reached = c->in == in && zk_reachable(in->node);

		if (c->in != in)
			continue;
		if (reached)
			c->reached_us = W.now;
		if (c->ready && W.now - c->reached_us > LOST_US) {
			c->ready = false;
			c->watch_count = 0;
			tell(c, "");
		} else if (!c->ready && reached) {
			c->ready = true;
			c->watch_count = 0;
			tell(c, "");
		}
	}
}
