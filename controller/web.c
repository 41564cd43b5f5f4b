#include "controller/web.h"

#include <inttypes.h>
#include <openssl/evp.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/model.h"
#include "controller/status_said.h"
#include "controller/web_files.h"

#define AGAIN_MS 2000
#define TEXT_MAX (64u << 10)
#define GIDS     10000 /* of a group: 1 to 9999 */

/* --- texts -------------------------------------------------------------------------------------------------------- */

/* As text, and as the value of an attribute in quotes. */
static void add_part(struct buf *out, const char *text, size_t len)
{
	BUF_CLEANUP struct buf clean = BUF_INIT(TEXT_MAX);

	text_clean(&clean, text, len);
	out->failed |= clean.failed; /* a part of it would be taken for all */
	for (const char *p = clean.data; *p; p++) {
		switch (*p) {
		case '&': buf_addstr(out, "&amp;"); break;
		case '<': buf_addstr(out, "&lt;"); break;
		case '>': buf_addstr(out, "&gt;"); break;
		case '"': buf_addstr(out, "&quot;"); break;
		case '\'': buf_addstr(out, "&#39;"); break;
		default: buf_addch(out, *p);
		}
	}
}

static void add_text(struct buf *out, const char *text)
{
	add_part(out, text ? text : "", text ? strlen(text) : 0);
}

static const char *str(const cJSON *o, const char *name)
{
	const char *text = json_str(o, name, NULL);

	return text ? text : "";
}

/* before, the text, after. */
static void add_wrapped(struct buf *out, const char *before, const char *text, const char *after)
{
	buf_addstr(out, before);
	add_text(out, text);
	buf_addstr(out, after);
}

static void add_note(struct buf *out, const char *head, const char *text)
{
	if (!*text)
		return;
	add_wrapped(out, "<p class=\"note\">", head, "");
	add_text(out, text);
	buf_addstr(out, "</p>");
}

/* --- slots -------------------------------------------------------------------------------------------------------- */

/* Which groups have no healthy master, so that their slots are served by nobody. */
struct unled {
	bool of[GIDS];
};

static void find_unled(const cJSON *cluster, struct unled *u)
{
	const cJSON *group;

	json_each(group, json_get(cluster, "groups", NULL)) {
		int64_t gid = json_int(0, group, "id", NULL);

		if (gid > 0 && gid < GIDS)
			u->of[gid] = !json_bool_of(false, json_get(group, "led", NULL));
	}
}

static bool is_unled(const struct unled *u, int64_t gid)
{
	return gid <= 0 || (gid < GIDS && u->of[gid]);
}

/* Neighbours differ, also for who tells few colours apart. */
static void add_colour(struct buf *out, const struct unled *u, int64_t gid)
{
	if (is_unled(u, gid))
		buf_addstr(out, "#cf222e");
	else
		buf_addf(out, "hsl(%d,55%%,%d%%)", (int)(gid * 137 % 360), gid % 2 ? 42 : 60);
}

static void add_range_name(struct buf *out, const struct unled *u, int64_t from, int64_t to, int64_t gid)
{
	buf_addf(out, "slots %" PRId64 " to %" PRId64 ": ", from, to);
	if (gid > 0)
		buf_addf(out, "group %" PRId64 "%s", gid, is_unled(u, gid) ? ", which is not led" : "");
	else
		buf_addstr(out, "no group");
}

