/* Finding a program in a container's command line, and adding words to it: shell.c, cmdline.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/parse_text.h"

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

static const char *const programs[] = { "codis-server", "redis-server", NULL };

/* --- the shell's grammar --------------------------------------------------------------------------------------- */

static int print_command(void *ctx, const struct shell_command *c)
{
	struct buf *out = ctx;

	for (int i = 0; i < c->count; i++)
		buf_addf(out, "%s%.*s", i ? "," : "", (int)c->words[i].len, c->words[i].text);
	buf_addch(out, '|');
	return 0;
}

static void expect_commands(const char *text, const char *commands)
{
	BUF_CLEANUP struct buf out = BUF_INIT(65536);
	struct error err = ERROR_INIT;

	assert_int_equal(shell_each(text, print_command, &out, &err), 0);
	assert_string_equal(out.data, commands);
}

TEST(commands)
{
	expect_commands("", "");
	expect_commands("a b  c", "a,b,c|");
	expect_commands("a;b&&c||d|e&\nf", "a|b|c|d|e|f|");
	expect_commands("(a b) ; { c; }", "a,b|{,c|}|");
	expect_commands("a \\\n b", "a,b|");
	expect_commands("a # b c\nd", "a|d|");
	expect_commands("a#b", "a#b|");
	expect_commands("if a; then b; fi", "if,a|then,b|fi|");
}

TEST(redirections_are_no_words)
{
	expect_commands("a >x b 2>&1 c </dev/null >> y d", "a,b,c,d|");
	expect_commands("a>x", "a|");
	expect_commands("a2>x", "a2|"); /* a command of that name, as a shell reads it */
	expect_commands("a 2 >x", "a,2|");
	expect_commands("a &>x", "a|");
	expect_commands("a >| x b", "a,b|");
}

TEST(quotes_and_expansions_stay_in_their_word)
{
	expect_commands("a 'b; c' \"d && $(e \"f )\")\" g", "a,'b; c',\"d && $(e \"f )\")\",g|");
	expect_commands("a `b; c` $(d; (e)) ${f:-x y} $((1 + 2)) \\; g",
			"a,`b; c`,$(d; (e)),${f:-x y},$((1 + 2)),\\;,g|");
	expect_commands("x=`hostname |awk -F'-' '{print $3}'`;y=$(expr $x / 2)", "x=`hostname |awk -F'-' '{print $3}'`|"
										 "y=$(expr $x / 2)|");
}

TEST(lines_of_a_here_document_are_no_commands)
{
	expect_commands("cat >x <<EOF\na 'b\n$(c\nEOF\nd e", "cat|d,e|");
	expect_commands("cat <<EOF\nEOF\nd", "cat|d|");
	expect_commands("cat <<'E F' | b\nE\nE F\nd", "cat|b|d|");
	expect_commands("cat <<-A <<B\n\tx\n\tA\ny\nB\nd", "cat|d|");
	expect_commands("a - <<EOF --x 1; b\nz\\\\z\nEOF\n", "a,-,--x,1|b|");
	expect_commands("a $((1 << 2))\nb", "a,$((1 << 2))|b|");
}

TEST(what_cannot_be_followed_is_an_error)
{
	static const char *const texts[] = { "a 'b",    "a \"b",  "a `b",   "a $(b",
					     "a ${b",   "a)",     "(a",     "cat <<EOF\nx\nEO",
					     "a <<< b", "a <(b)", "a \\",   "case x in x) a ;; esac",
					     "a $'b'",  "a >",    "a > ; b" };
	BUF_CLEANUP struct buf out = BUF_INIT(65536), long_text = BUF_INIT(65536);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct error err = ERROR_INIT;

		if (shell_each(texts[i], print_command, &out, &err) != -1 || !err.text[0])
			fail_msg("taken for understood: %s", texts[i]);
	}
	for (int i = 0; i <= SHELL_WORDS; i++)
		buf_addstr(&long_text, "a ");
	assert_int_equal(shell_each(long_text.data, print_command, &out, NULL), -1);
	buf_reset(&long_text);
	for (int i = 0; i < 10000; i++)
		buf_addstr(&long_text, "$(");
	assert_int_equal(shell_each(long_text.data, print_command, &out, NULL), -1);
}

TEST(plain_word)
{
	static const struct {
		const char *word, *plain;
	} cases[] = { { "ab", "ab" },     { "'a b'c", "a bc" }, { "\"a\\\"b\"", "a\"b" },
		      { "a\\ b", "a b" }, { "''", "" },         { "\"a\\b\"", "a\\b" },
		      { "a$b", NULL },    { "`a`", NULL },      { "'$a'", "$a" } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		BUF_CLEANUP struct buf out = BUF_INIT(64);
		struct shell_word w = { cases[i].word, strlen(cases[i].word) };

		assert_int_equal(shell_plain(&w, &out), cases[i].plain != NULL);
		if (cases[i].plain)
			assert_string_equal(out.data, cases[i].plain);
	}
}

