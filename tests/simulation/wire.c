/* wire.c - what a controller asks over the network: connections to servers (redis_conn.h), HTTP to proxies and
 * dashboards (http.h), the Kubernetes API (client.h) and Events. Played by these functions, so that all above them is
 * the real thing: probes, commands, REST calls, the lease. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/redis_conn.h"
#include "common/kube/client.h"
#include "common/kube/event.h"
#include "common/net/http.h"
#include "tests/simulation/sim.h"

/* --- connections to servers --- */

struct question {
	struct redis_conn *c;
	redis_answered done;
	void *ctx;
	int argc;
	const char *argv[6];
	int type;
	int64_t sent_us;
	char text[640];
	struct question *next;
};

struct redis_conn {
	struct sim_controller *in;
	uint32_t epoch;
	struct pod *pod;
	int run;
	char addr[SIM_ADDR];
	redis_ended ended;
	void *ctx;
	bool closed, connected, reset;
	int64_t last_asked, last_answered; /* when it arrives */
	struct question *open;             /* in their order */
	struct redis_conn *next;
};

static struct redis_conn *conns;

static bool is_heard(const struct redis_conn *c)
{
	return !c->closed && c->in->alive && c->in->epoch == c->epoch;
}

static void forget_conn(struct redis_conn *c)
{
	c->closed = true;
	for (struct redis_conn **at = &conns; *at; at = &(*at)->next) {
		if (*at == c) {
			*at = c->next;
			return;
		}
	}
}

/* Its memory stays: what is under way still points to it. */
static void end_conn(struct redis_conn *c, enum error_code code)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "%s: %s", c->addr, code == ERR_REFUSED ? "connection refused" : "connection reset");
	for (struct question *q = c->open; q && !c->closed; q = q->next) {
		c->open = q->next;
		if (q->done)
			q->done(q->ctx, NULL, &err);
	}
	if (c->closed)
		return;
	forget_conn(c);
	c->ended(c->ctx, c->connected, &err);
}

static void on_refused(void *ctx, int64_t arg)
{
	struct redis_conn *c = ctx;

	if (is_heard(c))
		end_conn(c, (enum error_code)arg);
}

static void on_connected(void *ctx, int64_t arg)
{
	(void)arg;
	((struct redis_conn *)ctx)->connected = true;
}

static bool answers(const struct redis_conn *c)
{
	return c->pod && c->pod->alive && c->pod->run == c->run && !c->reset;
}

static void on_question_answered(void *ctx, int64_t arg)
{
	struct question *q = ctx, **at = &q->c->open;
	struct resp_answer a = { .type = (enum resp_type)q->type, .text = q->text, .len = strlen(q->text) };

	(void)arg;
	if (!is_heard(q->c))
		return;
	while (*at && *at != q)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = q->next;
	q->c->connected = true;
	if (q->done)
		q->done(q->ctx, &a, NULL);
}

static void on_question_taken(void *ctx, int64_t arg)
{
	struct question *q = ctx;
	struct redis_conn *c = q->c;
	char master[SIM_ADDR];
	bool leads;

	(void)arg;
	if (!answers(c))
		return;
	check_told(c->in, q->sent_us, c->pod, q->argv[0]);
	if (q->argc == 3 && strcmp(q->argv[0], "SLAVEOF") == 0) {
		snprintf(master, sizeof(master), "%.15s:%.5s", q->argv[1], q->argv[2]);
		check_told_master(c->in, q->sent_us, c->pod, master);
	}
	leads = c->pod->redis->leads;
	q->type = redis_do(c->pod, q->argc, q->argv, q->text, sizeof(q->text));
	if (!leads && c->pod->redis->leads)
		faults_at(STEP_ROLE, c->in, c->pod);
	if (c->in->alive && c->in->epoch == c->epoch)
		message_behind(&c->last_answered, c->pod->node, c->in->node, c->in, on_question_answered, q, 0);
}

