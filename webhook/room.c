#include "webhook/room.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/kube/admission.h"
#include "common/kube/quantity.h"
#include "webhook/settings.h"

#define VALUE_MAX 32
/* Of the limit: what is above is less than the process takes beside its data. */
#define MOST_OF(mib) ((mib) / 10 * 9)
/* Of maxmemory: what clients write while so much is saved, sent and loaded is seldom less. */
#define LITTLE_BUFFER  8
#define LITTLE_BACKLOG 1024
#define USUAL_BACKLOG  64

/* Redis 3.2's own. */
#define BACKLOG "1mb"
#define BUFFER  "256mb"

/* Redis 5 has another name. */
static bool is_replicas(const struct cmdline *c, const struct cmdline_start *s, int i)
{
	return cmdline_word_is(c, s, i, "slave") || cmdline_word_is(c, s, i, "replica");
}

/* How much a replica may have to be sent before it is cut off; 0: without a limit. False: it is not known. */
static bool find_buffer(const struct cmdline *c, const struct cmdline_start *s, int64_t *mib)
{
	char hard[VALUE_MAX];
	int at = -1;

	for (int i = 0; i < s->count + s->handed; i++) {
		if (cmdline_word_is(c, s, i, "--client-output-buffer-limit") && is_replicas(c, s, i + 1))
			at = i + 2;
	}
	if (at >= 0)
		return settings_word(c, s, at, hard, sizeof(hard)) && settings_mib(hard, mib);
	/* Of another kind of client, or in one word. */
	if (cmdline_flag(c, s, "--client-output-buffer-limit", NULL) >= 0)
		return false;
	return settings_value(c, s, "--client-output-buffer-limit", BUFFER, hard, sizeof(hard)) &&
	       settings_mib(hard, mib);
}

static bool find_mib(const struct cmdline *c, const struct cmdline_start *s, const char *flag, const char *otherwise,
		     int64_t *mib)
{
	char text[VALUE_MAX];

	return settings_value(c, s, flag, otherwise, text, sizeof(text)) && settings_mib(text, mib);
}

static void warn_of_limit(int64_t data, int64_t limit, struct admission_verdict *v)
{
	if (!data)
		admission_warn(v,
			       "write --maxmemory %lldmb: what grows to its limit of %lld MiB is killed, with its data",
			       (long long)(limit / 2), (long long)limit);
	else if (data > MOST_OF(limit))
		admission_warn(v,
			       "lower --maxmemory to %lldmb: with %lld of %lld MiB of memory it may be killed before "
			       "it is full",
			       (long long)(limit / 2), (long long)data, (long long)limit);
}

static void warn_of_resync(const struct cmdline *c, const struct cmdline_start *s, int64_t data,
			   struct admission_verdict *v)
{
	int64_t buffer, backlog;

	if (find_buffer(c, s, &buffer) && buffer && buffer < data / LITTLE_BUFFER)
		admission_warn(v,
			       "raise client-output-buffer-limit slave: %lld MiB written during a resync of %lld MiB "
			       "end it",
			       (long long)buffer, (long long)data);
	if (find_mib(c, s, "--repl-backlog-size", BACKLOG, &backlog) && backlog < data / LITTLE_BACKLOG)
		admission_warn(v,
			       "write --repl-backlog-size %dmb: a replica that misses more than %lld MiB takes up to "
			       "%lld MiB anew",
			       USUAL_BACKLOG, (long long)backlog, (long long)data);
}

void room_warn(const cJSON *container, const struct cmdline *c, struct admission_verdict *v)
{
	int64_t limit = quantity_mib(json_get(container, "resources", "limits", "memory", NULL)), data;
	const struct cmdline_start *s = &c->starts[0];

	if (c->count != 1 || !find_mib(c, s, "--maxmemory", "0", &data))
		return;
	if (limit)
		warn_of_limit(data, limit, v);
	warn_of_resync(c, s, data, v);
}
