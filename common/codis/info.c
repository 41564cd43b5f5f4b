#include "common/codis/info.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/net/addr.h"

/* Longer ago than this is no link's loss, but 1970. */
#define LINK_DOWN_MAX_S 1000000000

#define HOST_CHARS "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.:-_%"

struct line {
	const char *key, *value;
	size_t key_len, value_len;
};

/* The next "key:value" line of an INFO text; false at the end. Headings and blank lines are passed over. */
static bool next_line(const char **at, const char *end, struct line *line)
{
	while (*at < end) {
		const char *start = *at, *nl = memchr(start, '\n', (size_t)(end - start));
		const char *stop = nl ? nl : end, *colon;

		*at = nl ? nl + 1 : end;
		if (stop > start && stop[-1] == '\r')
			stop--;
		colon = memchr(start, ':', (size_t)(stop - start));
		if (*start == '#' || !colon)
			continue;
		*line = (struct line){ start, colon + 1, (size_t)(colon - start), (size_t)(stop - colon - 1) };
		return true;
	}
	return false;
}

static bool is(const struct line *l, const char *key)
{
	return strlen(key) == l->key_len && memcmp(l->key, key, l->key_len) == 0;
}

static bool says(const struct line *l, const char *value)
{
	return strlen(value) == l->value_len && memcmp(l->value, value, l->value_len) == 0;
}

/* As much of the value as has room. */
static void copy(const struct line *l, char *out, size_t size)
{
	size_t len = l->value_len < size ? l->value_len : size - 1;

	memcpy(out, l->value, len);
	out[len] = '\0';
}

static int64_t number(const struct line *l)
{
	char digits[24];

	copy(l, digits, sizeof(digits));
	return strtoll(digits, NULL, 10);
}

/* "db0:keys=12,expires=0,..." */
static int64_t keys_of(const struct line *l)
{
	struct line keys = { NULL, l->value + 5, 0, l->value_len - 5 };

	int64_t n;

	if (l->value_len <= 5 || memcmp(l->value, "keys=", 5) != 0)
		return 0;
	n = number(&keys);
	return n < 0 ? 0 : n > INFO_KEYS_MAX ? INFO_KEYS_MAX : n;
}

/* A peer may say anything. */
static int64_t sum(int64_t a, int64_t b)
{
	return a > INFO_KEYS_MAX - b ? INFO_KEYS_MAX : a + b;
}

/* Or any other count. */
static int64_t offset_of(const struct line *l)
{
	int64_t n = number(l);

	return n < 0 ? -1 : n > INFO_OFFSET_MAX ? INFO_OFFSET_MAX : n;
}

/* 0, which no server has: it is none. */
static int port_of(const struct line *l)
{
	int64_t n = number(l);

	return n > 0 && n <= UINT16_MAX ? (int)n : 0;
}

/* Redis 3.2 counts from 1970 where a link never was up, later ones say -1. */
static int64_t down_of(const struct line *l)
{
	int64_t n = number(l);

	return n < 0 || n > LINK_DOWN_MAX_S ? INT64_MAX : n;
}

/* Of what no process can have seen it is as if nothing were said: -1. */
static int64_t seconds_of(const struct line *l)
{
	int64_t n = number(l);

	return n < 0 || n > LINK_DOWN_MAX_S ? -1 : n;
}

/* People and addresses are told of it, so it is what an address or a name is made of, or nothing. */
static void copy_host(const struct line *l, char *out, size_t size)
{
	copy(l, out, size);
	if (strspn(out, HOST_CHARS) != l->value_len)
		out[0] = '\0';
}

/* Likewise: 40 hexadecimal digits, or nothing. */
static void copy_run_id(const struct line *l, char out[CODIS_RUN_ID_SIZE])
{
	copy(l, out, CODIS_RUN_ID_SIZE);
	if (l->value_len != CODIS_RUN_ID_SIZE - 1 || strspn(out, "0123456789abcdefABCDEF") != l->value_len)
		out[0] = '\0';
}

struct parsing {
	struct redis_info *info;
	char host[CODIS_ADDR_MAX];
	int port;
	int64_t master_offset, replica_offset;
};

static void take_line(struct parsing *p, const struct line *l)
{
	struct redis_info *info = p->info;

	if (is(l, "run_id"))
		copy_run_id(l, info->run_id);
	else if (is(l, "uptime_in_seconds"))
		info->uptime_s = seconds_of(l);
	else if (is(l, "loading"))
		info->loading = says(l, "1");
	else if (is(l, "role"))
		info->role = says(l, "master")  ? REDIS_ROLE_MASTER
			     : says(l, "slave") ? REDIS_ROLE_REPLICA
						: REDIS_ROLE_UNKNOWN;
	else if (is(l, "master_host"))
		copy_host(l, p->host, sizeof(p->host));
	else if (is(l, "master_port"))
		p->port = port_of(l);
	else if (is(l, "master_link_status"))
		info->link_up = says(l, "up");
	else if (is(l, "master_last_io_seconds_ago"))
		info->last_io_s = seconds_of(l);
	else if (is(l, "master_link_down_since_seconds"))
		info->link_down_s = down_of(l);
	else if (is(l, "master_sync_in_progress"))
		info->syncing = says(l, "1");
	else if (is(l, "slave_repl_offset"))
		p->replica_offset = offset_of(l);
	else if (is(l, "hz") ||
		 is(l, "configured_hz")) /* later ones change hz by themselves; what is set comes behind */
		info->ending = says(l, CODIS_ENDING_HZ);
	else if (is(l, "min_slaves_good_slaves")) /* said only while min-slaves-to-write and min-slaves-max-lag are */
		info->bounded = true;
	else if (is(l, "used_memory"))
		info->memory = offset_of(l);
	else if (is(l, "maxmemory"))
		info->memory_max = offset_of(l);
	else if (is(l, "instantaneous_ops_per_sec"))
		info->ops = offset_of(l);
	else if (is(l, "master_repl_offset"))
		p->master_offset = offset_of(l);
	else if (l->key_len > 2 && memcmp(l->key, "db", 2) == 0 && l->key[2] >= '0' && l->key[2] <= '9')
		info->keys = sum(info->keys, keys_of(l));
}

int redis_info_parse(const char *text, size_t len, struct redis_info *info, struct error *err)
{
	struct parsing p = { .info = info, .replica_offset = -1 };
	const char *at = text;
	struct line l;

	memset(info, 0, sizeof(*info));
	info->last_io_s = info->link_down_s = info->uptime_s = -1;
	info->memory = info->memory_max = info->ops = -1;
	while (next_line(&at, text + len, &l))
		take_line(&p, &l);
	if (!info->run_id[0] || info->role == REDIS_ROLE_UNKNOWN)
		return error_set(err, ERR_PROTOCOL, "INFO of %zu bytes has no run_id of 40 digits or no known role",
				 len);
	if (info->role == REDIS_ROLE_REPLICA) {
		addr_join(p.host, (uint16_t)p.port, info->master, sizeof(info->master));
		addr_settle(info->master, sizeof(info->master));
		info->offset = p.replica_offset;
	} else {
		info->link_up = false;
		info->offset = p.master_offset;
	}
	return 0;
}

bool redis_info_guarded(const struct redis_info *info)
{
	return info->role == REDIS_ROLE_REPLICA && strcmp(info->master, CODIS_GUARD_ADDR) == 0;
}
