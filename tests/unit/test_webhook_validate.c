/* Which StatefulSets POST /validate refuses, and in which words. */
#include "tests/unit/webhook_fixture.h"

#include "tests/unit/test.h"
#include "webhook/validate.h"

/* --- a cluster of at most four StatefulSets -------------------------------------------------------------------- */

struct cluster {
	cJSON *sets[4];
};

static bool is_set(const cJSON *set, const char *namespace, const char *name)
{
	return strcmp(json_str(set, "metadata", "namespace", NULL), namespace) == 0 &&
	       strcmp(json_str(set, "metadata", "name", NULL), name) == 0;
}

static void find(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set), void *arg)
{
	struct cluster *c = ctx;

	for (int i = 0; i < 4; i++) {
		if (c->sets[i] && is_set(c->sets[i], namespace, name)) {
			fn(arg, c->sets[i]);
			return;
		}
	}
	fn(arg, NULL);
}

static void each(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	struct cluster *c = ctx;

	for (int i = 0; i < 4; i++) {
		if (c->sets[i] && fn(arg, c->sets[i]) != 0)
			return;
	}
}

static void trouble(void *ctx, const cJSON *set, char why[POD_WHY_MAX])
{
	(void)ctx;
	snprintf(why, POD_WHY_MAX, "%s is whose?", json_str(set, "metadata", "name", NULL));
}

static int teardown(void **state)
{
	struct cluster *c = *state;

	for (int i = 0; i < 4; i++)
		cJSON_Delete(c->sets[i]);
	free(c);
	return 0;
}

/* --- objects
 * ---------------------------------------------------------------------------------------------------------- */

struct shape {
	const char *name, *namespace, *app, *product;
	int replicas;        /* 0: left out is not meant; -1 is */
	const char *replica; /* SERVER_REPLICA; NULL: none */
	int start;
	const char *group; /* label codis.io/group; NULL: none */
};

static cJSON *make(struct shape s)
{
	cJSON *set = cJSON_CreateObject(), *spec = json_add_object(set, "spec"),
	      *template = json_add_object(spec, "template");
	cJSON *metadata = json_add_object(set, "metadata"), *container = cJSON_CreateObject(), *labels, *env, *entry;

	json_add_str(metadata, "name", s.name ? s.name : "codis-server");
	json_add_str(metadata, "namespace", s.namespace ? s.namespace : "shop");
	labels = json_add_object(json_add_object(template, "metadata"), "labels");
	json_add_str(labels, "app", s.app ? s.app : "codis-server");
	if (s.group)
		json_add_str(labels, "codis.io/group", s.group);
	if (s.replicas >= 0)
		json_add_int(spec, "replicas", s.replicas);
	if (s.start)
		json_add_int(json_add_object(spec, "ordinals"), "start", s.start);
	cJSON_AddItemToArray(json_add_array(json_add_object(template, "spec"), "containers"), container);
	json_add_str(container, "name", s.app ? s.app : "codis-server");
	env = json_add_array(container, "env");
	if (s.replica) {
		cJSON_AddItemToArray(env, entry = cJSON_CreateObject());
		json_add_str(entry, "name", "SERVER_REPLICA");
		json_add_str(entry, "value", s.replica);
	}
	if (s.product) {
		cJSON_AddItemToArray(env, entry = cJSON_CreateObject());
		json_add_str(entry, "name", "PRODUCT_NAME");
		json_add_str(entry, "value", s.product);
	}
	return set;
}

#define SET(...) make((struct shape){ __VA_ARGS__ })

/* The set with these members (JSON) in its container. */
static cJSON *with(cJSON *set, const char *name, const char *text)
{
	cJSON *template = cJSON_GetObjectItem(cJSON_GetObjectItem(set, "spec"), "template");
	cJSON *list = cJSON_GetObjectItem(cJSON_GetObjectItem(template, "spec"), "containers");

	cJSON_DeleteItemFromObject(list->child, name);
	cJSON_AddItemToObject(list->child, name, parse_text(text));
	return set;
}

static cJSON *make_scale(int replicas)
{
	cJSON *scale = cJSON_CreateObject();

	json_add_object(scale, "spec");
	if (replicas > 0) /* as the API server writes it: zero is left out */
		json_add_int(cJSON_GetObjectItem(scale, "spec"), "replicas", replicas);
	return scale;
}

/* --- verdicts: each takes the objects over
 * ---------------------------------------------------------------------------- */

static void ask(struct cluster *c, const char *subresource, const char *name, cJSON *old, cJSON *object,
		struct admission_verdict *v)
{
	struct lookups lookups = { .ctx = c, .find = find, .each = each };
	struct admission_request req = request_of("statefulsets", name, old, object);

	req.subresource = subresource;
	admission_verdict_init(v);
	validate(&req, &lookups, v);
	cJSON_Delete(old);
	cJSON_Delete(object);
}

static void judge(struct admission_verdict *v, const char *message)
{
	if (!message && !v->allowed)
		fail_msg("refused: %s", v->message);
	if (message && v->allowed)
		fail_msg("allowed, not: %s", message);
	if (message) {
		assert_string_equal(v->message, message);
		assert_int_equal(v->code, 422);
	}
	admission_verdict_release(v);
}

/* message NULL: allowed. */
static void create(struct cluster *c, cJSON *object, const char *message)
{
	struct admission_verdict v;

	ask(c, "", "codis-server", NULL, object, &v);
	judge(&v, message);
}

