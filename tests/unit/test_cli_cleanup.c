/* codisctl cleanup: what goes and what stays, that it asks, and that it can be interrupted. */
#include <unistd.h>

#include "tests/unit/cli_fixture.h"
#include "tests/unit/fake_zk.h"

#define CORE    "/api/v1/namespaces/codis/"
#define APPS    "/apis/apps/v1/namespaces/codis/"
#define BUDGETS "/apis/policy/v1/namespaces/codis/poddisruptionbudgets/"
#define APPLIED "\"managedFields\":[{\"manager\":\"codisctl\",\"operation\":\"Apply\"}]"

/* A Codis as buildup makes it, its ZooKeeper played, and codis-controller that has heard of the pause. */
struct estate_world {
	struct cli_world *w;
	struct fake_zk zk; /* on a loop and in a thread of its own, from play() to settle() */
	uv_loop_t loop;
	uv_async_t end;
	uv_thread_t thread;
	bool plays;
};

static void on_end(uv_async_t *end)
{
	uv_stop(end->loop);
}

static void run(void *ctx)
{
	uv_run(ctx, UV_RUN_DEFAULT);
}

static void play(struct estate_world *e)
{
	assert_int_equal(uv_thread_create(&e->thread, run, &e->loop), 0);
	e->plays = true;
}

/* From now on the tree can be looked at. */
static void settle(struct estate_world *e)
{
	if (!e->plays)
		return;
	uv_async_send(&e->end);
	uv_thread_join(&e->thread);
	e->plays = false;
}

#define CLEANUP_TEST(name) TEST_WITH(name, setup, teardown)

static void put_maker(struct cli_world *w, const char *resource, const char *name, const char *app, const char *more)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	char path[256];

	buf_addf(
		&text,
		"{\"metadata\":{\"uid\":\"u-%s\"," APPLIED "},\"spec\":{\"replicas\":1,\"selector\":{\"matchLabels\":{"
		"\"app\":\"%s\"}}%s\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{"
		"\"name\":\"%s\",\"image\":\"c\",\"command\":[\"%s\",\"--zookeeper\",\"zookeeper:2181\"]}],\"volumes\":"
		"[{"
		"\"name\":\"config\",\"configMap\":{\"name\":\"%s\"}}]}}}}",
		name, app, more, app, app, app, strcmp(app, "zookeeper") == 0 ? "zookeeper" : "codis-config");
	snprintf(path, sizeof(path), APPS "%s/%s", resource, name);
	fake_apply(w->api, path, text.data);
}

static void put_service(struct cli_world *w, const char *name, const char *app)
{
	char path[256], text[256];

	snprintf(path, sizeof(path), CORE "services/%s", name);
	snprintf(text, sizeof(text), "{\"spec\":{\"selector\":{\"app\":\"%s\"}}}", app);
	fake_apply(w->api, path, text);
}

static void put_zookeeper(struct estate_world *e)
{
	struct cli_world *w = e->w;
	char text[128];

	assert_int_equal(uv_loop_init(&e->loop), 0);
	assert_int_equal(uv_async_init(&e->loop, &e->end, on_end), 0);
	fake_zk_start(&e->zk, &e->loop, 1);
	fake_zk_put(&e->zk, "/codis3", "", 0);
	fake_zk_put(&e->zk, "/codis3/codis-test", "", 0);
	fake_zk_put(&e->zk, "/codis3/codis-test/topom", "{}", 2);
	fake_zk_put(&e->zk, "/codis3/codis-test/slots", "", 0);
	fake_zk_put(&e->zk, "/codis3/codis-test/slots/slot-0000", "{}", 2);
	fake_zk_put(&e->zk, "/jodis", "", 0);
	fake_zk_put(&e->zk, "/jodis/codis-test", "", 0);
	fake_zk_put(&e->zk, "/jodis/codis-test/proxy-1", "{}", 2);
	snprintf(text, sizeof(text), "{\"tcp\":%u}", e->zk.members[0].port);
	fake_apply(w->api, CORE "pods/zookeeper-0/portforward", text);
	fake_apply(w->api, "/apis/discovery.k8s.io/v1/namespaces/codis/endpointslices/zookeeper-1",
		   "{\"metadata\":{\"labels\":{\"kubernetes.io/"
		   "service-name\":\"zookeeper\"}},\"endpoints\":[{\"targetRef\":{"
		   "\"name\":\"zookeeper-0\"},\"conditions\":{\"ready\":true}}]}");
}

