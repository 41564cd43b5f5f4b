/* What a Pod, or a pod template, says of itself, and which container is the Codis program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/pod.h"
#include "common/codis/waits.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pod_text.h"
#include "tests/unit/test.h"

/* --- component -----------------------------------------------------------------------------------------------------
 */

static enum codis_component component_of(const char *labels)
{
	char text[512];
	JSON_CLEANUP cJSON *pod = NULL;

	snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":%s}}", labels);
	pod = parse_text(text);
	return codis_component_of(pod);
}

TEST(component)
{
	static const struct {
		const char *labels;
		enum codis_component component;
	} cases[] = {
		{ "{\"app\":\"codis-server\"}", CODIS_SERVER },
		{ "{\"app\":\"codis-proxy\"}", CODIS_PROXY },
		{ "{\"app\":\"codis-dashboard\"}", CODIS_DASHBOARD },
		{ "{\"app\":\"codis-ha\"}", CODIS_HA },
		{ "{\"app\":\"codis-fe\"}", CODIS_FE },
		{ "{\"app\":\"zk\"}", CODIS_ZOOKEEPER },
		{ "{\"app\":\"zookeeper\"}", CODIS_ZOOKEEPER },
		{ "{\"app\":\"shop\",\"codis.io/component\":\"codis-server\"}", CODIS_SERVER },
		{ "{\"app\":\"codis-server\",\"codis.io/component\":\"codis-proxy\"}", CODIS_PROXY },
		{ "{\"app\":\"codis-server\",\"codis.io/inject\":\"true\"}", CODIS_SERVER },
		{ "{\"app\":\"nginx\"}", CODIS_NONE },
		{ "{\"app\":\"\"}", CODIS_NONE },
		{ "{\"app\":7}", CODIS_NONE },
		{ "{}", CODIS_NONE },
		{ "null", CODIS_NONE },
		{ "[\"app\"]", CODIS_NONE },
		{ "{\"app\":\"codis-server\",\"codis.io/component\":\"nothing\"}", CODIS_SERVER },
		{ "{\"codis.io/component\":\"server\"}", CODIS_NONE },
		{ "{\"app\":\"codis-server-shop\"}", CODIS_NONE },
		{ "{\"app\":\"shop\",\"app.kubernetes.io/name\":\"codis-server\"}", CODIS_SERVER },
		{ "{\"app.kubernetes.io/name\":\"codis-server\",\"app.kubernetes.io/component\":\"metrics\"}",
		  CODIS_NONE },
		{ "{\"app.kubernetes.io/name\":\"codis-server\",\"app.kubernetes.io/component\":\"proxy\"}",
		  CODIS_PROXY },
		{ "{\"app.kubernetes.io/name\":\"x\",\"app.kubernetes.io/component\":\"codis-fe\"}", CODIS_FE },
		{ "{\"app.kubernetes.io/name\":\"codis\",\"app.kubernetes.io/component\":\"server\"}", CODIS_SERVER },
		{ "{\"app.kubernetes.io/part-of\":\"codis\",\"app.kubernetes.io/component\":\"ha\"}", CODIS_HA },
		{ "{\"app.kubernetes.io/name\":\"argocd\",\"app.kubernetes.io/component\":\"server\"}", CODIS_NONE },
		{ "{\"app.kubernetes.io/name\":\"codis\"}", CODIS_NONE },
		{ "{\"app.kubernetes.io/name\":\"zookeeper\"}", CODIS_NONE },
		{ "{\"app.kubernetes.io/part-of\":\"codis\",\"app.kubernetes.io/component\":\"zookeeper\"}",
		  CODIS_NONE },
		{ "{\"app\":\"codis-server\",\"codis.io/inject\":\"false\"}", CODIS_NONE },
	};
	struct codis_pod pod = read_text("{\"metadata\":{\"name\":\"x\",\"labels\":{\"app\":\"nginx\"}}}");

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (component_of(cases[i].labels) != cases[i].component)
			fail_msg("%s: %s", cases[i].labels, codis_component_name(component_of(cases[i].labels)));
	}
	assert_int_equal(pod.component, CODIS_NONE);
	assert_int_equal(codis_component_of(NULL), CODIS_NONE);
}

/* A backup with the labels of its chart is no server without a group. */
TEST(a_pod_that_shall_end_is_none_whatever_its_labels_say)
{
	static const struct {
		const char *policy;
		enum codis_component component;
	} cases[] = { { "Always", CODIS_SERVER }, { "OnFailure", CODIS_NONE }, { "Never", CODIS_NONE } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		JSON_CLEANUP cJSON *pod = parse_text("{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}}}");
		const char *key, *value;

		cJSON_AddStringToObject(cJSON_AddObjectToObject(pod, "spec"), "restartPolicy", cases[i].policy);
		assert_int_equal(codis_component_of(pod), cases[i].component);
		assert_int_equal(codis_component_nearly(pod, &key, &value), CODIS_NONE);
	}
}

static const char *nearly(const char *labels)
{
	static char said[256];
	char text[512];
	const char *key, *value;
	enum codis_component c;
	JSON_CLEANUP cJSON *pod = NULL;

	snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":%s}}", labels);
	pod = parse_text(text);
	c = codis_component_nearly(pod, &key, &value);
	if (c == CODIS_NONE)
		return "";
	snprintf(said, sizeof(said), "%s: %s is %s", key, value, codis_component_name(c));
	return said;
}

TEST(what_nearly_says_which_program_it_is_is_seen)
{
	assert_string_equal(nearly("{\"codis.io/component\":\"server\"}"),
			    "codis.io/component: server is codis-server");
	assert_string_equal(nearly("{\"codis.io/component\":\"Codis-Proxy\"}"),
			    "codis.io/component: Codis-Proxy is codis-proxy");
	assert_string_equal(nearly("{\"app\":\"codis-server-shop\"}"), "app: codis-server-shop is codis-server");
	assert_string_equal(nearly("{\"app\":\"shop-codis_dashboard\"}"),
			    "app: shop-codis_dashboard is codis-dashboard");
	assert_string_equal(nearly("{\"app\":\"codisproxy\"}"), "app: codisproxy is codis-proxy");
	assert_string_equal(nearly("{\"app.kubernetes.io/name\":\"my-codis-server\"}"),
			    "app.kubernetes.io/name: my-codis-server is codis-server");
	assert_string_equal(nearly("{\"app\":\"codis-server\"}"), "");
	assert_string_equal(nearly("{\"app\":\"server\"}"), "");
	assert_string_equal(nearly("{\"app\":\"codis-servers\"}"), "");
	assert_string_equal(nearly("{\"app\":\"codis-shared\"}"), "");
	assert_string_equal(nearly("{\"app\":\"codis-server-exporter\"}"), "");
	assert_string_equal(nearly("{\"app\":\"codis-server-x\",\"codis.io/inject\":\"false\"}"), "");
	assert_string_equal(nearly("{}"), "");
}

TEST(statefulset_of)
{
	JSON_CLEANUP cJSON *owned =
		parse_text("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"other\"},"
			   "{\"kind\":\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}]}}");
	JSON_CLEANUP cJSON *replica =
		parse_text("{\"metadata\":{\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"x\","
			   "\"controller\":true}]}}");

	assert_string_equal(codis_statefulset_of(owned), "codis-server");
	assert_null(codis_statefulset_of(replica));
	assert_null(codis_statefulset_of(NULL));
}

/* --- groups --------------------------------------------------------------------------------------------------------
 */

