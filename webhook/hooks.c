#include "webhook/hooks.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "webhook/article.h"
#include "webhook/mutation.h"

#define MARK "# codis-k8s: "

/* Endpoints and the nodes' rules follow a pod's deletion by a second or two. */
#define PROXY_PAUSE_S 3
/* What codis-admin gets, where the grace period allows: the dashboard may be busy with a promotion. */
#define ADMIN_S 10

/* --- the texts ------------------------------------------------------------------------------------------------------
 * The kubelet replaces $(NAME) in a probe's words where NAME is a variable of the container, and $$ by $: there is no
 * $$, and no command of one bare word in $(...). */

/* timeout, since redis-cli waits for a hung server without limit, and what a kubelet kills is the shell alone. section:
 * of INFO, or "": all. */
static void add_ask(const struct hooks_redis *r, const char *section, struct buf *out)
{
	buf_addf(out,
		 "t=; command -v timeout >/dev/null && t='timeout 1'\n"
		 "ask() { $t redis-cli -h \"%s\" -p \"%s\"",
		 r->host, r->port);
	if (r->auth)
		buf_addf(out, " -a \"%s\"", r->auth);
	buf_addf(out, " info%s 2>&1; }\n", section);
}

void hooks_server_ready(const struct hooks_redis *r, struct buf *out)
{
	buf_addstr(out, MARK "ready is a master, and a replica whose link is up\n");
	add_ask(r, " replication", out);
	buf_addstr(out, "i=$(ask )\n"
			"case $i in\n"
			"*role:master*|*master_link_status:up*) exit 0 ;;\n"
			"*master_port:1[!0-9]*) echo 'it waits for codis-controller to give it a role' ;;\n"
			"*role:slave*) echo 'the link to its master is down' ;;\n"
			"*) echo \"$i\" ;;\n"
			"esac\n"
			"exit 1\n");
}

void hooks_server_start(const struct hooks_redis *r, struct buf *out)
{
	buf_addstr(out, MARK "until it answers, at most 3 s; the pod's address is published when this ends\n");
	add_ask(r, " replication", out);
	buf_addstr(out, "end=$(($(date +%s) + 2))\n"
			"while [ \"$(date +%s)\" -lt \"$end\" ]; do\n"
			"  case $(ask ) in *role:*) exit 0 ;; esac\n"
			"  sleep 0.1 || sleep 1\n"
			"done\n"
			"exit 0\n");
}

#define WAIT ") sleep 0.2 || sleep 1 ;;\n"

/* Who has the only data, as far as it can tell itself: a master without a replica, and a replica that has lost its
 * master, is in no sync and was given a role. A server that answers late is asked again: it may be one. */
static void add_last_holder(struct buf *out)
{
	buf_addstr(out,
		   "  *role:master*connected_slaves:0*:keys=*" WAIT "  *role:slave*master_port:1[!0-9]*) exit 0 ;;\n"
		   "  *role:slave*master_link_status:down*master_sync_in_progress:0*:keys=*" WAIT);
}

void hooks_server_stop(const struct hooks_redis *r, int seconds, bool alone, struct buf *out)
{
	buf_addf(out, MARK "a master waits until codis-controller has switched to a replica%s, at most %d s\n",
		 alone ? "" : " that has its keys", seconds);
	add_ask(r, "", out);
	buf_addf(out, "end=$(($(date +%%s) + %d)) late=\n", seconds);
	buf_addstr(out, "while [ \"$(date +%s)\" -lt \"$end\" ]; do\n"
			"  case $(ask ) in\n");
	if (!alone)
		add_last_holder(out);
	buf_addstr(out, "  *role:master*connected_slaves:0*) exit 0 ;;\n"
			"  *role:master*" WAIT "  *role:*|*refused*) exit 0 ;;\n"
			"  *) [ \"$late\" = ... ] && exit 0; late=$late.; sleep 0.2 || sleep 1 ;;\n"
			"  esac\n"
			"done\n"
			"exit 0\n");
}

void hooks_proxy_ready(const char *host, const char *port, struct buf *out)
{
	buf_addf(out,
		 MARK "ready once the dashboard has taken it in; before, it refuses everything\n"
		      "t=; command -v timeout >/dev/null && t='timeout 1'\n"
		      "i=$($t redis-cli -h \"%s\" -p \"%s\" select 0 2>&1)\n"
		      "case $i in *OK*|*NOAUTH*) exit 0 ;; esac\n"
		      "echo \"$i\"\n"
		      "exit 1\n",
		 host, port);
}

static void add_admin(const char *dashboard, int seconds, struct buf *out)
{
	buf_addf(out,
		 "t=; command -v timeout >/dev/null && t='timeout %d'\n"
		 "$t codis-admin --dashboard=\"%s\"",
		 seconds < ADMIN_S ? seconds : ADMIN_S, dashboard);
}

