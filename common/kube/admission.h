/* admission.h - AdmissionReview (admission.k8s.io/v1) and JSON Patch (RFC 6902) on the wire. */
#ifndef CODIS_KUBE_ADMISSION_H
#define CODIS_KUBE_ADMISSION_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/base/buf.h"

struct error;

/* What is read of it; a dry run has no side effect to leave out. */
struct admission_request {
	const char *uid;
	const char *resource;             /* request.resource.resource: "pods" */
	const char *subresource;          /* "" or "scale" */
	const char *namespace, *name;     /* "" when absent (a pod of generateName) */
	const char *operation;            /* CREATE, UPDATE, DELETE, CONNECT */
	const cJSON *object, *old_object; /* or NULL */
};

/* review stays the caller's and must outlive req. 0, or -1 and *err in words fit for the caller of the API: not an
 * AdmissionReview, not v1, no request, no uid (required), uid over 256 bytes, object of a wrong type, ... */
int admission_parse(const cJSON *review, struct admission_request *req, struct error *err);

#define ADMISSION_WARNINGS    16
#define ADMISSION_WARNING_MAX 120 /* bytes; what Kubernetes advises, it cuts at 256 */

struct admission_verdict {
	bool allowed;
	int code; /* HTTP code of a refusal: 422 for what can be mended, 400 for what cannot be read */
	char message[1024];
	/* Why a new template of such pods is refused; "": for nothing. The pod itself is let in: its set may have been
	 * there before. */
	const char *objection;
	char warnings[ADMISSION_WARNINGS][ADMISSION_WARNING_MAX + 1]; /* a longer one is cut, and ends in "..." */
	int warning_count;
	struct buf patch; /* text of a JSON Patch; empty: none */
	int operations;   /* in it */
};

void admission_verdict_init(struct admission_verdict *v); /* allowed, no warnings */
void admission_verdict_release(struct admission_verdict *v);
void admission_refuse(struct admission_verdict *v, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* 500: memory ran out, so there is nothing right to say. */
void admission_refuse_memory(struct admission_verdict *v);
/* One that was said already, and one over the limit of 16, is dropped. */
void admission_warn(struct admission_verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The AdmissionReview answer. 0 or -1 (memory, size). */
int admission_write(const char *uid, const struct admission_verdict *v, struct buf *out);

#endif