TEST(server_replica)
{
	struct codis_pod pod = pod_with("codis-server", NULL, NULL);

	expect_nothing(&pod.server_replica_said);
	assert_int_equal(pod.server_replica, 2);
	assert_int_equal(pod.ordinal, 3);
	assert_int_equal(pod.group, 2);
	pod = pod_with("codis-server", VALUE("SERVER_REPLICA", "3") "," VALUE("SERVER_REPLICA", "4"), NULL);
	assert_int_equal(pod.server_replica, 4);
	assert_int_equal(pod.group, 1);
	pod = pod_with("codis-server", VALUE("N", "1") "," VALUE("SERVER_REPLICA", "$(N)"), NULL);
	assert_int_equal(pod.server_replica, 1);
	assert_int_equal(pod.group, 4);
	pod = pod_with("codis-proxy", VALUE("SERVER_REPLICA", "two"), NULL);
	assert_int_equal(pod.group, 0);
}

TEST(server_replica_that_is_not_here)
{
	struct codis_pod pod = pod_with("codis-server", MAP("SERVER_REPLICA", "conf", "n"), NULL);

	expect_elsewhere(&pod.server_replica_said, WHERE_CONFIG_MAP, "conf", "n",
			 "env SERVER_REPLICA comes from ConfigMap conf, key n");
	assert_int_equal(pod.server_replica, 0);
	assert_int_equal(pod.group, 0);
	pod = pod_with("codis-server", NULL, "\"envFrom\":[" FROM_SECRET "]");
	expect_elsewhere(&pod.server_replica_said, WHERE_SECRET, "sec", "SERVER_REPLICA",
			 "env SERVER_REPLICA may come from Secret sec by envFrom");
	pod = pod_with("codis-server", NULL, "\"envFrom\":[" FROM_PREFIX "]");
	assert_int_equal(pod.server_replica, 2);
}

TEST(server_replica_refused)
{
	expect_error("codis-server", VALUE("SERVER_REPLICA", "two"), "",
		     "SERVER_REPLICA is \"two\": it must be a whole number from 1 to 64");
	expect_error("codis-server", VALUE("SERVER_REPLICA", ""), "",
		     "SERVER_REPLICA is \"\": it must be a whole number from 1 to 64");
	expect_error("codis-server", "{\"name\":\"SERVER_REPLICA\",\"value\":2}", "",
		     "SERVER_REPLICA is \"\": it must be a whole number from 1 to 64");
}

static struct codis_pod labelled(const char *name, const char *group)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"codis-server\",\"codis.io/group\":\"%s\"}}}",
		 name, group);
	return read_text(text);
}

/* A template says it of all its pods; on others codis-webhook has written what their numbers say. */
TEST(a_label_says_the_group)
{
	struct codis_pod pod = labelled("codis-server-3", "77");

	assert_int_equal(pod.group_said, 77);
	assert_int_equal(pod.group, 77);
	assert_int_equal(pod.ordinal, 3);
	pod = labelled("codis-server-3", "9999");
	assert_int_equal(pod.group, 9999);
	pod = labelled("codis-server", "7"); /* no StatefulSet's */
	assert_int_equal(pod.group_said, 7);
	assert_int_equal(pod.group, 0);
	pod = read_text("{\"metadata\":{\"name\":\"codis-proxy-0\",\"labels\":{\"app\":\"codis-proxy\","
			"\"codis.io/group\":\"7\"}}}");
	assert_int_equal(pod.group_said, 0);
	assert_int_equal(pod.group, 0);
}

/* Whose SERVER_REPLICA is not read here is known by the label. */
TEST(a_label_says_the_group_where_nothing_else_does)
{
	JSON_CLEANUP cJSON *set = parse_text("{\"metadata\":{\"name\":\"codis-server-7\"},\"spec\":{\"replicas\":3,"
					     "\"template\":{\"metadata\":{\"labels\":{"
					     "\"app\":\"codis-server\",\"codis.io/"
					     "group\":\"7\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\","
					     "\"envFrom\":[" FROM_MAP "]}]}}}}");
	struct codis_pod pod;
	struct codis_shape shape;

	assert_int_equal(codis_template_read(set, &pod, NULL), 0);
	assert_int_equal(pod.server_replica, 0);
	assert_int_equal(pod.group, 7);
	shape = codis_shape_of(set, &pod);
	assert_int_equal(shape.group, 7);
	assert_int_equal(shape.replicas, 3);
	assert_int_equal(shape.start, 0);
}

TEST(a_label_that_is_no_group)
{
	static const char *const bad[] = { "", "0", "a", "1a", "-1", "10000", "1 ", "007000" };
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char text[256];
		JSON_CLEANUP cJSON *json = NULL;

		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"name\":\"codis-server-3\",\"labels\":{\"app\":\"codis-server\","
			 "\"codis.io/group\":\"%s\"}}}",
			 bad[i]);
		json = parse_text(text);
		assert_int_equal(codis_pod_read(json, &pod, &err), -1);
		assert_int_equal(pod.group_said, 0);
		assert_int_equal(pod.group, 2); /* as without it */
	}
	assert_string_equal(err.text,
			    "label codis.io/group is \"007000\": it must be a whole number from 1 to 9999, the "
			    "group of all pods of the StatefulSet; without it their numbers say it");
}

/* A ReplicaSet's hash may be all digits. */
TEST(ordinal_and_group)
{
	struct codis_pod pod =
		read_text("{\"metadata\":{\"name\":\"codis-server-3\",\"labels\":{\"app\":\"codis-server\"}}}");

	assert_int_equal(pod.group, 2);
	assert_string_equal(pod.owner, "");
	pod = read_text("{\"metadata\":{\"name\":\"codis-server-6c9-24562\",\"labels\":{\"app\":\"codis-server\"},"
			"\"ownerReferences\":[{\"kind\":\"ReplicaSet\",\"name\":\"codis-server-6c9\","
			"\"controller\":true}]}}");
	assert_int_equal(pod.ordinal, -1);
	assert_int_equal(pod.group, 0);
	pod = pod_with("codis-server", NULL, NULL);
	assert_string_equal(pod.owner, "codis-server");
	assert_string_equal(pod.name, "codis-server-3");
	assert_string_equal(pod.namespace, "shop");
	assert_string_equal(pod.uid, "u3");
}

TEST(template_of_a_statefulset)
{
	JSON_CLEANUP cJSON *set = parse_text(
		"{\"metadata\":{\"name\":\"redis\",\"namespace\":\"shop\"},\"spec\":{\"template\":{\"metadata\":{"
		"\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"env\":[" FIELD(
			"PRODUCT_NAME", "metadata.namespace") "," FIELD("SERVER_REPLICA",
									"metadata.labels['n']") "]}]}}}}");
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	assert_int_equal(codis_template_read(set, &pod, &err), 0);
	assert_int_equal(pod.component, CODIS_SERVER);
	assert_string_equal(pod.owner, "redis");
	assert_string_equal(pod.namespace, "shop");
	assert_string_equal(pod.name, "");
	assert_int_equal(pod.ordinal, -1);
	expect_known(&pod.product, "shop");
	/* Its pods may have labels that it has not. */
	assert_int_equal(pod.server_replica_said.said, SAID_ELSEWHERE);
	assert_int_equal(codis_template_read(NULL, &pod, &err), 0);
	assert_int_equal(pod.component, CODIS_NONE);
}

/* --- the container -------------------------------------------------------------------------------------------------
 */

