#include "tests/unit/fake_forward.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/base64.h"
#include "common/base/buf.h"
#include "common/base/json.h"

#define GUID           "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455 */
#define PROTOCOL       "v4.channel.k8s.io"
#define PATIENT_MS     10000
#define DATA_MAX       65536
#define FRAME_DATA_MAX 100

struct forward {
	char *reply, *password, *trouble;
	bool pieces;
	unsigned port, tcp;
	int fd;
	struct buf came, redis; /* frames; what channel 0 has brought */
	bool authorized;
};

static void send_bytes(struct forward *f, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = send(f->fd, at, len, MSG_NOSIGNAL);

		if (n < 0) {
			struct pollfd ready = { f->fd, POLLOUT, 0 };

			if (poll(&ready, 1, PATIENT_MS) != 1 || (ready.revents & (POLLERR | POLLHUP)))
				return;
			continue;
		}
		at += n;
		len -= (size_t)n;
	}
}

/* A binary message of a channel; shorter than 125 bytes. */
static void send_frame(struct forward *f, int channel, const void *data, size_t len)
{
	unsigned char frame[128] = { 0x82, (unsigned char)(len + 1), (unsigned char)channel };

	memcpy(frame + 3, data, len);
	send_bytes(f, frame, len + 3);
}

static void send_redis(struct forward *f, const char *text)
{
	for (; f->pieces && *text; text++)
		send_frame(f, 0, text, 1);
	if (*text)
		send_frame(f, 0, text, strlen(text));
}

static bool take_command(struct forward *f, const char *command, size_t len)
{
	if (f->redis.len < len || memcmp(f->redis.data, command, len) != 0)
		return false;
	buf_consume(&f->redis, len);
	return true;
}

static void serve_redis(struct forward *f)
{
	static const char ping[] = "*1\r\n$4\r\nPING\r\n";
	char auth[300];
	int len = snprintf(auth, sizeof(auth), "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(f->password), f->password);

	if (*f->password && take_command(f, auth, (size_t)len)) {
		f->authorized = true;
		send_redis(f, "+OK\r\n");
	}
	if (take_command(f, ping, sizeof(ping) - 1))
		send_redis(f, f->authorized ? f->reply : "-NOAUTH Authentication required\r\n");
}

/* The next whole frame of the client, of whose bytes each is masked. False: it has not come yet. */
static bool take_frame(struct forward *f)
{
	const unsigned char *at = (const unsigned char *)f->came.data;
	size_t head = 6, len;

	if (f->came.len < head)
		return false;
	len = at[1] & 0x7f;
	if (len == 126) {
		len = (size_t)at[2] << 8 | at[3];
		head = 8;
	}
	if (f->came.len < head + len)
		return false;
	for (size_t i = 1; (at[0] & 0x0f) == 2 && i < len; i++) /* behind the channel, which is 0 */
		buf_addch(&f->redis, (char)(at[head + i] ^ at[head - 4 + i % 4]));
	buf_consume(&f->came, head + len);
	return true;
}

static void serve(struct forward *f)
{
	struct pollfd ready = { f->fd, POLLIN, 0 };
	char data[4096];
	ssize_t n;

	while (poll(&ready, 1, PATIENT_MS) == 1 && (n = recv(f->fd, data, sizeof(data), 0)) > 0) {
		buf_add(&f->came, data, (size_t)n);
		while (take_frame(f))
			serve_redis(f);
	}
}

/* Whether it goes on. */
static bool relay_out(struct forward *f, int tcp)
{
	char data[4096];
	ssize_t n = recv(f->fd, data, sizeof(data), 0);

	if (n <= 0)
		return false;
	buf_add(&f->came, data, (size_t)n);
	while (take_frame(f))
		continue;
	n = f->redis.len ? send(tcp, f->redis.data, f->redis.len, MSG_NOSIGNAL) : 0;
	if (n > 0)
		buf_consume(&f->redis, (size_t)n);
	return n >= 0;
}

static bool relay_in(struct forward *f, int tcp)
{
	char data[FRAME_DATA_MAX];
	ssize_t n = recv(tcp, data, sizeof(data), 0);

	if (n > 0)
		send_frame(f, 0, data, (size_t)n);
	return n > 0;
}

static void relay(struct forward *f)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)f->tcp),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd ready[2] = { { f->fd, POLLIN, 0 }, { tcp, POLLIN, 0 } };
	bool on = connect(tcp, (const struct sockaddr *)&to, sizeof(to)) == 0;

	while (on && poll(ready, 2, PATIENT_MS) > 0) {
		if (ready[0].revents)
			on = relay_out(f, tcp);
		if (on && ready[1].revents)
			on = relay_in(f, tcp);
	}
	close(tcp);
}

static void begin(struct forward *f)
{
	unsigned char port[2] = { (unsigned char)(f->port & 0xff), (unsigned char)(f->port >> 8) };

	send_frame(f, 0, port, 2);
	send_frame(f, 1, port, 2);
	f->authorized = !*f->password;
	if (!*f->trouble)
		return;
	send_frame(f, 1, f->trouble, strlen(f->trouble));
	send_bytes(f, "\x88\x02\x03\xe8", 4); /* closed, 1000 */
}

/* In the thread of its connection. */
static void on_upgrade(void *cls, struct MHD_Connection *conn, void *con_cls, const char *extra, size_t extra_len,
		       MHD_socket fd, struct MHD_UpgradeResponseHandle *handle)
{
	struct forward *f = cls;

	(void)conn, (void)con_cls;
	f->fd = fd;
	buf_init(&f->came, DATA_MAX);
	buf_init(&f->redis, DATA_MAX);
	buf_add(&f->came, extra, extra_len);
	begin(f);
	if (f->tcp)
		relay(f);
	else
		serve(f);
	buf_release(&f->came);
	buf_release(&f->redis);
	free(f->reply);
	free(f->password);
	free(f->trouble);
	free(f);
	MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
}

static char *member(const cJSON *object, const char *name)
{
	const char *text = json_str(object, name, NULL);

	return strdup(text ? text : "");
}

struct MHD_Response *fake_forward(struct MHD_Connection *conn, const cJSON *object)
{
	const char *key = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Sec-WebSocket-Key"),
		   *protocol = MHD_lookup_connection_value(conn, MHD_HEADER_KIND, "Sec-WebSocket-Protocol"),
		   *ports = MHD_lookup_connection_value(conn, MHD_GET_ARGUMENT_KIND, "ports");
	BUF_CLEANUP struct buf text = BUF_INIT(256);
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct MHD_Response *answer;
	struct forward *f;
	char *accept;

	if (!key || !protocol || !ports || strcmp(protocol, PROTOCOL) != 0)
		return NULL;
	buf_addf(&text, "%s" GUID, key);
	EVP_Digest(text.data, text.len, digest, NULL, EVP_sha1(), NULL);
	f = calloc(1, sizeof(*f));
	f->reply = member(object, "reply");
	f->password = member(object, "password");
	f->trouble = member(object, "trouble");
	f->pieces = json_bool(false, object, "pieces", NULL);
	f->tcp = (unsigned)json_int(0, object, "tcp", NULL);
	f->port = (unsigned)strtoul(ports, NULL, 10);
	answer = MHD_create_response_for_upgrade(on_upgrade, f);
	accept = base64_encode(digest, 20);
	MHD_add_response_header(answer, "Upgrade", "websocket");
	MHD_add_response_header(answer, "Sec-WebSocket-Accept", accept);
	MHD_add_response_header(answer, "Sec-WebSocket-Protocol", PROTOCOL);
	free(accept);
	return answer;
}
