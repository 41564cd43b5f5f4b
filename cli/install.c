/* codisctl install: install.yaml with the images that this cluster needs, printed or applied. */
#include "cli/install.h"

#include <stdio.h>
#include <string.h>

#include "cli/ask.h"
#include "cli/files.h"
#include "cli/parts.h"
#include "common/base/json.h"

#define TEXT_MAX      4194304
#define IMAGE_MAX     512
#define OWN_IMAGE     "codis-k8s:latest" /* as install.yaml has it */
#define SCHEDULER     "kube-scheduler"
#define SCHEDULER_IN  "registry.k8s.io/" SCHEDULER
#define MINOR_LEAST   30 /* the webhook configurations have matchConditions: docs/support.md */
#define SYSTEM        "codis-system"
#define DEPLOYMENT_OF "/apis/apps/v1/namespaces/" SYSTEM "/deployments/"

const struct opt install_options[] = {
	{ "image", NULL, OPT_STRING, offsetof(struct cli_options, images), .arg = "IMAGE",
	  .help = "codis-k8s' image; default: the one that runs, else " OWN_IMAGE },
	{ "version", NULL, OPT_STRING, offsetof(struct cli_options, version), .arg = "VERSION",
	  .help = "of kube-scheduler, as v1.35.4; default: the API server's" },
	{ "scheduler-image", NULL, OPT_STRING, offsetof(struct cli_options, scheduler_image), .arg = "IMAGE",
	  .help = "kube-scheduler's image, without a tag that of the version; default: the one that runs, else "
		  "registry.k8s.io/kube-scheduler" },
	{ "filename", NULL, OPT_STRING, offsetof(struct cli_options, file), .arg = "FILE|DIR|-", .letter = 'f',
	  .help = "another install.yaml than the one that codisctl brings along" },
	{ "print", NULL, OPT_BOOL, offsetof(struct cli_options, print),
	  .help = "only print it; with --version no cluster is asked" },
	{ "output", NULL, OPT_CHOICE, offsetof(struct cli_options, output), .choices = "yaml", .arg = "yaml",
	  .letter = 'o', .help = "the same as --print" },
	{ "wait", NULL, OPT_DURATION_MS, offsetof(struct cli_options, wait_ms), .arg = "TIME", .def = "5m",
	  .max = 3600000, .help = "how long to wait until all of its pods are ready; 0: not at all" },
	OPT_END
};

static bool only_prints(const struct cli *c)
{
	return c->options.print || c->options.output;
}

static bool asks_cluster(const struct cli *c)
{
	return !only_prints(c) || !c->options.version;
}

/* --- versions ----------------------------------------------------------------------------------------------------- */

struct kubernetes {
	int minor;
	char tag[48]; /* "v1.35.4" */
};

/* What a vendor adds (-eks-7f9249a, +k3s1) is in no tag of kube-scheduler; -rc.1 is. */
static bool read_version(const char *text, struct kubernetes *k)
{
	int patch, used = 0, number, n;
	char stage[8];

	text += *text == 'v';
	if (sscanf(text, "1.%4d.%4d%n", &k->minor, &patch, &used) != 2 || strspn(text, "0123456789.") != (size_t)used ||
	    (text[used] && !strchr("-+", text[used])))
		return false;
	n = snprintf(k->tag, sizeof(k->tag), "v1.%d.%d", k->minor, patch);
	if (sscanf(text + used, "-%7[a-z].%4d", stage, &number) == 2 && number >= 0 &&
	    (strcmp(stage, "rc") == 0 || strcmp(stage, "beta") == 0 || strcmp(stage, "alpha") == 0))
		snprintf(k->tag + n, sizeof(k->tag) - (size_t)n, "-%s.%d", stage, number);
	return true;
}

static enum cli_status ask_version(struct cli *c, struct kubernetes *server)
{
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *answer = ask_get(c, "/version", 0, &err);
	const char *says = json_str(answer, "gitVersion", NULL);

