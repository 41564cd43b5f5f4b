/* logs_show.h - a line of a controller's log as it is printed: when, which pod said it and whether it led, how grave it
 * is, which product it is about, and what it says. */
#ifndef CODIS_CLI_LOGS_SHOW_H
#define CODIS_CLI_LOGS_SHOW_H

#include "cli/cli.h"
#include "cli/logs_read.h"

/* Appends it to c->out: a line of text, or of JSON. */
void logs_show(struct cli *c, const struct logs_source *s, const struct logs_line *line, bool json);

#endif
