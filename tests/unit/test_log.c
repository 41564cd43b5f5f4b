#include <fcntl.h>
#include <regex.h>
#include <unistd.h>

#include "common/base/log.h"
#include "tests/unit/test.h"

struct pipe_log {
	struct logger lg;
	int from;
	char line[8192];
};

static int setup(void **state)
{
	struct pipe_log *p = calloc(1, sizeof(*p));
	int fds[2];

	if (!p || pipe(fds) < 0)
		return -1;
	p->lg = (struct logger){ .fd = fds[1], .level = LOG_LEVEL_INFO };
	p->from = fds[0];
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct pipe_log *p = *state;

	close(p->lg.fd);
	close(p->from);
	free(p);
	return 0;
}

/* What was logged since; "" for nothing. */
static const char *logged(struct pipe_log *p)
{
	ssize_t n;

	assert_int_equal(write(p->lg.fd, "", 1), 1); /* an end mark, so that the read does not wait */
	n = read(p->from, p->line, sizeof(p->line));
	assert_true(n > 0);
	return p->line;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(line)
{
	struct pipe_log *p = *state;
	regex_t re;

	log_info(&p->lg, "failover.promoted", "group=%d server=%s", 1, "10.0.0.1:6379");
	assert_int_equal(regcomp(&re,
				 "^ts=2[0-9]{3}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
				 "level=info event=failover\\.promoted group=1 server=10\\.0\\.0\\.1:6379\n$",
				 REG_EXTENDED),
			 0);
	assert_int_equal(regexec(&re, logged(p), 0, NULL, 0), 0);
	regfree(&re);
}

FIXTURE_TEST(level)
{
	struct pipe_log *p = *state;

	log_debug(&p->lg, "quiet", "x=%d", 1);
	assert_string_equal(logged(p), "");
	log_error(&p->lg, "loud", "x=%d", 1);
	assert_non_null(strstr(logged(p), "level=error event=loud x=1\n"));
	log_info(NULL, "nowhere", "x=%d", 1);
}

FIXTURE_TEST(long_lines_are_cut)
{
	struct pipe_log *p = *state;
	char text[5000];
	const char *line;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_warn(&p->lg, "long", "text=%s", text);
	line = logged(p);
	assert_true(strlen(line) < 2048);
	assert_int_equal(line[strlen(line) - 1], '\n');
}

TEST(quote)
{
	char out[8];

	assert_string_equal(LOGQ("no memory"), "\"no memory\"");
	assert_string_equal(LOGQ("say \"a\\b\"\n"), "\"say \\\"a\\\\b\\\" \"");
	assert_string_equal(LOGQ(NULL), "\"\"");
	assert_string_equal(log_quote("abcdefghijkl", out, sizeof(out)), "\"abcde\"");
	for (size_t size = 3; size <= sizeof(out); size++)
		assert_true(strlen(log_quote("\"\"\"\"\"\"\"\"\"\"", out, size)) < size);
}

/* Each byte of it is a blank: too long a form, half of a pair, behind the last character. */
TEST(quote_takes_only_characters)
{
	assert_string_equal(LOGQ("a\xc0\xaf"
				 "b"),
			    "\"a  b\"");
	assert_string_equal(LOGQ("a\xe0\x80\xaf"
				 "b"),
			    "\"a   b\"");
	assert_string_equal(LOGQ("a\xed\xa0\x80"
				 "b"),
			    "\"a   b\"");
	assert_string_equal(LOGQ("a\xf4\x90\x80\x80"
				 "b"),
			    "\"a    b\"");
	assert_string_equal(LOGQ("a\xc2\x9b"
				 "b\x7f\xc2"),
			    "\"a b  \"");
}

TEST(quote_keeps_characters_whole)
{
	char out[8];

	assert_string_equal(log_quote("abcd\u00e9", out, sizeof(out)), "\"abcd\"");
	assert_string_equal(log_quote("abc\u00e9", out, sizeof(out)), "\"abc\u00e9\"");
	assert_string_equal(log_quote("ab\u20ac\u20ac", out, sizeof(out)), "\"ab\u20ac\"");
	assert_string_equal(log_quote("a\U0001F600\U0001F600", out, sizeof(out)), "\"a\U0001F600\"");
}

TEST(quote_lets_nothing_through_that_a_terminal_obeys)
{
	assert_string_equal(LOGQ("a\x7f"
				 "b\xc2\x9b"
				 "2Jc\x1b[2J"),
			    "\"a b 2Jc [2J\"");
	assert_string_equal(LOGQ("\xc2\xa0\xc3\xa4"), "\"\xc2\xa0\xc3\xa4\"");
	assert_string_equal(LOGQ("\x9b"
				 "31m\xff\xc3"),
			    "\" 31m  \"");
	assert_string_equal(LOGQ("\xe2\x82"), "\"  \"");
	assert_string_equal(LOGQ("\xc2"), "\" \"");
	assert_string_equal(LOGQ("\xe2\x1b[2J \xc3\x1b \xf0\x9f\x92\x1b"), "\"  [2J        \"");
}

/* Nobody reads: who logs goes on, and it is said later how much was lost. */
FIXTURE_TEST(a_full_pipe_holds_nobody_up)
{
	struct log_loss loss = LOG_LOSS_INIT;
	struct pipe_log *p = *state;
	char text[1000], *all = calloc(1, 1 << 20), lost[64];
	int written = 0, lines = 300;
	ssize_t n, len = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	p->lg.loss = &loss;
	for (int i = 0; i < lines; i++)
		log_info(&p->lg, "flood", "text=%s", text);
	assert_true(loss.lines > 0);
	snprintf(lost, sizeof(lost), "level=warn event=log.lost lines=%lu\n", loss.lines);
	fcntl(p->from, F_SETFL, O_NONBLOCK);
	while ((n = read(p->from, all + len, (1 << 20) - 1 - (size_t)len)) > 0)
		len += n;
	for (const char *at = all; (at = strstr(at, "event=flood")); at++)
		written++;
	assert_int_equal(written + (int)loss.lines, lines);
	log_info(&p->lg, "again", "x=1");
	fcntl(p->from, F_SETFL, 0);
	n = read(p->from, all, (1 << 20) - 1);
	all[n] = '\0';
	assert_non_null(strstr(all, lost));
	assert_non_null(strstr(all, "event=again x=1\n"));
	assert_int_equal(loss.lines, 0);
	free(all);
}

TEST(level_parse)
{
	enum log_level level = LOG_LEVEL_ERROR;

	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(level, LOG_LEVEL_DEBUG);
	assert_int_equal(log_level_parse("warn", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARN);
	assert_int_equal(log_level_parse("loud", &level), -1);
}