	if (!answer)
		return cli_fail_call(c, &err);
	if (!says || !read_version(says, server))
		return cli_fail(c, CLI_NOT_SO,
				"the API server's version is \"%.64s\", and codis-k8s needs Kubernetes 1.%d or newer: "
				"nothing is applied",
				says ? says : "", MINOR_LEAST);
	if (server->minor < MINOR_LEAST)
		return cli_fail(c, CLI_NOT_SO,
				"the API server is %s, and codis-k8s needs Kubernetes 1.%d or newer, whose webhook "
				"configurations have matchConditions: nothing is applied",
				server->tag, MINOR_LEAST);
	return CLI_OK;
}

/* kube-scheduler's own rule: of the API server's minor version, or the one before. */
static enum cli_status check_skew(struct cli *c, const struct kubernetes *server, const struct kubernetes *said)
{
	if (said->minor == server->minor || said->minor == server->minor - 1)
		return CLI_OK;
	return cli_fail(c, CLI_NOT_SO,
			"a kube-scheduler %s places nothing beside an API server %s: it has to be of the same minor "
			"version, or of the one before; without --version it is the server's",
			said->tag, server->tag);
}

static enum cli_status choose_version(struct cli *c, struct kubernetes *k)
{
	const char *said = c->options.version;
	struct kubernetes server;
	enum cli_status status = asks_cluster(c) ? ask_version(c, &server) : CLI_OK;

	if (status != CLI_OK)
		return status;
	if (!said) {
		*k = server;
		return CLI_OK;
	}
	if (!read_version(said, k) || k->minor < MINOR_LEAST)
		return cli_fail(c, CLI_USAGE,
				"install: --version \"%.64s\" has to be one of kube-scheduler, v1.%d.0 or newer", said,
				MINOR_LEAST);
	return asks_cluster(c) ? check_skew(c, &server, k) : CLI_OK;
}

/* --- images ------------------------------------------------------------------------------------------------------- */

struct images {
	char own[IMAGE_MAX], scheduler[IMAGE_MAX];
	const char *tag;     /* kube-scheduler's */
	bool own_runs;       /* nobody has said it: it is the one that runs */
	bool scheduler_said; /* by the option */
};

