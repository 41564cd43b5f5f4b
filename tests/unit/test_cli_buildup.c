/* codisctl buildup: what is read, what is looked at before, what is applied, and what is waited for. */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/documents.h"
#include "cli/stock.h"
#include "tests/unit/cli_fixture.h"

#define WEBHOOK     "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/codis-webhook"
#define NAMESPACE   "/api/v1/namespaces/codis"
#define SETS        "/apis/apps/v1/namespaces/codis/statefulsets/"
#define DEPLOYMENTS "/apis/apps/v1/namespaces/codis/deployments/"

/* --- what is read ------------------------------------------------------------------------------------------------- */

/* A folder of manifests that ends with its test. */
struct folder {
	char path[64];
};

static void folder_make(struct folder *f)
{
	snprintf(f->path, sizeof(f->path), "/tmp/codis-buildup-XXXXXX");
	assert_non_null(mkdtemp(f->path));
}

static const char *folder_write(struct folder *f, const char *name, const char *text)
{
	static char path[128];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", f->path, name);
	out = fopen(path, "we");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
	return path;
}

static void folder_end(struct folder *f)
{
	static const char *const names[] = { "a.yaml", "b.yml", "c.json", "d.txt" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/%s", f->path, names[i]);
		assert_true(unlink(path) == 0 || errno == ENOENT);
	}
	assert_int_equal(rmdir(f->path), 0);
}

#define CONFIG(name)                                                                                                   \
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: " name "}\n"                                                \
	"data: {a: b}\n"

/* The Makefile says which ones are brought along, cli/stock.h which ones may be asked for. */
TEST(every_stock_set_can_be_read)
{
	char sets[] = STOCK_SETS, *rest = sets, *set;

	while ((set = strsep(&rest, "|"))) {
		struct documents d = { .namespace = "codis" };
		struct error err = ERROR_INIT;

		if (documents_read_stock(&d, set, &err) < 0)
			fail_msg("%s: %s", set, err.text);
		assert_true(d.count > 8);
		documents_release(&d);
	}
}

TEST(a_folder_is_read_in_the_order_of_its_names)
{
	struct documents d = { .namespace = "codis" };
	struct folder f;
	struct error err;

	folder_make(&f);
	folder_write(&f, "b.yml", CONFIG("third"));
	folder_write(&f, "a.yaml", CONFIG("first") "---\n" CONFIG("second"));
	folder_write(&f, "c.json", "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"metadata\":{\"name\":\"fourth\"}}");
	folder_write(&f, "d.txt", "no YAML: [");
	assert_int_equal(documents_read(&d, f.path, &err), 0);
	assert_int_equal(d.count, 4);
	assert_string_equal(d.all[0].name, "first");
	assert_string_equal(d.all[1].name, "second");
	assert_string_equal(d.all[2].name, "third");
	assert_string_equal(d.all[3].name, "fourth");
	assert_string_equal(d.all[2].from, "b.yml");
	assert_string_equal(json_str(d.all[3].object, "metadata", "namespace", NULL), "codis");
	documents_release(&d);
	folder_end(&f);
}

TEST(both_stock_sets_are_read)
{
	static const struct {
		const char *set;
		int count;
	} sets[] = { { "plain", 13 }, { "article", 14 } };
	struct error err;

	for (size_t i = 0; i < 2; i++) {
		struct documents d = { .namespace = "codis" };

		if (documents_read_stock(&d, sets[i].set, &err) < 0)
			fail_msg("%s: %s", sets[i].set, err.text);
		assert_int_equal(d.count, sets[i].count);
		documents_release(&d);
	}
}

/* What ends where ZooKeeper does not answer yet, and would be started again later and later. */
TEST(dashboard_and_fe_of_our_sets_wait_for_zookeeper)
{
	static const char *const sets[] = { "plain", "persistent" };
	struct error err;

	for (size_t i = 0; i < 2; i++) {
		struct documents d = { .namespace = "codis" };
		int waiting = 0;

		assert_int_equal(documents_read_stock(&d, sets[i], &err), 0);
		for (int k = 0; k < d.count; k++) {
			int replicas;
			const cJSON *init = json_first(
				json_get(document_template(&d.all[k], &replicas), "spec", "initContainers", NULL));
			const char *name = json_str(init, "name", NULL);

			waiting += name && strcmp(name, "wait-for-zookeeper") == 0 &&
				   (strcmp(d.all[k].name, "codis-fe") == 0 ||
				    strcmp(d.all[k].name, "codis-dashboard") == 0);
		}
		assert_int_equal(waiting, 2);
		documents_release(&d);
	}
}

