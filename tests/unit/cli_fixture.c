#include "tests/unit/cli_fixture.h"

#include "cli/verbs.h"

#define ARGS_MAX 16

static void forget(struct cli_world *w)
{
	w->c.kube = NULL; /* the world's */
	w->c.loop = NULL;
	cli_release(&w->c);
}

int cli_setup(void **state)
{
	struct cli_world *w = calloc(1, sizeof(*w));
	void *world;

	if (!w || fake_setup(&world) != 0)
		return -1;
	w->world = world;
	w->api = &w->world->api;
	w->out_fd = -1;
	cli_init(&w->c, -1, -1);
	*state = w;
	return 0;
}

int cli_teardown(void **state)
{
	struct cli_world *w = *state;
	void *world = w->world;

	forget(w);
	free(w);
	return fake_teardown(&world);
}

enum cli_status cli_command(struct cli_world *w, const char *const *argv)
{
	const char *own[ARGS_MAX] = { NULL };
	int argc = 0;

	for (; argv[argc]; argc++)
		own[argc] = argv[argc];
	forget(w);
	cli_init(&w->c, w->out_fd, -1);
	cli_use(&w->c, w->world->kube);
	w->c.loop = &w->world->loop;
	w->c.own_namespace = strdup("codis");
	if (asprintf(&w->c.server, "http://127.0.0.1:%u", w->api->port) < 0)
		w->c.server = NULL;
	return verbs_run(&w->c, argc, (char **)(uintptr_t)own);
}

static bool said(const struct cli_world *w, const char *words)
{
	return strstr(w->c.out.data, words) || strstr(w->c.err.data, words);
}

void cli_says(const struct cli_world *w, const char *words)
{
	if (!said(w, words))
		fail_msg("it does not say \"%s\", but:\n%s%s", words, w->c.out.data, w->c.err.data);
}

void cli_does_not_say(const struct cli_world *w, const char *words)
{
	if (said(w, words))
		fail_msg("it says \"%s\":\n%s%s", words, w->c.out.data, w->c.err.data);
}

#define SYSTEM "/api/v1/namespaces/codis-system/pods/"

void cli_controller(struct cli_world *w, const char *name, const char *status)
{
	BUF_CLEANUP struct buf pod = BUF_INIT(4096);
	char path[256];

	buf_addf(&pod,
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis-system\",\"uid\":\"u-%s\",\"labels\":{"
		 "\"app.kubernetes.io/name\":\"codis-controller\",\"app.kubernetes.io/part-of\":\"codis-k8s\"}},"
		 "\"spec\":{\"nodeName\":\"node-of-%s\",\"containers\":[{\"name\":\"codis-controller\",\"image\":"
		 "\"codis-k8s:1.0\",\"ports\":[{\"name\":\"ops\",\"containerPort\":8080}]}]},\"status\":{\"phase\":"
		 "\"Running\"}}",
		 name, name, name);
	snprintf(path, sizeof(path), SYSTEM "%s", name);
	fake_apply(w->api, path, pod.data);
	snprintf(path, sizeof(path), SYSTEM "%s:8080/proxy/status.json", name);
	if (status)
		fake_apply(w->api, path, status);
}

void cli_lease(struct cli_world *w, const char *holder)
{
	char lease[256];

	snprintf(lease, sizeof(lease),
		 "{\"metadata\":{\"name\":\"codis-controller\"},\"spec\":{\"holderIdentity\":\"%s\"}}", holder);
	fake_apply(w->api, "/apis/coordination.k8s.io/v1/namespaces/codis-system/leases/codis-controller", lease);
}

const char *cli_status_json(bool leads, const char *clusters, char *out, size_t size)
{
	int n = snprintf(out, size, "{\"leads\":%s,\"identity\":\"x\",\"clusters\":[%s],\"not_led\":[]}",
			 leads ? "true" : "false", clusters);

	assert_true(n > 0 && (size_t)n < size);
	return out;
}

static void pod(struct cli_world *w, const char *name, const char *app, const char *more, const char *ip, bool ready)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8192);
	char path[256];

	buf_addf(
		&text,
		"{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis\",\"uid\":\"u-%s\",\"labels\":{\"app\":\"%s\"%s},"
		"\"ownerReferences\":[{\"apiVersion\":\"apps/"
		"v1\",\"kind\":\"StatefulSet\",\"name\":\"%s\",\"uid\":\"u\","
		"\"controller\":true}]},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{\"name\":\"%s\",\"image\":\"c\","
		"\"command\":[\"%s\"]}]},\"status\":{\"phase\":\"Running\",\"podIP\":\"%s\",\"containerStatuses\":[{"
		"\"name\":\"%s\",\"state\":{\"running\":{}}}],\"conditions\":[{\"type\":"
		"\"Ready\",\"status\":\"%s\"}]}}",
		name, name, app, more, app, app, app, ip, app, ready ? "True" : "False");
	snprintf(path, sizeof(path), "/api/v1/namespaces/codis/pods/%s", name);
	fake_apply(w->api, path, text.data);
}

void cli_codis(struct cli_world *w)
{
	fake_apply(w->api, "/api/v1/nodes/n1",
		   "{\"metadata\":{\"name\":\"n1\",\"uid\":\"n1\"},\"status\":{\"conditions\":[{\"type\":\"Ready\","
		   "\"status\":\"True\"}]}}");
	pod(w, "codis-server-0", "codis-server", ",\"codis.io/role\":\"master\"", "10.0.0.1", true);
	pod(w, "codis-server-1", "codis-server", ",\"codis.io/role\":\"replica\"", "10.0.0.2", false);
	pod(w, "codis-proxy-0", "codis-proxy", "", "10.0.0.3", true);
	pod(w, "codis-dashboard-0", "codis-dashboard", "", "10.0.0.4", true);
	pod(w, "zookeeper-0", "zookeeper", "", "10.0.0.5", true);
	fake_apply(w->api, "/apis/apps/v1/namespaces/codis/statefulsets/codis-server",
		   "{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"codis\",\"uid\":\"set-1\"},\"spec\":{"
		   "\"replicas\":2,\"template\":{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{"
		   "\"containers\":[{\"name\":\"codis-server\",\"image\":\"c\",\"command\":[\"codis-server\"]}]}}}}");
}
