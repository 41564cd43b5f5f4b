#include "tests/unit/fake_api.h"
#include "tests/unit/fake_forward.h"

#include <unistd.h>

#include "common/base/json_patch_apply.h"

struct fake_request {
	struct buf body;
	struct MHD_Connection *conn;
	const char *method, *path;
	struct MHD_Response *answer; /* sent once the lock is given back */
	int status;
};

struct fake_watch {
	struct fake_api *api;
	char collection[FAKE_PATH], name[FAKE_PATH], labels[FAKE_PATH];
	long version; /* events up to this were sent */
	unsigned epoch;
	struct buf out; /* what is to be sent */
	bool gone;
	bool ending; /* when all that is there was said */
};

/* "/api/v1/namespaces/a/pods/b" -> collection "/api/v1/namespaces/a/pods", name "b"; "" for a collection. A resource
 * follows the group and version ("/api/v1", "/apis/apps/v1") and, where it has one, the namespace. "/version" is an
 * object of no collection. */
static void fake_split(const char *path, char collection[FAKE_PATH], char name[FAKE_PATH])
{
	int words = strncmp(path, "/api/", 5) == 0 ? 3 : strncmp(path, "/apis/", 6) == 0 ? 4 : 0;
	const char *ns = strstr(path, "/namespaces/"), *end = path;

	if (ns && strchr(ns + strlen("/namespaces/"), '/'))
		words += 2;
	for (; *end && words; words--)
		end += 1 + strcspn(end + 1, "/");
	snprintf(collection, FAKE_PATH, "%.*s", (int)(end - path), path);
	snprintf(name, FAKE_PATH, "%s", *end ? end + 1 : "");
}

/* Whether what stands in `in` is listed at `asked`: there, or in all namespaces. */
static bool fake_within(const char *in, const char *asked)
{
	const char *ns = strstr(in, "/namespaces/"), *rest = ns ? strchr(ns + 12, '/') : NULL;

	if (strcmp(in, asked) == 0)
		return true;
	return rest && strncmp(in, asked, (size_t)(ns - in)) == 0 && strcmp(asked + (ns - in), rest) == 0;
}

static void fake_set(cJSON *object, const char *name, const char *value)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, name);
	cJSON_AddStringToObject(object, name, value);
}

/* --- label selectors: "key", "!key", "key=value", "key!=value", "key in (a,b)", "key notin (a,b)", with commas between
 * ------------
 */

static bool fake_term_holds(const char *term, size_t len, const cJSON *object)
{
	bool negated = *term == '!';
	char key[FAKE_PATH], values[FAKE_PATH], want[FAKE_PATH];
	const char *in = memmem(term, len, " in (", 5), *notin = memmem(term, len, " notin (", 8), *value;
	const char *unlike = memmem(term, len, "!=", 2), *like = memchr(term, '=', len),
		   *list = notin ? notin + 8
			   : in  ? in + 5
				 : NULL;

	if (unlike) {
		snprintf(key, sizeof(key), "%.*s", (int)(unlike - term), term);
		value = json_str(object, "metadata", "labels", key, NULL);
		return !value || strncmp(value, unlike + 2, (size_t)(term + len - unlike - 2)) != 0;
	}
	if (like) {
		snprintf(key, sizeof(key), "%.*s", (int)(like - term), term);
		value = json_str(object, "metadata", "labels", key, NULL);
		snprintf(want, sizeof(want), "%.*s", (int)(term + len - like - 1), like + 1);
		return value && strcmp(value, want) == 0;
	}
	snprintf(key, sizeof(key), "%.*s", (int)(list ? strcspn(term, " ") : len - negated), term + negated);
	value = json_str(object, "metadata", "labels", key, NULL);
	if (!list || !value)
		return notin || (value != NULL) != negated;
	snprintf(values, sizeof(values), ",%.*s,", (int)(term + len - 1 - list), list);
	snprintf(want, sizeof(want), ",%.500s,", value);
	return (strstr(values, want) != NULL) != (notin != NULL);
}

bool fake_labels_match(const char *selector, const cJSON *object)
{
	while (object && *selector) {
		size_t len = strcspn(selector, ",("), skip;

		if (selector[len] == '(')
			len += strcspn(selector + len, ")") + 1;
		if (!fake_term_holds(selector, len, object))
			return false;
		skip = len + (selector[len] == ',');
		selector += skip;
	}
	return object != NULL;
}

/* --- events ---------------------------------------------------------------------------------------------------- */

