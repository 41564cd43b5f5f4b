/* mutation_hook.h - a script (hooks.h) as a lifecycle hook or a probe of the container under mutation. */
#ifndef CODIS_WEBHOOK_MUTATION_HOOK_H
#define CODIS_WEBHOOK_MUTATION_HOOK_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct buf;
struct mutation;

/* Sets lifecycle.<which> ("postStart", "preStop") of the container to the script; NULL: to nothing. A hook of ours is
 * replaced, the article's too, with a warning. The user's own stays, with a warning of what that defeats (NULL: none).
 * A script that has failed (no memory) refuses the pod. Returns whether the article's was there. */
bool mutation_hook_set(struct mutation *m, cJSON *container, const char *which, const struct buf *script,
		       const char *defeats);

/* Sets the readiness probe to the script: every 2 s, unready after two failures. Likewise. */
void mutation_hook_probe(struct mutation *m, cJSON *container, const struct buf *script, const char *defeats);

#endif