static void expect_found(const char *text, int at)
{
	const char *found = shell_find(text, "--x");

	assert_int_equal(found ? (int)(found - text) : -1, at);
}

TEST(what_is_in_a_comment_is_not_found)
{
	expect_found("a --x", 2);
	expect_found("# a --x --x", -1);
	expect_found("b # --x\n  #--x\nc --x", 17);
	expect_found("echo 'a # --x'", 10);
	expect_found("echo \"a # --x\"", 10);
	expect_found("echo \"\\\" # --x\"", 11);
	expect_found("echo \\' # --x", -1);
	expect_found("echo '\\' # --x", -1);
	expect_found("a#b --x; c ${#d} $# --x", 4);
}

/* --- where the server is started
 * --------------------------------------------------------------------------------------- */

/* What the container is after "--x 1" was added, in compact JSON; "" when no start was found. */
static char *appended(const char *container_text, const char **why)
{
	static const char *const words[CMDLINE_STARTS] = { "--x 1", "--x 1", "--x 1", "--x 1" };
	JSON_CLEANUP cJSON *container = parse_text(container_text);
	struct cmdline c;
	char *out;

	cmdline_find(container, programs, true, &c);
	*why = c.why;
	if (c.kind == CMDLINE_NONE)
		return strdup("");
	assert_int_equal(cmdline_append(&c, words), 0);
	out = cJSON_PrintUnformatted(container);
	return out;
}

static void expect_appended(const char *before, const char *after)
{
	const char *why;
	char *text = appended(before, &why);

	assert_string_equal(text, after);
	if (!after[0])
		assert_non_null(why);
	free(text);
}

TEST(append_to_words)
{
	expect_appended("{\"command\":[\"codis-server\"]}", "{\"command\":[\"codis-server\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"codis-server\"],\"args\":[\"a.conf\"]}",
			"{\"command\":[\"codis-server\"],\"args\":[\"a.conf\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"/codis/bin/codis-server\",\"a\"]}",
			"{\"command\":[\"/codis/bin/codis-server\",\"a\",\"--x\",\"1\"]}");
	expect_appended("{\"args\":[\"codis-server\",\"a\"]}", "{\"args\":[\"codis-server\",\"a\",\"--x\",\"1\"]}");
	expect_appended("{\"args\":[\"a.conf\"]}", "{\"args\":[\"a.conf\",\"--x\",\"1\"]}");
	expect_appended("{\"args\":[\"--port\",\"1\"]}", "{\"args\":[\"--port\",\"1\",\"--x\",\"1\"]}");
	expect_appended("{\"args\":[\"/entrypoint.sh\",\"codis-server\"]}",
			"{\"args\":[\"/entrypoint.sh\",\"codis-server\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"tini\",\"--\",\"codis-server\",\"a\"]}",
			"{\"command\":[\"tini\",\"--\",\"codis-server\",\"a\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"/entrypoint.sh\",\"gosu\",\"redis\",\"codis-server\",\"a\"]}",
			"{\"command\":[\"/entrypoint.sh\",\"gosu\",\"redis\",\"codis-server\",\"a\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"setpriv\",\"--reuid=1\",\"codis-server\",\"a\"]}",
			"{\"command\":[\"setpriv\",\"--reuid=1\",\"codis-server\",\"a\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"env\",\"BIN=/codis/bin/codis-server\",\"/start\"]}", "");
}

/* The whole line, before and after. */
static void expect_line(const char *before, const char *after)
{
	JSON_CLEANUP cJSON *from = parse_text("{\"command\":[\"sh\",\"-c\",\"\"]}"), *to = cJSON_Duplicate(from, true);
	char *a, *b;

	cJSON_SetValuestring(cJSON_GetArrayItem(cJSON_GetObjectItem(from, "command"), 2), before);
	cJSON_SetValuestring(cJSON_GetArrayItem(cJSON_GetObjectItem(to, "command"), 2), after);
	a = cJSON_PrintUnformatted(from);
	b = cJSON_PrintUnformatted(to);
	expect_appended(a, after[0] ? b : "");
	free(a);
	free(b);
}

