/* role.h, roles.h: what the label codis.io/role of a server's pod shall say, and how it is written. The API server is
 * played here by kube_call(). */
#include "controller/role.h"

#include <stdio.h>
#include <string.h>

#include "controller/roles.h"
#include "tests/unit/controller_calls.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/controller_world.h"
#include "tests/unit/nomem.h"
#include "tests/unit/test.h"

/* --- what it shall say -------------------------------------------------------------------------------------------- */

static bool any(void *ctx, const struct server_view *s, enum codis_role role)
{
	(void)ctx;
	(void)s;
	(void)role;
	return true;
}

/* The first pod of the group that is to say something else: "codis-server-0=master", "" for none. */
static const char *next_of(const struct world *w, int group)
{
	static char text[VIEW_NAME_MAX + 16];
	enum codis_role role;
	const struct server_view *s = role_next(&w->v, &w->groups[group], any, NULL, &role);

	snprintf(text, sizeof(text), "%s%s%s", s ? s->pod.name : "", s ? "=" : "", s ? codis_role_name(role) : "");
	return text;
}

static void says(struct world *w, enum codis_role first, enum codis_role second)
{
	w->servers[0].pod.role = first;
	w->servers[1].pod.role = second;
}

#define MASTER  CODIS_ROLE_MASTER
#define REPLICA CODIS_ROLE_REPLICA
#define UNSAID  CODIS_ROLE_UNSAID

TEST(the_master_comes_first_then_its_replica)
{
	WORLD;

	assert_string_equal(next_of(w, 0), "codis-server-0=master");
	says(w, MASTER, UNSAID);
	assert_string_equal(next_of(w, 0), "codis-server-1=replica");
	says(w, MASTER, REPLICA);
	assert_string_equal(next_of(w, 0), "");
	says(w, REPLICA, MASTER);
	assert_string_equal(next_of(w, 0), "codis-server-0=master");
	says(w, MASTER, MASTER);
	assert_string_equal(next_of(w, 0), "codis-server-1=replica");
}

/* After a failover, whether the old one is heard or not. */
TEST(whoever_was_called_the_master_is_called_a_replica_once_another_one_leads)
{
	WORLD;

	says(w, REPLICA, MASTER);
	w->servers[1].reach = REACH_SILENT;
	w->servers[1].info_valid = false;
	assert_string_equal(next_of(w, 0), "codis-server-0=master");
	says(w, MASTER, MASTER);
	assert_string_equal(next_of(w, 0), "codis-server-1=replica");
	w->servers[1].pod.deleting = true;
	assert_string_equal(next_of(w, 0), "codis-server-1=replica");
}

/* A new pod says nothing before it follows. */
TEST(of_whom_the_role_is_not_known_nothing_is_said)
{
	WORLD;

	says(w, MASTER, UNSAID);
	guarded(&w->servers[1]);
	assert_string_equal(next_of(w, 0), "");
	follows(&w->servers[1], &w->servers[0]);
	w->servers[1].reach = REACH_REFUSED;
	assert_string_equal(next_of(w, 0), "");
	w->servers[1].reach = REACH_OK;
	w->servers[1].info.link_up = false;
	assert_string_equal(next_of(w, 0), "codis-server-1=replica");
	snprintf(w->servers[1].info.master, sizeof(w->servers[1].info.master), "10.0.0.9:6379");
	assert_string_equal(next_of(w, 0), "");
	w->servers[1].pod.name[0] = '\0';
	follows(&w->servers[1], &w->servers[0]);
	assert_string_equal(next_of(w, 0), "");
}

/* Whoever says what stays so, until somebody leads. */
TEST(while_the_master_is_not_known_all_keep_what_they_say)
{
	for (int i = 0; i < 10; i++) {
		WORLD;
		struct server_view *m = &w->servers[0];
		struct group_view *g = &w->groups[0];

		says(w, REPLICA, MASTER);
		switch (i) {
		case 0: m->reach = REACH_SILENT; break;
		case 1: m->info_valid = false; break;
		case 2: m->restarted = true; break;
		case 3: guarded(m); break;
		case 4: g->busy = true; break;
		case 5: snprintf(g->node.promoting_state, sizeof(g->node.promoting_state), "preparing"); break;
		case 6: g->node.count = 0; break;
		case 7: m->of_another = true; break;
		case 8: m->group = 2; break;
		case 9: m->named = true; break;
		}
		if (next_of(w, 0)[0])
			fail_msg("case %d: %s", i, next_of(w, 0));
	}
}

