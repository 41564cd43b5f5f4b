/* kube.c - Kubernetes as far as Codis and the controller see it: pods and their processes, kubelets that start them
 * again and wait ever longer, StatefulSets that replace what is gone, nodes that lose their power, and watches that
 * tell of it a little later. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "tests/simulation/sim.h"

#define GUARD "[\"--slaveof\",\"127.0.0.1\",\"1\",\"--slave-serve-stale-data\",\"no\"]"

static void on_bind(void *ctx, int64_t arg);
static void on_start(void *ctx, int64_t arg);

/* --- StatefulSets of servers --- */

bool has_group(int gid)
{
	return W.beside.is && gid == BESIDE_GID ? W.beside.servers > 0 : gid <= W.set.groups;
}

int group_count(void)
{
	return W.set.groups + (W.beside.servers > 0);
}

int group_size(int gid)
{
	return W.beside.is && gid == BESIDE_GID ? W.beside.replicas : W.set.replicas;
}

int group_first(int gid)
{
	return (gid - 1) * group_size(gid);
}

bool is_beside(enum pod_kind kind, int ordinal)
{
	return W.beside.is && kind == SERVER && ordinal >= group_first(BESIDE_GID);
}

static bool is_wanted(enum pod_kind kind, int ordinal)
{
	if (is_beside(kind, ordinal))
		return ordinal < group_first(BESIDE_GID) + W.beside.servers;
	return kind != SERVER || ordinal < W.servers;
}

/* --- what is told --- */

struct told {
	struct sim_controller *to;
	char *text; /* NULL: it is gone */
	char uid[24];
	enum { TOLD_POD, TOLD_NODE, TOLD_SET } what;
};

static char *pod_text(const struct pod *p)
{
	static const char *const app[] = { "codis-server", "codis-proxy", "codis-dashboard" };
	const char *name = app[p->kind], *set = is_beside(p->kind, p->ordinal) ? "codis-server-b" : name;
	char since[40], state[160], role[40] = "", *text = malloc(2048);

	clock_rfc3339((p->started_us / 1000) + 1767225600000, since, sizeof(since));
	if (p->alive)
		snprintf(state, sizeof(state), "\"running\":{\"startedAt\":\"%.19sZ\"}", since);
	else if (p->crash_looping)
		snprintf(state, sizeof(state), "\"waiting\":{\"reason\":\"CrashLoopBackOff\"}");
	else if (p->restarts || p->ended_us)
		snprintf(state, sizeof(state), "\"terminated\":{\"exitCode\":137}");
	else
		snprintf(state, sizeof(state), "\"waiting\":{\"reason\":\"ContainerCreating\"}");
	if (p->role != CODIS_ROLE_UNSAID)
		snprintf(role, sizeof(role), ",\"codis.io/role\":\"%s\"", codis_role_name(p->role));
	snprintf(text, 2048,
		 "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\",\"uid\":\"uid-%d\",%s"
		 "\"labels\":{\"app\":\"%s\",\"codis.io/product\":\"%s\"%s},"
		 "\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"%s\",\"controller\":true}]},"
		 "\"spec\":{%s%s%s\"volumes\":[%s],\"containers\":[{\"name\":\"%s\",\"command\":[\"%s\"],\"args\":%s,"
		 "\"env\":[%s{\"name\":\"SERVER_REPLICA\",\"value\":\"%d\"}]}]},"
		 "\"status\":{%s\"phase\":\"%s\"%s%d%s,\"containerStatuses\":[{\"name\":\"%s\",\"restartCount\":%d,"
		 "\"state\":{%s}}]}}",
		 p->stranger ? "other" : NAMESPACE, p->name, p->number,
		 p->deleting ? "\"deletionTimestamp\":\"2026-01-01T00:00:01Z\"," : "", name,
		 p->stranger ? "other" : PRODUCT, role, set, p->bound ? "\"nodeName\":\"node" : "",
		 p->bound ? (const char *[]){ "0", "1", "2", "3" }[p->node] : "", p->bound ? "\"," : "",
		 W.set.volumes && p->kind == SERVER ? "{\"persistentVolumeClaim\":{\"claimName\":\"data\"}}" : "", name,
		 name, p->kind == SERVER ? GUARD : "[\"--zookeeper\",\"10.9.0.1:2181\"]", "",
		 p->gid ? group_size(p->gid) : W.set.replicas,
		 W.hides && p->proxy && p->alive ? "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]," : "",
		 p->bound ? "Running" : "Pending", p->ip ? ",\"podIP\":\"10.1.0." : ",\"x\":\"", p->ip, "\"", name,
		 p->restarts, state);
	return text;
}

