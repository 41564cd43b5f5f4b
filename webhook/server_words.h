/* server_words.h - what a codis-server is told by its own words and cannot live with, or cannot be led with. */
#ifndef CODIS_WEBHOOK_SERVER_WORDS_H
#define CODIS_WEBHOOK_SERVER_WORDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct admission_verdict;
struct cmdline;

/* Warns of what ends it at its start. False, with a warning: codis-controller could give it no role, or it does not
 * start with a guard. What only a shell or a file can tell is no fault. Source: Redis 3.2.11 (config.c, server.c,
 * networking.c), which codis-server is. */
bool server_words_check(const struct cmdline *c, struct admission_verdict *v);

/* Warns of a container of the pod that gives roles itself, by redis-cli or as a sentinel (the server's own is none):
 * one that has restarted empty would serve, or its replicas copy it, whatever guard it has. Of a guarded one also of a
 * command that joins it to its group, which it refuses. */
void server_words_warn_of_roles(const cJSON *pod_spec, const cJSON *server, bool guarded, struct admission_verdict *v);

#endif
