

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/opt.h"
#include "tests/unit/options_page.h"
#include "tests/unit/test.h"

struct config {
	char *listen, *name, *level;
	int threads, any, wait_ms, life_s;
	bool tls, quiet;
};

#define AT(member) offsetof(struct config, member)

static const struct opt options[] = {
	{ "listen", "T_LISTEN", OPT_STRING, AT(listen), .def = ":9443", .arg = "ADDR", .help = "where to listen" },
	{ "name", NULL, OPT_STRING, AT(name), .arg = "NAME", .help = "what it is called" },
	{ "log-level", "T_LEVEL", OPT_CHOICE, AT(level), .def = "info", .help = "what to log",
	  .choices = "debug|info|warn" },
	{ "threads", "T_THREADS", OPT_INT, AT(threads), .def = "2", .arg = "N", .help = "threads", .min = 1,
	  .max = 64 },
	{ "any", NULL, OPT_INT, AT(any), .arg = "N", .help = "any number" },
	{ "wait", "T_WAIT", OPT_DURATION_MS, AT(wait_ms), .def = "3s", .arg = "TIME", .help = "how long to wait",
	  .min = 100, .max = 600000 },
	{ "life", NULL, OPT_DURATION_S, AT(life_s), .def = "365d", .arg = "TIME", .help = "how long it lives",
	  .min = 60, .max = 3650 * 86400 },
	{ "tls", "T_TLS", OPT_BOOL, AT(tls), .help = "serve TLS" },
	{ "quiet", NULL, OPT_BOOL, AT(quiet), .def = "true", .help = "say little" },
	OPT_END
};

struct parsed {
	struct config c;
	struct error err;
	int rest;
};

static int setup(void **state)
{
	unsetenv("T_LISTEN");
	unsetenv("T_LEVEL");
	unsetenv("T_THREADS");
	unsetenv("T_WAIT");
	unsetenv("T_TLS");
	*state = calloc(1, sizeof(struct parsed));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	opt_release(options, &((struct parsed *)*state)->c);
	free(*state);
	return 0;
}

/* Parses the arguments, anew. */
#define PARSE(p, ...) parse(p, (const char *const[]){ "program", ##__VA_ARGS__, NULL })
static int parse(struct parsed *p, const char *const *argv)
{
	int argc = 0;

	while (argv[argc])
		argc++;
	opt_release(options, &p->c);
	*p = (struct parsed){ .rest = -1 };
	p->rest = opt_parse(options, &p->c, argc, (char **)(uintptr_t)argv, &p->err);
	return p->rest;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(defaults)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p), 1);
	assert_string_equal(p->c.listen, ":9443");
	assert_null(p->c.name);
	assert_string_equal(p->c.level, "info");
	assert_int_equal(p->c.threads, 2);
	assert_int_equal(p->c.any, 0);
	assert_int_equal(p->c.wait_ms, 3000);
	assert_false(p->c.tls);
	assert_true(p->c.quiet);
}

FIXTURE_TEST(flag_before_environment_before_default)
{
	struct parsed *p = *state;

	setenv("T_LISTEN", ":1", 1);
	setenv("T_THREADS", "5", 1);
	setenv("T_TLS", "true", 1);
	setenv("T_LEVEL", "", 1); /* as good as none */
	assert_int_equal(PARSE(p, "--listen", ":2", "--tls=false"), 4);
	assert_string_equal(p->c.listen, ":2");
	assert_int_equal(p->c.threads, 5);
	assert_false(p->c.tls);
	assert_string_equal(p->c.level, "info");
}

FIXTURE_TEST(forms_of_a_flag)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p, "--listen=a=b", "--name", "--odd", "--tls", "--quiet=0", "--threads=3"), 7);
	assert_string_equal(p->c.listen, "a=b");
	assert_string_equal(p->c.name, "--odd");
	assert_true(p->c.tls);
	assert_false(p->c.quiet);
	assert_int_equal(p->c.threads, 3);
	assert_int_equal(PARSE(p, "--name=", "--name=x", "--name="), 4);
	assert_string_equal(p->c.name, "");
}

FIXTURE_TEST(arguments_behind_the_flags)
{
	struct parsed *p = *state;

	assert_int_equal(PARSE(p, "--tls", "status", "--threads", "9"), 2);
	assert_int_equal(p->c.threads, 2);
	assert_int_equal(PARSE(p, "--tls", "true"), 2); /* a bool takes its value behind '=' only */
	assert_int_equal(PARSE(p, "--tls", "--", "--threads", "9"), 3);
	assert_int_equal(p->c.threads, 2);
	assert_int_equal(PARSE(p, "-"), 1);
}

