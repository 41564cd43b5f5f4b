/* Where the API server is and who we are. */

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/kube/config.h"
#include "common/kube/exec.h"
#include "tests/unit/test.h"

struct folder {
	char dir[64], config[80];
	struct kube_config cfg;
	struct error err;
};

static void write_file(struct folder *f, const char *name, const char *text)
{
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", f->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int setup(void **state)
{
	struct folder *f = calloc(1, sizeof(*f));

	*state = f;
	snprintf(f->dir, sizeof(f->dir), "/tmp/codis-config-XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	snprintf(f->config, sizeof(f->config), "%s/config", f->dir);
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	return 0;
}

static int teardown(void **state)
{
	static const char *const names[] = { "config", "ca", "cert", "key", "token", "pid" };
	struct folder *f = *state;
	char path[160];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", f->dir, names[i]);
		unlink(path);
	}
	rmdir(f->dir);
	kube_config_release(&f->cfg);
	free(f);
	return 0;
}

/* A kubeconfig of one cluster, user and context, with these lines in them. */
static int load(struct folder *f, const char *cluster, const char *user, const char *context)
{
	BUF_CLEANUP struct buf text = BUF_INIT(100000);

	buf_addf(&text,
		 "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
		 "clusters:\n- name: other\n  cluster: {server: 'https://other'}\n- name: c\n  cluster:\n%s"
		 "users:\n- name: u\n  user:\n%s"
		 "contexts:\n- name: main\n  context:\n    cluster: c\n    user: u\n%s",
		 cluster, user, context);
	write_file(f, "config", text.data);
	kube_config_release(&f->cfg);
	f->err = (struct error)ERROR_INIT;
	return kube_config_load(&f->cfg, f->config, &f->err);
}

#define SERVER "    server: https://10.0.0.1:6443/\n"
#define TOKEN  "    token: secret-token\n"

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(data_in_the_file)
{
	struct folder *f = *state;

	assert_int_equal(load(f, SERVER "    certificate-authority-data: Q0E=\n",
			      "    client-certificate-data: Q0VSVA==\n    client-key-data: S0VZ\n",
			      "    namespace: shop\n"),
			 0);
	assert_string_equal(f->cfg.server, "https://10.0.0.1:6443");
	assert_string_equal(f->cfg.ca_pem, "CA");
	assert_string_equal(f->cfg.cert_pem, "CERT");
	assert_string_equal(f->cfg.key_pem, "KEY");
	assert_string_equal(f->cfg.namespace, "shop");
	assert_null(f->cfg.token);
	assert_int_equal(f->cfg.skip_verify, 0);
}

FIXTURE_TEST(data_may_be_in_lines)
{
	struct folder *f = *state;

	if (load(f, SERVER "    certificate-authority-data: |\n      Q0VS\n      VA==\n", TOKEN, "") < 0)
		fail_msg("%s", f->err.text);
	assert_string_equal(f->cfg.ca_pem, "CERT");
}

/* As what kubectl proxy listens at needs none. */
FIXTURE_TEST(a_context_without_a_user_is_nobody)
{
	struct folder *f = *state;

	write_file(f, "config",
		   "current-context: m\ncontexts: [{name: m, context: {cluster: c}}]\nclusters: [{name: c, cluster: "
		   "{server: 'http://127.0.0.1:8001'}}]\n");
	assert_int_equal(kube_config_load(&f->cfg, f->config, &f->err), 0);
	assert_string_equal(f->cfg.namespace, "default");
	assert_null(f->cfg.token);
}

/* For a person; programs of the cluster are the service account there. */
FIXTURE_TEST(a_kubeconfig_counts_in_a_pod_too)
{
	struct kube_config_choice choice = { .path = NULL };
	struct folder *f = *state;

	assert_int_equal(load(f, SERVER, TOKEN, ""), 0);
	kube_config_release(&f->cfg);
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBECONFIG", f->config, 1);
	assert_int_equal(kube_config_choose(&f->cfg, &choice, &f->err), 0);
	assert_string_equal(f->cfg.server, "https://10.0.0.1:6443");
	kube_config_release(&f->cfg);
	assert_int_equal(kube_config_load(&f->cfg, NULL, &f->err), -1);
	assert_non_null(strstr(f->err.text, "service account"));
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
}

FIXTURE_TEST(files_beside_the_file)
{
	struct folder *f = *state;
	char token[200], cluster[400];

	write_file(f, "ca", "CA");
	write_file(f, "cert", "CERT");
	write_file(f, "key", "KEY");
	snprintf(cluster, sizeof(cluster), SERVER "    certificate-authority: %s/ca\n", f->dir);
	assert_int_equal(
		load(f, cluster, "    client-certificate: cert\n    client-key: key\n    tokenFile: token\n", ""), 0);
	assert_string_equal(f->cfg.ca_pem, "CA");
	assert_string_equal(f->cfg.cert_pem, "CERT");
	assert_string_equal(f->cfg.key_pem, "KEY");
	assert_string_equal(f->cfg.namespace, "default");
	snprintf(token, sizeof(token), "%s/token", f->dir);
	assert_string_equal(f->cfg.token_file, token);
}

FIXTURE_TEST(a_token_and_no_verification)
{
	struct folder *f = *state;

	assert_int_equal(load(f, SERVER "    insecure-skip-tls-verify: true\n", TOKEN, ""), 0);
	assert_string_equal(f->cfg.token, "secret-token");
	assert_int_equal(f->cfg.skip_verify, 1);
}

FIXTURE_TEST(json_is_yaml)
{
	struct folder *f = *state;

	write_file(f, "config",
		   "{\"current-context\":\"m\",\"contexts\":[{\"name\":\"m\",\"context\":{\"cluster\":\"c\","
		   "\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"http://h:1\"}}],"
		   "\"users\":[{\"name\":\"u\",\"user\":{}}]}");
	assert_int_equal(kube_config_load(&f->cfg, f->config, &f->err), 0);
	assert_string_equal(f->cfg.server, "http://h:1");
}

static void refused(struct folder *f, int result, const char *words)
{
	assert_int_equal(result, -1);
	assert_null(f->cfg.server);
	if (!strstr(f->err.text, words) || !strstr(f->err.text, f->config))
		fail_msg("%s", f->err.text);
	assert_null(strstr(f->err.text, "secret"));
}

FIXTURE_TEST(what_is_not_understood_is_refused)
{
	struct folder *f = *state;

	refused(f, load(f, SERVER, "    exec:\n      command: aws\n", ""), "exec is not understood");
	refused(f, load(f, SERVER, "    auth-provider: {}\n", ""), "auth-provider");
	refused(f, load(f, SERVER, "    username: x\n    password: secret\n", ""), "username");
	refused(f, load(f, SERVER "    proxy-url: http://x\n", TOKEN, ""), "proxy-url");
	refused(f, load(f, "    server: ftp://x\n", TOKEN, ""), "no http(s) address");
	refused(f, load(f, "    x: y\n", TOKEN, ""), "no http(s) address");
	refused(f, load(f, "    server: https://anna:secret@h:6443/a\n", TOKEN, ""),
		"the cluster's server has a user name in it: use a token instead");
	refused(f, load(f, SERVER "    certificate-authority-data: '*'\n", TOKEN, ""),
		"certificate-authority-data: not base64");
	refused(f, load(f, SERVER "    certificate-authority: none\n", TOKEN, ""), "none: No such file");
}

FIXTURE_TEST(a_broken_file_is_refused)
{
	static const char *const texts[][2] = {
		{ "", "no context" },
		{ "[", "not YAML: line" },
		{ "a: b\n  c: d\n", "not YAML: line 2" },
		{ "current-context: main\n", "no context \"main\"" },
		{ "current-context: main\ncontexts: x\n", "no context \"main\"" },
		{ "current-context: main\ncontexts: [1, {name: [x]}, {name: main}]\n", "no context \"main\"" },
		{ "current-context: main\ncontexts: [{name: main, context: {cluster: c}}]\n", "no cluster \"c\"" },
		{ "current-context: main\ncontexts: [{name: main, context: {}}]\n", "no cluster is chosen" },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		write_file(f, "config", texts[i][0]);
		refused(f, kube_config_load(&f->cfg, f->config, &f->err), texts[i][1]);
	}
	unlink(f->config);
	refused(f, kube_config_load(&f->cfg, f->config, &f->err), "No such file");
}

FIXTURE_TEST(aliases_do_not_explode)
{
	struct folder *f = *state;
	BUF_CLEANUP struct buf text = BUF_INIT(100000);

	buf_addstr(&text, "a0: &a0 [x,x]\n");
	for (int i = 1; i < 60; i++)
		buf_addf(&text, "a%d: &a%d [*a%d,*a%d]\n", i, i, i - 1, i - 1);
	write_file(f, "config", text.data);
	refused(f, kube_config_load(&f->cfg, f->config, &f->err), "no context");
}

FIXTURE_TEST(the_environment_names_it)
{
	struct folder *f = *state;
	char two[200];

	load(f, SERVER, TOKEN, "");
	setenv("KUBECONFIG", f->config, 1);
	kube_config_release(&f->cfg);
	assert_int_equal(kube_config_load(&f->cfg, NULL, &f->err), 0);
	assert_string_equal(f->cfg.server, "https://10.0.0.1:6443");
	snprintf(two, sizeof(two), "%s:%s", f->config, f->config);
	setenv("KUBECONFIG", two, 1);
	kube_config_release(&f->cfg);
	assert_int_equal(kube_config_load(&f->cfg, NULL, &f->err), -1);
	assert_non_null(strstr(f->err.text, "several files"));
	/* in a pod the service account goes first, and here there is none */
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	assert_int_equal(kube_config_load(&f->cfg, NULL, &f->err), -1);
	assert_non_null(strstr(f->err.text, "service account: /var/run/secrets/kubernetes.io/serviceaccount/ca.crt"));
	assert_int_equal(kube_config_load(&f->cfg, f->config, &f->err), 0); /* unless a file is named */
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBECONFIG");
}

/* --- what a person at a terminal chooses -------------------------------------------------------------------------- */

static int choose(struct folder *f, const char *path, const char *context)
{
	kube_config_release(&f->cfg);
	f->err = (struct error)ERROR_INIT;
	return kube_config_choose(&f->cfg, &(struct kube_config_choice){ .path = path, .context = context }, &f->err);
}

#define TWO_CONTEXTS                                                                                                   \
	"current-context: a\n"                                                                                         \
	"contexts: [{name: a, context: {cluster: c, user: u, namespace: one}},"                                        \
	" {name: b, context: {cluster: c, user: v, namespace: two}}]\n"                                                \
	"clusters: [{name: c, cluster: {server: 'https://first'}}]\n"                                                  \
	"users: [{name: u, user: {token: t-u}}, {name: v, user: {token: t-v}}]\n"

FIXTURE_TEST(a_context_is_named)
{
	struct folder *f = *state;

	write_file(f, "config", TWO_CONTEXTS);
	assert_int_equal(choose(f, f->config, NULL), 0);
	assert_string_equal(f->cfg.namespace, "one");
	assert_string_equal(f->cfg.token, "t-u");
	assert_false(f->cfg.loaded);
	assert_int_equal(choose(f, f->config, "b"), 0);
	assert_string_equal(f->cfg.namespace, "two");
	assert_string_equal(f->cfg.token, "t-v");
	refused(f, choose(f, f->config, "c"), "no context \"c\" in it");
}

FIXTURE_TEST(a_context_is_never_that_of_the_pod)
{
	struct folder *f = *state;

	write_file(f, "config", TWO_CONTEXTS);
	setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1", 1);
	setenv("KUBECONFIG", f->config, 1);
	assert_int_equal(choose(f, NULL, "b"), 0);
	assert_string_equal(f->cfg.server, "https://first");
	unsetenv("KUBERNETES_SERVICE_HOST");
	unsetenv("KUBECONFIG");
}

/* The second one has a user, with a file beside it, and what the first one has as well. */
FIXTURE_TEST(of_several_files_the_first_one_counts)
{
	struct folder *f = *state;
	char paths[400], other[100];

	write_file(f, "config",
		   "clusters: [{name: c, cluster: {server: 'https://first'}}]\n"
		   "contexts: [{name: a, context: {cluster: c, user: u, namespace: one}}]\n");
	write_file(f, "cert",
		   "current-context: a\nclusters: [{name: c, cluster: {server: 'https://second'}}]\n"
		   "contexts: [{name: a, context: {cluster: c, user: v, namespace: two}}, {name: d, context: "
		   "{cluster: c, user: u}}]\n"
		   "users: [{name: u, user: {tokenFile: token}}]\n");
	snprintf(paths, sizeof(paths), "%s/gone::%s:%s/cert:", f->dir, f->config, f->dir);
	snprintf(other, sizeof(other), "%s/token", f->dir);
	setenv("KUBECONFIG", paths, 1);
	if (choose(f, NULL, NULL) < 0)
		fail_msg("%s", f->err.text);
	assert_string_equal(f->cfg.server, "https://first");
	assert_string_equal(f->cfg.namespace, "one");
	assert_string_equal(f->cfg.token_file, other);
	assert_int_equal(choose(f, NULL, "d"), 0);
	assert_string_equal(f->cfg.namespace, "default");
	write_file(f, "cert", "[");
	assert_int_equal(choose(f, NULL, NULL), -1);
	assert_non_null(strstr(f->err.text, "/cert: not YAML: line"));
	snprintf(paths, sizeof(paths), "%s/gone:%s/config2", f->dir, f->dir);
	setenv("KUBECONFIG", paths, 1);
	assert_int_equal(choose(f, NULL, NULL), -1);
	assert_non_null(strstr(f->err.text, "config2: No such file"));
	setenv("KUBECONFIG", ":", 1);
	assert_int_equal(choose(f, NULL, NULL), -1);
	assert_non_null(strstr(f->err.text, "KUBECONFIG names no file"));
	unsetenv("KUBECONFIG");
}

/* --- exec plugins ------------------------------------------------------------------------------------------------- */

#define CREDENTIAL(status)                                                                                             \
	"echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\",\"status\":{" status    \
	"}}'\n"
#define EXEC_V1 "apiVersion: client.authentication.k8s.io/v1, command: ./token"

/* The user's exec is `more`, and the program beside the file is this script. */
static int plug(struct folder *f, const char *more, const char *script)
{
	struct kube_config_choice choice = { .path = f->config, .exec = true };
	char text[2000], path[160];

	snprintf(text, sizeof(text), "#!/bin/sh\n%s", script);
	write_file(f, "token", text);
	snprintf(path, sizeof(path), "%s/token", f->dir);
	assert_int_equal(chmod(path, 0700), 0);
	snprintf(text, sizeof(text), "    exec: {%s}\n", more);
	load(f, SERVER, text, ""); /* which refuses it */
	assert_non_null(strstr(f->err.text, "exec is not understood"));
	f->err = (struct error)ERROR_INIT;
	return kube_config_choose(&f->cfg, &choice, &f->err);
}

FIXTURE_TEST(a_plugin_gives_a_token)
{
	struct folder *f = *state;

	if (plug(f, EXEC_V1 ", args: [a, 'b c'], env: [{name: WORD, value: x}], interactiveMode: Never",
		 "[ \"$1-$2-$WORD\" = 'a-b c-x' ] || exit 3\n"
		 "case $KUBERNETES_EXEC_INFO in *'\"interactive\":false'*) ;; *) exit 4 ;; esac\n"
		 "[ \"$HOME\" ] || exit 5\n" CREDENTIAL("\"token\":\"t-1\"")) < 0)
		fail_msg("%s", f->err.text);
	assert_string_equal(f->cfg.token, "t-1");
	assert_false(f->cfg.loaded);
}

FIXTURE_TEST(a_plugin_gives_a_certificate)
{
	struct folder *f = *state;

	assert_int_equal(plug(f, EXEC_V1, CREDENTIAL("\"clientCertificateData\":\"CERT\",\"clientKeyData\":\"KEY\"")),
			 0);
	assert_string_equal(f->cfg.cert_pem, "CERT");
	assert_string_equal(f->cfg.key_pem, "KEY");
	assert_null(f->cfg.token);
}

FIXTURE_TEST(a_plugin_that_gives_nothing_is_told_of)
{
	static const struct {
		const char *exec, *script, *says;
	} cases[] = {
		{ EXEC_V1, "echo secret; exit 7\n", "/token: it ends with 7" },
		{ EXEC_V1, "kill -9 $$\n", "it was ended by a signal" },
		{ EXEC_V1, "echo '{\"secret\":1}'\n",
		  "it prints no ExecCredential of client.authentication.k8s.io/v1" },
		{ EXEC_V1, "echo secret\n", "it prints no ExecCredential" },
		{ EXEC_V1, CREDENTIAL("\"clientCertificateData\":\"secret\""), "it prints neither a token nor" },
		{ EXEC_V1, "yes secret\n", "what it prints" },
		{ "apiVersion: client.authentication.k8s.io/v1beta1, command: ./token",
		  CREDENTIAL("\"token\":\"secret\""), "no ExecCredential of client.authentication.k8s.io/v1beta1" },
		{ "apiVersion: client.authentication.k8s.io/v1alpha1, command: ./token", "",
		  "v1alpha1 is not understood" },
		{ "command: ./token", "", "apiVersion (none) is not understood" },
		{ "apiVersion: client.authentication.k8s.io/v1", "", "exec names no command" },
		{ EXEC_V1 ", args: [[x]]", "", "args are texts" },
		{ EXEC_V1 ", env: [x]", "", "env has names" },
		{ "apiVersion: client.authentication.k8s.io/v1, command: no-such-plugin, installHint: buy one", "",
		  "exec plugin no-such-plugin: it is not there: buy one" },
	};
	struct folder *f = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		refused(f, plug(f, cases[i].exec, cases[i].script), cases[i].says);
}

/* As GKE's kubeconfigs ask for it. */
FIXTURE_TEST(a_plugin_is_told_of_the_cluster)
{
	struct folder *f = *state;

	if (plug(f, EXEC_V1 ", provideClusterInfo: true",
		 "case $KUBERNETES_EXEC_INFO in *'\"cluster\":{\"server\":\"https://10.0.0.1:6443\"}'*) ;; *) exit 4 "
		 ";; esac\n" CREDENTIAL("\"token\":\"t\"")) < 0)
		fail_msg("%s", f->err.text);
	if (plug(f, EXEC_V1,
		 "case $KUBERNETES_EXEC_INFO in *cluster*) exit 4 ;; esac\n" CREDENTIAL("\"token\":\"t\"")) < 0)
		fail_msg("%s", f->err.text);
}

/* Nor is its SIGPIPE ignored, as ours is. */
FIXTURE_TEST(a_plugin_may_leave_a_child_with_its_pipe)
{
	struct folder *f = *state;
	char path[160], *pid;

	signal(SIGPIPE, SIG_IGN);
	if (plug(f, EXEC_V1,
		 "sleep 100 &\necho $! >\"${0%/*}/pid\"\nsh -c 'kill -PIPE $$'; [ $? = 141 ] || exit 5\n" CREDENTIAL(
			 "\"token\":\"t-1\"")) < 0)
		fail_msg("%s", f->err.text);
	assert_string_equal(f->cfg.token, "t-1");
	snprintf(path, sizeof(path), "%s/pid", f->dir);
	pid = file_read(path, 100, NULL);
	assert_non_null(pid);
	assert_int_equal(kill((pid_t)strtol(pid, NULL, 10), SIGKILL), 0);
	free(pid);
}

static int get(const char *command, const char *script, struct error *err)
{
	struct exec_plugin plugin = { .command = command,
				      .args = { "-c", script },
				      .arg_count = 2,
				      .api_version = "client.authentication.k8s.io/v1",
				      .timeout_ms = 100 };
	struct exec_credential got;

	return exec_credential_get(&plugin, &got, err);
}

TEST(a_plugin_that_hangs_is_ended)
{
	struct error err;

	assert_int_equal(get("sh", "exec sleep 100", &err), -1);
	assert_string_equal(err.text, "exec plugin sh: it does not answer");
	assert_int_equal(get("sh", "exec sleep 100 >&-", &err), -1);
	assert_string_equal(err.text, "exec plugin sh: it does not end");
}
