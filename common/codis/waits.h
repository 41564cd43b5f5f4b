/* waits.h - why a container does not begin, of its entry in a Pod's containerStatuses, in words for the user. */
#ifndef CODIS_CODIS_WAITS_H
#define CODIS_CODIS_WAITS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#define WAITS_MAX 200

/* The kubelet's word, and the image ("ImagePullBackOff, codis-image:9"), how it ended last ("CrashLoopBackOff, it ended
 * with 1 (Error)"), or what the kubelet says; cut short, and without what a terminal obeys. "": it runs, or nothing is
 * wrong yet. */
void waits_read(const cJSON *status, char out[WAITS_MAX]);
/* Since when, by its kubelet, a pod has a node and neither all of its volumes nor a network, of its status: no
 * container is begun before. Seconds since 1970; 0: it has both, or no kubelet has it yet. */
uint32_t waits_unprepared(const cJSON *pod_status);
/* What is to be said of a pod of which that is said (waits_read); "": nothing is wrong, or not for long enough. A
 * kubelet's clock need not be ours: it is said that much earlier or later. Lasts as long as `waits`. */
const char *waits_words(const char *waits, uint32_t unprepared_s, int64_t now_wall_ms);
/* Of that word alone. */
int waits_word_len(const char *waits);
/* Whether such a word is about an image that cannot be had. NULL: no. */
bool waits_is_of_image(const char *word);

#endif
