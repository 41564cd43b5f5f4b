#include "tests/unit/pod_text.h"

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

struct codis_pod read_text(const char *text)
{
	JSON_CLEANUP cJSON *json = parse_text(text);
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	if (codis_pod_read(json, &pod, &err) < 0)
		fail_msg("%s", err.text);
	return pod;
}

/* A pod of that component; its spec has these members. */
cJSON *make_pod(const char *component, const char *spec)
{
	BUF_CLEANUP struct buf text = BUF_INIT(8u << 20);

	buf_addf(&text,
		 "{\"metadata\":{\"name\":\"%s-3\",\"namespace\":\"shop\",\"uid\":\"u3\",\"labels\":{\"app\":\"%s\","
		 "\"team\":\"red\"},\"annotations\":{\"set\":\"blue\"},\"ownerReferences\":[{\"kind\":\"StatefulSet\","
		 "\"name\":\"%s\",\"controller\":true}]},\"spec\":{%s}}",
		 component, component, component, spec);
	assert_false(text.failed);
	return parse_text(text.data);
}

/* Such a pod with one container of these members; env: the list's entries, NULL none. */
struct codis_pod pod_with(const char *component, const char *env, const char *members)
{
	BUF_CLEANUP struct buf spec = BUF_INIT(8u << 20);
	JSON_CLEANUP cJSON *json = NULL;
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	buf_addf(&spec, "\"containers\":[{\"name\":\"%s\",\"env\":[%s]%s%s}]", component, env ? env : "",
		 members && members[0] ? "," : "", members ? members : "");
	json = make_pod(component, spec.data);
	if (codis_pod_read(json, &pod, &err) < 0)
		fail_msg("%s", err.text);
	return pod;
}

void expect_error(const char *component, const char *env, const char *members, const char *text)
{
	BUF_CLEANUP struct buf spec = BUF_INIT(65536);
	JSON_CLEANUP cJSON *json = NULL;
	struct error err = ERROR_INIT;
	struct codis_pod pod;

	buf_addf(&spec, "\"containers\":[{\"name\":\"%s\",\"env\":[%s]%s}]", component, env, members);
	json = make_pod(component, spec.data);
	assert_int_equal(codis_pod_read(json, &pod, &err), -1);
	assert_string_equal(err.text, text);
}

void expect_known(const struct said_text *said, const char *text)
{
	if (said->said != SAID_KNOWN)
		fail_msg("said %d (%s), not known %s", said->said, said->why, text);
	assert_string_equal(said->text, text);
}

void expect_nothing(const struct said_text *said)
{
	if (said->said != SAID_NOTHING)
		fail_msg("said %d: %s%s", said->said, said->text, said->why);
	assert_string_equal(said->text, "");
}

void expect_elsewhere(const struct said_text *said, enum said_where where, const char *object, const char *key,
		      const char *why)
{
	if (said->said != SAID_ELSEWHERE)
		fail_msg("said %d: %s", said->said, said->text);
	assert_string_equal(said->why, why);
	assert_int_equal(said->where, where);
	assert_string_equal(said->object, object);
	assert_string_equal(said->key, key);
}
