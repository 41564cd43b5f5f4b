/* servers.c - codis-servers as a controller sees them: INFO, AUTH, CONFIG, SLAVEOF. */
#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/clock.h"
#include "tests/bench/controller/world.h"

#define BACKLOG 64

struct world_conn {
	uv_tcp_t tcp;
	struct world_server *server;
	redisReader *reader;
	char in[4096];
	struct world_conn *next, **link;
};

struct answer {
	uv_write_t req;
	struct buf text;
};

/* --- INFO, as long as that of Redis 3.2.11 --------------------------------------------------------------------------
 */

static const char info_head[] =
	"# Server\r\nredis_version:3.2.11\r\nredis_git_sha1:de1ad026\r\nredis_git_dirty:0\r\n"
	"redis_build_id:c3cb9bb8f9f4a0d7\r\nredis_mode:standalone\r\nos:Linux 6.1.0-13-amd64 x86_64\r\narch_bits:64\r\n"
	"multiplexing_api:epoll\r\ngcc_version:12.2.0\r\nprocess_id:1\r\nrun_id:%s\r\ntcp_port:6379\r\n"
	"uptime_in_seconds:86400\r\nuptime_in_days:1\r\nhz:10\r\nlru_clock:2718281\r\nexecutable:/codis/"
	"codis-server\r\n"
	"config_file:/codis/config/redis.conf\r\n\r\n"
	"# Clients\r\nconnected_clients:12\r\nclient_longest_output_list:0\r\nclient_biggest_input_buf:0\r\n"
	"blocked_clients:0\r\n\r\n"
	"# Memory\r\nused_memory:1058816\r\nused_memory_human:1.01M\r\nused_memory_rss:3334144\r\n"
	"used_memory_rss_human:3.18M\r\nused_memory_peak:1096768\r\nused_memory_peak_human:1.05M\r\n"
	"total_system_memory:25275813888\r\ntotal_system_memory_human:23.54G\r\nused_memory_lua:37888\r\n"
	"used_memory_lua_human:37.00K\r\nmaxmemory:0\r\nmaxmemory_human:0B\r\nmaxmemory_policy:noeviction\r\n"
	"mem_fragmentation_ratio:3.15\r\nmem_allocator:jemalloc-4.0.3\r\n\r\n"
	"# Persistence\r\nloading:0\r\nrdb_changes_since_last_save:0\r\nrdb_bgsave_in_progress:0\r\n"
	"rdb_last_save_time:1511425725\r\nrdb_last_bgsave_status:ok\r\nrdb_last_bgsave_time_sec:0\r\n"
	"rdb_current_bgsave_time_sec:-1\r\naof_enabled:0\r\naof_rewrite_in_progress:0\r\naof_rewrite_scheduled:0\r\n"
	"aof_last_rewrite_time_sec:-1\r\naof_current_rewrite_time_sec:-1\r\naof_last_bgrewrite_status:ok\r\n"
	"aof_last_write_status:ok\r\n\r\n"
	"# Stats\r\ntotal_connections_received:18\r\ntotal_commands_processed:345678\r\ninstantaneous_ops_per_sec:4\r\n"
	"total_net_input_bytes:4838492\r\ntotal_net_output_bytes:939383838\r\ninstantaneous_input_kbps:0.12\r\n"
	"instantaneous_output_kbps:9.31\r\nrejected_connections:0\r\nsync_full:1\r\nsync_partial_ok:0\r\n"
	"sync_partial_err:0\r\nexpired_keys:0\r\nevicted_keys:0\r\nkeyspace_hits:123\r\nkeyspace_misses:0\r\n"
	"pubsub_channels:0\r\npubsub_patterns:0\r\nlatest_fork_usec:181\r\nmigrate_cached_sockets:0\r\n\r\n"
	"# Replication\r\n";
static const char info_tail[] =
	"\r\n# CPU\r\nused_cpu_sys:12.34\r\nused_cpu_user:23.45\r\nused_cpu_sys_children:0.00\r\n"
	"used_cpu_user_children:0.00\r\n\r\n# Cluster\r\ncluster_enabled:0\r\n\r\n# Keyspace\r\n";

