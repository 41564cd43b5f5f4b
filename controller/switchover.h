/* switchover.h - codis.io/switchover: a person wishes that a group has another master. What is to be done about it now.
 * Pure.
 *
 * It is done once or not at all. Before it is begun, the wish is noted as begun, over nothing but itself, with who is
 * to lead: whoever finds one that another controller has begun only looks what became of it. One that is not possible
 * is refused at once; one that has to wait for something, 10 s later. */
#ifndef CODIS_CONTROLLER_SWITCHOVER_H
#define CODIS_CONTROLLER_SWITCHOVER_H

#include "common/codis/wish.h"
#include "controller/judge.h"

#define SWITCHOVER_WHY "a person wishes it"

enum switchover_step {
	SWITCHOVER_NONE, /* nothing is wished, or it is not this controller's to see to */
	SWITCHOVER_WAIT,
	SWITCHOVER_CHOOSE, /* note it as begun, with next */
	SWITCHOVER_SWITCH, /* to next */
	SWITCHOVER_ANSWER, /* take the wish away, with verdict and words */
};

struct switchover {
	enum switchover_step step;
	const struct group_view *group;
	const struct server_view *master, *next;
	enum wish_verdict verdict;
	char words[400]; /* of the answer; WAIT: for what */
};

void switchover_look(const struct cluster_view *v, const struct decide_limits *limits, struct switchover *out);

#endif
