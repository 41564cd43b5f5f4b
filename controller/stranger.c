#include "controller/stranger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/codis/inventory.h"
#include "common/kube/client.h"
#include "common/net/addr.h"
#include "controller/cluster.h"
#include "controller/roster.h"
#include "controller/say.h"

#define QUESTIONS_MAX 32    /* under way */
#define A_TICK        4     /* of one cluster: a tenant's ZooKeeper may list a thousand, and each answer is a look */
#define WAIT_MS       2000  /* of an answer; nothing is held up for longer */
#define AGAIN_MS      1000  /* between two questions: a process may be another one at each INFO */
#define SEE_AGAIN_MS  10000 /* another's pod may go; the API server may answer again */
/* A kubelet publishes a pod's address when its containers have been started, some seconds later where it has much to
 * do: that nobody has it tells nothing of a process that began after the question, or just before it. */
#define PUBLISHED_MS 5000

struct stranger_question {
	struct observed_server *s; /* NULL: nobody wants to know any more */
	struct controller *ctl;
};

bool stranger_has(const struct observed_server *s)
{
	return s->stranger.wanted && s->stranger.whose == WHOSE_ANOTHERS;
}

/* The answer may be one of before its pod was told. */
static bool is_too_new(const struct observed_server *s)
{
	int64_t began_ms = s->heard_ms - s->info.uptime_s * 1000;

	return s->info_valid && s->info.uptime_s >= 0 && s->stranger.known_ms < began_ms + PUBLISHED_MS;
}

bool stranger_is_awaited(const struct observed_server *s, bool kube_fresh)
{
	const struct stranger *t = &s->stranger;

	if (!t->wanted || t->failed || !kube_fresh)
		return false;
	return t->whose == WHOSE_UNKNOWN || (t->whose == WHOSE_NOBODYS && is_too_new(s));
}

/* --- the answer ------------------------------------------------------------------------------------------------------
 */

/* In its node's network a pod has only the ports that it says. */
static bool has_port(const cJSON *pod, int port)
{
	const cJSON *container, *one;

	cJSON_ArrayForEach(container, json_get(pod, "spec", "containers", NULL)) {
		cJSON_ArrayForEach(one, json_get(container, "ports", NULL)) {
			if (json_int(0, one, "containerPort", NULL) == port)
				return true;
		}
	}
	return false;
}

static bool has_addr(const cJSON *pod, const char *addr)
{
	const char *ip = json_str(pod, "status", "podIP", NULL), *phase = json_str(pod, "status", "phase", NULL);
	char own[ADDR_TEXT_MAX];
	struct addr a;

	if (!ip || addr_parse(addr, &a, NULL) < 0 || addr_join(ip, a.port, own, sizeof(own)) < 0)
		return false;
	if (phase && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0))
		return false;
	return addr_equal(own, addr) && (!json_bool(false, pod, "spec", "hostNetwork", NULL) || has_port(pod, a.port));
}

static bool says_codis(const cJSON *words)
{
	const cJSON *word;

	if (cJSON_IsString(words))
		return strstr(words->valuestring, "codis") != NULL;
	cJSON_ArrayForEach(word, words) {
		if (cJSON_IsString(word) && strstr(word->valuestring, "codis"))
			return true;
	}
	return false;
}

/* A server that has no labels, as before codis-k8s was there: its name says what it is, or what it runs does. */
static bool may_be_ours(const cJSON *pod, const char *namespace)
{
	const char *in = json_str(pod, "metadata", "namespace", NULL);
	const cJSON *container;

	if (!in || strcmp(in, namespace) != 0)
		return false;
	if (says_codis(json_get(pod, "metadata", "name", NULL)))
		return true;
	cJSON_ArrayForEach(container, json_get(pod, "spec", "containers", NULL)) {
		if (says_codis(json_get(container, "name", NULL)) || says_codis(json_get(container, "image", NULL)) ||
		    says_codis(json_get(container, "command", NULL)) || says_codis(json_get(container, "args", NULL)))
			return true;
	}
	return false;
}

static enum stranger_whose whose_of(const cJSON *list, const struct observed_server *s, const cJSON **another)
{
	const cJSON *pod;

	cJSON_ArrayForEach(pod, json_get(list, "items", NULL)) {
		if (!has_addr(pod, s->addr))
			continue;
		if (may_be_ours(pod, s->c->namespace))
			return WHOSE_OURS;
		*another = pod;
	}
	return *another ? WHOSE_ANOTHERS : WHOSE_NOBODYS;
}

static void tell_stranger(struct observed_server *s, const cJSON *pod)
{
	say_warn(s->c, "server.stranger", "server=%s pod=%s/%s", s->addr,
		 LOGW(json_str(pod, "metadata", "namespace", NULL)), LOGW(json_str(pod, "metadata", "name", NULL)));
}

/* Once, until there is an answer again. */
static void tell_failed(struct controller *ctl, const struct error *err)
{
	if (err && !ctl->addresses_unknown)
		log_warn(ctl->log, "addresses.unknown", "error=%s", LOGQ(err->text));
	ctl->addresses_unknown = err != NULL;
}

/* One that is not asked yet tells nothing new before it answers. */
static void reconsider(struct observed_server *s)
{
	bool was_asked = s->probe != NULL;

	roster_watch(s);
	if (was_asked || stranger_has(s))
		cluster_heard(s->c, true);
}