/* {"type":...,"object":...}, the caller's. */
static char *fake_line(const char *type, const cJSON *object)
{
	cJSON *line = cJSON_CreateObject();
	char *text;

	cJSON_AddStringToObject(line, "type", type);
	cJSON_AddItemToObject(line, "object", cJSON_Duplicate(object, 1));
	text = cJSON_PrintUnformatted(line);
	cJSON_Delete(line);
	return text;
}

/* was: the object before; NULL: there was none. */
static void fake_emit(struct fake_api *a, const char *type, const char *path, const cJSON *object, const cJSON *was)
{
	cJSON *event = cJSON_CreateObject();
	char collection[FAKE_PATH], name[FAKE_PATH], *text = fake_line(type, object);

	fake_split(path, collection, name);
	cJSON_AddStringToObject(event, "collection", collection);
	cJSON_AddStringToObject(event, "name", name);
	cJSON_AddNumberToObject(event, "version", (double)a->version);
	cJSON_AddStringToObject(event, "line", text);
	cJSON_AddStringToObject(event, "type", type);
	cJSON_AddItemToObject(event, "object", cJSON_Duplicate(object, 1));
	if (was)
		cJSON_AddItemToObject(event, "was", cJSON_Duplicate(was, 1));
	cJSON_free(text);
	cJSON_AddItemToArray(a->events, event);
	pthread_cond_broadcast(&a->changed);
}

/* Takes the object over and returns it, with its metadata filled in. */
static cJSON *fake_store(struct fake_api *a, const char *path, cJSON *object)
{
	cJSON *old = cJSON_DetachItemFromObjectCaseSensitive(a->objects, path);
	cJSON *metadata = cJSON_GetObjectItem(object, "metadata");
	char collection[FAKE_PATH], name[FAKE_PATH], number[32];
	const char *ns = strstr(path, "/namespaces/");

	if (!metadata)
		metadata = cJSON_AddObjectToObject(object, "metadata");
	snprintf(number, sizeof(number), "%ld", ++a->version);
	fake_set(metadata, "resourceVersion", number);
	if (!json_str(metadata, "uid", NULL)) {
		const char *uid = json_str(old, "metadata", "uid", NULL);

		snprintf(name, sizeof(name), "uid-%ld", a->version);
		fake_set(metadata, "uid", uid ? uid : name);
	}
	fake_split(path, collection, name);
	fake_set(metadata, "name", name);
	if (ns && strchr(ns + 12, '/')) { /* a Namespace is in none */
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(ns + 12, "/"), ns + 12);
		fake_set(metadata, "namespace", name);
	}
	cJSON_AddItemToObject(a->objects, path, object);
	fake_emit(a, old ? "MODIFIED" : "ADDED", path, object, old);
	cJSON_Delete(old);
	return object;
}

static bool fake_remove(struct fake_api *a, const char *path)
{
	cJSON *object = cJSON_DetachItemFromObjectCaseSensitive(a->objects, path);
	char number[32];

	if (!object)
		return false;
	snprintf(number, sizeof(number), "%ld", ++a->version);
	fake_set(cJSON_GetObjectItem(object, "metadata"), "resourceVersion", number);
	fake_emit(a, "DELETED", path, object, object);
	cJSON_Delete(object);
	return true;
}

static void fake_text(struct fake_request *r, int status, const char *text)
{
	r->answer = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
	r->status = status;
}

static void fake_json(struct fake_request *r, int status, const cJSON *object)
{
	char *text = cJSON_PrintUnformatted(object);

	fake_text(r, status, text);
	cJSON_free(text);
}

static void fake_status(struct fake_request *r, int status, const char *reason, const char *message)
{
	cJSON *object = cJSON_CreateObject();

	cJSON_AddStringToObject(object, "kind", "Status");
	cJSON_AddStringToObject(object, "reason", reason);
	cJSON_AddStringToObject(object, "message", message);
	cJSON_AddNumberToObject(object, "code", status);
	fake_json(r, status, object);
	cJSON_Delete(object);
}

static const char *fake_query(struct fake_request *r, const char *name)
{
	const char *value = MHD_lookup_connection_value(r->conn, MHD_GET_ARGUMENT_KIND, name);

	return value ? value : "";
}

/* The only field selectors known here: metadata.name=... and status.podIP=... */
static bool fake_field_matches(const char *field, const char *name, const cJSON *object)
{
	const char *ip = json_str(object, "status", "podIP", NULL), *value = strchr(field, '=');

	if (strncmp(field, "status.podIP=", strlen("status.podIP=")) == 0)
		return ip && strcmp(value + 1, ip) == 0;
	return !*field || strcmp(field + strlen("metadata.name="), name) == 0;
}

