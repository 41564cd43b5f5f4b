#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/error.h"
#include "common/base/text.h"
#include "common/kube/client.h"
#include "common/kube/config.h"
#include "common/net/loop.h"

#define OUT_MAX (64u << 20)
#define ERR_MAX (1u << 20)

const struct opt cli_options[] = {
	{ "namespace", NULL, OPT_STRING, offsetof(struct cli_options, namespace), .arg = "NAME", .letter = 'n',
	  .help = "the namespace that is meant; default: that of the context" },
	{ "context", NULL, OPT_STRING, offsetof(struct cli_options, context), .arg = "NAME",
	  .help = "a context of the kubeconfig in place of its current one" },
	{ "kubeconfig", NULL, OPT_STRING, offsetof(struct cli_options, kubeconfig), .arg = "FILE",
	  .help = "how to reach the API server; default: the files of $KUBECONFIG, ~/.kube/config, or in a pod its "
		  "service account" },
	{ "system-namespace", "CODIS_SYSTEM_NAMESPACE", OPT_STRING, offsetof(struct cli_options, system), .arg = "NAME",
	  .def = "codis-system", .help = "where codis-k8s itself runs" },
	{ "help", NULL, OPT_BOOL, offsetof(struct cli_options, help), .letter = 'h', .help = "what the verb does" },
	OPT_END
};

void cli_init(struct cli *c, int out_fd, int err_fd)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	*c = (struct cli){ .out_fd = out_fd, .err_fd = err_fd };
	buf_init(&c->out, OUT_MAX);
	buf_init(&c->err, ERR_MAX);
	buf_init(&c->warned, ERR_MAX);
	c->terminal = out_fd >= 0 && isatty(out_fd) && term && strcmp(term, "dumb") != 0;
	c->colour = c->terminal && (!no_colour || !*no_colour);
}

static void disconnect(struct cli *c)
{
	kube_client_free(c->kube);
	free(c->server);
	free(c->own_namespace);
	kube_config_release(&c->config);
	c->kube = NULL;
	c->server = c->own_namespace = NULL;
}

void cli_release(struct cli *c)
{
	disconnect(c);
	if (c->loop) {
		loop_release(c->loop);
		free(c->loop);
	}
	opt_release(cli_options, &c->options);
	free(c->options.output);
	free(c->options.product);
	free(c->options.file);
	free(c->options.set);
	free(c->options.images);
	free(c->options.to);
	free(c->options.statefulset);
	free(c->options.kustomize);
	free(c->options.nodes_from);
	free(c->options.version);
	free(c->options.scheduler_image);
	buf_release(&c->out);
	buf_release(&c->err);
	buf_release(&c->warned);
}

/* 0, or errno. */
static int write_all(int fd, struct buf *text)
{
	size_t done = 0;
	int r = 0;

	while (fd >= 0 && done < text->len && r == 0) {
		ssize_t n = write(fd, text->data + done, text->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno == EAGAIN) /* a terminal that another program has made so */
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		else if (errno != EINTR)
			r = errno;
	}
	if (fd >= 0)
		buf_reset(text);
	return r;
}

void cli_flush(struct cli *c)
{
	if (c->out.failed)
		cli_fail(c, CLI_NOT_SO, "what is to be printed is over %u MB, or there is no memory for it",
			 OUT_MAX >> 20);
	if (!c->out_errno) {
		c->out_errno = write_all(c->out_fd, &c->out);
		if (c->out_errno && c->out_errno != EPIPE)
			cli_fail(c, CLI_NOT_SO, "standard output cannot be written: %s", strerror(c->out_errno));
	}
	write_all(c->err_fd, &c->err);
}

bool cli_is_unread(const struct cli *c)
{
	struct pollfd p = { .fd = c->out_fd };

	return c->out_errno || (c->out_fd >= 0 && poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP | POLLNVAL));
}

/* --- the cluster -------------------------------------------------------------------------------------------------- */

/* Ctrl-C, as a shell tells it: at once. What was done in the cluster stands, and each verb can be repeated. */
static void on_signal(int signum)
{
	(void)signum;
	_exit(CLI_INTERRUPTED);
}

/* Not by the loop: nobody turns it while an exec plugin is waited for. */
void cli_end_at_signals(void)
{
	struct sigaction end = { .sa_handler = on_signal };

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
}

