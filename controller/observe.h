/* observe.h - asks Codis what is due, and keeps what is heard. */
#ifndef CODIS_CONTROLLER_OBSERVE_H
#define CODIS_CONTROLLER_OBSERVE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cluster;
struct codis_slot;
struct coordinator_stat;
struct error;
struct observed_dashboard;
struct observed_knock;
struct observed_proxy;

/* At every tick: the coordinator's folders and nodes, the dashboards, the proxies; each at its own pace. */
void observe(struct cluster *c, int64_t now_ms);
/* Something in the coordinator is no longer as it was read (path NULL: perhaps anything). */
void observe_changed(struct cluster *c, const char *path);
/* Reads a group's node now. */
void observe_group(struct cluster *c, int gid);
/* Asks a proxy now, unless it is being asked. */
void observe_proxy(struct cluster *c, struct observed_proxy *p);
/* Every proxy that answers, at once: what was heard of its slots a second ago, a dashboard that moves slots has changed
 * since. */
void observe_slots(struct cluster *c);
bool observe_awaits_slots(const struct cluster *c);
/* Makes a live dashboard read the coordinator again, now or as soon as it answers. */
void observe_reload(struct cluster *c);
/* The same in 50 ms, at the next tick, once for all who ask until then. */
void observe_reload_soon(struct cluster *c);

/* The start_time of a dashboard's lock, as Go prints a time, in milliseconds of wall time; 0 when it is none. */
int64_t observe_start_time(const char *s);

/* What an answer changes of what is observed; bool: whether it is news. err: NULL, or why there is no answer. */
bool observe_hear_group(struct cluster *c, int gid, int64_t began_ms, const char *data, size_t len,
			const struct coordinator_stat *stat, const struct error *err);
/* The names in the folder of groups, and of proxies. */
void observe_hear_group_list(struct cluster *c, int64_t began_ms, int count, const char *const *names);
void observe_hear_proxy_list(struct cluster *c, int count, const char *const *names);
/* The node of a proxy. */
bool observe_hear_proxy_node(struct cluster *c, const char *token, const char *data, size_t len,
			     const struct coordinator_stat *stat);
bool observe_hear_lock(struct cluster *c, int64_t began_ms, const char *data, size_t len, const struct error *err);
bool observe_hear_proxy(struct observed_proxy *p, const cJSON *answer, const struct error *err);
/* Keeps one slot as the proxy has it now; whether that is news. */
bool observe_take_slot(struct observed_proxy *p, const struct codis_slot *slot);
bool observe_hear_dashboard(struct observed_dashboard *d, const cJSON *answer, const struct error *err);
/* Something is under way with it, so that it cannot be forgotten yet. */
bool observe_awaits_proxy(const struct observed_proxy *p);
bool observe_awaits_dashboard(const struct observed_dashboard *d);
/* What a process that does not answer says to codis_knock(). */
void observe_hear_knock(struct observed_knock *k, const struct error *err);

#endif