static void update(struct cluster *c, cJSON *old, cJSON *object, const char *message)
{
	struct admission_verdict v;

	ask(c, "", "codis-server", old, object, &v);
	judge(&v, message);
}

static void scale(struct cluster *c, const char *name, int from, int to, const char *message)
{
	struct admission_verdict v;

	ask(c, "scale", name, make_scale(from), make_scale(to), &v);
	judge(&v, message);
}

#define FIVE "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 4 or 6, not 5"

/* --- create
 * ----------------------------------------------------------------------------------------------------------- */

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct cluster));
	return *state ? 0 : -1;
}

#define FIXTURE_TEST(name) TEST_WITH(name, setup, teardown)

FIXTURE_TEST(count_on_create)
{
	struct cluster *c = *state;

	create(c, SET(.replicas = 4), NULL);
	create(c, SET(.replicas = 0), NULL);
	create(c, SET(.replicas = 5), FIVE);
	create(c, SET(.replicas = 5, .replica = "1"), NULL);
	create(c, SET(.replicas = 4, .replica = "3"),
	       "SERVER_REPLICA is 3, so replicas has to be a multiple of 3: 3 or 6, not 4");
	create(c, SET(.replicas = -1), "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 0 or 2, not 1");
	create(c, SET(.replicas = 5, .app = "nginx"), NULL);
	create(c, SET(.replicas = 5, .app = "zookeeper"), NULL);
}

FIXTURE_TEST(wrong_server_replica)
{
	struct cluster *c = *state;

	create(c, SET(.replicas = 4, .replica = "0"),
	       "SERVER_REPLICA is \"0\": it must be a whole number from 1 to 64");
	create(c, SET(.replicas = 4, .replica = "two"),
	       "SERVER_REPLICA is \"two\": it must be a whole number from 1 to 64");
	create(c, SET(.replicas = 4, .replica = ""), "SERVER_REPLICA is \"\": it must be a whole number from 1 to 64");
}

FIXTURE_TEST(start)
{
	struct cluster *c = *state;

	create(c, SET(.replicas = 4, .start = 2), NULL);
	create(c, SET(.replicas = 4, .start = 3),
	       "SERVER_REPLICA is 2, so ordinals.start has to be a multiple of 2, not 3");
	update(c, SET(.replicas = 4), SET(.replicas = 4, .start = 1),
	       "SERVER_REPLICA is 2, so ordinals.start has to be a multiple of 2, not 1");
}

FIXTURE_TEST(one_set_of_servers_a_product)
{
	struct cluster *c = *state;

	c->sets[0] = SET(.name = "first", .replicas = 4);
	c->sets[1] = SET(.name = "other-namespace", .namespace = "test", .replicas = 4, .product = "b");
	c->sets[2] = SET(.name = "proxy", .app = "codis-proxy", .replicas = 4, .product = "b");
	create(c, SET(.name = "second", .replicas = 4),
	       "StatefulSet first has codis-servers that name no product already, and both would make group 1: scale "
	       "that one, or give this one a PRODUCT_NAME, or ordinals.start 4 to stand beside it");
	c->sets[3] = SET(.name = "third", .replicas = 4, .product = "c");
	create(c, SET(.name = "second", .replicas = 4, .product = "c"),
	       "StatefulSet third has codis-servers of product c already, and both would make group 1: scale that "
	       "one, or give this one another PRODUCT_NAME, or ordinals.start 4 to stand beside it");
	create(c, SET(.name = "first", .replicas = 4), NULL);
	create(c, SET(.name = "second", .replicas = 4, .product = "b"), NULL);
	create(c, SET(.name = "second", .replicas = 4, .product = "a/b"),
	       "product \"a/b\" is no label value: use 1 to 63 letters, digits, '-', '_' or '.', a letter or digit "
	       "first and "
	       "last");
}

FIXTURE_TEST(a_product_that_cannot_be_told_is_warned_of)
{
	struct cluster *c = *state;
	struct lookups lookups = { .ctx = c, .find = find, .each = each, .trouble = trouble };
	JSON_CLEANUP cJSON *set = SET(.replicas = 4);
	struct admission_request req = request_of("statefulsets", "codis-server", NULL, set);
	struct admission_verdict v;

	admission_verdict_init(&v);
	validate(&req, &lookups, &v);
	assert_true(v.allowed);
	assert_true(v.warning_count > 0);
	assert_string_equal(v.warnings[0], "codis-server is whose?");
	admission_verdict_release(&v);
}

static bool warned_of_order(struct cluster *c, const char *policy, bool update)
{
	cJSON *set = SET(.replicas = 4), *old = update ? SET(.replicas = 4) : NULL;
	struct admission_verdict v;
	bool warned = false;

	json_add_str(cJSON_GetObjectItem(set, "spec"), "podManagementPolicy", policy);
	ask(c, "", "codis-server", old, set, &v);
	assert_true(v.allowed);
	for (int i = 0; i < v.warning_count; i++)
		warned = warned || strcmp(v.warnings[i], "write podManagementPolicy: Parallel, or a lost server waits "
							 "until all before it are ready") == 0;
	admission_verdict_release(&v);
	return warned;
}

/* It cannot change, so nobody is told again. */
FIXTURE_TEST(servers_that_start_one_after_the_other_are_warned_of_when_they_are_made)
{
	assert_true(warned_of_order(*state, "OrderedReady", false));
	assert_false(warned_of_order(*state, "Parallel", false));
	assert_false(warned_of_order(*state, "OrderedReady", true));
}