static int make_loop(struct cli *c, struct error *err)
{
	if (c->loop)
		return 0;
	c->loop = calloc(1, sizeof(*c->loop));
	if (!c->loop)
		return error_set(err, ERR_NOMEM, "no memory");
	if (loop_init(c->loop, NULL, NULL, err) == 0) {
		uv_signal_stop(&c->loop->sigint);
		uv_signal_stop(&c->loop->sigterm);
		cli_end_at_signals();
		return 0;
	}
	free(c->loop);
	c->loop = NULL;
	return -1;
}

/* As kubectl says it, and each once: of two pods of a set it would be the same. */
static void on_warning(void *ctx, const char *text)
{
	BUF_CLEANUP struct buf line = BUF_INIT(ERR_MAX / 2);
	struct cli *c = ctx;

	buf_addstr(&line, "Warning: ");
	text_clean(&line, text, strlen(text));
	buf_addch(&line, '\n');
	if (line.failed || strstr(c->warned.data, line.data))
		return;
	buf_add(&c->warned, line.data, line.len);
	buf_add(&c->err, line.data, line.len);
}

void cli_use(struct cli *c, struct kube_client *kube)
{
	c->kube = kube;
	kube_client_on_warning(kube, on_warning, c);
}

static int take_config(struct cli *c, struct kube_config *config, struct error *err)
{
	struct kube_client *kube;

	if (!cli_is_namespace(config->namespace))
		return error_set(err, ERR_INVALID, "the context's namespace is \"%.64s\", which is no name of one",
				 config->namespace);
	kube = kube_client_new(&c->loop->uv, config, err);
	if (!kube)
		return -1;
	disconnect(c);
	cli_use(c, kube);
	c->server = config->server;
	c->own_namespace = config->namespace;
	config->server = config->namespace = NULL;
	c->config = *config;
	*config = (struct kube_config){ 0 };
	return 0;
}

enum cli_status cli_connect(struct cli *c)
{
	struct kube_config_choice choice = { c->options.kubeconfig, c->options.context, true };
	struct kube_config config = { 0 };
	struct error err = ERROR_INIT;
	int r;

	r = kube_config_choose(&config, &choice, &err);
	if (r == 0)
		r = make_loop(c, &err);
	if (r == 0)
		r = take_config(c, &config, &err);
	kube_config_release(&config);
	return r < 0 ? cli_fail(c, CLI_NO_CLUSTER, "%s", err.text) : CLI_OK;
}

enum cli_status cli_connect_once(struct cli *c)
{
	return c->kube ? CLI_OK : cli_connect(c);
}

const char *cli_namespace(const struct cli *c)
{
	return c->options.namespace ? c->options.namespace : c->own_namespace;
}

void cli_add_name(struct buf *names, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = names->data; names->len && (at = strstr(at, name)); at += len) {
		if ((at == names->data || at[-1] == ' ') && (!at[len] || at[len] == ',') && len)
			return;
	}
	buf_addf(names, "%s%s", names->len ? ", " : "", name);
}

bool cli_is_namespace(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len < 64 && !name[len] && name[0] != '-' && name[len - 1] != '-';
}

/* --- what is said ------------------------------------------------------------------------------------------------- */

enum cli_status cli_fail(struct cli *c, enum cli_status status, const char *fmt, ...)
{
	BUF_CLEANUP struct buf text = BUF_INIT(ERR_MAX / 2);
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	buf_addstr(&c->err, "codisctl: ");
	text_clean(&c->err, text.data, text.len);
	buf_addch(&c->err, '\n');
	return status;
}

enum cli_status cli_status_of(const struct error *err)
{
	switch (err->code) {
	case ERR_NOTFOUND:
	case ERR_CONFLICT:
	case ERR_EXISTS:
	case ERR_INVALID: return CLI_NOT_SO;
	case ERR_STATUS: return err->status / 100 == 5 || err->status == 429 ? CLI_NO_CLUSTER : CLI_NOT_SO;
	default: return CLI_NO_CLUSTER;
	}
}

enum cli_status cli_fail_call(struct cli *c, const struct error *err)
{
	return cli_fail(c, cli_status_of(err), "%s", err->text);
}

static const char *code(const struct cli *c, const char *escape)
{
	return c->colour ? escape : "";
}

const char *cli_red(const struct cli *c)
{
	return code(c, "\033[31m");
}

const char *cli_yellow(const struct cli *c)
{
	return code(c, "\033[33m");
}

const char *cli_green(const struct cli *c)
{
	return code(c, "\033[32m");
}

const char *cli_bold(const struct cli *c)
{
	return code(c, "\033[1m");
}

const char *cli_plain(const struct cli *c)
{
	return code(c, "\033[0m");
}