static bool fake_selected(struct fake_request *r, const char *name, const cJSON *object)
{
	return fake_field_matches(fake_query(r, "fieldSelector"), name, object) &&
	       fake_labels_match(fake_query(r, "labelSelector"), object);
}

static void fake_odd_list(struct fake_api *a, struct fake_request *r)
{
	fake_text(r, 200, a->odd_list);
	a->odd_list = NULL;
}

static void fake_list(struct fake_api *a, struct fake_request *r)
{
	long limit = strtol(fake_query(r, "limit"), NULL, 10), skip = strtol(fake_query(r, "continue"), NULL, 10),
	     i = 0;
	cJSON *list = cJSON_CreateObject(), *metadata = cJSON_AddObjectToObject(list, "metadata"), *object;
	cJSON *items = cJSON_AddArrayToObject(list, "items"), *objects = a->endless ? NULL : a->objects;
	char collection[FAKE_PATH], name[FAKE_PATH], number[32];

	if (a->odd_list) {
		fake_odd_list(a, r);
		cJSON_Delete(list);
		return;
	}
	if (a->endless) {
		snprintf(number, sizeof(number), "%ld", a->endless == 1 ? 1 : skip + 1);
		cJSON_AddStringToObject(metadata, "continue", number);
	}
	cJSON_ArrayForEach(object, objects) {
		fake_split(object->string, collection, name);
		if (!fake_within(collection, r->path) || !fake_selected(r, name, object) || i++ < skip)
			continue;
		if (limit && i > skip + limit) {
			snprintf(number, sizeof(number), "%ld/%%", skip + limit); /* to be escaped */
			cJSON_AddStringToObject(metadata, "continue", number);
			break;
		}
		cJSON_AddItemToArray(items, cJSON_Duplicate(object, 1));
	}
	snprintf(number, sizeof(number), "%ld", a->version);
	cJSON_AddStringToObject(metadata, "resourceVersion", number);
	fake_json(r, 200, list);
	cJSON_Delete(list);
}

/* An object that comes into the selection is ADDED, one that leaves it DELETED, as it was, with the version of now. */
static void fake_watch_add(struct fake_watch *w, const cJSON *event)
{
	const cJSON *object = json_get(event, "object", NULL), *was = json_get(event, "was", NULL);
	const char *type = json_str(event, "type", NULL);
	bool is_in = fake_labels_match(w->labels, object), was_in = fake_labels_match(w->labels, was);
	cJSON *last;
	char *line;

	if (!*w->labels || !object || strcmp(type, "BOOKMARK") == 0 ||
	    (is_in && (was_in || strcmp(type, "ADDED") == 0))) {
		buf_addf(&w->out, "%s\n", json_str(event, "line", NULL));
	} else if (is_in) {
		line = fake_line("ADDED", object);
		buf_addf(&w->out, "%s\n", line);
		cJSON_free(line);
	} else if (was_in) {
		last = cJSON_Duplicate(was, 1);
		fake_set(cJSON_GetObjectItem(last, "metadata"), "resourceVersion",
			 json_str(object, "metadata", "resourceVersion", NULL));
		line = fake_line("DELETED", last);
		buf_addf(&w->out, "%s\n", line);
		cJSON_free(line);
		cJSON_Delete(last);
	}
}

static void fake_watch_take(struct fake_watch *w)
{
	const cJSON *event;

	if (w->api->mute)
		return;

	cJSON_ArrayForEach(event, w->api->events) {
		const char *name = json_str(event, "name", NULL);
		long version = (long)json_int(0, event, "version", NULL);

		if (version <= w->version || (w->epoch != w->api->epoch && version > w->api->ended))
			continue;
		if (fake_within(json_str(event, "collection", NULL), w->collection) &&
		    (!*w->name || !*name || strcmp(w->name, name) == 0))
			fake_watch_add(w, event);
		w->version = version;
	}
}

static ssize_t fake_watch_read(void *cls, uint64_t pos, char *to, size_t max)
{
	struct fake_watch *w = cls;
	struct fake_api *a = w->api;
	ssize_t n = 0;

	(void)pos;
	pthread_mutex_lock(&a->lock);
	while (n == 0) {
		if (!w->gone)
			fake_watch_take(w);
		if (a->fragment && max > a->fragment)
			max = a->fragment;
		if (w->out.len) {
			n = (ssize_t)(w->out.len < max ? w->out.len : max);
			memcpy(to, w->out.data, (size_t)n);
			buf_consume(&w->out, (size_t)n);
			w->ending = a->hot;
		} else if (w->ending) {
			n = a->breaking ? MHD_CONTENT_READER_END_WITH_ERROR : MHD_CONTENT_READER_END_OF_STREAM;
		} else if (w->gone || a->stopping || a->epoch != w->epoch) {
			n = a->breaking && !w->gone ? MHD_CONTENT_READER_END_WITH_ERROR
						    : MHD_CONTENT_READER_END_OF_STREAM;
		} else {
			pthread_cond_wait(&a->changed, &a->lock);
		}
	}
	pthread_mutex_unlock(&a->lock);
	return n;
}

