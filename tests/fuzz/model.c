/* fuzz: -max_len=4096 */
/* JSON as what Codis keeps: a group's node and a slot. What is written is read again as the same. */
#include "common/codis/model.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/net/addr.h"
#include "tests/fuzz/fuzz.h"

#define TEXT_MAX (1u << 20)
#define ADDR     "1.2.3.4:5"

static void check_same(const struct codis_group *a, const struct codis_group *b)
{
	CHECK(a->id == b->id && a->count == b->count && a->out_of_sync == b->out_of_sync);
	CHECK(a->promoting_index == b->promoting_index && strcmp(a->promoting_state, b->promoting_state) == 0);
	for (int i = 0; i < a->count; i++) {
		CHECK(strcmp(a->servers[i].addr, b->servers[i].addr) == 0);
		CHECK(strcmp(a->servers[i].datacenter, b->servers[i].datacenter) == 0);
		CHECK(a->servers[i].replica_group == b->servers[i].replica_group);
	}
}

static void check_written(const struct codis_group *g)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX);
	JSON_CLEANUP cJSON *json = NULL;
	struct error err = ERROR_INIT;
	struct codis_group again;

	CHECK(codis_group_write(g, &text) == 0);
	json = json_parse(text.data, text.len, MODEL_ITEMS, &err);
	CHECK(json && codis_group_parse(json, &again, &err) == 0);
	check_same(g, &again);
}

static void check_led(const struct codis_group *was)
{
	struct codis_group g = *was;
	char last[CODIS_ADDR_MAX];

	if (codis_group_lead(&g, ADDR) == 0)
		CHECK(addr_equal(g.servers[0].addr, ADDR) && !g.promoting_index && !g.promoting_state[0]);
	else
		CHECK(was->count == CODIS_SERVERS_PER_GROUP);
	if (!was->count)
		return;
	memcpy(last, was->servers[was->count - 1].addr, sizeof(last));
	g = *was;
	CHECK(codis_group_lead(&g, last) == 0 && g.count == was->count);
	CHECK(addr_equal(g.servers[0].addr, last));
	codis_group_drop(&g, last);
	CHECK(g.count == was->count - 1);
	CHECK(codis_group_append(&g, last) == 0 && g.count == was->count && codis_group_find(&g, last) >= 0);
}

static void check_slot(const struct codis_slot *s)
{
	JSON_CLEANUP cJSON *array = cJSON_CreateArray();
	struct error err = ERROR_INIT;
	struct codis_slot again;

	CHECK(s->id >= 0 && s->id < CODIS_SLOTS);
	CHECK(array && codis_slot_push(array, s) == 0);
	CHECK(codis_slot_parse(array->child, &again, &err) == 0);
	CHECK(again.id == s->id && strcmp(again.addr, s->addr) == 0 && again.locked == s->locked);
	CHECK(!s->addr[0] || again.group == s->group);
	CHECK(!s->migrate_addr[0] || again.migrate_from == s->migrate_from);
	CHECK(strcmp(again.migrate_addr, s->migrate_addr) == 0 && again.forward_method == s->forward_method);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *json = json_parse((const char *)data, len, MODEL_ITEMS, &err);
	struct codis_group g;
	struct codis_slot s;

	if (json && codis_group_parse(json, &g, &err) == 0) {
		check_written(&g);
		check_led(&g);
	}
	if (json && codis_slot_parse(json, &s, &err) == 0)
		check_slot(&s);
	return 0;
}