static const char *container_of(enum codis_component component, const char *containers)
{
	static char name[64];
	BUF_CLEANUP struct buf text = BUF_INIT(65536);
	JSON_CLEANUP cJSON *spec = NULL;
	const char *found;

	buf_addf(&text, "{\"initContainers\":[{\"name\":\"init\",\"command\":[\"codis-server\"]}],\"containers\":%s}",
		 containers);
	spec = parse_text(text.data);
	found = json_str(codis_container_of(spec, component), "name", NULL);
	snprintf(name, sizeof(name), "%s", found ? found : "");
	return name;
}

#define SERVER_OF(containers) container_of(CODIS_SERVER, containers)

TEST(container_by_program)
{
	assert_string_equal(SERVER_OF("[{\"name\":\"a\"},{\"name\":\"b\",\"command\":[\"codis-server\",\"x.conf\"]}]"),
			    "b");
	assert_string_equal(
		SERVER_OF("[{\"name\":\"a\"},{\"name\":\"b\",\"command\":[\"tini\",\"--\",\"codis-server\"]}]"), "b");
	assert_string_equal(
		SERVER_OF("[{\"name\":\"a\"},{\"name\":\"b\",\"command\":[\"sh\",\"-c\",\"exec codis-server x\"]}]"),
		"b");
	assert_string_equal(
		SERVER_OF("[{\"name\":\"a\"},{\"name\":\"b\",\"args\":[\"/docker-entrypoint.sh\",\"codis-server\"]}]"),
		"b");
	/* What runs it, whatever another one is called. */
	assert_string_equal(SERVER_OF("[{\"name\":\"codis-server\",\"command\":[\"agent\"]},{\"name\":\"b\","
				      "\"command\":[\"codis-server\"]}]"),
			    "b");
	assert_string_equal(container_of(CODIS_PROXY,
					 "[{\"name\":\"a\",\"command\":[\"x\"]},{\"name\":\"b\",\"command\":"
					 "[\"/codis/bin/codis-proxy\"]}]"),
			    "b");
	assert_string_equal(container_of(CODIS_HA, "[{\"name\":\"log\"},{\"name\":\"ha\",\"command\":[\"codis-ha\"]}]"),
			    "ha");
	assert_string_equal(container_of(CODIS_HA, "[{\"name\":\"log\"},{\"name\":\"ha\",\"command\":["
						   "\"codis-controller\",\"--view\"]}]"),
			    "ha");
}

TEST(container_by_name)
{
	/* An exporter in front, the server by the entrypoint of its image. */
	assert_string_equal(SERVER_OF("[{\"name\":\"exporter\",\"args\":[\"--redis.addr=redis://127.0.0.1:6379\"]},"
				      "{\"name\":\"codis-server\",\"args\":[\"/etc/redis.conf\"]}]"),
			    "codis-server");
	/* A name among another program's arguments starts nothing. */
	assert_string_equal(SERVER_OF("[{\"name\":\"agent\",\"command\":[\"agent\",\"--component\",\"codis-server\"]},"
				      "{\"name\":\"codis-server\",\"command\":[\"/start.sh\"]}]"),
			    "codis-server");
	assert_string_equal(SERVER_OF("[{\"name\":\"codis-server\",\"command\":[\"/start.sh\"]},{\"name\":\"backup\","
				      "\"command\":[\"redis-server\",\"--port\",\"7000\"]}]"),
			    "codis-server");
	/* A sentinel is no server. */
	assert_string_equal(SERVER_OF("[{\"name\":\"a\",\"command\":[\"redis-server\",\"s.conf\",\"--sentinel\"]},"
				      "{\"name\":\"b\",\"command\":[\"redis-server\"]}]"),
			    "b");
}

#define CACHE  "{\"name\":\"cache\",\"image\":\"redis:3.2\",\"command\":[\"redis-server\"]}"
#define SERVER "{\"name\":\"cache\",\"image\":\"codis:3.2\",\"command\":[\"redis-server\"]}"

TEST(redis_server_beside_what_looks_more_like_codis_is_perhaps_a_cache)
{
	assert_string_equal(SERVER_OF("[" CACHE ",{\"name\":\"server\",\"image\":\"acme/codis:3.2.2\"}]"), "");
	assert_string_equal(SERVER_OF("[" CACHE ",{\"name\":\"server\",\"image\":\"acme/kv\",\"env\":[" VALUE(
				    "SERVER_REPLICA", "2") "]}]"),
			    "");
	assert_string_equal(SERVER_OF("[" CACHE ",{\"name\":\"exporter\",\"image\":\"acme/redis_exporter\"}]"),
			    "cache");
	assert_string_equal(SERVER_OF("[" CACHE ",{\"name\":\"e\",\"image\":\"acme/codis-exporter:1\"}]"), "cache");
	assert_string_equal(
		SERVER_OF("[" CACHE ",{\"name\":\"p\",\"image\":\"codis:3.2\",\"command\":[\"codis-proxy\"]}]"),
		"cache");
	assert_string_equal(SERVER_OF("[" SERVER ",{\"name\":\"log\",\"image\":\"codis:3.2\",\"command\":[\"tail\"]}]"),
			    "cache");
	assert_string_equal(SERVER_OF("[" CACHE ",{\"name\":\"codis-server\",\"image\":\"codis:3.2\"}]"),
			    "codis-server");
}

TEST(the_only_container_or_none)
{
	assert_string_equal(SERVER_OF("[{\"name\":\"a\"}]"), "a");
	assert_string_equal(SERVER_OF("[{\"name\":\"a\"},{\"name\":\"b\"}]"), "");
	assert_string_equal(SERVER_OF("[{\"name\":\"a\",\"command\":[\"codis-server\"]},{\"name\":\"b\",\"command\":"
				      "[\"codis-server\"]}]"),
			    "");
	assert_string_equal(SERVER_OF("[{\"name\":\"a\",\"command\":[\"codis-server\"]},{\"name\":\"codis-server\","
				      "\"command\":[\"codis-server\"]}]"),
			    "codis-server");
	assert_string_equal(SERVER_OF("[]"), "");
	assert_string_equal(SERVER_OF("{}"), "");
	assert_string_equal(SERVER_OF("[7,\"x\",null]"), "");
	assert_null(codis_container_of(NULL, CODIS_SERVER));
}

TEST(only_the_codis_container_says_something)
{
	JSON_CLEANUP cJSON *json = make_pod(
		"codis-server", "\"containers\":[{\"name\":\"backup\",\"env\":[" VALUE("SERVER_REPLICA", "3") "," VALUE(
					"PRODUCT_NAME", "x") "],\"args\":[\"--port\",\"1\"]},"
							     "{\"name\":\"codis-server\"}]");
	JSON_CLEANUP cJSON *two = make_pod(
		"codis-server",
		"\"containers\":[{\"name\":\"a\"},{\"name\":\"b\",\"env\":[" VALUE("SERVER_REPLICA", "3") "]}]");
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	assert_int_equal(codis_pod_read(json, &pod, &err), 0);
	assert_string_equal(pod.container, "codis-server");
	assert_int_equal(pod.server_replica, 2);
	assert_int_equal(pod.port, 6379);
	expect_nothing(&pod.product);
	assert_int_equal(codis_pod_read(two, &pod, &err), 0);
	assert_string_equal(pod.container, "");
	expect_elsewhere(&pod.server_replica_said, WHERE_UNKNOWN, "", "",
			 "no container is known to be codis-server: name it so");
	expect_nothing(&pod.product);
}

