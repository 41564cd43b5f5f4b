/* beside.h - the kube-scheduler in the extender's own pod: whether it answers, whether its version suits the API
 * server's, and whether the two of them can place a pod. A scheduler whose extender is away or deaf would keep its
 * Lease, and no pod of Codis would be placed anywhere; so the kubelet asks here for the scheduler's health. */
#ifndef CODIS_EXTENDER_BESIDE_H
#define CODIS_EXTENDER_BESIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "common/base/log.h"

struct beside;
struct error;
struct kube_client;
struct kube_events;

/* A scheduler says nothing for so long: it hangs. */
#define BESIDE_SILENT_MS 10000
/* The API server answers, and yet the watches have not come for so long; the lists of a large cluster take seconds. */
#define BESIDE_DEAF_MS 60000

struct beside_config {
	const char *scheduler; /* ADDR:PORT of its HTTPS port, on loopback */
	struct kube_client *kube;
	struct kube_events *events;
	struct logger log;
	const char *namespace, *pod_name; /* ours */
	/* Whether the extender can answer the scheduler; else one sentence. */
	bool (*hears)(void *ctx, char *why_not, size_t size);
	void *ctx;
	int turn_ms; /* for tests; 0: 2 s */
};

/* What is given must outlive it. NULL and *err on failure. */
struct beside *beside_start(uv_loop_t *uv, const struct beside_config *cfg, struct error *err);
void beside_stop(struct beside *b); /* NULL-safe */

/* Whether the scheduler says that it is ready; one sentence if not. Any thread. */
bool beside_ready(const struct beside *b, char *why_not, size_t size);
/* Whether the scheduler should go on: it answers, and its extender hears; else one sentence. Once it has ended its
 * Lease is free for one in another pod. Any thread. now_ms: clock_mono_ms(). */
bool beside_alive(const struct beside *b, int64_t now_ms, char *why_not, size_t size);

#endif
