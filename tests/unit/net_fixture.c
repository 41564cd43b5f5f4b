#include "tests/unit/net_fixture.h"

#include <linux/tcp.h>

struct raw_conn {
	int fd;
	SSL *ssl;
};

static void bio_text(BIO *bio, char *out, size_t size)
{
	int n = BIO_read(bio, out, (int)size - 1);

	assert_true(n > 0);
	out[n] = '\0';
	BIO_free(bio);
}

void identity_make(struct identity *id, const char *name)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
	X509_EXTENSION *ca = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, "critical,CA:TRUE");
	BIO *out = BIO_new(BIO_s_mem());

	assert_non_null(key);
	X509_set_version(cert, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(cert, X509_get_subject_name(cert));
	X509_set_pubkey(cert, key);
	X509_add_ext(cert, san, -1);
	X509_add_ext(cert, ca, -1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	PEM_write_bio_X509(out, cert);
	bio_text(out, id->cert, sizeof(id->cert));
	out = BIO_new(BIO_s_mem());
	PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
	bio_text(out, id->key, sizeof(id->key));
	X509_EXTENSION_free(san);
	X509_EXTENSION_free(ca);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static X509 *identity_x509(const struct identity *id)
{
	BIO *bio = BIO_new_mem_buf(id->cert, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return cert;
}

static EVP_PKEY *identity_pkey(const struct identity *id)
{
	BIO *bio = BIO_new_mem_buf(id->key, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	return key;
}

int listen_anywhere(uint16_t *port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(listen(fd, 64), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	*port = ntohs(sin.sin_port);
	return fd;
}

int free_port(void)
{
	uint16_t port;

	close(listen_anywhere(&port));
	return port;
}

int connect_to(uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval limit = { .tv_sec = 20 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	return fd;
}

void send_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len; data += n, len -= (size_t)n) {
		n = send(fd, data, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
	}
}

unsigned packets_in(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len), 0);
	return info.tcpi_data_segs_in;
}

static int raw_read(struct raw_conn *c, char *to, size_t size)
{
	return c->ssl ? SSL_read(c->ssl, to, (int)size) : (int)recv(c->fd, to, size, 0);
}

/* Reads up to the blank line and the body that Content-Length announces. false: the client has gone. */
static bool raw_read_request(struct raw_server *s, struct raw_conn *c)
{
	size_t len = 0, body = 0;
	const char *end, *field;
	int n;

	do {
		n = raw_read(c, s->last + len, sizeof(s->last) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		s->last[len] = '\0';
		end = strstr(s->last, "\r\n\r\n");
		field = strstr(s->last, "Content-Length: ");
		body = field ? strtoul(field + 16, NULL, 10) : 0;
	} while (!end || s->last + len < end + 4 + body);
	return true;
}

static void raw_serve(struct raw_server *s, struct raw_conn *c)
{
	char byte;

	while (raw_read_request(s, c)) {
		s->requests++;
		if (s->go)
			sem_wait(s->go);
		if (c->ssl)
			SSL_write(c->ssl, s->answer, (int)strlen(s->answer));
		else
			send_all(c->fd, s->answer, strlen(s->answer));
		while (s->end == RAW_FLOOD)
			if (send(c->fd, s->more, strlen(s->more), MSG_NOSIGNAL) <= 0)
				return;
		if (s->end == RAW_CLOSE)
			return;
		while (s->end == RAW_HOLD)
			if (raw_read(c, &byte, 1) <= 0)
				return;
	}
}

static SSL_CTX *raw_tls(struct raw_server *s)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
	X509 *cert = identity_x509(s->tls);
	EVP_PKEY *key = identity_pkey(s->tls);

	SSL_CTX_use_certificate(ctx, cert);
	SSL_CTX_use_PrivateKey(ctx, key);
	X509_free(cert);
	EVP_PKEY_free(key);
	if (s->client) {
		cert = identity_x509(s->client);
		X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert);
		SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
		X509_free(cert);
	}
	return ctx;
}

static void *raw_main(void *arg)
{
	struct raw_server *s = arg;
	SSL_CTX *ctx = s->tls ? raw_tls(s) : NULL;
	struct raw_conn c = { 0 };

	while ((c.fd = accept(s->fd, NULL, NULL)) >= 0) {
		s->connections++;
		c.ssl = ctx ? SSL_new(ctx) : NULL;
		usleep((unsigned)s->stall_ms * 1000);
		if (c.ssl)
			SSL_set_fd(c.ssl, c.fd);
		if (!c.ssl || SSL_accept(c.ssl) == 1)
			raw_serve(s, &c);
		if (c.ssl)
			SSL_shutdown(c.ssl);
		SSL_free(c.ssl);
		close(c.fd);
		s->closed++;
	}
	SSL_CTX_free(ctx);
	return NULL;
}

void raw_start(struct raw_server *s)
{
	s->fd = listen_anywhere(&s->port);
	assert_int_equal(pthread_create(&s->thread, NULL, raw_main, s), 0);
}

void raw_stop(struct raw_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}
