/* codis-controller - joins, fails over, heals: observe -> decide (pure) -> act. See docs/architecture.md. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/metrics.h"
#include "common/kube/client.h"
#include "common/kube/config.h"
#include "common/kube/event.h"
#include "common/kube/lease.h"
#include "common/net/loop.h"
#include "common/net/ops.h"
#include "controller/cluster.h"
#include "controller/options.h"
#include "controller/status.h"
#include "controller/steer.h"
#include "controller/viewer.h"

#define LOOK_MS 200
/* A loop that has not turned for so long is stuck: the kubelet shall start us again. */
#define STUCK_MS 10000

struct program {
	struct options opt;
	struct logger log;
	struct loop loop;
	struct kube_config kube_config;
	struct controller ctl;
	struct lease *lease;
	struct ops ops;
	struct cluster *clusters;
	struct loop_timer *look;
	uv_signal_t usr2;
	char identity[254];

	/* What the ops server's threads may read. */
	atomic_llong turned_ms;
	atomic_bool synced;
	pthread_mutex_t lock;
	char *status_text, *status_json;
	bool leads;
};

/* --- status
 * ----------------------------------------------------------------------------------------------------------- */

static void publish(struct program *p)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1u << 20), json = BUF_INIT(16u << 20);
	cJSON *root JSON_CLEANUP = cJSON_CreateObject();
	cJSON *clusters = root ? json_add_array(root, "clusters") : NULL;
	char line[1024];
	bool ok;

	if (!clusters)
		return;
	json_add_bool(root, "leads", p->ctl.mode != VIEW_WATCH);
	json_add_str(root, "identity", p->identity);
	for (struct cluster *c = p->clusters; c; c = c->next) {
		cJSON *one = status_json(&c->view, &p->ctl.limits);

		status_line(&c->view, &p->ctl.limits, line, sizeof(line), &ok);
		buf_addf(&text, "%s/%s\n", c->namespace, line);
		if (one)
			json_push(clusters, one);
	}
	if (!p->clusters)
		buf_addstr(&text, "no Codis cluster is seen\n");
	json_write(root, &json);
	pthread_mutex_lock(&p->lock);
	free(p->status_text);
	free(p->status_json);
	p->status_text = buf_detach(&text);
	p->status_json = buf_detach(&json);
	pthread_mutex_unlock(&p->lock);
}

static void serve_status(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct program *p = ctx;
	bool json = strcmp(req->path, "/status.json") == 0;

	if (!json && strcmp(req->path, "/status") != 0) {
		res->status = 404;
		buf_addf(&res->body, "there is /status, /status.json, /healthz, /readyz and /metrics\n");
		return;
	}
	if (json)
		res->content_type = "application/json";
	pthread_mutex_lock(&p->lock);
	if (json ? !p->status_json : !p->status_text)
		res->status = 503;
	else
		buf_addstr(&res->body, json ? p->status_json : p->status_text);
	pthread_mutex_unlock(&p->lock);
}

static bool is_ready(void *ctx, char *why_not, size_t size)
{
	struct program *p = ctx;

	if (atomic_load(&p->synced))
		return true;
	snprintf(why_not, size, "pods, StatefulSets and nodes have not been listed yet");
	return false;
}

static bool is_alive(void *ctx, char *why_not, size_t size)
{
	struct program *p = ctx;
	long long age = clock_mono_ms() - atomic_load(&p->turned_ms);

	if (age < STUCK_MS)
		return true;
	snprintf(why_not, size, "the event loop has not turned for %lld ms", age);
	return false;
}

/* --- clusters
 * --------------------------------------------------------------------------------------------------------- */

static struct cluster *find_cluster(struct program *p, const struct kube_pod *pod)
{
	for (struct cluster *c = p->clusters; c; c = c->next) {
		if (strcmp(c->namespace, pod->namespace) == 0 && strcmp(c->product, pod->id.product) == 0)
			return c;
	}
	return NULL;
}

static bool has_pods(const struct program *p, const struct cluster *c)
{
	for (const struct kube_pod *pod = kubeview_pods(p->ctl.kubeview); pod; pod = pod->next) {
		if (strcmp(c->namespace, pod->namespace) == 0 && strcmp(c->product, pod->id.product) == 0)
			return true;
	}
	return false;
}

static void find_clusters(struct program *p)
{
	for (const struct kube_pod *pod = kubeview_pods(p->ctl.kubeview); pod; pod = pod->next) {
		struct cluster *c;

		if (pod->id.component != CODIS_SERVER && pod->id.component != CODIS_PROXY &&
		    pod->id.component != CODIS_DASHBOARD)
			continue;
		if (find_cluster(p, pod))
			continue;
		c = steer_begin(&p->ctl, pod->namespace, pod->id.product);
		if (c) {
			c->next = p->clusters;
			p->clusters = c;
		}
	}
	for (struct cluster **at = &p->clusters; *at;) {
		struct cluster *c = *at;

		if (has_pods(p, c) || !steer_end_when_idle(c)) {
			at = &c->next;
			continue;
		}
		*at = c->next;
	}
}

static void on_look(void *ctx)
{
	struct program *p = ctx;

	atomic_store(&p->turned_ms, clock_mono_ms());
	atomic_store(&p->synced, kubeview_synced(p->ctl.kubeview));
	/* Nothing is judged from half a list. */
	if (kubeview_synced(p->ctl.kubeview))
		find_clusters(p);
	publish(p);
}

static void on_kube_change(void *ctx)
{
	struct program *p = ctx;

	for (struct cluster *c = p->clusters; c; c = c->next)
		cluster_look(c);
}

