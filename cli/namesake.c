#include "cli/namesake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/coordinator.h"
#include "common/codis/model.h"
#include "common/codis/pod.h"
#include "common/net/addr.h"
#include "common/net/loop.h"

#define PATH_SIZE   (CODIS_PRODUCT_MAX + 256)
#define NAMES_MAX   4096 /* of a folder */
#define UNKNOWN_MAX 32   /* addresses that are asked for one by one; more of them tell no more */

struct search {
	struct tree *tree;
	const struct estate *estate;
	char *names[NAMES_MAX];
	int name_count;
	char unknown[UNKNOWN_MAX][ADDR_TEXT_MAX];
	int unknown_count;
	cJSON *data; /* of the node that was read last; NULL: it is not there, or is no JSON */
	bool ended;
	struct error err;
};

/* --- the tree ------------------------------------------------------------------------------------------------------
 */

static void end(struct search *s, const struct error *err)
{
	if (err && err->code != ERR_NOTFOUND)
		s->err = *err;
	s->ended = true;
	uv_stop(&s->tree->cli->loop->uv);
}

static bool has_ended(const void *ctx)
{
	return ((const struct search *)ctx)->ended;
}

static int wait_for(struct search *s, struct error *err)
{
	ask_wait(s->tree->cli, INT64_MAX, has_ended, s);
	if (s->err.code)
		*err = s->err;
	return s->err.code ? -1 : 0;
}

static void on_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct search *s = ctx;

	for (int i = 0; !err && i < count && s->name_count < NAMES_MAX; i++) {
		s->names[s->name_count] = strdup(names[i]);
		s->name_count += s->names[s->name_count] != NULL;
	}
	end(s, err);
}

static void on_node(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct search *s = ctx;

	(void)stat;
	s->data = err ? NULL : json_parse(data, len, MODEL_ITEMS, NULL);
	end(s, err);
}

static bool is_ours(const struct search *s, const char *host)
{
	const struct estate *e = s->estate;

	for (int i = 0; i < e->count; i++) {
		const char *ip = json_str(e->things[i].object, "status", "podIP", NULL);

		if (ip && strcmp(ip, host) == 0)
			return true;
	}
	return false;
}

static void add_address(struct search *s, const char *addr)
{
	char host[ADDR_TEXT_MAX];
	uint16_t port;

	if (!addr || strlen(addr) >= ADDR_TEXT_MAX || addr_split(addr, host, sizeof(host), &port, NULL) < 0 ||
	    !addr_is_numeric(host) || is_ours(s, host) || s->unknown_count == UNKNOWN_MAX)
		return;
	text_copy(s->unknown[s->unknown_count++], ADDR_TEXT_MAX, addr);
}

/* Of a lock or a proxy, and of a group. */
static void add_addresses(struct search *s)
{
	const cJSON *server;

	add_address(s, json_str(s->data, "admin_addr", NULL));
	json_each(server, json_get(s->data, "servers", NULL))
		add_address(s, json_str(server, "server", NULL));
}

static int read_node(struct search *s, const char *path, struct error *err)
{
	s->ended = false;
	if (coordinator_get(s->tree->zk, path, on_node, s, err) < 0 || wait_for(s, err) < 0)
		return -1;
	add_addresses(s);
	cJSON_Delete(s->data);
	s->data = NULL;
	return 0;
}

static int read_folder(struct search *s, const char *folder, struct error *err)
{
	char path[PATH_SIZE];
	int r;

	snprintf(path, sizeof(path), "/codis3/%s/%s", s->estate->product, folder);
	s->ended = false;
	r = coordinator_list(s->tree->zk, path, on_names, s, err) < 0 || wait_for(s, err) < 0 ? -1 : 0;
	for (int i = 0; i < s->name_count; i++) {
		snprintf(path, sizeof(path), "/codis3/%s/%s/%.128s", s->estate->product, folder, s->names[i]);
		if (r == 0)
			r = read_node(s, path, err);
		free(s->names[i]);
	}
	s->name_count = 0;
	return r;
}

static int read_tree(struct search *s, struct error *err)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), "/codis3/%s/topom", s->estate->product);
	return read_node(s, path, err) < 0 || read_folder(s, "proxy", err) < 0 || read_folder(s, "group", err) < 0 ? -1
														   : 0;
}

/* --- whose they are -------------------------------------------------------------------------------------------------
 */

/* A Codis' of another namespace that may be of this product. Whatever else has such an address got it since. */
static bool is_namesakes(const struct search *s, const cJSON *pod)
{
	const char *namespace = json_str(pod, "metadata", "namespace", NULL);
	struct codis_pod read;

	if (!namespace || strcmp(namespace, cli_namespace(s->tree->cli)) == 0)
		return false;
	(void)codis_pod_read(pod, &read, NULL);
	return read.component != CODIS_NONE &&
	       (read.product.said != SAID_KNOWN || strcmp(read.product.text, s->estate->product) == 0);
}

/* A pod of that address, by any namespace. */
static int ask_whose(struct search *s, const char *addr, enum namesake *found, char words[NAMESAKE_WORDS_MAX],
		     struct error *err)
{
	JSON_CLEANUP cJSON *list = NULL;
	char host[ADDR_TEXT_MAX], path[300];
	const cJSON *pod;
	uint16_t port;

	if (addr_split(addr, host, sizeof(host), &port, err) < 0)
		return -1;
	snprintf(path, sizeof(path), "/api/v1/pods?fieldSelector=status.podIP%%3D%s", host);
	list = ask_get(s->tree->cli, path, 0, err);
	if (!list && err->code == ERR_DENIED) {
		*found = NAMESAKE_UNKNOWN;
		snprintf(words, NAMESAKE_WORDS_MAX, "%s", addr);
		return 0;
	}
	json_each(pod, json_get(list, "items", NULL)) {
		if (!is_namesakes(s, pod))
			continue;
		*found = NAMESAKE_LIVES;
		snprintf(words, NAMESAKE_WORDS_MAX, "%.63s/%.253s (%s)", json_str(pod, "metadata", "namespace", NULL),
			 json_str(pod, "metadata", "name", NULL), addr);
	}
	return list ? 0 : -1;
}

int namesake_find(struct tree *t, const struct estate *e, enum namesake *found, char words[NAMESAKE_WORDS_MAX],
		  struct error *err)
{
	struct search *s = calloc(1, sizeof(*s));
	int r = -1;

	*found = NAMESAKE_NONE;
	if (!s)
		return error_set(err, ERR_NOMEM, "no memory");
	s->tree = t;
	s->estate = e;
	r = read_tree(s, err);
	for (int i = 0; r == 0 && *found == NAMESAKE_NONE && i < s->unknown_count; i++)
		r = ask_whose(s, s->unknown[i], found, words, err);
	free(s);
	return r;
}
