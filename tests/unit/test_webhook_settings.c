/* What a codis-server's own words set, and what stands elsewhere and is not known. */
#include "tests/unit/webhook_fixture.h"

#include "common/codis/cmdline.h"
#include "common/codis/pod.h"
#include "webhook/settings.h"

static void expect_mib(const char *text, int64_t expected)
{
	int64_t mib = -1;

	assert_true(settings_mib(text, &mib));
	assert_int_equal(mib, expected);
}

TEST(sizes_are_read_as_redis_reads_them)
{
	static const char *const none[] = {
		"", "mb", "-1", " 1gb", "+1gb", "1 gb", "1tb", "1.5gb", "$MAX", "1gbb", "99999999999999999999gb"
	};
	int64_t mib;

	expect_mib("0", 0);
	expect_mib("1048576", 1);
	expect_mib("1048575b", 0);
	expect_mib("512mb", 512);
	expect_mib("512MB", 512);
	expect_mib("2Gb", 2048);
	expect_mib("2g", 1907);
	expect_mib("500m", 476);
	expect_mib("2048kb", 2);
	expect_mib("2000k", 1);
	expect_mib("2000000000000000gb", INT64_MAX / 1048576);
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_false(settings_mib(none[i], &mib));
}

/* The value of --dir in a container of these words; "-": it is not known. */
static void expect_dir(const char *words, const char *otherwise, const char *expected)
{
	JSON_CLEANUP cJSON *container = cJSON_CreateObject();
	struct cmdline c;
	char dir[16] = "-";

	cJSON_AddItemToObject(container, "command", parse_text(words));
	codis_cmdline_of(container, CODIS_SERVER, &c);
	assert_int_equal(c.count, 1);
	if (!settings_value(&c, &c.starts[0], "--dir", otherwise, dir, sizeof(dir)))
		snprintf(dir, sizeof(dir), "-");
	assert_string_equal(dir, expected);
}

TEST(a_value_is_that_of_the_last_flag)
{
	expect_dir("[\"codis-server\",\"x.conf\",\"--dir\",\"/a\",\"--dir\",\"/b\"]", "/x", "/b");
	expect_dir("[\"sh\",\"-c\",\"exec codis-server x.conf --dir '/a b'\"]", "/x", "/a b");
	expect_dir("[\"codis-server\",\"x.conf\",\"--dir\",\"/longer/than/there/is/room/for\"]", "/x", "-");
}

TEST(a_default_counts_where_all_it_is_told_is_seen)
{
	expect_dir("[\"/codis/bin/codis-server\",\"--port\",\"1\"]", "/x", "/x");
	expect_dir("[\"codis-server\",\"--port\",\"1\"]", NULL, "-");
	expect_dir("[\"redis-server\",\"--port\",\"1\"]", "/x", "-"); /* which has others */
	expect_dir("[\"codis-server\",\"x.conf\",\"--port\",\"1\"]", "/x", "-");
	expect_dir("[\"codis-server\",\"--include\",\"x\"]", "/x", "-");
}

TEST(what_only_a_kubelet_or_a_shell_can_tell_is_not_known)
{
	expect_dir("[\"codis-server\",\"--dir\",\"$(DIR)\"]", "/x", "-");
	expect_dir("[\"sh\",\"-c\",\"codis-server --dir $DIR\"]", "/x", "-");
	expect_dir("[\"sh\",\"-c\",\"codis-server --port `cat port`\"]", "/x", "-");
}
