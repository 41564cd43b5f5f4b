#include "common/net/httpd_wire.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "common/net/tcp.h"

/* As many as GnuTLS writes at once; of more, these. */
#define PARTS_MAX 32

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t size)
{
	struct wire *w = ptr;
	ssize_t n = recv(w->fd, data, size, 0);

	if (n > 0)
		w->received += (uint64_t)n;
	return n;
}

static bool keep(struct wire *w, const giovec_t *parts, int n)
{
	size_t len = w->kept;

	for (int i = 0; i < n; i++) {
		if (parts[i].iov_len > sizeof(w->record) - len)
			return false;
		memcpy(w->record + len, parts[i].iov_base, parts[i].iov_len);
		len += parts[i].iov_len;
	}
	w->kept = len;
	return true;
}

/* GnuTLS takes what is kept for written: what is left of it stays, and goes before whatever comes next. */
static ssize_t send_kept(struct wire *w, const giovec_t *parts, int n)
{
	struct iovec all[1 + PARTS_MAX] = { { .iov_base = w->record, .iov_len = w->kept } };
	struct msghdr message = { .msg_iov = all, .msg_iovlen = 1 + (size_t)n };
	ssize_t sent;

	memcpy(all + 1, parts, (size_t)n * sizeof(*parts));
	sent = sendmsg(w->fd, &message, MSG_NOSIGNAL);
	if (sent < 0)
		return -1;
	if ((size_t)sent < w->kept) {
		w->kept -= (size_t)sent;
		memmove(w->record, w->record + sent, w->kept);
		errno = EAGAIN;
		return -1;
	}
	sent -= (ssize_t)w->kept;
	w->kept = 0;
	return sent;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const giovec_t *parts, int n)
{
	struct wire *w = ptr;
	struct msghdr message = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = (size_t)n };
	size_t kept = w->kept;
	bool joins = w->joins;

	w->joins = false;
	if (joins && keep(w, parts, n))
		return (ssize_t)(w->kept - kept);
	if (w->kept)
		return send_kept(w, parts, n < PARTS_MAX ? n : PARTS_MAX);
	return sendmsg(w->fd, &message, MSG_NOSIGNAL);
}

void wire_init(struct wire *w, int fd, gnutls_session_t session)
{
	*w = (struct wire){ .fd = fd, .tls = session != NULL };
	if (!session)
		return;
	gnutls_transport_set_ptr(session, w);
	gnutls_transport_set_pull_function(session, pull);
	gnutls_transport_set_vec_push_function(session, push);
}

void wire_join(struct wire *w)
{
	w->joins = w->tls;
}

uint64_t wire_received(const struct wire *w)
{
	return w->tls ? w->received : tcp_received(w->fd);
}
