/* decide(): what it does of what it sees. Each test is a situation that a real Codis on Kubernetes has shown. */
#include <stdio.h>
#include <string.h>

#include "controller/reason.h"
#include "tests/unit/controller_view.h"
#include "tests/unit/test.h"

TEST(nothing_to_do)
{
	WORLD;

	assert_nothing(w);
}

TEST(refused_and_link_lost_promotes)
{
	WORLD;

	refuse(w);
	assert_nothing(w); /* one view only */
	lose_link(w);
	assert_int_equal(assert_only(w, ACT_PROMOTE, B)->gid, 1);
}

TEST(an_action_says_what_it_is_about_and_on_which_version)
{
	WORLD;
	const struct action *a;

	refuse(w);
	lose_link(w);
	a = assert_only(w, ACT_PROMOTE, B);
	assert_int_equal(a->subject, SUBJECT_GROUP);
	assert_true(a->exists);
	assert_int_equal(a->version, 7);
	assert_string_equal(a->from, A);
	assert_string_equal(a->from_pod, "codis-server-0");
	w->groups[0].exists = false;
	w->groups[0].version = 0;
	a = assert_only(w, ACT_PROMOTE, B);
	assert_false(a->exists);
}

TEST(dropped_connection_alone_is_no_evidence)
{
	WORLD;

	w->servers[0].info_valid = false;
	lose_link(w);
	assert_nothing(w);
}

TEST(silence_needs_time_and_the_replicas_word)
{
	WORLD;

	silence(w, 999);
	w->servers[1].info.last_io_s = 3;
	assert_true(assert_only(w, ACT_PROMOTE, B)->early);
	silence(w, 1000);
	w->servers[1].info.last_io_s = 1;
	assert_true(assert_only(w, ACT_PROMOTE, B)->early);
	w->servers[1].info.last_io_s = 2;
	assert_false(assert_only(w, ACT_PROMOTE, B)->early);
}

/* What proxies have sent to it by then is over in two seconds, and nothing more is sent: when it has failed by
 * evidence, no lock is waited for. */
TEST(slots_of_a_master_that_is_about_to_fail_are_held_early)
{
	const struct action *a;
	WORLD;

	silence(w, 499);
	w->servers[1].info.last_io_s = 1;
	assert_nothing(w);
	silence(w, 500);
	a = assert_only(w, ACT_PROMOTE, B);
	assert_true(a->early && a->lock);
	w->servers[1].info.last_io_s = 0; /* it hears it */
	assert_nothing(w);
	w->servers[1].info.last_io_s = 1;
	w->groups[0].held_ms = w->v.now_ms - 9999; /* it stalls now and then */
	assert_nothing(w);
	w->groups[0].held_ms = w->v.now_ms - 10000;
	assert_only(w, ACT_PROMOTE, B);
	w->servers[1].pod.deleting = true;
	assert_nothing(w);
	w->servers[1].pod.deleting = false;
	w->v.mandate = MANDATE_FAILOVER;
	assert_nothing(w);
	w->v.mandate = MANDATE_LEAD;
	w->servers[0].reach = REACH_UNKNOWN;
	memcpy(w->servers[0].complaint, "BUSY", sizeof("BUSY")); /* it answers */
	assert_nothing(w);
}

/* Both were stopped, or cut off from us: the replica is back a moment sooner, and has heard nobody meanwhile. */
TEST(replica_that_has_just_come_back_is_no_witness_of_silence)
{
	WORLD;

	w->servers[0].reach = REACH_SILENT;
	w->servers[0].since_ms = w->v.now_ms - 20000;
	w->servers[1].info.last_io_s = 20;
	w->servers[1].since_ms = w->v.now_ms - 999;
	assert_nothing(w);
	w->servers[1].since_ms = w->v.now_ms - 1999;
	assert_true(assert_only(w, ACT_PROMOTE, B)->early);
	w->servers[1].since_ms = w->v.now_ms - 2000;
	assert_false(assert_only(w, ACT_PROMOTE, B)->early);
}

TEST(silence_before_a_clock_jump_is_not_counted)
{
	WORLD;

	silence(w, 5000);
	w->servers[1].info.last_io_s = 5;
	w->v.steady_since_ms = w->v.now_ms - 500;
	assert_nothing(w);
}

TEST(restarted_master_is_not_believed)
{
	WORLD;

	guarded(&w->servers[0]);
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B);
}

TEST(empty_master_without_guard_is_not_believed)
{
	WORLD;

	w->servers[0].restarted = true;
	w->servers[0].info.keys = 0;
	assert_only(w, ACT_PROMOTE, B);
}

TEST(most_advanced_replica_wins)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	follows(c, &w->servers[0]);
	list(&w->groups[0], c);
	c->info.offset = 995;
	refuse(w);
	lose_link(w);
	c->info.link_up = false;
	assert_only(w, ACT_PROMOTE, C);
}

TEST(replica_that_never_synced_is_not_promoted)
{
	WORLD;

	refuse(w);
	lose_link(w);
	w->servers[1].info.offset = 1;
	w->groups[0].masterless_ms = w->v.now_ms - 100;
	assert_nothing(w); /* the master may come back with its file */
	/* It came back with nothing: what the replica has is the newest there is. */
	guarded(&w->servers[0]);
	w->servers[0].reach = REACH_OK;
	w->servers[0].info_valid = true;
	assert_only(w, ACT_PROMOTE, B);
}

TEST(crashed_server_follows_the_new_master)
{
	WORLD;
	const struct action *a;

	assert_int_equal(codis_group_lead(&w->groups[0].node, B), 0);
	w->servers[0].listed_index = 1;
	w->servers[1].listed_index = 0;
	leads(&w->servers[1]);
	guarded(&w->servers[0]);
	send_slots(w, 1, B);
	a = assert_only(w, ACT_FOLLOW, A);
	assert_string_equal(a->master, B);
}

TEST(crash_looping_sibling_is_deleted)
{
	WORLD;

	w->servers[1].pod.crash_looping = true;
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].info_valid = false;
	assert_string_equal(assert_only(w, ACT_DELETE_POD, B)->uid, "uid-1");
	w->servers[1].pod.deleting = true;
	assert_nothing(w);
}

TEST(ended_sibling_is_not_awaited)
{
	WORLD;
	struct server_view *b = &w->servers[1];

	b->reach = REACH_REFUSED;
	b->info_valid = false;
	b->pod.running = false;
	b->since_ms = w->v.now_ms - 2999;
	assert_nothing(w); /* the kubelet may start it at once */
	b->since_ms = w->v.now_ms - 3000;
	assert_only(w, ACT_DELETE_POD, B);
	b->pod.running = true; /* the network refuses us; the master may just have ended, unheard of */
	assert_nothing(w);
	b->pod.running = false;
	b->info.run_id[0] = '\0'; /* never heard: it is starting for the first time */
	assert_nothing(w);
}

