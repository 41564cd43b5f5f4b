/* codisctl backup: the product's tree in its coordinator, as one document. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/parts.h"
#include "cli/source.h"
#include "cli/tree_copy.h"

#define TEXT_MAX (64u << 20)

const struct opt backup_options[] = { { "output", NULL, OPT_STRING, offsetof(struct cli_options, output), .arg = "FILE",
					.letter = 'o', .help = "where it is written; default: stdout" },
				      { "from-proxies", NULL, OPT_BOOL, offsetof(struct cli_options, from_proxies),
					.help = "not what ZooKeeper has, but what living proxies say of their slots" },
				      OPT_END };

static int write_all(int fd, const struct buf *text)
{
	for (size_t at = 0; at < text->len;) {
		ssize_t n = write(fd, text->data + at, text->len - at);

		if (n < 0 && errno != EINTR)
			return -1;
		at += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd);
}

/* A backup that was there before stays until this one is whole. */
static enum cli_status write_file(struct cli *c, const char *path, const struct buf *text)
{
	char part[4096];
	int fd, failed;

	if ((size_t)snprintf(part, sizeof(part), "%s.part", path) >= sizeof(part))
		return cli_fail(c, CLI_NOT_SO, "%.100s...: the name is too long", path);
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return cli_fail(c, CLI_NOT_SO, "%s: %s", part, strerror(errno));
	failed = write_all(fd, text);
	if (close(fd) < 0 || failed || rename(part, path) < 0)
		return cli_fail(c, CLI_NOT_SO, "%s: %s", path, strerror(errno));
	return CLI_OK;
}

static enum cli_status put_out(struct cli *c, const cJSON *copy)
{
	BUF_CLEANUP struct buf text = BUF_INIT(TEXT_MAX);
	struct tree_copy_counts n = tree_copy_count(copy);
	enum cli_status status = CLI_OK;

	if (!n.assigned)
		return cli_fail(c, CLI_NOT_SO, "no group has a slot, so there is nothing to keep%s",
				c->options.from_proxies ? "" : "; --from-proxies asks the proxies that serve");
	if (tree_copy_write(copy, &text) < 0)
		return cli_fail(c, CLI_NOT_SO, "no memory");
	if (c->options.output)
		status = write_file(c, c->options.output, &text);
	else
		buf_addstr(&c->out, text.data);
	if (status == CLI_OK)
		buf_addf(&c->err, "%s: %d groups, %d proxies, %d slots, of which a group has %d\n",
			 tree_copy_from(copy), n.groups, n.proxies, n.slots, n.assigned);
	return status;
}

enum cli_status backup_run(struct cli *c)
{
	char product[CODIS_PRODUCT_MAX];
	struct known k;
	struct tree t = { .count = 0 };
	cJSON *copy = NULL;
	enum cli_status status = known_of(&k, c, c->arg_count ? c->args[0] : NULL, product);

	if (status == CLI_OK && c->options.from_proxies)
		status = source_proxies(c, &k, product, &copy);
	else if (status == CLI_OK)
		status = source_open(&t, c, &k, product);
	if (status == CLI_OK && !copy)
		status = source_zookeeper(&t, c, product, &copy);
	if (status == CLI_OK)
		status = put_out(c, copy);
	cJSON_Delete(copy);
	tree_close(&t);
	known_end(&k);
	return status;
}
