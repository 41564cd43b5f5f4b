/* overview.h - the long answers of proxies and dashboards (GET /proxy, GET /topom), parsed only where they are not as
 * before: 1,024 slots, asked for every second or two, hardly ever change. Pure. */
#ifndef CODIS_CODIS_OVERVIEW_H
#define CODIS_CODIS_OVERVIEW_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

/* Values in one answer: 1,024 slots of 12 values and their replica groups, and statistics of some hundred commands or
 * servers. */
#define OVERVIEW_ITEMS 50000

/* The text of the slots in the answer before. Zero: none is known, so all are wanted. */
struct overview_slots {
	size_t len;
	uint64_t hash;
};

/* Parses an answer. Slots that are as before are left out: an empty array stands in their place. only_slots: of the
 * answer nothing else is wanted, so it is {"stats":{"slots":[...],"slot_action":{...}}}; what a dashboard says of its
 * servers is many times as long. The caller owns the result. NULL and *err, and *seen is zero, when it is no JSON. */
cJSON *overview_parse(const char *text, size_t len, bool only_slots, struct overview_slots *seen, struct error *err);

#endif
