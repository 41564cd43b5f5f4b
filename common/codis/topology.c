#include "common/codis/topology.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"

static const char *const component_names[] = {
	[CODIS_NONE] = "",
	[CODIS_SERVER] = "codis-server",
	[CODIS_PROXY] = "codis-proxy",
	[CODIS_DASHBOARD] = "codis-dashboard",
	[CODIS_HA] = "codis-ha",
	[CODIS_FE] = "codis-fe",
	[CODIS_ZOOKEEPER] = "zookeeper",
};

const char *codis_component_name(enum codis_component c)
{
	return component_names[c];
}

enum codis_component codis_component_parse(const char *name)
{
	for (int c = CODIS_SERVER; name && c <= CODIS_ZOOKEEPER; c++) {
		if (strcmp(name, component_names[c]) == 0)
			return (enum codis_component)c;
	}
	/* Stock manifests call ZooKeeper's members either way. */
	return name && strcmp(name, "zk") == 0 ? CODIS_ZOOKEEPER : CODIS_NONE;
}

enum codis_component codis_component_of(const cJSON *object)
{
	const cJSON *labels = json_get(object, "metadata", "labels", NULL);
	const char *inject = json_str(labels, CODIS_LABEL_INJECT, NULL);
	const char *label = json_str(labels, CODIS_LABEL_COMPONENT, NULL);

	if (inject && strcmp(inject, "false") == 0)
		return CODIS_NONE;
	return codis_component_parse(label ? label : json_str(labels, "app", NULL));
}

/* --- product -------------------------------------------------------------------------------------------------------
 */

/* Of several entries of one name the last one counts, as for the kubelet. */
static const cJSON *env_entry(const cJSON *container, const char *name)
{
	const cJSON *e, *found = NULL;

	cJSON_ArrayForEach(e, json_get(container, "env", NULL)) {
		const char *n = json_str(e, "name", NULL);

		if (n && strcmp(n, name) == 0)
			found = e;
	}
	return found;
}

/* Where the value of a flag begins: behind "=" or blanks in the same word, or the next word. NULL: no such flag. */
static const char *flag_value(const cJSON *word, const char *flag)
{
	const char *at = strstr(word->valuestring, flag);

	if (!at)
		return NULL;
	at += strlen(flag);
	if (*at == '=' || *at == ' ')
		return at + 1 + strspn(at + 1, " \"'");
	return *at == '\0' && cJSON_IsString(word->next) ? word->next->valuestring : NULL;
}

static const char *flag_in(const cJSON *words)
{
	const cJSON *w;

	cJSON_ArrayForEach(w, words) {
		const char *value = NULL;

		if (cJSON_IsString(w) && !(value = flag_value(w, "--product_name")))
			value = flag_value(w, "--product-name");
		/* "$(PRODUCT_NAME)": a variable, whose own value was looked for before. */
		if (value && value[0] != '$')
			return value;
	}
	return NULL;
}

static const char *find_product(const cJSON *pod)
{
	const cJSON *containers = json_get(pod, "spec", "containers", NULL), *c;
	const char *value = json_str(pod, "metadata", "labels", CODIS_LABEL_PRODUCT, NULL);

	if (value)
		return value;
	cJSON_ArrayForEach(c, containers) {
		if ((value = json_str(env_entry(c, "PRODUCT_NAME"), "value", NULL)) && value[0])
			return value;
	}
	cJSON_ArrayForEach(c, containers) {
		if ((value = flag_in(json_get(c, "command", NULL))) || (value = flag_in(json_get(c, "args", NULL))))
			return value;
	}
	return CODIS_DEFAULT_PRODUCT;
}

#define ALNUM "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

/* As the API server checks label values; an empty one would be a label, but no product. */
static bool is_label_value(const char *value, size_t len)
{
	return len > 0 && len < CODIS_PRODUCT_MAX && strspn(value, ALNUM "-_.") >= len && strchr(ALNUM, value[0]) &&
	       strchr(ALNUM, value[len - 1]);
}

int codis_product_of(const cJSON *pod, char out[CODIS_PRODUCT_MAX], struct error *err)
{
	const char *value = find_product(pod);
	size_t len = strcspn(value, " \t\n\"';&|");

	if (!is_label_value(value, len))
		return error_set(err, ERR_INVALID,
				 "product \"%.80s\" is no label value: use 1 to %d letters, digits, '-', '_' or '.', "
				 "a letter or digit first and last",
				 value, CODIS_PRODUCT_MAX - 1);
	memcpy(out, value, len);
	out[len] = '\0';
	return 0;
}

/* --- groups ---------------------------------------------------------------------------------------------------------
 */