TEST(append_to_a_shell_line)
{
	expect_line("codis-server", "codis-server --x 1");
	expect_line("exec codis-server a.conf", "exec codis-server a.conf --x 1");
	expect_line("codis-server a >> log 2>&1", "codis-server a --x 1 >> log 2>&1");
	expect_line("codis-server a>log", "codis-server a --x 1 >log");
	expect_line("codis-server a</dev/null>log", "codis-server a --x 1 </dev/null>log");
	expect_line("codis-server a > log --port 1; sleep 1", "codis-server a > log --port 1 --x 1; sleep 1");
	expect_line("mkdir -p d && codis-server a&& true", "mkdir -p d && codis-server a --x 1&& true");
	expect_line("codis-server a & wait", "codis-server a --x 1 & wait");
	expect_line("X=1 nohup codis-server \"a b\" | tee log", "X=1 nohup codis-server \"a b\" --x 1 | tee log");
	expect_line("if true; then codis-server a; else exec redis-server b; fi",
		    "if true; then codis-server a --x 1; else exec redis-server b --x 1; fi");
	expect_line("echo codis-server starts; codis-server a # codis-server",
		    "echo codis-server starts; codis-server a --x 1 "
		    "# codis-server");
	expect_line("codis-server --version; codis-server a", "codis-server --version; codis-server a --x 1");
	expect_line("env A=b codis-server \\\n  a \\\n  b\n", "env A=b codis-server \\\n  a \\\n  b --x 1\n");
	expect_line("(cd d; ./codis-server a)", "(cd d; ./codis-server a --x 1)");
	expect_line("cat > c <<EOF\ncodis-server d\nEOF\ncodis-server c", "cat > c <<EOF\ncodis-server d\nEOF\n"
									  "codis-server c --x 1");
	expect_line("codis-server - <<EOF\nport 1\nEOF", "codis-server - --x 1 <<EOF\nport 1\nEOF");
}

/* Where a directory or a launcher's words are a variable's, the name is still there. */
TEST(a_program_behind_a_variable_is_found)
{
	expect_line("exec $CODIS_HOME/bin/codis-server a", "exec $CODIS_HOME/bin/codis-server a --x 1");
	expect_line("\"${CODIS_HOME:-/codis}/bin/codis-server\" a",
		    "\"${CODIS_HOME:-/codis}/bin/codis-server\" a --x 1");
	expect_line("exec gosu $USER codis-server a", "exec gosu $USER codis-server a --x 1");
	expect_line("exec $(which codis-server) a", "");
	expect_line("exec ${X:-/bin/codis-server} a", "");
	expect_line("exec env BIN=$HOME/codis-server ./start a", "");
	expect_line("exec env BIN=/codis-server ./start a", "");
	expect_line("$LAUNCHER codis-server a", "");
}

/* What a launcher runs is the first that is not its own; a host or a folder of the program's name is none. */
TEST(what_a_launcher_runs_is_one_program)
{
	expect_line("timeout 5 redis-cli -h codis-server ping; codis-server a",
		    "timeout 5 redis-cli -h codis-server ping; "
		    "codis-server a --x 1");
	expect_line("sudo mkdir -p /data/codis-server && sudo -u redis codis-server a",
		    "sudo mkdir -p /data/codis-server && sudo -u redis codis-server a --x 1");
	expect_line("busybox nc -z codis-server 1", "");
	expect_line("exec gosu redis:redis nice -n 5 codis-server a",
		    "exec gosu redis:redis nice -n 5 codis-server a --x 1");
	expect_appended("{\"command\":[\"tini\",\"--\",\"agent\",\"--component\",\"codis-server\"]}", "");
	expect_appended(
		"{\"command\":[\"chroot\",\"/root\",\"taskset\",\"-c\",\"0,1\",\"codis-server\"]}",
		"{\"command\":[\"chroot\",\"/root\",\"taskset\",\"-c\",\"0,1\",\"codis-server\",\"--x\",\"1\"]}");
}

TEST(a_memory_test_is_no_start)
{
	expect_line("codis-server --test-memory 64 && exec codis-server a", "codis-server --test-memory 64 && "
									    "exec codis-server a --x 1");
}

TEST(unsafe_shell_lines_are_left_alone)
{
	expect_line("./start.sh", "");
	expect_line("c=codis-server; $c a", "");
	expect_line("su redis -c 'codis-server a'", "");
	expect_line("cat > c <<EOF\nx \\\nEOF\ncodis-server c", "");
	expect_line("x=$(cat <<EOF\nit's\nEOF\n); codis-server c", "");
	expect_line("case $x in a) codis-server c ;; esac", "");
	expect_line("codis-server 'a", "");
	expect_line("pkill codis-server", "");
	expect_line("command -v codis-server || exit 1; command codis-server a",
		    "command -v codis-server || exit 1; command codis-server a --x 1");
	expect_line("codis-server --version", "");
	expect_line("codis-server a; codis-server b; codis-server c; codis-server d; codis-server e", "");
}

