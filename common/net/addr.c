#include "common/net/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
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

int addr_join(const char *host, uint16_t port, char *out, size_t size)
{
	int n = snprintf(out, size, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port);

	if (n >= 0 && (size_t)n < size)
		return 0;
	*out = '\0';
	return -1;
}

/* The host's part of *a. false: it is none. */
static bool parse_ip(const char *host, struct addr *a)
{
	struct in6_addr six;

	memset(a->ip, 0, sizeof(a->ip));
	a->family = AF_INET;
	if (inet_pton(AF_INET, host, a->ip) == 1)
		return true;
	if (inet_pton(AF_INET6, host, &six) != 1)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&six)) {
		memcpy(a->ip, &six.s6_addr[12], 4);
		return true;
	}
	a->family = AF_INET6;
	memcpy(a->ip, &six, sizeof(six));
	return true;
}

int addr_parse(const char *text, struct addr *a, struct error *err)
{
	char host[256]; /* names are cut off nowhere before they are refused */

	if (addr_split(text, host, sizeof(host), &a->port, err) < 0)
		return -1;
	if (!parse_ip(host, a))
		return error_set(err, ERR_INVALID, "\"%.128s\" is no numeric address, and names are not looked up here",
				 text);
	return 0;
}

void addr_format(const struct addr *a, char out[ADDR_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "";

	inet_ntop(a->family, a->ip, host, sizeof(host));
	addr_join(host, a->port, out, ADDR_TEXT_MAX);
}

void addr_settle(char *text, size_t size)
{
	char settled[ADDR_TEXT_MAX];
	struct addr a;

	if (text[0] != '[' || addr_parse(text, &a, NULL) < 0)
		return;
	addr_format(&a, settled);
	if (strlen(settled) < size)
		memcpy(text, settled, strlen(settled) + 1);
}

bool addr_is_numeric(const char *host)
{
	struct addr a;

	return parse_ip(host, &a);
}

bool addr_equal(const char *a, const char *b)
{
	struct addr x, y;

	if (strcmp(a, b) == 0)
		return true;
	if (addr_parse(a, &x, NULL) < 0 || addr_parse(b, &y, NULL) < 0)
		return false;
	return x.family == y.family && x.port == y.port && memcmp(x.ip, y.ip, sizeof(x.ip)) == 0;
}