TEST(role_that_was_not_given_is_given)
{
	WORLD;

	/* A leader died between the fence and the role. */
	assert_int_equal(codis_group_lead(&w->groups[0].node, B), 0);
	w->servers[0].listed_index = 1;
	w->servers[1].listed_index = 0;
	refuse(w);
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B);
	/* The same in a switch from a live master: it goes on from there, losing nothing. */
	leads(&w->servers[0]);
	w->servers[0].reach = REACH_OK;
	w->servers[0].info_valid = true;
	w->servers[1].info.link_up = true;
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->from, A);
}

TEST(interrupted_promotion_is_resumed_first)
{
	WORLD;

	snprintf(w->groups[0].node.promoting_state, 16, "preparing");
	w->groups[0].node.promoting_index = 1;
	assert_nothing(w); /* a dashboard may be at work on it */
	w->groups[0].promoting_idle = true;
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->from, A);
	refuse(w);
	lose_link(w);
	assert_only(w, ACT_PROMOTE, B);
	/* Its target died too, and the old master lives: that one stays, and the slots are freed. */
	leads(&w->servers[0]);
	w->servers[0].reach = REACH_OK;
	w->servers[0].info_valid = true;
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].info_valid = false;
	assert_only(w, ACT_PROMOTE, A);
}

/* The address of the target, or of the master, has gone to a pod of another group since. */
TEST(interrupted_promotion_gives_no_stranger_the_role)
{
	WORLD;

	snprintf(w->groups[0].node.promoting_state, 16, "preparing");
	w->groups[0].node.promoting_index = 1;
	w->groups[0].promoting_idle = true;
	w->servers[1].group = 2;
	assert_only(w, ACT_PROMOTE, A); /* the old master stays, and the slots are freed */
	w->servers[1].group = 1;
	w->servers[1].of_another = true;
	snprintf(w->servers[1].pod.name, sizeof(w->servers[1].pod.name), "%s", "");
	assert_only(w, ACT_PROMOTE, A);
	w->servers[1].of_another = false;
	w->servers[0].group = 2;
	assert_only(w, ACT_PROMOTE, B); /* no switch, which would ask A to wait for it */
}

TEST(new_replica_joins_after_its_sync)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	guarded(c);
	assert_string_equal(assert_only(w, ACT_FOLLOW, C)->master, A);
	follows(c, &w->servers[0]);
	c->info.link_up = false;
	c->info.syncing = true;
	assert_nothing(w);
	c->info.link_up = true;
	c->info.syncing = false;
	assert_only(w, ACT_ADD_SERVER, C);
}

TEST(one_resync_at_a_time)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	guarded(c);
	w->servers[1].info.link_up = false;
	w->servers[1].info.syncing = true;
	assert_nothing(w);
}

/* The address of a pod that is gone has another cluster's master now: to follow would cost it its data. */
TEST(stranger_behind_a_members_address_is_left_alone)
{
	WORLD;
	struct server_view *b = &w->servers[1];

	b->pod.name[0] = '\0';
	leads(b);
	assert_nothing(w); /* perhaps no Codis' at all */
	follows(b, b);
	snprintf(b->info.master, sizeof(b->info.master), "10.9.9.9:6379");
	b->remembered = true; /* seen with its link up */
	b->link_up_at_ms = 5;
	snprintf(b->link_up_to, sizeof(b->link_up_to), "10.9.9.9:6379");
	assert_nothing(w);
	b->of_another = true;
	b->group = 0;
	assert_only(w, ACT_DROP_SERVER, B);
	w->v.kube_fresh = false;
	assert_nothing(w);
}

/* Its pod was given up, as on a node that is cut off, and it lives: it was a member. */
TEST(member_without_a_pod_follows_when_it_is_known)
{
	WORLD;
	struct server_view *b = &w->servers[1];

	b->pod.name[0] = '\0';
	leads(b);
	b->remembered = true;
	assert_only(w, ACT_FOLLOW, B);
	b->link_up_at_ms = 5;
	snprintf(b->link_up_to, sizeof(b->link_up_to), "%s", A);
	assert_only(w, ACT_FOLLOW, B);
}

TEST(master_whose_address_has_gone_to_another_cluster_has_failed)
{
	WORLD;

	w->servers[0].pod.name[0] = '\0';
	w->servers[0].of_another = true;
	w->servers[0].group = 0;
	assert_only(w, ACT_PROMOTE, B);
}

TEST(gone_member_is_dropped)
{
	WORLD;

	w->servers[1].pod.name[0] = '\0';
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].info_valid = false;
	w->v.kube_fresh = false;
	assert_nothing(w); /* missing data is no evidence */
	w->v.kube_fresh = true;
	assert_only(w, ACT_DROP_SERVER, B);
}

/* SERVER_REPLICA is said where it cannot be read: its group is not known, and so not another one. */
TEST(pods_whose_group_is_not_known_are_left_as_they_are)
{
	WORLD;
	const char *why;

	w->servers[0].group = w->servers[1].group = 0;
	assert_int_equal(judge_master(&w->v, &w->groups[0], &limits, &why), MASTER_HEALTHY);
	assert_nothing(w);
}

TEST(cold_start_waits_for_all_and_takes_the_newest)
{
	WORLD;

	guarded(&w->servers[0]);
	guarded(&w->servers[1]);
	w->servers[1].info_valid = false;
	w->groups[0].masterless_ms = w->v.now_ms - 14999;
	assert_nothing(w);
	w->groups[0].masterless_ms = w->v.now_ms - 15000;
	assert_only(w, ACT_PROMOTE, A);
	w->servers[1].info_valid = true;
	w->groups[0].masterless_ms = w->v.now_ms;
	w->servers[1].info.keys = 5;
	assert_only(w, ACT_PROMOTE, B);
	w->servers[1].info.keys = 0;
	assert_only(w, ACT_PROMOTE, A); /* as declared */
}

static bool leads_by_now(struct world *w, const char *addr)
{
	bool leads = false;

	run(w);
	for (int i = 0; i < w->count; i++)
		leads |= w->actions[i].kind == ACT_PROMOTE && strcmp(w->actions[i].addr, addr) == 0;
	return leads;
}

/* A pod of a new group got the address of a master whose node was lost. */
TEST(new_group_waits_for_those_who_follow_the_address_for_another)
{
	WORLD;
	struct group_view *g = add_group(w, 2);
	struct server_view *b = &w->servers[1], *c = add_server(w, C, 2, 2);

	guarded(c);
	list(g, c);
	assert_only(w, ACT_PROMOTE, C);
	/* A's group lists it, and B follows it. */
	w->groups[0].node.count = 0;
	codis_group_append(&w->groups[0].node, C);
	codis_group_append(&w->groups[0].node, B);
	snprintf(b->info.master, sizeof(b->info.master), C);
	b->info.link_up = false;
	assert_false(leads_by_now(w, C));
	b->info_valid = false; /* may follow it */
	assert_false(leads_by_now(w, C));
	b->pod.running = false; /* it has ended, and comes back with the guard */
	assert_true(leads_by_now(w, C));
	b->pod.running = true;
	b->reach = REACH_REFUSED;
	assert_true(leads_by_now(w, C));
	b->reach = REACH_SILENT; /* one that is away is not waited for without an end */
	assert_false(leads_by_now(w, C));
	g->masterless_ms = w->v.now_ms - 15000;
	assert_true(leads_by_now(w, C));
	b->reach = REACH_OK;
	b->info_valid = true;
	assert_false(leads_by_now(w, C));
}

