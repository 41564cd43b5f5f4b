#include "common/codis/resp.h"

#include <hiredis/read.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"

/* What the reader copies at once, so that it never holds much more than an answer. */
#define PIECE_MAX (16u << 10)

enum refusal { REFUSED_NOT, REFUSED_ELEMENTS, REFUSED_END };

struct resp {
	redisReader *reader; /* only while an answer is open: most connections are idle most of the time */
	size_t taken;        /* bytes of the answer that is open */
	struct resp_answer answer;
	char *text;
	int elements;
	enum refusal refusal; /* why a callback of the reader said no; it takes every no for a lack of memory */
};

/* What the callbacks return; hiredis only looks whether it is NULL. */
static char there;

static void forget_answer(struct resp *r)
{
	free(r->text);
	r->text = NULL;
	r->answer = (struct resp_answer){ .type = RESP_NIL, .text = "" };
	r->elements = 0;
	r->taken = 0;
}

/* --- called by the reader: what is inside of an array is counted only ------------------------------------------------
 */

static void *on_string(const redisReadTask *task, char *data, size_t len)
{
	struct resp *r = task->privdata;

	/* hiredis skips the two bytes behind a string without looking at them. */
	if (task->type == REDIS_REPLY_STRING && (data[len] != '\r' || data[len + 1] != '\n')) {
		r->refusal = REFUSED_END;
		return NULL;
	}
	if (task->parent)
		return &there;
	r->text = malloc(len + 1);
	if (!r->text)
		return NULL;
	memcpy(r->text, data, len);
	r->text[len] = '\0';
	r->answer.type = task->type == REDIS_REPLY_STATUS  ? RESP_STATUS
			 : task->type == REDIS_REPLY_ERROR ? RESP_ERROR
							   : RESP_STRING;
	r->answer.text = r->text;
	r->answer.len = len;
	return &there;
}

static void *on_array(const redisReadTask *task, int elements)
{
	struct resp *r = task->privdata;

	if (elements > RESP_ELEMENTS_MAX - r->elements) {
		r->refusal = REFUSED_ELEMENTS;
		return NULL;
	}
	r->elements += elements;
	if (!task->parent)
		r->answer.type = RESP_ARRAY;
	return &there;
}

static void *on_integer(const redisReadTask *task, long long n)
{
	struct resp *r = task->privdata;

	if (!task->parent) {
		r->answer.type = RESP_INTEGER;
		r->answer.integer = n;
	}
	return &there;
}

static void *on_nil(const redisReadTask *task)
{
	(void)task; /* an answer that is forgotten is nil */
	return &there;
}

static void nothing(void *obj)
{
	(void)obj;
}

/* hiredis asks for what it could write to. */
static redisReplyObjectFunctions functions = { on_string, on_array, on_integer, on_nil, nothing };

/* --- reading
 * ---------------------------------------------------------------------------------------------------------- */

struct resp *resp_new(void)
{
	struct resp *r = calloc(1, sizeof(*r));

	if (r)
		forget_answer(r);
	return r;
}

static void close_reader(struct resp *r)
{
	if (r->reader)
		redisReaderFree(r->reader);
	r->reader = NULL;
}

void resp_free(struct resp *r)
{
	if (!r)
		return;
	close_reader(r);
	free(r->text);
	free(r);
}

static int no_memory(struct error *err)
{
	return error_set(err, ERR_NOMEM, "no memory for an answer");
}

static int too_long(struct error *err)
{
	return error_set(err, ERR_TOOBIG, "an answer of more than %u bytes", RESP_ANSWER_MAX);
}

static int refused(const struct resp *r, struct error *err)
{
	if (r->refusal == REFUSED_ELEMENTS)
		return error_set(err, ERR_TOOBIG, "an answer of more than %d elements", RESP_ELEMENTS_MAX);
	if (r->refusal == REFUSED_END)
		return error_set(err, ERR_PROTOCOL, "a string that does not end where it says");
	if (r->reader->err == REDIS_ERR_OOM)
		return no_memory(err);
	return error_set(err, ERR_PROTOCOL, "an answer that is no RESP: %s", r->reader->errstr);
}

static int feed(struct resp *r, const char *data, size_t len, struct error *err)
{
	if (!r->reader) {
		r->reader = redisReaderCreateWithFunctions(&functions);
		if (!r->reader)
			return no_memory(err);
		r->reader->privdata = r;
		r->reader->maxbuf = 0; /* else it gives back its buffer with an assert that memory is there */
	}
	r->taken += len;
	return redisReaderFeed(r->reader, data, len) == REDIS_OK ? 0 : no_memory(err);
}

/* The next answer of what was fed: 1, or 0 where it is not complete, or -1 and *err. */
static int next_answer(struct resp *r, struct error *err)
{
	void *complete = NULL;
	size_t left;

	if (redisReaderGetReply(r->reader, &complete) != REDIS_OK)
		return refused(r, err);
	left = r->reader->len - r->reader->pos;
	if (!complete)
		return r->taken >= RESP_ANSWER_MAX ? too_long(err) : 0;
	if (r->taken - left > RESP_ANSWER_MAX)
		return too_long(err);
	r->answer.elements = r->elements;
	return 1;
}

/* Hands out what is complete. 1: on_answer wants no more. */
static int drain(struct resp *r, int (*on_answer)(void *ctx, const struct resp_answer *a), void *ctx, struct error *err)
{
	size_t left;
	int rc;

	while ((rc = next_answer(r, err)) > 0) {
		left = r->reader->len - r->reader->pos;
		if (on_answer(ctx, &r->answer) != 0)
			return 1;
		forget_answer(r);
		r->taken = left;
		if (!left) {
			close_reader(r);
			return 0;
		}
	}
	return rc;
}

int resp_read(struct resp *r, const char *data, size_t len, int (*on_answer)(void *ctx, const struct resp_answer *a),
	      void *ctx, struct error *err)
{
	int rc = 0;

	for (size_t at = 0, piece; at < len && rc == 0; at += piece) {
		piece = len - at < PIECE_MAX ? len - at : PIECE_MAX;
		if (feed(r, data + at, piece, err) < 0)
			return -1;
		rc = drain(r, on_answer, ctx, err);
	}
	return rc < 0 ? -1 : 0;
}

bool resp_is_open(const struct resp *r)
{
	return r->reader != NULL;
}

const char *resp_type_words(enum resp_type type)
{
	static const char *const words[] = { "a status", "an error", "a string", "a number", "nothing", "an array" };

	return words[type];
}
