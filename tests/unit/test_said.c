/* What a container's environment, its flags and its shell text come to, as seen in what a pod says. */
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/pod.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pod_text.h"
#include "tests/unit/test.h"

/* --- the environment -----------------------------------------------------------------------------------------------
 */

#define PROXY(env) pod_with("codis-proxy", env, NULL).product

TEST(product_by_precedence)
{
	struct said_text p;

	expect_nothing(&(struct said_text){ 0 });
	p = PROXY(NULL);
	expect_nothing(&p);
	p = PROXY(VALUE("PRODUCT_NAME", "shop"));
	expect_known(&p, "shop");
	p = PROXY(VALUE("PRODUCT_NAME", "b") "," VALUE("PRODUCT_NAME", "last"));
	expect_known(&p, "last");
	p = PROXY(VALUE("PRODUCT_NAME", ""));
	expect_nothing(&p);
	p = PROXY("{\"name\":\"PRODUCT_NAME\"}");
	expect_nothing(&p);
	p = pod_with("codis-proxy", VALUE("PRODUCT_NAME", "b"), "\"args\":[\"--product_name\",\"c\"]").product;
	expect_known(&p, "b");
	p = pod_with("codis-proxy", VALUE("PRODUCT_NAME", ""), "\"args\":[\"--product_name\",\"c\"]").product;
	expect_known(&p, "c");
	p = read_text("{\"metadata\":{\"labels\":{\"app\":\"codis-fe\",\"codis.io/product\":\"a\"}},\"spec\":"
		      "{\"containers\":[{\"env\":[" VALUE("PRODUCT_NAME", "b") "]}]}}")
		    .product;
	expect_known(&p, "a");
}

/* k8s.io/kubernetes pkg/kubelet: makeEnvironmentVariables. */
TEST(variables_as_the_kubelet_has_them)
{
	struct said_text p = PROXY(VALUE("A", "shop") "," VALUE("PRODUCT_NAME", "$(A)-1"));

	expect_known(&p, "shop-1");
	p = PROXY(VALUE("A", "old") "," VALUE("PRODUCT_NAME", "$(A)") "," VALUE("A", "new"));
	expect_known(&p, "old");
	p = PROXY(VALUE("PRODUCT_NAME", "a") "," VALUE("PRODUCT_NAME", "$(PRODUCT_NAME)b"));
	expect_known(&p, "ab");
	p = PROXY(VALUE("A", "x") "," VALUE("PRODUCT_NAME", "a$(A)c"));
	expect_known(&p, "axc");
	p = PROXY(VALUE("PRODUCT_NAME", "$(A)") "," VALUE("A", "later"));
	expect_elsewhere(&p, WHERE_UNKNOWN, "", "", "there is no env A for its $(A)");
	p = pod_with("codis-server", VALUE("PRODUCT_AUTH", "$$(A)$$$"), NULL).password;
	expect_known(&p, "$(A)$$");
}

TEST(fields_of_the_pod_itself)
{
	struct said_text p = PROXY(FIELD("PRODUCT_NAME", "metadata.namespace"));

	expect_known(&p, "shop");
	p = PROXY(FIELD("PRODUCT_NAME", "metadata.name"));
	expect_known(&p, "codis-proxy-3");
	p = PROXY(FIELD("PRODUCT_NAME", "metadata.labels['team']"));
	expect_known(&p, "red");
	p = PROXY(FIELD("PRODUCT_NAME", "metadata.annotations['set']"));
	expect_known(&p, "blue");
	p = PROXY(FIELD("PRODUCT_NAME", "metadata.labels['other']"));
	expect_nothing(&p); /* the kubelet makes "" of it */
	p = PROXY(FIELD("NS", "metadata.namespace") "," VALUE("PRODUCT_NAME", "$(NS)-9"));
	expect_known(&p, "shop-9");
	p = PROXY(FIELD("PRODUCT_NAME", "spec.nodeName"));
	expect_elsewhere(&p, WHERE_UNKNOWN, "", "",
			 "env PRODUCT_NAME comes from spec.nodeName, which only the running pod has");
	p = PROXY("{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{\"resourceFieldRef\":{\"resource\":\"limits.cpu\"}}}");
	assert_int_equal(p.said, SAID_ELSEWHERE);
}

