/* Actions from their beginning to their end, on the loop: ZooKeeper, the servers, the proxies, the dashboard and the
 * API server are played here, by the functions through which they are asked (libcodis.a is an archive: these are taken
 * instead). What they are asked stands in a journal, in its order. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits.h>
#include <openssl/err.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/coordinator.h"
#include "common/codis/redis_command.h"
#include "common/codis/rest.h"
#include "common/kube/client.h"
#include "common/net/loop.h"
#include "controller/act.h"
#include "controller/act_parts.h"
#include "controller/action.h"
#include "controller/drain.h"
#include "controller/observe.h"
#include "controller/op.h"
#include "controller/roster.h"
#include "controller/scale_tell.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"

#define ABOUT   "namespace=shop product=codis-test leads=true " /* in each line of the log */
#define A       "10.0.0.1:6379"
#define B       "10.0.0.2:6379"
#define C       "10.0.0.3:6379"
#define P0      "10.0.1.0:11080"
#define P1      "10.0.1.1:11080"
#define D       "10.0.2.1:18080"
#define GROUP   "/codis3/codis-test/group/group-0001"
#define PROXIES 2
#define CZXID   77 /* of every node */

struct played_proxy {
	int delay_ms; /* until it answers to a fill */
	int fails;    /* so many fills, with ERR_TIMEOUT */
	bool refuses; /* ... or ERR_REFUSED */
	int under_way;
	bool waits; /* for what it has in flight to A: it answers to nothing until A answers or ends */
	struct answer *held;
	bool locked;
	char addr[CODIS_ADDR_MAX];        /* where its slots go */
	int lock_limit_ms, fill_limit_ms; /* how long the last lock, and what undid it or came behind it, may take */
};

struct played {
	char *journal; /* shared with a forked child */
	int pending;   /* answers that are still to be given */
	bool hurry;    /* they are given at once */

	bool exists;
	int version;
	char node[2048], lock[256];
	enum error_code write_fails, read_fails; /* ZooKeeper's answer to all of them; ERR_NONE: as it should be */
	int read_within_ms, written_within_ms;   /* what whoever asked last gave it; 0: as long as it takes */
	void (*on_write)(void);                  /* called before a write is answered */
	const char *when;                        /* once the journal has these words, then is called, once: before */
	void (*then)(void);                      /* anybody can answer to what was asked */

	bool notes_questions;        /* in the journal, those to proxies */
	void (*on_asked)(int proxy); /* called before a proxy says where it sends what; NULL: none can be asked */
	int asked_ms;                /* until it does */
	int p1_asked_ms;             /* ... and proxy 1 so much later */
	int64_t p1_first_ms;         /* when it was asked first */
	int64_t offset_a, offset_b, catch_up; /* B comes nearer by catch_up at each INFO */
	bool b_leads, b_syncs, role_refused;
	bool b_ends;             /* its preStop hook says so */
	bool watertight;         /* B gets the role when A can acknowledge nothing any more that B has not */
	enum error_code a_fails; /* what A answers to so many commands */
	int a_fails_times;
	bool b_ended;
	void (*on_delete)(void); /* called so long after a pod was deleted */
	int on_delete_ms;
	enum error_code b_fails;
	struct played_proxy proxies[PROXIES];
	enum error_code kube_fails, dashboard_fails;
	int asked_for_ms; /* how long a dashboard was given last */
	bool assign_hangs;
	struct answer *assign_held;
	char assigned[4096];
};

static struct played w;

#define JOURNAL_MAX 65536

__attribute__((format(printf, 1, 2))) static void note(const char *fmt, ...)
{
	size_t used = strlen(w.journal);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w.journal + used, JOURNAL_MAX - used, fmt, ap);
	va_end(ap);
	if (w.when && strstr(w.journal, w.when)) {
		w.when = NULL;
		w.then();
	}
}

static char letter(const char *addr)
{
	return addr && strncmp(addr, "10.0.0.", 7) == 0 ? (char)('A' + addr[7] - '1') : '?';
}

/* What is asked of a peer takes memory of who asks. */
static int ask(struct error *err)
{
	char *volatile some = malloc(1);

	free(some);
	return some ? 0 : error_set(err, ERR_NOMEM, "played: no memory");
}

/* --- answers come in a later turn of the loop --------------------------------------------------------------------- */

struct answer {
	struct loop_timer *timer;
	void (*give)(struct answer *a);
	void *done, *ctx;
	struct error err;
	char text[2048];
	char path[256];
	int version;
	struct played_proxy *proxy;
};

static void give_answer(void *ctx)
{
	struct answer *a = ctx;

	loop_timer_stop(&a->timer);
	w.pending--;
	a->give(a);
	free(a);
}

/* What proxies wait for has come, or will never come. */
static void free_proxies(void)
{
	for (int i = 0; i < PROXIES; i++) {
		struct answer *held = w.proxies[i].held;

		w.proxies[i].waits = false;
		w.proxies[i].held = NULL;
		if (held)
			loop_timer_set(held->timer, 1);
	}
}

static struct answer *answer_after(int ms, void (*give)(struct answer *a), void *done, void *ctx)
{
	struct answer *a = calloc(1, sizeof(*a));

	assert_non_null(a);
	a->give = give;
	a->done = done;
	a->ctx = ctx;
	a->timer = loop_timer_start(&world.uv, w.hurry ? 0 : (uint64_t)ms, 0, give_answer, a);
	w.pending++;
	return a;
}

static const struct error *failure(struct answer *a)
{
	return a->err.code == ERR_NONE ? NULL : &a->err;
}

static void fail_with(struct answer *a, enum error_code code)
{
	if (code != ERR_NONE)
		error_set(&a->err, code, "played: %s", code == ERR_CONFLICT ? "conflict" : "failure");
}

/* --- ZooKeeper ---------------------------------------------------------------------------------------------------- */

static void give_node(struct answer *a)
{
	struct coordinator_stat stat = { .version = a->version, .czxid = CZXID, .mzxid = CZXID + a->version };

	((coordinator_done)a->done)(a->ctx, a->text, strlen(a->text), &stat, failure(a));
}

static bool is_group(const char *path)
{
	return strcmp(path, GROUP) == 0;
}

int coordinator_get(struct coordinator *zk, const char *path, coordinator_done done, void *ctx, struct error *err)
{
	struct answer *a;

	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	a = answer_after(1, give_node, (void *)done, ctx);
	(void)zk;
	a->version = is_group(path) ? w.version : 0;
	snprintf(a->text, sizeof(a->text), "%s", is_group(path) ? w.node : w.lock);
	fail_with(a, w.read_fails ? w.read_fails : a->text[0] ? ERR_NONE : ERR_NOTFOUND);
	return 0;
}

int coordinator_get_within(struct coordinator *zk, const char *path, int ms, coordinator_done done, void *ctx,
			   struct error *err)
{
	w.read_within_ms = ms;
	return coordinator_get(zk, path, done, ctx, err);
}

static void note_node(const char *what, int version, const char *text)
{
	cJSON *json JSON_CLEANUP = json_parse(text, strlen(text), JSON_ITEMS, NULL);
	struct codis_group g;

	assert_int_equal(codis_group_parse(json, &g, NULL), 0);
	note("%s %d: ", what, version);
	for (int i = 0; i < g.count; i++)
		note("%c", letter(g.servers[i].addr));
	note("%s%s\n", g.promoting_state, g.out_of_sync ? " out of sync" : "");
}

static void give_written(struct answer *a)
{
	if (w.on_write)
		w.on_write();
	if (w.write_fails)
		fail_with(a, w.write_fails);
	else if (a->version != (w.exists ? w.version : -1))
		fail_with(a, w.exists ? ERR_CONFLICT : ERR_NOTFOUND);
	if (!failure(a)) {
		w.exists = true;
		a->version = ++w.version;
		snprintf(w.node, sizeof(w.node), "%s", a->text);
	}
	give_node(a);
}

int coordinator_set(struct coordinator *zk, const char *path, const char *data, size_t len, int version,
		    coordinator_done done, void *ctx, struct error *err)
{
	struct answer *a;

	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	a = answer_after(1, give_written, (void *)done, ctx);
	(void)zk;
	assert_true(is_group(path));
	a->version = version;
	snprintf(a->text, sizeof(a->text), "%.*s", (int)len, data);
	note_node("set", version, a->text);
	return 0;
}

int coordinator_set_within(struct coordinator *zk, const char *path, const char *data, size_t len, int version, int ms,
			   coordinator_done done, void *ctx, struct error *err)
{
	w.written_within_ms = ms;
	return coordinator_set(zk, path, data, len, version, done, ctx, err);
}

int coordinator_create(struct coordinator *zk, const char *path, const char *data, size_t len, coordinator_done done,
		       void *ctx, struct error *err)
{
	struct answer *a;

	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	a = answer_after(1, give_written, (void *)done, ctx);
	(void)zk;
	assert_true(is_group(path));
	a->version = -1;
	snprintf(a->text, sizeof(a->text), "%.*s", (int)len, data);
	note_node("create", 0, a->text);
	return 0;
}

int coordinator_delete(struct coordinator *zk, const char *path, const struct coordinator_stat *what,
		       coordinator_done done, void *ctx, struct error *err)
{
	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)zk;
	assert_int_equal(what->czxid, CZXID);
	note("delete %s %d\n", path, what->version);
	fail_with(answer_after(1, give_node, (void *)done, ctx), w.write_fails);
	return 0;
}

int coordinator_list(struct coordinator *zk, const char *path, coordinator_names done, void *ctx, struct error *err)
{
	(void)zk;
	(void)path;
	(void)done;
	(void)ctx;
	return error_set(err, ERR_IO, "not played");
}

struct coordinator *coordinator_open(uv_loop_t *uv, const struct coordinator_config *cfg, struct error *err)
{
	(void)uv;
	(void)cfg;
	error_set(err, ERR_IO, "not played");
	return NULL;
}

void coordinator_close(struct coordinator *zk)
{
	(void)zk;
}

int64_t coordinator_spent_us(const struct coordinator *c)
{
	(void)c;
	return 0;
}

bool coordinator_ready(const struct coordinator *zk)
{
	(void)zk;
	return true;
}

bool coordinator_hears(const struct coordinator *zk, int member)
{
	(void)zk;
	(void)member;
	return true;
}

/* --- servers ------------------------------------------------------------------------------------------------------ */

static void give_text(struct answer *a)
{
	((redis_done)a->done)(a->ctx, a->text, failure(a));
}

static void say_info(char who, char *out, size_t size)
{
	bool leads = who == 'A' || w.b_leads;

	snprintf(out, size,
		 "run_id:%040d\r\nrole:%s\r\nmaster_host:10.0.0.1\r\nmaster_port:6379\r\nmaster_link_status:up\r\n"
		 "slave_repl_offset:%lld\r\nmaster_repl_offset:%lld\r\nmaster_sync_in_progress:%d\r\nhz:%s\r\n",
		 who, leads ? "master" : "slave", (long long)w.offset_b,
		 (long long)(who == 'A' ? w.offset_a : w.offset_b), who == 'B' && w.b_syncs,
		 who == 'B' && w.b_ends ? CODIS_ENDING_HZ : "10");
	if (who == 'B')
		w.offset_b += w.catch_up;
}

/* What A acknowledges from here on is lost: it must not be able to, or B must have it all. */
static void take_role_of_b(void)
{
	for (int i = 0; i < PROXIES && w.watertight; i++)
		assert_true(!w.proxies[i].waits || w.a_fails == ERR_REFUSED);
	if (w.watertight)
		assert_true(w.offset_b >= w.offset_a);
	w.b_leads = true;
}

static void play_command(struct answer *a, const char *addr, const struct redis_words *words)
{
	const char *command = words->argv[0];

	note("%c", letter(addr));
	for (int i = 0; i < words->argc; i++)
		note(" %s", words->argv[i]);
	note("\n");
	if (letter(addr) == 'B' && w.b_fails) {
		fail_with(a, w.b_fails);
	} else if (letter(addr) == 'A' && w.a_fails_times > 0) {
		w.a_fails_times--;
		fail_with(a, w.a_fails);
	} else if (letter(addr) == 'B' && w.b_ended)
		fail_with(a, ERR_REFUSED);
	else if (strcmp(command, "INFO") == 0)
		say_info(letter(addr), a->text, sizeof(a->text));
	else if (strcmp(command, "SLAVEOF") == 0 && w.role_refused)
		fail_with(a, ERR_STATUS);
	else if (strcmp(command, "SLAVEOF") == 0 && letter(addr) == 'B')
		take_role_of_b();
}

int redis_commands(uv_loop_t *uv, const char *addr, const char *auth, const struct redis_words *words, int count,
		   int timeout_ms, redis_done done, void *ctx, struct error *err)
{
	struct answer *a;

	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	a = answer_after(1, give_text, (void *)done, ctx);
	(void)uv;
	(void)auth;
	(void)timeout_ms;
	for (int i = 0; i < count; i++) {
		play_command(a, addr, &words[i]);
		if (words[i].check && (failure(a) || words[i].check(ctx, a->text, &a->err) < 0))
			break;
	}
	return 0;
}

int redis_command(uv_loop_t *uv, const char *addr, const char *auth, int argc, const char *const *argv, int timeout_ms,
		  redis_done done, void *ctx, struct error *err)
{
	struct redis_words words = { .argc = argc, .argv = argv };

	return redis_commands(uv, addr, auth, &words, 1, timeout_ms, done, ctx, err);
}

/* --- proxies and the dashboard ------------------------------------------------------------------------------------ */

static void give_json(struct answer *a)
{
	((codis_done)a->done)(a->ctx, NULL, failure(a));
}

static void give_filled(struct answer *a)
{
	a->proxy->under_way--;
	if (!failure(a)) {
		a->proxy->locked = a->version;
		snprintf(a->proxy->addr, sizeof(a->proxy->addr), "%.*s", CODIS_ADDR_MAX - 1, a->text);
	}
	give_json(a);
}

int proxy_fill_slots(struct http_client *http, const char *addr, const char *xauth, const cJSON *slots, int timeout_ms,
		     codis_done done, void *ctx, struct error *err)
{
	struct played_proxy *p = &w.proxies[addr[7] - '0'];
	struct answer *a;
	struct codis_slot slot;

	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	a = answer_after(p->delay_ms, give_filled, (void *)done, ctx);
	(void)http;
	(void)xauth;
	assert_int_equal(p->under_way, 0); /* one at a time */
	p->under_way++;
	assert_int_equal(codis_slot_parse(cJSON_GetArrayItem(slots, 0), &slot, NULL), 0);
	a->proxy = p;
	a->version = slot.locked;
	*(slot.locked ? &p->lock_limit_ms : &p->fill_limit_ms) = timeout_ms;
	snprintf(a->text, sizeof(a->text), "%s", slot.addr);
	note("p%c %d slots to %c%s\n", addr[7], cJSON_GetArraySize(slots), letter(slot.addr),
	     slot.locked ? " locked" : "");
	if (p->waits) {
		p->held = a;
		loop_timer_clear(a->timer);
	}
	if (p->fails) {
		p->fails--;
		fail_with(a, p->refuses ? ERR_REFUSED : ERR_TIMEOUT);
	}
	return 0;
}

/* Its slots are left out: they are what was held of them by then. */
static void give_overview(struct answer *a)
{
	JSON_CLEANUP cJSON *json = json_parse(a->text, strlen(a->text), JSON_ITEMS, NULL);

	w.on_asked((int)(a->proxy - w.proxies));
	((codis_done)a->done)(a->ctx, json, NULL);
}

int proxy_overview(struct http_client *http, const char *addr, int timeout_ms, struct overview_slots *slots,
		   codis_done done, void *ctx, struct error *err)
{
	struct answer *a;

	(void)slots;
	(void)http;
	(void)timeout_ms;
	if (w.notes_questions)
		note("p%c is asked\n", addr[7]);
	if (!w.on_asked)
		return error_set(err, ERR_IO, "not played");
	if (addr[7] == '1' && !w.p1_first_ms)
		w.p1_first_ms = clock_mono_ms();
	a = answer_after(w.asked_ms + (addr[7] == '1' ? w.p1_asked_ms : 0), give_overview, (void *)done, ctx);
	a->proxy = &w.proxies[addr[7] - '0'];
	snprintf(a->text, sizeof(a->text),
		 "{\"model\":{\"token\":\"token-%c\"},\"stats\":{\"online\":true},\"slots\":[]}", addr[7]);
	return 0;
}

int codis_knock(struct http_client *http, const char *addr, int timeout_ms, codis_done done, void *ctx,
		struct error *err)
{
	(void)http, (void)addr, (void)timeout_ms, (void)done, (void)ctx;
	return error_set(err, ERR_IO, "not played");
}

int dashboard_overview(struct http_client *http, const char *addr, int timeout_ms, struct overview_slots *slots,
		       codis_done done, void *ctx, struct error *err)
{
	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)http;
	(void)addr;
	(void)slots;
	w.asked_for_ms = timeout_ms;
	fail_with(answer_after(1, give_json, (void *)done, ctx), w.dashboard_fails);
	return 0;
}

int dashboard_reload(struct http_client *http, const char *addr, const char *product, codis_done done, void *ctx,
		     struct error *err)
{
	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)http;
	(void)addr;
	(void)product;
	note("reload\n");
	answer_after(1, give_json, (void *)done, ctx);
	return 0;
}

int dashboard_online_proxy(struct http_client *http, const char *addr, const char *product, const char *admin_addr,
			   codis_done done, void *ctx, struct error *err)
{
	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)http;
	(void)product;
	note("%s online %s\n", addr, admin_addr);
	answer_after(1, give_json, (void *)done, ctx);
	return 0;
}

int dashboard_assign_slots(struct http_client *http, const char *addr, const char *product, const cJSON *slots,
			   codis_done done, void *ctx, struct error *err)
{
	const cJSON *item;
	int64_t last = 0;

	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)http;
	(void)addr;
	(void)product;
	cJSON_ArrayForEach(item, slots) {
		if (json_int(0, item, "group_id", NULL) != last)
			note("from %d to group %d\n", (int)json_int(-1, item, "id", NULL),
			     (int)json_int(0, item, "group_id", NULL));
		last = json_int(0, item, "group_id", NULL);
	}
	note("%d slots\n", cJSON_GetArraySize(slots));
	if (w.assign_hangs)
		fail_with(w.assign_held = answer_after(60000, give_json, (void *)done, ctx), ERR_IO);
	else
		answer_after(1, give_json, (void *)done, ctx);
	return 0;
}

int dashboard_move_slot(struct http_client *http, const char *addr, const char *product, int slot, int gid,
			codis_done done, void *ctx, struct error *err)
{
	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)http;
	(void)product;
	note("%s slot %d to group %d\n", addr, slot, gid);
	fail_with(answer_after(1, give_json, (void *)done, ctx), w.dashboard_fails);
	return 0;
}

int dashboard_set_interval(struct http_client *http, const char *addr, const char *product, int us, codis_done done,
			   void *ctx, struct error *err)
{
	if (ask(err) < 0)
		return -1;
	NOMEM_PAUSE;
	(void)http;
	(void)product;
	note("%s interval %d\n", addr, us);
	fail_with(answer_after(1, give_json, (void *)done, ctx), w.dashboard_fails);
	return 0;
}

/* It passes while a test runs. */
static void mask_time(char *text)
{
	char *at = strstr(text, "\"lastTransitionTime\":\"20");

	if (at)
		memset(at + strlen("\"lastTransitionTime\":\""), '?', strlen("2026-01-01T00:00:00"));
}

/* --- the API server ----------------------------------------------------------------------------------------------- */

static void give_event(struct answer *a)
{
	((void (*)(void))a->done)();
}

#define TIME "lastTransitionTime\":\"" /* when it is, is no matter of the journal */

