#include "tests/codis-sim/auth.h"

#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <openssl/evp.h>
#include <sys/socket.h>

#include "common/base/buf.h"

static void hex(char *out, const unsigned char *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02x", in[i]);
}

static void digest(const EVP_MD *md, const struct buf *text, char *out)
{
	unsigned char sum[EVP_MAX_MD_SIZE] = { 0 };

	EVP_Digest(text->data, text->len, sum, NULL, md, NULL);
	hex(out, sum, 16);
}

void auth_xauth(char out[XAUTH_SIZE], int n, const char *const *parts)
{
	BUF_CLEANUP struct buf b = BUF_INIT(4096);

	buf_addstr(&b, "Codis-XAuth");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "-[%s]", parts[i]);
	digest(EVP_sha256(), &b, out);
}

enum { MACS_MAX = 64 };

static int by_text(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int collect_macs(char macs[MACS_MAX][18])
{
	struct ifaddrs *all = NULL;
	int n = 0;

	if (getifaddrs(&all) < 0)
		return 0;
	for (struct ifaddrs *i = all; i && n < MACS_MAX; i = i->ifa_next) {
		const struct sockaddr_ll *ll = (const void *)i->ifa_addr;
		const unsigned char *m;

		if (!ll || ll->sll_family != AF_PACKET || ll->sll_halen != 6)
			continue;
		m = ll->sll_addr;
		if (m[0] | m[1] | m[2] | m[3] | m[4] | m[5])
			snprintf(macs[n++], 18, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5]);
	}
	freeifaddrs(all);
	qsort(macs, (size_t)n, sizeof(macs[0]), by_text);
	return n;
}

void auth_token(char out[TOKEN_SIZE], int n, const char *const *parts)
{
	BUF_CLEANUP struct buf b = BUF_INIT(8192);
	char macs[MACS_MAX][18];
	int count = collect_macs(macs);

	buf_addstr(&b, "Codis-Token@[");
	for (int i = 0; i < count; i++)
		buf_addf(&b, "%s%s", i ? " " : "", macs[i]);
	buf_addstr(&b, "]");
	for (int i = 0; i < n; i++)
		buf_addf(&b, "-{%s}", parts[i]);
	digest(EVP_md5(), &b, out);
}
