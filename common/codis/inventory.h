/* inventory.h - what is known of Kubernetes: nodes, Codis' pods and StatefulSets, each parsed once, with an index for
 * each question. One type for all programs. No I/O, no clock, no lock: the caller holds one where several threads meet.
 *
 * Which pods it holds is one rule (component.h), bound or not, whoever owns them; codis.io/inject "false" and ended
 * pods are left out. */
#ifndef CODIS_CODIS_INVENTORY_H
#define CODIS_CODIS_INVENTORY_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/codis/kept.h"
#include "common/codis/model.h"

struct error;
struct inventory;

struct inventory_node {
	const char *name;
	const char *labels; /* see inventory_node_label */
	bool ready, unschedulable;
	/* Somebody says that the machine does not run: the taint node.kubernetes.io/out-of-service, by a person, or
	 * node.cloudprovider.kubernetes.io/shutdown, by the provider. */
	bool out_of_service;
	uint32_t memory_mib;      /* asks_allocatable_mib() */
	int64_t ready_changed_ms; /* wall time; 0 while it never changed but for joining the cluster */
	const char *taints;       /* asks_taints() */
};

struct inventory_pod {
	/* Its group is, where the StatefulSet is known, what that one's template says: who labels a running server
	 * takes it to no other group. */
	struct kept_pod pod;
	/* The product that it belongs to: what it says, else what its StatefulSet says (while that is rolled out).
	 * Those of a namespace that say nothing belong together: to codis-test where a dashboard says nothing either,
	 * or nobody says one; else to the only product that servers, proxies, dashboards, codis-ha and their
	 * StatefulSets say, but no servers to one that has servers of its own. "" when that cannot be told. What was
	 * said once stays said while the namespace has anything of Codis, unless it was changed: that a dashboard is
	 * gone for a moment gives its servers to no other product. */
	const char *product;
	/* Why the product or the group is not known, and which line to add: "add env PRODUCT_NAME: codis-server-0 says
	 * no product and the namespace has orders and shop". "": nothing is missing. */
	const char *trouble;
	bool node_lost; /* its node is NotReady or not there */
	/* Of its group: who is labelled so (codis.io/role), or, where nobody is, the first member, which
	 * codis-controller makes master of a new group. */
	bool master;
	char addr[CODIS_ADDR_MAX]; /* codis_pod_addr() of its ip and port */
};

struct inventory_set { /* a codis-server StatefulSet */
	const char *namespace, *name, *uid;
	const char *product, *trouble; /* as for a pod */
	struct codis_shape shape;      /* which groups it makes */
	const cJSON *annotations;      /* of the inventory; NULL: none, or left out */
	const cJSON *labels;           /* of its template; likewise */
	bool says_product;             /* its template does, in a way that can be read here */
	bool deleting;
};

struct inventory *inventory_new(void);      /* NULL: no memory */
void inventory_free(struct inventory *inv); /* NULL-safe */

/* Of what comes from now on it keeps no labels of pods and templates, and no annotations of StatefulSets: only
 * codis-controller asks for them, and they are a third of the memory. */
void inventory_leave_out_labels(struct inventory *inv);

/* on_change is told after each change which product of which namespace it touched (product "": a pod that may be any
 * product's): once for each, also where a node has changed its state or a silent pod's product another. Objects that
 * say the same as before are no change, nor is another role: codis-controller itself has written it. May be NULL.
 * Called from within the calls below, at their end; it may ask, not change. */
void inventory_listen(struct inventory *inv, void (*on_change)(void *ctx, const char *namespace, const char *product),
		      void *ctx);

/* Who stands where, for who keeps counts of it. on_stand: a pod that has a node, or is about to get it
 * (kept_pod_place), stands there, as a member of the product and the group that it has; or (stands false) does so no
 * longer: what was told before is taken back in the same words. on_master: who stands there has become its group's
 * master, or is it no more. on_node: a node is there, or has changed; or (there false) is gone. Called from within the
 * calls below, amid the change: they ask nothing. Told as long as the inventory is there, but not of its end. */
struct inventory_places {
	void (*on_stand)(void *ctx, const struct inventory_pod *pod, bool stands);
	void (*on_master)(void *ctx, const struct inventory_pod *pod);
	void (*on_node)(void *ctx, const struct inventory_node *node, bool there);
	void *ctx;
};
void inventory_tell_places(struct inventory *inv, const struct inventory_places *places);

/* Objects as they are now; a pod that has ended or is none of Codis' is forgotten. An object that was made anew under
 * its name (another uid) replaces the old one, whose late news is not heard any more. 0, or -1 and *err: without memory
 * what was known under that uid is forgotten; of one that says what cannot be meant, that is not known, and it is held
 * all the same. */