TEST(values_of_other_objects)
{
	struct said_text p = PROXY(MAP("PRODUCT_NAME", "conf", "product"));

	expect_elsewhere(&p, WHERE_CONFIG_MAP, "conf", "product",
			 "env PRODUCT_NAME comes from ConfigMap conf, key product");
	assert_false(p.maybe);
	p = PROXY("{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"conf\",\"key\":\"k\","
		  "\"optional\":true}}}");
	assert_int_equal(p.said, SAID_ELSEWHERE);
	p = PROXY(SECRET("PRODUCT_NAME", "sec", "k"));
	expect_elsewhere(&p, WHERE_SECRET, "sec", "k", "env PRODUCT_NAME comes from Secret sec, key k");
	p = PROXY(MAP("A", "conf", "a") "," VALUE("PRODUCT_NAME", "$(A)"));
	expect_elsewhere(&p, WHERE_CONFIG_MAP, "conf", "a", "env A comes from ConfigMap conf, key a");
	p = PROXY(MAP("A", "conf", "a") "," VALUE("PRODUCT_NAME", "$(A)-1")); /* the key is not all of it */
	expect_elsewhere(&p, WHERE_UNKNOWN, "", "", "env A comes from ConfigMap conf, key a");
	p = PROXY(MAP("PRODUCT_NAME", "conf", "a") "," VALUE("PRODUCT_NAME", "shop"));
	expect_known(&p, "shop");
}

TEST(env_from)
{
	struct said_text p = pod_with("codis-proxy", NULL, "\"envFrom\":[" FROM_MAP "]").product;

	expect_elsewhere(&p, WHERE_CONFIG_MAP, "conf", "PRODUCT_NAME",
			 "env PRODUCT_NAME may come from ConfigMap conf by envFrom");
	assert_true(p.maybe);
	p = pod_with("codis-proxy", NULL, "\"envFrom\":[" FROM_PREFIX "]").product;
	expect_elsewhere(&p, WHERE_CONFIG_MAP, "conf", "NAME",
			 "env PRODUCT_NAME may come from ConfigMap conf by envFrom");
	p = pod_with("codis-proxy", NULL, "\"envFrom\":[{\"prefix\":\"X_\",\"configMapRef\":{\"name\":\"conf\"}}]")
		    .product;
	expect_nothing(&p); /* it cannot hold the name */
	p = pod_with("codis-proxy", VALUE("PRODUCT_NAME", "shop"), "\"envFrom\":[" FROM_MAP "]").product;
	expect_known(&p, "shop"); /* env beats envFrom */
	p = pod_with("codis-proxy", NULL, "\"envFrom\":[" FROM_MAP "],\"args\":[\"--product_name=shop\"]").product;
	expect_known(&p, "shop"); /* what the program surely gets */
	p = pod_with("codis-proxy", NULL,
		     "\"envFrom\":[" FROM_MAP "],\"args\":[\"--product_name\",\"$(PRODUCT_NAME)\"]")
		    .product;
	assert_int_equal(p.where, WHERE_CONFIG_MAP);
	assert_false(p.maybe); /* the program is told something */
	p = pod_with("codis-proxy", NULL, "\"envFrom\":[" FROM_MAP "," FROM_SECRET "]").product;
	assert_string_equal(p.object, "sec"); /* the last one wins */
}

/* --- command lines -------------------------------------------------------------------------------------------------
 */

static void expect_flag(const char *members, const char *product)
{
	struct said_text p = pod_with("codis-proxy", VALUE("P", "var"), members).product;

	if (product)
		expect_known(&p, product);
	else
		expect_nothing(&p);
}