/* Taken, and closed: nobody is behind it. */
static bool is_of_mesh(const struct redis_conn *c)
{
	return W.set.mesh && c->pod && c->pod->kind == SERVER && c->run == c->pod->run && W.node_up[c->pod->node] &&
	       !c->pod->alive;
}

static void on_question_arrives(void *ctx, int64_t arg)
{
	struct question *q = ctx;
	struct redis_conn *c = q->c;

	(void)arg;
	if (c->closed && !c->connected)
		return; /* it was given up before it stood */
	if (answers(c))
		deliver(c->pod, on_question_taken, q, 0);
	else if (is_heard(c))
		message_behind(&c->last_answered, c->pod->node, c->in->node, c->in, on_refused, c,
			       c->connected || is_of_mesh(c) ? ERR_IO : ERR_REFUSED);
}

static void on_knock(void *ctx, int64_t arg)
{
	struct redis_conn *c = ctx;

	(void)arg;
	if (is_heard(c) && (answers(c) || is_of_mesh(c)))
		message_behind(&c->last_answered, c->pod->node, c->in->node, c->in, on_connected, c, 0);
}

struct redis_conn *redis_conn_open(uv_loop_t *uv, const char *addr, redis_ended ended, void *ctx, struct error *err)
{
	struct redis_conn *c = calloc(1, sizeof(*c));

	(void)err;
	c->in = controller_of(uv);
	c->epoch = c->in->epoch;
	snprintf(c->addr, sizeof(c->addr), "%.23s", addr);
	c->pod = pod_at(addr);
	c->run = c->pod && strcmp(c->pod->addr, addr) == 0 ? c->pod->run : -1; /* another port: nobody listens */
	c->ended = ended;
	c->ctx = ctx;
	c->next = conns;
	conns = c;
	if (c->pod && way_rejected(c->in->node, c->pod->node))
		after_in(c->in, chance_between(80, 400), on_refused, c, ERR_REFUSED);
	else if (c->pod)
		message(c->in->node, c->pod->node, NULL, on_knock, c, 0);
	return c;
}

static bool changes_something(const char *const *argv)
{
	return strcmp(argv[0], "SLAVEOF") == 0 || strcmp(argv[0], "CONFIG") == 0;
}

int redis_conn_ask(struct redis_conn *c, int argc, const char *const *argv, redis_answered done, void *ctx,
		   struct error *err)
{
	struct question *q = calloc(1, sizeof(*q)), **at = &c->open;

	(void)err;
	if (changes_something(argv))
		controller_may_crash(c->in);
	*q = (struct question){ .c = c, .done = done, .ctx = ctx, .argc = argc, .sent_us = W.now };
	for (int i = 0; i < argc && i < 6; i++)
		q->argv[i] = strdup(argv[i]);
	while (*at)
		at = &(*at)->next;
	*at = q;
	if (c->pod && way_rejected(c->in->node, c->pod->node))
		after_in(c->in, chance_between(80, 400), on_refused, c, c->connected ? ERR_IO : ERR_REFUSED);
	else if (c->pod)
		message_behind(&c->last_asked, c->in->node, c->pod->node, NULL, on_question_arrives, q, 0);
	if (changes_something(argv))
		controller_may_crash(c->in);
	return 0;
}

bool redis_conn_is_connected(const struct redis_conn *c)
{
	return c->connected;
}

void redis_conn_close(struct redis_conn *c)
{
	if (c && !c->closed)
		forget_conn(c);
}

void wire_reset(struct pod *p)
{
	for (struct redis_conn *c = conns; c; c = c->next) {
		if (c->pod != p || c->run != p->run || c->reset)
			continue;
		c->reset = true;
		if (is_heard(c))
			message(p->node, c->in->node, c->in, on_refused, c, ERR_IO);
	}
}

/* --- HTTP between any two --- */

static void drop_call(struct call *c)
{
	if (c->before)
		c->before->behind = c->behind;
	else if (W.calls == c)
		W.calls = c->behind;
	if (c->behind)
		c->behind->before = c->before;
	c->before = c->behind = NULL;
}