static const char *other_of(const char *spec_text)
{
	static char said[128];
	JSON_CLEANUP cJSON *spec = parse_text(spec_text);
	bool init;
	const cJSON *other =
		codis_other_container_of(spec, CODIS_SERVER, codis_container_of(spec, CODIS_SERVER), &init);

	snprintf(said, sizeof(said), "%s%s", other ? json_str(other, "name", NULL) : "",
		 other && init ? " (init)" : "");
	return said;
}

TEST(another_container_that_starts_the_program_is_told)
{
	assert_string_equal(other_of("{\"containers\":[{\"name\":\"codis-server\",\"command\":[\"codis-server\"]},"
				     "{\"name\":\"b\",\"command\":[\"codis-server\"]}]}"),
			    "b");
	assert_string_equal(other_of("{\"containers\":[{\"name\":\"codis-server\",\"command\":[\"codis-server\"]},"
				     "{\"name\":\"b\",\"command\":[\"redis-server\",\"--sentinel\"]}]}"),
			    "");
	assert_string_equal(other_of("{\"containers\":[{\"name\":\"pause\"}],\"initContainers\":["
				     "{\"name\":\"s\",\"command\":[\"codis-server\"],\"restartPolicy\":\"Always\"}]}"),
			    "s (init)");
	assert_string_equal(other_of("{\"containers\":[{\"name\":\"pause\"}],\"initContainers\":["
				     "{\"name\":\"s\",\"command\":[\"codis-server\"]}]}"),
			    "s (init)");
	/* It is there for a moment. */
	assert_string_equal(other_of("{\"containers\":[{\"name\":\"a\",\"command\":[\"codis-server\"]}],"
				     "\"initContainers\":[{\"name\":\"s\",\"command\":[\"codis-server\"]}]}"),
			    "");
	assert_string_equal(other_of("{\"containers\":[{\"name\":\"a\",\"command\":[\"codis-server\"]}],"
				     "\"initContainers\":[{\"name\":\"cp\",\"command\":[\"cp\",\"codis-server\"]},7]}"),
			    "");
}

/* --- ports, coordinator, password ----------------------------------------------------------------------------------
 */

static void expect_port(const char *component, const char *members, int port)
{
	struct codis_pod pod = pod_with(component, FIELD("POD_IP", "status.podIP") "," VALUE("PORT", "7001"), members);

	assert_int_equal(pod.port, port);
}

TEST(ports)
{
	expect_port("codis-server", NULL, 6379);
	expect_port("codis-proxy", NULL, 11080);
	expect_port("codis-dashboard", NULL, 18080);
	expect_port("codis-fe", NULL, 0);
	expect_port("codis-server", "\"command\":[\"codis-server\",\"--port\",\"7000\"]", 7000);
	expect_port("codis-server", "\"command\":[\"codis-server\",\"--port 7000\"]", 7000);
	expect_port("codis-server", "\"command\":[\"codis-server\",\"--port\",\"$(PORT)\"]", 7001);
	expect_port("codis-server", "\"command\":[\"codis-server\",\"--port\",\"$(NONE)\"]", 0);
	expect_port("codis-server", "\"command\":[\"codis-server\",\"--port\",\"0\"]", 0);
	expect_port("codis-server", "\"command\":[\"codis-server\",\"--port\",\"70000\"]", 0);
	expect_port("codis-server",
		    "\"ports\":[{\"name\":\"metrics\",\"containerPort\":9121},{\"name\":\"redis\","
		    "\"containerPort\":9221}]",
		    9221);
	expect_port("codis-server", "\"ports\":[{\"name\":\"metrics\",\"containerPort\":9121}]", 6379);
	expect_port("codis-server", "\"ports\":[{\"name\":\"redis\",\"containerPort\":70000},7]", 6379);
	expect_port("codis-server", "\"ports\":[{\"containerPort\":9221}]", 9221);
	expect_port("codis-server",
		    "\"ports\":[{\"containerPort\":9221},{\"name\":\"metrics\",\"containerPort\":9121}]", 9221);
	expect_port("codis-server", "\"ports\":[{\"containerPort\":9221},{\"containerPort\":6379}]", 6379);
	expect_port("codis-server", "\"ports\":[{\"containerPort\":9221},{\"containerPort\":9222}]", 0);
	expect_port("codis-proxy", "\"ports\":[{\"containerPort\":19000}]", 11080);
	expect_port("codis-proxy", "\"args\":[\"--host-admin\",\"$(POD_IP):11090\"]", 11090);
	expect_port("codis-proxy", "\"args\":[\"--host-admin=[::]:11090\"]", 11090);
	expect_port("codis-proxy", "\"args\":[\"--host-admin\",\"$(POD_IP):$(PORT)\"]", 7001);
	expect_port("codis-proxy", "\"args\":[\"--host-admin\",\"$(POD_IP):$(NONE)\"]", 0);
	expect_port("codis-proxy", "\"command\":[\"sh\",\"-c\",\"codis-proxy --host-admin ${POD_IP:-x}:11090\"]",
		    11090);
	expect_port("codis-dashboard", "\"ports\":[{\"name\":\"dashboard\",\"containerPort\":18090}]", 18090);
}

TEST(address)
{
	struct codis_pod pod = { .ip = "10.0.0.1", .port = 6379 };
	char addr[64];

	codis_pod_addr(pod.ip, pod.port, addr, sizeof(addr));
	assert_string_equal(addr, "10.0.0.1:6379");
	snprintf(pod.ip, sizeof(pod.ip), "fd00:0::1");
	codis_pod_addr(pod.ip, pod.port, addr, sizeof(addr));
	assert_string_equal(addr, "[fd00::1]:6379");
	pod.port = 0;
	codis_pod_addr(pod.ip, pod.port, addr, sizeof(addr));
	assert_string_equal(addr, "");
	pod = (struct codis_pod){ .port = 6379 };
	codis_pod_addr(pod.ip, pod.port, addr, sizeof(addr));
	assert_string_equal(addr, "");
}

static void expect_coordinator(const char *component, const char *members, const char *text)
{
	struct codis_pod pod = pod_with(component, VALUE("ZK_ADDR", "zookeeper:2181"), members);

	if (text)
		expect_known(&pod.coordinator, text);
	else
		expect_nothing(&pod.coordinator);
}

TEST(coordinator)
{
	expect_coordinator("codis-dashboard", "\"args\":[\"--zookeeper\",\"$(ZK_ADDR)\"]", "zookeeper:2181");
	expect_coordinator("codis-dashboard", "\"args\":[\"--zookeeper=a:2181,b:2181\"]", "a:2181,b:2181");
	expect_coordinator("codis-proxy",
			   "\"command\":[\"sh\",\"-c\",\"exec codis-proxy --zookeeper=\\\"$ZK_ADDR\\\" > log\"]",
			   "zookeeper:2181");
	/* As of a script that asks first, and then starts a dashboard that has it in its file. */
	expect_coordinator("codis-dashboard",
			   "\"command\":[\"sh\",\"-c\",\"until codis-admin --dashboard-list --zookeeper=${ZK_ADDR}; do "
			   "sleep 1; done; exec codis-dashboard -c x.toml\"]",
			   "zookeeper:2181");
	expect_coordinator("codis-dashboard", "\"args\":[\"-c\",\"x.toml\"]", NULL);
	expect_coordinator("codis-server", "\"args\":[\"--zookeeper\",\"$(ZK_ADDR)\"]", NULL);
}