/* [[from, to, group], ...] */
static void add_slots(const cJSON *cluster, struct buf *out)
{
	const cJSON *ranges = json_get(cluster, "slot_ranges", NULL), *range;
	struct unled unled = { 0 };

	if (!json_first(ranges))
		return;
	find_unled(cluster, &unled);
	buf_addf(out,
		 "<svg class=\"slots\" viewBox=\"0 0 %d 20\" preserveAspectRatio=\"none\" role=\"img\" "
		 "aria-label=\"the %d slots by group\">",
		 CODIS_SLOTS, CODIS_SLOTS);
	json_each(range, ranges) {
		int64_t from = json_int_of(0, cJSON_GetArrayItem(range, 0));
		int64_t to = json_int_of(0, cJSON_GetArrayItem(range, 1));
		int64_t gid = json_int_of(0, cJSON_GetArrayItem(range, 2));

		buf_addf(out, "<rect x=\"%" PRId64 "\" width=\"%" PRId64 "\" height=\"20\" fill=\"", from,
			 to - from + 1);
		add_colour(out, &unled, gid);
		buf_addstr(out, "\"><title>");
		add_range_name(out, &unled, from, to, gid);
		buf_addstr(out, "</title></rect>");
	}
	buf_addstr(out, "</svg>");
}

/* --- groups, proxies ---------------------------------------------------------------------------------------------- */

static void add_lower(struct buf *out, const char *text)
{
	char lower[256];
	size_t i;

	for (i = 0; text[i] && i < sizeof(lower) - 1; i++)
		lower[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] - 'A' + 'a' : text[i]);
	lower[i] = '\0';
	add_text(out, lower);
	buf_addch(out, ' ');
}

static void add_number(struct buf *out, const cJSON *o, const char *name)
{
	const cJSON *n = json_get(o, name, NULL);

	if (json_is(n, cJSON_Number) && json_int_of(-1, n) >= 0)
		buf_addf(out, "<td class=\"n\">%" PRId64 "</td>", json_int_of(0, n));
	else
		buf_addstr(out, "<td class=\"n\">-</td>");
}

static void add_memory(struct buf *out, const cJSON *member)
{
	int64_t used = json_int(-1, member, "memory", NULL), max = json_int(0, member, "memory_max", NULL);
	char text[TEXT_BYTES_MAX];

	buf_addf(out, "<td class=\"n\">%s", used < 0 ? "-" : text_bytes(used, text));
	if (used >= 0 && max > 0)
		buf_addf(out, " of %s", text_bytes(max, text));
	buf_addstr(out, "</td>");
}

static void add_member(const cJSON *member, int64_t reached, struct buf *out)
{
	const char *state = str(member, "state");
	int64_t offset = json_int(0, member, "offset", NULL);

	add_wrapped(out, status_said_fine(state) ? "<td>" : "<td class=\"bad\">", state, "</td><td>");
	add_text(out, *str(member, "pod") ? str(member, "pod") : str(member, "addr"));
	add_wrapped(out, "</td><td>", str(member, "node"), "");
	if (*str(member, "zone"))
		add_wrapped(out, " <small>", str(member, "zone"), "</small>");
	buf_addstr(out, "</td>");
	add_number(out, member, "keys");
	add_memory(out, member);
	add_number(out, member, "ops");
	if (strcmp(state, "synced") == 0 && reached >= offset)
		buf_addf(out, "<td class=\"n\">%" PRId64 "</td>", reached - offset);
	else
		buf_addstr(out, "<td></td>");
}

static int64_t reached_by_master(const cJSON *group)
{
	const cJSON *member;

	json_each(member, json_get(group, "members", NULL)) {
		if (strcmp(str(member, "state"), "master") == 0)
			return json_int(0, member, "offset", NULL);
	}
	return -1;
}

static void begin_row(const cJSON *group, const cJSON *member, struct buf *out)
{
	buf_addf(out, "<tr data-find=\"group %d ", (int)json_int(0, group, "id", NULL));
	add_lower(out, str(member, "pod"));
	add_lower(out, str(member, "node"));
	add_lower(out, str(member, "zone"));
	add_lower(out, str(member, "addr"));
	add_lower(out, str(member, "state"));
	buf_addstr(out, "\">");
}

