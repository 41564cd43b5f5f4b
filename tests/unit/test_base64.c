/* base64 as Kubernetes writes it, and nothing that only looks like it. */

#include <openssl/evp.h>

#include "common/base/base64.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/secret.h"
#include "tests/unit/test.h"

TEST(known_texts)
{
	/* RFC 4648, section 10 */
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg==" },
						{ "fo", "Zm8=" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" },
						{ "fooba", "Zm9vYmE=" },
						{ "foobar", "Zm9vYmFy" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		char *text = base64_encode(pairs[i][0], strlen(pairs[i][0])), *data;
		size_t len = 99;

		assert_string_equal(text, pairs[i][1]);
		data = base64_decode(text, &len, NULL);
		assert_string_equal(data, pairs[i][0]);
		assert_int_equal(len, strlen(pairs[i][0]));
		free(text);
		free(data);
	}
}

TEST(any_bytes_come_back)
{
	unsigned char bytes[256];

	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)(i * 37);
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		char *text = base64_encode(bytes, n), *data;
		size_t len = 99;

		data = base64_decode(text, &len, NULL);
		assert_int_equal(len, n);
		assert_memory_equal(data, bytes, n);
		assert_int_equal(data[n], 0);
		free(text);
		free(data);
	}
}

/* Many bytes are encoded at a time, the last ones by OpenSSL. */
TEST(any_bytes_are_as_openssl_writes_them)
{
	unsigned char bytes[300];
	char right[401];

	for (int seed = 0; seed < 256; seed++) {
		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (unsigned char)(i * 167 + (size_t)seed * (i / 7 + 1));
		for (size_t n = 0; n <= sizeof(bytes); n++) {
			char *text = base64_encode(bytes, n);

			EVP_EncodeBlock((unsigned char *)right, bytes, (int)n);
			assert_string_equal(text, right);
			free(text);
		}
	}
}

TEST(what_is_not_base64_is_refused)
{
	static const char *const texts[] = { "A",        "AB",    "ABC",   "A===",   "====",   "AA=A", "=AAA",
					     "AB==CD==", " ABCD", "ABCD ", "ABCD\n", "AB\nCD", "AB-_", "AB\200D" };
	struct error err;
	size_t len;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		err = (struct error)ERROR_INIT;
		if (base64_decode(texts[i], &len, &err))
			fail_msg("\"%s\" was decoded", texts[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

TEST(a_secret_gives_what_it_holds)
{
	static const char text[] = "{\"data\":{\"tls.crt\":\"Zm9v\",\"bad\":\"*\",\"number\":1}}";
	JSON_CLEANUP cJSON *secret = json_parse(text, sizeof(text) - 1, JSON_ITEMS, NULL);
	char *value = kube_secret_get(secret, "tls.crt");

	assert_string_equal(value, "foo");
	free(value);
	assert_null(kube_secret_get(secret, "none"));
	assert_null(kube_secret_get(secret, "bad"));
	assert_null(kube_secret_get(secret, "number"));
	assert_null(kube_secret_get(NULL, "tls.crt"));
}
