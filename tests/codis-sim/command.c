#include "tests/codis-sim/command.h"

#include <ctype.h>

#include "tests/codis-sim/model.h"

/* What Codis 3.2 allows and what it sends to the master only. */
static const char refused[] =
	"ASKING BGREWRITEAOF BGSAVE BITOP BLPOP BRPOP BRPOPLPUSH CLIENT CLUSTER CONFIG DBSIZE DEBUG DISCARD EXEC "
	"FLUSHALL FLUSHDB "
	"KEYS LASTSAVE LATENCY MIGRATE MONITOR MOVE MSETNX MULTI OBJECT PSUBSCRIBE PSYNC PUBLISH PUNSUBSCRIBE "
	"RANDOMKEY READONLY "
	"READWRITE RENAME RENAMENX REPLCONF RESTORE RESTORE-ASKING SAVE SCAN SCRIPT SHUTDOWN SLAVEOF SLOTSCHECK "
	"SLOTSDEL "
	"SLOTSMGRTONE SLOTSMGRTSLOT SLOTSMGRTTAGONE SLOTSMGRTTAGSLOT SLOWLOG SUBSCRIBE SYNC TIME UNSUBSCRIBE UNWATCH "
	"WAIT WATCH "
	"SLOTSMGRTONE-ASYNC SLOTSMGRTSLOT-ASYNC SLOTSMGRTTAGONE-ASYNC SLOTSMGRTTAGSLOT-ASYNC SLOTSMGRT-ASYNC-FENCE "
	"SLOTSMGRT-ASYNC-CANCEL SLOTSMGRT-ASYNC-STATUS SLOTSMGRT-EXEC-WRAPPER SLOTSRESTORE-ASYNC "
	"SLOTSRESTORE-ASYNC-AUTH "
	"SLOTSRESTORE-ASYNC-ACK";

static const char master_only[] = "APPEND BITFIELD DECR DECRBY DEL EVAL EVALSHA EXPIRE EXPIREAT GEOADD GEORADIUS "
				  "GEORADIUSBYMEMBER GETSET HDEL HINCRBY "
				  "HINCRBYFLOAT HMSET HSCAN HSET HSETNX INCR INCRBY INCRBYFLOAT LINSERT LPOP LPUSH "
				  "LPUSHX LREM LSET LTRIM MSET PERSIST "
				  "PEXPIRE PEXPIREAT PFADD PFDEBUG PFMERGE PSETEX RPOP RPOPLPUSH RPUSH RPUSHX SADD "
				  "SDIFFSTORE SET SETBIT SETEX SETNX "
				  "SETRANGE SINTERSTORE SLOTSINFO SLOTSRESTORE SLOTSSCAN SMOVE SORT SPOP SREM SSCAN "
				  "SUNIONSTORE TOUCH ZADD ZINCRBY "
				  "ZINTERSTORE ZREM ZREMRANGEBYLEX ZREMRANGEBYRANK ZREMRANGEBYSCORE ZSCAN ZUNIONSTORE";

static const char anywhere[] =
	"AUTH BITCOUNT BITPOS COMMAND DUMP ECHO EXISTS GEODIST GEOHASH GEOPOS GET GETBIT GETRANGE HEXISTS HGET HGETALL "
	"HKEYS HLEN "
	"HMGET HSTRLEN HVALS INFO LINDEX LLEN LRANGE MGET PFCOUNT PFSELFTEST PING PTTL PUBSUB QUIT ROLE SCARD SDIFF "
	"SELECT SINTER "
	"SISMEMBER SLOTSHASHKEY SLOTSMAPPING SMEMBERS SRANDMEMBER STRLEN SUBSTR SUNION TTL TYPE ZCARD ZCOUNT ZLEXCOUNT "
	"ZRANGE "
	"ZRANGEBYLEX ZRANGEBYSCORE ZRANK ZREVRANGE ZREVRANGEBYLEX ZREVRANGEBYSCORE ZREVRANK ZSCORE";