/* ... or a pod that is to be a replica there did. */
TEST(new_replica_waits_for_those_who_follow_its_address_for_another_group)
{
	WORLD;
	struct server_view *e, *b;

	add_pair(w);
	e = add_server(w, "10.0.0.9:6379", 2, 9);
	b = &w->servers[1];
	guarded(e);
	assert_only(w, ACT_FOLLOW, e->addr);
	w->groups[0].node.count = 0;
	codis_group_append(&w->groups[0].node, e->addr);
	codis_group_append(&w->groups[0].node, B);
	snprintf(b->info.master, sizeof(b->info.master), "%s", e->addr);
	b->info.link_up = false;
	run(w);
	for (int i = 0; i < w->count; i++)
		assert_false(w->actions[i].kind == ACT_FOLLOW && strcmp(w->actions[i].addr, e->addr) == 0);
	b->reach = REACH_SILENT; /* not without an end */
	run(w);
	assert_true(w->count > 0 && w->actions[w->count - 1].kind == ACT_FOLLOW);
}

TEST(cold_start_says_what_an_empty_server_takes_over)
{
	WORLD;

	guarded(&w->servers[0]);
	guarded(&w->servers[1]);
	w->groups[0].keys = -1;
	assert_int_equal(assert_only(w, ACT_PROMOTE, A)->lost_keys, 0);
	w->groups[0].keys = 130;
	assert_int_equal(assert_only(w, ACT_PROMOTE, A)->lost_keys, 130);
	w->servers[1].info.keys = 5;
	assert_int_equal(assert_only(w, ACT_PROMOTE, B)->lost_keys, 0);
}

TEST(group_that_is_in_sync_is_marked_so)
{
	WORLD;
	const struct action *a;

	w->groups[0].node.out_of_sync = true;
	a = assert_only(w, ACT_MARK_IN_SYNC, A);
	assert_int_equal(a->gid, 1);
	assert_int_equal(a->version, 7);
	assert_int_equal(a->subject, SUBJECT_SERVER);
}

/* Whatever of it is not known, or not so: it is left as it is. */
TEST(group_that_may_be_out_of_sync_is_not_marked)
{
	WORLD;
	struct group_view *g = &w->groups[0];

	g->node.out_of_sync = true;
	w->slots[0][1023].locked = true;
	w->proxies[0].busy = true; /* it is filled soon */
	assert_nothing(w);
	w->slots[0][1023].locked = false;
	assert_nothing(w);
	w->proxies[0].busy = false;
	w->proxies[0].slots = NULL;
	assert_nothing(w);
	w->proxies[0].slots = w->slots[0];
	g->acted_ms = 5;
	w->proxies[0].slots_ms = 4;
	assert_nothing(w);
	w->proxies[0].slots_ms = 6;
	w->v.dashboard.slot_acting[7] = true;
	assert_nothing(w);
	w->v.dashboard.slot_acting[7] = false;
	w->v.dashboard.busy = true;
	assert_nothing(w);
	w->v.dashboard.busy = false;
	w->v.dashboard.slots_known = false;
	assert_nothing(w);
	w->v.dashboard.slots_known = true;
	g->node.servers[1].replica_group = true;
	assert_nothing(w);
	g->node.servers[1].replica_group = false;
	w->v.mandate = MANDATE_FAILOVER;
	assert_nothing(w);
	w->v.mandate = MANDATE_LEAD;
	assert_only(w, ACT_MARK_IN_SYNC, A);
}

/* A proxy that is in the list and does not answer may have anything; one that is not is none of the group's. */
TEST(proxies_that_count_for_being_in_sync)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "token-1");

	w->groups[0].node.out_of_sync = true;
	p->reach = REACH_SILENT;
	p->since_ms = w->v.now_ms;
	assert_nothing(w);
	p->registered = false;
	assert_only(w, ACT_MARK_IN_SYNC, A);
}

TEST(cold_start_over_dead_addresses)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 0);

	/* The whole cluster was off: every pod has another address now. */
	guarded(c);
	for (int i = 0; i < 2; i++) {
		w->servers[i].pod.name[0] = '\0';
		w->servers[i].reach = REACH_SILENT;
		w->servers[i].info_valid = false;
		w->servers[i].since_ms = w->v.now_ms - 1000;
	}
	assert_nothing(w); /* another pod may have one of them, and not be seen */
	w->servers[0].since_ms = w->v.now_ms - 15000;
	assert_only(w, ACT_PROMOTE, C);
	w->servers[0].since_ms = w->v.now_ms - 1000;
	w->sets[0].shape.server_replica = w->sets[0].shape.replicas = 1; /* all are seen: they are nobody's */
	assert_only(w, ACT_PROMOTE, C);
}

TEST(no_cold_start_over_a_master_that_only_we_miss)
{
	WORLD;

	silence(w, 60000);
	w->servers[0].pod.node_lost = true;
	guarded(&w->servers[1]);
	w->groups[0].masterless_ms = 1;
	assert_nothing(w);
}

TEST(deleted_master_is_switched_when_its_replica_is_synced)
{
	WORLD;

	w->servers[0].pod.deleting = true;
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->from, A);
	lose_link(w);
	assert_nothing(w);
}

/* Its kubelet ends it, and nobody but its preStop hook knows. The API server need not be heard for that. */
TEST(master_that_says_that_it_ends_is_switched)
{
	WORLD;

	w->servers[0].info.ending = true;
	assert_string_equal(reason_label(assert_only(w, ACT_SWITCH, B)->why), "pod-ended");
	w->v.kube_fresh = false;
	assert_only(w, ACT_SWITCH, B);
	w->v.kube_fresh = true;
	w->servers[1].info.ending = true; /* or somebody has set both so */
	assert_nothing(w);
	w->servers[1].info.ending = false;
	w->servers[0].info_valid = false; /* that was said by a process before this one */
	assert_nothing(w);
}

/* A proxy that is told of a slot on its way is told both groups' masters. */
TEST(masters_between_which_a_slot_moves_are_switched_one_after_the_other)
{
	WORLD;
	struct server_view *c = add_pair(w), *e = c + 1;

	w->servers[0].pod.deleting = c->pod.deleting = true;
	w->groups[0].busy = true;
	assert_only(w, ACT_SWITCH, e->addr); /* no slot moves */
	w->v.dashboard.slot_acting[7] = true;
	assert_nothing(w);
	w->groups[0].busy = false;
	w->servers[0].pod.deleting = false;
	assert_only(w, ACT_SWITCH, e->addr);
	w->groups[1].busy = true; /* its own */
	assert_nothing(w);
}

