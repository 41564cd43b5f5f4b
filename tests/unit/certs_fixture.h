/* certs_fixture.h - certificates as tests make them, and replicas of a webhook before a played API server. */
#ifndef CODIS_TESTS_UNIT_CERTS_FIXTURE_H
#define CODIS_TESTS_UNIT_CERTS_FIXTURE_H

#include "certs/ca.h"
#include "certs/certs.h"
#include "tests/unit/fake_api.h"

#define SECRETS    "/api/v1/namespaces/codis-system/secrets"
#define SECRET     SECRETS "/codis-webhook-ca"
#define CONFIGS    "/apis/admissionregistration.k8s.io/v1/"
#define MUTATING   CONFIGS "mutatingwebhookconfigurations/codis-webhook"
#define VALIDATING CONFIGS "validatingwebhookconfigurations/codis-webhook"
#define LONG       10000
#define DAY_MS     INT64_C(86400000)

#define FIXTURE_TEST(name) TEST_WITH(name, fake_setup, fake_teardown)

/* "codis-webhook.codis-system.svc", "localhost", NULL */
extern const char *const certs_names[];

/* A CA made `age` days ago for so many days from then; a leaf of it for certs_names, likewise. */
void make_ca(const char *name, int age, int days, struct cert *ca);
void make_leaf(const struct cert *ca, int age, int days, struct cert *leaf);

/* A CA as users make them, for 100 days. Extensions NULL: it has none of that kind; unlike our own, none has an
 * identifier of its key. */
struct odd_ca {
	const char *key; /* EC, RSA, ED25519 */
	const char *constraints, *usage, *names;
};
void make_odd_ca(const struct odd_ca *odd, struct cert *ca);

/* OpenSSL's verdict on a server that shows this leaf: X509_V_OK, or why not. ca_pem may be several. */
int verdict(const char *ca_pem, const char *leaf_pem, const char *host);

struct replica {
	struct fake_world *world;
	struct kube_client *kube;
	struct certs *certs;
	struct cert leaf;
	int leaves, errors;
	struct error last;
	struct buf notices;
	int64_t leaf_until_ms, ca_until_ms; /* as they were told, */
	int64_t late_ms;                    /* the last time */
	int endings;
	char ending[700]; /* the last sentence about one */
	bool of_secret;
};

/* How a replica is started: a copy may be changed before. Its callbacks keep everything in *r. */
struct certs_config replica_config(struct replica *r);
void replica_start(struct replica *r, struct fake_world *w);
void replica_start_with(struct replica *r, struct fake_world *w, const struct certs_config *cfg);
void replica_stop(struct replica *r);

/* What a test waits for (fake_run); ctx is the replica. */
bool is_ready(void *ctx);
bool has_failed(void *ctx);
bool has_a_leaf(void *ctx);
bool has_two_leaves(void *ctx);
bool bundles_are_right(void *ctx); /* both configurations carry ca.crt of the Secret, and nothing else */

/* Both webhook configurations, as they are installed: without a bundle, or with one that is none. */
void install_configurations(struct fake_world *w);
/* The Secret, with this CA, and ca-old.crt (base64; NULL: none), whatever it was before. */
void put_ca(struct fake_world *w, const struct cert *ca, const char *old);
/* A text in the Secret, the caller's; NULL: none. */
char *secret_value(struct fake_world *w, const char *key);
/* The first caBundle of a configuration, as PEM, the caller's; NULL: none. */
char *bundle_of(struct fake_world *w, const char *path);
/* How many webhooks of a configuration do not have ca.crt for a bundle. */
int wrong_bundles(struct fake_world *w, const char *path);
void is_served_by(struct fake_world *w, const struct replica *r);

#endif
