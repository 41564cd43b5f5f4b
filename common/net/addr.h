/* addr.h - "host:port" texts, and numeric addresses, which are the same however they are written. */
#ifndef CODIS_NET_ADDR_H
#define CODIS_NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct error;

#define ADDR_TEXT_MAX 64 /* any numeric address with its port */

/* A numeric address. Two of them with the same members are the same: what is not used of ip is zero, and an IPv4
 * address that is written as IPv6 (::ffff:10.0.0.1) is the IPv4 address that the kernel makes of it. */
struct addr {
	sa_family_t family; /* AF_INET, AF_INET6 */
	uint8_t ip[16];
	uint16_t port;
};

/* Splits "10.0.0.1:6379", "[::1]:80", ":80" (host ""). host gets at most size-1 bytes. 0, or -1 and *err. */
int addr_split(const char *text, char *host, size_t size, uint16_t *port, struct error *err);
/* The reverse of it: brackets where the host has a colon. 0, or -1 where it does not fit, and out is "". */
int addr_join(const char *host, uint16_t port, char *out, size_t size);

/* "10.0.0.1:6379", "[fd00::1]:6379". A name is refused with ERR_INVALID: to look it up would hold up the caller. */
int addr_parse(const char *text, struct addr *a, struct error *err);
void addr_format(const struct addr *a, char out[ADDR_TEXT_MAX]);
/* Whether the host (without a port or brackets) is an address and no name. */
bool addr_is_numeric(const char *host);
/* IPv6 in the one way to write it, so that texts that are one address are one text; all else stays as it is. */
void addr_settle(char *text, size_t size);
/* Whether two texts are one address; texts that are no addresses are compared as texts. */
bool addr_equal(const char *a, const char *b);

#endif
