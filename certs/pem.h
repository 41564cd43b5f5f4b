/* pem.h - several certificates in one text (PEM), as a caBundle is. */
#ifndef CODIS_CERTS_PEM_H
#define CODIS_CERTS_PEM_H

#include <stdbool.h>

struct error;

/* The authorities that systems trust, which some append to every bundle, are 150. */
#define PEM_MAX 256

/* The certificates of some texts, each once. {0} is none. */
struct pem_set {
	char *at[PEM_MAX]; /* from its BEGIN line to its END line */
	int n;
};

#define PEM_CLEANUP __attribute__((cleanup(pem_release)))
void pem_release(struct pem_set *set);
/* Adds those of the text that are not there yet. What stands between them is left out. -1 and *err: there is none, one
 * has no end, there are over PEM_MAX, or no memory. */
int pem_add(struct pem_set *set, const char *text, struct error *err);
/* Whether all certificates of the text (at least one) are there. */
bool pem_has(const struct pem_set *set, const char *text);
/* One text of all of them, whose order depends on nothing but themselves; the caller's. NULL: no memory. */
char *pem_write(struct pem_set *set);

#endif
