/* codisctl plan: the manifests of this repository on few and on many nodes, and input that is none. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/parse_text.h"

#define SERVER_OF(replicas, replica, more)                                                                             \
	"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: codis-server, namespace: shop}\nspec:\n"             \
	"  replicas: " replicas "\n  podManagementPolicy: Parallel\n  selector: {matchLabels: {app: codis-server}}\n"  \
	"  template:\n    metadata: {labels: {app: codis-server}" more "}\n    spec:\n      containers:\n"             \
	"      - {name: codis-server, image: c, command: [codis-server], env: [{name: SERVER_REPLICA, value: "         \
	"\"" replica "\"}, {name: PRODUCT_NAME, value: orders}], resources: {requests: {memory: 2Gi}}}\n"

#define NODE(name, more, has)                                                                                          \
	"- {apiVersion: v1, kind: Node, metadata: {name: " name ", labels: {kubernetes.io/hostname: " name more        \
	"}}, spec: {}, status: {allocatable: {memory: " has "}, conditions: [{type: Ready, status: 'True'}]}}\n"
#define ZONE(name) ", topology.kubernetes.io/zone: " name

/* A file of this test, whose name is valid until the next one. */
static const char *file_with(const char *text, size_t len)
{
	static char path[64];
	int fd;

	snprintf(path, sizeof(path), "/tmp/codis-plan-%d.yaml", (int)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(close(fd), 0);
	return path;
}

static enum cli_status plan_of(struct cli_world *w, const char *text, const char *nodes)
{
	const char *path = file_with(text, strlen(text));
	enum cli_status status = CLI(w, "plan", "-f", path, "--nodes", nodes);

	unlink(path);
	return status;
}

/* Nothing is asked of any cluster. */
static void is_offline(const struct cli_world *w)
{
	assert_int_equal(fake_count(w->api, "api"), 0);
}

/* --- the manifests of this repository ----------------------------------------------------------------------------- */

/* Of a list of the report, as -o json has it. */
static int count_in(const struct cli_world *w, const char *list)
{
	JSON_CLEANUP cJSON *report = parse_text(w->c.out.data);

	return cJSON_GetArraySize(json_get(report, list, NULL));
}

CLI_TEST(the_manifests_find_their_places_from_two_nodes_on)
{
	static const char *const sets[] = { "manifests/codis/plain", "manifests/codis/persistent",
					    "manifests/codis/article" };
	static const char *const nodes[] = { "1", "2", "3", "10" };
	struct cli_world *w = *state;

	for (int i = 0; i < 12; i++) {
		enum cli_status status = CLI(w, "plan", "-f", sets[i / 4], "--nodes", nodes[i % 4], "-o", "json");

		if (status != (i % 4 ? CLI_OK : CLI_NOT_SO))
			fail_msg("%s on %s: %s", sets[i / 4], nodes[i % 4], w->c.out.data);
		assert_int_equal(count_in(w, "refused"), 0);
		assert_int_equal(count_in(w, "waiting"), i % 4 ? 0 : 2);
		assert_int_equal(count_in(w, "warnings"), i / 4 == 2 ? 10 : 0);
		assert_int_equal(count_in(w, "groups"), 2);
		assert_int_equal(count_in(w, "injected"), i / 4 == 2 ? 6 : 5);
		assert_int_equal(count_in(w, "nodes"), strtol(nodes[i % 4], NULL, 10));
	}
	is_offline(w);
}

CLI_TEST(what_is_wrong_comes_first_in_the_words_of_the_webhook_and_the_extender)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "plan", "-f", "manifests/codis/article", "--nodes", "1"), CLI_NOT_SO);
	assert_ptr_equal(
		strstr(w->c.out.data,
		       "plan: NOT OK: 2 pods find no node, 10 warnings; 12 pods of Codis on 1 equal node\n"
		       "  waits Pod default/codis-server-1: node-1: group 1 of codis-test already has codis-server-0 "
		       "here\n"
		       "  waits Pod default/codis-server-3: node-1: group 2 of codis-test already has codis-server-2 "
		       "here\n"
		       "  ! StatefulSet default/codis-dashboard: drop the article's postStart, "),
		w->c.out.data);
	cli_says(w, "  ! StatefulSet default/codis-server: write podManagementPolicy: Parallel, or a lost server waits "
		    "until all before it are ready\n");
	cli_says(w, "  1      256 MiB  codis-server-0 on node-1, codis-server-1 nowhere\n");
	cli_says(w, "group 1 its only member: its data is gone; group 2 its only member: its data is gone; "
		    "codis-dashboard; codis-fe; codis-ha; 2 of 2 codis-proxy: nobody serves clients; 3 of 3 zookeeper: "
		    "no majority\n");
	cli_says(w, "  not looked at: Service (6 objects)\n");
	assert_string_equal(w->c.err.data, "");
}

