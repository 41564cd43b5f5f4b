#include "certs/rotation.h"

#include <string.h>

#include "certs/ca_secret.h"

enum ca_state ca_state(const char *pem, int64_t now_ms, int64_t renew_ms)
{
	int64_t from_ms, until_ms;

	if (cert_times(pem, &from_ms, &until_ms, NULL) < 0)
		return CA_GOOD;
	if (now_ms >= until_ms || from_ms - now_ms > ROTATION_SKEW_MS)
		return CA_UNUSABLE;
	return until_ms - now_ms < renew_ms ? CA_ENDING : CA_GOOD;
}

/* What is asked for once this text is there that was not done yet. */
static bool is_asked(const struct ca_secret *s)
{
	return *s->asked && strcmp(s->asked, s->done) != 0;
}

static bool may_switch(const struct rotation_view *v)
{
	/* Nobody is trusted by it: there is nothing to lose. */
	if (ca_state(v->secret->now.cert_pem, v->now_ms, 0) == CA_UNUSABLE)
		return v->next_carried_ms >= 0;
	return v->next_carried_ms >= v->settle_ms;
}

/* Nobody is trusted by any of the old ones any more. */
static bool old_is_over(const struct rotation_view *v)
{
	PEM_CLEANUP struct pem_set old = { 0 };

	if (pem_add(&old, v->secret->old_pem, NULL) < 0)
		return false;
	for (int i = 0; i < old.n; i++)
		if (ca_state(old.at[i], v->now_ms, 0) != CA_UNUSABLE)
			return false;
	return true;
}

static enum rotation_step ending(const struct rotation_view *v)
{
	const struct ca_secret *s = v->secret;

	if (s->old_pem && old_is_over(v))
		return ROTATION_END;
	if (!s->old_pem || !v->leaf_ca || strcmp(v->leaf_ca, s->now.cert_pem) != 0)
		return ROTATION_WAIT;
	if (v->all_said)
		return ROTATION_END;
	return v->said ? ROTATION_WAIT : ROTATION_SAY;
}

static bool is_lost(const struct ca_secret *s, const char *pem)
{
	return pem && !pem_has(&s->all, pem);
}

/* Nobody has said anything yet when another CA begins to sign: it was said before it was put back, or we are late. */
static bool is_said_of_another(const struct rotation_view *v)
{
	return v->any_said && v->signed_before && strcmp(v->signed_before, v->secret->now.cert_pem) != 0;
}

enum rotation_step rotation_next(const struct rotation_view *v)
{
	const struct ca_secret *s = v->secret;

	if (is_lost(s, v->serves_by) || is_lost(s, v->signed_before) || is_said_of_another(v))
		return ROTATION_KEEP;
	if (s->next.cert_pem) {
		if (ca_state(s->next.cert_pem, v->now_ms, v->ca_renew_ms) != CA_GOOD)
			return ROTATION_BEGIN;
		if (may_switch(v))
			return ROTATION_SWITCH;
	} else if (ca_state(s->now.cert_pem, v->now_ms, v->ca_renew_ms) != CA_GOOD || (is_asked(s) && !s->old_pem)) {
		return ROTATION_BEGIN;
	}
	return ending(v);
}
