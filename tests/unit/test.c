#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#define TESTS_MAX 512

static struct CMUnitTest tests[TESTS_MAX];
static size_t count;
static CMFixtureFunction group_setup, group_teardown;

void test_add(const char *name, CMUnitTestFunction run, CMFixtureFunction setup, CMFixtureFunction teardown)
{
	if (count == TESTS_MAX) {
		fprintf(stderr, "more than %d tests in one file: raise TESTS_MAX\n", TESTS_MAX);
		exit(1);
	}
	tests[count++] =
		(struct CMUnitTest){ .name = name, .test_func = run, .setup_func = setup, .teardown_func = teardown };
}

void test_set_group(CMFixtureFunction setup, CMFixtureFunction teardown)
{
	group_setup = setup;
	group_teardown = teardown;
}

int main(void)
{
	return _cmocka_run_group_tests("tests", tests, count, group_setup, group_teardown);
}
