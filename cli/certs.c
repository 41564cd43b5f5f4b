#include "cli/certs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "certs/ca.h"
#include "cli/columns.h"
#include "cli/parts.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/kube/client.h"

#define DAY_MS INT64_C(86400000)
/* Where no pod says when one is late, as they do by their options: by the defaults. */
#define SOON_MS (5 * DAY_MS)

const struct opt certs_options[] = { { "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms),
				       .arg = "TIME", .def = "2m", .max = 3600000,
				       .help = "how long rotate waits until the change is done; 0: not at all" },
				     OPT_END };

struct page {
	struct cli *cli;
	struct buf troubles;
	int64_t now_ms;
	int64_t first_ms; /* when the first of the certificates ends; INT64_MAX: none is known */
};

__attribute__((format(printf, 2, 3))) static void trouble(struct page *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	buf_addf(&p->troubles, "  %s!%s ", cli_red(p->cli), cli_plain(p->cli));
	buf_vaddf(&p->troubles, fmt, ap);
	buf_addch(&p->troubles, '\n');
	va_end(ap);
}

static void day(int64_t ms, char out[32])
{
	char text[32];

	clock_rfc3339(ms, text, sizeof(text));
	snprintf(out, 32, "%.16sZ", text);
}

static void add_day(struct columns *t, int64_t ms)
{
	char text[32] = "";

	if (ms >= 0)
		day(ms, text);
	columns_add(t, text);
}

/* By the clock of the API server, which is the one that judges. */
static void judge_end(struct page *p, const char *what, int64_t until_ms, int64_t late_ms)
{
	char when[32];

	if (until_ms < p->first_ms)
		p->first_ms = until_ms;
	day(until_ms, when);
	if (until_ms <= p->now_ms)
		trouble(p, "%s has ended at %s", what, when);
	else if (p->now_ms > (late_ms < 0 ? until_ms - SOON_MS : late_ms))
		trouble(p, "%s ends at %s, and has not been replaced", what, when);
}

/* --- the parts ---------------------------------------------------------------------------------------------------- */

/* -1: it is not told. */
static int64_t ca_late_ms(const struct certs_look *l, int64_t until_ms)
{
	for (int i = 0; i < l->count; i++) {
		if (certs_pod_until_ms(&l->pods[i], "ca") / 1000 == until_ms / 1000)
			return certs_pod_late_ms(&l->pods[i], "ca");
	}
	return -1;
}

static void add_set(struct page *p, const struct certs_look *l, struct columns *t, const char *key,
		    const struct pem_set *set, bool signs)
{
	for (int i = 0; i < set->n; i++) {
		char fingerprint[CERT_FINGERPRINT_MAX] = "";
		int64_t from_ms = -1, until_ms = -1;
		struct error err;

		if (cert_fingerprint(set->at[i], fingerprint, &err) < 0 ||
		    cert_times(set->at[i], &from_ms, &until_ms, &err) < 0)
			trouble(p, "%s: %s", key, err.text);
		else if (signs)
			judge_end(p, key, until_ms, ca_late_ms(l, until_ms));
		if (signs && from_ms > p->now_ms)
			trouble(p, "%s is not valid yet", key);
		columns_add(t, key);
		columns_add(t, signs ? "signs" : "is trusted");
		columns_add(t, fingerprint);
		add_day(t, from_ms);
		add_day(t, until_ms);
	}
}

static void add_secret(struct page *p, const struct certs_look *l, struct buf *out)
{
	struct columns t;

	if (l->own) {
		buf_addf(out,
			 "  a certificate of your own is served (--cert-file); Secret %s/" CERTS_SECRET
			 " is of no use, and can be deleted\n",
			 p->cli->options.system);
		return;
	}
	if (!l->secret) {
		buf_addf(out,
			 "  there is no Secret %s/" CERTS_SECRET
			 ": a certificate of your own is served (--cert-file), or none has been made yet\n",
			 p->cli->options.system);
		return;
	}
	columns_init(&t, 5);
	for (const char *const *at = (const char *const[]){ "CA", "", "FINGERPRINT", "FROM", "UNTIL", NULL }; *at; at++)
		columns_add(&t, **at ? *at : "IT");
	add_set(p, l, &t, "ca.crt", &l->now, true);
	add_set(p, l, &t, "ca-next.crt", &l->next, false);
	add_set(p, l, &t, "ca-old.crt", &l->old, false);
	columns_print(&t, "  ", out);
	columns_release(&t);
	if (l->unusable.code)
		trouble(p, "%s", l->unusable.text);
	else if (!l->now.n)
		trouble(p, "Secret " CERTS_SECRET " has no ca.crt");
}

/* With a certificate of the user's own the bundle is the user's, too. */
static const char *judge_bundle(struct page *p, const struct certs_look *l, int i)
{
	static const struct pem_set any = { .n = 0 };

	if (!l->configurations[i]) {
		trouble(p, "%s " CERTS_WEBHOOK " is not there: the API server does not call codis-webhook",
			certs_kinds[i]);
		return "is not there";
	}
	if (!certs_carries(l->configurations[i], &any)) {
		trouble(p, "%s " CERTS_WEBHOOK " has a webhook without a caBundle: its calls fail", certs_kinds[i]);
		return "none";
	}
	if (!l->secret)
		return "one that is not of a Secret";
	if (!certs_carries(l->configurations[i], &l->now)) {
		trouble(p, "%s " CERTS_WEBHOOK " does not carry ca.crt", certs_kinds[i]);
		return "another CA";
	}
	return certs_carries(l->configurations[i], &l->next) ? "the CA" : "the CA, but not the next one yet";
}

