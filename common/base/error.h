/* error.h - how a library function says what failed.
 *
 * Functions that can fail return 0 or a value, or -1 (NULL) with *err filled in. Library code never logs;
 * the program that ends up holding the error logs it once. Every layer may put its own words in front
 * (error_wrap), so that a text reads "what failed, on which value: why".
 */
#ifndef CODIS_BASE_ERROR_H
#define CODIS_BASE_ERROR_H

#include <stdbool.h>

enum error_code {
	ERR_NONE = 0,
	ERR_INVALID, /* the input is wrong; trying again does not help */
	ERR_NOMEM,
	ERR_IO,      /* a call to the operating system or a peer failed; the text holds errno's words */
	ERR_REFUSED, /* connection refused: nobody listens there */
	ERR_TIMEOUT,
	ERR_PROTOCOL, /* the peer said something that its protocol does not allow */
	ERR_NOTFOUND,
	ERR_EXISTS,
	ERR_CONFLICT, /* a versioned write met another version */
	ERR_DENIED,
	ERR_TOOBIG, /* over a stated limit */
	ERR_GONE,   /* Kubernetes 410: the resourceVersion is too old */
	ERR_ENDING, /* Kubernetes: nothing is created any more in a namespace that is being deleted */
	ERR_STATUS, /* a peer answered with an error status; see .status */
};

struct error {
	enum error_code code;
	int status;        /* HTTP status where code is ERR_STATUS (and 4xx that have their own code), else 0 */
	int retry_after_s; /* how long the peer wants to be left alone (HTTP's Retry-After), else 0 */
	bool connected;    /* a call over HTTP without an answer: the peer's address has taken the connection */
	char text[512];
};

#define ERROR_INIT                                                                                                     \
	{                                                                                                              \
		.code = ERR_NONE                                                                                       \
	}

/* The contract of every function that takes a struct error *: it returns -1 (or NULL) and has set *err, or it succeeds
 * and has not touched it. So a caller need not initialise what it only reads after a failure. err NULL: nobody asks
 * why. */

/* Fills *err (which may be NULL) and returns -1, so that a caller can write `return error_set(err, ...)`. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* error_set with ": " and the words of errno value `errnum` behind; ECONNREFUSED and ETIMEDOUT get their own codes. */
int error_errno(struct error *err, int errnum, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "<fmt...>: " in front of the text, keeps the code, returns -1. A text over the size is cut at its end. */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