CLI_TEST(a_loss_is_told_by_what_it_takes)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "plan", "manifests/codis/plain", "--nodes", "2"), CLI_OK);
	cli_says(w, "plan: OK: 11 pods of Codis on 2 equal nodes\n");
	cli_says(w, "one member each of groups 1, 2; codis-dashboard; 1 of 2 codis-proxy; 1 of 3 zookeeper\n");
	cli_says(w, "one member each of groups 1, 2; codis-fe; 1 of 2 codis-proxy; 2 of 3 zookeeper: no majority\n");
	cli_says(w, "  codis-webhook changes the pods of 5 objects: --diff shows it\n");
}

CLI_TEST(what_is_injected_is_shown_as_a_diff)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "plan", "-f", "manifests/codis/plain", "--diff"), CLI_OK);
	cli_says(w, "\n--- Pod default/codis-server-0\n+++ as codis-webhook leaves it\n@@ -");
	cli_says(w, "\n+    codis.io/group: \"1\"\n");
	cli_says(w, "\n+    - \"--slaveof\"\n+    - \"127.0.0.1\"\n+    - \"1\"\n");
	cli_says(w, "\n-    tolerationSeconds: 300\n+    tolerationSeconds: 20\n");
	cli_says(w, "\n+          - |\n+            # codis-k8s: it gives its lock in the coordinator back\n");
	cli_does_not_say(w, "nodeName");
	cli_does_not_say(w, "codis-server-1\n+++");
	cli_does_not_say(w, "--diff shows it");
}

/* --- what would be refused, and what would not hold --------------------------------------------------------------- */

CLI_TEST(five_of_two_is_refused_with_the_webhooks_sentence)
{
	struct cli_world *w = *state;

	assert_int_equal(plan_of(w, SERVER_OF("5", "2", ""), "3"), CLI_NOT_SO);
	cli_says(w, "plan: NOT OK: 1 refusal; 0 pods of Codis on 3 equal nodes\n"
		    "  refused StatefulSet shop/codis-server: SERVER_REPLICA is 2, so replicas has to be a multiple of "
		    "2: 4 or 6, not 5");
	is_offline(w);
}

CLI_TEST(a_group_on_one_node_is_not_well)
{
	struct cli_world *w = *state;

	assert_int_equal(plan_of(w, SERVER_OF("2", "2", ", annotations: {codis.io/spread: soft}"), "1"), CLI_NOT_SO);
	cli_says(w, "plan: NOT OK: 1 group loses two members to one node");
	cli_says(w, "  node-1  2     4096 MiB  group 1 all 2 members: its data is gone\n");
	assert_int_equal(plan_of(w, SERVER_OF("2", "2", ", annotations: {codis.io/spread: soft}"), "2"), CLI_OK);
}

CLI_TEST(a_second_set_of_servers_is_refused_beside_the_first)
{
	struct cli_world *w = *state;
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	char *at;

	buf_addf(&text, "%s---\n%s", SERVER_OF("2", "2", ""), SERVER_OF("2", "2", ""));
	assert_int_equal(plan_of(w, text.data, "3"), CLI_NOT_SO);
	cli_says(w, "  refused StatefulSet shop/codis-server: it stands twice in what is planned: kubectl apply would "
		    "leave the last one\n");
	at = strstr(strstr(text.data, "---"), "codis-server, ");
	memcpy(at, "codis-stores", strlen("codis-stores"));
	assert_int_equal(plan_of(w, text.data, "3"), CLI_NOT_SO);
	cli_says(w, "  refused StatefulSet shop/codis-stores: ");
	cli_says(w, "2 pods of Codis on 3 equal nodes");
}

