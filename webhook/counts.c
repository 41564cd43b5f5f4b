#include "webhook/counts.h"

#include <string.h>

#include "common/base/json.h"
#include "common/codis/pod.h"
#include "common/kube/admission.h"
#include "webhook/dashboards.h"
#include "webhook/elsewhere.h"

static const cJSON *template_of(const cJSON *set)
{
	return json_get(set, "spec", "template", NULL);
}

/* Kubernetes' default is 1; numbers that no StatefulSet can have are left to Kubernetes to refuse. */
int counts_replicas_of(const cJSON *object)
{
	int64_t n = json_int(1, object, "spec", "replicas", NULL);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

struct counts_setting counts_setting_of(const cJSON *set)
{
	struct counts_setting s = { .err = ERROR_INIT };

	codis_template_read(set, &s.pod, NULL);
	s.server_replica = s.pod.server_replica;
	s.label = json_str(template_of(set), "metadata", "labels", CODIS_LABEL_GROUP, NULL);
	if (!s.server_replica && elsewhere_server_replica(&s.pod, &s.err) == 0)
		codis_server_replica_parse(s.pod.server_replica_said.text, &s.server_replica, &s.err);
	return s;
}

/* Of a StatefulSet that is one group. SERVER_REPLICA=1 tells its servers that they have no replica to wait for. */
static void check_size(const struct counts_setting *setting, int replicas, struct admission_verdict *v)
{
	bool said = setting->pod.server_replica_said.said == SAID_KNOWN;

	if (said && setting->server_replica == 1 && replicas > 1)
		admission_refuse(v, 422,
				 "SERVER_REPLICA is 1, but by label " CODIS_LABEL_GROUP
				 " all %d servers are of group %d: remove SERVER_REPLICA, or write %d",
				 replicas, setting->pod.group, replicas);
	else if (said && replicas > setting->server_replica)
		admission_warn(v,
			       "remove label " CODIS_LABEL_GROUP
			       " if several groups are meant: by it all %d servers are of group %d",
			       replicas, setting->pod.group);
}

void counts_check(const cJSON *set, int replicas, struct admission_verdict *v)
{
	enum codis_component component = codis_component_of(template_of(set));
	struct counts_setting setting;
	char sentence[256];

	if (component == CODIS_DASHBOARD)
		check_dashboard_replicas(replicas, v);
	if (component != CODIS_SERVER)
		return;
	setting = counts_setting_of(set);
	if (setting.pod.group && (setting.server_replica || setting.pod.server_replica_said.said == SAID_ELSEWHERE))
		check_size(&setting, replicas, v);
	else if (!setting.server_replica)
		admission_refuse(v, 422, "%s", setting.err.text);
	else if (!codis_replicas_fit(replicas, setting.server_replica, sentence, sizeof(sentence)))
		admission_refuse(v, 422, "%s", sentence);
}

int counts_start_of(const cJSON *set)
{
	int64_t n = json_int(0, set, "spec", "ordinals", "start", NULL);

	return n < 0 ? 0 : n > INT32_MAX ? INT32_MAX : (int)n;
}

void counts_check_start(const cJSON *set, struct admission_verdict *v)
{
	struct counts_setting setting = counts_setting_of(set);
	int server_replica = setting.pod.group ? 0 : setting.server_replica, start = counts_start_of(set);

	if (server_replica && start % server_replica != 0)
		admission_refuse(v, 422, "SERVER_REPLICA is %d, so ordinals.start has to be a multiple of %d, not %d",
				 server_replica, server_replica, start);
}

/* What is wrong with so many is said as a refusal. */
static bool fits(const cJSON *set, int replicas)
{
	struct admission_verdict v;
	bool allowed;

	admission_verdict_init(&v);
	counts_check(set, replicas, &v);
	allowed = v.allowed;
	admission_verdict_release(&v);
	return allowed;
}

/* Fewer, and wrong as they were: what to write for them to be right. */
static void warn_of_fewer(const cJSON *set, int replicas, struct admission_verdict *v)
{
	struct counts_setting setting;

	if (codis_component_of(template_of(set)) != CODIS_SERVER) {
		admission_warn(v, "scale on to 1: a product has one codis-dashboard, and %d are left", replicas);
		return;
	}
	setting = counts_setting_of(set);
	if (!setting.server_replica)
		admission_warn(v, "write SERVER_REPLICA as a whole number from 1 to 64: until then no new server is "
				  "let in, as before");
	else if (setting.pod.group)
		admission_warn(v,
			       "remove SERVER_REPLICA: it is %d, and by label " CODIS_LABEL_GROUP
			       " all %d are of one group",
			       setting.server_replica, replicas);
	else
		admission_warn(v,
			       "scale on to a multiple of %d, SERVER_REPLICA: with %d, as before, the last group is "
			       "short of servers",
			       setting.server_replica, replicas);
}

void counts_check_change(const cJSON *old, const cJSON *now, bool same, struct admission_verdict *v)
{
	int before = counts_replicas_of(old), after = counts_replicas_of(now);

	/* None are the right number whatever SERVER_REPLICA is: that is how a wrong one of before is got rid of. */
	if (same && (before == after || after == 0))
		return;
	if (!same || after > before || fits(old, before))
		counts_check(now, after, v);
	else if (!fits(now, after))
		warn_of_fewer(now, after, v);
}
