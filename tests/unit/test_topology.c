/* The rules of a Codis cluster: what a pod is, which group it is of, what a count may be, where a key belongs. */
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/topology.h"
#include "tests/unit/test.h"

static cJSON *parse(const char *text)
{
	struct error err = ERROR_INIT;
	cJSON *item = json_parse(text, strlen(text), &err);

	if (!item)
		fail_msg("%s: %s", err.text, text);
	return item;
}

/* --- component ------------------------------------------------------------------------------------------------- */

static enum codis_component component_of(const char *labels)
{
	char text[512];
	JSON_CLEANUP cJSON *pod = NULL;

	snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":%s}}", labels);
	pod = parse(text);
	return codis_component_of(pod);
}

TEST(component)
{
	assert_int_equal(component_of("{\"app\":\"codis-server\"}"), CODIS_SERVER);
	assert_int_equal(component_of("{\"app\":\"codis-proxy\"}"), CODIS_PROXY);
	assert_int_equal(component_of("{\"app\":\"codis-dashboard\"}"), CODIS_DASHBOARD);
	assert_int_equal(component_of("{\"app\":\"codis-ha\"}"), CODIS_HA);
	assert_int_equal(component_of("{\"app\":\"codis-fe\"}"), CODIS_FE);
	assert_int_equal(component_of("{\"app\":\"zk\"}"), CODIS_ZOOKEEPER);
	assert_int_equal(component_of("{\"app\":\"zookeeper\"}"), CODIS_ZOOKEEPER);
	assert_int_equal(component_of("{\"app\":\"shop\",\"codis.io/component\":\"codis-server\"}"), CODIS_SERVER);
	assert_int_equal(component_of("{\"app\":\"codis-server\",\"codis.io/component\":\"codis-proxy\"}"),
			 CODIS_PROXY);
	assert_int_equal(component_of("{\"app\":\"codis-server\",\"codis.io/inject\":\"true\"}"), CODIS_SERVER);
}

TEST(not_a_component)
{
	assert_int_equal(component_of("{\"app\":\"nginx\"}"), CODIS_NONE);
	assert_int_equal(component_of("{\"app\":\"\"}"), CODIS_NONE);
	assert_int_equal(component_of("{\"app\":7}"), CODIS_NONE);
	assert_int_equal(component_of("{}"), CODIS_NONE);
	assert_int_equal(component_of("null"), CODIS_NONE);
	assert_int_equal(component_of("[\"app\"]"), CODIS_NONE);
	assert_int_equal(component_of("{\"app\":\"codis-server\",\"codis.io/component\":\"nothing\"}"), CODIS_NONE);
	assert_int_equal(component_of("{\"app\":\"codis-server\",\"codis.io/inject\":\"false\"}"), CODIS_NONE);
	assert_int_equal(codis_component_of(NULL), CODIS_NONE);
}

TEST(component_names)
{
	for (int c = CODIS_SERVER; c <= CODIS_ZOOKEEPER; c++)
		assert_int_equal(codis_component_parse(codis_component_name((enum codis_component)c)), c);
	assert_string_equal(codis_component_name(CODIS_NONE), "");
	assert_int_equal(codis_component_parse(NULL), CODIS_NONE);
}

/* --- product --------------------------------------------------------------------------------------------------- */

static const char *product_of(const char *pod_text, char out[CODIS_PRODUCT_MAX])
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *pod = parse(pod_text);

	return codis_product_of(pod, out, &err) == 0 ? out : "(refused)";
}

#define CONTAINER(fields) "{\"spec\":{\"containers\":[{" fields "}]}}"

TEST(product_by_precedence)
{
	char p[CODIS_PRODUCT_MAX];

	assert_string_equal(product_of("{}", p), "codis-test");
	assert_string_equal(
		product_of("{\"metadata\":{\"labels\":{\"codis.io/product\":\"a\"}},\"spec\":{\"containers\":[{"
			   "\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":\"b\"}]}]}}",
			   p),
		"a");
	assert_string_equal(product_of(CONTAINER("\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":\"b\"}],"
						 "\"args\":[\"--product_name\",\"c\"]"),
				       p),
			    "b");
	assert_string_equal(product_of(CONTAINER("\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":\"b\"},"
						 "{\"name\":\"PRODUCT_NAME\",\"value\":\"last\"}]"),
				       p),
			    "last");
	assert_string_equal(product_of(CONTAINER("\"env\":[{\"name\":\"PRODUCT_NAME\",\"value\":\"\"}]"), p),
			    "codis-test");
}

