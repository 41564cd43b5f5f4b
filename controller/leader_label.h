/* leader_label.h - the label codis.io/leader: "true" of the pod of codis-controller that leads, for people and
 * Services: kubectl -n codis-system get pods -L codis.io/leader. Nothing decides by it. */
#ifndef CODIS_CONTROLLER_LEADER_LABEL_H
#define CODIS_CONTROLLER_LEADER_LABEL_H

#include <stdbool.h>
#include <uv.h>

struct kube_client;
struct leader_label;
struct logger;

#define LEADER_LABEL "codis.io/leader"

/* Texts are copied. NULL: no memory. */
struct leader_label *leader_label_new(uv_loop_t *uv, struct kube_client *kube, const char *namespace, const char *pod,
				      const struct logger *log);
/* Whoever leads has it, and takes it off all others, as of one that has lost its node; whoever does not takes its own
 * off. What fails is tried again after ten seconds. l NULL: nothing. */
void leader_label_set(struct leader_label *l, bool leads);
void leader_label_free(struct leader_label *l); /* NULL-safe */

#endif
