/* faults.c - what befalls a world: some faults of these kinds, at times and for as long as chance has it; and then
 * their end. */
#include <stdio.h>
#include <string.h>

#include "tests/simulation/sim.h"

#define FAULTS_MAX 6

/* --- whom --- */

static struct pod *some_pod(enum pod_kind kind)
{
	struct pod *found[PODS];
	int n = 0;

	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].in_api && W.pods[i].kind == kind && W.pods[i].alive && !W.pods[i].stranger)
			found[n++] = &W.pods[i];
	}
	return n ? found[chance_below(n)] : NULL;
}

/* Masters more often than not: they are what it is about. */
static struct pod *some_server(void)
{
	struct pod *p = some_pod(SERVER);

	for (int i = 0; i < 3 && p && !p->redis->leads && chance_percent(60); i++)
		p = some_pod(SERVER);
	return p;
}

static int64_t some_time(int64_t least, int64_t most)
{
	int64_t us = chance_between(least, most);

	return chance_percent(50) ? chance_between(least, us) : us;
}

/* --- processes --- */

static void crash_server(void)
{
	struct pod *p = some_server();

	if (p)
		pod_end(p, END_CRASH);
}

static void on_continue(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (p->run == arg)
		pod_continue(p);
}

static void stop(struct pod *p)
{
	if (!p || p->stopped)
		return;
	pod_stop(p);
	if (chance_percent(75))
		after(some_time(MS(300), S(8)), on_continue, p, p->run);
}

static void stop_server(void)
{
	stop(some_server());
}

static void on_script_over(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (!p->alive || p->run != arg || !p->redis->busy)
		return;
	redis_pump_all();
	p->redis->busy = false;
	p->sick_us = W.now;
	check_who_is_led();
	say("%s has done with its script", p->name);
}

/* It answers -BUSY to everything. */
static void busy_server(void)
{
	struct pod *p = some_server();
	int64_t us = some_time(MS(300), S(8));

	if (!p || p->redis->busy || p->stopped)
		return;
	redis_pump_all();
	p->redis->busy = true;
	note_fault(p, W.now, W.now);
	check_who_is_led();
	say("%s is busy with a script for %.1f s", p->name, (double)us / 1e6);
	after(us, on_script_over, p, p->run);
}

static void crash_proxy(void)
{
	struct pod *p = some_pod(PROXY);

	if (p)
		pod_end(p, END_CRASH);
}

static void stop_proxy(void)
{
	stop(some_pod(PROXY));
}

static void crash_dashboard(void)
{
	struct pod *p = some_pod(DASHBOARD);

	if (p)
		pod_end(p, END_CRASH);
}

static void stop_dashboard(void)
{
	stop(some_pod(DASHBOARD));
}

static void cut_connections(void)
{
	struct pod *p = some_server();

	if (!p || p->stopped)
		return;
	say("the connections of %s are cut (CLIENT KILL)", p->name);
	wire_reset(p);
	writers_reset(p);
}

/* --- pods and nodes --- */

static void delete_pod(void)
{
	struct pod *p = chance_percent(80) ? some_server() : some_pod(chance_percent(70) ? PROXY : DASHBOARD);

	if (!p || p->deleting)
		return;
	say("a person deletes the pod %s", p->name);
	pod_delete(p, 30);
}

static void force_delete_pod(void)
{
	struct pod *p = some_server();

	if (!p)
		return;
	say("a person deletes the pod %s by force", p->name);
	pod_force_delete(p);
}

static void on_uncordon(void *ctx, int64_t arg)
{
	(void)ctx;
	W.cordoned[arg] = false;
	kube_tell_node((int)arg);
}

/* Without a budget: all that are on it. */
static void drain_node(void)
{
	int node = chance_below(NODES);

	if (W.cordoned[node])
		return;
	say("node %d is drained", node);
	W.cordoned[node] = true;
	kube_tell_node(node);
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];

		if (p->in_api && p->bound && p->node == node && !p->deleting && !p->stranger)
			pod_delete(p, 30);
	}
	after(S(10), on_uncordon, NULL, node);
}

static void on_power(void *ctx, int64_t arg)
{
	(void)ctx;
	node_power((int)arg, true);
}

static void on_said_down(void *ctx, int64_t arg)
{
	(void)ctx;
	node_said_down((int)arg, chance_percent(50));
}