/* A proxy that was removed is closed, ends up to a second later, and until then says "slot is not ready" to those that
 * are still connected. Codis has no handler for SIGHUP, so Go's ends the process at once, also a namespace's first.
 * Behind the hook's own end, which would have failed otherwise; that alone, for a & is of all that && joins. */
#define HANG_UP                                                                                                        \
	"  grep -q codis-proxy /proc/1/cmdline && {\n"                                                                 \
	"    (sleep 0.03 || sleep 1; kill -HUP 1) </dev/null >/dev/null 2>&1 &\n"                                      \
	"  }\n"

void hooks_proxy_stop(const char *dashboard, const char *admin, int seconds, struct buf *out)
{
	int pause = seconds / 2 < PROXY_PAUSE_S ? seconds / 2 : PROXY_PAUSE_S;

	buf_addstr(out, MARK "clients are sent elsewhere first, then it leaves the dashboard's list\n");
	buf_addf(out, "sleep %d\n", pause);
	if (dashboard && seconds > pause) {
		add_admin(dashboard, seconds - pause, out);
		buf_addf(out, " --remove-proxy --addr=\"%s\" >/dev/null 2>&1 &&\n", admin);
		buf_addstr(out, HANG_UP);
	}
	buf_addstr(out, "exit 0\n");
}

void hooks_dashboard_stop(const char *admin, int seconds, struct buf *out)
{
	buf_addstr(out, MARK "it gives its lock in the coordinator back\n");
	if (seconds > 0) {
		add_admin(admin, seconds, out);
		buf_addstr(out, " --shutdown >/dev/null 2>&1\n");
	}
	buf_addstr(out, "exit 0\n");
}

/* --- into the pod ---------------------------------------------------------------------------------------------- */

static bool is_ours(const cJSON *handler)
{
	const char *text = article_text(handler);

	return text && strncmp(text, MARK, sizeof(MARK) - 1) == 0;
}

/* {"exec":{"command":["sh","-c",script]}} */
static cJSON *new_handler(const struct buf *script)
{
	const char *const words[] = { "sh", "-c", script->data };
	cJSON *handler = cJSON_CreateObject(), *list = cJSON_CreateStringArray(words, 3);

	if (!script->failed && list && cJSON_AddItemToObject(json_add_object(handler, "exec"), "command", list))
		return handler;
	cJSON_Delete(list);
	cJSON_Delete(handler);
	return NULL;
}

static void put_handler(struct mutation *m, cJSON *container, const char *which, const struct buf *script)
{
	if (script)
		mutation_set(m, mutation_object(m, container, "lifecycle"), which, new_handler(script));
	else
		cJSON_DeleteItemFromObjectCaseSensitive(cJSON_GetObjectItemCaseSensitive(container, "lifecycle"),
							which);
}

static bool keeps_hooks(const struct mutation *m)
{
	const char *word = json_str(m->pod, "metadata", "annotations", CODIS_ANNOTATION_HOOKS, NULL);

	return word && strcmp(word, "keep") == 0;
}

void mutation_hook_set(struct mutation *m, cJSON *container, const char *which, const struct buf *script,
		       const char *defeats)
{
	const cJSON *hook = json_get(container, "lifecycle", which, NULL);
	bool theirs = hook && !cJSON_IsNull(hook) && !is_ours(hook);
	const char *replaced = theirs && !keeps_hooks(m) ? article_warning(m->known.component, which, hook) : NULL;

	if (replaced) {
		admission_warn(m->verdict, "%s", replaced);
		theirs = false;
	}
	if (!theirs)
		put_handler(m, container, which, script);
	else if (defeats)
		admission_warn(m->verdict, "own %s stays: %s", which, defeats);
}

/* All fields that Kubernetes has defaults for, so that it has none to add. */
static cJSON *new_probe(const struct buf *script)
{
	cJSON *probe = new_handler(script);

	if (json_add_int(probe, "timeoutSeconds", 2) && json_add_int(probe, "periodSeconds", 2) &&
	    json_add_int(probe, "successThreshold", 1) && json_add_int(probe, "failureThreshold", 2))
		return probe;
	cJSON_Delete(probe);
	return NULL;
}

void mutation_hook_probe(struct mutation *m, cJSON *container, const struct buf *script, const char *defeats)
{
	const cJSON *probe = json_get(container, "readinessProbe", NULL);

	if (!probe || cJSON_IsNull(probe) || is_ours(probe))
		mutation_set(m, container, "readinessProbe", new_probe(script));
	else if (defeats)
		admission_warn(m->verdict, "own readinessProbe stays: %s", defeats);
}
