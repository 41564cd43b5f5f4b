/* said.h - what a container's environment and command line say, and where that lies which is not read here. Pure.
 *
 * The rules are the kubelet's: of several env entries of one name the last one counts; env beats envFrom, and of
 * several envFrom the last; $(NAME) in a value is what stood before it, in command and args what holds in the end; $$
 * is $. In a shell's text $NAME and ${NAME} are the container's variables, unless the text sets them itself. */
#ifndef CODIS_CODIS_SAID_H
#define CODIS_CODIS_SAID_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct cmdline;

#define SAID_NAME_MAX 254
#define SAID_TEXT_MAX 512
#define SAID_WHY_MAX  200
#define SAID_HOLE     '\x01'

/* Three answers that are never taken for each other. */
enum said {
	SAID_NOTHING, /* the stock default may be meant */
	SAID_KNOWN,
	SAID_ELSEWHERE, /* it is said, in a way that cannot be read here: never replaced by a default */
};

/* Where a value that is not read here lies. */
enum said_where {
	WHERE_HERE,
	WHERE_CONFIG_MAP,
	WHERE_SECRET,
	WHERE_UNKNOWN, /* a fieldRef that is not known before the pod runs, shell text that cannot be followed, ... */
};

struct said_text {
	enum said said;
	char text[SAID_TEXT_MAX]; /* SAID_ELSEWHERE: with SAID_HOLE for each part that is not known */
	enum said_where where;
	/* The whole value is this key of this ConfigMap or Secret; with `maybe`: if it has that key. */
	char object[SAID_NAME_MAX], key[SAID_NAME_MAX];
	/* SAID_ELSEWHERE by an envFrom alone, which may not hold it at all (and then nothing is said). */
	bool maybe;
	/* SAID_ELSEWHERE: a part of a sentence for the user, "env PRODUCT_NAME comes from ConfigMap shop, key
	 * product". */
	char why[SAID_WHY_MAX];
};

/* Whose words are read. */
struct said_source {
	const cJSON *object;    /* the Pod or template, for fieldRefs to its metadata */
	const char *namespace;  /* of the object where it does not say itself; NULL: not known */
	const cJSON *container; /* NULL: nothing is said */
	bool secret;            /* a password: of several envFrom that may hold it a Secret is meant */
};

/* SAID_NOTHING, and no text: what is behind each text's end stays, for they are long. */
static inline void said_clear(struct said_text *out)
{
	out->said = SAID_NOTHING;
	out->where = WHERE_HERE;
	out->maybe = false;
	out->text[0] = out->object[0] = out->key[0] = out->why[0] = '\0';
}

enum said_likeness {
	SAID_UNCLEAR, /* one is not said, or only a running pod or a shell can tell it */
	SAID_SAME,    /* one text, or one key of one object */
	SAID_OTHER,   /* two texts, or two places, whatever stands there */
};

/* Whether two values are the same; `maybe` is not looked at. */
enum said_likeness said_compare(const struct said_text *a, const struct said_text *b);

/* The variable of that name; one that is set to "" is SAID_KNOWN. */
void said_env(const struct said_source *src, const char *name, struct said_text *out);

/* The value behind the flag: of the program's own start, else of another command of its shell text. */
void said_flag(const struct said_source *src, const struct cmdline *c, const char *flag, struct said_text *out);

/* Fills in a value as it is: SAID_KNOWN, or SAID_ELSEWHERE when it is too long. `what` names it in that sentence. */
void said_literal(struct said_text *out, const char *what, const char *value);
void said_unknown(struct said_text *out, const char *why, ...) __attribute__((format(printf, 2, 3)));

#endif
