/* codisctl install: which images it takes, what it prints, what it applies, and what it waits for. */
#include <sys/stat.h>
#include <unistd.h>

#include "cli/install.h"
#include "common/base/file.h"
#include "tests/unit/cli_fixture.h"

#define DEPLOYMENTS "/apis/apps/v1/namespaces/codis-system/deployments/"
#define OBJECTS     29 /* of install.yaml */

static void server_is(struct cli_world *w, const char *version)
{
	char text[128];

	snprintf(text, sizeof(text), "{\"gitVersion\":\"%s\"}", version);
	fake_apply(w->api, "/version", text);
}

#define TEMPLATE(container, image)                                                                                     \
	"\"spec\":{\"replicas\":2,\"template\":{\"spec\":{\"containers\":[{\"name\":\"extender\",\"image\":\"x:1\"},"  \
	"{\"name\":\"" container "\",\"image\":\"" image "\"}]}}},"
#define OF_TWO(updated, available)                                                                                     \
	"\"status\":{\"replicas\":2,\"updatedReplicas\":" #updated ",\"availableReplicas\":" #available "}"

static void deployment_is(struct cli_world *w, const char *name, const char *rest)
{
	char path[256], text[1024];

	snprintf(path, sizeof(path), DEPLOYMENTS "%s", name);
	snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis-system\"},%s}", name, rest);
	fake_apply(w->api, path, text);
}

/* All of it runs, as it was installed from registries of the user's. */
static void runs(struct cli_world *w)
{
	deployment_is(w, "codis-webhook", TEMPLATE("webhook", "r.example:5000/codis-k8s:1.0") OF_TWO(2, 2));
	deployment_is(w, "codis-scheduler",
		      TEMPLATE("scheduler", "r.example:5000/kube-scheduler:v1.30.2") OF_TWO(2, 2));
	deployment_is(w, "codis-controller", TEMPLATE("controller", "r.example:5000/codis-k8s:1.0") OF_TWO(2, 2));
}

/* --- what is printed ---------------------------------------------------------------------------------------------- */

static void replace(struct buf *out, const char *text, const char *from, const char *to)
{
	for (const char *at; (at = strstr(text, from)); text = at + strlen(from)) {
		buf_add(out, text, (size_t)(at - text));
		buf_addstr(out, to);
	}
	buf_addstr(out, text);
}

CLI_TEST(what_is_printed_is_install_yaml_with_these_images)
{
	BUF_CLEANUP struct buf owned = BUF_INIT(1u << 20);
	BUF_CLEANUP struct buf wanted = BUF_INIT(1u << 20);
	struct cli_world *w = *state;
	struct error err;
	char *file = file_read("manifests/install.yaml", 1u << 20, &err);

	assert_non_null(file);
	assert_string_equal(file, install_yaml);
	replace(&owned, file, " codis-k8s:latest", " r.example/k:1");
	replace(&wanted, owned.data, "kube-scheduler:v1.35.4", "kube-scheduler:v1.31.2");
	assert_int_equal(CLI(w, "install", "--print", "--version", "v1.31.2", "--image", "r.example/k:1"), CLI_OK);
	assert_string_equal(w->c.out.data, wanted.data);
	assert_int_equal(CLI(w, "install", "-oyaml", "--version=1.31.2", "--image=r.example/k:1"), CLI_OK);
	assert_string_equal(w->c.out.data, wanted.data);
	assert_int_equal(CLI(w, "install", "--print", "--version", "v1.31.2"), CLI_OK);
	cli_says(w, "        image: codis-k8s:latest\n");
	assert_int_equal(fake_count(w->api, "/"), 0);
	free(file);
}

