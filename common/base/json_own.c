#include "common/base/json_own.h"

#include <stddef.h>

#include "common/base/json.h"

static bool own_text(cJSON *item)
{
	cJSON *copy = cJSON_CreateString(item->valuestring);

	if (!copy)
		return false;
	item->valuestring = copy->valuestring;
	copy->valuestring = NULL;
	cJSON_Delete(copy);
	return true;
}

static bool own_members(cJSON *item)
{
	cJSON *first = NULL, *last = NULL;

	for (const cJSON *member = item->child; member; member = member->next) {
		cJSON *refers = json_refer(member);

		if (!refers) {
			cJSON_Delete(first);
			return false;
		}
		refers->string = member->string;
		refers->type |= cJSON_StringIsConst;
		if (last)
			last->next = refers;
		else
			first = refers;
		refers->prev = last;
		last = refers;
	}
	if (first)
		first->prev = last; /* as cJSON has it */
	item->child = first;
	return true;
}

bool json_own(cJSON *item)
{
	if (!item || !(item->type & cJSON_IsReference))
		return true;
	if (item->valuestring ? !own_text(item) : item->child && !own_members(item))
		return false;
	item->type &= ~cJSON_IsReference;
	return true;
}