FIXTURE_TEST(dashboard)
{
	struct cluster *c = *state;
	static const char two[] = "a product has one codis-dashboard: replicas has to be 1 or 0, not 2";

	create(c, SET(.app = "codis-dashboard", .replicas = 1), NULL);
	create(c, SET(.app = "codis-dashboard", .replicas = -1), NULL);
	create(c, SET(.app = "codis-dashboard", .replicas = 2), two);
	update(c, SET(.app = "codis-dashboard", .replicas = 1), SET(.app = "codis-dashboard", .replicas = 2), two);
	update(c, SET(.app = "codis-dashboard", .replicas = 2), SET(.app = "codis-dashboard", .replicas = 2), NULL);
}

/* --- update
 * ----------------------------------------------------------------------------------------------------------- */

FIXTURE_TEST(count_on_update)
{
	struct cluster *c = *state;

	update(c, SET(.replicas = 4), SET(.replicas = 6), NULL);
	update(c, SET(.replicas = 4), SET(.replicas = 5), FIVE);
	update(c, SET(.replicas = 4), SET(.replicas = 0), NULL);
}

/* Somebody has to be able to remove a finalizer, or to change an image, whatever else is wrong. */
FIXTURE_TEST(what_is_wrong_already_stays_editable)
{
	struct cluster *c = *state;

	update(c, SET(.replicas = 5), SET(.replicas = 5), NULL);
	update(c, SET(.replicas = 5), SET(.replicas = 4), NULL);
	update(c, SET(.replicas = 4, .start = 1), SET(.replicas = 4, .start = 1), NULL);
	update(c, SET(.replicas = 4, .replica = "two"), SET(.replicas = 4, .replica = "two"), NULL);
	update(c, SET(.replicas = 4, .replica = "two"), SET(.replicas = 4, .replica = "2"), NULL);
	update(c, SET(.replicas = 4, .replica = "two"), SET(.replicas = 5, .replica = "2"), FIVE);
	update(c, SET(.replicas = 4, .replica = "two"), SET(.replicas = 4, .replica = "three"),
	       "SERVER_REPLICA is \"three\": it must be a whole number from 1 to 64");
	c->sets[0] = SET(.name = "first", .replicas = 4);
	update(c, SET(.name = "second", .replicas = 4), SET(.name = "second", .replicas = 6), NULL);
}

#define THERE_ARE_SERVERS                                                                                              \
	" while there are servers, for their groups follow from it: make another StatefulSet beside this one, with "   \
	"SERVER_REPLICA 3 and ordinals.start 9, and then codisctl scale-server 0 --set codis-server moves all slots "  \
	"there"

FIXTURE_TEST(identity_of_a_live_cluster)
{
	struct cluster *c = *state;

	update(c, SET(.replicas = 6), SET(.replicas = 6, .replica = "3"),
	       "SERVER_REPLICA cannot change from 2 to 3" THERE_ARE_SERVERS);
	update(c, SET(.replicas = 6), SET(.replicas = 0, .replica = "3"),
	       "SERVER_REPLICA cannot change from 2 to 3" THERE_ARE_SERVERS);
	update(c, SET(.replicas = 0), SET(.replicas = 6, .replica = "3"), NULL);
	update(c, SET(.replicas = 6), SET(.replicas = 6, .replica = "2"), NULL); /* the default, written down */
	update(c, SET(.replicas = 4), SET(.replicas = 4, .product = "b"), NULL); /* the line that was missing */
	update(c, SET(.replicas = 4, .product = "b"), SET(.replicas = 4),
	       "the product cannot change while there are servers: make a StatefulSet of another product, or scale "
	       "this one to 0 "
	       "first (its data goes)");
	update(c, SET(.replicas = 4, .product = "a"), SET(.replicas = 4, .product = "b"),
	       "the product cannot change while there are servers: make a StatefulSet of another product, or scale "
	       "this one to 0 "
	       "first (its data goes)");
	update(c, SET(.replicas = 0), SET(.replicas = 0, .product = "b"), NULL);
	c->sets[0] = SET(.name = "first", .replicas = 4, .product = "b");
	update(c, SET(.replicas = 0), SET(.replicas = 0, .product = "b"),
	       "StatefulSet first has codis-servers of product b already, and both would make group 1: scale that "
	       "one, or "
	       "give this one another PRODUCT_NAME, or ordinals.start 4 to stand beside it");
}

#define KEY_OF_A_MAP(name)                                                                                             \
	"[{\"name\":\"" name "\",\"valueFrom\":{\"configMapKeyRef\":{\"name\":\"x\",\"key\":\"y\"}}}]"
#define FROM_A_MAP "[{\"configMapRef\":{\"name\":\"conf\"}}]"
#define REPLICA_IN_A_MAP                                                                                               \
	"env SERVER_REPLICA comes from ConfigMap x, key y, which codis-webhook does not read: write its value, since " \
	"groups follow from it"
#define PRODUCT_IN_A_MAP                                                                                               \
	"env PRODUCT_NAME comes from ConfigMap x, key y, which codis-webhook does not read: write its value, or "      \
	"label "                                                                                                       \
	"the pods codis.io/product"

