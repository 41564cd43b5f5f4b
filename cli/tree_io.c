#include "cli/tree_io.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/tree_copy.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/coordinator.h"
#include "common/codis/model.h"
#include "common/codis/pod.h"
#include "common/net/loop.h"

#define AT_ONCE   64
#define ROOT_MAX  (CODIS_PRODUCT_MAX + 16)
#define NODE_MAX  (1u << 20)
#define PATH_SIZE (ROOT_MAX + TREE_COPY_PATH_MAX)

/* What is under way: so many calls at most, and the first failure. */
struct work {
	struct tree *tree;
	const char *product;
	int open, done;
	bool failed;
	struct error err;
};

static void fail(struct work *w, const char *path, const struct error *err)
{
	if (!w->failed) {
		w->err = *err;
		error_wrap(&w->err, "%s", path);
	}
	w->failed = true;
}

static void ended(struct work *w, const char *path, const struct error *err)
{
	w->open--;
	w->done += !err;
	if (err)
		fail(w, path, err);
	uv_stop(&w->tree->cli->loop->uv);
}

static bool has_room(const void *ctx)
{
	return ((const struct work *)ctx)->open < AT_ONCE;
}

static bool is_idle(const void *ctx)
{
	return !((const struct work *)ctx)->open;
}

static int finish(struct work *w, struct error *err)
{
	ask_wait(w->tree->cli, INT64_MAX, is_idle, w);
	if (w->failed)
		*err = w->err;
	return w->failed ? -1 : 0;
}

static void full_path(const struct work *w, const char *path, char out[PATH_SIZE])
{
	snprintf(out, PATH_SIZE, "/codis3/%s/%s", w->product, path);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

struct read {
	struct work *work;
	char path[TREE_COPY_PATH_MAX];
	int version;
	cJSON *data;
	bool gone; /* since it was listed */
};

struct reads {
	struct work work;
	struct read *all;
	int count;
	const char *folder;
};

static void on_names(void *ctx, int count, const char *const *names, const struct error *err)
{
	struct reads *r = ctx;
	struct read *more = NULL;
	struct error why;

	if (!err && count && r->count + count <= TREE_COPY_NODES_MAX)
		more = realloc(r->all, (size_t)(r->count + count) * sizeof(*more));
	if (!err && count && !more) {
		error_set(&why, ERR_NOMEM, "it has too many nodes, or there is no memory");
		fail(&r->work, r->folder, &why);
	}
	for (int i = 0; more && i < count; i++) {
		r->all = more;
		r->all[r->count] = (struct read){ .version = -1 };
		snprintf(r->all[r->count++].path, TREE_COPY_PATH_MAX, "%s/%s", r->folder, names[i]);
	}
	ended(&r->work, r->folder, err && err->code != ERR_NOTFOUND ? err : NULL);
}

static void on_node(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		    const struct error *err)
{
	struct read *r = ctx;
	struct error why;

	r->gone = err && err->code == ERR_NOTFOUND;
	r->version = stat->version;
	if (!err)
		r->data = json_parse(data, len, MODEL_ITEMS, &why);
	if (!err && !r->data)
		err = &why;
	ended(r->work, r->path, r->gone ? NULL : err);
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct read *)a)->path, ((const struct read *)b)->path);
}

static int list(struct reads *r, struct error *err)
{
	for (int i = 0; i < TREE_COPY_FOLDERS; i++) {
		char path[PATH_SIZE];

		r->folder = tree_copy_folders[i];
		full_path(&r->work, r->folder, path);
		if (coordinator_list(r->work.tree->zk, path, on_names, r, err) < 0)
			return -1;
		r->work.open++;
		if (finish(&r->work, err) < 0)
			return -1;
	}
	return 0;
}

static int get(struct reads *r, struct error *err)
{
	for (int i = 0; i < r->count && !r->work.failed; i++) {
		char path[PATH_SIZE];
		struct error why;

		r->all[i].work = &r->work;
		full_path(&r->work, r->all[i].path, path);
		ask_wait(r->work.tree->cli, INT64_MAX, has_room, &r->work);
		r->work.open++;
		if (coordinator_get(r->work.tree->zk, path, on_node, &r->all[i], &why) < 0)
			ended(&r->work, r->all[i].path, &why);
	}
	return finish(&r->work, err);
}

int tree_io_read(struct tree *t, cJSON *copy, struct error *err)
{
	struct reads r = { .work = { .tree = t, .product = tree_copy_product(copy) } };
	int failed = list(&r, err);

	if (failed == 0)
		failed = get(&r, err);
	if (r.count)
		qsort(r.all, (size_t)r.count, sizeof(*r.all), by_path);
	for (int i = 0; i < r.count; i++) {
		if (failed < 0 || !r.all[i].data)
			cJSON_Delete(r.all[i].data);
		else if (tree_copy_add(copy, r.all[i].path, r.all[i].version, r.all[i].data) < 0)
			failed = error_set(err, ERR_NOMEM, "no memory");
	}
	free(r.all);
	return failed;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

struct write {
	struct work *work;
	const char *path;
};

static void on_written(void *ctx, const char *data, size_t len, const struct coordinator_stat *stat,
		       const struct error *err)
{
	struct write *w = ctx;

	(void)data, (void)len, (void)stat;
	ended(w->work, w->path, err);
}

static int begin(struct work *w, const struct tree_write *what, struct write *write, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(NODE_MAX);
	char path[PATH_SIZE];

	write->work = w;
	write->path = json_str(what->node, "path", NULL);
	if (!write->path || json_write(json_get(what->node, "data", NULL), &text) < 0)
		return error_set(err, ERR_NOMEM, "no memory");
	full_path(w, write->path, path);
	if (what->version < 0)
		return coordinator_create(w->tree->zk, path, text.data, text.len, on_written, write, err);
	return coordinator_set(w->tree->zk, path, text.data, text.len, what->version, on_written, write, err);
}

int tree_io_write(struct tree *t, const char *product, const struct tree_write *writes, int count, int *wrote,
		  struct error *err)
{
	struct work w = { .tree = t, .product = product };
	struct write *all = calloc(count ? (size_t)count : 1, sizeof(*all));
	int failed;

	*wrote = 0;
	if (!all)
		return error_set(err, ERR_NOMEM, "no memory");
	for (int i = 0; i < count && !w.failed; i++) {
		struct error why;

		ask_wait(t->cli, INT64_MAX, has_room, &w);
		w.open++;
		if (begin(&w, &writes[i], &all[i], &why) < 0)
			ended(&w, all[i].path ? all[i].path : "a node", &why);
	}
	failed = finish(&w, err);
	*wrote = w.done;
	free(all);
	return failed;
}
