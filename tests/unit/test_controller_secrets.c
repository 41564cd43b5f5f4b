/* A password that pods take from a Secret: asked for by its name, remembered, and words for why it is not known. */
#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/client.h"
#include "controller/secrets.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

static struct {
	struct secrets *s;
	int asked, changed;
	char path[200];
	kube_done done;
	void *ctx;
	int64_t now_ms;
} w;

/* The API server is played: the last question is answered by the test. */
struct http_call *kube_call(struct kube_client *c, const char *method, const char *path, const cJSON *body,
			    const char *content_type, int timeout_ms, kube_done done, void *ctx, struct error *err)
{
	(void)c;
	(void)body;
	(void)content_type;
	(void)timeout_ms;
	(void)err;
	assert_string_equal(method, "GET");
	snprintf(w.path, sizeof(w.path), "%s", path);
	w.asked++;
	w.done = done;
	w.ctx = ctx;
	return (struct http_call *)(void *)&w;
}

static void on_change(void *ctx, const char *namespace)
{
	(void)ctx;
	assert_string_equal(namespace, "shop");
	w.changed++;
}

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	w.now_ms = 1000000;
	w.s = secrets_new(NULL, on_change, NULL);
	assert_non_null(w.s);
	secrets_tick(w.s, w.now_ms);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	secrets_free(w.s);
	return 0;
}
#define SECRETS_TEST(name) TEST_WITH(name, begin, finish)

static void answer(const char *password)
{
	char *text = base64_encode(password, strlen(password));
	JSON_CLEANUP cJSON *secret = cJSON_CreateObject();

	json_add_str(json_add_object(secret, "data"), "password", text);
	w.done(w.ctx, secret, NULL);
	free(text);
}

static void refuse(enum error_code code)
{
	struct error err = ERROR_INIT;

	error_set(&err, code, "played");
	w.done(w.ctx, NULL, &err);
}

static const char *get(char why[400])
{
	why[0] = '\0';
	return secrets_get(w.s, "shop", "codis-auth", "password", why, 400);
}

SECRETS_TEST(one_secret_is_asked_for_once)
{
	char why[400];

	assert_null(get(why));
	assert_string_equal(why, "it is in Secret codis-auth, key password, which is not known yet");
	assert_string_equal(w.path, "/api/v1/namespaces/shop/secrets/codis-auth");
	assert_null(get(why));
	assert_int_equal(w.asked, 1);
	answer("sesame");
	assert_int_equal(w.changed, 1);
	assert_string_equal(get(why), "sesame");
	assert_string_equal(why, "");
}

SECRETS_TEST(refusal_names_the_command_that_helps)
{
	char why[400];

	get(why);
	refuse(ERR_DENIED);
	assert_int_equal(w.changed, 1);
	assert_null(get(why));
	assert_string_equal(
		why, "it is in Secret codis-auth, key password, which the controller may not read: sed "
		     "'s|codis-password|codis-auth|' manifests/codis/password-role.yaml | kubectl apply -n shop -f -");
	w.now_ms += 9999;
	secrets_tick(w.s, w.now_ms);
	assert_int_equal(w.asked, 1); /* remembered for a while */
	w.now_ms += 1;
	secrets_tick(w.s, w.now_ms);
	assert_int_equal(w.asked, 2);
	secrets_tick(w.s, w.now_ms);
	assert_int_equal(w.asked, 2); /* not while it is asked */
	answer("sesame");
	assert_string_equal(get(why), "sesame");
}

SECRETS_TEST(password_that_changes)
{
	char why[400];

	get(why);
	answer("sesame");
	w.now_ms += 60000;
	secrets_tick(w.s, w.now_ms);
	answer("sesame");
	assert_int_equal(w.changed, 1);
	w.now_ms += 60000;
	secrets_tick(w.s, w.now_ms);
	refuse(ERR_TIMEOUT); /* the API server is away: it stays in use */
	assert_string_equal(get(why), "sesame");
	w.now_ms += 60000;
	secrets_tick(w.s, w.now_ms);
	answer("open");
	assert_int_equal(w.changed, 2);
	assert_string_equal(get(why), "open");
}

SECRETS_TEST(password_stays_in_use_while_memory_is_short)
{
	char why[400], *text = base64_encode("sesame", 6);
	JSON_CLEANUP cJSON *secret = cJSON_CreateObject();

	json_add_str(json_add_object(secret, "data"), "password", text);
	free(text);
	get(why);
	w.done(w.ctx, secret, NULL);
	NOMEM_EACH
	{
		nomem_on();
		w.done(w.ctx, secret, NULL);
		nomem_off();
		assert_string_equal(get(why), "sesame");
	}
}

SECRETS_TEST(secret_without_the_key)
{
	JSON_CLEANUP cJSON *empty = cJSON_CreateObject();
	char why[400];

	get(why);
	w.done(w.ctx, empty, NULL);
	assert_null(get(why));
	assert_string_equal(why,
			    "it is in Secret codis-auth, key password, which is not known yet: it has no such key");
}

static void tick(int64_t ms)
{
	w.now_ms += ms;
	secrets_tick(w.s, w.now_ms);
}

/* Pods that come and go, each with another Secret, must not leave questions behind that are asked for ever. */
SECRETS_TEST(what_nobody_uses_any_more_is_asked_for_no_more)
{
	char why[400];
	int asked;

	get(why);
	answer("sesame");
	tick(150000 - 1);
	answer("sesame");
	assert_int_equal(w.changed, 1);
	tick(1);
	assert_int_equal(w.changed, 2); /* whoever uses it says so now */
	assert_string_equal(get(why), "sesame");
	tick(149999);
	answer("sesame");
	assert_string_equal(get(why), "sesame");
	tick(150000);
	answer("sesame");
	assert_int_equal(w.changed, 3);
	tick(10000);
	asked = w.asked;
	tick(60000);
	tick(60000);
	assert_int_equal(w.asked, asked);
	assert_null(get(why)); /* it is forgotten, and asked for anew */
	assert_int_equal(w.asked, asked + 1);
}

SECRETS_TEST(a_namespace_has_no_more_than_64)
{
	char why[400], name[16];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		assert_null(secrets_get(w.s, "shop", name, "password", why, sizeof(why)));
	}
	assert_int_equal(w.asked, 64);
	assert_null(secrets_get(w.s, "other", "s", "password", why, sizeof(why)));
	assert_int_equal(w.asked, 65);
}
