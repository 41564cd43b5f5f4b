#include "cli/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/columns.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define RECENT_SHOWN 3
#define UNKNOWN      INT64_MIN

static const char *str(const cJSON *o, const char *name)
{
	const char *text = json_str(o, name, NULL);

	return text ? text : "";
}

/* What comes from a cluster is printed on a terminal. */
static void add_clean(struct buf *out, const char *text)
{
	text_clean(out, text, strlen(text));
}

/* --- the headline ------------------------------------------------------------------------------------------------- */

/* The word of a line, "OK", "DEGRADED", "NO CONTROLLER", ...: where it begins and ends. */
static const char *word_of(const char *line, size_t *len)
{
	static const char *const words[] = { "OK",   "SWITCHING",     "DEGRADED", "PARTIAL",
					     "DOWN", "NO CONTROLLER", "UNKNOWN" };
	const char *at = strstr(line, ": ");

	at = at ? at + 2 : line;
	if (strncmp(at, "PAUSED, ", 8) == 0)
		at += 8;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		*len = strlen(words[i]);
		if (strncmp(at, words[i], *len) == 0)
			return at;
	}
	*len = 0;
	return at;
}

static const char *colour_of(const struct cli *c, const char *word)
{
	return strncmp(word, "OK", 2) == 0 ? cli_green(c)
	       : strncmp(word, "SWITCHING", 9) == 0 || strncmp(word, "DEGRADED", 8) == 0 ||
			       strncmp(word, "UNKNOWN", 7) == 0
		       ? cli_yellow(c)
		       : cli_red(c);
}

static void add_cause(struct cli *c, const char *words, size_t len, const char *code)
{
	buf_addstr(&c->out, "  ! ");
	text_clean(&c->out, words, len);
	if (*code) {
		buf_addstr(&c->out, " [");
		add_clean(&c->out, code);
		buf_addch(&c->out, ']');
	}
	buf_addch(&c->out, '\n');
}

/* What happens by itself, and what to do: once behind those of one code. */
static void add_next(struct cli *c, const cJSON *reason)
{
	if (!*str(reason, "next") || strcmp(str(reason->next, "code"), str(reason, "code")) == 0)
		return;
	buf_addstr(&c->out, "    next: ");
	add_clean(&c->out, str(reason, "next"));
	buf_addch(&c->out, '\n');
}

/* What is wrong, a cause in a line, with the code that docs/status.md has. */
static void show_reasons(struct cli *c, const cJSON *cluster)
{
	int64_t more = json_int(0, cluster, "reasons_more", NULL);
	const cJSON *reason;

	json_each(reason, json_get(cluster, "reasons", NULL)) {
		add_cause(c, str(reason, "words"), strlen(str(reason, "words")), str(reason, "code"));
		add_next(c, reason);
	}
	if (more > 0)
		buf_addf(&c->out, "  ! and %" PRId64 " more\n", more);
}

/* ... of a line alone, where no controller has said more. */
static void show_causes(struct cli *c, const char *line)
{
	const char *at = strstr(line, "; "), *next;

	for (; at; at = next) {
		at += 2;
		next = strstr(at, "; ");
		add_cause(c, at, next ? (size_t)(next - at) : strlen(at), "");
	}
}

static void show_headline(struct cli *c, const cJSON *cluster)
{
	const char *line = str(cluster, "line"), *end = strstr(line, "; "), *word;
	size_t len;

	word = word_of(line, &len);
	buf_addf(&c->out, "%s", cli_bold(c));
	add_clean(&c->out, str(cluster, "namespace"));
	buf_addch(&c->out, '/');
	text_clean(&c->out, line, (size_t)(word - line));
	buf_addf(&c->out, "%s%s", cli_plain(c), colour_of(c, word));
	text_clean(&c->out, word, len);
	buf_addstr(&c->out, cli_plain(c));
	text_clean(&c->out, word + len, end ? (size_t)(end - word) - len : strlen(word + len));
	buf_addch(&c->out, '\n');
	if (json_get(cluster, "reasons", NULL))
		show_reasons(c, cluster);
	else
		show_causes(c, line);
}

/* --- groups ------------------------------------------------------------------------------------------------------- */

static bool is_master(const cJSON *group, const cJSON *member)
{
	const char *master = str(group, "master");

	return *master && (strcmp(master, str(member, "pod")) == 0 || strcmp(master, str(member, "addr")) == 0);
}

static const cJSON *master_of(const cJSON *group)
{
	const cJSON *m;

	json_each(m, json_get(group, "members", NULL)) {
		if (is_master(group, m))
			return m;
	}
	return NULL;
}

static const char *name_of(const cJSON *member)
{
	return *str(member, "pod") ? str(member, "pod") : str(member, "addr");
}

/* Bytes that it lacks of what its master has sent, as both were heard last. */
static int64_t lag_of(const cJSON *master, const cJSON *member)
{
	int64_t sent = json_int(UNKNOWN, master, "offset", NULL), has = json_int(UNKNOWN, member, "offset", NULL);

	if (sent == UNKNOWN || has <= 0)
		return UNKNOWN;
	return sent > has ? sent - has : 0;
}

