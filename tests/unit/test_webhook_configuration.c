/* manifests/system/40-webhook-configuration.yaml: which objects the API server asks about, in the words of the code. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/file.h"
#include "common/codis/topology.h"
#include "tests/unit/test.h"

#define TEXT_MAX (1u << 20)

/* Without the blanks and line ends by which YAML is laid out. */
static void squeeze(char *text)
{
	char *out = text;

	for (const char *at = text; *at; at++) {
		if (!isspace((unsigned char)*at))
			*out++ = *at;
	}
	*out = '\0';
}

/* The entry of that name, squeezed; the caller's. */
static char *entry_of(const char *name)
{
	struct error err = ERROR_INIT;
	char *all = file_read("manifests/system/40-webhook-configuration.yaml", TEXT_MAX, &err), *entry, *end;
	char first[128];

	if (!all)
		fail_msg("%s", err.text);
	snprintf(first, sizeof(first), "\n- name: %s.codis.io\n", name);
	entry = strstr(all, first);
	if (!entry)
		fail_msg("there is no entry %s", name);
	end = strstr(entry + 1, "\n- name: ");
	if (end)
		*end = '\0';
	entry = strdup(entry);
	free(all);
	squeeze(entry);
	return entry;
}

static void assert_says(const char *name, const char *words)
{
	char *entry = entry_of(name), *wanted = strdup(words);

	squeeze(wanted);
	if (!strstr(entry, wanted))
		fail_msg("entry %s does not say %s", name, wanted);
	free(wanted);
	free(entry);
}

static void add_names(struct buf *out, enum codis_component first, enum codis_component last)
{
	for (int c = (int)first; c <= (int)last; c++)
		buf_addf(out, "%s'%s'", c == (int)first ? "" : ",", codis_component_name((enum codis_component)c));
}

/* The rule of common/codis/component.h, as a list whose first item is the program's name. */
static void add_rule(struct buf *out, const char *metadata)
{
	buf_addf(out, "%s.?labels.orValue({})].exists(l,", metadata);
}

static void add_first(struct buf *out)
{
	buf_addstr(out, "([l[?'" CODIS_LABEL_COMPONENT "'].orValue(''),l[?'app'].orValue('')].filter(name,name in[");
	add_names(out, CODIS_SERVER, CODIS_ZOOKEEPER);
	buf_addstr(out, ",'zk'])+[l[?'app.kubernetes.io/component'].orValue(''),"
			"l[?'app.kubernetes.io/part-of'].orValue('')=='codis'||"
			"l[?'app.kubernetes.io/name'].orValue('')in['codis',");
	add_names(out, CODIS_SERVER, CODIS_FE);
	buf_addstr(out, "]?'codis-'+l[?'app.kubernetes.io/component'].orValue(''):'',"
			"'app.kubernetes.io/component'in l?'':l[?'app.kubernetes.io/name'].orValue('')"
			"].filter(name,name in[");
	add_names(out, CODIS_SERVER, CODIS_FE);
	buf_addstr(out, "]))[?0].orValue('')");
}

static void check_own(const char *name, const char *metadata, enum codis_component last)
{
	BUF_CLEANUP struct buf wanted = BUF_INIT(TEXT_MAX);

	add_rule(&wanted, metadata);
	add_first(&wanted);
	buf_addstr(&wanted, "in[");
	add_names(&wanted, CODIS_SERVER, last);
	buf_addstr(&wanted, "])-name");
	assert_says(name, wanted.data);
}

static void check_beside(const char *name, const char *metadata, enum codis_component first)
{
	BUF_CLEANUP struct buf wanted = BUF_INIT(TEXT_MAX);

	add_rule(&wanted, metadata);
	buf_addstr(&wanted, "[");
	add_first(&wanted);
	buf_addstr(&wanted, "].exists(first,first in[");
	add_names(&wanted, first, CODIS_ZOOKEEPER);
	buf_addstr(&wanted, ",'zk']||");
	assert_says(name, wanted.data);
}

TEST(the_conditions_are_the_rule_of_component_h)
{
	/* A codis-ha that came past would fight codis-controller. Of its StatefulSet nothing is refused. */
	check_own("pods", "object.?metadata", CODIS_HA);
	check_own("statefulsets", "object.spec.template.?metadata", CODIS_DASHBOARD);
	check_beside("pods-beside", "object.?metadata", CODIS_FE);
	check_beside("statefulsets-beside", "object.spec.template.?metadata", CODIS_HA);
	check_beside("workloads", "object.spec.template.?metadata", CODIS_SERVER);
}

TEST(who_opts_out_is_not_asked_about)
{
	static const char *const pods[] = { "pods", "pods-beside" };
	static const char *const sets[] = { "statefulsets", "statefulsets-beside", "workloads" };

	for (size_t i = 0; i < 2; i++)
		assert_says(pods[i], "object.?metadata.?labels[?'" CODIS_LABEL_INJECT "'].orValue('') != 'false'");
	for (size_t i = 0; i < 3; i++)
		assert_says(sets[i],
			    "object.spec.template.?metadata.?labels[?'" CODIS_LABEL_INJECT "'].orValue('') != 'false'");
}

/* A Job's pod with the labels of its chart, and what a kubelet shows of a file, would be refused while it is away. */
TEST(what_is_none_by_itself_is_not_asked_about)
{
	static const char *const pods[] = { "pods", "pods-beside" };

	for (size_t i = 0; i < 2; i++) {
		assert_says(pods[i], "!(object.?spec.?restartPolicy.orValue('') in ['Never', 'OnFailure'])");
		assert_says(pods[i], "!object.?metadata.?annotations[?'kubernetes.io/config.mirror'].hasValue()");
	}
}

/* Nobody else is held up while the webhook is away, and no object that is on its way out. */
TEST(what_fails_without_the_webhook_is_what_it_protects)
{
	static const struct {
		const char *name, *policy;
	} entries[] = { { "pods", "Fail" },       { "pods-beside", "Ignore" },         { "statefulsets", "Fail" },
			{ "protected", "Fail" },  { "statefulsets-beside", "Ignore" }, { "scale", "Ignore" },
			{ "workloads", "Ignore" } };

	for (size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
		char words[64];

		snprintf(words, sizeof(words), "failurePolicy: %s matchPolicy", entries[i].policy);
		assert_says(entries[i].name, words);
	}
	assert_says("statefulsets", "!object.metadata.?deletionTimestamp.hasValue()");
	assert_says("statefulsets-beside", "!object.metadata.?deletionTimestamp.hasValue()");
	assert_says("workloads", "!object.metadata.?deletionTimestamp.hasValue()");
	assert_says("protected", "!oldObject.metadata.?deletionTimestamp.hasValue()");
	assert_says("protected", "texts[?'" CODIS_PROTECT "'].orValue('') == 'true'");
	assert_says("pods", "reinvocationPolicy: IfNeeded");
	assert_says("pods-beside", "reinvocationPolicy: IfNeeded");
}
