/* httpd_big.h - part of httpd: requests with long bodies take turns. Small ones need no leave, so they pass while long
 * ones wait: suspended after their first bytes, the rest in the sockets' buffers. Any thread. */
#ifndef CODIS_NET_HTTPD_BIG_H
#define CODIS_NET_HTTPD_BIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct MHD_Connection;

enum big_state {
	BIG_NONE,
	BIG_WAITING, /* its connection is suspended */
	BIG_HELD,
	BIG_REFUSED, /* it waited too long, or too many do */
};

/* A request's leave to be long; zero: none. */
struct big_claim {
	TAILQ_ENTRY(big_claim) link;
	struct MHD_Connection *conn;
	enum big_state state;
	int64_t since_ms;
};

struct big {
	pthread_mutex_t lock;
	int left, waiting;
	bool ending;
	TAILQ_HEAD(, big_claim) queue;
};

void big_init(struct big *b, int slots);
void big_release(struct big *b);

/* From within the request's handler. BIG_WAITING: the connection is suspended now, and the handler is called again with
 * the same data once the claim is held or refused. */
enum big_state big_take(struct big *b, struct big_claim *claim, struct MHD_Connection *conn);
/* Gives the leave to whoever waits first. Without effect for a claim that holds none. */
void big_give(struct big *b, struct big_claim *claim);
/* Refuses whoever has waited too long. */
void big_look(struct big *b, int64_t now_ms);
/* Nobody waits from now on. */
void big_end(struct big *b);

#endif
