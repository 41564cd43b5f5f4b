#include "common/codis/asks.h"

#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/test.h"

static cJSON *parsed(const char *text)
{
	struct error err = ERROR_INIT;
	cJSON *object = json_parse(text, strlen(text), 1000, &err);

	if (!object)
		fail_msg("%s: %s", err.text, text);
	return object;
}

static uint32_t memory(const char *spec)
{
	JSON_CLEANUP cJSON *object = parsed(spec);

	return asks_memory_mib(object);
}

#define ASKS(mib)                                                                                                      \
	"\"resources\":{\"requests\":{\"cpu\":\"1\",\"memory\":\"" mib "Mi\"},\"limits\":{\"memory\":\"9Gi\"}}"

/* The examples are those of Kubernetes' own count (component-helpers/resource: PodRequests). */
TEST(memory_is_what_the_scheduler_counts)
{
	assert_int_equal(memory("{}"), 0);
	assert_int_equal(memory("{\"containers\":[{\"name\":\"a\"}]}"), 0);
	assert_int_equal(memory("{\"containers\":[{" ASKS("100") "},{" ASKS("20") "},{}]}"), 120);
	assert_int_equal(memory("{\"containers\":[{" ASKS("100") "}],\"overhead\":{\"memory\":\"8Mi\"}}"), 108);
	/* Those that end are there alone, those that stay beside all behind them. */
	assert_int_equal(
		memory("{\"initContainers\":[{" ASKS("70") "},{" ASKS("80") "}],\"containers\":[{" ASKS("100") "}]}"),
		100);
	assert_int_equal(memory("{\"initContainers\":[{" ASKS("170") "}],\"containers\":[{" ASKS("100") "}]}"), 170);
	assert_int_equal(memory("{\"initContainers\":[{\"restartPolicy\":\"Always\"," ASKS("30") "},{" ASKS(
				 "110") "}],"
					"\"containers\":[{" ASKS("100") "}]}"),
			 140);
	assert_int_equal(memory("{\"initContainers\":[{" ASKS("110") "},{\"restartPolicy\":\"Always\"," ASKS(
				 "30") "}],"
				       "\"containers\":[{" ASKS("100") "}]}"),
			 130);
	/* What the pod says for itself is for all of them. */
	assert_int_equal(memory("{" ASKS("64") ",\"containers\":[{" ASKS("100") "}]}"), 64);
	assert_int_equal(
		memory("{\"containers\":[{\"resources\":{\"requests\":{\"memory\":\"9Ei\"}}},{" ASKS("1") "}]}"),
		UINT32_MAX);
}

TEST(what_a_node_has_is_what_can_be_allocated)
{
	JSON_CLEANUP cJSON *node =
		parsed("{\"status\":{\"capacity\":{\"memory\":\"64Gi\"},\"allocatable\":{\"memory\":\"60Gi\"}}}");

	assert_int_equal(asks_allocatable_mib(node), 61440);
	cJSON_DeleteItemFromObject(cJSON_GetObjectItem(node, "status"), "allocatable");
	assert_int_equal(asks_allocatable_mib(node), 0);
}

static int met(const char *taints, const char *tolerations)
{
	char spec[1024], of_node[256], of_pod[256];

	snprintf(spec, sizeof(spec), "{\"spec\":{\"taints\":[%s],\"tolerations\":[%s]}}", taints, tolerations);
	JSON_CLEANUP cJSON *object = parsed(spec);
	asks_taints(object, of_node, sizeof(of_node));
	asks_tolerates(cJSON_GetObjectItem(object, "spec"), of_pod, sizeof(of_pod));
	return asks_taints_met(of_node, of_pod);
}

#define TAINT(key, value) "{\"key\":\"" key "\",\"value\":\"" value "\",\"effect\":\"PreferNoSchedule\"}"

TEST(taints_that_are_not_tolerated_are_counted)
{
	assert_int_equal(met("", ""), 0);
	assert_int_equal(met(TAINT("a", "1"), ""), 1);
	assert_int_equal(met(TAINT("a", "1") "," TAINT("b", ""), ""), 2);
	/* Others keep away or end a pod; the scheduler sees to them. */
	assert_int_equal(met("{\"key\":\"a\",\"effect\":\"NoSchedule\"},{\"key\":\"b\",\"effect\":\"NoExecute\"}", ""),
			 0);
	assert_int_equal(met(TAINT("a", "1"), "{\"key\":\"a\",\"value\":\"1\"}"), 0);
	assert_int_equal(met(TAINT("a", "1"), "{\"key\":\"a\",\"operator\":\"Equal\",\"value\":\"1\","
					      "\"effect\":\"PreferNoSchedule\"}"),
			 0);
	assert_int_equal(met(TAINT("a", "1"), "{\"key\":\"a\",\"value\":\"2\"}"), 1);
	assert_int_equal(met(TAINT("a", "1"), "{\"key\":\"a\"}"), 1);
	assert_int_equal(met("{\"key\":\"a\",\"effect\":\"PreferNoSchedule\"}", "{\"key\":\"a\"}"), 0);
	assert_int_equal(met(TAINT("a", "1"), "{\"key\":\"a\",\"operator\":\"Exists\"}"), 0);
	assert_int_equal(met(TAINT("aa", "1"), "{\"key\":\"a\",\"operator\":\"Exists\"}"), 1);
	assert_int_equal(met(TAINT("a", "1"), "{\"key\":\"a\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"}"), 1);
	assert_int_equal(met(TAINT("a", "1") "," TAINT("b", "2"), "{\"operator\":\"Exists\"}"), 0);
	assert_int_equal(met(TAINT("a", "1") "," TAINT("b", "2"),
			     "{\"key\":\"b\",\"operator\":\"Exists\"},{\"key\":\"c\",\"operator\":\"Exists\"}"),
			 1);
}

/* Whole ones, and never beyond the end. */
TEST(of_too_many_taints_the_first_are_known)
{
	JSON_CLEANUP cJSON *node = parsed("{\"spec\":{\"taints\":[" TAINT("a", "1") "," TAINT("b", "2") "]}}");
	char out[9];

	asks_taints(node, out, 9);
	assert_string_equal(out, "a=1,b=2,");
	asks_taints(node, out, 8);
	assert_string_equal(out, "a=1,");
	asks_taints(node, out, 1);
	assert_string_equal(out, "");
}
