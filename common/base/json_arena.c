#include "common/base/json_arena.h"

#include <cjson/cJSON.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/base/error.h"

#define ALIGN 16u

/* So that what is used after the end is seen. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define HIDE(at, len) __asan_poison_memory_region(at, len)
#define SHOW(at, len) __asan_unpoison_memory_region(at, len)
#else
#define HIDE(at, len) ((void)(at), (void)(len))
#define SHOW(at, len) ((void)(at), (void)(len))
#endif

struct arena {
	char *block; /* kept as long as the thread lives */
	char *at;    /* what is taken next */
	size_t room; /* from there on; 0 while it is not open */
	bool full;   /* since begin something had no room */
};

/* cJSON's hooks have no argument, so what they take from can only be the thread's. */
static _Thread_local struct arena arena;
static bool installed;
static pthread_key_t at_exit; /* of a thread: its block is freed */

static void *take(size_t size)
{
	char *at = arena.at;

	if (size >= arena.room) { /* none where it is not open */
		arena.full = true;
		return malloc(size);
	}
	SHOW(at, size);
	size = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1); /* the room is a multiple of it, too */
	arena.at += size;
	arena.room -= size;
	return at;
}

static bool lies_in(const void *at)
{
	return arena.block && (uintptr_t)at - (uintptr_t)arena.block < JSON_ARENA_SIZE;
}

static void give(void *at)
{
	if (!lies_in(at))
		free(at);
}

static void forget(void *block)
{
	SHOW(block, JSON_ARENA_SIZE);
	free(block);
	arena = (struct arena){ .block = NULL };
}

int json_arena_install(void)
{
	cJSON_Hooks hooks = { .malloc_fn = take, .free_fn = give };

	if (pthread_key_create(&at_exit, forget) != 0)
		return -1;
	cJSON_InitHooks(&hooks);
	installed = true;
	return 0;
}

void json_arena_begin(void)
{
	if (!arena.block && installed) {
		arena.block = malloc(JSON_ARENA_SIZE);
		if (arena.block && pthread_setspecific(at_exit, arena.block) != 0) {
			free(arena.block);
			arena.block = NULL;
		}
	}
	arena.at = arena.block;
	arena.room = arena.block ? JSON_ARENA_SIZE : 0;
	arena.full = !arena.block;
}

void json_arena_end(void)
{
	arena.room = 0;
	arena.full = true;
	if (arena.block)
		HIDE(arena.block, JSON_ARENA_SIZE);
}

bool json_arena_holds(const cJSON *item)
{
	return !arena.full && lies_in(item);
}

void json_arena_delete(cJSON *item)
{
	if (!json_arena_holds(item))
		cJSON_Delete(item);
}
