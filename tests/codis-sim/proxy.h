/* proxy.h - codis-proxy: one libuv loop carries all clients and servers; the administration's threads hand their work
 * over to it (proxy_call) under one mutex, as in Codis: a fill that waits for requests in flight keeps stats waiting
 * too.
 *
 *   session.c  clients: commands in, replies out in their order, multi-key commands split and put together
 *   router.c   1,024 slots: who serves them, which are locked, fills
 *   backend.c  one connection a server and database: requests in, replies out, timeouts, reconnecting
 *   outlet.c   what is to be written, once a turn of the loop
 */
#ifndef CODIS_SIM_PROXY_H
#define CODIS_SIM_PROXY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "tests/codis-sim/auth.h"
#include "tests/codis-sim/command.h"
#include "tests/codis-sim/conf.h"
#include "tests/codis-sim/model.h"
#include "tests/codis-sim/serve.h"

struct backend;
struct link;
struct proxy;
struct redisReader;
struct session;

TAILQ_HEAD(sessions, session);

#define MAX_DBS  64
#define WIRE_MAX (768u << 20) /* of one command, one reply, or what waits to be written */

/* --- outlet.c: bytes on their way out ----------------------------------------------------------------------------- */
struct outlet {
	uv_stream_t *stream;
	struct buf next;      /* collected in this turn */
	struct buf under_way; /* with libuv */
	uv_write_t write;
	bool writing, dirty;
	void (*broken)(struct outlet *o); /* the peer does not take it */
	void (*drained)(struct outlet *o);
	TAILQ_ENTRY(outlet) link;
};
TAILQ_HEAD(outlets, outlet);
void outlet_init(struct outlet *o, uv_stream_t *stream);
void outlet_release(struct outlet *o);
void outlet_mark(struct proxy *p, struct outlet *o); /* there is something in next */
void outlet_forget(struct proxy *p, struct outlet *o);
void outlets_flush(struct proxy *p);

/* --- one command at one server ------------------------------------------------------------------------------------ */
struct unit {
	STAILQ_ENTRY(unit) next; /* in the backend's queue */
	struct request_state *req;
	struct pslot *slot;                            /* holds a reference, or NULL */
	struct backend *backend;                       /* while it is there */
	void (*done)(struct proxy *p, struct unit *u); /* instead of req: keepalive and migration */
	void *ctx;
	char *reply; /* raw RESP, allocated; NULL: failed, see error */
	size_t len;
	char error[192];
	bool finished;
};
STAILQ_HEAD(units, unit);

/* One command of a client, in the order of its session. */
struct request_state {
	STAILQ_ENTRY(request_state) next;
	struct session *session; /* NULL: the client is gone */
	struct command *command;
	uint64_t start_ns;
	bool dispatching; /* not all its units are sent yet */
	int waiting;      /* for that many units */
	char *own;        /* a reply that no server gives, raw RESP; or NULL */
	size_t own_len;
	bool own_failed; /* ... and it is an error of the proxy */
	int n_units;
	struct unit *units; /* == &one for most */
	struct unit one;
};
STAILQ_HEAD(requests, request_state);

/* --- router.c ----------------------------------------------------------------------------------------------------- */
struct pslot {
	int id;
	bool hold;   /* locked: requests wait */
	int refs;    /* requests in flight */
	int passing; /* requests that are having a key moved here first */
	struct link *backend, *migrate;
	int backend_group, migrate_group, method;
	int n_replica_groups;
	struct {
		int count;
		struct link *links[MAX_SERVERS];
	} * replica_groups;
	struct sessions waiters;
};

/* Slots to be filled, one after the other; each waits for its requests in flight. */
struct fill {
	const struct slot *slots;
	int n, at;
	bool closing; /* all are emptied, and nothing is refused */
	const char *error;
	struct job *job;
};

struct router {
	struct pslot slots[MAX_SLOTS];
	struct fill *fill; /* under way; one at a time */
	bool closed;
	unsigned seed;
};

enum route_result { ROUTE_SENT, ROUTE_HELD, ROUTE_REFUSED };