CLI_TEST(the_scheduler_is_of_the_servers_version)
{
	static const struct {
		const char *server, *tag;
	} cases[] = {
		{ "v1.31.4", "v1.31.4" },           { "v1.30.9-eks-7f9249a", "v1.30.9" },
		{ "v1.33.1+k3s1", "v1.33.1" },      { "v1.30.14-gke.1200", "v1.30.14" },
		{ "v1.36.0-rc.1", "v1.36.0-rc.1" }, { "v1.36.0-alpha.12+abc", "v1.36.0-alpha.12" },
	};
	struct cli_world *w = *state;
	char words[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		server_is(w, cases[i].server);
		assert_int_equal(CLI(w, "install", "--print"), CLI_OK);
		snprintf(words, sizeof(words), " image: registry.k8s.io/kube-scheduler:%s # ", cases[i].tag);
		cli_says(w, words);
	}
	assert_int_equal(CLI(w, "install", "--print", "--scheduler-image", "mirror:5000/k/kube-scheduler"), CLI_OK);
	cli_says(w, " image: mirror:5000/k/kube-scheduler:v1.36.0-alpha.12 # ");
	assert_int_equal(CLI(w, "install", "--print", "--scheduler-image", "mirror:5000/sched@sha256:1"), CLI_OK);
	cli_says(w, " image: mirror:5000/sched@sha256:1 # ");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

CLI_TEST(images_that_run_stay_but_for_the_version)
{
	struct cli_world *w = *state;

	server_is(w, "v1.31.4");
	runs(w);
	assert_int_equal(CLI(w, "install", "--print"), CLI_OK);
	cli_says(w, " image: r.example:5000/kube-scheduler:v1.31.4 # ");
	cli_says(w, "          value: r.example:5000/codis-k8s:1.0\n");
	cli_does_not_say(w, "  image: codis-k8s:latest");
	assert_int_equal(CLI(w, "install", "--print", "--image", "r/k:2"), CLI_OK);
	cli_says(w, "          value: r/k:2\n");
	cli_does_not_say(w, "r.example:5000/codis-k8s");
}

/* As an overlay has them. */
CLI_TEST(images_of_another_file_are_its_own)
{
	static const char text[] = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a, namespace: b}\nspec:\n"
				   "  containers:\n  - image: mine:5000/kube-scheduler:v1.30.0\n  - image: mine/k:3\n";
	char path[] = "/tmp/codis-install-XXXXXX";
	struct cli_world *w = *state;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	close(fd);
	server_is(w, "v1.31.4");
	runs(w);
	assert_int_equal(CLI(w, "install", "-f", path, "--wait", "0"), CLI_OK);
	assert_string_equal(w->c.out.data, "kube-scheduler: mine:5000/kube-scheduler:v1.31.4\nDeployment a: created\n");
	assert_int_equal(CLI(w, "install", "-f", path, "--print", "--scheduler-image", "x/y"), CLI_OK);
	cli_says(w, "  - image: x/y:v1.31.4\n  - image: mine/k:3\n");
	assert_int_equal(CLI(w, "install", "-f", path, "--image", "x"), CLI_USAGE);
	cli_says(w, " has no image codis-k8s:latest, which --image is in place of\n");
	assert_int_equal(unlink(path), 0);
}

/* --- what is refused ---------------------------------------------------------------------------------------------- */

