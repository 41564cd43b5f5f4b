/* moves.h - which slots go where, so that new groups get their share and those that go have none, with the fewest
 * moves. Pure, and the same for the same question: after some of the moves were done the answer is the rest of them. */
#ifndef CODIS_CONTROLLER_MOVES_H
#define CODIS_CONTROLLER_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/topology.h"

enum moves_role {
	MOVES_STAYS,  /* gives what others lack, and takes what those lose that go; never to another one that stays */
	MOVES_FILLS,  /* gets its share */
	MOVES_DRAINS, /* ends with none */
};

struct moves_group {
	int gid;
	enum moves_role role;
	int slots; /* filled in by moves_plan(): as all will have been done */
	int next;  /* its own */
};

struct move {
	int16_t slot, to;
};

/* groups: in ascending order, each once; slots of others stay where they are. has: whose a slot is, or will be when
 * what is under way is done (0: nobody's). fixed: it is under way, and counts where it goes. Returns how many moves
 * there are, and the first max of them in out, between the groups that differ most first. Where those that stay had the
 * same number, but for one, all end so. */
int moves_plan(struct moves_group *groups, int count, const int16_t has[CODIS_SLOTS], const bool fixed[CODIS_SLOTS],
	       struct move *out, int max);

#endif
