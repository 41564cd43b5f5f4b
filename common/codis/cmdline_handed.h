/* cmdline_handed.h - words that a start gets without their being written in it. */
#ifndef CODIS_CODIS_CMDLINE_HANDED_H
#define CODIS_CODIS_CMDLINE_HANDED_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct cmdline;

/* Puts into each start's handed words what "$@" stands for (args, count of them: behind a shell's text and $0) and what
 * a word stands for that is a variable and nothing else, where its value is in env. Of what a shell would read
 * otherwise, or its text makes others of ("shift", "set --", OPTS="$OPTS -x"), each flag with a value that is not
 * known: no default may take its place. */
void cmdline_hand_on(struct cmdline *c, cJSON *const *args, int count);

/* Whether the text makes other words of "$@" than it was given: by "set -- x", or "shift". */
bool cmdline_changes_args(const char *text);

#endif
