/* documents.h - manifests, read: each document an object of Kubernetes of a kind that codisctl knows, with its path. */
#ifndef CODIS_CLI_DOCUMENTS_H
#define CODIS_CLI_DOCUMENTS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "common/base/error.h"

#define DOCUMENTS_MAX      256
#define DOCUMENTS_PATH_MAX 512

/* A kind of objects. Of those that belong to no namespace (clusterwide) only install applies others than Namespace. */
struct kind {
	const char *name, *version, *resource;
	bool clusterwide;
};

extern const struct kind kinds_known[]; /* one without a name ends it */

const struct kind *kind_find(const char *name);
/* "/apis/apps/v1/namespaces/shop/statefulsets/codis-server"; name "": the collection. 0, or -1: too long. */
int kind_path(const struct kind *kind, const char *namespace, const char *name, char path[DOCUMENTS_PATH_MAX]);

/* "cert-manager.io" of "cert-manager.io/v1"; length 0: it is one of Kubernetes' core ("v1"). */
int kind_group_len(const char *version);

struct document {
	cJSON *object;
	const struct kind *kind;           /* NULL: the cluster has to be asked (document_set_kind) */
	struct kind *learnt;               /* kind, where the cluster knew it */
	const char *name, *says, *version; /* of object; says: its kind */
	char from[256];                    /* "codis-server.yaml" */
};

struct documents {
	/* All belong there: who says another one is refused. NULL: each says its own, and all kinds are taken, also
	 * those that only the cluster knows. */
	const char *namespace;
	struct document *all;
	int count;
};

/* Those of a file, of all *.yaml, *.yml and *.json of a folder in the order of their names, or of standard input ("-").
 * 0, or -1 and *err, naming the file and its line. Ended by documents_release in any case. */
int documents_read(struct documents *d, const char *path, struct error *err);
/* Likewise of a stock set (stock.h). */
int documents_read_stock(struct documents *d, const char *set, struct error *err);
/* Likewise of a text, where it is from. */
int documents_read_text(struct documents *d, const char *from, const char *text, size_t len, struct error *err);
void documents_release(struct documents *d);

/* What the cluster calls the objects of this document's kind ("certificates"). 0, or -1 and *err: no memory, or it does
 * not say what such an object has to. */
int document_set_kind(const struct documents *d, struct document *doc, const char *resource, bool clusterwide,
		      struct error *err);

/* "codis-image=registry/codis:3.2,codis-zookeeper=...": what a container names so, with any tag or none, gets the image
 * behind "=". 0, or -1 and *err: it is written otherwise, or none is named so. */
int documents_set_images(struct documents *d, const char *images, struct error *err);

/* What became of one that was applied, as a word: "created", "changed" or "unchanged". before NULL: it was not there.
 */
const char *document_change(const cJSON *before, const cJSON *after);

/* The template of what makes pods, and how many; NULL: it makes none. */
const cJSON *document_template(const struct document *doc, int *replicas);

#endif