FIXTURE_TEST(durations)
{
	static const struct {
		const char *text;
		int ms;
	} cases[] = { { "250ms", 250 }, { "3s", 3000 }, { "2m", 120000 }, { "100ms", 100 }, { "600s", 600000 } };
	struct parsed *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(PARSE(p, "--wait", cases[i].text) > 0);
		assert_int_equal(p->c.wait_ms, cases[i].ms);
	}
}

FIXTURE_TEST(long_durations)
{
	static const struct {
		const char *text;
		int s;
	} cases[] = { { "90s", 90 }, { "20m", 1200 }, { "12h", 43200 }, { "30d", 2592000 } };
	struct parsed *p = *state;

	PARSE(p, "--quiet=true");
	assert_int_equal(p->c.life_s, 31536000);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_true(PARSE(p, "--life", cases[i].text) > 0);
		assert_int_equal(p->c.life_s, cases[i].s);
	}
}

/* Every refusal names the option, the value and what is allowed. */
FIXTURE_TEST(refuses)
{
	static const struct {
		const char *flag, *says;
	} cases[] = {
		{ "--threads=0", "--threads: \"0\" is not a whole number from 1 to 64" },
		{ "--threads=65", "\"65\" is not" },
		{ "--threads=", "\"\" is not" },
		{ "--threads=2x", "\"2x\" is not" },
		{ "--threads= 2", "\" 2\" is not" },
		{ "--any=99999999999999999999", "not a whole number" },
		{ "--any=2147483648", "not a whole number" },
		{ "--wait=3", "--wait: \"3\" is not a duration such as 250ms, 3s, 2m or 1h from 100ms to 600000ms" },
		{ "--wait=0", "\"0\" is not" },
		{ "--wait=99ms", "\"99ms\" is not" },
		{ "--wait=-3s", "\"-3s\" is not" },
		{ "--wait=2000000000h", "is not" },
		{ "--life=60000ms",
		  "--life: \"60000ms\" is not a duration such as 90s, 20m, 12h or 30d from 60s to 315360000s" },
		{ "--life=3651d", "is not" },
		{ "--tls=yes", "--tls: \"yes\" is not true or false" },
		{ "--log-level=loud", "--log-level: \"loud\" is not one of debug|info|warn" },
		{ "--log-level=inf", "is not one of" },
		{ "--log-level=debug|info", "is not one of" },
		{ "--nonsense", "unknown option --nonsense; --help lists the options" },
		{ "--thread=2", "unknown option --thread=2" },
		{ "-t", "unknown option -t" },
		{ "--name", "--name needs a value" },
	};
	struct parsed *p = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (PARSE(p, cases[i].flag) != -1)
			fail_msg("accepted: %s", cases[i].flag);
		assert_int_equal(p->err.code, ERR_INVALID);
		if (!strstr(p->err.text, cases[i].says))
			fail_msg("%s: says \"%s\"", cases[i].flag, p->err.text);
	}
	setenv("T_THREADS", "many", 1);
	assert_int_equal(PARSE(p), -1);
	assert_string_equal(p->err.text, "T_THREADS: \"many\" is not a whole number from 1 to 64");
}

FIXTURE_TEST(wants)
{
	static const char *const args[] = { "program", "--tls", "--help", "--", "--version", NULL };
	char **argv = (char **)(uintptr_t)args;

	assert_true(opt_wants(5, argv, "--help"));
	assert_false(opt_wants(5, argv, "--version"));
	assert_false(opt_wants(1, argv, "--help"));
}

FIXTURE_TEST(help)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4096);

	opt_help(options, &out);
	assert_string_equal(out.data, "  --listen ADDR                where to listen (default :9443) [T_LISTEN]\n"
				      "  --name NAME                  what it is called\n"
				      "  --log-level debug|info|warn  what to log (default info) [T_LEVEL]\n"
				      "  --threads N                  threads (default 2) [T_THREADS]\n"
				      "  --any N                      any number\n"
				      "  --wait TIME                  how long to wait (default 3s) [T_WAIT]\n"
				      "  --life TIME                  how long it lives (default 365d)\n"
				      "  --tls                        serve TLS [T_TLS]\n"
				      "  --quiet                      say little (default true)\n");
}

FIXTURE_TEST(table_of_a_docs_page)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4096);
	static const char head[] = "| Option | Environment | Default | Meaning |\n|---|---|---|---|\n"
				   "| `--listen ADDR` | `T_LISTEN` | `:9443` | where to listen |\n"
				   "| `--name NAME` |  |  | what it is called |\n"
				   "| `--log-level debug\\|info\\|warn` | `T_LEVEL` | `info` | what to log |\n";

	options_table(options, &out);
	assert_memory_equal(out.data, head, sizeof(head) - 1);
}

/* --- with letters, and anywhere ----------------------------------------------------------------------------------- */

