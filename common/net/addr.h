/* addr.h - "host:port" texts. */
#ifndef CODIS_NET_ADDR_H
#define CODIS_NET_ADDR_H

#include <stddef.h>
#include <stdint.h>

struct error;

/* Splits "10.0.0.1:6379", "[::1]:80", ":80" (host ""). host gets at most size-1 bytes. 0, or -1 and *err. */
int addr_split(const char *text, char *host, size_t size, uint16_t *port, struct error *err);

#endif
