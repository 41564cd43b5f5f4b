/* version.h - what --version and overviews say. */
#ifndef CODIS_SIM_VERSION_H
#define CODIS_SIM_VERSION_H

#define SIM_VERSION "codis-sim, plays Codis 3.2.2"
#define SIM_COMPILE __DATE__ " " __TIME__

#endif
