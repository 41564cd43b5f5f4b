/* wish.h: codis.io/switchover and codis.io/switched, as people and programs write them. */
#include "common/codis/wish.h"

#include <stdio.h>
#include <string.h>

#include "common/base/error.h"
#include "tests/unit/test.h"

#define WHEN    "2026-11-28T08:25:00.123Z"
#define WHEN_MS INT64_C(1795854300123)

static void reads(const char *text, int gid, const char *pod, int64_t wall_ms, bool begun)
{
	char again[WISH_TEXT_MAX];
	struct error err = ERROR_INIT;
	struct wish w;

	if (wish_read(text, &w, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(w.gid, gid);
	assert_string_equal(w.pod, pod);
	assert_int_equal(w.wall_ms, wall_ms);
	assert_int_equal(w.begun, begun);
	assert_string_equal(wish_write(&w, again), text);
}

static void refuses(const char *text)
{
	struct error err = ERROR_INIT;
	struct wish w;

	assert_int_equal(wish_read(text, &w, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

TEST(a_wish_as_a_person_and_as_a_program_writes_it)
{
	reads("2", 2, "", 0, false);
	reads("2=codis-server-3", 2, "codis-server-3", 0, false);
	reads("2@" WHEN, 2, "", WHEN_MS, false);
	reads("2=codis-server-3@" WHEN, 2, "codis-server-3", WHEN_MS, false);
	reads("1024=a.b-c@" WHEN " begun", 1024, "a.b-c", WHEN_MS, true);
}

TEST(what_is_no_wish)
{
	static const char *const texts[] = { "",
					     "x",
					     "0",
					     "02",
					     "-1",
					     "2 ",
					     " 2",
					     "2=",
					     "2=Codis",
					     "2=a b",
					     "2=-a",
					     "2=a-",
					     "2=.a",
					     "2=a..b",
					     "2=a.",
					     "2@",
					     "2@now",
					     "2@1969-12-31T23:59:59Z",
					     "2,3",
					     "2 begun",
					     "2=a begun",
					     "2@" WHEN " begun",
					     "2=a@" WHEN " ended",
					     "2=a@" WHEN "  begun",
					     "1234567890",
					     "2=a@" WHEN "@" WHEN };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		refuses(texts[i]);
}

TEST(a_refusal_shows_how_one_is_written_and_not_too_much_of_what_was)
{
	char text[300 * 1000];
	struct error err = ERROR_INIT;
	struct wish w;

	assert_int_equal(wish_read("all", &w, &err), -1);
	assert_string_equal(err.text, "\"all\" is no wish for another master: GROUP or GROUP=POD, as 2=codis-server-3");
	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "2=", 2);
	assert_int_equal(wish_read(text, &w, &err), -1);
	assert_string_equal(err.text, "\"2=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\" is no wish for another master: "
				      "GROUP or GROUP=POD, as 2=codis-server-3");
}

TEST(the_longest_name_fits)
{
	char text[WISH_TEXT_MAX];
	struct wish w = { .gid = 999999999, .wall_ms = WHEN_MS, .begun = true };

	memset(w.pod, 'a', WISH_POD_MAX - 1);
	wish_write(&w, text);
	reads(text, 999999999, w.pod, WHEN_MS, true);
}

TEST(one_wish_is_told_from_another_by_its_time)
{
	struct wish a = { .gid = 2, .wall_ms = WHEN_MS },
		    b = { .gid = 2, .pod = "p", .wall_ms = WHEN_MS, .begun = true };

	assert_true(wish_is_same(&a, &b));
	b.wall_ms++;
	assert_false(wish_is_same(&a, &b));
	b = a;
	b.gid = 3;
	assert_false(wish_is_same(&a, &b));
	a.wall_ms = b.wall_ms = 0;
	b.gid = 2;
	assert_false(wish_is_same(&a, &b));
}

static void answers(const char *text, enum wish_verdict verdict, int gid, const char *words)
{
	char again[WISH_ANSWER_MAX];
	struct error err = ERROR_INIT;
	struct wish_answer a;

	if (wish_answer_read(text, &a, &err) < 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(a.verdict, verdict);
	assert_int_equal(a.wish.gid, gid);
	assert_string_equal(a.words, words);
	assert_string_equal(wish_answer_write(&a, again), text);
}

TEST(what_became_of_it)
{
	answers("done 2=codis-server-3@" WHEN ": codis-server-3 (10.0.0.1:6379) leads: 41 ms", WISH_DONE, 2,
		"codis-server-3 (10.0.0.1:6379) leads: 41 ms");
	answers("needless 2: it leads", WISH_NEEDLESS, 2, "it leads");
	answers("refused: \"x\" is no wish", WISH_REFUSED, 0, "\"x\" is no wish");
	answers("failed 2=a@" WHEN ": ", WISH_FAILED, 2, "");
}

TEST(that_it_was_begun_is_no_part_of_the_answer)
{
	char text[WISH_ANSWER_MAX];
	struct wish_answer a = { .verdict = WISH_DONE,
				 .wish = { .gid = 2, .pod = "p", .wall_ms = WHEN_MS, .begun = true },
				 .words = "p leads" };

	assert_string_equal(wish_answer_write(&a, text), "done 2=p@" WHEN ": p leads");
}

TEST(what_is_no_answer)
{
	static const char *const texts[] = { "",
					     "done",
					     "done 2",
					     "done 2:",
					     "done 2:x",
					     "done x: y",
					     "undone 2: x",
					     "done  2: x",
					     "done2: x",
					     "refused:x",
					     "done 2=a@" WHEN " begun: x" };
	struct error err = ERROR_INIT;
	struct wish_answer a;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (wish_answer_read(texts[i], &a, &err) == 0)
			fail_msg("%s is read", texts[i]);
	}
	assert_string_equal(err.text, "codis.io/switched cannot be read: \"done 2=a@" WHEN " begun:\"");
}

TEST(words_are_cut_at_a_whole_character)
{
	char text[2 * WISH_ANSWER_MAX] = "done 2: ";
	struct error err = ERROR_INIT;
	struct wish_answer a;

	for (size_t n = strlen(text); n + 2 < sizeof(text); n += 2)
		memcpy(text + n, "\xc3\xa4", 3);
	assert_int_equal(wish_answer_read(text, &a, &err), 0);
	assert_int_equal(strlen(a.words), (WISH_WORDS_MAX - 1) / 2 * 2);
}
