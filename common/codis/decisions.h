/* decisions.h - what codis-controller has decided of all products, so that it outlives whoever decided it: a ConfigMap,
 * one line of JSON each, the oldest first.
 *
 *   {"at":"2026-11-28T20:11:03.123000Z","namespace":"shop","product":"codis-test","by":"codis-controller-0","words":"..."}
 */
#ifndef CODIS_CODIS_DECISIONS_H
#define CODIS_CODIS_DECISIONS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

#define DECISIONS_CONFIG_MAP "codis-decisions" /* in the namespace of codis-k8s */
#define DECISIONS_KEY        "decisions"       /* of its data */

/* No more are kept; what is over is the oldest, of a product that has half of them its own. */
#define DECISIONS_MAX       1000
#define DECISIONS_BYTES_MAX (512u << 10) /* an object of Kubernetes has 1 MiB at most */
#define DECISION_WORDS_MAX  640

struct decision {
	int64_t wall_ms;
	const char *namespace, *product; /* product "": it is about none */
	const char *by;                  /* the controller's pod */
	const char *words;               /* a sentence; cut to DECISION_WORDS_MAX - 1 bytes */
};

struct decision_line {
	char *text;     /* one line without its end; in order of time, as it begins with that */
	uint64_t whose; /* namespace and product */
};

/* All zero to begin with. */
struct decisions {
	struct decision_line *lines;
	int count;
	size_t bytes;
};

/* Puts it where its time is; one that is there already changes nothing. 1: it is new; 0: it is not, or is too old to be
 * kept; -1: no memory. */
int decisions_add(struct decisions *d, const struct decision *one);
/* Adds those of a text, as decisions_write() makes it; lines that are none are left out. How many are new, or -1: no
 * memory. */
int decisions_merge(struct decisions *d, const char *text, size_t len);
/* The last one before this place that is about the product; -1: there is none. From `count` on it walks back in time.
 */
int decisions_before(const struct decisions *d, int at, const char *namespace, const char *product);
/* Valid as long as *parsed, which is the caller's (cJSON_Delete). 0; -1: no memory. */
int decisions_read(const struct decisions *d, int at, cJSON **parsed, struct decision *out);
/* Appends them, a line each. */
void decisions_write(const struct decisions *d, struct buf *out);
void decisions_release(struct decisions *d);

#endif