#define PAUSED "{\"namespace\":\"codis\",\"product\":\"codis-test\",\"paused\":true}"

static int setup(void **state)
{
	struct estate_world *e = calloc(1, sizeof(*e));
	char status[1024];
	void *w;

	if (!e || cli_setup(&w) != 0)
		return -1;
	e->w = w;
	cli_codis(w);
	cli_controller(w, "c-a", cli_status_json(true, PAUSED, status, sizeof(status)));
	put_maker(w, "statefulsets", "codis-server", "codis-server",
		  ",\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"}}],");
	put_maker(w, "statefulsets", "codis-dashboard", "codis-dashboard", ",");
	put_maker(w, "deployments", "codis-proxy", "codis-proxy", ",");
	put_maker(w, "statefulsets", "zookeeper", "zookeeper", ",");
	put_service(w, "codis-proxy", "codis-proxy");
	put_service(w, "zookeeper", "zookeeper");
	fake_apply(e->w->api, CORE "configmaps/codis-config", "{\"metadata\":{" APPLIED "}}");
	fake_apply(
		e->w->api, BUDGETS "codis-server-group-1",
		"{\"metadata\":{\"labels\":{\"app.kubernetes.io/managed-by\":\"codis-controller\",\"codis.io/product\":"
		"\"codis-test\"}},\"spec\":{\"selector\":{\"matchLabels\":{\"codis.io/group\":\"1\"}}}}");
	fake_apply(e->w->api, CORE "persistentvolumeclaims/data-codis-server-0", "{}");
	put_zookeeper(e);
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	struct estate_world *e = *state;
	void *w = e->w;
	int r;

	settle(e);
	uv_close((uv_handle_t *)&e->end, NULL);
	fake_zk_stop(&e->zk);
	r = uv_loop_close(&e->loop);
	assert_int_equal(r, 0);
	r = cli_teardown(&w);

	free(e);
	return r;
}

static bool is_there(struct estate_world *e, const char *path)
{
	JSON_CLEANUP cJSON *object = fake_read(e->w->api, path);

	return object != NULL;
}

#define ALL_OF_IT                                                                                                      \
	"Of product codis-test in namespace codis this goes, and what its pods have in memory:\n"                      \
	"  StatefulSet codis-server\n  Deployment codis-proxy\n  StatefulSet codis-dashboard\n"                        \
	"  Service codis-proxy\n  PodDisruptionBudget codis-server-group-1\n  ConfigMap codis-config\n"                \
	"  /codis3/codis-test and /jodis/codis-test in ZooKeeper zookeeper:2181\n"

CLEANUP_TEST(all_of_a_product_goes)
{
	struct estate_world *e = *state;
	play(e);

	fake_apply(e->w->api, CORE "configmaps/mine", "{}");
	put_service(e->w, "web", "web");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, ALL_OF_IT "  StatefulSet zookeeper\n  Service zookeeper\nThis stays:\n  PersistentVolumeClaim "
				 "data-codis-server-0\n    (--delete-data takes them)\n");
	cli_says(e->w, "\ncodis-controller only watches codis-test\n");
	cli_says(e->w, "\nStatefulSet codis-server: deleted\n");
	cli_says(e->w, "\nStatefulSet codis-dashboard: scaled to 0\n");
	cli_says(e->w, "\n/codis3/codis-test and /jodis/codis-test: 6 nodes deleted\nStatefulSet zookeeper: deleted\n");
	cli_says(e->w, "\nStatefulSet codis-dashboard: deleted\ncodis/codis-test is gone\n");
	assert_string_equal(e->w->c.err.data, "");
	assert_false(is_there(e, APPS "statefulsets/zookeeper"));
	assert_false(is_there(e, CORE "pods/codis-server-0"));
	assert_false(is_there(e, CORE "configmaps/codis-config"));
	assert_true(is_there(e, CORE "configmaps/mine"));
	assert_true(is_there(e, CORE "services/web"));
	assert_true(is_there(e, CORE "persistentvolumeclaims/data-codis-server-0"));
	settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
	assert_null(fake_zk_find(&e->zk, "/jodis/codis-test"));
	assert_non_null(fake_zk_find(&e->zk, "/codis3"));
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_OK);
	cli_says(e->w, "there is no Codis in namespace codis; -n names another one\n");
}

