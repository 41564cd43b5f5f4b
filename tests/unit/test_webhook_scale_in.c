/* Fewer codis-servers while a group that would go still serves: what is refused, given up, or not known. */
#include "tests/unit/webhook_fixture.h"

#include "tests/unit/test.h"
#include "webhook/scale_in.h"
#include "webhook/validate.h"

/* A codis-server StatefulSet; annotations is JSON. */
static cJSON *make(int replicas, int start, const char *annotations)
{
	char text[1024];

	snprintf(text, sizeof(text),
		 "{\"metadata\":{\"name\":\"codis-server\",\"namespace\":\"shop\",\"annotations\":%s},"
		 "\"spec\":{\"replicas\":%d,\"ordinals\":{\"start\":%d},\"template\":{\"metadata\":{\"labels\":"
		 "{\"app\":\"codis-server\"}},\"spec\":{\"containers\":[{\"name\":\"codis-server\"}]}}}}",
		 annotations, replicas, start);
	return parse_text(text);
}

static void find_one(void *ctx, const char *namespace, const char *name, void (*fn)(void *arg, const cJSON *set),
		     void *arg)
{
	(void)namespace;
	(void)name;
	fn(arg, ctx);
}

static void each_none(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	(void)ctx;
	(void)fn;
	(void)arg;
}

/* Another one of the product. */
static void each_other(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg)
{
	JSON_CLEANUP cJSON *other = make(6, 30, "{}");

	(void)ctx;
	cJSON_ReplaceItemInObject(cJSON_GetObjectItem(other, "metadata"), "name", cJSON_CreateString("codis-server-b"));
	fn(arg, other);
}

static void ask_beside(void (*each)(void *ctx, int (*fn)(void *arg, const cJSON *set), void *arg), cJSON *set,
		       const char *subresource, const cJSON *old, const cJSON *object, struct admission_verdict *v)
{
	struct lookups lookups = { .ctx = set, .find = find_one, .each = each };
	struct admission_request req = request_of("statefulsets", "codis-server", old, object);

	req.subresource = subresource;
	req.operation = "UPDATE";
	admission_verdict_init(v);
	validate(&req, &lookups, v);
}

static void ask(cJSON *set, const char *subresource, const cJSON *old, const cJSON *object, struct admission_verdict *v)
{
	ask_beside(each_none, set, subresource, old, object, v);
}

/* refusal NULL: allowed; warning NULL: none of ours. */
static void judge(struct admission_verdict *v, const char *refusal, const char *warning)
{
	if (!v->allowed && !refusal)
		fail_msg("refused: %s", v->message);
	if (refusal) {
		assert_false(v->allowed);
		assert_int_equal(v->code, 422);
		assert_string_equal(v->message, refusal);
	}
	assert_int_equal(v->warning_count, warning ? 1 : 0);
	if (warning)
		assert_string_equal(v->warnings[0], warning);
	admission_verdict_release(v);
}

static void scale(const char *annotations, int from, int to, const char *refusal, const char *warning)
{
	JSON_CLEANUP cJSON *set = make(from, 0, annotations), *old = cJSON_CreateObject(), *now = cJSON_CreateObject();
	struct admission_verdict v;

	json_add_int(json_add_object(old, "spec"), "replicas", from);
	json_add_int(json_add_object(now, "spec"), "replicas", to);
	ask(set, "scale", old, now, &v);
	judge(&v, refusal, warning);
}

/* Another StatefulSet of the product is there. */
static void update_beside(cJSON *old, cJSON *object, const char *refusal, const char *warning)
{
	struct admission_verdict v;

	ask_beside(each_other, NULL, "", old, object, &v);
	judge(&v, refusal, warning);
	cJSON_Delete(old);
	cJSON_Delete(object);
}

static void update(cJSON *old, cJSON *object, const char *refusal, const char *warning)
{
	struct admission_verdict v;

	ask(NULL, "", old, object, &v);
	judge(&v, refusal, warning);
	cJSON_Delete(old);
	cJSON_Delete(object);
}

#define SLOTS(text)    "{\"codis.io/slots\":\"" text "\"}"
#define ALLOW(text, a) "{\"codis.io/slots\":\"" text "\",\"codis.io/allow-data-loss\":\"" a "\"}"
#define TWO            "1=512/1205000,2=512/1234567"
#define GIVE_UP        "to give them up, kubectl annotate -n shop sts codis-server codis.io/allow-data-loss="
#define MOVE(from, to, slots)                                                                                          \
	", which would be lost: move them first, in codis-fe or by codis-admin --dashboard=codis-dashboard:18080 "     \
	"--slot-action --create-some --gid-from=" from " --gid-to=" to " --num-slots=" slots "; or, " GIVE_UP
#define SCALE                                                                                                          \
	", which would be lost: codisctl scale-server 2 -n shop moves them to the others first, and then scales; "     \
	"or, " GIVE_UP
#define MOVE_2  SCALE "2"
#define GROUP_2 "group 2 still serves 512 slots (about 1.2 million keys)" MOVE_2
#define ALL     ", which would be lost, for data is in the memory of these pods: " GIVE_UP "all first"
#define UNKNOWN "check that the groups that go serve no slots: codis-controller has not said it here, and they are lost"