TEST(product_of_a_command_line)
{
	char p[CODIS_PRODUCT_MAX];

	assert_string_equal(product_of(CONTAINER("\"args\":[\"-c\",\"x\",\"--product_name\",\"c\"]"), p), "c");
	assert_string_equal(product_of(CONTAINER("\"command\":[\"codis-proxy\",\"--product_name=d\"]"), p), "d");
	assert_string_equal(product_of(CONTAINER("\"command\":[\"codis-proxy\",\"--product-name=d\"]"), p), "d");
	assert_string_equal(
		product_of(CONTAINER("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name e; true\"]"), p), "e");
	assert_string_equal(
		product_of(CONTAINER("\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name 'f' -l x\"]"), p), "f");
	assert_string_equal(product_of(CONTAINER("\"args\":[\"--product_name\",\"$(PRODUCT_NAME)\"]"), p),
			    "codis-test");
	assert_string_equal(product_of(CONTAINER("\"args\":[\"--product_name\"]"), p), "codis-test");
	assert_string_equal(product_of(CONTAINER("\"args\":[7,null,{}]"), p), "codis-test");
}

TEST(product_that_is_no_label)
{
	char p[CODIS_PRODUCT_MAX];

	assert_string_equal(product_of("{\"metadata\":{\"labels\":{\"codis.io/product\":\"\"}}}", p), "(refused)");
	assert_string_equal(product_of("{\"metadata\":{\"labels\":{\"codis.io/product\":\"-a\"}}}", p), "(refused)");
	assert_string_equal(product_of("{\"metadata\":{\"labels\":{\"codis.io/product\":\"a.\"}}}", p), "(refused)");
	assert_string_equal(product_of("{\"metadata\":{\"labels\":{\"codis.io/product\":\"a/b\"}}}", p), "(refused)");
	assert_string_equal(
		product_of(CONTAINER("\"args\":[\"--product_name\",\"0123456789012345678901234567890123456789"
				     "012345678901234567890123\"]"),
			   p),
		"(refused)");
	assert_string_equal(product_of("{\"metadata\":{\"labels\":{\"codis.io/product\":\"a.b_c-9\"}}}", p), "a.b_c-9");
}

/* --- groups ---------------------------------------------------------------------------------------------------- */

/* SERVER_REPLICA as written, or -1 when it is refused. */
static int replica_of(const char *env)
{
	char text[512];
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *spec = NULL;
	int n;

	snprintf(text, sizeof(text), "{\"containers\":[{},{\"env\":%s}]}", env);
	spec = parse(text);
	if (codis_server_replica_of(spec, &n, &err) == 0)
		return n;
	assert_non_null(strstr(err.text, "SERVER_REPLICA"));
	return -1;
}

TEST(server_replica)
{
	assert_int_equal(replica_of("[]"), 2);
	assert_int_equal(replica_of("[{\"name\":\"OTHER\",\"value\":\"3\"}]"), 2);
	assert_int_equal(replica_of("[{\"name\":\"SERVER_REPLICA\",\"value\":\"1\"}]"), 1);
	assert_int_equal(replica_of("[{\"name\":\"SERVER_REPLICA\",\"value\":\"64\"}]"), 64);
	assert_int_equal(replica_of("[{\"name\":\"SERVER_REPLICA\",\"value\":\"3\"},{\"name\":\"SERVER_REPLICA\","
				    "\"value\":\"4\"}]"),
			 4);
}

TEST(server_replica_refused)
{
	static const char *const bad[] = {
		"", "0", "two", "-1", "+2", " 2", "2 ", "2.0", "65", "99999999999999999999"
	};
	char env[128];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(env, sizeof(env), "[{\"name\":\"SERVER_REPLICA\",\"value\":\"%s\"}]", bad[i]);
		assert_int_equal(replica_of(env), -1);
	}
	assert_int_equal(replica_of("[{\"name\":\"SERVER_REPLICA\"}]"), -1);
	assert_int_equal(replica_of("[{\"name\":\"SERVER_REPLICA\",\"value\":2}]"), -1);
	assert_int_equal(replica_of("[{\"name\":\"SERVER_REPLICA\",\"valueFrom\":{\"configMapKeyRef\":{}}}]"), -1);
}

TEST(ordinal)
{
	assert_int_equal(codis_ordinal("codis-server-0", "codis-server"), 0);
	assert_int_equal(codis_ordinal("codis-server-12", "codis-server"), 12);
	assert_int_equal(codis_ordinal("codis-server-12", NULL), 12);
	assert_int_equal(codis_ordinal("codis-server-12", "codis"), -1);
	assert_int_equal(codis_ordinal("codis-server-12", "codis-server-1"), -1);
	assert_int_equal(codis_ordinal("codis-server-", "codis-server"), -1);
	assert_int_equal(codis_ordinal("codis-server-1x", "codis-server"), -1);
	assert_int_equal(codis_ordinal("codis-server-9999999999", "codis-server"), -1);
	assert_int_equal(codis_ordinal("codis", NULL), -1);
	assert_int_equal(codis_ordinal("", NULL), -1);
	assert_int_equal(codis_ordinal(NULL, NULL), -1);
}