CLI_TEST(other_workloads_and_pods_are_planned)
{
	static const char text[] =
		"apiVersion: v1\nkind: List\nitems:\n"
		"- {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a}, spec: {replicas: 2, template: "
		"{metadata: "
		"{labels: {app: codis-proxy}}, spec: {containers: [{name: codis-proxy, image: c}]}}}}\n"
		"- {apiVersion: batch/v1, kind: Job, metadata: {name: b}, spec: {parallelism: 2, template: {metadata: "
		"{labels: {app: codis-proxy}}, spec: {restartPolicy: Never, containers: [{name: b, image: c}]}}}}\n"
		"- {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: c}, spec: {template: {metadata: {labels: "
		"{app: codis-fe}}, spec: {containers: [{name: codis-fe, image: c}]}}}}\n"
		"- {apiVersion: v1, kind: Pod, metadata: {name: d, labels: {app: codis-proxy}}, spec: {containers: "
		"[{name: codis-proxy, image: c}]}}\n";
	struct cli_world *w = *state;

	assert_int_equal(plan_of(w, text, "2"), CLI_OK);
	cli_says(w, "3 pods of Codis on 2 equal nodes\n");
	cli_says(w, "a-1 on node-");
	cli_says(w, "d on node-");
	cli_says(w, "  not looked at: DaemonSet (1 object)\n");
}

/* --- nodes -------------------------------------------------------------------------------------------------------- */

static enum cli_status on_nodes(struct cli_world *w, const char *nodes, const char *text, const char *format)
{
	char path[] = "/tmp/codis-plan-nodes-XXXXXX";
	const char *manifest = file_with(text, strlen(text));
	int fd = mkstemp(path);
	enum cli_status status;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, nodes, strlen(nodes)), strlen(nodes));
	close(fd);
	status = CLI(w, "plan", "-f", manifest, "--nodes-from", path, "-o", format);
	unlink(path);
	unlink(manifest);
	return status;
}

#define NODES "apiVersion: v1\nkind: List\nitems:\n"

CLI_TEST(zones_and_memory_of_real_nodes_count)
{
	struct cli_world *w = *state;

	assert_int_equal(on_nodes(w,
				  NODES NODE("a1", ZONE("a"), "8Gi") NODE("a2", ZONE("a"), "8Gi")
					  NODE("b1", ZONE("b"), "8Gi"),
				  SERVER_OF("4", "2", ""), "text"),
			 CLI_OK);
	cli_says(w, "plan: OK: 4 pods of Codis on 3 nodes\n");
	cli_says(w, "  b1    2     4096 of 8192 MiB  one member each of groups 1, 2\n");
	cli_says(w,
		 "  ZONE  ITS LOSS TAKES\n  a     one member each of groups 1, 2\n  b     one member each of groups 1, "
		 "2\n");
	assert_int_equal(
		on_nodes(w, NODES NODE("a1", "", "3Gi") NODE("a2", "", "3Gi"), SERVER_OF("4", "2", ""), "text"),
		CLI_NOT_SO);
	cli_says(w, "plan: NOT OK: 2 pods find no node;");
	cli_says(w, "  waits Pod shop/codis-server-2: 2 nodes without the memory that it requests\n");
	cli_says(w, "2048 of 3072 MiB");
}

CLI_TEST(what_keeps_pods_from_nodes_is_told)
{
	static const char node[] = NODES
		"- {apiVersion: v1, kind: Node, metadata: {name: a}, spec: {unschedulable: true}}\n"
		"- {apiVersion: v1, kind: Node, metadata: {name: b}, spec: {taints: [{key: k, effect: NoSchedule}]}}\n";
	struct cli_world *w = *state;

	assert_int_equal(on_nodes(w, node, SERVER_OF("2", "2", ""), "text"), CLI_NOT_SO);
	cli_says(w,
		 "  waits Pod shop/codis-server-0: 1 node cordoned, 1 node with a taint that it does not tolerate\n");
	assert_int_equal(
		on_nodes(w, "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", SERVER_OF("2", "2", ""), "text"),
		CLI_USAGE);
	cli_says(w, " has a Pod: kubectl get nodes -o yaml gives what is wanted\n");
}

