/* kept.h - what a pod says, kept: the same as a struct codis_pod (pod.h), its texts in one block that is as long as
 * they are. Read, a pod takes 7 KB; kept, most take half a kilobyte, and a cluster has many thousands. */
#ifndef CODIS_CODIS_KEPT_H
#define CODIS_CODIS_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codis/pod.h"

/* As struct said_text. No text is NULL. */
struct kept_text {
	const char *text, *object, *key, *why;
	enum said said : 8;
	enum said_where where : 8;
	bool maybe;
};

/* As struct codis_pod. No text is NULL. */
struct kept_pod {
	const char *namespace, *name, *uid, *node, *nominated, *ip, *owner, *topology_key, *wider_keys, *container,
		*waits, *tolerates, *labels;
	struct kept_text product, server_replica_said, coordinator, password;
	struct pod_status status;
	int ordinal, server_replica, group;
	uint32_t memory_mib;
	uint16_t port, group_said;
	enum codis_component component : 8;
	enum codis_role role : 8;
	bool strict : 1, unruled : 1, choosy : 1, ruled : 1, keep_ha : 1, runs_ha : 1, keeps_data : 1, guarded : 1;
};

/* Where it stands, or is about to; "": nobody knows. */
static inline const char *kept_pod_place(const struct kept_pod *pod)
{
	return pod->node[0] ? pod->node : pod->nominated;
}

/* How many bytes its texts take, and keeping it: the texts are copied to block, which has that size and must last as
 * long as *kept. */
size_t kept_pod_size(const struct codis_pod *pod);
void kept_pod_fill(struct kept_pod *kept, char *block, const struct codis_pod *pod);
/* Whether it says the same. */
bool kept_pod_is(const struct kept_pod *kept, const struct codis_pod *pod);

/* The same of one value. kept_text_fill returns where its texts end in block. */
size_t kept_text_size(const struct said_text *said);
char *kept_text_fill(struct kept_text *kept, char *block, const struct said_text *said);
bool kept_text_equal(const struct kept_text *a, const struct kept_text *b);
bool kept_text_is(const struct kept_text *kept, const struct said_text *said);
/* Looks at *said, copies nothing. */
struct kept_text kept_text_of(const struct said_text *said);

#endif