/* Each would hold its slots until the proxies have been told of all of them. */
TEST(masters_of_a_node_are_switched_one_after_the_other)
{
	WORLD;
	struct server_view *c = add_pair(w), *e = c + 1;

	w->servers[0].pod.cordoned = c->pod.cordoned = true;
	assert_only(w, ACT_SWITCH, B);
	w->groups[0].busy = true;
	w->groups[0].switching_ms = w->v.now_ms - 499;
	assert_nothing(w);
	w->groups[0].switching_ms--; /* it takes its time */
	assert_only(w, ACT_SWITCH, e->addr);
	w->groups[0].switching_ms = w->v.now_ms;
	refuse(w); /* whose master has ended does not wait */
	lose_link(w);
	w->groups[0].busy = false;
	w->groups[0].switching_ms = 0;
	w->groups[1].busy = true;
	w->groups[1].switching_ms = w->v.now_ms;
	assert_only(w, ACT_PROMOTE, B);
}

/* A dashboard moves keys from server to server, past the locks: what it moves to the old master as the new one gets its
 * role would be lost. */
TEST(master_that_leaves_waits_for_slots_that_move)
{
	WORLD;

	w->servers[0].pod.deleting = true;
	w->v.dashboard.slot_acting[7] = true;
	w->groups[0].leaves_ms = w->v.now_ms - 9999;
	assert_nothing(w);
	w->groups[0].leaves_ms--; /* its pod has to end */
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->why,
			    "the master's pod is being deleted, past slots of its group that may still move: what "
			    "arrives amid the switch is lost");
	w->servers[0].pod.deleting = false;
	w->servers[0].info.ending = true;
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->why,
			    "the master's pod is being ended by its kubelet, past slots of its group that may still "
			    "move: what arrives amid the switch is lost");
	w->servers[0].pod.deleting = true;
	w->servers[0].info.ending = false;
	w->groups[0].leaves_ms++;
	w->v.dashboard.slot_acting[7] = false;
	assert_only(w, ACT_SWITCH, B);
	w->v.dashboard.slot_target[7] = 2; /* it waits for its turn */
	assert_nothing(w);
	w->servers[0].pod.deleting = false;
	w->servers[0].pod.cordoned = true;
	assert_nothing(w);
	w->groups[0].leaves_ms -= 60000; /* nobody ends it */
	assert_nothing(w);
	w->v.dashboard.slots_disabled = true; /* they stand still */
	assert_only(w, ACT_SWITCH, B);
	w->v.dashboard.slots_disabled = false;
	w->v.dashboard.reach = REACH_REFUSED; /* nobody moves it */
	assert_only(w, ACT_SWITCH, B);
}

/* The dashboard is being told to move slots, or was, and has not said since whose they are; or it was not asked yet. */
TEST(master_that_leaves_waits_for_slots_that_may_be_about_to_move)
{
	WORLD;

	w->servers[0].pod.deleting = true;
	w->groups[0].leaves_ms = w->v.now_ms - 9999;
	w->v.scaling.busy = true;
	assert_only(w, ACT_SWITCH, B); /* it is something else that is done */
	gids_add(&w->v.scaling.moving.to, 2);
	assert_nothing(w);
	w->v.scaling.busy = w->v.dashboard.slots_known = false;
	assert_nothing(w);
	w->groups[0].leaves_ms--;
	assert_only(w, ACT_SWITCH, B);
}

/* It is about to be drained. */
TEST(master_on_a_cordoned_node_is_switched)
{
	WORLD;
	struct server_view *c;

	w->servers[0].pod.cordoned = true;
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->why, "the master's node is cordoned");
	w->servers[1].pod.cordoned = true; /* that would be no better */
	assert_nothing(w);
	c = add_server(w, C, 1, 2);
	follows(c, &w->servers[0]);
	list(&w->groups[0], c);
	assert_only(w, ACT_SWITCH, C);
	c->info.offset = w->servers[1].info.offset - 1; /* it catches up */
	assert_only(w, ACT_SWITCH, C);
	c->info.link_up = false;
	assert_nothing(w);
	c->info.link_up = true;
	w->v.kube_fresh = false;
	assert_nothing(w);
	w->v.kube_fresh = true;
	w->servers[0].pod.deleting = true; /* whoever is left */
	w->servers[2].pod.deleting = true;
	assert_string_equal(assert_only(w, ACT_SWITCH, B)->why, "the master's pod is being deleted");
}

/* Its preStop hook waits while it has a role and keys: the one that was replaced is told that it may end. */
TEST(deleted_master_that_was_replaced_may_end)
{
	WORLD;

	leads(&w->servers[1]);
	memcpy(w->groups[0].node.servers[0].addr, B, sizeof(B));
	memcpy(w->groups[0].node.servers[1].addr, A, sizeof(A));
	w->servers[0].listed_index = 1;
	w->servers[1].listed_index = 0;
	send_slots(w, 1, B);
	w->servers[0].pod.deleting = true;
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, CODIS_GUARD_ADDR);
	guarded(&w->servers[0]);
	assert_nothing(w);
	follows(&w->servers[0], &w->servers[1]); /* its hook has ended */
	assert_nothing(w);
	w->servers[0].info.link_up = false;
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, CODIS_GUARD_ADDR);
	w->servers[0].restarted = true; /* somebody else's new pod has got its address, and we are told of pods late */
	assert_nothing(w);
	w->servers[0].restarted = false;
	leads(&w->servers[0]); /* the same, where it was guarded before */
	w->servers[0].since_ms = w->v.now_ms - 4999;
	assert_nothing(w);
	w->servers[0].remembered = true;
	assert_only(w, ACT_FOLLOW, A);
	w->servers[0].remembered = false;
	w->servers[0].since_ms = 0;
	follows(&w->servers[0], &w->servers[1]);
	w->servers[0].info.link_up = false;
	w->servers[0].info.syncing = true;
	assert_nothing(w);
	leads(&w->servers[0]);
	w->servers[0].pod.deleting = false;
	assert_string_equal(assert_only(w, ACT_FOLLOW, A)->master, B);
}

/* Nobody knows the process at B's address: its pod may have ended, which is told late, and a stranger may have it. */
TEST(process_that_nobody_knows_is_not_told_to_follow_at_once)
{
	WORLD;

	leads(&w->servers[1]);
	w->servers[1].since_ms = w->v.now_ms - 4999;
	assert_nothing(w);
	w->servers[1].since_ms--;
	assert_only(w, ACT_FOLLOW, B);
	w->servers[1].since_ms = w->v.now_ms - 1;
	w->servers[1].remembered = true; /* it had a role here */
	assert_only(w, ACT_FOLLOW, B);
}

/* Both members are deleted at once: the master is left as it is, and the one made anew follows it, until they switch.
 */
TEST(last_holder_is_followed_while_it_is_being_deleted)
{
	WORLD;

	w->servers[0].pod.deleting = true;
	guarded(&w->servers[1]);
	assert_string_equal(assert_only(w, ACT_FOLLOW, B)->master, A);
	assert_ptr_equal(judge_last_holder(&w->v, &w->groups[0]), &w->servers[0]);
	follows(&w->servers[1], &w->servers[0]);
	assert_null(judge_last_holder(&w->v, &w->groups[0]));
	assert_only(w, ACT_SWITCH, B);
	w->servers[1].pod.deleting = true;
	assert_non_null(judge_last_holder(&w->v, &w->groups[0]));
	w->servers[0].pod.deleting = false;
	assert_null(judge_last_holder(&w->v, &w->groups[0]));
	w->servers[0].pod.deleting = true;
	w->sets[0].shape.server_replica = 1;
	assert_null(judge_last_holder(&w->v, &w->groups[0]));
	w->sets[0].shape.server_replica = 2;
	w->servers[0].info.keys = 0;
	assert_null(judge_last_holder(&w->v, &w->groups[0]));
}

