/* ops.h - the port of a program of codis-k8s at which it tells its status and its metrics. */
#ifndef CODIS_CLI_OPS_H
#define CODIS_CLI_OPS_H

#include <cjson/cJSON.h>

/* The port of the pod that is called ops, in whichever container; 8080 where none is. */
int ops_port(const cJSON *pod);

#endif
