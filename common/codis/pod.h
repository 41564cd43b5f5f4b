/* pod.h - what a Pod, or a pod template, says of itself. The one place that reads them; pure.
 *
 * The Codis program is found by what a container is called and by what it runs, never by its position: the kubelet
 * sorts containerStatuses by name. env, envFrom, valueFrom, $(VAR), flags and shell text are understood here, once. */
#ifndef CODIS_CODIS_POD_H
#define CODIS_CODIS_POD_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/codis/component.h"
#include "common/codis/said.h"
#include "common/codis/topology.h"
#include "common/codis/waits.h"

struct cmdline;
struct error;

#define POD_NAME_MAX      254 /* a Kubernetes name and its NUL */
#define POD_NAMESPACE_MAX 64
#define POD_UID_MAX       40
#define POD_TEXT_MAX      SAID_TEXT_MAX
#define POD_WHY_MAX       SAID_WHY_MAX
#define POD_LABELS_MAX    1024
#define POD_TOLERATES_MAX 512

/* As the kubelet last told. */
struct pod_status {
	bool finished;           /* phase Succeeded or Failed: it is no more */
	bool deleting;           /* has a deletionTimestamp */
	bool running;            /* the container of the Codis program runs; where that cannot be told: the phase is */
	bool crash_looping;      /* it is in CrashLoopBackOff */
	bool ready;              /* the pod's condition Ready */
	bool image_missing;      /* ErrImagePull, ImagePullBackOff, InvalidImageName */
	bool unschedulable;      /* PodScheduled is False, reason Unschedulable */
	int restarts;            /* of that container */
	uint32_t unprepared_s;   /* waits_unprepared() */
	int64_t started_wall_ms; /* its startedAt; 0 unknown */
};

struct codis_pod {
	char namespace[POD_NAMESPACE_MAX], name[POD_NAME_MAX], uid[POD_UID_MAX];
	char node[POD_NAME_MAX]; /* "" : not bound yet */
	/* Of one that is not bound: status.nominatedNodeName, where a scheduler is about to bind it, or makes room for
	 * it; "": none. */
	char nominated[POD_NAME_MAX];
	char ip[48];              /* status.podIP as it is told; "" : none yet */
	char owner[POD_NAME_MAX]; /* the controlling StatefulSet; "" none */
	enum codis_component component;
	int ordinal; /* -1: none */
	/* Has a PersistentVolumeClaim: what it had may come back. A path of its node is not taken for that; it is the
	 * node's clock or a place for logs more often. */
	bool keeps_data;

	/* Label codis.io/product, else env PRODUCT_NAME, else --product_name or --product-name. */
	struct said_text product;
	/* SERVER_REPLICA: value in .server_replica; SAID_NOTHING: CODIS_DEFAULT_SERVER_REPLICA is in force. */
	struct said_text server_replica_said;
	int server_replica; /* servers; 0 where it is not known */
	/* Servers: the label codis.io/group, 0 where there is none, or none that can be one. Of a template: that of all
	 * its pods, whatever their numbers are. A pod has it of its template or from codis-webhook. */
	int group_said;
	int group; /* servers: 1..: group_said, else by number and SERVER_REPLICA; 0 where it is not known */

	/* Where it listens: a server's data port, the admin port of a proxy or dashboard. Stock: 6379, 11080, 18080.
	 * From its own words (--port, --host-admin), else from the container's port of a stock name (redis, admin,
	 * ...), else, a server's, the only one that is listed, else stock. 0: said elsewhere, or several are listed. */
	uint16_t port;
	struct said_text coordinator; /* dashboard, proxy: behind --zookeeper */
	/* dashboard: "--etcd" or "--filesystem", by which codis-controller finds nothing; NULL: neither */
	const char *other_coordinator;
	/* Of this program: --requirepass, --masterauth (server), --product_auth (proxy, dashboard), else env
	 * PRODUCT_AUTH. A secret: never logged. */
	struct said_text password;

	/* Servers: wherever the program is started, it gets the guard against an empty restart (--slaveof 127.0.0.1 1
	 * --slave-serve-stale-data no). */
	bool guarded;
	bool strict; /* codis.io/spread */
	/* codis.io/topology-key: the last that it names, by which members are kept apart, and those before it,
	 * "zone,rack", by which they are as long as a node allows it; "": none. */
	char topology_key[POD_NAME_MAX], wider_keys[POD_NAME_MAX];
	bool unruled;                      /* codis.io/anti-affinity: extender */
	bool choosy;                       /* prefers some nodes to others, by preferred affinities or ScheduleAnyway */
	bool ruled;                        /* the scheduler keeps it apart from its group: by required anti-affinity */
	bool keep_ha;                      /* codis.io/ha: keep */
	bool runs_ha;                      /* of a codis-ha: it is that, not the viewer, nor --no-maintains */
	uint32_t memory_mib;               /* asks_memory_mib() */
	char tolerates[POD_TOLERATES_MAX]; /* asks_tolerates() */
	char container[POD_NAMESPACE_MAX]; /* name of the container of the Codis program; "" none was found */
	char waits[WAITS_MAX];             /* waits_read(): of that one, or of one that has to end before it */
	enum codis_role role;              /* servers' pods: the label codis.io/role */
	/* Servers' pods: "app=codis-server,team=red", but for their role and what Kubernetes adds to each
	 * (pod_labels() has both); "?" : too many. */
	char labels[POD_LABELS_MAX];
	struct pod_status status;
};

