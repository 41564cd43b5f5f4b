/* ca_secret.h - what the Secret of the replicas says about their CAs, and how it is changed.
 *
 * Its data, each a PEM text:
 *   ca.crt, ca.key            the CA that signs
 *   ca-next.crt, ca-next.key  one that will sign: trusted already
 *   ca-old.crt                one or more that sign no more: trusted until nobody serves by them
 * Annotations:
 *   codis.io/rotate           anything: a new CA is asked for, once for each text
 *   codis.io/rotated          the text of which this was done
 *   codis.io/serving          "POD=FINGERPRINT,...": who serves with a leaf of which ca.crt, while there is an old one
 */
#ifndef CODIS_CERTS_CA_SECRET_H
#define CODIS_CERTS_CA_SECRET_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "certs/ca.h"
#include "certs/pem.h"

struct error;

#define CA_SECRET_ROTATE  "codis.io/rotate"
#define CA_SECRET_ROTATED "codis.io/rotated"
#define CA_SECRET_SERVING "codis.io/serving"

struct ca_secret {
	struct cert now, next; /* next: empty where there is none */
	char *old_pem;         /* or NULL */
	struct pem_set all;    /* the certificates of all of them: what is to be trusted, */
	char *bundle;          /* and as one text */
	char *asked, *done;    /* codis.io/rotate and codis.io/rotated, "" where absent */
	char *version;         /* resourceVersion */
};

#define CA_SECRET_CLEANUP __attribute__((cleanup(ca_secret_release)))
void ca_secret_release(struct ca_secret *s);
/* 0, or -1 and *err: not all of it can be read. Without one of them calls to whoever serves by it would fail. */
int ca_secret_read(const cJSON *secret, struct ca_secret *out, struct error *err);
/* Nobody has written a CA there. */
bool ca_secret_is_empty(const cJSON *secret);

/* A Secret without data. NULL: no memory. */
cJSON *ca_secret_new(const char *namespace, const char *name);
/* Changes of the object, which has to be given to json_is_whole or json_write afterwards: without memory it is not
 * whole. text NULL: the key is taken away. */
void ca_secret_put(cJSON *secret, const char *key, const char *text);
void ca_secret_note(cJSON *secret, const char *annotation, const char *text);

/* Whether this pod has said that it serves with a leaf of the CA with this fingerprint. */
bool ca_secret_serves(const cJSON *secret, const char *pod, const char *fingerprint);
/* Says so; what was said of other CAs goes. */
void ca_secret_say(cJSON *secret, const char *pod, const char *fingerprint);

#endif
