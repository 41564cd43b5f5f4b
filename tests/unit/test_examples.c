/* manifests/examples: each is YAML, and names only what install.yaml has. */
#include <glob.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "common/base/error.h"
#include "common/base/file.h"
#include "tests/unit/test.h"

static char *read_text(const char *path)
{
	struct error err = ERROR_INIT;
	char *text = file_read(path, 1u << 20, &err);

	if (!text)
		fail_msg("%s", err.text);
	return text;
}

/* How many documents; a test fails where it is no YAML. */
static int count_documents(const char *path, const char *text)
{
	yaml_parser_t parser;
	yaml_document_t doc;
	bool last = false;
	int n = 0;

	assert_int_equal(yaml_parser_initialize(&parser), 1);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, strlen(text));
	while (!last) {
		if (!yaml_parser_load(&parser, &doc))
			fail_msg("%s:%zu: %s", path, parser.problem_mark.line + 1, parser.problem);
		last = !yaml_document_get_root_node(&doc);
		n += !last;
		yaml_document_delete(&doc);
	}
	yaml_parser_delete(&parser);
	return n;
}

TEST(each_is_yaml)
{
	glob_t found;

	assert_int_equal(glob("manifests/examples/*.yaml", 0, NULL, &found), 0);
	assert_true(found.gl_pathc >= 6);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char *text = read_text(found.gl_pathv[i]);

		assert_true(count_documents(found.gl_pathv[i], text) > 0);
		free(text);
	}
	globfree(&found);
}

/* Every word behind `before` in the example stands behind `there` in install.yaml. */
static void check_words(const char *path, const char *before, const char *there)
{
	char *text = read_text(path), *install = read_text("manifests/install.yaml"), wanted[160];
	int n = 0;

	for (const char *at = text; (at = strstr(at, before)); n++) {
		at += strlen(before);
		snprintf(wanted, sizeof(wanted), "%s%.*s\n", there, (int)strcspn(at, " \n"), at);
		if (!strstr(install, wanted))
			fail_msg("%s: install.yaml has no \"%s\"", path, wanted);
	}
	assert_true(n > 0);
	free(text);
	free(install);
}

TEST(they_name_what_is_installed)
{
	static const char policy[] = "manifests/examples/network-policy.yaml";
	static const char patch[] = "manifests/examples/webhook-client-ca.yaml";
	char *kubeconfig = read_text("manifests/examples/webhooks-kubeconfig.yaml");

	check_words(policy, "app.kubernetes.io/name: ", "app.kubernetes.io/name: ");
	check_words(policy, "{ port: ", "- name: ");
	check_words(policy, "namespace: codis", "namespace: codis");
	check_words(patch, "      - name: webhook", "      - name: webhook");
	assert_non_null(strstr(kubeconfig, "\n- name: codis-webhook.codis-system.svc\n"));
	free(kubeconfig);
}