static void lose_power(void)
{
	int node = chance_below(NODES);

	if (!W.node_up[node])
		return;
	node_power(node, false);
	if (chance_percent(30))
		after(W.set.not_ready_us + chance_between(0, S(2)), on_said_down, NULL, node);
	after(some_time(S(3), S(40)), on_power, NULL, node);
}

static void on_kubelet_back(void *ctx, int64_t arg)
{
	(void)ctx;
	kubelet_cut((int)arg, false);
}

/* Its pods live, and nobody there hears of the API server. */
static void lose_kubelet(int node, int64_t us)
{
	if (W.kubelet_cut[node])
		return;
	kubelet_cut(node, true);
	after(us, on_kubelet_back, NULL, node);
}

static void cut_kubelet(void)
{
	int node = chance_below(NODES);
	int64_t us = some_time(S(1), S(25));

	say("the kubelet of node %d does not reach the API server for %.1f s", node, (double)us / 1e6);
	lose_kubelet(node, us);
}

/* --- the network --- */

static void set_way(int a, int b, bool cut)
{
	redis_pump_all();
	W.cut[a][b] = cut;
	W.rejected[a][b] &= cut;
	W.cut_since[a][b] = W.now;
	check_way_changed();
}

static void on_heal(void *ctx, int64_t arg)
{
	(void)ctx;
	set_way((int)arg / NODES, (int)arg % NODES, false);
}

static void cut_way(int a, int b, int64_t us)
{
	if (a == b || W.cut[a][b])
		return;
	set_way(a, b, true);
	after(us, on_heal, NULL, a * NODES + b);
}

static void cut_node(void)
{
	int node = chance_below(NODES);
	int64_t us = chance_percent(80) ? some_time(MS(500), S(12)) : some_time(S(12), S(30));

	say("node %d is cut off for %.1f s", node, (double)us / 1e6);
	if (chance_percent(80))
		lose_kubelet(node, us);
	for (int i = 0; i < NODES; i++) {
		cut_way(node, i, us);
		cut_way(i, node, us);
	}
}

static void cut_two(void)
{
	int a = chance_below(NODES), b = chance_below(NODES);
	int64_t us = some_time(MS(500), S(12));
	bool one_way = chance_percent(20);

	if (a == b || W.cut[a][b])
		return;
	W.rejected[a][b] = !one_way && chance_percent(35);
	say("the way %s node %d and node %d is cut for %.1f s%s%s", one_way ? "from" : "between", a, b,
	    (double)us / 1e6, one_way ? ", in this direction" : "",
	    W.rejected[a][b] ? ", whoever connects to the second is refused" : "");
	cut_way(a, b, us);
	if (!one_way)
		cut_way(b, a, us);
}

static void on_fast(void *ctx, int64_t arg)
{
	(void)ctx;
	redis_pump_all();
	W.slow_us[arg] = 0;
	redis_slowed();
	check_way_changed(); /* who answered too late to be heard was silent until now */
}

static void slow_node(void)
{
	int node = chance_below(NODES);
	int64_t us = some_time(MS(500), S(8));

	if (W.slow_us[node])
		return;
	redis_pump_all();
	W.slow_us[node] = chance_between(MS(5), MS(300));
	redis_slowed();
	say("node %d is slow for %.1f s: %d ms more", node, (double)us / 1e6, (int)(W.slow_us[node] / 1000));
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].kind == SERVER && W.pods[i].alive)
			note_fault(&W.pods[i], W.now, W.now + us + MS(400));
	}
	after(us, on_fast, NULL, node);
}

static void on_on_time(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (!p->alive || p->run != arg)
		return;
	redis_pump_all();
	p->redis->late_us = 0;
	say("%s is not late any more", p->name);
}

/* What a replica is sent comes late: its way from its master is narrow, and all else is well. */
static void make_late(struct pod *p, int64_t us, int64_t least, int64_t most)
{
	int64_t late = chance_between(least, most);

	if (p->redis->late_us)
		return;
	redis_pump_all();
	p->redis->late_us = late;
	say("what %s is sent comes %d ms late for %.1f s", p->name, (int)(late / 1000), (double)us / 1e6);
	after(us, on_on_time, p, p->run);
}

static void cordon_node(int node)
{
	if (W.cordoned[node])
		return;
	say("node %d is cordoned", node);
	W.cordoned[node] = true;
	kube_tell_node(node);
	after(S(10), on_uncordon, NULL, node);
}

