/* httpd_wire.h - part of httpd: how a connection's TLS reads and writes its socket. libmicrohttpd hands the head and
 * the body of an answer over one by one, and GnuTLS would send each by itself: two packets, and whoever asked is woken
 * twice. Here the head waits for the body. By the thread that serves the connection. */
#ifndef CODIS_NET_HTTPD_WIRE_H
#define CODIS_NET_HTTPD_WIRE_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Heads of ours, as records, have less than 300 bytes. */
#define WIRE_KEPT_MAX 1024

struct wire {
	int fd;
	bool tls;
	uint64_t received; /* with TLS, bytes that were read */
	bool joins;        /* the next record is kept */
	size_t kept;
	unsigned char record[WIRE_KEPT_MAX];
};

/* session: from now on it reads and writes by this wire, which is there as long as it does; NULL: without TLS. */
void wire_init(struct wire *w, int fd, gnutls_session_t session);
/* The record that is written next goes together with the one behind it, which has to come. */
void wire_join(struct wire *w);
/* Bytes that have come on it; those that nobody has read yet may be missing. */
uint64_t wire_received(const struct wire *w);

#endif
