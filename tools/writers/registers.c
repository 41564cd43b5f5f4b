#include "tools/writers/registers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/base/error.h"
#include "tools/writers/client.h"

#define LINE_MAX_BYTES 192
#define DIGITS         20
#define LAST_TRIES     20 /* to read a register at the end: 1 s each where nobody answers */

static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int registers_open(struct registers *all, int count, const char *run, const char *file, struct error *err)
{
	*all = (struct registers){ .count = count, .run = run };
	if (file && file[0] && !(all->history = fopen(file, "we")))
		return error_set(err, ERR_IO, "--history %s: %s", file, strerror(errno));
	return 0;
}

int registers_close(struct registers *all)
{
	FILE *history = all->history;
	bool failed = history && ferror(history);

	all->history = NULL;
	if (history && fclose(history) != 0)
		failed = true;
	return failed ? -1 : 0;
}

void registers_line(const struct registers_operation *o, char *out, size_t size)
{
	int n = snprintf(out, size, "{\"client\":%d,\"op\":\"%s\",\"key\":%d,\"value\":%" PRId64 ",\"call\":%" PRId64,
			 o->client, o->write ? "write" : "read", o->key, o->value, o->call_ns);

	if (o->return_ns)
		snprintf(out + n, size - (size_t)n, ",\"return\":%" PRId64 "}\n", o->return_ns);
	else
		snprintf(out + n, size - (size_t)n, "}\n");
}

int64_t registers_number(const char *value, size_t len)
{
	char digits[DIGITS];
	size_t n = 0;

	while (n < len && n < sizeof(digits) - 1 && value[n] >= '0' && value[n] <= '9') {
		digits[n] = value[n];
		n++;
	}
	digits[n] = '\0';
	return strtoll(digits, NULL, 10);
}

/* Whole lines: stdio has a lock for each call. */
static void note(struct registers *all, const struct registers_operation *o)
{
	char line[LINE_MAX_BYTES];

	registers_line(o, line, sizeof(line));
	if (all->history)
		fputs(line, all->history);
}

/* Xorshift: chance of each client's own, the same each time. */
static uint32_t chance(struct registers_client *r)
{
	r->chance ^= r->chance << 13;
	r->chance ^= r->chance >> 7;
	r->chance ^= r->chance << 17;
	return (uint32_t)(r->chance >> 32);
}

void registers_begin(struct registers_client *r)
{
	r->chance = 0x9e3779b97f4a7c15u * (uint64_t)(r->number + 1);
}

static bool operate(struct registers_client *r, struct registers_operation *o)
{
	char key[64], value[DIGITS + 2];
	redisReply *reply;

	snprintf(value, sizeof(value), "%" PRId64, o->value);
	/* Neighbours would have slots that are near each other, all of one group. */
	snprintf(key, sizeof(key), "%s:r%d:%08x", r->all->run, o->key, (unsigned)o->key * 2654435761u);
	o->call_ns = now_ns();
	reply = o->write ? client_set(r->client, key, value, strlen(value)) : client_get(r->client, key);
	o->return_ns = reply ? now_ns() : 0;
	if (reply && !o->write && reply->type == REDIS_REPLY_STRING)
		o->value = registers_number(reply->str, reply->len);
	note(r->all, o);
	if (reply)
		freeReplyObject(reply);
	return reply != NULL;
}

bool registers_step(struct registers_client *r)
{
	struct registers_operation o = { .client = r->number, .key = (int)(chance(r) % (uint32_t)r->all->count) };

	o.write = chance(r) % 2;
	if (o.write)
		o.value = (r->number + 1) * REGISTERS_WRITES_MAX + ++r->writes;
	return operate(r, &o);
}

/* What was written last is in no answer yet. */
void registers_end(struct registers_client *r)
{
	int tries = LAST_TRIES;

	for (int key = 0; key < r->all->count && tries; key++) {
		struct registers_operation o = { .client = r->number, .key = key };

		while (!operate(r, &o) && --tries)
			;
	}
}
