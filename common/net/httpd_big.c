#include "common/net/httpd_big.h"

#include <microhttpd.h>

#include "common/base/clock.h"

/* An API server waits 3 s for our webhooks; and of those who wait each has some 10 KiB in memory. */
#define WAIT_MS     2000
#define WAITING_MAX 64

void big_init(struct big *b, int slots)
{
	*b = (struct big){ .left = slots };
	TAILQ_INIT(&b->queue);
	pthread_mutex_init(&b->lock, NULL);
}

void big_release(struct big *b)
{
	pthread_mutex_destroy(&b->lock);
}

/* Under the lock, as suspending is: nobody is resumed before that. */
static void settle(struct big *b, struct big_claim *claim, enum big_state state)
{
	TAILQ_REMOVE(&b->queue, claim, link);
	b->waiting--;
	claim->state = state;
	MHD_resume_connection(claim->conn);
}

static void wait_for_it(struct big *b, struct big_claim *claim, struct MHD_Connection *conn)
{
	claim->state = BIG_WAITING;
	claim->conn = conn;
	claim->since_ms = clock_mono_ms();
	TAILQ_INSERT_TAIL(&b->queue, claim, link);
	b->waiting++;
	MHD_suspend_connection(conn);
}

enum big_state big_take(struct big *b, struct big_claim *claim, struct MHD_Connection *conn)
{
	enum big_state state;

	pthread_mutex_lock(&b->lock);
	if (claim->state == BIG_NONE && b->left > 0) {
		claim->state = BIG_HELD;
		b->left--;
	} else if (claim->state == BIG_NONE && (b->ending || b->waiting >= WAITING_MAX)) {
		claim->state = BIG_REFUSED;
	} else if (claim->state == BIG_NONE) {
		wait_for_it(b, claim, conn);
	}
	state = claim->state;
	pthread_mutex_unlock(&b->lock);
	return state;
}

void big_give(struct big *b, struct big_claim *claim)
{
	pthread_mutex_lock(&b->lock);
	if (claim->state == BIG_HELD) {
		if (TAILQ_EMPTY(&b->queue))
			b->left++;
		else
			settle(b, TAILQ_FIRST(&b->queue), BIG_HELD);
		claim->state = BIG_NONE;
	} else if (claim->state == BIG_WAITING) {
		TAILQ_REMOVE(&b->queue, claim, link);
		b->waiting--;
		claim->state = BIG_NONE;
	}
	pthread_mutex_unlock(&b->lock);
}

void big_look(struct big *b, int64_t now_ms)
{
	struct big_claim *claim;

	pthread_mutex_lock(&b->lock);
	while ((claim = TAILQ_FIRST(&b->queue)) && now_ms - claim->since_ms >= WAIT_MS)
		settle(b, claim, BIG_REFUSED);
	pthread_mutex_unlock(&b->lock);
}

void big_end(struct big *b)
{
	struct big_claim *claim;

	pthread_mutex_lock(&b->lock);
	b->ending = true;
	while ((claim = TAILQ_FIRST(&b->queue)))
		settle(b, claim, BIG_REFUSED);
	pthread_mutex_unlock(&b->lock);
}
