/* Memory runs out while webhook configurations get their CAs: a patch is whole or not sent. The API server is played
 * here, by informer_start() and kube_call(). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "certs/ca_secret.h"
#include "certs/cabundle.h"
#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/client.h"
#include "common/kube/informer.h"
#include "common/net/http.h"
#include "tests/unit/nomem.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

static struct {
	uv_loop_t uv;
	struct informer_config seen; /* the last informer that was started */
	int calls, errors;
	char body[4096];
} w;

struct informer *informer_start(uv_loop_t *uv, struct kube_client *c, const struct informer_config *cfg,
				struct error *err)
{
	(void)uv, (void)c, (void)err;
	w.seen = *cfg;
	return (struct informer *)(void *)&w;
}

void informer_stop(struct informer *i)
{
	(void)i;
}

/* Never answered. */
struct http_call *kube_call(struct kube_client *c, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	BUF_CLEANUP struct buf text = BUF_INIT(sizeof(w.body) - 1);

	(void)c, (void)method, (void)path, (void)content_type, (void)timeout_ms, (void)done, (void)ctx;
	if (json_write(body, &text) < 0) { /* as the real one: a tree that lacks a part is not written */
		error_set(err, ERR_NOMEM, "played: no memory");
		return NULL;
	}
	snprintf(w.body, sizeof(w.body), "%s", text.data);
	w.calls++;
	return (struct http_call *)(void *)&w;
}

void http_cancel(struct http_call *call)
{
	(void)call;
}

static void begin(void)
{
	memset(&w, 0, sizeof(w));
	uv_loop_init(&w.uv);
}

static void finish(void)
{
	uv_run(&w.uv, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&w.uv), 0);
}

static void on_notice(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void on_error(void *ctx, const struct error *err)
{
	(void)ctx;
	(void)err;
	w.errors++;
}

static void on_carried(void *ctx)
{
	(void)ctx;
}

TEST(a_patch_of_the_bundle_is_whole_or_not_sent)
{
	static const struct cabundle_config cfg = {
		.mutating = "m", .on_notice = on_notice, .on_error = on_error, .on_carried = on_carried
	};
	JSON_CLEANUP cJSON *object = parse_text("{\"metadata\":{\"resourceVersion\":\"7\"},\"webhooks\":["
						"{\"clientConfig\":{}},{\"clientConfig\":{}}]}");
	struct cabundle *b;
	int r;

	NOMEM_EACH
	{
		begin();
		b = cabundle_start(&w.uv, NULL, &cfg, NULL);
		assert_non_null(b);
		w.seen.on_set(w.seen.ctx, object, NULL);
		nomem_on();
		r = cabundle_set(b, "CA");
		nomem_off();
		if (w.calls)
			assert_string_equal(w.body,
					    "[{\"op\":\"test\",\"path\":\"/metadata/resourceVersion\",\"value\":\"7\"},"
					    "{\"op\":\"add\",\"path\":\"/webhooks/0/clientConfig/caBundle\",\"value\":"
					    "\"Q0E=\"},"
					    "{\"op\":\"add\",\"path\":\"/webhooks/1/clientConfig/caBundle\",\"value\":"
					    "\"Q0E=\"}]");
		else
			assert_true(nomem_failed() && (r < 0 || w.errors == 1));
		assert_false(cabundle_ready(b, NULL, 0));
		cabundle_stop(b);
		finish();
	}
}

/* --- the Secret --------------------------------------------------------------------------------------------------- */

static const char *serving(const cJSON *secret)
{
	return json_str(secret, "metadata", "annotations", CA_SECRET_SERVING, NULL);
}

TEST(a_secret_is_changed_as_it_should_or_is_not_whole)
{
	NOMEM_EACH
	{
		JSON_CLEANUP cJSON *secret = ca_secret_new("n", "s");

		ca_secret_say(secret, "a", "11");
		nomem_on();
		ca_secret_say(secret, "b", "11");
		ca_secret_put(secret, "ca-old.crt", "PEM");
		nomem_off();
		if (!json_is_whole(secret)) {
			assert_true(nomem_failed());
			continue;
		}
		assert_string_equal(serving(secret), "a=11,b=11");
		assert_string_equal(json_str(secret, "data", "ca-old.crt", NULL), "UEVN");
	}
}

TEST(a_bundle_is_whole_or_none)
{
	static const char both[] = "-----BEGIN CERTIFICATE-----\nb\n-----END CERTIFICATE-----\n"
				   "-----BEGIN CERTIFICATE-----\na\n-----END CERTIFICATE-----\n";

	NOMEM_EACH
	{
		PEM_CLEANUP struct pem_set set = { 0 };
		char *text = NULL;

		nomem_on();
		if (pem_add(&set, both, NULL) == 0)
			text = pem_write(&set);
		nomem_off();
		if (!text) {
			assert_true(nomem_failed());
			continue;
		}
		assert_string_equal(text, "-----BEGIN CERTIFICATE-----\na\n-----END CERTIFICATE-----\n"
					  "-----BEGIN CERTIFICATE-----\nb\n-----END CERTIFICATE-----\n");
		assert_true(pem_has(&set, both));
		free(text);
	}
}

/* What was carried counts on while there is no memory to see what is carried now. */
TEST(what_a_configuration_carries_is_seen_or_stays_as_it_was)
{
	static const struct cabundle_config cfg = {
		.mutating = "m", .on_notice = on_notice, .on_error = on_error, .on_carried = on_carried
	};
	static const char ca[] = "-----BEGIN CERTIFICATE-----\nb\n-----END CERTIFICATE-----\n";
	char *base64 = base64_encode(ca, strlen(ca));
	BUF_CLEANUP struct buf text = BUF_INIT(1000);

	buf_addf(&text,
		 "{\"metadata\":{\"resourceVersion\":\"7\"},\"webhooks\":[{\"clientConfig\":{\"caBundle\":\"%s\"}}]}",
		 base64);
	NOMEM_EACH
	{
		JSON_CLEANUP cJSON *object = parse_text(text.data);
		struct cabundle *b;

		begin();
		b = cabundle_start(&w.uv, NULL, &cfg, NULL);
		assert_non_null(b);
		assert_int_equal(cabundle_carried_ms(b, ca), -1);
		nomem_on();
		w.seen.on_set(w.seen.ctx, object, NULL);
		nomem_off();
		assert_true(cabundle_carried_ms(b, ca) >= 0 || nomem_failed());
		w.seen.on_set(w.seen.ctx, object, NULL);
		assert_true(cabundle_carried_ms(b, ca) >= 0);
		assert_int_equal(cabundle_carried_ms(b, "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"),
				 -1);
		assert_false(cabundle_ready(b, NULL, 0)); /* nothing is served with yet */
		assert_int_equal(cabundle_serve(b, ca), 0);
		assert_true(cabundle_ready(b, NULL, 0));
		cabundle_stop(b);
		finish();
	}
	free(base64);
}
