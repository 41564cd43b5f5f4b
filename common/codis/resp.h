/* resp.h - the answers of a Redis server out of its bytes, however they come split. Pure.
 *
 * hiredis' reader does the parsing. What it would take without a limit has one here, since whoever has an address in
 * the cluster may be asked: bytes and elements of one answer are counted while it grows. RESP2, as every Redis speaks
 * that was not asked for another. */
#ifndef CODIS_CODIS_RESP_H
#define CODIS_CODIS_RESP_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct resp;

/* One answer on the wire. INFO is the longest that is asked for: 3 to 8 KiB, and 80 bytes more for each replica. */
#define RESP_ANSWER_MAX (64u << 10)
/* Of one answer, in all of its arrays together. Nothing that is asked here is answered with an array. */
#define RESP_ELEMENTS_MAX 64

enum resp_type { RESP_STATUS, RESP_ERROR, RESP_STRING, RESP_INTEGER, RESP_NIL, RESP_ARRAY };

struct resp_answer {
	enum resp_type type;
	const char *text; /* of a status, an error, a string: NUL-terminated; else "" */
	size_t len;
	long long integer;
	int elements; /* of an array, with those inside; what they say is not kept */
};

struct resp *resp_new(void); /* NULL: no memory */
void resp_free(struct resp *r);

/* Takes the next bytes and calls on_answer for each answer that is complete with them; *a is valid during the call.
 * Anything but 0 from on_answer ends the reading, and the rest of the bytes is forgotten. 0, or -1 and *err where the
 * bytes are no RESP (ERR_PROTOCOL), an answer is over a limit (ERR_TOOBIG), or memory ran out; r is of no use then. */
int resp_read(struct resp *r, const char *data, size_t len, int (*on_answer)(void *ctx, const struct resp_answer *a),
	      void *ctx, struct error *err);

/* Whether an answer has begun that is not complete yet. */
bool resp_is_open(const struct resp *r);

/* "a status", "an array" */
const char *resp_type_words(enum resp_type type);

#endif