static void take(struct observed_server *s, const cJSON *list, const struct error *err)
{
	enum stranger_whose before = s->stranger.whose;
	bool fresh = s->c->ctl->kube_fresh, awaited = stranger_is_awaited(s, fresh);
	const cJSON *another = NULL;

	s->stranger.failed = err != NULL;
	if (!err) {
		s->stranger.whose = whose_of(list, s, &another);
		s->stranger.known_ms = s->stranger.asked_ms;
	}
	if (s->stranger.whose == WHOSE_ANOTHERS && before != WHOSE_ANOTHERS) {
		tell_stranger(s, another);
		s->role_run_id[0] = '\0';
		s->role_group = 0;
	}
	/* What nobody waited for, and is as it was taken to be, is no news. */
	if ((s->stranger.whose == WHOSE_ANOTHERS) != (before == WHOSE_ANOTHERS) ||
	    stranger_is_awaited(s, fresh) != awaited)
		reconsider(s);
}

static void on_pods(void *ctx, const cJSON *list, const struct error *err)
{
	struct stranger_question *q = ctx;
	struct observed_server *s = q->s;

	q->ctl->asking_addresses--;
	tell_failed(q->ctl, err);
	free(q);
	if (!s)
		return;
	s->stranger.asking = NULL;
	take(s, list, err);
}

/* --- the question ----------------------------------------------------------------------------------------------------
 */

static void ask(struct observed_server *s, int64_t now_ms)
{
	struct controller *ctl = s->c->ctl;
	struct stranger_question *q = calloc(1, sizeof(*q));
	char host[ADDR_TEXT_MAX], path[300];
	uint16_t port;

	s->stranger.asked_ms = now_ms;
	if (!q || addr_split(s->addr, host, sizeof(host), &port, NULL) < 0) {
		free(q);
		return;
	}
	*q = (struct stranger_question){ s, ctl };
	/* As its cache has it: all pods would be read from etcd else. */
	snprintf(
		path, sizeof(path),
		"/api/v1/pods?fieldSelector=status.podIP%%3D%s,status.phase%%21%%3DSucceeded,status.phase%%21%%3DFailed"
		"&resourceVersion=0",
		host);
	s->stranger.asking = q;
	ctl->asking_addresses++;
	if (kube_call(ctl->kube, "GET", path, NULL, NULL, WAIT_MS, on_pods, q, NULL))
		return;
	stranger_forget(s);
	ctl->asking_addresses--;
	free(q);
}

/* The API server has said that it is another's, and by the watch a pod of ours has it: that may be one which had it
 * before, of which we are told late, or one that has it since. Asked anew, the API server knows. */
static bool is_contested(const struct observed_server *s)
{
	return stranger_has(s) && inventory_pod_at(s->c->ctl->inventory, s->addr);
}

static bool is_due(const struct observed_server *s, int64_t now_ms)
{
	const struct stranger *t = &s->stranger;
	int64_t ms = now_ms - t->asked_ms;

	if (!t->wanted || t->asking || s->named)
		return false;
	if (!t->asked_ms)
		return true;
	if (is_contested(s))
		return ms >= AGAIN_MS;
	if (t->failed || t->whose == WHOSE_ANOTHERS)
		return ms >= SEE_AGAIN_MS;
	return ms >= AGAIN_MS && (t->whose == WHOSE_UNKNOWN || (t->whose == WHOSE_NOBODYS && is_too_new(s)));
}

static void ask_if_due(struct observed_server *s, int64_t now_ms)
{
	if (!is_due(s, now_ms) || s->c->ctl->asking_addresses >= QUESTIONS_MAX || s->c->addresses_asked >= A_TICK)
		return;
	s->c->addresses_asked++;
	ask(s, now_ms);
}

void stranger_want(struct observed_server *s)
{
	struct stranger *t = &s->stranger;
	/* A pod that only the watch knows of does not tell whose it is: is_contested(). */
	bool told = inventory_pod_at(s->c->ctl->inventory, s->addr) && !stranger_has(s);
	bool wanted = s->c->ctl->kube && !s->named && !told;

	if (!wanted) {
		stranger_forget(s);
		*t = (struct stranger){ 0 };
	} else if (!t->wanted) {
		t->wanted = true;
		t->since_ms = clock_mono_ms();
	}
	ask_if_due(s, clock_mono_ms());
}

void stranger_hear(struct observed_server *s, const char *run_id)
{
	struct stranger *t = &s->stranger;

	if (!s->info.run_id[0] || strcmp(s->info.run_id, run_id) == 0)
		return;
	stranger_forget(s); /* an answer may be of before */
	t->whose = WHOSE_UNKNOWN;
	t->failed = false;
	t->since_ms = clock_mono_ms();
	stranger_want(s);
}

void stranger_tick(struct cluster *c, int64_t now_ms)
{
	c->addresses_asked = 0;
	for (int i = 0; i < c->server_count; i++) {
		struct observed_server *s = c->servers[i];
		struct stranger *t = &s->stranger;

		if (!t->wanted)
			continue;
		ask_if_due(s, now_ms);
		if (t->whose != WHOSE_UNKNOWN || t->failed || now_ms - t->since_ms < WAIT_MS)
			continue;
		t->failed = true; /* it is waited for no longer */
		reconsider(s);
	}
}

void stranger_forget(struct observed_server *s)
{
	if (s->stranger.asking)
		s->stranger.asking->s = NULL;
	s->stranger.asking = NULL;
}