static void on_goes(void *ctx, int64_t arg)
{
	struct pod *p = ctx;
	/* Of three, two that are late have not the same. */
	int r = W.set.replicas > 2 ? 30 + chance_below(70) : chance_below(100);

	if (W.faults_over || !p->alive || p->run != arg || !p->in_api || p->deleting || !W.node_up[p->node])
		return;
	if (r < 15) {
		stop(p);
	} else if (r < 45) {
		cordon_node(p->node);
	} else if (r < 55) {
		say("a person deletes the pod %s", p->name);
		pod_delete(p, 30);
	} else if (r < 65) {
		pod_end(p, END_CRASH);
	} else {
		int node = p->node;

		node_power(node, false);
		after(some_time(S(3), S(40)), on_power, NULL, node);
	}
}

static struct pod *some_master(void)
{
	struct pod *m = some_pod(SERVER);

	for (int i = 0; i < 5 && m && !m->redis->leads; i++)
		m = some_pod(SERVER);
	return m && m->redis->leads ? m : NULL;
}

static bool is_replica_of(const struct pod *x, const struct pod *m)
{
	return x->kind == SERVER && x->alive && x->gid == m->gid && x->redis->from == m;
}

/* A master is to leave, hangs or ends, while what its replicas are sent comes late. */
static void leave_late(void *ctx, int64_t arg)
{
	struct pod *m = some_master();

	(void)ctx;
	(void)arg;
	if (!m)
		return;
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *x = &W.pods[i];
		int64_t us;

		if (!is_replica_of(x, m) || !chance_percent(70))
			continue;
		us = chance_between(S(3), S(9));
		make_late(x, us, MS(50), chance_percent(80) ? MS(900) : MS(1800));
	}
	after(chance_between(MS(50), MS(1500)), on_goes, m, m->run);
}

static void on_leaves(void *ctx, int64_t arg)
{
	struct pod *m = ctx;

	if (m->run == arg)
		cordon_node(m->node);
}

/* ... and so late that it stays for now, and nobody waits for it. */
static void leave_far_behind(void *ctx, int64_t arg)
{
	struct pod *m = some_master();

	(void)ctx;
	(void)arg;
	if (!m)
		return;
	bounds_fault("a master was to leave whose replicas were far behind", MS(300));
	for (int i = 0; i < W.pod_count; i++) {
		struct pod *x = &W.pods[i];

		if (is_replica_of(x, m))
			make_late(x, chance_between(S(3), S(9)), MS(1200), MS(1800));
	}
	/* Who has been late for some milliseconds only is not behind yet, and is waited for. */
	after(chance_between(MS(500), MS(1100)), on_leaves, m, m->run);
}

/* --- ZooKeeper, the API server, the controllers --- */

static void on_member_back(void *ctx, int64_t arg)
{
	(void)ctx;
	W.zk_down[arg] = false;
}

static void lose_member(void)
{
	int m = chance_below(3), both = chance_percent(30);
	int64_t us = some_time(MS(500), S(15));

	say("%s of ZooKeeper away for %.1f s", both ? "two members are" : "a member is", (double)us / 1e6);
	for (int i = 0; i <= both; i++) {
		W.zk_down[(m + i) % 3] = true;
		after(us, on_member_back, NULL, (m + i) % 3);
	}
}

static void on_zookeeper_fast(void *ctx, int64_t arg)
{
	(void)ctx;
	(void)arg;
	W.zk_write_us = W.zk_watch_us = 0;
}

static void slow_zookeeper_by(int64_t write_us, int64_t us)
{
	W.zk_write_us = write_us;
	say("ZooKeeper is slow: a write takes up to %d ms", (int)(write_us / 1000));
	after(us, on_zookeeper_fast, NULL, 0);
}

static void on_replica_gone(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (W.faults_over || !p->alive || p->run != arg || !p->in_api || p->stopped || !W.node_up[p->node])
		return;
	say("a person deletes the pod %s by force", p->name);
	p->comes_at_once = true;
	pod_force_delete(p);
	pod_end(p, END_KILL);
}

static void on_master_leaves(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (W.faults_over || !p->alive || p->run != arg)
		return;
	if (chance_percent(50))
		pod_end(p, END_CRASH);
	else
		cordon_node(p->node);
}

/* Who is to take over goes as well, while that is written down, and another has its address at once. */
static void lose_successor(void *ctx, int64_t arg)
{
	struct pod *p = some_pod(SERVER), *m;

	(void)ctx;
	(void)arg;
	for (int i = 0; i < 5 && p && p->redis->link != LINK_UP; i++)
		p = some_pod(SERVER);
	if (!p || p->redis->link != LINK_UP)
		return;
	m = p->redis->from;
	slow_zookeeper_by(chance_between(MS(400), MS(1300)), S(3));
	after(MS(1), on_master_leaves, m, m->run);
	after(chance_between(MS(10), MS(400)), on_replica_gone, p, p->run);
}