static void fake_watch_free(void *cls)
{
	struct fake_watch *w = cls;

	buf_release(&w->out);
	free(w);
}

static void fake_watching(struct fake_api *a, struct fake_request *r)
{
	long from = strtol(fake_query(r, "resourceVersion"), NULL, 10);
	const char *field = fake_query(r, "fieldSelector");
	struct fake_watch *w;

	if (from < a->oldest && !a->gone_as_event) {
		fake_status(r, 410, "Expired", "too old resource version");
		return;
	}
	if (from > a->version && a->future_refused) {
		fake_status(r, 504, "Timeout", "Too large resource version");
		return;
	}
	w = calloc(1, sizeof(*w));
	w->api = a;
	w->version = from;
	w->epoch = a->epoch;
	buf_init(&w->out, FAKE_LIMIT);
	snprintf(w->collection, sizeof(w->collection), "%s", r->path);
	snprintf(w->labels, sizeof(w->labels), "%s", fake_query(r, "labelSelector"));
	snprintf(w->name, sizeof(w->name), "%s", *field ? field + strlen("metadata.name=") : "");
	if (a->hot || (from > a->version && !a->mute))
		buf_addf(&w->out, "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"%ld\"}}}\n",
			 from < a->version ? from : a->version);
	if (from < a->oldest) {
		w->gone = true;
		buf_addstr(&w->out, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
				    "\"reason\":\"Expired\",\"message\":\"too old resource version\"}}\n");
	}
	r->answer = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, fake_watch_read, w, fake_watch_free);
	r->status = 200;
}

/* The log of the container before is an object of its own. */
static const cJSON *fake_asked(struct fake_api *a, struct fake_request *r)
{
	char previous[FAKE_PATH];

	if (!*fake_query(r, "previous"))
		return cJSON_GetObjectItemCaseSensitive(a->objects, r->path);
	snprintf(previous, sizeof(previous), "%s/previous", r->path);
	return cJSON_GetObjectItemCaseSensitive(a->objects, previous);
}

/* "/api/v1", "/apis/apps/v1": it is asked which resources there are. */
static bool fake_is_version(const char *path)
{
	int slashes = 0;

	for (const char *at = path; *at; at++)
		slashes += *at == '/';
	return strncmp(path, "/apis/", 6) == 0 ? slashes == 3 : strncmp(path, "/api/", 5) == 0 && slashes == 2;
}

static void fake_get(struct fake_api *a, struct fake_request *r)
{
	const cJSON *object = fake_asked(a, r);
	char collection[FAKE_PATH], name[FAKE_PATH];

	fake_split(r->path, collection, name);
	if (fake_is_version(r->path))
		snprintf(name, sizeof(name), "version");
	if (object && strstr(name, "/portforward") && (r->answer = fake_forward(r->conn, object)))
		r->status = 101;
	else if (*name && json_str(object, "as_text", NULL))
		fake_text(r, 200, json_str(object, "as_text", NULL));
	else if (*name && object)
		fake_json(r, 200, object);
	else if (*name)
		fake_status(r, 404, "NotFound", "not found");
	else if (*fake_query(r, "watch"))
		fake_watching(a, r);
	else
		fake_list(a, r);
}

/* Admission plugin NamespaceLifecycle. */
static void fake_refuse_ending(struct fake_request *r)
{
	JSON_CLEANUP cJSON *status = cJSON_Parse(
		"{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Forbidden\",\"code\":403,"
		"\"message\":\"unable to create new content in namespace n because it is being terminated\","
		"\"details\":{\"causes\":[{\"reason\":\"NamespaceTerminating\","
		"\"message\":\"namespace n is being terminated\",\"field\":\"metadata.namespace\"}]}}");

	fake_json(r, 403, status);
}

static bool fake_is_ending(const struct fake_api *a, const char *path)
{
	const char *namespace = strstr(path, "/namespaces/");
	size_t len = a->ending ? strlen(a->ending) : 0;

	if (!namespace || !a->ending)
		return false;
	namespace += strlen("/namespaces/");
	return strncmp(namespace, a->ending, len) == 0 && namespace[len] == '/';
}

