#include "common/base/buf.h"
#include "extender/skew.h"
#include "tests/unit/test.h"

static const char *sentence(const char *scheduler, const char *server, struct buf *out)
{
	struct skew_version a, b;

	assert_true(skew_version_parse(scheduler, &a));
	assert_true(skew_version_parse(server, &b));
	buf_reset(out);
	return skew_is_wrong(&a, &b, out) ? out->data : "";
}

#define NEWER                                                                                                          \
	"set the image of the container scheduler to kube-scheduler:v1.31.2: v1.35.4 is newer than the API server, "   \
	"v1.31.2-eks-7f9249a, and may start and place nothing"
#define OLDER                                                                                                          \
	"set the image of the container scheduler to kube-scheduler:v1.37.0: v1.35.4 is more than one minor version "  \
	"older than the API server, v1.37.0, which Kubernetes does not support"

TEST(a_scheduler_may_be_of_the_servers_minor_version_or_of_the_one_before)
{
	BUF_CLEANUP struct buf out = BUF_INIT(1024);

	assert_string_equal(sentence("v1.35.4", "v1.35.0", &out), "");
	assert_string_equal(sentence("v1.35.9", "v1.35.4", &out), "");
	assert_string_equal(sentence("v1.34.1", "v1.35.4", &out), "");
	assert_string_equal(sentence("v1.30.0", "v1.31.2+k3s1", &out), "");
	assert_string_equal(sentence("v1.35.4", "v1.31.2-eks-7f9249a", &out), NEWER);
	assert_string_equal(sentence("v1.35.4", "v1.37.0", &out), OLDER);
	assert_non_null(strstr(sentence("v2.0.0", "v1.40.0", &out), "is newer"));
	assert_non_null(strstr(sentence("v1.40.0", "v2.0.0", &out), "older"));
}

TEST(what_is_no_version_is_none)
{
	struct skew_version v = { .minor = 7 };
	char text[] = "v1.35.4-0123456789012345678901234567890123456789012345678901234567890123456789";

	assert_false(skew_version_parse("", &v));
	assert_false(skew_version_parse("1.35.4", &v));
	assert_false(skew_version_parse("v1.35", &v));
	assert_false(skew_version_parse("v1.-5.4", &v));
	assert_false(skew_version_parse("v99999.1.1", &v));
	assert_false(skew_version_parse(text, &v));
	assert_int_equal(v.minor, 7);
	text[SKEW_VERSION_MAX - 1] = '\0';
	assert_true(skew_version_parse(text, &v));
	assert_string_equal(v.text, text);
}

TEST(a_version_is_found_among_the_metrics)
{
	struct skew_version v;

	assert_true(skew_version_in_metrics(
		"# TYPE kubernetes_build_info gauge\n"
		"kubernetes_build_info{build_date=\"x\",git_version=\"v1.35.4\",major=\"1\"} 1\n"
		"leader_election_master_status{name=\"x\"} 1\n",
		&v));
	assert_string_equal(v.text, "v1.35.4");
	assert_int_equal(v.minor, 35);
	assert_false(skew_version_in_metrics("", &v));
	assert_false(skew_version_in_metrics("\nkubernetes_build_info{} 1\nx{git_version=\"v1.2.3\"} 1\n", &v));
	assert_false(skew_version_in_metrics("\nkubernetes_build_info{git_version=\"v1.2.3", &v));
	assert_false(skew_version_in_metrics("\nkubernetes_build_info{git_version=\"unknown\"} 1\n", &v));
}
