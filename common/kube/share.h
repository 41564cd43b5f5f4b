/* share.h - so much a second for all together, in equal parts for who asks: who floods takes nothing from the others.
 * Pure. Zeroed: nobody has asked. */
#ifndef CODIS_KUBE_SHARE_H
#define CODIS_KUBE_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#define SHARE_A_SECOND 20  /* of all that ask within a second; who has not asked lately may take so many at once */
#define SHARES_MAX     256 /* remembered; of more the one who has not asked for longest is forgotten */
/* Who takes the place of one who asks still has one to begin with, and all such share so many at once, and
 * SHARE_A_SECOND. */
#define SHARES_NEW_MAX 256

struct shares {
	struct share {
		uint64_t who; /* a hash */
		int64_t tokens_us, filled_us;
		int64_t asked_us; /* 0: free */
		bool is_new;      /* it took the place of one who asks still, and has not had one since */
	} of[SHARES_MAX];
	int64_t new_us, new_at_us; /* what such have had and time has not given back */
};

/* Whether who may have one more now. */
bool share_take(struct shares *s, uint64_t who, int64_t now_us);
/* It asks, and something else holds it up: the others' parts are as small as if it took one, and it loses nothing. */
void share_ask(struct shares *s, uint64_t who, int64_t now_us);
/* How many have asked within the last second. */
int share_count(const struct shares *s, int64_t now_us);

#endif