/* One row a server; what is the group's stands in the first. */
static void add_group(const cJSON *group, struct buf *out)
{
	const cJSON *members = json_get(group, "members", NULL), *member;
	int64_t reached = reached_by_master(group);

	json_each(member, members) {
		begin_row(group, member, out);
		buf_addf(out,
			 json_bool_of(false, json_get(group, "led", NULL)) ? "<td>%d</td>"
									   : "<td class=\"bad\">%d</td>",
			 (int)json_int(0, group, "id", NULL));
		if (member == json_first(members))
			add_number(out, group, "slots");
		else
			buf_addstr(out, "<td></td>");
		add_member(member, reached, out);
		buf_addstr(out, "</tr>");
	}
	if (!json_bool_of(false, json_get(group, "led", NULL))) {
		buf_addf(out, "<tr data-find=\"group %d not led\"><td></td><td class=\"bad\" colspan=\"8\">not led: ",
			 (int)json_int(0, group, "id", NULL));
		add_text(out, str(group, "why"));
		add_wrapped(out, " ", str(group, "evidence"), "</td></tr>");
	}
}

static void add_groups(const cJSON *cluster, struct buf *out)
{
	const cJSON *groups = json_get(cluster, "groups", NULL), *group;

	if (!json_first(groups))
		return;
	buf_addstr(out,
		   "<h3>Groups</h3><div class=\"scroll\"><table><thead><tr><th>group</th><th class=\"n\">slots</th>"
		   "<th>state</th><th>server</th><th>node</th><th class=\"n\">keys</th>"
		   "<th class=\"n\">memory</th><th class=\"n\">ops/s</th>"
		   "<th class=\"n\">bytes behind</th></tr></thead><tbody>");
	json_each(group, groups)
		add_group(group, out);
	buf_addstr(out, "</tbody></table></div>");
}

static void add_proxies(const cJSON *cluster, struct buf *out)
{
	const cJSON *proxies = json_get(cluster, "proxies", NULL), *proxy;

	if (!json_first(proxies))
		return;
	buf_addstr(
		out,
		"<h3>Proxies</h3><div class=\"scroll\"><table><thead><tr><th>proxy</th><th>state</th><th>address</th>"
		"</tr></thead><tbody>");
	json_each(proxy, proxies) {
		bool serves;
		const char *state = status_said_proxy(proxy, &serves);

		buf_addstr(out, "<tr data-find=\"proxy ");
		add_lower(out, str(proxy, "pod"));
		add_lower(out, str(proxy, "addr"));
		add_lower(out, state);
		add_wrapped(out, "\"><td>", str(proxy, "pod"), "</td>");
		add_wrapped(out, serves ? "<td>" : "<td class=\"bad\">", state, "</td>");
		add_wrapped(out, "<td>", str(proxy, "addr"), "</td></tr>");
	}
	buf_addstr(out, "</tbody></table></div>");
}

/* --- why, and what comes next ------------------------------------------------------------------------------------- */

/* The cause first; each with the code that docs/status.md has. */
static void add_reasons(const cJSON *cluster, struct buf *out)
{
	int64_t more = json_int(0, cluster, "reasons_more", NULL);
	const cJSON *reason;

	json_each(reason, json_get(cluster, "reasons", NULL)) {
		const char *code = str(reason, "code");

		buf_addstr(out, strcmp(code, "DataLost") == 0 ? "<p class=\"note loss\">" : "<p class=\"note\">");
		add_wrapped(out, "", str(reason, "words"), " <code>");
		add_wrapped(out, "", code, "</code>");
		/* Once behind those of one code. */
		if (*str(reason, "next") && strcmp(str(reason->next, "code"), code) != 0)
			add_wrapped(out, "<br><small>next: ", str(reason, "next"), "</small>");
		buf_addstr(out, "</p>");
	}
	if (more > 0)
		buf_addf(out, "<p class=\"note\">and %" PRId64 " more</p>", more);
}

static void add_scaling(const cJSON *cluster, struct buf *out)
{
	const cJSON *scaling = json_get(cluster, "scaling", NULL);
	int64_t slots = json_int(0, scaling, "slots", NULL);

	if (slots > 0)
		buf_addf(out,
			 "<p class=\"note\">slots move: %" PRId64 " of %" PRId64 " <progress max=\"%" PRId64
			 "\" value=\"%" PRId64 "\"></progress></p>",
			 json_int(0, scaling, "moved", NULL), slots, slots, json_int(0, scaling, "moved", NULL));
}

