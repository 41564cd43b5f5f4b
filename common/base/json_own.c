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
	cJSON *own = cJSON_CreateArray(), *refers;

	for (const cJSON *member = own ? item->child : NULL; member; member = member->next) {
		refers = json_refer(member);
		if (!refers) {
			cJSON_Delete(own);
			return false;
		}
		refers->string = member->string;
		refers->type |= cJSON_StringIsConst;
		cJSON_AddItemToArray(own, refers);
	}
	if (!own)
		return false;
	item->child = own->child;
	own->child = NULL;
	cJSON_Delete(own);
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
