#include "common/base/yaml_scalar.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 128 /* longer ones are texts */

static const struct {
	const char *word;
	enum yaml_says says;
} words[] = {
	{ "", YAML_SAYS_NULL },         { "~", YAML_SAYS_NULL },        { "null", YAML_SAYS_NULL },
	{ "Null", YAML_SAYS_NULL },     { "NULL", YAML_SAYS_NULL },     { "y", YAML_SAYS_TRUE },
	{ "Y", YAML_SAYS_TRUE },        { "yes", YAML_SAYS_TRUE },      { "Yes", YAML_SAYS_TRUE },
	{ "YES", YAML_SAYS_TRUE },      { "true", YAML_SAYS_TRUE },     { "True", YAML_SAYS_TRUE },
	{ "TRUE", YAML_SAYS_TRUE },     { "on", YAML_SAYS_TRUE },       { "On", YAML_SAYS_TRUE },
	{ "ON", YAML_SAYS_TRUE },       { "n", YAML_SAYS_FALSE },       { "N", YAML_SAYS_FALSE },
	{ "no", YAML_SAYS_FALSE },      { "No", YAML_SAYS_FALSE },      { "NO", YAML_SAYS_FALSE },
	{ "false", YAML_SAYS_FALSE },   { "False", YAML_SAYS_FALSE },   { "FALSE", YAML_SAYS_FALSE },
	{ "off", YAML_SAYS_FALSE },     { "Off", YAML_SAYS_FALSE },     { "OFF", YAML_SAYS_FALSE },
	{ ".nan", YAML_SAYS_ENDLESS },  { ".NaN", YAML_SAYS_ENDLESS },  { ".NAN", YAML_SAYS_ENDLESS },
	{ ".inf", YAML_SAYS_ENDLESS },  { ".Inf", YAML_SAYS_ENDLESS },  { ".INF", YAML_SAYS_ENDLESS },
	{ "+.inf", YAML_SAYS_ENDLESS }, { "+.Inf", YAML_SAYS_ENDLESS }, { "+.INF", YAML_SAYS_ENDLESS },
	{ "-.inf", YAML_SAYS_ENDLESS }, { "-.Inf", YAML_SAYS_ENDLESS }, { "-.INF", YAML_SAYS_ENDLESS },
	{ "<<", YAML_SAYS_MERGE },
};

/* Digits of a base; a number of more than 64 bits is one all the same. */
static bool read_digits(const char *digits, int base, double *out)
{
	double n = 0;

	if (!*digits)
		return false;
	for (; *digits; digits++) {
		int digit = isdigit((unsigned char)*digits)    ? *digits - '0'
			    : isxdigit((unsigned char)*digits) ? tolower((unsigned char)*digits) - 'a' + 10
							       : base;

		if (digit >= base)
			return false;
		n = n * base + digit;
	}
	*out = n;
	return true;
}

/* Go's strconv.ParseInt(text, 0, 64), whose 010 is 8. */
static bool read_whole(const char *text, double *out)
{
	bool minus = *text == '-';
	int base = 10;

	text += *text == '-' || *text == '+';
	if (text[0] == '0' && text[1]) {
		char which = (char)tolower((unsigned char)text[1]);

		base = which == 'x' ? 16 : which == 'b' ? 2 : 8;
		text += which == 'x' || which == 'b' || which == 'o' ? 2 : 1;
	}
	if (base == 10) /* as exactly as strtod() has it */
		return *text && text[strspn(text, "0123456789")] == '\0' &&
		       (*out = strtod(text, NULL) * (minus ? -1 : 1), true);
	if (!read_digits(text, base, out))
		return false;
	*out = minus ? -*out : *out;
	return true;
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static bool is_fraction(const char *text)
{
	size_t before, after = 0, power;

	text += *text == '-' || *text == '+';
	before = strspn(text, "0123456789");
	text += before;
	if (*text == '.') {
		after = strspn(++text, "0123456789");
		text += after;
	}
	if (!before && !after)
		return false;
	if (*text != 'e' && *text != 'E')
		return !*text;
	text++;
	text += *text == '-' || *text == '+';
	power = strspn(text, "0123456789");
	return power && !text[power];
}

static enum yaml_says read_number(const char *text, double *number)
{
	char plain[NUMBER_MAX];
	size_t len = 0;

	for (; *text; text++) {
		if (*text == '_')
			continue;
		if (len == sizeof(plain) - 1)
			return YAML_SAYS_TEXT;
		plain[len++] = *text;
	}
	plain[len] = '\0';
	if (read_whole(plain, number))
		return YAML_SAYS_NUMBER;
	if (!is_fraction(plain))
		return YAML_SAYS_TEXT;
	errno = 0;
	*number = strtod(plain, NULL);
	/* Go's ParseFloat fails where it is too great. */
	return errno == ERANGE && (*number > 1 || *number < -1) ? YAML_SAYS_TEXT : YAML_SAYS_NUMBER;
}

enum yaml_says yaml_scalar(const char *text, double *number)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].word, text) == 0)
			return words[i].says;
	}
	if (isdigit((unsigned char)*text) || *text == '+' || *text == '-' || (*text == '.' && !strchr(text, '_')))
		return read_number(text, number);
	return YAML_SAYS_TEXT;
}
