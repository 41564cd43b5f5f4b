/* arena.c - memory of a history: taken from one place, and given back all at once at its end. So a controller that
 * crashes leaves nothing to be cleaned up, and a history costs no search for leaks. Outside of a history it is libc's.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tests/simulation/arena.h"

#define ARENA   (1ul << 30) /* of addresses; what is not touched costs nothing */
#define CLASSES 40
#define HEAD    16

void *__libc_malloc(size_t size);
void __libc_free(void *p);
void *__libc_realloc(void *p, size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_memalign(size_t align, size_t size);

static struct {
	char *base, *next;
	bool on;
	void *freed[CLASSES];
} a;

void arena_begin(void)
{
	if (!a.base) {
		a.base = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (a.base == MAP_FAILED)
			abort();
	}
	a.next = a.base;
	memset(a.freed, 0, sizeof(a.freed));
	a.on = true;
}

void arena_end(void)
{
	a.on = false;
}

size_t arena_used(void)
{
	return (size_t)(a.next - a.base);
}

static bool is_ours(const void *p)
{
	return a.base && (const char *)p >= a.base && (const char *)p < a.base + ARENA;
}

/* Of two classes for each power of two. */
static int class_of(size_t size, size_t *room)
{
	int power;
	size_t r;

	*room = 32;
	if (size <= 32)
		return 0;
	power = 63 - __builtin_clzl(size - 1);
	r = 1ul << power; /* < size <= 2 * r */
	*room = r + r / 2 >= size ? r + r / 2 : 2 * r;
	return 2 * (power - 5) + (*room == 2 * r ? 2 : 1);
}

static void *take(size_t size)
{
	size_t room;
	int c = class_of(size, &room);
	char *p = c < CLASSES ? a.freed[c] : NULL;

	if (p) {
		memcpy(&a.freed[c], p, sizeof(void *));
		return p;
	}
	if (c >= CLASSES || a.next + room + HEAD > a.base + ARENA)
		abort();
	*(int *)(void *)a.next = c;
	*(size_t *)(void *)(a.next + 8) = room;
	p = a.next + HEAD;
	a.next += room + HEAD;
	return p;
}

void *malloc(size_t size)
{
	return a.on ? take(size) : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	void *p;

	if (!a.on)
		return __libc_calloc(n, size);
	p = take(n * size);
	memset(p, 0, n * size);
	return p;
}

void free(void *p)
{
	int c;

	if (!p)
		return;
	if (!is_ours(p)) {
		__libc_free(p);
		return;
	}
	if (!a.on)
		return;
	c = *(int *)(void *)((char *)p - HEAD);
	memcpy(p, &a.freed[c], sizeof(void *));
	a.freed[c] = p;
}

void *realloc(void *p, size_t size)
{
	size_t room;
	void *more;

	if (!p)
		return malloc(size);
	if (!is_ours(p))
		return __libc_realloc(p, size);
	room = *(size_t *)(void *)((char *)p - 8);
	if (size <= room)
		return p;
	more = malloc(size);
	memcpy(more, p, room);
	free(p);
	return more;
}

void *memalign(size_t align, size_t size);
void *memalign(size_t align, size_t size)
{
	return __libc_memalign(align, size);
}

void *aligned_alloc(size_t align, size_t size)
{
	return __libc_memalign(align, size);
}

int posix_memalign(void **out, size_t align, size_t size)
{
	*out = __libc_memalign(align, size);
	return *out ? 0 : ENOMEM;
}
