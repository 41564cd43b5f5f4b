#include "cli/known.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/waits.h"

static void on_page(struct ask *a, const cJSON *page)
{
	struct known_list *l = a->ctx;
	struct error err;
	const cJSON *object;

	json_each(object, json_get(page, "items", NULL)) {
		/* one that says what cannot be meant is held all the same */
		if (l->set(l->known->inventory, object, &err) < 0 && err.code == ERR_NOMEM) {
			a->err = err;
			return;
		}
	}
	if (ask_next_page(l->path, page, &l->pages, a->path, &a->err) == 1)
		ask_begin(a->cli, a);
}

static void begin(struct known *k, struct cli *c, int at, const char *collection, const char *selector,
		  int (*set)(struct inventory *, const cJSON *, struct error *))
{
	BUF_CLEANUP struct buf path = BUF_INIT(KNOWN_PATH_MAX - 1);
	struct known_list *l = &k->lists[at];
	struct ask *a = &k->asks[at];

	buf_addf(&path, "%s?limit=%d%s", collection, ASK_PAGE, *selector ? "&labelSelector=" : "");
	text_escape(&path, selector);
	l->known = k;
	l->set = set;
	l->pages = 0;
	text_copy(l->path, sizeof(l->path), path.data);
	*a = (struct ask){ .on_answer = on_page, .ctx = l };
	text_copy(a->path, sizeof(a->path), path.data);
	a->ended = buf_check(&path, "the selector of a list", &a->err) < 0;
	if (!a->ended)
		ask_begin(c, a);
}

int known_begin(struct known *k, struct cli *c, const char *namespace, struct error *err)
{
	char in[POD_NAMESPACE_MAX + 16] = "", collection[128];

	*k = (struct known){ .inventory = inventory_new() };
	if (!k->inventory)
		return error_set(err, ERR_NOMEM, "no memory");
	k->begun = true;
	if (namespace)
		snprintf(in, sizeof(in), "/namespaces/%s", namespace);
	snprintf(collection, sizeof(collection), "/api/v1%s/pods", in);
	for (int i = 0; i < COMPONENT_SELECTORS; i++)
		begin(k, c, i, collection, component_selectors[i], inventory_set_pod);
	snprintf(collection, sizeof(collection), "/apis/apps/v1%s/statefulsets", in);
	begin(k, c, COMPONENT_SELECTORS, collection, "", inventory_set_set);
	begin(k, c, COMPONENT_SELECTORS + 1, "/api/v1/nodes", "", inventory_set_node);
	return 0;
}

bool known_ended(const void *known)
{
	const struct known *k = known;

	return asks_ended(&(struct asks){ (struct ask *)k->asks, KNOWN_LISTS });
}

const struct error *known_trouble(const struct known *k)
{
	for (int i = 0; i <= COMPONENT_SELECTORS; i++) {
		if (k->asks[i].err.code)
			return &k->asks[i].err;
	}
	return NULL;
}

void known_end(struct known *k)
{
	if (!k->begun)
		return;
	for (int i = 0; i < KNOWN_LISTS; i++)
		ask_end(&k->asks[i]);
	inventory_free(k->inventory);
	k->begun = false;
}

enum cli_status known_get(struct known *k, struct cli *c, const char *namespace)
{
	struct error err;

	if (known_begin(k, c, namespace, &err) < 0)
		return cli_fail(c, CLI_NOT_SO, "%s", err.text);
	ask_wait(c, INT64_MAX, known_ended, k);
	return known_trouble(k) ? cli_fail_call(c, known_trouble(k)) : CLI_OK;
}

struct choice {
	const char *namespace;
	char product[CODIS_PRODUCT_MAX], names[400];
	int count;
};

static int add_product(void *ctx, const char *namespace, const char *product)
{
	struct choice *choice = ctx;
	size_t used = strlen(choice->names);

	if (!*product || strcmp(namespace, choice->namespace) != 0)
		return 0;
	text_copy(choice->product, sizeof(choice->product), product);
	snprintf(choice->names + used, sizeof(choice->names) - used, "%s%s", choice->count++ ? ", " : "", product);
	return 0;
}

enum cli_status known_product(const struct known *k, struct cli *c, const char *named, char product[CODIS_PRODUCT_MAX])
{
	struct choice choice = { .namespace = cli_namespace(c) };

	if (named) {
		text_copy(product, CODIS_PRODUCT_MAX, named);
		return CLI_OK;
	}
	inventory_each_product(k->inventory, add_product, &choice);
	text_copy(product, CODIS_PRODUCT_MAX, choice.product);
	if (choice.count == 1)
		return CLI_OK;
	if (choice.count)
		return cli_fail(c, CLI_USAGE, "namespace %s has several products: name one with --product: %s",
				cli_namespace(c), choice.names);
	return cli_fail(c, CLI_NOT_SO, "there is no Codis in namespace %s; -n names another one", cli_namespace(c));
}

enum cli_status known_of(struct known *k, struct cli *c, const char *named, char product[CODIS_PRODUCT_MAX])
{
	enum cli_status status = cli_connect_once(c);

	*k = (struct known){ .begun = false };
	if (status == CLI_OK)
		status = known_get(k, c, cli_namespace(c));
	return status == CLI_OK ? known_product(k, c, named, product) : status;
}

const char *known_state(const struct known *k, const struct inventory_pod *pod)
{
	const struct pod_status *s = &pod->pod.status;
	const char *waits = waits_words(pod->pod.waits, s->unprepared_s, clock_wall_ms());

	if (pod->node_lost && !k->asks[COMPONENT_SELECTORS + 1].err.code)
		return "its node is lost";
	if (s->deleting)
		return "leaving";
	if (waits[0])
		return waits;
	if (s->unschedulable)
		return "no node takes it";
	return s->ready ? "ready" : s->running ? "not ready" : "not running";
}
