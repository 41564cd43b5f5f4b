/* Which Pending pods are told of their group, and when. */
#include "common/base/metrics.h"
#include "common/kube/event.h"
#include "tests/unit/extender_fixture.h"
#include "tests/unit/fake_api.h"
#include "tests/unit/test.h"

#define MESSAGE "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules."

struct world {
	struct fake_world *fake;
	struct inventory *inv;
	struct metrics *metrics;
	struct explainer explainer;
	int events; /* that are waited for */
};

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof(*w));

	assert_int_equal(fake_setup((void **)&w->fake), 0);
	w->inv = inventory_new();
	w->metrics = metrics_new();
	w->explainer.events =
		kube_events_new(w->fake->kube, "codis-extender", "codis-extender-0", w->metrics, "t_dropped_total");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	explainer_release(&w->explainer);
	kube_events_free(w->explainer.events);
	metrics_free(w->metrics);
	inventory_free(w->inv);
	fake_teardown((void **)&w->fake);
	test_free(w);
	return 0;
}

static void set(struct world *w, cJSON *pod)
{
	assert_int_equal(inventory_set_pod(w->inv, pod, NULL), 0);
	explainer_set(&w->explainer, w->inv, pod);
	cJSON_Delete(pod);
}

static cJSON *pending(int ordinal)
{
	cJSON *pod = server_pod(ordinal, "");
	cJSON *conditions = cJSON_AddArrayToObject(cJSON_AddObjectToObject(pod, "status"), "conditions");

	cJSON_AddItemToArray(conditions, parsed("{\"type\":\"PodScheduled\",\"status\":\"False\","
						"\"reason\":\"Unschedulable\",\"message\":\"" MESSAGE "\"}"));
	return pod;
}

static bool have_come(void *ctx)
{
	struct world *w = ctx;

	return fake_count(&w->fake->api, "POST") >= w->events;
}

/* So many were told in all, and the last one about this pod. */
static void assert_told(struct world *w, int events, const char *name, const char *note)
{
	const cJSON *object;
	JSON_CLEANUP cJSON *last = NULL;

	w->events = events;
	assert_true(fake_run(w->fake, 10000, have_come, w));
	assert_int_equal(fake_count(&w->fake->api, "POST"), events);
	pthread_mutex_lock(&w->fake->api.lock);
	cJSON_ArrayForEach(object, w->fake->api.objects) {
		cJSON_Delete(last);
		last = cJSON_Duplicate(object, true);
	}
	pthread_mutex_unlock(&w->fake->api.lock);
	assert_string_equal(json_str(last, "involvedObject", "name", NULL), name);
	assert_string_equal(json_str(last, "message", NULL), note);
}

#define APART(group, there, name)                                                                                      \
	"group " group " of codis-test has " there "; " name " needs a place apart from them (by "                     \
	"kubernetes.io/hostname). codis.io/spread: soft on the pod template lets members stand together"

TEST_WITH(a_pending_member_is_told_when_a_sibling_comes_into_its_place, setup, teardown)
{
	struct world *w = *state;

	set(w, pending(1));
	set(w, pending(3)); /* of another group */
	set(w, server_pod(0, "n1"));
	assert_told(w, 1, "codis-server-1", APART("1", "codis-server-0 on n1", "codis-server-1"));
	set(w, server_pod(2, "n1"));
	assert_told(w, 2, "codis-server-3", APART("2", "codis-server-2 on n1", "codis-server-3"));
}

/* It has no node yet, and counts as standing where it says (Kubernetes 1.35, of one that waits for a volume). */
TEST_WITH(a_sibling_that_is_nominated_is_named_with_its_node, setup, teardown)
{
	struct world *w = *state;
	cJSON *nominated = server_pod(0, "");

	cJSON_AddStringToObject(cJSON_AddObjectToObject(nominated, "status"), "nominatedNodeName", "n1");
	set(w, nominated);
	set(w, pending(1));
	assert_told(w, 1, "codis-server-1", APART("1", "codis-server-0 on n1", "codis-server-1"));
}

TEST_WITH(one_that_waits_no_more_is_told_nothing, setup, teardown)
{
	struct world *w = *state;

	set(w, pending(1));
	set(w, pending(3));
	explainer_remove(&w->explainer, "uid-codis-test-codis-server-1");
	set(w, server_pod(3, "n2"));
	set(w, server_pod(0, "n1"));
	set(w, server_pod(2, "n1"));
	set(w, pending(5));
	set(w, server_pod(4, "n1"));
	assert_told(w, 1, "codis-server-5", APART("3", "codis-server-4 on n1", "codis-server-5"));
}

TEST_WITH(who_comes_later_is_told_at_once, setup, teardown)
{
	struct world *w = *state;

	set(w, server_pod(0, "n1"));
	set(w, pending(1));
	assert_told(w, 1, "codis-server-1", APART("1", "codis-server-0 on n1", "codis-server-1"));
}
