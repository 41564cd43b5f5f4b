/* level.c - makes Redis 7 answer as Codis' Redis 3.2.11 does, where it matters to who runs it:
 *
 *   - a replica without its master that may not serve stale data answers PING, and refuses MULTI, CLIENT, SELECT
 *     (7 does the opposite), and says since when it has had no master also when it never had one;
 *   - PSYNC continues only with the very master that it began with: no PSYNC2, so a repoint is a full resync;
 *   - the commands with which dashboard and proxies move slots: SLOTSINFO, SLOTSHASHKEY, SLOTSMGRTTAGONE,
 *     SLOTSMGRTTAGSLOT, SLOTSMGRTTAGSLOT-ASYNC, SLOTSMGRT-EXEC-WRAPPER.
 *
 * A server that is no stale replica pays for a look at the length and the first letter of each command's name.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "tests/codis-sim/module/api.h"

enum { SLOTS = 1024, DBS = 16, KEYS_MAX = 1024 };

/* One Redis, one module: its memory. Redis calls on one thread only. */
static struct {
	Context *ctx;
	bool maybe_stale;        /* a link or role has changed: look closer */
	Dict *index[DBS][SLOTS]; /* keys by slot; made when a slot is first moved; keys that are gone leave it late */
	bool indexed[DBS];
} level = { .maybe_stale = true };

/* --- stale replicas ----------------------------------------------------------------------------------------------- */

static bool setting_is(const char *name, const char *value)
{
	CallReply *r = Call(level.ctx, "CONFIG", "cc", "GET", name);
	size_t len = 0;
	const char *text = r ? CallReplyStringPtr(CallReplyArrayElement(r, 1), &len) : NULL;
	bool is = text && len == strlen(value) && memcmp(text, value, len) == 0;

	if (r)
		FreeCallReply(r);
	return is;
}

static bool is_stale(void)
{
	int flags;

	if (!level.maybe_stale)
		return false;
	flags = GetContextFlags(NULL);
	level.maybe_stale = (flags & FLAG_REPLICA) && (flags & FLAG_STALE);
	return level.maybe_stale;
}

static void on_change(Context *ctx, struct event e, uint64_t sub, void *data)
{
	(void)ctx;
	(void)e;
	(void)sub;
	(void)data;
	level.maybe_stale = true;
}

static int masterdown(Context *ctx, String **argv, int argc)
{
	(void)argv;
	(void)argc;
	return ReplyWithError(ctx, "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.");
}

static int ping(Context *ctx, String **argv, int argc)
{
	size_t len;
	const char *text;

	if (argc == 1)
		return ReplyWithSimpleString(ctx, "PONG");
	text = StringPtrLen(argv[1], &len);
	return ReplyWithStringBuffer(ctx, text, len);
}

/* 7 says -1 where 3.2 counts from 1970. */
static int info(Context *ctx, String **argv, int argc)
{
	static const char never[] = "master_link_down_since_seconds:-1";
	CallReply *r = Call(ctx, "INFO", "v", argv + 1, (size_t)argc - 1);
	size_t len = 0;
	const char *text = r ? CallReplyStringPtr(r, &len) : "", *at;
	char *out = malloc(len + 64);
	int n = 0;

	at = text ? memmem(text, len, never, sizeof(never) - 1) : NULL;
	if (out && at)
		n = snprintf(out, len + 64, "%.*s%.*s%lld%.*s", (int)(at - text), text, (int)sizeof(never) - 3, never,
			     (long long)time(NULL), (int)(len - (size_t)(at - text) - sizeof(never) + 1),
			     at + sizeof(never) - 1);
	ReplyWithStringBuffer(ctx, n ? out : text, n ? (size_t)n : len);
	free(out);
	if (r)
		FreeCallReply(r);
	return OK;
}

/* --- the filter: sees every command before Redis does ------------------------------------------------------------- */

static void rename_to(FilterContext *f, int i, const char *name)
{
	CommandFilterArgReplace(f, i, CreateString(NULL, name, strlen(name)));
}

/* What 3.2 refuses and 7 allows to a replica without its master, and the other way round. */
static const char *stale_name(const char *name, size_t len)
{
	static const struct {
		const char *name, *becomes;
	} table[] = { { "PING", "codis.ping" },         { "INFO", "codis.info" },
		      { "MULTI", "codis.masterdown" },  { "CLIENT", "codis.masterdown" },
		      { "SELECT", "codis.masterdown" }, { "WATCH", "codis.masterdown" },
		      { "TIME", "codis.masterdown" } };

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strlen(table[i].name) == len && strncasecmp(table[i].name, name, len) == 0)
			return table[i].becomes;
	return NULL;
}

