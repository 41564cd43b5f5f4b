#include <stdio.h>
#include <string.h>

#include "cli/buildup.h"
#include "cli/controllers.h"
#include "cli/known.h"
#include "cli/ping.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/pod.h"

#define LOOK_MS      500
#define PRODUCTS_MAX 16
#define STATES_MAX   12 /* of pods: what is in none of the first is only counted */

/* What the documents ask for of one product. */
struct wanted {
	char product[CODIS_PRODUCT_MAX];
	int groups, proxies;
};

struct waiting {
	struct cli *cli;
	const struct documents *documents;
	struct wanted products[PRODUCTS_MAX];
	int count;
	bool unknown;         /* of somebody it cannot be told yet whose they are */
	bool image_missing;   /* of some pod */
	bool silent;          /* a proxy has not answered PONG, and that was said */
	struct buf now, told; /* how far it is: of this look, and as it was said last */
	struct buf pods, pods_told;
};

/* --- what is wanted ----------------------------------------------------------------------------------------------- */

static struct wanted *product_of(struct waiting *w, const char *product)
{
	for (int i = 0; i < w->count; i++) {
		if (strcmp(w->products[i].product, product) == 0)
			return &w->products[i];
	}
	if (!*product || w->count == PRODUCTS_MAX)
		return NULL;
	text_copy(w->products[w->count].product, CODIS_PRODUCT_MAX, product);
	return &w->products[w->count++];
}

static int groups_of(const struct document *doc, const struct codis_pod *pod)
{
	struct codis_shape shape = codis_shape_of(doc->object, pod);
	int first, last;

	return codis_shape_groups(&shape, &first, &last) ? last - first + 1 : 0;
}

static void add_wanted(struct waiting *w, const struct known *k, const struct document *doc)
{
	char product[CODIS_PRODUCT_MAX], trouble[POD_WHY_MAX];
	struct codis_pod pod;
	struct wanted *of;
	struct error err;
	int replicas;

	if (!document_template(doc, &replicas))
		return;
	/* what it says wrongly the webhook has told */
	(void)codis_template_read(doc->object, &pod, &err);
	if (pod.component != CODIS_SERVER && pod.component != CODIS_PROXY && pod.component != CODIS_DASHBOARD)
		return;
	inventory_product_of(k->inventory, &pod, product, trouble);
	of = product_of(w, product);
	if (!of)
		w->unknown = true;
	else if (pod.component == CODIS_SERVER)
		of->groups += groups_of(doc, &pod);
	else if (pod.component == CODIS_PROXY)
		of->proxies += replicas;
}

static void find_wanted(struct waiting *w, const struct known *k)
{
	memset(w->products, 0, sizeof(w->products));
	w->count = 0;
	w->unknown = false;
	for (int i = 0; i < w->documents->count; i++)
		add_wanted(w, k, &w->documents->all[i]);
}

/* --- how far it is ------------------------------------------------------------------------------------------------ */

static int count_led(const cJSON *cluster)
{
	const cJSON *group;
	int n = 0;

	json_each(group, json_get(cluster, "groups", NULL))
		n += json_bool(false, group, "led", NULL);
	return n;
}

static int count_serving(const cJSON *cluster)
{
	const cJSON *proxy;
	int n = 0;

	json_each(proxy, json_get(cluster, "proxies", NULL))
		n += json_bool(false, proxy, "registered", NULL) && json_bool(false, proxy, "online", NULL) &&
		     json_bool(false, proxy, "answers", NULL);
	return n;
}

/* The first cause is what the others wait for; codisctl status has them all. */
static size_t length_to_first_cause(const char *line)
{
	size_t len = strcspn(line, ";");

	return line[len] ? len + 1 + strcspn(line + len + 1, ";") : len;
}

static bool is_built(struct waiting *w, const struct wanted *of, const cJSON *status)
{
	const char *namespace = cli_namespace(w->cli);
	const cJSON *cluster = controllers_cluster(status, namespace, of->product);
	const char *line = json_str(cluster, "line", NULL);
	int led = count_led(cluster), serving = count_serving(cluster);
	bool ok = json_bool(false, cluster, "ok", NULL);

	if (w->now.len)
		buf_addch(&w->now, '\n');
	if (!line) {
		buf_addf(&w->now, "%s/%s: the leading codis-controller does not tell of it yet", namespace,
			 of->product);
		return false;
	}
	buf_addf(&w->now, "%s/", namespace);
	text_clean(&w->now, line, length_to_first_cause(line));
	if (ok && (led < of->groups || serving < of->proxies))
		buf_addf(&w->now, "; wanted are %d groups and %d proxies", of->groups, of->proxies);
	return ok && led >= of->groups && serving >= of->proxies;
}

struct pods {
	struct waiting *waiting;
	const struct known *known;
	bool zookeepers; /* these, which are nobody's; else all but these */
	int count, states;
	struct {
		const char *state; /* of known_state() */
		int count;
		char first[POD_NAME_MAX];
	} in[STATES_MAX];
};

static void add_state(struct pods *p, const struct inventory_pod *pod)
{
	const char *state = known_state(p->known, pod);
	int i = 0;

	while (i < p->states && strcmp(p->in[i].state, state) != 0)
		i++;
	if (i == STATES_MAX)
		return;
	if (i == p->states) {
		p->states++;
		p->in[i].state = state;
		text_copy(p->in[i].first, sizeof(p->in[i].first), pod->pod.name);
	}
	p->in[i].count++;
}

static int add_pod(void *ctx, const struct inventory_pod *pod)
{
	struct pods *p = ctx;

	if ((pod->pod.component == CODIS_ZOOKEEPER) != p->zookeepers ||
	    (pod->pod.status.ready && !pod->pod.status.deleting))
		return 0;
	p->waiting->image_missing |= pod->pod.status.image_missing;
	p->count++;
	add_state(p, pod);
	return 0;
}