/* Its selector may have the label: the StatefulSet would let go of a pod that says another one. */
TEST(a_label_of_the_template_is_left_alone)
{
	WORLD;

	w->sets[0].says_role = true;
	assert_string_equal(next_of(w, 0), "");
	w->sets[0].says_role = false;
	w->v.set_count = 0; /* nor is one of which nobody knows what its template says */
	assert_string_equal(next_of(w, 0), "");
}

/* While somebody moves it, or one process is listed under two addresses. */
TEST(a_server_of_another_group_is_none_of_its_members)
{
	WORLD;
	struct server_view *b = &w->servers[1];

	says(w, MASTER, MASTER);
	b->group = 2;
	assert_string_equal(next_of(w, 0), "");
	b->group = 1;
	b->listed_group = 2;
	assert_string_equal(next_of(w, 0), "");
	b->listed_group = 1;
	memcpy(b->info.run_id, w->servers[0].info.run_id, sizeof(b->info.run_id));
	assert_string_equal(next_of(w, 0), "");
}

/* --- how it is written -------------------------------------------------------------------------------------------- */

static struct {
	struct world *view;
	struct observed_server servers[2], *at[2];
} w;

PLAYED_KUBE_CALL

/* The controller leads a healthy group, of which nobody says anything. */
static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof(w));
	calls_begin(roles_keep);
	controller_world_begin("ns");
	w.view = healthy();
	for (int i = 0; i < 2; i++) {
		snprintf(w.servers[i].addr, sizeof(w.servers[i].addr), "%s", i ? B : A);
		w.at[i] = &w.servers[i];
	}
	world.c->servers = w.at;
	world.c->server_count = 2;
	world.c->view = w.view->v;
	world.c->view.mandate = MANDATE_LEAD;
	world.c->view.kube_fresh = true;
	world.c->view.now_ms = 100000;
	return 0;
}

static int finish(void **state)
{
	(void)state;
	world.c->servers = NULL;
	world.c->server_count = 0;
	free_world(&w.view);
	controller_world_end();
	return 0;
}
#define WRITE_TEST(name) TEST_WITH(name, begin, finish)

/* As roles.h says of all clusters: others are writing. */
static void others_write(int count)
{
	world.ctl.writing_roles = count;
}

WRITE_TEST(one_is_written_and_its_answer_awaited)
{
	keep_after(0);
	assert_int_equal(calls.timeout_ms, 2000);
	assert_string_equal(calls.asked,
			    "PATCH /api/v1/namespaces/ns/pods/codis-server-0 application/merge-patch+json "
			    "{\"metadata\":{\"uid\":\"uid-0\",\"labels\":{\"codis.io/role\":\"master\"}}}");
	keep_after(1000);
	assert_int_equal(calls.count, 1);
	assert_false(cluster_idle(world.c));
	assert_int_equal(world.ctl.writing_roles, 1);
	answer(ERR_NONE);
	assert_true(cluster_idle(world.c));
	assert_int_equal(world.ctl.writing_roles, 0);
	keep_after(0); /* the watch has not told of the first one yet */
	assert_int_equal(calls.count, 2);
	assert_string_equal(calls.asked,
			    "PATCH /api/v1/namespaces/ns/pods/codis-server-1 application/merge-patch+json "
			    "{\"metadata\":{\"uid\":\"uid-1\",\"labels\":{\"codis.io/role\":\"replica\"}}}");
	answer(ERR_NONE);
	keep_after(8999);
	assert_int_equal(calls.count, 2);
	keep_after(1);
	assert_int_equal(calls.count, 3); /* it never does */
	answer(ERR_NONE);
}

/* Another role is written at once, however lately the last one was. */
WRITE_TEST(a_role_that_changes_is_written_anew)
{
	w.view->servers[1].pod.role = CODIS_ROLE_REPLICA;
	keep_after(0);
	answer(ERR_NONE);
	w.view->servers[0].pod.role = CODIS_ROLE_MASTER;
	keep_after(1);
	assert_int_equal(calls.count, 1);
	leads(&w.view->servers[1]);
	follows(&w.view->servers[0], &w.view->servers[1]);
	snprintf(w.view->groups[0].node.servers[0].addr, CODIS_ADDR_MAX, "%s", B);
	keep_after(1);
	assert_non_null(strstr(calls.asked, "/codis-server-1 "));
	answer(ERR_NONE);
	keep_after(1);
	assert_non_null(strstr(calls.asked, "/codis-server-0 "));
	assert_non_null(strstr(calls.asked, "\"replica\""));
	assert_int_equal(calls.count, 3);
	answer(ERR_NONE);
}

