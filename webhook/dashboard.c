/* What a codis-dashboard gets: identity, an end that gives its lock back, and a short stay on a node that is lost. */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "webhook/command.h"
#include "webhook/hooks.h"
#include "webhook/mutate.h"
#include "webhook/pod.h"

#define SCRIPT_MAX 65536
#define STAY_S     5

static const char *const programs[] = { "codis-dashboard", NULL };

void dashboard_mutate(struct mutation *m)
{
	BUF_CLEANUP struct buf admin = BUF_INIT(4096), script = BUF_INIT(SCRIPT_MAX);
	cJSON *container = command_container(pod_object(m, m->pod, "spec"), programs, "codis-dashboard");
	struct command c;

	pod_labels(m);
	pod_tolerate(m, STAY_S);
	if (!container)
		return;
	command_find(container, programs, false, &c);
	if (!command_value(&c, "--host-admin", &admin))
		buf_addstr(&admin, "127.0.0.1:18080"); /* Codis' own default listens everywhere */
	hooks_dashboard_stop(admin.data, pod_stop_seconds(m), &script);
	hooks_set(m, container, "postStart", NULL, NULL);
	hooks_set(m, container, "preStop", &script,
		  "the dashboard may leave its lock behind, and the next one cannot start");
}