static void fake_post(struct fake_api *a, struct fake_request *r, cJSON *object)
{
	const char *name = json_str(object, "metadata", "name", NULL);
	const char *start = json_str(object, "metadata", "generateName", NULL);
	char path[FAKE_PATH];

	if (name)
		snprintf(path, sizeof(path), "%s/%s", r->path, name);
	else
		snprintf(path, sizeof(path), "%s/%s%ld", r->path, start ? start : "", a->version);
	if (fake_is_ending(a, path)) {
		cJSON_Delete(object);
		fake_refuse_ending(r);
		return;
	}
	if (!cJSON_HasObjectItem(a->objects, path)) {
		fake_json(r, 201, fake_store(a, path, object));
		return;
	}
	cJSON_Delete(object);
	fake_status(r, 409, "AlreadyExists", "already exists");
}

static void fake_put(struct fake_api *a, struct fake_request *r, cJSON *object)
{
	const cJSON *old = cJSON_GetObjectItemCaseSensitive(a->objects, r->path);
	const char *is = json_str(old, "metadata", "resourceVersion", NULL);
	const char *wanted = json_str(object, "metadata", "resourceVersion", NULL);

	if (old && (!wanted || strcmp(is, wanted) == 0)) {
		fake_json(r, 200, fake_store(a, r->path, object));
		return;
	}
	cJSON_Delete(object);
	fake_status(r, old ? 409 : 404, old ? "Conflict" : "NotFound", "not there, or not so any more");
}

/* RFC 7396. */
static void fake_merge(cJSON *object, const cJSON *patch)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, patch) {
		cJSON *old = cJSON_GetObjectItemCaseSensitive(object, item->string);

		if (cJSON_IsObject(item) && cJSON_IsObject(old)) {
			fake_merge(old, item);
			continue;
		}
		cJSON_DeleteItemFromObjectCaseSensitive(object, item->string);
		if (!cJSON_IsNull(item))
			cJSON_AddItemToObject(object, item->string, cJSON_Duplicate(item, 1));
	}
}

/* Somebody else has scaled it: annotation "scaled". */
static void fake_refuse_scaled(struct fake_request *r)
{
	JSON_CLEANUP cJSON *status =
		cJSON_Parse("{\"kind\":\"Status\",\"status\":\"Failure\",\"reason\":\"Conflict\",\"code\":409,"
			    "\"message\":\"Apply failed with 1 conflict\",\"details\":{\"causes\":[{"
			    "\"reason\":\"FieldManagerConflict\",\"field\":\".spec.replicas\"}]}}");

	fake_json(r, 409, status);
}

/* Server-side apply, as far as one who applies goes: what is there is made or set, and the same is no change. */
static void fake_server_side(struct fake_api *a, struct fake_request *r, cJSON *patch)
{
	const cJSON *old = cJSON_GetObjectItemCaseSensitive(a->objects, r->path);
	cJSON *object = old ? cJSON_Duplicate(old, 1) : patch;

	if (old) {
		fake_merge(object, patch);
		cJSON_Delete(patch);
	}
	if (json_str(old, "metadata", "annotations", "scaled", NULL) &&
	    json_int(0, old, "spec", "replicas", NULL) != json_int(0, object, "spec", "replicas", NULL)) {
		fake_refuse_scaled(r);
		cJSON_Delete(object);
	} else if (old && cJSON_Compare(old, object, true)) {
		fake_json(r, 200, old);
		cJSON_Delete(object);
	} else {
		fake_json(r, old ? 200 : 201, fake_store(a, r->path, object));
	}
}

static bool fake_is_overtaken(const cJSON *old, const cJSON *patch)
{
	const char *wanted = json_str(patch, "metadata", "resourceVersion", NULL);

	return old && wanted && strcmp(json_str(old, "metadata", "resourceVersion", NULL), wanted) != 0;
}

static void fake_patch(struct fake_api *a, struct fake_request *r, cJSON *patch)
{
	const cJSON *old = cJSON_GetObjectItemCaseSensitive(a->objects, r->path);
	const char *type = MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, "Content-Type");
	cJSON *object = NULL;
	struct error err;

	if (type && strcmp(type, KUBE_APPLY_PATCH) == 0) {
		fake_server_side(a, r, patch);
		return;
	}
	if (fake_is_overtaken(old, patch)) {
		cJSON_Delete(patch);
		fake_status(r, 409, "Conflict", "the object has been modified");
		return;
	}
	if (old && type && strcmp(type, KUBE_JSON_PATCH) == 0)
		object = json_patch_apply(old, patch, &err);
	if (old && type && strcmp(type, KUBE_MERGE_PATCH) == 0) {
		object = cJSON_Duplicate(old, 1);
		fake_merge(object, patch);
	}
	cJSON_Delete(patch);
	if (object)
		fake_json(r, 200, fake_store(a, r->path, object));
	else
		fake_status(r, old ? 422 : 404, old ? "Invalid" : "NotFound",
			    old ? "the server rejected our request due to an error in our request" : "not there");
}