TEST(password)
{
	struct said_text p = pod_with("codis-server", VALUE("PRODUCT_AUTH", "x"), NULL).password;

	expect_known(&p, "x");
	p = pod_with("codis-server", VALUE("PRODUCT_AUTH", ""), NULL).password;
	expect_nothing(&p);
	p = pod_with("codis-server", NULL, "\"command\":[\"codis-server\",\"--masterauth\",\"m\"]").password;
	expect_known(&p, "m");
	p = pod_with("codis-server", VALUE("PRODUCT_AUTH", "x"),
		     "\"command\":[\"codis-server\",\"--requirepass\",\"a'b$c\"]")
		    .password;
	expect_known(&p, "a'b$c"); /* what the program is told */
	p = pod_with("codis-server", NULL, "\"command\":[\"sh\",\"-c\",\"codis-server --requirepass 'a b$c'\"]")
		    .password;
	expect_known(&p, "a b$c");
	p = pod_with("codis-server", NULL, "\"command\":[\"sh\",\"-c\",\"codis-server --requirepass \\\"a\\\\$b\\\"\"]")
		    .password;
	expect_known(&p, "a$b");
	p = pod_with("codis-server", VALUE("W", "a b"),
		     "\"command\":[\"sh\",\"-c\",\"codis-server --requirepass $(W)\"]")
		    .password;
	assert_int_equal(p.said, SAID_ELSEWHERE); /* which the shell reads as two words */
	p = pod_with("codis-proxy", NULL, "\"args\":[\"--product_auth\",\"p\"]").password;
	expect_known(&p, "p");
	p = pod_with("codis-proxy", NULL, "\"args\":[\"--requirepass\",\"p\"]").password;
	expect_nothing(&p);
}

TEST(password_of_a_secret)
{
	static const char words[] = "\"command\":[\"codis-server\",\"--requirepass\",\"$(PRODUCT_AUTH)\"]";
	struct said_text p = pod_with("codis-server", SECRET("PRODUCT_AUTH", "sec", "pw"), words).password;

	expect_elsewhere(&p, WHERE_SECRET, "sec", "pw", "env PRODUCT_AUTH comes from Secret sec, key pw");
	p = pod_with("codis-server", SECRET("PW", "sec", "pw"),
		     "\"command\":[\"sh\",\"-c\",\"exec codis-server --requirepass \\\"$PW\\\"\"]")
		    .password;
	expect_elsewhere(&p, WHERE_SECRET, "sec", "pw", "env PW comes from Secret sec, key pw");
	p = pod_with("codis-server", NULL,
		     "\"envFrom\":[{\"secretRef\":{\"name\":\"sec\"}},{\"configMapRef\":{\"name\":\"conf\"}}]")
		    .password;
	expect_elsewhere(&p, WHERE_SECRET, "sec", "PRODUCT_AUTH",
			 "env PRODUCT_AUTH may come from Secret sec by envFrom");
}

/* What is said of it is logged and told to users: no piece of it is in that. */
TEST(no_piece_of_a_password_is_told)
{
	static const char *const words[] = { "pa$ecret", "pa`ecret`", "pa${ecret:-x}", "pa$(ecret)" };
	char members[256];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct said_text p;

		snprintf(members, sizeof(members), "\"command\":[\"sh\",\"-c\",\"codis-server --requirepass %s\"]",
			 words[i]);
		p = pod_with("codis-server", NULL, members).password;
		expect_elsewhere(&p, WHERE_UNKNOWN, "", "", "only the running pod can tell what its password is");
	}
}

/* --- spread, ha ----------------------------------------------------------------------------------------------------
 */

static struct codis_pod annotated(const char *annotations)
{
	char text[512];

	snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"app\":\"codis-server\"},\"annotations\":%s}}",
		 annotations);
	return read_text(text);
}

TEST(spread)
{
	struct codis_pod pod = annotated("{}");
	JSON_CLEANUP cJSON *bad = parse_text("{\"metadata\":{\"labels\":{\"app\":\"codis-server\"},\"annotations\":{"
					     "\"codis.io/spread\":\"weak\"}}}");
	struct error err = ERROR_INIT;

	assert_true(pod.strict);
	assert_false(pod.keep_ha);
	assert_string_equal(pod.topology_key, "kubernetes.io/hostname");
	pod = annotated("{\"codis.io/spread\":\"soft\",\"codis.io/topology-key\":\"zone\",\"codis.io/ha\":\"keep\"}");
	assert_false(pod.strict);
	assert_true(pod.keep_ha);
	assert_string_equal(pod.topology_key, "zone");
	assert_true(annotated("{\"codis.io/spread\":\"strict\",\"codis.io/topology-key\":\"\"}").strict);
	assert_int_equal(codis_pod_read(bad, &pod, &err), -1);
	assert_string_equal(err.text, "annotation codis.io/spread is \"weak\": it must be strict or soft");
}

static bool acts_as_ha(const char *container)
{
	char text[300];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"labels\":{\"app\":\"codis-ha\"}},\"spec\":{\"containers\":[%s]}}", container);
	return read_text(text).runs_ha;
}

TEST(codis_ha_that_acts_by_itself)
{
	assert_true(
		acts_as_ha("{\"name\":\"codis-ha\",\"command\":[\"codis-ha\"],\"args\":[\"--dashboard=d:18080\"]}"));
	assert_true(acts_as_ha("{\"name\":\"a\",\"command\":[\"sh\",\"-c\",\"exec codis-ha --dashboard=d:18080\"]}"));
	assert_false(acts_as_ha("{\"name\":\"codis-ha\",\"command\":[\"codis-controller\",\"--view\"]}"));
	assert_false(acts_as_ha("{\"name\":\"codis-ha\",\"command\":[\"codis-ha\",\"--no-maintains\"]}"));
}

TEST(topology_keys)
{
	static const struct {
		const char *text, *strict, *wider; /* strict NULL: refused */
	} cases[] = {
		{ "", "kubernetes.io/hostname", "" },
		{ "zone", "zone", "" },
		{ "zone,", "zone", "" },
		{ "a/zone,kubernetes.io/hostname", "kubernetes.io/hostname", "a/zone" },
		{ " region , zone,host ", "host", "region,zone" },
		{ " ", NULL, NULL },
		{ ",zone", NULL, NULL },
		{ "zone,,host", NULL, NULL },
		{ "zone host", NULL, NULL },
		{ "zone,not a key", NULL, NULL },
		{ "a,b,c,d", NULL, NULL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BUF_CLEANUP struct buf text = BUF_INIT(4096);
		struct error err = ERROR_INIT;
		struct codis_pod pod;

		buf_addf(&text,
			 "{\"metadata\":{\"labels\":{\"app\":\"codis-server\"},\"annotations\":{"
			 "\"codis.io/topology-key\":\"%s\",\"codis.io/anti-affinity\":\"extender\"}}}",
			 cases[i].text);
		JSON_CLEANUP cJSON *object = parse_text(text.data);
		assert_int_equal(codis_pod_read(object, &pod, &err), cases[i].strict ? 0 : -1);
		assert_true(pod.unruled);
		if (!cases[i].strict) {
			assert_non_null(strstr(err.text, "codis.io/topology-key"));
			continue;
		}
		assert_string_equal(pod.topology_key, cases[i].strict);
		assert_string_equal(pod.wider_keys, cases[i].wider);
	}
}

TEST(a_rule_keeps_a_pod_apart_from_its_own_group)
{
	static const struct {
		const char *selector;
		bool ruled;
	} cases[] = {
		{ "{\"matchLabels\":{\"codis.io/group\":\"1\"}}", true },
		{ "{\"matchLabels\":{\"codis.io/group\":\"1\",\"app\":\"codis-server\"}}", true },
		{ "{\"matchExpressions\":[{\"key\":\"codis.io/group\",\"operator\":\"In\",\"values\":[\"2\",\"1\"]}]}",
		  true },
		{ "{\"matchExpressions\":[{\"key\":\"codis.io/group\",\"operator\":\"Exists\"}]}", true },
		{ "{\"matchExpressions\":[{\"key\":\"codis.io/group\",\"operator\":\"DoesNotExist\"}]}", false },
		{ "{\"matchLabels\":{\"codis.io/group\":\"2\"}}", false },
		{ "{\"matchLabels\":{\"codis.io/group\":\"1\",\"app\":\"other\"}}", false },
		{ "{\"matchLabels\":{\"app\":\"codis-server\"}}", false },
		{ "{}", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BUF_CLEANUP struct buf text = BUF_INIT(4096);
		struct codis_pod pod;

		buf_addf(&text,
			 "{\"metadata\":{\"labels\":{\"app\":\"codis-server\",\"codis.io/"
			 "group\":\"1\"}},\"spec\":{\"affinity\":{"
			 "\"podAntiAffinity\":{\"requiredDuringSchedulingIgnoredDuringExecution\":[{\"topologyKey\":"
			 "\"kubernetes.io/hostname\",\"labelSelector\":%s}]}}}}",
			 cases[i].selector);
		JSON_CLEANUP cJSON *object = parse_text(text.data);
		assert_int_equal(codis_pod_read(object, &pod, NULL), 0);
		assert_int_equal(pod.ruled, cases[i].ruled);
	}
}

/* --- status --------------------------------------------------------------------------------------------------------
 */

static struct pod_status status_of(const char *status, const char *containers)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"codis-server-0\",\"labels\":{\"app\":\"codis-server\"}},\"spec\":{"
		 "\"containers\":%s},\"status\":%s}",
		 containers, status);
	return read_text(text.data).status;
}