TEST(no_switch_past_a_proxy_that_was_not_heard_yet)
{
	WORLD;

	w->servers[0].pod.deleting = true;
	w->proxies[0].slots = NULL;
	w->proxies[0].reach = REACH_UNKNOWN;
	assert_nothing(w);
	w->proxies[0].since_ms = w->v.now_ms;
	w->proxies[0].reach = REACH_REFUSED; /* it sends nobody anywhere */
	assert_only(w, ACT_SWITCH, B);
	w->proxies[0].reach = REACH_OK;
	w->proxies[0].registered = false;
	w->v.dashboard.busy = true; /* it is not taken in at this look */
	assert_only(w, ACT_SWITCH, B);
}

TEST(busy_group_is_left_alone)
{
	WORLD;

	refuse(w);
	lose_link(w);
	w->groups[0].busy = true;
	assert_nothing(w);
}

TEST(who_does_not_lead_decides_nothing)
{
	WORLD;

	refuse(w);
	lose_link(w);
	w->v.mandate = MANDATE_NONE;
	assert_nothing(w);
	w->v.mandate = MANDATE_FAILOVER; /* the API server is away: failovers go on */
	assert_only(w, ACT_PROMOTE, B);
}

TEST(without_the_coordinator_nothing_is_done)
{
	WORLD;

	refuse(w);
	lose_link(w);
	w->v.coordinator_ready = false;
	assert_nothing(w);
}

TEST(proxy_that_points_elsewhere_is_filled)
{
	WORLD;

	snprintf(w->slots[0][500].addr, CODIS_ADDR_MAX, "%s", C);
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->gid, 1);
	assert_int_equal(w->actions[0].subject, SUBJECT_PROXY);
	assert_int_equal(w->actions[0].version, 7); /* the group's */
	snprintf(w->slots[0][500].addr, CODIS_ADDR_MAX, "%s", A);
	w->slots[0][3].locked = true;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	w->groups[0].written_ms = 500; /* by somebody else, who fills the proxies now */
	assert_nothing(w);
	w->proxies[0].slots_ms = 500;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	w->v.dashboard.reach = REACH_SILENT; /* it may be at work, and the lock its own */
	w->v.dashboard.since_ms = w->v.now_ms - 4999;
	assert_nothing(w);
}

/* Nobody else would do it as long as the API server is away; but another controller may lead, whose lock it is. */
TEST(what_a_proxy_was_left_with_is_filled_without_the_api_server_too)
{
	WORLD;
	int64_t since[CODIS_SLOTS] = { 0 };

	w->v.mandate = MANDATE_FAILOVER;
	w->v.kube_fresh = w->v.pods_fresh = false;
	w->proxies[0].slot_since_ms = since;
	w->proxies[0].slots_ms = w->v.dashboard.slots_ms = w->v.now_ms;
	w->slots[0][3].locked = true;
	since[3] = w->v.now_ms - 19999;
	assert_nothing(w);
	since[3] = w->v.now_ms - 20000;
	assert_true(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->left);
	w->groups[0].written_ms = w->v.now_ms - 19999; /* somebody is at work on it */
	assert_nothing(w);
	w->groups[0].written_ms = 0;
	w->groups[0].acted_ms = w->v.now_ms - 19999;
	assert_nothing(w);
	w->groups[0].acted_ms = 0;
	w->v.coordinator_ready = false;
	assert_nothing(w);
	w->v.coordinator_ready = true;
	w->v.mandate = MANDATE_STANDBY;
	assert_nothing(w);
	w->v.mandate = MANDATE_LEAD;
	assert_false(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->left);
	w->v.mandate = MANDATE_FAILOVER;
	w->slots[0][3].locked = false;
	snprintf(w->slots[0][500].addr, CODIS_ADDR_MAX, "%s", C);
	assert_true(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->left);
	w->proxies[0].pod.ready = true; /* all else waits for the API server */
	w->proxies[0].reach = REACH_SILENT;
	w->proxies[0].since_ms = 1;
	assert_nothing(w);
}

/* A slot that was moved after the assignment was asked for, perhaps by a dashboard that died then: its keys are in the
 * other group, and to fill it back would hide them and what is written meanwhile. */
TEST(slot_that_was_moved_since_the_assignment_was_heard_is_left)
{
	WORLD;
	struct server_view *c = add_server(w, C, 2, 2);
	int64_t since[CODIS_SLOTS] = { 0 };

	leads(c);
	list(add_group(w, 2), c);
	w->v.dashboard.slots_ms = 5000;
	w->proxies[0].slot_since_ms = since;
	w->slots[0][500].group = 2;
	snprintf(w->slots[0][500].addr, CODIS_ADDR_MAX, "%s", C);
	since[500] = 5001;
	assert_nothing(w);
	w->v.dashboard.reach = REACH_REFUSED;
	assert_nothing(w);
	w->v.dashboard.slots_ms = 5001; /* heard anew: it was not moved */
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->gid, 1);
	w->v.dashboard.slots_ms = 5000;
	snprintf(w->slots[0][500].addr, CODIS_ADDR_MAX, "%s", A); /* no master of the group that it is in */
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->gid, 2);
}