TEST(shell_is_found_behind_its_flags)
{
	expect_appended("{\"command\":[\"/bin/bash\",\"-e\",\"-c\"],\"args\":[\"codis-server a\"]}",
			"{\"command\":[\"/bin/bash\",\"-e\",\"-c\"],\"args\":[\"codis-server a --x 1\"]}");
	expect_appended("{\"command\":[\"sh\",\"-ec\",\"codis-server a\",\"zero\"]}",
			"{\"command\":[\"sh\",\"-ec\",\"codis-server a --x 1\",\"zero\"]}");
	expect_appended("{\"command\":[\"bash\",\"-euo\",\"pipefail\",\"-c\",\"codis-server\"]}",
			"{\"command\":[\"bash\",\"-euo\",\"pipefail\",\"-c\",\"codis-server --x 1\"]}");
	expect_appended("{\"command\":[\"sh\",\"\",\"-c\",\"codis-server\"]}", "");
	expect_appended("{\"command\":[\"sh\",\"-c\",\"--\"],\"args\":[\"codis-server a\"]}",
			"{\"command\":[\"sh\",\"-c\",\"--\"],\"args\":[\"codis-server a --x 1\"]}");
	expect_appended("{\"command\":[\"sh\",\"-c\",\"-e\",\"codis-server a\"]}",
			"{\"command\":[\"sh\",\"-c\",\"-e\",\"codis-server a --x 1\"]}");
	expect_appended("{\"command\":[\"sh\",\"-c\",\"--\"]}", "");
	expect_appended("{\"command\":[\"tini\",\"--\",\"sh\",\"-c\",\"codis-server\"]}",
			"{\"command\":[\"tini\",\"--\",\"sh\",\"-c\",\"codis-server --x 1\"]}");
}

/* Whoever stands in front of a server with its arguments runs it. */
TEST(a_wrapper_that_is_not_known)
{
	expect_appended("{\"command\":[\"/vault/vault-env\"],\"args\":[\"codis-server\",\"a.conf\"]}",
			"{\"command\":[\"/vault/vault-env\"],\"args\":[\"codis-server\",\"a.conf\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"await\",\"-s\",\"--\",\"/bin/codis-server\",\"--port\",\"1\"]}",
			"{\"command\":[\"await\",\"-s\",\"--\",\"/bin/codis-server\",\"--port\",\"1\",\"--x\",\"1\"]}");
	expect_appended("{\"command\":[\"await\",\"--\",\"sh\",\"-c\",\"codis-server a\"]}",
			"{\"command\":[\"await\",\"--\",\"sh\",\"-c\",\"codis-server a --x 1\"]}");
	expect_appended("{\"command\":[\"/vault/vault-env\"],\"args\":[\"/bin/sh\",\"-ec\",\"codis-server a\"]}",
			"{\"command\":[\"/vault/vault-env\"],\"args\":[\"/bin/sh\",\"-ec\",\"codis-server a --x 1\"]}");
	expect_appended("{\"command\":[\"agent\",\"--with\",\"sh\",\"-c\",\"codis-server a\"]}", "");
	expect_appended("{\"command\":[\"agent\",\"codis-server\",\"-c\",\"a\"]}", "");
	expect_appended("{\"command\":[\"tail\",\"codis-server\"]}", "");
	expect_appended("{\"command\":[\"agent\",\"codis-server\",\"--dir\",\"x\"]}", "");
	expect_appended("{\"args\":[\"--component\",\"codis-server\",\"--dir\",\"x\"]}", "");
	expect_appended("{\"args\":[\"--component\",\"codis-server\",\"a.conf\"]}", "");
	expect_appended("{\"command\":[\"agent\",\"--component\",\"codis-server\",\"a.conf\"]}", "");
	expect_appended("{\"command\":[\"which\",\"codis-server\",\"--version\"]}", "");
}

TEST(no_start)
{
	expect_appended("{}", "");
	expect_appended("{\"command\":[]}", "");
	expect_appended("{\"command\":[\"/start.sh\"]}", "");
	expect_appended("{\"command\":[\"/start.sh\"],\"args\":[\"a.conf\"]}", "");
	expect_appended("{\"args\":[\"serve\"]}", "");
	/* A name among another program's arguments; a text for an entrypoint that is a shell. */
	expect_appended("{\"command\":[\"agent\",\"--component\",\"codis-server\"]}", "");
	expect_appended("{\"command\":\"codis-server\"}", "");
	expect_appended("{\"command\":[\"codis-server\",7]}", "");
	expect_appended("{\"command\":[\"sh\",\"-c\"]}", "");
	expect_appended("{\"args\":[\"--port\",\"1\",7]}", "");
}

/* What stands alone in args is for the image's entrypoint. */
TEST(args_for_an_entrypoint)
{
	/* A shell's, since nothing else could do with one word that has blanks, or with -c. */
	expect_appended("{\"args\":[\"exec codis-server /conf/redis.conf\"]}",
			"{\"args\":[\"exec codis-server /conf/redis.conf --x 1\"]}");
	expect_appended("{\"args\":[\"-c\",\"codis-server x.conf\"]}",
			"{\"args\":[\"-c\",\"codis-server x.conf --x 1\"]}");
	expect_appended("{\"args\":[\"exec something else\"]}", "");
	expect_appended("{\"args\":[\"-c\",\"cp redis.conf /x\"]}", "");
	/* Redis' settings, and others' flags. */
	expect_appended("{\"args\":[\"--port\",\"7000\",\"--requirepass=x\",\"--maxmemory 1gb\"]}",
			"{\"args\":[\"--port\",\"7000\",\"--requirepass=x\",\"--maxmemory 1gb\",\"--x\",\"1\"]}");
	expect_appended("{\"args\":[\"--mode\",\"server\"]}", "");
	expect_appended("{\"args\":[\"--port\",\"7000\",\"--group-size\",\"2\"]}", "");
	expect_appended("{\"args\":[\"redis.conf and more\"]}", "");
}

