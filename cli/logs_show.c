#include "cli/logs_show.h"

#include <stdlib.h>
#include <string.h>

#include "cli/logline.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define WORD_MAX 256
#define TIME_MAX 32

/* What has a place of its own in front. */
struct head {
	char time[TIME_MAX], level[WORD_MAX], event[WORD_MAX], namespace[WORD_MAX], product[WORD_MAX], leads[WORD_MAX];
};

static bool is_head(const struct logline_field *f)
{
	static const char *const names[] = { "ts", "level", "event", "namespace", "product", "leads" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (logline_is(f, names[i]))
			return true;
	}
	return false;
}

static void get(const struct logs_line *line, const char *name, char out[WORD_MAX])
{
	logline_get(line->text, line->len, name, out, WORD_MAX);
}

/* Of the lease itself a controller says what became of it. */
static void take_lease(const struct logs_line *line, struct head *h)
{
	char state[WORD_MAX];

	get(line, "state", state);
	if (strcmp(h->event, "lease") == 0 && state[0])
		text_copy(h->leads, sizeof(h->leads), strcmp(state, "following") == 0 ? "false" : "true");
}

static void take_head(const struct logs_line *line, struct head *h)
{
	clock_rfc3339(line->at_ns / 1000000, h->time, sizeof(h->time));
	memcpy(h->time + 23, "Z", 2); /* milliseconds are enough for a reader */
	get(line, "level", h->level);
	get(line, "event", h->event);
	get(line, "namespace", h->namespace);
	get(line, "product", h->product);
	get(line, "leads", h->leads);
	take_lease(line, h);
}

static void add_word(struct buf *out, const char *word)
{
	buf_addch(out, ' ');
	text_clean(out, *word ? word : "-", *word ? strlen(word) : 1);
}

static const char *colour_of(const struct cli *c, const struct head *h)
{
	return strcmp(h->level, "error") == 0 ? cli_red(c) : strcmp(h->level, "warn") == 0 ? cli_yellow(c) : "";
}

/* What is left, as it was said; of a line without a level all. */
static void add_rest(struct buf *out, const struct logs_line *line)
{
	const char *at = line->text, *end = line->text + line->len;
	struct logline_field f;

	while (logline_next(&at, end, &f)) {
		if (is_head(&f))
			continue;
		buf_addch(out, ' ');
		text_clean(out, f.name, (size_t)(at - f.name));
	}
}

static void show_text(struct cli *c, const struct logs_source *s, const struct logs_line *line, const struct head *h)
{
	const char *colour = colour_of(c, h);

	buf_addf(&c->out, "%s%s %s%s", colour, h->time, s->pod, s->previous ? "(previous)" : "");
	add_word(&c->out, strcmp(h->leads, "true") == 0 ? "leads" : strcmp(h->leads, "false") == 0 ? "other" : "");
	add_word(&c->out, h->level);
	add_word(&c->out, h->namespace);
	if (h->product[0])
		buf_addch(&c->out, '/');
	if (h->product[0])
		text_clean(&c->out, h->product, strlen(h->product));
	add_word(&c->out, h->event);
	add_rest(&c->out, line);
	buf_addf(&c->out, "%s\n", *colour ? cli_plain(c) : "");
}

static void add_fields(cJSON *object, const struct logs_line *line)
{
	const char *at = line->text, *end = line->text + line->len;
	cJSON *fields = json_add_object(object, "fields");
	char *name = malloc(2 * (line->len + 1)), *value = name ? name + line->len + 1 : NULL;
	struct logline_field f;

	while (name && logline_next(&at, end, &f)) {
		if (is_head(&f))
			continue;
		memcpy(name, f.name, f.name_len);
		name[f.name_len] = '\0';
		json_set(fields, name, cJSON_CreateString(logline_value(&f, value, line->len + 1)));
	}
	free(name);
}

static void show_json(struct cli *c, const struct logs_source *s, const struct logs_line *line, const struct head *h)
{
	JSON_CLEANUP cJSON *object = cJSON_CreateObject();

	json_add_str(object, "time", h->time);
	json_add_str(object, "pod", s->pod);
	json_add_str(object, "node", s->node);
	json_add_bool(object, "previous", s->previous);
	if (h->leads[0])
		json_add_bool(object, "leads", strcmp(h->leads, "true") == 0);
	json_add_str(object, "level", h->level);
	json_add_str(object, "namespace", h->namespace);
	json_add_str(object, "product", h->product);
	json_add_str(object, "event", h->event);
	add_fields(object, line);
	json_write(object, &c->out);
	buf_addch(&c->out, '\n');
}

void logs_show(struct cli *c, const struct logs_source *s, const struct logs_line *line, bool json)
{
	struct head h = { .time = "" };

	take_head(line, &h);
	if (json)
		show_json(c, s, line, &h);
	else
		show_text(c, s, line, &h);
}
