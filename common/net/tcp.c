#include "common/net/tcp.h"

#include <linux/tcp.h> /* not <netinet/tcp.h>, whose struct tcp_info ends earlier */
#include <netinet/in.h>
#include <sys/socket.h>

uint64_t tcp_received(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 ? info.tcpi_bytes_received : 0;
}
