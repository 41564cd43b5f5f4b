/* selftest-pod PORT: greets every connection with its host's name, then sends back what it hears. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void serve(int fd)
{
	char buf[512];
	ssize_t n;

	if (gethostname(buf, sizeof(buf) - 1) < 0)
		return;
	buf[sizeof(buf) - 2] = '\0';
	strcat(buf, "\n");
	n = (ssize_t)strlen(buf);
	do {
		if (write(fd, buf, (size_t)n) != n)
			return;
	} while ((n = read(fd, buf, sizeof(buf))) > 0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in any = { .sin_family = AF_INET,
				   .sin_port = htons((uint16_t)atoi(argc > 1 ? argv[1] : "8080")) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, peer;

	signal(SIGCHLD, SIG_IGN);
	signal(SIGTERM, _exit);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(fd, 64) < 0) {
		perror("selftest-pod");
		return 1;
	}
	puts("serving");
	fflush(stdout);
	for (;;) {
		peer = accept(fd, NULL, NULL);
		if (peer >= 0 && fork() == 0) {
			serve(peer);
			_exit(0);
		}
		close(peer);
	}
}
