#include "common/codis/component.h"

#include <string.h>

#include "common/base/json.h"

#define LABEL_APP     "app"
#define LABEL_NAME    "app.kubernetes.io/name"
#define LABEL_PART    "app.kubernetes.io/component"
#define LABEL_PART_OF "app.kubernetes.io/part-of"
/* As charts had it before there was the one above: app: codis, component: server. */
#define LABEL_OLD_PART "component"

#define PROGRAMS       "codis-server,codis-proxy,codis-dashboard,codis-ha,codis-fe"
#define SHORT_NAMES    "server,proxy,dashboard,ha,fe"
#define BY_APP         PROGRAMS ",zk,zookeeper"
#define NOT_BY_APP     "!" CODIS_LABEL_COMPONENT "," LABEL_APP " notin (" BY_APP ")"
#define NOT_BY_PROGRAM NOT_BY_APP "," LABEL_PART " notin (" PROGRAMS ")"

const char *const component_selectors[COMPONENT_SELECTORS] = {
	CODIS_LABEL_COMPONENT,
	"!" CODIS_LABEL_COMPONENT "," LABEL_APP " in (" BY_APP ")",
	NOT_BY_APP "," LABEL_PART " in (" PROGRAMS ")",
	NOT_BY_PROGRAM "," LABEL_NAME " in (codis," PROGRAMS ")",
	NOT_BY_PROGRAM "," LABEL_NAME " notin (codis," PROGRAMS ")," LABEL_PART_OF " in (codis)," LABEL_PART
		       " in (" SHORT_NAMES ")",
};

static bool is(const char *s, const char *text)
{
	return s && strcmp(s, text) == 0;
}

/* ZooKeepers are others', too: a chart's labels say nothing of whose they are. */
static enum codis_component program_of(const char *name)
{
	enum codis_component c = codis_component_parse(name);

	return c == CODIS_ZOOKEEPER ? CODIS_NONE : c;
}

/* "server": codis-server. */
static enum codis_component short_of(const char *name)
{
	for (int c = CODIS_SERVER; name && c <= CODIS_FE; c++) {
		if (strcmp(name, codis_component_name((enum codis_component)c) + strlen("codis-")) == 0)
			return (enum codis_component)c;
	}
	return CODIS_NONE;
}

static enum codis_component by_chart(const cJSON *labels)
{
	const char *name = json_str(labels, LABEL_NAME, NULL), *part = json_str(labels, LABEL_PART, NULL);
	enum codis_component c = program_of(part);

	if (c != CODIS_NONE)
		return c;
	if (!part)
		return program_of(name);
	if (is(name, "codis") || program_of(name) != CODIS_NONE || is(json_str(labels, LABEL_PART_OF, NULL), "codis"))
		return short_of(part);
	return CODIS_NONE;
}

/* A Job's pod with the labels of its chart: what shall end is no program of a cluster. */
static bool is_task(const cJSON *object)
{
	const char *policy = json_str(object, "spec", "restartPolicy", NULL);

	return is(policy, "Never") || is(policy, "OnFailure");
}

static const cJSON *labels_of(const cJSON *object)
{
	return json_get(object, "metadata", "labels", NULL);
}

static bool is_left_alone(const cJSON *object, const cJSON *labels)
{
	return is(json_str(labels, CODIS_LABEL_INJECT, NULL), "false") || is_task(object);
}

enum codis_component codis_component_of(const cJSON *object)
{
	const cJSON *labels = labels_of(object);
	enum codis_component c;

	if (is_left_alone(object, labels))
		return CODIS_NONE;
	c = codis_component_parse(json_str(labels, CODIS_LABEL_COMPONENT, NULL));
	if (c == CODIS_NONE)
		c = codis_component_parse(json_str(labels, LABEL_APP, NULL));
	return c == CODIS_NONE ? by_chart(labels) : c;
}

/* --- what is nearly one ------------------------------------------------------------------------------------------- */

/* Pods that are about Codis and none of it. */
static bool is_beside(const char *name)
{
	static const char *const words[] = { "exporter", "metric",  "monitor", "backup",  "operator",
					     "test",     "webhook", "extend",  "control", "schedul" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasestr(name, words[i]))
			return true;
	}
	return false;
}

/* "Codis-Server", "codis_server", "codis-server-shop"; own: of a label that is about Codis anyway, "server". */
static enum codis_component nearly(const char *value, bool own)
{
	bool codis = value && strcasestr(value, "codis");

	if (!value || is_beside(value) || (!codis && !own))
		return CODIS_NONE;
	for (int c = CODIS_SERVER; c <= CODIS_FE; c++) {
		const char *word = codis_component_name((enum codis_component)c) + strlen("codis-");
		const char *at = strcasestr(value, word);
		char after = at ? at[strlen(word)] : 'x';

		if (at && !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", after ? after : '-') &&
		    (at == value || strchr("-_.", at[-1]) || strncasecmp(value, "codis", (size_t)(at - value)) == 0))
			return (enum codis_component)c;
	}
	return CODIS_NONE;
}

enum codis_component codis_component_nearly(const cJSON *object, const char **key, const char **value)
{
	static const char *const keys[] = { CODIS_LABEL_COMPONENT, LABEL_APP, LABEL_PART, LABEL_NAME, LABEL_OLD_PART };
	const cJSON *labels = labels_of(object);
	enum codis_component c = CODIS_NONE;

	if (codis_component_of(object) != CODIS_NONE || is_left_alone(object, labels))
		return CODIS_NONE;
	for (size_t i = 0; c == CODIS_NONE && i < sizeof(keys) / sizeof(keys[0]); i++) {
		*key = keys[i];
		*value = json_str(labels, keys[i], NULL);
		c = nearly(*value, i == 0 || (i == 4 && is(json_str(labels, LABEL_APP, NULL), "codis")));
	}
	return c;
}