#define RUNNING(name)                                                                                                  \
	"{\"name\":\"" name "\",\"restartCount\":2,\"state\":{\"running\":{\"startedAt\":\"2026-01-02T03:04:05Z\"}}}"
#define WAITING(name, reason)                                                                                          \
	"{\"name\":\"" name "\",\"restartCount\":9,\"state\":{\"waiting\":{\"reason\":\"" reason "\"}}}"
#define ONE "[{\"name\":\"codis-server\"}]"
/* The kubelet sorts containerStatuses by name. */
#define TWO "[{\"name\":\"codis-server\",\"command\":[\"codis-server\"]},{\"name\":\"agent\"}]"

TEST(status_of_the_codis_container)
{
	struct pod_status s = status_of("{\"containerStatuses\":[" RUNNING("codis-server") "]}", ONE);

	assert_true(s.running);
	assert_int_equal(s.restarts, 2);
	assert_true(s.started_wall_ms == 1767323045000);
	assert_false(s.crash_looping);
	s = status_of("{\"containerStatuses\":[" WAITING("codis-server", "CrashLoopBackOff") "]}", ONE);
	assert_true(s.crash_looping);
	assert_false(s.running);
	assert_int_equal(s.restarts, 9);
	s = status_of("{\"containerStatuses\":[" WAITING("codis-server", "ImagePullBackOff") "]}", ONE);
	assert_true(s.image_missing);
	s = status_of("{\"containerStatuses\":[" RUNNING("other") "]}", ONE);
	assert_false(s.running);
}

static void assert_waits(const char *status, const char *expected)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);
	struct codis_pod pod;

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"codis-server-0\",\"labels\":{\"app\":\"codis-server\"}},\"spec\":{"
		 "\"containers\":" ONE "},\"status\":{%s}}",
		 status);
	pod = read_text(text.data);
	assert_string_equal(pod.waits, expected);
}

#define OWN(rest)              "\"containerStatuses\":[{\"name\":\"codis-server\",\"image\":\"r.example/c:9\"," rest "}]"
#define INIT(rest)             "\"initContainerStatuses\":[{\"name\":\"wait\",\"image\":\"r.example/i:1\"," rest "}]"
#define WAITS(reason, message) "\"state\":{\"waiting\":{\"reason\":\"" reason "\",\"message\":\"" message "\"}}"
#define BLANKS_50              "                                                  "

TEST(why_a_container_does_not_begin)
{
	char longest[WAITS_MAX] = "CreateContainerError, ";

	assert_waits(OWN(WAITS("ImagePullBackOff", "Back-off pulling image")), "ImagePullBackOff, r.example/c:9");
	assert_waits(OWN(WAITS("ErrImageNeverPull", "")), "ErrImageNeverPull, r.example/c:9");
	assert_waits(OWN(WAITS("CreateContainerConfigError", "secret \\\"a\\\" not\\n\\u001bfound; b")),
		     "CreateContainerConfigError, secret \"a\" not ?found, b");
	assert_waits(OWN(WAITS("CrashLoopBackOff", "back-off 10s restarting failed container")), "CrashLoopBackOff");
	assert_waits(OWN(WAITS("CrashLoopBackOff", "x") ",\"lastState\":{\"terminated\":{\"exitCode\":137,\"reason\":"
							"\"OOMKilled\"}}"),
		     "CrashLoopBackOff, it ended with 137 (OOMKilled)");
	assert_waits(
		OWN(WAITS("PostStartHookError", "Exec lifecycle hook ([sh -c # codis-k8s: until it answers ...])")),
		"PostStartHookError");
	assert_waits(OWN(WAITS("PostStartHookError", "x") ",\"lastState\":{\"terminated\":{\"exitCode\":3}}"),
		     "PostStartHookError, it ended with 3");
	assert_waits(OWN(WAITS("PodInitializing", "")) "," INIT(WAITS("ErrImagePull", "")),
		     "ImagePullBackOff, r.example/i:1");
	memset(longest + strlen(longest), ' ', sizeof(longest) - 1 - strlen(longest));
	assert_waits(OWN(WAITS("CreateContainerError", BLANKS_50 BLANKS_50 BLANKS_50 BLANKS_50)), longest);
	assert_int_equal(waits_word_len(longest), strlen("CreateContainerError"));
	/* Nothing is wrong, or not any more. */
	assert_waits(OWN(WAITS("ContainerCreating", "")), "");
	assert_waits("\"phase\":\"Pending\"", "");
	assert_waits(OWN("\"state\":{\"running\":{}}") "," INIT(WAITS("CrashLoopBackOff", "")), "");
}

#define UNPREPARED(phase, is)                                                                                          \
	"\"phase\":\"" phase "\",\"startTime\":\"2026-01-02T03:04:05Z\",\"conditions\":[{\"type\":"                    \
	"\"PodReadyToStartContainers\",\"status\":\"" is "\"}]"

TEST(pod_whose_volumes_or_network_do_not_come)
{
	enum { BEGAN = 1767323045 };
	const int64_t late = INT64_C(1000) * BEGAN + 30001;
	struct pod_status s = status_of("{" UNPREPARED("Pending", "False") "}", ONE);

	assert_true(s.unprepared_s == BEGAN);
	assert_string_equal(waits_words("", BEGAN, late - 1), "");
	assert_non_null(strstr(waits_words("", BEGAN, late), "ContainerCreating, for more than 30 s: a volume "));
	assert_string_equal(waits_words("ImagePullBackOff, c:9", BEGAN, late), "ImagePullBackOff, c:9");
	assert_string_equal(waits_words("", 0, late), "");
	assert_int_equal(status_of("{" UNPREPARED("Pending", "True") "}", ONE).unprepared_s, 0);
	assert_int_equal(status_of("{" UNPREPARED("Running", "False") "}", ONE).unprepared_s, 0);
}