struct http_call *kube_call(struct kube_client *k, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	char *text, *time;

	if (ask(err) < 0)
		return NULL;
	NOMEM_PAUSE;
	text = cJSON_PrintUnformatted(body);
	time = text ? strstr(text, TIME) : NULL;
	if (time)
		memcpy(time + strlen(TIME), "20YY-MM-DDTHH:MM:SS", 19);
	(void)k;
	(void)content_type;
	(void)timeout_ms;
	mask_time(text);
	note("%s %s %s\n", method, path, text);
	cJSON_free(text);
	fail_with(answer_after(1, give_json, (void *)done, ctx), w.kube_fails);
	if (w.on_delete)
		answer_after(w.on_delete_ms, give_event, (void *)w.on_delete, NULL);
	return (struct http_call *)&w;
}

struct http_call *kube_list(struct kube_client *k, const char *path, int timeout_ms, int idle_ms,
			    void (*on_page)(void *ctx, struct json_span page, const struct error *err), void *ctx,
			    struct error *err)
{
	(void)k;
	(void)path;
	(void)timeout_ms;
	(void)idle_ms;
	(void)on_page;
	(void)ctx;
	error_set(err, ERR_IO, "not played");
	return NULL;
}

struct http_call *kube_stream(struct kube_client *k, const char *path, int timeout_ms, int idle_ms,
			      int (*on_data)(void *ctx, const char *data, size_t len), kube_done done, void *ctx,
			      struct error *err)
{
	(void)k;
	(void)path;
	(void)timeout_ms;
	(void)idle_ms;
	(void)on_data;
	(void)done;
	(void)ctx;
	error_set(err, ERR_IO, "not played");
	return NULL;
}

struct kube_client *kube_client_new(uv_loop_t *uv, const struct kube_config *cfg, struct error *err)
{
	(void)uv;
	(void)cfg;
	error_set(err, ERR_IO, "not played");
	return NULL;
}

void kube_client_free(struct kube_client *k)
{
	(void)k;
}

/* --- the world ---------------------------------------------------------------------------------------------------- */

static void no_look(uv_timer_t *t)
{
	(void)t;
}

static void add_proxy(int i)
{
	char addr[CODIS_ADDR_MAX];
	struct observed_proxy *p;

	snprintf(addr, sizeof(addr), "10.0.1.%d:11080", i);
	p = cluster_proxy(world.c, addr, true);
	assert_non_null(p);
	snprintf(p->token, sizeof(p->token), "token-%d", i);
	p->reach = REACH_OK;
	p->has_slots = true;
	for (int k = 0; k < CODIS_SLOTS; k++) {
		p->slots[k] = (struct codis_slot){ .id = (int16_t)k, .group = 1 };
		memcpy(p->slots[k].addr, A, sizeof(A));
	}
	w.proxies[i].delay_ms = 1;
	memcpy(w.proxies[i].addr, A, sizeof(A));
}

static void write_node(const struct codis_group *g)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);

	assert_int_equal(codis_group_write(g, &text), 0);
	snprintf(w.node, sizeof(w.node), "%s", text.data);
}

/* Group 1 is A, B at version 7; A leads, two proxies send all slots to it. */
static int begin(void **state)
{
	struct observed_group *g;

	(void)state;
	memset(&w, 0, sizeof(w));
	w.journal = mmap(NULL, JOURNAL_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(w.journal != MAP_FAILED);
	controller_world_begin("shop");
	world.c->zk = (struct coordinator *)(void *)&w;
	world.c->look = no_look;
	world.c->last_tick_ms = 0; /* nobody ticks: a machine that stalls for a second has not slept */
	uv_timer_init(&world.uv, &world.c->soon);
	memcpy(world.c->dashboard.addr, D, sizeof(D));
	g = cluster_group(world.c, 1, true);
	assert_non_null(g);
	codis_group_append(&g->node, A);
	codis_group_append(&g->node, B);
	g->exists = w.exists = true;
	g->version = w.version = 7;
	write_node(&g->node);
	for (int i = 0; i < PROXIES; i++)
		add_proxy(i);
	w.offset_a = w.offset_b = 1000;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	w.watertight = false; /* what goes on behind a test that has failed */
	free_proxies();
	while (w.pending)
		uv_run(&world.uv, UV_RUN_ONCE);
	assert_int_equal(world.c->running, 0);
	uv_close((uv_handle_t *)&world.c->soon, NULL);
	uv_run(&world.uv, UV_RUN_DEFAULT);
	controller_world_end();
	munmap(w.journal, JOURNAL_MAX);
	return 0;
}

#define ACT_TEST(name) TEST_WITH(name, begin, finish)

static struct action action_of(enum action_kind kind, const char *addr)
{
	struct action a = {
		.kind = kind, .subject = action_subject(kind), .exists = true, .version = 7, .why = "seen"
	};

	a.gid = a.subject == SUBJECT_GROUP || a.subject == SUBJECT_SERVER || kind == ACT_FILL_PROXY ||
		kind == ACT_REMOVE_GROUP;
	snprintf(a.addr, sizeof(a.addr), "%s", addr);
	snprintf(a.pod, sizeof(a.pod), "pod-%c", letter(addr));
	snprintf(a.uid, sizeof(a.uid), "uid-%c", letter(addr));
	if (a.subject == SUBJECT_GROUP) {
		memcpy(a.from, A, sizeof(A));
		memcpy(a.from_pod, "pod-A", sizeof("pod-A"));
	}
	memcpy(a.master, A, sizeof(A));
	memcpy(a.token, "token-0", sizeof("token-0"));
	return a;
}

static void start(enum action_kind kind, const char *addr)
{
	struct action a = action_of(kind, addr);

	act(world.c, &a);
}

static void until_idle(void)
{
	while (world.c->running)
		uv_run(&world.uv, UV_RUN_ONCE);
}

static void set_pod(const char *app, const char *name, const char *ip)
{
	fixture_set_pod(world.inv, &(struct fixture_pod){ .namespace = "shop", .app = app, .name = name, .ip = ip });
}

/* B has a pod, and this process was heard there last. */
static void hear_b(const char *run_id)
{
	set_pod("codis-server", "codis-server-1", "10.0.0.2");
	roster_take_stock(world.c);
	cluster_server(world.c, B)->info_valid = true;
	snprintf(cluster_server(world.c, B)->info.run_id, CODIS_RUN_ID_SIZE, "%s", run_id);
}

static const char *run_id_of(char who)
{
	static char run_id[CODIS_RUN_ID_SIZE];

	snprintf(run_id, sizeof(run_id), "%040d", who);
	return run_id;
}

static void run(enum action_kind kind, const char *addr)
{
	start(kind, addr);
	until_idle();
}

/* The loop turns until the journal has these words. */
static void until_noted(const char *words)
{
	while (!strstr(w.journal, words) && world.c->running)
		uv_run(&world.uv, UV_RUN_ONCE);
	assert_non_null(strstr(w.journal, words));
}

static void assert_journal(const char *expected)
{
	assert_string_equal(w.journal, expected);
}

static const char *logged(void)
{
	static char text[JOURNAL_MAX];
	ssize_t n = pread(world.log.fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static bool is_logged(const char *words)
{
	return strstr(logged(), words) != NULL;
}

static void assert_logged(const char *words)
{
	if (!is_logged(words))
		fail_msg("not in the log: %s\n%s", words, logged());
}

static struct observed_group *group(void)
{
	return cluster_group(world.c, 1, false);
}

static void assert_slots(int proxy, const char *addr, bool locked)
{
	assert_string_equal(w.proxies[proxy].addr, addr);
	assert_int_equal(w.proxies[proxy].locked, locked);
}

/* Somebody else gives the group to `first` (with the others behind it), and our periodic read takes it in. */
static void others_write(const char *first, bool we_read_it)
{
	struct codis_group g = group()->node;

	assert_int_equal(codis_group_lead(&g, first), 0);
	write_node(&g);
	w.version = 9;
	if (we_read_it) {
		group()->node = g;
		group()->version = 9;
	}
}

/* --- out_of_sync -------------------------------------------------------------------------------------------------- */

ACT_TEST(a_group_that_is_in_sync_is_marked)
{
	group()->node.out_of_sync = true;
	write_node(&group()->node);
	run(ACT_MARK_IN_SYNC, A);
	assert_journal("set 7: AB\n");
	assert_int_equal(group()->version, 8);
	assert_false(group()->node.out_of_sync);
	assert_true(world.c->reload_due); /* with the next overview, once for all groups */
	assert_logged("event=action.done " ABOUT "action=mark-in-sync");
}

ACT_TEST(a_promotion_leaves_nothing_out_of_sync)
{
	group()->node.out_of_sync = true;
	write_node(&group()->node);
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "set 7: BA\n"));
	assert_false(group()->node.out_of_sync);
}

/* --- promote and switch ------------------------------------------------------------------------------------------- */

/* B's address was one of group 2, of which proxy 0 still sends slots there: B would take them for its own. */
ACT_TEST(slots_of_another_group_are_held_before_their_address_gets_a_role)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	for (int i = 3; i < 5; i++) {
		p->slots[i].group = 2;
		memcpy(p->slots[i].addr, B, sizeof(B));
	}
	p->slots[5].group = 2; /* held already */
	p->slots[5].locked = true;
	memcpy(p->slots[5].addr, B, sizeof(B));
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\n"
		       "p0 2 slots to B locked\n"
		       "B SLAVEOF NO ONE\n"
		       "B CONFIG SET repl-ping-slave-period 1\n"
		       "B INFO\n"
		       "p0 1021 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_true(p->slots[3].locked && p->slots[4].locked && !p->slots[6].locked);
	assert_int_equal(p->slots[3].group, 2);
}

/* A proxy that does not answer to that in time is not waited for longer. */
ACT_TEST(slots_of_another_group_that_cannot_be_held_keep_nobody_waiting)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	p->slots[3].group = 2;
	memcpy(p->slots[3].addr, B, sizeof(B));
	w.proxies[0].fails = 1;
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "p0 1 slots to B locked\nB SLAVEOF NO ONE\n"));
	assert_logged("event=action.done " ABOUT "action=promote");
}

/* They hold up what is in flight to a dead server, for its time-out: what B took meanwhile would be lost to group 2. */
ACT_TEST(slots_of_another_group_are_waited_for_as_long_as_a_fill)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	p->slots[3].group = 2;
	memcpy(p->slots[3].addr, B, sizeof(B));
	w.proxies[0].delay_ms = 1200;
	start(ACT_PROMOTE, B);
	until_noted("B SLAVEOF NO ONE\n");
	assert_true(p->slots[3].locked);
	until_idle();
}

/* Proxy 0 is just being told that group 2 is led at B's address, as it was. */
ACT_TEST(slots_of_another_group_that_are_on_their_way_to_that_address_are_held)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);
	struct observed_group *g = cluster_group(world.c, 2, true);
	struct action a = action_of(ACT_FILL_PROXY, P0);

	codis_group_append(&g->node, B);
	g->exists = true;
	snprintf(w.lock, sizeof(w.lock), "{}"); /* any other node: it is there, at version 0 */
	p->slots[3].group = 2;
	memcpy(p->slots[3].addr, C, sizeof(C));
	w.proxies[0].delay_ms = 20;
	a.gid = 2;
	a.version = 0;
	act(world.c, &a);
	until_noted("p0 1 slots to B\n");
	start(ACT_PROMOTE, B);
	until_noted("B SLAVEOF NO ONE\n");
	assert_true(p->slots[3].locked);
	until_idle();
	assert_non_null(
		strstr(w.journal, "p0 1 slots to B\nset 7: BA\np0 1 slots to B locked\nreload\nB SLAVEOF NO ONE\n"));
	assert_string_equal(p->slots[3].addr, B);
}

static void refuse_old_master(void)
{
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	cluster_server(world.c, A)->reach = REACH_REFUSED;
}

/* Nobody can be written to but the new master, whatever the dashboard knows of the group. */
ACT_TEST(clients_of_a_master_that_has_ended_come_back_before_the_dashboard_reads)
{
	int64_t soon_ms;

	refuse_old_master();
	run(ACT_PROMOTE, B);
	assert_null(strstr(w.journal, "reload\n"));
	soon_ms = world.c->reload_ms;
	assert_true(soon_ms > 0 && soon_ms <= clock_mono_ms() + 50);
	observe(world.c, soon_ms - 1);
	assert_null(strstr(w.journal, "reload\n"));
	observe(world.c, soon_ms);
	observe(world.c, soon_ms + 1); /* once */
	assert_string_equal(strstr(w.journal, "reload\n"), "reload\n");
	assert_int_equal(world.c->reload_ms, 0);
}

/* It fills proxies with what it knows. */
ACT_TEST(a_dashboard_that_moves_slots_reads_again_at_once)
{
	refuse_old_master();
	world.c->dashboard.slot_acting[7] = true;
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "reload\n"));
	assert_int_equal(world.c->reload_ms, 0);
}

ACT_TEST(a_dashboard_reads_again_though_a_proxy_hangs)
{
	w.proxies[1].delay_ms = 400;
	start(ACT_PROMOTE, B);
	until_noted("reload\n");
	assert_true(world.c->running);
	assert_slots(0, B, false);
	assert_slots(1, A, false);
	until_idle();
	assert_slots(1, B, false);
}

/* How long it took is how long that one was waited for, and not how long others' clients were. */
ACT_TEST(a_proxy_that_does_not_take_a_promotion_is_named)
{
	w.proxies[1].fails = INT_MAX;
	run(ACT_PROMOTE, B);
	assert_slots(0, B, false);
	assert_logged(" filled=1 unfilled=1 ");
	assert_non_null(strstr(world.events, " ms, in which 1 of 2 proxies did not take it (" P1 ")"));
}

/* A dashboard that has not read yet takes it in, or fills it: the group is left alone by decisions until p1 answers. */
ACT_TEST(a_proxy_that_is_filled_back_while_another_hangs_is_filled_again)
{
	struct observed_proxy *p0 = world.c->proxies[0];

	w.proxies[1].delay_ms = 700;
	start(ACT_PROMOTE, B);
	until_noted("reload\n");
	assert_slots(0, B, false);
	memcpy(w.proxies[0].addr, A, sizeof(A));
	for (int i = 0; i < CODIS_SLOTS; i++)
		memcpy(p0->slots[i].addr, A, sizeof(A)); /* as it is heard */
	until_noted("reload\np0 1024 slots to B\n");
	assert_slots(1, A, false);
	until_idle();
	assert_null(strstr(w.journal, "p0 1024 slots to B\np0")); /* once */
	assert_slots(0, B, false);
	assert_slots(1, B, false);
}

/* What the metrics count for the cluster. */
static void assert_tally(int failovers, int switches, int failed)
{
	assert_int_equal(world.c->tally.failovers, failovers);
	assert_int_equal(world.c->tally.switches, switches);
	assert_int_equal(world.c->tally.failed, failed);
}

ACT_TEST(a_promotion_goes_fence_role_fill_reload)
{
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\n"
		       "B SLAVEOF NO ONE\n"
		       "B CONFIG SET repl-ping-slave-period 1\n"
		       "B INFO\n"
		       "p0 1024 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_int_equal(group()->version, 8);
	assert_int_equal(cluster_server(world.c, B)->role_version, 8);
	assert_int_equal(cluster_server(world.c, B)->role_group, 1);
	assert_string_equal(group()->node.servers[0].addr, B);
	assert_int_equal(group()->done.times, 1);
	assert_int_equal(calm_recent(&group()->silences, 1000, clock_mono_ms()), 0);
	assert_slots(1, B, false);
	assert_logged("event=action.begun " ABOUT "action=promote subject=group group=1 addr=10.0.0.2:6379 "
		      "pod=pod-B from=10.0.0.1:6379 master=10.0.0.1:6379 version=7 why=\"seen\"");
	assert_logged("event=action.done " ABOUT "action=promote subject=group group=1 addr=10.0.0.2:6379");
	assert_logged(" fence=");
	assert_logged(" role=");
	assert_logged(" fill=");
	assert_logged(" filled=2 unfilled=0 why=\"seen\" error=\"\"");
	assert_counted("codis_controller_actions_total{action=\"promote\",result=\"ok\"} 1\n");
	assert_counted("codis_controller_reasons_total{action=\"promote\",reason=\"other\"} 1\n");
	assert_counted("codis_controller_change_seconds_count{action=\"promote\"} 1\n");
	assert_tally(1, 0, 0);
	assert_non_null(strstr(world.events,
			       "Warning Pod shop/pod-B Promoted: group 1: pod-B (10.0.0.2:6379) replaces pod-A "
			       "(10.0.0.1:6379): seen; "));
}

/* Its watch may be quicker than the answer to the write: it is our own all the same. */
ACT_TEST(what_was_written_by_us_was_not_written_by_others)
{
	struct coordinator_stat stat = { .version = 8, .czxid = CZXID };

	start(ACT_PROMOTE, B);
	group()->read_ms = 1;
	group()->written_ms = 5;
	observe_hear_group(world.c, 1, clock_mono_ms(), w.node, strlen(w.node), &stat, NULL);
	assert_int_equal(group()->others_version, 8);
	until_idle();
	assert_non_null(strstr(w.journal, "reload\n"));
	assert_int_equal(group()->others_version, 7);
	assert_int_equal(group()->written_ms, 5); /* that was somebody else */
}

ACT_TEST(an_empty_server_that_replaces_data_is_a_warning)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.lost_keys = 130;
	act(world.c, &a);
	until_idle();
	assert_non_null(strstr(world.events,
			       "Warning Pod shop/pod-B Promoted: group 1: pod-B (10.0.0.2:6379) replaces pod-A "
			       "(10.0.0.1:6379), empty, of a group that had about 130 keys: seen; "));
}

/* What its master had sent, and it has not, is lost. */
ACT_TEST(promotion_of_one_that_lacks_something_is_a_warning)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.lacks = 10;
	act(world.c, &a);
	until_idle();
	assert_non_null(strstr(world.events, "Warning Pod shop/pod-B Promoted: "));
}

/* What a person has promoted is another one's again: said as a warning, with how to insist. */
ACT_TEST(a_promotion_that_is_taken_back_is_a_warning)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.takes_back = true;
	act(world.c, &a);
	until_idle();
	assert_non_null(strstr(world.events,
			       "Warning Pod shop/pod-B TakenBack: group 1: pod-B (10.0.0.2:6379) replaces pod-A "
			       "(10.0.0.1:6379): seen; codis.io/allow-data-loss on the StatefulSet insists; "));
	assert_string_equal(group()->taken_back, A);
	assert_int_equal(cluster_server(world.c, B)->succession.given_ms > 0, true);
}

/* The end of a person's promotion: how B came to lead stays as it was heard, and with it what another one has that it
 * lacks. Without a role before, it has its own from us. */
ACT_TEST(role_that_a_person_has_given_is_not_made_ours)
{
	struct action a = action_of(ACT_PROMOTE, B);
	struct observed_server *b;

	set_pod("codis-server", "codis-server-1", "10.0.0.2");
	roster_take_stock(world.c);
	b = cluster_server(world.c, B);
	a.from[0] = '\0';
	b->succession.led_ms = clock_mono_ms();
	memcpy(b->succession.run_id, b->info.run_id, sizeof(b->info.run_id));
	act(world.c, &a);
	until_idle();
	assert_true(b->succession.how == SUCCESSION_UNKNOWN && !b->succession.given_ms);
	b->succession.led_ms = 0;
	a.version = 8; /* that the first one wrote */
	act(world.c, &a);
	until_idle();
	assert_true(b->succession.given_ms > 0);
}

/* What A got until it was locked. */
static void write_to_a(int64_t bytes)
{
	until_noted("p1 1024 slots to A locked");
	w.offset_a += bytes;
}