int inventory_set_pod(struct inventory *inv, const cJSON *pod, struct error *err);
void inventory_remove_pod(struct inventory *inv, const char *uid);
int inventory_set_node(struct inventory *inv, const cJSON *node, struct error *err);
void inventory_remove_node(struct inventory *inv, const char *name);
int inventory_set_set(struct inventory *inv, const cJSON *set, struct error *err);
void inventory_remove_set(struct inventory *inv, const char *uid);

/* A group of `product` lists this server. Where it says no product and none can be told for it, it belongs there from
 * now on, and so do the other silent pods of its StatefulSet: another product that comes to the namespace takes nobody
 * away. */
void inventory_claim(struct inventory *inv, const char *uid, const char *product);

/* Answers stay valid until the next change. NULL: none. */
const struct inventory_pod *inventory_pod(const struct inventory *inv, const char *uid);
/* Who has an address, "10.0.0.1:6379"; of whatever product. Of several that would have it (pods in their node's
 * network, an old one and its successor): one that runs, on a node that is there; then one that is not being deleted;
 * then the one that was made last. */
const struct inventory_pod *inventory_pod_at(const struct inventory *inv, const char *addr);
/* Whether it is a pod of another cluster (a namespace with a product) that has the address. One whose product is not
 * known is nobody else's in its own namespace. */
bool inventory_is_elsewhere(const struct inventory *inv, const char *addr, const char *namespace, const char *product);
/* Whether it is this pod that has its address. */
bool inventory_has_its_addr(const struct inventory *inv, const struct inventory_pod *pod);
const struct inventory_node *inventory_node(const struct inventory *inv, const char *name);
/* The StatefulSets that make a product's groups: first those without a label codis.io/group, then those that have one,
 * each in the order of their groups. Of several that would make the same, which the webhook refuses: one that has
 * servers, then one that is not being deleted, then the first by name. How many; *out is the caller's (free), what it
 * points to as above. -1: no memory, and *out is NULL. */
int inventory_sets_of(const struct inventory *inv, const char *namespace, const char *product,
		      const struct inventory_set ***out);

/* Where a pod with these words belongs, as it is told in inventory_pod: for one that no watch has brought yet. */
void inventory_product_of(const struct inventory *inv, const struct codis_pod *pod, char product[CODIS_PRODUCT_MAX],
			  char trouble[POD_WHY_MAX]);
void inventory_product_of_kept(const struct inventory *inv, const struct kept_pod *pod, char product[CODIS_PRODUCT_MAX],
			       char trouble[POD_WHY_MAX]);

/* The group of a server's pod with these words, as it is told in inventory_pod: for one that no watch has brought yet.
 */
int inventory_group_of(const struct inventory *inv, const struct kept_pod *pod);

/* Whether a pod with these words is its group's master, as it is told in inventory_pod: for one that no watch has
 * brought yet. */
bool inventory_is_master(const struct inventory *inv, const struct kept_pod *pod, const char *product);

/* Walks, in no order. fn returns non-zero to end the walk, which returns that. The inventory must not change meanwhile.
 * Each costs what it walks over. */
typedef int (*inventory_pod_fn)(void *ctx, const struct inventory_pod *pod);
int inventory_each_pod(const struct inventory *inv, inventory_pod_fn fn, void *ctx);
int inventory_each_of_product(const struct inventory *inv, const char *namespace, const char *product,
			      inventory_pod_fn fn, void *ctx);
/* Group 0: those that are in none, as proxies and dashboards are. */
int inventory_each_of_group(const struct inventory *inv, const char *namespace, const char *product, int group,
			    inventory_pod_fn fn, void *ctx);
/* The pods of ZooKeeper in a namespace: they are of no product, whoever uses them. */
int inventory_each_zookeeper(const struct inventory *inv, const char *namespace, inventory_pod_fn fn, void *ctx);
int inventory_each_on_node(const struct inventory *inv, const char *node, inventory_pod_fn fn, void *ctx);
int inventory_each_node(const struct inventory *inv, int (*fn)(void *ctx, const struct inventory_node *node),
			void *ctx);
/* Every (namespace, product) that has a server, a proxy or a dashboard; product "" is none. */
int inventory_each_product(const struct inventory *inv,
			   int (*fn)(void *ctx, const char *namespace, const char *product), void *ctx);

/* The node's value of a label, or NULL. For kubernetes.io/hostname a node without the label counts as its name. */
const char *inventory_node_label(const struct inventory_node *node, const char *key);

#endif
