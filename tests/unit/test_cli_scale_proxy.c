/* codisctl scale-proxy: what is scaled, what is waited for, and what is refused. */
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/cli_fixture.h"

#define APPS  "/apis/apps/v1/namespaces/codis/"
#define SCALE APPS "deployments/codis-proxy/scale"
#define PODS  "/api/v1/namespaces/codis/pods/"

static void put_maker(struct cli_world *w, const char *resource, const char *name, const char *product)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	char path[256];

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis\",\"uid\":\"u-%s\"},\"spec\":{\"replicas\":1,"
		 "\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-proxy\"%s%s%s}},\"spec\":{\"containers\":[{"
		 "\"name\":"
		 "\"codis-proxy\",\"image\":\"c\",\"command\":[\"codis-proxy\"]}]}}}}",
		 name, name, product ? ",\"codis.io/product\":\"" : "", product ? product : "", product ? "\"" : "");
	snprintf(path, sizeof(path), APPS "%s/%s", resource, name);
	fake_apply(w->api, path, text.data);
	snprintf(path, sizeof(path), APPS "%s/%s/scale", resource, name);
	fake_apply(w->api, path, "{\"spec\":{\"replicas\":1}}");
}

/* What the controller sees: these proxies, "1" one that serves, "0" one that does not answer. */
static void controller_sees(struct cli_world *w, const char *proxies)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);

	buf_addstr(&text,
		   "{\"leads\":true,\"clusters\":[{\"namespace\":\"codis\",\"product\":\"codis-test\",\"proxies\":[");
	for (const char *at = proxies; *at; at++)
		buf_addf(&text, "%s{\"addr\":\"a\",\"registered\":true,\"online\":true,\"answers\":%s}",
			 at == proxies ? "" : ",", *at == '1' ? "true" : "false");
	buf_addstr(&text, "]}]}");
	cli_controller(w, "c-a", text.data);
}

static int64_t replicas(struct cli_world *w, const char *path)
{
	JSON_CLEANUP cJSON *scale = fake_read(w->api, path);

	return json_int(-1, scale, "spec", "replicas", NULL);
}

CLI_TEST(more_proxies_until_each_answers)
{
	struct cli_world *w = *state;

	cli_codis(w);
	put_maker(w, "deployments", "codis-proxy", NULL);
	controller_sees(w, "1");
	fake_apply(w->api, PODS "codis-proxy-0/portforward", "{\"reply\":\"+PONG\\r\\n\"}");
	assert_int_equal(CLI(w, "scale-proxy", "1"), CLI_OK);
	cli_says(w, "Deployment codis-proxy: 1 -> 1\n1 of 1 proxies serve\n  codis-proxy-0  PONG in ");
	controller_sees(w, "111");
	assert_int_equal(CLI(w, "scale-proxy", "3", "codis-test"), CLI_OK);
	assert_int_equal(replicas(w, SCALE), 3);
	cli_says(w, "3 of 3 proxies serve\n");
	cli_says(w, "\nPONG\n");
	fake_apply(w->api, PODS "codis-proxy-0/portforward", "{\"reply\":\"-ERR\\r\\n\"}");
	assert_int_equal(CLI(w, "scale-proxy", "3"), CLI_NOT_SO);
	cli_says(w, "no PONG from 1 of 1 proxy");
}

CLI_TEST(what_is_not_there_in_time_is_told)
{
	struct cli_world *w = *state;

	cli_codis(w);
	put_maker(w, "statefulsets", "codis-proxy", NULL);
	controller_sees(w, "10");
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait", "100ms"), CLI_WAITED);
	assert_int_equal(replicas(w, APPS "statefulsets/codis-proxy/scale"), 2);
	cli_says(w, "codisctl: not within 0.1 s: 1 of 2 proxies serve. It goes on; this can be repeated\n");
	controller_sees(w, "111");
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, "3 of 2 proxies serve, 1 more are left");
	fake_fail(w->api, "/namespaces/codis-system/pods", 403, 1);
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, "not within 0.1 s: codis-controller may not be asked, or cannot: nobody tells how many serve. It");
	fake_fail(w->api, "/namespaces/codis-system/pods", 500, 1);
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, "not within 0.1 s: codisctl: GET /api/v1/namespaces/codis-system/pods: HTTP 500: as the test "
		    "asked. It");
	fake_delete(w->api, "/api/v1/namespaces/codis-system/pods/c-a");
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait", "100ms"), CLI_WAITED);
	cli_says(w, "the leading codis-controller does not tell of the product");
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait", "0"), CLI_OK);
	assert_int_equal(fake_count(w->api, "portforward"), 0);
}

struct scaler {
	struct cli_world *w;
	FILE *from;
};

/* As an autoscaler, once it is scaled. */
static void *scale_back(void *ctx)
{
	struct scaler *s = ctx;
	char line[256];

	if (fgets(line, sizeof(line), s->from))
		fake_apply(s->w->api, SCALE, "{\"spec\":{\"replicas\":1}}");
	while (fgets(line, sizeof(line), s->from))
		;
	return NULL;
}

