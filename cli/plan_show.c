/* What a person reads: what is wrong first. */
#include <stdio.h>
#include <string.h>

#include "cli/columns.h"
#include "cli/diff.h"
#include "cli/plan.h"
#include "cli/yaml_write.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define YAML_MAX (4u << 20)

static const char *text(const cJSON *object, const char *name)
{
	const char *text_ = json_str(object, name, NULL);

	return text_ ? text_ : "";
}

static int64_t number(const cJSON *object, const char *name)
{
	return json_int(0, object, name, NULL);
}

static int size_of(const cJSON *report, const char *list)
{
	return cJSON_GetArraySize(json_get(report, list, NULL));
}

static const char *s(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* --- the first line, and what is wrong ---------------------------------------------------------------------------- */

static void add_wrong(struct buf *out, int count, const char *one, const char *more)
{
	if (count)
		buf_addf(out, "%s%d %s", out->len ? ", " : "", count, count == 1 ? one : more);
}

static int codis_pods(const cJSON *report)
{
	const cJSON *pod;
	int count = 0;

	json_each(pod, json_get(report, "pods", NULL))
		count += *text(pod, "component") != '\0';
	return count;
}

static void add_verdict(const struct plan *p, struct buf *out)
{
	const cJSON *r = p->report;
	bool ok = json_bool(false, r, "ok", NULL);
	int pods = codis_pods(r);
	BUF_CLEANUP struct buf wrong = BUF_INIT(1024);

	add_wrong(&wrong, size_of(r, "refused"), "refusal", "refusals");
	add_wrong(&wrong, size_of(r, "waiting"), "pod finds no node", "pods find no node");
	add_wrong(&wrong, plan_shared(r), "group loses two members to one node",
		  "times a group loses two members to one node");
	add_wrong(&wrong, size_of(r, "warnings"), "warning", "warnings");
	buf_addf(out, "plan: %s%s%s: %s%s%d pod%s of Codis on %zu%s node%s\n", ok ? cli_green(p->cli) : cli_red(p->cli),
		 ok ? "OK" : "NOT OK", cli_plain(p->cli), wrong.data, wrong.len ? "; " : "", pods, s(pods),
		 p->node_count, json_bool(false, r, "equal_nodes", NULL) ? " equal" : "", s((int64_t)p->node_count));
}

static void add_line(struct buf *out, const char *before, const char *sign, const char *after, const cJSON *note,
		     const char *between)
{
	BUF_CLEANUP struct buf line = BUF_INIT(8192);

	buf_addf(&line, "%s %s/%s%s%s", text(note, "kind"), text(note, "namespace"), text(note, "name"), between,
		 text(note, "why"));
	buf_addf(out, "  %s%s%s ", before, sign, after);
	text_clean(out, line.data, line.len);
	buf_addch(out, '\n');
}

static void add_notes(const struct plan *p, struct buf *out)
{
	const cJSON *note;

	json_each(note, json_get(p->report, "refused", NULL))
		add_line(out, cli_red(p->cli), "refused", cli_plain(p->cli), note, ": ");
	json_each(note, json_get(p->report, "waiting", NULL))
		add_line(out, cli_red(p->cli), "waits", cli_plain(p->cli), note, ": ");
	json_each(note, json_get(p->report, "warnings", NULL))
		add_line(out, cli_yellow(p->cli), "!", cli_plain(p->cli), note, ": ");
}

/* --- who is where ------------------------------------------------------------------------------------------------- */

/* "group 3", or where there are several products "shop/orders group 3". */
static void add_name(const cJSON *report, const cJSON *set, struct buf *out)
{
	const cJSON *other;
	bool only = true;

	json_each(other, json_get(report, "groups", NULL))
		only = only && strcmp(text(other, "product"), text(set, "product")) == 0 &&
		       strcmp(text(other, "namespace"), text(set, "namespace")) == 0;
	if (!only)
		buf_addf(out, "%s/%s ", text(set, "namespace"), text(set, "product"));
	if (number(set, "group"))
		buf_addf(out, "%lld", (long long)number(set, "group"));
	else
		buf_addstr(out, "?");
}

static void add_members(const cJSON *set, struct buf *out)
{
	const cJSON *member;

	json_each(member, json_get(set, "members", NULL)) {
		const char *node = text(member, "node");

		buf_addf(out, "%s%s %s%s", out->len ? ", " : "", text(member, "pod"), *node ? "on " : "nowhere", node);
	}
}

static void add_groups(const struct plan *p, struct buf *out)
{
	struct columns t;
	const cJSON *set;

	columns_init(&t, 3);
	columns_add(&t, "GROUP");
	columns_add(&t, "MEMORY");
	columns_add(&t, "MEMBERS");
	json_each(set, json_get(p->report, "groups", NULL)) {
		BUF_CLEANUP struct buf name = BUF_INIT(512), members = BUF_INIT(65536);

		add_name(p->report, set, &name);
		add_members(set, &members);
		columns_add(&t, name.data);
		columns_addf(&t, "%lld MiB", (long long)number(set, "memory_mib"));
		columns_add(&t, members.data);
	}
	if (size_of(p->report, "groups"))
		columns_print(&t, "  ", out);
	columns_release(&t);
	columns_init(&t, 3);
	columns_add(&t, "OTHERS");
	columns_add(&t, "MEMORY");
	columns_add(&t, "PODS");
	json_each(set, json_get(p->report, "others", NULL)) {
		BUF_CLEANUP struct buf members = BUF_INIT(65536);

		add_members(set, &members);
		columns_add(&t, text(set, "component"));
		columns_addf(&t, "%lld MiB", (long long)number(set, "memory_mib"));
		columns_add(&t, members.data);
	}
	if (size_of(p->report, "others"))
		columns_print(&t, "  ", out);
	columns_release(&t);
}

/* --- what a loss takes -------------------------------------------------------------------------------------------- */

#define NAMED_MAX 8

/* Those that go on with the others. */
static void add_single(const cJSON *report, const cJSON *loss, struct buf *out)
{
	BUF_CLEANUP struct buf names = BUF_INIT(8192);
	const cJSON *group;
	int count = 0;

	json_each(group, json_get(loss, "groups", NULL)) {
		if (number(group, "lost") != 1 || number(group, "standing") == 1)
			continue;
		if (count++ >= NAMED_MAX)
			continue;
		buf_addstr(&names, count == 1 ? "" : ", ");
		add_name(report, group, &names);
	}
	if (!count)
		return;
	buf_addf(out, "%sone member %s %s", out->len ? "; " : "", count == 1 ? "of group" : "each of groups",
		 names.data);
	if (count > NAMED_MAX)
		buf_addf(out, " and %d more", count - NAMED_MAX);
}

/* The worst first. */
static void add_shared(const cJSON *report, const cJSON *loss, bool all, struct buf *out)
{
	const cJSON *group;

	json_each(group, json_get(loss, "groups", NULL)) {
		int64_t lost = number(group, "lost"), standing = number(group, "standing");

		if ((lost == standing) != all || (!all && lost < 2))
			continue;
		buf_addf(out, "%sgroup ", out->len ? "; " : "");
		add_name(report, group, out);
		if (all && lost == 1)
			buf_addstr(out, " its only member: its data is gone");
		else if (all)
			buf_addf(out, " all %lld members: its data is gone", (long long)lost);
		else
			buf_addf(out, " %lld members of %lld", (long long)lost, (long long)standing);
	}
}

/* What it is when all of them are gone. */
static const char *all_gone(const char *component)
{
	return strcmp(component, "codis-proxy") == 0 ? ": nobody serves clients" : "";
}

static void add_others(const cJSON *loss, struct buf *out)
{
	const cJSON *set;

	json_each(set, json_get(loss, "others", NULL)) {
		int64_t lost = number(set, "lost"), members = number(set, "members"),
			standing = number(set, "standing");
		const char *component = text(set, "component");
		bool majority = strcmp(component, "zookeeper") != 0 || 2 * (standing - lost) > members;

		buf_addstr(out, out->len ? "; " : "");
		if (standing > 1)
			buf_addf(out, "%lld of %lld ", (long long)lost, (long long)standing);
		buf_addf(out, "%s%s%s", component, lost == standing ? all_gone(component) : "",
			 majority ? "" : ": no majority");
	}
}

static void add_loss(const cJSON *report, const cJSON *loss, struct columns *t)
{
	BUF_CLEANUP struct buf what = BUF_INIT(65536);

	add_shared(report, loss, true, &what);
	add_shared(report, loss, false, &what);
	add_single(report, loss, &what);
	add_others(loss, &what);
	columns_add(t, what.data);
}

static void add_memory(const cJSON *node, struct columns *t)
{
	int64_t has_mib = number(node, "allocatable_mib");

	if (has_mib)
		columns_addf(t, "%lld of %lld MiB", (long long)number(node, "memory_mib"), (long long)has_mib);
	else
		columns_addf(t, "%lld MiB", (long long)number(node, "memory_mib"));
}

static void add_losses(const struct plan *p, struct buf *out)
{
	const cJSON *loss, *node = json_first(json_get(p->report, "nodes", NULL));
	struct columns t;
	bool zones = false;

	columns_init(&t, 4);
	columns_add(&t, "NODE");
	columns_add(&t, "PODS");
	columns_add(&t, "MEMORY");
	columns_add(&t, "ITS LOSS TAKES");
	json_each(loss, json_get(p->report, "losses", NULL)) {
		if (!node && !zones) {
			zones = true;
			columns_print(&t, "  ", out);
			columns_release(&t);
			columns_init(&t, 2);
			columns_add(&t, "ZONE");
			columns_add(&t, "ITS LOSS TAKES");
		}
		columns_add(&t, text(loss, "name"));
		if (node) {
			columns_addf(&t, "%lld", (long long)number(node, "pods"));
			add_memory(node, &t);
			node = node->next;
		}
		add_loss(p->report, loss, &t);
	}
	columns_print(&t, "  ", out);
	columns_release(&t);
}

/* --- what the webhook changes ------------------------------------------------------------------------------------- */

static int add_yaml(const cJSON *pod, bool placed, struct buf *out, struct error *err)
{
	JSON_CLEANUP cJSON *copy = cJSON_Duplicate(pod, true);

	cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(copy, "metadata"), "uid");
	if (placed)
		cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(copy, "spec"), "nodeName");
	return copy ? yaml_write(copy, out, err) : error_set(err, ERR_NOMEM, "no memory");
}

