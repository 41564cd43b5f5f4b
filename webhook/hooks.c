#include "webhook/hooks.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/codis/info.h"

/* Endpoints and the nodes' rules follow a pod's deletion by a second or two. */
#define PROXY_PAUSE_S 3
/* Who asks again and again on new connections has gone elsewhere by then; who keeps one never does. */
#define PROXY_DRAIN_S 10
/* What codis-admin gets, where the grace period allows: the dashboard may be busy with a promotion. */
#define ADMIN_S 10
/* Then the dashboard may as well try itself: each end costs it more of the kubelet's back-off. */
#define ZOOKEEPER_S 60
/* Of a server that cannot be asked: codis-controller switches within a second. */
#define BLIND_S 3

/* The kubelet replaces $(NAME) in a probe's words where NAME is a variable of the container, and $$ by $: there is no
 * $$, and no command of one bare word in $(...). */

/* --- parts ----------------------------------------------------------------------------------------------------- */

/* `within SECONDS COMMAND...` is that command, killed after so long, and its status: redis-cli waits for a hung server
 * without limit. Process 1 of the container is Codis and reaps nobody, so all that is started is waited for; that is
 * why it is not timeout: busybox' one leaves a process that ends after its parent. What a kubelet kills is the shell
 * alone, hence no script lasts until then. An answer ends the sleep, whose end is what is waited for. */
#define WITHIN                                                                                                         \
	"within() {\n"                                                                                                 \
	"  sleep \"$1\" >/dev/null 2>&1 & t=$!\n"                                                                      \
	"  shift\n"                                                                                                    \
	"  { trap 'kill -9 $!; wait; exit 1' TERM\n"                                                                   \
	"    \"$@\" 2>&1 & wait $!\n"                                                                                  \
	"    e=$?; kill $t; exit $e\n"                                                                                 \
	"  } 2>/dev/null & w=$!\n"                                                                                     \
	"  wait $t 2>/dev/null && kill $w\n"                                                                           \
	"  wait $w\n"                                                                                                  \
	"}\n"

/* `cli WORDS...` asks the server, within a second; `ask` is what it says to INFO. section: of INFO, or "": all. */
static void add_ask(const struct hooks_redis *r, const char *section, struct buf *out)
{
	buf_addstr(out, WITHIN "cli() { within 1 redis-cli -h \"");
	buf_addstr(out, r->host);
	buf_addstr(out, "\" -p \"");
	buf_addstr(out, r->port);
	if (r->auth) {
		buf_addstr(out, "\" -a \"");
		buf_addstr(out, r->auth);
	}
	buf_addstr(out, "\" \"$@\"; }\nask() { cli info");
	buf_addstr(out, section);
	buf_addstr(out, "; }\n");
}

/* `now` sets $now to seconds since some time, without a process; where there is no such file, to how often it was
 * called. $end is so many seconds later. */
static void add_clock(int seconds, struct buf *out)
{
	buf_addstr(out, "now() { read -r now rest 2>/dev/null </proc/uptime || now=$((${now:-0} + 1)); now=${now%%.*}; "
			"}\n"
			"now; end=$((now + ");
	buf_addint(out, seconds);
	buf_addstr(out, "))\n");
}

/* --- servers --------------------------------------------------------------------------------------------------- */

/* redis-cli warns of -a before it asks. */
void hooks_server_ready(const struct hooks_redis *r, struct buf *out)
{
	buf_addstr(out, HOOKS_MARK "ready is a master, and a replica whose link is up\n"
				   "command -v redis-cli >/dev/null || exit 0\n");
	add_ask(r, " replication", out);
	buf_addstr(out, "i=$(ask )\n"
			"case $i in\n"
			"*role:master*|*master_link_status:up*) exit 0 ;;\n"
			"*master_port:1[!0-9]*) echo 'it waits for codis-controller to give it a role' ;;\n"
			"*role:slave*) echo 'the link to its master is down' ;;\n"
			"'' | *'may not be safe.') echo 'it does not answer' ;;\n"
			"*) echo \"$i\" ;;\n"
			"esac\n"
			"exit 1\n");
}

void hooks_server_start(const struct hooks_redis *r, struct buf *out)
{
	buf_addstr(out, HOOKS_MARK "until it answers, at most 3 s; the pod's address is published when this ends\n"
				   "command -v redis-cli >/dev/null || exit 0\n");
	add_ask(r, " replication", out);
	add_clock(2, out);
	buf_addstr(out, "while [ \"$now\" -lt \"$end\" ]; do\n"
			"  case $(ask ) in *role:*) exit 0 ;; esac\n"
			"  sleep 0.1 2>/dev/null || sleep 1\n"
			"  now\n"
			"done\n"
			"exit 0\n");
}

