/* What validation looks up in the inventory. */
#include <string.h>

#include "common/base/json.h"
#include "common/codis/inventory.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/pods_fixture.h"
#include "tests/unit/test.h"
#include "webhook/lookups.h"

static struct {
	pthread_mutex_t lock;
	struct inventory *inv;
	struct lookups_source source;
	char why[POD_WHY_MAX];
} w;

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	pthread_mutex_init(&w.lock, NULL);
	w.inv = inventory_new();
	w.source = (struct lookups_source){ .lock = &w.lock, .inventory = w.inv };
	return 0;
}

static int finish(void **state)
{
	(void)state;
	inventory_free(w.inv);
	pthread_mutex_destroy(&w.lock);
	return 0;
}
#define LOOKUPS_TEST(name) TEST_WITH(name, begin, finish)

/* Of a StatefulSet whose container has these variables. */
static const char *trouble(const char *app, const char *env)
{
	JSON_CLEANUP cJSON *set = cJSON_Parse("{\"metadata\":{\"namespace\":\"ns\",\"name\":\"redis\"},\"spec\":{"
					      "\"template\":{\"metadata\":{},\"spec\":{\"containers\":[{}]}}}}");
	cJSON *template = cJSON_GetObjectItem(cJSON_GetObjectItem(set, "spec"), "template");
	cJSON *pod = cJSON_GetObjectItem(template, "spec");
	struct lookups lookups = lookups_in(&w.source);

	json_add_str(json_add_object(cJSON_GetObjectItem(template, "metadata"), "labels"), "app", app);
	cJSON_AddItemToObject(cJSON_GetArrayItem(cJSON_GetObjectItem(pod, "containers"), 0), "env", parse_text(env));
	memset(w.why, 'x', sizeof(w.why));
	lookups.trouble(lookups.ctx, set, w.why);
	assert_int_equal(pthread_mutex_trylock(&w.lock), 0); /* given back */
	pthread_mutex_unlock(&w.lock);
	return w.why;
}

static void add_proxy(const char *name, const char *product)
{
	fixture_set_pod(w.inv, &(struct fixture_pod){ .app = "codis-proxy", .name = name, .product = product });
}

LOOKUPS_TEST(servers_whose_product_can_be_told_are_in_no_trouble)
{
	assert_string_equal(trouble("codis-server", "[]"), ""); /* the stock product */
	add_proxy("codis-proxy-0", "shop");
	assert_string_equal(trouble("codis-server", "[]"), ""); /* the only one */
	add_proxy("orders-proxy-0", "orders");
	assert_string_equal(trouble("codis-server", "[{\"name\":\"PRODUCT_NAME\",\"value\":\"shop\"}]"), "");
	assert_string_equal(trouble("nginx", "[]"), "");
}

LOOKUPS_TEST(servers_of_nobody_are_told_by_the_name_of_their_set)
{
	add_proxy("codis-proxy-0", "shop");
	add_proxy("orders-proxy-0", "orders");
	assert_string_equal(trouble("codis-server", "[]"),
			    "add env PRODUCT_NAME: redis says no product and the namespace has orders and shop");
}

LOOKUPS_TEST(set_that_cannot_be_read_is_refused_elsewhere)
{
	assert_string_equal(trouble("codis-server", "[{\"name\":\"SERVER_REPLICA\",\"value\":\"two\"}]"), "");
}