TEST(images_are_set_by_their_names)
{
	struct documents d = { .namespace = "codis" };
	struct error err;

	assert_int_equal(documents_read_stock(&d, "plain", &err), 0);
	assert_int_equal(documents_set_images(&d, "codis-image=r:5000/codis:3.2,codis-zookeeper=r/zk@sha256:1", &err),
			 0);
	for (int i = 0; i < d.count; i++) {
		int replicas;
		const cJSON *template = document_template(&d.all[i], &replicas), *container;

		json_each(container, json_get(template, "spec", "containers", NULL))
			assert_string_equal(json_str(container, "image", NULL), strcmp(d.all[i].name, "zookeeper") == 0
											? "r/zk@sha256:1"
											: "r:5000/codis:3.2");
		json_each(container, json_get(template, "spec", "initContainers", NULL))
			assert_string_equal(json_str(container, "image", NULL), "r:5000/codis:3.2");
	}
	assert_int_equal(documents_set_images(&d, "codis-imag=x", &err), -1);
	assert_string_equal(err.text, "--image: no container has the image codis-imag");
	assert_int_equal(documents_set_images(&d, "codis-image", &err), -1);
	assert_string_equal(err.text,
			    "--image \"codis-image\" has to be NAME=IMAGE, as codis-image=registry/codis:3.2");
	documents_release(&d);
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

#define STATUS(words, proxies)                                                                                         \
	"{\"namespace\":\"codis\",\"product\":\"codis-test\",\"ok\":" words ",\"groups\":[{\"led\":true}],"            \
	"\"proxies\":[" proxies "]}"
#define SERVES "{\"registered\":true,\"online\":true,\"answers\":true}"
#define IS_OK  STATUS("true,\"line\":\"codis-test: OK, 1/1 groups led\"", SERVES)
#define IS_NOT STATUS("false,\"line\":\"codis-test: DOWN, 0 proxies; no proxy serves; group 1\"", "")

static void controller_says(struct cli_world *w, const char *cluster)
{
	char status[2048];

	cli_controller(w, "c-a", cli_status_json(true, cluster, status, sizeof(status)));
}

static void installed(struct cli_world *w)
{
	fake_apply(w->api, WEBHOOK, "{}");
	fake_apply(w->api, NAMESPACE, "{}");
	controller_says(w, IS_OK);
}

#define SERVERS(replicas)                                                                                              \
	"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: codis-server}\nspec:\n  replicas: " replicas "\n"    \
	"  template:\n    metadata: {labels: {app: codis-server}}\n    spec:\n      containers:\n"                     \
	"      - {name: codis-server, image: c, command: [codis-server]}\n"
#define PROXIES(replicas)                                                                                              \
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: codis-proxy}\nspec:\n  replicas: " replicas "\n"      \
	"  template:\n    metadata: {labels: {app: codis-proxy}}\n    spec:\n      containers:\n"                      \
	"      - {name: codis-proxy, image: c, command: [codis-proxy]}\n"

static enum cli_status buildup(struct cli_world *w, const char *text, const char *wait)
{
	enum cli_status status;
	struct folder f;

	folder_make(&f);
	status = CLI(w, "buildup", "-f", folder_write(&f, "a.yaml", text), "--wait", wait);
	folder_end(&f);
	return status;
}

CLI_TEST(what_is_applied_ends_with_pong)
{
	struct cli_world *w = *state;

	cli_codis(w);
	installed(w);
	fake_apply(w->api, "/api/v1/namespaces/codis/pods/codis-proxy-0/portforward", "{\"reply\":\"+PONG\\r\\n\"}");
	assert_int_equal(buildup(w, CONFIG("c") "---\n" SERVERS("2") "---\n" PROXIES("1"), "5s"), CLI_OK);
	cli_says(w, "ConfigMap c: created\nStatefulSet codis-server: changed\nDeployment codis-proxy: created\n"
		    "codis/codis-test: OK, 1/1 groups led\n  codis-proxy-0  PONG in ");
	cli_says(w, " ms\nPONG\n");
	assert_string_equal(w->c.err.data, "");
	assert_int_equal(buildup(w, CONFIG("c") "---\n" SERVERS("2") "---\n" PROXIES("1"), "5s"), CLI_OK);
	cli_says(w, "ConfigMap c: unchanged\nStatefulSet codis-server: unchanged\nDeployment codis-proxy: unchanged\n");
	assert_int_equal(fake_count(w->api, "PATCH " SETS "codis-server&fieldManager=codisctl"), 2);
}