/* --- broken input ------------------------------------------------------------------------------------------------- */

CLI_TEST(replicas_are_a_number_that_there_may_be)
{
	static const char *const texts[] = { SERVER_OF("'2'", "2", ""), SERVER_OF("-4", "2", ""),
					     SERVER_OF("2.5", "2", ""), SERVER_OF("4000000000", "2", "") };
	struct cli_world *w = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		const char *path = file_with(texts[i], strlen(texts[i]));

		assert_int_equal(CLI(w, "plan", "-f", path), CLI_NOT_SO);
		unlink(path);
		cli_says(w, "codis-server: spec.replicas is no whole number from 0 to 2147483647: the API server "
			    "refuses that\n");
	}
}

CLI_TEST(what_is_to_have_no_pod_is_planned)
{
	struct cli_world *w = *state;

	assert_int_equal(plan_of(w, SERVER_OF("0", "2", ""), "3"), CLI_OK);
	cli_says(w, "plan: OK: 0 pods of Codis on 3 equal nodes\n");
}

CLI_TEST(broken_input_is_refused_with_a_sentence)
{
	static const struct {
		const char *text, *says;
		size_t len; /* 0: up to its NUL */
		enum cli_status status;
	} cases[] = {
		{ "spec: {replicas: [1, 2\nkind: x\n", "line 2: ", 0, CLI_USAGE },
		{ "hello\n", "line 1: a text, and no object of Kubernetes\n", 0, CLI_USAGE },
		{ "- 1\n- 2\n", "line 1: a list, and no object of Kubernetes\n", 0, CLI_USAGE },
		{ "a: 1\n---\nkind: Pod\n", "line 1: an object without a kind is none of Kubernetes\n", 0, CLI_USAGE },
		{ "kind: Pod\nmetadata: {name: x}\n", "line 1: Pod has no apiVersion\n", 0, CLI_USAGE },
		{ "apiVersion: v1\nkind: Pod\n", "line 1: Pod has no metadata.name\n", 0, CLI_USAGE },
		{ "apiVersion: v1\nkind: List\nitems: 7\n", "line 1: the items of List are no list\n", 0, CLI_USAGE },
		{ "", " has no object in it: it is empty, or all of it is comments\n", 0, CLI_USAGE },
		{ "# a\n---\n# b\n", " has no object in it: it is empty, or all of it is comments\n", 0, CLI_USAGE },
		{ "\x7f\x45LF\0\1\2\3", " is binary: manifests are YAML or JSON\n", 8, CLI_USAGE },
		{ "apiVersion: v1\nkind: Pod\nmetadata:\n  name: {{ .Release.Name }}\n",
		  " is a Helm template that is not rendered: helm template CHART | codisctl plan -f -, with the values "
		  "that you install with\n",
		  0, CLI_USAGE },
		{ "apiVersion: v1\nkind: Pod\nmetadata:\n  name: \"{{ .Release.Name }}-a\"\n",
		  "Pod \"{{ .Release.Name }}-a\" is a Helm template that is not rendered: helm template CHART", 0,
		  CLI_USAGE },
		{ "apiVersion: v1\nkind: Service\nmetadata: {name: codis}\n",
		  "codisctl: plan: nothing of Codis is in it: none of the 1 objects makes pods that are labelled ", 0,
		  CLI_NOT_SO },
		{ "apiVersion: apps/v1beta1\nkind: StatefulSet\nmetadata: {name: codis-server}\nspec: {}\n",
		  "  refused StatefulSet default/codis-server: the API server does not know kind StatefulSet of "
		  "apps/v1beta1: write kind StatefulSet, apiVersion apps/v1\n",
		  0, CLI_NOT_SO },
		{ "apiVersion: apps/v1\nkind: Statefulset\nmetadata: {name: codis-server}\n",
		  "does not know kind Statefulset of apps/v1: write kind StatefulSet, apiVersion apps/v1\n", 0,
		  CLI_NOT_SO },
		{ "apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: codis-server}\nspec: {replicas: 2}\n",
		  "codis-server: it has no spec.template.spec.containers: the API server refuses that\n", 0,
		  CLI_NOT_SO },
		{ SERVER_OF("8000", "2", ""),
		  "StatefulSet codis-server: 8000 pods are more than are planned at once, which is 5000\n", 0,
		  CLI_USAGE },
	};
	struct cli_world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *path = file_with(cases[i].text, cases[i].len ? cases[i].len : strlen(cases[i].text));
		enum cli_status status = CLI(w, "plan", "-f", path);

		if (status != cases[i].status)
			fail_msg("%zu: %d: %s%s", i, status, w->c.out.data, w->c.err.data);
		cli_says(w, cases[i].says);
		unlink(path);
	}
	is_offline(w);
}

