#include "webhook/tally.h"

#include "common/base/log.h"
#include "common/base/metrics.h"

static const char *const names[] = { [REVIEW_ALLOWED] = "allowed",
				     [REVIEW_CHANGED] = "changed",
				     [REVIEW_REFUSED] = "refused",
				     [REVIEW_BAD] = "bad_request" };

#define LABELS(endpoint)                                                                                               \
	{                                                                                                              \
		[REVIEW_ALLOWED] = "endpoint=\"" endpoint "\",result=\"allowed\"",                                     \
		[REVIEW_CHANGED] = "endpoint=\"" endpoint "\",result=\"changed\"",                                     \
		[REVIEW_REFUSED] = "endpoint=\"" endpoint "\",result=\"refused\"",                                     \
		[REVIEW_BAD] = "endpoint=\"" endpoint "\",result=\"bad_request\"",                                     \
	}

static const char *const labels[2][REVIEW_BAD + 1] = { LABELS("validate"), LABELS("mutate") };

const char *review_result_name(enum review_result result)
{
	return names[result];
}

static void count_patch(struct metrics *m, uint64_t patches, size_t bytes)
{
	metric_add(metric_counter(m, "codis_webhook_patches_total", "", "Pods that were changed."), patches);
	metric_add(metric_counter(m, "codis_webhook_patch_bytes_total", "", "Bytes of their JSON Patches."), bytes);
}

static struct metric *requests(struct metrics *m, bool mutating, enum review_result result)
{
	return metric_counter(m, "codis_webhook_requests_total", labels[mutating][result],
			      "AdmissionReviews by endpoint and result.");
}

static struct metric *seconds(struct metrics *m, bool mutating)
{
	return metric_histogram(m, "codis_webhook_request_seconds",
				mutating ? "endpoint=\"mutate\"" : "endpoint=\"validate\"",
				"Time to answer an AdmissionReview.");
}

void tally_begin(struct metrics *m)
{
	for (int i = 0; i <= REVIEW_BAD; i++) {
		metric_add(requests(m, false, (enum review_result)i), 0);
		metric_add(requests(m, true, (enum review_result)i), 0);
	}
	count_patch(m, 0, 0);
	seconds(m, false);
	seconds(m, true);
}

void tally_review(struct metrics *m, struct tally *tally, bool mutating, enum review_result result, int warnings)
{
	metric_add(requests(m, mutating, result), 1);
	if (!tally)
		return;
	atomic_fetch_add_explicit(&tally->results[result], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&tally->warnings, (unsigned long)warnings, memory_order_relaxed);
}

void tally_time(struct metrics *m, bool mutating, int64_t us)
{
	metric_observe_us(seconds(m, mutating), us);
}

void tally_patch(struct metrics *m, size_t bytes)
{
	count_patch(m, 1, bytes);
}

void tally_log(struct tally *tally, const struct logger *log)
{
	unsigned long n[REVIEW_BAD + 1], warnings = atomic_exchange(&tally->warnings, 0), all = 0;

	for (int i = 0; i <= REVIEW_BAD; i++)
		all += n[i] = atomic_exchange(&tally->results[i], 0);
	if (all)
		log_info(log, "reviews", "changed=%lu allowed=%lu refused=%lu bad_request=%lu warnings=%lu",
			 n[REVIEW_CHANGED], n[REVIEW_ALLOWED], n[REVIEW_REFUSED], n[REVIEW_BAD], warnings);
}