/* B is near before anything is locked, and has all of it before anything is written. */
ACT_TEST(a_switch_goes_near_lock_catch_up_fence_role_fill_reload)
{
	w.offset_b = 980;
	w.catch_up = 20;
	start(ACT_SWITCH, B);
	write_to_a(40);
	until_idle();
	assert_journal("A INFO\n"
		       "B INFO\n"
		       "B INFO\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "A INFO\n"
		       "B INFO\n"
		       "B INFO\n"
		       "set 7: BA\n"
		       "B SLAVEOF NO ONE\n"
		       "B CONFIG SET repl-ping-slave-period 1\n"
		       "B INFO\n"
		       "p0 1024 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_logged(" near=");
	assert_logged(" asked=");
	assert_logged(" lock=");
	assert_logged(" catch_up=");
	assert_logged(" fence=");
	assert_non_null(strstr(world.events, "Normal Pod shop/pod-B Switched: group 1: pod-B"));
	assert_tally(0, 1, 0);
	assert_string_equal(group()->switching_to, B);
	assert_true(group()->switched_ms > 0); /* it is over */
	assert_counted("{action=\"switch\",result=\"ok\"} 1\n");
}

/* It forks, or is busy: it is alive, and has what its replica has not. */
ACT_TEST(a_switch_asks_a_slow_master_again)
{
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = 2;
	until_idle();
	assert_non_null(strstr(
		w.journal, "locked\nA INFO\nB INFO\nA INFO\nB INFO\nA INFO\nB INFO\nset 7: BA\nB SLAVEOF NO ONE\n"));
}

ACT_TEST(a_switch_from_a_master_that_does_not_answer_locks_nothing)
{
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "p0"));
	assert_null(strstr(w.journal, "set"));
	assert_logged("error=\"the master does not say what it has: played: failure\"");
}

ACT_TEST(a_switch_from_a_master_that_does_not_answer_once_it_is_locked_unlocks)
{
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"the locked master does not say what it has: played: failure\"");
}

/* Whether its replica has all of it is for the next decision to say. */
ACT_TEST(a_switch_from_a_master_that_has_ended_is_none)
{
	w.a_fails = ERR_REFUSED;
	w.a_fails_times = INT_MAX;
	run(ACT_SWITCH, B);
	assert_journal("A INFO\nB INFO\n");
}

ACT_TEST(a_switch_from_a_master_that_ends_once_it_is_locked_takes_what_there_is)
{
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	w.a_fails = ERR_REFUSED;
	w.a_fails_times = INT_MAX;
	until_idle();
	assert_non_null(strstr(w.journal, "locked\nA INFO\nB INFO\nset 7: BA\nB SLAVEOF NO ONE\n"));
}

static void promote_over_a_silent_one(void)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.lock = true;
	act(world.c, &a);
	until_idle();
}

/* It may wake at any time: nothing is sent to it any more before its replica has the role. */
ACT_TEST(a_promotion_over_a_silent_master_locks_first)
{
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	world.c->proxies[1]->reach = REACH_SILENT; /* it was on the same node */
	world.c->proxies[1]->wanted = true;
	promote_over_a_silent_one();
	assert_journal("set 7: AB\n"
		       "p0 1024 slots to A locked\n"
		       "A INFO\n"
		       "set 8: BA\n"
		       "B INFO\n"
		       "B SLAVEOF NO ONE\n"
		       "B CONFIG SET repl-ping-slave-period 1\n"
		       "B INFO\n"
		       "p0 1024 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_slots(0, B, false);
	assert_logged(" claim=");
	assert_logged(" lock=");
}

static void b_syncs(void)
{
	struct redis_info *b = &cluster_server(world.c, B)->info;

	w.b_syncs = b->syncing = true;
	memcpy(b->master, A, sizeof(A));
}

/* Its hook lets it go. */
static void b_is_let_go(void)
{
	struct observed_server *b = cluster_server(world.c, B);

	b->info.ending = b->info.link_up = true;
	b->info.role = REDIS_ROLE_REPLICA;
	b->ending_ms = clock_mono_ms();
}

/* B is heard before, with its data, and does that at those words; A is silent, or answers so. */
static void promote_one_that_changes(const char *words, void (*then)(void), enum error_code a_answers)
{
	struct observed_server *b;

	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	b = cluster_server(world.c, B);
	b->info_valid = true;
	snprintf(b->info.run_id, sizeof(b->info.run_id), "%040d", 'B');
	w.a_fails = a_answers;
	w.a_fails_times = INT_MAX;
	w.when = words;
	w.then = then;
	promote_over_a_silent_one();
}

static void promote_one_that_syncs_once(const char *words, enum error_code a_answers)
{
	promote_one_that_changes(words, b_syncs, a_answers);
}

/* Who gives it a full sync lives, though not for us. */
ACT_TEST(a_silent_master_from_which_its_replica_syncs_anew_stays)
{
	promote_one_that_syncs_once("p1 1024 slots to A locked", ERR_TIMEOUT);
	assert_null(strstr(w.journal, "BA"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"its replica has begun a full sync with the old master, which lives, so it stays\"");
}

/* A may wake with all that it has. */
ACT_TEST(so_does_one_whose_replica_is_let_go)
{
	promote_one_that_changes("p1 1024 slots to A locked", b_is_let_go, ERR_TIMEOUT);
	assert_null(strstr(w.journal, "BA"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"its replica is about to end, so the old master, which may wake, stays\"");
}

ACT_TEST(but_over_one_that_has_ended_it_is_all_there_is)
{
	promote_one_that_changes("p1 1024 slots to A locked", b_is_let_go, ERR_REFUSED);
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
}

ACT_TEST(so_it_does_behind_the_fence)
{
	promote_one_that_syncs_once("set 8: BA\n", ERR_TIMEOUT);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_non_null(strstr(w.journal, "B INFO\nset 9: AB\np0 1024 slots to A\np1 1024 slots to A\n"));
	assert_string_equal(group()->node.servers[0].addr, A);
	assert_slots(0, A, false);
	assert_slots(1, A, false);
}

/* It has started again, empty: what the replica still has is the data. */
ACT_TEST(but_not_one_that_has_ended)
{
	promote_one_that_syncs_once("p1 1024 slots to A locked", ERR_REFUSED);
	assert_non_null(strstr(w.journal, "set 8: BA\nB INFO\nB INFO\nB SLAVEOF NO ONE\n"));
}

static void no_words(char *journal, const char *words)
{
	for (char *at; (at = strstr(journal, words)) != NULL;)
		memmove(at, at + strlen(words), strlen(at + strlen(words)) + 1);
}

/* --- a dashboard has filled a proxy behind the lock of a switch, with what it knows --- */

static void end_a(void)
{
	w.a_fails = ERR_REFUSED;
	w.a_fails_times = INT_MAX;
}

static void a_gets_more_by_p1(void)
{
	w.proxies[1].locked = false;
	w.offset_a += 100;
}

static void a_gets_more_at_the_fence(void)
{
	w.when = "set 7: BA\n";
	w.then = a_gets_more_by_p1;
	w.catch_up = 20;
	w.watertight = true; /* B has all of it when it gets the role */
}

#define LOCKED_AGAIN "set 7: BA\np0 1024 slots to A locked\np1 1024 slots to A locked\n"

ACT_TEST(what_the_old_master_gets_by_a_proxy_that_is_taken_in_behind_the_lock_is_caught_up_with)
{
	world.c->proxies[1]->wanted = true; /* and not registered yet */
	a_gets_more_at_the_fence();
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, LOCKED_AGAIN "A INFO\nB INFO\nB INFO\n"));
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(1, B, false);
	assert_logged(" again=");
}

ACT_TEST(so_is_what_it_gets_while_slots_are_moved)
{
	world.c->dashboard.slot_acting[5] = true;
	a_gets_more_at_the_fence();
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, LOCKED_AGAIN "A INFO\nB INFO\nB INFO\n"));
	assert_slots(1, B, false);
}

static void slot_5_is_sent_to_a(void)
{
	world.c->proxies[1]->slots[5].locked = false;
	a_gets_more_by_p1();
}

ACT_TEST(so_is_what_it_gets_by_a_proxy_that_is_heard_not_to_be_locked)
{
	a_gets_more_at_the_fence();
	w.then = slot_5_is_sent_to_a;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, LOCKED_AGAIN "A INFO\nB INFO\nB INFO\n"));
	assert_slots(1, B, false);
}

static void p1_does_not_answer(void)
{
	a_gets_more_by_p1();
	w.proxies[1].fails = 1;
}

/* It may go on sending to the old master, which lives. */
ACT_TEST(a_switch_that_cannot_lock_again_is_taken_back)
{
	world.c->proxies[1]->wanted = true;
	a_gets_more_at_the_fence();
	w.then = p1_does_not_answer;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_non_null(strstr(w.journal, LOCKED_AGAIN "set 8: AB\np0 1024 slots to A\np1 1024 slots to A\n"));
	assert_string_equal(group()->node.servers[0].addr, A);
	assert_slots(0, A, false);
	assert_logged("error=\"proxy 10.0.1.1:11080 could not be locked again, so the old master stays\"");
}

static void a_gets_too_much_by_p1(void)
{
	a_gets_more_by_p1();
	w.offset_a += 1000000;
}

ACT_TEST(so_is_one_that_does_not_catch_up_then)
{
	world.c->proxies[1]->wanted = true;
	a_gets_more_at_the_fence();
	w.then = a_gets_too_much_by_p1;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_non_null(strstr(w.journal, "set 8: AB\np0 1024 slots to A\np1 1024 slots to A\n"));
	assert_slots(0, A, false);
	assert_logged("error=\"the replica did not catch up with its locked master in time\"");
}

/* What it had then, B has; and nobody can be told to stay with it. */
ACT_TEST(a_switch_whose_old_master_has_ended_goes_on_where_it_cannot_lock_again)
{
	world.c->proxies[1]->wanted = true;
	w.when = "p1 1024 slots to A locked";
	w.then = end_a;
	start(ACT_SWITCH, B);
	until_noted("set 7: BA\n");
	w.proxies[1].fails = 1;
	until_idle();
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
}

/* --- slots that are held before it is clear that the master has failed --- */

static struct group_view seen_group;
static struct server_view seen_servers[2];
static const int seen_members[2] = { 0, 1 };

/* The picture, as it was made last: A is silent for so long, and B has not heard it for so long. */
static void see_silence(int ms, int io_s, bool accepts)
{
	struct cluster_view *v = &world.c->view;

	seen_group = (struct group_view){
		.node = group()->node, .exists = true, .members = seen_members, .member_count = 2
	};
	for (int i = 0; i < 2; i++) {
		struct server_view *s = &seen_servers[i];

		memset(s, 0, sizeof(*s));
		snprintf(s->addr, sizeof(s->addr), "%s", i ? B : A);
		snprintf(s->pod.name, sizeof(s->pod.name), "codis-server-%d", i);
		snprintf(s->pod.uid, sizeof(s->pod.uid), "uid-%d", i);
		s->pod.running = true;
		s->group = s->listed_group = 1;
		s->listed_index = i;
		s->reach = i ? REACH_OK : REACH_SILENT;
		s->info_valid = i == 1;
	}
	v->now_ms = 100000;
	v->kube_fresh = true;
	v->groups = &seen_group;
	v->group_count = 1;
	v->servers = seen_servers;
	v->server_count = 2;
	seen_servers[0].since_ms = v->now_ms - ms;
	seen_servers[0].accepts = accepts;
	seen_servers[1].heard_ms = v->now_ms;
	seen_servers[1].info = (struct redis_info){ .role = REDIS_ROLE_REPLICA, .link_up = true, .last_io_s = io_s };
	memcpy(seen_servers[1].info.master, A, sizeof(A));
}

static void hold_early(void)
{
	struct action a = action_of(ACT_PROMOTE, B);

	world.ctl.limits = (struct decide_limits)DECIDE_LIMITS;
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	a.lock = a.early = true;
	act(world.c, &a);
}

static int looks(void)
{
	int n = 0;

	for (const char *at = w.journal; (at = strstr(at, "A INFO\n")); at++)
		n++;
	return n;
}

