/* The table of verbs: the command line, the help, the completion, the man page and the docs page made of it. */
#include "cli/verbs.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/file.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/options_page.h"

static const char page_path[] = "docs/codisctl.md";

TEST(the_page_has_all_options)
{
	assert_page_has_options(page_path, cli_options);
	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (v->options)
			assert_page_has_options(page_path, v->options);
	}
}

TEST(the_page_has_all_verbs)
{
	BUF_CLEANUP struct buf table = BUF_INIT(65536);
	struct error err = ERROR_INIT;
	char *page = file_read(page_path, 1u << 20, &err);

	assert_non_null(page);
	buf_addstr(&table, "| Verb | |\n|---|---|\n");
	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (v->hidden)
			continue;
		buf_addf(&table, "| `%s", v->name);
		for (const char *at = v->arguments; *at; at++)
			buf_addf(&table, "%s%s%c", at == v->arguments ? " " : "", *at == '|' ? "\\" : "", *at);
		buf_addf(&table, "` | %s |\n", v->purpose);
	}
	if (!strstr(page, table.data))
		fail_msg("%s does not have this table:\n%s", page_path, table.data);
	free(page);
}

TEST(no_two_options_of_a_verb_are_called_the_same)
{
	struct opt all[VERB_OPTIONS_MAX];

	for (const struct verb *v = cli_verbs; v->name; v++) {
		verb_options(v, all);
		for (const struct opt *a = all; a->name; a++) {
			for (const struct opt *b = all; b < a; b++) {
				assert_string_not_equal(a->name, b->name);
				assert_true(!a->letter || a->letter != b->letter);
			}
		}
	}
}

TEST(the_nearest_verb)
{
	assert_string_equal(verb_nearest("stauts")->name, "status");
	assert_string_equal(verb_nearest("Status")->name, "status");
	assert_string_equal(verb_nearest("pasue")->name, "pause");
	assert_string_equal(verb_nearest("resum")->name, "resume");
	assert_null(verb_nearest("delete"));
	assert_null(verb_nearest("mna"));
	assert_null(verb_nearest(""));
}

CLI_TEST(what_is_no_command_line_is_told)
{
	static const struct {
		const char *args[3], *says;
	} cases[] = {
		{ { "stauts" },
		  "codisctl: there is no verb \"stauts\"; did you mean status? codisctl help lists them\n" },
		{ { "frobnicate" }, "codisctl: there is no verb \"frobnicate\"; codisctl help lists them\n" },
		{ { "help", "stat" }, "there is no verb \"stat\"; did you mean status?" },
		{ { "status", "--nope" }, "codisctl: status: unknown option --nope" },
		{ { "-w", "status" }, "codisctl: unknown option -w" },
		{ { "status", "a", "b" }, "codisctl: status: \"b\" is one argument too many; codisctl help status\n" },
		{ { "-n" }, "-n needs a value" },
		{ { "status", "-n=" }, "status: --namespace \"\" is no name of a namespace" },
		{ { "status", "-na/../b" }, "\"a/../b\" is no name of a namespace" },
		{ { "pause", "-n", "--wait=0" }, "\"--wait=0\" is no name of a namespace" },
		{ { "status", "--system-namespace", "A b" }, "\"A b\" is no name of a namespace" },
		{ { "completion", "tcsh" }, "name a shell: bash, zsh or fish" },
		{ { "pause", "" }, "pause: the reason is \"\": it has 1 to" },
		{ { "pause", "false" }, "is not \"false\"" },
		{ { NULL }, "codisctl VERB [ARGUMENTS] [OPTIONS]" },
	};
	struct cli_world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (CLI(w, cases[i].args[0], cases[i].args[1], cases[i].args[2]) != CLI_USAGE)
			fail_msg("%s is taken", cases[i].args[0]);
		cli_says(w, cases[i].says);
		assert_string_equal(w->c.out.data, "");
	}
	assert_int_equal(fake_count(w->api, "api"), 0);
}

CLI_TEST(help_is_on_stdout)
{
	struct cli_world *w = *state;

	assert_int_equal(CLI(w, "--help"), CLI_OK);
	cli_says(w, "  status       what each Codis is doing");
	assert_int_equal(CLI(w, "help", "status"), CLI_OK);
	cli_says(w, "codisctl status [PRODUCT]: what each Codis is doing, and what is wrong with it\n");
	cli_says(w, "  -A, --all-namespaces ");
	cli_says(w, "  -n, --namespace NAME ");
	assert_int_equal(CLI(w, "-n", "shop", "pause", "x", "-h"), CLI_OK);
	cli_says(w, "codisctl pause [REASON]: ");
	assert_int_equal(CLI(w, "--version"), CLI_OK);
	assert_string_equal(w->c.err.data, "");
}