/* On a busy machine a good Codis does not answer each time. */
CLI_TEST(a_proxy_that_does_not_answer_is_pinged_again)
{
	struct cli_world *w = *state;
	int told = 0;

	cli_codis(w);
	installed(w);
	fake_apply(w->api, "/api/v1/namespaces/codis/pods/codis-proxy-0/portforward", "{\"reply\":\"+PONG\\r\\n\"}");
	fake_fail(w->api, "codis-proxy-0/portforward", 500, 3);
	assert_int_equal(buildup(w, SERVERS("2") "---\n" PROXIES("1"), "20s"), CLI_OK);
	for (const char *at = w->c.out.data; (at = strstr(at, "\n  codis-proxy-0  ")) != NULL; at++)
		told++;
	assert_int_equal(told, 2);
	cli_says(w, " ms\nPONG\n");
	fake_fail(w->api, "codis-proxy-0/portforward", 500, 100);
	assert_int_equal(buildup(w, SERVERS("2") "---\n" PROXIES("1"), "1s"), CLI_WAITED);
}

/* What a webhook warns of is for who applies, whatever the tool. */
CLI_TEST(what_is_warned_of_is_said_once)
{
	struct cli_world *w = *state;

	cli_codis(w);
	installed(w);
	w->api->warning = "299 codis-webhook \"write --maxmemory 1024mb:\xc2\x9b what grows\"";
	assert_int_equal(buildup(w, CONFIG("c") "---\n" CONFIG("d"), "0"), CLI_OK);
	cli_says(w, "ConfigMap c: created\nConfigMap d: created\n");
	assert_string_equal(w->c.err.data, "Warning: write --maxmemory 1024mb:? what grows\n");
}

CLI_TEST(a_namespace_that_is_missing_is_made)
{
	struct cli_world *w = *state;
	JSON_CLEANUP cJSON *made = NULL;

	installed(w);
	fake_delete(w->api, NAMESPACE);
	assert_int_equal(buildup(w, CONFIG("c"), "5s"), CLI_OK);
	cli_says(w, "Namespace codis: created\nConfigMap c: created\n"
		    "no server, proxy or dashboard is among them: nothing is waited for\n");
	made = fake_read(w->api, NAMESPACE);
	assert_non_null(made);
}

CLI_TEST(nothing_is_applied_where_it_cannot_become_anything)
{
	struct cli_world *w = *state;

	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NOT_SO);
	cli_says(w, "codisctl: codis-k8s is not installed: there is no MutatingWebhookConfiguration codis-webhook. "
		    "Nothing is applied: codisctl install, then this again\n");
	fake_apply(w->api, WEBHOOK, "{}");
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NOT_SO);
	cli_says(w,
		 "codisctl: no codis-controller runs in namespace codis-system. Nothing is applied: codisctl install");
	cli_controller(w, "c-a", NULL);
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NOT_SO);
	cli_says(w, "codisctl: no codis-controller answers in namespace codis-system. Nothing is applied: kubectl get "
		    "pods -n codis-system tells more\n");
	installed(w);
	fake_fail(w->api, CLI_STATUS_OF("c-a"), 403, 1);
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NO_CLUSTER);
	cli_says(w, "codis-controller may not be asked in namespace codis-system, so nothing is applied");
	fake_fail(w->api, "/namespaces/codis-system/pods", 429, 1);
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NO_CLUSTER);
	cli_says(w, "codisctl: GET /api/v1/namespaces/codis-system/pods: HTTP 429: as the test asked\n");
	fake_apply(w->api, NAMESPACE, "{\"metadata\":{\"labels\":{\"codis.io/managed\":\"false\"}}}");
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NOT_SO);
	cli_says(w, "namespace codis has the label codis.io/managed=false, so codis-k8s leaves it alone: kubectl label "
		    "namespace codis codis.io/managed-, then this again\n");
	fake_apply(w->api, NAMESPACE, "{\"metadata\":{\"deletionTimestamp\":\"2026-11-28T00:00:00Z\"}}");
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NOT_SO);
	cli_says(w, "namespace codis is being deleted: repeat this when it is gone\n");
	assert_int_equal(CLI(w, "buildup", "-n", "kube-system"), CLI_USAGE);
	cli_says(w, "codis-k8s leaves namespace kube-system alone: -n names another one\n");
	assert_int_equal(fake_count(w->api, "PATCH"), 0);
}