ACT_TEST(slots_that_are_held_early_wait_for_the_evidence)
{
	see_silence(1000, 1, false);
	hold_early();
	until_noted("p1 1024 slots to A locked\nA INFO\nA INFO\n");
	assert_null(strstr(w.journal, "set"));
	see_silence(2000, 2, false);
	until_idle();
	assert_true(looks() >= 2);
	no_words(w.journal, "A INFO\n");
	no_words(w.journal, "B CONFIG SET repl-ping-slave-period 1\n");
	assert_journal("p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "set 7: BA\n"
		       "B INFO\n"
		       "B SLAVEOF NO ONE\n"
		       "B INFO\n"
		       "p0 1024 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_int_equal(group()->held_ms, 0);
	assert_logged(" evidence=");
}

/* The witness is not waited for longer than it takes. */
ACT_TEST(evidence_is_asked_for_while_slots_are_held)
{
	int asked;

	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	asked = cluster_server(world.c, B)->probe->asked;
	see_silence(1000, 1, false);
	hold_early();
	until_noted("A INFO\nA INFO\nA INFO\n");
	assert_true(cluster_server(world.c, B)->probe->asked >= asked + 2);
	see_silence(2000, 2, false);
	until_idle();
}

ACT_TEST(slots_that_are_held_early_are_given_back_to_a_master_that_wakes)
{
	see_silence(1000, 1, false);
	hold_early();
	until_noted("A INFO\nA INFO\n");
	w.a_fails_times = 0;
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_true(group()->held_ms > 0);
	assert_int_equal(group()->done.failures, 0); /* what is to be done next is not held up by it */
	assert_logged("error=\"the old master has woken, and stays\"");
	assert_string_equal(world.events, "");
}

/* A proxy that hangs has its lock before it, for 8 s. */
ACT_TEST(slots_are_given_back_without_waiting_for_a_proxy_that_hangs)
{
	int64_t woken_ms;

	see_silence(1000, 1, false);
	w.proxies[1].waits = true;
	hold_early();
	until_noted("A INFO\nA INFO\n");
	w.a_fails_times = 0;
	woken_ms = clock_mono_ms();
	until_idle();
	assert_slots(0, A, false);
	assert_true(clock_mono_ms() - woken_ms < 3000);
	assert_logged("error=\"the old master has woken, and stays\"");
	free_proxies();
}

ACT_TEST(slots_are_not_held_for_long_without_evidence)
{
	see_silence(1000, 1, false);
	hold_early();
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_slots(0, A, false);
	assert_logged("error=\"it is not clear whether the old master has failed, so it stays\"");
}

/* ZooKeeper's leader was on the node that is lost: freed, the slots would be sent to it. */
ACT_TEST(slots_stay_held_while_the_node_cannot_be_written)
{
	see_silence(2000, 2, false);
	w.write_fails = ERR_TIMEOUT;
	hold_early();
	until_noted("set 7: BA\nA INFO\nset 7: BA\n");
	w.write_fails = ERR_NONE;
	until_idle();
	assert_null(strstr(w.journal, "slots to A\n"));
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
	assert_slots(1, B, false);
	assert_logged("event=action.done");
}

ACT_TEST(slots_that_stay_held_are_given_back_to_a_master_that_wakes)
{
	see_silence(2000, 2, false);
	w.write_fails = ERR_TIMEOUT;
	hold_early();
	until_noted("set 7: BA\nA INFO\nset 7: BA\n");
	w.a_fails_times = 0;
	until_idle();
	assert_slots(0, A, false);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_logged("error=\"the old master has woken, and stays\"");
}

/* A write of another one is a refusal, which no time mends. */
ACT_TEST(slots_are_not_held_over_a_node_that_another_one_has_written)
{
	see_silence(2000, 2, false);
	w.write_fails = ERR_CONFLICT;
	hold_early();
	until_idle();
	no_words(w.journal, "A INFO\n");
	assert_journal("p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "set 7: BA\n"
		       "p0 1024 slots to A\n"
		       "p1 1024 slots to A\n");
}

/* The leader may be away with the master, and what it locks may be freed by it: so its group is claimed, and locked
 * once more. */
ACT_TEST(who_does_not_lead_holds_early_and_claims_behind_the_evidence)
{
	world.ctl.mandate = MANDATE_STANDBY;
	see_silence(1300, 1, false);
	hold_early();
	until_noted("A INFO\nA INFO\n");
	assert_null(strstr(w.journal, "set"));
	see_silence(2000, 2, false);
	w.write_fails = ERR_TIMEOUT;
	until_noted("set 7: AB\nA INFO\nset 7: AB\n");
	w.write_fails = ERR_NONE;
	until_idle();
	no_words(w.journal, "A INFO\n");
	no_words(w.journal, "B CONFIG SET repl-ping-slave-period 1\n");
	assert_non_null(strstr(w.journal, "set 7: AB\n"
					  "p0 1024 slots to A locked\n"
					  "p1 1024 slots to A locked\n"
					  "set 8: BA\n"
					  "B INFO\n"
					  "B SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
}

ACT_TEST(who_does_not_lead_leaves_the_evidence_to_the_one_who_does_for_a_while)
{
	int64_t began_ms = clock_mono_ms();

	world.ctl.mandate = MANDATE_STANDBY;
	see_silence(2000, 2, false);
	hold_early();
	until_noted("set 7: AB\n");
	assert_in_range(clock_mono_ms() - began_ms, 300, 5000);
	until_idle();
}

/* It was quicker: its fills are not undone. */
ACT_TEST(slots_that_were_locked_beside_the_leader_are_left_to_it)
{
	world.ctl.mandate = MANDATE_STANDBY;
	see_silence(2000, 2, false);
	hold_early();
	until_noted("A INFO\n");
	others_write(B, true);
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_null(strstr(w.journal, "slots to A\n"));
}

/* It was asked as soon as the master fell silent, and lives on the same node. */
ACT_TEST(a_proxy_that_is_away_with_the_master_is_not_waited_for)
{
	struct observed_proxy *p = world.c->proxies[1];

	set_pod("codis-server", "codis-server-0", "10.0.0.1");
	set_pod("codis-proxy", "codis-proxy-1", "10.0.1.1");
	memcpy(p->registered_token, "t1", sizeof("t1"));
	p->asking = true;
	p->asked_ms = clock_mono_ms() - 300;
	see_silence(2000, 2, false);
	hold_early();
	until_noted("set 7: BA\n");
	assert_null(strstr(w.journal, "p1 1024 slots to A locked\n"));
	p->asking = false; /* in vain */
	until_idle();
}

/* It was silent with the master, and was not locked: that one has to end first, for it may wake. */
ACT_TEST(a_proxy_that_was_silent_at_an_early_lock_counts_where_the_master_may_wake)
{
	set_pod("codis-server", "codis-server-0", "10.0.0.1");
	see_silence(1000, 1, false);
	world.c->proxies[1]->reach = REACH_SILENT;
	memcpy(world.c->proxies[1]->registered_token, "t1", sizeof("t1"));
	hold_early();
	until_noted("A INFO\nA INFO\n");
	see_silence(2000, 2, true);
	snprintf(seen_servers[0].pod.uid, sizeof(seen_servers[0].pod.uid), "%s",
		 inventory_pod_at(world.inv, A)->pod.uid);
	until_noted("set 7: BA\n");
	assert_null(strstr(w.journal, "SLAVEOF"));
	until_noted("DELETE ");
	w.a_fails = ERR_REFUSED;
	until_idle();
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
}

/* A is away with its node, and so is whoever could end it. */
ACT_TEST(a_proxy_that_cannot_be_locked_does_not_hold_up_a_failover)
{
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	w.proxies[1].fails = 1;
	promote_over_a_silent_one();
	no_words(w.journal, "A INFO\n"); /* it is looked at until it has been given time enough */
	assert_non_null(strstr(w.journal, "set 8: BA\nB INFO\nB SLAVEOF NO ONE\n"));
	assert_slots(1, B, false);
}

/* A process that is stopped: its address takes connections, and it may wake at any time. */
static struct action over_a_stopped_one(void)
{
	struct action a = action_of(ACT_PROMOTE, B);

	set_pod("codis-server", "codis-server-0", "10.0.0.1");
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	w.watertight = true;
	a.lock = a.from_lives = true;
	memcpy(a.from_pod, "codis-server-0", sizeof("codis-server-0"));
	snprintf(a.from_uid, sizeof(a.from_uid), "%s", inventory_pod_at(world.inv, A)->pod.uid);
	return a;
}

static void do_it(const struct action *a)
{
	act(world.c, a);
	until_idle();
	no_words(w.journal, "A INFO\n");
	no_words(w.journal, "B CONFIG SET repl-ping-slave-period 1\n");
}

static void a_ends(void)
{
	w.a_fails = ERR_REFUSED;
	free_proxies();
}

static void slot_5_has_moved(void)
{
	world.c->proxies[0]->slots[5].group = 2;
	world.c->proxies[0]->slot_since_ms[5] = clock_mono_ms() + 1; /* later than the dashboard was asked */
}

/* What was heard of the proxies is of a second ago: filled by that, a slot would go back to where it came from, and
 * what is written to it there is found by nobody. */
ACT_TEST(proxies_are_asked_before_they_are_filled)
{
	for (int i = 0; i < PROXIES; i++)
		world.c->proxies[i]->reach = REACH_OK;
	w.notes_questions = true;
	w.when = "p1 is asked\n";
	w.then = slot_5_has_moved;
	run(ACT_PROMOTE, B);
	assert_journal("p0 is asked\n"
		       "p1 is asked\n"
		       "p0 is asked\n"
		       "p1 is asked\n"
		       "set 7: BA\n"
		       "B SLAVEOF NO ONE\n"
		       "B CONFIG SET repl-ping-slave-period 1\n"
		       "B INFO\n"
		       "p0 is asked\n"
		       "p0 1023 slots to B\n"
		       "p1 is asked\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
}

/* A dashboard has gone on since proxy 0 was locked. */
static void slot_5_moves_while_it_is_held(int proxy)
{
	if (proxy != 0 || !strstr(w.journal, "p0 1024 slots to A locked\n"))
		return;
	world.c->proxies[0]->slots[5].locked = false;
	slot_5_has_moved();
}

ACT_TEST(what_has_moved_while_it_was_held_is_not_sent_back)
{
	w.on_asked = slot_5_moves_while_it_is_held;
	promote_over_a_silent_one();
	assert_journal("set 7: AB\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "A INFO\n"
		       "p0 1023 slots to A\n"
		       "p1 1024 slots to A\n");
	assert_logged("error=\"the old master has woken, and stays\"");
}

static void nothing_has_moved(int proxy)
{
	(void)proxy;
}

static void it_says_it_behind_the_locks(int proxy)
{
	(void)proxy;
	assert_non_null(strstr(w.journal, "p1 1024 slots to A locked"));
}

/* What is in flight to A holds it up for as long as a proxy waits, and then for longer. */
ACT_TEST(a_lock_does_not_wait_for_a_proxy_that_does_not_say_where_it_sends_what)
{
	w.on_asked = it_says_it_behind_the_locks;
	w.asked_ms = 600;
	run(ACT_SWITCH, B);
	assert_slots(1, B, false);
}

/* Where the machine has stood still meanwhile it is late, and not waited for, as in the test before; or it was in time,
 * and what p0 has said is so old by then that it alone is asked again. */
static void p1_says_it_while_nothing_is_locked(int proxy)
{
	bool late = clock_mono_ms() - w.p1_first_ms >= ASKED_MS / 2;

	if (proxy == 1 && !late && !strstr(w.journal, "p1 1024 slots to A locked\n"))
		assert_null(strstr(w.journal, "locked"));
}

/* Whoever is locked first is held for as long as the others need. */
ACT_TEST(a_switch_locks_no_proxy_before_all_have_said_where_they_send_what)
{
	const char *first, *looked;

	w.on_asked = p1_says_it_while_nothing_is_locked;
	w.p1_asked_ms = 8;
	run(ACT_SWITCH, B);
	first = strstr(w.journal, " locked\n");
	assert_non_null(first);
	looked = strstr(first, "A INFO\n");
	assert_in_range(strstr(w.journal, "p0 1024 slots to A locked\n"), w.journal, looked);
	assert_in_range(strstr(w.journal, "p1 1024 slots to A locked\n"), w.journal, looked);
	assert_slots(1, B, false);
}

/* The dashboard knows of no lock, and its clients write to A. */
static void p1_is_taken_in(void)
{
	w.proxies[1].locked = false;
	w.proxies[1].waits = true;
}

ACT_TEST(a_proxy_that_is_taken_in_behind_its_lock_is_locked_again)
{
	struct action a = over_a_stopped_one();

	world.c->proxies[1]->wanted = true; /* and not registered yet */
	w.when = "set 8: BA\n";
	w.then = p1_is_taken_in;
	w.on_delete = a_ends;
	w.on_delete_ms = 300;
	do_it(&a);
	assert_journal("set 7: AB\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "set 8: BA\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "B INFO\n"
		       "DELETE /api/v1/namespaces/shop/pods/codis-server-0 "
		       "{\"preconditions\":{\"uid\":\"uid-codis-server-0\"},\"gracePeriodSeconds\":1}\n"
		       "B INFO\n"
		       "B SLAVEOF NO ONE\n"
		       "B INFO\n"
		       "p0 1024 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_slots(1, B, false);
}

/* --- a proxy that was silent when the others were locked is heard again --- */

static void p1_is_heard(void)
{
	world.c->proxies[1]->reach = REACH_OK;
}

static void p1_is_away(void)
{
	struct observed_proxy *p = world.c->proxies[1];

	p->wanted = true;
	memcpy(p->registered_token, p->token, sizeof(p->token));
	p->reach = REACH_SILENT;
}

#define BOTH_LOCKED "p0 1024 slots to A locked\np1 1024 slots to A locked\n"

static int64_t woken_at;

/* It answers what it finds in its sockets: clients take that for written. */
static void a_wakes(void)
{
	w.a_fails_times = 0;
	w.offset_a += 12;
	woken_at = clock_mono_ms();
	free_proxies();
}

/* Its network is back, and with it the old master's, which answers what that proxy has sent. */
static void p1_and_a_are_back(void)
{
	p1_is_heard();
	a_wakes();
}

ACT_TEST(a_proxy_that_is_back_behind_the_lock_is_locked_and_the_old_master_looked_at)
{
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	w.catch_up = 3;
	w.watertight = true;
	p1_is_away();
	w.when = "set 8: BA\n";
	w.then = p1_and_a_are_back;
	promote_over_a_silent_one();
	assert_non_null(strstr(w.journal, "set 8: BA\n" BOTH_LOCKED "A INFO\nA INFO\nB INFO\n"));
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(1, B, false);
	assert_logged(" catch_up=");
}

/* ZooKeeper elects meanwhile. */
static void p1_is_back_and_the_node_is_written_after(int ms)
{
	int64_t began_ms = clock_mono_ms();

	see_silence(2000, 2, false);
	p1_is_away();
	w.write_fails = ERR_TIMEOUT;
	w.catch_up = 3;
	hold_early();
	while (clock_mono_ms() - began_ms < ms)
		uv_run(&world.uv, UV_RUN_ONCE);
	w.write_fails = ERR_NONE;
	p1_is_heard();
}

ACT_TEST(so_is_one_that_is_back_when_the_node_is_written_late)
{
	p1_is_back_and_the_node_is_written_after(2500);
	until_idle();
	assert_non_null(strstr(w.journal, "set 7: BA\n" BOTH_LOCKED "A INFO\nB INFO\nB SLAVEOF NO ONE\n"));
	assert_slots(1, B, false);
}

/* What it has in flight may be answered when the network heals: its time-out is awaited. */
ACT_TEST(what_a_proxy_that_is_back_has_in_flight_is_awaited)
{
	int64_t began_ms; /* when what is tested was begun */

	w.proxies[1].waits = true;
	p1_is_back_and_the_node_is_written_after(1000);
	until_noted("set 7: BA\n" BOTH_LOCKED);
	began_ms = clock_mono_ms();
	until_noted("B SLAVEOF NO ONE\n");
	assert_in_range(clock_mono_ms() - began_ms, 2200, 20000);
	free_proxies();
	until_idle();
}

/* One that was registered before is filled by nobody else. */
ACT_TEST(proxies_that_were_taken_in_before_are_locked_once)
{
	struct action a = over_a_stopped_one();

	for (int i = 0; i < PROXIES; i++) {
		struct observed_proxy *p = world.c->proxies[i];

		p->wanted = true;
		memcpy(p->registered_token, p->token, sizeof(p->token));
	}
	do_it(&a);
	assert_non_null(strstr(w.journal, "p1 1024 slots to A locked\nset 8: BA\nB INFO\nB SLAVEOF NO ONE\n"));
}

/* The article's proxies wait 30 s for what they have sent to A: its end frees them. */
ACT_TEST(a_silent_master_is_ended_while_proxies_wait_for_it)
{
	struct action a = over_a_stopped_one();

	w.proxies[0].waits = w.proxies[1].waits = true;
	w.on_delete = a_ends;
	w.on_delete_ms = 300;
	for (int i = 0; i < 30; i++) /* however many were deleted: it counts, and does not wait */
		calm_count(&world.ctl.deletions, clock_mono_ms());
	do_it(&a);
	assert_int_equal(calm_recent(&world.c->deletions, 60000, clock_mono_ms()), 1);
	assert_int_equal(calm_recent(&world.ctl.deletions, 60000, clock_mono_ms()), 31);
	assert_true(calm_was_deleted(&world.c->deleted, "codis-server-0"));
	assert_journal("set 7: AB\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "set 8: BA\n"
		       "B INFO\n"
		       "DELETE /api/v1/namespaces/shop/pods/codis-server-0 "
		       "{\"preconditions\":{\"uid\":\"uid-codis-server-0\"},\"gracePeriodSeconds\":1}\n"
		       "B INFO\n"
		       "B SLAVEOF NO ONE\n"
		       "B INFO\n"
		       "p0 1024 slots to B\n"
		       "p1 1024 slots to B\n"
		       "reload\n");
	assert_slots(0, B, false);
	assert_slots(1, B, false);
	assert_logged("event=pod.ended " ABOUT "group=1 pod=codis-server-0");
	assert_non_null(strstr(world.events,
			       "Warning Pod shop/codis-server-0 Ended: group 1: it is silent, a proxy waits "
			       "for it, and its replica takes over\n"));
}

/* Its address says nothing any more, and its pod is no more. */
static void a_is_gone(void)
{
	inventory_remove_pod(world.inv, "uid-codis-server-0");
	free_proxies();
}

ACT_TEST(a_pod_that_is_no_more_has_ended)
{
	struct action a = over_a_stopped_one();

	w.watertight = false;
	w.proxies[1].fails = 1; /* and is not locked */
	w.on_delete = a_is_gone;
	w.on_delete_ms = 100;
	do_it(&a);
	assert_non_null(strstr(w.journal, "}\nB INFO\nB SLAVEOF NO ONE\n"));
}

static void a_wakes_at_the_fence(void)
{
	if (w.version == 8)
		a_wakes();
}

/* Right behind our look, with requests of a proxy in flight: its replica, which still follows, gets that, too. */
ACT_TEST(what_a_master_acknowledges_that_wakes_after_the_look_is_not_lost)
{
	struct action a = over_a_stopped_one();

	w.proxies[1].waits = true;
	w.on_write = a_wakes_at_the_fence;
	w.catch_up = 3;
	do_it(&a);
	assert_int_equal(w.offset_b >= 1012, true);
	assert_non_null(strstr(w.journal, "set 8: BA\n"));
	assert_slots(0, B, false);
	assert_slots(1, B, false);
	assert_logged(" catch_up=");
}

/* The one who does not lead has seen it wake, and freed the slots, right before our fence. */
ACT_TEST(slots_that_were_held_early_are_locked_again_when_the_old_master_wakes_at_the_fence)
{
	see_silence(2000, 2, false);
	w.proxies[1].waits = true;
	w.on_write = a_wakes;
	w.catch_up = 3;
	hold_early();
	until_idle();
	assert_non_null(strstr(strstr(w.journal, "set 7: BA\n"), "p0 1024 slots to A locked\n"));
	assert_slots(0, B, false);
	assert_logged(" catch_up=");
}

static void a_is_heard_at_the_fence(void)
{
	struct observed_server *s = cluster_server(world.c, A);

	a_wakes_at_the_fence();
	if (!s || w.version != 8)
		return;
	s->reach = REACH_OK;
	s->info_valid = true;
}

/* Another controller may have seen it wake, and freed the proxies: it may have what its replica has not. */
ACT_TEST(a_master_that_woke_before_the_fence_is_not_ended)
{
	struct action a = over_a_stopped_one();

	w.proxies[1].waits = true;
	w.on_write = a_is_heard_at_the_fence;
	w.catch_up = 3;
	do_it(&a);
	assert_null(strstr(w.journal, "DELETE"));
	assert_int_equal(w.offset_b >= 1012, true);
	assert_slots(1, B, false);
}

/* The same while its pod is being ended. */
ACT_TEST(nor_what_it_acknowledges_while_it_is_being_ended)
{
	struct action a = over_a_stopped_one();

	w.proxies[1].waits = true;
	w.on_delete = a_wakes;
	w.on_delete_ms = 200;
	w.catch_up = 3;
	do_it(&a);
	assert_non_null(strstr(w.journal, "DELETE "));
	assert_int_equal(w.offset_b >= 1012, true);
	assert_slots(1, B, false);
}

/* Nothing is sent to it any more, and nothing was open when it was looked at: whether it wakes makes no difference. */
ACT_TEST(a_silent_master_is_not_ended_when_no_proxy_waits_for_it)
{
	struct action a = over_a_stopped_one();

	do_it(&a);
	assert_null(strstr(w.journal, "DELETE"));
	assert_slots(1, B, false);
}

/* A shipped proxy lets go after 2 s: the lock is in then, and it is looked once more. */
ACT_TEST(a_lock_that_comes_in_late_is_followed_by_another_look)
{
	struct action a = over_a_stopped_one();
	int64_t begin = clock_mono_ms();

	w.proxies[0].delay_ms = 600;
	do_it(&a);
	assert_in_range(clock_mono_ms() - begin, 600, 1500);
	assert_non_null(strstr(w.journal, "}\nB INFO\nB SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
}

/* Its replica is not there: then it is the only one that has its data. */
ACT_TEST(a_silent_master_is_not_ended_when_nobody_takes_over)
{
	struct action a = over_a_stopped_one();

	w.proxies[0].waits = true;
	w.b_fails = ERR_TIMEOUT;
	do_it(&a);
	assert_null(strstr(w.journal, "DELETE"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	free_proxies();
}

/* Its replica's preStop hook says so, and lets it go: then it is the only one that has its data. */
ACT_TEST(nor_when_the_one_that_takes_over_is_about_to_end)
{
	struct action a = over_a_stopped_one();

	w.proxies[0].waits = true;
	w.b_ends = true;
	do_it(&a);
	assert_null(strstr(w.journal, "DELETE"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	free_proxies();
}

/* A proxy that says nothing may wake together with the master. */
ACT_TEST(a_silent_proxy_is_waited_for_while_the_master_may_wake)
{
	struct action a = over_a_stopped_one();

	world.c->proxies[1]->reach = REACH_SILENT;
	world.c->proxies[1]->wanted = true;
	w.proxies[1].waits = true;
	w.on_delete = a_ends;
	w.on_delete_ms = 100;
	do_it(&a);
	assert_non_null(strstr(w.journal, "DELETE "));
	assert_slots(1, B, false);
}

/* The kubelet does not do it: no role is given while a proxy may get an answer of it. What is under way outlives the
 * action. */
ACT_TEST(a_silent_master_that_cannot_be_ended_is_not_replaced_while_a_proxy_waits)
{
	struct action a = over_a_stopped_one();

	w.proxies[0].waits = true;
	w.kube_fails = ERR_TIMEOUT;
	do_it(&a);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_logged("error=\"not every proxy could be locked, and the old master has not ended\"");
	assert_logged("event=pod.not_ended " ABOUT "error=");
	assert_int_equal(world.c->proxies[0]->running, 0);
	free_proxies();
	while (w.pending)
		uv_run(&world.uv, UV_RUN_ONCE);
	assert_true(world.c->proxies[0]->slots[0].locked); /* and is known */
}

/* The proxies may have taken seconds. */
ACT_TEST(a_replica_that_has_restarted_meanwhile_does_not_take_over)
{
	hear_b("another");
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	promote_over_a_silent_one();
	assert_journal("set 7: AB\nA INFO\nset 8: BA\nB INFO\n");
	assert_logged("error=\"the one that was to take over has restarted, and what it had is gone\"");
}

/* Clients write to it before it is heard again: what it had when it got the role is known. */
ACT_TEST(what_a_server_has_when_it_gets_its_role_is_kept)
{
	struct observed_server *b;

	set_pod("codis-server", "codis-server-1", "10.0.0.2");
	roster_take_stock(world.c);
	b = cluster_server(world.c, B);
	b->data.keys = -1; /* it was syncing */
	run(ACT_PROMOTE, B);
	assert_int_equal(b->data.keys, 0);
	assert_string_equal(b->data.run_id, b->role_run_id);
}

static void b_restarts(void)
{
	snprintf(cluster_server(world.c, B)->info.run_id, CODIS_RUN_ID_SIZE, "another");
}

/* Heard by the controller's own connection, though Kubernetes still has the old pod. */
ACT_TEST(replica_that_is_another_process_once_the_fence_is_written_does_not_take_over)
{
	hear_b("decided");
	w.on_write = b_restarts;
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\n");
	assert_logged("error=\"the one that was to take over has restarted, and what it had is gone\"");
}

/* Right before its role, and nobody has heard that yet: who answers is not the one that was meant. */
ACT_TEST(role_is_not_given_to_another_process)
{
	hear_b("another");
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\nB INFO\n");
	assert_logged("error=\"the one that was to take over has restarted, and what it had is gone\"");
	assert_string_equal(cluster_server(world.c, B)->role_run_id, "another");
	assert_int_equal(cluster_server(world.c, B)->role_refused_ms, 0);
}

/* Another controller has given it the role: what is left is for the next decision. */
ACT_TEST(a_switch_to_one_that_has_the_role_already_is_none)
{
	w.b_leads = true;
	run(ACT_SWITCH, B);
	assert_journal("A INFO\nB INFO\n");
	assert_logged("error=\"10.0.0.2:6379 has got the role meanwhile\"");
}

/* A's pod is gone, and a server of group 2 has its address. */
ACT_TEST(who_answers_in_the_place_of_a_silent_master_may_be_of_another_group)
{
	set_pod("codis-server", "codis-server-2", "10.0.0.1");
	promote_over_a_silent_one();
	assert_non_null(strstr(w.journal, "A INFO\nset 8: BA\nB INFO\nB SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
}

/* ... but not one that leads group 1 with the address of another pod. */
ACT_TEST(silent_master_whose_pod_is_another_groups_has_not_ended)
{
	struct observed_server *a;

	set_pod("codis-server", "codis-server-2", "10.0.0.1");
	roster_take_stock(world.c);
	a = cluster_server(world.c, A);
	a->reach = REACH_SILENT;
	snprintf(a->info.run_id, CODIS_RUN_ID_SIZE, "%040d", 'A');
	roster_note_role(a, a->info.run_id, 1, 7);
	promote_over_a_silent_one();
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_logged("error=\"the old master has woken, and stays\"");
}

ACT_TEST(a_master_that_has_woken_stays)
{
	promote_over_a_silent_one();
	assert_journal("set 7: AB\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "A INFO\n"
		       "p0 1024 slots to A\n"
		       "p1 1024 slots to A\n");
	assert_slots(0, A, false);
	assert_logged("error=\"the old master has woken, and stays\"");
}

/* It was started again, empty, meanwhile. */
ACT_TEST(another_process_in_its_place_has_not_woken)
{
	set_pod("codis-server", "codis-server-0", "10.0.0.1");
	roster_take_stock(world.c);
	snprintf(cluster_server(world.c, A)->role_run_id, CODIS_RUN_ID_SIZE, "another");
	promote_over_a_silent_one();
	assert_non_null(strstr(w.journal, "A INFO\nset 8: BA\nB INFO\nB SLAVEOF NO ONE\n"));
}

/* Another controller has seen the silence, too, and was quicker: its locks are not touched. */
ACT_TEST(one_of_two_that_replace_a_silent_master_locks_nothing)
{
	others_write(A, false);
	promote_over_a_silent_one();
	assert_journal("set 7: AB\n");
	assert_logged("error=\"played: conflict\"");
}

/* The other one claims it while we wait for the proxies: they are its to unlock, even if the old master leads. */
ACT_TEST(locks_of_a_claimed_group_are_left_to_who_claimed_it)
{
	struct action a = action_of(ACT_PROMOTE, B);

	w.proxies[1].delay_ms = 20;
	a.lock = true;
	act(world.c, &a);
	until_noted("p1 1024 slots to A locked");
	others_write(A, false);
	until_idle(); /* it has woken */
	assert_null(strstr(w.journal, "to A\n"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_slots(0, A, true);
	assert_logged("error=\"the old master has woken, and stays\"");
}

ACT_TEST(a_group_without_a_node_gets_one)
{
	struct action a = action_of(ACT_PROMOTE, B);

	w.exists = a.exists = group()->exists = false;
	w.version = 0;
	group()->node = (struct codis_group){ .id = 1 };
	act(world.c, &a);
	until_idle();
	assert_int_equal(strncmp(w.journal, "create 0: B\nB SLAVEOF", 21), 0);
	assert_true(group()->exists);
}

ACT_TEST(a_conflict_at_the_fence_ends_it_before_any_role)
{
	others_write(C, false);
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\n");
	assert_int_equal(w.version, 9);
	assert_logged("event=action.failed " ABOUT "action=promote");
	assert_counted("{action=\"promote\",result=\"error\"} 1\n");
	assert_tally(0, 0, 0); /* the other one's promotion is what there is to tell */
	assert_string_equal(world.events, "");
}

/* The version is the decision's, though the group is read again, with a later one, while the proxies are locked. */
ACT_TEST(a_decision_never_goes_over_what_was_written_after_it)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	others_write(C, true);
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_int_equal(w.version, 9);
	assert_logged("group 1 has changed since this was decided");
	/* C leads: its slots are not given back to A. */
	assert_slots(0, A, true);
	assert_null(strstr(w.journal, "to A\n"));
}

ACT_TEST(nor_when_it_was_not_read)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	others_write(C, false);
	until_idle();
	assert_non_null(strstr(w.journal, "set 7: BA\n"));
	assert_int_equal(w.version, 9);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_null(strstr(w.journal, "to A\n"));
}

/* A member of ZooKeeper that lags may tell an older version: no reason to stop, and nothing to write over. */
ACT_TEST(an_older_version_that_is_read_meanwhile_changes_nothing)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	group()->version = 6;
	until_idle();
	assert_non_null(strstr(w.journal, "set 7: BA\n"));
	assert_non_null(strstr(w.journal, "reload\n"));
	assert_int_equal(w.version, 8);
}

/* --- a switch that fails ------------------------------------------------------------------------------------------ */

ACT_TEST(a_switch_that_cannot_lock_every_proxy_unlocks)
{
	w.proxies[1].fails = 1;
	run(ACT_SWITCH, B);
	assert_journal("A INFO\n"
		       "B INFO\n"
		       "p0 1024 slots to A locked\n"
		       "p1 1024 slots to A locked\n"
		       "p0 1024 slots to A\n"
		       "p1 1024 slots to A\n");
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_true(world.c->proxies[1]->unanswered_ms > 0); /* it is not asked again before it was heard */
	assert_int_equal(world.c->proxies[0]->unanswered_ms, 0);
	assert_logged(" unlock=");
	assert_logged("error=\"proxy 10.0.1.1:11080 could not be locked, so the old master stays\"");
}

ACT_TEST(a_proxy_that_leaves_does_not_hold_the_slots_on_the_others_for_long)
{
	struct fixture_pod pod = {
		.namespace = "shop", .app = "codis-proxy", .name = "codis-proxy-1", .ip = "10.0.1.1", .deleting = true
	};

	fixture_set_pod(world.inv, &pod);
	w.proxies[1].fails = 1;
	run(ACT_SWITCH, B);
	assert_logged("error=\"proxy codis-proxy-1 could not be locked, so the old master stays\"");
	assert_int_equal(w.proxies[0].lock_limit_ms, 1000);
	assert_int_equal(w.proxies[0].fill_limit_ms, 1000);
	assert_int_equal(w.proxies[1].lock_limit_ms, 250);
	assert_int_equal(w.proxies[1].fill_limit_ms, 250);
}

ACT_TEST(nor_does_one_whose_pod_has_gone_and_it_gets_its_slots_with_the_time_that_others_have)
{
	world.c->proxies[1]->had_pod = true;
	run(ACT_SWITCH, B);
	assert_int_equal(w.proxies[0].lock_limit_ms, 1000);
	assert_int_equal(w.proxies[1].lock_limit_ms, 250);
	assert_int_equal(w.proxies[1].fill_limit_ms, w.proxies[0].fill_limit_ms);
	assert_true(w.proxies[1].fill_limit_ms > 250);
	assert_slots(1, B, false);
}

static void assert_kept(const char *begin)
{
	const struct recent_note *last = &world.c->recent[(world.c->recent_count - 1) % RECENT_NOTES];

	if (strncmp(last->words, begin, strlen(begin)) != 0)
		fail_msg("kept was: %s", last->words);
}

/* A sentence has why it was done; what was done is its Event's reason. */
ACT_TEST(what_is_kept_of_an_action_begins_with_the_reason_of_its_event)
{
	w.proxies[1].fails = 1;
	run(ACT_SWITCH, B);
	assert_kept("ActionFailed: group 1: switch of ");
	run(ACT_SWITCH, B);
	assert_kept("Switched: group 1: pod-B (" B ") replaces pod-A (" A "), with all that it had: ");
}

/* Its fills would hold the slots on the others, one after the other, for as long as two groups are to be switched. */
ACT_TEST(a_switch_does_not_tell_a_proxy_that_is_in_no_list_and_silent)
{
	world.c->proxies[1]->had_pod = true;
	world.c->proxies[1]->reach = REACH_SILENT;
	w.proxies[1].fails = INT_MAX;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "p1"));
	assert_slots(0, B, false);
}

ACT_TEST(a_switch_waits_for_one_that_is_in_no_list_and_answers)
{
	w.proxies[1].fails = 1;
	run(ACT_SWITCH, B);
	assert_slots(0, A, false);
}

/* Perhaps we alone do not hear it. */
ACT_TEST(a_switch_waits_for_one_that_is_in_no_list_and_silent_while_its_pod_is_there)
{
	struct observed_proxy *p = world.c->proxies[1];
	struct proxy_view seen = { .reach = REACH_SILENT, .slots = p->slots };

	p->had_pod = p->wanted = true;
	p->reach = REACH_SILENT;
	memcpy(seen.admin_addr, p->admin_addr, sizeof(seen.admin_addr));
	seen.pod.running = true;
	world.c->view.proxies = &seen;
	world.c->view.proxy_count = 1;
	w.proxies[1].fails = INT_MAX;
	run(ACT_SWITCH, B);
	world.c->view.proxies = NULL;
	world.c->view.proxy_count = 0;
	assert_slots(0, A, false);
	assert_logged("error=\"proxy 10.0.1.1:11080 could not be locked, so the old master stays\"");
}

ACT_TEST(a_proxy_that_refuses_its_lock_has_ended)
{
	w.proxies[1].fails = INT_MAX;
	w.proxies[1].refuses = true;
	run(ACT_SWITCH, B);
	assert_slots(0, B, false);
}

/* It answered until now: that it has ended shows in a moment. */
ACT_TEST(no_slot_is_held_for_a_proxy_whose_pod_is_gone_and_that_does_not_say_where_it_sends_what)
{
	w.on_asked = nothing_has_moved;
	w.p1_asked_ms = 600;
	world.c->proxies[1]->had_pod = true;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "locked"));
	assert_logged("error=\"proxy 10.0.1.1:11080, whose pod is gone, does not answer: no slot is held for it\"");
	world.c->proxies[1]->wanted = true; /* it has it still, and has time until it is to end */
	run(ACT_SWITCH, B);
	assert_slots(0, B, false);
}

static void others_write_a(void)
{
	others_write(A, false); /* only the version is another */
}

ACT_TEST(a_switch_whose_fence_fails_unlocks_when_the_old_master_still_leads)
{
	w.when = "p1 1024 slots to A locked";
	w.then = others_write_a;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"played: conflict\"");
}

ACT_TEST(so_does_one_that_has_read_the_other_version_before_its_fence)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	others_write(A, true);
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"group 1 has changed since this was decided\"");
}

static void lose_zookeeper(void)
{
	w.write_fails = w.read_fails = ERR_TIMEOUT;
}

ACT_TEST(a_switch_without_a_coordinator_unlocks)
{
	w.when = "p1 1024 slots to A locked";
	w.then = lose_zookeeper;
	run(ACT_SWITCH, B);
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"played: failure\"");
}

ACT_TEST(nothing_is_held_for_a_coordinator_that_does_not_answer)
{
	lose_zookeeper();
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "locked"));
	assert_logged("error=\"played: failure\"");
}

ACT_TEST(nor_where_somebody_else_has_written_the_node)
{
	others_write_a();
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "locked"));
	assert_logged("error=\"group 1 has changed since this was decided\"");
}