/* "waits for 5 pods: 4 not running, codis-server-0: ImagePullBackOff, codis-image:9" */
static void say_pods(struct waiting *w, const struct known *k)
{
	struct pods p = { .waiting = w, .known = k, .zookeepers = true };

	buf_reset(&w->pods);
	w->image_missing = false;
	inventory_each_zookeeper(k->inventory, cli_namespace(w->cli), add_pod, &p);
	p.zookeepers = false;
	for (int i = 0; i < w->count; i++)
		inventory_each_of_product(k->inventory, cli_namespace(w->cli), w->products[i].product, add_pod, &p);
	if (p.count)
		buf_addf(&w->pods, "  waits for %d pod%s: ", p.count, p.count == 1 ? "" : "s");
	for (int i = 0; i < p.states; i++) {
		buf_addstr(&w->pods, i ? ", " : "");
		if (p.in[i].count == 1)
			buf_addf(&w->pods, "%s: %s", p.in[i].first, p.in[i].state);
		else
			buf_addf(&w->pods, "%d %s", p.in[i].count, p.in[i].state);
	}
}

/* One look. Whether all is there. */
static bool look(struct waiting *w, const struct known *k)
{
	struct controllers all;
	enum cli_status status;
	const cJSON *answer;
	bool built;

	buf_reset(&w->now);
	find_wanted(w, k);
	built = w->count && !w->unknown;
	answer = controllers_status(&all, w->cli, &status);
	for (int i = 0; i < w->count; i++)
		built &= is_built(w, &w->products[i], answer);
	controllers_end(&all);
	buf_reset(&w->pods);
	if (!built)
		say_pods(w, k);
	return built;
}

static void tell_changed(struct cli *c, const struct buf *now, struct buf *told)
{
	if (!now->len || strcmp(now->data, told->data) == 0)
		return;
	buf_reset(told);
	buf_addstr(told, now->data);
	buf_addf(&c->out, "%s\n", now->data);
	cli_flush(c);
}

static void tell(struct waiting *w)
{
	tell_changed(w->cli, &w->now, &w->told);
	tell_changed(w->cli, &w->pods, &w->pods_told);
}

static enum cli_status give_up(struct waiting *w)
{
	return cli_fail(
		w->cli, CLI_WAITED,
		"not within %g s%s. What was applied stands; codisctl status tells more, and this can be repeated",
		w->cli->options.wait_ms / 1000.0,
		w->image_missing ? ": an image cannot be had, and --image NAME=IMAGE names another one" : "");
}

/* The proxies as they are now. One that is busy answers at another time: what each said is told once. */
static enum cli_status ping(struct waiting *w, const struct known *k)
{
	struct buf *out = &w->cli->out, *err = &w->cli->err;
	size_t out_len = out->len, err_len = err->len;
	enum cli_status status = CLI_OK;

	for (int i = 0; i < w->count && status == CLI_OK; i++)
		status = ping_product(w->cli, k, w->products[i].product);
	if (status != CLI_NOT_SO)
		return status;
	if (w->silent) {
		buf_cut(out, out_len);
		buf_cut(err, err_len);
	}
	w->silent = true;
	cli_flush(w->cli);
	return CLI_WAITED;
}

/* One look, and PONG where all is there. CLI_WAITED: not yet, also where the API server, or a proxy, did not answer. */
static enum cli_status look_once(struct waiting *w)
{
	struct known k = { .begun = false };
	struct cli *c = w->cli;
	enum cli_status status = known_get(&k, c, cli_namespace(c));

	if (known_trouble(&k) && known_trouble(&k)->code == ERR_DENIED) {
		known_end(&k);
		return status;
	}
	if (status == CLI_OK && look(w, &k)) {
		status = CLI_OK;
	} else if (status != CLI_OK) {
		buf_reset(&w->now);
		buf_addf(&w->now, "%.*s", (int)strcspn(c->err.data, "\n"), c->err.data);
		status = CLI_WAITED;
	} else {
		status = CLI_WAITED;
	}
	buf_reset(&c->err); /* what it says is told, and followed by the next look */
	tell(w);
	if (status == CLI_OK)
		status = ping(w, &k);
	known_end(&k);
	return status;
}

static bool has_codis(const struct documents *d)
{
	for (int i = 0; i < d->count; i++) {
		int replicas;
		enum codis_component is = codis_component_of(document_template(&d->all[i], &replicas));

		if (is == CODIS_SERVER || is == CODIS_PROXY || is == CODIS_DASHBOARD)
			return true;
	}
	return false;
}

enum cli_status buildup_wait(struct cli *c, const struct documents *d)
{
	int64_t end_ms = clock_mono_ms() + c->options.wait_ms;
	struct waiting w = { .cli = c, .documents = d };
	enum cli_status status = CLI_WAITED;

	if (!has_codis(d)) {
		buf_addstr(&c->out, "no server, proxy or dashboard is among them: nothing is waited for\n");
		return CLI_OK;
	}
	buf_init(&w.now, 65536);
	buf_init(&w.told, 65536);
	buf_init(&w.pods, 65536);
	buf_init(&w.pods_told, 65536);
	for (;;) {
		int64_t next_ms = clock_mono_ms() + LOOK_MS;

		status = look_once(&w);
		if (status != CLI_WAITED || next_ms >= end_ms)
			break;
		ask_wait(c, next_ms, NULL, NULL);
	}
	if (status == CLI_WAITED)
		status = give_up(&w);
	buf_release(&w.now);
	buf_release(&w.told);
	buf_release(&w.pods);
	buf_release(&w.pods_told);
	return status;
}