CLI_TEST(what_is_no_manifest_is_told_before_anything_is_asked)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "kind: [", "a.yaml: line 2: " },
		{ "replicas: {{ .Values.n }}", "a.yaml: line 1: " },
		{ "a: b", "a.yaml: line 1: it has no kind, or no apiVersion: it is no object of Kubernetes\n" },
		{ "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\n",
		  "line 1: kind DaemonSet is none that codisctl applies: kubectl apply does\n" },
		{ "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n", "kind Node is none that codisctl applies" },
		{ "\napiVersion: apps/v1beta1\nkind: StatefulSet\nmetadata: {name: a}\n",
		  "line 2: StatefulSet has apiVersion apps/v1beta1, and it takes apps/v1\n" },
		{ "apiVersion: v1\nkind: Secret\nmetadata: {name: ../a}\n",
		  "Secret has the name \"../a\", which is none\n" },
		{ "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: shop}\n",
		  "Secret a is of namespace shop, not of codis: say -n shop\n" },
		{ "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
		  "Namespace shop is of namespace shop, not of codis: say -n shop\n" },
		{ "---\n", "a.yaml has no object\n" },
	};
	struct cli_world *w = *state;
	struct folder f;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (buildup(w, cases[i].text, "0") != CLI_USAGE)
			fail_msg("%s is taken", cases[i].text);
		cli_says(w, cases[i].says);
	}
	assert_int_equal(CLI(w, "buildup", "-f", "/nowhere"), CLI_USAGE);
	cli_says(w, "codisctl: buildup: /nowhere: No such file or directory\n");
	assert_int_equal(CLI(w, "buildup", "-f", "x", "--set", "plain"), CLI_USAGE);
	cli_says(w, "buildup: say -f or --set, not both\n");
	assert_int_equal(CLI(w, "buildup", "-f", "x", "--set", "plain", "--kubeconfig", "/nowhere"), CLI_USAGE);
	folder_make(&f);
	assert_int_equal(CLI(w, "buildup", "-f", f.path), CLI_USAGE);
	cli_says(w, "has no *.yaml, *.yml or *.json\n");
	folder_end(&f);
	assert_int_equal(fake_count(w->api, "api"), 0);
}

CLI_TEST(what_was_scaled_stays_scaled)
{
	struct cli_world *w = *state;
	JSON_CLEANUP cJSON *is = NULL;

	installed(w);
	assert_int_equal(buildup(w, PROXIES("2"), "0"), CLI_OK);
	fake_apply(w->api, DEPLOYMENTS "codis-proxy",
		   "{\"metadata\":{\"annotations\":{\"scaled\":\"\"}},\"spec\":{\"replicas\":3}}");
	assert_int_equal(buildup(w, PROXIES("2"), "0"), CLI_OK);
	cli_says(w, "Deployment codis-proxy: changed, and it stays scaled to 3 (the manifest says 2)\n");
	is = fake_read(w->api, DEPLOYMENTS "codis-proxy");
	assert_int_equal(json_int(0, is, "spec", "replicas", NULL), 3);
	assert_int_equal(buildup(w, SERVERS("2"), "0"), CLI_OK);
	assert_int_equal(buildup(w, SERVERS("4"), "0"), CLI_OK);
	cli_says(w, "StatefulSet codis-server: changed\n");
}