TEST(product_of_a_command_line)
{
	expect_flag("\"args\":[\"-c\",\"x\",\"--product_name\",\"c\"]", "c");
	expect_flag("\"command\":[\"codis-proxy\",\"--product_name=d\"]", "d");
	expect_flag("\"command\":[\"codis-proxy\",\"--product-name=d\"]", "d");
	expect_flag("\"command\":[\"codis-proxy\"],\"args\":[\"--product_name\",\"$(P)-1\"]", "var-1");
	expect_flag("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name e; true\"]", "e");
	expect_flag("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name 'f' -l x\"]", "f");
	expect_flag("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name $P\"]", "var");
	expect_flag("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name=\\\"${P}-1\\\"\"]", "var-1");
	expect_flag("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name '$(P)'\"]", "var");
	expect_flag("\"command\":[\"/start.sh\",\"--product_name\",\"g\"]", "g");
	expect_flag("\"command\":[\"sh\",\"-c\",\"./start.sh --product_name h\"]", "h");
	expect_flag("\"command\":[\"sh\",\"-c\",\"codis-admin --product_name i --x; codis-proxy\"]", "i");
	expect_flag(
		"\"command\":[\"sh\",\"-c\",\"exec gosu a \\\"$@\\\"\",\"x\",\"codis-proxy\",\"--product_name\",\"j\"]",
		"j");
	expect_flag("\"args\":[\"--product_name\"]", NULL);
	expect_flag("\"args\":[\"--product_name_of\",\"c\"]", NULL);
	expect_flag("\"args\":[\"--product_name\",\"\"]", NULL);
	expect_flag("\"args\":[7,null,{}]", NULL);
}

static void expect_flag_unknown(const char *members, const char *why)
{
	struct said_text p = pod_with("codis-proxy", VALUE("P", "var"), members).product;

	expect_elsewhere(&p, WHERE_UNKNOWN, "", "", why);
}

TEST(what_only_a_shell_can_tell)
{
	expect_flag_unknown("\"args\":[\"--product_name\",\"$(NONE)\"]", "there is no env NONE for its $(NONE)");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name $Q\"]",
			    "variable Q of its shell text is not in env");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"P=x; codis-proxy --product_name $P\"]",
			    "variable P of its shell text is not in env");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name `cat /p`\"]",
			    "only a shell can tell what is meant by `cat /p`");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name ${P:-x}\"]",
			    "only a shell can tell what is meant by ${P:-x}");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"cat <<E\\ncodis-proxy --product_name x\\nE\"]",
			    "--product_name stands in shell text that cannot be followed");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"O='--product_name x'; codis-proxy $O\"]",
			    "--product_name stands in shell text that cannot be followed");
	expect_flag_unknown("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name a || codis-proxy "
			    "--product_name b\"]",
			    "--product_name is said more than once, and differently");
}

TEST(product_that_is_no_label)
{
	static const char no_label[] = "product \"a/b\" is no label value: use 1 to 63 letters, digits, '-', '_' or "
				       "'.', a letter or digit first and last";

	expect_error("codis-proxy", VALUE("PRODUCT_NAME", "a/b"), "", no_label);
	expect_error("codis-server", VALUE("PRODUCT_NAME", "a/b"), "", no_label);
	expect_error("codis-proxy", "", ",\"args\":[\"--product_name\",\"a/b\"]", no_label);
	expect_error("codis-proxy", VALUE("PRODUCT_NAME", "a b"), "",
		     "product \"a b\" is no label value: use 1 to 63 letters, digits, '-', '_' or '.', a letter or "
		     "digit first and last");
	pod_with("zookeeper", VALUE("PRODUCT_NAME", "a/b c"), ""); /* of no product */
}

/* The text of what is wrong is there all the same, so that an object that was wrong before can be compared. */
TEST(what_is_wrong_is_read_nevertheless)
{
	JSON_CLEANUP cJSON *json = make_pod(
		"codis-server",
		"\"containers\":[{\"env\":[" VALUE("PRODUCT_NAME", "a/b") "," VALUE("SERVER_REPLICA", "two") "]}]");
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	assert_int_equal(codis_pod_read(json, &pod, &err), -1);
	assert_string_equal(err.text, "SERVER_REPLICA is \"two\": it must be a whole number from 1 to 64");
	expect_known(&pod.product, "a/b");
	expect_known(&pod.server_replica_said, "two");
	assert_int_equal(pod.server_replica, 0);
	assert_int_equal(pod.group, 0);
}