static bool own_replid(const char *id, size_t len)
{
	static const char field[] = "master_replid:";
	CallReply *r = Call(level.ctx, "INFO", "c", "replication");
	size_t n = 0;
	const char *text = r ? CallReplyStringPtr(r, &n) : NULL,
		   *at = text ? memmem(text, n, field, sizeof(field) - 1) : NULL;
	bool is = at && (size_t)(text + n - at) >= sizeof(field) - 1 + len &&
		  memcmp(at + sizeof(field) - 1, id, len) == 0;

	if (r)
		FreeCallReply(r);
	return is;
}

/* A replica that asks to go on where it was with somebody else starts from the beginning. */
static void level_psync(FilterContext *f)
{
	size_t len;
	const char *id = StringPtrLen(CommandFilterArgGet(f, 1), &len);

	if (len == 1 || (!(GetContextFlags(NULL) & FLAG_REPLICA) && own_replid(id, len)))
		return;
	rename_to(f, 1, "?");
	rename_to(f, 2, "-1");
}

static void filter(FilterContext *f)
{
	size_t len;
	const char *name = StringPtrLen(CommandFilterArgGet(f, 0), &len), *other;

	if (len == 5 && (*name | 32) == 'p' && CommandFilterArgsCount(f) >= 3 && strncasecmp(name, "PSYNC", 5) == 0) {
		level_psync(f);
		return;
	}
	if (!is_stale())
		return;
	other = stale_name(name, len);
	if (other && setting_is("replica-serve-stale-data", "no"))
		rename_to(f, 0, other);
}

/* --- slots -------------------------------------------------------------------------------------------------------- */

static uint32_t crc32_ieee(const char *data, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
	}
	return crc ^ 0xffffffffu;
}

/* The part of a key that says where it belongs: its first {tag}, or all of it. */
static bool tag_of(const char *key, size_t len, const char **tag, size_t *tag_len)
{
	const char *open = memchr(key, '{', len), *close = open ? memchr(open, '}', len - (size_t)(open - key)) : NULL;

	*tag = close ? open + 1 : key;
	*tag_len = close ? (size_t)(close - open - 1) : len;
	return close != NULL;
}

static int slot_of(const char *key, size_t len)
{
	const char *tag;
	size_t n;

	tag_of(key, len, &tag, &n);
	return (int)(crc32_ieee(tag, n) % SLOTS);
}

static void index_add(int db, String *key)
{
	size_t len;
	const char *text = StringPtrLen(key, &len);
	int slot = slot_of(text, len);

	if (!level.index[db][slot])
		level.index[db][slot] = CreateDict(NULL);
	DictSetC(level.index[db][slot], (void *)(uintptr_t)text, len, NULL);
}

static int on_new_key(Context *ctx, int type, const char *event, String *key)
{
	int db = GetSelectedDb(ctx);

	(void)type;
	(void)event;
	if (db >= 0 && db < DBS && level.indexed[db])
		index_add(db, key);
	return OK;
}

static void on_scanned(Context *ctx, String *name, Key *key, void *data)
{
	(void)ctx;
	(void)key;
	index_add(*(int *)data, name);
}

static void index_make(Context *ctx, int db)
{
	ScanCursor *cursor;

	if (level.indexed[db])
		return;
	level.indexed[db] = true;
	cursor = ScanCursorCreate();
	while (Scan(ctx, cursor, on_scanned, &db))
		;
	ScanCursorDestroy(cursor);
}

static void on_counted(Context *ctx, String *name, Key *key, void *data)
{
	size_t len;
	const char *text = StringPtrLen(name, &len);

	(void)ctx;
	(void)key;
	((int *)data)[slot_of(text, len)]++;
}

/* SLOTSINFO [first [count]]: pairs of slot and number of keys, of slots that have any. */
static int slotsinfo(Context *ctx, String **argv, int argc)
{
	int sizes[SLOTS] = { 0 }, n = 0;
	long long first = 0, count = SLOTS;
	ScanCursor *cursor = ScanCursorCreate();

	if (argc > 1)
		StringToLongLong(argv[1], &first);
	if (argc > 2)
		StringToLongLong(argv[2], &count);
	while (Scan(ctx, cursor, on_counted, sizes))
		;
	ScanCursorDestroy(cursor);
	for (int i = 0; i < SLOTS; i++) {
		if (i < first || i >= first + count)
			sizes[i] = 0;
		n += sizes[i] > 0;
	}
	ReplyWithArray(ctx, n);
	for (int i = 0; i < SLOTS; i++) {
		if (!sizes[i])
			continue;
		ReplyWithArray(ctx, 2);
		ReplyWithLongLong(ctx, i);
		ReplyWithLongLong(ctx, sizes[i]);
	}
	return OK;
}

static int slotshashkey(Context *ctx, String **argv, int argc)
{
	ReplyWithArray(ctx, argc - 1);
	for (int i = 1; i < argc; i++) {
		size_t len;
		const char *text = StringPtrLen(argv[i], &len);

		ReplyWithLongLong(ctx, slot_of(text, len));
	}
	return OK;
}

