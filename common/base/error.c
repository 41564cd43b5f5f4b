#include "common/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 3, 0)))
error_vset(struct error *err, enum error_code code, const char *fmt, va_list ap)
{
	err->code = code;
	err->status = 0;
	err->retry_after_s = 0;
	err->connected = false;
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		error_vset(err, code, fmt, ap);
		va_end(ap);
	}
	return -1;
}

static enum error_code code_of_errno(int errnum)
{
	switch (errnum) {
	case ECONNREFUSED: return ERR_REFUSED;
	case ETIMEDOUT: return ERR_TIMEOUT;
	case ENOMEM: return ERR_NOMEM;
	case ENOENT: return ERR_NOTFOUND;
	case EEXIST: return ERR_EXISTS;
	case EACCES:
	case EPERM: return ERR_DENIED;
	default: return ERR_IO;
	}
}

int error_errno(struct error *err, int errnum, const char *fmt, ...)
{
	size_t used;
	char words[128];
	va_list ap;

	if (!err)
		return -1;
	va_start(ap, fmt);
	error_vset(err, code_of_errno(errnum), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", strerror_r(errnum, words, sizeof(words)));
	return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	size_t used;
	va_list ap;

	if (!err)
		return -1;
	memcpy(inner, err->text, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return -1;
}