static void on_call_answered(void *ctx, int64_t arg)
{
	struct call *c = ctx;

	(void)arg;
	c->answer(c, c->status, c->text);
}

static bool is_asked_still(const struct call *c)
{
	return !c->in || (c->in->alive && c->in->epoch == c->epoch);
}

void call_answer(struct call *c, int status, const char *body)
{
	if (c->answered)
		return;
	c->answered = true;
	drop_call(c);
	if (!is_asked_still(c))
		return;
	c->status = status;
	c->text = strdup(body);
	if (way_rejected(c->from, c->to->node))
		after_in(c->in, 10, on_call_answered, c, 0);
	else if (is_hidden(c->in, c->to))
		after_in(c->in, W.hidden.until_us - W.now, on_call_answered, c, 0);
	else
		message(c->to->node, c->from, c->in, on_call_answered, c, 0);
}

static void on_call_taken(void *ctx, int64_t arg)
{
	struct call *c = ctx;

	(void)arg;
	if (c->to->kind == PROXY)
		proxy_call(c->to, c);
	else if (c->to->kind == DASHBOARD)
		dashboard_call(c->to, c);
}

static void on_call_arrives(void *ctx, int64_t arg)
{
	struct call *c = ctx;

	(void)arg;
	if (is_hidden(c->in, c->to)) {
		after(W.hidden.until_us - W.now, on_call_arrives, c, 0);
		return;
	}
	c->late = c->to->stopped || W.now - c->sent_us > MS(100) || (c->to->proxy && proxy_waits(c->to));
	if (c->to->alive && c->to->run == c->to_run)
		deliver(c->to, on_call_taken, c, 0);
	else
		call_answer(c, 0, "");
}

static void on_call_rejected(void *ctx, int64_t arg)
{
	(void)arg;
	call_answer(ctx, 0, "");
}

void call_send(struct call *c)
{
	c->to_run = c->to->run;
	c->sent_us = W.now;
	c->behind = W.calls;
	if (W.calls)
		W.calls->before = c;
	W.calls = c;
	if (way_rejected(c->from, c->to->node))
		after(chance_between(80, 400), on_call_rejected, c, 0);
	else
		message(c->from, c->to->node, NULL, on_call_arrives, c, 0);
}

void wire_pod_died(struct pod *p, bool silently)
{
	if (silently)
		return;
	wire_reset(p);
	for (struct call *c = W.calls, *next; c; c = next) {
		next = c->behind;
		if (c->to == p && c->to_run == p->run)
			call_answer(c, 0, "");
	}
}

/* --- the HTTP client of a controller --- */

struct http_client {
	struct sim_controller *in;
};

struct http_call {
	struct sim_controller *in;
	http_done done;
	kube_done kube;
	void (*release)(void *ctx);
	void *ctx;
	bool over;
	char *method, *path;
	cJSON *body, *answer;
	enum error_code code;
	int64_t timeout_us;
	struct pod *to;
};

struct http_client *http_client_new(uv_loop_t *uv, const struct http_tls *tls, struct error *err)
{
	struct http_client *c = calloc(1, sizeof(*c));

	(void)tls;
	(void)err;
	c->in = controller_of(uv);
	return c;
}

void http_client_free(struct http_client *c)
{
	(void)c;
}

int64_t http_client_spent_us(const struct http_client *c)
{
	(void)c;
	return 0;
}

void http_cancel(struct http_call *call)
{
	if (!call || call->over)
		return;
	call->over = true;
	if (call->release)
		call->release(call->ctx);
}

static void end_http(struct http_call *h, const struct http_result *res)
{
	if (h->over)
		return;
	h->over = true;
	h->done(h->ctx, res);
	if (h->release)
		h->release(h->ctx);
}

