/* Names that are looked up beside the loop; the C library is played. */
#include "common/net/lookup.h"

#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "tests/unit/test.h"

static struct {
	uv_loop_t uv;
	struct lookups all;
	sem_t answer;
	int done, status;
	bool found;
} w;

/* "mute-..." is answered when the test says so, and then there is no such name. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **res)
{
	static const struct addrinfo one = { .ai_family = AF_INET };

	(void)service;
	(void)hints;
	if (strncmp(node, "mute-", 5) == 0) {
		while (sem_wait(&w.answer) != 0)
			;
		return EAI_NONAME;
	}
	*res = malloc(sizeof(one));
	memcpy(*res, &one, sizeof(one));
	return 0;
}

void freeaddrinfo(struct addrinfo *res)
{
	free(res);
}

static void on_done(void *ctx, int status, const struct addrinfo *found)
{
	assert_ptr_equal(ctx, &w);
	w.done++;
	w.status = status;
	w.found = found && found->ai_family == AF_INET && !found->ai_next;
}

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	return uv_loop_init(&w.uv) | sem_init(&w.answer, 0, 0);
}

static int finish(void **state)
{
	(void)state;
	uv_run(&w.uv, UV_RUN_DEFAULT);
	return uv_loop_close(&w.uv) | sem_destroy(&w.answer);
}
#define LOOKUP_TEST(name) TEST_WITH(name, begin, finish)

static int look_up(const char *owner, const char *host)
{
	return lookup_start(&w.all, &w.uv, owner, host, on_done, &w, NULL);
}

LOOKUP_TEST(a_name_that_is_there_and_one_that_is_not)
{
	assert_int_equal(look_up("shop", "zk-0"), 0);
	assert_int_equal(w.done, 0);
	uv_run(&w.uv, UV_RUN_DEFAULT);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.status, 0);
	assert_true(w.found);
	assert_int_equal(look_up("shop", "mute-0"), 0);
	sem_post(&w.answer);
	uv_run(&w.uv, UV_RUN_DEFAULT);
	assert_int_equal(w.done, 2);
	assert_int_equal(w.status, EAI_NONAME);
	assert_false(w.found);
}

/* Names that nobody answers for are the matter of whoever has them. */
LOOKUP_TEST(many_that_wait_leave_others_their_own)
{
	struct error err = ERROR_INIT;
	char owner[16];

	for (int i = 0; i < 20; i++) {
		snprintf(owner, sizeof(owner), "tenant-%d", i % 5);
		assert_int_equal(look_up(owner, "mute-0"), 0);
	}
	assert_int_equal(lookup_start(&w.all, &w.uv, "tenant-0", "mute-0", on_done, &w, &err), -1);
	assert_string_equal(err.text, "looking up mute-0: too many are under way, or it is too long");
	assert_int_equal(look_up("shop", "zk-0"), 0);
	while (!w.done)
		uv_run(&w.uv, UV_RUN_ONCE);
	assert_true(w.found);
	for (int i = 0; i < 20; i++)
		sem_post(&w.answer);
	uv_run(&w.uv, UV_RUN_DEFAULT);
	assert_int_equal(w.done, 21);
	assert_int_equal(look_up("tenant-0", "zk-0"), 0);
}
