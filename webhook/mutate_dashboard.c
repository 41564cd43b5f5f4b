/* What a codis-dashboard gets: identity, an end that gives its lock back, and a short stay on a node that is lost. */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "webhook/hooks.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"

#define SCRIPT_MAX 65536
#define STAY_S     5

static const char *const programs[] = { "codis-dashboard", NULL };

void dashboard_mutate(struct mutation *m)
{
	BUF_CLEANUP struct buf admin = BUF_INIT(4096), script = BUF_INIT(SCRIPT_MAX);
	cJSON *container = cmdline_container(mutation_object(m, m->pod, "spec"), programs, "codis-dashboard");
	struct cmdline c;

	mutation_labels(m);
	mutation_tolerate(m, STAY_S);
	if (!container)
		return;
	cmdline_find(container, programs, false, &c);
	if (!cmdline_value(&c, "--host-admin", &admin))
		buf_addstr(&admin, "127.0.0.1:18080"); /* Codis' own default listens everywhere */
	hooks_dashboard_stop(admin.data, mutation_stop_seconds(m), &script);
	mutation_hook_set(m, container, "postStart", NULL, NULL);
	mutation_hook_set(m, container, "preStop", &script,
			  "the dashboard may leave its lock behind, and the next one cannot start");
}
