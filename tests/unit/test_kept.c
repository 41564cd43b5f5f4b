#include "common/codis/kept.h"

#include <stdlib.h>
#include <string.h>

#include "common/codis/inventory_parts.h"
#include "tests/unit/pod_text.h"
#include "tests/unit/test.h"

struct place {
	size_t offset, size;
};

#define M(member)                                                                                                      \
	{                                                                                                              \
		offsetof(struct codis_pod, member), sizeof(((struct codis_pod *)0)->member)                            \
	}
#define SAID(member)                                                                                                   \
	M(member.said), M(member.text), M(member.where), M(member.object), M(member.key), M(member.maybe), M(member.why)

/* All of struct codis_pod, in its order. */
static const struct place members[] = {
	M(namespace),
	M(name),
	M(uid),
	M(node),
	M(nominated),
	M(ip),
	M(owner),
	M(component),
	M(ordinal),
	SAID(product),
	SAID(server_replica_said),
	M(server_replica),
	M(group_said),
	M(group),
	M(port),
	SAID(coordinator),
	SAID(password),
	M(strict),
	M(topology_key),
	M(wider_keys),
	M(unruled),
	M(choosy),
	M(ruled),
	M(keep_ha),
	M(runs_ha),
	M(memory_mib),
	M(tolerates),
	M(container),
	M(waits),
	M(role),
	M(labels),
	M(status.finished),
	M(status.deleting),
	M(status.running),
	M(status.crash_looping),
	M(status.ready),
	M(status.image_missing),
	M(status.unschedulable),
	M(status.restarts),
	M(status.unprepared_s),
	M(status.started_wall_ms),
};

static struct kept_pod *keep(const struct codis_pod *pod)
{
	size_t size = kept_pod_size(pod);
	struct kept_pod *kept = malloc(sizeof(*kept) + size);

	assert_non_null(kept);
	memset(kept, 0xa5, sizeof(*kept) + size);
	kept_pod_fill(kept, (char *)(kept + 1), pod);
	return kept;
}

TEST(no_member_of_a_pod_is_left_out_here)
{
	size_t end = 0;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		assert_in_range(members[i].offset, end, end + _Alignof(max_align_t) - 1);
		end = members[i].offset + members[i].size;
	}
	assert_in_range(sizeof(struct codis_pod), end, end + _Alignof(max_align_t) - 1);
}

TEST(whatever_differs_is_not_the_same)
{
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		struct codis_pod pod = { .component = CODIS_SERVER, .ordinal = 3, .group = 2, .topology_key = "zone" };
		char *byte = (char *)&pod + members[i].offset;
		struct kept_pod *before = keep(&pod), *after;

		assert_true(kept_pod_is(before, &pod));
		*byte ^= 1;
		assert_false(kept_pod_is(before, &pod));
		after = keep(&pod);
		assert_true(kept_pod_is(after, &pod));
		free(before);
		free(after);
	}
}

/* As long as a text may be. */
TEST(the_longest_texts_are_kept)
{
	struct codis_pod pod = { .component = CODIS_PROXY };
	struct kept_pod *kept;

	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		if (members[i].size > sizeof(int64_t))
			memset((char *)&pod + members[i].offset, 'x', members[i].size - 1);
	}
	kept = keep(&pod);
	assert_true(kept_pod_is(kept, &pod));
	assert_int_equal(strlen(kept->password.why), SAID_WHY_MAX - 1);
	free(kept);
}

TEST(what_is_kept_of_a_pod_is_what_was_read)
{
	struct codis_pod pod = pod_with("codis-proxy",
					"{\"name\":\"PRODUCT_AUTH\",\"valueFrom\":{\"secretKeyRef\":{"
					"\"name\":\"auth\",\"key\":\"password\"}}}",
					"\"args\":[\"--zookeeper\",\"zk:2181\",\"--product_name\",\"shop\"]");
	struct kept_pod *kept = keep(&pod);

	assert_true(kept_pod_is(kept, &pod));
	assert_string_equal(kept->name, pod.name);
	assert_string_equal(kept->product.text, "shop");
	assert_string_equal(kept->coordinator.text, "zk:2181");
	assert_int_equal(kept->password.said, SAID_ELSEWHERE);
	assert_int_equal(kept->password.where, WHERE_SECRET);
	assert_string_equal(kept->password.object, "auth");
	assert_string_equal(kept->password.key, "password");
	assert_string_equal(kept->password.why, pod.password.why);
	assert_string_equal(kept->topology_key, CODIS_HOSTNAME_KEY);
	free(kept);
}

/* 20,000 of them within 64 MiB, beside all else: see make bench-memory. */
TEST(a_pod_takes_no_more_than_its_words)
{
	struct codis_pod pod = pod_with("codis-server", NULL, NULL);

	assert_in_range(sizeof(struct pod), 0, 672);
	assert_in_range(kept_pod_size(&pod), 0, 160);
}
