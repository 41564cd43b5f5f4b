/* ping.h - PING through every proxy of a product, by a port-forward to each: what a client gets that comes to it. */
#ifndef CODIS_CLI_PING_H
#define CODIS_CLI_PING_H

#include "cli/cli.h"
#include "cli/known.h"

#define PROXIES_MAX 256 /* of a product; a limit of ours */

/* A line for each proxy, then PONG where all have answered so. CLI_OK; CLI_NOT_SO: one has not, or there is none; or
 * the status where they cannot be asked; why is said. */
enum cli_status ping_product(struct cli *c, const struct known *k, const char *product);
/* The same of the proxies as they are now: all is asked anew. */
enum cli_status ping_now(struct cli *c, const char *product);

#endif
