#include "certs/files.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "certs/ca.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/net/loop.h"

#define POLL_MS    30000
#define FILE_LIMIT 65536

struct certs_files {
	struct certs_files_config cfg;
	struct loop_timer *timer;
	struct cert current;
};

static bool is_current(const struct certs_files *f, const struct cert *c)
{
	return f->current.cert_pem && strcmp(f->current.cert_pem, c->cert_pem) == 0 &&
	       strcmp(f->current.key_pem, c->key_pem) == 0;
}

/* A pipe that nobody writes to would be waited for, and everything else with it. */
static char *read_file(const char *path, struct error *err)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		error_set(err, ERR_INVALID, "%s is not a file", path);
		return NULL;
	}
	return file_read(path, FILE_LIMIT, err);
}

static int read_files(struct certs_files *f, struct cert *c, struct error *err)
{
	c->cert_pem = read_file(f->cfg.cert_file, err);
	c->key_pem = c->cert_pem ? read_file(f->cfg.key_file, err) : NULL;
	if (!c->key_pem)
		return -1;
	if (is_current(f, c) || cert_check_server(c, f->cfg.dns_name, f->cfg.now_ms(f->cfg.ctx), err) == 0)
		return 0;
	return error_wrap(err, "%s and %s are not taken%s", f->cfg.cert_file, f->cfg.key_file,
			  f->current.cert_pem ? ", the certificate before them stays" : "");
}

static void on_time(void *ctx)
{
	struct certs_files *f = ctx;
	CERT_CLEANUP struct cert c = { 0 };
	struct error err;

	if (read_files(f, &c, &err) < 0) {
		f->cfg.on_error(f->cfg.ctx, &err);
		return;
	}
	if (is_current(f, &c) || f->cfg.on_leaf(f->cfg.ctx, &c) < 0)
		return;
	cert_release(&f->current);
	f->current = c;
	c = (struct cert){ 0 };
}

struct certs_files *certs_files_start(uv_loop_t *uv, const struct certs_files_config *cfg, struct error *err)
{
	struct certs_files *f = calloc(1, sizeof(*f));

	if (f) {
		f->cfg = *cfg;
		f->timer = loop_timer_start(uv, 0, (uint64_t)(cfg->poll_ms ? cfg->poll_ms : POLL_MS), on_time, f);
	}
	if (f && f->timer)
		return f;
	error_set(err, ERR_NOMEM, "no memory");
	free(f);
	return NULL;
}

void certs_files_stop(struct certs_files *f)
{
	if (!f)
		return;
	loop_timer_free(f->timer);
	cert_release(&f->current);
	free(f);
}