CLI_TEST(what_cannot_work_is_refused_before_anything_is_applied)
{
	static const struct {
		const char *server, *args[4];
		enum cli_status status;
		const char *says;
	} cases[] = {
		{ "v1.29.15",
		  { NULL },
		  CLI_NOT_SO,
		  "codisctl: the API server is v1.29.15, and codis-k8s needs Kubernetes 1.30 or newer, whose webhook "
		  "configurations have matchConditions: nothing is applied\n" },
		{ "v2.0.0",
		  { NULL },
		  CLI_NOT_SO,
		  "codisctl: the API server's version is \"v2.0.0\", and codis-k8s needs Kubernetes 1.30 or newer: "
		  "nothing is applied\n" },
		{ "v1.35.4",
		  { "--version", "v1.36.0" },
		  CLI_NOT_SO,
		  "codisctl: a kube-scheduler v1.36.0 places nothing beside an API server v1.35.4: it has to be of the "
		  "same minor version, or of the one before; without --version it is the server's\n" },
		{ "v1.35.4", { "--version", "v1.33.0" }, CLI_NOT_SO, "a kube-scheduler v1.33.0 places nothing beside" },
		{ "v1.35.4",
		  { "--version", "v1.29.1" },
		  CLI_USAGE,
		  "codisctl: install: --version \"v1.29.1\" has to be one of kube-scheduler, v1.30.0 or newer\n" },
		{ "v1.35.4", { "--version", "latest" }, CLI_USAGE, "--version \"latest\" has to be one of kube-sched" },
		{ "v1.35.4", { "--version", "v1.35.4x" }, CLI_USAGE, "--version \"v1.35.4x\" has to be one of" },
		{ "v1.35.4", { "--version", "v1.35.44444" }, CLI_USAGE, "--version \"v1.35.44444\" has to be one of" },
		{ "v1.35.4", { "--image", "a b" }, CLI_USAGE, "codisctl: install: \"a b\" is no image\n" },
		{ "v1.35.4", { "--scheduler-image", "" }, CLI_USAGE, "codisctl: install: \"\" is no image\n" },
		{ "v1.35.4",
		  { "--system-namespace", "x" },
		  CLI_USAGE,
		  "codisctl: install: codis-k8s runs in namespace codis-system, and in no other one\n" },
		{ "v1.35.4",
		  { "-f", "manifests/examples/network-policy.yaml" },
		  CLI_USAGE,
		  "codisctl: install: manifests/examples/network-policy.yaml has no image of kube-scheduler: it is no "
		  "install.yaml\n" },
		{ "v1.35.4",
		  { "-f", "/nowhere" },
		  CLI_USAGE,
		  "codisctl: install: /nowhere: No such file or directory\n" },
	};
	struct cli_world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const *args = cases[i].args;

		server_is(w, cases[i].server);
		if (CLI(w, "install", "--wait", "0", args[0], args[1]) != cases[i].status)
			fail_msg("case %zu: %s%s", i, w->c.out.data, w->c.err.data);
		cli_says(w, cases[i].says);
		assert_string_equal(w->c.out.data, "");
	}
	fake_fail(w->api, "/version", 403, 1);
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_NO_CLUSTER);
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

#define CERT_MANAGER(body) "apiVersion: cert-manager.io/v1\nkind: " body "\n---\n"
#define CERTIFICATES                                                                                                   \
	"{\"kind\":\"APIResourceList\",\"resources\":[{\"name\":\"certificates/status\",\"namespaced\":true,\"kind\":" \
	"\"Certificate\"},{\"name\":\"certificates\",\"namespaced\":true,\"kind\":\"Certificate\"}"
#define ISSUERS                                                                                                        \
	",{\"name\":\"issuers\",\"namespaced\":true,\"kind\":\"Issuer\"},{\"name\":\"clusterissuers\",\"namespaced\":" \
	"false,\"kind\":\"ClusterIssuer\"}"

/* Kinds that codisctl knows by the cluster alone, as those of the overlay cert-manager, before install.yaml's. */
static enum cli_status install_with(struct cli_world *w, const char *more)
{
	char path[] = "/tmp/codis-install-XXXXXX";
	int fd = mkstemp(path);
	enum cli_status status;

	assert_true(fd >= 0);
	dprintf(fd,
		"%sapiVersion: v1\nkind: ServiceAccount\nmetadata: {name: a, namespace: b}\nspec:\n"
		"- image: x/kube-scheduler:v1.30.0\n",
		more);
	close(fd);
	server_is(w, "v1.31.4");
	status = CLI(w, "install", "-f", path, "--wait", "0");
	assert_int_equal(unlink(path), 0);
	return status;
}

CLI_TEST(a_kind_that_only_the_cluster_knows_is_applied)
{
	static const char more[] = CERT_MANAGER("Issuer\nmetadata: {name: i, namespace: b}")
		CERT_MANAGER("ClusterIssuer\nmetadata: {name: all}") CERT_MANAGER(
			"Certificate\nmetadata: {name: c, namespace: b}") "apiVersion: serving.example/v1\nkind: "
									  "Service\nmetadata: {name: s, namespace: "
									  "b}\n---\n";
	struct cli_world *w = *state;

	fake_apply(w->api, "/apis/cert-manager.io/v1", CERTIFICATES ISSUERS "]}");
	fake_apply(w->api, "/apis/serving.example/v1",
		   "{\"resources\":[{\"name\":\"services\",\"namespaced\":true,\"kind\":\"Service\"}]}");
	if (install_with(w, more) != CLI_OK)
		fail_msg("%s%s", w->c.out.data, w->c.err.data);
	cli_says(w, "Issuer i: created\nClusterIssuer all: created\nCertificate c: created\nService s: created\n"
		    "ServiceAccount a: created\n");
	assert_int_equal(fake_count(w->api, "PATCH /apis/cert-manager.io/v1/namespaces/b/certificates/c&"), 1);
	assert_int_equal(fake_count(w->api, "PATCH /apis/cert-manager.io/v1/clusterissuers/all&"), 1);
	assert_int_equal(fake_count(w->api, "PATCH /apis/serving.example/v1/namespaces/b/services/s&"), 1);
}

