/* served.h - what the groups of a Codis serve, as codis-controller notes it on the codis-server StatefulSet for
 * codis-webhook, and what a user gives up. Pure.
 *
 *     codis.io/slots: "1=512/12000,2=512"          group=slots/keys, in ascending order; keys are left out where they
 * are not known. A group without slots is not in it; "none": no group has. codis.io/allow-data-loss: "2,3" or "all"
 * groups whose data may go with fewer replicas
 */
#ifndef CODIS_CODIS_SERVED_H
#define CODIS_CODIS_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define CODIS_ANNOTATION_SLOTS      "codis.io/slots"
#define CODIS_ANNOTATION_ALLOW_LOSS "codis.io/allow-data-loss"

struct served_group {
	int gid;      /* 1.. */
	int slots;    /* 1 to 1,024 */
	int64_t keys; /* -1: not known */
};

/* Appends the text for count groups (those without slots are left out). 0 or -1 (no memory, over out's limit). */
int served_write(const struct served_group *groups, int count, struct buf *out);

/* Takes one group from *text and moves *text behind it: 1 and *out, 0 at the end, -1 when the rest cannot be read. */
int served_next(const char **text, struct served_group *out);

/* Whether codis.io/allow-data-loss (NULL: none) names the group. */
bool served_may_lose(const char *allowed, int gid);

/* "about 1.2 million keys", "about 12,345 keys", "about 1 key", "no keys". */
#define SERVED_KEYS_MAX 64
void served_say_keys(int64_t keys, char out[SERVED_KEYS_MAX]);

#endif
