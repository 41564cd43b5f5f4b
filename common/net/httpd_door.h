/* httpd_door.h - part of httpd: newcomers wait at the door until they have said something, of TLS a whole ClientHello,
 * and are then let in: in turn by their address, a few at a time. So whoever only connects costs next to nothing,
 * whoever asks for many handshakes holds up neither those that are in nor newcomers of other addresses, and at the end
 * nobody is left between the kernel and libmicrohttpd. A thread of its own. */
#ifndef CODIS_NET_HTTPD_DOOR_H
#define CODIS_NET_HTTPD_DOOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct conns;
struct door;
struct error;
struct metrics;

struct door_config {
	const char *address;
	int total, per_peer; /* how many may wait; of one address. Above, one of the peer that has most is closed */
	int silent_ms;       /* how long one may wait without a word */
	int at_a_time;       /* how many are let in before the first of them has been taken care of */
	bool tls;            /* who is let in has a handshake before it */
	struct conns *conns;
	/* Gives one that is known to conns to a thread: fd is taken, and closed in the end. -1: it is closed now. */
	int (*let_in)(void *ctx, int thread, int fd, const struct sockaddr *peer, socklen_t len);
	/* Ten times a second. */
	void (*on_turn)(void *ctx, int64_t now_ms);
	void *ctx;
	struct metrics *metrics; /* or NULL */
	const char *port;        /* label of the metrics */
};

/* Listens; nobody is let in before door_start. NULL and *err. */
struct door *door_open(const struct door_config *config, struct error *err);
uint16_t door_port(const struct door *d);
int door_start(struct door *d, struct error *err);
/* Takes no newcomer any more; who is connected by then is let in still. Any thread. */
void door_shut(struct door *d);
/* Whether it still lets in, or may. Any thread. */
bool door_is_busy(struct door *d);
/* Ends the thread, and closes whoever still waits. */
void door_end(struct door *d);
/* Once nobody tells conns anything any more, who may wake the thread. NULL-safe. */
void door_free(struct door *d);

#endif
