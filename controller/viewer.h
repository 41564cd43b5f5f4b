/* viewer.h - the status of every cluster as a log, as the users of codis-ha know it. */
#ifndef CODIS_CONTROLLER_VIEWER_H
#define CODIS_CONTROLLER_VIEWER_H

/* Prints the lines at url whenever they change, and, where url is .../status, of .../status.json each proxy and server
 * at each change and once a minute; until SIGTERM or SIGINT. Returns the exit status. */
int viewer_run(const char *url);

#endif
