#include "tests/codis-sim/conf.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/codis-sim/golog.h"

struct unit {
	const char *name;
	int64_t factor;
};

/* Largest first. */
static const struct unit times[] = { { "h", 3600000000LL }, { "m", 60000000 }, { "s", 1000000 },
				     { "ms", 1000 },        { "us", 1 },       { NULL, 0 } };
static const struct unit sizes[] = { { "tb", 1LL << 40 }, { "gb", 1LL << 30 }, { "mb", 1LL << 20 },
				     { "kb", 1LL << 10 }, { "b", 1 },          { NULL, 0 } };

static const struct unit *units_of(enum conf_type type)
{
	return type == CONF_TIME ? times : sizes;
}

/* "30s", "1.5m", "64kb"; a bare number is seconds or bytes. In microseconds or bytes; -1: nonsense. */
static int64_t quantity(const char *text, enum conf_type type)
{
	char *end;
	double n = strtod(text, &end);

	if (end == text)
		return -1;
	if (!*end)
		return (int64_t)(n * (type == CONF_TIME ? 1e6 : 1));
	for (const struct unit *u = units_of(type); u->name; u++)
		if (strcmp(end, u->name) == 0)
			return (int64_t)(n * (double)u->factor);
	return -1;
}

static int index_of(const struct conf *c, const char *name)
{
	for (int i = 0; c->keys[i].name; i++)
		if (strcmp(c->keys[i].name, name) == 0)
			return i;
	return -1;
}

void conf_init(struct conf *c, const struct conf_key *keys)
{
	c->keys = keys;
	for (int i = 0; keys[i].name && i < CONF_KEYS; i++)
		snprintf(c->values[i], CONF_VALUE, "%s", keys[i].def);
}

static int check(const struct conf_key *key, const char *value, struct error *err)
{
	char *end;

	errno = 0;
	switch (key->type) {
	case CONF_STRING: return 0;
	case CONF_BOOL:
		if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0)
			return 0;
		break;
	case CONF_INT:
		(void)strtol(value, &end, 10);
		if (!errno && end != value && !*end)
			return 0;
		break;
	case CONF_TIME:
	case CONF_SIZE:
		if (quantity(value, key->type) >= 0)
			return 0;
		break;
	}
	return error_set(err, ERR_INVALID, "invalid %s", key->name);
}

/* The end of a value: the closing quote, or a blank or comment behind a bare word. NULL when the quote is missing. */
static char *value_end(char **value)
{
	char *p = *value;

	if (*p == '"') {
		*value = p + 1;
		return strchr(p + 1, '"');
	}
	while (*p && !isspace((unsigned char)*p) && *p != '#')
		p++;
	return p;
}

static int read_line(struct conf *c, char *line, struct error *err)
{
	char *name = line + strspn(line, " \t"), *equals = strchr(name, '='), *value, *end;
	int i;

	if (*name == '#' || *name == '\n' || *name == '\r' || !*name || *name == '[')
		return 0;
	if (!equals)
		return error_set(err, ERR_INVALID, "no key = value: %.80s", name);
	value = equals + 1 + strspn(equals + 1, " \t");
	end = value_end(&value);
	if (!end)
		return error_set(err, ERR_INVALID, "no closing quote: %.80s", name);
	*end = '\0';
	while (equals > name && isspace((unsigned char)equals[-1]))
		equals--;
	*equals = '\0';
	i = index_of(c, name);
	if (i < 0)
		return 0;
	if (check(&c->keys[i], value, err) < 0)
		return -1;
	snprintf(c->values[i], CONF_VALUE, "%s", value);
	return 0;
}

static void close_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

int conf_load(struct conf *c, const char *path, struct error *err)
{
	__attribute__((cleanup(close_file))) FILE *f = fopen(path, "re");
	char line[1024];

	if (!f)
		return error_errno(err, errno, "open %s", path);
	while (fgets(line, sizeof(line), f))
		if (read_line(c, line, err) < 0)
			return error_wrap(err, "%s", path);
	return 0;
}

void conf_set(struct conf *c, const char *name, const char *value)
{
	int i = index_of(c, name);

	if (i >= 0)
		snprintf(c->values[i], CONF_VALUE, "%s", value);
}

const char *conf_get(const struct conf *c, const char *name)
{
	int i = index_of(c, name);

	return i < 0 ? "" : c->values[i];
}

int64_t conf_int(const struct conf *c, const char *name)
{
	return strtoll(conf_get(c, name), NULL, 10);
}

bool conf_bool(const struct conf *c, const char *name)
{
	return strcmp(conf_get(c, name), "true") == 0;
}

int64_t conf_ms(const struct conf *c, const char *name)
{
	return quantity(conf_get(c, name), CONF_TIME) / 1000;
}

int64_t conf_bytes(const struct conf *c, const char *name)
{
	return quantity(conf_get(c, name), CONF_SIZE);
}

void conf_print_default(const struct conf_key *keys)
{
	for (; keys->name; keys++) {
		bool bare = keys->type == CONF_INT || keys->type == CONF_BOOL;

		if (keys->flags & CONF_OPTIONAL)
			printf("#");
		printf(bare ? "%s = %s\n" : "%s = \"%s\"\n", keys->name, keys->def);
	}
}

/* 1024mb -> 1gb: Codis shows a quantity in the largest unit that divides it. */
static void normal(const char *value, enum conf_type type, char *out, size_t size)
{
	int64_t n = quantity(value, type);

	if (n == 0) {
		snprintf(out, size, "0");
		return;
	}
	for (const struct unit *u = units_of(type); u->name; u++) {
		if (n % u->factor == 0) {
			snprintf(out, size, "%" PRId64 "%s", n / u->factor, u->name);
			return;
		}
	}
}

cJSON *conf_json(const struct conf *c)
{
	cJSON *o = cJSON_CreateObject();
	char text[CONF_VALUE];

	for (int i = 0; c->keys[i].name; i++) {
		const struct conf_key *key = &c->keys[i];

		if (key->flags & CONF_SECRET)
			continue;
		switch (key->type) {
		case CONF_STRING: json_add_str(o, key->name, c->values[i]); break;
		case CONF_INT: json_add_int(o, key->name, strtoll(c->values[i], NULL, 10)); break;
		case CONF_BOOL: json_add_bool(o, key->name, strcmp(c->values[i], "true") == 0); break;
		case CONF_TIME:
		case CONF_SIZE:
			normal(c->values[i], key->type, text, sizeof(text));
			json_add_str(o, key->name, text);
			break;
		}
	}
	return o;
}

void conf_log(const struct conf *c, const char *what)
{
	BUF_CLEANUP struct buf b = BUF_INIT(64 << 10);

	for (int i = 0; c->keys[i].name; i++)
		if (!(c->keys[i].flags & CONF_SECRET))
			buf_addf(&b, "%s = \"%s\"\n", c->keys[i].name, c->values[i]);
	golog_warn("%s\n%s", what, b.data);
}
