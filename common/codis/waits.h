/* waits.h - why a container does not begin, of its entry in a Pod's containerStatuses, in words for the user. */
#ifndef CODIS_CODIS_WAITS_H
#define CODIS_CODIS_WAITS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#define WAITS_MAX 200

/* The kubelet's word, and the image ("ImagePullBackOff, codis-image:9"), how it ended last ("CrashLoopBackOff, it ended
 * with 1 (Error)"), or what the kubelet says; cut short, and without what a terminal obeys. "": it runs, or nothing is
 * wrong yet. */
void waits_read(const cJSON *status, char out[WAITS_MAX]);
/* Of that word alone. */
int waits_word_len(const char *waits);
/* Whether such a word is about an image that cannot be had. NULL: no. */
bool waits_is_of_image(const char *word);

#endif