FIXTURE_TEST(what_is_said_elsewhere)
{
	struct cluster *c = *state;

	create(c, with(SET(.replicas = 4), "env", KEY_OF_A_MAP("SERVER_REPLICA")), REPLICA_IN_A_MAP);
	create(c, with(SET(.replicas = 4), "env", KEY_OF_A_MAP("PRODUCT_NAME")), PRODUCT_IN_A_MAP);
	create(c, with(SET(.replicas = 1, .app = "codis-dashboard"), "env", KEY_OF_A_MAP("PRODUCT_NAME")), NULL);
	update(c, SET(.replicas = 4, .product = "shop"),
	       with(SET(.replicas = 4, .product = "shop"), "envFrom", FROM_A_MAP),
	       "env SERVER_REPLICA may come from ConfigMap conf by envFrom, which codis-webhook does not read: write "
	       "its value, since groups follow from it");
	update(c, SET(.replicas = 4, .product = "shop"), with(SET(.replicas = 4), "env", KEY_OF_A_MAP("PRODUCT_NAME")),
	       PRODUCT_IN_A_MAP);
	/* What is so already stays editable, and can be mended. */
	update(c, with(SET(.replicas = 4), "env", KEY_OF_A_MAP("PRODUCT_NAME")),
	       with(SET(.replicas = 6), "env", KEY_OF_A_MAP("PRODUCT_NAME")), NULL);
	update(c, with(SET(.replicas = 4), "env", KEY_OF_A_MAP("PRODUCT_NAME")), SET(.replicas = 4, .product = "shop"),
	       NULL);
	update(c, with(SET(.replicas = 4), "env", KEY_OF_A_MAP("SERVER_REPLICA")), SET(.replicas = 4, .replica = "2"),
	       NULL);
	update(c, SET(.replicas = 4, .product = "a/b"), SET(.replicas = 4, .product = "a/b"), NULL);
	update(c, SET(.replicas = 4, .product = "a/b"), SET(.replicas = 4, .product = "ab"), NULL);
	/* The namespace is the set's. */
	c->sets[0] = SET(.name = "first", .replicas = 4, .product = "shop");
	create(c,
	       with(SET(.name = "second", .replicas = 4), "env",
		    "[{\"name\":\"PRODUCT_NAME\",\"valueFrom\":{\"fieldRef\":{\"fieldPath\":\"metadata.namespace\"}}}"
		    "]"),
	       "StatefulSet first has codis-servers of product shop already, and both would make group 1: scale "
	       "that one, or give this one another PRODUCT_NAME, or ordinals.start 4 to stand beside it");
}

/* A pod's own warnings would reach nobody. */
FIXTURE_TEST(warnings_of_the_pods)
{
	struct cluster *c = *state;
	struct admission_verdict v;
	cJSON *set = SET(.replicas = 4);

	ask(c, "", "x", NULL, cJSON_Duplicate(set, true), &v);
	assert_true(v.allowed);
	assert_int_equal(v.warning_count, 1);
	assert_non_null(strstr(v.warnings[0], "no guard"));
	admission_verdict_release(&v);
	ask(c, "", "x", SET(.replicas = 2), cJSON_Duplicate(set, true), &v); /* the pods stay as they are */
	assert_int_equal(v.warning_count, 0);
	admission_verdict_release(&v);
	cJSON_Delete(set);
}

/* The set with this annotation on its pods. */
static cJSON *annotated(cJSON *set, const char *key, const char *value)
{
	cJSON *template = cJSON_GetObjectItem(cJSON_GetObjectItem(set, "spec"), "template");

	json_add_str(json_add_object(cJSON_GetObjectItem(template, "metadata"), "annotations"), key, value);
	return set;
}

/* The set with another image, and so another template. */
static cJSON *rolled(cJSON *set)
{
	return with(set, "image", "\"new\"");
}

#define SPREAD(set)   annotated(set, "codis.io/spread", "wide")
#define TOPOLOGY(set) annotated(set, "codis.io/topology-key", "a b")
#define BAD_SPREAD    "annotation codis.io/spread is \"wide\": it must be strict or soft"
#define BAD_TOPOLOGY                                                                                                   \
	"annotation codis.io/topology-key is \"a b\", which no label of a node is called: write one that nodes have, " \
	"as "                                                                                                          \
	"topology.kubernetes.io/zone"

/* The rolling update would delete a server and never make it again. */
FIXTURE_TEST(a_template_whose_pods_would_be_refused_is_refused)
{
	struct cluster *c = *state;

	create(c, SPREAD(SET(.replicas = 4)), BAD_SPREAD);
	create(c, SPREAD(SET(.replicas = 0)), BAD_SPREAD);
	create(c, TOPOLOGY(SET(.replicas = 4)), BAD_TOPOLOGY);
	update(c, SET(.replicas = 4), SPREAD(SET(.replicas = 4)), BAD_SPREAD);
	update(c, SET(.replicas = 4), TOPOLOGY(SET(.replicas = 4)), BAD_TOPOLOGY);
	update(c, SET(.replicas = 1, .app = "codis-proxy"), SET(.replicas = 1, .app = "codis-proxy", .product = "a/b"),
	       "product \"a/b\" is no label value: use 1 to 63 letters, digits, '-', '_' or '.', a letter or digit "
	       "first and last");
}

