/* A second codis-dashboard of a product, and two products of one name on one ZooKeeper. */
#include "tests/unit/webhook_fixture.h"

#include "tests/unit/test.h"
#include "webhook/dashboards.h"
#include "webhook/validate.h"
#include "webhook/zookeepers.h"

/* --- addresses ---------------------------------------------------------------------------------------------------- */

static void same(const char *a, const char *a_namespace, const char *b, const char *b_namespace,
		 enum same_zookeeper expected)
{
	if (zookeepers_same(a, a_namespace, b, b_namespace) != expected ||
	    zookeepers_same(b, b_namespace, a, a_namespace) != expected)
		fail_msg("%s in %s, %s in %s: not %d", a, a_namespace, b, b_namespace, (int)expected);
}

TEST(names_are_resolved_where_they_are_written)
{
	same("zookeeper:2181", "shop", "zookeeper:2181", "test", ZOOKEEPER_OTHER);
	same("zookeeper:2181", "shop", "zookeeper.shop:2181", "test", ZOOKEEPER_SAME);
	same("zookeeper", "shop", "ZooKeeper.shop.svc.cluster.local.:2181", "test", ZOOKEEPER_SAME);
	same("zookeeper.infra.svc:2181", "shop", "zookeeper.infra:2181", "infra", ZOOKEEPER_SAME);
	same("zk-0.zookeeper:2181,zk-1.zookeeper:2181", "shop", "zk-0.zookeeper:2181", "test", ZOOKEEPER_OTHER);
	same("zk-0.zookeeper:2181,zk-1.zookeeper:2181", "shop", "zk-1.zookeeper.shop:2181", "test", ZOOKEEPER_SAME);
	same("zk-1.example.com:2181", "shop", "zk-2.example.com:2181, zk-1.example.com", "test", ZOOKEEPER_SAME);
	same("10.0.0.7:2181", "shop", "10.0.0.7", "test", ZOOKEEPER_SAME);
	same("[fd00::7]:2181", "shop", "[fd00::7]:2181", "test", ZOOKEEPER_SAME);
	same("zk.example.com:2181", "shop", "zk.example.com:2182", "test", ZOOKEEPER_OTHER);
	same("", "shop", "", "test", ZOOKEEPER_OTHER);
	same(",,:", "shop", ":,", "test", ZOOKEEPER_OTHER);
	same(":2181", "shop", ":2181", "shop", ZOOKEEPER_OTHER);
	same("[fd00:0:0::7]:2181", "shop", "[fd00::7]", "test", ZOOKEEPER_SAME);
}

TEST(an_address_of_loopback_is_a_pods_own)
{
	same("127.0.0.1:2181", "shop", "127.0.0.1:2181", "test", ZOOKEEPER_OTHER);
	same("127.0.1.1", "shop", "127.0.1.1", "test", ZOOKEEPER_OTHER);
	same("[::1]:2181", "shop", "[0:0::1]:2181", "test", ZOOKEEPER_OTHER);
	same("localhost:2181", "shop", "localhost:2181", "test", ZOOKEEPER_OTHER);
	same("127.0.0.1:2181,zk.infra.svc", "shop", "zk.infra.svc", "test", ZOOKEEPER_SAME);
}

TEST(pod_is_a_member_of_the_ensemble_of_its_service)
{
	same("zookeeper-0.zookeeper:2181", "shop", "zookeeper.shop:2181", "test", ZOOKEEPER_SAME);
	same("zk-0.zookeeper.infra.svc:2181", "shop", "zookeeper.infra.svc", "test", ZOOKEEPER_SAME);
	same("zk-0.zookeeper:2181", "shop", "zookeeper:2181", "test", ZOOKEEPER_OTHER);
	same("zk-0.zookeeper.infra", "shop", "zk-1.zookeeper.infra", "test", ZOOKEEPER_PERHAPS);
	same("zk-0.zookeeper.infra", "shop", "kafka-0.zookeeper.infra", "test", ZOOKEEPER_OTHER);
	same("zk-0.zookeeper.infra:2181", "shop", "zookeeper.infra.svc:2182", "test", ZOOKEEPER_OTHER);
}

