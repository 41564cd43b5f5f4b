#include "tests/codis-sim/proxy.h"

#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/wire.h"

static const char not_ready[] = "slot is not ready, may be offline";

void router_init(struct proxy *p)
{
	for (int i = 0; i < MAX_SLOTS; i++) {
		p->router.slots[i].id = i;
		TAILQ_INIT(&p->router.slots[i].waiters);
	}
}

void router_snapshot(struct proxy *p, int id, struct slot *out)
{
	const struct pslot *s = &p->router.slots[id];

	memset(out, 0, sizeof(*out));
	out->id = id;
	out->locked = s->hold;
	snprintf(out->backend, sizeof(out->backend), "%s", s->backend ? s->backend->addr : "");
	out->backend_group = s->backend_group;
	snprintf(out->migrate, sizeof(out->migrate), "%s", s->migrate ? s->migrate->addr : "");
	out->migrate_group = s->migrate_group;
	out->method = s->method;
	if (!s->n_replica_groups)
		return;
	out->groups = calloc(3, sizeof(*out->groups));
	for (int i = 0; out->groups && i < s->n_replica_groups; i++, out->n_groups++)
		for (int k = 0; k < s->replica_groups[i].count; k++)
			snprintf(out->groups[i].addrs[out->groups[i].count++], ADDR_SIZE, "%s",
				 s->replica_groups[i].links[k]->addr);
}

/* --- fills -------------------------------------------------------------------------------------------------------- */

static void release_all(struct proxy *p, struct pslot *s)
{
	link_release(p, s->backend);
	link_release(p, s->migrate);
	for (int i = 0; i < s->n_replica_groups; i++)
		for (int k = 0; k < s->replica_groups[i].count; k++)
			link_release(p, s->replica_groups[i].links[k]);
	free(s->replica_groups);
	s->backend = s->migrate = NULL;
	s->replica_groups = NULL;
	s->n_replica_groups = s->backend_group = s->migrate_group = 0;
}

static void take_replicas(struct proxy *p, struct pslot *s, const struct slot *m)
{
	if (!m->n_groups || p->primary_only)
		return;
	s->replica_groups = calloc((size_t)m->n_groups, sizeof(*s->replica_groups));
	if (!s->replica_groups)
		golog_panic("no memory");
	for (int i = 0; i < m->n_groups; i++)
		for (int k = 0; k < m->groups[i].count; k++)
			s->replica_groups[i].links[s->replica_groups[i].count++] =
				link_retain(p, m->groups[i].addrs[k], true);
	s->n_replica_groups = m->n_groups;
}

/* The old ones go first, as in Codis: a server that only this slot used is dialled anew, also when it stays the same.
 */
static void swap(struct proxy *p, struct pslot *s, const struct slot *m)
{
	release_all(p, s);
	if (*m->backend) {
		s->backend = link_retain(p, m->backend, false);
		s->backend_group = m->backend_group;
	}
	if (*m->migrate) {
		s->migrate = link_retain(p, m->migrate, false);
		s->migrate_group = m->migrate_group;
	}
	take_replicas(p, s, m);
	s->method = m->method;
	golog_warn("fill slot %04d, backend.addr = %s, migrate.from = %s, locked = %s", s->id, m->backend, m->migrate,
		   m->locked ? "true" : "false");
	s->hold = m->locked;
	if (!s->hold)
		sessions_wake(p, &s->waiters);
}

static const char *refusal(const struct proxy *p, const struct fill *f, const struct slot *m)
{
	if (f->closing)
		return NULL;
	if (p->router.closed)
		return "use of closed router";
	if (m->id < 0 || m->id >= MAX_SLOTS)
		return "use of invalid slot id";
	if (m->method != 0 && m->method != 1)
		return "use of invalid forwarder method";
	return NULL;
}

void router_turn(struct proxy *p)
{
	struct fill *f = p->router.fill;

	while (f && f->at < f->n && !f->error) {
		const struct slot *m = &f->slots[f->at];
		struct pslot *s;

		f->error = refusal(p, f, m);
		if (f->error)
			break;
		s = &p->router.slots[m->id];
		s->hold = true;
		if (s->refs || s->passing)
			return; /* goes on when they are through */
		swap(p, s, m);
		f->at++;
	}
	if (!f)
		return;
	p->router.fill = NULL;
	if (f->job)
		job_done(p, f->job);
}

void router_fill(struct proxy *p, struct fill *f)
{
	p->router.fill = f;
	router_turn(p);
}

void router_unref(struct proxy *p, struct pslot *s)
{
	(void)p;
	s->refs--; /* router_turn looks at it before the loop waits again */
}

/* --- forwarding --------------------------------------------------------------------------------------------------- */

