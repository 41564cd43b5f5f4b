/* store.h - the objects of an informer, by key. One thread changes it (the loop's), any thread reads. */
#ifndef CODIS_KUBE_STORE_H
#define CODIS_KUBE_STORE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

struct store;

#define STORE_KEY_MAX 512 /* a namespace of 63 bytes, a name of 253 */

struct store *store_new(void);    /* NULL: no memory */
void store_free(struct store *s); /* NULL-safe */

/* "namespace/name", or "name" for what is cluster-wide. 0, or -1: no name, or too long a one. */
int store_key(const cJSON *object, char key[STORE_KEY_MAX]);

/* What is stored there, or NULL. Only for the thread that changes the store. */
const cJSON *store_peek(struct store *s, const char *key);

/* Whether version a is earlier than b. Kubernetes says that they may be compared (KEP-5504) where they are whole
 * numbers; of others nothing is said. */
bool store_is_earlier(const char *a, const char *b);

/* A name, the uid and version of the object that it is: all that is kept where others keep the rest. An object of full
 * size counts as well. False: there is none. The texts are valid until it changes. As store_peek. */
struct stored_name {
	const char *uid, *version;
};
bool store_name(struct store *s, const char *key, struct stored_name *out);
/* Keeps the name alone, in place of another one or of none. 0, or -1: no memory, and nothing has changed. */
int store_put_name(struct store *s, const char *key, const char *uid, const char *version);
/* The name as an object: {"metadata":{"namespace","name","uid"}}, the caller's. NULL: no memory. */
cJSON *store_object_of_name(const char *key, const char *uid);

/* Stores the object, which is the store's from now on. *old: what it replaces, the caller's, or NULL. 0, or -1: no
 * memory, and nothing has changed hands. */
int store_put(struct store *s, const char *key, cJSON *object, cJSON **old);
/* Removes the object and returns it, now the caller's, or NULL: also where it was a name alone. */
cJSON *store_take(struct store *s, const char *key);

/* Between these two everything that stays is put or kept; the second removes the rest and returns it as an array (names
 * as objects), the caller's. NULL: no memory, and nothing was removed. */
void store_sweep_begin(struct store *s);
void store_keep(struct store *s, const char *key);
cJSON *store_sweep_end(struct store *s);

/* See informer_read and informer_each. Names alone are nothing there. */
int store_read(struct store *s, const char *key, int (*fn)(void *ctx, const cJSON *object), void *ctx);
int store_each(struct store *s, int (*fn)(void *ctx, const cJSON *object), void *ctx);

#endif
