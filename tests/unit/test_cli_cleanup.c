/* codisctl cleanup: what goes and what stays, that it asks, and that it can be interrupted. */
#include <unistd.h>

#include "tests/unit/estate_fixture.h"

#define ALL_OF_IT                                                                                                      \
	"Of product codis-test in namespace codis this goes, and what its pods have in memory:\n"                      \
	"  StatefulSet codis-server\n  Deployment codis-proxy\n  StatefulSet codis-dashboard\n"                        \
	"  Service codis-proxy\n  PodDisruptionBudget codis-server-group-1\n  ConfigMap codis-config\n"                \
	"  /codis3/codis-test and /jodis/codis-test in ZooKeeper zookeeper:2181\n"

ESTATE_TEST(all_of_a_product_goes)
{
	struct estate_world *e = *state;
	estate_play(e);

	fake_apply(e->w->api, CORE "configmaps/mine", "{}");
	estate_put_service(e->w, "web", "web");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, ALL_OF_IT "  StatefulSet zookeeper\n  Service zookeeper\nThis stays:\n  PersistentVolumeClaim "
				 "data-codis-server-0\n    (--delete-data takes them)\n");
	cli_says(e->w, "\ncodis-controller only watches codis-test\n");
	cli_says(e->w, "\nStatefulSet codis-server: deleted\n");
	cli_says(e->w, "\nStatefulSet codis-dashboard: scaled to 0\n");
	cli_says(e->w, "\n/codis3/codis-test and /jodis/codis-test: 6 nodes deleted\nStatefulSet zookeeper: deleted\n");
	cli_says(e->w, "\nStatefulSet codis-dashboard: deleted\ncodis/codis-test is gone\n");
	assert_string_equal(e->w->c.err.data, "");
	assert_false(estate_is_there(e, APPS "statefulsets/zookeeper"));
	assert_false(estate_is_there(e, CORE "pods/codis-server-0"));
	assert_false(estate_is_there(e, CORE "configmaps/codis-config"));
	assert_true(estate_is_there(e, CORE "configmaps/mine"));
	assert_true(estate_is_there(e, CORE "services/web"));
	assert_true(estate_is_there(e, CORE "persistentvolumeclaims/data-codis-server-0"));
	estate_settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
	assert_null(fake_zk_find(&e->zk, "/jodis/codis-test"));
	assert_non_null(fake_zk_find(&e->zk, "/codis3"));
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, "there is no Codis in namespace codis; -n names another one\n");
}

ESTATE_TEST(another_product_in_the_same_zookeeper_stays)
{
	struct estate_world *e = *state;

	fake_zk_put(&e->zk, "/codis3/orders", "", 0);
	fake_zk_put(&e->zk, "/codis3/orders/topom", "{}", 2);
	fake_zk_put(&e->zk, "/jodis/orders", "", 0);
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--delete-data"), CLI_OK);
	cli_says(e->w, ALL_OF_IT "  PersistentVolumeClaim data-codis-server-0\nThis stays:\n  StatefulSet zookeeper\n"
				 "    (others use it, too)\n  in ZooKeeper zookeeper:2181: orders\n");
	estate_settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
	assert_non_null(fake_zk_find(&e->zk, "/codis3/orders/topom"));
	assert_non_null(fake_zk_find(&e->zk, "/jodis/orders"));
	assert_true(estate_is_there(e, APPS "statefulsets/zookeeper"));
	assert_true(estate_is_there(e, CORE "services/zookeeper"));
	assert_true(estate_is_there(e, CORE "pods/zookeeper-0"));
	assert_false(estate_is_there(e, CORE "persistentvolumeclaims/data-codis-server-0"));
}