static void lose_writes(void)
{
	assert_int_equal(w.read_within_ms, 250);
	w.write_fails = ERR_TIMEOUT;
}

/* Its master lives, and its clients wait. */
ACT_TEST(a_switch_does_not_wait_long_for_its_write)
{
	w.when = "p1 1024 slots to A locked";
	w.then = lose_writes;
	run(ACT_SWITCH, B);
	assert_int_equal(w.written_within_ms, 500);
	assert_int_equal(w.read_within_ms, 100);
	assert_slots(0, A, false);
}

/* There is nobody else to go to. */
ACT_TEST(a_promotion_over_one_that_has_ended_does)
{
	run(ACT_PROMOTE, B);
	assert_int_equal(w.written_within_ms, 0);
}

static void lose_an_answer(void)
{
	struct codis_group g = group()->node;

	w.write_fails = ERR_TIMEOUT;
	assert_int_equal(codis_group_lead(&g, B), 0);
	write_node(&g);
	w.version = 8;
}

/* The write was done, and its answer was lost: clients wait, and everything is as it is to be. */
ACT_TEST(a_switch_whose_fence_is_seen_to_be_written_goes_on)
{
	w.when = "p1 1024 slots to A locked";
	w.then = lose_an_answer;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "to A\n"));
	assert_slots(0, B, false);
	assert_slots(1, B, false);
	assert_logged(" read=");
}

static void lose_two_answers(void)
{
	lose_an_answer();
	w.version = 9;
}

/* Somebody else is at work since: the next decision goes on from there. */
ACT_TEST(a_switch_whose_node_was_written_twice_is_neither_ended_nor_undone)
{
	w.when = "p1 1024 slots to A locked";
	w.then = lose_two_answers;
	run(ACT_SWITCH, B);
	assert_slots(0, A, true);
	assert_null(strstr(w.journal, "to A\n"));
	assert_null(strstr(w.journal, "SLAVEOF"));
}

static bool no_memory_left;

static void *scarce(size_t size)
{
	return no_memory_left ? NULL : malloc(size);
}

/* A proxy to which no lock was sent, for want of memory, is not a locked one. */
ACT_TEST(a_lock_that_could_not_be_sent_is_none)
{
	cJSON_Hooks hooks = { .malloc_fn = scarce, .free_fn = free };

	cJSON_InitHooks(&hooks);
	start(ACT_SWITCH, B);
	until_noted("B INFO\n");
	no_memory_left = true;
	while (world.c->running && !is_logged("fill.failed"))
		uv_run(&world.uv, UV_RUN_ONCE);
	no_memory_left = false;
	until_idle();
	cJSON_InitHooks(NULL);
	assert_null(strstr(w.journal, "set"));
	assert_logged("could not be locked, so the old master stays");
}

/* Clients do not wait for it. */
ACT_TEST(nothing_is_locked_for_a_replica_that_is_far_behind)
{
	w.offset_a = 5000;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "p0"));
	assert_null(strstr(w.journal, "set"));
	assert_logged("error=\"the replica did not catch up with its master in time\"");
}

ACT_TEST(a_switch_to_a_replica_that_does_not_catch_up_unlocks)
{
	start(ACT_SWITCH, B);
	write_to_a(5000);
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"the replica did not catch up with its locked master in time\"");
}

static void end_b(void)
{
	w.b_ended = true;
}

ACT_TEST(a_switch_to_a_replica_that_ends_unlocks)
{
	w.when = "p1 1024 slots to A locked";
	w.then = end_b;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "set"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
}

static void delete_b(void)
{
	struct fixture_pod pod = {
		.namespace = "shop", .app = "codis-server", .name = "codis-server-1", .ip = "10.0.0.2", .deleting = true
	};

	fixture_set_pod(world.inv, &pod);
}

/* A StatefulSet that is scaled past the webhook lets both go in one moment, and we hear of one after the other. */
ACT_TEST(a_switch_to_a_replica_that_is_deleted_too_does_not_begin)
{
	delete_b();
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "locked"));
	assert_null(strstr(w.journal, "set"));
	assert_logged("error=\"codis-server-1, which was to lead, is being deleted, too\"");
}

ACT_TEST(a_switch_whose_replica_is_deleted_once_all_is_locked_unlocks)
{
	w.when = "p1 1024 slots to A locked";
	w.then = delete_b;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "set"));
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
}

/* Its hook runs, and we have not heard of its end. */
ACT_TEST(a_switch_to_a_replica_that_is_about_to_end_does_not_begin)
{
	w.b_ends = true;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "locked"));
	assert_null(strstr(w.journal, "set"));
	assert_logged("error=\"10.0.0.2:6379, which was to lead, is about to end, too\"");
}

static void assert_taken_back(void)
{
	assert_string_equal(group()->node.servers[0].addr, A);
	assert_int_equal(group()->version, 9);
	assert_slots(0, A, false);
	assert_slots(1, A, false);
}

/* The fence took long: its hook has seen a replica, and lets it end. */
ACT_TEST(a_switch_whose_replica_is_deleted_once_it_is_declared_is_taken_back)
{
	hear_b(run_id_of('B'));
	w.when = "set 7: BA\n";
	w.then = delete_b;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_taken_back();
}

static void b_says_it_ends(void)
{
	w.b_ends = true;
}

ACT_TEST(a_switch_whose_replica_says_that_it_ends_once_it_is_declared_is_taken_back)
{
	hear_b(run_id_of('B'));
	w.when = "set 7: BA\n";
	w.then = b_says_it_ends;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_taken_back();
}

/* Whether its hook has seen the role is not known: nothing is sent to it. */
ACT_TEST(a_switch_whose_replica_says_that_it_ends_as_it_gets_the_role_is_taken_back)
{
	w.when = "B SLAVEOF NO ONE\n";
	w.then = b_says_it_ends;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "slots to B\n"));
	assert_taken_back();
	assert_logged("error=\"10.0.0.2:6379, which was to lead, is about to end, too\"");
}

/* All that there is, is better had for some seconds than not at all. */
ACT_TEST(but_a_promotion_over_one_that_has_ended_goes_on)
{
	w.b_ends = true;
	w.a_fails = ERR_REFUSED;
	w.a_fails_times = INT_MAX;
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
}

static void delete_b_end_a(void)
{
	delete_b();
	w.a_fails = ERR_REFUSED;
	w.a_fails_times = INT_MAX;
}

/* Then it has all that there is. */
ACT_TEST(a_switch_whose_replica_is_deleted_as_the_master_ends_goes_on)
{
	w.when = "p1 1024 slots to A locked";
	w.then = delete_b_end_a;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "SLAVEOF"));
	assert_slots(0, B, false);
}

/* The old master lives, and its clients wait: it stays. */
ACT_TEST(a_switch_whose_replica_does_not_take_the_role_is_taken_back)
{
	w.role_refused = true;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "locked\nA INFO\nB INFO\nset 7: BA\nB SLAVEOF NO ONE\n"
					  "B CONFIG SET repl-ping-slave-period 1\nB INFO\nset 8: AB\n"
					  "p0 1024 slots to A\np1 1024 slots to A\n"));
	assert_string_equal(group()->node.servers[0].addr, A);
	assert_int_equal(group()->version, 9);
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged(" unlock=");
	assert_logged("event=action.failed " ABOUT "action=switch");
	assert_tally(0, 0, 1);
}

/* It is for the next decision to say who leads. */
ACT_TEST(but_not_when_the_old_master_has_ended)
{
	w.role_refused = true;
	w.when = "p1 1024 slots to A locked";
	w.then = end_a;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "set 7: BA\nB SLAVEOF NO ONE\n"));
	assert_null(strstr(w.journal, "set 8"));
	assert_slots(0, A, true);
}

/* Codis-server-7 of another cluster has the address. */
static void give_away(const char *ip)
{
	fixture_set_pod(world.inv,
			&(struct fixture_pod){
				.namespace = "other", .app = "codis-server", .name = "codis-server-7", .ip = ip });
}

static void give_away_a(void)
{
	give_away("10.0.0.1");
}

/* The fence took long. */
ACT_TEST(nor_when_its_address_is_a_strangers_by_then)
{
	w.role_refused = true;
	w.on_write = give_away_a;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "set 7: BA\nB SLAVEOF NO ONE\n"));
	assert_null(strstr(w.journal, "set 8"));
	assert_slots(0, A, true);
}

static void refuse_a(void)
{
	cluster_server(world.c, A)->reach = REACH_REFUSED;
}

ACT_TEST(nor_when_its_process_has_ended_meanwhile)
{
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	w.role_refused = true;
	w.when = "set 7: BA\n";
	w.then = refuse_a;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_null(strstr(w.journal, "set 8"));
}

static void b_ends_behind_a(void)
{
	refuse_a();
	b_says_it_ends();
}

/* It has ended between its last answer and the role: nobody is left to take it back to. */
static void switch_with_all_that_there_is(const char *when)
{
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	hear_b(run_id_of('B'));
	w.when = when;
	w.then = b_ends_behind_a;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_logged("event=action.done " ABOUT "action=switch");
}

ACT_TEST(a_replica_that_is_about_to_end_takes_over_from_one_that_has_ended_at_the_fence)
{
	switch_with_all_that_there_is("set 7: BA\n");
}

ACT_TEST(and_from_one_that_has_ended_at_the_role)
{
	switch_with_all_that_there_is("B SLAVEOF NO ONE\n");
}

ACT_TEST(what_a_switch_has_locked_is_not_freed_for_a_stranger)
{
	w.proxies[1].fails = 1;
	w.when = "p1 1024 slots to A locked";
	w.then = give_away_a;
	run(ACT_SWITCH, B);
	assert_null(strstr(w.journal, "slots to A\n"));
	assert_slots(0, A, true);
}

/* Its pod is another group's, for which it is switched, and it leads here: clients wait. */
ACT_TEST(but_for_one_that_was_lent_it_is)
{
	struct observed_server *a;

	set_pod("codis-server", "codis-server-2", "10.0.0.1");
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	a = cluster_server(world.c, A);
	a->reach = REACH_OK;
	a->info_valid = true;
	a->role_group = 1;
	memcpy(a->uid, "uid-codis-server-2", sizeof("uid-codis-server-2"));
	memcpy(a->info.run_id, "a", sizeof("a"));
	memcpy(a->role_run_id, "a", sizeof("a"));
	w.proxies[1].fails = 1;
	run(ACT_SWITCH, B);
	assert_non_null(strstr(w.journal, "p1 1024 slots to A locked\n"));
	assert_slots(0, A, false);
}

ACT_TEST(a_role_that_is_refused_fills_no_proxy)
{
	w.role_refused = true;
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\nB SLAVEOF NO ONE\nB CONFIG SET repl-ping-slave-period 1\nB INFO\n");
	assert_string_equal(group()->node.servers[0].addr, B); /* as declared: the next decision goes on from there */
}

/* Decided anew, on the node as it is now. */
static void run_anew(enum action_kind kind, const char *addr)
{
	struct action a = action_of(kind, addr);

	a.version = group()->version;
	act(world.c, &a);
	until_idle();
}

