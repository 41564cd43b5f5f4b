#include "tests/unit/parse_text.h"

#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/test.h"

cJSON *parse_text(const char *text)
{
	struct error err = ERROR_INIT;
	cJSON *item = json_parse(text, strlen(text), JSON_ITEMS, &err);

	if (!item)
		fail_msg("%s: %s", err.text, text);
	return item;
}