static void note_told(const struct told *t)
{
	char uid[24];

	for (int i = 0; W.strangers && t->what == TOLD_POD && t->text && i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		snprintf(uid, sizeof(uid), "uid-%d", p->number);
		if (p->stranger && !p->told_us[t->to->index] && strcmp(uid, t->uid) == 0)
			p->told_us[t->to->index] = W.now;
	}
}

static void on_told(void *ctx, int64_t arg)
{
	struct told *t = ctx;
	struct inventory *inv = t->to->ctl.inventory;
	JSON_CLEANUP cJSON *json = t->text ? json_parse(t->text, strlen(t->text), JSON_ITEMS, NULL) : NULL;

	(void)arg;
	note_told(t);
	if (!t->text && t->what == TOLD_NODE)
		inventory_remove_node(inv, t->uid);
	else if (!t->text)
		inventory_remove_pod(inv, t->uid);
	else if (t->what == TOLD_POD)
		inventory_set_pod(inv, json, NULL);
	else if (t->what == TOLD_NODE)
		inventory_set_node(inv, json, NULL);
	else
		inventory_set_set(inv, json, NULL);
}

static void tell(struct sim_controller *c, const struct told *what)
{
	int64_t at = W.now + chance_between(MS(2), MS(40)) + c->watch_lag_us;
	struct told *t;

	if (!c->alive || c->api_cut)
		return;
	t = calloc(1, sizeof(*t));
	*t = *what;
	t->to = c;
	if (at < c->watch_last_us)
		at = c->watch_last_us;
	c->watch_last_us = at;
	after_in(c, at - W.now, on_told, t, 0);
}

static void tell_all(const struct told *t)
{
	for (int i = 0; i < W.set.controllers; i++)
		tell(&W.controllers[i], t);
}

static struct told pod_news(const struct pod *p)
{
	struct told t = { .what = TOLD_POD, .text = p->in_api ? pod_text(p) : NULL };

	snprintf(t.uid, sizeof(t.uid), "uid-%d", p->number);
	return t;
}

void kube_tell_pod(const struct pod *p)
{
	struct told t;

	if (p->plain)
		return;
	t = pod_news(p);
	tell_all(&t);
}

cJSON *kube_pods_at(const char *ip)
{
	cJSON *list = cJSON_CreateObject(), *items = json_add_array(list, "items"), *pod;
	char own[24];

	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];
		char *text;

		snprintf(own, sizeof(own), "10.1.0.%d", p->ip);
		if (!p->in_api || !p->ip || strcmp(own, ip) != 0 || W.now < p->published_us)
			continue;
		text = pod_text(p);
		pod = json_parse(text, strlen(text), JSON_ITEMS, NULL);
		json_push(items, pod);
	}
	return list;
}

static struct told node_news(int node)
{
	struct told t = { .what = TOLD_NODE, .text = W.node_gone[node] ? NULL : malloc(400) };

	snprintf(t.uid, sizeof(t.uid), "node%d", node);
	if (!t.text)
		return t;
	snprintf(t.text, 400,
		 "{\"metadata\":{\"name\":\"node%d\"},\"spec\":{\"unschedulable\":%s,\"taints\":[%s]},\"status\":"
		 "{\"conditions\":[{\"type\":\"Ready\",\"status\":\"%s\"}]}}",
		 node, W.cordoned[node] ? "true" : "false",
		 W.node_out[node] ? "{\"key\":\"node.kubernetes.io/out-of-service\",\"effect\":\"NoExecute\"}" : "",
		 W.node_ready[node] ? "True" : "Unknown");
	return t;
}