static void on_evicted(void *ctx, int64_t arg)
{
	struct pod *p = ctx;

	if (W.faults_over || !p->alive || p->run != arg || !p->in_api || p->deleting || !W.node_up[p->node])
		return;
	say("a person drains the node of %s", p->name);
	pod_delete(p, 30);
}

/* Two nodes of a group are drained: the first is cordoned, its master begins to hand over, and who is to take over is
 * evicted meanwhile. */
static void evict_successor(void *ctx, int64_t arg)
{
	struct pod *m = some_master(), *p = NULL;

	(void)ctx;
	(void)arg;
	for (int i = 0; m && i < W.pod_count; i++) {
		if (is_replica_of(&W.pods[i], m))
			p = &W.pods[i];
	}
	if (!p)
		return;
	slow_zookeeper_by(chance_between(MS(200), MS(900)), S(3));
	cordon_node(m->node);
	after(chance_between(0, MS(300)), on_evicted, p, p->run);
}

static struct sim_controller *some_controller(void)
{
	return &W.controllers[chance_below(W.set.controllers)];
}

static void crash_controller(void)
{
	struct sim_controller *c = some_controller();

	if (chance_percent(40))
		controller_end(c);
	else
		c->crash_in = 1 + chance_below(12);
}

/* The one that would have to act is gone as well: the other one does, without a lease. */
static void crash_both(void)
{
	struct pod *p = some_server();

	for (int i = 0; i < W.set.controllers; i++) {
		if (W.controllers[i].alive && W.controllers[i].ctl.mandate == MANDATE_LEAD)
			controller_end(&W.controllers[i]);
	}
	if (p)
		pod_end(p, END_CRASH);
}

/* Nobody of a group is left, or nearly so. */
static void crash_group(void)
{
	int gid = W.set.groups ? 1 + chance_below(W.set.groups) : BESIDE_GID;

	for (int i = 0; i < W.pod_count; i++) {
		struct pod *p = &W.pods[i];
		int r = chance_below(100);

		if (p->kind != SERVER || p->gid != gid || !p->alive || !p->in_api)
			continue;
		if (r < 70)
			pod_end(p, END_CRASH);
		else if (r < 85)
			stop(p);
		else if (W.node_up[p->node]) {
			int node = p->node;

			node_power(node, false);
			after(some_time(S(3), S(40)), on_power, NULL, node);
		}
	}
}

/* Its disks are slow, or what it tells of changes is late. */
static void slow_zookeeper(void)
{
	if (chance_percent(60))
		W.zk_write_us = chance_between(MS(20), MS(900));
	else
		W.zk_watch_us = chance_between(MS(100), S(3));
	say("ZooKeeper is slow: a write takes up to %d ms, what it tells comes up to %d ms late",
	    (int)(W.zk_write_us / 1000), (int)(W.zk_watch_us / 1000));
	after(some_time(S(1), S(10)), on_zookeeper_fast, NULL, 0);
}

static void on_controller_continue(void *ctx, int64_t arg)
{
	struct sim_controller *c = ctx;

	if (c->epoch == (uint32_t)arg)
		controller_continue(c);
}

static void stop_controller(void)
{
	struct sim_controller *c = some_controller();

	if (!c->alive || c->stopped)
		return;
	controller_stop(c);
	after(some_time(MS(200), S(10)), on_controller_continue, c, c->epoch);
}

static void on_api_back(void *ctx, int64_t arg)
{
	struct sim_controller *c = ctx;

	(void)arg;
	c->api_cut = false;
	if (c->alive)
		kube_feed(c);
}

static void cut_api(void)
{
	struct sim_controller *c = some_controller();

	if (c->api_cut)
		return;
	say("controller %d does not reach the API server", c->index);
	c->api_cut = true;
	after(some_time(MS(500), S(12)), on_api_back, c, 0);
}

static void on_watch_fast(void *ctx, int64_t arg)
{
	(void)arg;
	((struct sim_controller *)ctx)->watch_lag_us = 0;
}

