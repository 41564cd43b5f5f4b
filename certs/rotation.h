/* rotation.h - what is to be done next about the CAs of a Secret: a pure function of what one replica sees.
 *
 * A CA is changed in stages, each a write of the Secret that any replica may do and that only one of them gets through:
 *   1. BEGIN   a new CA stands beside the one that signs, and all put both into the webhook configurations
 *   2. SWITCH  once all configurations have carried it for a while, so that every API server trusts it, it signs; what
 *              signed before stays trusted. Each replica then takes a new leaf, and SAYs so
 *   3. END     once every replica there is has said so, or nobody trusts it any more, what signed before is dropped
 * A CA that came another way (a Secret that was put back) is made into stage 2: KEEP writes down what leaves are of.
 */
#ifndef CODIS_CERTS_ROTATION_H
#define CODIS_CERTS_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct ca_secret;

/* A CA that begins no later than so from now has a clock for its reason that is a little ahead, and is waited for. */
#define ROTATION_SKEW_MS (5 * 60 * 1000)

enum rotation_step {
	ROTATION_WAIT, /* nothing, as things are */
	ROTATION_KEEP,
	ROTATION_BEGIN,
	ROTATION_SWITCH,
	ROTATION_SAY,
	ROTATION_END,
};

struct rotation_view {
	const struct ca_secret *secret;
	int64_t now_ms;        /* wall time, by the API server's clock */
	int64_t ca_renew_ms;   /* a CA of which less is left is replaced */
	int64_t settle_ms;     /* a CA that configurations have carried for so long is trusted by every API server */
	const char *leaf_ca;   /* what signed the leaf that is served with; NULL: there is none that is valid */
	const char *serves_by; /* what calls may be answered by, and has to stay trusted; NULL: nothing */
	const char *signed_before; /* what was ca.crt when this replica looked last: likewise */
	int64_t next_carried_ms;   /* for how long all configurations have carried it; -1: they do not */
	bool any_said;             /* some have said that theirs is of ca.crt, */
	bool said;                 /* this replica has */
	bool all_said;             /* every replica has */
};

enum ca_state {
	CA_GOOD,
	CA_ENDING,   /* less than renew_ms is left */
	CA_UNUSABLE, /* it has ended, or begins later: what it has signed is trusted by nobody */
};

/* One whose times cannot be read was read before: memory is short, and that is no reason for a new one. */
enum ca_state ca_state(const char *pem, int64_t now_ms, int64_t renew_ms);

enum rotation_step rotation_next(const struct rotation_view *v);

#endif
