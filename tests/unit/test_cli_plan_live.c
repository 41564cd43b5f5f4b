/* codisctl plan --live and -k: beside what a cluster has, and what kubectl builds. */
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "tests/unit/cli_fixture.h"

#define SERVERS(replicas, label)                                                                                       \
	"apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: codis-server, namespace: codis}\nspec:\n"            \
	"  replicas: " replicas "\n  podManagementPolicy: Parallel\n  template:\n"                                     \
	"    metadata: {labels: {app: codis-server" label "}}\n    spec:\n      containers:\n"                         \
	"      - {name: codis-server, image: c, command: [codis-server], resources: {requests: {memory: 1Gi}}}\n"
#define PROXIES                                                                                                        \
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: codis-proxy, namespace: codis}\nspec: {replicas: 2, " \
	"template: {metadata: {labels: {app: codis-proxy}}, spec: {containers: [{name: codis-proxy, image: c}]}}}\n"

struct files {
	char folder[32], manifest[64], program[64];
};

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static void begin(struct files *f)
{
	snprintf(f->folder, sizeof(f->folder), "/tmp/codis-plan-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	snprintf(f->manifest, sizeof(f->manifest), "%s/manifest.yaml", f->folder);
	snprintf(f->program, sizeof(f->program), "%s/kubectl", f->folder);
}

static void end(const struct files *f)
{
	unlink(f->manifest);
	unlink(f->program);
	assert_int_equal(rmdir(f->folder), 0);
}

static enum cli_status plan_live(struct cli_world *w, const char *text)
{
	struct files f;
	enum cli_status status;

	begin(&f);
	write_file(f.manifest, text, 0600);
	status = CLI(w, "plan", "-f", f.manifest, "--live");
	end(&f);
	return status;
}

static void node(struct cli_world *w, const char *name, const char *memory)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/api/v1/nodes/%s", name);
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"uid\":\"%s\",\"labels\":{\"kubernetes.io/hostname\":\"%s\"}},"
		 "\"status\":{\"allocatable\":{\"memory\":\"%s\"},\"conditions\":[{\"type\":\"Ready\",\"status\":"
		 "\"True\"}]}}",
		 name, name, name, memory);
	fake_apply(w->api, path, text);
}

static void node_in(struct cli_world *w, const char *name, const char *zone)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/api/v1/nodes/%s", name);
	snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"zone\":\"%s\"}}}", zone);
	fake_apply(w->api, path, text);
}

static void pod(struct cli_world *w, const char *name, const char *labels, const char *owner, const char *on,
		const char *memory)
{
	char path[128], text[1024];

	snprintf(path, sizeof(path), "/api/v1/namespaces/codis/pods/%s", name);
	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"%s\",\"namespace\":\"codis\",\"uid\":\"u-%s\",\"labels\":{%s},"
		 "\"ownerReferences\":[%s]},\"spec\":{\"nodeName\":\"%s\",\"containers\":[{\"name\":\"c\",\"image\":"
		 "\"c\",\"resources\":{\"requests\":{\"memory\":\"%s\"}}}]},\"status\":{\"phase\":\"Running\"}}",
		 name, name, labels, owner, on, memory);
	fake_apply(w->api, path, text);
}

/* Servers 0 and 1, the second of which leads, and others' pods, which fill n1. */
static void cluster(struct cli_world *w)
{
	static const char set[] = "{\"kind\":\"StatefulSet\",\"name\":\"codis-server\",\"controller\":true}";

	cli_codis(w);
	node(w, "n1", "4Gi");
	node(w, "n2", "4Gi");
	node(w, "n3", "4Gi");
	pod(w, "codis-server-0", "\"app\":\"codis-server\",\"codis.io/role\":\"replica\"", set, "n1", "1Gi");
	pod(w, "codis-server-1", "\"app\":\"codis-server\",\"codis.io/role\":\"master\"", set, "n2", "1Gi");
	pod(w, "others", "\"app\":\"web\"", "", "n1", "2500Mi");
}

CLI_TEST(who_stands_stays_and_others_count)
{
	struct cli_world *w = *state;

	cluster(w);
	assert_int_equal(plan_live(w, SERVERS("4", "")), CLI_OK);
	cli_says(w, "plan: OK: 4 pods of Codis on 3 nodes\n");
	cli_says(w, "  1      2048 MiB  codis-server-0 on n1, codis-server-1 on n2\n");
	/* n1 has no room for it. */
	cli_says(w, "  2      2048 MiB  codis-server-2 on n3, codis-server-3 on n2\n");
	cli_says(w, "3524 of 4096 MiB");
}

/* Each of its pages names another one. */
CLI_TEST(a_list_without_an_end_is_not_read_for_ever)
{
	struct cli_world *w = *state;

	w->api->endless = 2;
	assert_int_equal(plan_live(w, SERVERS("4", "")), CLI_NO_CLUSTER);
	cli_says(w, "/api/v1/nodes: the API server's list has no end: it is over 250000 objects long\n");
}

CLI_TEST(what_is_there_is_changed_and_not_made)
{
	struct cli_world *w = *state;

	cluster(w);
	assert_int_equal(plan_live(w, SERVERS("2", ", codis.io/group: '2'")), CLI_NOT_SO);
	cli_says(
		w,
		"  refused StatefulSet codis/codis-server: label codis.io/group cannot change from none to \"2\" while "
		"there are servers");
}