static const struct {
	const char *name;
	enum command_kind kind;
} own[] = { { "QUIT", CMD_QUIT },           { "AUTH", CMD_AUTH },
	    { "SELECT", CMD_SELECT },       { "PING", CMD_PING },
	    { "INFO", CMD_INFO },           { "MGET", CMD_MGET },
	    { "MSET", CMD_MSET },           { "DEL", CMD_DEL },
	    { "EXISTS", CMD_EXISTS },       { "SLOTSINFO", CMD_SLOTSINFO },
	    { "SLOTSSCAN", CMD_SLOTSSCAN }, { "SLOTSMAPPING", CMD_SLOTSMAPPING } };

static unsigned bucket_of(const char *name, size_t len)
{
	uint32_t h = 2166136261u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h % 2048;
}

static struct command *add(struct commands *c, const char *name, size_t len)
{
	struct command *x;
	unsigned b = bucket_of(name, len);

	if (c->count == 511) /* made-up names are not remembered for ever */
		return &c->all[510];
	x = &c->all[c->count];
	memset(x, 0, sizeof(*x));
	memcpy(x->name, name, len);
	x->key = 1;
	x->master_only = true;
	while (c->hash[b])
		b = (b + 1) % 2048;
	c->hash[b] = (int16_t)++c->count;
	return x;
}

static void add_all(struct commands *c, const char *names, bool is_refused, bool is_master_only)
{
	while (*names) {
		size_t len = strcspn(names, " ");
		struct command *x = add(c, names, len);

		x->refused = is_refused;
		x->master_only = is_master_only;
		names += len;
		names += strspn(names, " ");
	}
}

void commands_init(struct commands *c)
{
	static const char *const third[] = { "ZINTERSTORE", "ZUNIONSTORE", "EVAL", "EVALSHA" };

	memset(c, 0, sizeof(*c));
	add_all(c, refused, true, true);
	add_all(c, master_only, false, true);
	add_all(c, anywhere, false, false);
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		commands_find(c, own[i].name, strlen(own[i].name))->kind = own[i].kind;
	for (size_t i = 0; i < 4; i++)
		commands_find(c, third[i], strlen(third[i]))->key = 3;
}

struct command *commands_find(struct commands *c, const char *name, size_t len)
{
	char upper[COMMAND_NAME_MAX];
	unsigned b;

	if (!len || len > COMMAND_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < len; i++)
		upper[i] = (char)toupper((unsigned char)name[i]);
	for (b = bucket_of(upper, len); c->hash[b]; b = (b + 1) % 2048) {
		struct command *x = &c->all[c->hash[b] - 1];

		if (memcmp(x->name, upper, len) == 0 && !x->name[len])
			return x;
	}
	return add(c, upper, len);
}

void commands_reset(struct commands *c)
{
	for (int i = 0; i < c->count; i++)
		c->all[i].calls = c->all[i].nsecs = c->all[i].fails = c->all[i].errors = 0;
}

static uint32_t crc32_ieee(const char *data, size_t len)
{
	static uint32_t table[256]; /* the same whoever fills it */
	uint32_t crc = 0xffffffffu;

	if (!table[1]) {
		for (uint32_t i = 0; i < 256; i++) {
			uint32_t r = i;

			for (int k = 0; k < 8; k++)
				r = r & 1 ? r >> 1 ^ 0xedb88320u : r >> 1;
			table[i] = r;
		}
	}
	for (size_t i = 0; i < len; i++)
		crc = table[(crc ^ (unsigned char)data[i]) & 0xff] ^ crc >> 8;
	return crc ^ 0xffffffffu;
}

int slot_of_key(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len), *close;

	if (open) {
		close = memchr(open + 1, '}', len - (size_t)(open + 1 - key));
		if (close) {
			key = open + 1;
			len = (size_t)(close - key);
		}
	}
	return (int)(crc32_ieee(key, len) % MAX_SLOTS);
}
