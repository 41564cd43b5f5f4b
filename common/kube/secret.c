#include "common/kube/secret.h"

#include "common/base/base64.h"
#include "common/base/json.h"

bool kube_secret_has(const cJSON *secret, const char *key)
{
	return json_str(secret, "data", key, NULL) != NULL;
}

char *kube_secret_get(const cJSON *secret, const char *key)
{
	const char *text = json_str(secret, "data", key, NULL);
	size_t len;

	return text ? base64_decode(text, &len, NULL) : NULL;
}