/* At once, whatever the grace period and who owns it; where it has the uid that is meant. */
static void fake_delete_one(struct fake_api *a, struct fake_request *r, cJSON *options)
{
	const cJSON *old = cJSON_GetObjectItemCaseSensitive(a->objects, r->path);
	const char *uid = json_str(options, "preconditions", "uid", NULL);
	bool is = old && (!uid || strcmp(uid, json_str(old, "metadata", "uid", NULL)) == 0);

	cJSON_Delete(options);
	if (!is)
		fake_status(r, old ? 409 : 404, old ? "Conflict" : "NotFound", "not there, or another one");
	else if (fake_remove(a, r->path))
		fake_status(r, 200, "", "");
}

static void fake_write(struct fake_api *a, struct fake_request *r)
{
	cJSON *object = cJSON_Parse(r->body.data);

	if (object && strcmp(r->method, "DELETE") == 0) {
		fake_delete_one(a, r, object);
		return;
	}
	if (object && strcmp(r->method, "POST") == 0) {
		fake_post(a, r, object);
	} else if (object && strcmp(r->method, "PUT") == 0) {
		fake_put(a, r, object);
	} else if (object && strcmp(r->method, "PATCH") == 0) {
		fake_patch(a, r, object);
	} else {
		cJSON_Delete(object);
		fake_status(r, 400, "BadRequest", "no JSON, or an unknown method");
	}
}

static enum MHD_Result fake_add_argument(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
	struct buf *line = cls;

	(void)kind;
	buf_addf(line, "&%s=%s", key, value ? value : "");
	return MHD_YES;
}

static void fake_date(const struct fake_api *a, struct fake_request *r)
{
	time_t now = time(NULL) + a->ahead_s;
	char date[64];
	struct tm tm;

	if (!a->ahead_s)
		return;
	strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &tm));
	MHD_add_response_header(r->answer, "Date", date);
}

static enum MHD_Result fake_answer(struct fake_api *a, struct fake_request *r)
{
	BUF_CLEANUP struct buf line = BUF_INIT(8192);
	enum MHD_Result ok;
	char number[32];
	int slow_ms = 0;
	bool wait;

	buf_addf(&line, "%s %s", r->method, r->path);
	MHD_get_connection_values(r->conn, MHD_GET_ARGUMENT_KIND, fake_add_argument, &line);
	pthread_mutex_lock(&a->lock);
	cJSON_AddItemToArray(a->requests, cJSON_CreateString(line.data));
	wait = a->block_left > 0 && a->block_match[0] && strstr(line.data, a->block_match);
	a->block_left -= wait;
	while ((a->hanging || (wait && a->block_match[0])) && !a->stopping) {
		a->blocked++;
		pthread_cond_wait(&a->changed, &a->lock);
		a->blocked--;
	}
	if (a->fail_count && strstr(line.data, a->fail_match)) {
		a->fail_count--;
		fake_status(r, a->fail_status, a->fail_status == 410 ? "Expired" : "Asked",
			    a->fail_message ? a->fail_message : "as the test asked");
		snprintf(number, sizeof(number), "%d", a->retry_after);
		if (a->retry_after)
			MHD_add_response_header(r->answer, "Retry-After", number);
	} else if (strcmp(r->method, "GET") == 0) {
		fake_get(a, r);
	} else {
		fake_write(a, r);
		if (a->warning)
			MHD_add_response_header(r->answer, "Warning", a->warning);
	}
	if (a->slow_match[0] && strstr(line.data, a->slow_match))
		slow_ms = a->slow_ms;
	fake_date(a, r);
	pthread_mutex_unlock(&a->lock);
	if (slow_ms)
		usleep((useconds_t)slow_ms * 1000);
	ok = MHD_queue_response(r->conn, (unsigned)r->status, r->answer);
	MHD_destroy_response(r->answer);
	return ok;
}

static enum MHD_Result fake_access(void *cls, struct MHD_Connection *conn, const char *url, const char *method,
				   const char *version, const char *data, size_t *len, void **held)
{
	struct fake_request *r = *held;

	(void)version;
	if (!r) {
		r = *held = calloc(1, sizeof(*r));
		buf_init(&r->body, FAKE_LIMIT);
		return MHD_YES;
	}
	if (*len) {
		buf_add(&r->body, data, *len);
		*len = 0;
		return MHD_YES;
	}
	r->conn = conn;
	r->path = url;
	r->method = method;
	return fake_answer(cls, r);
}

