/* install.h - codisctl install: what is to be applied (install.c), how it is applied (install_apply.c), and the wait
 * for it (install_wait.c). */
#ifndef CODIS_CLI_INSTALL_H
#define CODIS_CLI_INSTALL_H

#include "cli/cli.h"
#include "cli/documents.h"

/* manifests/install.yaml as it was when codisctl was built. */
extern const char install_yaml[];

/* Applies them in their order, and tells of each. What they say counts, whoever has set it otherwise. What an
 * install.yaml that was applied before had (also by `kubectl apply`) and these have not, goes. CLI_OK, or the status,
 * and why is said. */
enum cli_status install_apply(struct cli *c, struct documents *d);

/* Until each Deployment among them has all of its pods ready, as it is now, and no other ones. CLI_OK, or the status,
 * and why is said. */
enum cli_status install_wait(struct cli *c, const struct documents *d);

#endif
