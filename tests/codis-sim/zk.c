#include "tests/codis-sim/zk.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/net/addr.h"
#include "tests/codis-sim/golog.h"

enum { RESOLVE_MS = 1000 }; /* members come back under other addresses */

/* libzookeeper_st has no threads of its own: one of ours turns its wheel, under the lock that callers take too. */
struct zk {
	zhandle_t *zh;
	char servers[512];
	int session_ms;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int wake[2];
	int generation;
	bool closing;
};

/* One call under way; lives on the caller's stack until done. */
struct op {
	struct zk *z;
	bool done;
	int rc;
	struct buf *out;
	char (*names)[128];
	int n_names;
};

static void on_session(zhandle_t *zh, int type, int state, const char *path, void *ctx)
{
	struct zk *z = ctx;

	(void)zh;
	(void)path;
	if (type == ZOO_SESSION_EVENT && state == ZOO_CONNECTED_STATE)
		golog_info("zookeeper - connected to %s", z->servers);
	pthread_cond_broadcast(&z->changed);
}

static int handle_open(struct zk *z, struct error *err)
{
	z->zh = zookeeper_init(z->servers, on_session, z->session_ms, NULL, z, 0);
	if (!z->zh)
		return error_errno(err, errno, "zookeeper %s", z->servers);
	zoo_set_servers_resolution_delay(z->zh, RESOLVE_MS);
	return 0;
}

/* The lock is held. A session that is gone takes its ephemeral nodes along. */
static void renew_if_expired(struct zk *z)
{
	if (!z->zh || zoo_state(z->zh) == ZOO_EXPIRED_SESSION_STATE || zoo_state(z->zh) == ZOO_AUTH_FAILED_STATE) {
		if (z->zh)
			zookeeper_close(z->zh);
		z->generation++;
		handle_open(z, NULL);
	}
}

static void turn(struct zk *z)
{
	struct pollfd fds[2] = { { .fd = z->wake[0], .events = POLLIN }, { .fd = -1 } };
	int fd = -1, interest = 0, events = 0, timeout = 200;
	struct timeval tv = { 0, 200000 };
	char drain[64];

	pthread_mutex_lock(&z->lock);
	renew_if_expired(z);
	if (z->zh && zookeeper_interest(z->zh, &fd, &interest, &tv) == ZOK && fd >= 0) {
		fds[1].fd = fd;
		fds[1].events =
			(short)((interest & ZOOKEEPER_READ ? POLLIN : 0) | (interest & ZOOKEEPER_WRITE ? POLLOUT : 0));
		timeout = (int)(tv.tv_sec * 1000 + tv.tv_usec / 1000);
	}
	pthread_mutex_unlock(&z->lock);
	poll(fds, 2, timeout < 500 ? timeout : 500);
	if (fds[0].revents & POLLIN)
		(void)!read(z->wake[0], drain, sizeof(drain));
	if (fds[1].revents & (POLLIN | POLLERR | POLLHUP))
		events |= ZOOKEEPER_READ;
	if (fds[1].revents & POLLOUT)
		events |= ZOOKEEPER_WRITE;
	pthread_mutex_lock(&z->lock);
	if (z->zh)
		zookeeper_process(z->zh, events);
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->lock);
}

static void *pump(void *ctx)
{
	struct zk *z = ctx;

	while (!__atomic_load_n(&z->closing, __ATOMIC_ACQUIRE))
		turn(z);
	return NULL;
}

static int resolve_all(const char *servers, struct error *err)
{
	const char *p = servers;

	while (*p) {
		size_t len = strcspn(p, ",");
		struct addrinfo *found = NULL;
		char one[256], host[192];
		uint16_t port;
		int rc;

		snprintf(one, sizeof(one), "%.*s", (int)len, p);
		if (addr_split(one, host, sizeof(host), &port, NULL) < 0)
			snprintf(host, sizeof(host), "%.190s", one);
		rc = getaddrinfo(host, NULL, NULL, &found);
		if (rc)
			return error_set(err, ERR_NOTFOUND, "lookup %s: %s", host, gai_strerror(rc));
		freeaddrinfo(found);
		p += len;
		p += strspn(p, ",");
	}
	return 0;
}

struct zk *zk_open(const char *servers, int session_ms, struct error *err)
{
	struct zk *z;

	zoo_set_debug_level(0);
	if (resolve_all(servers, err) < 0)
		return NULL;
	z = calloc(1, sizeof(*z));
	if (!z)
		return NULL;
	snprintf(z->servers, sizeof(z->servers), "%s", servers);
	z->session_ms = session_ms;
	pthread_mutex_init(&z->lock, NULL);
	pthread_cond_init(&z->changed, NULL);
	if (pipe2(z->wake, O_CLOEXEC | O_NONBLOCK) < 0 || handle_open(z, err) < 0 ||
	    pthread_create(&z->thread, NULL, pump, z)) {
		free(z);
		return NULL;
	}
	return z;
}

static void wake(struct zk *z)
{
	(void)!write(z->wake[1], "x", 1);
}

void zk_close(struct zk *z)
{
	if (!z)
		return;
	__atomic_store_n(&z->closing, true, __ATOMIC_RELEASE);
	wake(z);
	pthread_join(z->thread, NULL);
	if (z->zh)
		zookeeper_close(z->zh);
	close(z->wake[0]);
	close(z->wake[1]);
	pthread_cond_destroy(&z->changed);
	pthread_mutex_destroy(&z->lock);
	free(z);
}

int zk_generation(struct zk *z)
{
	int n;

	pthread_mutex_lock(&z->lock);
	n = z->generation;
	pthread_mutex_unlock(&z->lock);
	return n;
}

