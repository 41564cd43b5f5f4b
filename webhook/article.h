/* article.h - the hooks of the 2017 article ("kubernetes环境部署运行codis"), which many manifests have grown from.
 *
 * Known by the step that makes them what they are, and only when they do nothing beside the article's steps: a backup
 * that somebody has added is not ours to throw away. */
#ifndef CODIS_WEBHOOK_ARTICLE_H
#define CODIS_WEBHOOK_ARTICLE_H

#include <cjson/cJSON.h>

#include "common/codis/topology.h"

/* The shell's text in an exec handler of a hook or probe, or NULL. */
const char *article_text(const cJSON *handler);

/* The step of a server's postStart by which it fails while the server has no role yet, so that the kubelet ends the
 * server again and again: codis-admin's --group-add, --sync-action. NULL: there is none, or it cannot fail by it. */
const char *article_ending_step(const cJSON *hook);

/* Where the hook ("postStart", "preStop") is the article's for this component and does nothing else: the sentence that
 * says why it does not stay. NULL: it is another one. */
const char *article_warning(enum codis_component component, const char *which, const cJSON *hook);

#endif