static void on_http_answer(struct call *c, int status, const char *body)
{
	struct error err = ERROR_INIT;

	if (status == 0)
		error_set(&err, ERR_REFUSED, "connection refused");
	end_http(c->ctx, &(struct http_result){
				 .status = status, .body = body, .len = strlen(body), .err = status ? NULL : &err });
}

/* Its kernel answers, whatever its process does. */
static bool takes_connections(const struct http_call *h)
{
	return h->to && h->to->alive && way_open(h->in->node, h->to->node) && way_open(h->to->node, h->in->node) &&
	       !is_hidden(h->in, h->to);
}

static void on_http_timeout(void *ctx, int64_t arg)
{
	struct error err = ERROR_INIT;

	(void)arg;
	error_set(&err, ERR_TIMEOUT, "no answer in time");
	err.connected = takes_connections(ctx);
	end_http(ctx, &(struct http_result){ .body = "", .err = &err });
}

static void read_slots(struct call *c, const struct http_spec *spec)
{
	JSON_CLEANUP cJSON *list = json_parse(spec->body, spec->body_len, JSON_ITEMS, NULL);
	const cJSON *item;
	struct codis_slot s;

	cJSON_ArrayForEach(item, list) {
		if (codis_slot_parse(item, &s, NULL) < 0)
			continue;
		c->has_slot[s.id] = true;
		c->slots[s.id].group = s.group;
		c->slots[s.id].locked = s.locked;
		snprintf(c->slots[s.id].addr, SIM_ADDR, "%.23s", s.addr);
		c->slots[s.id].from = s.migrate_from;
		snprintf(c->slots[s.id].from_addr, SIM_ADDR, "%.23s", s.migrate_addr);
	}
}

/* The XAuth says which process is meant: that of the proxy that is there, or another one's. */
static void read_token(struct call *c, const char *xauth)
{
	char right[CODIS_XAUTH_SIZE];

	if (c->to->kind != PROXY || !c->to->proxy)
		return;
	codis_xauth(PRODUCT, "", c->to->proxy->token, right);
	if (strcmp(right, xauth) == 0)
		memcpy(c->token, c->to->proxy->token, sizeof(c->token));
}

static void read_path(struct call *c, const char *path, const struct http_spec *spec)
{
	if (strcmp(path, "/proxy") == 0 || strcmp(path, "/topom") == 0) {
		c->kind = CALL_OVERVIEW;
	} else if (strcmp(path, "/") == 0) {
		c->kind = CALL_KNOCK;
	} else if (strncmp(path, "/api/proxy/fillslots/", 21) == 0) {
		c->kind = CALL_FILL;
		read_slots(c, spec);
		read_token(c, path + 21);
	} else if (strncmp(path, "/api/topom/reload/", 18) == 0) {
		c->kind = CALL_RELOAD;
	} else if (strncmp(path, "/api/topom/proxy/online/", 24) == 0) {
		c->kind = CALL_ONLINE;
		snprintf(c->addr, sizeof(c->addr), "%.23s", strrchr(path, '/') + 1);
	} else if (strncmp(path, "/api/topom/slots/action/create/", 31) == 0) {
		c->kind = CALL_BEGIN_MOVE;
		if (sscanf(path + 31, "%*[0-9a-f]/%d/%d", &c->slot, &c->gid) != 2)
			broken("the simulation cannot read %s", path);
	} else if (strncmp(path, "/api/topom/slots/assign/", 24) == 0) {
		c->kind = CALL_ASSIGN;
		c->body = json_parse(spec->body, spec->body_len, JSON_ITEMS, NULL);
	} else {
		broken("the simulation does not know the path %s", path);
	}
}

struct http_call *http_send(struct http_client *client, const struct http_spec *spec, http_done done, void *ctx,
			    struct error *err)
{
	struct http_call *h = calloc(1, sizeof(*h));
	struct call *c;
	char addr[SIM_ADDR] = "";
	const char *path = strchr(spec->url + 7, '/');
	struct pod *to;

