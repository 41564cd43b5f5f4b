/* api.h - the few functions of Redis 7's module API that level.c uses. A module asks for each by its name. */
#ifndef CODIS_SIM_MODULE_API_H
#define CODIS_SIM_MODULE_API_H

#include <stddef.h>
#include <stdint.h>

typedef struct Context Context;
typedef struct String String;
typedef struct CallReply CallReply;
typedef struct Key Key;
typedef struct Dict Dict;
typedef struct DictIter DictIter;
typedef struct FilterContext FilterContext;
typedef struct ScanCursor ScanCursor;
struct event {
	uint64_t id, dataver;
};

#define OK             0
#define ERR            1
#define FILTER_NOSELF  1
#define FLAG_REPLICA   (1 << 3)
#define FLAG_STALE     (1 << 14)
#define NOTIFY_GENERIC (1 << 2)
#define NOTIFY_LOADED  (1 << 12)
#define NOTIFY_NEW     (1 << 14)
#define EVENT_ROLE     0
#define EVENT_LINK     7
#define REPLY_STRING   0
#define REPLY_ERROR    1
#define REPLY_INTEGER  2
#define REPLY_ARRAY    3

#define MODULE_API(X)                                                                                                  \
	X(void, SetModuleAttribs, (Context *, const char *name, int version, int api))                                 \
	X(int, CreateCommand,                                                                                          \
	  (Context *, const char *name, int (*)(Context *, String **, int), const char *flags, int, int, int))         \
	X(void *, RegisterCommandFilter, (Context *, void (*)(FilterContext *), int flags))                            \
	X(int, CommandFilterArgsCount, (FilterContext *))                                                              \
	X(const String *, CommandFilterArgGet, (FilterContext *, int))                                                 \
	X(int, CommandFilterArgReplace, (FilterContext *, int, String *))                                              \
	X(int, SubscribeToServerEvent, (Context *, struct event, void (*)(Context *, struct event, uint64_t, void *))) \
	X(int, SubscribeToKeyspaceEvents, (Context *, int types, int (*)(Context *, int, const char *, String *)))     \
	X(Context *, GetDetachedThreadSafeContext, (Context *))                                                        \
	X(int, GetContextFlags, (Context *))                                                                           \
	X(int, GetSelectedDb, (Context *))                                                                             \
	X(const char *, StringPtrLen, (const String *, size_t *))                                                      \
	X(String *, CreateString, (Context *, const char *, size_t))                                                   \
	X(void, FreeString, (Context *, String *))                                                                     \
	X(int, StringToLongLong, (const String *, long long *))                                                        \
	X(int, ReplyWithError, (Context *, const char *))                                                              \
	X(int, ReplyWithSimpleString, (Context *, const char *))                                                       \
	X(int, ReplyWithStringBuffer, (Context *, const char *, size_t))                                               \
	X(int, ReplyWithLongLong, (Context *, long long))                                                              \
	X(int, ReplyWithArray, (Context *, long))                                                                      \
	X(int, ReplyWithCallReply, (Context *, CallReply *))                                                           \
	X(int, WrongArity, (Context *))                                                                                \
	X(CallReply *, Call, (Context *, const char *command, const char *fmt, ...))                                   \
	X(void, FreeCallReply, (CallReply *))                                                                          \
	X(int, CallReplyType, (CallReply *))                                                                           \
	X(long long, CallReplyInteger, (CallReply *))                                                                  \
	X(const char *, CallReplyStringPtr, (CallReply *, size_t *))                                                   \
	X(CallReply *, CallReplyArrayElement, (CallReply *, size_t))                                                   \
	X(ScanCursor *, ScanCursorCreate, (void))                                                                      \
	X(void, ScanCursorDestroy, (ScanCursor *))                                                                     \
	X(int, Scan, (Context *, ScanCursor *, void (*)(Context *, String *, Key *, void *), void *))                  \
	X(int, KeyExists, (Context *, String *))                                                                       \
	X(Dict *, CreateDict, (Context *))                                                                             \
	X(uint64_t, DictSize, (Dict *))                                                                                \
	X(int, DictSetC, (Dict *, void *, size_t, void *))                                                             \
	X(int, DictDelC, (Dict *, void *, size_t, void *))                                                             \
	X(DictIter *, DictIteratorStartC, (Dict *, const char *op, void *, size_t))                                    \
	X(void *, DictNextC, (DictIter *, size_t *, void **))                                                          \
	X(void, DictIteratorStop, (DictIter *))

#define DECLARE(result, name, args) static result(*name) args;
MODULE_API(DECLARE)
#undef DECLARE

/* A module's context begins with the function that hands out the others. 0, or ERR when this Redis lacks one. */
static int load_api(Context *ctx)
{
	int (*get)(const char *, void *) = NULL;

	memcpy(&get, ctx, sizeof(get));
#define GET(result, name, args)                                                                                        \
	if (get("RedisModule_" #name, (void *)&name) != OK)                                                            \
		return ERR;
	MODULE_API(GET)
#undef GET
	return OK;
}

#endif