CLEANUP_TEST(another_product_in_the_same_zookeeper_stays)
{
	struct estate_world *e = *state;

	fake_zk_put(&e->zk, "/codis3/orders", "", 0);
	fake_zk_put(&e->zk, "/codis3/orders/topom", "{}", 2);
	fake_zk_put(&e->zk, "/jodis/orders", "", 0);
	play(e);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--delete-data"), CLI_OK);
	cli_says(e->w, ALL_OF_IT "  PersistentVolumeClaim data-codis-server-0\nThis stays:\n  StatefulSet zookeeper\n"
				 "    (other products use it)\n  in ZooKeeper zookeeper:2181: orders\n");
	settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
	assert_non_null(fake_zk_find(&e->zk, "/codis3/orders/topom"));
	assert_non_null(fake_zk_find(&e->zk, "/jodis/orders"));
	assert_true(is_there(e, APPS "statefulsets/zookeeper"));
	assert_true(is_there(e, CORE "services/zookeeper"));
	assert_true(is_there(e, CORE "pods/zookeeper-0"));
	assert_false(is_there(e, CORE "persistentvolumeclaims/data-codis-server-0"));
}

CLEANUP_TEST(what_codisctl_did_not_apply_or_others_share_stays)
{
	struct estate_world *e = *state;
	play(e);

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
	assert_true(is_there(e, CORE "services/both"));
	assert_true(is_there(e, APPS "deployments/web"));
	assert_true(is_there(e, CORE "configmaps/codis-config"));
	settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
}

CLEANUP_TEST(it_asks_and_respects_what_is_protected)
{
	struct estate_world *e = *state;
	int input = dup(STDIN_FILENO);
	play(e);

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

CLEANUP_TEST(what_could_be_another_ones_tree_is_not_named)
{
	static const char *const names[] = { "", ".", "..", "a/b", "codis-test/group", NULL };
	struct estate_world *e = *state;
	play(e);

	for (const char *const *n = names; *n; n++) {
		assert_int_equal(CLI(e->w, "cleanup", "--yes", "-p", *n), CLI_USAGE);
		cli_says(e->w, "is no name of a product\n");
	}
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "-p", "orders"), CLI_OK);
	cli_says(e->w, "nothing of product orders is in namespace codis\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
}

CLEANUP_TEST(a_tree_that_is_not_reached_stops_it_before_anything_goes)
{
	struct estate_world *e = *state;
	play(e);

	fake_delete(e->w->api, "/apis/discovery.k8s.io/v1/namespaces/codis/endpointslices/zookeeper-1");
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NOT_SO);
	cli_says(e->w,
		 "codisctl: no pod of ZooKeeper is ready, so /codis3/codis-test and /jodis/codis-test cannot be taken "
		 "away from here: repeat this, or leave them by --keep-tree. Nothing is taken away yet\n");
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
	assert_int_equal(CLI(e->w, "cleanup", "--yes", "--keep-tree"), CLI_OK);
	cli_says(e->w, "  StatefulSet zookeeper\n    (its tree is kept)\n");
	assert_false(is_there(e, APPS "statefulsets/codis-server"));
	assert_true(is_there(e, APPS "statefulsets/zookeeper"));
}

CLEANUP_TEST(nothing_goes_before_the_controller_has_heard_of_the_pause)
{
	struct estate_world *e = *state;
	play(e);

	cli_controller(e->w, "c-a",
		       "{\"leads\":true,\"clusters\":[{\"namespace\":\"codis\",\"product\":\"codis-test\"}]}");
	fake_fail(e->w->api, "PATCH " APPS "statefulsets/codis-server", 403, 1);
	assert_int_equal(CLI(e->w, "cleanup", "--yes"), CLI_NO_CLUSTER);
	assert_int_equal(fake_count(e->w->api, "DELETE"), 0);
}

CLEANUP_TEST(after_an_interrupt_it_goes_on)
{
	struct estate_world *e = *state;
	play(e);

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
	assert_false(is_there(e, APPS "statefulsets/codis-dashboard"));
	settle(e);
	assert_null(fake_zk_find(&e->zk, "/codis3/codis-test"));
}
