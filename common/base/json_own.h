/* json_own.h - a copy on write: what json_refer() has made is copied where it is changed, and shared elsewhere. */
#ifndef CODIS_BASE_JSON_OWN_H
#define CODIS_BASE_JSON_OWN_H

#include <cjson/cJSON.h>
#include <stdbool.h>

/* Makes what a reference refers to its own, so that it may be changed: a text is copied, and the members of an object
 * or array become references, whose names are those of the original's. An item that is no reference, or NULL, stays as
 * it is. False, and nothing is changed: no memory. */
bool json_own(cJSON *item);

#endif