static void add_replica(const struct world_server *s, struct buf *out)
{
	const struct world_server *m = s->master >= 0 ? &s->w->servers[s->master] : NULL;
	bool linked = m && m->up && m->master == -1 && s->following;
	char ip[48] = "127.0.0.1";

	if (m)
		world_server_ip(m->number, ip);
	buf_addf(out,
		 "role:slave\r\nmaster_host:%s\r\nmaster_port:%d\r\nmaster_link_status:%s\r\n"
		 "master_last_io_seconds_ago:%d\r\nmaster_sync_in_progress:0\r\nslave_repl_offset:%d\r\n",
		 ip, m ? 6379 : 1, linked ? "up" : "down", linked ? 0 : -1, s->following ? 123456 : 1);
	if (!linked)
		buf_addf(out, "master_link_down_since_seconds:1\r\n");
	buf_addf(out, "slave_priority:100\r\nslave_read_only:1\r\nconnected_slaves:0\r\nmaster_repl_offset:0\r\n");
}

void world_info(const struct world_server *s, struct buf *out)
{
	buf_addf(out, info_head, s->run_id);
	if (s->master == -1)
		buf_addf(out, "role:master\r\nconnected_slaves:1\r\n"
			      "slave0:ip=127.1.0.1,port=6379,state=online,offset=123456,lag=0\r\nmaster_repl_offset:"
			      "123456\r\n");
	else
		add_replica(s, out);
	buf_addf(out, "repl_backlog_active:1\r\nrepl_backlog_size:1048576\r\nrepl_backlog_first_byte_offset:2\r\n"
		      "repl_backlog_histlen:123455\r\n");
	buf_addstr(out, info_tail);
	if (s->master == -1 || s->following)
		buf_addf(out, "db0:keys=1000,expires=0,avg_ttl=0\r\n");
}

/* --- commands ------------------------------------------------------------------------------------------------------
 */

static void new_run_id(struct world_server *s)
{
	static int runs;

	snprintf(s->run_id, sizeof(s->run_id), "%020d%020d", s->number + 1, ++runs);
}

static int server_at(const struct world *w, const char *ip)
{
	char own[48];

	for (int i = 0; i < w->products * w->groups * WORLD_REPLICA; i++) {
		world_server_ip(i, own);
		if (strcmp(own, ip) == 0)
			return i;
	}
	return -2;
}

static void slaveof(struct world_server *s, const char *host, const char *port)
{
	if (strcasecmp(host, "no") == 0 && strcasecmp(port, "one") == 0) {
		s->master = -1;
		printf("role %d %lld\n", s->number, (long long)clock_mono_us());
		fflush(stdout);
		return;
	}
	s->master = server_at(s->w, host);
	s->following = s->master >= 0 && s->w->servers[s->master].up && s->w->servers[s->master].master == -1;
}

static void serve(struct world_server *s, const redisReply *r, struct buf *out)
{
	const char *name = r->type == REDIS_REPLY_ARRAY && r->elements ? r->element[0]->str : "";
	BUF_CLEANUP struct buf info = BUF_INIT(1u << 16);

	if (strcasecmp(name, "INFO") == 0) {
		world_info(s, &info);
		buf_addf(out, "$%zu\r\n", info.len);
		buf_add(out, info.data, info.len);
		buf_addstr(out, "\r\n");
	} else if (strcasecmp(name, "SLAVEOF") == 0 && r->elements == 3) {
		slaveof(s, r->element[1]->str, r->element[2]->str);
		buf_addstr(out, "+OK\r\n");
	} else if (strcasecmp(name, "AUTH") == 0 || strcasecmp(name, "CONFIG") == 0 ||
		   strcasecmp(name, "CLIENT") == 0 || strcasecmp(name, "PING") == 0) {
		buf_addstr(out, "+OK\r\n");
	} else {
		buf_addf(out, "-ERR unknown command '%s'\r\n", name);
	}
}