ESTATE_TEST(what_codisctl_did_not_apply_or_others_share_stays)
{
	struct estate_world *e = *state;
	estate_play(e);

	fake_apply(e->w->api, CORE "configmaps/codis-config", "{}");
	fake_apply(e->w->api, APPS "deployments/web",
		   "{\"metadata\":{},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"web\"}},\"template\":{"
		   "\"metadata\":{"
		   "\"labels\":{\"app\":\"web\",\"tier\":\"a\"}},\"spec\":{\"containers\":[{\"name\":\"web\",\"image\":"
		   "\"w\"}]}}}}");
	fake_apply(e->w->api, CORE "services/both", "{\"spec\":{\"selector\":{\"tier\":\"a\"}}}");
	fake_apply(e->w->api, APPS "statefulsets/codis-server",
		   "{\"metadata\":{\"uid\":\"u-codis-server\"},\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{"
		   "\"app\":"
		   "\"codis-server\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\",\"tier\":\"a\"}"
		   "},\"spec\":{"
		   "\"containers\":[{\"name\":\"codis-server\",\"command\":[\"codis-server\"]}]}}}}");
	fake_apply(e->w->api, APPS "statefulsets/zookeeper",
		   "{\"metadata\":{},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"zookeeper\"}},\"template\":{"
		   "\"metadata\":{"
		   "\"labels\":{\"app\":\"zookeeper\"}},\"spec\":{\"containers\":[{\"name\":\"zookeeper\"}]}}}}");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, "This stays:\n  ConfigMap codis-config: codisctl did not apply it\n  StatefulSet zookeeper\n"
		       "    (codisctl did not apply it)\n");
	assert_true(estate_is_there(e, CORE "services/both"));
	assert_true(estate_is_there(e, APPS "deployments/web"));
	assert_true(estate_is_there(e, CORE "configmaps/codis-config"));
	estate_settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
}

ESTATE_TEST(it_asks_and_respects_what_is_protected)
{
	struct estate_world *e = *state;
	int input = dup(STDIN_FILENO);
	estate_play(e);

	assert_non_null(freopen("/dev/null", "r", stdin));
	assert_int_equal(CLI(e->w, "cleanup"), CLI_USAGE);
	dup2(input, STDIN_FILENO);
	close(input);
	cli_says(e->w, ALL_OF_IT);
	cli_says(e->w,
		 "codisctl: cleanup asks before it takes anything away, and here is no terminal: --yes does not ask\n");
	fake_apply(
		e->w->api, APPS "statefulsets/codis-dashboard",
		"{\"metadata\":{\"annotations\":{\"codis.io/protect\":\"true\"}},\"spec\":{\"template\":{\"metadata\":{"
		"\"labels\":{\"app\":\"codis-dashboard\"}},\"spec\":{\"containers\":[{\"name\":\"codis-dashboard\"}]}}}"
		"}");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w,
		 "codisctl: StatefulSet codis-dashboard has codis.io/protect=true, so nothing is taken away: kubectl "
		 "label -n codis sts codis-dashboard codis.io/protect- (or annotate) first\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
	assert_int_equal(fake_count(e->w->api, "PATCH"), 0);
}

ESTATE_TEST(what_could_be_another_ones_tree_is_not_named)
{
	static const char *const names[] = { "", ".", "..", "a/b", "codis-test/group", NULL };
	struct estate_world *e = *state;
	estate_play(e);

	for (const char *const *n = names; *n; n++) {
		assert_int_equal(CLI(e->w, "cleanup", "--yes", "-p", *n), CLI_USAGE);
		cli_says(e->w, "is no name of a product\n");
	}
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "-p", "orders"), CLI_OK);
	cli_says(e->w, "nothing of product orders is in namespace codis\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
}

ESTATE_TEST(a_tree_that_is_not_reached_stops_it_before_anything_goes)
{
	struct estate_world *e = *state;
	estate_play(e);

	fake_delete(e->w->api, "/apis/discovery.k8s.io/v1/namespaces/codis/endpointslices/zookeeper-1");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w,
		 "codisctl: no pod of ZooKeeper is ready, so /codis3/codis-test and /jodis/codis-test cannot be taken "
		 "away from here: repeat this, or leave them by --keep-tree. Nothing is taken away yet\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--keep-tree"), CLI_OK);
	cli_says(e->w, "  StatefulSet zookeeper\n    (its tree is kept)\n");
	assert_false(estate_is_there(e, APPS "statefulsets/codis-server"));
	assert_true(estate_is_there(e, APPS "statefulsets/zookeeper"));
}

ESTATE_TEST(nothing_goes_before_the_controller_has_heard_of_the_pause)
{
	struct estate_world *e = *state;
	estate_play(e);

	cli_controller(e->w, "c-a",
		       "{\"leads\":true,\"clusters\":[{\"namespace\":\"codis\",\"product\":\"codis-test\"}]}");
	fake_fail(e->w->api, "PATCH " APPS "statefulsets/codis-server", 403, 1);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NO_CLUSTER);
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
}

