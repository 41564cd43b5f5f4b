/* programs.h - the programs that codis-sim plays, by the name it is called by. */
#ifndef CODIS_SIM_PROGRAMS_H
#define CODIS_SIM_PROGRAMS_H

#include <stdbool.h>

struct conf_key;
struct flags;

int dashboard_main(int argc, char **argv);
int proxy_main(int argc, char **argv);
int admin_main(int argc, char **argv);
int fe_main(int argc, char **argv);
int ha_main(int argc, char **argv);
int server_main(int argc, char **argv);

/* program.c: whether --default-config or --version was all that was asked, and is answered; else the log is opened as
 * --log and --log-level say. */
bool program_answers(const struct flags *f, const struct conf_key *keys);

/* pidfile.c: --pidfile of dashboard, proxy and fe. */
void pidfile_write(const char *path);
void pidfile_remove(const char *path);

#endif
