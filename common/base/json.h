/* json.h - cJSON behind accessors that never crash on what a peer sends.
 *
 * Paths are lists of member names that end with NULL, since Kubernetes names hold dots:
 *   json_str(pod, "metadata", "labels", "codis.io/group", NULL)
 */
#ifndef CODIS_BASE_JSON_H
#define CODIS_BASE_JSON_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;
struct error;

/* Stands before the type, and so is for every name of the declaration. */
#define JSON_CLEANUP __attribute__((cleanup(json_cleanup)))
void json_cleanup(cJSON **item); /* cJSON_Delete of *item, NULL-safe */

/* Values in one object of Kubernetes: etcd takes 1.5 MiB, which as Kubernetes writes it is about 40,000 values. */
#define JSON_ITEMS 100000

/* Parses exactly one JSON text of len bytes (it need not end with NUL). The caller owns the result (cJSON_Delete).
 * Values are counted before anything is parsed, since each costs up to 150 bytes and may have two in the text: more
 * than max_items (a limit that each use has for itself) are refused with ERR_TOOBIG, so a parse takes at most len + 150
 * * max_items bytes. Depth is limited by cJSON (1000). Nothing but blanks may follow. NULL and *err: what is wrong and
 * near which byte (ERR_INVALID), or ERR_NOMEM. */
cJSON *json_parse(const char *text, size_t len, size_t max_items, struct error *err);
/* Where the object or array of the first member of this name lies in a JSON text, at whatever depth: from its bracket
 * to behind its end. For parts of long answers that are to be left out. False: there is none, or it has no end. */
bool json_find_begin(const char *text, size_t len, const char *name, size_t *from); /* only where it begins */
bool json_find(const char *text, size_t len, const char *name, size_t *from, size_t *to);

/* A NULL more than the callers write, so that none can be missing. */
#define JSON_PATH(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* Whether the path is of one name, as most are, and which that is. */
#define JSON_IS_ONE(...)        (sizeof((const char *const[]){ __VA_ARGS__ }) == 2 * sizeof(const char *))
#define JSON_FIRST(first_, ...) (first_)

/* The member at the path, or NULL. The root may be NULL. */
#define json_get(root, ...)                                                                                            \
	(JSON_IS_ONE(__VA_ARGS__) ? json_member(root, JSON_FIRST(__VA_ARGS__))                                         \
				  : json_get_at(root, JSON_PATH(__VA_ARGS__)))
/* A string member, or NULL when it is absent or no string. */
#define json_str(root, ...) json_text_of(json_get(root, __VA_ARGS__))
/* A whole number member within int64 (numbers beyond 2^53 lose precision in JSON); def when absent or no number. */
#define json_int(def, root, ...)  json_int_of(def, json_get(root, __VA_ARGS__))
#define json_bool(def, root, ...) json_bool_of(def, json_get(root, __VA_ARGS__))

const cJSON *json_member(const cJSON *object, const char *name);
const cJSON *json_get_at(const cJSON *root, const char *const *path);
int64_t json_int_of(int64_t def, const cJSON *item);
bool json_bool_of(bool def, const cJSON *item);

/* cJSON_IsObject() and its like, which are calls into a library; the item may be NULL. */
static inline bool json_is(const cJSON *item, int type)
{
	return item && (item->type & 0xff) == type;
}

static inline const char *json_text_of(const cJSON *item)
{
	return json_is(item, cJSON_String) ? item->valuestring : NULL;
}

/* Goes through an array's items or an object's members, of NULL none. cJSON_ArrayForEach asks for them twice, which
 * json_get() and its like are too dear for. */
#define json_each(item, parent) for ((item) = json_first(parent); (item); (item) = (item)->next)

static inline cJSON *json_first(const cJSON *parent)
{
	return parent ? parent->child : NULL;
}

/* Unformatted text of the item, appended to out. 0 or -1 (no memory, over out's limit, or one of the builders below had
 * no memory for a part of it): out has failed then. */
int json_write(const cJSON *item, struct buf *out);
/* The text as a JSON string, with its quotes. 0 or -1. */
int json_write_str(const char *text, struct buf *out);

/* False for NULL, and where a builder had no memory for a part of it: it must not be believed then, nor is it written.
 */
bool json_is_whole(const cJSON *item);
/* Whether a builder had no memory for a member of this very item. */
bool json_is_lacking(const cJSON *item);

/* An item of its own that has what the other one has, without a copy: that must not change and be there as long. The
 * caller's. NULL: no memory. */
cJSON *json_refer(const cJSON *item);

/* Builders: each returns the new item (owned by its parent) or NULL when memory ran out. The parent, which may be NULL,
 * is not whole then; so a tree can be built in many steps and checked once. */
cJSON *json_add_object(cJSON *parent, const char *name);
cJSON *json_add_array(cJSON *parent, const char *name);
cJSON *json_add_str(cJSON *parent, const char *name, const char *value);
cJSON *json_add_fmt(cJSON *parent, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
cJSON *json_add_int(cJSON *parent, const char *name, int64_t value);
cJSON *json_add_bool(cJSON *parent, const char *name, bool value);
/* Adds the item, which it takes over, in place of what has that name. 0, or -1 (item NULL, no memory). */
int json_set(cJSON *parent, const char *name, cJSON *item);
/* Appends to an array; takes the item over also when it fails. 0 or -1. */
int json_push(cJSON *array, cJSON *item);
/* Likewise, but at that index; behind all where there is no such item. */
int json_insert(cJSON *array, int index, cJSON *item);

/* Like Kubernetes' equality of the fields that are there: same type and value, objects' members in any order; but it
 * takes time in proportion to their size, so objects of hundreds of members in a wholly other order are not found to be
 * equal. */
bool json_equal(const cJSON *a, const cJSON *b);

#endif
