#include "common/kube/program.h"

#include <unistd.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/metrics.h"
#include "common/kube/client.h"
#include "common/kube/config.h"

static void on_signal(void *ctx)
{
	struct program *p = ctx;

	log_info(&p->log, "stop", "reason=signal");
	p->drain(p->ctx);
}

static int open_kube(struct program *p, const char *kubeconfig, struct error *err)
{
	struct kube_config config = { 0 };

	if (kube_config_load(&config, kubeconfig, err) == 0)
		p->kube = kube_client_new(&p->loop.uv, &config, err);
	kube_config_release(&config);
	return p->kube ? 0 : -1;
}

static bool is_alive(void *ctx, char *why_not, size_t size)
{
	struct program *p = ctx;

	return pulse_alive(&p->pulse, clock_mono_ms(), why_not, size) && (!p->alive || p->alive(p->ctx, why_not, size));
}

static void on_turn(void *ctx)
{
	struct program *p = ctx;
	bool heard = p->call_failed || !p->heard || p->heard(p->ctx, PULSE_HEARD_MS);
	struct error err;

	p->call_failed = false;
	if (pulse_turn(&p->pulse, clock_mono_ms(), heard, &err) < 0)
		program_fail(p, "deaf", &err);
}

static int start_pulse(struct program *p, struct error *err)
{
	pulse_init(&p->pulse, clock_mono_ms());
	p->ops.alive = is_alive;
	p->ops.alive_ctx = p;
	p->turn = loop_timer_start(&p->loop.uv, PULSE_TURN_MS, PULSE_TURN_MS, on_turn, p);
	p->lateness = loop_lateness_start(&p->loop.uv, p->metrics);
	return p->turn && p->lateness ? 0 : error_set(err, ERR_NOMEM, "no memory to start with");
}

static void tell_version(struct program *p)
{
	char labels[200];

	snprintf(labels, sizeof(labels), "program=\"%s\",version=\"%s\"", program_invocation_short_name, CODIS_VERSION);
	metric_set(metric_gauge(p->metrics, "codis_build_info", labels, "1, for the version that runs."), 1);
}

static int start(struct program *p, const struct program_options *options, struct error *err)
{
	p->metrics = metrics_new();
	if (!p->metrics)
		return error_set(err, ERR_NOMEM, "no memory to start with");
	tell_version(p);
	p->ops.metrics = p->metrics;
	if (loop_init(&p->loop, on_signal, p, err) < 0 || open_kube(p, options->kubeconfig, err) < 0)
		return -1;
	if (p->start(p->ctx, err) < 0 || start_pulse(p, err) < 0)
		return -1;
	return ops_start(&p->ops, options->ops_listen, err);
}

int program_run(struct program *p, const struct program_options *options)
{
	struct error err;

	p->log.fd = STDERR_FILENO;
	p->log.loss = &p->log_loss;
	pthread_mutex_init(&p->log_loss.lock, NULL);
	log_level_parse(options->log_level, &p->log.level); /* one of its choices: the option was checked */
	if (file_open_standard(&err) < 0 || start(p, options, &err) < 0) {
		log_error(&p->log, "start.failed", "error=%s", LOGQ(err.text));
		return 1; /* what was begun ends with the process */
	}
	log_info(&p->log, "start", "version=%s ops=%s", CODIS_VERSION, options->ops_listen);
	loop_run(&p->loop);
	ops_stop(&p->ops); /* its threads read what is freed after them */
	if (!p->stop)
		return p->failed;
	p->stop(p->ctx);
	loop_timer_free(p->turn);
	loop_lateness_stop(p->lateness);
	kube_client_free(p->kube);
	loop_release(&p->loop);
	metrics_free(p->metrics);
	return p->failed;
}

void program_end(struct program *p)
{
	loop_stop(&p->loop);
}

void program_call_failed(struct program *p)
{
	p->call_failed = true;
}

void program_fail(struct program *p, const char *event, const struct error *err)
{
	log_error(&p->log, event, "error=%s", LOGQ(err->text));
	p->failed = true;
	program_end(p);
}