static void fake_done(void *cls, struct MHD_Connection *conn, void **held, enum MHD_RequestTerminationCode code)
{
	struct fake_request *r = *held;

	(void)cls, (void)conn, (void)code;
	if (r)
		buf_release(&r->body);
	free(r);
	*held = NULL;
}

void fake_up(struct fake_api *a)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(a->port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const union MHD_DaemonInfo *info;

	a->stopping = false;
	a->daemon = MHD_start_daemon(
		MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_ALLOW_UPGRADE,
		a->port, NULL, NULL, fake_access, a, MHD_OPTION_SOCK_ADDR, &sin, MHD_OPTION_NOTIFY_COMPLETED, fake_done,
		NULL, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_END);
	assert_non_null(a->daemon);
	info = MHD_get_daemon_info(a->daemon, MHD_DAEMON_INFO_BIND_PORT);
	if (!a->port) /* up again it has the same one, and others read it */
		a->port = info->port;
}

void fake_down(struct fake_api *a)
{
	if (!a->daemon)
		return;
	pthread_mutex_lock(&a->lock);
	a->stopping = a->breaking = true;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
	MHD_stop_daemon(a->daemon);
	a->daemon = NULL;
	a->breaking = false;
}

static void fake_init(struct fake_api *a)
{
	*a = (struct fake_api){ .version = 100,
				.objects = cJSON_CreateObject(),
				.events = cJSON_CreateArray(),
				.requests = cJSON_CreateArray() };
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->changed, NULL);
	fake_up(a);
}

static void fake_release(struct fake_api *a)
{
	fake_down(a);
	cJSON_Delete(a->objects);
	cJSON_Delete(a->events);
	cJSON_Delete(a->requests);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->changed);
}

void fake_apply(struct fake_api *a, const char *path, const char *json)
{
	cJSON *object = cJSON_Parse(json);

	assert_non_null(object);
	pthread_mutex_lock(&a->lock);
	fake_store(a, path, object);
	pthread_mutex_unlock(&a->lock);
}

void fake_delete(struct fake_api *a, const char *path)
{
	pthread_mutex_lock(&a->lock);
	assert_true(fake_remove(a, path));
	pthread_mutex_unlock(&a->lock);
}

cJSON *fake_read(struct fake_api *a, const char *path)
{
	cJSON *copy;

	pthread_mutex_lock(&a->lock);
	copy = cJSON_Duplicate(cJSON_GetObjectItemCaseSensitive(a->objects, path), 1);
	pthread_mutex_unlock(&a->lock);
	return copy;
}

void fake_bookmark(struct fake_api *a, const char *collection)
{
	cJSON *object = cJSON_CreateObject();
	char path[FAKE_PATH], number[32];

	pthread_mutex_lock(&a->lock);
	a->version += 1000;
	snprintf(number, sizeof(number), "%ld", a->version);
	cJSON_AddStringToObject(cJSON_AddObjectToObject(object, "metadata"), "resourceVersion", number);
	snprintf(path, sizeof(path), "%s/", collection);
	fake_emit(a, "BOOKMARK", path, object, NULL);
	pthread_mutex_unlock(&a->lock);
	cJSON_Delete(object);
}

