/* report.h - what `codisctl status` tells, as one object: of codis-controller where one answers, else of Kubernetes and
 * the dashboards.
 *
 *     {"from": "codis-controller-x", "leads": true, "lease": "codis-controller-x", "controllers": [...],
 *      "clusters": [as /status.json of the controller, or what is known of them], "not_led": [...]}
 *
 * from "": no controller has answered. */
#ifndef CODIS_CLI_REPORT_H
#define CODIS_CLI_REPORT_H

#include <cjson/cJSON.h>

#include "cli/cli.h"

/* At most within two seconds where the API server answers at once, whoever else does not. Of the namespace (NULL: all)
 * and the product (NULL: all). The caller's (cJSON_Delete); NULL: *status, and why is said. */
cJSON *report_make(struct cli *c, const char *namespace, const char *product, enum cli_status *status);

/* The namespaces with a cluster, "codis, shop", that another -n would show; "": none. */
#define REPORT_ELSEWHERE_MAX 400
void report_elsewhere(const cJSON *report, char out[REPORT_ELSEWHERE_MAX]);

#endif