static void add_notes(const cJSON *cluster, struct buf *out)
{
	const cJSON *adoption = json_get(cluster, "adoption", NULL);

	add_reasons(cluster, out);
	add_scaling(cluster, out);
	if (json_bool_of(false, json_get(adoption, "asked", NULL)))
		add_note(out, "adoption waits: ", str(adoption, "waits"));
	add_note(out, "the switchover that is wished waits: ", str(json_get(cluster, "switchover", NULL), "waits"));
}

static void add_recent(const cJSON *cluster, struct buf *out)
{
	const cJSON *recent = json_get(cluster, "recent", NULL), *one;

	if (!json_first(recent))
		return;
	buf_addstr(out, "<h3>Done last</h3><ul>");
	json_each(one, recent) {
		add_wrapped(out, "<li><small>", str(one, "at"), "</small> ");
		add_wrapped(out, "", str(one, "words"), "</li>");
	}
	buf_addstr(out, "</ul>");
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void add_name(const cJSON *cluster, struct buf *out)
{
	add_wrapped(out, "", str(cluster, "namespace"), "/");
	add_text(out, str(cluster, "product"));
}

/* Without the product, which stands above it, and what is wrong, which stands below. */
static void add_line(const cJSON *cluster, struct buf *out)
{
	const char *line = str(cluster, "line"), *product = str(cluster, "product"), *end;
	size_t n = strlen(product);

	if (strncmp(line, product, n) == 0 && strncmp(line + n, ": ", 2) == 0)
		line += n + 2;
	end = json_get(cluster, "reasons", NULL) ? strstr(line, "; ") : NULL;
	buf_addstr(out, "<p>");
	add_part(out, line, end ? (size_t)(end - line) : strlen(line));
	buf_addstr(out, "</p>");
}

static void add_cluster(const cJSON *cluster, int number, struct buf *out)
{
	buf_addf(out, "<section id=\"c%d\"><h2>", number);
	add_wrapped(out, "<span class=\"badge ", str(cluster, "state"), "\">");
	add_wrapped(out, "", str(cluster, "state"), "</span> ");
	add_name(cluster, out);
	buf_addstr(out, "</h2>");
	add_line(cluster, out);
	add_notes(cluster, out);
	add_slots(cluster, out);
	add_groups(cluster, out);
	add_proxies(cluster, out);
	add_recent(cluster, out);
	buf_addstr(out, "</section>");
}

static void add_bar(const cJSON *clusters, struct buf *out)
{
	const cJSON *cluster;
	int n = 0;

	if (cJSON_GetArraySize(clusters) < 2)
		return;
	buf_addstr(out, "<nav><p>");
	json_each(cluster, clusters) {
		buf_addf(out, "<a href=\"#c%d\">", n++);
		add_wrapped(out, "<span class=\"badge ", str(cluster, "state"), "\">");
		add_wrapped(out, "", str(cluster, "state"), "</span> ");
		add_name(cluster, out);
		buf_addstr(out, "</a> ");
	}
	buf_addstr(out, "</p></nav>");
}

static void add_program(const cJSON *program, struct buf *out)
{
	bool ready = json_bool(false, program, "ready", NULL);

	buf_addstr(out, "<tr data-find=\"");
	add_lower(out, str(program, "pod"));
	add_wrapped(out, "\"><td>", str(program, "pod"), "</td>");
	buf_addstr(out, ready ? "<td>ready</td>" : "<td class=\"bad\">not ready</td>");
	add_wrapped(out, "<td>", *str(program, "version") ? str(program, "version") : "-", "</td><td>");
	if (json_get(program, "certificate_days", NULL)) {
		buf_addf(out, "ends in %" PRId64 " days (", json_int(0, program, "certificate_days", NULL));
		add_part(out, str(program, "certificate_ends"), strcspn(str(program, "certificate_ends"), "T"));
		buf_addch(out, ')');
	}
	buf_addstr(out, "</td></tr>");
}

static void add_programs(const cJSON *status, struct buf *out)
{
	const cJSON *programs = json_get(status, "programs", NULL), *program;

	if (!json_first(programs))
		return;
	buf_addstr(out, "<section><h2>codis-k8s itself</h2><div class=\"scroll\"><table><thead><tr><th>pod</th>"
			"<th>state</th><th>version</th><th>certificate</th></tr></thead><tbody>");
	json_each(program, programs)
		add_program(program, out);
	buf_addstr(out, "</tbody></table></div></section>");
}

/* What changes, in one line: an event has no others. */
static void add_live(const cJSON *status, struct buf *out)
{
	const cJSON *clusters = json_get(status, "clusters", NULL), *one;
	int n = 0;

	add_wrapped(out, "<p>", str(status, "identity"),
		    json_bool_of(false, json_get(status, "leads", NULL))
			    ? " leads.</p>"
			    : " does not lead, and shows what it sees: the other one decides.</p>");
	add_bar(clusters, out);
	json_each(one, json_get(status, "not_led", NULL)) {
		add_wrapped(out, "<p class=\"note loss\">not led: ", str(one, "namespace"), "/");
		add_wrapped(out, "", str(one, "pod"), ": ");
		add_wrapped(out, "", str(one, "trouble"), "</p>");
	}
	json_each(one, clusters)
		add_cluster(one, n++, out);
	if (!n)
		buf_addstr(out, "<p>No Codis cluster is seen.</p>");
	add_programs(status, out);
}

static void add_hash(struct buf *out, const char *text)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (EVP_Digest(text, strlen(text), hash, &len, EVP_sha256(), NULL) != 1)
		out->failed = true;
	buf_addstr(out, " 'sha256-");
	base64_add(hash, len, out);
	buf_addch(out, '\'');
}

