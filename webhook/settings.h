/* settings.h - what a codis-server's own words set, as Redis 3.2 reads them. What its file sets is not known. Pure. */
#ifndef CODIS_WEBHOOK_SETTINGS_H
#define CODIS_WEBHOOK_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cmdline;
struct cmdline_start;

/* Whether all that it is told stands here: no file, and no word that only a kubelet or a shell can tell. Where the
 * program is the image's own, there may be more in front; one that is told nothing (but by a guard) is left alone. */
bool settings_all_known(const struct cmdline *c, const struct cmdline_start *s);

/* Copies the word at index as the program gets it. False: there is none, it is too long, or only a kubelet or a shell
 * can tell. */
bool settings_word(const struct cmdline *c, const struct cmdline_start *s, int index, char *out, size_t size);

/* Copies the value of the flag ("--dir"), or of the default (NULL: of none) where codis-server itself is told all that
 * it is told here. False: it is not to be known. */
bool settings_value(const struct cmdline *c, const struct cmdline_start *s, const char *flag, const char *otherwise,
		    char *out, size_t size);

/* A size of memory ("512mb"; "1g" is less than "1gb") in MiB, rounded down. False: it is none. */
bool settings_mib(const char *text, int64_t *mib);

#endif