static void slow_watch(void)
{
	struct sim_controller *c = some_controller();

	c->watch_lag_us = chance_between(MS(100), S(5));
	say("what controller %d is told of pods comes %.1f s late", c->index, (double)c->watch_lag_us / 1e6);
	after(some_time(S(1), S(10)), on_watch_fast, c, 0);
}

static void set_wall_clock(void)
{
	struct sim_controller *c = some_controller();

	c->wall_offset_us = chance_between(-S(3600), S(3600));
	say("the clock of controller %d is set to another time", c->index);
}

/* --- a person --- */

static void promote(void)
{
	struct pod *d = some_pod(DASHBOARD), *s = some_pod(SERVER);

	for (int i = 0; i < 5 && s && s->redis->leads; i++)
		s = some_pod(SERVER);
	if (!d || !s || s->redis->leads)
		return;
	say("a person promotes %s in codis-fe", s->name);
	dashboard_promote(d, s->gid, s->addr);
}

static void on_taken_back(void *ctx, int64_t arg)
{
	const struct pod *old = ctx;

	check_taken_back(old, (int)arg);
}

static void on_promote_behind(void *ctx, int64_t arg)
{
	struct pod *s = ctx, *d = some_pod(DASHBOARD), *m = s->redis->from;

	if (!d || !m || !s->alive || s->run != arg || s->redis->link != LINK_TRANSFER)
		return;
	say("a person promotes %s in codis-fe, which syncs", s->name);
	dashboard_promote(d, s->gid, s->addr);
	/* That it syncs is heard within a second. */
	if (W.now - s->redis->heard_us > MS(1300))
		after(S(4), on_taken_back, m, m->run);
}

/* Its replica has to sync anew, and is promoted meanwhile. */
static void promote_behind(void)
{
	struct pod *s = some_pod(SERVER);

	for (int i = 0; i < 5 && s && s->redis->link != LINK_UP; i++)
		s = some_pod(SERVER);
	if (!s || s->redis->link != LINK_UP || s->stopped)
		return;
	redis_lose_backlog(s->redis);
	after(chance_between(MS(300), S(4)), on_promote_behind, s, s->run);
}

/* Some slots of one group are moved to the other, and meanwhile a master leaves. */
static void move_slots(void *ctx, int64_t arg)
{
	struct pod *d = some_pod(DASHBOARD), *m = some_pod(SERVER);
	int from = 1 + chance_below(2), count = 1 + chance_below(3);

	(void)ctx;
	(void)arg;
	for (int i = 0; i < CODIS_SLOTS && d && count; i++) {
		if (W.assigned[i] != from)
			continue;
		say("a person moves slot %d to group %d", i, 3 - from);
		dashboard_move(d, i, 3 - from);
		count--;
	}
	for (int i = 0; i < 5 && m && !m->redis->leads; i++)
		m = some_pod(SERVER);
	if (m)
		after(chance_between(MS(100), S(2)), on_goes, m, m->run);
}

/* --- more servers, or fewer --- */

static void on_cancelled(void *ctx, int64_t arg)
{
	(void)ctx;
	(void)arg;
	if (!W.scale_note[0])
		return;
	say("a person takes codis.io/scale-to away");
	W.scale_note[0] = '\0';
	kube_tell_set();
}

static void on_regretted(void *ctx, int64_t arg);

/* Some want the servers back at once: slots are on their way to the new group by then, or just about to be. */
static void scale_out(void)
{
	W.set.groups++;
	W.servers += W.set.replicas;
	say("a person scales to %d servers", W.servers);
	writers_begin(W.set.groups);
	kube_scaled();
	if (chance_percent(50))
		after(chance_between(S(1), S(8)), on_regretted, NULL, 0);
}

static void scale_in(void)
{
	snprintf(W.scale_note, sizeof(W.scale_note), "%d", W.servers - W.set.replicas);
	say("a person writes codis.io/scale-to: %s", W.scale_note);
	kube_tell_set();
	if (chance_percent(40))
		after(chance_between(MS(100), S(5)), on_cancelled, NULL, 0);
}

static void on_regretted(void *ctx, int64_t arg)
{
	(void)ctx;
	(void)arg;
	scale_in();
}

/* The first StatefulSet is emptied into the one beside it, which a person may think better of, and again. */
static void on_emptied(void *ctx, int64_t arg)
{
	(void)ctx;
	if (!W.servers)
		return;
	snprintf(W.scale_note, sizeof(W.scale_note), "0");
	say("a person writes codis.io/scale-to: 0");
	kube_tell_set();
	if (!chance_percent(40))
		return;
	after(chance_between(MS(100), S(5)), on_cancelled, NULL, 0);
	if (!arg && chance_percent(50))
		after(chance_between(S(5), S(9)), on_emptied, NULL, 1);
}

