#include "webhook/tally.h"

#include <string.h>

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

static struct metric *seconds(struct metrics *m, const char *endpoint)
{
	return metric_histogram(m, "codis_webhook_request_seconds", endpoint, "Time to answer an AdmissionReview.");
}

void tally_begin(struct tally *tally, struct metrics *m)
{
	memset(tally, 0, sizeof(*tally));
	for (int result = 0; result <= REVIEW_BAD; result++)
		for (int mutating = 0; mutating < 2; mutating++)
			tally->requests[mutating][result] =
				metric_counter(m, "codis_webhook_requests_total", labels[mutating][result],
					       "AdmissionReviews by endpoint and result.");
	tally->seconds[false] = seconds(m, "endpoint=\"validate\"");
	tally->seconds[true] = seconds(m, "endpoint=\"mutate\"");
	tally->patches = metric_counter(m, "codis_webhook_patches_total", "", "Pods that were changed.");
	tally->patch_bytes = metric_counter(m, "codis_webhook_patch_bytes_total", "", "Bytes of their JSON Patches.");
}

void tally_review(struct tally *tally, bool mutating, enum review_result result, int warnings)
{
	metric_add(tally->requests[mutating][result], 1);
	atomic_fetch_add_explicit(&tally->results[result], 1, memory_order_relaxed);
	if (warnings)
		atomic_fetch_add_explicit(&tally->warnings, (unsigned long)warnings, memory_order_relaxed);
}

void tally_time(struct tally *tally, bool mutating, int64_t us)
{
	metric_observe_us(tally->seconds[mutating], us);
}

void tally_patch(struct tally *tally, size_t bytes)
{
	metric_add(tally->patches, 1);
	metric_add(tally->patch_bytes, bytes);
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
