#include "tests/unit/estate_fixture.h"

#include <stdlib.h>

static void on_end(uv_async_t *end)
{
	uv_stop(end->loop);
}

static void run(void *ctx)
{
	uv_run(ctx, UV_RUN_DEFAULT);
}

void estate_play(struct estate_world *e)
{
	assert_int_equal(uv_thread_create(&e->thread, run, &e->loop), 0);
	e->plays = true;
}

void estate_settle(struct estate_world *e)
{
	if (!e->plays)
		return;
	uv_async_send(&e->end);
	uv_thread_join(&e->thread);
	e->plays = false;
}

void estate_put_maker(struct cli_world *w, const char *resource, const char *name, const char *app, const char *more)
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

void estate_put_service(struct cli_world *w, const char *name, const char *app)
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

int estate_setup(void **state)
{
	struct estate_world *e = calloc(1, sizeof(*e));
	char status[1024];
	void *w;

	if (!e || cli_setup(&w) != 0)
		return -1;
	e->w = w;
	cli_codis(w);
	cli_controller(w, "c-a", cli_status_json(true, PAUSED, status, sizeof(status)));
	estate_put_maker(w, "statefulsets", "codis-server", "codis-server",
			 ",\"volumeClaimTemplates\":[{\"metadata\":{\"name\":\"data\"}}],");
	estate_put_maker(w, "statefulsets", "codis-dashboard", "codis-dashboard", ",");
	estate_put_maker(w, "deployments", "codis-proxy", "codis-proxy", ",");
	estate_put_maker(w, "statefulsets", "zookeeper", "zookeeper", ",");
	estate_put_service(w, "codis-proxy", "codis-proxy");
	estate_put_service(w, "zookeeper", "zookeeper");
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

int estate_teardown(void **state)
{
	struct estate_world *e = *state;
	void *w = e->w;
	int r;

	estate_settle(e);
	uv_close((uv_handle_t *)&e->end, NULL);
	fake_zk_stop(&e->zk);
	r = uv_loop_close(&e->loop);
	assert_int_equal(r, 0);
	r = cli_teardown(&w);

	free(e);
	return r;
}

void estate_put_address(struct estate_world *e, const char *address)
{
	static const char *const what[][2] = { { "statefulsets", "codis-dashboard" },
					       { "deployments", "codis-proxy" },
					       { "statefulsets", "codis-server" } };

	for (int i = 0; i < 3; i++) {
		char path[256], text[1024];

		snprintf(path, sizeof(path), APPS "%s/%s", what[i][0], what[i][1]);
		snprintf(text, sizeof(text),
			 "{\"metadata\":{\"uid\":\"u-%s\"," APPLIED
			 "},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":"
			 "\"%s\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"%s\"}},\"spec\":{\"containers\":[{"
			 "\"name\":\"%s\",\"image\":\"c\",\"command\":[\"%s\",\"--zookeeper\",\"%s\"]}]}}}}",
			 what[i][1], what[i][1], what[i][1], what[i][1], what[i][1], address);
		fake_apply(e->w->api, path, text);
	}
}

bool estate_is_there(struct estate_world *e, const char *path)
{
	JSON_CLEANUP cJSON *object = fake_read(e->w->api, path);

	return object != NULL;
}
