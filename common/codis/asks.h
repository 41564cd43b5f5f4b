/* asks.h - what a pod asks of a node, and what a node has of it, as kube-scheduler counts them: memory, and taints
 * PreferNoSchedule, which keep nobody away but are to be kept free of who does not tolerate them. Pure. */
#ifndef CODIS_CODIS_ASKS_H
#define CODIS_CODIS_ASKS_H

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

/* Of a Pod's spec, in MiB: its own request, or those of its containers, of which init containers that end count only as
 * far as they are greater; and its overhead. 0: it says none. (component-helpers/resource: PodRequests) */
uint32_t asks_memory_mib(const cJSON *pod_spec);
/* Of a Node's status.allocatable; 0: it is not said. */
uint32_t asks_allocatable_mib(const cJSON *node);

/* The taints PreferNoSchedule that a Pod tolerates, "key", "key=value" or "*" (all), and those that a Node has,
 * "key=value": each with a comma behind it. The first ones, where they are too many for out. */
void asks_tolerates(const cJSON *pod_spec, char *out, size_t size);
void asks_taints(const cJSON *node, char *out, size_t size);
/* How many of such taints are not tolerated. */
int asks_taints_met(const char *taints, const char *tolerates);

#endif
