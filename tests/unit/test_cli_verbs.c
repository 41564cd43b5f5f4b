/* The table of verbs: the command line, the help, the completion, the man page and the docs page made of it. */
#include "cli/verbs.h"

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
	cli_says(w, "  status      what each Codis is doing");
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