/* --- moving ------------------------------------------------------------------------------------------------------- */

struct batch {
	String *keys[KEYS_MAX];
	int n;
};

static void batch_add(struct batch *b, const char *key, size_t len)
{
	if (b->n < KEYS_MAX)
		b->keys[b->n++] = CreateString(NULL, key, len);
}

static void batch_free(struct batch *b)
{
	for (int i = 0; i < b->n; i++)
		FreeString(NULL, b->keys[i]);
	b->n = 0;
}

/* Keys of the slot, at most max; with a tag, only those that share it. */
static void collect(struct batch *b, Dict *d, const char *tag, size_t tag_len, int max)
{
	DictIter *it = DictIteratorStartC(d, "^", NULL, 0);
	size_t len, n;
	const char *key, *own;

	while (b->n < max && (key = DictNextC(it, &len, NULL))) {
		if (tag && (!tag_of(key, len, &own, &n) || n != tag_len || memcmp(own, tag, n) != 0))
			continue;
		batch_add(b, key, len);
	}
	DictIteratorStop(it);
}

static int count_existing(Context *ctx, const struct batch *b)
{
	int n = 0;

	for (int i = 0; i < b->n; i++)
		n += KeyExists(ctx, b->keys[i]);
	return n;
}

/* MIGRATE of the batch. How many went, or -1 after an error reply. */
static int move(Context *ctx, struct batch *b, Dict *d, String *host, String *port, String *timeout)
{
	int n = count_existing(ctx, b);
	CallReply *pass, *r = NULL;
	size_t len = 0;
	const char *auth;

	if (n) {
		pass = Call(ctx, "CONFIG", "cc", "GET", "requirepass");
		auth = pass ? CallReplyStringPtr(CallReplyArrayElement(pass, 1), &len) : NULL;
		if (len)
			r = Call(ctx, "MIGRATE",
				 "!Esscls"
				 "ccb"
				 "cv",
				 host, port, "", (long long)GetSelectedDb(ctx), timeout, "REPLACE", "AUTH", auth, len,
				 "KEYS", b->keys, (size_t)b->n);
		else
			r = Call(ctx, "MIGRATE",
				 "!Esscls"
				 "c"
				 "cv",
				 host, port, "", (long long)GetSelectedDb(ctx), timeout, "REPLACE", "KEYS", b->keys,
				 (size_t)b->n);
		if (pass)
			FreeCallReply(pass);
		if (!r || CallReplyType(r) == REPLY_ERROR) {
			if (r)
				ReplyWithCallReply(ctx, r);
			else
				ReplyWithError(ctx, "IOERR error or timeout writing to target");
			n = -1;
		}
		if (r)
			FreeCallReply(r);
	}
	for (int i = 0; n >= 0 && i < b->n; i++) {
		const char *key = StringPtrLen(b->keys[i], &len);

		DictDelC(d, (void *)(uintptr_t)key, len, NULL);
	}
	return n;
}

static Dict *slot_index(Context *ctx, int slot)
{
	int db = GetSelectedDb(ctx);

	index_make(ctx, db);
	if (!level.index[db][slot])
		level.index[db][slot] = CreateDict(NULL);
	return level.index[db][slot];
}

/* SLOTSMGRTTAGONE host port timeout key: the key and all that share its tag. Replies how many went. */
static int slotsmgrttagone(Context *ctx, String **argv, int argc)
{
	struct batch b = { .n = 0 };
	const char *key, *tag;
	size_t len, tag_len;
	Dict *d;
	int n;

	if (argc != 5)
		return WrongArity(ctx);
	key = StringPtrLen(argv[4], &len);
	d = slot_index(ctx, slot_of(key, len));
	if (tag_of(key, len, &tag, &tag_len))
		collect(&b, d, tag, tag_len, KEYS_MAX);
	else
		batch_add(&b, key, len);
	n = move(ctx, &b, d, argv[1], argv[2], argv[3]);
	if (n >= 0)
		ReplyWithLongLong(ctx, n);
	batch_free(&b);
	return OK;
}

static bool slot_argument(Context *ctx, String *arg, int *slot)
{
	long long n;

	if (StringToLongLong(arg, &n) == OK && n >= 0 && n < SLOTS) {
		*slot = (int)n;
		return true;
	}
	ReplyWithError(ctx, "ERR invalid slot number");
	return false;
}

static int reply_pair(Context *ctx, int a, int b)
{
	ReplyWithArray(ctx, 2);
	ReplyWithLongLong(ctx, a);
	return ReplyWithLongLong(ctx, b);
}

/* SLOTSMGRTTAGSLOT host port timeout slot: one key and all that share its tag. Replies how many went, how many are
 * left. */
