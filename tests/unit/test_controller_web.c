/* The web page: where memory runs out there is none, rather than one that leaves something out. */
#include "controller/web.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

#define STATUS                                                                                                         \
	"{\"identity\":\"c-a\",\"leads\":true,\"not_led\":[{\"namespace\":\"n\",\"pod\":\"p\",\"trouble\":\"t\"}],"    \
	"\"clusters\":[{\"namespace\":\"shop\",\"product\":\"a<b\",\"state\":\"OK\",\"line\":\"a<b: OK, all; x; y\","  \
	"\"reasons\":[{\"code\":\"DataLost\",\"words\":\"x; "                                                          \
	"y\",\"next\":\"a<b\"}],\"reasons_more\":2,\"slot_ranges\":[[0,1023,1]],\"recent\":[{\"at\":\"now\","          \
	"\"words\":\"done\"}],"                                                                                        \
	"\"groups\":[{\"id\":1,\"led\":false,\"slots\":1024,\"why\":\"w\",\"evidence\":\"e\",\"data_lost\":{\"keys\":" \
	"7,\"at\":"                                                                                                    \
	"\"then\"},\"members\":[{\"pod\":\"s-0\",\"node\":\"n1\",\"state\":\"refuses\",\"keys\":3,\"memory\":1572864," \
	"\"memory_max\":2097152,\"offset\":5}]}],"                                                                     \
	"\"proxies\":"                                                                                                 \
	"[{\"pod\":\"p-0\",\"addr\":\"10.0.0.1:11080\",\"answers\":true,\"registered\":true,\"online\":true}]}]}"

static cJSON *parsed(const char *text)
{
	cJSON *status = json_parse(text, strlen(text), JSON_ITEMS, NULL);

	assert_non_null(status);
	return status;
}

/* What changes of the page; for the rest libcrypto keeps things of its own. */
TEST(all_of_it_or_none)
{
	JSON_CLEANUP cJSON *status = parsed(STATUS);
	BUF_CLEANUP struct buf right = BUF_INIT(1 << 20);

	web_event(status, &right);
	assert_false(right.failed);
	assert_non_null(strstr(right.data, "<p>OK, all</p>"));
	assert_non_null(strstr(right.data,
			       "<p class=\"note loss\">x; y <code>DataLost</code><br><small>next: a&lt;b</small></p>"
			       "<p class=\"note\">and 2 more</p>"));
	assert_non_null(strstr(right.data, "shop/a&lt;b"));
	assert_non_null(strstr(right.data,
			       "<td class=\"n\">3</td><td class=\"n\">1.5 MiB of 2.0 MiB</td><td class=\"n\">-</td>"));
	NOMEM_EACH
	{
		BUF_CLEANUP struct buf out = BUF_INIT(1 << 20);

		nomem_on();
		web_event(status, &out);
		nomem_off();
		if (!out.failed)
			assert_string_equal(out.data, right.data);
		else
			assert_true(nomem_failed());
	}
}

/* Of a controller that is older or newer than the page. */
TEST(what_is_missing_is_not_shown)
{
	static const char *const texts[] = {
		"{}", "[]", "{\"clusters\":[1,{}]}",
		"{\"clusters\":[{\"groups\":[{}],\"slot_ranges\":[7,[]],\"proxies\":[0],\"reasons\":[1]}]}"
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		JSON_CLEANUP cJSON *status = parsed(texts[i]);
		BUF_CLEANUP struct buf out = BUF_INIT(1 << 20);

		web_page(status, 0, &out);
		web_event(status, &out);
		assert_false(out.failed);
	}
}
