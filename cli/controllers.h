/* controllers.h - what the pods of codis-controller say, each asked by itself through the API server: the Service's
 * proxy goes to one of them, and waits for minutes where that one's node has lost its power. */
#ifndef CODIS_CLI_CONTROLLERS_H
#define CODIS_CLI_CONTROLLERS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "common/codis/pod.h"

#define CONTROLLERS_MAX 8
/* Of one that lives the answer takes milliseconds, and up to 2 s where its loop is busy. */
#define CONTROLLER_MS 1500

struct controllers {
	struct {
		char name[POD_NAME_MAX], node[POD_NAME_MAX];
	} pods[CONTROLLERS_MAX];
	struct ask asks[CONTROLLERS_MAX];
	int count;
	char holder[POD_NAME_MAX]; /* of the Lease; "": nobody, or it is not known */
	struct error err;          /* why they cannot be looked for; code 0: they were */
};

/* The path that lists their pods. Returns out. */
char *controllers_path(const struct cli *c, char *out, size_t size);

/* Which there are, and begins to ask them. CLI_OK, also where there is none or it is not allowed to look (err); or the
 * status where the API server is not reached, which is said. */
enum cli_status controllers_begin(struct controllers *s, struct cli *c);
void controllers_end(struct controllers *s);
/* Whether the one that leads has answered, or all of them have, or have failed to. */
bool controllers_enough(const void *controllers);
/* Who says most: the one that leads, else any that answers; -1: none has. */
int controllers_best(const struct controllers *s);
bool controllers_any(const void *controllers);

/* None has told anything, and it is for us that they may not be asked: so nothing is known of them. */
bool controllers_denied(const struct controllers *s);
/* The same of that and of an API server that took no call of ours, as one that has too many (429). */
bool controllers_unknown(const struct controllers *s);

/* All there is to ask them, within CONTROLLER_MS: the best one's answer, valid until controllers_end; NULL: none. */
const cJSON *controllers_status(struct controllers *s, struct cli *c, enum cli_status *status);
/* What such an answer says of a product; NULL: nothing, or it is none of the one that leads. */
const cJSON *controllers_cluster(const cJSON *status, const char *namespace, const char *product);

/* "controllers": [{"pod","node","answers","leads","trouble"}] of the report. 0 or -1 (no memory). */
int controllers_report(const struct controllers *s, cJSON *report);

#endif