/* Who has the only data, as far as it can tell itself: a master without a replica, and a replica that has lost its
 * master, is in no sync and was given a role. */
static void add_last_holder(struct buf *out)
{
	buf_addstr(out, "  *role:master*connected_slaves:0*:keys=*) tell ;;\n"
			"  *role:slave*master_port:1[!0-9]*) exit 0 ;;\n"
			"  *role:slave*master_link_status:down*master_sync_in_progress:0*:keys=*) ;;\n");
}

/* `tell`: codis-controller sees that this one is about to end, also where its kubelet tells nobody, or while it gives
 * it the master's role. It asks again at once when its connection breaks, which is one whose last command was INFO.
 * What has not got through in its second is told again at the next look; one that hangs since is not waited for once
 * more for each connection. */
static void add_tell(struct buf *out)
{
	buf_addstr(out, "told=\n"
			"tell() {\n"
			"  [ ! \"$told\" ] && cli config set hz " CODIS_ENDING_HZ " >/dev/null || return\n"
			"  told=yes\n"
			"  cli client list | while read -r i addr rest; do\n"
			"    case $rest in *cmd=info*) cli client kill \"${addr#addr=}\" >/dev/null || break ;; esac\n"
			"  done\n"
			"}\n");
}

/* Who answers late, or with something else (-BUSY, too many clients), may be a master with the only data. */
void hooks_server_stop(const struct hooks_redis *r, int seconds, bool alone, struct buf *out)
{
	buf_addstr(out, HOOKS_MARK "a master waits until codis-controller has switched to a replica");
	buf_addstr(out, alone ? ", at most " : " that has its keys, at most ");
	buf_addint(out, seconds);
	buf_addstr(out, " s\ncommand -v redis-cli >/dev/null || { sleep ");
	buf_addint(out, seconds < BLIND_S ? seconds : BLIND_S);
	buf_addstr(out, "; exit 0; }\n");
	add_ask(r, "", out);
	add_tell(out);
	add_clock(seconds, out);
	buf_addstr(out, "while [ \"$now\" -lt \"$end\" ]; do\n"
			"  case $(ask ) in\n");
	if (!alone)
		add_last_holder(out);
	/* A replica says so before it looks for the last time: whoever gives it the role behind that look sees it. */
	buf_addstr(out, "  *role:master*connected_slaves:0*) exit 0 ;;\n"
			"  *role:master*) tell ;;\n"
			"  *role:*) [ ! \"$told\" ] || exit 0; tell; [ ! \"$told\" ] || continue ;;\n"
			"  *refused*) exit 0 ;;\n" /* not what INFO says */
			"  esac\n"
			"  sleep 0.2 2>/dev/null || sleep 1\n"
			"  now\n"
			"done\n"
			"exit 0\n");
}

/* --- proxies --------------------------------------------------------------------------------------------------- */

void hooks_proxy_ready(const char *host, const char *port, struct buf *out)
{
	buf_addstr(out, HOOKS_MARK "ready once the dashboard has taken it in; before, it refuses everything\n"
				   "command -v redis-cli >/dev/null || exit 0\n");
	buf_addstr(out, WITHIN);
	buf_addf(out,
		 "i=$(within 1 redis-cli -h \"%s\" -p \"%s\" select 0)\n"
		 "case $i in\n"
		 "*OK*|*NOAUTH*) exit 0 ;;\n"
		 "'') echo 'it does not answer' ;;\n"
		 "*) echo \"$i\" ;;\n"
		 "esac\n"
		 "exit 1\n",
		 host, port);
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* `count` sets $established to the connections of this network namespace; to nothing where that is not told. It takes
 * no process. */
static void add_count(struct buf *out)
{
	buf_addstr(out, "count() {\n"
			"  while read -r name i i i i i i i i established rest; do\n"
			"    case $name$established in Tcp:[0-9]*) return ;; esac\n"
			"  done </proc/net/snmp\n"
			"  established=\n"
			"} 2>/dev/null\n");
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text);
}

/* `busy`: whether anybody is connected to the port. For these files the kernel goes through the connections of the
 * whole node, some 10 ms each, so as few as will do. */