ESTATE_TEST(after_an_interrupt_it_goes_on)
{
	struct estate_world *e = *state;
	estate_play(e);

	fake_fail(e->w->api, "DELETE " APPS "statefulsets/codis-server", 500, 1);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NO_CLUSTER);
	fake_fail(e->w->api, "DELETE " APPS "statefulsets/zookeeper", 500, 1);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NO_CLUSTER);
	fake_fail(e->w->api, "DELETE " APPS "statefulsets/codis-dashboard", 500, 1);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NO_CLUSTER);
	/* its endpoints go with it */
	fake_delete(e->w->api, "/apis/discovery.k8s.io/v1/namespaces/codis/endpointslices/zookeeper-1");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, "no ZooKeeper is at zookeeper:2181 any more, and no tree\n");
	cli_says(e->w, "\ncodis/codis-test is gone\n");
	assert_false(estate_is_there(e, APPS "statefulsets/codis-dashboard"));
	estate_settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
}

/* --- whose it is -------------------------------------------------------------------------------------------------- */

static void expect_nothing_gone(struct estate_world *e)
{
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
	assert_int_equal(fake_count(e->w->api, "PATCH"), 0);
}

ESTATE_TEST(a_tree_below_another_root_is_not_taken_for_that_of_the_same_name)
{
	struct estate_world *e = *state;

	estate_play(e);
	estate_put_address(e, "zookeeper:2181/shop");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "codisctl: ZooKeeper zookeeper:2181/shop: \"2181/shop\" is no port, so /codis3/codis-test and "
		       "/jodis/codis-test cannot be taken away from here: ");
	expect_nothing_gone(e);
	estate_settle(e);
	assert_non_null(fake_zk_find(&e->zk, "/codis3/codis-test/topom"));
}

ESTATE_TEST(a_zookeeper_elsewhere_is_not_one_that_was_taken_away)
{
	struct estate_world *e = *state;

	estate_play(e);
	fake_delete(e->w->api, APPS "statefulsets/zookeeper");
	estate_put_address(e, "zk.example.com:2181");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "codisctl: no pod of ZooKeeper is ready, so ");
	expect_nothing_gone(e);
}

ESTATE_TEST(another_zookeeper_of_the_namespace_stays)
{
	struct estate_world *e = *state;

	estate_play(e);
	fake_apply(e->w->api, APPS "statefulsets/zk-orders",
		   "{\"metadata\":{\"uid\":\"u-zk-orders\"," APPLIED "},\"spec\":{\"selector\":{\"matchLabels\":{"
		   "\"app\":\"zk\"}},\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"}}],\"template\":"
		   "{\"metadata\":{\"labels\":{\"app\":\"zk\"}},\"spec\":{\"containers\":[{\"name\":\"zookeeper\","
		   "\"image\":\"c\"}]}}}}");
	estate_put_service(e->w, "zk-orders", "zk");
	fake_apply(e->w->api, CORE "persistentvolumeclaims/data-zk-orders-0", "{}");
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--delete-data"), CLI_OK);
	cli_says(e->w, "  StatefulSet zookeeper\n  Service zookeeper\n  PersistentVolumeClaim data-codis-server-0\n"
		       "This stays:\n  StatefulSet zk-orders: it is not known to be this product's\n");
	assert_false(estate_is_there(e, APPS "statefulsets/zookeeper"));
	assert_true(estate_is_there(e, APPS "statefulsets/zk-orders"));
	assert_true(estate_is_there(e, CORE "services/zk-orders"));
	assert_true(estate_is_there(e, CORE "persistentvolumeclaims/data-zk-orders-0"));
}

ESTATE_TEST(a_zookeeper_that_others_than_codis_use_stays)
{
	struct estate_world *e = *state;

	fake_zk_put(&e->zk, "/", "", 0);
	fake_zk_put(&e->zk, "/zookeeper", "", 0);
	fake_zk_put(&e->zk, "/brokers", "", 0);
	fake_zk_put(&e->zk, "/codis3/a-b", "", 0);
	fake_zk_put(&e->zk, "/codis3/a", "", 0);
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, "  StatefulSet zookeeper\n    (others use it, too)\n"
		       "  in ZooKeeper zookeeper:2181: a-b, a, /brokers\n");
	assert_true(estate_is_there(e, APPS "statefulsets/zookeeper"));
}

