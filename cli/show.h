/* show.h - a report (report.h) as a person reads it at night: of each product the word and the cause first, then
 * groups, proxies, and what was done lately. */
#ifndef CODIS_CLI_SHOW_H
#define CODIS_CLI_SHOW_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "cli/cli.h"

/* Appends it to c->out. wide: every server in a row of its own. */
void show_report(struct cli *c, const cJSON *report, bool wide);
/* One line a cluster, as the controller has it: "codis/codis-test: OK, ...", then whatever else is wrong. */
void show_lines(const cJSON *report, struct buf *out);

#endif
