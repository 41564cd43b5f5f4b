/* tcp.h - what the kernel knows of a connection. */
#ifndef CODIS_NET_TCP_H
#define CODIS_NET_TCP_H

#include <stdint.h>

/* Bytes that have come on it in all, whatever they were of; 0: not known. */
uint64_t tcp_received(int fd);

#endif
