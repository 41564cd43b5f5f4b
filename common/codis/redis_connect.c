#include "common/codis/redis_connect.h"

#include <errno.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/model.h"
#include "common/net/addr.h"
#include "common/net/hiredis_uv.h"

bool redis_refused(const redisAsyncContext *ac)
{
	return strstr(ac->errstr, strerror(ECONNREFUSED)) != NULL;
}

redisAsyncContext *redis_connect(uv_loop_t *uv, const char *addr, struct error *err)
{
	char host[CODIS_ADDR_MAX];
	redisAsyncContext *ac;
	uint16_t port;

	if (addr_split(addr, host, sizeof(host), &port, err) < 0)
		return NULL;
	ac = redisAsyncConnect(host, port);
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