/* Charts have two for one StatefulSet, and somebody else's may be called like that. */
TEST(service_and_its_headless_one_are_perhaps_the_same)
{
	same("zk-0.zookeeper-headless.infra:2181", "shop", "zookeeper.infra.svc:2181", "test", ZOOKEEPER_PERHAPS);
	same("zk-hs.infra.svc", "shop", "zk-cs.infra.svc", "test", ZOOKEEPER_PERHAPS);
	same("zk-hs", "shop", "zk-cs", "test", ZOOKEEPER_OTHER);
	same("zk-blue.infra.svc", "shop", "zk-green.infra.svc", "test", ZOOKEEPER_OTHER);
}

/* Only one of them is the cluster's own, and a name of another one may be as well. */
TEST(another_domain_of_a_cluster_is_perhaps_the_same)
{
	same("zookeeper.infra.svc.k8s.example:2181", "shop", "zookeeper.infra.svc.k8s.example", "test", ZOOKEEPER_SAME);
	same("zookeeper.infra.svc.k8s.example:2181", "shop", "zookeeper.infra.svc.cluster.local:2181", "test",
	     ZOOKEEPER_PERHAPS);
	same("zookeeper.shop.svc.k8s.example", "test", "zookeeper", "shop", ZOOKEEPER_PERHAPS);
	same("zk-0.zk.infra.svc.k8s.example", "test", "zk-0.zk.other.svc.k8s.example", "shop", ZOOKEEPER_OTHER);
}

/* Behind the last member, for all of them. */
TEST(path_behind_a_list_is_none_of_a_member_s_port)
{
	same("zk.infra.svc:2181/codis", "shop", "zk.infra.svc/codis/", "test", ZOOKEEPER_SAME);
	same("a.infra.svc:2181,b.infra.svc:2181/codis", "shop", "b.infra.svc:2181,c.infra.svc:2181/codis", "test",
	     ZOOKEEPER_SAME);
	same("a.infra.svc:2181,b.infra.svc:2181/one", "shop", "a.infra.svc:2181,b.infra.svc:2181/two", "test",
	     ZOOKEEPER_PERHAPS);
	same("zk.infra.svc:2181/codis", "shop", "zk.infra.svc:2181", "test", ZOOKEEPER_PERHAPS);
	same("zk.infra.svc:2181/", "shop", "zk.infra.svc:2181", "test", ZOOKEEPER_SAME);
}

/* Service zookeeper of namespace infra, or pod zookeeper of a service infra in each of them. */
TEST(what_may_mean_two_things_is_perhaps_the_same)
{
	same("zookeeper.infra:2181", "shop", "zookeeper.infra:2181", "test", ZOOKEEPER_PERHAPS);
	same("zookeeper.infra:2181", "shop", "zookeeper.infra.svc:2181", "test", ZOOKEEPER_PERHAPS);
	same("zk-1.infra:2181", "shop", "zk-1:2181", "infra", ZOOKEEPER_PERHAPS); /* a service a member */
}

/* --- StatefulSets ------------------------------------------------------------------------------------------------- */

struct dashboard {
	const char *namespace, *name, *product, *zookeeper, *more;
	int replicas;
};

/* product, zookeeper NULL: not said; more: JSON of its metadata. */
static cJSON *make(const struct dashboard *d)
{
	char text[1024], product[128] = "", zookeeper[128] = "";

	if (d->product)
		snprintf(product, sizeof(product), ",\"--product_name\",\"%s\"", d->product);
	if (d->zookeeper)
		snprintf(zookeeper, sizeof(zookeeper), ",\"--zookeeper\",\"%s\"", d->zookeeper);
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"namespace\":\"%s\",\"name\":\"%s\"%s},\"spec\":{\"replicas\":%d,\"template\":{"
		 "\"metadata\":"
		 "{\"labels\":{\"app\":\"codis-dashboard\"}},\"spec\":{\"containers\":[{\"name\":\"codis-dashboard\","
		 "\"command\":[\"codis-dashboard\"%s%s]}]}}}}",
		 d->namespace, d->name, d->more ? d->more : "", d->replicas, product, zookeeper);
	return parse_text(text);
}

static void ask(const struct dashboard *known, const struct dashboard *was, const struct dashboard *now,
		const char *refusal, const char *warning)
{
	JSON_CLEANUP cJSON *set = make(known), *old = was ? make(was) : NULL, *object = make(now);
	struct lookups lookups = lookups_of(set);
	struct admission_request req = request_of("statefulsets", now->name, old, object);
	struct admission_verdict v;

	req.namespace = now->namespace;
	admission_verdict_init(&v);
	validate(&req, &lookups, &v);
	if (refusal) {
		assert_int_equal(v.code, 422);
		assert_string_equal(v.message, refusal);
	} else if (!v.allowed) {
		fail_msg("refused: %s", v.message);
	}
	assert_int_equal(v.warning_count, warning ? 1 : 0);
	if (warning)
		assert_string_equal(v.warnings[0], warning);
	admission_verdict_release(&v);
}

