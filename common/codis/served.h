/* served.h - what the groups of a Codis serve and what they have lost, as codis-controller notes it on the codis-server
 * StatefulSet, and what a user gives up. Pure.
 *
 *     codis.io/slots: "1=512/12000,2=512"          group=slots/keys, in ascending order; keys are left out where they
 * are not known. A group without slots is not in it; "none": no group has. codis.io/allow-data-loss: "2,3" or "all"
 * groups whose data may go with fewer replicas
 *     codis.io/data-lost: "1=130@2026-11-26T05:03:38Z"
 *                                                  group=keys@when, in ascending order; whoever takes it away
 *                                                  acknowledges it
 */
#ifndef CODIS_CODIS_SERVED_H
#define CODIS_CODIS_SERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define CODIS_ANNOTATION_SLOTS      "codis.io/slots"
#define CODIS_ANNOTATION_ALLOW_LOSS "codis.io/allow-data-loss"
#define CODIS_ANNOTATION_DATA_LOST  "codis.io/data-lost"

struct served_group {
	int gid;      /* 1.. */
	int slots;    /* 1 to 1,024 */
	int64_t keys; /* -1: not known */
};

/* Appends the text for count groups (those without slots are left out). 0 or -1 (no memory, over out's limit). */
int served_write(const struct served_group *groups, int count, struct buf *out);

/* Takes one group from *text and moves *text behind it: 1 and *out, 0 at the end, -1 when the rest cannot be read. */
int served_next(const char **text, struct served_group *out);

struct served_loss {
	int gid;
	int64_t keys; /* about so many are gone */
	int64_t wall_ms;
};

/* Appends ",1=130@2026-11-26T05:03:38Z", without the comma at the beginning of out. 0 or -1. */
int served_loss_write(const struct served_loss *loss, struct buf *out);
/* As served_next(). */
int served_loss_next(const char **text, struct served_loss *out);

/* Whether codis.io/allow-data-loss (NULL: none) names the group. */
bool served_may_lose(const char *allowed, int gid);

/* "about 1.2 million keys", "about 12,345 keys", "about 1 key", "no keys". */
#define SERVED_KEYS_MAX 64
void served_say_keys(int64_t keys, char out[SERVED_KEYS_MAX]);

/* What acknowledges a loss: "kubectl annotate -n shop sts codis-server codis.io/data-lost-". set "": not known. */
#define SERVED_COMMAND_MAX 400
const char *served_acknowledge(const char *namespace, const char *set, char out[SERVED_COMMAND_MAX]);
/* What gives a group's data up: "kubectl annotate -n shop sts codis-server codis.io/allow-data-loss=1". */
const char *served_give_up(const char *namespace, const char *set, int gid, char out[SERVED_COMMAND_MAX]);

#endif
