/* elsewhere.h - what is told of values that are said, but not where codis-webhook can read them: which line to write.
 */
#ifndef CODIS_WEBHOOK_ELSEWHERE_H
#define CODIS_WEBHOOK_ELSEWHERE_H

struct codis_pod;
struct error;
struct mutation;

/* 0 where it is known or nothing is said, or -1 and *err: a sentence that ends with what to write. */
int elsewhere_server_replica(const struct codis_pod *pod, struct error *err);
int elsewhere_product(const struct codis_pod *pod, struct error *err);

/* Warns of a product that a pod other than a server has elsewhere (it works, but the controller does not know whose it
 * is), and of a password that the controller has to be let read. */
void elsewhere_warn_product(struct mutation *m);
void elsewhere_warn_password(struct mutation *m);

#endif
