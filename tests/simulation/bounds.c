/* bounds.c - what is said of time, and of what was lost: how long clients wait when one thing befalls a world in which
 * all was well, that a bound on writes is there when it can be and gone when it cannot, and that a group whose keys are
 * gone says so. */
#include <stdio.h>
#include <string.h>

#include "tests/simulation/sim.h"

/* A gap in the writes that begins so long after a fault is another one's: what is healed later, say. */
#define OF_FAULT_US S(4)
#define FREED_US    S(6)

static struct {
	int64_t acked_us[SIM_GROUPS + 1];
	int64_t fault_us, limit_us; /* of the only fault; 0: there is none that is measured */
	const char *fault;
	int64_t refused_us[PODS]; /* since when a master takes no writes for want of replicas */
	bool emptied[SIM_GROUPS + 1], emptied_lately[SIM_GROUPS + 1]; /* its keys may not be known yet */
	bool crashed; /* a controller: it may not have known what there was */
} b;

void bounds_reset(void)
{
	memset(&b, 0, sizeof(b));
}

/* --- how long clients wait --- */

void bounds_fault(const char *words, int64_t limit_us)
{
	char why[1200];

	/* What is in flight ends late there, but for a server that hangs: that one is ended. */
	if (W.set.backend_us > S(2))
		limit_us = strcmp(words, "a server was stopped") == 0 ? limit_us + S(5) : 0;
	if (!limit_us || W.set.replicas < 2 || W.set.controllers < 2 || W.set.proxies < 2 ||
	    !check_green(why, sizeof(why)))
		return;
	b.fault_us = W.now;
	b.limit_us = W.set.mesh && limit_us < S(3) ? S(3) : limit_us; /* there what ended is silent */
	b.fault = words;
}

void bounds_acked(int gid)
{
	int64_t last = b.acked_us[gid], gap = W.now - last;

	b.acked_us[gid] = W.now;
	if (!b.fault_us || !last || W.now < b.fault_us || last > b.fault_us + OF_FAULT_US)
		return;
	if (W.measure)
		printf("gap %s %lld\n", b.fault, (long long)(gap / 1000));
	else if (gap > b.limit_us)
		broken("group %d took no write for %.2f s: %s", gid, (double)gap / 1e6, b.fault);
}

/* --- a bound on writes --- */

void bounds_written(const struct pod *p, bool refused)
{
	int64_t *since = &b.refused_us[p - W.pods];

	if (!refused) {
		*since = 0;
		return;
	}
	if (!*since)
		*since = W.now;
	/* One that hung could not be freed. */
	if (W.now - *since > FREED_US && W.now - p->sick_us > FREED_US && check_all_reach(p, FREED_US))
		broken("%s takes no writes for %d s for want of replicas, and nobody frees it", p->name,
		       (int)(FREED_US / S(1)));
}

/* --- what was lost --- */

void bounds_controller_ended(void)
{
	b.crashed = true;
}

/* It leads, with nothing. How many keys there are is known within a second. */
void bounds_emptied(int gid)
{
	int64_t first = INT64_MAX, last = 0;

	for (int i = 0; i < W.write_count; i++) {
		const struct write *w = &W.writes[i];

		if (w->group != gid || !w->acked)
			continue;
		first = w->acked_us < first ? w->acked_us : first;
		last = w->acked_us > last ? w->acked_us : last;
	}
	b.emptied_lately[gid] |= last > 0;
	b.emptied[gid] |= last - first > S(4) && W.now - first > S(15);
}

/* Of a file that has a tenth of them: a controller that first hears it when it leads takes it for one that had none. */
void bounds_led_by_file(int gid, int keys)
{
	int had = 0;

	for (int i = 0; i < W.write_count; i++)
		had += W.writes[i].group == gid && W.writes[i].acked;
	b.emptied_lately[gid] |= keys <= had / 10;
}

void bounds_taken_back(int gid)
{
	b.emptied[gid] = false;
}

static bool is_noted(int gid)
{
	char note[8];

	snprintf(note, sizeof(note), "%d=", gid);
	return strstr(W.lost_note, note) || strstr(W.beside.lost_note, note);
}

static bool says_nothing(int gid)
{
	return b.emptied[gid] && !check_has_oldest(gid) && !b.crashed && !strchr(W.allow_note, '0' + gid) &&
	       !is_noted(gid);
}

bool bounds_all_noted(void)
{
	for (int gid = 1; gid <= SIM_GROUPS; gid++) {
		if (has_group(gid) && says_nothing(gid))
			return false;
	}
	return true;
}

void bounds_end(void)
{
	for (int gid = 1; gid <= SIM_GROUPS; gid++) {
		if (!has_group(gid))
			continue;
		if (says_nothing(gid))
			broken("the keys of group %d are gone, and nobody says so", gid);
		if (!b.emptied_lately[gid] && is_noted(gid))
			broken("group %d is said to have lost its keys, and has not", gid);
	}
}