static int add_diff(const struct plan_pod *pod, struct buf *out, struct error *err)
{
	BUF_CLEANUP struct buf before = BUF_INIT(YAML_MAX), after = BUF_INIT(YAML_MAX), hunks = BUF_INIT(2 * YAML_MAX);
	bool placed = !json_get(pod->made, "spec", "nodeName", NULL);
	const char *at;

	if (add_yaml(pod->made, false, &before, err) < 0 || add_yaml(pod->pod, placed, &after, err) < 0)
		return -1;
	if (diff_write(before.data, after.data, &hunks) < 0)
		return error_set(err, ERR_TOOBIG, "the diff of %.64s is too long", plan_name(pod->made));
	if (!hunks.len)
		return 0;
	buf_addf(out, "--- Pod %s/%s\n+++ as codis-webhook leaves it\n", plan_namespace(pod->made),
		 plan_name(pod->made));
	for (at = hunks.data; *at; at += strcspn(at, "\n") + 1) {
		text_clean(out, at, strcspn(at, "\n"));
		buf_addch(out, '\n');
	}
	return 0;
}

static int add_diffs(const struct plan *p, struct buf *out, struct error *err)
{
	for (size_t i = 0; i < p->pod_count; i++) {
		if (p->pods[i].pod && (i == 0 || p->pods[i - 1].of != p->pods[i].of) &&
		    add_diff(&p->pods[i], out, err) < 0)
			return -1;
	}
	return 0;
}