#define DASHBOARD(...) (&(const struct dashboard){ __VA_ARGS__ })
#define ZK             "zookeeper.infra.svc:2181"
#define NEAR                                                                                                           \
	"StatefulSet first has the codis-dashboard of product shop already, and a product has one: scale that one to " \
	"0 first, or give this one another PRODUCT_NAME"
#define FAR                                                                                                            \
	"product shop is in this ZooKeeper (zookeeper.infra.svc:2181) already, by StatefulSet first in namespace b, "  \
	"and both would write the same groups: give this one another PRODUCT_NAME"

TEST(a_second_codis_dashboard_of_a_product)
{
	ask(DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL, DASHBOARD("a", "second", "shop", ZK, NULL, 1), NEAR,
	    NULL);
	ask(DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL, DASHBOARD("a", "second", "shop", "x:1", NULL, 1), NEAR,
	    NULL);
	ask(DASHBOARD("a", "first", "shop", ZK, NULL, 0), NULL, DASHBOARD("a", "second", "shop", ZK, NULL, 1), NULL,
	    NULL);
	ask(DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL, DASHBOARD("a", "second", "shop", ZK, NULL, 0), NULL,
	    NULL);
	ask(DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL, DASHBOARD("a", "second", "test", ZK, NULL, 1), NULL,
	    NULL);
	ask(DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL, DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL,
	    NULL);
	ask(DASHBOARD("a", "first", "shop", ZK, ",\"deletionTimestamp\":\"2026-11-26T05:03:38Z\"", 1), NULL,
	    DASHBOARD("a", "second", "shop", ZK, NULL, 1), NULL, NULL);
	ask(DASHBOARD("a", "first", NULL, ZK, NULL, 1), NULL, DASHBOARD("a", "second", NULL, ZK, NULL, 1), NULL,
	    "set PRODUCT_NAME: first is a codis-dashboard without one too, and a product has one");
}

TEST(two_products_of_one_name_on_one_zookeeper)
{
	ask(DASHBOARD("b", "first", "shop", ZK, NULL, 1), NULL, DASHBOARD("a", "first", "shop", ZK, NULL, 1), FAR,
	    NULL);
	ask(DASHBOARD("b", "first", "shop", ZK, NULL, 0), NULL, DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL,
	    NULL);
	ask(DASHBOARD("b", "first", "shop", "zk:1", NULL, 1), NULL, DASHBOARD("a", "first", "shop", "zk:1", NULL, 1),
	    NULL, NULL);
	ask(DASHBOARD("b", "first", "shop", NULL, NULL, 1), NULL, DASHBOARD("a", "first", "shop", ZK, NULL, 1), NULL,
	    NULL);
	ask(DASHBOARD("b", "first", NULL, ZK, NULL, 1), NULL, DASHBOARD("a", "first", NULL, ZK, NULL, 1), NULL, NULL);
	ask(DASHBOARD("b", "first", "shop", "zk.infra:1", NULL, 1), NULL,
	    DASHBOARD("a", "first", "shop", "zk.infra:1", NULL, 1), NULL,
	    "take another PRODUCT_NAME if b/first uses the same ZooKeeper: it is shop too");
}

/* What is so already stays editable. */
TEST(an_update_that_makes_it_so)
{
	const struct dashboard *known = DASHBOARD("b", "first", "shop", ZK, NULL, 1);

	ask(known, DASHBOARD("a", "first", "shop", "x:1", NULL, 1), DASHBOARD("a", "first", "shop", ZK, NULL, 1), FAR,
	    NULL);
	ask(known, DASHBOARD("a", "first", "test", ZK, NULL, 1), DASHBOARD("a", "first", "shop", ZK, NULL, 1), FAR,
	    NULL);
	ask(known, DASHBOARD("a", "first", "shop", ZK, NULL, 0), DASHBOARD("a", "first", "shop", ZK, NULL, 1), FAR,
	    NULL);
	ask(known, DASHBOARD("a", "first", "shop", ZK, NULL, 1),
	    DASHBOARD("a", "first", "shop", ZK, ",\"labels\":{\"x\":\"y\"}", 1), NULL, NULL);
}
