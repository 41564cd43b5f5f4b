/* known.h - what Kubernetes knows of the Codis clusters, asked for once: pods, StatefulSets and nodes in an inventory.
 */
#ifndef CODIS_CLI_KNOWN_H
#define CODIS_CLI_KNOWN_H

#include <stdbool.h>

#include "cli/ask.h"
#include "cli/cli.h"
#include "common/codis/component.h"
#include "common/codis/inventory.h"

/* A selector each of pods, and the sets and the nodes. */
#define KNOWN_LISTS (COMPONENT_SELECTORS + 2)

#define KNOWN_PATH_MAX 2048 /* with the longest of component_selectors, escaped */

struct known {
	struct inventory *inventory;
	struct known_list {
		struct known *known;
		char path[KNOWN_PATH_MAX]; /* without the page */
		int pages;
		int (*set)(struct inventory *inv, const cJSON *object, struct error *err);
	} lists[KNOWN_LISTS];
	struct ask asks[KNOWN_LISTS]; /* the pods', the StatefulSets', the nodes' */
	bool begun;
};

/* namespace NULL: of all. 0, or -1 and *err: no memory. */
int known_begin(struct known *k, struct cli *c, const char *namespace, struct error *err);
bool known_ended(const void *known); /* all has come, or has failed */
/* What did not come, of pods and sets; NULL: all has. Nodes may be forbidden to whoever has a namespace. */
const struct error *known_trouble(const struct known *k);
void known_end(struct known *k); /* also one that was never begun */

/* All, waited for. CLI_OK, or the status, and why is said. */
enum cli_status known_get(struct known *k, struct cli *c, const char *namespace);

/* The product that is meant: `named`, else the only one of the namespace. CLI_OK, or the status, and why is said. */
enum cli_status known_product(const struct known *k, struct cli *c, const char *named, char product[CODIS_PRODUCT_MAX]);

/* Connects, gets all of the namespace that is meant, and finds the product in it (known_product). CLI_OK, or the
 * status, and why is said; ended by known_end in any case. */
enum cli_status known_of(struct known *k, struct cli *c, const char *named, char product[CODIS_PRODUCT_MAX]);

/* Of a pod, in a word or some: "ready", "not ready", "its node is lost", "leaving", ..., or why it does not
 * start: "ImagePullBackOff, codis-image:9". It lasts as long as the pod. */
const char *known_state(const struct known *k, const struct inventory_pod *pod);

#endif