/* Its last pods would be of groups that Codis does not have. */
FIXTURE_TEST(the_last_pod_is_looked_at_as_well)
{
	static const char format[] =
		"codis-server \"codis-server-%s\" is in no group, for Codis has groups 1 to 9999, and "
		"with SERVER_REPLICA 2 the number behind the name of its StatefulSet can be 0 to 19997: "
		"lower ordinals.start or replicas";
	struct cluster *c = *state;
	char message[512];

	create(c, SET(.replicas = 19998), NULL);
	snprintf(message, sizeof(message), format, "19999");
	create(c, SET(.replicas = 20000), message);
	update(c, SET(.replicas = 4), SET(.replicas = 20000), message);
	snprintf(message, sizeof(message), format, "2147483645");
	update(c, SET(.replicas = 4), SET(.replicas = 2147483646), message);
	update(c, SET(.replicas = 20000), SET(.replicas = 20002), NULL);
}

FIXTURE_TEST(what_was_wrong_before_stays_editable)
{
	struct cluster *c = *state;
	struct admission_verdict v;

	update(c, SPREAD(SET(.replicas = 4)), SPREAD(SET(.replicas = 6)), NULL);
	update(c, SPREAD(SET(.replicas = 4)), SET(.replicas = 4), NULL);
	ask(c, "", "x", SPREAD(SET(.replicas = 4)), SPREAD(rolled(SET(.replicas = 4))), &v);
	assert_true(v.allowed);
	assert_string_equal(v.warnings[0], "see kubectl get events: its new pods are refused, as they were before");
	admission_verdict_release(&v);
	ask(c, "", "x", SET(.replicas = 4, .product = "a/b"), rolled(SET(.replicas = 4, .product = "a/b")), &v);
	assert_true(v.allowed);
	assert_int_equal(v.warning_count, 1);
	admission_verdict_release(&v);
}

FIXTURE_TEST(becomes_a_server)
{
	struct cluster *c = *state;

	update(c, SET(.replicas = 5, .app = "nginx"), SET(.replicas = 5), FIVE);
}

/* --- one StatefulSet a group
 * ------------------------------------------------------------------------------------------------------------ */

#define NO_GROUP(text)                                                                                                 \
	"label codis.io/group is \"" text                                                                              \
	"\": it must be a whole number from 1 to 9999, the group of all pods of the "                                  \
	"StatefulSet; without it their numbers say it"

FIXTURE_TEST(a_set_may_be_a_group)
{
	struct cluster *c = *state;

	create(c, SET(.replicas = 2, .group = "1"), NULL);
	create(c, SET(.replicas = 3, .group = "9999", .start = 1), NULL);
	create(c, with(SET(.replicas = 3, .group = "2"), "env", KEY_OF_A_MAP("SERVER_REPLICA")), NULL);
	create(c, SET(.replicas = 2, .group = "one"), NO_GROUP("one"));
	create(c, SET(.replicas = 2, .group = ""), NO_GROUP(""));
	create(c, SET(.replicas = 2, .group = "2", .replica = "two"),
	       "SERVER_REPLICA is \"two\": it must be a whole number from 1 to 64");
	update(c, SET(.replicas = 2, .group = "1"), SET(.replicas = 3, .group = "1"), NULL);
	update(c, SET(.replicas = 2, .group = "1", .replica = "2"), SET(.replicas = 2, .group = "1", .replica = "3"),
	       NULL);
	update(c, SET(.replicas = 0, .group = "1"), SET(.replicas = 2, .group = "x"), NO_GROUP("x"));
	update(c, SET(.replicas = 2, .group = "x"), SET(.replicas = 4, .group = "x"), NULL);
}

static void judge_warned(struct cluster *c, cJSON *old, cJSON *set, const char *warning)
{
	struct admission_verdict v;
	bool told = false;

	ask(c, "", "codis-server", old, set, &v);
	assert_true(v.allowed);
	for (int i = 0; i < v.warning_count; i++)
		told |= strstr(v.warnings[i], "codis.io/group") != NULL;
	assert_int_equal(told, warning != NULL);
	if (warning)
		assert_string_equal(v.warnings[0], warning);
	admission_verdict_release(&v);
}

#define ALL_FOUR "remove label codis.io/group if several groups are meant: by it all 4 servers are of group 1"

FIXTURE_TEST(a_group_that_is_larger_than_it_says_is_warned_of)
{
	struct cluster *c = *state;

	judge_warned(c, NULL, SET(.replicas = 4, .group = "1", .replica = "2"), ALL_FOUR);
	judge_warned(c, SET(.replicas = 2, .group = "1", .replica = "2"),
		     SET(.replicas = 4, .group = "1", .replica = "2"), ALL_FOUR);
	judge_warned(c, NULL, SET(.replicas = 4, .group = "1", .replica = "4"), NULL);
	judge_warned(c, NULL, SET(.replicas = 4, .group = "1"), NULL);
	judge_warned(c, NULL, SET(.replicas = 0, .group = "1", .replica = "2"), NULL);
}

/* Such a server would not wait for the replica that it has. */
FIXTURE_TEST(a_group_of_one_that_has_more_is_refused)
{
	struct cluster *c = *state;
	static const char two[] =
		"SERVER_REPLICA is 1, but by label codis.io/group all 2 servers are of group 3: remove "
		"SERVER_REPLICA, or write 2";

	create(c, SET(.replicas = 1, .group = "3", .replica = "1"), NULL);
	create(c, SET(.replicas = 2, .group = "3", .replica = "1"), two);
	c->sets[0] = SET(.name = "g3", .replicas = 1, .group = "3", .replica = "1");
	scale(c, "g3", 1, 2, two);
	scale(c, "g3", 1, 0, NULL);
}

