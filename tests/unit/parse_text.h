/* parse_text.h - JSON that a test has written. */
#ifndef CODIS_TESTS_UNIT_PARSE_TEXT_H
#define CODIS_TESTS_UNIT_PARSE_TEXT_H

#include <cjson/cJSON.h>

/* The caller's; a text that is no JSON fails the test. */
cJSON *parse_text(const char *text);

#endif