CLI_TEST(a_refusal_is_printed_whole_and_ends_it)
{
	struct cli_world *w = *state;
	char words[2001];

	installed(w);
	memset(words, 'x', sizeof(words) - 1);
	words[sizeof(words) - 1] = '\0';
	w->api->fail_message = words;
	fake_fail(w->api, "PATCH", 400, 1);
	assert_int_equal(buildup(w, SERVERS("2") "---\n" PROXIES("1"), "5s"), CLI_NOT_SO);
	cli_says(w, "codisctl: StatefulSet codis-server (a.yaml): xxx");
	cli_says(w, words);
	cli_says(w, "x. What stands before it was applied; mend it, and repeat this\n");
	assert_int_equal(fake_count(w->api, "PATCH"), 1);
	fake_fail(w->api, "PATCH", 409, 1);
	assert_int_equal(buildup(w, SERVERS("2"), "5s"), CLI_NOT_SO);
	cli_says(w,
		 "x. Whoever set these keeps them: let the manifest say the same, or take them over by kubectl apply "
		 "--server-side --force-conflicts\n");
}

CLI_TEST(a_stock_set_takes_another_port_where_its_own_is_taken)
{
	struct cli_world *w = *state;
	JSON_CLEANUP cJSON *fe = NULL;

	installed(w);
	w->api->fail_message =
		"Service \"codis-fe\" is invalid: spec.ports[0].nodePort: Invalid value: 31080: provided port "
		"is already allocated";
	fake_fail(w->api, "PATCH /api/v1/namespaces/codis/services/codis-fe", 422, 1);
	assert_int_equal(CLI(w, "buildup", "--wait", "0"), CLI_OK);
	cli_says(w, "\nService codis-fe: created, at another port of the nodes, since 31080 is taken\n");
	fe = fake_read(w->api, "/api/v1/namespaces/codis/services/codis-fe");
	assert_string_equal(json_str(json_first(json_get(fe, "spec", "ports", NULL)), "name", NULL), "http");
	assert_null(json_get(json_first(json_get(fe, "spec", "ports", NULL)), "nodePort", NULL));
	/* one that you have written is refused */
	fake_fail(w->api, "PATCH", 422, 1);
	assert_int_equal(
		buildup(w, "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{nodePort: 31080}]}\n",
			"0"),
		CLI_NOT_SO);
	cli_says(w, "Service a (a.yaml): Service \"codis-fe\" is invalid");
}

CLI_TEST(what_does_not_come_in_time_is_told)
{
	struct cli_world *w = *state;

	cli_codis(w);
	installed(w);
	controller_says(w, IS_NOT);
	assert_int_equal(buildup(w, SERVERS("2") "---\n" PROXIES("1"), "1s"), CLI_WAITED);
	cli_says(w,
		 "codis/codis-test: DOWN, 0 proxies; no proxy serves\n  waits for 1 pod: codis-server-1: not ready\n");
	cli_says(w, "codisctl: not within 1 s. What was applied stands; codisctl status tells more, and this can be "
		    "repeated\n");
	/* OK, but for another one's wishes */
	controller_says(w, IS_OK);
	assert_int_equal(buildup(w, SERVERS("2") "---\n" PROXIES("2"), "1s"), CLI_WAITED);
	cli_says(w, "codis/codis-test: OK, 1/1 groups led; wanted are 1 groups and 2 proxies\n");
	fake_apply(
		w->api, "/api/v1/namespaces/codis/pods/codis-server-2",
		"{\"metadata\":{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"nodeName\":\"n1\",\"containers\":[{"
		"\"name\":\"codis-server\",\"image\":\"c\"}]},\"status\":{\"phase\":\"Pending\",\"containerStatuses\":["
		"{"
		"\"name\":\"codis-server\",\"image\":\"registry/c:9\",\"state\":{\"waiting\":{\"reason\":"
		"\"ErrImagePull\"}}}]}}");
	controller_says(w, IS_NOT);
	assert_int_equal(buildup(w, SERVERS("2"), "1s"), CLI_WAITED);
	cli_says(w, "  waits for 2 pods: ");
	cli_says(w, "codis-server-2: ImagePullBackOff, registry/c:9");
	cli_says(w, "not within 1 s: an image cannot be had, and --image NAME=IMAGE names another one. What was");
	controller_says(w, "");
	assert_int_equal(buildup(w, SERVERS("2"), "1s"), CLI_WAITED);
	cli_says(w, "codis/codis-test: the leading codis-controller does not tell of it yet\n");
}
