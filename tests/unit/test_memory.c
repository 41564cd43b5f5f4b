#include "common/base/memory.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/test.h"

static long file_kb(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "RssFile: %ld kB", &kb) == 1)
			break;
	fclose(f);
	assert_true(kb >= 0);
	return kb;
}

TEST(pages_of_files_are_given_back_and_come_again)
{
	static int changed = 1;
	long before = file_kb();

	changed = 2;
	memory_give_back();
	assert_true(file_kb() < before);
	assert_int_equal(changed, 2);
	memory_give_back();
	assert_int_equal(strtol("12", NULL, 10), 12);
}

TEST_GROUP(NULL, NULL)
