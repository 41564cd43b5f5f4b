/* What a codis-dashboard gets: identity, an end that gives its lock back, and a short stay on a node that is lost. */
#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "webhook/hooks.h"
#include "webhook/mutate.h"
#include "webhook/mutation.h"
#include "webhook/mutation_hook.h"

#define SCRIPT_MAX 65536

void dashboard_mutate(struct mutation *m)
{
	char value[CMDLINE_VALUE_MAX];
	BUF_CLEANUP struct buf admin = BUF_IN(value), script = BUF_INIT(SCRIPT_MAX);
	struct cmdline c;
	cJSON *container = mutation_replaceable(m, &c);

	if (!container)
		return;
	if (!cmdline_value(&c, "--host-admin", &admin))
		buf_addf(&admin, "127.0.0.1:%d", /* Codis' own default listens everywhere */
			 m->known.port ? m->known.port : CODIS_DASHBOARD_PORT);
	hooks_dashboard_stop(admin.data, mutation_stop_seconds(m), &script);
	mutation_hook_set(m, container, "postStart", NULL, NULL);
	mutation_hook_set(m, container, "preStop", &script,
			  "the dashboard may leave its lock behind, and the next one cannot start");
}
