#include "cli/diff.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"

#define CONTEXT 3
/* Of what differs in the middle; what is longer is told as all of it gone and all of it new. */
#define TABLE_MAX (8u << 20)

struct line {
	const char *at;
	size_t len;
};

struct lines {
	struct line *all;
	size_t count;
};

/* One change after another: ' ', '-' or '+', of the line of a or b. */
struct step {
	char sign;
	struct line line;
};

struct diff {
	struct lines a, b;
	struct step *steps;
	size_t count;
	uint32_t *table; /* the longest common rest of a from i and b from j */
};

static int split(const char *text, struct lines *out)
{
	size_t count = 0;

	for (const char *at = text; *at; at += *at == '\n')
		at += strcspn(at, "\n"), count++;
	out->all = calloc(count + 1, sizeof(*out->all));
	if (!out->all)
		return -1;
	for (const char *at = text; *at; at += *at == '\n') {
		size_t len = strcspn(at, "\n");

		out->all[out->count++] = (struct line){ at, len };
		at += len;
	}
	return 0;
}

static bool same(const struct line *a, const struct line *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

static void step(struct diff *d, char sign, const struct line *line)
{
	d->steps[d->count++] = (struct step){ sign, *line };
}

/* The middle, n and m lines from `from` on. */
static int fill(struct diff *d, size_t from, size_t n, size_t m)
{
	size_t width = m + 1;

	d->table = calloc((n + 1) * width, sizeof(*d->table));
	if (!d->table)
		return -1;
	for (size_t i = n; i-- > 0;) {
		for (size_t j = m; j-- > 0;) {
			uint32_t down = d->table[(i + 1) * width + j], right = d->table[i * width + j + 1];

			d->table[i * width + j] = same(&d->a.all[from + i], &d->b.all[from + j])
							  ? d->table[(i + 1) * width + j + 1] + 1
						  : down > right ? down
								 : right;
		}
	}
	return 0;
}

static void walk(struct diff *d, size_t from, size_t n, size_t m)
{
	size_t i = 0, j = 0, width = m + 1;

	while (i < n || j < m) {
		bool both = d->table && i < n && j < m;

		if (both && same(&d->a.all[from + i], &d->b.all[from + j])) {
			step(d, ' ', &d->a.all[from + i]);
			i++;
			j++;
		} else if (j == m ||
			   (i < n && (!both || d->table[(i + 1) * width + j] >= d->table[i * width + j + 1]))) {
			step(d, '-', &d->a.all[from + i++]);
		} else {
			step(d, '+', &d->b.all[from + j++]);
		}
	}
}

static int compare(struct diff *d)
{
	size_t n = d->a.count, m = d->b.count, from = 0, rest = 0;

	d->steps = calloc(n + m + 1, sizeof(*d->steps));
	if (!d->steps)
		return -1;
	while (from < n && from < m && same(&d->a.all[from], &d->b.all[from])) {
		step(d, ' ', &d->a.all[from]);
		from++;
	}
	while (rest < n - from && rest < m - from && same(&d->a.all[n - 1 - rest], &d->b.all[m - 1 - rest]))
		rest++;
	n -= from + rest;
	m -= from + rest;
	if ((n + 1) * (m + 1) <= TABLE_MAX && fill(d, from, n, m) < 0)
		return -1;
	walk(d, from, n, m);
	for (size_t i = 0; i < rest; i++)
		step(d, ' ', &d->a.all[from + n + i]);
	return 0;
}

/* --- hunks -------------------------------------------------------------------------------------------------------- */

/* Behind the hunk that begins at `begin`: where so many lines are the same that the next one has its own. */
static size_t hunk_end(const struct diff *d, size_t begin)
{
	size_t last = begin;

	for (size_t i = begin; i < d->count && i <= last + 2 * CONTEXT + 1; i++)
		last = d->steps[i].sign == ' ' ? last : i;
	return last + CONTEXT + 1 < d->count ? last + CONTEXT + 1 : d->count;
}

static void write_hunk(const struct diff *d, size_t begin, size_t end, struct buf *out)
{
	size_t of_a = 1, of_b = 1, n = 0, m = 0;

	for (size_t i = 0; i < end; i++) {
		size_t *a = i < begin ? &of_a : &n, *b = i < begin ? &of_b : &m;

		*a += d->steps[i].sign != '+';
		*b += d->steps[i].sign != '-';
	}
	buf_addf(out, "@@ -%zu,%zu +%zu,%zu @@\n", n ? of_a : of_a - 1, n, m ? of_b : of_b - 1, m);
	for (size_t i = begin; i < end; i++)
		buf_addf(out, "%c%.*s\n", d->steps[i].sign, (int)d->steps[i].line.len, d->steps[i].line.at);
}

static void write_all(const struct diff *d, struct buf *out)
{
	size_t at = 0;

	while (at < d->count) {
		size_t end;

		if (d->steps[at].sign == ' ') {
			at++;
			continue;
		}
		end = hunk_end(d, at);
		write_hunk(d, at > CONTEXT ? at - CONTEXT : 0, end, out);
		at = end;
	}
}

int diff_write(const char *before, const char *after, struct buf *out)
{
	struct diff d = { .count = 0 };
	int r = split(before, &d.a) == 0 && split(after, &d.b) == 0 ? compare(&d) : -1;

	if (r == 0)
		write_all(&d, out);
	free(d.a.all);
	free(d.b.all);
	free(d.steps);
	free(d.table);
	return r < 0 || out->failed ? -1 : 0;
}