TEST(too_many_words_are_said_to_be_so)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);
	const char *why;

	buf_addstr(&text, "{\"command\":[\"codis-server\"");
	for (int i = 0; i < SHELL_WORDS; i++)
		buf_addstr(&text, ",\"1\"");
	buf_addstr(&text, "]}");
	free(appended(text.data, &why));
	assert_string_equal(why, "its command has over 256 words");
}

/* Flags that stand behind what was read would be added once more by each look. */
TEST(more_words_than_are_read)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536);

	buf_addstr(&text, "{\"args\":[\"--port\"");
	for (int i = 0; i < SHELL_WORDS; i++)
		buf_addstr(&text, ",\"1\"");
	buf_addstr(&text, "]}");
	expect_appended(text.data, "");
}

/* --- flags and values
 * -------------------------------------------------------------------------------------------------- */

/* The value of --bind as it would stand in a script; "" when it is not to be known. */
static void value_is(const char *container_text, const char *value)
{
	JSON_CLEANUP cJSON *container = parse_text(container_text);
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	struct cmdline c;

	cmdline_find(container, programs, true, &c);
	assert_int_equal(cmdline_value(&c, "--bind", &out), value[0] != '\0');
	assert_string_equal(out.data, value);
}

#define OPTS(value) ",\"env\":[{\"name\":\"OPTS\",\"value\":\"" value "\"}]}"
#define ENV         ",\"env\":[{\"name\":\"POD_IP\",\"value\":\"9.9.9.9\"}]}"

TEST(value_among_words)
{
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"1.2.3.4\"]}", "1.2.3.4");
	value_is("{\"command\":[\"codis-server\",\"--bind=1.2.3.4\"]}", "1.2.3.4");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"1\",\"--bind\",\"2\"]}", "2");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"$(POD_IP):1\"]" ENV, "${POD_IP}:1");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"$(OTHER)\"]" ENV, "");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"$$(POD_IP)\"]" ENV, "");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"a\\\"$b`c\\\\\"]" ENV, "a\\\"\\$b\\`c\\\\");
	value_is("{\"command\":[\"codis-server\",\"--bind\"]}", "");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"--port\",\"1\"]}", "");
	value_is("{\"command\":[\"codis-server\",\"--bind 1.2\"]}", "1.2");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"$(IP)\"],\"envFrom\":[{\"prefix\":\"I\"}]}", "${IP}");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"$(IP)\"],\"envFrom\":[{\"prefix\":\"X\"}]}", "");
	value_is("{\"command\":[\"codis-server\",\"--bindings\",\"1\"]}", "");
	value_is("{\"command\":[\"nothing\",\"--bind\",\"1\"]}", "");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"a$$b$$\"]}", "a\\$b\\$");
	value_is("{\"command\":[\"codis-server\",\"--bind\",\"a$$$$b\"]}", "a\\$\\$b");
}

/* "$@" and variables of the container are what stands there. */
TEST(value_that_is_handed_on)
{
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server \\\"$@\\\"\",\"x\",\"--bind\",\"1.2\"]}", "1.2");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server $*\"],\"args\":[\"--bind\",\"--bind\",\"$(POD_IP)\"]" ENV,
		 "${POD_IP}");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server a\",\"x\",\"--bind\",\"1.2\"]}", "");
	value_is("{\"command\":[\"sh\",\"-c\",\"shift; codis-server \\\"$@\\\"\",\"x\",\"--bind\",\"1.2\"]}", "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server \\\"$@\\\"\",\"x\",\"--bind\",\"a\\\"b\"]}", "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server $OPTS\"]" OPTS("--hz 9 --bind 1.2"), "1.2");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server ${OPTS}\"]" OPTS("--bind 1.2 --hz 9"), "1.2");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server ${OPTS:-}\"]" OPTS("--bind 1.2 --hz 9"), "1.2");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server ${OPTS:-$X}\"]" OPTS("--bind 1.2 --hz 9"), "1.2");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server ${OPTS:+--hz}\"]" OPTS("--bind 1.2"), "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server ${OPTS}x\"]" OPTS("--bind 1.2"), "");
	value_is("{\"command\":[\"sh\",\"-c\",\"OPTS=x; codis-server $OPTS\"]" OPTS("--bind 1.2"), "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server $OPTS\"]" OPTS("--bind $X"), "");
	value_is("{\"command\":[\"codis-server\",\"$(OPTS)\"]" OPTS("--bind 1.2"), "1.2");
	value_is("{\"command\":[\"codis-server\",\"$OPTS\"]" OPTS("--bind 1.2"), "");
}

