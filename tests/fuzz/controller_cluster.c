/* fuzz: -max_len=8192 */
/* Lines of what codis-controller hears of one cluster: a letter that says of what, a digit that says of which, and the
 * text. After each line the picture is made, decided upon and told. What is decided is of that cluster, one thing for
 * each subject, and says why; nothing is done of it. */
#include <fcntl.h>
#include <stdbool.h>
#include <uv.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/codis/coordinator.h"
#include "common/codis/inventory.h"
#include "common/codis/probe.h"
#include "common/kube/event.h"
#include "controller/cluster.h"
#include "controller/observe.h"
#include "controller/roster.h"
#include "controller/status.h"
#include "tests/fuzz/fuzz.h"

#define LINES     32
#define ACTIONS   32
#define STEP_MS   4000
#define TEXT_MAX  (4u << 20)
#define ADDR_SIZE CODIS_ADDR_MAX

struct world {
	struct controller ctl;
	struct cluster *c;
	int64_t later_ms; /* than the clock says: what was heard is so old */
	int version;
};

static uv_loop_t loop;
static struct logger nowhere;
static struct metrics *metrics;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	nowhere = (struct logger){ .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_LEVEL_DEBUG };
	metrics = metrics_new();
	CHECK(nowhere.fd >= 0 && metrics && uv_loop_init(&loop) == 0);
	return 0;
}

/* --- played: nobody is asked, and nothing is told (libcodis.a is an archive, so that these are taken instead) ------
 */

struct redis_probe {
	char unused;
};

struct redis_probe *redis_probe_start(uv_loop_t *uv, const struct redis_probe_config *cfg, struct error *err)
{
	(void)uv;
	(void)cfg;
	(void)err;
	return malloc(sizeof(struct redis_probe));
}

void redis_probe_stop(struct redis_probe *p)
{
	free(p);
}

const struct redis_probe_state *redis_probe_state(const struct redis_probe *p)
{
	static const struct redis_probe_state nothing;

	(void)p;
	return &nothing;
}

void redis_probe_pace(struct redis_probe *p, int period_ms)
{
	(void)p;
	(void)period_ms;
}

void redis_probe_now(struct redis_probe *p)
{
	(void)p;
}

void kube_event(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		const char *fmt, ...)
{
	(void)e, (void)kind, (void)involved, (void)warning, (void)reason, (void)fmt;
}

void kube_event_once(struct kube_events *e, const char *kind, const cJSON *involved, bool warning, const char *reason,
		     const char *fmt, ...)
{
	(void)e, (void)kind, (void)involved, (void)warning, (void)reason, (void)fmt;
}

/* --- what is heard ------------------------------------------------------------------------------------------------ */

static void hear_object(struct world *w, const struct input *text, char letter)
{
	JSON_CLEANUP cJSON *object = json_parse((const char *)text->at, text->len, JSON_ITEMS, NULL);
	struct error err = ERROR_INIT;

	if (!object)
		return;
	if (letter == 'k')
		inventory_set_pod(w->ctl.inventory, object, &err);
	else if (letter == 's')
		inventory_set_set(w->ctl.inventory, object, &err);
	else
		inventory_set_node(w->ctl.inventory, object, &err);
	roster_take_stock(w->c);
}

/* ";" stands for the end of a line. */
static void hear_server(struct world *w, int which, const struct input *in, char letter)
{
	static const enum reach reaches[] = { REACH_REFUSED, REACH_SILENT, REACH_UNKNOWN };
	struct redis_probe_state state = { .since_ms = clock_mono_ms() };
	struct observed_server *s = w->c->server_count ? w->c->servers[which % w->c->server_count] : NULL;
	bool asked = s && s->probe;
	char *text = take_text(in);

	for (size_t i = 0; i < in->len; i++)
		text[i] = text[i] == ';' ? '\n' : text[i];
	if (asked && letter == 'r') {
		state.reach = reaches[in->len % 3];
		state.info = s->info;
		state.heard_ms = s->heard_ms;
		roster_hear(w->c, s, &state);
	} else if (asked && redis_info_parse(text, in->len, &state.info, NULL) == 0) {
		state.reach = REACH_OK;
		state.info_valid = true;
		state.heard_ms = clock_mono_ms();
		roster_hear(w->c, s, &state);
	}
	free(text);
}

static void hear_answer(struct world *w, int which, const struct input *text, char letter)
{
	JSON_CLEANUP cJSON *answer = json_parse((const char *)text->at, text->len, OVERVIEW_ITEMS, NULL);
	struct error refused = ERROR_INIT;
	char addr[ADDR_SIZE];

	error_set(&refused, ERR_REFUSED, "played");
	snprintf(addr, sizeof(addr), letter == 'p' ? "10.0.1.%d:11080" : "10.0.2.%d:18080", which);
	if (letter == 'p') {
		struct observed_proxy *p = cluster_proxy(w->c, addr, true);

		CHECK(p);
		p->asked_ms = clock_mono_ms();
		observe_hear_proxy(p, answer, answer ? NULL : &refused);
	} else {
		struct observed_dashboard *d = cluster_dashboard(w->c, addr, true);

		CHECK(d);
		d->asked_ms = clock_mono_ms();
		observe_hear_dashboard(d, answer, answer ? NULL : &refused);
	}
}

static void hear_node(struct world *w, int which, const struct input *in, char letter)
{
	static const char *const names[] = { "group-0001", "group-0002", "group-x" };
	struct coordinator_stat stat = { .version = w->version, .czxid = 1, .mzxid = w->version };
	int64_t now = clock_mono_ms();
	char *text = take_text(in), token[8];

	snprintf(token, sizeof(token), "t%d", which);
	w->version++;
	if (letter == 'g')
		observe_hear_group(w->c, which, now, text, in->len, &stat, NULL);
	else if (letter == 'n')
		observe_hear_proxy_node(w->c, token, text, in->len, &stat);
	else if (letter == 'l')
		observe_hear_lock(w->c, now, text, in->len, NULL);
	else
		observe_hear_group_list(w->c, now, which % 4, names);
	free(text);
}