static void add_configurations(struct page *p, const struct certs_look *l, struct buf *out)
{
	struct columns t;

	columns_init(&t, 2);
	columns_add(&t, "CONFIGURATION");
	columns_add(&t, "TRUSTS");
	for (int i = 0; i < CERTS_CONFIGURATIONS; i++) {
		columns_add(&t, certs_kinds[i]);
		columns_add(&t, judge_bundle(p, l, i));
	}
	columns_print(&t, "  ", out);
	columns_release(&t);
}

static void judge_pod(struct page *p, const struct certs_pod *pod, int64_t leaf_ms)
{
	char what[POD_NAME_MAX + 32];

	if (!pod->ended || pod->err.code) {
		trouble(p, "%s does not answer: %s", pod->name, pod->ended ? pod->err.text : "it takes too long");
		return;
	}
	if (leaf_ms < 0) {
		trouble(p, "%s serves no certificate", pod->name);
		return;
	}
	snprintf(what, sizeof(what), "the certificate of %s", pod->name);
	judge_end(p, what, leaf_ms, certs_pod_late_ms(pod, "leaf"));
}

static void add_pods(struct page *p, const struct certs_look *l, struct buf *out)
{
	struct columns t;

	if (!l->count)
		trouble(p, "no pod of codis-webhook is on a node in namespace %s", p->cli->options.system);
	columns_init(&t, 3);
	columns_add(&t, "POD");
	columns_add(&t, "SERVES UNTIL");
	columns_add(&t, "ITS CA UNTIL");
	for (int i = 0; i < l->count; i++) {
		int64_t leaf_ms = certs_pod_until_ms(&l->pods[i], "leaf");

		judge_pod(p, &l->pods[i], leaf_ms);
		columns_add(&t, l->pods[i].name);
		add_day(&t, leaf_ms);
		add_day(&t, certs_pod_until_ms(&l->pods[i], "ca"));
	}
	if (l->count)
		columns_print(&t, "  ", out);
	columns_release(&t);
}

/* --- the page ----------------------------------------------------------------------------------------------------- */

static void add_head(const struct page *p, const struct certs_look *l)
{
	struct cli *c = p->cli;
	const char *colour = p->troubles.len ? cli_red(c) : cli_green(c);
	char first[32];

	buf_addf(&c->out, "%s/" CERTS_WEBHOOK ": %s%s%s, %d pod%s", c->options.system, colour,
		 p->troubles.len ? "NOT OK" : "OK", cli_plain(c), l->count, l->count == 1 ? "" : "s");
	if (p->first_ms != INT64_MAX) {
		day(p->first_ms, first);
		buf_addf(&c->out, ", the first certificate ends at %s", first);
	}
	buf_addch(&c->out, '\n');
	buf_addstr(&c->out, p->troubles.data ? p->troubles.data : "");
	if (certs_changing(l)) {
		buf_addstr(&c->out, "  a change of the CA, ");
		certs_stage(l, &c->out);
		buf_addch(&c->out, '\n');
	}
}

static enum cli_status show(struct cli *c, struct certs_look *l)
{
	BUF_CLEANUP struct buf body = BUF_INIT(1u << 20);
	struct page p = { .cli = c, .now_ms = kube_client_date_ms(c->kube), .first_ms = INT64_MAX };
	enum cli_status status;

	buf_init(&p.troubles, 1u << 20);
	if (!p.now_ms)
		p.now_ms = clock_wall_ms();
	certs_ask_pods(l, c);
	add_secret(&p, l, &body);
	add_configurations(&p, l, &body);
	add_pods(&p, l, &body);
	add_head(&p, l);
	buf_addstr(&c->out, body.data);
	status = p.troubles.len ? CLI_NOT_SO : CLI_OK;
	if (p.troubles.failed || body.failed)
		status = cli_fail(c, CLI_NOT_SO, "no memory");
	buf_release(&p.troubles);
	return status;
}

static enum cli_status status(struct cli *c)
{
	enum cli_status status;
	struct certs_look l;
	struct error err;

	if (certs_look(&l, c, &err) == 0)
		status = show(c, &l);
	else
		status = cli_fail_call(c, &err);
	certs_look_end(&l);
	return status;
}

enum cli_status certs_run(struct cli *c)
{
	const char *what = c->arg_count ? c->args[0] : "";
	bool rotates = strcmp(what, "rotate") == 0;
	enum cli_status connected;

	if (!rotates && strcmp(what, "status") != 0)
		return cli_fail(c, CLI_USAGE, "certs: say status or rotate");
	connected = cli_connect_once(c);
	if (connected != CLI_OK)
		return connected;
	return rotates ? certs_rotate(c) : status(c);
}