/* Not ours: somebody else deletes it, to make it anew. */
ESTATE_TEST(a_zookeeper_that_goes_just_then_is_no_reason_to_take_what_it_has)
{
	struct estate_world *e = *state;

	estate_play(e);
	fake_apply(e->w->api, APPS "statefulsets/zookeeper",
		   "{\"metadata\":{\"uid\":\"u-zookeeper\",\"deletionTimestamp\":\"2026-11-28T00:00:00Z\"," APPLIED
		   "},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"zookeeper\"}},\"template\":{\"metadata\":{"
		   "\"labels\":{\"app\":\"zookeeper\"}},\"spec\":{\"containers\":[{\"name\":\"zookeeper\",\"image\":"
		   "\"c\"}]}}}}");
	fake_delete(e->w->api, "/apis/discovery.k8s.io/v1/namespaces/codis/endpointslices/zookeeper-1");
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--delete-data"), CLI_NOT_SO);
	cli_says(e->w, "codisctl: no pod of ZooKeeper is ready, so ");
	expect_nothing_gone(e);
}

ESTATE_TEST(what_selects_pods_of_a_daemonset_or_of_nobody_stays)
{
	struct estate_world *e = *state;

	estate_play(e);
	estate_put_maker(e->w, "deployments", "codis-proxy", "codis-proxy", ",");
	fake_apply(
		e->w->api, CORE "pods/agent-1",
		"{\"metadata\":{\"labels\":{\"team\":\"a\"},\"ownerReferences\":[{\"kind\":\"DaemonSet\",\"name\":"
		"\"agent\",\"uid\":\"u-agent\",\"controller\":true}]},\"spec\":{\"containers\":[{\"name\":\"x\"}]}}");
	fake_apply(e->w->api, CORE "pods/codis-proxy-ds",
		   "{\"metadata\":{\"labels\":{\"app\":\"codis-proxy\"},\"ownerReferences\":[{\"kind\":\"DaemonSet\","
		   "\"name\":\"agent\",\"uid\":\"u-agent\",\"controller\":true}]},\"spec\":{\"containers\":[{\"name\":"
		   "\"x\"}]}}");
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--wait", "20s"), CLI_OK);
	cli_says(e->w, "codis/codis-test is gone\n");
	assert_true(estate_is_there(e, CORE "services/codis-proxy"));
	assert_true(estate_is_there(e, CORE "pods/codis-proxy-ds"));
}

ESTATE_TEST(a_pod_of_another_maker_is_not_hurried)
{
	struct estate_world *e = *state;

	estate_play(e);
	fake_apply(
		e->w->api, CORE "pods/orders-server-0",
		"{\"metadata\":{\"uid\":\"u-o\",\"deletionTimestamp\":\"2026-11-28T00:00:00Z\","
		"\"deletionGracePeriodSeconds\":60,\"labels\":{\"app\":\"codis-server\",\"codis.io/product\":"
		"\"orders\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\",\"name\":\"orders-server\",\"uid\":"
		"\"u-orders-server\",\"controller\":true}]},\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}}");
	fake_apply(
		e->w->api, APPS "statefulsets/orders-server",
		"{\"metadata\":{\"uid\":\"u-orders-server\"},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":"
		"\"codis-server\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\","
		"\"codis.io/product\":\"orders\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\",\"command\":["
		"\"codis-server\"]}]}}}}");
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "-p", "codis-test", "--wait", "20s"), CLI_OK);
	assert_true(estate_is_there(e, CORE "pods/orders-server-0"));
	assert_int_equal(fake_count(e->w->api, "DELETE " CORE "pods/orders-server-0"), 0);
}

ESTATE_TEST(a_set_that_takes_its_data_with_it_stops_it_before_anything_goes)
{
	struct estate_world *e = *state;

	estate_play(e);
	estate_put_maker(e->w, "statefulsets", "codis-server", "codis-server",
			 ",\"persistentVolumeClaimRetentionPolicy\":{\"whenDeleted\":\"Delete\"},"
			 "\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"}}],");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "codisctl: StatefulSet codis-server takes its PersistentVolumeClaims with it "
		       "(persistentVolumeClaimRetentionPolicy: whenDeleted: Delete), so nothing is taken away: "
		       "--delete-data lets them go, too; to keep them write Retain there first\n");
	expect_nothing_gone(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--delete-data"), CLI_OK);
}

