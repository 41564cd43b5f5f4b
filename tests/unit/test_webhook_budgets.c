/* The warning that no PodDisruptionBudget selects the servers of a StatefulSet. */
#include "tests/unit/webhook_fixture.h"

#include "tests/unit/test.h"
#include "webhook/budgets.h"

#define WARNING                                                                                                        \
	"add a PodDisruptionBudget (maxUnavailable 1) for these pods: none selects them yet, so a drain may take a "   \
	"whole group"

static int each_budget(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	const cJSON *budget;

	cJSON_ArrayForEach(budget, (cJSON *)budgets) {
		if (fn(arg, budget) != 0)
			break;
	}
	return 0;
}

static int not_known(void *budgets, int (*fn)(void *arg, const cJSON *budget), void *arg)
{
	(void)budgets;
	(void)fn;
	(void)arg;
	return -1;
}

/* labels: JSON of the template's labels. */
static cJSON *set_of(const char *labels)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"codis-server\"},\"spec\":{\"template\":{\"metadata\":{\"labels\":%s},"
		 "\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}}}}",
		 labels);
	return parse_text(text);
}

#define SERVER "{\"app\":\"codis-server\"}"
#define BUDGET(namespace, selector)                                                                                    \
	"[{\"metadata\":{\"namespace\":\"" namespace "\"},\"spec\":{\"selector\":" selector "}}]"
#define LABELS(labels) "{\"matchLabels\":" labels "}"

/* old NULL: created. */
static void check(const char *budgets, const char *old, const char *labels, bool warned)
{
	JSON_CLEANUP cJSON *list = budgets ? parse_text(budgets) : NULL, *before = old ? set_of(old) : NULL,
			   *set = set_of(labels);
	struct lookups lookups = { .budgets = list, .each_budget = budgets ? each_budget : not_known };
	struct admission_request req = { .namespace = "shop", .object = set, .old_object = before };
	struct admission_verdict v;

	admission_verdict_init(&v);
	check_budget(&req, &lookups, &v);
	assert_true(v.allowed);
	assert_int_equal(v.warning_count, warned);
	if (warned)
		assert_string_equal(v.warnings[0], WARNING);
	admission_verdict_release(&v);
}

TEST(created_without_one)
{
	check("[]", NULL, SERVER, true);
	check(BUDGET("shop", LABELS("{\"app\":\"codis-proxy\"}")), NULL, SERVER, true);
	check(BUDGET("test", LABELS(SERVER)), NULL, SERVER, true); /* of another namespace */
	check(BUDGET("shop", "null"), NULL, SERVER, true);
}

TEST(created_with_one)
{
	check(BUDGET("shop", LABELS(SERVER)), NULL, SERVER, false);
	check(BUDGET("shop", "{}"), NULL, SERVER, false);
}

/* By labels that only the pods have, from /mutate. */
TEST(budget_of_a_group)
{
	check(BUDGET("shop", LABELS("{\"codis.io/component\":\"codis-server\",\"codis.io/group\":\"1\"}")), NULL,
	      SERVER, false);
	check(BUDGET("shop", LABELS("{\"codis.io/component\":\"codis-server\"}")), NULL, SERVER, false);
	check(BUDGET("shop", LABELS("{\"codis.io/product\":\"other\"}")), NULL, SERVER, true);
}

/* Only what is newly so is told: everybody would hear it at each apply else. */
TEST(updated)
{
	const char *budget = BUDGET("shop", LABELS("{\"tier\":\"data\"}"));

	check("[]", SERVER, SERVER, false);
	check("[]", SERVER, "{\"app\":\"codis-server\",\"tier\":\"x\"}", false);
	check(budget, "{\"app\":\"codis-server\",\"tier\":\"data\"}", SERVER, true);
	check(budget, SERVER, "{\"app\":\"codis-server\",\"tier\":\"data\"}", false);
	check("[]", "{\"app\":\"web\"}", SERVER, true);
}

TEST(budgets_not_known)
{
	check(NULL, NULL, SERVER, false);
}