static void scale_beside(void)
{
	W.beside.servers = W.beside.replicas;
	say("a person makes a StatefulSet beside it, of %d servers", W.beside.servers);
	writers_begin(BESIDE_GID);
	kube_scaled();
	after(chance_between(MS(100), S(8)), on_emptied, NULL, 0);
}

static void scale(void *ctx, int64_t arg)
{
	(void)ctx;
	(void)arg;
	W.scales = true;
	if (W.beside.is)
		scale_beside();
	else if (W.set.groups == 1 || chance_percent(50))
		scale_out();
	else
		scale_in();
}

/* --- a change of master ends with its controller --- */

static void on_controllers_end(void *ctx, int64_t arg)
{
	struct sim_controller *by = ctx;

	for (int i = 0; i < W.set.controllers; i++) {
		if (&W.controllers[i] == by || arg)
			controller_end(&W.controllers[i]);
	}
}

/* Who was to take over ends too, or the proxies do, whom a dashboard then takes in as it knows the group. */
void faults_at(enum step step, struct sim_controller *by, struct pod *next)
{
	if (W.ends_at != step || W.faults_over)
		return;
	W.ends_at = STEP_NONE;
	after(chance_between(0, MS(2)), on_controllers_end, by, chance_percent(60));
	if (step == STEP_FENCED && next && next->kind == SERVER && next->alive && !next->stranger)
		pod_end(next, END_CRASH);
	if (step == STEP_ROLE)
		check_role_untold(next);
	for (int i = 0; i < W.pod_count && step == STEP_ROLE; i++) {
		if (W.pods[i].kind == PROXY && W.pods[i].alive)
			pod_end(&W.pods[i], END_CRASH);
	}
}

static void end_a_switch(void *ctx, int64_t arg)
{
	struct pod *m = some_master();

	(void)ctx;
	(void)arg;
	if (!m)
		return;
	W.ends_at = chance_percent(50) ? STEP_FENCED : STEP_ROLE;
	cordon_node(m->node);
}

/* --- a person wishes that another one leads --- */

/* Of any group, and any pod: one that leads, one that does not, one of another group, one that is not there; in place
 * of what was wished before. */
static void wish(void *ctx, int64_t arg)
{
	struct wish w = { .gid = 1 + chance_below(W.set.groups) };
	const struct pod *p = some_pod(SERVER);

	(void)ctx;
	if (arg)
		W.ends_at = (enum step)arg; /* the switch that is begun for it ends with its controller */
	if (chance_percent(5))
		w.gid = SIM_GROUPS + 1;
	if (p && chance_percent(60)) {
		snprintf(w.pod, sizeof(w.pod), "%s", p->name);
		w.gid = chance_percent(90) ? p->gid : w.gid;
	}
	if (chance_percent(5))
		snprintf(w.pod, sizeof(w.pod), "codis-server-99");
	wish_write(&w, W.wish_note);
	say("a person wishes codis.io/switchover=%s", W.wish_note);
	kube_tell_set();
}

/* Whoever wishes while slots move finds some on their way, or about to be. */
void faults_slot_moves(void)
{
	if (W.scales && W.wishes && !W.faults_over && chance_percent(50))
		after(chance_between(0, MS(500)), wish, NULL, 0);
}

/* --- a proxy that the leading controller alone does not hear --- */

static void on_seen(void *ctx, int64_t arg)
{
	(void)ctx;
	(void)arg;
	W.hidden.until_us = 0;
	check_way_changed();
}

static void hide_proxy(void *ctx, int64_t arg)
{
	const struct pod *p = some_pod(PROXY);

	(void)ctx;
	for (int i = 0; i < W.set.controllers && p && p->alive; i++) {
		struct sim_controller *c = &W.controllers[i];

		if (!c->alive || c->ctl.mandate != MANDATE_LEAD)
			continue;
		say("controller %d alone does not hear %s for %.1f s", c->index, p->name, (double)arg / 1e6);
		W.hidden.from = c;
		W.hidden.proxy = p;
		W.hidden.since_us = W.now;
		W.hidden.until_us = W.now + arg;
		check_way_changed();
		after(arg, on_seen, NULL, 0);
		return;
	}
}

/* --- what and when --- */

