#include "common/codis/identity.h"

#include <string.h>

#include "common/base/error.h"
#include "common/base/json.h"

static int take_product(const struct said_text *said, char out[CODIS_PRODUCT_MAX], struct error *err)
{
	const char *text = said->said == SAID_NOTHING ? CODIS_DEFAULT_PRODUCT : said->text;

	if (said->said == SAID_ELSEWHERE)
		return error_set(err, ERR_INVALID, "%s", said->why);
	if (codis_product_check(text, err) < 0)
		return -1;
	memcpy(out, text, strlen(text) + 1);
	return 0;
}

int codis_product_of(const cJSON *pod, char out[CODIS_PRODUCT_MAX], struct error *err)
{
	struct said_text said;

	codis_product_said(pod, &said);
	return take_product(&said, out, err);
}

int codis_server_replica_of(const cJSON *pod_spec, int *replica, struct error *err)
{
	struct said_text said;

	if (codis_server_replica_said(pod_spec, &said, replica, err) < 0)
		return -1;
	return said.said == SAID_ELSEWHERE ? error_set(err, ERR_INVALID, "%s", said.why) : 0;
}

int codis_identify(const cJSON *pod, struct codis_identity *id, struct error *err)
{
	struct codis_pod p;

	memset(id, 0, sizeof(*id));
	if (codis_pod_read(pod, &p, err) < 0)
		return -1;
	id->component = p.component;
	id->ordinal = p.ordinal;
	if (id->component == CODIS_NONE)
		return 0;
	if (p.server_replica_said.said == SAID_ELSEWHERE)
		return error_set(err, ERR_INVALID, "%s", p.server_replica_said.why);
	id->group = p.group;
	id->server_replica = p.server_replica;
	return take_product(&p.product, id->product, err);
}

int codis_spread_of(const cJSON *pod, bool *strict, const char **topology_key, struct error *err)
{
	const char *key = json_str(pod, "metadata", "annotations", CODIS_ANNOTATION_TOPOLOGY, NULL);
	struct codis_pod p;

	if (codis_pod_read(pod, &p, err) < 0)
		return -1;
	*strict = p.strict;
	*topology_key = key && key[0] ? key : CODIS_HOSTNAME_KEY;
	return 0;
}