void kube_tell_node(int node)
{
	struct told t = node_news(node);

	tell_all(&t);
}

static void add_note(char *text, size_t size, const char *name, const char *value)
{
	size_t n = strlen(text);

	if (value[0])
		snprintf(text + n, size - n, "%s\"codis.io/%s\":\"%s\"", n ? "," : "", name, value);
}

static struct told beside_news(void)
{
	struct told t = { .what = TOLD_SET, .text = malloc(2048) };
	const struct beside *b = &W.beside;
	char notes[1600] = "";

	add_note(notes, sizeof(notes), "slots", b->slots_note);
	add_note(notes, sizeof(notes), "data-lost", b->lost_note);
	add_note(notes, sizeof(notes), "allow-data-loss", W.allow_note);
	add_note(notes, sizeof(notes), "had-slots", b->had_note);
	add_note(notes, sizeof(notes), "moving", b->moving_note);
	add_note(notes, sizeof(notes), "scale-to", b->scale_note);
	snprintf(t.text, 2048,
		 "{\"metadata\":{\"namespace\":\"" NAMESPACE "\",\"name\":\"codis-server-b\",\"uid\":\"uid-set-b\","
		 "\"annotations\":{%s}},\"spec\":{\"replicas\":%d,\"ordinals\":{\"start\":%d},\"template\":{"
		 "\"metadata\":{"
		 "\"labels\":{\"app\":\"codis-server\",\"codis.io/product\":\"" PRODUCT
		 "\"}},\"spec\":{\"containers\":[{"
		 "\"name\":\"codis-server\",\"command\":[\"codis-server\"],\"env\":[{\"name\":\"SERVER_REPLICA\","
		 "\"value\":"
		 "\"%d\"}]}]}}}}",
		 notes, b->servers, group_first(BESIDE_GID), b->replicas);
	return t;
}

static struct told set_news(void)
{
	struct told t = { .what = TOLD_SET, .text = malloc(2048) };
	char notes[1600] = "";

	add_note(notes, sizeof(notes), "slots", W.slots_note);
	add_note(notes, sizeof(notes), "data-lost", W.lost_note);
	add_note(notes, sizeof(notes), "allow-data-loss", W.allow_note);
	add_note(notes, sizeof(notes), "switchover", W.wish_note);
	add_note(notes, sizeof(notes), "had-slots", W.had_note);
	add_note(notes, sizeof(notes), "moving", W.moving_note);
	add_note(notes, sizeof(notes), "scale-to", W.scale_note);
	add_note(notes, sizeof(notes), "migration-parallel", "2");
	snprintf(t.text, 2048,
		 "{\"metadata\":{\"namespace\":\"" NAMESPACE "\",\"name\":\"codis-server\",\"uid\":\"uid-set\","
		 "\"annotations\":{%s}},\"spec\":{\"replicas\":%d,\"template\":{\"metadata\":{\"labels\":"
		 "{\"app\":\"codis-server\",\"codis.io/product\":\"" PRODUCT "\"}},\"spec\":{\"containers\":[{\"name\":"
		 "\"codis-server\",\"command\":[\"codis-server\"],\"env\":[{\"name\":\"SERVER_REPLICA\",\"value\":"
		 "\"%d\"}]}]}}}}",
		 notes, W.servers, W.set.replicas);
	return t;
}

void kube_tell_set(void)
{
	struct told t = set_news();

	tell_all(&t);
	if (!W.beside.servers)
		return;
	t = beside_news();
	tell_all(&t);
}

void kube_feed(struct sim_controller *c)
{
	struct told t;

	for (int i = 0; i < NODES; i++) {
		t = node_news(i);
		tell(c, &t);
	}
	t = set_news();
	tell(c, &t);
	if (W.beside.servers) {
		t = beside_news();
		tell(c, &t);
	}
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].plain)
			continue;
		t = pod_news(&W.pods[i]);
		tell(c, &t); /* of one that went meanwhile, that it is gone */
	}
}