TEST(a_group_that_serves_slots)
{
	scale(SLOTS(TWO), 4, 2, GROUP_2, NULL);
	update(make(4, 0, SLOTS(TWO)), make(2, 0, SLOTS(TWO)), GROUP_2, NULL);
	scale(SLOTS("1=512/12,2=512/0"), 4, 2, "group 2 still serves 512 slots (no keys)" MOVE_2, NULL);
	scale(SLOTS("1=512/12,2=512"), 4, 2, "group 2 still serves 512 slots (an unknown number of keys)" MOVE_2, NULL);
}

TEST(several_groups)
{
	scale(SLOTS("1=256/1,2=256/2,3=256/4,4=256"), 8, 2,
	      "groups 2, 3 and 4 still serve 256, 256 and 256 slots (about 6 keys and more)" SCALE "2,3,4", NULL);
	scale(SLOTS("1=90/1,2=90/1,3=90/1,4=90/1,5=90/1,6=90/1,7=90/1,8=90/1,9=90/1,10=90/1,11=124/1"), 22, 2,
	      "groups 2, 3, 4, 5, 6, 7, 8, 9 and 2 more still serve 934 slots (about 10 keys)" SCALE "all", NULL);
}

TEST(a_group_without_slots_may_go)
{
	scale(SLOTS("1=1024/12000"), 4, 2, NULL, NULL);
	scale(SLOTS("none"), 4, 2, NULL, NULL);
	scale(SLOTS(TWO), 2, 4, NULL, NULL);
	scale(SLOTS(TWO), 6, 4, NULL, NULL);
	scale(SLOTS(TWO ",9=1/1"), 4, 4, NULL, NULL);
	scale(SLOTS("1=512/1,9=512/1"), 4, 2, NULL, NULL); /* group 9 is no group of these ordinals: it went before */
}

TEST(no_server_at_all)
{
	scale(SLOTS(TWO), 4, 0, "groups 1 and 2 still serve 512 and 512 slots (about 2.4 million keys)" ALL, NULL);
	scale(SLOTS("1=512/0,2=512/1"), 4, 0, "group 2 still serves 512 slots (about 1 key)" ALL, NULL);
	scale(SLOTS("1=512/0,2=512/0"), 4, 0, NULL, NULL); /* nobody asks, and nothing is lost */
	scale(SLOTS("1=512/0,2=512"), 4, 0, "group 2 still serves 512 slots (an unknown number of keys)" ALL, NULL);
}

#define GIVEN_UP "remove codis.io/allow-data-loss now: as it says, 512 slots (about 1.2 million keys) are given up"

TEST(given_up)
{
	scale(ALLOW(TWO, "2"), 4, 2, NULL, GIVEN_UP);
	scale(ALLOW(TWO, "all"), 4, 2, NULL, GIVEN_UP);
	scale(ALLOW(TWO, "1"), 4, 2, GROUP_2, NULL);
	scale(ALLOW(TWO, "2"), 4, 0, "group 1 still serves 512 slots (about 1.2 million keys)" ALL, NULL);
	/* In the same manifest as the fewer replicas. */
	update(make(4, 0, SLOTS(TWO)), make(2, 0, ALLOW(TWO, "2")), NULL, GIVEN_UP);
	update(make(4, 0, ALLOW(TWO, "2")), make(2, 0, SLOTS(TWO)), GROUP_2, NULL);
}

/* What is true is what was there: it cannot be taken away with the same request. */
TEST(slots_taken_out_of_the_manifest)
{
	update(make(4, 0, SLOTS(TWO)), make(2, 0, "{}"), GROUP_2, NULL);
	update(make(4, 0, SLOTS(TWO)), make(2, 0, SLOTS("none")), GROUP_2, NULL);
}

TEST(not_known)
{
	scale("{}", 4, 2, NULL, UNKNOWN);
	scale("null", 4, 0, NULL, UNKNOWN);
	scale(SLOTS("1=512,?"), 4, 2, NULL, UNKNOWN);
	scale("{}", 2, 4, NULL, NULL);
	scale("{}", 0, 4, NULL, NULL);
	update(make(4, 0, "{}"), make(2, 0, "{}"), NULL, UNKNOWN);
}

#define FILLING(text) "{\"codis.io/slots\":\"1=1024/12\",\"codis.io/moving\":\"" text " slots=512\"}"
#define FILLED                                                                                                         \
	", and would be lost: codisctl scale-server 2 -n shop moves them to the others first, and then scales; or, "

