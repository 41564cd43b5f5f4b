/* reach.h - how a process answers, whatever it speaks: a server RESP, a proxy or a dashboard HTTP. */
#ifndef CODIS_CODIS_REACH_H
#define CODIS_CODIS_REACH_H

enum reach {
	REACH_UNKNOWN, /* nothing heard yet */
	REACH_OK,
	REACH_REFUSED, /* the connection was refused: the address answers and nobody listens */
	REACH_SILENT,  /* no answer; since when, says whoever keeps it */
};

#endif
