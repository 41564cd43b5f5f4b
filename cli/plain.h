/* plain.h - what can be told of the clusters without codis-controller: the pods as Kubernetes has them, and the
 * dashboards, asked through the API server. In the form of the controller's status, as far as that is known. */
#ifndef CODIS_CLI_PLAIN_H
#define CODIS_CLI_PLAIN_H

#include <cjson/cJSON.h>

#include "cli/known.h"

struct plain {
	struct plain_product {
		char namespace[POD_NAMESPACE_MAX], product[CODIS_PRODUCT_MAX];
	} * products;           /* in the order of their names */
	struct ask *dashboards; /* one each; path "": it has none */
	int count;
};

/* The products that are seen, and begins to ask their dashboards, for so long at most. 0, or -1 (no memory). */
int plain_begin(struct plain *p, struct cli *c, const struct known *k, int timeout_ms);
bool plain_ended(const void *plain);
void plain_end(struct plain *p);

/* "clusters": one for each, of whatever has come. unknown: why codis-controller may be well although it has told
 * nothing; NULL: it is not. 0, or -1 (no memory). */
int plain_report(const struct plain *p, const struct known *k, const char *unknown, cJSON *report);

#endif