/* They have none yet, by what is noted of slots; that is written within 2 s. */
TEST(a_group_that_is_getting_slots)
{
	scale(FILLING("to=2"), 4, 2, "slots are moving to group 2 just now" FILLED GIVE_UP "2", NULL);
	scale(FILLING("to=2,3,4 from=1"), 8, 2, "slots are moving to groups 2, 3 and 4 just now" FILLED GIVE_UP "2,3,4",
	      NULL);
	scale("{\"codis.io/moving\":\"to=2 slots=512\"}", 4, 2,
	      "slots are moving to group 2 just now" FILLED GIVE_UP "2", NULL);
	update(make(4, 0, FILLING("to=1")), make(4, 2, "{}"),
	       "group 1 still serves 1024 slots (about 12 keys)" MOVE("1", "2", "1024") "1", NULL);
	update(make(6, 0, "{\"codis.io/slots\":\"3=1024/12\",\"codis.io/moving\":\"to=1 slots=2\"}"), make(4, 2, "{}"),
	       "slots are moving to group 1 just now, and would be lost: wait until codis.io/moving is gone, and move "
	       "them back first; or, " GIVE_UP "1",
	       NULL);
	/* who is emptied, or stays, or is given up, or who goes with all others */
	scale(FILLING("from=2"), 4, 2, NULL, NULL);
	scale(FILLING("to=2"), 6, 4, NULL, NULL);
	scale("{\"codis.io/slots\":\"1=1024/12\",\"codis.io/moving\":\"to=2 "
	      "slots=512\",\"codis.io/allow-data-loss\":\"2\"}",
	      4, 2, NULL, NULL);
	scale("{\"codis.io/slots\":\"1=1024/0\",\"codis.io/moving\":\"to=2 slots=512\"}", 4, 0, NULL, NULL);
}

/* A later start takes the first groups away. */
TEST(ordinals_start)
{
	update(make(4, 0, SLOTS(TWO)), make(4, 2, SLOTS(TWO)),
	       "group 1 still serves 512 slots (about 1.2 million keys)" MOVE("1", "2", "512") "1", NULL);
	update(make(4, 2, SLOTS("2=512/1,3=512/1")), make(2, 2, "{}"),
	       "group 3 still serves 512 slots (about 1 key)" SCALE "3", NULL);
	update(make(4, 0, SLOTS("2=1024/1")), make(4, 2, "{}"), NULL, NULL);
}

static cJSON *labelled(cJSON *set)
{
	cJSON *template = cJSON_GetObjectItem(cJSON_GetObjectItem(set, "spec"), "template");

	json_add_str(cJSON_GetObjectItem(cJSON_GetObjectItem(template, "metadata"), "labels"), "codis.io/group", "2");
	return set;
}

/* The others of its product are StatefulSets of their own, so its slots can be moved. */
TEST(the_only_servers_of_a_group)
{
	update(labelled(make(3, 0, SLOTS("2=512/1234567"))), labelled(make(0, 0, "{}")),
	       "group 2 still serves 512 slots (about 1.2 million keys)" MOVE("2", "GROUP", "512") "2", NULL);
	update(labelled(make(3, 0, SLOTS("2=512/0"))), labelled(make(0, 0, "{}")),
	       "group 2 still serves 512 slots (no keys)" MOVE("2", "GROUP", "512") "2", NULL);
	update(labelled(make(3, 0, ALLOW("2=512/1234567", "2"))), labelled(make(0, 0, ALLOW("", "2"))), NULL, GIVEN_UP);
	update(labelled(make(3, 0, SLOTS("2=512/1234567"))), labelled(make(1, 0, "{}")), NULL, NULL);
	update(labelled(make(3, 0, SLOTS("2=512/1234567"))), labelled(make(3, 4, "{}")), NULL, NULL);
	update(labelled(make(3, 0, SLOTS("none"))), labelled(make(0, 0, "{}")), NULL, NULL);
	update(labelled(make(3, 0, "{}")), labelled(make(0, 0, "{}")), NULL, UNKNOWN);
}

#define SCALE_0(groups)                                                                                                \
	", which would be lost: codisctl scale-server 0 --set codis-server -n shop moves them to the others first, "   \
	"and then scales; or, " GIVE_UP groups

/* They miss slots without keys, too. */
TEST(all_servers_of_one_of_several_statefulsets)
{
	update_beside(make(4, 0, SLOTS(TWO)), make(0, 0, "{}"),
		      "groups 1 and 2 still serve 512 and 512 slots (about 2.4 million keys)" SCALE_0("1,2"), NULL);
	update_beside(make(4, 0, SLOTS("1=12/0")), make(0, 0, "{}"),
		      "group 1 still serves 12 slots (no keys)" SCALE_0("1"), NULL);
	update_beside(make(4, 0, SLOTS("none")), make(0, 0, SLOTS("none")), NULL, NULL);
	update_beside(labelled(make(3, 0, SLOTS("2=512/1"))), labelled(make(0, 0, "{}")),
		      "group 2 still serves 512 slots (about 1 key)" SCALE_0("2"), NULL);
}

TEST(a_statefulset_that_is_being_deleted)
{
	JSON_CLEANUP cJSON *old = make(4, 0, SLOTS(TWO)), *now = make(2, 0, SLOTS(TWO));
	struct admission_verdict v;

	json_add_str(cJSON_GetObjectItem(old, "metadata"), "deletionTimestamp", "2026-11-26T05:03:38Z");
	ask(NULL, "", old, now, &v);
	judge(&v, NULL, NULL);
}
