/* passwords.h - the password of a codis-server, by which clients come (requirepass) and a replica follows its master
 * (masterauth), and that of the dashboard and the proxies of its product (product_auth). Pure. */
#ifndef CODIS_WEBHOOK_PASSWORDS_H
#define CODIS_WEBHOOK_PASSWORDS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

struct admission_request;
struct admission_verdict;
struct buf;
struct cmdline;
struct lookups;
struct mutation;

/* "${NAME}" and nothing else, as cmdline_value() has it. */
bool passwords_is_variable(const char *value);

/* The variable of the container, as ${NAME}, that has the password which the server is given in plain text. False, and
 * out empty: none has. */
bool passwords_variable(const struct mutation *m, const struct cmdline *c, struct buf *out);

/* Appends the words that the server's start lacks: where its password is a variable's, --masterauth to --requirepass;
 * both where the dashboard is told the same password. One that has none would be locked out. */
void passwords_add(struct mutation *m, const struct cmdline *c, int start, struct buf *out);

/* Warns of a server whose requirepass and masterauth are not the same, as far as its command line says. */
void passwords_check(struct mutation *m, const struct cmdline *c);

/* Of a StatefulSet or another workload with a new template: warns where a program of its product in its namespace is
 * told another password, and of a dashboard where servers that run would get its password when they are made anew. */
void passwords_check_product(const struct admission_request *req, const struct lookups *lookups,
			     struct admission_verdict *v);

/* Of a StatefulSet of servers that run: warns where a rolling update would give them another password one by one. */
void passwords_check_roll(const cJSON *old, const cJSON *now, struct admission_verdict *v);

#endif