CLI_TEST(a_kind_that_the_cluster_has_not_is_refused_before_anything_is_applied)
{
	static const char issuer[] = CERT_MANAGER("Issuer\nmetadata: {name: i, namespace: b}");
	static const char no_namespace[] = CERT_MANAGER("Certificate\nmetadata: {name: c}");
	static const char core[] = "apiVersion: v1\nkind: Nothing\nmetadata: {name: x, namespace: b}\n---\n";
	static const char path[] = "apiVersion: a/b/c\nkind: Nothing\nmetadata: {name: x, namespace: b}\n---\n";
	struct cli_world *w = *state;

	assert_int_equal(install_with(w, issuer), CLI_NOT_SO);
	cli_says(w,
		 "codisctl: Issuer i: the cluster has no such kind in cert-manager.io/v1. Nothing is applied: install "
		 "what brings it (the CustomResourceDefinitions of cert-manager.io) first, and repeat this\n");
	fake_apply(w->api, "/apis/cert-manager.io/v1", CERTIFICATES "]}");
	assert_int_equal(install_with(w, issuer), CLI_NOT_SO);
	cli_says(w, "codisctl: Issuer i: the cluster has no such kind in cert-manager.io/v1. ");
	assert_int_equal(install_with(w, no_namespace), CLI_USAGE);
	cli_says(w, "codisctl: install: Certificate c says no namespace\n");
	assert_int_equal(install_with(w, core), CLI_NOT_SO);
	cli_says(w, "codisctl: Nothing x: the cluster has no such kind in v1. Nothing is applied\n");
	assert_int_equal(install_with(w, path), CLI_USAGE);
	cli_says(w, "it has no kind, or no apiVersion");
	assert_int_equal(install_with(w, "apiVersion: apps/v1beta1\nkind: StatefulSet\nmetadata: {name: x}\n---\n"),
			 CLI_USAGE);
	cli_says(w, "StatefulSet has apiVersion apps/v1beta1, and it takes apps/v1\n");
	fake_fail(w->api, "GET /apis/cert-manager.io/v1", 503, 1);
	assert_int_equal(install_with(w, issuer), CLI_NO_CLUSTER);
	fake_apply(w->api, "/apis/cert-manager.io/v1",
		   "{\"resources\":[{\"name\":\"a b\",\"namespaced\":true,\"kind\":\"Issuer\"}]}");
	assert_int_equal(install_with(w, issuer), CLI_USAGE);
	cli_says(w, "\"a b\" is no resource");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

/* --- what is applied ---------------------------------------------------------------------------------------------- */

CLI_TEST(it_is_applied_and_waited_for_and_can_be_repeated)
{
	struct cli_world *w = *state;
	JSON_CLEANUP cJSON *is = NULL;
	const cJSON *containers;

	server_is(w, "v1.31.4");
	runs(w);
	assert_int_equal(CLI(w, "install", "--wait", "5s"), CLI_OK);
	cli_says(w, "codis-k8s: r.example:5000/codis-k8s:1.0, which runs already; --image names another one\n"
		    "kube-scheduler: r.example:5000/kube-scheduler:v1.31.4\n"
		    "Namespace codis-system: created\nPriorityClass codis-system: created\n");
	cli_says(w, "RoleBinding codis-scheduler-authentication-reader: created\n");
	cli_says(w, "Deployment codis-scheduler: changed\n");
	cli_says(w,
		 "MutatingWebhookConfiguration codis-webhook: created\nValidatingWebhookConfiguration codis-webhook: "
		 "created\nready: codis-webhook 2 of 2, codis-scheduler 2 of 2, codis-controller 2 of 2\n"
		 "codis-k8s is ready. Next: codisctl buildup, or kubectl apply of your own Codis\n");
	assert_string_equal(w->c.err.data, "");
	assert_int_equal(fake_count(w->api, "&fieldManager=codisctl&force=true"), OBJECTS);
	is = fake_read(w->api, DEPLOYMENTS "codis-scheduler");
	containers = json_get(is, "spec", "template", "spec", "containers", NULL);
	assert_string_equal(json_str(cJSON_GetArrayItem(containers, 0), "image", NULL), "r.example:5000/codis-k8s:1.0");
	assert_string_equal(json_str(cJSON_GetArrayItem(containers, 1), "image", NULL),
			    "r.example:5000/kube-scheduler:v1.31.4");
	assert_int_equal(CLI(w, "install", "--wait", "5s"), CLI_OK);
	cli_says(w, "Deployment codis-scheduler: unchanged\n");
	cli_does_not_say(w, ": changed");
	cli_does_not_say(w, ": created");
}

CLI_TEST(that_no_registry_has_its_image_is_said)
{
	struct cli_world *w = *state;

	server_is(w, "v1.35.4");
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_OK);
	cli_says(w, "codis-k8s: codis-k8s:latest, which is in no registry: the nodes have it, or --image names yours\n"
		    "kube-scheduler: registry.k8s.io/kube-scheduler:v1.35.4\n");
	cli_does_not_say(w, "ready");
}

