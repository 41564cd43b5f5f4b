#include "tests/codis-sim/wire.h"

#include <hiredis/read.h>

#include "common/base/buf.h"
#include "tests/codis-sim/golog.h"

/* What the callbacks return; hiredis only looks whether it is NULL. */
static char there;

void wire_array(struct buf *out, int n)
{
	buf_addf(out, "*%d\r\n", n);
}

void wire_bulk(struct buf *out, const char *data, size_t len)
{
	char head[32];
	int n = snprintf(head, sizeof(head), "$%zu\r\n", len);

	buf_add(out, head, (size_t)n);
	buf_add(out, data, len);
	buf_add(out, "\r\n", 2);
}

void wire_word(struct buf *out, const char *text)
{
	wire_bulk(out, text, strlen(text));
}

static redisReader *make_reader(redisReplyObjectFunctions *functions, void *data)
{
	redisReader *r = redisReaderCreateWithFunctions(functions);

	if (!r)
		golog_panic("no memory");
	r->privdata = data;
	r->maxbuf = 0; /* keep the buffer between messages */
	return r;
}

static void nothing(void *obj)
{
	(void)obj;
}

/* --- replies ------------------------------------------------------------------------------------------------------ */

static void *reply_string(const redisReadTask *task, char *data, size_t len)
{
	struct buf *out = task->privdata;

	if (task->type == REDIS_REPLY_STRING) {
		wire_bulk(out, data, len);
	} else {
		buf_addch(out, task->type == REDIS_REPLY_ERROR ? '-' : '+');
		buf_add(out, data, len);
		buf_add(out, "\r\n", 2);
	}
	return &there;
}

static void *reply_array(const redisReadTask *task, int n)
{
	wire_array(task->privdata, n);
	return &there;
}

static void *reply_integer(const redisReadTask *task, long long n)
{
	buf_addf(task->privdata, ":%lld\r\n", n);
	return &there;
}

static void *reply_nil(const redisReadTask *task)
{
	buf_addstr(task->privdata, task->type == REDIS_REPLY_ARRAY ? "*-1\r\n" : "$-1\r\n");
	return &there;
}

static redisReplyObjectFunctions reply_functions = { reply_string, reply_array, reply_integer, reply_nil, nothing };

redisReader *wire_reply_reader(struct buf *out)
{
	return make_reader(&reply_functions, out);
}

/* --- commands ----------------------------------------------------------------------------------------------------- */

void line_begin(struct command_line *line, int n_words)
{
	line->n = 0;
	line->expected = n_words;
	line->bad = n_words <= 0 || n_words > 1024 * 1024;
	buf_reset(line->wire);
	wire_array(line->wire, n_words);
}

void line_word(struct command_line *line, const char *data, size_t len)
{
	if (line->n == line->cap) {
		int cap = line->cap ? line->cap * 2 : 16;
		struct word *more = realloc(line->words, (size_t)cap * sizeof(*more));

		if (!more)
			golog_panic("no memory");
		line->words = more;
		line->cap = cap;
	}
	wire_bulk(line->wire, data, len);
	line->words[line->n++] = (struct word){ .at = line->wire->len - len - 2, .len = len };
}

void line_release(struct command_line *line)
{
	free(line->words);
	line->words = NULL;
}

const char *line_data(const struct command_line *line, int i)
{
	return line->wire->data + line->words[i].at;
}

static void *command_array(const redisReadTask *task, int n)
{
	struct command_line *line = task->privdata;

	if (task->parent)
		line->bad = true;
	else
		line_begin(line, n);
	return &there;
}

/* hiredis skips the two bytes behind a bulk without looking at them; here they have to be a line's end. */
static void *command_string(const redisReadTask *task, char *data, size_t len)
{
	struct command_line *line = task->privdata;

	if (!task->parent || task->type != REDIS_REPLY_STRING || data[len] != '\r' || data[len + 1] != '\n')
		line->bad = true;
	else
		line_word(line, data, len);
	return &there;
}

static void *command_integer(const redisReadTask *task, long long n)
{
	struct command_line *line = task->privdata;

	(void)n;
	line->bad = true;
	return &there;
}

static void *command_nil(const redisReadTask *task)
{
	struct command_line *line = task->privdata;

	line->bad = true;
	return &there;
}

static redisReplyObjectFunctions command_functions = { command_string, command_array, command_integer, command_nil,
						       nothing };

redisReader *wire_command_reader(struct command_line *line)
{
	return make_reader(&command_functions, line);
}