/* --- calls: begin() waits for a connection and takes the lock, the request is sent, finish() waits for the answer ----
 */

static void begin(struct zk *z)
{
	pthread_mutex_lock(&z->lock);
	while (!z->zh || zoo_state(z->zh) != ZOO_CONNECTED_STATE)
		pthread_cond_wait(&z->changed, &z->lock);
}

static int finish(struct op *op, int sent)
{
	struct zk *z = op->z;

	if (sent != ZOK)
		op->rc = sent;
	wake(z);
	while (sent == ZOK && !op->done)
		pthread_cond_wait(&z->changed, &z->lock);
	pthread_mutex_unlock(&z->lock);
	return op->rc;
}

static void complete(struct op *op, int rc)
{
	op->rc = rc;
	op->done = true;
	pthread_cond_broadcast(&op->z->changed);
}

static void on_void(int rc, const void *ctx)
{
	complete((struct op *)(uintptr_t)ctx, rc);
}

static void on_stat(int rc, const struct Stat *stat, const void *ctx)
{
	(void)stat;
	complete((struct op *)(uintptr_t)ctx, rc);
}

static void on_string(int rc, const char *value, const void *ctx)
{
	(void)value;
	complete((struct op *)(uintptr_t)ctx, rc);
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat, const void *ctx)
{
	struct op *op = (struct op *)(uintptr_t)ctx;

	(void)stat;
	if (rc == ZOK && len > 0)
		buf_add(op->out, value, (size_t)len);
	complete(op, rc);
}

static void on_names(int rc, const struct String_vector *names, const void *ctx)
{
	struct op *op = (struct op *)(uintptr_t)ctx;

	if (rc == ZOK && names->count) {
		op->names = calloc((size_t)names->count, sizeof(*op->names));
		for (int i = 0; op->names && i < names->count; i++)
			snprintf(op->names[op->n_names++], sizeof(*op->names), "%s", names->data[i]);
	}
	complete(op, rc);
}

static int failed(struct error *err, int rc, const char *path)
{
	if (rc == ZNODEEXISTS)
		return error_set(err, ERR_EXISTS, "zk: node already exists");
	if (rc == ZNONODE)
		return error_set(err, ERR_NOTFOUND, "zk: node does not exist");
	return error_set(err, ERR_IO, "zk: %s: %s", path, zerror(rc));
}

int zk_read(struct zk *z, const char *path, bool must, struct buf *out, struct error *err)
{
	struct op op = { .z = z, .out = out };
	int rc;

	begin(z);
	rc = finish(&op, zoo_aget(z->zh, path, 0, on_data, &op));
	if (rc == ZNONODE && !must)
		return 0;
	return rc == ZOK ? 1 : failed(err, rc, path);
}

void zk_free_names(char (**names)[128])
{
	free(*names);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

int zk_list(struct zk *z, const char *path, char (**names)[128], struct error *err)
{
	struct op op = { .z = z };
	int rc;

	*names = NULL;
	begin(z);
	rc = finish(&op, zoo_aget_children(z->zh, path, 0, on_names, &op));
	if (rc == ZNONODE)
		return 0;
	if (rc != ZOK)
		return failed(err, rc, path);
	if (op.names)
		qsort(op.names, (size_t)op.n_names, sizeof(*op.names), by_name);
	*names = op.names;
	return op.n_names;
}

/* Codis lets everybody read, write and administrate its leaves; folders may do everything. */
static int create_one(struct zk *z, const char *path, const char *text, bool leaf, bool ephemeral)
{
	struct ACL entry = { leaf ? ZOO_PERM_READ | ZOO_PERM_WRITE | ZOO_PERM_ADMIN : ZOO_PERM_ALL,
			     ZOO_ANYONE_ID_UNSAFE };
	struct ACL_vector acl = { 1, &entry };
	struct op op = { .z = z };

	begin(z);
	return finish(&op, zoo_acreate(z->zh, path, text, (int)strlen(text), &acl, ephemeral ? ZOO_EPHEMERAL : 0,
				       on_string, &op));
}

int zk_create(struct zk *z, const char *path, const char *text, bool ephemeral, struct error *err)
{
	int rc = create_one(z, path, text, true, ephemeral);
	char dir[512];

	for (size_t i = 1; rc == ZNONODE && path[i] && i < sizeof(dir); i++) {
		if (path[i] != '/')
			continue;
		snprintf(dir, sizeof(dir), "%.*s", (int)i, path);
		create_one(z, dir, "", false, false);
	}
	if (rc == ZNONODE)
		rc = create_one(z, path, text, true, ephemeral);
	return rc == ZOK ? 0 : failed(err, rc, path);
}

int zk_update(struct zk *z, const char *path, const char *text, struct error *err)
{
	struct op op = { .z = z };
	struct error why = ERROR_INIT;
	int rc;

	begin(z);
	rc = finish(&op, zoo_aset(z->zh, path, text, (int)strlen(text), -1, on_stat, &op));
	if (rc != ZNONODE)
		return rc == ZOK ? 0 : failed(err, rc, path);
	if (zk_create(z, path, text, false, &why) == 0 || why.code == ERR_EXISTS)
		return 0;
	return error_set(err, why.code, "%s", why.text);
}

int zk_delete(struct zk *z, const char *path, struct error *err)
{
	struct op op = { .z = z };
	int rc;

	begin(z);
	rc = finish(&op, zoo_adelete(z->zh, path, -1, on_void, &op));
	return rc == ZOK || rc == ZNONODE ? 0 : failed(err, rc, path);
}
