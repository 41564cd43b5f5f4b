/* Memory runs out while news of Kubernetes are taken in: what could not be kept is known to be missing, and is asked
 * for again. */
#include <stdlib.h>
#include <string.h>

#include "common/codis/inventory.h"
#include "common/codis/inventory_watch.h"
#include "common/kube/informer.h"
#include "tests/unit/fake_api.h"
#include "tests/unit/inventory_named.h"
#include "tests/unit/nomem.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

/* --- the inventory alone ------------------------------------------------------------------------------------------ */

#define POD(name, uid, ip, product)                                                                                    \
	"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"" name "\",\"uid\":\"" uid                                     \
	"\",\"labels\":{\"app\":\"codis-server\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":"            \
	"\"codis-server\",\"controller\":true}]},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":"             \
	"\"codis-server\",\"command\":[\"sh\",\"-c\",\"exec codis-server /x.conf\"],\"env\":[" product                 \
	"]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"" ip "\"}}"
#define SAYS(product) "{\"name\":\"PRODUCT_NAME\",\"value\":\"" product "\"}"

static const char set_text[] =
	"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"codis-server\",\"uid\":\"us\",\"annotations\":{\"a\":\"b\"}},"
	"\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{"
	"\"containers\":[{\"name\":\"codis-server\",\"env\":[" SAYS("other") "]}]}}}}";
static const char node_text[] =
	"{\"metadata\":{\"name\":\"n1\",\"labels\":{\"zone\":\"a\"}},\"status\":{\"conditions\":"
	"[{\"type\":\"Ready\",\"status\":\"True\"}]}}";

static int count_pod(void *ctx, const struct inventory_pod *pod)
{
	(void)pod;
	++*(int *)ctx;
	return 0;
}

static int pods_of(const struct inventory *inv, const char *product)
{
	int n = 0;

	inventory_each_of_product(inv, "ns", product, count_pod, &n);
	return n;
}

/* text, where it is the same as before or new: 0, or it is not known at all. */
static void each_pod(const char *before, const char *text)
{
	JSON_CLEANUP cJSON *old = parse_text(before), *pod = parse_text(text),
			   *other = parse_text(POD("b", "ub", "2", ""));
	const char *uid = json_str(pod, "metadata", "uid", NULL);
	int right = 0;

	NOMEM_EACH
	{
		struct inventory *inv = inventory_new();
		struct error err = ERROR_INIT;
		int done;

		assert_int_equal(inventory_set_pod(inv, old, &err), 0);
		assert_int_equal(inventory_set_pod(inv, other, &err), 0);
		nomem_on();
		done = inventory_set_pod(inv, pod, &err);
		nomem_off();
		if (done < 0) {
			assert_int_equal(err.code, ERR_NOMEM);
			assert_true(nomem_failed());
			assert_null(inventory_pod(inv, uid));
			assert_int_equal(inventory_set_pod(inv, pod, &err), 0);
		}
		assert_string_equal(inventory_pod(inv, uid)->pod.ip, "9");
		assert_string_equal(inventory_pod(inv, uid)->product, "shop");
		if (nomem_is_first())
			right = pods_of(inv, "shop");
		assert_int_equal(pods_of(inv, "shop"), right); /* the silent one follows */
		inventory_free(inv);
	}
}

TEST(a_pod_is_known_or_it_is_said_that_it_is_not)
{
	each_pod(POD("a", "ua", "1", ""), POD("a", "ua", "9", SAYS("shop")));
	each_pod(POD("a", "ua", "1", SAYS("shop")), POD("a", "ua", "9", SAYS("shop")));
	each_pod(POD("a", "u-old", "1", SAYS("shop")), POD("a", "ua", "9", SAYS("shop")));
	each_pod(POD("c", "uc", "1", "{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{}}"),
		 POD("a", "ua", "9", SAYS("shop")));
}

