/* command.h - the commands that a Codis proxy knows, and the slot of a key. */
#ifndef CODIS_SIM_COMMAND_H
#define CODIS_SIM_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMMAND_NAME_MAX 64

/* Commands that a proxy treats itself; all others are passed on by their key. */
enum command_kind {
	CMD_OTHER,
	CMD_QUIT,
	CMD_AUTH,
	CMD_SELECT,
	CMD_PING,
	CMD_INFO,
	CMD_MGET,
	CMD_MSET,
	CMD_DEL,
	CMD_EXISTS,
	CMD_SLOTSINFO,
	CMD_SLOTSSCAN,
	CMD_SLOTSMAPPING,
};

struct command {
	char name[COMMAND_NAME_MAX + 1]; /* upper case */
	enum command_kind kind;
	bool refused, master_only;
	int key; /* which word is the key */
	int64_t calls, nsecs, fails, errors;
};

struct commands {
	struct command all[512];
	int count;
	int16_t hash[2048]; /* index into all, plus one */
};

void commands_init(struct commands *c);
/* The command of that name in any case; one that is not known is taken to write, and is remembered for the statistics.
 * NULL: the name is empty or too long. */
struct command *commands_find(struct commands *c, const char *name, size_t len);
void commands_reset(struct commands *c);

/* crc32 (IEEE) of the key, or of what its first {} holds, modulo 1024. */
int slot_of_key(const char *key, size_t len);

#endif
