/* net_fixture.h - peers for the tests of the HTTP client and server: certificates, sockets, a server that says what
 * it is told. */
#ifndef CODIS_TESTS_UNIT_NET_FIXTURE_H
#define CODIS_TESTS_UNIT_NET_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "tests/unit/test.h"

/* A certificate for 127.0.0.1 that is its own authority. */
struct identity {
	char cert[2048], key[2048];
};

void identity_make(struct identity *id, const char *name);

/* --- sockets ------------------------------------------------------------------------------------------------------ */

/* A listening socket on a free port of 127.0.0.1. */
int listen_anywhere(uint16_t *port);

/* A port of 127.0.0.1 on which nobody listens: for a program that is to be started, or for nobody. */
int free_port(void);

int connect_to(uint16_t port);

void send_all(int fd, const char *data, size_t len);

/* How many packets with something in them have come. */
unsigned packets_in(int fd);

/* --- a server that says what it is told --------------------------------------------------------------------------- */

enum raw_end {
	RAW_CLOSE, /* closes behind the answer */
	RAW_KEEP,  /* waits for the next request */
	RAW_HOLD,  /* says nothing more until the client has gone */
	RAW_FLOOD, /* says `more` again and again until then */
};

struct raw_server {
	uint16_t port;
	const char *answer; /* to every request; "" for none */
	const char *more;
	enum raw_end end;
	sem_t *go;                           /* awaited before each answer */
	int stall_ms;                        /* before each handshake */
	const struct identity *tls, *client; /* speaks TLS as tls; asks for the client's certificate */
	atomic_int connections, requests, closed;
	char last[4096]; /* the last request's head, readable after raw_stop */
	int fd;
	pthread_t thread;
};

/* The server's fields are filled in, the others zero. It serves one connection at a time. */
void raw_start(struct raw_server *s);

/* Once every client has gone. */
void raw_stop(struct raw_server *s);

#endif