/* --- all of it ---------------------------------------------------------------------------------------------------- */

static void add_rest(const struct plan *p, bool diff, struct buf *out)
{
	int looked = size_of(p->report, "not_looked_at"), changed = size_of(p->report, "injected");
	const cJSON *note, *before;
	int n = 0;

	if (looked) {
		buf_addf(out, "  not looked at: ");
		json_each(note, json_get(p->report, "not_looked_at", NULL)) {
			bool said = false;

			for (before = json_first(json_get(p->report, "not_looked_at", NULL)); before != note;
			     before = before->next)
				said = said || strcmp(text(before, "kind"), text(note, "kind")) == 0;
			if (!said && n < NAMED_MAX) {
				buf_addstr(out, n++ ? ", " : "");
				text_clean(out, text(note, "kind"), strlen(text(note, "kind")));
			}
		}
		buf_addf(out, " (%d object%s)\n", looked, s(looked));
	}
	if (changed && !diff)
		buf_addf(out, "  codis-webhook changes the pods of %d object%s: --diff shows it\n", changed,
			 s(changed));
}

int plan_show(const struct plan *p, bool diff, struct buf *out, struct error *err)
{
	add_verdict(p, out);
	add_notes(p, out);
	add_groups(p, out);
	if (codis_pods(p->report))
		add_losses(p, out);
	add_rest(p, diff, out);
	return diff ? add_diffs(p, out, err) : 0;
}
