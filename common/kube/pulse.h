/* pulse.h - whether a program does its work: its loop turns, and it hears the API server, or at least hears that it
 * cannot be reached.
 *
 * What is answered by a new start and what is not: a loop that has not turned for 10 s is stuck, and /healthz says so
 * to the kubelet. A loop that turns while for 10 minutes no watch has said anything AND no call has failed is deaf by a
 * fault of ours, for a watch that is mute is given up after 2 minutes, and a list then shows that nothing was missed,
 * which is as good as heard, or that counts as a failure: such a program ends itself. An API server that is down, or
 * hangs, makes calls fail. Nothing is ended for that, however long it lasts: a new start would mend nothing, and what
 * the programs know (who is whose, what was promised) is what failovers go by meanwhile.
 */
#ifndef CODIS_KUBE_PULSE_H
#define CODIS_KUBE_PULSE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define PULSE_TURN_MS 1000
/* A turn that parses a page of a list takes some hundred ms. */
#define PULSE_STUCK_MS 10000
/* In turns, not in time: a process that was frozen has not listened. */
#define PULSE_DEAF_TURNS 600
/* What counts as heard: each watch has bookmarks, about one a minute, or is made good by a list (informer.h). */
#define PULSE_HEARD_MS 150000

struct pulse {
	atomic_llong turned_ms;
	int quiet_turns;
};

void pulse_init(struct pulse *p, int64_t now_ms);
/* Each PULSE_TURN_MS, on the loop. heard: every watch has said something lately, or a call has failed since the turn
 * before. 0, or -1 and *err: it is deaf. */
int pulse_turn(struct pulse *p, int64_t now_ms, bool heard, struct error *err);
/* Any thread. */
bool pulse_alive(const struct pulse *p, int64_t now_ms, char *why_not, size_t size);

#endif
