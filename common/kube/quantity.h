/* quantity.h - resource.Quantity: "16Gi", "128974848", "500m", "1.5e9". */
#ifndef CODIS_KUBE_QUANTITY_H
#define CODIS_KUBE_QUANTITY_H

#include <cjson/cJSON.h>
#include <stdint.h>

/* In MiB, rounded up; at most UINT32_MAX. What is no quantity, or less than nothing, or not said (NULL), is 0. */
uint32_t quantity_mib(const cJSON *quantity);

#endif