	(void)err;
	if (strcmp(spec->method, "GET") != 0)
		controller_may_crash(client->in);
	*h = (struct http_call){ .in = client->in, .done = done, .ctx = ctx, .release = spec->release };
	timer_in(client->in, MS(spec->timeout_ms), on_http_timeout, h, 0);
	snprintf(addr, sizeof(addr), "%.*s", (int)(path - spec->url - 7), spec->url + 7);
	to = pod_at(addr);
	h->to = to;
	if (!to)
		return h; /* nobody has that address */
	c = calloc(1, sizeof(*c));
	*c = (struct call){ .to = to, .from = client->in->node, .answer = on_http_answer, .ctx = h, .in = client->in };
	c->epoch = client->in->epoch;
	read_path(c, path, spec);
	call_send(c);
	if (strcmp(to->addr, addr) != 0)
		c->to_run = -1; /* nobody listens at that port */
	if (strcmp(spec->method, "GET") != 0)
		controller_may_crash(client->in);
	return h;
}

/* --- the Kubernetes API --- */

struct kube_client {
	struct sim_controller *in;
};

struct kube_client *kube_played(struct sim_controller *c)
{
	struct kube_client *k = calloc(1, sizeof(*k));

	k->in = c;
	return k;
}

static struct {
	cJSON *lease;
	int version;
} api;

void wire_reset_all(void)
{
	conns = NULL;
	memset(&api, 0, sizeof(api));
}

static void on_api_answer(void *ctx, int64_t arg)
{
	struct http_call *h = ctx;
	struct error err = ERROR_INIT;

	if (h->over)
		return;
	h->over = true;
	if (arg || h->code)
		error_set(&err, arg ? ERR_TIMEOUT : h->code, "played API server");
	h->kube(h->ctx, err.code ? NULL : h->answer, err.code ? &err : NULL);
}

static void store_lease(struct http_call *h)
{
	cJSON *meta;

	api.lease = h->body;
	meta = cJSON_GetObjectItemCaseSensitive(api.lease, "metadata");
	cJSON_DeleteItemFromObject(meta, "resourceVersion");
	json_add_fmt(meta, "resourceVersion", "%d", ++api.version);
	h->answer = cJSON_Duplicate(api.lease, 1);
}

static void lease_call(struct http_call *h)
{
	const char *version = json_str(h->body, "metadata", "resourceVersion", NULL);
	const char *now = json_str(api.lease, "metadata", "resourceVersion", NULL);

	if (strcmp(h->method, "POST") == 0 && api.lease)
		h->code = ERR_EXISTS;
	else if (strcmp(h->method, "POST") == 0)
		store_lease(h);
	else if (!api.lease)
		h->code = ERR_NOTFOUND;
	else if (strcmp(h->method, "GET") == 0)
		h->answer = cJSON_Duplicate(api.lease, 1);
	else if (strcmp(h->method, "PUT") == 0 && version && strcmp(version, now) != 0)
		h->code = ERR_CONFLICT;
	else if (strcmp(h->method, "PUT") == 0)
		store_lease(h);
	else
		h->answer = cJSON_CreateObject();
}

static void delete_call(const struct http_call *h, struct pod *p)
{
	check_pod_deleted(h->in, p);
	if (json_int(30, h->body, "gracePeriodSeconds", NULL) == 0)
		pod_force_delete(p);
	else
		pod_delete(p, (int)json_int(30, h->body, "gracePeriodSeconds", NULL));
}

static void label_call(const struct http_call *h, struct pod *p)
{
	p->role = codis_role_parse(json_str(h->body, "metadata", "labels", CODIS_LABEL_ROLE, NULL));
	say("%s is labelled as %s", p->name, codis_role_name(p->role));
	kube_tell_pod(p);
}

static struct pod *pod_called(const char *name, const char *uid)
{
	char own[24];

	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		snprintf(own, sizeof(own), "uid-%d", p->number);
		if (p->in_api && !p->stranger && strcmp(p->name, name) == 0 && (!uid || strcmp(uid, own) == 0))
			return p;
	}
	return NULL;
}

