/* What is counted of the reviews, and what the log says of them. */
#include <unistd.h>

#include "tests/unit/webhook_fixture.h"

#include "common/base/buf.h"
#include "common/base/metrics.h"
#include "common/net/httpd.h"
#include "webhook/serve.h"
#include "webhook/tally.h"

#define TEXT_MAX (1u << 20)
#define REVIEW(object)                                                                                                 \
	"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{\"uid\":\"u\","             \
	"\"resource\":{\"resource\":\"pods\"},\"operation\":\"CREATE\",\"namespace\":\"shop\",\"object\":" object "}}"
#define REFUSED REVIEW("{\"metadata\":{\"name\":\"alone\",\"labels\":{\"app\":\"codis-server\"}},\"spec\":{}}")
#define ALLOWED REVIEW("{\"metadata\":{\"name\":\"other\",\"labels\":{\"app\":\"web\"}},\"spec\":{}}")
#define CHANGED                                                                                                        \
	REVIEW("{\"metadata\":{\"name\":\"proxy\",\"labels\":{\"app\":\"codis-proxy\"}},\"spec\":{\"containers\":[{"   \
	       "\"name\":\"codis-proxy\",\"command\":[\"codis-proxy\"]}]}}")

struct heard {
	struct metrics *metrics;
	struct tally tally;
	struct webhook webhook;
	int from, to;
};

static int setup(void **state)
{
	struct heard *h = calloc(1, sizeof(*h));
	int ends[2];

	assert_non_null(h);
	assert_int_equal(pipe(ends), 0);
	h->from = ends[0];
	h->to = ends[1];
	h->metrics = metrics_new();
	tally_begin(&h->tally, h->metrics);
	h->webhook = (struct webhook){ .log = { .fd = h->to, .level = LOG_LEVEL_INFO },
				       .tally = &h->tally,
				       .viewer_image = VIEWER_IMAGE,
				       .lookups = lookups_of(NULL) };
	*state = h;
	return 0;
}

static int teardown(void **state)
{
	struct heard *h = *state;

	close(h->from);
	close(h->to);
	metrics_free(h->metrics);
	free(h);
	return 0;
}

static void ask(struct heard *h, const char *text)
{
	struct http_request req = { .method = "POST", .path = "/mutate", .body = text, .body_len = strlen(text) };
	struct http_response res = { .status = 200, .body = BUF_INIT(TEXT_MAX) };

	webhook_serve(&h->webhook, &req, &res);
	buf_release(&res.body);
}

/* All that was logged since; "" where nothing was. */
static const char *logged(struct heard *h, char out[8192])
{
	ssize_t n;

	assert_int_equal(write(h->to, "\n", 1), 1); /* so that there is something to read */
	n = read(h->from, out, 8191);
	assert_true(n > 0);
	out[n - 1] = '\0';
	return out;
}

static void expect_metric(struct heard *h, const char *line)
{
	BUF_CLEANUP struct buf out = BUF_INIT(TEXT_MAX);

	metrics_write(h->metrics, &out);
	if (!strstr(out.data, line))
		fail_msg("%s is not in %s", line, out.data);
}

TEST_WITH(who_is_told_something_has_a_line, setup, teardown)
{
	struct heard *h = *state;
	char lines[8192];

	ask(h, ALLOWED);
	ask(h, CHANGED);
	assert_string_equal(logged(h, lines), "");
	ask(h, REFUSED);
	assert_non_null(strstr(logged(h, lines), "event=review.refused uid=\"u\" resource=\"pods\" namespace=\"shop\" "
						 "name=\"alone\""));
	assert_null(strstr(lines, "event=review uid"));
	ask(h, "no JSON");
	assert_non_null(strstr(logged(h, lines), "event=review.unreadable endpoint=mutate"));
	h->webhook.log.level = LOG_LEVEL_DEBUG;
	ask(h, ALLOWED);
	assert_non_null(strstr(logged(h, lines), "event=review uid=\"u\""));
}

TEST_WITH(all_are_counted_and_said_once, setup, teardown)
{
	struct heard *h = *state;
	char lines[8192];

	ask(h, ALLOWED);
	ask(h, CHANGED);
	ask(h, CHANGED);
	ask(h, REFUSED);
	ask(h, "no JSON");
	logged(h, lines);
	tally_log(&h->tally, &h->webhook.log);
	assert_non_null(
		strstr(logged(h, lines), "event=reviews changed=2 allowed=1 refused=1 bad_request=1 warnings=0"));
	tally_log(&h->tally, &h->webhook.log);
	assert_string_equal(logged(h, lines), "");
	expect_metric(h, "codis_webhook_requests_total{endpoint=\"mutate\",result=\"changed\"} 2\n");
	expect_metric(h, "codis_webhook_requests_total{endpoint=\"mutate\",result=\"bad_request\"} 1\n");
	expect_metric(h, "codis_webhook_patches_total 2\n");
}

TEST_WITH(bytes_of_patches_are_those_of_their_text, setup, teardown)
{
	struct heard *h = *state;
	BUF_CLEANUP struct buf out = BUF_INIT(TEXT_MAX);
	const char *line;

	ask(h, CHANGED);
	metrics_write(h->metrics, &out);
	line = strstr(out.data, "\ncodis_webhook_patch_bytes_total ");
	assert_non_null(line);
	assert_true(strtol(strchr(line + 1, ' '), NULL, 10) > 40);
}

TEST_WITH(what_is_counted_is_there_from_the_start, setup, teardown)
{
	static const char *const lines[] = {
		"\ncodis_webhook_requests_total{endpoint=\"mutate\",result=\"refused\"} 0\n",
		"\ncodis_webhook_requests_total{endpoint=\"validate\",result=\"bad_request\"} 0\n",
		"\ncodis_webhook_patches_total 0\n",
		"\ncodis_webhook_patch_bytes_total 0\n",
		"\ncodis_webhook_request_seconds_count{endpoint=\"mutate\"} 0\n",
		"\ncodis_webhook_request_seconds_count{endpoint=\"validate\"} 0\n",
	};
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX);
	struct heard *h = *state;

	metrics_write(h->metrics, &text);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (!strstr(text.data, lines[i]))
			fail_msg("%s is not in\n%s", lines[i], text.data);
}
