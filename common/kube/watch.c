#include "common/kube/watch.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"

static int toobig(const struct buf *part, struct error *err)
{
	if (part->nomem)
		return error_set(err, ERR_NOMEM, "no memory for an event of the watch");
	return error_set(err, ERR_TOOBIG, "an event of the watch is over %zu bytes", part->max);
}

int watch_lines(struct buf *part, const char *data, size_t len, int (*on_line)(void *ctx, const char *line, size_t len),
		void *ctx, struct error *err)
{
	const char *end;
	size_t n;
	int r;

	for (; (end = memchr(data, '\n', len)); data += n + 1, len -= n + 1) {
		n = (size_t)(end - data);
		if (n > part->max - part->len || (part->len && buf_add(part, data, n) < 0))
			return toobig(part, err);
		if (part->len)
			r = on_line(ctx, part->data, part->len);
		else
			r = n ? on_line(ctx, data, n) : 0; /* as it came, without a copy */
		if (r)
			return r;
		buf_reset(part);
	}
	return buf_add(part, data, len) < 0 ? toobig(part, err) : 0;
}