#define OTHERS                                                                                                         \
	" while there are servers, for they would be of another group: make a StatefulSet of another product, or "     \
	"scale this one to 0 first (its data goes)"

FIXTURE_TEST(the_group_of_servers_that_there_are_stays)
{
	struct cluster *c = *state;

	update(c, SET(.replicas = 2, .group = "1"), SET(.replicas = 2, .group = "2"),
	       "label codis.io/group cannot change from \"1\" to \"2\"" OTHERS);
	update(c, SET(.replicas = 4), SET(.replicas = 4, .group = "1"),
	       "label codis.io/group cannot change from none to \"1\"" OTHERS);
	update(c, SET(.replicas = 4, .group = "1"), SET(.replicas = 4),
	       "label codis.io/group cannot change from \"1\" to none" OTHERS);
	update(c, SET(.replicas = 2), SET(.replicas = 2, .group = "2"),
	       "label codis.io/group cannot change from none to \"2\"" OTHERS);
	update(c, SET(.replicas = 0), SET(.replicas = 2, .group = "2"), NULL);
	/* Who is in it stays in it. */
	update(c, SET(.replicas = 2), SET(.replicas = 2, .group = "1"), NULL);
	update(c, SET(.replicas = 2, .start = 4), SET(.replicas = 2, .start = 4, .group = "3"), NULL);
	update(c, SET(.replicas = 2, .group = "1"), SET(.replicas = 2), NULL);
}

FIXTURE_TEST(sets_of_different_groups_are_no_rivals)
{
	struct cluster *c = *state;

	c->sets[0] = SET(.name = "g1", .replicas = 2, .group = "1", .product = "b");
	c->sets[1] = SET(.name = "g2", .replicas = 2, .group = "2", .product = "b");
	c->sets[2] = SET(.name = "gone", .replicas = 0, .group = "3", .product = "b");
	create(c, SET(.name = "g3", .replicas = 2, .group = "3", .product = "b"), NULL);
	create(c, SET(.name = "g2", .replicas = 2, .group = "2", .product = "b"), NULL); /* itself */
	create(c, SET(.name = "other", .replicas = 2, .group = "2", .product = "c"), NULL);
	create(c, SET(.name = "second", .replicas = 2, .group = "2", .product = "b"),
	       "StatefulSet g2 is group 2 already: give this one another label codis.io/group, or scale that one to 0 "
	       "first");
	update(c, SET(.name = "second", .replicas = 0, .group = "2", .product = "b"),
	       SET(.name = "second", .replicas = 2, .group = "2", .product = "b"),
	       "StatefulSet g2 is group 2 already: give this one another label codis.io/group, or scale that one to 0 "
	       "first");
	c->sets[3] = SET(.name = "second", .replicas = 0, .group = "2", .product = "b");
	scale(c, "second", 0, 2,
	      "StatefulSet g2 is group 2 already: give this one another label codis.io/group, or scale that one to 0 "
	      "first");
	scale(c, "gone", 0, 2, NULL);
}

#define IS_GROUP_3                                                                                                     \
	"StatefulSet g3 is group 3 of the codis-servers of product b by its label codis.io/group, and this one would " \
	"make groups 1 to 3: write fewer replicas, or give both labels"

FIXTURE_TEST(a_set_that_is_a_group_and_one_that_counts_them)
{
	struct cluster *c = *state;

	c->sets[0] = SET(.name = "g3", .replicas = 2, .group = "3", .product = "b");
	create(c, SET(.name = "counts", .replicas = 4, .product = "b"), NULL);
	create(c, SET(.name = "counts", .replicas = 6, .product = "b"), IS_GROUP_3);
	c->sets[1] = SET(.name = "counts", .replicas = 4, .product = "b");
	scale(c, "counts", 4, 6, IS_GROUP_3);
	scale(c, "counts", 4, 2, NULL);
	update(c, SET(.name = "counts", .replicas = 4, .product = "b"),
	       SET(.name = "counts", .replicas = 6, .product = "b"), IS_GROUP_3);
	create(c, SET(.name = "g2", .replicas = 2, .group = "2", .product = "b"),
	       "StatefulSet counts makes groups 1 to 2 of the codis-servers of product b, and this one is group 2: "
	       "give "
	       "this one another label codis.io/group, or scale that one");
	create(c, SET(.name = "g5", .replicas = 2, .group = "5", .product = "b"), NULL);
}

/* Another SERVER_REPLICA is a second StatefulSet: docs/controller.md. */
FIXTURE_TEST(sets_whose_ordinals_make_different_groups_stand_beside_each_other)
{
	struct cluster *c = *state;

	c->sets[0] = SET(.name = "first", .replicas = 4, .product = "b");
	create(c, SET(.name = "second", .replicas = 6, .product = "b", .replica = "3", .start = 6), NULL);
	create(c, SET(.name = "second", .replicas = 6, .product = "b", .replica = "3", .start = 3),
	       "StatefulSet first has codis-servers of product b already, and both would make group 2: scale that one, "
	       "or give this one another PRODUCT_NAME, or ordinals.start 6 to stand beside it");
	c->sets[1] = SET(.name = "second", .replicas = 6, .product = "b", .replica = "3", .start = 30);
	scale(c, "first", 4, 20, NULL);
	scale(c, "first", 4, 22,
	      "StatefulSet second has codis-servers of product b already, and both would make group 11: write 20 "
	      "replicas at most");
	scale(c, "second", 6, 9, NULL);
	update(c, SET(.name = "first", .replicas = 0, .product = "b", .replica = "2"),
	       SET(.name = "first", .replicas = 9, .product = "b", .replica = "3"), NULL);
}

