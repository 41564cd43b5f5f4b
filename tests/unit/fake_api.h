/* fake_api.h - as much of a Kubernetes API server as the tests need: any resource, list with pages, watch, the four
 * writes with their conflicts, and the faults that a test asks for. Its own threads; fake_* may be called at any time.
 */
#ifndef CODIS_TESTS_UNIT_FAKE_API_H
#define CODIS_TESTS_UNIT_FAKE_API_H

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/admission.h"
#include "common/kube/client.h"
#include "common/kube/config.h"
#include "common/net/loop.h"
#include "tests/unit/test.h"

#define FAKE_LIMIT (16u << 20)
#define FAKE_PATH  512

struct fake_api {
	struct MHD_Daemon *daemon;
	uint16_t port;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	long version;   /* of the last write */
	long oldest;    /* a watch from before this is answered 410 */
	cJSON *objects; /* path -> object */
	cJSON *events;  /* { collection, name, version, line, type, object, was } in order */

	size_t fragment;    /* at most so many bytes of a watch at once; 0: any */
	bool gone_as_event; /* 410 comes as an ERROR event, else as HTTP */
	unsigned epoch;     /* a watch of an older one ends, */
	long ended;         /* after the events up to this, */
	bool breaking;      /* with a broken connection */
	bool hanging;       /* nothing is answered */
	bool stopping;
	char fail_match[FAKE_PATH]; /* the next fail_count requests whose "METHOD url" holds this get fail_status */
	int fail_status, fail_count;
	const char *fail_message;   /* what those say; NULL: some words */
	char slow_match[FAKE_PATH]; /* what such requests ask for is done, and answered slow_ms later */
	int slow_ms;
	int ahead_s;         /* of its clock; its Date says so */
	int retry_after;     /* seconds, said with each refusal that was asked for; 0: not said */
	bool future_refused; /* a watch from a version that is not there yet is answered 504, else it waits for it */
	bool mute;           /* watches are taken and say nothing */
	bool hot; /* each watch ends, or breaks (breaking), once it has said anything, and at least a bookmark */
	char block_match[FAKE_PATH]; /* such requests wait until this is taken back, */
	int block_left;              /* but no more than so many */
	int blocked;
	int endless; /* 1: every list is a page without objects that another follows, under the same token; 2: another
			one */
	const char *warning;  /* the value of a Warning header that each write is answered with; NULL: none */
	const char *ending;   /* a namespace that is being deleted: nothing is created in it; NULL: none is */
	const char *odd_list; /* the first list is answered with this text; NULL: as it is */
	cJSON *requests;      /* "METHOD url" of every one, in order */
};

/* --- what a test does --------------------------------------------------------------------------------------------- */

/* Listens; again on the same port after fake_down. */
void fake_up(struct fake_api *a);

/* Whoever connects is refused; what was open is closed. */
void fake_down(struct fake_api *a);

/* Creates or changes an object: JSON text. One with a string as_text is answered as that text, as a pod's proxy does.
 * PATH/previous is answered for PATH?previous=true. */
void fake_apply(struct fake_api *a, const char *path, const char *json);

void fake_delete(struct fake_api *a, const char *path);

/* etcd is restored: the version goes back to this, and whoever watches from a later one waits for it. The objects of
 * now stay, for the test to change as they were. Watches end. */
void fake_rewind(struct fake_api *a, long version);

/* Watches are mute from now on, or speak; and hot. */
void fake_mute(struct fake_api *a, bool mute);

void fake_hot(struct fake_api *a, bool hot, bool breaking);

/* The object, the caller's; NULL where there is none. */
cJSON *fake_read(struct fake_api *a, const char *path);

/* The version moves on without an object, and the watches of the collection are told. */
void fake_bookmark(struct fake_api *a, const char *collection);

/* A line that no API server would send goes to the watches of the collection. */
void fake_garbage(struct fake_api *a, const char *collection, const char *line);

/* Ends all watches: as their time is up, or with a broken connection. */
void fake_end_watches(struct fake_api *a, bool breaking);

/* The past is forgotten: a watch from before now is answered 410. */
void fake_compact(struct fake_api *a, bool as_event);

void fake_fail(struct fake_api *a, const char *match, int status, int count);

/* Such requests are done at once, and answered ms later. "": none. */
void fake_slow(struct fake_api *a, const char *match, int ms);

/* With such a Retry-After. */
void fake_fail_with_pause(struct fake_api *a, const char *match, int status, int count, int retry_after);

void fake_hang(struct fake_api *a, bool hanging);

/* Its clock is so far ahead of ours (or behind it), in its answers' Date. */
void fake_clock(struct fake_api *a, int ahead_s);

/* The next `count` of them wait, until fake_unblock. */
void fake_block_some(struct fake_api *a, const char *match, int count);

void fake_block(struct fake_api *a, const char *match);

void fake_unblock(struct fake_api *a);

int fake_blocked(struct fake_api *a);

/* How many requests held these words. */
int fake_count(struct fake_api *a, const char *match);
/* ... and not those; in one look, since requests go on coming. */
int fake_count_but(struct fake_api *a, const char *match, const char *but);

/* The last of them, or "". */
const char *fake_last(struct fake_api *a, const char *match, char out[2048]);

/* --- a client of it, on a loop ------------------------------------------------------------------------------------ */

struct fake_world {
	struct fake_api api;
	struct loop loop;
	struct kube_client *kube;
};

struct kube_client *fake_client(struct fake_world *w);

int fake_setup(void **state);

int fake_teardown(void **state);

/* Turns the loop until `until` holds (true), or ms have passed (false). */
bool fake_run(struct fake_world *w, int ms, bool (*until)(void *ctx), void *ctx);

/* Whether the object's labels are as this label selector asks. */
bool fake_labels_match(const char *selector, const cJSON *object);

#endif
