#include "common/kube/quantity.h"

#include "tests/unit/test.h"

static uint32_t mib(const char *text)
{
	cJSON *quantity = cJSON_CreateString(text);
	uint32_t value = quantity_mib(quantity);

	cJSON_Delete(quantity);
	return value;
}

TEST(a_quantity_is_read_in_each_form)
{
	assert_int_equal(mib("16Gi"), 16384);
	assert_int_equal(mib("1.5Gi"), 1536);
	assert_int_equal(mib(".5Gi"), 512);
	assert_int_equal(mib("512Mi"), 512);
	assert_int_equal(mib("65831236Ki"), 64289); /* rounded up */
	assert_int_equal(mib("128974848"), 123);
	assert_int_equal(mib("128974848000m"), 123);
	assert_int_equal(mib("129e6"), 124);
	assert_int_equal(mib("129E6"), 124);
	assert_int_equal(mib("+1290e+5"), 124);
	assert_int_equal(mib("1e-3Gi"), 0); /* either an exponent or a suffix */
	assert_int_equal(mib("2097152e-1"), 1);
	assert_int_equal(mib("129M"), 124);
	assert_int_equal(mib("1G"), 954);
	assert_int_equal(mib("2T"), 1907349);
	assert_int_equal(mib("1"), 1);
	assert_int_equal(mib("0"), 0);
}

TEST(what_is_no_quantity_is_nothing)
{
	static const char *const texts[] = { "",    "-1Gi", "Gi", "two", "1 Gi", "1GiB",
					     "1gi", "1Gi ", ".",  "e9",  "0x10", "nan" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(mib(texts[i]), 0);
	assert_int_equal(quantity_mib(NULL), 0);
}

TEST(a_quantity_that_is_a_number_is_one_of_bytes)
{
	cJSON *quantity = cJSON_CreateNumber(1 << 21);

	assert_int_equal(quantity_mib(quantity), 2);
	cJSON_SetNumberValue(quantity, -1);
	assert_int_equal(quantity_mib(quantity), 0);
	cJSON_Delete(quantity);
}

TEST(what_is_too_great_is_the_greatest)
{
	char digits[2000];

	assert_int_equal(mib("1Ei"), UINT32_MAX);
	assert_int_equal(mib("9e99999999999999999999"), UINT32_MAX);
	assert_int_equal(mib("9e-99999999999999999999"), 1);
	memset(digits, '9', sizeof(digits) - 1);
	digits[sizeof(digits) - 1] = '\0';
	assert_int_equal(mib(digits), UINT32_MAX);
	digits[0] = '.';
	assert_int_equal(mib(digits), 1);
}