static void add_bytes(struct columns *t, int64_t bytes)
{
	char text[TEXT_BYTES_MAX];

	columns_add(t, bytes == UNKNOWN ? "" : text_bytes(bytes, text));
}

/* "1.2 GiB of 4.0 GiB"; a server without a limit has the first alone. */
static void add_memory(struct columns *t, const cJSON *member)
{
	int64_t used = json_int(UNKNOWN, member, "memory", NULL), max = json_int(0, member, "memory_max", NULL);
	char text[TEXT_BYTES_MAX], of[TEXT_BYTES_MAX];

	if (used == UNKNOWN || max <= 0)
		add_bytes(t, used);
	else
		columns_addf(t, "%s of %s", text_bytes(used, text), text_bytes(max, of));
}

static void add_number(struct columns *t, const cJSON *o, const char *name)
{
	int64_t n = json_int(UNKNOWN, o, name, NULL);

	if (n == UNKNOWN)
		columns_add(t, "");
	else
		columns_addf(t, "%" PRId64, n);
}

/* A replica that is as it should be has its name alone. */
static bool is_well(const cJSON *member)
{
	return strcmp(str(member, "state"), "synced") == 0 || strcmp(str(member, "state"), "ready") == 0;
}

static void add_replicas(struct columns *t, const cJSON *group)
{
	char text[600] = "";
	struct buf names = BUF_IN(text);
	const cJSON *m;

	json_each(m, json_get(group, "members", NULL)) {
		if (is_master(group, m))
			continue;
		buf_addf(&names, "%s%s", names.len ? ", " : "", name_of(m));
		if (!is_well(m))
			buf_addf(&names, " (%s)", str(m, "state"));
	}
	columns_add(t, text);
}

static void add_group(struct columns *t, const cJSON *group)
{
	const cJSON *master = master_of(group), *m;
	int64_t lag = UNKNOWN;
	const char *state = str(master, "state");
	bool led = json_bool(true, group, "led", NULL) && (!*state || is_well(master) || strcmp(state, "master") == 0);

	json_each(m, json_get(group, "members", NULL)) {
		if (m != master && lag_of(master, m) > lag)
			lag = lag_of(master, m);
	}
	add_number(t, group, "id");
	if (led || !master)
		columns_add(t, str(group, "master"));
	else
		columns_addf(t, "%s (%s)", str(group, "master"), *str(group, "why") ? str(group, "why") : state);
	add_replicas(t, group);
	add_number(t, group, "slots");
	add_number(t, master, "keys");
	add_bytes(t, lag);
}

static void add_heads(struct columns *t, const char *const *heads)
{
	for (int i = 0; i < t->count; i++)
		columns_add(t, heads[i]);
}

static void show_groups(struct cli *c, const cJSON *cluster)
{
	static const char *const heads[] = { "GROUP", "MASTER", "REPLICAS", "SLOTS", "KEYS", "LAG" };
	struct columns t;
	const cJSON *group;

	columns_init(&t, 6);
	add_heads(&t, heads);
	json_each(group, json_get(cluster, "groups", NULL))
		add_group(&t, group);
	if (json_first(json_get(cluster, "groups", NULL)))
		columns_print(&t, "  ", &c->out);
	columns_release(&t);
}

static void add_server(struct columns *t, const cJSON *group, const cJSON *m)
{
	const cJSON *guarded = json_get(m, "guarded", NULL);

	add_number(t, group, "id");
	columns_add(t, name_of(m));
	columns_add(t, is_master(group, m)                   ? "master"
		       : json_bool(false, m, "synced", NULL) ? "replica"
							     : str(m, "role"));
	columns_add(t, str(m, "state"));
	columns_add(t, str(m, "node"));
	columns_add(t, str(m, "zone"));
	columns_add(t, str(m, "addr"));
	add_number(t, m, "keys");
	add_memory(t, m);
	add_number(t, m, "ops");
	add_bytes(t, is_master(group, m) ? UNKNOWN : lag_of(master_of(group), m));
	columns_add(t, !guarded ? "" : cJSON_IsTrue(guarded) ? "yes" : "no");
}

static void show_servers(struct cli *c, const cJSON *cluster)
{
	static const char *const heads[] = { "GROUP",   "SERVER", "ROLE",   "STATE", "NODE", "ZONE",
					     "ADDRESS", "KEYS",   "MEMORY", "OPS/S", "LAG",  "GUARDED" };
	struct columns t;
	const cJSON *group, *m;

	columns_init(&t, 12);
	add_heads(&t, heads);
	json_each(group, json_get(cluster, "groups", NULL)) {
		json_each(m, json_get(group, "members", NULL))
			add_server(&t, group, m);
	}
	columns_print(&t, "  ", &c->out);
	columns_release(&t);
}

/* --- the rest ----------------------------------------------------------------------------------------------------- */

static const char *proxy_state(const cJSON *p)
{
	if (*str(p, "state"))
		return str(p, "state");
	if (!json_bool(false, p, "answers", NULL))
		return "does not answer";
	return json_bool(false, p, "registered", NULL) && json_bool(false, p, "online", NULL) ? "serves"
											      : "is not taken in yet";
}