/* So that another one is asked; one that does not answer has refused nothing. */
ACT_TEST(who_refuses_the_role_is_remembered)
{
	struct observed_server *b;

	set_pod("codis-server", "codis-server-1", "10.0.0.2");
	roster_take_stock(world.c);
	b = cluster_server(world.c, B);
	w.b_fails = ERR_TIMEOUT;
	run(ACT_PROMOTE, B);
	assert_int_equal(b->role_refused_ms, 0);
	w.b_fails = ERR_NONE;
	w.role_refused = true;
	run_anew(ACT_PROMOTE, B);
	assert_true(b->role_refused_ms > 0);
	w.role_refused = false;
	run_anew(ACT_PROMOTE, B);
	assert_int_equal(b->role_refused_ms, 0);
}

/* --- who may act -------------------------------------------------------------------------------------------------- */

static void another_leads(void)
{
	world.ctl.mandate = MANDATE_NONE;
}

ACT_TEST(a_controller_that_no_longer_leads_takes_no_further_step)
{
	w.on_write = another_leads;
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\n");
	assert_logged("error=\"this controller no longer leads\"");
}

ACT_TEST(nor_does_it_unlock_what_another_may_have_locked)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	another_leads();
	until_idle();
	assert_journal("A INFO\nB INFO\np0 1024 slots to A locked\np1 1024 slots to A locked\n");
	assert_logged("error=\"this controller no longer leads\"");
}

ACT_TEST(somebody_else_in_charge_ends_it_as_well)
{
	world.c->watch_only = true; /* codis.io/ha: keep */
	run(ACT_PROMOTE, B);
	assert_journal("");
}

ACT_TEST(a_leader_without_its_api_server_only_fails_over)
{
	world.ctl.mandate = MANDATE_FAILOVER;
	run(ACT_FOLLOW, B);
	assert_journal("");
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
}

ACT_TEST(a_controller_that_does_not_lead_only_promotes)
{
	world.ctl.mandate = MANDATE_STANDBY;
	for (int k = 0; k < ACT_KINDS; k++) {
		if (k != ACT_PROMOTE && k != ACT_ASSIGN_SLOTS && k != ACT_REMOVE_LOCK && k != ACT_FILL_PROXY &&
		    k != ACT_ONLINE_PROXY && k != ACT_REMOVE_PROXY && k != ACT_DELETE_POD)
			run((enum action_kind)k, B);
	}
	assert_null(strstr(w.journal, "set"));
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "B SLAVEOF NO ONE\n"));
	assert_slots(0, B, false);
	assert_slots(1, B, false);
	assert_logged("event=action.done namespace=shop product=codis-test leads=false action=promote");
}

/* It refuses us, and the leader may hear it. */
static void refused_to_a_standby(void)
{
	refuse_old_master();
	world.ctl.mandate = MANDATE_STANDBY;
}

ACT_TEST(a_standby_claims_the_group_of_a_master_that_refuses_and_waits)
{
	int64_t now_ms = clock_mono_ms();

	refused_to_a_standby();
	run(ACT_PROMOTE, B);
	assert_int_equal(strncmp(w.journal, "set 7: AB\nset 8: BA\nB SLAVEOF NO ONE\n", 37), 0);
	assert_true(clock_mono_ms() - now_ms >= 100);
	assert_slots(0, B, false);
}

/* Whoever led has declared B, and ended before it gave it the role. */
ACT_TEST(a_standby_does_not_wait_where_another_one_is_declared)
{
	struct action a = action_of(ACT_PROMOTE, B);

	refused_to_a_standby();
	others_write(B, true);
	a.version = 9;
	act(world.c, &a);
	until_idle();
	assert_int_equal(strncmp(w.journal, "set 9: BA\nB SLAVEOF NO ONE\n", 27), 0);
}

ACT_TEST(nor_does_one_wait_less_that_led_and_may_lead_no_more)
{
	refuse_old_master();
	world.ctl.mandate = MANDATE_FAILOVER;
	world.c->view.second = true;
	run(ACT_PROMOTE, B);
	assert_int_equal(strncmp(w.journal, "set 7: AB\nset 8: BA\n", 20), 0);
}

ACT_TEST(a_claim_that_the_leader_has_overtaken_leads_to_nothing)
{
	refused_to_a_standby();
	start(ACT_PROMOTE, B);
	until_noted("set 7: AB\n");
	while (group()->version == 7)
		uv_run(&world.uv, UV_RUN_ONCE);
	others_write(A, true);
	until_idle();
	assert_journal("set 7: AB\n");
	assert_logged("error=\"group 1 has changed since this was decided\"");
	assert_string_equal(world.events, "");
}

/* The leader does so: what that one has locked is freed. It counts as nothing that was done to the group. */
ACT_TEST(a_claim_is_overtaken_and_its_locks_are_undone)
{
	struct action a = action_of(ACT_PROMOTE, A);
	int64_t now_ms = clock_mono_ms();

	a.from[0] = '\0';
	a.keeps = true;
	act(world.c, &a);
	until_idle();
	assert_journal("set 7: AB\np0 1024 slots to A\np1 1024 slots to A\n");
	assert_in_range(group()->kept_ms, now_ms, clock_mono_ms());
	assert_int_equal(group()->done.ended_ms, 0);
	assert_string_equal(world.events, "");
	assert_not_counted("codis_controller_change_seconds_count"); /* who leads is the same */
}

ACT_TEST(a_claim_that_cannot_be_overtaken_any_more_is_left)
{
	struct action a = action_of(ACT_PROMOTE, A);

	a.from[0] = '\0';
	a.keeps = true;
	w.write_fails = ERR_CONFLICT;
	act(world.c, &a);
	until_idle();
	assert_journal("set 7: AB\n");
	assert_string_equal(world.events, "");
}

/* The leader was quicker. That is no trouble, and nobody is told of it. */
ACT_TEST(of_two_that_promote_one_ends_at_the_fence)
{
	world.ctl.mandate = MANDATE_STANDBY;
	others_write(B, false);
	run(ACT_PROMOTE, B);
	assert_journal("set 7: BA\n");
	assert_logged("event=action.failed namespace=shop product=codis-test leads=false action=promote");
	assert_string_equal(world.events, "");
	assert_not_counted("codis_controller_reasons_total{action=\"promote\"");
}

static void turn(uv_timer_t *t)
{
	cluster_turn(t->data);
}

static void hear(const char *addr, const struct redis_info *info, enum reach reach)
{
	struct redis_probe_state state = { .reach = reach,
					   .since_ms = clock_mono_ms(),
					   .heard_ms = clock_mono_ms(),
					   .info_valid = reach == REACH_OK,
					   .info = *info };

	roster_hear(world.c, cluster_server(world.c, addr), &state);
	cluster_look(world.c);
}

/* Master and leader died together. No time is played: it is looked again when the leader has had its time. */
ACT_TEST(standby_replaces_a_master_when_the_leader_has_not)
{
	struct redis_info a = { .role = REDIS_ROLE_MASTER, .offset = 1000, .keys = 10, .run_id = "run-a" };
	struct redis_info b = { .role = REDIS_ROLE_REPLICA, .offset = 1000, .keys = 10, .link_up = true };
	int64_t lost_ms = clock_mono_ms();

	snprintf(b.run_id, sizeof(b.run_id), "%040d", 'B');
	memcpy(b.master, A, sizeof(A));
	world.c->look = turn;
	world.c->soon.data = world.c;
	world.ctl.mandate = MANDATE_STANDBY;
	world.ctl.limits.standby_ms = 40;
	world.c->connected_since_ms = world.c->listed_ms = group()->read_ms = clock_mono_ms();
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	hear(A, &a, REACH_OK);
	hear(B, &b, REACH_OK);
	cluster_turn(world.c);
	hear(A, &a, REACH_REFUSED);
	cluster_turn(world.c);
	assert_int_equal(group()->lost_ms, 0); /* one view only */
	b.link_up = false;
	hear(B, &b, REACH_OK);
	cluster_turn(world.c);
	assert_in_range(group()->lost_ms, lost_ms, clock_mono_ms());
	group()->lost_ms = 1;
	group()->version = w.version = 8; /* somebody is at work */
	cluster_turn(world.c);
	lost_ms = group()->lost_ms;
	assert_in_range(lost_ms, 2, clock_mono_ms());
	assert_journal("");
	while (!world.c->running)
		assert_int_equal(uv_run(&world.uv, UV_RUN_ONCE), 1);
	assert_true(clock_mono_ms() - lost_ms >= 40);
	world.c->look = no_look; /* what comes now is not played */
	until_idle();
	assert_int_equal(strncmp(w.journal, "set 8: AB\nset 9: BA\nB INFO\nB SLAVEOF NO ONE\n", 44), 0);
	assert_slots(1, B, false);
}

ACT_TEST(a_clock_jump_stops_what_was_begun_before_it)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	world.c->steady_since_ms = clock_mono_ms() + 1;
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_logged("error=\"the clock has jumped since this was decided\"");
}

/* --- SIGTERM ------------------------------------------------------------------------------------------------------ */

/* What a controller that ends does with what is under way, its limits being over already or not. */
ACT_TEST(a_controller_that_leaves_finishes_what_is_under_way)
{
	start(ACT_SWITCH, B);
	world.ctl.leaving = true;
	until_idle();
	assert_non_null(strstr(w.journal, "p0 1024 slots to B\np1 1024 slots to B\nreload\n"));
	assert_slots(0, B, false);
	assert_slots(1, B, false);
}

ACT_TEST(and_undoes_what_takes_too_long)
{
	w.proxies[1].delay_ms = 20;
	start(ACT_SWITCH, B);
	until_noted("p1 1024 slots to A locked");
	world.ctl.leaving = world.ctl.ending = true;
	until_idle();
	assert_null(strstr(w.journal, "set"));
	assert_slots(0, A, false);
	assert_slots(1, A, false);
	assert_logged("error=\"this controller ends\"");
}

ACT_TEST(a_controller_that_leaves_begins_nothing)
{
	struct redis_info a = { .role = REDIS_ROLE_MASTER, .offset = 1000, .keys = 10, .run_id = "run-a" };
	struct redis_info b = {
		.role = REDIS_ROLE_REPLICA, .offset = 1000, .keys = 10, .run_id = "run-b", .master = A
	};

	world.c->connected_since_ms = world.c->listed_ms = group()->read_ms = clock_mono_ms();
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	hear(A, &a, REACH_REFUSED);
	hear(B, &b, REACH_OK);
	world.ctl.leaving = true;
	cluster_turn(world.c);
	assert_int_equal(world.c->running, 0);
	world.ctl.leaving = false;
	cluster_turn(world.c);
	assert_int_equal(world.c->running, 1);
	until_idle();
}

static int under_way(void *ctx)
{
	(void)ctx;
	return world.c->running;
}

static bool drained;

static void on_drained(void *ctx)
{
	(void)ctx;
	assert_int_equal(world.c->running, 0);
	drained = true;
}

ACT_TEST(its_lease_is_given_back_when_nothing_is_under_way)
{
	start(ACT_SWITCH, B);
	drained = false;
	drain_begin(&world.ctl, under_way, on_drained, NULL);
	while (!drained)
		uv_run(&world.uv, UV_RUN_ONCE);
	assert_slots(0, B, false);
	assert_true(world.ctl.leaving);
	assert_false(world.ctl.ending);
	assert_logged("event=drained ms=");
	assert_logged("left=0");
}

/* --- crash points ------------------------------------------------------------------------------------------------- */

/* What was done before the process ended there. */
static void crash_at(const char *point, const char *done)
{
	int status;
	pid_t child;

	w.journal[0] = '\0'; /* before there is a child that writes to it */
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		uv_loop_fork(&world.uv);
		world.ctl.crash_at = point;
		world.ctl.crash_armed = true;
		run(ACT_PROMOTE, B);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 137);
	assert_journal(done);
}

ACT_TEST(a_test_may_end_the_process_at_three_points)
{
	crash_at("promote.begin", "");
	crash_at("promote.fenced", "set 7: BA\n");
	crash_at("promote.role", "set 7: BA\nB SLAVEOF NO ONE\nB CONFIG SET repl-ping-slave-period 1\nB INFO\n");
	w.journal[0] = '\0';
	world.ctl.crash_at = "promote.begin"; /* not armed */
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "reload\n"));
}

/* --- fills -------------------------------------------------------------------------------------------------------- */

/* All its slots of the group are said to go to C. */
static void send_elsewhere(const char *proxy)
{
	struct observed_proxy *p = cluster_proxy(world.c, proxy, false);

	for (int i = 0; i < CODIS_SLOTS; i++)
		memcpy(p->slots[i].addr, C, sizeof(C));
}

ACT_TEST(a_fill_goes_to_one_proxy)
{
	send_elsewhere(P1);
	run(ACT_FILL_PROXY, P1);
	assert_journal("p1 1024 slots to A\nreload\n");
	assert_string_equal(world.events, "Normal Pod shop/pod-? SlotsFilled: group 1: pod-? (10.0.1.1:11080): seen\n");
	assert_int_equal(group()->acted_ms, 0);
}

ACT_TEST(without_the_api_server_a_proxy_is_filled_where_that_was_left)
{
	struct action a = action_of(ACT_FILL_PROXY, P1);

	world.ctl.mandate = MANDATE_FAILOVER;
	send_elsewhere(P1);
	run(ACT_FILL_PROXY, P1);
	assert_journal("");
	a.left = true;
	act(world.c, &a);
	until_idle();
	assert_journal("p1 1024 slots to A\nreload\n");
}

ACT_TEST(a_fill_that_fails_is_no_success)
{
	send_elsewhere(P1);
	w.proxies[1].fails = 1;
	group()->done.failures = 3;
	run(ACT_FILL_PROXY, P1);
	assert_journal("p1 1024 slots to A\n");
	assert_logged("event=fill.failed " ABOUT "proxy=10.0.1.1:11080");
	assert_counted("{action=\"fill-proxy\",result=\"error\"} 1\n");
	assert_int_equal(group()->done.failures, 3); /* the group's own */
	assert_int_equal(calm_group(&cluster_proxy(world.c, P1, false)->filled, 1)->failures, 1);
}

/* What was heard of the others may be a second old: a migration that has gone on since is not turned back. */
ACT_TEST(a_fill_sends_what_is_wrong_alone)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	memcpy(p->slots[5].addr, C, sizeof(C));
	p->slots[6].locked = true;
	world.c->dashboard.slots_known = true;
	for (int i = 0; i < CODIS_SLOTS; i++)
		world.c->dashboard.slot_group[i] = 1;
	world.c->dashboard.slot_acting[7] = true;
	run(ACT_FILL_PROXY, P0);
	assert_journal("p0 2 slots to A\nreload\n");
	assert_string_equal(p->slots[5].addr, A);
	assert_false(p->slots[6].locked);
}

static void slot_5_is_right_again(int proxy)
{
	memcpy(world.c->proxies[proxy]->slots[5].addr, A, sizeof(A));
}

ACT_TEST(a_fill_asks_first_what_still_is_wrong)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	w.notes_questions = true;
	w.on_asked = slot_5_is_right_again;
	memcpy(p->slots[5].addr, C, sizeof(C));
	memcpy(p->slots[6].addr, C, sizeof(C));
	run(ACT_FILL_PROXY, P0);
	assert_int_equal(strncmp(w.journal, "p0 is asked\np0 1 slots to A\nreload\n", 35), 0);
	assert_string_equal(p->slots[6].addr, A);
}

/* Another controller may have given the group to another one since its node was read. */
ACT_TEST(a_fill_that_waits_long_for_the_proxy_is_none)
{
	w.on_asked = nothing_has_moved;
	w.asked_ms = 300;
	send_elsewhere(P0);
	run(ACT_FILL_PROXY, P0);
	assert_null(strstr(w.journal, "p0"));
	assert_logged("error=\"the proxy was asked for too long where it sends what\"");
	assert_logged("event=action.failed " ABOUT "action=fill-proxy");
}

/* The lock waits for the fill that is under way at that proxy, and so is not undone by it. */
ACT_TEST(a_proxy_is_told_one_thing_at_a_time)
{
	send_elsewhere(P0);
	w.proxies[0].delay_ms = 20;
	start(ACT_FILL_PROXY, P0);
	until_noted("p0 1024 slots to A\n");
	start(ACT_SWITCH, B);
	until_noted("set 7: BA\n");
	assert_string_equal(w.journal, "p0 1024 slots to A\n"
				       "A INFO\n"
				       "B INFO\n"
				       "p1 1024 slots to A locked\n"
				       "p0 1024 slots to A locked\n"
				       "reload\n"
				       "A INFO\n"
				       "B INFO\n"
				       "set 7: BA\n");
	assert_slots(0, A, true);
	until_idle();
	assert_slots(0, B, false);
}

/* While a fill reads its group's node, a switch begins: the proxy was asked to hold the slots first. */
ACT_TEST(a_fill_gives_way_to_a_switch)
{
	start(ACT_FILL_PROXY, P0);
	start(ACT_SWITCH, B);
	until_idle();
	assert_non_null(strstr(w.journal, "p0 1024 slots to A locked\np1 1024 slots to A locked\nA INFO\nB INFO\n"
					  "set 7: BA\n"));
	assert_null(strstr(w.journal, "slots to A\n"));
	assert_logged("error=\"the group is being changed\"");
}

/* A lock undoes none. */
ACT_TEST(slots_are_held_also_while_the_group_is_changed)
{
	struct action a = action_of(ACT_FILL_PROXY, P0);

	a.lock = true;
	group()->running = 1;
	act(world.c, &a);
	until_idle();
	assert_journal("p0 1024 slots to A locked\nreload\n");
	group()->running = 0;
}

/* What waits at a proxy was decided on a master that is none any more. */
ACT_TEST(a_fill_that_was_overtaken_by_a_promotion_is_not_sent)
{
	send_elsewhere(P0);
	w.proxies[0].delay_ms = 20;
	start(ACT_FILL_PROXY, P0);
	start(ACT_FILL_PROXY, P0); /* waits */
	until_noted("p0 1024 slots to A\n");
	start(ACT_PROMOTE, B);
	until_idle();
	assert_int_equal(strncmp(w.journal, "p0 1024 slots to A\nset 7: BA\n", 29), 0);
	assert_null(strstr(w.journal + 29, "to A\n"));
	assert_slots(0, B, false);
}

ACT_TEST(a_slot_that_migrates_keeps_its_migration)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	world.c->dashboard.slots_known = true;
	for (int i = 0; i < CODIS_SLOTS; i++)
		world.c->dashboard.slot_group[i] = i < 10 ? 1 : 2;
	p->slots[20].group = 2;
	p->slots[20].migrate_from = 1;
	memcpy(p->slots[20].addr, C, sizeof(C));
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "p0 11 slots to B\np1 10 slots to B\n"));
	assert_string_equal(p->slots[20].addr, C);
	assert_string_equal(p->slots[20].migrate_addr, B);
}

/* It crossed what the dashboard told the proxy at the end of it: the keys are where the slot is. */
ACT_TEST(a_slot_whose_migration_is_over_fetches_no_more)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	world.c->dashboard.slots_known = true;
	for (int i = 0; i < CODIS_SLOTS; i++)
		world.c->dashboard.slot_group[i] = 1;
	p->slots[5].migrate_from = 2;
	memcpy(p->slots[5].migrate_addr, C, sizeof(C));
	run(ACT_FILL_PROXY, P0);
	assert_journal("p0 1 slots to A\nreload\n");
	assert_int_equal(p->slots[5].migrate_from, 0);
	assert_string_equal(p->slots[5].migrate_addr, "");
	p->slots[5].migrate_from = 2;
	memcpy(p->slots[5].migrate_addr, C, sizeof(C));
	p->slot_since_ms[5] = 1; /* it has begun since the dashboard said what it does */
	run(ACT_PROMOTE, B);
	assert_int_equal(p->slots[5].migrate_from, 2);
	assert_string_equal(p->slots[5].migrate_addr, C);
}

