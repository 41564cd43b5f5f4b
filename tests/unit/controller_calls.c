#include "tests/unit/controller_calls.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

#define OPEN_MAX (int)(sizeof(calls.open) / sizeof(calls.open[0]))

struct controller_calls calls;

void calls_begin(void (*keep)(struct cluster *c))
{
	calls = (struct controller_calls){ .keep = keep };
}

void keep_after(int ms)
{
	world.c->view.now_ms += ms;
	calls.keep(world.c);
}

struct http_call *calls_add(const char *method, const char *path, const cJSON *body, const char *content_type,
			    int timeout_ms, kube_done done, void *ctx)
{
	NOMEM_PAUSE;
	char *text = cJSON_PrintUnformatted(body);

	snprintf(calls.asked, sizeof(calls.asked), "%s %s %s %s", method, path, content_type ? content_type : "-",
		 text);
	cJSON_free(text);
	calls.count++;
	calls.timeout_ms = timeout_ms;
	assert_true(calls.open_count < OPEN_MAX);
	calls.open[calls.open_count].done = done;
	calls.open[calls.open_count++].ctx = ctx;
	return (struct http_call *)&calls;
}

void answer(enum error_code code)
{
	struct error err = ERROR_INIT;
	kube_done done = calls.open[0].done;
	void *ctx = calls.open[0].ctx;

	assert_true(calls.open_count > 0);
	calls.open_count--;
	memmove(calls.open, calls.open + 1, (size_t)calls.open_count * sizeof(calls.open[0]));
	if (code != ERR_NONE)
		error_set(&err, code, "played");
	done(ctx, NULL, code == ERR_NONE ? NULL : &err);
}