/* Of a replica that is connected, the nearest first; or the master. */
static struct backend *choose(struct proxy *p, struct pslot *s, int db, const struct command *cmd)
{
	struct backend *b;

	if (!s->migrate && !cmd->master_only) {
		for (int i = 0; i < s->n_replica_groups; i++) {
			unsigned n = (unsigned)s->replica_groups[i].count;

			for (unsigned k = 0; k < n; k++) {
				b = link_backend(p, s->replica_groups[i].links[++p->router.seed % n], db, false);
				if (b)
					return b;
			}
		}
	}
	return link_backend(p, s->backend, db, true);
}

static void refused_by_old(struct session *s, const struct unit *u, const char *what)
{
	char why[256];

	snprintf(why, sizeof(why), "bad %s resp: %.*s", what, (int)strcspn(u->reply + 1, "\r"), u->reply + 1);
	session_pass_end(s, why, NULL, 0, false);
}

/* A key of a slot that is on its way: what its old server did about it. */
static void on_wrapped(struct proxy *p, struct unit *u)
{
	static const char gone[] = "*2\r\n:0\r\n", moving[] = "*2\r\n:1\r\n", done[] = "*2\r\n:2\r\n";
	const size_t head = sizeof(done) - 1;
	struct session *s = u->ctx;

	(void)p;
	if (!u->reply)
		session_pass_end(s, u->error, NULL, 0, false);
	else if (strncmp(u->reply, gone, head) == 0)
		session_pass_end(s, NULL, NULL, 0, false);
	else if (strncmp(u->reply, moving, head) == 0)
		session_pass_end(s, NULL, NULL, 0, true);
	else if (strncmp(u->reply, done, head) == 0)
		session_pass_end(s, NULL, u->reply + head, u->len - head, false);
	else
		refused_by_old(s, u, "slotsmgrt-exec-wrapper");
	free(u->reply);
	free(u);
}

static void on_moved(struct proxy *p, struct unit *u)
{
	struct session *s = u->ctx;

	(void)p;
	if (!u->reply)
		session_pass_end(s, u->error, NULL, 0, false);
	else if (*u->reply == ':')
		session_pass_end(s, NULL, NULL, 0, false);
	else
		refused_by_old(s, u, "slotsmgrt");
	free(u->reply);
	free(u);
}

/* Semi-async: the old server is asked to run the command if it still has the key. Sync: to move the key at once. */
static void pass(struct proxy *p, struct session *s, struct pslot *slot, const struct parcel *what)
{
	BUF_CLEANUP struct buf b = BUF_INIT(WIRE_MAX);
	struct unit *u = calloc(1, sizeof(*u));
	const char *colon = strrchr(slot->backend->addr, ':'), *words = strchr(what->wire, '\n') + 1;

	if (!u || !colon)
		golog_panic("no memory");
	u->ctx = s;
	if (slot->method == 1) {
		u->done = on_wrapped;
		wire_array(&b, 2 + (int)strtol(what->wire + 1, NULL, 10));
		wire_word(&b, "SLOTSMGRT-EXEC-WRAPPER");
		wire_bulk(&b, what->key, what->key_len);
		buf_add(&b, words, what->len - (size_t)(words - what->wire));
	} else {
		u->done = on_moved;
		wire_array(&b, 5);
		wire_word(&b, "SLOTSMGRTTAGONE");
		wire_bulk(&b, slot->backend->addr, (size_t)(colon - slot->backend->addr));
		wire_word(&b, colon + 1);
		wire_word(&b, "3000");
		wire_bulk(&b, what->key, what->key_len);
	}
	session_pass_begin(s, slot);
	backend_push(link_backend(p, slot->migrate, session_db(s), true), u, b.data, b.len);
}

enum route_result router_send(struct proxy *p, struct session *s, int id, struct unit *u, const struct parcel *what,
			      const char **why)
{
	struct pslot *slot = &p->router.slots[id];

	if (slot->hold) {
		session_hold(s, slot);
		return ROUTE_HELD;
	}
	if (!slot->backend) {
		*why = not_ready;
		return ROUTE_REFUSED;
	}
	if (slot->migrate && what->key_len && !session_has_passed(s)) {
		pass(p, s, slot, what);
		return ROUTE_HELD;
	}
	slot->refs++;
	u->slot = slot;
	backend_push(choose(p, slot, session_db(s), what->command), u, what->wire, what->len);
	return ROUTE_SENT;
}

bool router_send_to(struct proxy *p, const char *addr, int db, struct unit *u, const char *wire, size_t len)
{
	struct backend *b = link_backend(p, link_find(p, addr, false), db, false);

	if (!b)
		b = link_backend(p, link_find(p, addr, true), db, false);
	if (!b)
		return false;
	backend_push(b, u, wire, len);
	return true;
}
