#include "common/codis/waits.h"

#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/pod.h"

static bool is(const char *s, const char *text)
{
	return s && strcmp(s, text) == 0;
}

bool waits_is_of_image(const char *reason)
{
	return is(reason, "ErrImagePull") || is(reason, "ImagePullBackOff") || is(reason, "InvalidImageName") ||
	       is(reason, "ErrImageNeverPull");
}

/* So that a line of it can be shown, and is not as long as a kubelet likes. */
static void add_shown(struct buf *out, const char *text, size_t max)
{
	size_t at = out->len, room = out->max - at, len = text_fit(text, max < room ? max : room);

	(void)text_clean(out, text, len); /* which makes nothing longer */
	for (char *c = out->data + at; *c; c++)
		*c = *c == ';' ? ',' : *c; /* which is between the sentences of a status */
}

#define WORD_MAX 40

void waits_read(const cJSON *status, char out[WAITS_MAX])
{
	const cJSON *waiting = json_get(status, "state", "waiting", NULL),
		    *ended = json_get(status, "lastState", "terminated", NULL);
	const char *reason = json_str(waiting, "reason", NULL), *how = json_str(ended, "reason", NULL);
	bool of_image = waits_is_of_image(reason);
	const char *what = json_str(of_image ? status : waiting, of_image ? "image" : "message", NULL);
	struct buf words = { .data = out, .cap = WAITS_MAX, .max = WAITS_MAX - 1, .borrowed = true };

	out[0] = '\0';
	if (!reason || !*reason || is(reason, "ContainerCreating") || is(reason, "PodInitializing"))
		return;
	/* Which a kubelet says by turns with the other: it is the same, and no change. */
	add_shown(&words, is(reason, "ErrImagePull") ? "ImagePullBackOff" : reason, WORD_MAX);
	/* What the kubelet says of a hook is the hook's whole script; and a process that ends while it runs is why. */
	if (is(reason, "CrashLoopBackOff") || is(reason, "PostStartHookError")) {
		if (ended)
			buf_addf(&words, ", it ended with %d", (int)json_int(0, ended, "exitCode", NULL));
		if (ended && how) {
			buf_addstr(&words, " (");
			add_shown(&words, how, WORD_MAX);
			buf_addstr(&words, ")");
		}
	} else if (what && *what) {
		buf_addstr(&words, ", ");
		add_shown(&words, what, WAITS_MAX);
	}
}

/* Which one is lacking stands in Events alone. */
#define UNPREPARED_MS 30000
#define UNPREPARED                                                                                                     \
	"ContainerCreating, for more than 30 s: a volume (ConfigMap, Secret, disk) or its network is not there, and "  \
	"its Events say which"

uint32_t waits_unprepared(const cJSON *pod_status)
{
	const char *since = json_str(pod_status, "startTime", NULL);
	int64_t ms;

	if (!is(json_str(pod_status, "phase", NULL), "Pending") ||
	    !is(json_str(codis_condition_in(pod_status, "PodReadyToStartContainers"), "status", NULL), "False") ||
	    !since || clock_parse_rfc3339(since, &ms, NULL) < 0 || ms < 0 || ms / 1000 > UINT32_MAX)
		return 0;
	return (uint32_t)(ms / 1000);
}

const char *waits_words(const char *waits, uint32_t unprepared_s, int64_t now_wall_ms)
{
	bool late = unprepared_s && now_wall_ms - INT64_C(1000) * unprepared_s > UNPREPARED_MS;

	return late && !waits[0] ? UNPREPARED : waits;
}

int waits_word_len(const char *waits)
{
	return (int)strcspn(waits, ",");
}