static void pod_call(struct http_call *h, const char *name)
{
	bool deletes = strcmp(h->method, "DELETE") == 0;
	struct pod *p = pod_called(name, json_str(h->body, deletes ? "preconditions" : "metadata", "uid", NULL));

	h->answer = cJSON_CreateObject();
	if (strchr(name, '/'))
		return;
	if (!p)
		h->code = ERR_NOTFOUND;
	else if (deletes)
		delete_call(h, p);
	else
		label_call(h, p);
}

/* The first one is scaled; the one beside it never is. */
static void scaled_by(const struct sim_controller *by, int replicas)
{
	check_scaled(by, replicas);
	say("controller %d scales to %d servers", by->index, replicas);
	if (replicas < W.servers)
		W.set.groups = replicas / W.set.replicas;
	W.servers = replicas;
	kube_scaled();
}

/* One operation of a JSON Patch about the number of servers. False: its test has failed. */
static bool scale_call(struct http_call *h, const char *op, const char *path, const cJSON *o)
{
	const char *value = json_str(o, "value", NULL);
	int replicas = (int)json_int(-1, o, "value", NULL);
	bool tests = strcmp(op, "test") == 0;

	if (strstr(path, "scale-to") && tests)
		return strcmp(W.scale_note, value) == 0;
	if (strstr(path, "scale-to"))
		W.scale_note[0] = '\0';
	if (strstr(path, "replicas") && tests)
		return W.servers == replicas;
	if (strstr(path, "replicas"))
		scaled_by(h->in, replicas);
	return true;
}

/* A JSON Patch of codis.io/switchover or of the number of servers: what became of a wish is told in words only. */
static void patch_call(struct http_call *h)
{
	const cJSON *o;

	json_each(o, h->body) {
		const char *op = json_str(o, "op", NULL), *path = json_str(o, "path", NULL);
		const char *value = json_str(o, "value", NULL);

		if (!scale_call(h, op, path, o)) {
			h->code = ERR_CONFLICT;
			return;
		}
		if (strstr(path, "switched"))
			say("controller %d answers a wish: %s", h->in->index, value);
		if (!strstr(path, "switchover"))
			continue;
		if (strcmp(op, "test") == 0 && strcmp(W.wish_note, value) != 0) {
			h->code = ERR_CONFLICT;
			return;
		}
		if (strcmp(op, "test") != 0)
			snprintf(W.wish_note, sizeof(W.wish_note), "%s", value ? value : "");
	}
}

static void set_one(char *note, size_t size, const cJSON *annotations, const char *name)
{
	const cJSON *value = json_get(annotations, name, NULL);

	if (cJSON_IsNull(value))
		note[0] = '\0';
	else if (cJSON_IsString(value))
		snprintf(note, size, "%s", value->valuestring);
}

/* Of slots that move, and whether they are to. */
static void set_notes(const cJSON *annotations)
{
	set_one(W.slots_note, sizeof(W.slots_note), annotations, "codis.io/slots");
	set_one(W.lost_note, sizeof(W.lost_note), annotations, "codis.io/data-lost");
	set_one(W.had_note, sizeof(W.had_note), annotations, "codis.io/had-slots");
	set_one(W.moving_note, sizeof(W.moving_note), annotations, "codis.io/moving");
}

static void set_notes_beside(const cJSON *annotations)
{
	struct beside *b = &W.beside;

	set_one(b->slots_note, sizeof(b->slots_note), annotations, "codis.io/slots");
	set_one(b->lost_note, sizeof(b->lost_note), annotations, "codis.io/data-lost");
	set_one(b->had_note, sizeof(b->had_note), annotations, "codis.io/had-slots");
	set_one(b->moving_note, sizeof(b->moving_note), annotations, "codis.io/moving");
}