/* --- addresses --- */

struct pod *pod_at(const char *addr)
{
	static const char net[] = "10.1.0.";
	int ip = 0;

	if (strncmp(addr, net, sizeof(net) - 1) != 0)
		return NULL;
	for (addr += sizeof(net) - 1; *addr >= '0' && *addr <= '9' && ip < 256; addr++)
		ip = 10 * ip + *addr - '0';
	return ip > 0 && ip < 256 ? W.by_ip[ip] : NULL;
}

static void on_stranger(void *ctx, int64_t arg);

static void free_ip(struct pod *p)
{
	if (p->ip && W.by_ip[p->ip] == p)
		W.by_ip[p->ip] = NULL;
	if (p->ip && p->kind == SERVER && W.set.reuse_addresses && W.strangers < 4 && p->comes_at_once)
		after(chance_between(0, MS(50)), on_stranger, p, p->ip);
	else if (p->ip && p->kind == SERVER && W.set.reuse_addresses && W.strangers < 4 && chance_percent(60))
		after(chance_between(0, S(2)), on_stranger, NULL, p->ip);
	p->ip = 0;
}

static void take_ip(struct pod *p)
{
	static const int ports[] = { 6379, 11080, 18080 };
	int ip = 0;

	for (int i = 1; i <= W.next_ip && W.set.reuse_addresses && !ip; i++)
		ip = W.by_ip[i] ? 0 : i;
	if (!ip)
		ip = ++W.next_ip;
	if (ip > 255)
		abort();
	p->ip = ip;
	W.by_ip[ip] = p;
	snprintf(p->addr, sizeof(p->addr), "10.1.0.%d:%d", ip, ports[p->kind]);
}

/* --- pods --- */

/* A server of another namespace gets an address that one of ours had; it is of no group here. Some are no Codis'. */
static void on_stranger(void *ctx, int64_t arg)
{
	int node = chance_below(NODES);
	struct pod *p;

	if (W.by_ip[arg] || !W.node_up[node] || W.faults_over)
		return;
	p = new_pod(SERVER, W.strangers++);
	p->stranger = true;
	p->comes_at_once = ctx != NULL;
	p->plain = !ctx && chance_percent(50);
	p->published_us = p->plain ? W.now + chance_between(MS(50), S(2)) : 0;
	p->gid = 0;
	p->node = node;
	p->bound = true;
	p->ip = (int)arg;
	W.by_ip[arg] = p;
	snprintf(p->addr, sizeof(p->addr), "10.1.0.%d:6379", (int)arg);
	pod_started(p);
	kube_tell_pod(p);
	say("%s of another namespace has %s now", p->plain ? "an empty Redis" : "a server", p->addr);
}

struct pod *pod_named(enum pod_kind kind, int ordinal)
{
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].in_api && W.pods[i].kind == kind && W.pods[i].ordinal == ordinal && !W.pods[i].stranger)
			return &W.pods[i];
	}
	return NULL;
}

struct pod *new_pod(enum pod_kind kind, int ordinal)
{
	static const char *const names[] = { "codis-server", "codis-proxy", "codis-dashboard" };
	struct pod *p = &W.pods[W.pod_count++];

	if (W.pod_count == PODS)
		abort();
	*p = (struct pod){ .kind = kind, .ordinal = ordinal, .number = ++W.uid_count, .node = -1, .in_api = true };
	p->inbox_end = &p->inbox;
	p->gid = kind != SERVER ? 0 : is_beside(kind, ordinal) ? BESIDE_GID : ordinal / W.set.replicas + 1;
	snprintf(p->name, sizeof(p->name), "%s%s-%d", names[kind], is_beside(kind, ordinal) ? "-b" : "", ordinal);
	return p;
}

