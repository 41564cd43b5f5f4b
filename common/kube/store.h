/* store.h - the objects of an informer, by key. One thread changes it (the loop's), any thread reads. */
#ifndef CODIS_KUBE_STORE_H
#define CODIS_KUBE_STORE_H

#include <cjson/cJSON.h>
#include <stddef.h>

struct store;

#define STORE_KEY_MAX 512 /* a namespace of 63 bytes, a name of 253 */

struct store *store_new(void);    /* NULL: no memory */
void store_free(struct store *s); /* NULL-safe */

/* "namespace/name", or "name" for what is cluster-wide. 0, or -1: no name, or too long a one. */
int store_key(const cJSON *object, char key[STORE_KEY_MAX]);

/* What is stored there, or NULL. Only for the thread that changes the store. */
const cJSON *store_peek(struct store *s, const char *key);

/* Stores the object, which is the store's from now on. *old: what it replaces, the caller's, or NULL. 0, or -1: no
 * memory, and nothing has changed hands. */
int store_put(struct store *s, const char *key, cJSON *object, cJSON **old);
/* Changes an object that is stored, under the lock. */
void store_change(struct store *s, cJSON *object, void (*change)(cJSON *object));
/* Removes the object and returns it, now the caller's, or NULL. */
cJSON *store_take(struct store *s, const char *key);

/* Between these two everything that stays is put or kept; the second removes the rest and returns it as an array, the
 * caller's. NULL: no memory, and nothing was removed. */
void store_sweep_begin(struct store *s);
void store_keep(struct store *s, const char *key);
cJSON *store_sweep_end(struct store *s);

/* See informer_read and informer_each. */
int store_read(struct store *s, const char *key, int (*fn)(void *ctx, const cJSON *object), void *ctx);
int store_each(struct store *s, int (*fn)(void *ctx, const cJSON *object), void *ctx);

#endif