/* One that is refused holds up no other one, and the log has it once. */
WRITE_TEST(what_fails_is_tried_later_and_later)
{
	char log[4096] = "";

	keep_after(0);
	answer(ERR_DENIED);
	keep_after(999);
	assert_int_equal(calls.count, 1);
	keep_after(1);
	assert_int_equal(calls.count, 2);
	assert_non_null(strstr(calls.asked, "/codis-server-1 "));
	answer(ERR_DENIED);
	keep_after(1999);
	assert_int_equal(calls.count, 2);
	for (int i = 0; i < 100; i++) {
		keep_after(10000);
		if (world.ctl.writing_roles)
			answer(ERR_DENIED);
	}
	assert_in_range(calls.count, 15, 22); /* one a minute */
	assert_true(pread(world.log.fd, log, sizeof(log) - 1, 0) > 0);
	assert_non_null(strstr(log, "role.failed"));
	assert_null(strstr(strstr(log, "role.failed") + 1, "role.failed"));
}

/* The watch will tell of it. */
WRITE_TEST(a_pod_that_is_gone_is_no_failure)
{
	keep_after(0);
	answer(ERR_NOTFOUND);
	keep_after(0);
	assert_int_equal(calls.count, 2);
	answer(ERR_CONFLICT);
	keep_after(0);
	assert_int_equal(calls.count, 2);
	assert_int_equal(world.c->roles.failures, 0);
}

WRITE_TEST(all_clusters_together_write_four_at_once)
{
	others_write(ROLES_AT_ONCE);
	keep_after(0);
	assert_int_equal(calls.count, 0);
	others_write(ROLES_AT_ONCE - 1);
	keep_after(0);
	assert_int_equal(calls.count, 1);
	answer(ERR_NONE);
}

WRITE_TEST(no_more_are_written_than_twenty_a_second)
{
	for (int ms = 0; ms < 10000; ms += 10) {
		w.servers[0].role_written = w.servers[1].role_written = CODIS_ROLE_UNSAID;
		keep_after(10);
		if (world.ctl.writing_roles)
			answer(ERR_NONE);
	}
	assert_in_range(calls.count, 200, 220);
}

/* Each namespace may have some at once, and they are a thousand. */
WRITE_TEST(nor_of_many_namespaces)
{
	for (int ms = 0; ms < 10000; ms += 10) {
		w.servers[0].role_written = w.servers[1].role_written = CODIS_ROLE_UNSAID;
		snprintf(world.c->namespace, sizeof(world.c->namespace), "ns-%d", ms);
		keep_after(10);
		if (world.ctl.writing_roles)
			answer(ERR_NONE);
	}
	assert_in_range(calls.count, 200, 220);
}

/* Nor is it slower than others when there is room. */
WRITE_TEST(what_the_limits_of_all_hold_up_costs_a_namespace_nothing)
{
	others_write(ROLES_AT_ONCE);
	for (int i = 0; i < 100; i++)
		keep_after(1);
	others_write(0);
	world.ctl.roles_paid_ms = world.c->view.now_ms;
	for (int i = 0; i < 100; i++)
		keep_after(0);
	assert_int_equal(calls.count, 0);
	world.ctl.roles_paid_ms = 0;
	keep_after(0);
	assert_int_equal(calls.count, 1);
	answer(ERR_NONE);
	keep_after(0);
	assert_int_equal(calls.count, 2);
	answer(ERR_NONE);
}

WRITE_TEST(nothing_is_written_by_whoever_does_not_lead)
{
	world.ctl.dry_run = true;
	keep_after(60000);
	world.ctl.dry_run = false;
	world.c->view.mandate = MANDATE_NONE; /* paused, too */
	keep_after(60000);
	world.c->view.mandate = MANDATE_FAILOVER;
	keep_after(60000);
	world.c->view.mandate = MANDATE_STANDBY;
	keep_after(60000);
	world.c->view.mandate = MANDATE_LEAD;
	world.c->view.kube_fresh = false;
	keep_after(60000);
	world.c->view.kube_fresh = true;
	world.c->closing = true;
	keep_after(60000);
	assert_int_equal(calls.count, 0);
}

WRITE_TEST(without_memory_it_is_written_later)
{
	NOMEM_EACH
	{
		int before = calls.count;

		world.c->roles.failures = 0;
		w.servers[0].role_written = w.servers[1].role_written = CODIS_ROLE_UNSAID;
		world.c->view.now_ms += 60000;
		nomem_on();
		roles_keep(world.c);
		nomem_off();
		assert_int_equal(calls.count - before, nomem_failed() ? 0 : 1);
		assert_int_equal(world.c->roles.failures, nomem_failed() ? 1 : 0);
		assert_int_equal(world.c->roles.writing, !nomem_failed());
		if (world.c->roles.writing)
			answer(ERR_NONE);
	}
}
