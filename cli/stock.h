/* stock.h - the manifests that codisctl brings along: the sets of manifests/codis as they were when it was built
 * (tools/embed makes build/cli/stock_files.c of them, as the Makefile says of which). */
#ifndef CODIS_CLI_STOCK_H
#define CODIS_CLI_STOCK_H

#define STOCK_SETS "plain|article|persistent"

struct stock_file {
	const char *set, *name, *text;
};

/* In the order of sets and of names; one without a set ends it. */
extern const struct stock_file stock_files[];

#endif