static bool has_flag(const char *container, const char *flag)
{
	JSON_CLEANUP cJSON *parsed = parse_text(container);
	struct cmdline c;

	cmdline_find(parsed, programs, false, &c);
	return c.count == 1 && cmdline_flag_of(&c, &c.starts[0], flag, strlen(flag), NULL) >= 0;
}

#define TEXT(text) "{\"command\":[\"sh\",\"-c\",\"" text "\",\"x\",\"/c\",\"--bind\",\"1.2\"]}"

/* A shell makes others of these words: that it is bound is known, and to what is not. */
TEST(value_that_a_shell_may_change)
{
	static const char *const containers[] = {
		TEXT("C=$1; shift; codis-server $C \\\"$@\\\""),
		TEXT("set -- --hz 9 $@; codis-server $@"),
		TEXT("codis-server ${@:2}"),
		TEXT("codis-server \\\"$1\\\" $2 $3"),
		"{\"command\":[\"sh\",\"-c\",\"codis-server $@\",\"x\",\"--bind\",\"a~b\"]}",
		"{\"command\":[\"sh\",\"-c\",\"codis-server $@\",\"x\",\"--bind=a~b\"]}",
		"{\"command\":[\"sh\",\"-c\",\"O=\\\"$O --hz 9\\\"; codis-server $O\"],"
		"\"env\":[{\"name\":\"O\",\"value\":\"x  --bind 1.2\"}]}",
		"{\"command\":[\"sh\",\"-c\",\"codis-server $O\"],\"env\":[{\"name\":\"O\",\"value\":\"--bind a~b\"}]}",
		"{\"command\":[\"sh\",\"-c\",\"codis-server \\\"$O\\\"\"],\"env\":[{\"name\":\"O\",\"value\":\"--bind "
		"1.2\"}]}",
	};

	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++) {
		value_is(containers[i], "");
		assert_true(has_flag(containers[i], "--bind"));
		assert_false(has_flag(containers[i], "--hz") && i != 1);
	}
	assert_false(has_flag(TEXT("codis-server \\\"1\\\""), "--bind"));
	value_is(TEXT("echo a # shift\\ncodis-server $@"), "1.2");
}

/* The words behind a text that runs them are the program's own. */
TEST(words_that_a_text_runs)
{
	static const char *const texts[] = { "ulimit -n 9; exec \\\"$@\\\"", "true && $@", "if x; then exec $@; fi" };
	static const char *const others[] = { "shift; exec \\\"$@\\\"", "echo \\\"$@\\\"",
					      "set -- a; exec \\\"$@\\\"" };
	char text[256];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		snprintf(text, sizeof(text),
			 "{\"command\":[\"sh\",\"-c\",\"%s\",\"x\",\"codis-server\",\"--bind\",\"1.2\"]}", texts[i]);
		value_is(text, "1.2");
		snprintf(text, sizeof(text),
			 "{\"command\":[\"sh\",\"-c\",\"%s\",\"x\",\"codis-server\",\"--bind\",\"1.2\"]}", others[i]);
		value_is(text, "");
	}
	value_is("{\"command\":[\"sh\",\"-c\",\"exec $@\",\"codis-server\",\"--bind\",\"1.2\"]}", "");
	value_is("{\"command\":[\"sh\",\"-c\",\"exec $@\"],\"args\":[\"x\"]}", "");
}

static void assert_unfollowed(const char *container, const char *word)
{
	JSON_CLEANUP cJSON *parsed = parse_text(container);
	struct cmdline c;

	cmdline_find(parsed, programs, false, &c);
	assert_int_equal(c.unfollowed.len, strlen(word));
	assert_memory_equal(c.unfollowed.text ? c.unfollowed.text : "", word, strlen(word));
}

