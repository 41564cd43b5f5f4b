/* parts.h - the verbs, each in the file of its subject, and the options that each has beside those of all. */
#ifndef CODIS_CLI_PARTS_H
#define CODIS_CLI_PARTS_H

#include "cli/cli.h"

/* status.c */
extern const struct opt status_options[];
enum cli_status status_run(struct cli *c);
/* version.c */
enum cli_status version_run(struct cli *c);
/* annotate.c */
extern const struct opt annotate_options[];
enum cli_status pause_run(struct cli *c);
enum cli_status resume_run(struct cli *c);
enum cli_status adopt_run(struct cli *c);
/* switchover.c */
extern const struct opt switchover_options[];
enum cli_status switchover_run(struct cli *c);
/* ping.c */
enum cli_status ping_run(struct cli *c);
/* scale_proxy.c */
extern const struct opt scale_proxy_options[];
enum cli_status scale_proxy_run(struct cli *c);
/* install.c */
extern const struct opt install_options[];
enum cli_status install_run(struct cli *c);
/* buildup.c */
extern const struct opt buildup_options[];
enum cli_status buildup_run(struct cli *c);
/* scale_server.c */
extern const struct opt scale_server_options[];
enum cli_status scale_server_run(struct cli *c);
/* backup.c */
extern const struct opt backup_options[];
enum cli_status backup_run(struct cli *c);
/* restore.c */
extern const struct opt restore_options[];
enum cli_status restore_run(struct cli *c);
/* cleanup.c */
extern const struct opt cleanup_options[];
enum cli_status cleanup_run(struct cli *c);
/* certs.c */
extern const struct opt certs_options[];
enum cli_status certs_run(struct cli *c);
/* plan.c */
extern const struct opt plan_options[];
enum cli_status plan_run(struct cli *c);
/* logs.c */
extern const struct opt logs_options[];
enum cli_status logs_run(struct cli *c);
/* history.c */
extern const struct opt history_options[];
enum cli_status history_run(struct cli *c);
/* completion.c */
enum cli_status completion_run(struct cli *c);
/* man.c */
enum cli_status man_run(struct cli *c);
/* verbs.c */
enum cli_status help_run(struct cli *c);

#endif