/* --- what would take long ------------------------------------------------------------------------------------------
 */

/* Each of its variables is looked for among all: a pod of a megabyte would hold up whoever reads it for seconds. */
TEST(a_large_environment_is_not_looked_through_again_and_again)
{
	BUF_CLEANUP struct buf env = BUF_INIT(8u << 20);
	struct said_text p;

	for (int i = 0; i < 20000; i++)
		buf_addf(&env, "{\"name\":\"V%d\"},", i);
	buf_addstr(&env, VALUE("V", "x"));
	p = pod_with("codis-proxy", env.data, "\"args\":[\"--product_name\",\"$(V)\"]").product;
	expect_known(&p, "x");
	p = pod_with("codis-proxy", env.data, "\"args\":[\"--product_name\",\"$(V)$(V)\"]").product;
	expect_elsewhere(&p, WHERE_UNKNOWN, "", "", "env V is too involved");
}

/* The product of a proxy whose shell text has so many bytes more. */
static struct said_text product_in_text(size_t more)
{
	BUF_CLEANUP struct buf members = BUF_INIT(8u << 20);

	buf_addstr(&members, "\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name=$A$B$C$D\\n#");
	for (size_t i = 0; i < more; i++)
		buf_addch(&members, '=');
	buf_addstr(&members, "\"]");
	return pod_with("codis-proxy", VALUE("A", "a") "," VALUE("B", "b") "," VALUE("C", "c") "," VALUE("D", "d"),
			members.data)
		.product;
}

TEST(a_long_shell_text_is_not_looked_through_again_and_again)
{
	struct said_text p = product_in_text(1000);

	expect_known(&p, "abcd");
	p = product_in_text(130000);
	expect_elsewhere(&p, WHERE_UNKNOWN, "", "", "env C is too involved");
	/* No program is started with a longer word. */
	p = product_in_text(131072);
	expect_elsewhere(&p, WHERE_UNKNOWN, "", "", "--product_name stands in shell text that cannot be followed");
}

TEST(two_values_are_the_same_by_their_text_or_their_place)
{
	struct said_text nothing = { .said = SAID_NOTHING }, a = { .said = SAID_KNOWN, .text = "a" },
			 b = { .said = SAID_KNOWN, .text = "b" },
			 shell = { .said = SAID_ELSEWHERE, .where = WHERE_UNKNOWN, .text = "\x01" },
			 secret = { .said = SAID_ELSEWHERE, .where = WHERE_SECRET, .object = "x", .key = "k" },
			 map = { .said = SAID_ELSEWHERE, .where = WHERE_CONFIG_MAP, .object = "x", .key = "k" },
			 other_key = secret, other_object = secret;

	other_key.key[0] = 'l';
	other_object.object[0] = 'y';
	assert_int_equal(said_compare(&a, &a), SAID_SAME);
	assert_int_equal(said_compare(&a, &b), SAID_OTHER);
	assert_int_equal(said_compare(&secret, &secret), SAID_SAME);
	assert_int_equal(said_compare(&secret, &map), SAID_OTHER);
	assert_int_equal(said_compare(&secret, &other_key), SAID_OTHER);
	assert_int_equal(said_compare(&secret, &other_object), SAID_OTHER);
	assert_int_equal(said_compare(&secret, &a), SAID_OTHER);
	assert_int_equal(said_compare(&a, &secret), SAID_OTHER);
	assert_int_equal(said_compare(&shell, &shell), SAID_UNCLEAR);
	assert_int_equal(said_compare(&shell, &a), SAID_UNCLEAR);
	assert_int_equal(said_compare(&nothing, &nothing), SAID_UNCLEAR);
}