static bool fits(const struct pod *p, int node)
{
	if (!W.node_up[node] || !W.node_ready[node] || W.cordoned[node] || W.node_out[node] || W.node_gone[node])
		return false;
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x != p && x->in_api && !x->stranger && x->bound && x->node == node && x->kind == p->kind &&
		    x->gid == p->gid)
			return false;
	}
	return true;
}

/* The kubelet is there, and hears what it is to do. */
static bool kubelet_hears(int node)
{
	return node < 0 || (W.node_up[node] && !W.kubelet_cut[node]);
}

static void on_bind(void *ctx, int64_t arg)
{
	struct pod *p = ctx;
	int first = chance_below(NODES);

	(void)arg;
	if (!p->in_api || p->bound)
		return;
	for (int k = 0; k < NODES; k++) {
		if (fits(p, (first + k) % NODES)) {
			pod_bind(p, (first + k) % NODES);
			return;
		}
	}
	after(MS(500), on_bind, p, 0);
}

void pod_bind(struct pod *p, int node)
{
	p->node = node;
	p->bound = true;
	kube_tell_pod(p);
	after(chance_between(W.set.kubelet_us / 2, W.set.kubelet_us), on_start, p, p->run);
}

static void on_replace(void *ctx, int64_t arg)
{
	struct pod *old = ctx, *p;

	(void)arg;
	if (pod_named(old->kind, old->ordinal) || !is_wanted(old->kind, old->ordinal))
		return;
	p = new_pod(old->kind, old->ordinal);
	p->was_deleted = old->was_deleted;
	kube_tell_pod(p);
	after(chance_between(MS(20), MS(200)), on_bind, p, 0);
}

void kube_scaled(void)
{
	for (int i = 0; i < SIM_GROUPS * 3; i++) {
		struct pod *p = !is_wanted(SERVER, i) || pod_named(SERVER, i) ? NULL : new_pod(SERVER, i);

		if (!p)
			continue;
		kube_tell_pod(p);
		after(chance_between(MS(20), MS(200)), on_bind, p, 0);
	}
	for (int i = W.pod_count - 1; i >= 0; i--) {
		struct pod *p = &W.pods[i];

		if (p->kind == SERVER && !p->stranger && !p->plain && p->in_api && !p->deleting &&
		    !is_wanted(SERVER, p->ordinal))
			pod_delete(p, 30);
	}
	kube_tell_set();
}

static void on_removed(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	(void)arg;
	/* A kubelet that does not hear that it goes keeps its network, and its address: kubelet_cut(). */
	if (p->in_api && !kubelet_hears(p->node))
		return;
	if (!p->alive)
		free_ip(p);
	if (!p->in_api)
		return;
	p->in_api = false;
	say("the pod %s is gone", p->name);
	kube_tell_pod(p);
	after(chance_between(MS(50), MS(600)), on_replace, p, 0);
}

static void on_status(void *ctx, int64_t arg)
{
	(void)arg;
	if (((struct pod *)ctx)->in_api && kubelet_hears(((struct pod *)ctx)->node))
		kube_tell_pod(ctx);
}

static void on_crash_looping(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (p->alive || p->restarts != arg || !p->in_api)
		return;
	p->crash_looping = true;
	kube_tell_pod(p);
}

/* --- processes --- */

void pod_started(struct pod *p)
{
	if (!p->ip)
		take_ip(p);
	p->alive = true;
	p->stopped = p->crash_looping = false;
	p->run = ++W.run_count;
	p->started_us = W.now;
	p->inbox = NULL;
	p->inbox_end = &p->inbox;
	switch (p->kind) {
	case SERVER: redis_start(p); break;
	case PROXY: proxy_start(p); break;
	case DASHBOARD: dashboard_start(p); break;
	}
	after(chance_between(MS(50), MS(400)), on_status, p, 0);
}

static void on_start(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (p->alive || p->run != arg || !p->in_api || (p->deleting && p->grace_over) || !W.node_up[p->node])
		return;
	if (p->deleting) {
		on_removed(p, 0);
		return;
	}
	/* Of a pod that it has not started yet a kubelet hears from the API server, which signs its token as well. */
	if (!p->ip && !kubelet_hears(p->node)) {
		after(MS(200), on_start, p, arg);
		return;
	}
	pod_started(p);
	say("%s starts on node %d at %s", p->name, p->node, p->addr);
}

