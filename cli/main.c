/* codisctl, also installed as kubectl-codis. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/verbs.h"
#include "common/base/error.h"
#include "common/base/file.h"

int main(int argc, char **argv)
{
	enum cli_status status;
	struct error err;
	struct cli c;

	signal(SIGPIPE, SIG_IGN); /* `codisctl status | head` */
	if (file_open_standard(&err) < 0) {
		fprintf(stderr, "codisctl: %s\n", err.text);
		return CLI_NOT_SO;
	}
	cli_init(&c, STDOUT_FILENO, STDERR_FILENO);
	status = verbs_run(&c, argc, argv);
	cli_flush(&c);
	if (c.out_errno && c.out_errno != EPIPE && status == CLI_OK)
		status = CLI_NOT_SO;
	cli_release(&c);
	return (int)status;
}
