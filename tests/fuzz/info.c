/* fuzz: -max_len=4096 */
/* Any text as the answer to INFO. */
#include "common/codis/info.h"
#include "common/base/error.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	struct redis_info info;

	if (redis_info_parse((const char *)data, len, &info, &err) < 0) {
		CHECK(err.code != ERR_NONE && err.text[0]);
		return 0;
	}
	CHECK(strlen(info.run_id) == CODIS_RUN_ID_SIZE - 1);
	CHECK(strlen(info.master) < CODIS_ADDR_MAX);
	CHECK(info.role == REDIS_ROLE_MASTER || info.role == REDIS_ROLE_REPLICA);
	CHECK(info.role == REDIS_ROLE_REPLICA || (!info.link_up && !redis_info_guarded(&info)));
	return 0;
}