CLI_TEST(what_is_planned_is_reviewed_beside_what_is_there)
{
	BUF_CLEANUP struct buf text = BUF_INIT(4096);
	struct cli_world *w = *state;

	cluster(w);
	buf_addstr(&text, SERVERS("2", ""));
	memcpy(strstr(text.data, "codis-server, namespace"), "codis-stores", strlen("codis-stores"));
	assert_int_equal(plan_live(w, text.data), CLI_NOT_SO);
	cli_says(w, "  refused StatefulSet codis/codis-stores: ");
	cli_says(w, "codis-server");
}

CLI_TEST(pods_of_a_deployment_are_found_by_their_owner)
{
	struct cli_world *w = *state;

	cluster(w);
	pod(w, "codis-proxy-7d9c8b5f6-x7k2p", "\"app\":\"codis-proxy\"",
	    "{\"kind\":\"ReplicaSet\",\"name\":\"codis-proxy-7d9c8b5f6\",\"controller\":true}", "n3", "64Mi");
	assert_int_equal(plan_live(w, PROXIES), CLI_OK);
	cli_says(w, "plan: OK: 2 pods of Codis on 3 nodes\n");
	cli_says(w, "codis-proxy-7d9c8b5f6-x7k2p on n3, codis-proxy-2 on n");
	cli_does_not_say(w, "codis-proxy-1 on");
}

#define PROXIES_THAT(affinity)                                                                                         \
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: codis-proxy, namespace: codis}\nspec: {replicas: 2, " \
	"template: {metadata: {labels: {app: codis-proxy}}, spec: {affinity: {" affinity                               \
	": {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: "    \
	"{matchLabels: {app: codis-server}}}]}}, containers: [{name: codis-proxy, image: c}]}}}\n"

CLI_TEST(who_stands_and_is_not_planned_is_kept_from_and_met)
{
	struct cli_world *w = *state;

	cluster(w);
	assert_int_equal(plan_live(w, PROXIES_THAT("podAntiAffinity")), CLI_OK);
	cli_says(w, "codis-proxy-1 on n3, codis-proxy-2 on n3");
	assert_int_equal(plan_live(w, PROXIES_THAT("podAffinity")), CLI_OK);
	cli_says(w, "codis-proxy-1 on n2, codis-proxy-2 on n");
	cli_does_not_say(w, "on n3");
}

/* n3 is in the zone of n1, which its host's own term keeps away already. */
CLI_TEST(each_of_two_domains_is_kept_from)
{
	static const char proxies[] =
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: codis-proxy, namespace: codis}\nspec: "
		"{replicas: 1, "
		"template: {metadata: {labels: {app: codis-proxy}}, spec: {affinity: {podAntiAffinity: "
		"{requiredDuringSchedulingIgnoredDuringExecution: ["
		"{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: codis-server}}}, "
		"{topologyKey: zone, labelSelector: {matchLabels: {app: codis-server}}}]}}, "
		"containers: [{name: codis-proxy, image: c}]}}}\n";
	struct cli_world *w = *state;

	cluster(w);
	assert_int_equal(plan_live(w, proxies), CLI_OK);
	cli_says(w, "codis-proxy-1 on n3");
	node_in(w, "n1", "a");
	node_in(w, "n3", "a");
	assert_int_equal(plan_live(w, proxies), CLI_NOT_SO);
	cli_does_not_say(w, "codis-proxy-1 on n3");
}

CLI_TEST(a_cluster_that_is_not_reached_is_no_plan)
{
	struct cli_world *w = *state;

	fake_fail(w->api, "/poddisruptionbudgets", 403, 1);
	cluster(w);
	assert_int_equal(plan_live(w, SERVERS("4", "")), CLI_NO_CLUSTER);
	cli_says(w, "poddisruptionbudgets");
	assert_string_equal(w->c.out.data, "");
	assert_int_equal(CLI(w, "plan", "x", "--live", "--nodes-from", "y"), CLI_USAGE);
	cli_says(w, "codisctl: plan: --live has the cluster's nodes: leave --nodes-from out\n");
}

/* --- kustomizations ----------------------------------------------------------------------------------------------- */

static enum cli_status plan_built(struct cli_world *w, const char *script)
{
	const char *was = getenv("PATH");
	char path[4096], *before = strdup(was ? was : "");
	enum cli_status status;
	struct files f;

	begin(&f);
	if (script)
		write_file(f.program, script, 0755);
	snprintf(path, sizeof(path), "%s%s%s", f.folder, script ? ":" : "", script ? before : "");
	setenv("PATH", path, 1);
	status = CLI(w, "plan", "-k", "a folder");
	setenv("PATH", before, 1);
	free(before);
	end(&f);
	return status;
}

CLI_TEST(a_kustomization_is_built_by_kubectl)
{
	struct cli_world *w = *state;

	assert_int_equal(plan_built(w,
				    "#!/bin/sh\n[ \"$*\" = \"kustomize a folder\" ] && exec cat manifests/codis/plain/"
				    "codis-server.yaml\n"),
			 CLI_OK);
	cli_says(w, "plan: OK: 4 pods of Codis on 3 equal nodes\n");
	assert_int_equal(plan_built(w, "#!/bin/sh\nexit 3\n"), CLI_USAGE);
	cli_says(w, "codisctl: plan: -k a folder: kubectl: it ends with 3\n");
	assert_int_equal(plan_built(w, NULL), CLI_USAGE);
	cli_says(w, "codisctl: plan: -k a folder: kubectl: it is not there: kubectl builds it; elsewhere: kubectl "
		    "kustomize DIR | codisctl plan -f -\n");
	assert_int_equal(CLI(w, "plan", "-k", "-x"), CLI_USAGE);
}
