/* tell.h - what an Event is about; what is held up, and what a dry run would do: in the log and as Events, once each
 * time that it changes. */
#ifndef CODIS_CONTROLLER_TELL_H
#define CODIS_CONTROLLER_TELL_H

#include <stdbool.h>

#include <cjson/cJSON.h>

struct action;
struct cluster;

/* The pod or StatefulSet, as kube_event() takes it: the caller's. NULL: no memory, or no name. */
cJSON *tell_about(const char *namespace, const char *name, const char *uid);
/* An Event on such an object, which it frees; NULL: none. */
void tell_event(const struct cluster *c, const char *kind, cJSON *about, bool warns, const char *reason,
		const char *words);
/* What the last turn held up (cluster.view.held), and which silent or failed masters stay for a reason. */
void tell_held(struct cluster *c);
/* What would be done, in place of doing it. */
void tell_would(struct cluster *c, const struct action *actions, int count);

#endif
