#include "controller/secrets.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/codis/pod.h"
#include "common/kube/client.h"
#include "common/kube/secret.h"

#define KNOWN_MS   60000 /* a password may be changed */
#define REFUSED_MS 10000 /* a Role, or the Secret, may be made */
/* Nobody has used it for so long: its namespace's clusters look again what their pods say, and one that is not used by
 * then is forgotten. Whoever makes pods could have more and more of them asked for, each for ever. */
#define UNUSED_MS      150000
#define LAST_CHANCE_MS 10000
#define NAMESPACE_MAX  64 /* a product has one */

struct secret {
	struct secrets *all;
	char namespace[POD_NAMESPACE_MAX], name[POD_NAME_MAX], key[POD_NAME_MAX];
	char *value;          /* NULL: not known */
	enum error_code code; /* why not */
	char error[200];
	int64_t asked_ms; /* 0: never */
	int64_t used_ms;
	int64_t doubted_ms; /* since when it is about to be forgotten; 0: it is not */
	bool asking;
	struct secret *next;
};

struct secrets {
	struct kube_client *kube;
	void (*on_change)(void *ctx, const char *namespace);
	void *ctx;
	struct secret *first;
	int64_t now_ms; /* of the last tick */
};

struct secrets *secrets_new(struct kube_client *kube, void (*on_change)(void *ctx, const char *namespace), void *ctx)
{
	struct secrets *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->kube = kube;
	s->on_change = on_change;
	s->ctx = ctx;
	return s;
}

void secrets_free(struct secrets *s)
{
	while (s && s->first) {
		struct secret *next = s->first->next;

		free(s->first->value);
		free(s->first);
		s->first = next;
	}
	free(s);
}

static void take(struct secret *s, const cJSON *object, const struct error *err)
{
	char *value = object ? kube_secret_get(object, s->key) : NULL;

	/* One that was known stays in use while the API server only cannot be reached, or memory is short. */
	if (object && !value && s->value && kube_secret_has(object, s->key))
		return;
	if (err && err->code != ERR_DENIED && err->code != ERR_NOTFOUND && s->value)
		return;
	free(s->value);
	s->value = value;
	s->code = err ? err->code : value ? ERR_NONE : ERR_NOTFOUND;
	snprintf(s->error, sizeof(s->error), "%.190s", err ? err->text : value ? "" : "it has no such key");
}

static void on_secret(void *ctx, const cJSON *object, const struct error *err)
{
	struct secret *s = ctx;
	char *before = s->value ? strdup(s->value) : NULL;
	enum error_code code = s->code;

	s->asking = false;
	take(s, object, err);
	if (code != s->code || (before == NULL) != (s->value == NULL) ||
	    (before && s->value && strcmp(before, s->value) != 0))
		s->all->on_change(s->all->ctx, s->namespace);
	free(before);
}

static void ask(struct secret *s)
{
	char path[POD_NAMESPACE_MAX + POD_NAME_MAX + 40];

	s->asked_ms = s->all->now_ms;
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/secrets/%s", s->namespace, s->name);
	s->asking = kube_call(s->all->kube, "GET", path, NULL, NULL, 0, on_secret, s, NULL) != NULL;
}

static struct secret *find(struct secrets *all, const char *namespace, const char *name, const char *key)
{
	struct secret *s;
	int beside = 0;

	for (s = all->first; s; s = s->next) {
		bool is_beside = strcmp(s->namespace, namespace) == 0;

		if (is_beside && strcmp(s->name, name) == 0 && strcmp(s->key, key) == 0)
			return s;
		beside += is_beside;
	}
	if (beside >= NAMESPACE_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->all = all;
	snprintf(s->namespace, sizeof(s->namespace), "%s", namespace);
	snprintf(s->name, sizeof(s->name), "%s", name);
	snprintf(s->key, sizeof(s->key), "%s", key);
	s->next = all->first;
	all->first = s;
	ask(s);
	return s;
}

const char *secrets_get(struct secrets *all, const char *namespace, const char *name, const char *key, char *why,
			size_t size)
{
	struct secret *s = find(all, namespace, name, key);

	if (s) {
		s->used_ms = all->now_ms;
		s->doubted_ms = 0;
	}
	if (s && s->value)
		return s->value;
	if (s && s->code == ERR_DENIED)
		snprintf(why, size,
			 "it is in Secret %s, key %s, which the controller may not read: sed 's|codis-password|%s|' "
			 "manifests/codis/password-role.yaml | kubectl apply -n %s -f -",
			 name, key, name, namespace);
	else
		snprintf(why, size, "it is in Secret %s, key %s, which is not known yet%s%s", name, key,
			 s && s->error[0] ? ": " : "", s ? s->error : "");
	return NULL;
}

static bool is_forgotten(struct secret *s, int64_t now_ms)
{
	if (s->asking || now_ms - s->used_ms < UNUSED_MS)
		return false;
	if (s->doubted_ms)
		return now_ms - s->doubted_ms >= LAST_CHANCE_MS;
	s->doubted_ms = now_ms;
	s->all->on_change(s->all->ctx, s->namespace);
	return false;
}

static void forget_unused(struct secrets *all)
{
	for (struct secret **at = &all->first, *s; (s = *at);) {
		if (!is_forgotten(s, all->now_ms)) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s->value);
		free(s);
	}
}

void secrets_tick(struct secrets *all, int64_t now_ms)
{
	all->now_ms = now_ms;
	forget_unused(all);
	for (struct secret *s = all->first; s; s = s->next) {
		if (!s->asking && now_ms - s->asked_ms >= (s->value ? KNOWN_MS : REFUSED_MS))
			ask(s);
	}
}
