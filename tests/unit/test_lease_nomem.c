/* Memory runs out while a lease is asked for and renewed: who has no memory to write that it holds does not believe it.
 * The API server is played, by the function through which it is asked (libcodis.a is an archive: it is taken instead).
 */
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/client.h"
#include "common/kube/lease.h"
#include "common/net/http.h"
#include "common/net/loop.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

#define IDENTITY "codis-controller-0"

static struct {
	cJSON *record, *asked; /* what is stored, and what is to be answered */
	kube_done done;
	void *ctx;
	int version;
	bool held, is_short; /* is_short: memory is */
} api;

/* Of what is written: another one each time. */
static cJSON *new_version(void)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", 100 + api.version++);
	return cJSON_CreateString(text);
}

struct http_call *kube_call(struct kube_client *c, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	(void)c;
	(void)path;
	(void)content_type;
	(void)timeout_ms;
	if (strcmp(method, "GET") != 0 && !json_is_whole(body)) {
		error_set(err, ERR_NOMEM, "no memory");
		return NULL;
	}
	nomem_off();
	if (strcmp(method, "GET") != 0) {
		cJSON_Delete(api.record);
		api.record = cJSON_Duplicate(body, true);
		json_set(cJSON_GetObjectItem(api.record, "metadata"), "resourceVersion", new_version());
	}
	api.done = done;
	api.ctx = ctx;
	if (api.is_short)
		nomem_on();
	return (struct http_call *)(void *)&api;
}

void http_cancel(struct http_call *call)
{
	(void)call;
	api.done = NULL;
}

static void on_change(void *ctx, enum lease_state state, const char *holder)
{
	const char *is = json_str(api.record, "spec", "holderIdentity", NULL);

	(void)ctx;
	(void)holder;
	api.held = state == LEASE_HELD;
	if (!api.held)
		return;
	assert_non_null(is);
	assert_string_equal(is, IDENTITY);
	assert_int_equal(json_int(0, api.record, "spec", "leaseDurationSeconds", NULL), 4);
	assert_non_null(json_str(api.record, "spec", "renewTime", NULL));
}

static void answer(void)
{
	static const struct error missing = { .code = ERR_NOTFOUND, .text = "not found" };
	kube_done done = api.done;

	api.done = NULL;
	if (done)
		done(api.ctx, api.record, api.record ? NULL : &missing);
}

static void turn(uv_loop_t *uv)
{
	uv_run(uv, UV_RUN_NOWAIT);
	answer();
}

/* record: what there is; NULL: nothing. */
static void each_allocation(const char *record)
{
	struct lease_config cfg = { .namespace = "ns",
				    .name = "l",
				    .identity = IDENTITY,
				    .duration_ms = 4000,
				    .retry_ms = 1,
				    .on_change = on_change };

	NOMEM_EACH
	{
		struct lease *l;
		uv_loop_t uv;

		assert_int_equal(uv_loop_init(&uv), 0);
		memset(&api, 0, sizeof(api));
		api.record = record ? cJSON_Parse(record) : NULL;
		l = lease_start(&uv, NULL, &cfg, NULL);
		assert_non_null(l);
		api.is_short = true;
		nomem_on();
		for (int i = 0; i < 4; i++)
			turn(&uv);
		nomem_off();
		api.is_short = false;
		for (int i = 0; i < 1000 && !api.held; i++) {
			uv_sleep(1);
			turn(&uv);
		}
		assert_true(api.held);
		lease_stop(l);
		uv_run(&uv, UV_RUN_DEFAULT);
		assert_int_equal(uv_loop_close(&uv), 0);
		cJSON_Delete(api.record);
	}
}

TEST(a_new_lease_is_held_as_it_is_written)
{
	each_allocation(NULL);
}

TEST(a_lease_that_nobody_holds_is_held_as_it_is_written)
{
	each_allocation("{\"metadata\":{\"name\":\"l\",\"resourceVersion\":\"7\"},\"spec\":{\"holderIdentity\":\"\"}}");
	each_allocation("{\"metadata\":{\"name\":\"l\",\"resourceVersion\":\"7\"}}");
}
