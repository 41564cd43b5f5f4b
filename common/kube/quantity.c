#include "common/kube/quantity.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define MIB (1024.0L * 1024.0L)
/* Of more digits and greater exponents the value is as good as infinite, or nothing. */
#define EXPONENT_MAX 64

struct suffix {
	const char *text;
	long double factor;
};

static const struct suffix suffixes[] = {
	{ "", 1 },         { "Ki", 0x1p10L }, { "Mi", 0x1p20L }, { "Gi", 0x1p30L },
	{ "Ti", 0x1p40L }, { "Pi", 0x1p50L }, { "Ei", 0x1p60L }, { "n", 1e-9L },
	{ "u", 1e-6L },    { "m", 1e-3L },    { "k", 1e3L },     { "M", 1e6L },
	{ "G", 1e9L },     { "T", 1e12L },    { "P", 1e15L },    { "E", 1e18L },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with a point among them, or not. False: there is none. */
static bool read_number(const char **at, long double *value)
{
	long double unit = 1;
	bool any = false, behind = false;

	for (*value = 0; is_digit(**at) || (**at == '.' && !behind); ++*at) {
		if (**at == '.') {
			behind = true;
			continue;
		}
		any = true;
		*value = behind ? *value + (**at - '0') * (unit /= 10) : *value * 10 + (**at - '0');
	}
	return any;
}

/* "e9", "E-3" in place of a suffix, where digits follow; else 'E' is one. */
static bool read_exponent(const char **at, long double *value)
{
	const char *digits = *at + 1 + (**at && ((*at)[1] == '-' || (*at)[1] == '+'));
	long double factor = 1;
	int exponent = 0;
	bool less;

	if ((**at != 'e' && **at != 'E') || !is_digit(*digits))
		return false;
	less = (*at)[1] == '-';
	for (*at = digits; is_digit(**at); ++*at)
		exponent = exponent < EXPONENT_MAX ? exponent * 10 + (**at - '0') : EXPONENT_MAX;
	for (; exponent > 0; exponent--)
		factor *= 10;
	*value = less ? *value / factor : *value * factor;
	return true;
}

static long double factor_of(const char *suffix)
{
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (strcmp(suffix, suffixes[i].text) == 0)
			return suffixes[i].factor;
	}
	return 0;
}

uint32_t quantity_mib(const cJSON *quantity)
{
	const char *at = cJSON_GetStringValue(quantity);
	long double value = cJSON_IsNumber(quantity) ? (long double)quantity->valuedouble : 0;

	if (at) {
		at += *at == '+';
		if (!read_number(&at, &value))
			return 0;
		if (!read_exponent(&at, &value))
			value *= factor_of(at);
		else if (*at)
			return 0;
	}
	value /= MIB;
	if (!(value > 0))
		return 0;
	return value < (long double)UINT32_MAX ? (uint32_t)value + (value > (long double)(uint32_t)value) : UINT32_MAX;
}