/* Reads a Pod, or a template (metadata.labels, metadata.annotations, spec; the rest stays empty). 0 (component
 * CODIS_NONE: none of ours), or -1 and *err: what cannot be a Codis pod at all (a product that is no label value,
 * SERVER_REPLICA "two", an unknown codis.io/spread), in words for the user. *pod then holds all the same what could be
 * read, with the texts as they are. */
int codis_pod_read(const cJSON *object, struct codis_pod *pod, struct error *err);
/* The same of a Pod that is being made: without its status and its labels, and what it asks of nodes and of the
 * scheduler (ruled, choosy, memory_mib, tolerates). */
int codis_pod_read_new(const cJSON *object, struct codis_pod *pod, struct error *err);

/* The same for what the pods of a StatefulSet (Deployment, ReplicationController) say: of its spec.template, in its
 * namespace. owner is its name; name, uid and status stay empty. */
int codis_template_read(const cJSON *set, struct codis_pod *pod, struct error *err);

/* Which groups a StatefulSet of codis-servers makes; template: what codis_template_read() has read of it. */
struct codis_shape codis_shape_of(const cJSON *set, const struct codis_pod *template);

/* The labels of a server of this group whose template has these (NULL: none), as codis-webhook completes them; product
 * NULL: it says none. The caller's (cJSON_Delete). NULL: no memory. */
cJSON *codis_server_labels(const cJSON *given, const char *product, int group);

/* Whether it is a label that a StatefulSet's pods have beside those of the template: they differ between its members.
 */
bool pod_is_own_label(const char *key);
/* An object of the labels of a server's pod, from what is kept of them, its role and its name; the caller's
 * (cJSON_Delete). NULL: no memory, or they were too many. */
cJSON *pod_labels(const char *labels, enum codis_role role, const char *name);

/* Whether codis-controller has made the object (CODIS_LABEL_MANAGED_BY). */
bool codis_is_managed(const cJSON *object);

/* The condition of that type of an object, a Pod's or a Node's, or in its status; NULL: it has none. */
const cJSON *codis_condition(const cJSON *object, const char *type);
const cJSON *codis_condition_in(const cJSON *status, const char *type);

/* The container of the Codis program of this component, or NULL when none can be told: the one that runs the program,
 * then the one of its name, then the one that runs another program of that kind (redis-server) where none beside it
 * looks more like Codis (by SERVER_REPLICA, PRODUCT_NAME, its image), then the only one there is; never the first of
 * several, and no init container. containerStatuses are to be looked up by its name. */
const cJSON *codis_container_of(const cJSON *pod_spec, enum codis_component component);

/* Whether the container surely starts the component's program, perhaps beside others. */
bool codis_runs(const cJSON *container, enum codis_component component);

#define CODIS_SENTINEL "a sentinel"

/* The other program of Codis, or CODIS_SENTINEL, that the container surely runs in place of the component's; NULL:
 * none.
 */
const char *codis_other_program_of(const cJSON *container, enum codis_component component);

/* Whether it is a sentinel and no program of Codis. */
bool codis_is_sentinel(const cJSON *container);

/* Another one that starts the program as well: a container beside the chosen one, or an init container (*init) that
 * stays or, where the chosen one does not start it, does. NULL: there is none. */
const cJSON *codis_other_container_of(const cJSON *pod_spec, enum codis_component component, const cJSON *chosen,
				      bool *init);

/* Where that container starts the program. */
void codis_cmdline_of(const cJSON *container, enum codis_component component, struct cmdline *c);

/* metadata.ownerReferences: the name of the controlling StatefulSet, or NULL. */
const char *codis_statefulset_of(const cJSON *pod);

/* Of a container that is told no port the one that it lists: by one of these names (the last is NULL), else the stock
 * one where it is listed or none is, else the only one but `other` and those for metrics. 0: several, it cannot be
 * told. */
uint16_t codis_listed_port(const cJSON *container, const char *const *names, uint16_t stock, uint16_t other);

/* Of a pod's ip and port: "10.0.0.1:6379", "[fd00::1]:6379"; "" while it has no address or its port is not known. */
void codis_pod_addr(const char *ip, uint16_t port, char *out, size_t size);

#endif
