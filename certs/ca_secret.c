#include "certs/ca_secret.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/secret.h"

#define SERVING_MAX 65536

void ca_secret_release(struct ca_secret *s)
{
	cert_release(&s->now);
	cert_release(&s->next);
	free(s->old_pem);
	pem_release(&s->all);
	free(s->bundle);
	free(s->asked);
	free(s->done);
	free(s->version);
	*s = (struct ca_secret){ 0 };
}

bool ca_secret_is_empty(const cJSON *secret)
{
	return !json_get(secret, "data", "ca.crt", NULL) && !json_get(secret, "data", "ca.key", NULL);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static int read_pair(const cJSON *secret, const char *cert, const char *key, struct cert *out, struct error *err)
{
	*out = (struct cert){ kube_secret_get(secret, cert), kube_secret_get(secret, key) };
	if (!out->cert_pem || !out->key_pem)
		return error_set(err, ERR_INVALID, "%s or %s is missing or is not base64", cert, key);
	return ca_check(out, err);
}

static int read_old(const cJSON *secret, struct ca_secret *s, struct error *err)
{
	if (!kube_secret_has(secret, "ca-old.crt"))
		return 0;
	s->old_pem = kube_secret_get(secret, "ca-old.crt");
	if (!s->old_pem)
		return error_set(err, ERR_INVALID, "ca-old.crt is not base64, or there is no memory for it");
	return 0;
}

static int read_bundle(struct ca_secret *s, struct error *err)
{
	if (pem_add(&s->all, s->now.cert_pem, err) < 0 ||
	    (s->next.cert_pem && pem_add(&s->all, s->next.cert_pem, err) < 0))
		return -1;
	if (s->old_pem && pem_add(&s->all, s->old_pem, err) < 0)
		return error_wrap(err, "ca-old.crt");
	s->bundle = pem_write(&s->all);
	return s->bundle ? 0 : error_set(err, ERR_NOMEM, "no memory for the CAs");
}

static char *copy(const char *text)
{
	return strdup(text ? text : "");
}

static int read_notes(const cJSON *secret, struct ca_secret *s, struct error *err)
{
	s->asked = copy(json_str(secret, "metadata", "annotations", CA_SECRET_ROTATE, NULL));
	s->done = copy(json_str(secret, "metadata", "annotations", CA_SECRET_ROTATED, NULL));
	s->version = copy(json_str(secret, "metadata", "resourceVersion", NULL));
	return s->asked && s->done && s->version ? 0 : error_set(err, ERR_NOMEM, "no memory");
}

int ca_secret_read(const cJSON *secret, struct ca_secret *out, struct error *err)
{
	bool has_next = kube_secret_has(secret, "ca-next.crt") || kube_secret_has(secret, "ca-next.key");

	*out = (struct ca_secret){ 0 };
	if (read_pair(secret, "ca.crt", "ca.key", &out->now, err) == 0 &&
	    (!has_next || read_pair(secret, "ca-next.crt", "ca-next.key", &out->next, err) == 0) &&
	    read_old(secret, out, err) == 0 && read_bundle(out, err) == 0 && read_notes(secret, out, err) == 0)
		return 0;
	ca_secret_release(out);
	return -1;
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

cJSON *ca_secret_new(const char *namespace, const char *name)
{
	cJSON *object = cJSON_CreateObject(), *metadata;

	json_add_str(object, "apiVersion", "v1");
	json_add_str(object, "kind", "Secret");
	json_add_str(object, "type", "Opaque");
	metadata = json_add_object(object, "metadata");
	json_add_str(metadata, "name", name);
	json_add_str(metadata, "namespace", namespace);
	return object;
}

/* The member that is an object, made where it is missing or something else. NULL: no memory. */
static cJSON *object_in(cJSON *parent, const char *name)
{
	cJSON *member = cJSON_GetObjectItemCaseSensitive(parent, name);

	if (cJSON_IsObject(member))
		return member;
	cJSON_DeleteItemFromObjectCaseSensitive(parent, name);
	return json_add_object(parent, name);
}

void ca_secret_put(cJSON *secret, const char *key, const char *text)
{
	cJSON *data = object_in(secret, "data");
	char *base64 = text ? base64_encode(text, strlen(text)) : NULL;

	cJSON_DeleteItemFromObjectCaseSensitive(data, key);
	if (text)
		json_add_str(data, key, base64);
	free(base64);
}

static cJSON *annotations_of(cJSON *secret)
{
	return object_in(object_in(secret, "metadata"), "annotations");
}

void ca_secret_note(cJSON *secret, const char *annotation, const char *text)
{
	cJSON *annotations = annotations_of(secret);

	cJSON_DeleteItemFromObjectCaseSensitive(annotations, annotation);
	if (text)
		json_add_str(annotations, annotation, text);
}

/* --- who serves --------------------------------------------------------------------------------------------------- */

/* Whether the next "POD=FINGERPRINT" of *list, which is moved behind it, is there. */
static bool next_entry(const char **list, const char **entry, size_t *len)
{
	*list += strspn(*list, ",");
	*entry = *list;
	*len = strcspn(*list, ",");
	*list += *len;
	return *len > 0;
}

static bool is_entry(const char *entry, size_t len, const char *pod, const char *fingerprint)
{
	size_t n = strlen(pod), m = strlen(fingerprint);

	return len == n + 1 + m && memcmp(entry, pod, n) == 0 && entry[n] == '=' &&
	       memcmp(entry + n + 1, fingerprint, m) == 0;
}

static const char *serving(const cJSON *secret)
{
	const char *list = json_str(secret, "metadata", "annotations", CA_SECRET_SERVING, NULL);

	return list ? list : "";
}

bool ca_secret_serves(const cJSON *secret, const char *pod, const char *fingerprint)
{
	const char *list = serving(secret), *entry;
	size_t len;

	while (next_entry(&list, &entry, &len))
		if (is_entry(entry, len, pod, fingerprint))
			return true;
	return false;
}

void ca_secret_say(cJSON *secret, const char *pod, const char *fingerprint)
{
	BUF_CLEANUP struct buf text = BUF_INIT(SERVING_MAX);
	const char *list = serving(secret), *entry;
	size_t len, n = strlen(fingerprint);
	cJSON *annotations;

	while (next_entry(&list, &entry, &len))
		if (len > n && entry[len - n - 1] == '=' && memcmp(entry + len - n, fingerprint, n) == 0 &&
		    !is_entry(entry, len, pod, fingerprint))
			buf_addf(&text, "%.*s,", (int)len, entry);
	buf_addf(&text, "%s=%s", pod, fingerprint);
	annotations = annotations_of(secret);
	cJSON_DeleteItemFromObjectCaseSensitive(annotations, CA_SECRET_SERVING);
	/* Without memory for the text it is not there, and the object is not whole. */
	json_add_str(annotations, CA_SECRET_SERVING, buf_check(&text, "who serves", NULL) < 0 ? NULL : text.data);
}