TEST(a_sidecar_that_crashes_is_no_matter)
{
	struct pod_status s = status_of(
		"{\"containerStatuses\":[" WAITING("agent", "CrashLoopBackOff") "," RUNNING("codis-server") "]}", TWO);

	assert_false(s.crash_looping);
	assert_true(s.running);
	assert_int_equal(s.restarts, 2);
	/* A native sidecar has its status among the init containers'. */
	s = status_of(
		"{\"initContainerStatuses\":[" WAITING(
			"codis-server", "CrashLoopBackOff") "],"
							    "\"containerStatuses\":[" RUNNING("codis-server") "]}",
		ONE);
	assert_false(s.crash_looping);
	/* Where the container cannot be told, nothing speaks of its death. */
	s = status_of("{\"phase\":\"Running\",\"containerStatuses\":[" WAITING("a", "CrashLoopBackOff") "]}",
		      "[{\"name\":\"a\"},{\"name\":\"b\"}]");
	assert_false(s.crash_looping);
	assert_true(s.running);
}

TEST(status_of_the_pod)
{
	struct pod_status s =
		status_of("{\"phase\":\"Failed\",\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}", ONE);
	struct codis_pod deleting =
		read_text("{\"metadata\":{\"labels\":{\"app\":\"codis-server\"},\"deletionTimestamp\":"
			  "\"2026-01-02T03:04:05Z\"},\"spec\":{\"nodeName\":\"node1\"},\"status\":{"
			  "\"podIP\":\"10.1.2.3\"}}");

	assert_true(s.finished);
	assert_true(s.ready);
	s = status_of("{\"phase\":\"Pending\",\"conditions\":[7,{\"type\":\"Ready\",\"status\":\"False\"},"
		      "{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":\"Unschedulable\"}]}",
		      ONE);
	assert_false(s.finished);
	assert_false(s.ready);
	assert_true(s.unschedulable);
	assert_true(status_of("{\"phase\":\"Succeeded\"}", ONE).finished);
	assert_true(deleting.status.deleting);
	assert_string_equal(deleting.node, "node1");
	assert_string_equal(deleting.ip, "10.1.2.3");
}

/* --- the manifests ---------------------------------------------------------------------------------------------------
 */

static struct codis_pod read_fixture(const char *name)
{
	struct error err = ERROR_INIT;
	char path[256], *text;
	struct codis_pod pod;

	snprintf(path, sizeof(path), "tests/unit/fixtures/webhook/%s.json", name);
	text = file_read(path, 1 << 20, &err);
	if (!text)
		fail_msg("%s", err.text);
	pod = read_text(text);
	free(text);
	return pod;
}

