#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/columns.h"
#include "cli/parts.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/kube/ops_pod.h"

#define VERSION_MS 3000

/* The images of the programs' pods, each once with how many have it. */
struct image {
	char text[400]; /* "codis-controller/controller codis-k8s:1.0" */
	int pods;
};

#define IMAGES_MAX 16

struct images {
	struct image all[IMAGES_MAX];
	int count;
};

static void count_image(struct images *images, const char *app, const char *container, const char *image)
{
	char text[sizeof(images->all[0].text)];
	int i = 0;

	snprintf(text, sizeof(text), "%s/%s %s", app, container, image);
	while (i < images->count && strcmp(images->all[i].text, text) != 0)
		i++;
	if (i == IMAGES_MAX)
		return;
	if (i == images->count)
		snprintf(images->all[images->count++].text, sizeof(text), "%s", text);
	images->all[i].pods++;
}

static void count_images(struct images *images, const cJSON *pods)
{
	const cJSON *pod, *container;

	json_each(pod, json_get(pods, "items", NULL)) {
		const char *app = json_str(pod, "metadata", "labels", "app.kubernetes.io/name", NULL);

		json_each(container, json_get(pod, "spec", "containers", NULL)) {
			const char *name = json_str(container, "name", NULL),
				   *image = json_str(container, "image", NULL);

			if (app && name && image)
				count_image(images, app, name, image);
		}
	}
}

static void add_images(struct columns *t, const struct images *images)
{
	for (int i = 0; i < images->count; i++) {
		const struct image *image = &images->all[i];
		int name = (int)strcspn(image->text, " ");

		columns_addf(t, "%.*s", name, image->text);
		columns_addf(t, "%s (%d pod%s)", image->text + name + 1, image->pods, image->pods == 1 ? "" : "s");
	}
}

static enum cli_status add_cluster(struct cli *c, struct columns *t)
{
	struct images images = { .count = 0 };
	char path[ASK_PATH_MAX];
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *version = ask_get(c, "/version", VERSION_MS, &err), *pods = NULL;
	const char *git = json_str(version, "gitVersion", NULL);

	columns_add(t, "Kubernetes");
	if (!version) {
		columns_addf(t, "%s does not answer: %s", c->server ? c->server : "the API server", err.text);
		return CLI_OK;
	}
	columns_add(t, git ? git : "it does not say");
	snprintf(path, sizeof(path), "/api/v1/namespaces/%s/pods?%s", c->options.system, OPS_POD_SELECTOR);
	pods = ask_get(c, path, VERSION_MS, &err);
	count_images(&images, pods);
	add_images(t, &images);
	if (!images.count) {
		columns_add(t, "codis-k8s");
		columns_addf(t, "%s%s", pods ? "no pod of it in namespace " : "", pods ? c->options.system : err.text);
	}
	return CLI_OK;
}

/* Without a cluster it is well, too: that is said. */
enum cli_status version_run(struct cli *c)
{
	struct columns t;
	BUF_CLEANUP struct buf why = BUF_INIT(4096);

	columns_init(&t, 2);
	columns_add(&t, "codisctl");
	columns_add(&t, CODIS_VERSION);
	if (c->kube || cli_connect(c) == CLI_OK) {
		add_cluster(c, &t);
	} else {
		buf_add(&why, c->err.data, strcspn(c->err.data, "\n"));
		buf_reset(&c->err);
		columns_add(&t, "Kubernetes");
		columns_addf(&t, "no cluster is known: %s",
			     strncmp(why.data, "codisctl: ", 10) == 0 ? why.data + 10 : why.data);
	}
	columns_print(&t, "", &c->out);
	columns_release(&t);
	return CLI_OK;
}
