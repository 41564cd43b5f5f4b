#include "common/codis/served.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/codis/topology.h"

#define NONE "none"

int served_write(const struct served_group *groups, int count, struct buf *out)
{
	const char *comma = "";

	for (int i = 0; i < count; i++) {
		if (!groups[i].slots)
			continue;
		buf_addf(out, "%s%d=%d", comma, groups[i].gid, groups[i].slots);
		if (groups[i].keys >= 0)
			buf_addf(out, "/%" PRId64, groups[i].keys);
		comma = ",";
	}
	return comma[0] ? buf_addstr(out, "") : buf_addstr(out, NONE);
}

/* A decimal number of at most 15 digits, which JSON's numbers hold exactly; -1: none is there. */
static int64_t take_number(const char **text)
{
	int64_t n = 0;
	int digits = 0;

	for (; isdigit((unsigned char)**text); (*text)++) {
		if (++digits > 15)
			return -1;
		n = n * 10 + (**text - '0');
	}
	return digits ? n : -1;
}

static bool take(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

int served_next(const char **text, struct served_group *out)
{
	int64_t gid, slots, keys = -1;

	if (!**text || strcmp(*text, NONE) == 0)
		return 0;
	gid = take_number(text);
	if (gid < 1 || gid > INT32_MAX || !take(text, '='))
		return -1;
	slots = take_number(text);
	if (slots < 1 || slots > CODIS_SLOTS)
		return -1;
	if (take(text, '/') && (keys = take_number(text)) < 0)
		return -1;
	if (**text && !(take(text, ',') && **text))
		return -1;
	*out = (struct served_group){ .gid = (int)gid, .slots = (int)slots, .keys = keys };
	return 1;
}

int served_loss_write(const struct served_loss *loss, struct buf *out)
{
	char when[32];

	/* Whole seconds are enough for a person. */
	clock_rfc3339(loss->wall_ms, when, sizeof(when));
	return buf_addf(out, "%s%d=%" PRId64 "@%.19sZ", out->len ? "," : "", loss->gid, loss->keys, when);
}

int served_loss_next(const char **text, struct served_loss *out)
{
	int64_t gid, keys, wall_ms;
	char when[32];
	size_t len;

	if (!**text)
		return 0;
	gid = take_number(text);
	if (gid < 1 || gid > INT32_MAX || !take(text, '='))
		return -1;
	keys = take_number(text);
	if (keys < 0 || !take(text, '@'))
		return -1;
	len = strcspn(*text, ",");
	if (len >= sizeof(when))
		return -1;
	snprintf(when, sizeof(when), "%.*s", (int)len, *text);
	*text += len;
	if (clock_parse_rfc3339(when, &wall_ms, NULL) < 0 || (**text && !(take(text, ',') && **text)))
		return -1;
	*out = (struct served_loss){ .gid = (int)gid, .keys = keys, .wall_ms = wall_ms };
	return 1;
}

bool served_may_lose(const char *allowed, int gid)
{
	while (allowed && *allowed) {
		size_t blanks = strspn(allowed, ", ");
		int64_t n;

		allowed += blanks;
		if (strncmp(allowed, "all", 3) == 0 && strspn(allowed + 3, ", ") == strlen(allowed + 3))
			return true;
		n = take_number(&allowed);
		if (n < 0 || !strchr(", ", *allowed))
			return false;
		if (n == gid)
			return true;
	}
	return false;
}

void served_say_keys(int64_t keys, char out[SERVED_KEYS_MAX])
{
	if (keys <= 0)
		snprintf(out, SERVED_KEYS_MAX, "no keys");
	else if (keys < 1000)
		snprintf(out, SERVED_KEYS_MAX, "about %d key%s", (int)keys, keys == 1 ? "" : "s");
	else if (keys < 1000000)
		snprintf(out, SERVED_KEYS_MAX, "about %d,%03d keys", (int)(keys / 1000), (int)(keys % 1000));
	else
		snprintf(out, SERVED_KEYS_MAX, "about %.1f million keys", (double)keys / 1e6);
}

const char *served_acknowledge(const char *namespace, const char *set, char out[SERVED_COMMAND_MAX])
{
	snprintf(out, SERVED_COMMAND_MAX, "kubectl annotate -n %.63s sts %.253s " CODIS_ANNOTATION_DATA_LOST "-",
		 namespace, set[0] ? set : codis_component_name(CODIS_SERVER));
	return out;
}

const char *served_give_up(const char *namespace, const char *set, int gid, char out[SERVED_COMMAND_MAX])
{
	snprintf(out, SERVED_COMMAND_MAX, "kubectl annotate -n %.63s sts %.253s " CODIS_ANNOTATION_ALLOW_LOSS "=%d",
		 namespace, set[0] ? set : codis_component_name(CODIS_SERVER), gid);
	return out;
}