/* And the other way round: it was moved after the proxy was asked. */
TEST(slot_that_was_moved_since_the_proxy_was_asked_is_left)
{
	WORLD;
	struct server_view *c = add_server(w, C, 2, 2);
	int64_t since[CODIS_SLOTS] = { 0 };

	leads(c);
	list(add_group(w, 2), c);
	w->v.dashboard.slot_since_ms = since;
	w->v.dashboard.slots_ms = 5000;
	w->v.dashboard.slot_group[500] = 2;
	since[500] = 5002;
	w->proxies[0].slots_ms = 5001;
	assert_nothing(w);
	w->proxies[0].slots_ms = 5002; /* asked since, and it still sends it elsewhere */
	assert_int_equal(assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080")->gid, 2);
}

/* It may be the lock of a migration or a promotion that has begun since. */
TEST(lock_that_came_after_the_assignment_is_left_to_a_living_dashboard)
{
	WORLD;
	int64_t since[CODIS_SLOTS] = { 0 };

	w->v.dashboard.slots_ms = 5000;
	w->proxies[0].slot_since_ms = since;
	w->slots[0][3].locked = true;
	since[3] = 5001;
	assert_nothing(w);
	w->v.dashboard.slots_ms = 6000;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	w->v.dashboard.slots_ms = 5000;
	w->v.dashboard.reach = REACH_REFUSED;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
}

/* It would fetch each key from where it is no more, and serve none when that master has ended. */
TEST(slot_whose_migration_is_over_fetches_no_more)
{
	WORLD;
	int64_t since[CODIS_SLOTS] = { 0 };

	w->v.dashboard.slots_ms = 5000;
	w->proxies[0].slot_since_ms = since;
	w->slots[0][3].migrate_from = 2;
	since[3] = 5001; /* or it has begun since */
	assert_nothing(w);
	since[3] = 5000;
	assert_only(w, ACT_FILL_PROXY, "10.0.1.0:11080");
	w->v.dashboard.slot_acting[3] = true;
	assert_nothing(w);
	w->v.dashboard.slot_acting[3] = false;
	w->v.dashboard.reach = REACH_REFUSED;
	assert_nothing(w);
}

TEST(dead_proxy_is_removed)
{
	WORLD;

	w->proxies[0].reach = REACH_REFUSED;
	w->proxies[0].since_ms = w->v.now_ms - 2999;
	assert_nothing(w);
	w->proxies[0].since_ms = w->v.now_ms - 3000;
	w->proxies[0].registered_version = 3;
	assert_string_equal(assert_only(w, ACT_REMOVE_PROXY, "10.0.1.0:11080")->token, "token-0");
	assert_int_equal(w->actions[0].version, 3); /* the proxy's */
	assert_int_equal(w->actions[0].gid, 0);
	w->proxies[0].reach = REACH_SILENT; /* it may wait for a dead server */
	assert_nothing(w);
	w->proxies[0].since_ms = w->v.now_ms - 9000;
	assert_only(w, ACT_REMOVE_PROXY, "10.0.1.0:11080");
}

TEST(proxy_in_backoff_is_replaced)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->registered = false;
	p->slots = NULL;
	p->reach = REACH_REFUSED;
	p->since_ms = w->v.now_ms - 3000;
	assert_nothing(w); /* its first start */
	p->pod.restarts = 1;
	assert_string_equal(assert_only(w, ACT_DELETE_POD, "10.0.1.0:11080")->pod, "codis-proxy-0");
	assert_int_equal(w->actions[0].subject, SUBJECT_PROXY);
	p->pod.running = true;
	assert_nothing(w);
}

/* Fewer servers: the list of a group that is no more names addresses of nobody. */
TEST(servers_of_a_group_that_is_scaled_away_leave_its_list)
{
	WORLD;
	struct group_view *g = add_group(w, 2);
	struct server_view *c = add_server(w, C, 2, 2), *e = add_server(w, "10.0.0.4:6379", 2, 3);

	list(g, c);
	list(g, e);
	for (int i = 2; i < 4; i++) {
		w->servers[i].pod = (struct pod_view){ .name = "" };
		w->servers[i].pod_gone = true;
		w->servers[i].reach = REACH_SILENT;
		w->servers[i].info_valid = false;
		w->servers[i].since_ms = w->v.now_ms - 3000;
	}
	assert_only(w, ACT_DROP_SERVER, e->addr); /* the master is the last one */
	/* somebody had promoted in it, and his dashboard may be at it still */
	snprintf(g->node.promoting_state, sizeof(g->node.promoting_state), "preparing");
	assert_nothing(w);
	g->promoting_idle = true;
	assert_only(w, ACT_DROP_SERVER, e->addr);
	g->node.promoting_state[0] = '\0';
	g->node.count = 1;
	e->listed_group = e->group = 0;
	assert_only(w, ACT_DROP_SERVER, C);
	c->pod_gone = false; /* not known to have had one */
	assert_nothing(w);
	w->v.now_ms = c->since_ms + 599999;
	assert_nothing(w);
	w->v.now_ms++; /* it went while no controller ran: nobody comes back there */
	assert_only(w, ACT_DROP_SERVER, C);
	w->v.now_ms = c->since_ms + 3000;
	c->pod_gone = true;
	w->v.kube_fresh = false;
	assert_nothing(w);
	w->v.kube_fresh = true;
	w->v.dashboard.slot_group[7] = w->slots[0][7].group = 2; /* it serves */
	assert_nothing(w);
	w->v.dashboard.slot_group[7] = w->slots[0][7].group = 1;
	w->v.dashboard.slot_acting[7] = true; /* or may, soon */
	assert_nothing(w);
	w->v.dashboard.slot_acting[7] = false;
	w->sets[0].shape.replicas = 4; /* its pods will be back */
	assert_nothing(w);
	w->v.set_count = 0;
	assert_nothing(w);
}

TEST(new_proxy_is_taken_in)
{
	WORLD;
	struct proxy_view *p = add_proxy(w, "");

	p->registered = false;
	p->slots = NULL;
	p->first_seen_ms = w->v.now_ms;
	assert_nothing(w); /* it may be about to ask by itself */
	p->first_seen_ms = w->v.now_ms - 3000;
	assert_only(w, ACT_ONLINE_PROXY, "10.0.1.1:11080");
}

TEST(slots_are_assigned_once_every_group_is_led)
{
	WORLD;

	memset(w->v.dashboard.slot_group, 0, sizeof(w->v.dashboard.slot_group));
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i] = (struct codis_slot){ .id = (int16_t)i };
	w->sets[0].shape.replicas = 4; /* group 2 is wanted and not there */
	assert_nothing(w);
	w->sets[0].shape.replicas = 2;
	w->servers[0].info.keys = 0;
	assert_only(w, ACT_ASSIGN_SLOTS, D);
	w->v.dashboard.slot_group[77] = 1; /* somebody has begun: not ours any more */
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i] = (struct codis_slot){ .id = (int16_t)i };
	w->proxies[0].slots = NULL;
	assert_nothing(w);
}

/* ZooKeeper lost its tree, or was made anew: by our plan the slots would go to groups that have not their keys. */
TEST(no_slot_is_assigned_while_a_server_holds_keys)
{
	WORLD;

	memset(w->v.dashboard.slot_group, 0, sizeof(w->v.dashboard.slot_group));
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i] = (struct codis_slot){ .id = (int16_t)i };
	assert_nothing(w);
	w->servers[0].info.keys = 0;
	assert_only(w, ACT_ASSIGN_SLOTS, D);
}

/* Its entry went with the tree, and a dashboard that knows of no slot would fill it with none. */
TEST(proxy_that_sends_slots_is_not_taken_in_by_a_dashboard_that_knows_of_none)
{
	WORLD;
	struct proxy_view *p = &w->proxies[0];

	p->registered = false;
	assert_only(w, ACT_ONLINE_PROXY, "10.0.1.0:11080");
	w->v.dashboard.slots_ms = 500; /* what it is said to know is what it knew before it was told to read the tree */
	w->v.dashboard.reloaded_ms = 500;
	assert_nothing(w);
	w->v.dashboard.slots_ms++;
	assert_only(w, ACT_ONLINE_PROXY, "10.0.1.0:11080");
	w->groups[0].written_ms = 400; /* by another controller, which tells it, too */
	assert_nothing(w);
	w->v.dashboard.slots_ms = 1401;
	assert_only(w, ACT_ONLINE_PROXY, "10.0.1.0:11080");
	memset(w->v.dashboard.slot_group, 0, sizeof(w->v.dashboard.slot_group));
	assert_nothing(w);
}

