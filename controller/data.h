/* data.h - which data a group had, and whether the process that leads it now has it: an empty server may never be given
 * the slots of a group that had keys without anybody being told. Pure; what is remembered is written here, where an
 * INFO is heard, and shown in the view. */
#ifndef CODIS_CONTROLLER_DATA_H
#define CODIS_CONTROLLER_DATA_H

#include <stdbool.h>
#include <stdint.h>

#include "common/codis/info.h"

/* Of a server's process, while it was no verified master. */
struct data_process {
	char run_id[CODIS_RUN_ID_SIZE];
	int64_t keys; /* in its last INFO without the role; -1: none was heard since it had one, or it was about to have
			 others */
	bool followed; /* it followed a master then */
	bool led;      /* it had a role when it was first heard: nobody knows what it had before that */
	/* The master that it was last seen in sync with, and the keys that it had of it. */
	char heir_of[CODIS_RUN_ID_SIZE];
	int64_t heir_keys;
};

/* Of a group. All zero: nothing is known yet. */
struct data_group {
	bool known;
	char run_id[CODIS_RUN_ID_SIZE]; /* the process that had the keys; "" : not known which */
	int64_t keys;
	bool leave; /* they were noted by another controller, and leave the group since, with its slots */
	/* Keys that are gone since another process leads, and when that was seen; 0: none, or it is noted on the
	 * StatefulSet, where it stays until somebody acknowledges it. */
	int64_t lost_keys, lost_wall_ms;
	char lost_run_id[CODIS_RUN_ID_SIZE]; /* the process that had them: should it lead again, they are back */
	bool told;                           /* by an Event, from this program */
};

/* A server that is no verified master. synced_with: the run id of its group's verified
 * master, when it is in sync with that; else "". */
void data_hear_process(struct data_process *p, const struct redis_info *info, const char *synced_with);

/* The INFO behind its role: it tells what it had where nothing is known of before. */
void data_hear_role(struct data_process *p, const struct redis_info *info);

/* The verified master of a group. It has lost data when it is another process than the one that had keys, and had none
 * itself when it got the role, or few when it was first heard, and led by then; unless it was in sync with that one and
 * had none then (a user's FLUSHALL), or followed a master, and has most of them: it got them before it led. A process
 * that stays may have as few keys as it likes. */
void data_hear_master(struct data_group *g, struct data_process *p, const struct redis_info *info, int64_t wall_ms);

/* What the controller before us noted on the StatefulSet: taken where nothing is known yet. */
void data_recall(struct data_group *g, int64_t keys);

/* The user has given the group's data up: there is nothing that could be lost, whatever was noted. */
void data_give_up(struct data_group *g);

/* The loss is noted on the StatefulSet. */
void data_noted(struct data_group *g);

#endif
