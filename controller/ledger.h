/* ledger.h - what is kept of a cluster's data over time: heard of the servers, recalled from the StatefulSet, told when
 * it is gone, and noted there. data.h judges, note.h says what is to be written; here is what asks and writes. */
#ifndef CODIS_CONTROLLER_LEDGER_H
#define CODIS_CONTROLLER_LEDGER_H

struct cluster;
struct observed_server;

/* A server's INFO was heard, and its role is known. */
void ledger_hear(struct cluster *c, struct observed_server *s);
/* Before the picture is made: what the StatefulSet says, which another controller, or this one before, has noted; and
 * what its user gives up. */
void ledger_recall(struct cluster *c);
/* After it: where this controller leads, tells losses (Warning DataLost, metric) and writes codis.io/slots and
 * codis.io/data-lost when they are due. */
void ledger_note(struct cluster *c);

#endif