CLI_TEST(files_that_are_none)
{
	char folder[] = "/tmp/codis-plan-XXXXXX", words[200];
	struct cli_world *w = *state;

	assert_non_null(mkdtemp(folder));
	assert_int_equal(CLI(w, "plan", "-f", folder), CLI_USAGE);
	snprintf(words, sizeof(words), "codisctl: plan: %s has no *.yaml, *.yml or *.json\n", folder);
	cli_says(w, words);
	rmdir(folder);
	assert_int_equal(CLI(w, "plan", "-f", folder), CLI_USAGE);
	snprintf(words, sizeof(words), "codisctl: plan: %s: No such file or directory\n", folder);
	cli_says(w, words);
	assert_int_equal(CLI(w, "plan"), CLI_USAGE);
	cli_says(w, "codisctl: plan: of what? codisctl plan -f FILE\n");
	assert_int_equal(CLI(w, "plan", "a", "-f", "b"), CLI_USAGE);
	cli_says(w, "codisctl: plan: one of -f FILE, -k DIR and an argument, not several\n");
	assert_int_equal(CLI(w, "plan", "manifests/codis/plain", "--nodes", "0"), CLI_USAGE);
}

/* Lists that are made of lists, as several `kubectl get -o yaml` in one; and far too many. */
CLI_TEST(a_list_in_a_list_is_what_is_in_it)
{
	BUF_CLEANUP struct buf text = BUF_INIT(1 << 20);
	struct cli_world *w = *state;

	buf_addstr(&text,
		   "{apiVersion: v1, kind: List, items: [{apiVersion: apps/v1, kind: StatefulSetList, items: "
		   "[{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: s}, spec: {replicas: 2, template: "
		   "{metadata: {labels: {app: codis-server}}, spec: {containers: [{name: codis-server, image: "
		   "c}]}}}}]}]}\n");
	assert_int_equal(plan_of(w, text.data, "2"), CLI_OK);
	cli_says(w, "2 pods of Codis on 2 equal nodes");
	buf_reset(&text);
	for (int i = 0; i < 20; i++)
		buf_addstr(&text, "{kind: List, items: [");
	for (int i = 0; i < 20; i++)
		buf_addstr(&text, "]}");
	assert_int_equal(plan_of(w, text.data, "2"), CLI_USAGE);
	cli_says(w, "line 1: over 8 Lists within each other\n");
}

CLI_TEST(a_hundred_thousand_lines_are_planned)
{
	BUF_CLEANUP struct buf text = BUF_INIT(32 << 20);
	struct cli_world *w = *state;

	buf_addstr(&text, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big}\ndata:\n");
	for (int i = 0; i < 100000; i++)
		buf_addf(&text, "  key-%d: some words of a value\n", i);
	buf_addf(&text, "---\n%s", SERVER_OF("4", "2", ""));
	assert_int_equal(plan_of(w, text.data, "3"), CLI_OK);
	cli_says(w, "plan: OK: 4 pods of Codis on 3 equal nodes\n");
	buf_reset(&text);
	for (int i = 0; i < 6000; i++)
		buf_addf(&text,
			 "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p-%d}\nspec: {containers: [{name: c}]}\n",
			 i);
	assert_int_equal(plan_of(w, text.data, "3"), CLI_USAGE);
	cli_says(w,
		 "codisctl: plan: Pod p-5000: with it there are more pods than are planned at once, which is 5000\n");
}
