/* The viewer's lines, as codis-ha's log has them. */
#include "controller/viewer_lines.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "tests/unit/test.h"

static void are(const char *status, const char *wanted)
{
	JSON_CLEANUP cJSON *parsed = json_parse(status, strlen(status), JSON_ITEMS, NULL);
	BUF_CLEANUP struct buf out = BUF_INIT(65536);

	assert_non_null(parsed);
	viewer_lines(parsed, "NOW", &out);
	assert_string_equal(out.data, wanted);
}

#define PROXY(answers, registered, online)                                                                             \
	"{\"pod\":\"p\",\"addr\":\"a:1\",\"answers\":" answers ",\"registered\":" registered ",\"online\":" online "}"

TEST(each_proxy_and_what_it_lacks)
{
	are("{\"clusters\":[{\"namespace\":\"shop\",\"product\":\"x\",\"proxies\":[" PROXY(
		    "true", "true", "true") "," PROXY("false", "true",
						      "true") "," PROXY("true", "false",
									"true") "," PROXY("true", "true",
											  "false") "]}]}",
	    "NOW [ ] shop/x proxy-1 p a:1: serves\n"
	    "NOW [X] shop/x proxy-2 p a:1: does not answer\n"
	    "NOW [X] shop/x proxy-3 p a:1: not registered\n"
	    "NOW [X] shop/x proxy-4 p a:1: not online\n");
}

#define SERVER(pod, state) "{\"pod\":\"" pod "\",\"addr\":\"a:2\",\"node\":\"n\",\"state\":\"" state "\"}"

TEST(each_server_the_master_first)
{
	are("{\"clusters\":[{\"namespace\":\"shop\",\"product\":\"x\",\"groups\":[{\"id\":1,\"led\":true,\"master\":"
	    "\"s-1\","
	    "\"members\":[" SERVER("s-0", "syncing") "," SERVER("s-1", "master") "," SERVER(
		    "s-9",
		    "synced") "]},{\"id\":2,\"led\":false,\"master\":\"s-2\",\"members\":[" SERVER("s-2",
												   "master") "]}]}]}",
	    "NOW [ ] shop/x group-1 [0] s-1 a:2 on n: master\n"
	    "NOW [X] shop/x group-1 [1] s-0 a:2 on n: syncing\n"
	    "NOW [ ] shop/x group-1 [2] s-9 a:2 on n: synced\n"
	    "NOW [X] shop/x group-2 [0] s-2 a:2 on n: master\n");
}

TEST(what_is_no_status_has_no_lines)
{
	are("{}", "");
	are("[1]", "");
	are("{\"clusters\":[1,{}]}", "");
}
