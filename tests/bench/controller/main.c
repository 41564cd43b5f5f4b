/* controller-world PRODUCTS GROUPS ZOOKEEPER - a world for one codis-controller (world.h), which ends with its stdin.
 *
 * Says "api PORT" when all is there. Told "kill G", ends the master of group G and says "killed G MICROSECONDS"; told
 * "revive G", starts it anew. A server that is made master says "role SERVER MICROSECONDS". The clock is the monotonic.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/bench/controller/world.h"

struct commands {
	struct world *w;
	uv_pipe_t in;
	char text[1024];
	size_t len;
	int *killed; /* of each group: the server that was ended, or -1 */
};

static void kill_master(struct commands *c, int group)
{
	for (int i = 0; i < WORLD_REPLICA; i++) {
		struct world_server *s = &c->w->servers[group * WORLD_REPLICA + i];

		if (!s->up || s->master != -1)
			continue;
		c->killed[group] = s->number;
		printf("killed %d %lld\n", group, (long long)world_kill(s));
		fflush(stdout);
		return;
	}
}

static void obey(struct commands *c, const char *line)
{
	int group = -1, all = c->w->products * c->w->groups;

	if (sscanf(line, "kill %d", &group) == 1 && group >= 0 && group < all) {
		kill_master(c, group);
	} else if (sscanf(line, "revive %d", &group) == 1 && group >= 0 && group < all && c->killed[group] >= 0) {
		world_revive(&c->w->servers[c->killed[group]]);
		c->killed[group] = -1;
	}
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct commands *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->text + c->len, (unsigned)(sizeof(c->text) - 1 - c->len));
}

static void on_text(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct commands *c = stream->data;
	char *end;

	(void)buf;
	if (n < 0)
		exit(0);
	c->len += (size_t)n;
	c->text[c->len] = '\0';
	while ((end = strchr(c->text, '\n'))) {
		*end = '\0';
		obey(c, c->text);
		c->len -= (size_t)(end + 1 - c->text);
		memmove(c->text, end + 1, c->len + 1);
	}
}

static void listen_to_stdin(struct commands *c)
{
	int all = c->w->products * c->w->groups;

	c->killed = calloc((size_t)all, sizeof(*c->killed));
	for (int i = 0; i < all; i++)
		c->killed[i] = -1;
	uv_pipe_init(c->w->uv, &c->in, 0);
	c->in.data = c;
	uv_pipe_open(&c->in, STDIN_FILENO);
	uv_read_start((uv_stream_t *)&c->in, on_alloc, on_text);
}

int main(int argc, char **argv)
{
	struct rlimit files;
	struct world w = { 0 };
	struct commands commands = { .w = &w };
	void *kube;

	if (argc != 4 || (w.products = (int)strtol(argv[1], NULL, 10)) < 1 ||
	    (w.groups = (int)strtol(argv[2], NULL, 10)) < 1) {
		fprintf(stderr, "usage: controller-world PRODUCTS GROUPS ZOOKEEPER\n");
		return 2;
	}
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	if (fake_setup(&kube) < 0)
		return 1;
	w.kube = kube;
	w.uv = &w.kube->loop.uv;
	world_start_servers(&w);
	world_start_rest(&w);
	world_make_objects(&w, argv[3]);
	world_make_tree(&w, argv[3]);
	listen_to_stdin(&commands);
	printf("api %u\n", w.kube->api.port);
	fflush(stdout);
	loop_run(&w.kube->loop);
	return 0;
}
