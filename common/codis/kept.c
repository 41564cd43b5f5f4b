#include "common/codis/kept.h"

#include <string.h>

/* Every member of struct codis_pod, pod_status and said_text stands in one of these lists (and in the test of them). */
#define POD_TEXTS(X)                                                                                                   \
	X(namespace)                                                                                                   \
	X(name)                                                                                                        \
	X(uid)                                                                                                         \
	X(node) X(nominated) X(ip) X(owner) X(topology_key) X(wider_keys) X(container) X(waits) X(tolerates) X(labels)
#define POD_SAYS(X)    X(product) X(server_replica_said) X(coordinator) X(password)
#define POD_VALUES(X)  X(ordinal) X(server_replica) X(group_said) X(group) X(component) X(role) X(port) X(memory_mib)
#define POD_FLAGS(X)   X(strict) X(unruled) X(choosy) X(ruled) X(keep_ha) X(runs_ha) X(keeps_data) X(guarded)
#define POD_PHASE(X)   X(status.finished) X(status.deleting) X(status.running) X(status.crash_looping)
#define POD_STATE(X)   X(status.ready) X(status.image_missing) X(status.unschedulable)
#define POD_NUMBERS(X) X(status.restarts) X(status.unprepared_s) X(status.started_wall_ms)
#define SAID_TEXTS(X)  X(text) X(object) X(key) X(why)
#define SAID_VALUES(X) X(said) X(where) X(maybe)

/* The commonest texts need no room. */
static const char *shared(const char *text)
{
	return !text[0] ? "" : strcmp(text, CODIS_HOSTNAME_KEY) == 0 ? CODIS_HOSTNAME_KEY : NULL;
}

static size_t size_of(const char *text)
{
	return shared(text) ? 0 : strlen(text) + 1;
}

static const char *put(char **at, const char *text)
{
	const char *put = shared(text);
	size_t size = size_of(text);

	if (put)
		return put;
	put = memcpy(*at, text, size);
	*at += size;
	return put;
}

size_t kept_text_size(const struct said_text *said)
{
	size_t size = 0;

#define ADD(member) size += size_of(said->member);
	SAID_TEXTS(ADD)
#undef ADD
	return size;
}

char *kept_text_fill(struct kept_text *kept, char *block, const struct said_text *said)
{
#define PUT(member) kept->member = put(&block, said->member);
	SAID_TEXTS(PUT)
#undef PUT
#define SET(member) kept->member = said->member;
	SAID_VALUES(SET)
#undef SET
	return block;
}

bool kept_text_is(const struct kept_text *kept, const struct said_text *said)
{
	bool is = true;

#define SAME(member) is = is && kept->member == said->member;
	SAID_VALUES(SAME)
#undef SAME
#define SAME(member) is = is && strcmp(kept->member, said->member) == 0;
	SAID_TEXTS(SAME)
#undef SAME
	return is;
}

bool kept_text_equal(const struct kept_text *a, const struct kept_text *b)
{
	bool is = true;

#define SAME(member) is = is && a->member == b->member;
	SAID_VALUES(SAME)
#undef SAME
#define SAME(member) is = is && strcmp(a->member, b->member) == 0;
	SAID_TEXTS(SAME)
#undef SAME
	return is;
}

struct kept_text kept_text_of(const struct said_text *said)
{
	return (struct kept_text){
#define LOOK(member) .member = said->member,
		SAID_TEXTS(LOOK) SAID_VALUES(LOOK)
#undef LOOK
	};
}

size_t kept_pod_size(const struct codis_pod *pod)
{
	size_t size = 0;

#define ADD(member) size += size_of(pod->member);
	POD_TEXTS(ADD)
#undef ADD
#define ADD(member) size += kept_text_size(&pod->member);
	POD_SAYS(ADD)
#undef ADD
	return size;
}

void kept_pod_fill(struct kept_pod *kept, char *block, const struct codis_pod *pod)
{
#define PUT(member) kept->member = put(&block, pod->member);
	POD_TEXTS(PUT)
#undef PUT
#define PUT(member) block = kept_text_fill(&kept->member, block, &pod->member);
	POD_SAYS(PUT)
#undef PUT
#define SET(member) kept->member = pod->member;
	POD_VALUES(SET)
	POD_FLAGS(SET)
	POD_PHASE(SET)
	POD_STATE(SET)
	POD_NUMBERS(SET)
#undef SET
}

bool kept_pod_is(const struct kept_pod *kept, const struct codis_pod *pod)
{
	bool is = true;

#define SAME(member) is = is && kept->member == pod->member;
	POD_VALUES(SAME)
	POD_FLAGS(SAME)
	POD_PHASE(SAME)
	POD_STATE(SAME)
	POD_NUMBERS(SAME)
#undef SAME
#define SAME(member) is = is && strcmp(kept->member, pod->member) == 0;
	POD_TEXTS(SAME)
#undef SAME
#define SAME(member) is = is && kept_text_is(&kept->member, &pod->member);
	POD_SAYS(SAME)
#undef SAME
	return is;
}