void router_init(struct proxy *p);
void router_fill(struct proxy *p, struct fill *f);
void router_turn(struct proxy *p); /* goes on with the fill */
void router_snapshot(struct proxy *p, int id, struct slot *out);
void router_unref(struct proxy *p, struct pslot *s);
/* What a session wants to have sent: a command, and by which key. */
struct parcel {
	const char *wire, *key;
	size_t len, key_len;
	const struct command *command;
};
/* Sends u to a server of the slot. HELD: the session is called again (session_resume); REFUSED: *why says it. */
enum route_result router_send(struct proxy *p, struct session *s, int slot, struct unit *u, const struct parcel *what,
			      const char **why);
bool router_send_to(struct proxy *p, const char *addr, int db, struct unit *u, const char *wire, size_t len);

/* --- backend.c ---------------------------------------------------------------------------------------------------- */
struct link { /* to one server: a connection a database */
	char addr[ADDR_SIZE];
	bool replica;
	int refs;
	struct backend *dbs[MAX_DBS];
	TAILQ_ENTRY(link) next;
};

struct link *link_retain(struct proxy *p, const char *addr, bool replica);
void link_release(struct proxy *p, struct link *l);
struct link *link_find(struct proxy *p, const char *addr, bool replica);
/* must: also one that is not connected. */
struct backend *link_backend(struct proxy *p, struct link *l, int db, bool must);
void links_keep_alive(struct proxy *p);
void backend_push(struct backend *b, struct unit *u, const char *wire, size_t len);

/* --- session.c ---------------------------------------------------------------------------------------------------- */
void session_accept(uv_stream_t *listener, int status);
void session_unit_done(struct proxy *p, struct unit *u);
int session_db(const struct session *s);
/* The session waits for the slot to be unlocked. */
void session_hold(struct session *s, struct pslot *slot);
/* All that wait there go on in this turn of the loop. */
void sessions_wake(struct proxy *p, struct sessions *waiting);
void sessions_resume(struct proxy *p);
/* While a slot is on its way, its old server is asked first: the session waits for that, and then goes on. why: it
 * failed; reply: that is the answer; again: ask once more in a moment. */
void session_pass_begin(struct session *s, struct pslot *slot);
void session_pass_end(struct session *s, const char *why, const char *reply, size_t len, bool again);
bool session_has_passed(const struct session *s);

/* --- proxy.c ------------------------------------------------------------------------------------------------------ */
struct proxy {
	uv_loop_t loop;
	uv_tcp_t listener;
	uv_async_t async;
	uv_prepare_t prepare;
	uv_timer_t ping, second;
	struct router router;
	struct commands commands;
	TAILQ_HEAD(, link) links;
	struct outlets dirty;
	struct sessions resuming;
	uint64_t now_ns;

	/* settings */
	struct conf conf;
	struct model model;
	char xauth[XAUTH_SIZE];
	int recv_timeout_ms, max_clients, max_pipeline, dbs;
	bool break_on_failure, primary_only;
	const char *session_auth, *product_auth;

	/* statistics */
	int64_t ops_total, ops_fails, ops_errors, qps, ops_last;
	int64_t sessions_total, sessions_alive;

	/* shared with the administration's threads */
	pthread_mutex_t mu;
	bool online, closed; /* written by the loop, under mu where a thread reads them */
	struct serve *serve;
	pthread_mutex_t jobs_lock;
	pthread_cond_t jobs_done;
	TAILQ_HEAD(, job) jobs;
	atomic_bool stopping;
};

/* Work for the loop, from another thread. run() calls job_done() at once or later. */
struct job {
	void (*run)(struct proxy *p, struct job *j);
	void *arg;
	bool done;
	TAILQ_ENTRY(job) next;
};
void proxy_call(struct proxy *p, void (*run)(struct proxy *p, struct job *j), void *arg);
void job_done(struct proxy *p, struct job *j);

bool proxy_is_closed(struct proxy *p); /* takes mu */
void proxy_start(struct proxy *p);
void proxy_close(struct proxy *p);
extern const struct route proxy_routes[];

#endif