/* limit_ms: so long the writes of a group stop at most, where it befalls a world alone in which all is well. */
static const struct {
	int weight, limit_ms;
	void (*fn)(void);
	const char *words;
} kinds[] = {
	{ 14, 300, crash_server, "a server crashed" },
	{ 14, 3000, stop_server, "a server was stopped" },
	{ 5, 300, crash_proxy, "a proxy crashed" },
	{ 5, 300, stop_proxy, "a proxy was stopped" },
	{ 3, 300, crash_dashboard, "a dashboard crashed" },
	{ 3, 300, stop_dashboard, "a dashboard was stopped" },
	{ 3, 300, cut_connections, "the connections of a server were cut" },
	{ 8, 300, delete_pod, "a pod was deleted" },
	{ 3, 300, force_delete_pod, "a pod was deleted by force" },
	{ 3, 300, drain_node, "a node was drained" },
	{ 4, 5500, lose_power, "a node lost its power" },
	{ 8, 5500, cut_node, "a node was cut off" },
	{ 8, 3500, cut_two, "a way was cut" },
	{ 4, 1500, slow_node, "a node was slow" },
	{ 4, 300, lose_member, "ZooKeeper lost a member" },
	{ 7, 300, crash_controller, "a controller crashed" },
	{ 5, 300, stop_controller, "a controller was stopped" },
	{ 4, 300, cut_api, "a controller lost the API server" },
	{ 4, 300, slow_watch, "watches were late" },
	{ 1, 300, set_wall_clock, "a clock was set" },
	{ 9, 500, promote, "a person promoted" },
	{ 4, 0, promote_behind, "a person promoted one that syncs" },
	{ 4, 1000, crash_both, "a master and the controller that leads crashed" },
	{ 4, 300, slow_zookeeper, "ZooKeeper was slow" },
	{ 4, 0, crash_group, "a group crashed" },
	{ 3, 300, cut_kubelet, "a kubelet was cut off" },
	{ 4, 3000, busy_server, "a server was busy" },
};

static void on_fault(void *ctx, int64_t arg)
{
	int total = 0, n;

	(void)ctx;
	(void)arg;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		total += kinds[i].weight;
	n = chance_below(total);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		n -= kinds[i].weight;
		if (n < 0) {
			if (W.single)
				bounds_fault(kinds[i].words, MS(kinds[i].limit_ms));
			kinds[i].fn();
			return;
		}
	}
}

void faults_draw(void)
{
	int count = chance_percent(20) ? 1 : 1 + chance_below(FAULTS_MAX);
	bool is_fourth = W.seed % 4 == 0;
	bool moves = W.seed % 4 == 1 && W.set.groups == 2 && !W.set.cold;
	bool far = is_fourth && count == 1 && W.seed % 8 == 0 && !W.set.cold;
	bool ends = W.seed % 16 == 2 && !W.set.cold;
	bool drains = W.seed % 16 == 10 && !W.set.cold;
	bool scales = W.seed % 8 == 7 && !W.set.cold;
	int64_t until, at = W.set.cold ? chance_between(0, S(6)) : chance_between(S(2), S(4));

	W.wishes = W.seed % 8 == 6 || (scales && W.seed % 16 == 7);
	W.single = count == 1 && !W.set.cold && !is_fourth && !moves && !ends && !drains && !W.wishes && !scales;
	if (W.single && W.seed % 4 == 3)
		W.set.backend_us = S(30); /* as Codis comes */
	for (int i = 0; i < count; i++) {
		after(at, far ? leave_far_behind : on_fault, NULL, 0);
		/* Close together, or one after the other. */
		at += chance_percent(50) ? chance_between(0, S(1)) : chance_between(0, W.set.faults_us);
	}
	/* Not among the others: a seed whose history has none of these is what it was before there were these. */
	if (is_fourth && !far)
		after(chance_between(S(2), at), chance_percent(65) ? leave_late : lose_successor, NULL, 0);
	until = at + chance_between(0, S(2)) + (count == 1 ? S(4) : 0); /* whatever ends with it is a second one */
	W.faults_over_us = W.single && chance_percent(15) ? until + S(30) : until;
	/* As long as it takes to take it out, and to take it for one that hangs. */
	if (W.hides) {
		int64_t lasts = chance_between(S(5), S(25));

		W.faults_over_us += lasts + S(1);
		until = W.faults_over_us;
		after(chance_between(S(2), at), hide_proxy, NULL, lasts);
	}
	if (moves)
		after(chance_between(S(2), at), move_slots, NULL, 0);
	if (scales)
		after(chance_between(S(1), at), scale, NULL, 0);
	if (ends)
		after(chance_between(S(2), at), end_a_switch, NULL, 0);
	if (drains)
		after(chance_between(S(2), at), evict_successor, NULL, 0);
	for (int i = W.wishes ? 1 + chance_below(4) : 0; i > 0; i--)
		after(chance_between(S(1), until), wish, NULL, chance_percent(20) ? STEP_WISHED : STEP_NONE);
}

