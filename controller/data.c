#include "controller/data.h"

#include <stdio.h>
#include <string.h>

static void begin(struct data_process *p, const struct redis_info *info, bool leads)
{
	*p = (struct data_process){ .keys = -1, .led = leads };
	memcpy(p->run_id, info->run_id, sizeof(p->run_id));
}

void data_hear_process(struct data_process *p, const struct redis_info *info, const char *synced_with)
{
	bool leads = info->role == REDIS_ROLE_MASTER;

	if (strcmp(p->run_id, info->run_id) != 0)
		begin(p, info, leads);
	p->led &= leads;
	/* It will have its master's, or its file's, and may lead before it is heard again. */
	p->keys = info->syncing || info->loading ? -1 : info->keys;
	p->followed = info->role == REDIS_ROLE_REPLICA && !redis_info_guarded(info);
	if (!synced_with[0])
		return;
	snprintf(p->heir_of, sizeof(p->heir_of), "%s", synced_with);
	p->heir_keys = info->keys;
}

void data_hear_role(struct data_process *p, const struct redis_info *info)
{
	/* Whoever sends to that address has perhaps written to it by then. */
	if (p->keys < 0 || strcmp(p->run_id, info->run_id) != 0)
		data_hear_process(p, info, "");
}

static bool loses_all(const struct data_group *g, const struct data_process *p, const struct redis_info *info)
{
	bool seen_before = strcmp(p->run_id, info->run_id) == 0 && p->keys >= 0;
	bool heir = seen_before && g->run_id[0] && strcmp(p->heir_of, g->run_id) == 0;
	/* Written to as an empty one, it would have few. */
	bool synced_since = seen_before && p->followed && info->keys > g->keys / 2;
	/* Where all that is known of the keys is a note, which may be a minute old, few are no evidence. */
	bool led_at_once = g->run_id[0] && (p->led || strcmp(p->run_id, info->run_id) != 0);
	int64_t had = seen_before ? p->keys : info->keys;

	/* Those that were noted a while ago have left it since. */
	if (!g->run_id[0] && g->leave)
		return false;
	return g->keys > 0 && had <= (led_at_once ? g->keys / 10 : 0) && !synced_since && !(heir && p->heir_keys == 0);
}

void data_hear_master(struct data_group *g, struct data_process *p, const struct redis_info *info, int64_t wall_ms)
{
	bool same = g->known && strcmp(g->run_id, info->run_id) == 0;

	if (g->lost_keys && info->keys && strcmp(g->lost_run_id, info->run_id) == 0)
		data_noted(g);
	if (g->known && !same && loses_all(g, p, info)) {
		g->lost_keys += g->keys;
		g->lost_wall_ms = wall_ms;
		memcpy(g->lost_run_id, g->run_id, sizeof(g->lost_run_id));
		g->told = false;
	}
	g->known = true;
	memcpy(g->run_id, info->run_id, sizeof(g->run_id));
	g->keys = info->keys;
	/* Should it get the role once more, what it had before this time tells nothing. */
	if (strcmp(p->run_id, info->run_id) != 0)
		begin(p, info, false);
	p->keys = -1;
	p->led = false;
}

void data_recall(struct data_group *g, int64_t keys)
{
	if (g->known || keys < 0)
		return;
	*g = (struct data_group){ .known = true, .keys = keys };
}

void data_give_up(struct data_group *g)
{
	*g = (struct data_group){ .known = true };
}

void data_noted(struct data_group *g)
{
	g->lost_keys = 0;
	g->lost_wall_ms = 0;
	g->told = false;
}
