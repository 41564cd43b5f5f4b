/* programs.h - the programs that codis-sim plays, by the name it is called by. */
#ifndef CODIS_SIM_PROGRAMS_H
#define CODIS_SIM_PROGRAMS_H

int dashboard_main(int argc, char **argv);
int proxy_main(int argc, char **argv);
int admin_main(int argc, char **argv);
int fe_main(int argc, char **argv);
int server_main(int argc, char **argv);

/* pidfile.c: --pidfile of dashboard, proxy and fe. */
void pidfile_write(const char *path);
void pidfile_remove(const char *path);

#endif
