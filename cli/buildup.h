/* buildup.h - codisctl buildup: what is applied (buildup.c), and the wait for what becomes of it (buildup_wait.c). */
#ifndef CODIS_CLI_BUILDUP_H
#define CODIS_CLI_BUILDUP_H

#include "cli/cli.h"
#include "cli/documents.h"

#define BUILDUP_MANAGER "codisctl" /* of the fields that are applied */

/* Until codis-controller says OK of each product that the documents have, with as many proxies and groups as they ask
 * for, and each proxy has answered PING. CLI_OK, or the status, and why is said. */
enum cli_status buildup_wait(struct cli *c, const struct documents *d);

#endif