TEST(stale_lock)
{
	WORLD;
	const struct action *a;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_REFUSED;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, D);
	b->lock_start_wall_ms = 1000000;
	b->pod.started_wall_ms = 1000000; /* its own lock */
	assert_nothing(w);
	b->pod.started_wall_ms = 1002000; /* the process before it took it */
	assert_only(w, ACT_REMOVE_LOCK, D);
	b->pod.started_wall_ms = 1000000;
	b->lock_start_wall_ms = 9000000; /* or did, by a clock that was ahead: who is there now has not got it */
	b->lock_heard_ms = 50;
	b->waits_ms = 50;
	assert_nothing(w);
	b->waits_ms = 51;
	assert_only(w, ACT_REMOVE_LOCK, D);
	b->waits_ms = 0;
	b->lock_start_wall_ms = 1000000;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "10.0.2.9:18080"); /* of a pod that is no more */
	a = assert_only(w, ACT_REMOVE_LOCK, D);
	assert_int_equal(a->subject, SUBJECT_DASHBOARD);
	assert_string_equal(a->from, "10.0.2.9:18080"); /* what is removed is this lock and no other */
	assert_int_equal(a->lock_start_wall_ms, 1000000);
	b->since_ms = 100;
	b->lock_read_ms = 99; /* before the one that served left */
	assert_nothing(w);
	b->lock_read_ms = 100;
	assert_only(w, ACT_REMOVE_LOCK, D);
	w->v.kube_fresh = false;
	assert_nothing(w);
}

/* The next one is only about to start: without the lock it serves at once, else it tries again every two seconds. */
TEST(lock_of_a_dashboard_that_was_seen_to_end)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_UNKNOWN;
	b->addr[0] = '\0';
	b->pod.running = false;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, "10.0.2.9:18080");
	assert_nothing(w); /* it may be that one's, whose address is not known yet */
	b->lock_left = true;
	assert_only(w, ACT_REMOVE_LOCK, "");
	snprintf(w->dashboards[0].addr, CODIS_ADDR_MAX, "10.0.2.9:18080"); /* another has it now */
	w->v.dashboard_count = 1;
	assert_nothing(w);
}

TEST(dashboard_in_backoff_is_replaced)
{
	WORLD;
	struct dashboard_view *b = &w->v.dashboard;

	b->reach = REACH_REFUSED;
	b->since_ms = w->v.now_ms - 3000;
	snprintf(b->lock_addr, CODIS_ADDR_MAX, D);
	b->pod.running = false;
	assert_nothing(w); /* its first start */
	b->pod.restarts = 1;
	run(w);
	assert_int_equal(w->count, 1);
	assert_string_equal(action_name(w->actions[0].kind), "delete-pod");
	assert_string_equal(w->actions[0].pod, "codis-dashboard-0");
	assert_int_equal(w->actions[0].subject, SUBJECT_DASHBOARD);
}

/* --- the controller that does not lead ---------------------------------------------------------------------------- */

/* A has failed, and the one that leads has had so long to see to it. */
static void standby(struct world *w, int ms)
{
	w->v.mandate = MANDATE_STANDBY;
	w->groups[0].lost_ms = ms ? w->v.now_ms - ms : 0;
}

TEST(standby_promotes_what_the_leader_leaves)
{
	WORLD;

	refuse(w);
	lose_link(w);
	standby(w, 0);
	assert_nothing(w);
	standby(w, 299);
	assert_nothing(w);
	standby(w, 300);
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->from, A);
}

/* It led, and has not reached the API server for long: another one may lead, or nobody else may be left. */
TEST(who_led_long_ago_comes_second)
{
	WORLD;

	refuse(w);
	lose_link(w);
	w->v.mandate = MANDATE_FAILOVER;
	w->v.second = true;
	assert_nothing(w);
	w->groups[0].lost_ms = w->v.now_ms - 299;
	assert_nothing(w);
	w->groups[0].lost_ms = w->v.now_ms - 300;
	assert_only(w, ACT_PROMOTE, B);
}

TEST(standby_needs_the_same_evidence)
{
	WORLD;

	refuse(w);
	w->servers[0].heard_ms = 1;
	standby(w, 5000); /* as it was a moment ago */
	assert_nothing(w);
	silence(w, 5000);
	w->servers[1].info.last_io_s = 1;
	assert_true(assert_only(w, ACT_PROMOTE, B)->early);
	w->v.kube_fresh = false;
	w->servers[0].reach = REACH_REFUSED;
	w->servers[0].pod.running = false; /* it has not heard of that itself */
	assert_nothing(w);
}

/* The leader may be away with the master: what is in flight is over in time all the same. */
TEST(standby_holds_slots_early_a_moment_after_the_leader)
{
	WORLD;

	w->servers[0].heard_ms = 1;
	w->servers[1].info.last_io_s = 1;
	silence(w, 799);
	w->servers[1].info.last_io_s = 1;
	standby(w, 0);
	assert_nothing(w);
	silence(w, 800);
	assert_true(assert_only(w, ACT_PROMOTE, B)->early);
	snprintf(w->groups[0].node.promoting_state, sizeof(w->groups[0].node.promoting_state), "prepared");
	assert_nothing(w);
	w->groups[0].node.promoting_state[0] = '\0';
	silence(w, 1000);
	w->servers[1].info.last_io_s = 2; /* it has failed: the leader comes first */
	assert_nothing(w);
	w->servers[1].info.last_io_s = 1;
	w->groups[0].held_ms = w->v.now_ms - 9999;
	assert_nothing(w);
}

/* A controller that has just begun: that B had lost its link while A was well, the one that leads may know. */
TEST(standby_leaves_a_silent_master_that_it_never_heard)
{
	WORLD;

	silence(w, 3000);
	lose_link(w);
	w->servers[1].link_down_since_ms = w->v.now_ms - 3000;
	standby(w, 3000);
	assert_nothing(w);
	w->servers[0].since_ms = w->v.now_ms - 900; /* nor does it hold its slots */
	standby(w, 0);
	assert_nothing(w);
	w->servers[0].since_ms = w->v.now_ms - 3000;
	w->servers[0].heard_ms = w->v.now_ms - 3100;
	standby(w, 3000);
	assert_only(w, ACT_PROMOTE, B);
	w->servers[0].heard_ms = 0;
	w->v.mandate = MANDATE_LEAD; /* nobody knows more */
	assert_only(w, ACT_PROMOTE, B);
}

TEST(standby_does_nothing_else)
{
	WORLD;
	struct server_view *c = add_server(w, C, 1, 2);

	standby(w, 5000);
	follows(c, &w->servers[0]); /* to be added */
	assert_nothing(w);
	c->info.link_up = false;
	snprintf(c->info.master, sizeof(c->info.master), "%s", B); /* to be repointed */
	assert_nothing(w);
	w->servers[0].pod.deleting = true; /* to be switched */
	assert_nothing(w);
	send_slots(w, 1, B); /* to be filled */
	assert_nothing(w);
	memset(&w->groups[0].node, 0, sizeof(w->groups[0].node)); /* a cold start */
	w->groups[0].node.id = 1;
	guarded(&w->servers[0]);
	guarded(&w->servers[1]);
	guarded(c);
	w->groups[0].masterless_ms = 1;
	assert_nothing(w);
}

