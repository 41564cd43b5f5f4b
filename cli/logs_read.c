#include "cli/logs_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "cli/logline.h"
#include "common/base/clock.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/watch.h"
#include "common/net/http.h"

#define LINE_MAX_BYTES (64u << 10) /* the controller's own have 2 kB at most */
#define WORD_MAX       256

/* --- what is wanted ----------------------------------------------------------------------------------------------- */

/* Without these nobody could tell who led, and what is missing: they are about all products. */
static bool is_about_all(const char *event)
{
	static const char *const events[] = { "start", "start.failed", "stop", "lease", "lease.given_up", "log.lost" };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		if (strcmp(events[i], event) == 0)
			return true;
	}
	return false;
}

static bool is_wanted(const struct logs *l, const char *text, size_t len)
{
	char event[WORD_MAX], namespace[WORD_MAX], product[WORD_MAX];

	if (l->every || is_about_all(logline_get(text, len, "event", event, sizeof(event))))
		return true;
	logline_get(text, len, "namespace", namespace, sizeof(namespace));
	logline_get(text, len, "product", product, sizeof(product));
	/* of a pod that is nobody's there is no product */
	return namespace[0] && (!l->namespace || strcmp(l->namespace, namespace) == 0) &&
	       (!l->product || strcmp(l->product, product) == 0);
}

/* --- lines -------------------------------------------------------------------------------------------------------- */

/* Whether it came before: a reading begins again with the very second that the last line was of. */
static bool was_there(struct logs_source *s, int64_t at_ns)
{
	if (!s->passing)
		return false;
	if (at_ns < s->last_ns || (at_ns == s->last_ns && s->passed++ < s->last_count))
		return true;
	s->passing = false;
	return false;
}

static int hold(struct logs_source *s, int64_t at_ns, const char *text, size_t len)
{
	struct logs_line *line = malloc(sizeof(*line) + len + 1);
	struct logs *l = s->logs;

	if (!line)
		return -1;
	*line = (struct logs_line){ .at_ns = at_ns, .arrived_ms = clock_mono_ms(), .len = len };
	memcpy(line->text, text, len);
	line->text[len] = '\0';
	STAILQ_INSERT_TAIL(&s->lines, line, next);
	s->count++;
	l->held_bytes += sizeof(*line) + len;
	if (l->tail >= 0 && s->count > l->tail)
		logs_drop(s);
	while (l->held_bytes > l->held_max)
		l->on_full(l);
	return 0;
}

static int on_line(void *ctx, const char *line, size_t len)
{
	struct logs_source *s = ctx;
	int64_t at_ns;
	size_t text;

	/* a kubelet's own word that it cannot read on has no time, and comes with the next reading again */
	if (!logline_time(line, len, &at_ns, &text) || was_there(s, at_ns))
		return 0;
	s->last_count = at_ns == s->last_ns ? s->last_count + 1 : 1;
	s->last_ns = at_ns;
	s->missed = false;
	if (!is_wanted(s->logs, line + text, len - text))
		return 0;
	if (hold(s, at_ns, line + text, len - text) < 0)
		return error_set(&s->err, ERR_NOMEM, "no memory for its lines");
	return 0;
}

static int on_data(void *ctx, const char *data, size_t len)
{
	struct logs_source *s = ctx;

	return watch_lines(&s->part, data, len, on_line, s, &s->err);
}

static void on_done(void *ctx, const cJSON *object, const struct error *err)
{
	struct logs_source *s = ctx;

	(void)object;
	s->call = NULL;
	if (err && !s->err.code)
		s->err = *err;
	buf_reset(&s->part);
	ask_wake(s->logs->cli);
}

struct logs_line *logs_first(const struct logs *l, struct logs_source **whose)
{
	struct logs_line *first = NULL;

	for (int i = 0; i < l->count; i++) {
		struct logs_line *line = STAILQ_FIRST(&l->sources[i]->lines);

		if (line && (!first || line->at_ns < first->at_ns)) {
			first = line;
			*whose = l->sources[i];
		}
	}
	return first;
}

void logs_drop(struct logs_source *s)
{
	struct logs_line *line = STAILQ_FIRST(&s->lines);

	STAILQ_REMOVE_HEAD(&s->lines, next);
	s->count--;
	s->logs->held_bytes -= sizeof(*line) + line->len;
	free(line);
}

/* --- sources ------------------------------------------------------------------------------------------------------ */

struct logs_source *logs_add(struct logs *l, const char *pod, const char *node, const char *container, bool previous)
{
	struct logs_source *s = l->count < LOGS_MAX ? calloc(1, sizeof(*s)) : NULL;

	if (!s)
		return NULL;
	s->logs = l;
	text_copy(s->pod, sizeof(s->pod), pod);
	text_copy(s->node, sizeof(s->node), node);
	text_copy(s->container, sizeof(s->container), container);
	s->previous = previous;
	buf_init(&s->part, LINE_MAX_BYTES);
	STAILQ_INIT(&s->lines);
	l->sources[l->count++] = s;
	return s;
}

void logs_end(struct logs_source *s)
{
	http_cancel(s->call);
	s->call = NULL;
	buf_reset(&s->part);
}

void logs_remove(struct logs *l, int i)
{
	struct logs_source *s = l->sources[i];

	logs_end(s);
	while (!STAILQ_EMPTY(&s->lines))
		logs_drop(s);
	buf_release(&s->part);
	free(s);
	l->sources[i] = l->sources[--l->count];
}

void logs_release(struct logs *l)
{
	while (l->count)
		logs_remove(l, l->count - 1);
}

static void add_since(const struct logs_source *s, struct buf *path)
{
	char since[32];

	if (s->last_ns)
		buf_addf(path, "&sinceTime=%.19sZ", clock_rfc3339(s->last_ns / 1000000, since, sizeof(since)));
	else if (s->logs->since_s)
		buf_addf(path, "&sinceSeconds=%d", s->logs->since_s);
}

void logs_begin(struct logs_source *s, bool follow)
{
	struct cli *c = s->logs->cli;
	char text[1024];
	struct buf path = BUF_IN(text);

	buf_addf(&path, "/api/v1/namespaces/%s/pods/%s/log?container=%s&timestamps=true%s%s", c->options.system, s->pod,
		 s->container, s->previous ? "&previous=true" : "", follow ? "&follow=true" : "");
	add_since(s, &path);
	s->err = (struct error)ERROR_INIT;
	s->passing = s->last_ns != 0;
	s->passed = 0;
	if (buf_check(&path, "the path of its log", &s->err) == 0)
		s->call = kube_stream(c->kube, path.data, follow ? 0 : LOGS_WHOLE_MS, follow ? 0 : LOGS_SILENT_MS,
				      on_data, on_done, s, &s->err);
}

bool logs_ended(const void *logs)
{
	const struct logs *l = logs;

	for (int i = 0; i < l->count; i++) {
		if (l->sources[i]->call)
			return false;
	}
	return true;
}