static void set_call(struct http_call *h)
{
	const cJSON *annotations = json_get(h->body, "metadata", "annotations", NULL);
	const char *name = strrchr(h->path, '/');

	h->answer = cJSON_CreateObject();
	if (strcmp(name, "/codis-server-b") == 0) {
		set_notes_beside(annotations);
	} else {
		if (json_is(h->body, cJSON_Array))
			patch_call(h);
		set_notes(annotations);
	}
	kube_tell_set();
}

#define BY_ADDRESS "/api/v1/pods?fieldSelector=status.podIP%3D"
#define ADDRESS_US MS(4)
static bool by_address(const struct http_call *h)
{
	return strncmp(h->path, BY_ADDRESS, strlen(BY_ADDRESS)) == 0;
}

static void address_call(struct http_call *h)
{
	const char *ip = h->path + strlen(BY_ADDRESS);
	char own[SIM_ADDR];

	snprintf(own, sizeof(own), "%.*s", (int)strcspn(ip, ","), ip);
	h->answer = kube_pods_at(own);
}

static void on_api_call(void *ctx, int64_t arg)
{
	struct http_call *h = ctx;
	const char *pods = strstr(h->path, "/namespaces/" NAMESPACE "/pods/");

	if (h->in->api_cut) {
		h->in->api_cut_us = W.now;
		if (h->in->alive && h->in->epoch == (uint32_t)arg)
			after_in(h->in, h->timeout_us, on_api_answer, h, 1);
		return;
	}
	if (by_address(h))
		address_call(h);
	else if (strstr(h->path, "/leases"))
		lease_call(h);
	else if (pods)
		pod_call(h, strrchr(pods, '/') == pods + strlen("/namespaces/" NAMESPACE "/pods")
				    ? strrchr(pods, '/') + 1
				    : "/");
	else if (strstr(h->path, "/statefulsets/"))
		set_call(h);
	else if (strcmp(h->method, "GET") == 0)
		h->code = ERR_NOTFOUND;
	else
		h->answer = cJSON_CreateObject();
	if (h->in->alive && h->in->epoch == (uint32_t)arg)
		after_in(h->in, by_address(h) ? ADDRESS_US : chance_between(500, 5000), on_api_answer, h, 0);
}

struct http_call *kube_call(struct kube_client *k, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	struct http_call *h = calloc(1, sizeof(*h));

	(void)content_type;
	(void)err;
	if (strcmp(method, "DELETE") == 0 || json_is(body, cJSON_Array))
		controller_may_crash(k->in);
	*h = (struct http_call){
		.in = k->in, .kube = done, .ctx = ctx, .method = strdup(method), .path = strdup(path)
	};
	h->body = body ? cJSON_Duplicate(body, 1) : NULL;
	h->timeout_us = timeout_ms ? MS(timeout_ms) : S(10);
	after(by_address(h) ? ADDRESS_US : chance_between(500, 8000), on_api_call, h, k->in->epoch);
	return h;
}

static void tell_event(const cJSON *involved, bool warning, const char *reason, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));
static void tell_event(const cJSON *involved, bool warning, const char *reason, const char *fmt, va_list ap)
{
	char words[1024];
	int gid;

	if (!W.verbose && strcmp(reason, "PromotedBehind") != 0)
		return;
	vsnprintf(words, sizeof(words), fmt, ap);
	if (strcmp(reason, "PromotedBehind") == 0 && sscanf(words, "group %d:", &gid) == 1 && gid <= SIM_GROUPS)
		W.asked_us[gid] = W.now;
	say("%s on %s: %s: %s", warning ? "Warning" : "Event", json_str(involved, "metadata", "name", NULL), reason,
	    words);
}

void kube_event(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		const char *fmt, ...)
{
	va_list ap;

	(void)e;
	(void)kind;
	va_start(ap, fmt);
	tell_event(involved, warning, reason, fmt, ap);
	va_end(ap);
}

void kube_event_once(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		     const char *fmt, ...)
{
	va_list ap;

	(void)e;
	(void)kind;
	va_start(ap, fmt);
	tell_event(involved, warning, reason, fmt, ap);
	va_end(ap);
}
