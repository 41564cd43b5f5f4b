/* yaml_write.h - a JSON value as YAML, through libyaml's emitter. */
#ifndef CODIS_CLI_YAML_WRITE_H
#define CODIS_CLI_YAML_WRITE_H

#include <cjson/cJSON.h>

struct buf;
struct error;

/* Appends one document. A text that would read as something else, as "true" or "1", is quoted. 0, or -1 and *err. */
int yaml_write(const cJSON *item, struct buf *out, struct error *err);

#endif