TEST(manifests)
{
	static const struct {
		const char *name, *product, *coordinator;
		int component, port, group;
	} cases[] = {
		{ "plain-server", "codis-test", NULL, CODIS_SERVER, 6379, 2 },
		{ "article-server", NULL, NULL, CODIS_SERVER, 6379, 1 },
		{ "plain-proxy", "codis-test", NULL, CODIS_PROXY, 11080, 0 },
		{ "article-proxy", "codis-test", "zookeeper:2181", CODIS_PROXY, 11080, 0 },
		{ "plain-dashboard", "codis-test", "zookeeper:2181", CODIS_DASHBOARD, 18080, 0 },
		{ "article-dashboard", "codis-test", "zookeeper:2181", CODIS_DASHBOARD, 18080, 0 },
		{ "plain-fe", NULL, NULL, CODIS_FE, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct codis_pod pod = read_fixture(cases[i].name);

		assert_int_equal(pod.component, cases[i].component);
		assert_int_equal(pod.port, cases[i].port);
		assert_int_equal(pod.group, cases[i].group);
		assert_string_not_equal(pod.container, "");
		expect_nothing(&pod.password);
		if (cases[i].product)
			expect_known(&pod.product, cases[i].product);
		else
			expect_nothing(&pod.product);
		if (cases[i].coordinator)
			expect_known(&pod.coordinator, cases[i].coordinator);
		else
			expect_nothing(&pod.coordinator);
	}
}

/* --- hostile shapes --------------------------------------------------------------------------------------------------
 */

TEST(odd_shapes_do_no_harm)
{
	static const char *const values[] = { "null", "7",  "-1e300", "\"x\"",  "\"\"", "[]",
					      "[7]",  "{}", "[{}]",   "[null]", "true" };
	static const char *const shapes[] = {
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":%s,\"status\":%s}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"},\"name\":%s,\"ownerReferences\":%s}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":%s},\"status\":{"
		"\"containerStatuses\":%s}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-proxy\"}},\"spec\":{\"containers\":[{\"command\":%s,"
		"\"args\":"
		"%s}]}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-proxy\"}},\"spec\":{\"containers\":[{\"env\":%s,"
		"\"envFrom\":%s"
		"}]}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"env\":[{\"name\":"
		"\"PRODUCT_NAME\",\"value\":%s,\"valueFrom\":%s}],\"ports\":7}]}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"env\":[{\"name\":"
		"\"PRODUCT_NAME\",\"valueFrom\":{\"fieldRef\":%s,\"secretKeyRef\":%s}}]}]}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"envFrom\":[{"
		"\"prefix\":%s,"
		"\"secretRef\":%s}]}]}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"name\":%s,"
		"\"ports\":[%s]}]"
		"}}",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"name\":\"c\"}]},"
		"\"status\":"
		"{\"containerStatuses\":[{\"name\":\"c\",\"restartCount\":%s,\"state\":%s}]}}",
	};
	char text[1024];
	struct codis_pod pod;

	for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
		for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
			for (size_t j = 0; j < sizeof(values) / sizeof(values[0]); j++) {
				JSON_CLEANUP cJSON *json = NULL;

/* Formats of our own table. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
				snprintf(text, sizeof(text), shapes[s], values[i], values[j]);
#pragma GCC diagnostic pop
				json = parse_text(text);
				codis_pod_read(json, &pod, NULL);
				codis_template_read(json, &pod, NULL);
			}
		}
	}
	assert_int_equal(codis_pod_read(NULL, &pod, NULL), 0);
}

static void add_many(struct buf *out, int n, const char *item)
{
	for (int i = 0; i < n; i++)
		buf_addf(out, "%s%s", i ? "," : "", item);
}

TEST(values_that_are_too_long)
{
	BUF_CLEANUP struct buf env = BUF_INIT(4u << 20);
	struct codis_pod pod;

	buf_addstr(&env, "{\"name\":\"PRODUCT_NAME\",\"value\":\"");
	for (int i = 0; i < 1000000; i++)
		buf_addch(&env, 'a');
	buf_addstr(&env, "\"}");
	pod = pod_with("codis-proxy", env.data, NULL);
	expect_elsewhere(&pod.product, WHERE_UNKNOWN, "", "", "env PRODUCT_NAME is longer than 511 bytes");
	buf_reset(&env);
	buf_addstr(&env, "\"command\":[\"sh\",\"-c\",\"codis-proxy --product_name ");
	for (int i = 0; i < 300000; i++)
		buf_addstr(&env, "$P$(P)${P}");
	buf_addstr(&env, "\"]");
	pod = pod_with("codis-proxy", VALUE("P", ""), env.data);
	assert_int_equal(pod.product.said, SAID_ELSEWHERE);
	buf_reset(&env);
	buf_addstr(&env, "\"command\":[\"codis-proxy\",\"--product_name\",\"");
	for (int i = 0; i < 1000000; i++)
		buf_addstr(&env, "$(");
	buf_addstr(&env, "\"]");
	pod = pod_with("codis-proxy", NULL, env.data);
	assert_int_equal(pod.product.said, SAID_ELSEWHERE);
}

/* Each variable is twice the one before: 2^40 of them, if all were followed. */
TEST(variables_without_end)
{
	BUF_CLEANUP struct buf env = BUF_INIT(1u << 20);
	struct codis_pod pod;

	buf_addstr(&env, VALUE("V0", ""));
	for (int i = 1; i <= 40; i++)
		buf_addf(&env, ",{\"name\":\"V%d\",\"value\":\"$(V%d)$(V%d)\"}", i, i - 1, i - 1);
	buf_addstr(&env, "," VALUE("PRODUCT_NAME", "$(V40)"));
	pod = pod_with("codis-proxy", env.data, NULL);
	assert_int_equal(pod.product.said, SAID_ELSEWHERE);
	assert_non_null(strstr(pod.product.why, "is too involved"));
}

TEST(thousands_of_containers_and_variables)
{
	BUF_CLEANUP struct buf spec = BUF_INIT(8u << 20), env = BUF_INIT(8u << 20);
	JSON_CLEANUP cJSON *many = NULL;
	struct error err = ERROR_INIT;
	struct codis_pod pod;
	int64_t start = clock_mono_ms();

	buf_addstr(&spec, "\"containers\":[");
	add_many(&spec, 5000, "{\"name\":\"x\",\"command\":[\"sh\",\"-c\",\"a; b; c\"]}");
	buf_addstr(&spec, ",{\"name\":\"codis-server\"}]");
	many = make_pod("codis-server", spec.data);
	assert_int_equal(codis_pod_read(many, &pod, &err), 0);
	assert_string_equal(pod.container, "codis-server");
	add_many(&env, 20000, VALUE("A", "$(A)$(A)"));
	buf_addstr(&env, "," VALUE("PRODUCT_NAME", "shop"));
	pod = pod_with("codis-proxy", env.data, NULL);
	expect_known(&pod.product, "shop");
	assert_true(clock_mono_ms() - start < 5000);
}

/* --- the guard -----------------------------------------------------------------------------------------------------
 */

TEST(server_that_is_guarded_against_an_empty_restart)
{
	static const struct {
		const char *members;
		bool guarded;
	} cases[] = {
		{ "\"command\":[\"codis-server\",\"x.conf\",\"--slaveof\",\"127.0.0.1\",\"1\","
		  "\"--slave-serve-stale-data\",\"no\"]",
		  true },
		{ "\"command\":[\"codis-server\",\"x.conf\"],\"args\":[\"--replicaof\",\"127.0.0.1\",\"1\","
		  "\"--replica-serve-stale-data\",\"no\"]",
		  true },
		{ "\"command\":[\"sh\",\"-c\",\"exec codis-server x.conf --slaveof 127.0.0.1 1 "
		  "--slave-serve-stale-data "
		  "no\"]",
		  true },
		{ "\"command\":[\"codis-server\",\"x.conf\"]", false },
		{ "\"command\":[\"codis-server\",\"--slaveof\",\"127.0.0.1\",\"1\"]", false },
		{ "\"command\":[\"codis-server\",\"--slaveof\",\"127.0.0.1\",\"1\",\"--slave-serve-stale-data\","
		  "\"yes\"]",
		  false },
		{ "\"command\":[\"codis-server\",\"--slaveof\",\"10.0.0.9\",\"6379\",\"--slave-serve-stale-data\","
		  "\"no\"]",
		  false },
		{ "\"command\":[\"codis-server\",\"--slaveof\",\"127.0.0.1\"]", false },
		/* One of two starts is not. */
		{ "\"command\":[\"sh\",\"-c\",\"codis-server --slaveof 127.0.0.1 1 --slave-serve-stale-data no || "
		  "codis-server x.conf\"]",
		  false },
		{ "\"image\":\"codis\"", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (pod_with("codis-server", NULL, cases[i].members).guarded != cases[i].guarded)
			fail_msg("%s", cases[i].members);
	}
	assert_false(pod_with("codis-proxy", NULL, cases[0].members).guarded);
}

/* As budgets select them: with what Kubernetes adds to each pod. */
TEST(labels_of_a_servers_pod)
{
	struct codis_pod pod = read_text("{\"metadata\":{\"name\":\"codis-server-3\",\"labels\":{\"app\":"
					 "\"codis-server\",\"controller-revision-hash\":\"codis-server-7\","
					 "\"statefulset.kubernetes.io/pod-name\":\"codis-server-3\","
					 "\"apps.kubernetes.io/pod-index\":\"3\",\"team\":\"red\",\"empty\":\"\"}},"
					 "\"spec\":{}}");
	JSON_CLEANUP cJSON *labels = pod_labels(pod.labels, pod.role, pod.name);
	char *text = cJSON_PrintUnformatted(labels);

	assert_string_equal(pod.labels, "app=codis-server,team=red,empty=");
	assert_string_equal(text, "{\"statefulset.kubernetes.io/pod-name\":\"codis-server-3\","
				  "\"apps.kubernetes.io/pod-index\":\"3\",\"app\":\"codis-server\",\"team\":\"red\","
				  "\"empty\":\"\"}");
	cJSON_free(text);
	assert_string_equal(pod_with("codis-proxy", NULL, NULL).labels, ""); /* none is asked */
}

/* The role is kept apart, since it changes; a budget may select it all the same. */
TEST(the_role_of_a_servers_pod)
{
	static const struct {
		const char *said;
		enum codis_role role;
		const char *labels;
	} cases[] = {
		{ "master", CODIS_ROLE_MASTER, "app=codis-server,team=red" },
		{ "replica", CODIS_ROLE_REPLICA, "app=codis-server,team=red" },
		{ "", CODIS_ROLE_UNSAID, "app=codis-server,team=red,codis.io/role=" },
		{ "leader", CODIS_ROLE_UNSAID, "app=codis-server,team=red,codis.io/role=leader" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		JSON_CLEANUP cJSON *json = make_pod("codis-server", "\"containers\":[]"), *labels = NULL;
		struct codis_pod pod;

		json_add_str(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "metadata"), "labels"), "codis.io/role",
			     cases[i].said);
		assert_int_equal(codis_pod_read(json, &pod, NULL), 0);
		assert_int_equal(pod.role, cases[i].role);
		assert_string_equal(pod.labels, cases[i].labels);
		labels = pod_labels(pod.labels, pod.role, pod.name);
		assert_string_equal(json_str(labels, "codis.io/role", NULL), cases[i].said);
	}
	assert_int_equal(pod_with("codis-server", NULL, NULL).role, CODIS_ROLE_UNSAID);
}

TEST(labels_that_are_too_many_are_not_known)
{
	JSON_CLEANUP cJSON *json = make_pod("codis-server", "\"containers\":[]");
	struct codis_pod pod;
	char key[32];

	for (int i = 0; i < 100; i++) {
		snprintf(key, sizeof(key), "label-%d", i);
		json_add_str(cJSON_GetObjectItem(cJSON_GetObjectItem(json, "metadata"), "labels"), key, "value");
	}
	assert_int_equal(codis_pod_read(json, &pod, NULL), 0);
	assert_string_equal(pod.labels, "?");
	assert_null(pod_labels(pod.labels, pod.role, pod.name));
}
