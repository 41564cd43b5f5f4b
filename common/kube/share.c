#include "common/kube/share.h"

#include <stddef.h>

#define SECOND_US INT64_C(1000000) /* of tokens: all that may be had at once, and all that a second brings */
#define ONE_US    (SECOND_US / SHARE_A_SECOND)

static bool asked_lately(const struct share *s, int64_t now_us)
{
	return s->asked_us && now_us - s->asked_us < SECOND_US;
}

int share_count(const struct shares *s, int64_t now_us)
{
	int n = 0;

	for (int i = 0; i < SHARES_MAX; i++)
		n += asked_lately(&s->of[i], now_us);
	return n;
}

/* All those that take the place of somebody who asks still have a limit together: so many that none is remembered are
 * new each time. */
static bool may_new(struct shares *s, int64_t now_us)
{
	s->new_us -= now_us - s->new_at_us;
	s->new_at_us = now_us;
	if (s->new_us < 0)
		s->new_us = 0;
	if (s->new_us > (SHARES_NEW_MAX - 1) * ONE_US)
		return false;
	s->new_us += ONE_US;
	return true;
}

static struct share *share_of(struct shares *s, uint64_t who, int64_t now_us)
{
	struct share *oldest = &s->of[0];
	bool crowded;

	for (int i = 0; i < SHARES_MAX; i++) {
		if (s->of[i].asked_us && s->of[i].who == who)
			return &s->of[i];
		if (s->of[i].asked_us < oldest->asked_us)
			oldest = &s->of[i];
	}
	crowded = asked_lately(oldest, now_us);
	*oldest = (struct share){
		.who = who, .is_new = crowded, .tokens_us = crowded ? 0 : SECOND_US, .filled_us = now_us
	};
	return oldest;
}

static struct share *ask(struct shares *s, uint64_t who, int64_t now_us)
{
	struct share *mine = share_of(s, who, now_us);

	mine->asked_us = now_us;
	mine->tokens_us += (now_us - mine->filled_us) / share_count(s, now_us);
	mine->filled_us = now_us;
	if (mine->tokens_us > SECOND_US)
		mine->tokens_us = SECOND_US;
	return mine;
}

void share_ask(struct shares *s, uint64_t who, int64_t now_us)
{
	ask(s, who, now_us);
}

bool share_take(struct shares *s, uint64_t who, int64_t now_us)
{
	struct share *mine = ask(s, who, now_us);

	if (mine->tokens_us >= ONE_US) {
		mine->tokens_us -= ONE_US;
		return true;
	}
	if (!mine->is_new || !may_new(s, now_us))
		return false;
	mine->is_new = false;
	return true;
}
