/* wish.h - what a person wishes of a group, and what became of it, as texts of annotations of the codis-server
 * StatefulSet that makes the group. Pure.
 *
 *     codis.io/switchover: "2"                  group 2 gets another master: the best replica that is in sync
 *                          "2=codis-server-3"   that one
 *                          "2=codis-server-3@2026-11-28T08:25:00.123Z"
 *                                               and when it was wished, which tells it from others: codisctl writes it
 *                          "2=codis-server-3@2026-11-28T08:25:00.123Z begun"
 *                                               codis-controller writes that before it begins: nobody begins it again
 *     codis.io/switched:   "done 2=codis-server-3@2026-11-28T08:25:00.123Z: codis-server-3 replaces ..."
 *                          what became of the last one, in place of the wish: done, needless, refused or failed
 */
#ifndef CODIS_CODIS_WISH_H
#define CODIS_CODIS_WISH_H

#include <stdbool.h>
#include <stdint.h>

struct error;

#define CODIS_ANNOTATION_SWITCHOVER "codis.io/switchover"
#define CODIS_ANNOTATION_SWITCHED   "codis.io/switched"

#define WISH_POD_MAX  254
#define WISH_TEXT_MAX 320 /* of a wish: group, pod, time and "begun" */

struct wish {
	int gid;                /* 1.. */
	char pod[WISH_POD_MAX]; /* who is to lead; "": the best */
	int64_t wall_ms;        /* when it was wished; 0: not said */
	bool begun;
};

/* 0, or -1 and *err (ERR_INVALID): how one is written. */
int wish_read(const char *text, struct wish *out, struct error *err);
const char *wish_write(const struct wish *w, char out[WISH_TEXT_MAX]); /* out */
/* Whether they are one: of one group and time, which is said. That the one who is to lead was chosen since is no
 * difference. */
bool wish_is_same(const struct wish *a, const struct wish *b);
/* Whether that can be the name of a pod (RFC 1123). */
bool wish_is_pod(const char *name);

enum wish_verdict {
	WISH_DONE,
	WISH_NEEDLESS, /* it was so already */
	WISH_REFUSED,  /* nothing was done */
	WISH_FAILED,   /* it was begun, and the group has the master that it had, or another one */
};

#define WISH_WORDS_MAX  900
#define WISH_ANSWER_MAX (WISH_TEXT_MAX + WISH_WORDS_MAX + 16)

struct wish_answer {
	enum wish_verdict verdict;
	struct wish wish; /* gid 0: it could not be read */
	char words[WISH_WORDS_MAX];
};

/* 0, or -1 and *err. Words that are too long are cut, whole characters are left. */
int wish_answer_read(const char *text, struct wish_answer *out, struct error *err);
const char *wish_answer_write(const struct wish_answer *a, char out[WISH_ANSWER_MAX]); /* out */

#endif