static void start_again(struct pod *p)
{
	int64_t wait = chance_between(MS(100), MS(800));

	for (int i = 0; i < p->restarts && i < 5; i++)
		wait = i ? wait * 2 : S(10);
	if (p->restarts)
		after(S(chance_between(1, 13)), on_crash_looping, p, p->restarts + 1);
	p->restarts++;
	after(wait, on_start, p, p->run);
}

static const char *words_of(enum end how)
{
	switch (how) {
	case END_CRASH: return "crashes";
	case END_TERM: return "ends";
	case END_KILL: return "is killed";
	case END_POWER: return "loses its power";
	}
	return "";
}

static void end_server(struct pod *p, enum end how)
{
	if (how == END_TERM)
		redis_save(p);
	redis_died(p, how == END_POWER);
	note_fault(p, W.now, W.now);
	check_data_gone(p, "");
}

void pod_end(struct pod *p, enum end how)
{
	if (!p->alive)
		return;
	say("%s %s", p->name, words_of(how));
	if (how == END_TERM && p->kind == PROXY && zk_reachable(p->node)) {
		char path[64];

		snprintf(path, sizeof(path), "proxy/proxy-%s", p->proxy->token);
		zk_remove(path);
	}
	if (p->kind == SERVER)
		end_server(p, how);
	p->alive = p->stopped = false;
	p->ended_us = W.now;
	p->inbox = NULL;
	p->inbox_end = &p->inbox;
	wire_pod_died(p, how == END_POWER);
	if (p->kind == SERVER && how != END_POWER)
		writers_reset(p);
	if (p->kind == PROXY)
		proxy_died(p);
	if (p->kind == DASHBOARD)
		dashboard_died(p, how == END_TERM);
	if (how == END_POWER)
		return;
	if (p->deleting || !p->in_api) {
		after(chance_between(MS(50), MS(400)), on_removed, p, 0);
		return;
	}
	after(chance_between(MS(20), MS(300)), on_status, p, 0);
	start_again(p);
}

void deliver(struct pod *p, event_fn fn, void *ctx, int64_t arg)
{
	struct deferred *d;

	if (!p->alive)
		return;
	if (!p->stopped) {
		fn(ctx, arg);
		return;
	}
	d = calloc(1, sizeof(*d));
	*d = (struct deferred){ .fn = fn, .ctx = ctx, .arg = arg };
	*p->inbox_end = d;
	p->inbox_end = &d->next;
}

void pod_stop(struct pod *p)
{
	if (!p->alive || p->stopped)
		return;
	redis_pump_all();
	if (p->kind == SERVER)
		note_fault(p, W.now, W.now);
	p->stopped = true;
	p->stopped_us = W.now;
	say("%s is stopped (SIGSTOP)", p->name);
	check_who_is_led();
}

void pod_continue(struct pod *p)
{
	struct deferred *d = p->inbox;

	if (!p->alive || !p->stopped)
		return;
	redis_pump_all();
	p->stopped = false;
	p->sick_us = W.now;
	say("%s goes on (SIGCONT)", p->name);
	check_who_is_led();
	p->inbox = NULL;
	p->inbox_end = &p->inbox;
	if (p->kind == SERVER)
		redis_continue(p);
	for (; d; d = d->next)
		deliver(p, d->fn, d->ctx, d->arg);
	if (p->kind == PROXY)
		proxy_continue(p);
}

void note_fault(struct pod *p, int64_t from, int64_t to)
{
	int n = (int)(sizeof(p->faults) / sizeof(p->faults[0]));

	if (p->fault_count == n) {
		memmove(&p->faults[0], &p->faults[1], (size_t)(n - 1) * sizeof(p->faults[0]));
		p->fault_count--;
	}
	p->faults[p->fault_count].from = from;
	p->faults[p->fault_count].to = to;
	p->faults[p->fault_count++].late = redis_late(p->gid);
}

