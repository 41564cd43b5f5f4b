/* conf.h - the configuration of a program: a table of keys with Codis' defaults, a file of key = value lines, flags. */
#ifndef CODIS_SIM_CONF_H
#define CODIS_SIM_CONF_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

struct error;

enum conf_type { CONF_STRING, CONF_INT, CONF_BOOL, CONF_TIME, CONF_SIZE };

struct conf_key {
	const char *name; /* NULL ends the table */
	enum conf_type type;
	const char *def;
	unsigned flags;
};

#define CONF_SECRET   1u /* never shown */
#define CONF_OPTIONAL 2u /* a comment in the default file */

#define CONF_KEYS  48
#define CONF_VALUE 256

struct conf {
	const struct conf_key *keys;
	char values[CONF_KEYS][CONF_VALUE];
};

void conf_init(struct conf *c, const struct conf_key *keys);
/* 0, or -1 and *err: no such file, or a value that does not fit its key's type. Unknown keys are passed over. */
int conf_load(struct conf *c, const char *path, struct error *err);
void conf_set(struct conf *c, const char *name, const char *value);

const char *conf_get(const struct conf *c, const char *name);
int64_t conf_int(const struct conf *c, const char *name);
bool conf_bool(const struct conf *c, const char *name);
int64_t conf_ms(const struct conf *c, const char *name);
int64_t conf_bytes(const struct conf *c, const char *name);

void conf_print_default(const struct conf_key *keys); /* to standard output, as a file that conf_load reads */
cJSON *conf_json(const struct conf *c); /* without the secret ones; sizes and times in their largest unit */
void conf_log(const struct conf *c, const char *what);

#endif
