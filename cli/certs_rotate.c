/* codisctl certs rotate: asks for a new CA, as the webhook's replicas know it, and tells of each stage. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "certs/ca_secret.h"
#include "cli/certs.h"
#include "common/base/clock.h"
#include "common/base/json.h"

#define LOOK_MS 500

#define NO_SECRET                                                                                                      \
	"there is no Secret %s/" CERTS_SECRET ": either the certificate is your own (--cert-file), then replace its "  \
	"files; or no pod of codis-webhook has begun yet"

/* The uid: one that was made anew meanwhile has a new CA already. */
static enum cli_status ask_for_it(struct cli *c, const struct certs_look *l)
{
	char path[512], now[32];
	enum cli_status status;

	clock_rfc3339(clock_wall_ms(), now, sizeof(now));
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/secrets/" CERTS_SECRET, c->options.system);
	status = ask_annotate(c, path, json_str(l->secret, "metadata", "uid", NULL), CA_SECRET_ROTATE, now);
	if (status != CLI_OK)
		return status;
	buf_addf(&c->out, "Secret " CERTS_SECRET ": " CA_SECRET_ROTATE "=\"%s\"\n", now);
	cli_flush(c);
	return CLI_OK;
}

static enum cli_status begin(struct cli *c)
{
	enum cli_status status = CLI_OK;
	struct certs_look l;
	struct error err;

	if (certs_look(&l, c, &err) < 0) {
		status = cli_fail_call(c, &err);
		certs_look_end(&l);
		return status;
	}
	if (l.secret)
		certs_ask_pods(&l, c);
	if (l.own)
		status = cli_fail(c, CLI_NOT_SO,
				  "a certificate of your own is served (--cert-file): replace its files, it is read "
				  "again");
	else if (l.unusable.code)
		status = cli_fail(c, CLI_NOT_SO, "%s", l.unusable.text);
	else if (!l.secret)
		status = cli_fail(c, CLI_NOT_SO, NO_SECRET, c->options.system);
	else if (certs_changing(&l))
		buf_addstr(&c->out, "a change of the CA is under way already, and this one is waited for\n");
	else
		status = ask_for_it(c, &l);
	certs_look_end(&l);
	return status;
}

/* A stage is told when it is another one than the last. */
static void tell(struct cli *c, const struct certs_look *l, struct buf *last)
{
	BUF_CLEANUP struct buf stage = BUF_INIT(8192);

	certs_stage(l, &stage);
	if (stage.failed || strcmp(stage.data, last->data) == 0)
		return;
	buf_reset(last);
	buf_addstr(last, stage.data);
	buf_addf(&c->out, "%s\n", stage.data);
	cli_flush(c);
}

static bool look(struct cli *c, struct buf *last, struct error *err)
{
	char fingerprint[CERT_FINGERPRINT_MAX];
	struct certs_look l;
	bool done = false;

	if (certs_look(&l, c, err) == 0) {
		*err = (struct error)ERROR_INIT;
		done = l.secret && l.now.n && !l.unusable.code && !certs_changing(&l) && !certs_trusts_another(&l);
		if (!done)
			tell(c, &l, last);
		else if (cert_fingerprint(l.now.at[0], fingerprint, err) == 0)
			buf_addf(&c->out, "done: CA %s signs, and no other one is trusted\n", fingerprint);
	}
	certs_look_end(&l);
	return done;
}

static enum cli_status wait_done(struct cli *c)
{
	BUF_CLEANUP struct buf last = BUF_INIT(8192);
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;
	struct error err = ERROR_INIT;

	if (!c->options.wait_ms)
		return CLI_OK;
	buf_addstr(&last, "");
	do {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		if (look(c, &last, &err))
			return CLI_OK;
		if (err.code == ERR_DENIED)
			return cli_fail_call(c, &err);
		ask_wait(c, next_ms, NULL, NULL);
	} while (clock_mono_ms() < end_ms);
	return cli_fail(c, CLI_WAITED, "it was not done within %g s (%s). It goes on; this can be repeated",
			c->options.wait_ms / 1000.0, err.code ? err.text : last.data);
}

enum cli_status certs_rotate(struct cli *c)
{
	enum cli_status status = begin(c);

	return status == CLI_OK ? wait_done(c) : status;
}