/* --- connections ---------------------------------------------------------------------------------------------------
 */

static void on_conn_closed(uv_handle_t *handle)
{
	struct world_conn *c = handle->data;

	redisReaderFree(c->reader);
	free(c);
}

static void close_conn(struct world_conn *c)
{
	if (uv_is_closing((uv_handle_t *)&c->tcp))
		return;
	*c->link = c->next;
	if (c->next)
		c->next->link = c->link;
	uv_close((uv_handle_t *)&c->tcp, on_conn_closed);
}

static void on_written(uv_write_t *req, int status)
{
	struct answer *a = req->data;

	(void)status;
	buf_release(&a->text);
	free(a);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct world_conn *c = handle->data;

	(void)suggested;
	*buf = uv_buf_init(c->in, sizeof(c->in));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *in)
{
	struct world_conn *c = stream->data;
	struct answer *a = n > 0 ? calloc(1, sizeof(*a)) : NULL;
	void *reply = NULL;
	uv_buf_t out;

	if (!a || redisReaderFeed(c->reader, in->base, (size_t)n) != REDIS_OK) {
		free(a);
		if (n)
			close_conn(c);
		return;
	}
	buf_init(&a->text, 1u << 20);
	a->req.data = a;
	while (redisReaderGetReply(c->reader, &reply) == REDIS_OK && reply) {
		serve(c->server, reply, &a->text);
		freeReplyObject(reply);
	}
	out = uv_buf_init(a->text.data, (unsigned)a->text.len);
	if (!out.len || uv_write(&a->req, stream, &out, 1, on_written) < 0)
		on_written(&a->req, -1);
}

static void on_connection(uv_stream_t *listener, int status)
{
	struct world_server *s = listener->data;
	struct world_conn *c = status == 0 ? calloc(1, sizeof(*c)) : NULL;

	if (!c)
		return;
	c->server = s;
	c->reader = redisReaderCreate();
	c->next = s->conns;
	c->link = &s->conns;
	if (c->next)
		c->next->link = &c->next;
	s->conns = c;
	uv_tcp_init(s->w->uv, &c->tcp);
	c->tcp.data = c;
	if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0 ||
	    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read) < 0)
		close_conn(c);
}

/* --- servers -------------------------------------------------------------------------------------------------------
 */

static void listen_on(struct world_server *s)
{
	struct sockaddr_in sin;
	char ip[48];
	int r;

	world_server_ip(s->number, ip);
	uv_ip4_addr(ip, 6379, &sin);
	uv_tcp_init(s->w->uv, &s->listener);
	s->listener.data = s;
	r = uv_tcp_bind(&s->listener, (const struct sockaddr *)&sin, 0);
	if (r == 0)
		r = uv_listen((uv_stream_t *)&s->listener, BACKLOG, on_connection);
	if (r < 0) {
		fprintf(stderr, "%s: %s\n", s->addr, uv_strerror(r));
		exit(1);
	}
	s->up = true;
}

void world_start_servers(struct world *w)
{
	int n = w->products * w->groups * WORLD_REPLICA;
	char ip[48];

	w->servers = calloc((size_t)n, sizeof(*w->servers));
	for (int i = 0; i < n; i++) {
		struct world_server *s = &w->servers[i];

		s->w = w;
		s->number = i;
		world_server_ip(i, ip);
		snprintf(s->addr, sizeof(s->addr), "%s:6379", ip);
		new_run_id(s);
		s->master = i % WORLD_REPLICA ? i - i % WORLD_REPLICA : -1;
		s->following = s->master >= 0;
		listen_on(s);
	}
}

int64_t world_kill(struct world_server *s)
{
	int64_t began = clock_mono_us();

	s->up = false;
	uv_close((uv_handle_t *)&s->listener, NULL); /* libuv closes the sockets at once */
	while (s->conns)
		close_conn(s->conns);
	return began;
}

void world_revive(struct world_server *s)
{
	new_run_id(s);
	s->master = -2;
	s->following = false;
	listen_on(s);
}
