/* A certificate of the user's own: what the API server would not take is not served. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "certs/files.h"
#include "tests/unit/certs_fixture.h"
#include "tests/unit/test.h"

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

/* A directory with a certificate, as a mounted Secret, and a replica that serves with it. */
struct own {
	char dir[32], cert[64], key[64];
	struct cert ca;
	struct replica r;
	struct certs_files *files;
};

static int on_file_leaf(void *ctx, const struct cert *leaf)
{
	struct replica *r = ctx;

	cert_release(&r->leaf);
	assert_int_equal(cert_copy(&r->leaf, leaf), 0);
	r->leaves++;
	return 0;
}

static int64_t wall_ms(void *ctx)
{
	(void)ctx;
	return clock_wall_ms();
}

static void on_file_error(void *ctx, const struct error *err)
{
	struct replica *r = ctx;

	r->errors++;
	r->last = *err;
}

static void own_init(struct own *o)
{
	*o = (struct own){ .dir = "/tmp/codis-certs-XXXXXX", .r = { .notices = BUF_INIT(10000) } };
	assert_non_null(mkdtemp(o->dir));
	snprintf(o->cert, sizeof(o->cert), "%s/tls.crt", o->dir);
	snprintf(o->key, sizeof(o->key), "%s/tls.key", o->dir);
	make_ca("ca", 100, 1000, &o->ca);
}

static void own_release(struct own *o)
{
	certs_files_stop(o->files);
	certs_stop(o->r.certs);
	cert_release(&o->r.leaf);
	cert_release(&o->ca);
	buf_release(&o->r.notices);
	unlink(o->cert);
	unlink(o->key);
	rmdir(o->dir);
}

static void own_watch(struct own *o, struct fake_world *w)
{
	struct certs_files_config cfg = { .cert_file = o->cert,
					  .key_file = o->key,
					  .dns_name = certs_names[0],
					  .poll_ms = 10,
					  .now_ms = wall_ms,
					  .on_leaf = on_file_leaf,
					  .on_error = on_file_error,
					  .ctx = &o->r };

	o->files = certs_files_start(&w->loop.uv, &cfg, NULL);
	assert_non_null(o->files);
}

static void put_pair(const struct own *o, const struct cert *pair)
{
	write_file(o->cert, pair->cert_pem);
	write_file(o->key, pair->key_pem);
}

FIXTURE_TEST(files_are_read_again_when_they_change)
{
	CERT_CLEANUP struct cert a = { 0 }, b = { 0 };
	struct fake_world *w = *state;
	struct own o;

	own_init(&o);
	make_leaf(&o.ca, 0, 10, &a);
	make_leaf(&o.ca, 0, 10, &b);
	own_watch(&o, w);
	assert_true(fake_run(w, LONG, has_failed, &o.r)); /* not there yet */
	assert_int_equal(o.r.last.code, ERR_NOTFOUND);
	assert_non_null(strstr(o.r.last.text, o.cert));
	put_pair(&o, &a);
	assert_true(fake_run(w, LONG, has_a_leaf, &o.r));
	assert_string_equal(o.r.leaf.key_pem, a.key_pem);
	o.r.errors = 0;
	write_file(o.cert, b.cert_pem); /* one is there before the other */
	assert_true(fake_run(w, LONG, has_failed, &o.r));
	assert_int_equal(o.r.leaves, 1);
	write_file(o.key, b.key_pem);
	assert_true(fake_run(w, LONG, has_two_leaves, &o.r));
	assert_string_equal(o.r.leaf.key_pem, b.key_pem);
	own_release(&o);
}

/* Put in place of a good one, each is refused with its reason, and the good one is served on. */
FIXTURE_TEST(what_the_api_server_would_not_take_is_not_served)
{
	static const char *const reasons[] = { "the certificate ended at ", "the certificate begins at ",
					       "the key is not the certificate's own",
					       "not a certificate in PEM: ", "the certificate has to be for " };
	CERT_CLEANUP struct cert good = { 0 };
	static const char *const others[] = { "a.example", NULL };
	struct cert bad[5];
	struct fake_world *w = *state;
	char expected[256];
	struct own o;

	own_init(&o);
	make_leaf(&o.ca, 0, 10, &good);
	make_leaf(&o.ca, 20, 10, &bad[0]);
	make_leaf(&o.ca, -2, 10, &bad[1]);
	make_leaf(&o.ca, 0, 10, &bad[2]);
	free(bad[2].key_pem);
	bad[2].key_pem = strdup(good.key_pem);
	make_leaf(&o.ca, 0, 10, &bad[3]);
	bad[3].cert_pem[strlen(bad[3].cert_pem) / 2] = '\0'; /* half written */
	assert_int_equal(ca_sign(&o.ca, others, clock_wall_ms(), DAY_MS, &bad[4], NULL), 0);
	put_pair(&o, &good);
	own_watch(&o, w);
	assert_true(fake_run(w, LONG, has_a_leaf, &o.r));
	for (size_t i = 0; i < 5; i++) {
		put_pair(&o, &bad[i]);
		o.r.errors = 0;
		assert_true(fake_run(w, LONG, has_failed, &o.r));
		snprintf(expected, sizeof(expected), "%s and %s are not taken, the certificate before them stays: %s",
			 o.cert, o.key, reasons[i]);
		assert_ptr_equal(strstr(o.r.last.text, expected), o.r.last.text);
		assert_int_equal(o.r.leaves, 1);
		cert_release(&bad[i]);
	}
	own_release(&o);
}