static int parse_replica(const char *value, int *replica, struct error *err)
{
	char *end;
	long n = strtol(value, &end, 10);

	if (value[0] < '0' || value[0] > '9' || *end || n < 1 || n > 64)
		return error_set(err, ERR_INVALID,
				 "SERVER_REPLICA is \"%.40s\": it must be a whole number from 1 to 64", value);
	*replica = (int)n;
	return 0;
}

int codis_server_replica_of(const cJSON *pod_spec, int *replica, struct error *err)
{
	const cJSON *c, *e;
	const char *value;

	*replica = CODIS_DEFAULT_SERVER_REPLICA;
	cJSON_ArrayForEach(c, json_get(pod_spec, "containers", NULL)) {
		e = env_entry(c, "SERVER_REPLICA");
		if (!e)
			continue;
		if (json_get(e, "valueFrom", NULL))
			return error_set(err, ERR_INVALID,
					 "SERVER_REPLICA has valueFrom: write its value, since groups depend on it");
		value = json_str(e, "value", NULL);
		return parse_replica(value ? value : "", replica, err);
	}
	return 0;
}

int codis_ordinal(const char *pod_name, const char *owner)
{
	const char *dash = pod_name ? strrchr(pod_name, '-') : NULL;
	size_t stem;
	long n;

	if (!dash || !dash[1] || strspn(dash + 1, "0123456789") != strlen(dash + 1) || strlen(dash + 1) > 9)
		return -1;
	stem = (size_t)(dash - pod_name);
	if (owner && (strlen(owner) != stem || memcmp(pod_name, owner, stem) != 0))
		return -1;
	n = strtol(dash + 1, NULL, 10);
	return n <= INT_MAX ? (int)n : -1;
}

const char *codis_statefulset_of(const cJSON *pod)
{
	const cJSON *o;

	cJSON_ArrayForEach(o, json_get(pod, "metadata", "ownerReferences", NULL)) {
		const char *kind = json_str(o, "kind", NULL);

		if (kind && strcmp(kind, "StatefulSet") == 0 && json_bool(false, o, "controller", NULL))
			return json_str(o, "name", NULL);
	}
	return NULL;
}

int codis_group_of(int ordinal, int server_replica)
{
	return ordinal / server_replica + 1;
}

int codis_identify(const cJSON *pod, struct codis_identity *id, struct error *err)
{
	memset(id, 0, sizeof(*id));
	id->ordinal = -1;
	id->component = codis_component_of(pod);
	if (id->component == CODIS_NONE)
		return 0;
	if (codis_product_of(pod, id->product, err) < 0)
		return -1;
	id->ordinal = codis_ordinal(json_str(pod, "metadata", "name", NULL), codis_statefulset_of(pod));
	if (id->component != CODIS_SERVER)
		return 0;
	if (codis_server_replica_of(json_get(pod, "spec", NULL), &id->server_replica, err) < 0)
		return -1;
	if (id->ordinal >= 0)
		id->group = codis_group_of(id->ordinal, id->server_replica);
	return 0;
}

int codis_spread_of(const cJSON *pod, bool *strict, const char **topology_key, struct error *err)
{
	const cJSON *annotations = json_get(pod, "metadata", "annotations", NULL);
	const char *spread = json_str(annotations, CODIS_ANNOTATION_SPREAD, NULL);
	const char *key = json_str(annotations, CODIS_ANNOTATION_TOPOLOGY, NULL);

	*strict = !spread || strcmp(spread, "strict") == 0;
	*topology_key = key && key[0] ? key : CODIS_HOSTNAME_KEY;
	if (!*strict && strcmp(spread, "soft") != 0)
		return error_set(err, ERR_INVALID,
				 "annotation " CODIS_ANNOTATION_SPREAD " is \"%.40s\": it must be strict or soft",
				 spread);
	return 0;
}

bool codis_replicas_fit(int replicas, int server_replica, char *sentence, size_t size)
{
	int below = replicas / server_replica * server_replica;

	if (replicas % server_replica == 0)
		return true;
	snprintf(sentence, size, "SERVER_REPLICA is %d, so replicas has to be a multiple of %d: %d or %d, not %d",
		 server_replica, server_replica, below, below + server_replica, replicas);
	return false;
}

/* --- slots -----------------------------------------------------------------------------------------------------------
 */

static uint32_t crc32_ieee(const char *data, size_t len)
{
	uint32_t crc = 0xffffffffu;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)data[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1u)));
	}
	return ~crc;
}

int codis_slot_of(const char *key, size_t len)
{
	const char *open = memchr(key, '{', len);
	const char *close = open ? memchr(open + 1, '}', len - (size_t)(open + 1 - key)) : NULL;

	if (close)
		return (int)(crc32_ieee(open + 1, (size_t)(close - open - 1)) % CODIS_SLOTS);
	return (int)(crc32_ieee(key, len) % CODIS_SLOTS);
}