/* Moved since the assignment was heard, as when the dashboard died in the middle of a rebalance: it goes with the group
 * that has its keys. */
ACT_TEST(a_slot_that_was_moved_meanwhile_goes_with_its_group)
{
	struct observed_proxy *p = cluster_proxy(world.c, P0, false);

	world.c->dashboard.slots_known = true;
	world.c->dashboard.slots_ms = 100;
	for (int i = 0; i < CODIS_SLOTS; i++)
		world.c->dashboard.slot_group[i] = i < 10 ? 1 : 2;
	p->slots[5].group = 2; /* moved away */
	memcpy(p->slots[5].addr, C, sizeof(C));
	p->slot_since_ms[5] = 101;
	p->slot_since_ms[700] = 101; /* moved here: it is in group 1 on the proxy, and in group 2 as assigned */
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(w.journal, "p0 10 slots to B\np1 10 slots to B\n"));
	assert_string_equal(p->slots[5].addr, C);
	assert_string_equal(p->slots[700].addr, B);
}

/* --- repairs ------------------------------------------------------------------------------------------------------ */

ACT_TEST(a_server_follows)
{
	run(ACT_FOLLOW, C);
	assert_journal("set 7: AB\nC SLAVEOF 10.0.0.1 6379\n"); /* behind a fence */
	assert_string_equal(world.events, "Normal Pod shop/pod-C Following: group 1: pod-C (10.0.0.3:6379): seen\n");
}

/* As stock Codis does: its servers have requirepass, and no masterauth of their own. */
ACT_TEST(a_server_that_follows_is_told_the_password)
{
	snprintf(world.c->auth, sizeof(world.c->auth), "secret");
	run(ACT_FOLLOW, C);
	assert_journal("set 7: AB\nC CONFIG SET masterauth secret\nC SLAVEOF 10.0.0.1 6379\n");
	assert_logged("event=action.done " ABOUT "action=follow");
	assert_null(strstr(logged(), "secret"));
	assert_null(strstr(world.events, "secret"));
}

/* The node took long to be written: its pod has ended meanwhile, and it is not known yet who has its address. */
ACT_TEST(nor_is_another_process_told_to_follow)
{
	hear_b("decided");
	snprintf(world.c->auth, sizeof(world.c->auth), "secret");
	run(ACT_FOLLOW, B);
	assert_journal("set 7: AB\nB INFO\n");
	assert_logged("error=\"another process has its address since this was decided\"");
}

ACT_TEST(the_process_that_was_decided_on_is)
{
	hear_b(run_id_of('B'));
	snprintf(world.c->auth, sizeof(world.c->auth), "secret");
	run(ACT_FOLLOW, B);
	assert_journal("set 7: AB\nB INFO\nB CONFIG SET masterauth secret\nB SLAVEOF 10.0.0.1 6379\n");
}

/* Decided on the node of before a switch to B: that B, which serves, shall copy A. */
ACT_TEST(a_master_does_not_follow_the_one_before_it)
{
	others_write(B, false);
	run(ACT_FOLLOW, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_logged("error=\"played: conflict\"");
}

/* Its pod has ended since that was decided, and one of another cluster has its address. */
ACT_TEST(a_stranger_is_told_nothing)
{
	give_away("10.0.0.2");
	run(ACT_FOLLOW, B);
	assert_null(strstr(w.journal, "SLAVEOF"));
	assert_logged("error=\"10.0.0.2:6379 has gone to another pod\"");
	run(ACT_PROMOTE, B);
	assert_null(strstr(w.journal, "BA"));
	assert_null(strstr(w.journal, "SLAVEOF"));
}

/* It was heard, and has a pod. */
static void find_b(void)
{
	struct observed_server *b;

	set_pod("codis-server", "codis-server-1", "10.0.0.2");
	roster_relist(world.c, group(), &(struct codis_group){ .id = 1 });
	b = cluster_server(world.c, B);
	b->reach = REACH_OK;
	b->info_valid = true;
	snprintf(b->uid, sizeof(b->uid), "uid-codis-server-1");
}

static void b_ends(void)
{
	struct observed_server *b = cluster_server(world.c, B);

	b->reach = REACH_REFUSED;
	b->info_valid = false;
}

static void pod_of_b_is_gone(void)
{
	cluster_server(world.c, B)->info_valid = false; /* and silent, with its node */
	inventory_remove_pod(world.inv, "uid-codis-server-1");
}

/* B, which was to take over, ends while the slots are locked: A stays declared, and has them back. */
static void lose_b_while_it_is_locked(void (*then)(void))
{
	find_b();
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = INT_MAX;
	w.when = "p1 1024 slots to A locked";
	w.then = then;
	promote_over_a_silent_one();
	assert_journal("set 7: AB\np0 1024 slots to A locked\np1 1024 slots to A locked\nA INFO\n"
		       "p0 1024 slots to A\np1 1024 slots to A\n");
	assert_string_equal(group()->node.servers[0].addr, A);
	assert_logged("error=\"10.0.0.2:6379 has ended since this was decided\"");
}

/* Whoever answers at its address by then is somebody else, whom nobody has asked. */
ACT_TEST(nor_is_one_declared_that_has_ended_meanwhile)
{
	lose_b_while_it_is_locked(b_ends);
}

ACT_TEST(nor_one_whose_pod_is_gone_and_that_is_not_heard)
{
	lose_b_while_it_is_locked(pod_of_b_is_gone);
}

/* A person has deleted it by force, and its process lives on. */
ACT_TEST(but_one_whose_pod_is_gone_is_while_it_is_heard)
{
	find_b();
	inventory_remove_pod(world.inv, "uid-codis-server-1");
	run(ACT_PROMOTE, B);
	assert_string_equal(group()->node.servers[0].addr, B);
	assert_slots(0, B, false);
}

/* The same of a proxy that shall send its slots to A. */
ACT_TEST(nor_is_a_proxy_sent_to_it)
{
	others_write(B, false);
	run(ACT_FILL_PROXY, P1);
	assert_null(strstr(w.journal, "slots"));
	assert_logged("error=\"the group has changed since this was decided\"");
}

ACT_TEST(a_server_joins_and_is_dropped)
{
	struct action drop = action_of(ACT_DROP_SERVER, B);

	run(ACT_ADD_SERVER, C);
	assert_journal("set 7: ABC\nreload\n");
	assert_int_equal(group()->version, 8);
	drop.version = 8;
	act(world.c, &drop);
	until_idle();
	assert_journal("set 7: ABC\nreload\nset 8: AC\nreload\n");
}

ACT_TEST(a_proxy_is_taken_in_and_removed)
{
	struct action a = action_of(ACT_REMOVE_PROXY, P0);

	run(ACT_ONLINE_PROXY, P0);
	assert_string_equal(world.events,
			    "Normal Pod shop/pod-? Joined: pod-? (10.0.1.0:11080): seen\n"); /* no group */
	a.version = 3;
	a.czxid = CZXID;
	cluster_proxy(world.c, P0, false)->registered_version = 4; /* read since: not what was decided on */
	act(world.c, &a);
	until_idle();
	assert_journal("10.0.2.1:18080 online 10.0.1.0:11080\n"
		       "delete /codis3/codis-test/proxy/proxy-token-0 3\n"
		       "reload\n");
}

static struct action lock_of(const char *addr)
{
	struct action a = action_of(ACT_REMOVE_LOCK, D);

	snprintf(a.from, sizeof(a.from), "%s", addr);
	a.lock_start_wall_ms = 1767323045000;
	return a;
}

ACT_TEST(only_the_lock_that_was_judged_is_removed)
{
	struct action a = lock_of("10.0.2.9:18080");

	w.dashboard_fails = ERR_REFUSED;
	snprintf(w.lock, sizeof(w.lock),
		 "{\"admin_addr\":\"10.0.2.9:18080\",\"start_time\":\"2026-01-02 03:04:05.1 +0000 UTC m=+0.1\"}");
	act(world.c, &a);
	until_idle();
	assert_journal("delete /codis3/codis-test/topom 0\nreload\n");
	a = lock_of("10.0.2.8:18080");
	act(world.c, &a);
	until_idle();
	assert_logged("error=\"another dashboard has taken the lock meanwhile\"");
	a = lock_of("10.0.2.9:18080");
	a.lock_start_wall_ms -= 1000;
	act(world.c, &a);
	until_idle();
	assert_journal("delete /codis3/codis-test/topom 0\nreload\n");
	w.lock[0] = '\0'; /* gone by itself */
	act(world.c, &a);
	until_idle();
	assert_counted("{action=\"remove-lock\",result=\"ok\"} 2\n");
}

/* It runs outside of Kubernetes, or in a pod that is not seen. */
ACT_TEST(a_lock_whose_owner_answers_is_not_removed)
{
	struct action a = lock_of("10.0.2.9:18080");

	snprintf(w.lock, sizeof(w.lock),
		 "{\"admin_addr\":\"10.0.2.9:18080\",\"start_time\":\"2026-01-02 03:04:05.1 +0000 UTC m=+0.1\"}");
	act(world.c, &a);
	until_idle();
	w.dashboard_fails = ERR_TOOBIG; /* it says much */
	act(world.c, &a);
	until_idle();
	assert_journal("");
	assert_logged("error=\"the dashboard that took the lock answers, and is no pod of ours\"");
	w.dashboard_fails = ERR_STATUS; /* it waits for the lock */
	act(world.c, &a);
	until_idle();
	assert_journal("delete /codis3/codis-test/topom 0\nreload\n");
}

/* Its address has gone to the dashboard of another cluster, which serves there, and began later. */
ACT_TEST(a_lock_whose_owners_address_another_cluster_has_is_removed)
{
	struct action a = lock_of("10.0.2.9:18080");

	fixture_set_pod(world.inv, &(struct fixture_pod){ .namespace = "other",
							  .app = "codis-dashboard",
							  .name = "codis-dashboard-0",
							  .ip = "10.0.2.9" });
	snprintf(w.lock, sizeof(w.lock),
		 "{\"admin_addr\":\"10.0.2.9:18080\",\"start_time\":\"2026-01-02 03:04:05.1 +0000 UTC m=+0.1\"}");
	act(world.c, &a);
	until_idle();
	assert_int_equal(w.asked_for_ms, 0);
	assert_journal("delete /codis3/codis-test/topom 0\nreload\n");
}

/* Nobody has its address any more, and nothing there says so: each second is one without a dashboard. */
ACT_TEST(the_owner_of_a_lock_whose_pod_has_ended_is_not_awaited_long)
{
	struct action a = lock_of("10.0.2.9:18080");

	w.dashboard_fails = ERR_TIMEOUT;
	act(world.c, &a);
	until_idle();
	assert_int_equal(w.asked_for_ms, 2000);
	snprintf(world.c->dashboard.left, CODIS_ADDR_MAX, "10.0.2.9:18080");
	act(world.c, &a);
	until_idle();
	assert_int_equal(w.asked_for_ms, 300);
}

static const struct view_set three_groups = { .name = "codis-server",
					      .uid = "uid-set",
					      .shape = { .replicas = 6, .server_replica = 2 } };

/* Events of a pod are not shown of the one of its name that comes after it. */
ACT_TEST(another_master_is_told_on_the_statefulset_too)
{
	world.c->view.sets = &three_groups;
	world.c->view.set_count = 1;
	run(ACT_PROMOTE, B);
	assert_non_null(strstr(world.events, "Warning Pod shop/pod-B Promoted: group 1: pod-B (10.0.0.2:6379) "));
	assert_non_null(strstr(world.events, "Warning StatefulSet shop/codis-server Promoted: group 1: pod-B "));
}

ACT_TEST(what_is_done_to_a_server_is_told_on_its_pod_alone)
{
	world.c->view.sets = &three_groups;
	world.c->view.set_count = 1;
	run(ACT_ADD_SERVER, C);
	assert_non_null(strstr(world.events, "Normal Pod shop/pod-C Joined: "));
	assert_null(strstr(world.events, "StatefulSet"));
}

ACT_TEST(changes_of_masters_are_counted_from_the_start)
{
	op_begin_metrics(world.c->ctl->metrics);
	assert_counted("codis_controller_actions_total{action=\"promote\",result=\"ok\"} 0\n");
	assert_counted("codis_controller_actions_total{action=\"switch\",result=\"error\"} 0\n");
	assert_counted("codis_controller_change_seconds_count{action=\"switch\"} 0\n");
}

ACT_TEST(a_first_master_is_no_warning)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.from[0] = a.from_pod[0] = '\0';
	act(world.c, &a);
	until_idle();
	assert_non_null(strstr(world.events, "Normal Pod shop/pod-B Promoted: "));
}

/* As after a start of all: its data is the newest. */
ACT_TEST(a_master_that_gets_its_role_again_is_no_failover)
{
	struct action a = action_of(ACT_PROMOTE, A);

	act(world.c, &a);
	until_idle();
	assert_non_null(strstr(world.events, "Normal Pod shop/pod-A Promoted: group 1: pod-A (10.0.0.1:6379) has the "
					     "master's role: "));
	assert_tally(0, 0, 0);
}

ACT_TEST(slots_are_assigned_in_equal_ranges)
{
	world.c->view.sets = &three_groups;
	world.c->view.set_count = 1;
	run(ACT_ASSIGN_SLOTS, D);
	assert_journal("from 0 to group 1\nfrom 342 to group 2\nfrom 683 to group 3\n1024 slots\n");
	assert_string_equal(world.events, "Normal Pod shop/pod-? SlotsAssigned: pod-? (10.0.2.1:18080): seen\n");
}

/* --- more groups, or fewer --- */

static struct view_set two;

/* Two groups, of which the second one is new: all slots are the first one's. */
static void two_groups(void)
{
	struct cluster_view *v = &world.c->view;

	two = (struct view_set){
		.name = "codis-server", .uid = "uid-set", .shape = { .replicas = 4, .server_replica = 2 }, .servers = -1
	};
	v->sets = &two;
	v->set_count = 1;
	v->scaling = (struct scaling_view){ .had_noted = true, .parallel = 2, .interval_us = -1 };
	gids_add(&v->scaling.had, 1);
	gids_add(&v->scaling.moving.to, 2);
	v->scaling.moving.slots = 512;
	v->dashboard.reach = REACH_OK;
	v->dashboard.slots_known = true;
	for (int i = 0; i < CODIS_SLOTS; i++)
		v->dashboard.slot_group[i] = 1;
	snprintf(world.c->dashboard.addr, sizeof(world.c->dashboard.addr), "%s", D);
}

ACT_TEST(a_dashboard_is_told_of_a_few_slots_one_after_the_other)
{
	two_groups();
	run(ACT_MOVE_SLOTS, "");
	assert_journal(D " slot 1023 to group 2\n" D " slot 1022 to group 2\n");
	assert_int_equal(world.c->scaling_running, 0);
	assert_int_equal(world.c->scaling_done.ended_ms, 0);
	assert_string_equal(world.events, "");
}

ACT_TEST(an_interval_is_told_with_each_few_slots)
{
	two_groups();
	world.c->view.scaling.interval_us = 500;
	world.c->view.scaling.parallel = 1;
	run(ACT_MOVE_SLOTS, "");
	assert_journal(D " interval 500\n" D " slot 1023 to group 2\n");
}

ACT_TEST(slots_that_a_dashboard_refuses_to_move_are_tried_again_later_and_later)
{
	two_groups();
	w.dashboard_fails = ERR_STATUS;
	run(ACT_MOVE_SLOTS, "");
	run(ACT_MOVE_SLOTS, "");
	assert_journal(D " slot 1023 to group 2\n" D " slot 1023 to group 2\n");
	assert_int_equal(world.c->scaling_done.failures, 2);
	assert_logged("event=action.failed " ABOUT "action=move-slots");
}

ACT_TEST(what_is_kept_of_what_was_done_has_when_slots_began_to_move_and_when_they_had)
{
	two_groups();
	world.c->view.mandate = MANDATE_LEAD;
	scale_tell(world.c);
	assert_kept("SlotsMoving: 0 of 512 slots have moved to group 2");
	world.c->view.scaling.moving.to.count = 0;
	for (int i = CODIS_SLOTS / 2; i < CODIS_SLOTS; i++)
		world.c->view.dashboard.slot_group[i] = 2;
	scale_tell(world.c);
	assert_kept("SlotsMoved: group 2 has its share of the slots");
}

ACT_TEST(the_end_is_told_of_all_groups_that_went_one_after_the_other)
{
	struct moving *moving = &world.c->view.scaling.moving;

	two_groups();
	world.c->view.mandate = MANDATE_LEAD;
	*moving = (struct moving){ .slots = 512 };
	gids_add(&moving->from, 3);
	gids_add(&moving->from, 4);
	scale_tell(world.c);
	moving->from.count = 0;
	gids_add(&moving->from, 4);
	scale_tell(world.c);
	moving->from.count = 0;
	scale_tell(world.c);
	assert_kept("SlotsMoved: groups 3 and 4 are no more");
}

#define SET_PATH "/apis/apps/v1/namespaces/shop/statefulsets/codis-server"

/* Operations of a JSON Patch: whoever asks for something else meanwhile is not overrun. */
#define SCALE_TO        "\"path\":\"/metadata/annotations/codis.io~1scale-to\""
#define SAME_SET        "{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"uid-set\"}"
#define SAME_WISH(text) "{\"op\":\"test\"," SCALE_TO ",\"value\":\"" text "\"}"
#define NO_WISH         "{\"op\":\"remove\"," SCALE_TO "}"
#define REPLICAS(op, n) "{\"op\":\"" op "\",\"path\":\"/spec/replicas\",\"value\":" n "}"

ACT_TEST(which_groups_get_slots_is_noted_on_the_statefulset)
{
	two_groups();
	run(ACT_NOTE_SCALING, "");
	assert_journal("PATCH " SET_PATH " {\"metadata\":{\"annotations\":{\"codis.io/had-slots\":\"1,2\","
		       "\"codis.io/moving\":\"to=2 slots=512\"},\"uid\":\"uid-set\"}}\n");
}

ACT_TEST(what_is_done_is_noted_no_more)
{
	struct cluster_view *v = &world.c->view;

	two_groups();
	gids_add(&v->scaling.had, 2);
	two.asked = true;
	snprintf(two.asked_by, sizeof(two.asked_by), "4");
	two.servers = 4;
	for (int i = 0; i < CODIS_SLOTS / 2; i++)
		v->dashboard.slot_group[i] = 2;
	run(ACT_NOTE_SCALING, "");
	v->scaling.moving.to.count = 0;
	run(ACT_NOTE_SCALING, "");
	assert_journal("PATCH " SET_PATH " {\"metadata\":{\"annotations\":{\"codis.io/had-slots\":\"1,2\","
		       "\"codis.io/moving\":null},\"uid\":\"uid-set\"}}\n"
		       "PATCH " SET_PATH " [" SAME_SET "," SAME_WISH("4") "," NO_WISH "]\n");
}

ACT_TEST(what_is_noted_goes_to_the_statefulset_that_has_servers)
{
	static struct view_set sets[2];
	struct cluster_view *v = &world.c->view;

	two_groups();
	gids_add(&v->scaling.had, 2);
	v->scaling.moving.to.count = 0;
	sets[0] = (struct view_set){ .name = "old", .uid = "uid-old", .servers = -1, .noted = true };
	sets[0].shape = (struct codis_shape){ .server_replica = 1 };
	sets[1] = two;
	v->sets = sets;
	v->set_count = 2;
	run(ACT_NOTE_SCALING, "");
	sets[1].noted = true;
	v->scaling.home = 1;
	run(ACT_NOTE_SCALING, "");
	assert_journal("PATCH " SET_PATH " {\"metadata\":{\"annotations\":{\"codis.io/had-slots\":\"1,2\","
		       "\"codis.io/moving\":null},\"uid\":\"uid-set\"}}\n"
		       "PATCH /apis/apps/v1/namespaces/shop/statefulsets/old {\"metadata\":{\"annotations\":{"
		       "\"codis.io/had-slots\":null,\"codis.io/moving\":null},\"uid\":\"uid-old\"}}\n");
}

