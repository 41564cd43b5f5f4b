/* golog.h - log lines in the shape of Codis': "2026/01/02 15:04:05 group.c:12: [WARN] text". */
#ifndef CODIS_SIM_GOLOG_H
#define CODIS_SIM_GOLOG_H

#include <stdbool.h>

enum golog_level { GOLOG_NONE, GOLOG_ERROR, GOLOG_WARN, GOLOG_INFO, GOLOG_DEBUG };

/* NULL: standard error. Codis appends the day to the name, so do we; folders are made. Ends the program on failure. */
void golog_open(const char *path);
/* "ERROR", "warn", "WARNING", ...; false when it is none. */
bool golog_set_level(const char *name);

void golog_line(const char *file, int line, enum golog_level level, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
void golog_die(const char *file, int line, const char *fmt, ...) __attribute__((format(printf, 3, 4), noreturn));

#define golog_error(...) golog_line(__FILE__, __LINE__, GOLOG_ERROR, __VA_ARGS__)
#define golog_warn(...)  golog_line(__FILE__, __LINE__, GOLOG_WARN, __VA_ARGS__)
#define golog_info(...)  golog_line(__FILE__, __LINE__, GOLOG_INFO, __VA_ARGS__)
#define golog_debug(...) golog_line(__FILE__, __LINE__, GOLOG_DEBUG, __VA_ARGS__)
/* Logs, and ends the program with status 1. */
#define golog_panic(...) golog_die(__FILE__, __LINE__, __VA_ARGS__)

#endif
