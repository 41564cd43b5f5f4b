/* ask.h - several questions to the API server at once, each with a time limit of its own, and waiting for as much of
 * the answers as is wanted. */
#ifndef CODIS_CLI_ASK_H
#define CODIS_CLI_ASK_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "common/base/error.h"

struct http_call;

#define ASK_PATH_MAX 4096 /* with the token of a list's next page */
#define ASK_PAGE     250  /* objects of a list at once: of nodes with all their images some 100,000 values */

struct ask {
	struct cli *cli;
	char path[ASK_PATH_MAX];
	int timeout_ms; /* 0: 10 s */
	/* Gets the answer, for whom a copy of it is too much; it may ask on (ask_begin). NULL: it is kept in answer. */
	void (*on_answer)(struct ask *a, const cJSON *object);
	void *ctx;

	struct http_call *call; /* while it is under way */
	bool ended;             /* with answer, or what on_answer took, or with err.code */
	cJSON *answer;
	struct error err;
};

/* Whoever waits (ask_wait) looks again: for a callback of something else that is waited for. */
void ask_wake(struct cli *c);

/* GET path. Whatever fails is in err, also when it could not even begin. */
void ask_begin(struct cli *c, struct ask *a);
/* Gives it up, and frees the answer. */
void ask_end(struct ask *a);

/* Turns the loop until that holds (true), or the time has come (false), in monotonic ms. until NULL: until then. */
bool ask_wait(struct cli *c, int64_t deadline_ms, bool (*until)(const void *ctx), const void *ctx);
/* For one or several of them: until all have ended. */
struct asks {
	struct ask *all;
	int count;
};
bool asks_ended(const void *asks);

/* One question, waited for. The caller's (cJSON_Delete), or NULL and *err. */
cJSON *ask_get(struct cli *c, const char *path, int timeout_ms, struct error *err);
/* Behind a page of the list at `list` (a path with its limit): path becomes that of the next one, and *pages, 0 at
 * first, counts them. 1; 0: that was the last; -1 and *err: there are too many, or the token of the next has no room.
 */
int ask_next_page(const char *list, const cJSON *page, int *pages, char path[ASK_PATH_MAX], struct error *err);
/* A write, waited for, likewise. */
cJSON *ask_patch(struct cli *c, const char *path, const cJSON *patch, struct error *err);
/* Server-side apply of an object at a path with its query, waited for, likewise; for 30 s at most. Of a refusal
 * *refusal is the Status object, the caller's, or NULL, as it is else. */
cJSON *ask_apply(struct cli *c, const char *path, const cJSON *object, cJSON **refusal, struct error *err);
/* A PUT of nothing, as of an action of codis-dashboard behind the pods' proxy; waited for, likewise. */
cJSON *ask_put(struct cli *c, const char *path, struct error *err);
/* Deletes the object at path where its uid is still that one, with what it owns; its pods after so many seconds, -1: in
 * their own time. 0, also where it is not there any more; or -1 and *err. */
int ask_delete(struct cli *c, const char *path, const char *uid, int grace_s, struct error *err);
/* Sets an annotation of the object at path, or takes it away (value NULL), where its uid is still that one. CLI_OK, or
 * the status, and why is said. */
enum cli_status ask_annotate(struct cli *c, const char *path, const char *uid, const char *key, const char *value);
/* The same, where nobody has written the object since it was read with that resourceVersion. 0, or -1 and *err
 * (ERR_CONFLICT: somebody has). */
int ask_annotate_over(struct cli *c, const char *path, const char *uid, const char *version, const char *key,
		      const char *value, struct error *err);

#endif
