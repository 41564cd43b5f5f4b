/* files.h - a certificate that somebody else keeps in files, as cert-manager's Secret when it is mounted. */
#ifndef CODIS_CERTS_FILES_H
#define CODIS_CERTS_FILES_H

#include <stdint.h>
#include <uv.h>

struct cert;
struct certs_files;
struct error;

struct certs_files_config {
	const char *cert_file, *key_file; /* must live as long as the certs_files, */
	const char *dns_name;             /* as this: a certificate without it is not taken */
	int poll_ms;                      /* 0: 30 s; a mounted Secret lags a minute behind anyway */
	int64_t (*now_ms)(void *ctx);     /* wall time */
	/* The first one, and each that differs from the one before. 0, or -1: it is not served with, and given again.
	 */
	int (*on_leaf)(void *ctx, const struct cert *leaf);
	/* They cannot be read, do not belong together (yet), or the API server would not take them: the one before
	 * stays. */
	void (*on_error)(void *ctx, const struct error *err);
	void *ctx;
};

/* All callbacks are needed and run on the loop, never from within. */
struct certs_files *certs_files_start(uv_loop_t *uv, const struct certs_files_config *cfg, struct error *err);
void certs_files_stop(struct certs_files *f); /* NULL-safe */

#endif