static void on_kube_error(void *ctx, const struct error *err)
{
	struct program *p = ctx;

	log_warn(&p->log, "kube.error", "error=%s", LOGQ(err->text));
}

static void on_lease(void *ctx, enum lease_state state, const char *holder)
{
	struct program *p = ctx;

	p->ctl.mode = state == LEASE_HELD ? VIEW_LEAD : state == LEASE_UNSURE ? VIEW_FAILOVER : VIEW_WATCH;
	log_info(&p->log, "lease", "state=%s holder=%s",
		 state == LEASE_HELD     ? "held"
		 : state == LEASE_UNSURE ? "unsure"
					 : "following",
		 holder);
	metric_set(metric_gauge(p->ctl.metrics, "codis_controller_leader", "", "1 while this controller leads."),
		   state == LEASE_HELD);
	on_kube_change(p);
}

/* --- start and stop
 * --------------------------------------------------------------------------------------------------- */

static void on_released(void *ctx)
{
	struct program *p = ctx;

	loop_stop(&p->loop);
}

static void on_stop(void *ctx)
{
	struct program *p = ctx;

	log_info(&p->log, "stop", "reason=signal");
	p->ctl.mode = VIEW_WATCH;
	if (p->lease)
		lease_give_back(p->lease, on_released, p);
	else
		loop_stop(&p->loop);
}

static void on_usr2(uv_signal_t *handle, int signum)
{
	struct program *p = handle->data;

	(void)signum;
	p->ctl.crash_armed = true;
	log_warn(&p->log, "crash.armed", "point=%s", p->opt.crash_at);
}

static int start(struct program *p, struct error *err)
{
	struct kubeview_config view = { .on_change = on_kube_change, .on_error = on_kube_error, .ctx = p };
	struct lease_config lease = { .namespace = p->opt.namespace,
				      .name = p->opt.lease,
				      .identity = p->identity,
				      .duration_ms = p->opt.lease_ms,
				      .retry_ms = p->opt.lease_ms / 4,
				      .on_change = on_lease,
				      .on_error = on_kube_error,
				      .ctx = p };

	if (loop_init(&p->loop, on_stop, p, err) < 0 || kube_config_load(&p->kube_config, p->opt.kubeconfig, err) < 0)
		return -1;
	p->ctl.uv = &p->loop.uv;
	p->ctl.metrics = metrics_new();
	if (!p->ctl.metrics)
		return error_set(err, ERR_NOMEM, "no memory");
	if (!(p->ctl.kube = kube_client_new(p->ctl.uv, &p->kube_config, err)))
		return -1;
	p->ctl.events = kube_events_new(p->ctl.kube, "codis-controller", p->identity);
	if (!p->ctl.events)
		return error_set(err, ERR_NOMEM, "no memory");
	if (!(p->ctl.kubeview = kubeview_start(p->ctl.uv, p->ctl.kube, &view, err)))
		return -1;
	if (!(p->lease = lease_start(p->ctl.uv, p->ctl.kube, &lease, err)))
		return -1;
	p->look = loop_timer_start(p->ctl.uv, 0, LOOK_MS, on_look, p);
	if (!p->look)
		return error_set(err, ERR_NOMEM, "no memory");
	if (p->opt.crash_at) {
		uv_signal_init(p->ctl.uv, &p->usr2);
		p->usr2.data = p;
		uv_signal_start(&p->usr2, on_usr2, SIGUSR2);
	}
	p->ops = (struct ops){
		.metrics = p->ctl.metrics, .ready = is_ready, .alive = is_alive, .other = serve_status, .ctx = p
	};
	return ops_start(&p->ops, p->opt.ops_listen, err);
}

static void configure(struct program *p)
{
	p->log.fd = STDERR_FILENO;
	log_level_parse(p->opt.log_level, &p->log.level);
	p->ctl.log = &p->log;
	p->ctl.mode = VIEW_WATCH;
	p->ctl.limits = (struct decide_limits)DECIDE_LIMITS;
	p->ctl.limits.silence_ms = p->opt.silence_ms;
	p->ctl.limits.cold_wait_ms = p->opt.cold_wait_ms;
	p->ctl.limits.proxy_gone_ms = p->opt.proxy_gone_ms;
	p->ctl.probe_ms = p->opt.probe_ms;
	p->ctl.probe_timeout_ms = p->opt.probe_timeout_ms;
	p->ctl.crash_at = p->opt.crash_at;
	if (p->opt.pod_name)
		snprintf(p->identity, sizeof(p->identity), "%s", p->opt.pod_name);
	else
		gethostname(p->identity, sizeof(p->identity) - 1);
	pthread_mutex_init(&p->lock, NULL);
	atomic_store(&p->turned_ms, clock_mono_ms());
}

int main(int argc, char **argv)
{
	static struct program p; /* in main only; large, so not on the stack */
	struct error err = ERROR_INIT;
	int status, failed;

	if (!opt_begin(controller_options, &p.opt, "codis-controller", "joins, fails over and heals Codis clusters",
		       argc, argv, &status))
		return status;
	if (p.opt.view)
		return viewer_run(p.opt.view_url);
	configure(&p);
	failed = start(&p, &err);
	if (failed < 0)
		log_error(&p.log, "start.failed", "error=%s", LOGQ(err.text));
	else
		loop_run(&p.loop);
	/* The process ends here, and with it what a cluster holds: nothing on disk, nothing half done that the next
	 * controller does not see. */
	ops_stop(&p.ops);
	return failed < 0;
}