/* It says to scale the other one: that has to help. */
FIXTURE_TEST(a_set_of_no_servers_is_no_rival)
{
	struct cluster *c = *state;
	static const char first_is_there[] =
		"StatefulSet first has codis-servers that name no product already, and both would make group 1: scale "
		"that one, or give this one a PRODUCT_NAME, or ordinals.start 4 to stand beside it";

	c->sets[0] = SET(.name = "first", .replicas = 0);
	create(c, SET(.name = "second", .replicas = 4), NULL);
	cJSON_Delete(c->sets[0]);
	c->sets[0] = SET(.name = "first", .replicas = 4);
	c->sets[1] = SET(.name = "second", .replicas = 0);
	scale(c, "second", 0, 4, first_is_there);
	update(c, SET(.name = "second", .replicas = 0), SET(.name = "second", .replicas = 4), first_is_there);
	scale(c, "first", 4, 6, NULL);
}

/* --- scale
 * ------------------------------------------------------------------------------------------------------------ */

static cJSON *deleted(cJSON *set)
{
	json_add_str(cJSON_GetObjectItem(set, "metadata"), "deletionTimestamp", "2026-11-26T05:03:38Z");
	return set;
}

/* Its last finalizer goes by an update. */
FIXTURE_TEST(what_is_being_deleted_is_not_judged)
{
	struct cluster *c = *state;

	update(c, deleted(SET(.replicas = 4)), deleted(SET(.replicas = 5)), NULL);
	update(c, SET(.replicas = 4), deleted(SET(.replicas = 4, .replica = "two")), NULL);
	update(c, deleted(SET(.replicas = 4)), deleted(SET(.replicas = 4, .product = "b")), NULL);
	c->sets[0] = deleted(SET(.replicas = 4));
	scale(c, "codis-server", 4, 5, NULL);
}

FIXTURE_TEST(scale)
{
	struct cluster *c = *state;

	c->sets[0] = SET(.replicas = 4);
	c->sets[1] = SET(.name = "codis-dashboard", .app = "codis-dashboard", .replicas = 1);
	c->sets[2] = SET(.name = "web", .app = "nginx", .replicas = 1);
	scale(c, "codis-server", 4, 6, NULL);
	scale(c, "codis-server", 4, 5, FIVE);
	scale(c, "codis-server", 5, 5, NULL);
	scale(c, "codis-server", 4, 0, NULL);
	scale(c, "codis-server", 0, 1, "SERVER_REPLICA is 2, so replicas has to be a multiple of 2: 0 or 2, not 1");
	scale(c, "codis-dashboard", 1, 2, "a product has one codis-dashboard: replicas has to be 1 or 0, not 2");
	scale(c, "web", 1, 5, NULL);
	scale(c, "unknown", 1, 5, NULL);
}

static cJSON *dashboard(const char *name, int replicas)
{
	return SET(.name = name, .app = "codis-dashboard", .replicas = replicas, .product = "shop");
}

/* It is judged as an update of the replicas is: by all rules. */
FIXTURE_TEST(a_scale_from_zero_looks_for_another_dashboard)
{
	struct cluster *c = *state;

	c->sets[0] = dashboard("first", 1);
	c->sets[1] = dashboard("second", 0);
	scale(c, "second", 0, 1,
	      "StatefulSet first has the codis-dashboard of product shop already, and a product has one: scale that "
	      "one to "
	      "0 first, or give this one another PRODUCT_NAME");
	scale(c, "first", 1, 0, NULL);
}

FIXTURE_TEST(a_scale_looks_at_the_last_pod)
{
	struct cluster *c = *state;

	c->sets[0] = SET(.replicas = 4);
	scale(c, "codis-server", 4, 2147483646,
	      "codis-server \"codis-server-2147483645\" is in no group, for Codis has groups 1 to 9999, and with "
	      "SERVER_REPLICA 2 the number behind the name of its StatefulSet can be 0 to 19997: lower ordinals.start "
	      "or "
	      "replicas");
}

/* --- delete
 * ----------------------------------------------------------------------------------------------------------- */

static bool shop_is_ending(void *ctx, const char *namespace)
{
	(void)ctx;
	return strcmp(namespace, "shop") == 0;
}

/* Deletes a StatefulSet with this metadata beside its name. */
static void remove_set(const char *subresource, const char *metadata, bool ending, const char *message)
{
	char text[512];
	struct lookups lookups = { .is_ending = ending ? shop_is_ending : NULL };
	struct admission_verdict v;
	JSON_CLEANUP cJSON *set =
		(snprintf(text, sizeof(text), "{\"metadata\":{\"name\":\"codis-server\"%s}}", metadata),
		 parse_text(text));
	struct admission_request req = request_of("statefulsets", "codis-server", set, NULL);

	req.operation = "DELETE";
	req.subresource = subresource;
	admission_verdict_init(&v);
	validate(&req, &lookups, &v);
	judge(&v, message);
}

#define PROTECTED(kind, verb)                                                                                          \
	"StatefulSet codis-server has the " kind " codis.io/protect, and is not deleted while it has: kubectl " verb   \
	" -n shop sts codis-server codis.io/protect-"