TEST(standby_leaves_what_a_dashboard_is_at)
{
	WORLD;

	refuse(w);
	lose_link(w);
	standby(w, 5000);
	memcpy(w->groups[0].node.promoting_state, "prepared", sizeof("prepared"));
	w->groups[0].promoting_idle = true;
	assert_nothing(w);
}

/* The leader fenced B, and died before it gave it the role. */
TEST(standby_gives_the_role_that_was_declared_over_a_dead_master)
{
	WORLD;

	assert_int_equal(codis_group_lead(&w->groups[0].node, B), 0);
	w->servers[1].listed_index = 0;
	w->servers[0].listed_index = 1;
	standby(w, 300);
	assert_nothing(w); /* A lives: whether it is to be replaced is not ours to say */
	refuse(w);
	lose_link(w);
	assert_string_equal(assert_only(w, ACT_PROMOTE, B)->from, A);
	standby(w, 299);
	assert_nothing(w);
}

/* Whoever replaces a silent master holds its slots for seconds, until nothing is left that it may answer. */
TEST(silent_master_that_another_controller_is_about_to_replace_is_left_to_it)
{
	WORLD;

	silence(w, 10000);
	w->servers[1].info.last_io_s = 10;
	assert_true(assert_only(w, ACT_PROMOTE, B)->lock);
	w->groups[0].written_ms = w->v.now_ms - 6499;
	assert_nothing(w);
	w->groups[0].written_ms = w->v.now_ms - 6500; /* it came to nothing */
	assert_only(w, ACT_PROMOTE, B);
	silence(w, 2000);
	w->groups[0].written_ms = w->v.now_ms - 2500; /* of before */
	assert_only(w, ACT_PROMOTE, B);
	refuse(w); /* nothing is locked for that one */
	lose_link(w);
	w->groups[0].written_ms = w->v.now_ms;
	assert_only(w, ACT_PROMOTE, B);
}

/* A's address has gone to a master of group 2, nobody takes over, and a dashboard has filled a proxy from A's node. */
TEST(slots_that_are_sent_to_another_groups_master_are_held)
{
	WORLD;

	w->servers[0].group = 2;
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].info_valid = false;
	assert_only(w, ACT_FILL_PROXY, w->proxies[0].admin_addr);
	assert_true(w->actions[0].lock);
	assert_string_equal(w->actions[0].why, "it sends slots to another group's master");
	w->groups[0].busy = true; /* fills wait for a proxy, and the dashboard has taken this one in meanwhile */
	assert_only(w, ACT_FILL_PROXY, w->proxies[0].admin_addr);
	w->servers[0].info.role = REDIS_ROLE_REPLICA; /* it takes no writes */
	assert_nothing(w);
	w->servers[0].info.role = REDIS_ROLE_MASTER;
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[0][i].locked = true;
	assert_nothing(w);
}

/* B was replaced by A while the second proxy was away, with B's node; now A's node is silent, and B is master still. */
static void replaced_and_silent(struct world *w)
{
	struct server_view *a = &w->servers[0], *b = &w->servers[1];

	add_proxy(w, "token-1");
	send_slots(w, 1, A);
	for (int i = 0; i < CODIS_SLOTS; i++)
		memcpy(w->slots[1][i].addr, B, sizeof(B));
	leads(b);
	a->remembered_group = 1;
	a->heard_ms = a->role_heard_ms = w->v.now_ms - 1000;
	silence(w, 1000);
	w->proxies[0].slots_ms = w->proxies[1].slots_ms = w->v.now_ms;
}

/* What is written to B is thrown away when A wakes. */
TEST(slots_that_are_sent_to_a_replaced_master_are_held_while_the_new_one_is_silent)
{
	WORLD;
	struct server_view *a = &w->servers[0], *b = &w->servers[1];

	replaced_and_silent(w);
	assert_only(w, ACT_FILL_PROXY, w->proxies[1].admin_addr);
	assert_true(w->actions[0].lock);
	assert_string_equal(w->actions[0].why,
			    "it sends slots to a master that was replaced, and the new one is silent");
	for (int i = 0; i < CODIS_SLOTS; i++)
		w->slots[1][i].locked = true; /* they are held */
	assert_nothing(w);
	a->reach = REACH_OK; /* it wakes */
	a->info_valid = true;
	a->since_ms = a->heard_ms = w->v.now_ms;
	follows(b, a);
	assert_only(w, ACT_FILL_PROXY, w->proxies[1].admin_addr);
	assert_false(w->actions[0].lock);
}

/* A has taken no writes, or has ended, or may have, or never had the role; or B takes no writes; or it is we who are
 * away. */
TEST(slots_that_are_sent_to_a_replaced_master_are_left_there_where_nothing_is_lost)
{
	WORLD;
	struct server_view *a = &w->servers[0], *b = &w->servers[1];

	replaced_and_silent(w);
	assert_only(w, ACT_FILL_PROXY, w->proxies[1].admin_addr);
	a->since_ms++; /* not for long */
	assert_nothing(w);
	a->since_ms--;
	w->groups[0].written_ms = w->v.now_ms + 1; /* the proxy was asked before */
	assert_nothing(w);
	w->groups[0].written_ms = 0;
	a->remembered_group = 0; /* its process has ended */
	assert_nothing(w);
	a->remembered_group = 1;
	a->info.role = REDIS_ROLE_REPLICA;
	assert_nothing(w);
	a->info.role = REDIS_ROLE_MASTER;
	b->info.role = REDIS_ROLE_REPLICA;
	assert_nothing(w);
	b->info.role = REDIS_ROLE_MASTER;
	w->v.tilted = true;
	assert_nothing(w);
	w->v.tilted = false;
	send_slots(w, 1, B); /* none sends to A */
	assert_nothing(w);
}

/* It was started again, and the dashboard has filled it before the entry of the process before is gone. */
TEST(slots_of_a_proxy_with_an_old_entry_are_held)
{
	WORLD;

	w->servers[0].group = 2;
	w->servers[1].reach = REACH_REFUSED;
	w->servers[1].info_valid = false;
	w->proxies[0].reach = REACH_REFUSED;
	w->proxies[0].since_ms = w->v.now_ms - 10;
	assert_nothing(w);
	w->proxies[0].replaced = true;
	assert_only(w, ACT_FILL_PROXY, w->proxies[0].admin_addr);
	assert_true(w->actions[0].lock);
}

/* The address of a server that is gone has gone to a pod of another group, where it is listed as well. */
TEST(address_that_another_group_has_got_is_dropped_from_the_list)
{
	WORLD;
	struct server_view *stranger = add_server(w, C, 2, 2);

	assert_int_equal(codis_group_append(&w->groups[0].node, C), 0);
	stranger->listed_group = 2;
	assert_only(w, ACT_DROP_SERVER, C);
	assert_string_equal(w->actions[0].why, "its address belongs to another pod now");
	assert_string_equal(w->actions[0].pod, ""); /* which is not told, nor has an Event, that it was dropped */
}

/* Another group's list has its address, too: it is in its own list all the same. */
TEST(server_that_two_groups_list_is_not_added_again)
{
	WORLD;

	w->servers[1].listed_group = 2;
	assert_nothing(w);
}