/* Which of two masters' data counts, and has not answered yet. */
static bool a_person_is_asked(int gid)
{
	return W.asked_us[gid] && !strchr(W.allow_note, '0' + gid);
}

/* What was done to a name lately is done later: those are left out. */
static bool was_to_be_ended(const struct pod *p)
{
	const struct codis_group *g;
	const struct pod *m;

	if (!p->stopped || W.now - p->stopped_us < S(28) || W.now - W.faults_over_us < S(28) || p->was_deleted ||
	    p->deleting || !p->in_api)
		return false;
	if (p->kind != SERVER)
		return p->kind == DASHBOARD || W.set.proxies > 1;
	if (a_person_is_asked(p->gid))
		return false;
	g = zk_group(p->gid);
	m = g && g->count ? pod_at(g->servers[0].addr) : NULL;
	return m && m != p && m->kind == SERVER && m->gid == p->gid && m->alive && !m->stopped && m->redis->leads;
}

/* Where most servers are silent it may be the controller's own network: nobody is ended for that. */
static bool most_are_heard(void)
{
	int servers = 0, stopped = 0;

	for (int i = 0; i < W.pod_count; i++) {
		const struct pod *p = &W.pods[i];

		/* One that is being deleted does not count. */
		if (p->kind != SERVER || !p->alive || !p->in_api || (p->stopped && p->deleting))
			continue;
		servers++;
		stopped += p->stopped;
	}
	return 2 * stopped < servers;
}

static void on_last_stopped(void *ctx, int64_t arg)
{
	(void)ctx;
	(void)arg;
	for (int i = 0; i < W.pod_count && most_are_heard(); i++) {
		if (was_to_be_ended(&W.pods[i]))
			broken("%s hangs for 28 s, and nobody ends it", W.pods[i].name);
	}
	for (int i = 0; i < W.pod_count; i++)
		pod_continue(&W.pods[i]);
}

/* Where one was promoted that lacks what another has, a person is asked, and answers: that is given up. */
static void on_person_answers(void *ctx, int64_t arg)
{
	(void)ctx;
	for (int gid = 1; gid <= SIM_GROUPS; gid++) {
		if (!has_group(gid) || !a_person_is_asked(gid))
			continue;
		say("a person gives up what the old master of group %d has", gid);
		snprintf(W.allow_note + strlen(W.allow_note), sizeof(W.allow_note) - strlen(W.allow_note), "%s%d",
			 W.allow_note[0] ? "," : "", gid);
		check_given_up(gid);
		kube_tell_set();
	}
	after(S(10), on_person_answers, NULL, arg);
}

/* All of it ends now. What was stopped for good is the controller's to end; what it must not end goes on later. */
void faults_end(void)
{
	say("the faults are over");
	redis_pump_all();
	memset(W.cut, 0, sizeof(W.cut));
	memset(W.slow_us, 0, sizeof(W.slow_us));
	memset(W.zk_down, 0, sizeof(W.zk_down));
	W.hidden.until_us = 0;
	W.zk_write_us = W.zk_watch_us = 0;
	redis_slowed();
	for (int i = 0; i < W.pod_count; i++) {
		if (W.pods[i].kind != SERVER || !W.pods[i].alive)
			continue;
		W.pods[i].redis->late_us = 0;
		on_script_over(&W.pods[i], W.pods[i].run);
	}
	for (int i = 0; i < NODES; i++) {
		kubelet_cut(i, false);
		node_power(i, true);
		if (W.cordoned[i])
			on_uncordon(NULL, i);
	}
	for (int i = 0; i < W.set.controllers; i++) {
		struct sim_controller *c = &W.controllers[i];

		c->crash_in = 0;
		c->watch_lag_us = 0;
		if (c->api_cut)
			on_api_back(c, 0);
		controller_continue(c);
	}
	check_way_changed();
	W.faults_over = true;
	after(S(30), on_last_stopped, NULL, 0);
	after(S(40), on_person_answers, NULL, 0);
}
