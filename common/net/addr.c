#include "common/net/addr.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

static int parse_port(const char *text, uint16_t *port)
{
	unsigned long n;
	size_t len = strlen(text);

	if (!len || len > 5 || strspn(text, "0123456789") != len)
		return -1;
	n = strtoul(text, NULL, 10);
	if (n > UINT16_MAX)
		return -1;
	*port = (uint16_t)n;
	return 0;
}

int addr_split(const char *text, char *host, size_t size, uint16_t *port, struct error *err)
{
	const char *from = text, *colon = strrchr(text, ':'), *to = colon;

	if (!colon || parse_port(colon + 1, port) < 0)
		return error_set(err, ERR_INVALID, "\"%.128s\" is not HOST:PORT with a port from 0 to 65535", text);
	if (*from == '[') {
		from++;
		to = strchr(from, ']');
		if (!to || to + 1 != colon)
			return error_set(err, ERR_INVALID, "\"%.128s\" is not [IPv6]:PORT", text);
	} else if (memchr(from, ':', (size_t)(to - from))) {
		return error_set(err, ERR_INVALID, "\"%.128s\": an IPv6 address needs brackets, [::1]:80", text);
	}
	if ((size_t)(to - from) >= size)
		return error_set(err, ERR_TOOBIG, "\"%.128s\": the host is longer than %zu bytes", text, size - 1);
	memcpy(host, from, (size_t)(to - from));
	host[to - from] = '\0';
	return 0;
}
