/* logs_read.h - the logs of codis-controller's pods, read at once through the API server, each with a limit of its own:
 * what is wanted of their lines, held until it is its turn in the order of time. */
#ifndef CODIS_CLI_LOGS_READ_H
#define CODIS_CLI_LOGS_READ_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/codis/pod.h"

struct cli;
struct http_call;

/* Containers whose logs are held at once: of each pod the one that runs, and the one before it. */
#define LOGS_MAX 32
/* One that brings nothing for so long is not waited for ... */
#define LOGS_SILENT_MS 2000
/* ... nor one that has not ended by then. */
#define LOGS_WHOLE_MS 30000

struct logs_line {
	STAILQ_ENTRY(logs_line) next;
	int64_t at_ns, arrived_ms;
	size_t len;
	char text[];
};

/* The log of one container. */
struct logs_source {
	struct logs *logs;
	char pod[POD_NAME_MAX], node[POD_NAME_MAX], container[POD_NAME_MAX];
	bool previous; /* of the container before the one that runs */
	bool asked;    /* for --previous: that there is none is said, too */
	bool dull;     /* its pod was said to be not ready */
	bool missed;   /* ... its log to be missing, and nothing has come since */
	int gone;      /* looks since its pod was there */
	int restarts;
	struct http_call *call; /* while it is read */
	struct error err;       /* of the last reading */
	struct buf part;
	STAILQ_HEAD(, logs_line) lines;
	int count;
	/* Where it was read up to: the time of the last line, and how many had that very time; so a reading that begins
	 * again from there passes over what came before. */
	int64_t last_ns;
	int last_count, passed;
	bool passing;
};

struct logs {
	struct cli *cli;
	/* what is wanted */
	bool every;                      /* also what is about no product */
	const char *namespace, *product; /* NULL: any */
	int since_s;                     /* 0: from the beginning */
	int tail;                        /* of each not more than so many lines are held; -1: all */
	size_t held_max;                 /* bytes; more of them are given away (on_full), oldest first */
	void (*on_full)(struct logs *l);

	struct logs_source *sources[LOGS_MAX];
	int count;
	size_t held_bytes;
};

/* Adds the source; NULL: there are too many, or no memory. */
struct logs_source *logs_add(struct logs *l, const char *pod, const char *node, const char *container, bool previous);
/* Ends its reading and forgets what it holds. */
void logs_remove(struct logs *l, int i);
void logs_release(struct logs *l);

/* Reads it, from where it was read up to; follow: until it ends, without a limit. What fails is in err. */
void logs_begin(struct logs_source *s, bool follow);
void logs_end(struct logs_source *s);
/* None is being read. */
bool logs_ended(const void *logs);

/* The oldest line of all that are held, and whose it is: its own are in the order in which they came. NULL: none. */
struct logs_line *logs_first(const struct logs *l, struct logs_source **whose);
/* Forgets the first line of a source. */
void logs_drop(struct logs_source *s);

#endif