CLI_TEST(a_refusal_ends_it)
{
	struct cli_world *w = *state;

	server_is(w, "v1.35.4");
	w->api->fail_message = "it may not";
	fake_fail(w->api, "clusterroles/codis-webhook", 403, 1);
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_NO_CLUSTER);
	cli_says(w, "PriorityClass codis-system: created\n");
	cli_says(w, "codisctl: ClusterRole codis-webhook: ");
	cli_says(w, "it may not. What stands before it was applied; mend it, and repeat this\n");
	fake_apply(w->api, "/api/v1/namespaces/codis-system",
		   "{\"metadata\":{\"deletionTimestamp\":\"2026-11-28T00:00:00Z\"}}");
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_NOT_SO);
	cli_says(w, "codisctl: Namespace codis-system is being deleted: repeat this when it is gone\n");
}

#define KUBECTLS "{\"manager\":\"kubectl-client-side-apply\",\"operation\":\"Update\",\"fieldsV1\":{\"f:spec\":{}}}"
#define ANOTHERS "{\"manager\":\"kube-controller-manager\",\"operation\":\"Update\",\"subresource\":\"status\"}"

/* Else what a later install.yaml has no more would be kubectl's, and stay. */
CLI_TEST(what_kubectl_has_applied_becomes_codisctls)
{
	struct cli_world *w = *state;
	JSON_CLEANUP cJSON *is = NULL;
	const cJSON *entries;

	server_is(w, "v1.35.4");
	fake_apply(w->api, DEPLOYMENTS "codis-webhook",
		   "{\"metadata\":{\"name\":\"codis-webhook\",\"managedFields\":[" ANOTHERS "," KUBECTLS
		   "]},\"spec\":{}}");
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_OK);
	is = fake_read(w->api, DEPLOYMENTS "codis-webhook");
	entries = json_get(is, "metadata", "managedFields", NULL);
	assert_int_equal(cJSON_GetArraySize(entries), 2);
	assert_string_equal(json_str(cJSON_GetArrayItem(entries, 0), "manager", NULL), "kube-controller-manager");
	assert_string_equal(json_str(cJSON_GetArrayItem(entries, 1), "manager", NULL), "codisctl");
	assert_string_equal(json_str(cJSON_GetArrayItem(entries, 1), "operation", NULL), "Apply");
	assert_non_null(json_get(cJSON_GetArrayItem(entries, 1), "fieldsV1", "f:spec", NULL));
	assert_int_equal(fake_count(w->api, "PATCH " DEPLOYMENTS "codis-webhook"), 2);
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_OK);
	assert_int_equal(fake_count(w->api, "PATCH " DEPLOYMENTS "codis-webhook"), 3);
}

