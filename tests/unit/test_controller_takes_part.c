/* Which namespaces take part: those whose labels the API server finds matched by the selector. */
#include <stdlib.h>

#include "common/base/file.h"
#include "common/kube/namespaces.h"
#include "controller/options.h"
#include "tests/unit/fake_api.h"
#include "tests/unit/test.h"

struct seen {
	struct namespaces *n;
	int changes;
	int want;
};

static void on_change(void *ctx)
{
	struct seen *s = ctx;

	s->changes++;
}

static bool is_known(void *ctx)
{
	struct seen *s = ctx;

	return namespaces_known(s->n);
}

static bool has_changed(void *ctx)
{
	struct seen *s = ctx;

	return s->changes >= s->want;
}

static void await_changes(struct fake_world *f, struct seen *s, int want)
{
	s->want = want;
	assert_true(fake_run(f, 5000, has_changed, s));
}

static const char *default_selector(void)
{
	for (const struct opt *o = controller_options; o->name; o++) {
		if (strcmp(o->name, "namespace-selector") == 0)
			return o->def;
	}
	fail();
	return NULL;
}

static void apply(struct fake_world *f, const char *name, const char *labels)
{
	char path[100], object[300];

	snprintf(path, sizeof(path), "/api/v1/namespaces/%s", name);
	snprintf(object, sizeof(object),
		 "{\"metadata\":{\"name\":\"%s\",\"labels\":{\"kubernetes.io/metadata.name\":\"%s\"%s}}}", name, name,
		 labels);
	fake_apply(&f->api, path, object);
}

TEST_WITH(all_but_ours_and_those_that_say_no, fake_setup, fake_teardown)
{
	struct fake_world *f = *state;
	struct seen s = { 0 };
	struct namespaces_config cfg = { .selector = default_selector(), .on_change = on_change, .ctx = &s };
	struct error err = ERROR_INIT;

	apply(f, "shop", "");
	apply(f, "tenant", ",\"codis.io/managed\":\"false\"");
	apply(f, "kube-system", "");
	apply(f, "codis-system", "");
	s.n = namespaces_start(&f->loop.uv, f->kube, &cfg, &err);
	assert_non_null(s.n);
	assert_false(namespaces_known(s.n));
	assert_false(namespaces_match(s.n, "shop"));
	assert_true(fake_run(f, 5000, is_known, &s));
	assert_true(namespaces_match(s.n, "shop"));
	assert_false(namespaces_match(s.n, "tenant"));
	assert_false(namespaces_match(s.n, "kube-system"));
	assert_false(namespaces_match(s.n, "codis-system"));
	assert_false(namespaces_match(s.n, "nobody"));

	await_changes(f, &s, 1);
	apply(f, "tenant", "");
	await_changes(f, &s, 2);
	assert_true(namespaces_match(s.n, "tenant"));
	apply(f, "shop", ",\"codis.io/managed\":\"false\"");
	await_changes(f, &s, 3);
	assert_false(namespaces_match(s.n, "shop"));
	namespaces_stop(s.n);
}

static int count(const char *text, const char *words)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, words)); at += strlen(words))
		n++;
	return n;
}

/* The webhook's own selectors say the same as the option's default. */
TEST(webhook_leaves_the_same_namespaces_alone)
{
	struct error err = ERROR_INIT;
	char *text = file_read("manifests/install.yaml", 1u << 20, &err);
	int selectors;

	assert_non_null(text);
	selectors = count(text, "  namespaceSelector:\n");
	assert_true(selectors > 0);
	assert_int_equal(count(text, "  namespaceSelector:\n    matchExpressions:\n"
				     "    - { key: kubernetes.io/metadata.name, operator: NotIn, values: "
				     "[kube-system, codis-system] }\n"
				     "    - { key: codis.io/managed, operator: NotIn, values: [\"false\"] }\n"),
			 selectors);
	assert_string_equal(default_selector(),
			    "codis.io/managed!=false,kubernetes.io/metadata.name notin (kube-system,codis-system)");
	free(text);
}
