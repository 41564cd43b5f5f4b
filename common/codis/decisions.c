#include "common/codis/decisions.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/hash.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define LINE_MAX_BYTES 8192 /* each byte of the words may be six of JSON */
#define NAME_MAX_BYTES 253
#define ITEMS_MAX      16
#define YEAR_10000_MS  INT64_C(253402300800000) /* from then on the order of texts is not that of time */

static uint64_t whose(const char *namespace, const char *product)
{
	return hash_text(hash_text(hash_text(HASH_INIT, namespace), "/"), product);
}

static void add_text(struct buf *out, const char *name, const char *value, size_t max)
{
	char cut[DECISION_WORDS_MAX];

	text_copy(cut, text_fit(value, max) + 1, value);
	buf_addf(out, "\"%s\":", name);
	json_write_str(cut, out);
}

/* The time first, so that lines are in its order as texts. NULL: no memory. */
static char *line_of(const struct decision *one)
{
	BUF_CLEANUP struct buf text = BUF_INIT(LINE_MAX_BYTES);
	char at[32];

	buf_addf(&text, "{\"at\":\"%s\",", clock_rfc3339(one->wall_ms, at, sizeof(at)));
	add_text(&text, "namespace", one->namespace, NAME_MAX_BYTES);
	buf_addch(&text, ',');
	add_text(&text, "product", one->product, NAME_MAX_BYTES);
	buf_addch(&text, ',');
	add_text(&text, "by", one->by, NAME_MAX_BYTES);
	buf_addch(&text, ',');
	add_text(&text, "words", one->words, DECISION_WORDS_MAX - 1);
	buf_addch(&text, '}');
	return text.failed ? NULL : strdup(text.data);
}

static void drop(struct decisions *d, int at)
{
	d->bytes -= strlen(d->lines[at].text) + 1;
	free(d->lines[at].text);
	d->count--;
	memmove(&d->lines[at], &d->lines[at + 1], (size_t)(d->count - at) * sizeof(d->lines[0]));
}

/* Of a product that is busy for hours, others' nights are not forgotten. */
static int oldest_to_go(const struct decisions *d, uint64_t newcomer)
{
	int own = 0, first = 0;

	for (int i = d->count - 1; i >= 0; i--) {
		if (d->lines[i].whose == newcomer) {
			own++;
			first = i;
		}
	}
	return own > d->count / 2 ? first : 0;
}

/* Where the line belongs, behind those that are not later. *there: it is one of them. */
static int place_of(const struct decisions *d, const char *text, bool *there)
{
	int from = 0, to = d->count;

	while (from < to) {
		int middle = from + (to - from) / 2;

		if (strcmp(d->lines[middle].text, text) <= 0)
			from = middle + 1;
		else
			to = middle;
	}
	*there = from > 0 && strcmp(d->lines[from - 1].text, text) == 0;
	return from;
}

static int make_room(struct decisions *d)
{
	struct decision_line *more;

	if (d->lines)
		return 0;
	more = calloc(DECISIONS_MAX + 1, sizeof(*more));
	d->lines = more;
	return more ? 0 : -1;
}

int decisions_add(struct decisions *d, const struct decision *one)
{
	char *text = line_of(one);
	uint64_t newcomer = whose(one->namespace, one->product);
	bool there = false;
	bool kept = true;
	int at;

	if (!text || make_room(d) < 0) {
		free(text);
		return -1;
	}
	at = place_of(d, text, &there);
	if (there) {
		free(text);
		return 0;
	}
	memmove(&d->lines[at + 1], &d->lines[at], (size_t)(d->count - at) * sizeof(d->lines[0]));
	d->lines[at] = (struct decision_line){ text, newcomer };
	d->count++;
	d->bytes += strlen(text) + 1;
	while (kept && (d->count > DECISIONS_MAX || d->bytes > DECISIONS_BYTES_MAX)) {
		int next = oldest_to_go(d, newcomer);

		kept = d->lines[next].text != text;
		drop(d, next);
	}
	return kept;
}

static bool read_object(const cJSON *object, struct decision *out)
{
	const char *at = json_str(object, "at", NULL);

	out->namespace = json_str(object, "namespace", NULL);
	out->product = json_str(object, "product", NULL);
	out->by = json_str(object, "by", NULL);
	out->words = json_str(object, "words", NULL);
	return at && out->namespace && out->product && out->by && out->words &&
	       clock_parse_rfc3339(at, &out->wall_ms, NULL) == 0 && out->wall_ms >= 0 && out->wall_ms < YEAR_10000_MS;
}

/* 1, 0, or -1: no memory. */
static int merge_line(struct decisions *d, const char *line, size_t len)
{
	struct error err = ERROR_INIT;
	struct decision one;
	JSON_CLEANUP cJSON *object = NULL;

	if (!len || len > LINE_MAX_BYTES)
		return 0;
	object = json_parse(line, len, ITEMS_MAX, &err);
	if (!object)
		return err.code == ERR_NOMEM ? -1 : 0;
	return read_object(object, &one) ? decisions_add(d, &one) : 0;
}

int decisions_merge(struct decisions *d, const char *text, size_t len)
{
	int fresh = 0;

	for (size_t at = 0; at < len;) {
		const char *end = memchr(text + at, '\n', len - at);
		size_t n = end ? (size_t)(end - text) - at : len - at;
		int added = merge_line(d, text + at, n);

		if (added < 0)
			return -1;
		fresh += added;
		at += n + 1;
	}
	return fresh;
}

int decisions_before(const struct decisions *d, int at, const char *namespace, const char *product)
{
	uint64_t wanted = whose(namespace, product);

	for (at--; at >= 0 && d->lines[at].whose != wanted;)
		at--;
	return at;
}

int decisions_read(const struct decisions *d, int at, cJSON **parsed, struct decision *out)
{
	const char *text = d->lines[at].text;

	*parsed = json_parse(text, strlen(text), ITEMS_MAX, NULL);
	return *parsed && read_object(*parsed, out) ? 0 : -1;
}

void decisions_write(const struct decisions *d, struct buf *out)
{
	for (int i = 0; i < d->count; i++)
		buf_addf(out, "%s\n", d->lines[i].text);
}

void decisions_release(struct decisions *d)
{
	for (int i = 0; i < d->count; i++)
		free(d->lines[i].text);
	free(d->lines);
	*d = (struct decisions){ 0 };
}