CLI_TEST(what_another_one_scales_back_is_waited_for_no_more)
{
	struct cli_world *w = *state;
	struct scaler s = { .w = w };
	pthread_t thread;
	int ends[2];

	cli_codis(w);
	put_maker(w, "deployments", "codis-proxy", NULL);
	controller_sees(w, "1");
	assert_int_equal(pipe(ends), 0);
	s.from = fdopen(ends[0], "r");
	assert_non_null(s.from);
	w->out_fd = ends[1];
	assert_int_equal(pthread_create(&thread, NULL, scale_back, &s), 0);
	assert_int_equal(CLI(w, "scale-proxy", "3", "--wait", "5s"), CLI_NOT_SO);
	close(ends[1]);
	assert_int_equal(pthread_join(thread, NULL), 0);
	fclose(s.from);
	cli_says(w, "codisctl: Deployment codis-proxy was scaled to 1 by another one, after 3 was written: a "
		    "HorizontalPodAutoscaler does so, and manifests that are applied anew\n");
}

CLI_TEST(which_one_is_scaled)
{
	struct cli_world *w = *state;

	cli_codis(w);
	assert_int_equal(CLI(w, "scale-proxy", "2"), CLI_NOT_SO);
	cli_says(w, "no Deployment, StatefulSet or ReplicationController in namespace codis makes proxies of product "
		    "codis-test");
	put_maker(w, "deployments", "orders-proxy", "orders");
	assert_int_equal(CLI(w, "scale-proxy", "2", "--wait=0", "orders"), CLI_OK);
	assert_int_equal(replicas(w, APPS "deployments/orders-proxy/scale"), 2);
	put_maker(w, "deployments", "codis-proxy", "codis-test");
	put_maker(w, "statefulsets", "second", "codis-test");
	assert_int_equal(CLI(w, "scale-proxy", "2", "codis-test"), CLI_NOT_SO);
	cli_says(w, "several make proxies of product codis-test (Deployment codis-proxy, StatefulSet second): scale "
		    "the one that is "
		    "meant by kubectl");
	assert_int_equal(fake_count(w->api, "PATCH"), 1);
}

/* The article's proxies. */
CLI_TEST(a_replication_controller_is_scaled)
{
	struct cli_world *w = *state;
	static const char path[] = "/api/v1/namespaces/codis/replicationcontrollers/codis-proxy";

	cli_codis(w);
	fake_apply(
		w->api, path,
		"{\"metadata\":{\"name\":\"codis-proxy\",\"namespace\":\"codis\",\"uid\":\"u\"},\"spec\":{\"replicas\":"
		"1,"
		"\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-proxy\"}},\"spec\":{\"containers\":[{\"name\":"
		"\"codis-proxy\",\"image\":\"c\",\"command\":[\"codis-proxy\"]}]}}}}");
	fake_apply(w->api, "/api/v1/namespaces/codis/replicationcontrollers/codis-proxy/scale",
		   "{\"spec\":{\"replicas\":1}}");
	assert_int_equal(CLI(w, "scale-proxy", "3", "--wait=0"), CLI_OK);
	cli_says(w, "ReplicationController codis-proxy: 1 -> 3\n");
	assert_int_equal(replicas(w, "/api/v1/namespaces/codis/replicationcontrollers/codis-proxy/scale"), 3);
}

/* Who may not look for that kind is not kept from another one; where nothing else is there it is told. */
CLI_TEST(who_may_not_list_them_all_scales_what_is_found)
{
	struct cli_world *w = *state;

	cli_codis(w);
	fake_fail(&w->world->api, "replicationcontrollers", 403, 2);
	assert_int_equal(CLI(w, "scale-proxy", "3", "--wait=0"), CLI_NO_CLUSTER);
	put_maker(w, "deployments", "codis-proxy", NULL);
	assert_int_equal(CLI(w, "scale-proxy", "3", "--wait=0"), CLI_OK);
	assert_int_equal(replicas(w, SCALE), 3);
}

CLI_TEST(a_list_without_an_end_is_not_read_for_ever)
{
	struct cli_world *w = *state;

	w->api->endless = 2;
	assert_int_equal(CLI(w, "scale-proxy", "2"), CLI_NO_CLUSTER);
	cli_says(w, ": the API server's list has no end: it is over 250000 objects long");
}

CLI_TEST(what_is_no_number_or_not_allowed_changes_nothing)
{
	static const char *const numbers[] = { "0", "-1", "257", "two", "3x", " 3", "+3", "", NULL };
	struct cli_world *w = *state;

	cli_codis(w);
	put_maker(w, "deployments", "codis-proxy", NULL);
	for (const char *const *n = numbers; *n; n++)
		assert_int_equal(CLI(w, "scale-proxy", "--", *n), CLI_USAGE);
	assert_int_equal(CLI(w, "scale-proxy"), CLI_USAGE);
	cli_says(w, "scale-proxy: \"\" is no number of proxies: 1 to 256");
	fake_fail(w->api, "PATCH", 403, 1);
	assert_int_equal(CLI(w, "scale-proxy", "2"), CLI_NO_CLUSTER);
	cli_says(w, "codisctl: PATCH " SCALE ": HTTP 403");
	assert_int_equal(replicas(w, SCALE), 1);
}
