/* The warnings of PodDisruptionBudgets that do not protect the servers of a StatefulSet. */
#include "tests/unit/webhook_fixture.h"

#include "tests/unit/test.h"
#include "webhook/budgets.h"

#define LOOSE "drop PodDisruptionBudget mine: it may let a whole group go, and codis-controller keeps one a group"
#define TWO   "drop PodDisruptionBudget mine or mine: pods of two are never evicted"

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
		 "{\"metadata\":{\"name\":\"codis-server\"},\"spec\":{\"replicas\":4,\"template\":{\"metadata\":{"
		 "\"labels\":%s},"
		 "\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}}}}",
		 labels);
	return parse_text(text);
}

#define SERVER "{\"app\":\"codis-server\"}"
#define BUDGET(namespace, selector, limit)                                                                             \
	"{\"metadata\":{\"name\":\"mine\",\"namespace\":\"" namespace "\"},\"spec\":{\"selector\":" selector "," limit \
								      "}}"
#define LABELS(labels) "{\"matchLabels\":" labels "}"
#define ONE            "\"maxUnavailable\":1"
#define HALF           "\"maxUnavailable\":\"50%\""
#define OURS                                                                                                           \
	"{\"metadata\":{\"name\":\"ours\",\"namespace\":\"shop\",\"labels\":{\"app.kubernetes.io/managed-by\":"        \
	"\"codis-controller\"}},\"spec\":{\"selector\":{},\"minAvailable\":1}}"

/* old NULL: created. warning NULL: none. */
static void check(const char *budgets, const char *old, const char *labels, const char *warning)
{
	JSON_CLEANUP cJSON *list = budgets ? parse_text(budgets) : NULL, *before = old ? set_of(old) : NULL,
			   *set = set_of(labels);
	struct lookups lookups = { .budgets = list, .each_budget = budgets ? each_budget : not_known };
	struct admission_request req = { .namespace = "shop", .object = set, .old_object = before };
	struct admission_verdict v;

	admission_verdict_init(&v);
	check_budget(&req, &lookups, &v);
	assert_true(v.allowed);
	assert_int_equal(v.warning_count, warning != NULL);
	if (warning)
		assert_string_equal(v.warnings[0], warning);
	admission_verdict_release(&v);
}

/* codis-controller makes one a group where there is none. */
TEST(created_without_one)
{
	check("[]", NULL, SERVER, NULL);
	check("[" OURS "," OURS "]", NULL, SERVER, NULL);
}

TEST(created_with_one)
{
	check("[" BUDGET("shop", LABELS(SERVER), ONE) "]", NULL, SERVER, NULL);
	check("[" BUDGET("shop", LABELS(SERVER), ONE) "," OURS "]", NULL, SERVER, NULL);
	check("[" BUDGET("shop", "{}", ONE) "]", NULL, SERVER, NULL);
	check("[" BUDGET("shop", LABELS(SERVER), "\"minAvailable\":3") "]", NULL, SERVER, NULL);
}

TEST(one_that_lets_a_group_go)
{
	check("[" BUDGET("shop", LABELS(SERVER), HALF) "]", NULL, SERVER, LOOSE);
	check("[" BUDGET("shop", LABELS(SERVER), "\"maxUnavailable\":2") "]", NULL, SERVER, LOOSE);
	check("[" BUDGET("shop", LABELS(SERVER), "\"minAvailable\":2") "]", NULL, SERVER, LOOSE);
	check("[" BUDGET("shop", LABELS(SERVER), "\"minAvailable\":\"75%\"") "]", NULL, SERVER, LOOSE);
	check("[" BUDGET("shop", LABELS("{\"app\":\"codis-proxy\"}"), HALF) "]", NULL, SERVER, NULL);
	check("[" BUDGET("test", LABELS(SERVER), HALF) "]", NULL, SERVER, NULL); /* of another namespace */
	check("[" BUDGET("shop", "null", HALF) "]", NULL, SERVER, NULL);
}

TEST(two_of_them)
{
	check("[" BUDGET("shop", LABELS(SERVER), ONE) "," BUDGET("shop", "{}", HALF) "]", NULL, SERVER, TWO);
}

/* By labels that only the pods have, from /mutate. */
TEST(budget_of_a_group)
{
	check("[" BUDGET("shop", LABELS("{\"codis.io/component\":\"codis-server\",\"codis.io/group\":\"1\"}"),
			 "\"minAvailable\":1") "]",
	      NULL, SERVER, NULL);
	check("[" BUDGET("shop", LABELS("{\"codis.io/component\":\"codis-server\"}"), HALF) "]", NULL, SERVER, LOOSE);
	check("[" BUDGET("shop", LABELS("{\"codis.io/product\":\"other\"}"), HALF) "]", NULL, SERVER, NULL);
}

/* Only what is newly so is told: everybody would hear it at each apply else. */
TEST(updated)
{
	const char *budget = "[" BUDGET("shop", LABELS("{\"tier\":\"data\"}"), HALF) "]";

	check(budget, SERVER, SERVER, NULL);
	check(budget, "{\"app\":\"codis-server\",\"tier\":\"data\"}", SERVER, NULL);
	check(budget, "{\"app\":\"codis-server\",\"tier\":\"data\"}",
	      "{\"app\":\"codis-server\",\"tier\":\"data\",\"a\":\"b\"}", NULL);
	check(budget, SERVER, "{\"app\":\"codis-server\",\"tier\":\"data\"}", LOOSE);
	check(budget, "{\"app\":\"web\",\"tier\":\"data\"}", "{\"app\":\"codis-server\",\"tier\":\"data\"}", LOOSE);
}

TEST(budgets_not_known)
{
	check(NULL, NULL, SERVER, NULL);
}
