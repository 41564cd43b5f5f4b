#include "common/kube/admission.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/text.h"

#define UID_MAX     256
#define PATCH_MAX   (16u << 20)
#define API_VERSION "admission.k8s.io/v1"

/* --- the request -------------------------------------------------------------------------------------------------- */

static int check_review(const cJSON *review, struct error *err)
{
	const char *kind = json_str(review, "kind", NULL), *version = json_str(review, "apiVersion", NULL);

	if (!cJSON_IsObject(review))
		return error_set(err, ERR_INVALID, "the body is not a JSON object");
	if (!kind || strcmp(kind, "AdmissionReview") != 0)
		return error_set(err, ERR_INVALID, "the body is no AdmissionReview, its kind is \"%.64s\"",
				 kind ? kind : "");
	if (!version || strcmp(version, API_VERSION) != 0)
		return error_set(err, ERR_INVALID,
				 "the AdmissionReview is of \"%.64s\", only " API_VERSION " is understood",
				 version ? version : "");
	if (!cJSON_IsObject(json_get(review, "request", NULL)))
		return error_set(err, ERR_INVALID, "the AdmissionReview has no request");
	return 0;
}

/* A text that may be absent (""), but is of no other type. */
static int take_text(const cJSON *object, const char *name, const char **out, struct error *err)
{
	const cJSON *item = json_get(object, name, NULL);

	*out = "";
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsString(item))
		return error_set(err, ERR_INVALID, "the AdmissionReview's %s is no text", name);
	*out = item->valuestring;
	return 0;
}

static int take_object(const cJSON *request, const char *name, const cJSON **out, struct error *err)
{
	const cJSON *item = json_get(request, name, NULL);

	*out = NULL;
	if (!item || cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsObject(item))
		return error_set(err, ERR_INVALID, "the AdmissionReview's %s is not a JSON object", name);
	*out = item;
	return 0;
}

static int take_uid(const cJSON *request, const char **uid, struct error *err)
{
	if (take_text(request, "uid", uid, err) < 0)
		return -1;
	if (!**uid)
		return error_set(err, ERR_INVALID, "the AdmissionReview's request has no uid");
	if (strlen(*uid) > UID_MAX)
		return error_set(err, ERR_INVALID, "the AdmissionReview's uid is over %d bytes", UID_MAX);
	return 0;
}

static int take_names(const cJSON *request, struct admission_request *req, struct error *err)
{
	const cJSON *resource = json_get(request, "resource", NULL);

	if (take_text(resource, "resource", &req->resource, err) < 0 ||
	    take_text(request, "subResource", &req->subresource, err) < 0 ||
	    take_text(request, "namespace", &req->namespace, err) < 0 ||
	    take_text(request, "name", &req->name, err) < 0 ||
	    take_text(request, "operation", &req->operation, err) < 0)
		return -1;
	return 0;
}

int admission_parse(const cJSON *review, struct admission_request *req, struct error *err)
{
	const cJSON *request = json_get(review, "request", NULL);

	*req = (struct admission_request){ .uid = "" };
	if (check_review(review, err) < 0 || take_uid(request, &req->uid, err) < 0 ||
	    take_names(request, req, err) < 0 || take_object(request, "object", &req->object, err) < 0 ||
	    take_object(request, "oldObject", &req->old_object, err) < 0)
		return -1;
	return 0;
}

/* --- the verdict -------------------------------------------------------------------------------------------------- */

void admission_verdict_init(struct admission_verdict *v)
{
	v->allowed = true;
	v->code = 0;
	v->message[0] = '\0';
	v->objection = NULL;
	v->warning_count = 0; /* of the warnings, which are long, none is read */
	buf_init(&v->patch, PATCH_MAX);
	v->operations = 0;
}

void admission_verdict_release(struct admission_verdict *v)
{
	buf_release(&v->patch);
	admission_verdict_init(v);
}

void admission_refuse(struct admission_verdict *v, int code, const char *fmt, ...)
{
	char text[sizeof(v->message) + 1]; /* one byte more, to see whether the last character is whole */
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	v->allowed = false;
	v->code = code;
	snprintf(v->message, sizeof(v->message), "%.*s", (int)text_fit(text, sizeof(v->message) - 1), text);
}

void admission_refuse_memory(struct admission_verdict *v)
{
	admission_refuse(v, 500, "codis-webhook has no memory for this: try again");
}

void admission_warn(struct admission_verdict *v, const char *fmt, ...)
{
	char text[ADMISSION_WARNING_MAX + 2], *warning;
	va_list ap;

	if (v->warning_count == ADMISSION_WARNINGS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	warning = v->warnings[v->warning_count];
	if (strlen(text) <= ADMISSION_WARNING_MAX)
		snprintf(warning, ADMISSION_WARNING_MAX + 1, "%s", text);
	else
		snprintf(warning, ADMISSION_WARNING_MAX + 1, "%.*s...", (int)text_fit(text, ADMISSION_WARNING_MAX - 3),
			 text);
	for (int i = 0; i < v->warning_count; i++) {
		if (strcmp(v->warnings[i], warning) == 0)
			return;
	}
	v->warning_count++;
}

/* --- the answer --------------------------------------------------------------------------------------------------- */

static const char *reason_of(int code)
{
	switch (code) {
	case 400: return "BadRequest";
	case 403: return "Forbidden";
	case 409: return "Conflict";
	case 422: return "Invalid";
	case 500: return "InternalError";
	default: return "";
	}
}

static void write_status(const struct admission_verdict *v, struct buf *out)
{
	buf_addstr(out, ",\"status\":{\"status\":\"Failure\",\"message\":");
	json_write_str(v->message, out);
	buf_addstr(out, ",\"reason\":");
	json_write_str(reason_of(v->code), out);
	buf_addf(out, ",\"code\":%d}", v->code);
}

static void write_warnings(const struct admission_verdict *v, struct buf *out)
{
	for (int i = 0; i < v->warning_count; i++) {
		buf_addstr(out, i ? "," : ",\"warnings\":[");
		json_write_str(v->warnings[i], out);
	}
	if (v->warning_count)
		buf_addch(out, ']');
}

static void write_patch(const struct buf *patch, struct buf *out)
{
	buf_addstr(out, ",\"patchType\":\"JSONPatch\",\"patch\":\"");
	base64_add(patch->data, patch->len, out);
	buf_addch(out, '"');
}

int admission_write(const char *uid, const struct admission_verdict *v, struct buf *out)
{
	buf_addstr(out, "{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"AdmissionReview\",\"response\":{\"uid\":");
	json_write_str(uid, out);
	buf_addstr(out, v->allowed ? ",\"allowed\":true" : ",\"allowed\":false");
	if (!v->allowed)
		write_status(v, out);
	write_warnings(v, out);
	if (v->allowed && v->patch.len)
		write_patch(&v->patch, out);
	return buf_addstr(out, "}}");
}