static void hear(struct world *w, struct input line)
{
	char letter = (char)take_byte(&line);
	int which = (int)take_byte(&line) & 15;

	switch (letter) {
	case 'k':
	case 's':
	case 'm': hear_object(w, &line, letter); break;
	case 'i':
	case 'r': hear_server(w, which, &line, letter); break;
	case 'p':
	case 'd': hear_answer(w, which, &line, letter); break;
	case 'g':
	case 'n':
	case 'l':
	case 'f': hear_node(w, which, &line, letter); break;
	case 't': w->later_ms += STEP_MS; break;
	default: break;
	}
}

/* --- what comes of it --------------------------------------------------------------------------------------------- */

static struct observed seen_of(const struct world *w)
{
	struct cluster *c = w->c;

	c->listed_ms = c->connected_since_ms = c->proxies_read_ms = c->steady_since_ms = 1;
	return (struct observed){ .namespace = c->namespace,
				  .product = c->product,
				  .mandate = MANDATE_LEAD,
				  .leads = true,
				  .steady_since_ms = 1,
				  .kube_fresh = true,
				  .connected_since_ms = 1,
				  .listed_ms = clock_mono_ms(),
				  .proxies_read_ms = clock_mono_ms(),
				  .server_count = c->server_count,
				  .group_count = c->group_count,
				  .proxy_count = c->proxy_count,
				  .dashboard_count = c->dashboard_count,
				  .servers = c->servers,
				  .groups = c->groups,
				  .proxies = c->proxies,
				  .dashboards = c->dashboards,
				  .topom = &c->dashboard,
				  .password_trouble = "" };
}

/* One change a group at a time, and one of each proxy. */
static bool same_subject(const struct action *a, const struct action *b)
{
	bool proxy_a = a->subject == SUBJECT_PROXY, proxy_b = b->subject == SUBJECT_PROXY;

	if (proxy_a || proxy_b)
		return proxy_a && proxy_b && strcmp(a->addr, b->addr) == 0;
	return a->subject == SUBJECT_DASHBOARD ? b->subject == SUBJECT_DASHBOARD
					       : b->subject != SUBJECT_DASHBOARD && a->gid == b->gid;
}

static void check_action(const struct cluster_view *v, const struct action *a)
{
	const struct server_view *s = view_server(v, a->addr);
	char note[512];

	CHECK(a->kind < ACT_KINDS && a->why && a->why[0]);
	CHECK(memchr(a->addr, '\0', sizeof(a->addr)) && memchr(a->from, '\0', sizeof(a->from)));
	if (a->kind == ACT_PROMOTE || a->kind == ACT_SWITCH) {
		CHECK(s && s->reach == REACH_OK && view_group(v, a->gid));
		/* A process that is remembered in its role belongs to the group, whatever an older word of its pod
		 * says. */
		CHECK(s->remembered_group == a->gid ||
		      (!s->of_another && (!s->pod.name[0] || !s->group || s->group == a->gid)));
		CHECK(strcmp(a->addr, a->from) != 0 || a->kind == ACT_PROMOTE);
	}
	if (a->kind == ACT_FOLLOW)
		CHECK(s && strcmp(a->addr, a->master) != 0);
	action_note(a, 1, NULL, note, sizeof(note));
}

static void check_told(const struct cluster_view *v, const struct decide_limits *limits)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX);
	JSON_CLEANUP cJSON *json = status_json(v, limits);
	char line[1024];
	bool ok;

	status_line(v, limits, line, sizeof(line), &ok);
	CHECK(strlen(line) < sizeof(line) && !strchr(line, '\n'));
	CHECK(json && json_write(json, &text) == 0);
}

static void look(struct world *w, struct picture_room *room)
{
	static struct cluster_view v;
	static struct action actions[ACTIONS];
	struct observed seen = seen_of(w);
	int n;

	CHECK(picture_make(&v, room, &seen, w->ctl.inventory, clock_mono_ms() + w->later_ms) == 0);
	n = decide(&v, &w->ctl.limits, actions, ACTIONS);
	CHECK(n >= 0 && n <= ACTIONS);
	for (int i = 0; i < n; i++) {
		check_action(&v, &actions[i]);
		for (int j = 0; j < i; j++)
			CHECK(!same_subject(&actions[i], &actions[j]));
	}
	check_told(&v, &w->ctl.limits);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	struct picture_room room = { 0 };
	struct world w = { .ctl = { .uv = &loop,
				    .log = &nowhere,
				    .metrics = metrics,
				    .inventory = inventory_new(),
				    .kube_synced = true,
				    .kube_fresh = true,
				    .mandate = MANDATE_LEAD,
				    .limits = DECIDE_LIMITS,
				    .probe_ms = 250,
				    .probe_timeout_ms = 500 },
			   .c = calloc(1, sizeof(struct cluster)) };

	CHECK(w.ctl.inventory && w.c);
	w.c->ctl = &w.ctl;
	snprintf(w.c->namespace, sizeof(w.c->namespace), "shop");
	snprintf(w.c->product, sizeof(w.c->product), "codis-test");
	for (int i = 0; in.len && i < LINES; i++) {
		hear(&w, take_line(&in));
		look(&w, &room);
	}
	picture_room_release(&room);
	roster_release(w.c);
	inventory_free(w.ctl.inventory);
	free(w.c);
	return 0;
}