TEST(a_set_and_a_node_are_known_or_it_is_said_that_they_are_not)
{
	JSON_CLEANUP cJSON *set = parse_text(set_text), *node = parse_text(node_text);

	NOMEM_EACH
	{
		struct inventory *inv = inventory_new();
		struct error err = ERROR_INIT;
		int set_done, node_done;

		nomem_on();
		set_done = inventory_set_set(inv, set, &err);
		node_done = inventory_set_node(inv, node, &err);
		nomem_off();
		assert_true(nomem_failed() || (set_done == 0 && node_done == 0));
		assert_int_equal(set_done == 0, first_set(inv, "ns", "other") != NULL);
		assert_int_equal(node_done == 0, inventory_node(inv, "n1") != NULL);
		if (set_done < 0 || node_done < 0)
			assert_int_equal(err.code, ERR_NOMEM);
		inventory_free(inv);
	}
}

/* --- what a watch brings ------------------------------------------------------------------------------------------ */

#define PODS "/api/v1/namespaces/ns/pods/"

struct world {
	struct fake_world *fake;
	struct inventory *inv;
	struct inventory_watch *watch;
	const char *ip; /* that is waited for; NULL: the pod is gone */
	bool lossy;     /* an end of waiting is that memory has run out */
};

static void on_pod_gone(void *ctx, const cJSON *pod)
{
	(void)ctx;
	(void)pod;
}

static void begin(struct world *w, const char *pod)
{
	struct inventory_watch_config cfg = { .parts = INVENTORY_NODES | INVENTORY_PODS,
					      .program = "codis-test-program",
					      .on_pod_gone = on_pod_gone,
					      .ctx = w,
					      .hurry = 200 };

	*w = (struct world){ .inv = inventory_new() };
	assert_int_equal(fake_setup((void **)&w->fake), 0);
	if (pod)
		fake_apply(&w->fake->api, PODS "a", pod);
	cfg.inventory = w->inv;
	w->watch = inventory_watch_start(&w->fake->loop.uv, w->fake->kube, &cfg, NULL);
	assert_non_null(w->watch);
}

static void end(struct world *w)
{
	inventory_watch_stop(w->watch);
	inventory_free(w->inv);
	fake_teardown((void **)&w->fake);
}

static bool is_ready(const struct world *w)
{
	char why[128];

	return inventory_watch_ready(w->watch, why, sizeof(why));
}

/* A pod that was there is never missing from what is believed. */
static bool is_so(void *ctx)
{
	struct world *w = ctx;
	const struct inventory_pod *pod = pod_named(w->inv, "ns", "a");

	if (w->ip && is_ready(w))
		assert_non_null(pod);
	if (w->lossy && nomem_failed())
		return true;
	if (w->lossy)
		nomem_on(); /* not before: the waiting itself needs memory */
	return is_ready(w) && (w->ip ? pod && strcmp(pod->pod.ip, w->ip) == 0 : !pod);
}

static void wait_for(struct world *w, const char *ip, bool lossy)
{
	w->ip = ip;
	w->lossy = lossy;
	assert_true(fake_run(w->fake, 5000, is_so, w));
	nomem_off();
}

TEST(a_change_that_could_not_be_kept_is_asked_for_again)
{
	NOMEM_EACH
	{
		struct world w;

		begin(&w, POD("a", "ua", "1", ""));
		wait_for(&w, "1", false);
		fake_apply(&w.fake->api, PODS "a", POD("a", "ua", "2", ""));
		wait_for(&w, "2", true);
		wait_for(&w, "2", false);
		end(&w);
	}
}

static const char deleting[] =
	"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"a\",\"uid\":\"ua\",\"labels\":{\"app\":\"codis-server\"},"
	"\"deletionTimestamp\":\"2024-01-01T00:00:00Z\"},\"status\":{\"podIP\":\"1\"}}";

TEST(a_pod_that_goes_while_memory_is_short_is_gone)
{
	NOMEM_EACH
	{
		struct world w;

		begin(&w, deleting);
		wait_for(&w, "1", false);
		fake_delete(&w.fake->api, PODS "a");
		wait_for(&w, NULL, true);
		wait_for(&w, NULL, false);
		end(&w);
	}
}