/* It may have flags; one that is a value has none. */
TEST(variable_that_is_not_known)
{
	assert_unfollowed("{\"command\":[\"codis-server\",\"c\",\"$(OPTS)\"],\"envFrom\":[{}]}", "$(OPTS)");
	assert_unfollowed("{\"command\":[\"sh\",\"-c\",\"codis-server c --hz 9 $OPTS\"]}", "$OPTS");
	assert_unfollowed("{\"command\":[\"sh\",\"-c\",\"codis-server c --hz=9 ${OPTS:-}\"]}", "${OPTS:-}");
	assert_unfollowed("{\"command\":[\"sh\",\"-c\",\"O=$O; codis-server c $O\"]}", "$O");
	assert_unfollowed("{\"command\":[\"sh\",\"-c\",\"O=\\\"$O -x\\\"; codis-server c $O\"],"
			  "\"env\":[{\"name\":\"O\",\"value\":\"-y\"}]}",
			  "$O");
	assert_unfollowed("{\"command\":[\"sh\",\"-c\",\"codis-server c $OPTS\"]" OPTS("--hz 9"), "");
	assert_unfollowed("{\"command\":[\"sh\",\"-c\",\"codis-server \\\"$CONF\\\"\"]}", "");
	assert_unfollowed("{\"command\":[\"codis-server\",\"c\",\"--requirepass\",\"$(PW)\"]}", "");
	assert_unfollowed("{\"command\":[\"codis-server\",\"c\",\"--bind\",\"127.0.0.1\",\"$(POD_IP)\"]}", "");
}

TEST(what_is_handed_on_is_not_written)
{
	expect_appended("{\"command\":[\"sh\",\"-c\",\"codis-server \\\"$@\\\"; x\",\"--\",\"a\",\"b\"]}",
			"{\"command\":[\"sh\",\"-c\",\"codis-server \\\"$@\\\" --x 1; x\",\"--\",\"a\",\"b\"]}");
}

TEST(value_in_a_shell_line)
{
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind $POD_IP\"]" ENV, "${POD_IP}");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind \\\"${POD_IP}\\\"\"]" ENV, "${POD_IP}");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind $(POD_IP)\"]" ENV, "${POD_IP}");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind '1.2'.3\"]" ENV, "1.2.3");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind $(hostname -i)\"]" ENV, "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind $IP\"]" ENV, "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind '$POD_IP'\"]" ENV, "\\$POD_IP");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind '$(POD_IP)'\"]" ENV, "${POD_IP}");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind 'a b$c'\"]" ENV, "a b\\$c");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind 'a$$b'\"]" ENV, "a\\$b");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind \\\"a\\\\$b\\\"\"]" ENV, "a\\$b");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind a$$\"]" ENV, "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind 'a b`$c'\"]" ENV, "a b\\`\\$c");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind \\\"a\\\\$b\\\"\"]" ENV, "a\\$b");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind \\\"a\\\\b\\\"\"]" ENV, "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind `cat ip`\"]" ENV, "");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind $1\",\"x\",\"1.2\"],\"envFrom\":[{}]}", "");
}

/* Each is looked for in the whole environment. */
TEST(value_of_too_many_variables)
{
	BUF_CLEANUP struct buf text = BUF_INIT(65536), value = BUF_INIT(CMDLINE_VALUE_MAX);

	for (int n = 16; n <= 17; n++) {
		JSON_CLEANUP cJSON *container = NULL;
		struct cmdline c;

		buf_reset(&text);
		buf_addstr(&text,
			   "{\"env\":[{\"name\":\"V\",\"value\":\"x\"}],\"command\":[\"codis-server\",\"--port\",\"");
		for (int i = 0; i < n; i++)
			buf_addstr(&text, "$(V)");
		buf_addstr(&text, "\"]}");
		container = parse_text(text.data);
		cmdline_find(container, programs, false, &c);
		assert_int_equal(cmdline_value(&c, "--port", &value), n == 16);
		assert_int_equal(value.len, n == 16 ? 16 * strlen("${V}") : 0);
	}
}

#define SHELL(text) "{\"command\":[\"sh\",\"-c\",\"" text " codis-server --bind $POD_IP\"]" ENV

/* Another script of the container has the container's variable. */
TEST(value_that_its_own_text_sets)
{
	value_is(SHELL("POD_IP=1;"), "");
	value_is(SHELL("export POD_IP=\\\"$(hostname -i)\\\";"), "");
	value_is(SHELL("POD_IP+=x;"), "");
	value_is(SHELL("POD_IP=$POD_IP:1;"), "");
	value_is(SHELL("POD_IP=$POD_IPS;"), "");
	value_is(SHELL("POD_IP=${POD_IP#x};"), "");
	value_is(SHELL("POD_IP=${POD_IP:1};"), "");
	value_is(SHELL("POD_IP=${POD_IP:-a}b;"), "");
	value_is(SHELL("POD_IP=${POD_IP"), "");
	value_is(SHELL("POD_IP=$POD_IP;"), "${POD_IP}");
	value_is(SHELL("POD_IP=\\\"$POD_IP\\\";"), "${POD_IP}");
	value_is(SHELL("POD_IP=${POD_IP};"), "${POD_IP}");
	value_is(SHELL("export POD_IP=\\\"${POD_IP:-1.2.3.4}\\\" X=1;"), "${POD_IP}");
	value_is(SHELL("POD_IP=${POD_IP:?it is not set} &&"), "${POD_IP}");
	value_is(SHELL(": ${POD_IP:=1.2.3.4};"), "${POD_IP}");
	value_is(SHELL("MY_POD_IP=1; x --POD_IPS=1;"), "${POD_IP}");
	value_is(SHELL("if true; then POD_IP=1; fi;"), "");
	value_is(SHELL("X=1 POD_IP=2;"), "");
	value_is(SHELL("local -r POD_IP=2;"), "");
	value_is(SHELL("# POD_IP=1\\n"), "${POD_IP}");
	value_is(SHELL("echo POD_IP=1;"), "${POD_IP}");
	value_is(SHELL("POD_IP=1 env;"), "${POD_IP}");
	value_is(SHELL("cat >x <<E\\nPOD_IP=1\\nE\\n"), "${POD_IP}");
	/* A default is for one that is empty. */
	value_is("{\"command\":[\"sh\",\"-c\",\"A=${A:-b}; codis-server --bind "
		 "$A\"],\"env\":[{\"name\":\"A\",\"value\":\"\"}]}",
		 "");
	value_is("{\"command\":[\"sh\",\"-c\",\"A=${A:-b}; codis-server --bind "
		 "$A\"],\"env\":[{\"name\":\"A\",\"valueFrom\":{}}]}",
		 "${A}");
	/* The kubelet's is no shell's. */
	value_is("{\"command\":[\"codis-server\",\"POD_IP=1\",\"--bind\",\"$(POD_IP)\"]" ENV, "${POD_IP}");
}