static struct action scale_of(int replicas, bool undoes)
{
	struct action a = action_of(ACT_SCALE, "");

	a.replicas = replicas;
	a.undoes = undoes;
	a.gid = 0;
	snprintf(a.pod, sizeof(a.pod), "codis-server");
	snprintf(a.uid, sizeof(a.uid), "uid-set");
	return a;
}

ACT_TEST(servers_that_have_no_slots_are_scaled_away_and_the_asking_with_them)
{
	struct action a = scale_of(2, false);

	two_groups();
	snprintf(two.asked_by, sizeof(two.asked_by), "2");
	act(world.c, &a);
	until_idle();
	assert_journal("PATCH " SET_PATH " [" SAME_SET
		       "," SAME_WISH("2") "," REPLICAS("test", "4") "," NO_WISH "," REPLICAS("replace", "2") "]\n");
	assert_string_equal(world.events, "Normal StatefulSet shop/codis-server Scaled: 2 servers: seen\n");
}

ACT_TEST(what_a_person_asks_for_meanwhile_is_no_failure_to_tell_of)
{
	struct action a = scale_of(2, false);

	two_groups();
	snprintf(two.asked_by, sizeof(two.asked_by), "2");
	w.kube_fails = ERR_CONFLICT;
	act(world.c, &a);
	until_idle();
	assert_string_equal(world.events, "");
	w.kube_fails = ERR_TIMEOUT;
	act(world.c, &a);
	until_idle();
	assert_non_null(strstr(world.events, "Warning StatefulSet shop/codis-server ActionFailed: "));
}

ACT_TEST(a_decision_about_a_statefulset_that_is_another_by_now_is_dropped)
{
	struct action a = scale_of(2, false);

	two_groups();
	snprintf(a.uid, sizeof(a.uid), "uid-old");
	act(world.c, &a);
	until_idle();
	assert_journal("");
	assert_string_equal(world.events, "");
}

ACT_TEST(servers_that_were_scaled_away_with_slots_are_asked_back)
{
	struct action a = scale_of(6, true);

	two_groups();
	act(world.c, &a);
	until_idle();
	assert_journal("PATCH " SET_PATH " [" SAME_SET "," REPLICAS("test", "4") "," REPLICAS("replace", "6") "]\n");
	assert_string_equal(world.events, "Warning StatefulSet shop/codis-server ScaledBack: 6 servers: seen\n");
}

ACT_TEST(a_group_that_is_no_more_is_removed_as_it_was_read)
{
	struct action a = action_of(ACT_REMOVE_GROUP, "");

	group()->czxid = CZXID;
	act(world.c, &a);
	until_idle();
	assert_journal("delete " GROUP " 7\nreload\n");
	group()->czxid = 0; /* not read since we made it */
	w.journal[0] = '\0';
	act(world.c, &a);
	until_idle();
	assert_journal("");
}

/* Its process has ended, and so its connections. */
static void end_assignment(void)
{
	assert_int_equal(world.c->dashboard_running, 1);
	assert_int_equal(world.c->assigning, 1);
	loop_timer_set(w.assign_held->timer, 1);
}

ACT_TEST(an_assignment_ends_with_the_dashboard_that_hung_in_it)
{
	struct action a = action_of(ACT_DELETE_POD, D);
	const struct calm_done *done = &world.c->dashboard_done;

	a.subject = SUBJECT_DASHBOARD;
	a.gid = 0;
	w.assign_hangs = true;
	w.on_delete = end_assignment;
	w.on_delete_ms = 20;
	start(ACT_ASSIGN_SLOTS, D);
	assert_int_equal(world.c->assigning, 1);
	act(world.c, &a);
	assert_int_equal(world.c->dashboard_running, 2);
	until_idle();
	assert_int_equal(world.c->dashboard_running, 0);
	assert_int_equal(world.c->assigning, 0);
	assert_counted("{action=\"delete-pod\",result=\"ok\"} 1\n");
	assert_counted("{action=\"assign-slots\",result=\"error\"} 1\n");
	assert_string_equal(world.events, "Normal Pod shop/pod-? Replaced: pod-? (10.0.2.1:18080): seen\n"
					  "Warning Pod shop/pod-? ActionFailed: assign-slots of pod-? (10.0.2.1:18080) "
					  "failed: played: failure\n");
	/* What has failed is tried again at once; that pod, and the next one of its name, are not deleted so soon. */
	assert_int_equal(calm_until_ms(done, ACT_ASSIGN_SLOTS, 0, done->ended_ms) - done->ended_ms, 50);
	assert_true(calm_delete_after_ms(&world.c->deleted, "pod-?", clock_mono_ms()) > 0);
}

ACT_TEST(a_pod_is_deleted_by_its_uid)
{
	run(ACT_DELETE_POD, B);
	assert_journal("DELETE /api/v1/namespaces/shop/pods/pod-B "
		       "{\"preconditions\":{\"uid\":\"uid-B\"},\"gracePeriodSeconds\":1}\n");
	assert_string_equal(world.events, "Normal Pod shop/pod-B Replaced: group 1: pod-B (10.0.0.2:6379): seen\n");
	assert_int_equal(group()->done.ended_ms, 0); /* the group's next master does not wait for it */
	assert_true(calm_was_deleted(&world.c->deleted, "pod-B"));
	assert_int_equal(calm_recent(&world.c->deletions, 60000, clock_mono_ms()), 1);
	assert_int_equal(calm_recent(&world.ctl.deletions, 60000, clock_mono_ms()), 1);
	w.kube_fails = ERR_NOTFOUND; /* gone already */
	run(ACT_DELETE_POD, B);
	assert_counted("{action=\"delete-pod\",result=\"ok\"} 2\n");
	w.kube_fails = ERR_CONFLICT; /* a successor of that name */
	run(ACT_DELETE_POD, B);
	assert_counted("{action=\"delete-pod\",result=\"error\"} 1\n");
	assert_int_equal(calm_recent(&world.c->deletions, 60000, clock_mono_ms()), 2);
	assert_int_equal(world.c->deleting + world.ctl.deleting, 0);
}

/* So that the controller that comes next knows that its successor is one. */
ACT_TEST(a_pod_that_is_adopted_is_noted_and_then_deleted_with_its_own_grace_period)
{
	struct action a = action_of(ACT_DELETE_POD, B);

	a.adopts = true;
	world.c->view.sets = &three_groups;
	world.c->view.set_count = 1;
	act(world.c, &a);
	until_idle();
	assert_journal(
		"PATCH /apis/apps/v1/namespaces/shop/statefulsets/codis-server {\"metadata\":{\"uid\":\"uid-set\","
		"\"annotations\":{\"codis.io/adopting\":\"pod-B/uid-B\"}}}\n"
		"DELETE /api/v1/namespaces/shop/pods/pod-B {\"preconditions\":{\"uid\":\"uid-B\"}}\n");
	w.journal[0] = '\0';
	w.kube_fails = ERR_TIMEOUT; /* what could not be noted is not done */
	act(world.c, &a);
	until_idle();
	assert_null(strstr(w.journal, "DELETE"));
}

/* --- calm --------------------------------------------------------------------------------------------------------- */

ACT_TEST(what_was_done_is_kept_where_it_was_done)
{
	run(ACT_PROMOTE, B);
	run(ACT_DELETE_POD, A);
	assert_int_equal(group()->done.kind, ACT_PROMOTE);
	assert_int_equal(group()->done.times, 1);
	assert_int_equal(cluster_server(world.c, A)->done.kind, ACT_DELETE_POD);
	assert_int_equal(calm_until_ms(&cluster_server(world.c, A)->done, ACT_DELETE_POD, 1, clock_mono_ms()) > 0,
			 true);
	run(ACT_ASSIGN_SLOTS, D);
	assert_int_equal(world.c->dashboard_done.kind, ACT_ASSIGN_SLOTS);
}

ACT_TEST(promotions_over_silent_masters_are_counted)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.lock = true;
	w.a_fails = ERR_TIMEOUT;
	w.a_fails_times = 1;
	act(world.c, &a);
	until_idle();
	assert_int_equal(calm_recent(&group()->silences, 1000, clock_mono_ms()), 1);
}

ACT_TEST(nothing_is_done_in_a_dry_run)
{
	world.ctl.dry_run = true;
	for (enum action_kind kind = 0; kind < ACT_KINDS; kind++)
		run(kind, B);
	assert_journal("");
	assert_string_equal(world.events, "");
}

/* Answers are heard before the timer that would tell that the process was stopped. */
ACT_TEST(an_action_ends_when_the_loop_has_slept)
{
	world.c->last_tick_ms = clock_mono_ms() - 1001;
	run(ACT_PROMOTE, B);
	assert_journal("");
	assert_logged("error=\"the clock has jumped since this was decided\"");
	world.c->last_tick_ms = clock_mono_ms();
	run(ACT_PROMOTE, B);
	assert_counted("{action=\"promote\",result=\"ok\"} 1\n");
}

/* Nobody is there to confirm it; and of ZooKeeper's namespace. */
ACT_TEST(a_pod_of_a_lost_node_is_deleted_at_once)
{
	struct action a = action_of(ACT_DELETE_POD, B);

	a.force = true;
	act(world.c, &a);
	until_idle();
	assert_journal("DELETE /api/v1/namespaces/shop/pods/pod-B "
		       "{\"preconditions\":{\"uid\":\"uid-B\"},\"gracePeriodSeconds\":0}\n");
	w.journal[0] = '\0';
	a.subject = SUBJECT_ZOOKEEPER;
	a.gid = 0;
	snprintf(a.namespace, sizeof(a.namespace), "infra");
	act(world.c, &a);
	assert_int_equal(world.c->zookeeper_running, 1);
	until_idle();
	assert_journal("DELETE /api/v1/namespaces/infra/pods/pod-B "
		       "{\"preconditions\":{\"uid\":\"uid-B\"},\"gracePeriodSeconds\":0}\n");
	assert_int_equal(world.c->zookeeper_running, 0);
	assert_true(world.c->zookeeper_acted_ms > 0);
	assert_int_equal(world.c->zookeeper_done.times, 1);
	assert_non_null(strstr(world.events, "Normal Pod infra/pod-B Replaced: "));
}

/* Beside whatever else goes on in its group. */
ACT_TEST(writes_are_bounded_and_freed)
{
	struct action a = action_of(ACT_BOUND_WRITES, A);
	int64_t acted_ms = group()->acted_ms;
	struct observed_server *s;

	set_pod("codis-server", "codis-server-0", "10.0.0.1");
	roster_take_stock(world.c);
	s = cluster_server(world.c, A);
	act(world.c, &a);
	assert_int_equal(s->setting_running, 1);
	assert_int_equal(group()->running, 0);
	until_idle();
	assert_journal("A CONFIG SET min-slaves-max-lag 3\nA CONFIG SET min-slaves-to-write 1\n");
	assert_true(s->setting_ms > 0 && s->setting_running == 0 && s->setting_failures == 0);
	assert_int_equal(group()->acted_ms, acted_ms);
	w.journal[0] = '\0';
	world.ctl.mandate = MANDATE_STANDBY; /* whoever sees it */
	a.kind = ACT_FREE_WRITES;
	act(world.c, &a);
	until_idle();
	assert_journal("A CONFIG SET min-slaves-to-write 0\n");
	assert_null(strstr(world.events, "WritesFree")); /* the one who leads says so */
}

ACT_TEST(a_proxy_is_told_to_be_unready)
{
	run(ACT_UNREADY_PROXY, P0);
	assert_non_null(
		strstr(w.journal,
		       "PATCH /api/v1/namespaces/shop/pods/pod-?/status {\"metadata\":{\"uid\":\"uid-?\"},"
		       "\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"False\",\"reason\":"
		       "\"CodisProxySilent\",\"message\":\"seen\",\"lastTransitionTime\":\"???????????????????Z\""));
	assert_true(world.c->proxies[0]->unready_ms > 0);
	w.kube_fails = ERR_NOTFOUND; /* gone already */
	run(ACT_UNREADY_PROXY, P0);
	assert_counted("{action=\"unready-proxy\",result=\"ok\"} 2\n");
	world.ctl.mandate = MANDATE_STANDBY; /* whoever sees it */
	run(ACT_UNREADY_PROXY, P0);
	assert_counted("{action=\"unready-proxy\",result=\"ok\"} 3\n");
	run(ACT_REMOVE_PROXY, P0);
	assert_logged("error=\"this controller no longer leads\"");
}

/* --- beginning and end -------------------------------------------------------------------------------------------- */

static void assert_waits(int ms)
{
	const struct calm_done *d = &group()->done;

	run(ACT_PROMOTE, B);
	assert_int_equal(calm_until_ms(d, ACT_PROMOTE, 1, d->ended_ms) - d->ended_ms, ms);
}

ACT_TEST(the_pause_after_a_failure_doubles_up_to_two_seconds)
{
	w.write_fails = ERR_IO;
	for (int ms = 50; ms < 2000; ms *= 2)
		assert_waits(ms);
	assert_waits(2000);
	assert_waits(2000);
	w.write_fails = ERR_NONE;
	run(ACT_PROMOTE, B);
	assert_int_equal(calm_until_ms(&group()->done, ACT_PROMOTE, 1, group()->done.ended_ms), 0);
	others_write(A, false);
	assert_waits(50);
}

ACT_TEST(what_it_is_about_is_busy_meanwhile)
{
	start(ACT_PROMOTE, B);
	assert_int_equal(group()->running, 1);
	start(ACT_ONLINE_PROXY, P0);
	assert_int_equal(cluster_proxy(world.c, P0, false)->running, 1);
	start(ACT_ASSIGN_SLOTS, D);
	assert_int_equal(world.c->dashboard_running, 1);
	assert_int_equal(group()->running, 1);
	assert_int_equal(world.c->running, 3);
	until_idle();
	assert_int_equal(group()->running, 0);
	assert_int_equal(cluster_proxy(world.c, P0, false)->running, 0);
	assert_int_equal(world.c->dashboard_running, 0);
}

ACT_TEST(every_kind_has_its_words)
{
	for (int k = 0; k < ACT_KINDS; k++) {
		assert_non_null(action_name((enum action_kind)k));
		assert_non_null(action_reason((enum action_kind)k));
		for (int other = 0; other < k; other++)
			assert_string_not_equal(action_name((enum action_kind)k), action_name((enum action_kind)other));
	}
}

static void assert_note(const struct action *a, const char *expected)
{
	char text[1024];

	action_note(a, 41, NULL, text, sizeof(text));
	assert_string_equal(text, expected);
}

ACT_TEST(an_event_names_the_old_and_the_new_master_and_the_time)
{
	struct action a = action_of(ACT_PROMOTE, B);

	a.why = "connections are refused, and its replica lost its link";
	assert_note(&a,
		    "group 1: pod-B (10.0.0.2:6379) replaces pod-A (10.0.0.1:6379): connections are refused, and its "
		    "replica lost its link; 41 ms");
	snprintf(a.gone_from, sizeof(a.gone_from), "an-older-pod"); /* its pod is there */
	assert_note(&a,
		    "group 1: pod-B (10.0.0.2:6379) replaces pod-A (10.0.0.1:6379): connections are refused, and its "
		    "replica lost its link; 41 ms");
	a.from_pod[0] = '\0';
	assert_note(
		&a,
		"group 1: pod-B (10.0.0.2:6379) replaces an-older-pod (10.0.0.1:6379): connections are refused, and "
		"its replica lost its link; 41 ms");
	a.gone_from[0] = '\0';
	assert_note(&a,
		    "group 1: pod-B (10.0.0.2:6379) replaces 10.0.0.1:6379: connections are refused, and its replica "
		    "lost its link; 41 ms");
	a.from[0] = '\0';
	a.why = "the group has no master yet";
	assert_note(&a, "group 1: pod-B (10.0.0.2:6379) has the master's role: the group has no master yet; 41 ms");
}

/* --- memory runs out ---------------------------------------------------------------------------------------------- */

/* Two slots are the group's, so that the path is short; the first proxy has them elsewhere when that is to be mended.
 */
static void shorten(enum action_kind kind)
{
	w.hurry = true;
	for (int k = 0; k < 2 && kind == ACT_FILL_PROXY; k++)
		memcpy(world.c->proxies[0]->slots[k].addr, C, sizeof(C));
	if (kind == ACT_FILL_PROXY)
		memcpy(w.proxies[0].addr, C, sizeof(C));
	for (int i = 0; i < PROXIES; i++) {
		for (int k = 2; k < CODIS_SLOTS; k++)
			world.c->proxies[i]->slots[k].group = 2;
	}
}

/* What is believed of the proxies and of the node is what they have; nobody is sent to who has no role. */
static void assert_believed(enum action_kind kind)
{
	for (int i = 0; i < PROXIES; i++) {
		const struct codis_slot *slot = &world.c->proxies[i]->slots[0];

		assert_string_equal(slot->addr, w.proxies[i].addr);
		assert_int_equal(slot->locked, w.proxies[i].locked);
		assert_true(w.b_leads || strcmp(w.proxies[i].addr, B) != 0);
	}
	if (w.b_leads && kind != ACT_FOLLOW)
		assert_non_null(strstr(w.journal, "set 7: BA\n"));
	if (group()->version == w.version && w.exists) {
		BUF_CLEANUP struct buf text = BUF_INIT(4096);

		assert_int_equal(codis_group_write(&group()->node, &text), 0);
		assert_string_equal(text.data, w.node);
	}
}

/* Without a line that is not needed: it makes the link quicker to notice, and is not awaited. */
static void leave_out(char *journal, const char *line)
{
	char *at = strstr(journal, line);

	if (at)
		memmove(at, at + strlen(line), strlen(at + strlen(line)) + 1);
}

/* All of it: what of it failed is said, and known (fills are decided anew, the dashboard is told with its next
 * overview).
 */
static bool is_done(void)
{
	static char text[JOURNAL_MAX];
	ssize_t n = pread(world.log.fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return strstr(text, "event=action.done") && strstr(text, " unfilled=0 ");
}

/* Each step is taken as it should be, or none after the one that failed but those that take back; an action that is
 * said to be done is. */
static void each_allocation(enum action_kind kind, const char *addr)
{
	char right[4096] = "";
	bool due = false;

	ERR_peek_error(); /* makes what OpenSSL keeps for each thread */
	NOMEM_EACH
	{
		struct action a = action_of(kind, addr);

		begin(NULL);
		shorten(kind);
		write_node(&group()->node);
		nomem_on();
		act(world.c, &a);
		while (world.c->running)
			uv_run(&world.uv, UV_RUN_ONCE);
		nomem_off();
		leave_out(w.journal, "B CONFIG SET repl-ping-slave-period 1\n");
		if (nomem_is_first()) {
			snprintf(right, sizeof(right), "%s", w.journal);
			assert_true(is_done());
			due = world.c->reload_due;
		}
		assert_true(nomem_failed() || is_done());
		if (is_done() && world.c->reload_due == due)
			assert_string_equal(w.journal, right);
		assert_believed(kind);
		finish(NULL);
		ERR_clear_error(); /* OpenSSL keeps where its allocation failed */
	}
}

TEST(a_promotion_without_memory_stops_at_a_step_that_is_known)
{
	each_allocation(ACT_PROMOTE, B);
}

TEST(a_switch_without_memory_stops_at_a_step_that_is_known)
{
	each_allocation(ACT_SWITCH, B);
}

TEST(other_actions_without_memory_are_done_or_fail)
{
	each_allocation(ACT_FILL_PROXY, P0);
	each_allocation(ACT_FOLLOW, B);
	each_allocation(ACT_ADD_SERVER, C);
	each_allocation(ACT_DROP_SERVER, B);
	each_allocation(ACT_MARK_IN_SYNC, A);
	each_allocation(ACT_ONLINE_PROXY, P0);
	each_allocation(ACT_DELETE_POD, B);
	each_allocation(ACT_UNREADY_PROXY, P0);
	each_allocation(ACT_ASSIGN_SLOTS, "");
}