CLI_TEST(all_verbs_are_in_the_man_page_and_in_each_completion)
{
	struct cli_world *w = *state;
	char words[100];

	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (v->hidden)
			continue;
		assert_int_equal(CLI(w, "man"), CLI_OK);
		snprintf(words, sizeof(words), "\n.SS %s", v->name);
		cli_says(w, words);
		assert_int_equal(CLI(w, "completion", "bash"), CLI_OK);
		snprintf(words, sizeof(words), "\t%s) words='", v->name);
		cli_says(w, words);
		assert_int_equal(CLI(w, "completion", "fish"), CLI_OK);
		snprintf(words, sizeof(words), "-a %s -d '", v->name);
		cli_says(w, words);
	}
	assert_int_equal(CLI(w, "completion", "zsh"), CLI_OK);
	cli_says(w, "bashcompinit\n_codisctl() {");
	cli_says(w, "'status --output'|'status -o') words='text wide json yaml'");
	cli_does_not_say(w, "man)");
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

/* The second time it hangs. */
#define PLUGIN                                                                                                         \
	"#!/bin/sh\necho $$ >&2\n[ -e ran ] && exec sleep 100\n>ran\necho "                                            \
	"'{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/"                                 \
	"v1\",\"status\":{\"token\":\"t\"}}'\n"
#define CONFIG                                                                                                         \
	"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\nclusters: [{name: c, cluster: "    \
	"{server: 'http://127.0.0.1:1'}}]\nusers: [{name: u, user: {exec: {apiVersion: "                               \
	"client.authentication.k8s.io/v1, command: ./plugin}}}]\n"

static void write_script(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0755), 0);
}

static void connect_twice(int said)
{
	struct cli c;

	dup2(said, STDERR_FILENO);
	cli_end_at_signals();
	cli_init(&c, -1, -1);
	c.options.kubeconfig = strdup("./config");
	if (cli_connect(&c) == CLI_OK)
		cli_connect(&c);
	_exit(CLI_NO_CLUSTER);
}

/* As a watch does it, whose credential has ended. */
TEST(a_signal_ends_it_also_while_it_waits_for_a_plugin)
{
	char folder[] = "/tmp/codis-cli-XXXXXX", home[4096];
	int said[2], plugin = 0, status = 0;
	FILE *from;
	pid_t pid;

	assert_non_null(getcwd(home, sizeof(home)));
	assert_non_null(mkdtemp(folder));
	assert_int_equal(chdir(folder), 0);
	write_script("plugin", PLUGIN);
	write_script("config", CONFIG);
	assert_int_equal(pipe(said), 0);
	pid = fork();
	if (pid == 0)
		connect_twice(said[1]);
	close(said[1]);
	from = fdopen(said[0], "r");
	assert_non_null(from);
	assert_int_equal(fscanf(from, "%d %d", &plugin, &plugin), 2);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	kill(plugin, SIGKILL);
	fclose(from);
	unlink("plugin");
	unlink("config");
	unlink("ran");
	assert_int_equal(chdir(home), 0);
	rmdir(folder);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CLI_INTERRUPTED);
}

static void plan_of(char *path)
{
	char program[] = "codisctl", verb[] = "plan", *argv[] = { program, verb, path, NULL };
	struct cli c;

	cli_init(&c, -1, -1);
	_exit((int)verbs_run(&c, 3, argv));
}

TEST(a_signal_ends_also_what_needs_no_cluster)
{
	char folder[] = "/tmp/codis-cli-XXXXXX", path[64];
	int status = 0, fd;
	pid_t pid;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/manifests.yaml", folder);
	assert_int_equal(mkfifo(path, 0600), 0);
	pid = fork();
	if (pid == 0)
		plan_of(path);
	fd = open(path, O_WRONLY | O_CLOEXEC); /* once it is open on the other side, too */
	assert_true(fd >= 0);
	kill(pid, SIGTERM);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	close(fd);
	unlink(path);
	rmdir(folder);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), CLI_INTERRUPTED);
}