void fake_garbage(struct fake_api *a, const char *collection, const char *line)
{
	cJSON *event = cJSON_CreateObject();

	pthread_mutex_lock(&a->lock);
	cJSON_AddStringToObject(event, "collection", collection);
	cJSON_AddStringToObject(event, "name", "");
	cJSON_AddNumberToObject(event, "version", (double)++a->version);
	cJSON_AddStringToObject(event, "line", line);
	cJSON_AddItemToArray(a->events, event);
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void fake_end_watches(struct fake_api *a, bool breaking)
{
	pthread_mutex_lock(&a->lock);
	a->epoch++;
	a->ended = a->version;
	a->breaking = breaking;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void fake_compact(struct fake_api *a, bool as_event)
{
	pthread_mutex_lock(&a->lock);
	a->oldest = ++a->version;
	a->gone_as_event = as_event;
	pthread_mutex_unlock(&a->lock);
}

void fake_slow(struct fake_api *a, const char *match, int ms)
{
	pthread_mutex_lock(&a->lock);
	snprintf(a->slow_match, sizeof(a->slow_match), "%s", match);
	a->slow_ms = ms;
	pthread_mutex_unlock(&a->lock);
}

void fake_rewind(struct fake_api *a, long version)
{
	pthread_mutex_lock(&a->lock);
	cJSON_Delete(a->events);
	a->events = cJSON_CreateArray();
	a->version = a->ended = version;
	a->epoch++;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void fake_mute(struct fake_api *a, bool mute)
{
	pthread_mutex_lock(&a->lock);
	a->mute = mute;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void fake_hot(struct fake_api *a, bool hot, bool breaking)
{
	pthread_mutex_lock(&a->lock);
	a->hot = hot;
	a->breaking = breaking;
	pthread_mutex_unlock(&a->lock);
}

void fake_fail_with_pause(struct fake_api *a, const char *match, int status, int count, int retry_after)
{
	fake_fail(a, match, status, count);
	pthread_mutex_lock(&a->lock);
	a->retry_after = retry_after;
	pthread_mutex_unlock(&a->lock);
}

void fake_fail(struct fake_api *a, const char *match, int status, int count)
{
	pthread_mutex_lock(&a->lock);
	snprintf(a->fail_match, sizeof(a->fail_match), "%s", match);
	a->fail_status = status;
	a->fail_count = count;
	a->retry_after = 0;
	pthread_mutex_unlock(&a->lock);
}

void fake_hang(struct fake_api *a, bool hanging)
{
	pthread_mutex_lock(&a->lock);
	a->hanging = hanging;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void fake_clock(struct fake_api *a, int ahead_s)
{
	pthread_mutex_lock(&a->lock);
	a->ahead_s = ahead_s;
	pthread_mutex_unlock(&a->lock);
}

void fake_block_some(struct fake_api *a, const char *match, int count)
{
	pthread_mutex_lock(&a->lock);
	snprintf(a->block_match, sizeof(a->block_match), "%s", match);
	a->block_left = count;
	pthread_cond_broadcast(&a->changed);
	pthread_mutex_unlock(&a->lock);
}

void fake_block(struct fake_api *a, const char *match)
{
	fake_block_some(a, match, INT32_MAX);
}

void fake_unblock(struct fake_api *a)
{
	fake_block_some(a, "", 0);
}

int fake_blocked(struct fake_api *a)
{
	int n;

	pthread_mutex_lock(&a->lock);
	n = a->blocked;
	pthread_mutex_unlock(&a->lock);
	return n;
}

int fake_count_but(struct fake_api *a, const char *match, const char *but)
{
	const cJSON *request;
	int n = 0;

	pthread_mutex_lock(&a->lock);
	cJSON_ArrayForEach(request, a->requests)
		n += strstr(request->valuestring, match) && !(but && strstr(request->valuestring, but));
	pthread_mutex_unlock(&a->lock);
	return n;
}

int fake_count(struct fake_api *a, const char *match)
{
	return fake_count_but(a, match, NULL);
}

const char *fake_last(struct fake_api *a, const char *match, char out[2048])
{
	const cJSON *request;

	out[0] = '\0';
	pthread_mutex_lock(&a->lock);
	cJSON_ArrayForEach(request, a->requests)
		if (strstr(request->valuestring, match))
			snprintf(out, 2048, "%s", request->valuestring);
	pthread_mutex_unlock(&a->lock);
	return out;
}

struct kube_client *fake_client(struct fake_world *w)
{
	struct kube_config cfg = { 0 };
	struct kube_client *c;
	struct error err;
	char server[64];

	snprintf(server, sizeof(server), "http://127.0.0.1:%u", w->api.port);
	cfg.server = server;
	c = kube_client_new(&w->loop.uv, &cfg, &err);
	assert_non_null(c);
	return c;
}

int fake_setup(void **state)
{
	struct fake_world *w = calloc(1, sizeof(*w));
	struct error err;

	*state = w;
	if (!w || loop_init(&w->loop, NULL, NULL, &err) < 0)
		return -1;
	fake_init(&w->api);
	w->kube = fake_client(w);
	return 0;
}

int fake_teardown(void **state)
{
	struct fake_world *w = *state;

	kube_client_free(w->kube);
	fake_release(&w->api);
	loop_release(&w->loop);
	free(w);
	return 0;
}

static void fake_tick(void *ctx)
{
	(void)ctx;
}

bool fake_run(struct fake_world *w, int ms, bool (*until)(void *ctx), void *ctx)
{
	struct loop_timer *tick = loop_timer_start(&w->loop.uv, 2, 2, fake_tick, NULL);
	int64_t end = clock_mono_ms() + ms;
	bool is;

	while (!(is = until(ctx)) && clock_mono_ms() < end)
		uv_run(&w->loop.uv, UV_RUN_ONCE);
	loop_timer_stop(&tick);
	return is;
}
