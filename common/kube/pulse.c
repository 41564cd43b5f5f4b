#include "common/kube/pulse.h"

#include <stdio.h>

#include "common/base/error.h"

void pulse_init(struct pulse *p, int64_t now_ms)
{
	atomic_store(&p->turned_ms, now_ms);
	p->quiet_turns = 0;
}

int pulse_turn(struct pulse *p, int64_t now_ms, bool heard, struct error *err)
{
	atomic_store(&p->turned_ms, now_ms);
	p->quiet_turns = heard ? 0 : p->quiet_turns + 1;
	if (p->quiet_turns < PULSE_DEAF_TURNS)
		return 0;
	return error_set(err, ERR_TIMEOUT,
			 "for %d minutes nothing came from the API server, and no call to it has failed either",
			 PULSE_DEAF_TURNS * PULSE_TURN_MS / 60000);
}

bool pulse_alive(const struct pulse *p, int64_t now_ms, char *why_not, size_t size)
{
	long long age = now_ms - atomic_load(&p->turned_ms);

	if (age < PULSE_STUCK_MS)
		return true;
	snprintf(why_not, size, "the event loop has not turned for %lld ms", age);
	return false;
}
