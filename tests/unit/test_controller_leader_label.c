/* The label of the controller that leads: one pod has it, whoever had it before. */
#include "tests/unit/fake_api.h"

#include "common/base/log.h"
#include "controller/leader_label.h"
#include "tests/unit/test.h"

#define PODS "/api/v1/namespaces/codis-system/pods/"
#define LONG 15000

static const struct logger quiet = { .level = LOG_LEVEL_ERROR, .fd = 2 };

struct wanted {
	struct fake_world *world;
	const char *pod; /* has it, and no other one does */
};

static void add_pod(struct fake_world *w, const char *name, bool leads)
{
	char path[200], text[400];

	snprintf(path, sizeof(path), PODS "%s", name);
	snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"app\":\"c\"%s}}}", name,
		 leads ? ",\"codis.io/leader\":\"true\"" : "");
	fake_apply(&w->api, path, text);
}

static const char *label_of(struct fake_world *w, const char *name, char out[16])
{
	char path[200];
	JSON_CLEANUP cJSON *pod = NULL;
	const char *value;

	snprintf(path, sizeof(path), PODS "%s", name);
	pod = fake_read(&w->api, path);
	assert_string_equal(json_str(pod, "metadata", "labels", "app", NULL), "c"); /* others stay */
	value = json_str(pod, "metadata", "labels", "codis.io/leader", NULL);
	snprintf(out, 16, "%s", value ? value : "");
	return out;
}

static bool is_so(void *ctx)
{
	static const char *const pods[] = { "c-a", "c-b" };
	struct wanted *t = ctx;
	char value[16];

	for (size_t i = 0; i < 2; i++) {
		const char *should = t->pod && strcmp(pods[i], t->pod) == 0 ? "true" : "";

		if (strcmp(label_of(t->world, pods[i], value), should) != 0)
			return false;
	}
	return true;
}

static bool becomes(struct fake_world *w, const char *pod)
{
	struct wanted t = { w, pod };

	return fake_run(w, LONG, is_so, &t);
}

static struct leader_label *own(struct fake_world *w, const char *pod)
{
	struct leader_label *l = leader_label_new(&w->loop.uv, w->kube, "codis-system", pod, &quiet);

	assert_non_null(l);
	return l;
}

TEST_WITH(who_leads_has_it_and_then_not, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct leader_label *l = own(w, "c-a");

	add_pod(w, "c-a", false);
	add_pod(w, "c-b", false);
	leader_label_set(l, true);
	assert_true(becomes(w, "c-a"));
	leader_label_set(l, false);
	assert_true(becomes(w, NULL));
	leader_label_free(l);
}

/* Its node has lost its power: nobody else takes it off. */
TEST_WITH(one_that_led_before_loses_it, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct leader_label *l = own(w, "c-a");

	add_pod(w, "c-a", false);
	add_pod(w, "c-b", true);
	leader_label_set(l, true);
	assert_true(becomes(w, "c-a"));
	leader_label_free(l);
}

TEST_WITH(another_ones_is_left_alone_by_who_does_not_lead, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct leader_label *l = own(w, "c-a");

	add_pod(w, "c-a", true);
	add_pod(w, "c-b", true);
	leader_label_set(l, false);
	assert_true(becomes(w, "c-b"));
	leader_label_free(l);
}

TEST_WITH(what_changes_while_it_is_written_is_written_then, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct leader_label *l = own(w, "c-a");

	add_pod(w, "c-a", false);
	add_pod(w, "c-b", false);
	fake_slow(&w->api, "PATCH", 300);
	leader_label_set(l, true);
	assert_true(becomes(w, "c-a")); /* not answered yet */
	leader_label_set(l, false);
	assert_true(becomes(w, NULL));
	leader_label_free(l);
}

TEST_WITH(what_fails_is_tried_again, fake_setup, fake_teardown)
{
	struct fake_world *w = *state;
	struct leader_label *l = own(w, "c-a");

	add_pod(w, "c-a", false);
	add_pod(w, "c-b", false);
	fake_fail(&w->api, "PATCH", 500, 1);
	leader_label_set(l, true);
	assert_true(becomes(w, "c-a"));
	leader_label_free(l);
	leader_label_set(NULL, true);
}
