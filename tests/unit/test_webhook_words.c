/* Labels and annotations of ours that do nothing. */
#include <time.h>

#include "tests/unit/webhook_fixture.h"

#include "webhook/words.h"

static void tell_pod(const char *metadata, struct admission_verdict *v)
{
	JSON_CLEANUP cJSON *pod = cJSON_CreateObject();

	cJSON_AddItemToObject(pod, "metadata", parse_text(metadata));
	admission_verdict_init(v);
	words_warn_pod(pod, v);
}

static void assert_told(const struct admission_verdict *v, const char *warning)
{
	assert_int_equal(v->warning_count, warning ? 1 : 0);
	if (warning)
		assert_string_equal(v->warnings[0], warning);
}

static void assert_pod_told(const char *metadata, const char *warning)
{
	struct admission_verdict v;

	tell_pod(metadata, &v);
	assert_told(&v, warning);
	admission_verdict_release(&v);
}

TEST(a_word_that_is_not_known_is_named_with_the_one_that_is)
{
	assert_pod_told("{\"labels\":{\"codis.io/inject\":\"no\"}}",
			"write codis.io/inject: \"false\" to be left alone: \"no\" does nothing");
	assert_pod_told("{\"annotations\":{\"codis.io/hooks\":\"Keep\"}}",
			"write codis.io/hooks: \"keep\" to keep your hooks: \"Keep\" does nothing");
	assert_pod_told("{\"annotations\":{\"codis.io/ha\":\"true, please, and for ever and ever\"}}",
			"write codis.io/ha: \"keep\" to keep codis-ha: \"true, please, and for ev\" does nothing");
}

TEST(a_word_that_is_known_is_no_news)
{
	assert_pod_told("{}", NULL);
	assert_pod_told("{\"labels\":{\"codis.io/inject\":\"true\",\"codis.io/group\":\"1\"},\"annotations\":{"
			"\"codis.io/hooks\":\"keep\",\"codis.io/ha\":\"keep\",\"codis.io/spread\":\"soft\"}}",
			NULL);
	assert_pod_told("{\"labels\":{\"codis.io/inject\":\"false\"},\"annotations\":{\"codis.io/hooks\":\"\"}}", NULL);
}

TEST(a_label_is_no_annotation)
{
	assert_pod_told("{\"annotations\":{\"codis.io/inject\":\"false\"}}",
			"make codis.io/inject a label of the pods: as an annotation it does nothing");
	assert_pod_told("{\"labels\":{\"codis.io/topology-key\":\"zone\"}}",
			"make codis.io/topology-key an annotation of the pods: as a label it does nothing");
}

/* It would stay as it is, whoever leads. */
TEST(the_role_is_the_controllers_to_say)
{
	assert_pod_told(
		"{\"labels\":{\"codis.io/role\":\"master\"}}",
		"drop label codis.io/role: codis-controller writes it on each server, but on none whose template "
		"has it");
}

#define TEMPLATE "\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}%s}}}"

/* A set with this metadata, and its template with these annotations besides. */
static cJSON *new_set(const char *metadata, const char *annotations)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"metadata\":%s," TEMPLATE "}", metadata, annotations);
	return parse_text(text);
}

static void assert_set_told(const cJSON *set, const cJSON *old, const char *warning)
{
	struct admission_verdict v;

	admission_verdict_init(&v);
	words_warn_set(set, old, "StatefulSet", &v);
	assert_told(&v, warning);
	admission_verdict_release(&v);
}

TEST(what_stands_on_the_statefulset_itself_does_nothing)
{
	JSON_CLEANUP cJSON *soft = new_set("{\"annotations\":{\"codis.io/topology-key\":\"zone\"}}", ""),
			   *out = new_set("{\"labels\":{\"codis.io/inject\":\"false\"}}", "");

	assert_set_told(
		soft, NULL,
		"write codis.io/topology-key into the annotations of spec.template: on the StatefulSet itself it "
		"does nothing");
	assert_set_told(
		out, NULL,
		"write codis.io/inject into the labels of spec.template: on the StatefulSet itself it does nothing");
}