static const struct opt lettered[] = {
	{ "namespace", NULL, OPT_STRING, AT(name), .arg = "NS", .help = "which one", .letter = 'n' },
	{ "threads", NULL, OPT_INT, AT(threads), .arg = "N", .help = "threads", .min = 1, .max = 64, .letter = 't' },
	{ "watch", NULL, OPT_BOOL, AT(tls), .help = "again and again", .letter = 'w' },
	{ "all", NULL, OPT_BOOL, AT(quiet), .help = "all", .letter = 'A' },
	{ "any", NULL, OPT_INT, AT(any), .arg = "N", .help = "any number" },
	OPT_END
};

struct anywhere {
	struct config c;
	struct error err;
	const char *argv[12];
	int argc, rest;
};

static int anywhere_setup(void **state)
{
	*state = calloc(1, sizeof(struct anywhere));
	return *state ? 0 : -1;
}

static int anywhere_teardown(void **state)
{
	opt_release(lettered, &((struct anywhere *)*state)->c);
	free(*state);
	return 0;
}

#define ANYWHERE(a, ...) anywhere(a, (const char *const[]){ "program", ##__VA_ARGS__, NULL })
static int anywhere(struct anywhere *a, const char *const *argv)
{
	opt_release(lettered, &a->c);
	*a = (struct anywhere){ .err = ERROR_INIT };
	for (; argv[a->argc]; a->argc++)
		a->argv[a->argc] = argv[a->argc];
	a->rest = opt_parse_anywhere(lettered, &a->c, a->argc, (char **)(uintptr_t)a->argv, &a->err);
	return a->rest;
}

#define ANYWHERE_TEST(name) TEST_WITH(name, anywhere_setup, anywhere_teardown)

ANYWHERE_TEST(a_letter_has_its_value_behind_it_or_with_it)
{
	static const char *const forms[][3] = { { "-n", "shop" },  { "-nshop" },   { "-n=shop" },
						{ "-wn", "shop" }, { "-wAnshop" }, { "--namespace", "shop" } };
	struct anywhere *a = *state;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		assert_int_equal(ANYWHERE(a, forms[i][0], forms[i][1]), forms[i][1] ? 3 : 2);
		assert_string_equal(a->c.name, "shop");
	}
	assert_int_equal(ANYWHERE(a, "-wA", "-t8"), 3);
	assert_true(a->c.tls && a->c.quiet);
	assert_int_equal(a->c.threads, 8);
	assert_int_equal(ANYWHERE(a, "-w=false"), 2);
	assert_false(a->c.tls);
}

ANYWHERE_TEST(options_stand_also_behind_arguments)
{
	struct anywhere *a = *state;

	assert_int_equal(ANYWHERE(a, "status", "-n", "shop", "orders", "-w", "--threads=3", "more"), 5);
	assert_string_equal(a->c.name, "shop");
	assert_true(a->c.tls);
	assert_int_equal(a->c.threads, 3);
	assert_string_equal(a->argv[5], "status");
	assert_string_equal(a->argv[6], "orders");
	assert_string_equal(a->argv[7], "more");
	assert_null(a->argv[8]);
	assert_int_equal(ANYWHERE(a, "-", "-w"), 2); /* what stands for a file */
	assert_string_equal(a->argv[2], "-");
	assert_int_equal(ANYWHERE(a, "one", "-w", "--", "-n", "two"), 3);
	assert_string_equal(a->argv[3], "one");
	assert_string_equal(a->argv[4], "-n");
	assert_string_equal(a->argv[5], "two");
	assert_null(a->c.name);
	assert_int_equal(ANYWHERE(a), 1);
}

ANYWHERE_TEST(wrong_letters)
{
	static const struct {
		const char *args[2], *says;
	} cases[] = {
		{ { "-x" }, "unknown option -x; --help lists the options" },
		{ { "-wx" }, "unknown option -wx" },
		{ { "product", "-n" }, "-n needs a value" },
		{ { "-t0" }, "-t: \"0\" is not a whole number from 1 to 64" },
		{ { "product", "--thread" }, "unknown option --thread" },
		{ { "-w=x" }, "-w: \"x\" is not true or false" },
	};
	struct anywhere *a = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(ANYWHERE(a, cases[i].args[0], cases[i].args[1]), -1);
		if (!strstr(a->err.text, cases[i].says))
			fail_msg("says \"%s\"", a->err.text);
	}
}

TEST(letters_in_the_help)
{
	BUF_CLEANUP struct buf out = BUF_INIT(4096);

	opt_help(lettered, &out);
	assert_string_equal(out.data, "  -n, --namespace NS  which one\n"
				      "  -t, --threads N     threads\n"
				      "  -w, --watch         again and again\n"
				      "  -A, --all           all\n"
				      "  --any N             any number\n");
}
