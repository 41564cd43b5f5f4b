#include "tests/unit/nomem.h"

#include <errno.h>
#include <execinfo.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/test.h"

/* A path of more allocations than this is no small one, and its test would take for ever. */
#define NTH_MAX    20000
#define FRAMES_MAX 24

/* What is in use by all threads: a peer in another one may free what the test has made. */
static atomic_long in_use;

/* Of the test's own thread: what peers in other threads allocate does not fail. */
static _Thread_local struct {
	const char *file;
	int line;
	long round, nth, seen; /* round 0 and 1: nothing fails */
	bool on, running, all_after, failed, is_testing;
	long in_use_before;
	void *frames[FRAMES_MAX]; /* where the first allocation failed */
	int frame_count;
} now;

/* --- malloc and its like ---------------------------------------------------------------------------------------- */

#if TEST_SANITIZED
#define REAL(name) __interceptor_##name
void *__interceptor_malloc(size_t size);
void *__interceptor_calloc(size_t n, size_t size);
void *__interceptor_realloc(void *p, size_t size);
void __interceptor_free(void *p);
void *__interceptor_memalign(size_t align, size_t size);
#else
#define REAL(name) __libc_##name
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);
void *__libc_memalign(size_t align, size_t size);
#endif

/* The dynamic linker comes through here before ThreadSanitizer is there. */
#define EARLY __attribute__((no_sanitize_thread))

/* Where there is a sanitizer that looks for leaks. */
void __lsan_disable(void) __attribute__((weak));
void __lsan_enable(void) __attribute__((weak));

EARLY static bool may_have(void)
{
	bool fails;

	if (!now.on)
		return true;
	now.seen++;
	fails = now.nth && (now.all_after ? now.seen >= now.nth : now.seen == now.nth);
	if (!fails)
		return true;
	if (!now.failed) {
		now.failed = true;
		now.on = false; /* backtrace() may allocate */
		now.frame_count = backtrace(now.frames, FRAMES_MAX);
		now.on = true;
	}
	errno = ENOMEM;
	return false;
}

EARLY static void *counted(void *p)
{
	if (p)
		atomic_fetch_add_explicit(&in_use, 1, memory_order_relaxed);
	return p;
}

EARLY void *malloc(size_t size)
{
	return may_have() ? counted(REAL(malloc)(size)) : NULL;
}

EARLY void *calloc(size_t n, size_t size)
{
	return may_have() ? counted(REAL(calloc)(n, size)) : NULL;
}

EARLY void *realloc(void *p, size_t size)
{
	void *grown;

	if (!may_have())
		return NULL;
	grown = REAL(realloc)(p, size);
	if (!p)
		counted(grown);
	else if (!size && !grown)
		atomic_fetch_sub_explicit(&in_use, 1, memory_order_relaxed);
	return grown;
}

EARLY void *reallocarray(void *p, size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(p, bytes);
}

EARLY void *memalign(size_t align, size_t size)
{
	return may_have() ? counted(REAL(memalign)(align, size)) : NULL;
}

EARLY void *aligned_alloc(size_t align, size_t size)
{
	return memalign(align, size);
}

EARLY int posix_memalign(void **out, size_t align, size_t size)
{
	void *p = memalign(align, size);

	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

EARLY void free(void *p)
{
	if (p)
		atomic_fetch_sub_explicit(&in_use, 1, memory_order_relaxed);
	REAL(free)(p);
}

/* The sanitizers have these two for themselves, so that they would not pass through here. */
#undef strdup
#undef strndup
char *strdup(const char *s)
{
	return strndup(s, strlen(s));
}

char *strndup(const char *s, size_t max)
{
	size_t len = strnlen(s, max);
	char *copy = malloc(len + 1);

	if (copy) {
		memcpy(copy, s, len);
		copy[len] = '\0';
	}
	return copy;
}

/* --- rounds ------------------------------------------------------------------------------------------------------- */

/* Which failure it was that the test did not stand: cmocka leaves a failed test by a jump. */
static void tell(void)
{
	if (!now.running)
		return;
	now.on = false;
	fprintf(stderr, "# %s:%d: with allocation %ld%s failing, at (addr2line -fe PROGRAM):\n", now.file, now.line,
		now.nth, now.all_after ? " and all after it" : "");
	fflush(stderr);
	backtrace_symbols_fd(now.frames, now.frame_count, STDERR_FILENO);
	now.running = false;
}

static void __attribute__((destructor)) tell_at_end(void)
{
	tell();
}

void nomem_begin(const char *file, int line)
{
	void *frame[1];

	tell(); /* of an earlier test */
	if (__lsan_disable)
		__lsan_disable(); /* what it loads stays */
	backtrace(frame, 1);
	if (__lsan_enable)
		__lsan_enable();
	now.file = file;
	now.line = line;
	now.round = -1;
	now.nth = 0;
	now.running = true;
	now.all_after = now.failed = now.on = false;
}

bool nomem_next(void)
{
	now.on = false;
	if (now.round >= 2 && atomic_load(&in_use) != now.in_use_before)
		fail_msg("%ld allocations are left behind", atomic_load(&in_use) - now.in_use_before);
	if (now.round >= 2 && now.all_after && !now.failed) {
		now.running = false;
		return false;
	}
	now.round++;
	now.all_after = now.round >= 2 && now.round % 2;
	now.nth = now.round / 2;
	if (now.nth > NTH_MAX)
		fail_msg("more than %d allocations: make the path small", NTH_MAX);
	now.seen = 0;
	now.failed = false;
	now.in_use_before = atomic_load(&in_use);
	return true;
}

void nomem_on(void)
{
	now.on = true;
}

void nomem_off(void)
{
	now.on = false;
}

bool nomem_pause(void)
{
	bool was_on = now.on;

	now.on = false;
	return was_on;
}

void nomem_resume(const bool *was_on)
{
	now.on = *was_on;
}

bool nomem_failed(void)
{
	return now.failed;
}

bool nomem_is_first(void)
{
	return now.round == 0;
}
