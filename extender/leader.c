#include "extender/leader.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "extender/serve.h"

#define TURN_MS    2000
#define TIMEOUT_MS 4000

struct leader {
	struct leader_config cfg;
	struct loop_timer *timer;
	struct http_call *call;
	char path[512];
	char holder[256], renewed[64]; /* as read last; longer ones are cut */
	bool failed;                   /* it was said */
};

/* client-go's identity of kube-scheduler: the host's name, "_", a UUID. */
static bool is_ours(const struct leader *l)
{
	size_t len = strlen(l->cfg.host);

	return strncmp(l->holder, l->cfg.host, len) == 0 && l->holder[len] == '_';
}

/* False: it says what was kept. */
static bool keep(char *kept, size_t size, const char *says)
{
	char brief[256];

	text_copy(brief, size, says ? says : "");
	if (strcmp(kept, brief) == 0)
		return false;
	text_copy(kept, size, brief);
	return true;
}

static void on_lease(void *ctx, const cJSON *lease, const struct error *err)
{
	struct leader *l = ctx;
	bool other, renewed;

	l->call = NULL;
	if (err) {
		if (!l->failed && err->code != ERR_NOTFOUND) /* without election there is none */
			log_warn(&l->cfg.log, "leader.unknown", "lease=%s error=%s", l->cfg.lease, LOGQ(err->text));
		l->failed = true;
		return;
	}
	l->failed = false;
	other = keep(l->holder, sizeof(l->holder), json_str(lease, "spec", "holderIdentity", NULL));
	renewed = keep(l->renewed, sizeof(l->renewed), json_str(lease, "spec", "renewTime", NULL));
	if (other)
		log_info(&l->cfg.log, "leader", "lease=%s holder=%s", l->cfg.lease, LOGQ(l->holder));
	if (other || (renewed && !is_ours(l)))
		extender_know_nothing(l->cfg.extender, clock_mono_ms());
}

static void on_turn(void *ctx)
{
	struct leader *l = ctx;

	if (!l->call)
		l->call = kube_call(l->cfg.kube, "GET", l->path, NULL, NULL, TIMEOUT_MS, on_lease, l, NULL);
}

static int set_path(struct leader *l, struct error *err)
{
	struct buf path = BUF_IN(l->path);

	buf_addstr(&path, "/apis/coordination.k8s.io/v1/namespaces/");
	text_escape(&path, l->cfg.namespace);
	buf_addstr(&path, "/leases/");
	text_escape(&path, l->cfg.lease);
	return buf_check(&path, "the path of the Lease", err);
}

struct leader *leader_start(uv_loop_t *uv, const struct leader_config *cfg, struct error *err)
{
	struct leader *l = calloc(1, sizeof(*l));
	int every = cfg->turn_ms ? cfg->turn_ms : TURN_MS;

	if (!l) {
		error_set(err, ERR_NOMEM, "no memory to watch the scheduler's Lease");
		return NULL;
	}
	l->cfg = *cfg;
	if (set_path(l, err) == 0) {
		l->timer = loop_timer_start(uv, 0, (uint64_t)every, on_turn, l);
		if (l->timer)
			return l;
		error_set(err, ERR_NOMEM, "no memory to watch the scheduler's Lease");
	}
	leader_stop(l);
	return NULL;
}

void leader_stop(struct leader *l)
{
	if (!l)
		return;
	loop_timer_free(l->timer);
	http_cancel(l->call);
	free(l);
}
