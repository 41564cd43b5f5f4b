#include "certs/pem.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"

#define BEGIN    "-----BEGIN CERTIFICATE-----"
#define END      "-----END CERTIFICATE-----"
#define TEXT_MAX 65536

void pem_release(struct pem_set *set)
{
	for (int i = 0; i < set->n; i++)
		free(set->at[i]);
	*set = (struct pem_set){ 0 };
}

/* The next certificate of *text, which is moved behind it. 1, 0: there is none any more, -1: it has no end. */
static int next(const char **text, const char **begin, size_t *len)
{
	const char *end;

	*begin = strstr(*text, BEGIN);
	if (!*begin)
		return 0;
	end = strstr(*begin, END);
	if (!end)
		return -1;
	*text = end + strlen(END);
	*len = (size_t)(*text - *begin);
	return 1;
}

static bool holds(const struct pem_set *set, const char *pem, size_t len)
{
	for (int i = 0; i < set->n; i++)
		if (strlen(set->at[i]) == len && memcmp(set->at[i], pem, len) == 0)
			return true;
	return false;
}

int pem_add(struct pem_set *set, const char *text, struct error *err)
{
	const char *pem;
	size_t len;
	int n = 0, r;

	for (; (r = next(&text, &pem, &len)) > 0; n++) {
		if (holds(set, pem, len))
			continue;
		if (set->n == PEM_MAX)
			return error_set(err, ERR_TOOBIG, "over %d certificates", PEM_MAX);
		set->at[set->n] = strndup(pem, len);
		if (!set->at[set->n])
			return error_set(err, ERR_NOMEM, "no memory");
		set->n++;
	}
	return r == 0 && n ? 0 : error_set(err, ERR_INVALID, "no certificate in PEM, or one without its end");
}

bool pem_has(const struct pem_set *set, const char *text)
{
	const char *pem;
	size_t len;
	int n = 0, r;

	for (; (r = next(&text, &pem, &len)) > 0; n++)
		if (!holds(set, pem, len))
			return false;
	return r == 0 && n;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *pem_write(struct pem_set *set)
{
	BUF_CLEANUP struct buf out = BUF_INIT(PEM_MAX * TEXT_MAX);

	qsort(set->at, (size_t)set->n, sizeof(set->at[0]), by_text);
	for (int i = 0; i < set->n; i++)
		buf_addf(&out, "%s\n", set->at[i]);
	return buf_check(&out, "certificates", NULL) < 0 ? NULL : buf_detach(&out);
}