/* Nothing runs, or is loaded, but what is in the program, whatever a text would make of itself. */
static void add_policy(struct buf *out)
{
	buf_addstr(out,
		   "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; connect-src 'self'; "
		   "base-uri 'none'; form-action 'none'; style-src");
	add_hash(out, web_css);
	buf_addstr(out, "; script-src");
	add_hash(out, web_js);
	buf_addstr(out, "\">");
}

void web_page(const cJSON *status, int64_t wall_ms, struct buf *out)
{
	char at[32];

	buf_addstr(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
	add_policy(out);
	buf_addstr(out, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
			"<meta name=\"referrer\" content=\"no-referrer\"><title>codis-k8s</title><style>");
	buf_addstr(out, web_css);
	buf_addstr(out, "</style></head><body><header><h1>codis-k8s</h1><input id=\"find\" type=\"search\" hidden "
			"placeholder=\"find a group, pod or node ( / )\" aria-label=\"find a group, pod or node\">");
	clock_rfc3339(wall_ms, at, sizeof(at));
	buf_addf(out,
		 "<span id=\"asof\">as of %.19sZ</span><span id=\"state\" role=\"status\"></span></header><main "
		 "id=\"live\">",
		 at);
	add_live(status, out);
	buf_addstr(out,
		   "</main><footer><p>codis-controller " CODIS_VERSION
		   ". Read only: kubectl and codisctl act. Also here: <a href=\"status\">status</a>, "
		   "<a href=\"status.json\">status.json</a>, <a href=\"metrics\">metrics</a>.</p></footer><script>");
	buf_addstr(out, web_js);
	buf_addstr(out, "</script></body></html>\n");
}

void web_event(const cJSON *status, struct buf *out)
{
	buf_addf(out, "retry: %d\ndata: ", AGAIN_MS);
	add_live(status, out);
	buf_addstr(out, "\n\n");
}
