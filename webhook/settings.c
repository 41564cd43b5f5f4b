#include "webhook/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/buf.h"
#include "common/codis/cmdline.h"

#define MIB (1024LL * 1024)

bool settings_all_known(const struct cmdline *c, const struct cmdline_start *s)
{
	bool whole = s->count > 1 && !cmdline_is_flag(&s->words[0]) && cmdline_is_flag(&s->words[1]) &&
		     !cmdline_word_is(c, s, 1, "--slaveof") && cmdline_flag(c, s, "--include", NULL) < 0;

	for (int i = 0; i < s->count && whole; i++)
		whole = !memchr(s->words[i].text, '$', s->words[i].len) &&
			!memchr(s->words[i].text, '`', s->words[i].len);
	return whole && !(s->words[0].len > 5 && memcmp(s->words[0].text + s->words[0].len - 5, ".conf", 5) == 0);
}

static bool plain(const struct cmdline *c, const struct shell_word *w, char *out, size_t size)
{
	struct buf text = { .data = out, .cap = size, .max = size - 1, .borrowed = true };

	out[0] = '\0';
	if (c->kind == CMDLINE_SHELL)
		return shell_plain(w, &text) && !text.failed;
	return !memchr(w->text, '$', w->len) && buf_add(&text, w->text, w->len) == 0;
}

bool settings_word(const struct cmdline *c, const struct cmdline_start *s, int index, char *out, size_t size)
{
	return index >= 0 && index < s->count + s->handed && plain(c, &s->words[index], out, size);
}

/* Other programs of its kind have other defaults. */
static bool is_codis_server(const struct shell_word *program)
{
	static const char name[] = "codis-server";
	size_t len = sizeof(name) - 1;

	return program->len >= len && memcmp(program->text + program->len - len, name, len) == 0;
}

bool settings_value(const struct cmdline *c, const struct cmdline_start *s, const char *flag, const char *otherwise,
		    char *out, size_t size)
{
	struct shell_word value;
	int at = cmdline_flag(c, s, flag, &value);

	if (at >= 0)
		return plain(c, &value, out, size);
	if (!otherwise || !settings_all_known(c, s) || !is_codis_server(&s->words[0]))
		return false;
	return snprintf(out, size, "%s", otherwise) < (int)size;
}

bool settings_mib(const char *text, int64_t *mib)
{
	static const struct {
		const char *name;
		int64_t bytes;
	} units[] = { { "", 1 },        { "b", 1 },    { "k", 1000 },       { "kb", 1024 },
		      { "m", 1000000 }, { "mb", MIB }, { "g", 1000000000 }, { "gb", 1024 * MIB } };
	char *end;
	long long number = strtoll(text, &end, 10);

	if (end == text || number < 0 || number > INT32_MAX * MIB || text[0] < '0' || text[0] > '9')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcasecmp(end, units[i].name) != 0)
			continue;
		/* More than a machine has is as good as any other such number. */
		*mib = number > INT64_MAX / units[i].bytes ? INT64_MAX / MIB : number * units[i].bytes / MIB;
		return true;
	}
	return false;
}