static int slotsmgrttagslot(Context *ctx, String **argv, int argc)
{
	struct batch b = { .n = 0 };
	const char *key, *tag;
	size_t len, tag_len;
	int n = 0, slot;
	Dict *d;

	if (argc != 5)
		return WrongArity(ctx);
	if (!slot_argument(ctx, argv[4], &slot))
		return OK;
	d = slot_index(ctx, slot);
	collect(&b, d, NULL, 0, 1);
	if (b.n) {
		key = StringPtrLen(b.keys[0], &len);
		if (tag_of(key, len, &tag, &tag_len)) {
			struct batch tagged = { .n = 0 };

			collect(&tagged, d, tag, tag_len, KEYS_MAX);
			batch_free(&b);
			b = tagged;
		}
		n = move(ctx, &b, d, argv[1], argv[2], argv[3]);
	}
	if (n >= 0)
		reply_pair(ctx, n, (int)DictSize(d));
	batch_free(&b);
	return OK;
}

/* SLOTSMGRTTAGSLOT-ASYNC host port timeout maxbulks maxbytes slot numkeys. Codis moves them aside; here the server
 * waits. The second number of the reply is how many there were before. */
static int slotsmgrttagslot_async(Context *ctx, String **argv, int argc)
{
	struct batch b = { .n = 0 };
	long long numkeys = 100;
	int n, slot, before;
	Dict *d;

	if (argc != 8)
		return WrongArity(ctx);
	if (!slot_argument(ctx, argv[6], &slot))
		return OK;
	StringToLongLong(argv[7], &numkeys);
	d = slot_index(ctx, slot);
	before = (int)DictSize(d);
	collect(&b, d, NULL, 0, numkeys < 1 ? 1 : numkeys > KEYS_MAX ? KEYS_MAX : (int)numkeys);
	n = move(ctx, &b, d, argv[1], argv[2], argv[3]);
	if (n >= 0)
		reply_pair(ctx, n, n ? before : (int)DictSize(d));
	batch_free(&b);
	return OK;
}

/* SLOTSMGRT-EXEC-WRAPPER key command...: [0, error] when the key is not here (any more), [2, reply] when the command
 * was carried out. (Codis has [1, error] too, while it moves that key; here a key moves at once.) */
static int slotsmgrt_exec_wrapper(Context *ctx, String **argv, int argc)
{
	CallReply *r;

	if (argc < 3)
		return WrongArity(ctx);
	ReplyWithArray(ctx, 2);
	if (!KeyExists(ctx, argv[1])) {
		ReplyWithLongLong(ctx, 0);
		return ReplyWithError(ctx, "ERR the specified key doesn't exist");
	}
	ReplyWithLongLong(ctx, 2);
	r = Call(ctx, StringPtrLen(argv[2], NULL), "!Ev", argv + 3, (size_t)argc - 3);
	if (!r)
		return ReplyWithError(ctx, "ERR unknown command");
	ReplyWithCallReply(ctx, r);
	FreeCallReply(r);
	return OK;
}

/* --- life --------------------------------------------------------------------------------------------------------- */

int RedisModule_OnLoad(Context *ctx, String **argv, int argc);
int RedisModule_OnLoad(Context *ctx, String **argv, int argc)
{
	static const struct {
		const char *name;
		int (*run)(Context *, String **, int);
		const char *flags;
	} commands[] = {
		{ "codis.ping", ping, "fast allow-stale" },
		{ "codis.info", info, "allow-stale allow-loading" },
		{ "codis.masterdown", masterdown, "fast allow-stale" },
		{ "slotsinfo", slotsinfo, "readonly" },
		{ "slotshashkey", slotshashkey, "readonly fast" },
		{ "slotsmgrttagone", slotsmgrttagone, "write" },
		{ "slotsmgrttagslot", slotsmgrttagslot, "write" },
		{ "slotsmgrttagslot-async", slotsmgrttagslot_async, "write" },
		{ "slotsmgrt-exec-wrapper", slotsmgrt_exec_wrapper, "write deny-oom" },
	};
	(void)argv;
	(void)argc;
	if (load_api(ctx) != OK)
		return ERR;
	SetModuleAttribs(ctx, "codis-sim", 1, 1);
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (CreateCommand(ctx, commands[i].name, commands[i].run, commands[i].flags, 0, 0, 0) != OK)
			return ERR;
	level.ctx = GetDetachedThreadSafeContext(ctx);
	SubscribeToServerEvent(ctx, (struct event){ EVENT_ROLE, 1 }, on_change);
	SubscribeToServerEvent(ctx, (struct event){ EVENT_LINK, 1 }, on_change);
	SubscribeToKeyspaceEvents(ctx, NOTIFY_NEW | NOTIFY_LOADED, on_new_key);
	return RegisterCommandFilter(ctx, filter, FILTER_NOSELF) ? OK : ERR;
}