TEST(group)
{
	assert_int_equal(codis_group_of(0, 2), 1);
	assert_int_equal(codis_group_of(1, 2), 1);
	assert_int_equal(codis_group_of(2, 2), 2);
	assert_int_equal(codis_group_of(5, 3), 2);
	assert_int_equal(codis_group_of(7, 1), 8);
}

TEST(statefulset_of)
{
	JSON_CLEANUP cJSON *owned =
		parse("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"other\"},"
		      "{\"kind\":\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}]}}");
	JSON_CLEANUP cJSON *replica =
		parse("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"x\","
		      "\"controller\":true}]}}");

	assert_string_equal(codis_statefulset_of(owned), "codis-server");
	assert_null(codis_statefulset_of(replica));
	assert_null(codis_statefulset_of(NULL));
}

TEST(identity)
{
	JSON_CLEANUP cJSON *pod = parse(
		"{\"metadata\":{\"name\":\"codis-server-3\",\"labels\":{\"app\":\"codis-server\","
		"\"codis.io/group\":\"77\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"codis-server\","
		"\"controller\":true}]},\"spec\":{\"containers\":[{\"env\":[{\"name\":\"PRODUCT_NAME\","
		"\"value\":\"shop\"}]}]}}");
	JSON_CLEANUP cJSON *other = parse("{\"metadata\":{\"name\":\"x\",\"labels\":{\"app\":\"nginx\"}}}");
	struct codis_identity id;
	struct error err = ERROR_INIT;

	assert_int_equal(codis_identify(pod, &id, &err), 0);
	assert_int_equal(id.component, CODIS_SERVER);
	assert_string_equal(id.product, "shop");
	assert_int_equal(id.ordinal, 3);
	assert_int_equal(id.group, 2); /* by name, not by label */
	assert_int_equal(id.server_replica, 2);
	assert_int_equal(codis_identify(other, &id, &err), 0);
	assert_int_equal(id.component, CODIS_NONE);
}

/* --- spread, counts, slots ------------------------------------------------------------------------------------- */

TEST(spread)
{
	JSON_CLEANUP cJSON *none = parse("{}"),
			   *soft = parse("{\"metadata\":{\"annotations\":{\"codis.io/spread\":\"soft\","
					 "\"codis.io/topology-key\":\"zone\"}}}"),
			   *bad = parse("{\"metadata\":{\"annotations\":{\"codis.io/spread\":\"weak\"}}}");
	struct error err = ERROR_INIT;
	const char *key;
	bool strict;

	assert_int_equal(codis_spread_of(none, &strict, &key, &err), 0);
	assert_true(strict);
	assert_string_equal(key, "kubernetes.io/hostname");
	assert_int_equal(codis_spread_of(soft, &strict, &key, &err), 0);
	assert_false(strict);
	assert_string_equal(key, "zone");
	assert_int_equal(codis_spread_of(bad, &strict, &key, &err), -1);
	assert_non_null(strstr(err.text, "\"weak\""));
}

TEST(replicas_fit)
{
	char s[256] = "";

	assert_true(codis_replicas_fit(0, 2, s, sizeof(s)));
	assert_true(codis_replicas_fit(4, 2, s, sizeof(s)));
	assert_true(codis_replicas_fit(7, 1, s, sizeof(s)));
	assert_false(codis_replicas_fit(5, 2, s, sizeof(s)));
	assert_string_equal(s, "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 4 or 6, not 5");
	assert_false(codis_replicas_fit(1, 3, s, sizeof(s)));
	assert_string_equal(s, "SERVER_REPLICA is 3, so replicas has to be a multiple of 3: 0 or 3, not 1");
}

static int slot(const char *key)
{
	return codis_slot_of(key, strlen(key));
}

/* 0xcbf43926 is the published check value of CRC-32 (IEEE) for "123456789". */
TEST(slot)
{
	assert_int_equal(slot("123456789"), 0xcbf43926 % 1024);
	assert_int_equal(slot(""), 0);
	assert_int_equal(slot("a{123456789}b"), slot("123456789"));
	assert_int_equal(slot("{123456789}{x}"), slot("123456789"));
	assert_int_equal(slot("a{}b"), slot(""));
	assert_int_not_equal(slot("a{123456789"), slot("123456789"));
	assert_int_equal(codis_slot_of("a{1}\0b", 6), slot("1"));
}