#define VALUE_OF(value)                                                                                                \
	"{\"command\":[\"sh\",\"-c\",\"codis-server --bind $A\"],\"env\":[{\"name\":\"A\",\"value\":\"" value "\"}]}"

TEST(value_that_an_injector_replaces)
{
	value_is(VALUE_OF("vault:secret/data/codis#password"), "");
	value_is(VALUE_OF(">>vault:secret/data/codis#password"), "");
	value_is(VALUE_OF("op://shop/codis/password"), "");
	value_is(VALUE_OF("codis@azurekeyvault?version=1"), "");
	value_is(VALUE_OF("a-vault:x"), "${A}");
	value_is(
		"{\"command\":[\"codis-server\",\"--bind\",\"$(A)\"],\"env\":[{\"name\":\"A\",\"value\":\"vault:x\"}]}",
		"${A}");
	value_is("{\"command\":[\"sh\",\"-c\",\"codis-server --bind "
		 "$A\"],\"env\":[{\"name\":\"A\",\"value\":\"vault:x\"},"
		 "{\"name\":\"A\",\"value\":\"1\"}]}",
		 "${A}");
}

/* What *c held before says nothing. */
TEST(a_search_begins_anew)
{
	JSON_CLEANUP cJSON *one = parse_text("{\"command\":[\"codis-server\",\"--port\",\"7\"]}");
	JSON_CLEANUP cJSON *none = parse_text("{\"command\":[\"sleep\"]}");
	struct cmdline c;

	memset(&c, 0xff, sizeof(c));
	cmdline_find(one, programs, false, &c);
	assert_int_equal(c.kind, CMDLINE_WORDS);
	assert_int_equal(c.count, 1);
	assert_int_equal(c.starts[0].count, 3);
	assert_null(c.why);
	cmdline_find(none, programs, false, &c);
	assert_int_equal(c.kind, CMDLINE_NONE);
	assert_int_equal(c.count, 0);
	assert_null(c.text);
	assert_string_equal(c.why, "its command does not name it");
	memset(&c, 0xff, sizeof(c));
	cmdline_words(none, &c);
	assert_int_equal(c.starts[0].count, 1);
}

/* What is left of the words, and how many went. */
static void assert_removed(const char *text, int count, const char *left)
{
	JSON_CLEANUP cJSON *container = parse_text(text), *expected = parse_text(left);
	struct cmdline c;

	cmdline_find(container, programs, false, &c);
	assert_int_equal(cmdline_remove(&c, "--lock"), count);
	assert_true(cJSON_Compare(container, expected, true));
}

/* The word is gone with its item: it is looked for in the second list no more. */
TEST(words_are_removed_from_either_list)
{
	assert_removed("{\"command\":[\"codis-server\",\"--lock\",\"a\",\"--lock\"],\"args\":[\"--lock\",\"b\"]}", 3,
		       "{\"command\":[\"codis-server\",\"a\"],\"args\":[\"b\"]}");
	assert_removed("{\"command\":[\"codis-server\",\"--lock=1\"]}", 0,
		       "{\"command\":[\"codis-server\",\"--lock=1\"]}");
	assert_removed("{\"command\":[\"sh\",\"-c\",\"codis-server --lock a --lock\"]}", 2,
		       "{\"command\":[\"sh\",\"-c\",\"codis-server a\"]}");
	assert_removed("{\"command\":[\"sleep\",\"--lock\"]}", 0, "{\"command\":[\"sleep\",\"--lock\"]}");
}