/* It was waited for in vain, and the replica with it. */
FIXTURE_TEST(a_pipe_or_a_folder_is_no_certificate)
{
	struct fake_world *w = *state;
	char expected[128];
	struct own o;

	own_init(&o);
	snprintf(expected, sizeof(expected), "%s is not a file", o.cert);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(i ? mkdir(o.cert, 0700) : mkfifo(o.cert, 0600), 0);
		own_watch(&o, w);
		o.r.errors = 0;
		assert_true(fake_run(w, LONG, has_failed, &o.r));
		assert_string_equal(o.r.last.text, expected);
		certs_files_stop(o.files);
		o.files = NULL;
		assert_int_equal(remove(o.cert), 0);
	}
	own_release(&o);
}

static struct certs_config own_config(struct own *o)
{
	struct certs_config cfg = replica_config(&o->r);

	cfg.cert_file = o->cert;
	cfg.key_file = o->key;
	cfg.namespace = cfg.secret_name = cfg.mutating = cfg.validating = NULL;
	return cfg;
}

FIXTURE_TEST(with_files_nothing_else_is_touched)
{
	CERT_CLEANUP struct cert a = { 0 };
	struct fake_world *w = *state;
	struct certs_config cfg;
	struct own o;

	own_init(&o);
	cfg = own_config(&o);
	make_leaf(&o.ca, 0, 10, &a);
	put_pair(&o, &a);
	o.r.certs = certs_start(&w->loop.uv, NULL, &cfg, NULL);
	assert_non_null(o.r.certs);
	assert_int_equal(o.r.leaves, 0);
	assert_true(fake_run(w, LONG, is_ready, &o.r));
	assert_int_equal(o.r.leaves, 1);
	assert_int_equal(fake_count(&w->api, ""), 0);
	own_release(&o);
}

FIXTURE_TEST(who_starts_with_an_ended_one_is_not_ready_and_says_why)
{
	CERT_CLEANUP struct cert old = { 0 };
	struct fake_world *w = *state;
	char why[256], expected[256];
	struct certs_config cfg;
	struct own o;

	own_init(&o);
	cfg = own_config(&o);
	make_leaf(&o.ca, 20, 10, &old);
	put_pair(&o, &old);
	o.r.certs = certs_start(&w->loop.uv, NULL, &cfg, NULL);
	assert_non_null(o.r.certs);
	assert_false(certs_ready(o.r.certs, why, sizeof(why)));
	assert_string_equal(why, "the certificate's files have not been read yet");
	assert_true(fake_run(w, LONG, has_failed, &o.r));
	assert_false(certs_ready(o.r.certs, why, sizeof(why)));
	snprintf(expected, sizeof(expected), "%s and %s are not taken: the certificate ended at ", o.cert, o.key);
	assert_ptr_equal(strstr(why, expected), why);
	assert_int_equal(o.r.leaves, 0);
	own_release(&o);
}

FIXTURE_TEST(one_that_nobody_renews_is_named_before_its_end)
{
	CERT_CLEANUP struct cert old = { 0 };
	struct fake_world *w = *state;
	char expected[256];
	struct certs_config cfg;
	int64_t from, until;
	struct own o;

	own_init(&o);
	cfg = own_config(&o);
	make_leaf(&o.ca, 26, 30, &old); /* four days are left */
	put_pair(&o, &old);
	o.r.certs = certs_start(&w->loop.uv, NULL, &cfg, NULL);
	assert_non_null(o.r.certs);
	assert_true(fake_run(w, LONG, is_ready, &o.r));
	assert_int_equal(cert_times(old.cert_pem, &from, &until, NULL), 0);
	assert_int_equal(o.r.leaf_until_ms, until);
	assert_int_equal(o.r.endings, 1);
	assert_false(o.r.of_secret);
	snprintf(expected, sizeof(expected), "the certificate in %s ends at 20", o.cert);
	assert_ptr_equal(strstr(o.r.ending, expected), o.r.ending);
	assert_non_null(strstr(o.r.ending, "Z, and there is no new one yet"));
	own_release(&o);
}