TEST(a_word_that_protects_nothing_is_told)
{
	JSON_CLEANUP cJSON *yes = new_set("{\"annotations\":{\"codis.io/protect\":\"yes\"}}", ""),
			   *label = new_set("{\"labels\":{\"codis.io/protect\":\"True\"}}", ""),
			   *protected = new_set(
				   "{\"annotations\":{\"codis.io/protect\":\"true\",\"codis.io/paused\":\"a\"}}", ""),
			   *template = new_set("{}", ",\"annotations\":{\"codis.io/protect\":\"true\"}");

	assert_set_told(yes, NULL, "write codis.io/protect: \"true\" to protect it: \"yes\" does nothing");
	assert_set_told(label, yes, "write codis.io/protect: \"true\" to protect it: \"True\" does nothing");
	assert_set_told(yes, yes, NULL);
	assert_set_told(protected, NULL, NULL);
	assert_set_told(
		template, NULL,
		"write codis.io/protect into the annotations of the StatefulSet itself: in spec.template it does "
		"nothing");
}

TEST(what_is_not_known_is_told_once)
{
	JSON_CLEANUP cJSON *spred = new_set("{\"annotations\":{\"codis.io/spred\":\"soft\"}}", "");

	assert_set_told(spred, NULL, "correct or drop codis.io/spred: it is not known, and does nothing");
	assert_set_told(spred, spred, NULL);
	assert_pod_told("{\"labels\":{\"codis.io/managed\":\"false\"}}",
			"correct or drop codis.io/managed: it is not known, and does nothing");
	assert_pod_told("{\"labels\":{\"codis.io/component\":\"x\",\"codis.io.example/a\":\"b\"}}", NULL);
}

/* By a person, by codisctl, by codis-controller. */
TEST(what_is_written_while_a_master_is_switched_is_known)
{
	JSON_CLEANUP cJSON *wished = new_set("{\"annotations\":{\"codis.io/switchover\":\"2\"}}", ""),
			   *done = new_set("{\"annotations\":{\"codis.io/switched\":\"2\"}}", "");

	assert_set_told(wished, NULL, NULL);
	assert_set_told(done, NULL, NULL);
}

TEST(what_stands_in_both_places_is_no_news)
{
	JSON_CLEANUP cJSON *set = new_set("{\"annotations\":{\"codis.io/spread\":\"soft\"}}",
					  ",\"annotations\":{\"codis.io/spread\":\"soft\"}"),
			   *plain = new_set("{\"annotations\":{\"codis.io/slots\":\"none\"}}", "");

	assert_set_told(set, NULL, NULL);
	assert_set_told(plain, NULL, NULL);
}

TEST(what_was_so_before_is_not_told_again)
{
	JSON_CLEANUP cJSON *set = new_set("{\"annotations\":{\"codis.io/spread\":\"soft\"}}", ""),
			   *plain = new_set("{}", "");

	assert_set_told(set, set, NULL);
	assert_set_told(
		set, plain,
		"write codis.io/spread into the annotations of spec.template: on the StatefulSet itself it does "
		"nothing");
}

TEST(a_statefulset_of_others_is_told_nothing)
{
	JSON_CLEANUP cJSON *set = parse_text("{\"metadata\":{\"annotations\":{\"codis.io/spread\":\"soft\"}},"
					     "\"spec\":{\"template\":{\"metadata\":{\"labels\":{\"app\":\"web\"}}}}}");

	assert_set_told(set, NULL, NULL);
}

/* Each of those that are not known was looked for among all that were there before. */
TEST(many_that_were_there_before_cost_little)
{
	JSON_CLEANUP cJSON *set = a_set("shop", "codis-server");
	cJSON *annotations = json_add_object(cJSON_GetObjectItem(set, "metadata"), "annotations"), *old;
	struct admission_verdict v;
	clock_t began;

	for (int i = 0; i < 20000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "codis.io/a%d", i);
		cJSON_AddItemToObject(annotations, name, cJSON_CreateString(""));
	}
	old = cJSON_Duplicate(set, true);
	admission_verdict_init(&v);
	began = clock();
	words_warn_set(set, old, "StatefulSet", &v);
	assert_in_range(clock() - began, 0, TEST_LITTLE);
	assert_int_equal(v.warning_count, 0);
	admission_verdict_release(&v);
	cJSON_Delete(old);
}