/* Two namespaces that have one product name and one ZooKeeper. */
static void put_node(struct estate_world *e, const char *path, const char *data)
{
	fake_zk_put(&e->zk, path, data, (int)strlen(data));
}

static void put_namesake(struct estate_world *e, const char *namespace, const char *more)
{
	char path[128], text[1024];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods/codis-dashboard-0", namespace);
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"codis-dashboard-0\",\"namespace\":\"%s\",\"labels\":{\"app\":\"codis-"
		 "dashboard\"%s}"
		 "},\"spec\":{\"containers\":[{\"name\":\"codis-dashboard\",\"command\":[\"codis-dashboard\"]}]},"
		 "\"status\":{"
		 "\"phase\":\"Running\",\"podIP\":\"10.9.9.4\"}}",
		 namespace, more);
	fake_apply(e->w->api, path, text);
}

#define LOCK "{\"token\":\"t\",\"admin_addr\":\"10.9.9.4:18080\",\"product_name\":\"codis-test\"}"
#define LIVES_BESIDE                                                                                                   \
	"live/codis-dashboard-0 (10.9.9.4:18080) as well, which is in another namespace, and would lose its slots"

ESTATE_TEST(a_tree_that_another_namespace_lives_in_stops_it_before_anything_goes)
{
	struct estate_world *e = *state;

	put_node(e, "/codis3/codis-test/topom", LOCK);
	put_namesake(e, "live", "");
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "codisctl: /codis3/codis-test is the tree of " LIVES_BESIDE
		       ": --keep-tree leaves it. Nothing is taken away\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
	assert_int_equal(fake_count(e->w->api, "PATCH"), 0);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--keep-tree", "--wait", "20s"), CLI_OK);
	cli_says(e->w, "codis/codis-test is gone\n");
	estate_settle(e);
	assert_non_null(fake_zk_find(&e->zk, "/codis3/codis-test/topom"));
}

ESTATE_TEST(what_the_tree_says_of_proxies_and_servers_tells_it_too)
{
	struct estate_world *e = *state;

	put_node(e, "/codis3/codis-test/proxy", "");
	put_node(e, "/codis3/codis-test/proxy/proxy-abcd", "{\"token\":\"abcd\",\"admin_addr\":\"10.9.9.4:11080\"}");
	put_namesake(e, "live", "");
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "(10.9.9.4:11080)");
	estate_settle(e);
	put_node(e, "/codis3/codis-test/proxy/proxy-abcd", "no JSON");
	put_node(e, "/codis3/codis-test/group", "");
	put_node(e, "/codis3/codis-test/group/group-0001", "{\"id\":1,\"servers\":[{\"server\":\"10.9.9.4:6379\"}]}");
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w, "(10.9.9.4:6379)");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
}

/* Of a dashboard that was killed, say: who has its address by now is somebody else. */
ESTATE_TEST(an_address_in_the_tree_that_is_nobodys_any_more_stops_nothing)
{
	struct estate_world *e = *state;

	put_node(e, "/codis3/codis-test/topom", LOCK);
	put_namesake(e, "orders", ",\"codis.io/product\":\"orders\"");
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--wait", "20s"), CLI_OK);
	cli_says(e->w, "codis/codis-test is gone\n");
}

ESTATE_TEST(an_address_in_the_tree_that_may_be_anothers_stops_who_may_not_ask)
{
	struct estate_world *e = *state;

	put_node(e, "/codis3/codis-test/topom", LOCK);
	estate_play(e);
	fake_fail(e->w->api, "GET /api/v1/pods&fieldSelector", 403, 1);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(
		e->w,
		"codisctl: /codis3/codis-test names 10.9.9.4:18080, which no pod of namespace codis has, and you may "
		"not "
		"list pods of all namespaces, to see whether another one lives in that tree: --keep-tree leaves it, or "
		"who may list them repeats this. Nothing is taken away\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
}

ESTATE_TEST(proxies_of_a_daemonset_go_too)
{
	struct estate_world *e = *state;

	estate_put_maker(e->w, "daemonsets", "codis-proxy-each", "codis-proxy", ",");
	estate_play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--wait", "20s"), CLI_OK);
	cli_says(e->w, "  Deployment codis-proxy\n  DaemonSet codis-proxy-each\n");
	cli_says(e->w, "\nDaemonSet codis-proxy-each: deleted\n");
	assert_false(estate_is_there(e, APPS "daemonsets/codis-proxy-each"));
}
