/* status.h - the whole cluster in one line, and in JSON. Pure: what is shown is what decide() saw. */
#ifndef CODIS_CONTROLLER_STATUS_H
#define CODIS_CONTROLLER_STATUS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "controller/decide.h"

/* Of a server that is being deleted while nobody else has its data, in status and Event. */
#define STATUS_LAST_HOLDER "has the only data: it waits for a replica in sync, as long as its grace period lasts"

enum status_word {
	STATUS_OK,
	STATUS_SWITCHING, /* all that is not served is being handed over by the controller, for some milliseconds */
	STATUS_DEGRADED,  /* all slots are served, and something is missing */
	STATUS_PARTIAL,   /* some slots are not */
	STATUS_DOWN,      /* none is, or no proxy serves */
	STATUS_WORDS
};
const char *status_word(enum status_word word); /* "OK", "DEGRADED", ... */

/* A cluster in numbers: those of its line, and what the metrics show besides. */
struct status_sum {
	bool ok; /* nothing is missing, and nothing keeps the controller from acting */
	enum status_word word;
	int groups, led;      /* that are to be or still there, and that have a healthy master */
	int proxies, serving; /* that are to serve, and that do */
	int slots;            /* that every serving proxy sends, unlocked, to a healthy master */
	int handed_over;      /* of the others those of groups that are being switched */
	int64_t keys;         /* of the groups that are led */
	int64_t lost_keys;    /* until somebody acknowledges it */
	bool empty, adopted;  /* as the line says it */
};
void status_sum(const struct cluster_view *v, const struct decide_limits *limits, struct status_sum *sum);

/* A group in numbers. */
struct status_group {
	bool led;
	int slots;            /* as the dashboard has them; -1: it has not said */
	int replicas, synced; /* that are to be, and that are in sync */
	int64_t keys;         /* of its master; -1: not known */
	int64_t lag_bytes;    /* of the replica in sync that is furthest behind; -1: there is none */
};
/* false: it has no members, or is let go: what it lacks is nobody's trouble. */
bool status_of_group(const struct cluster_view *v, const struct group_view *g, const struct decide_limits *limits,
		     struct status_group *out);

/* "codis-test: OK, 2/2 groups led, 2 proxies, 1024/1024 slots served", and its word; *ok: nothing is missing. */
enum status_word status_line(const struct cluster_view *v, const struct decide_limits *limits, char *out, size_t size,
			     bool *ok);
/* The same with every member; the caller's (cJSON_Delete). NULL: no memory. */
cJSON *status_json(const struct cluster_view *v, const struct decide_limits *limits);
/* Whether it answers nothing for want of the right password; why that is not known, and what helps. */
bool status_refused(const struct server_view *s);
const char *status_password_trouble(const struct cluster_view *v);
/* Whether a person is to decide between the group's master and the one before it, and in which words. keys: with what
 * the two have now, which is another number at each look. */
#define STATUS_SUCCESSION_MAX 600
bool status_succession(const struct cluster_view *v, const struct group_view *g, bool keys, char *out, size_t size);

#endif