/* --- deletion --- */

struct leaving {
	struct pod *p;
	int run;
	bool heard; /* by the kubelet */
	int64_t term_by, kill_at;
	int64_t let_go_us; /* preStop has ended; 0: not yet */
};

/* preStop: a master waits until it is none, or has no keys and nobody follows it. */
static bool holds_on(const struct pod *p)
{
	if (p->kind != SERVER || !p->redis->leads)
		return false;
	if (p->redis->keys)
		return true;
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x->alive && x->redis && x->redis->from == p && x->redis->link == LINK_UP)
			return true;
	}
	return false;
}

/* It says that it is about to end before it looks for the last time. What was a replica then may be a master as its
 * kubelet, which takes its time, ends it. When to go on. */
static int64_t ask_hook(struct leaving *l)
{
	struct redis *r = l->p->redis;

	if (holds_on(l->p)) {
		r->ending = true;
		return MS(100);
	}
	if (r && !r->ending) {
		r->ending = true;
		return chance_between(MS(10), MS(60));
	}
	l->let_go_us = W.now;
	return chance_between(MS(20), MS(400));
}

static void on_leaving(void *ctx, int64_t arg)
{
	struct leaving *l = ctx;
	struct pod *p = l->p;

	(void)arg;
	if (p->run != l->run || !p->alive || !W.node_up[p->node])
		return;
	if (!l->heard && !kubelet_hears(p->node)) {
		after(MS(200), on_leaving, l, 0);
		return;
	}
	if (!l->heard) {
		l->heard = true;
		l->term_by += W.now;
		l->kill_at += W.now;
	}
	if (W.now >= l->kill_at) {
		pod_end(p, END_KILL);
	} else if (!p->stopped && (W.now >= l->term_by || l->let_go_us)) {
		if (l->let_go_us && p->kind == SERVER)
			check_let_go(p, l->let_go_us);
		pod_end(p, END_TERM);
	} else {
		after(p->stopped ? MS(100) : ask_hook(l), on_leaving, l, 0);
	}
}

static void leave(struct pod *p, int grace_s)
{
	struct leaving *l = calloc(1, sizeof(*l));

	if (!p->alive) {
		if (p->node < 0 || W.node_up[p->node])
			after(chance_between(MS(50), MS(400)), on_removed, p, 0);
		return;
	}
	*l = (struct leaving){ p, p->run, false, S(grace_s > 5 ? grace_s - 5 : grace_s), S(grace_s), 0 };
	after(chance_between(MS(20), MS(200)), on_leaving, l, 0);
}

void pod_delete(struct pod *p, int grace_s)
{
	if (!p->in_api)
		return;
	p->deleting = true;
	p->deleting_us = W.now;
	kube_tell_pod(p);
	leave(p, grace_s);
}

static void on_force_killed(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (!p->alive || p->run != arg || !W.node_up[p->node])
		return;
	if (kubelet_hears(p->node))
		pod_end(p, END_KILL);
	else
		after(chance_between(MS(100), S(1)), on_force_killed, p, arg);
}

void pod_force_delete(struct pod *p)
{
	if (!p->in_api)
		return;
	p->deleting = true;
	p->deleting_us = W.now;
	p->in_api = false;
	kube_tell_pod(p);
	after(chance_between(MS(50), MS(600)), on_replace, p, 0);
	if (p->alive)
		after(chance_between(MS(100), S(2)), on_force_killed, p, p->run);
	else
		free_ip(p);
}

/* --- nodes --- */

static void on_not_ready(void *ctx, int64_t arg)
{
	(void)ctx;
	if (kubelet_hears((int)arg) || !W.node_ready[arg])
		return;
	W.node_ready[arg] = false;
	say("node %d is NotReady", (int)arg);
	kube_tell_node((int)arg);
}

static void on_ready(void *ctx, int64_t arg)
{
	(void)ctx;
	if (!kubelet_hears((int)arg) || (W.node_ready[arg] && !W.node_gone[arg] && !W.node_out[arg]))
		return;
	W.node_ready[arg] = true;
	W.node_gone[arg] = W.node_out[arg] = false;
	kube_tell_node((int)arg);
}