static void add_busy(const char *port, struct buf *out)
{
	if (is_number(port))
		buf_addf(out, "port=%04lX\n", strtoul(port, NULL, 10));
	else
		buf_addf(out, "port=$(printf %%04X \"%s\")\n", port);
	buf_addstr(out, "busy() {\n"
			"  [ \"$established\" != 0 ] || return\n"
			"  six=; files=/proc/net/tcp\n"
			"  { read -r i i six rest </proc/net/sockstat6; } 2>/dev/null\n"
			"  [ \"$six\" = 0 ] || files=\"$files /proc/net/tcp6\"\n"
			"  grep -qs \":$port [0-9A-F]*:[0-9A-F]* 01 \" $files\n"
			"}\n");
}

/* $left: clients are there after so many seconds. While there are as many connections as before, nobody has gone; who
 * came as one went is found at the end. */
static void add_drain(int seconds, struct buf *out)
{
	add_clock(seconds, out);
	buf_addstr(out, "left=; pace=1\n"
			"count\n"
			"busy && left=yes\n"
			"while [ \"$left\" ]; do\n"
			"  now; rest=$((end - now))\n"
			"  [ \"$rest\" -gt 0 ] || { busy || left=; break; }\n"
			"  [ \"$rest\" -gt 1 ] || pace=1\n"
			"  sleep $pace; pace=2\n"
			"  was=$established; count\n"
			"  [ \"$established\" ] && [ \"$established\" -ge \"$was\" ] || busy || left=\n"
			"done\n");
}

/* A proxy that is removed, or gets SIGTERM, answers those that are still connected with "slot is not ready" until it
 * ends, up to a second later. So where there are any it is ended (Codis has no handler for SIGHUP, so Go's ends the
 * process at once, also a namespace's first), and codis-controller takes it off the list. But clients that find proxies
 * in /jodis would go on trying to reach one that has ended like that for 20 s: it is removed first, then. */
void hooks_proxy_stop(const struct hooks_proxy *p, int seconds, struct buf *out)
{
	int pause = least(seconds / 2, PROXY_PAUSE_S), admin = least(seconds - pause, ADMIN_S),
	    drain = least(seconds - pause - admin, PROXY_DRAIN_S);

	buf_addstr(out, HOOKS_MARK "clients are sent elsewhere first, then it leaves the dashboard's list\n");
	buf_addf(out, "sleep %d\n", pause);
	add_count(out);
	add_busy(p->port, out);
	add_drain(drain, out);
	if (p->dashboard && admin > 0) {
		const char *host = p->admin[0] == ':' ? "${host}" : "";

		if (*host) /* not every image has the program hostname */
			buf_addstr(out, "read -r host </proc/sys/kernel/hostname\n");
		buf_addstr(out, WITHIN);
		buf_addf(
			out,
			"in_jodis() { within 1 codis-admin --proxy=\"%s%s\" model | grep -q '\"jodis_path\": *\"/'; }\n"
			"[ \"$left\" ] && ! in_jodis ||\n"
			"  within %d codis-admin --dashboard=\"%s\" --remove-proxy --addr=\"%s%s\" >/dev/null 2>&1\n",
			host, p->admin, admin, p->dashboard, host, p->admin);
	}
	buf_addstr(out, "[ \"$left\" ] && grep -q codis-proxy /proc/1/cmdline && kill -HUP 1\n"
			"exit 0\n");
}

/* --- the dashboard --------------------------------------------------------------------------------------------- */

void hooks_dashboard_wait(const char *zookeeper, struct buf *out)
{
	buf_addf(out, HOOKS_MARK "until ZooKeeper answers, at most %d s; codis-dashboard ends where it does not\n",
		 ZOOKEEPER_S);
	buf_addstr(out, "command -v codis-admin >/dev/null || exit 0\n");
	buf_addstr(out, WITHIN);
	add_clock(ZOOKEEPER_S, out);
	buf_addf(out,
		 "while [ \"$now\" -lt \"$end\" ]; do\n"
		 "  within 5 codis-admin --dashboard-list --zookeeper=\"%s\" && exit 0\n"
		 "  sleep 1\n"
		 "  now\n"
		 "done\n"
		 "exit 0\n",
		 zookeeper);
}

void hooks_dashboard_stop(const char *admin, int seconds, struct buf *out)
{
	buf_addstr(out, HOOKS_MARK "it gives its lock in the coordinator back\n");
	if (seconds > 0) {
		buf_addstr(out, WITHIN);
		buf_addf(out, "within %d codis-admin --dashboard=\"%s\" --shutdown >/dev/null 2>&1\n",
			 least(seconds, ADMIN_S), admin);
	}
	buf_addstr(out, "exit 0\n");
}