CLI_TEST(whoever_writes_meanwhile_is_let_go_first)
{
	struct cli_world *w = *state;

	server_is(w, "v1.35.4");
	fake_apply(w->api, DEPLOYMENTS "codis-webhook",
		   "{\"metadata\":{\"name\":\"codis-webhook\",\"managedFields\":[" KUBECTLS "]},\"spec\":{}}");
	fake_fail(w->api, "PATCH " DEPLOYMENTS "codis-webhook", 409, 2);
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_OK);
	assert_int_equal(fake_count(w->api, "PATCH " DEPLOYMENTS "codis-webhook"), 4);
	fake_apply(w->api, DEPLOYMENTS "codis-webhook",
		   "{\"metadata\":{\"name\":\"codis-webhook\",\"managedFields\":[" KUBECTLS "]},\"spec\":{}}");
	fake_fail(w->api, "PATCH " DEPLOYMENTS "codis-webhook", 409, 100);
	assert_int_equal(CLI(w, "install", "--wait", "0"), CLI_NOT_SO);
	cli_says(w, "codisctl: Deployment codis-webhook: ");
}

/* --- what is waited for ------------------------------------------------------------------------------------------- */

CLI_TEST(what_it_waits_for_is_told)
{
	struct cli_world *w = *state;

	server_is(w, "v1.35.4");
	runs(w);
	deployment_is(w, "codis-webhook", "\"spec\":{}," OF_TWO(1, 2));
	fake_apply(
		w->api, DEPLOYMENTS "codis-controller",
		"{\"metadata\":{\"name\":\"codis-controller\",\"generation\":2},\"spec\":{},\"status\":{\"replicas\":2,"
		"\"updatedReplicas\":2,\"availableReplicas\":2,\"observedGeneration\":1}}");
	fake_apply(
		w->api, "/api/v1/namespaces/codis-system/pods/codis-webhook-x",
		"{\"metadata\":{\"name\":\"codis-webhook-x\",\"namespace\":\"codis-system\",\"labels\":{"
		"\"app.kubernetes.io/part-of\":\"codis-k8s\"}},\"status\":{\"containerStatuses\":[{\"image\":\"r/k:9\","
		"\"state\":{\"waiting\":{\"reason\":\"ImagePullBackOff\"}}}]}}");
	fake_apply(
		w->api, "/api/v1/namespaces/codis-system/pods/codis-webhook-y",
		"{\"metadata\":{\"name\":\"codis-webhook-y\",\"namespace\":\"codis-system\",\"labels\":{"
		"\"app.kubernetes.io/part-of\":\"codis-k8s\"}},\"status\":{\"conditions\":[{\"type\":\"PodScheduled\","
		"\"reason\":\"Unschedulable\",\"message\":\"0/1 nodes\x1b are available\"}],\"containerStatuses\":[{"
		"\"image\":\"r/k:9\",\"state\":{\"waiting\":{\"reason\":\"ContainerCreating\"}}}]}}");
	fake_apply(w->api, "/api/v1/namespaces/codis-system/pods/codis-webhook-z",
		   "{\"metadata\":{\"name\":\"codis-webhook-z\",\"namespace\":\"codis-system\",\"labels\":{"
		   "\"app.kubernetes.io/part-of\":\"codis-k8s\"}},\"status\":{\"phase\":\"Pending\",\"startTime\":"
		   "\"2026-01-02T03:04:05Z\",\"conditions\":[{\"type\":\"PodReadyToStartContainers\",\"status\":"
		   "\"False\"}]}}");
	assert_int_equal(CLI(w, "install", "--wait", "600ms"), CLI_WAITED);
	cli_says(w,
		 "ready: codis-webhook 1 of 2 (1 old), codis-scheduler 2 of 2, codis-controller 0 of 2\n"
		 "  codis-webhook-x: ImagePullBackOff, r/k:9\n"
		 "  codis-webhook-y: it has no node: 0/1 nodes? are available\n"
		 "  codis-webhook-z: ContainerCreating, for more than 30 s: a volume (ConfigMap, Secret, disk) or its "
		 "network is not there, and its Events say which\n");
	cli_says(w,
		 "codisctl: not within 0.6 s. What was applied stands and goes on, and this can be repeated; kubectl "
		 "describe pods -n codis-system tells more\n");
	cli_does_not_say(w, "y: ContainerCreating");
	cli_does_not_say(w, "is ready");
}