static void power_off(int node)
{
	say("node %d loses its power", node);
	redis_pump_all();
	for (int i = 0; i < W.pod_count; i++) {
		if (!W.pods[i].alive || W.pods[i].node != node)
			continue;
		pod_end(&W.pods[i], END_POWER);
		if (W.pods[i].stranger) {
			W.pods[i].in_api = false;
			kube_tell_pod(&W.pods[i]);
			free_ip(&W.pods[i]);
		}
	}
	for (int i = 0; i < W.set.controllers; i++) {
		if (W.controllers[i].node == node)
			controller_end(&W.controllers[i]);
	}
	W.node_up[node] = false;
	W.off_us[node] = W.now;
	after(W.set.not_ready_us, on_not_ready, NULL, node);
}

/* No other member of its group has run since: it may be a master that lives, cut off, with the only data. */
static bool may_be_the_last(const struct pod *p)
{
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *x = &W.pods[i];

		if (x != p && x->kind == SERVER && x->gid == p->gid && x->alive && x->started_us < W.off_us[p->node])
			return false;
	}
	return p->kind == SERVER;
}

/* It was away for longer than the policy has it, and nothing else is amiss: its pods have another place. */
static void check_was_replaced(int node)
{
	int64_t us = W.set.not_ready_us + MS(W.set.node_loss_ms) + S(12);

	if (!W.single || W.set.controllers < 2 || W.set.replicas < 2 || W.set.volumes || W.set.node_loss_ms < 0 ||
	    W.set.proxies < 2 || W.now - W.off_us[node] < us)
		return;
	for (int i = 0; i < NODES; i++) {
		if (i != node && W.off_us[i])
			return;
	}
	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];

		if (p->in_api && p->bound && p->node == node && !p->alive && !may_be_the_last(p))
			broken("node %d is away for %.1f s, and %s has no other place", node,
			       (double)(W.now - W.off_us[node]) / 1e6, p->name);
	}
}

/* What was bound there and is still wanted starts again, with another address. */
static void power_on(int node)
{
	check_was_replaced(node);
	say("node %d has its power again", node);
	W.node_up[node] = true;
	after(chance_between(S(1), S(3)), on_ready, NULL, node);
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		if (!p->bound || p->node != node || p->alive)
			continue;
		if (!p->in_api || p->deleting) {
			after(chance_between(MS(500), S(2)), on_removed, p, 0);
			continue;
		}
		free_ip(p);
		p->restarts++;
		kube_tell_pod(p);
		after(chance_between(MS(500), S(3)), on_start, p, p->run);
	}
	for (int i = 0; i < W.set.controllers; i++) {
		if (W.controllers[i].node == node && !W.controllers[i].alive)
			controller_start(&W.controllers[i]);
	}
}

/* What happened meanwhile is told, and done, when it hears again. */
void kubelet_cut(int node, bool cut)
{
	if (W.kubelet_cut[node] == cut)
		return;
	W.kubelet_cut[node] = cut;
	if (cut) {
		after(W.set.not_ready_us, on_not_ready, NULL, node);
		return;
	}
	after(chance_between(MS(100), S(2)), on_ready, NULL, node);
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		if (!p->bound || p->node != node || !p->in_api)
			continue;
		after(chance_between(MS(50), S(1)), p->deleting && !p->alive ? on_removed : on_status, p, 0);
	}
}

void node_said_down(int node, bool gone)
{
	if (W.node_up[node] || W.node_ready[node])
		return;
	say("node %d is said to be down: %s", node, gone ? "its object is gone" : "it has the taint out-of-service");
	W.node_gone[node] = gone;
	W.node_out[node] = !gone;
	kube_tell_node(node);
}

void node_power(int node, bool on)
{
	if (W.node_up[node] == on)
		return;
	if (on)
		power_on(node);
	else
		power_off(node);
	check_way_changed();
}