#define BY_LABEL      ",\"labels\":{\"codis.io/protect\":\"true\"}"
#define BY_ANNOTATION ",\"annotations\":{\"codis.io/protect\":\"true\"}"

TEST(what_is_protected_is_not_deleted)
{
	remove_set("", BY_LABEL, false, PROTECTED("label", "label"));
	remove_set("", BY_ANNOTATION, false, PROTECTED("annotation", "annotate"));
	remove_set("", "", false, NULL);
	remove_set("", ",\"labels\":{\"codis.io/protect\":\"false\"}", false, NULL);
	remove_set("", ",\"deletionTimestamp\":\"2026-11-26T05:03:38Z\"" BY_LABEL, false, NULL);
	remove_set("", BY_LABEL, true, NULL); /* its namespace would never end */
	remove_set("scale", BY_LABEL, false, NULL);
}

static bool is_stale(void *ctx, char *why, size_t size)
{
	(void)ctx;
	snprintf(why, size, "codis-webhook has had no news of statefulsets for 200 s");
	return true;
}

static void judge_stale(struct cluster *c, const char *subresource, cJSON *old, cJSON *now, const char *message)
{
	struct lookups lookups = { .ctx = c, .find = find, .each = each, .is_stale = is_stale };
	struct admission_request req = request_of("statefulsets", "codis-server", old, now);
	struct admission_verdict v;

	req.subresource = subresource;
	admission_verdict_init(&v);
	validate(&req, &lookups, &v);
	judge(&v, message);
	cJSON_Delete(old);
	cJSON_Delete(now);
}

/* What is known of others is said to be old; what the object says itself is never. */
FIXTURE_TEST(a_refusal_by_what_was_heard_of_long_ago_says_so)
{
	struct cluster *c = *state;
	static const char age[] = " (codis-webhook has had no news of statefulsets for 200 s: this may be so no more)";
	char message[512];

	c->sets[0] = SET(.replicas = 4, .product = "shop");
	snprintf(message, sizeof(message), "%s%s", FIVE, age);
	judge_stale(c, "scale", make_scale(4), make_scale(5), message);
	snprintf(message, sizeof(message),
		 "StatefulSet codis-server has codis-servers of product shop already, and both would make group 1: "
		 "scale "
		 "that one, or give this one another PRODUCT_NAME, or ordinals.start 4 to stand beside it%s",
		 age);
	judge_stale(c, "", NULL, SET(.name = "second", .replicas = 4, .product = "shop"), message);
	judge_stale(c, "", NULL, SET(.replicas = 5), FIVE);
	snprintf(message, sizeof(message),
		 "StatefulSet second has codis-servers of product shop already, and both would make group 1: scale "
		 "that one, or give this one another PRODUCT_NAME, or ordinals.start 4 to stand beside it%s",
		 age);
	cJSON_Delete(c->sets[0]);
	c->sets[0] = SET(.replicas = 0, .product = "shop");
	c->sets[1] = SET(.name = "second", .replicas = 4, .product = "shop");
	judge_stale(c, "scale", make_scale(0), make_scale(4), message);
}

/* --- requests
 * --------------------------------------------------------------------------------------------------------- */

static void request(const char *resource, const char *subresource, const char *operation, bool objects, bool allowed)
{
	struct cluster c = { .sets = { NULL } };
	struct lookups lookups = { .ctx = &c, .find = find, .each = each };
	JSON_CLEANUP cJSON *set = SET(.replicas = 5);
	struct admission_request req = request_of(resource, "x", NULL, objects ? set : NULL);
	struct admission_verdict v;

	req.subresource = subresource;
	req.operation = operation;
	admission_verdict_init(&v);
	validate(&req, &lookups, &v);
	assert_int_equal(v.allowed, allowed);
	assert_int_equal(v.code, allowed ? 0 : 400);
	admission_verdict_release(&v);
}

FIXTURE_TEST(requests_about_something_else)
{
	request("pods", "", "CREATE", true, false);
	request("statefulsets", "status", "UPDATE", true, false);
	request("statefulsets", "", "CREATE", false, false);
	request("statefulsets", "", "UPDATE", true, false); /* without what it was */
	request("statefulsets", "", "DELETE", false, true);
}

/* Nothing that a peer can send as a StatefulSet ends the program. */
FIXTURE_TEST(odd_shapes_do_no_harm)
{
	static const char *const texts[] = {
		"{}", "{\"spec\":7}", "{\"spec\":{\"replicas\":\"x\",\"template\":[]}}",
		"{\"metadata\":{\"name\":7},\"spec\":{\"replicas\":1e300,\"template\":{\"metadata\":"
		"{\"labels\":{\"app\":\"codis-server\"}},\"spec\":{\"containers\":{}}}}}",
		"{\"spec\":{\"replicas\":-5,\"ordinals\":{\"start\":-1},\"template\":{\"metadata\":"
		"{\"labels\":{\"app\":\"codis-server\"}},\"spec\":null}}}"
	};
	struct cluster *c = *state;
	struct admission_verdict v;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		for (size_t j = 0; j < sizeof(texts) / sizeof(texts[0]); j++) {
			ask(c, "", "x", parse_text(texts[i]), parse_text(texts[j]), &v);
			admission_verdict_release(&v);
			ask(c, "scale", "x", parse_text(texts[i]), parse_text(texts[j]), &v);
			admission_verdict_release(&v);
		}
		ask(c, "", "x", NULL, parse_text(texts[i]), &v);
		admission_verdict_release(&v);
	}
}
