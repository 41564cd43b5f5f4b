#include "controller/viewer_lines.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "controller/status_said.h"

static void add_text(struct buf *out, const cJSON *o, const char *name)
{
	const char *text = json_str(o, name, NULL);

	if (text)
		text_clean(out, text, strlen(text));
}

static void begin_line(const cJSON *cluster, const char *prefix, bool fine, struct buf *out)
{
	buf_addf(out, "%s [%c] ", prefix, fine ? ' ' : 'X');
	add_text(out, cluster, "namespace");
	buf_addch(out, '/');
	add_text(out, cluster, "product");
}

static void add_proxy(const cJSON *cluster, const cJSON *proxy, int number, const char *prefix, struct buf *out)
{
	bool serves;
	const char *state = status_said_proxy(proxy, &serves);

	begin_line(cluster, prefix, serves, out);
	buf_addf(out, " proxy-%d ", number);
	add_text(out, proxy, "pod");
	buf_addch(out, ' ');
	add_text(out, proxy, "addr");
	buf_addf(out, ": %s\n", state);
}

static bool is_fine(const cJSON *group, const cJSON *member)
{
	const char *state = json_str(member, "state", NULL);

	return json_bool(false, group, "led", NULL) && state && status_said_fine(state);
}

static void add_server(const cJSON *cluster, const cJSON *group, const cJSON *member, int place, const char *prefix,
		       struct buf *out)
{
	begin_line(cluster, prefix, is_fine(group, member), out);
	buf_addf(out, " group-%d [%d] ", (int)json_int(0, group, "id", NULL), place);
	add_text(out, member, "pod");
	buf_addch(out, ' ');
	add_text(out, member, "addr");
	buf_addstr(out, " on ");
	add_text(out, member, "node");
	buf_addstr(out, ": ");
	add_text(out, member, "state");
	buf_addch(out, '\n');
}

static bool is_master(const cJSON *group, const cJSON *member)
{
	const char *master = json_str(group, "master", NULL), *pod = json_str(member, "pod", NULL);

	return master && pod && strcmp(master, pod) == 0;
}

static void add_group(const cJSON *cluster, const cJSON *group, const char *prefix, struct buf *out)
{
	const cJSON *members = json_get(group, "members", NULL), *member;
	int place = 0;

	for (int round = 0; round < 2; round++) {
		json_each(member, members) {
			if (is_master(group, member) == (round == 0))
				add_server(cluster, group, member, place++, prefix, out);
		}
	}
}

void viewer_lines(const cJSON *status, const char *prefix, struct buf *out)
{
	const cJSON *cluster, *one;

	json_each(cluster, json_get(status, "clusters", NULL)) {
		int number = 0;

		json_each(one, json_get(cluster, "proxies", NULL))
			add_proxy(cluster, one, ++number, prefix, out);
		json_each(one, json_get(cluster, "groups", NULL))
			add_group(cluster, one, prefix, out);
	}
}
