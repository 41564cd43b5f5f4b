/* test.h - one form for all unit tests. A file of tests is a program: its tests run in the order in which they stand.
 *
 *     TEST(a_name_that_is_a_sentence) { ... }
 *     TEST_WITH(name, setup, teardown) { ... *state ... }   with a fixture of its own, made and ended for this test
 *     TEST_GROUP(setup, teardown)                           once before the first and after the last test of the file
 */
#ifndef CODIS_TESTS_UNIT_TEST_H
#define CODIS_TESTS_UNIT_TEST_H

/* In the order that cmocka asks for. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

/* Called before main(). */
void test_add(const char *name, CMUnitTestFunction run, CMFixtureFunction setup, CMFixtureFunction teardown);
void test_set_group(CMFixtureFunction setup, CMFixtureFunction teardown);

#define TEST_WITH(name, setup, teardown)                                                                               \
	static void test_##name(void **state);                                                                         \
	__attribute__((constructor)) static void add_##name(void)                                                      \
	{                                                                                                              \
		test_add(#name, test_##name, setup, teardown);                                                         \
	}                                                                                                              \
	static void test_##name(__attribute__((unused)) void **state)
#define TEST(name) TEST_WITH(name, NULL, NULL)
#define TEST_GROUP(setup, teardown)                                                                                    \
	__attribute__((constructor)) static void add_group(void)                                                       \
	{                                                                                                              \
		test_set_group(setup, teardown);                                                                       \
	}

/* Whether a sanitizer watches. */
#define TEST_SANITIZED 0
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef TEST_SANITIZED
#define TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#undef TEST_SANITIZED
#define TEST_SANITIZED 1
#endif

/* The CPU, in clock(), of what costs little: what grows with the square costs several times as much. */
#define TEST_LITTLE (CLOCKS_PER_SEC / 5 * (TEST_SANITIZED ? 10 : 1))

#endif
