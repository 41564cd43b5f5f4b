#include "controller/cost.h"

bool cost_spend(struct cost *c, int64_t spent_us, int64_t now_ms)
{
	bool before = c->over;

	if (!c->seen_ms)
		c->left_us = COST_BURST_US;
	else
		c->left_us += (now_ms - c->seen_ms) * 10 * COST_PERCENT;
	c->seen_ms = now_ms;
	if (c->left_us > COST_BURST_US)
		c->left_us = COST_BURST_US;
	c->left_us -= spent_us;
	if (c->left_us < -COST_DEBT_US)
		c->left_us = -COST_DEBT_US;
	if (c->left_us < 0)
		c->over = true;
	else if (c->left_us >= COST_BURST_US / 2)
		c->over = false;
	return c->over != before;
}
