#include "common/codis/redis_connect.h"

#include <errno.h>

#include "common/base/error.h"
#include "common/net/addr.h"
#include "common/net/hiredis_uv.h"

bool redis_refused(const redisAsyncContext *ac)
{
	return ac->c.err == REDIS_ERR_IO && errno == ECONNREFUSED; /* ac->err is filled in later */
}

redisAsyncContext *redis_connect(uv_loop_t *uv, const char *addr, struct error *err)
{
	char host[ADDR_TEXT_MAX];
	redisAsyncContext *ac;
	struct addr numeric;

	if (addr_parse(addr, &numeric, err) < 0 || addr_split(addr, host, sizeof(host), &numeric.port, err) < 0)
		return NULL;
	errno = 0;
	ac = redisAsyncConnect(host, numeric.port);
	if (!ac) {
		error_set(err, ERR_NOMEM, "connect to %s: no memory", addr);
		return NULL;
	}
	if (ac->err) {
		error_set(err, redis_refused(ac) ? ERR_REFUSED : ERR_IO, "connect to %s: %s", addr, ac->errstr);
		redisAsyncFree(ac);
		return NULL;
	}
	if (hiredis_uv_attach(ac, uv) < 0) {
		error_set(err, ERR_NOMEM, "connect to %s: no memory", addr);
		redisAsyncFree(ac);
		return NULL;
	}
	return ac;
}