static void show_pods(struct cli *c, const cJSON *list, const char *head)
{
	struct columns t;
	const cJSON *p;

	columns_init(&t, 3);
	columns_add(&t, head);
	columns_add(&t, "STATE");
	columns_add(&t, "ADDRESS");
	json_each(p, list) {
		columns_add(&t, name_of(p));
		columns_add(&t, proxy_state(p));
		columns_add(&t, str(p, "addr"));
	}
	if (json_first(list))
		columns_print(&t, "  ", &c->out);
	columns_release(&t);
}

static void show_recent(struct cli *c, const cJSON *cluster)
{
	const cJSON *note;
	int n = 0;

	json_each(note, json_get(cluster, "recent", NULL)) {
		if (n++ == RECENT_SHOWN)
			return;
		buf_addstr(&c->out, "  ");
		add_clean(&c->out, str(note, "at"));
		buf_addstr(&c->out, "  ");
		add_clean(&c->out, str(note, "words"));
		buf_addch(&c->out, '\n');
	}
}

/* Of the controllers themselves, where not all is well. Texts are cleaned as a whole, so they have no colour within. */
static void add_coloured(struct cli *c, const char *colour, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void add_coloured(struct cli *c, const char *colour, const char *fmt, ...)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 16);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	buf_addstr(&c->out, colour);
	text_clean(&c->out, text.data, text.len);
	buf_addstr(&c->out, cli_plain(c));
}

/* Whose view it is, where it is not the leader's. */
static void show_view(struct cli *c, const cJSON *report)
{
	const char *from = str(report, "from"), *trouble = str(report, "controllers_trouble");
	bool any = json_first(json_get(report, "controllers", NULL));

	if (json_bool(false, report, "leads", NULL))
		return;
	if (*from) {
		add_coloured(c, cli_yellow(c), "the one that leads does not answer:");
		add_coloured(c, "", " this is what %s sees", from);
	} else {
		if (json_bool(false, report, "controllers_unknown", NULL))
			add_coloured(c, cli_yellow(c),
				     "codis-controller %s be asked%s%s%s: whether it works is not known.",
				     json_bool(false, report, "controllers_denied", NULL) ? "may not" : "cannot",
				     *trouble ? " (" : "", trouble, *trouble ? ")" : "");
		else
			add_coloured(c, cli_red(c), "no codis-controller %s%s%s%s: nobody fails over%s.",
				     any ? "answers" : "is there", *trouble ? " (" : "", trouble, *trouble ? ")" : "",
				     any ? "" : "; codisctl install brings it back");
		buf_addstr(&c->out, " What Kubernetes and the dashboards know:");
	}
	buf_addch(&c->out, '\n');
}

static void show_controllers(struct cli *c, const cJSON *report)
{
	const cJSON *one;

	json_each(one, json_get(report, "controllers", NULL)) {
		if (!*str(one, "trouble"))
			continue;
		add_coloured(c, cli_yellow(c), "%s%s%s: %s", str(one, "pod"), *str(one, "node") ? " on " : "",
			     str(one, "node"), str(one, "trouble"));
		buf_addch(&c->out, '\n');
	}
	show_view(c, report);
	if (*str(report, "kubernetes_trouble")) {
		add_coloured(c, cli_red(c), "%s", str(report, "kubernetes_trouble"));
		buf_addch(&c->out, '\n');
	}
}

static void add_stray(struct buf *out, const cJSON *stray, const char *red, const char *plain)
{
	add_clean(out, str(stray, "namespace"));
	buf_addch(out, '/');
	add_clean(out, str(stray, "pod"));
	buf_addf(out, ": %sNOT LED%s: ", red, plain);
	add_clean(out, str(stray, "trouble"));
	buf_addch(out, '\n');
}

void show_report(struct cli *c, const cJSON *report, bool wide)
{
	const cJSON *cluster, *stray;

	show_controllers(c, report);
	json_each(cluster, json_get(report, "clusters", NULL)) {
		if (c->out.len)
			buf_addch(&c->out, '\n');
		show_headline(c, cluster);
		if (wide)
			show_servers(c, cluster);
		else
			show_groups(c, cluster);
		show_pods(c, json_get(cluster, "proxies", NULL), "PROXY");
		show_pods(c, json_get(cluster, "others", NULL), "OTHERS");
		show_recent(c, cluster);
	}
	json_each(stray, json_get(report, "not_led", NULL))
		add_stray(&c->out, stray, cli_red(c), cli_plain(c));
}

void show_lines(const cJSON *report, struct buf *out)
{
	const cJSON *cluster, *stray;

	json_each(cluster, json_get(report, "clusters", NULL)) {
		add_clean(out, str(cluster, "namespace"));
		buf_addch(out, '/');
		add_clean(out, str(cluster, "line"));
		buf_addch(out, '\n');
	}
	json_each(stray, json_get(report, "not_led", NULL))
		add_stray(out, stray, "", "");
	if (*str(report, "kubernetes_trouble")) {
		add_clean(out, str(report, "kubernetes_trouble"));
		buf_addch(out, '\n');
	}
}