/* It is put into YAML as it is. */
static bool is_image(const char *image)
{
	size_t len = strspn(image, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@");

	return len > 0 && len < IMAGE_MAX / 2 && !image[len] && image[0] != '-';
}

/* Without tag and digest: the port of a registry has a folder behind it. */
static size_t repository_len(const char *image, size_t len)
{
	const char *digest = memchr(image, '@', len);
	const char *slash, *tag;

	len = digest ? (size_t)(digest - image) : len;
	slash = memrchr(image, '/', len);
	tag = memrchr(image, ':', len);
	return tag && (!slash || tag > slash) ? (size_t)(tag - image) : len;
}

/* The image of what runs; "": none does. */
static enum cli_status find_running(struct cli *c, const char *deployment, const char *container, char out[IMAGE_MAX])
{
	char path[256];
	struct error err = ERROR_INIT;
	JSON_CLEANUP cJSON *is = NULL;
	const cJSON *its;

	out[0] = '\0';
	snprintf(path, sizeof(path), DEPLOYMENT_OF "%s", deployment);
	is = ask_get(c, path, 0, &err);
	if (!is)
		return err.code == ERR_NOTFOUND ? CLI_OK : cli_fail_call(c, &err);
	json_each(its, json_get(is, "spec", "template", "spec", "containers", NULL)) {
		const char *name = json_str(its, "name", NULL), *image = json_str(its, "image", NULL);

		if (name && strcmp(name, container) == 0 && image && is_image(image))
			snprintf(out, IMAGE_MAX, "%s", image);
	}
	return CLI_OK;
}

static void choose_scheduler(struct images *images, const char *said, const char *running, const struct kubernetes *k)
{
	const char *of = said ? said : running[0] ? running : SCHEDULER_IN;
	size_t repository = repository_len(of, strlen(of));

	if (said && of[repository])
		snprintf(images->scheduler, IMAGE_MAX, "%s", said);
	else
		snprintf(images->scheduler, IMAGE_MAX, "%.*s:%s", (int)repository, of, k->tag);
}

static enum cli_status choose_images(struct cli *c, const struct kubernetes *k, struct images *images)
{
	const char *own = c->options.images, *scheduler = c->options.scheduler_image;
	char running[2][IMAGE_MAX] = { "", "" };
	enum cli_status status = CLI_OK;

	if ((own && !is_image(own)) || (scheduler && !is_image(scheduler)))
		return cli_fail(c, CLI_USAGE, "install: \"%.64s\" is no image",
				own && !is_image(own) ? own : scheduler);
	if (asks_cluster(c) && !own)
		status = find_running(c, "codis-webhook", "webhook", running[0]);
	if (status == CLI_OK && asks_cluster(c) && !scheduler)
		status = find_running(c, "codis-scheduler", "scheduler", running[1]);
	images->own_runs = !own && running[0][0];
	snprintf(images->own, IMAGE_MAX, "%s", own ? own : images->own_runs ? running[0] : OWN_IMAGE);
	images->scheduler_said = scheduler != NULL;
	images->tag = k->tag;
	choose_scheduler(images, scheduler, running[1], k);
	return status;
}

/* --- the text ----------------------------------------------------------------------------------------------------- */

struct edit {
	struct images *images;
	struct buf *out;
	int owns, schedulers; /* lines that were found */
};

/* Where the line's image begins, and how long it is; NULL: it has none. */
static const char *image_in(const char *line, size_t len, size_t *image_len)
{
	static const char key[] = "image: ";
	const char *at = line + strspn(line, " -");

	if (at + sizeof(key) - 1 >= line + len || strncmp(at, key, sizeof(key) - 1) != 0)
		return NULL;
	at += sizeof(key) - 1;
	*image_len = strcspn(at, " \r\n");
	return at;
}

static bool is_scheduler(const char *image, size_t len)
{
	size_t name = sizeof(SCHEDULER) - 1, repository = repository_len(image, len);

	return repository >= name && strncmp(image + repository - name, SCHEDULER, name) == 0;
}

/* A file that has it from another registry means that. */
static void keep_registry(struct images *images, const char *image, size_t len)
{
	size_t repository = repository_len(image, len), stock = sizeof(SCHEDULER_IN) - 1;

	if (!images->scheduler_said && (repository != stock || strncmp(image, SCHEDULER_IN, stock) != 0))
		snprintf(images->scheduler, IMAGE_MAX, "%.*s:%s", (int)repository, image, images->tag);
}

/* With its line break. Comments stay. */
static void add_line(struct edit *e, const char *line, size_t len)
{
	size_t image_len, name = sizeof(OWN_IMAGE) - 1;
	const char *image = image_in(line, len, &image_len), *end = line + len, *own;

	if (image && is_scheduler(image, image_len)) {
		keep_registry(e->images, image, image_len);
		buf_add(e->out, line, (size_t)(image - line));
		buf_addstr(e->out, e->images->scheduler);
		line = image + image_len;
		e->schedulers++;
	} else if (line[strspn(line, " ")] != '#') {
		own = memmem(line, len, OWN_IMAGE, name);
		e->owns += own != NULL;
		if (own) {
			buf_add(e->out, line, (size_t)(own - line));
			buf_addstr(e->out, e->images->own);
			line = own + name;
		}
	}
	buf_add(e->out, line, (size_t)(end - line));
}

static enum cli_status edit(struct cli *c, const struct buf *manifest, struct images *images, struct buf *out)
{
	const char *from = c->options.file ? c->options.file : "install.yaml";
	struct edit e = { .images = images, .out = out };

	for (const char *line = manifest->data; *line;) {
		size_t len = strcspn(line, "\n");

		len += line[len] == '\n';
		add_line(&e, line, len);
		line += len;
	}
	if (out->failed)
		return cli_fail(c, CLI_NOT_SO, "no memory, or %s is over %d bytes", from, TEXT_MAX);
	if (!e.schedulers)
		return cli_fail(c, CLI_USAGE, "install: %s has no image of kube-scheduler: it is no install.yaml",
				from);
	if (!e.owns && c->options.images)
		return cli_fail(c, CLI_USAGE, "install: %s has no image " OWN_IMAGE ", which --image is in place of",
				from);
	if (!e.owns)
		images->own[0] = '\0'; /* the file names its own */
	return CLI_OK;
}

static int add_file(void *ctx, const char *from, const char *text, size_t len, struct error *err)
{
	struct buf *out = ctx;

	if (buf_addf(out, "%s", out->len ? "\n---\n" : "") < 0 || buf_add(out, text, len) < 0)
		return error_set(err, ERR_TOOBIG, "%s: no memory, or over %d bytes together", from, TEXT_MAX);
	return 0;
}

static enum cli_status read_manifest(struct cli *c, struct buf *out)
{
	struct error err;

	if (c->options.file && files_read(c->options.file, TEXT_MAX, add_file, out, &err) < 0)
		return cli_fail(c, CLI_USAGE, "install: %s", err.text);
	if (!c->options.file && buf_addstr(out, install_yaml) < 0)
		return cli_fail(c, CLI_NOT_SO, "no memory");
	return CLI_OK;
}

/* --- the verb ----------------------------------------------------------------------------------------------------- */

static void tell_images(struct cli *c, const struct images *images)
{
	bool nowhere = strcmp(images->own, OWN_IMAGE) == 0;

	if (images->own[0])
		buf_addf(&c->out, "codis-k8s: %s%s\n", images->own,
			 nowhere            ? ", which is in no registry: the nodes have it, or --image names yours"
			 : images->own_runs ? ", which runs already; --image names another one"
					    : "");
	buf_addf(&c->out, "kube-scheduler: %s\n", images->scheduler);
	cli_flush(c);
}

static enum cli_status apply(struct cli *c, const struct buf *text)
{
	struct documents d = { .count = 0 };
	enum cli_status status;
	struct error err;

	if (documents_read_text(&d, "install.yaml", text->data, text->len, &err) < 0)
		status = cli_fail(c, CLI_USAGE, "install: %s", err.text);
	else
		status = install_apply(c, &d);
	if (status == CLI_OK && c->options.wait_ms)
		status = install_wait(c, &d);
	documents_release(&d);
	return status;
}

enum cli_status install_run(struct cli *c)
{
	BUF_CLEANUP struct buf manifest = BUF_INIT(TEXT_MAX);
	BUF_CLEANUP struct buf text = BUF_INIT(2 * TEXT_MAX);
	enum cli_status status;
	struct kubernetes k = { .minor = 0 };
	struct images images;

	if (strcmp(c->options.system, SYSTEM) != 0)
		return cli_fail(c, CLI_USAGE, "install: codis-k8s runs in namespace " SYSTEM ", and in no other one");
	status = read_manifest(c, &manifest);
	if (status == CLI_OK && asks_cluster(c))
		status = cli_connect_once(c);
	if (status == CLI_OK)
		status = choose_version(c, &k);
	if (status == CLI_OK)
		status = choose_images(c, &k, &images);
	if (status == CLI_OK)
		status = edit(c, &manifest, &images, &text);
	if (status != CLI_OK)
		return status;
	if (only_prints(c)) {
		buf_add(&c->out, text.data, text.len);
		return CLI_OK;
	}
	tell_images(c, &images);
	return apply(c, &text);
}
