#include "webhook/rivals.h"

#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/kube/admission.h"
#include "webhook/lookups.h"

bool rivals_same_product(const struct said_text *a, const struct said_text *b)
{
	return a->said == b->said && strcmp(a->text, b->text) == 0 && strcmp(a->why, b->why) == 0;
}

void rivals_ask_of(const cJSON *set, const struct admission_request *req, struct rivals_ask *out)
{
	const char *name = json_str(set, "metadata", "name", NULL);
	struct codis_pod template;

	*out = (struct rivals_ask){ .grows = false };
	codis_template_read(set, &template, NULL);
	out->product = template.product;
	out->shape = codis_shape_of(set, &template);
	snprintf(out->namespace, sizeof(out->namespace), "%s", req->namespace);
	snprintf(out->name, sizeof(out->name), "%s", name ? name : req->name);
}

struct search {
	const struct rivals_ask *ask;
	bool any;                 /* whether or not it is a rival, if it is not being deleted */
	char found[POD_NAME_MAX]; /* "" : no rival */
	struct codis_shape shape; /* of that */
};

static bool are_rivals(const struct rivals_ask *ask, const struct codis_shape *other)
{
	const struct codis_shape *own = &ask->shape;

	if (other->replicas == 0)
		return false;
	if (own->group)
		return other->group ? other->group == own->group : codis_shape_makes(other, own->group);
	if (other->group)
		return codis_shape_makes(own, other->group);
	return codis_shapes_meet(own, other) && !(ask->grows && codis_shapes_meet(&ask->before, other));
}

static int compare(void *arg, const cJSON *set)
{
	struct search *s = arg;
	const char *namespace = json_str(set, "metadata", "namespace", NULL),
		   *name = json_str(set, "metadata", "name", NULL);
	struct codis_shape shape;
	struct codis_pod template;

	if (!namespace || !name || strcmp(namespace, s->ask->namespace) != 0 || strcmp(name, s->ask->name) == 0)
		return 0;
	if (codis_component_of(json_get(set, "spec", "template", NULL)) != CODIS_SERVER)
		return 0;
	codis_template_read(set, &template, NULL);
	shape = codis_shape_of(set, &template);
	if (!rivals_same_product(&template.product, &s->ask->product) ||
	    !(s->any ? shape.replicas > 0 && !json_get(set, "metadata", "deletionTimestamp", NULL)
		     : are_rivals(s->ask, &shape)))
		return 0;
	snprintf(s->found, sizeof(s->found), "%s", name);
	s->shape = shape;
	return 1;
}

/* "of product shop", "that name no product" */
static void say_product(const struct rivals_ask *ask, struct buf *out)
{
	if (ask->product.said == SAID_NOTHING)
		buf_addstr(out, "that name no product");
	else
		buf_addf(out, "of product %s", ask->product.text);
}

/* "give this one another PRODUCT_NAME, or ordinals.start 4": what keeps the two apart. The first group of both is gid.
 */
static void say_apart(const struct search *s, int gid, struct buf *out)
{
	const struct codis_shape *own = &s->ask->shape, *other = &s->shape;
	long long most = (long long)(gid - 1) * own->server_replica - own->start;
	int first, last;

	if (s->ask->grows && most > 0) {
		buf_addf(out, "write %lld replicas at most", most);
		return;
	}
	buf_addf(out, "scale that one, or give this one %s PRODUCT_NAME",
		 s->ask->product.said == SAID_NOTHING ? "a" : "another");
	if (own->server_replica > 0 && codis_shape_groups(other, &first, &last))
		buf_addf(out, ", or ordinals.start %lld to stand beside it", (long long)last * own->server_replica);
}

/* Both count their groups by their ordinals. */
static void refuse_second(const struct search *s, struct admission_verdict *v)
{
	char text[2][256];
	struct buf apart = BUF_IN(text[0]), product = BUF_IN(text[1]);
	int own = 1, other = 1, last, gid;

	codis_shape_groups(&s->ask->shape, &own, &last);
	codis_shape_groups(&s->shape, &other, &last);
	gid = own > other ? own : other;
	say_apart(s, gid, &apart);
	say_product(s->ask, &product);
	admission_refuse(v, 422, "StatefulSet %.254s has codis-servers %s already, and both would make group %d: %s",
			 s->found, product.data, gid, apart.data);
}

/* One of the two has the label. */
static void refuse_group(const struct search *s, struct admission_verdict *v)
{
	char text[CODIS_PRODUCT_MAX + SAID_TEXT_MAX];
	struct buf product = BUF_IN(text);
	int first, last, own = s->ask->shape.group;

	say_product(s->ask, &product);
	if (own && codis_shape_groups(&s->shape, &first, &last))
		admission_refuse(
			v, 422,
			"StatefulSet %.254s makes groups %d to %d of the codis-servers %s, and this one is group "
			"%d: give this one another label " CODIS_LABEL_GROUP ", or scale that one",
			s->found, first, last, product.data, own);
	else if (codis_shape_groups(&s->ask->shape, &first, &last))
		admission_refuse(
			v, 422,
			"StatefulSet %.254s is group %d of the codis-servers %s by its label " CODIS_LABEL_GROUP
			", and this one would make groups %d to %d: write fewer replicas, or give both labels",
			s->found, s->shape.group, product.data, first, last);
}

void rivals_check(const struct rivals_ask *ask, const struct lookups *lookups, struct admission_verdict *v)
{
	struct search s = { .ask = ask };

	lookups->each(lookups->ctx, compare, &s);
	if (!s.found[0])
		return;
	if (ask->shape.group && s.shape.group == ask->shape.group)
		admission_refuse(
			v, 422,
			"StatefulSet %.254s is group %d already: give this one another label " CODIS_LABEL_GROUP
			", or scale that one to 0 first",
			s.found, ask->shape.group);
	else if (ask->shape.group || s.shape.group)
		refuse_group(&s, v);
	else
		refuse_second(&s, v);
	lookups_say_age(lookups, v);
}

bool rivals_has_others(const struct rivals_ask *ask, const struct lookups *lookups)
{
	struct search s = { .ask = ask, .any = true };

	lookups->each(lookups->ctx, compare, &s);
	return s.found[0] != '\0';
}
