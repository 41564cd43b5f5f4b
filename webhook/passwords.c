#include "webhook/passwords.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/codis/cmdline.h"
#include "common/codis/shell.h"
#include "webhook/lookups.h"
#include "webhook/mutation.h"

/* --- who is told one -----------------------------------------------------------------------------------------------
 */

static bool has_flag(const struct cmdline *c, const char *flag)
{
	for (int i = 0; i < c->count; i++) {
		if (cmdline_flag(c, &c->starts[i], flag, NULL) >= 0)
			return true;
	}
	return false;
}

static const char *flag_of(enum codis_component component)
{
	return component == CODIS_SERVER ? "--requirepass" : "--product_auth";
}

/* A variable alone tells a program nothing. Most have no password, which is seen without a grammar. */
static bool is_told(const cJSON *set, enum codis_component component)
{
	const cJSON *spec = json_get(set, "spec", "template", "spec", NULL), *one;
	const char *flag = flag_of(component);
	bool mentioned = false;
	struct cmdline c;

	json_each(one, json_get(spec, "containers", NULL))
		mentioned |= cmdline_mentions(one, flag);
	if (!mentioned)
		return false;
	codis_cmdline_of(codis_container_of(spec, component), component, &c);
	return has_flag(&c, flag);
}

static bool has_password(enum codis_component component)
{
	return component == CODIS_SERVER || component == CODIS_PROXY || component == CODIS_DASHBOARD;
}

struct peers {
	const char *namespace, *name; /* of the one that asks; NULL: any other */
	const struct codis_pod *own;
	enum said_likeness wanted;
	bool is_found;
	char found[POD_NAME_MAX]; /* its name, as far as it is asked for */
};

static bool is_peer(const struct peers *p, const cJSON *set, enum codis_component component)
{
	struct codis_pod pod;

	return is_told(set, component) && lookups_is_of(set, p->namespace, p->own, component, &pod) &&
	       !pod.password.maybe && said_compare(&pod.password, &p->own->password) == p->wanted;
}

/* --- what is added ------------------------------------------------------------------------------------------------ */

/* Whether a shell of the container has the password in that variable: by a name that it can say, where the last entry
 * of that name counts and $(NAME) in it is something else. */
static bool is_its_value(const struct mutation *m, const struct cmdline *c, const char *name)
{
	struct said_source src = { .object = m->pod, .namespace = m->namespace, .container = c->container };
	size_t len = strlen(name);
	struct said_text said;

	if (!len || isdigit((unsigned char)name[0]) || strspn(name, SHELL_NAME_CHARS) != len ||
	    cmdline_is_replaced(c, name, len))
		return false;
	said_env(&src, name, &said);
	return said.said == SAID_KNOWN && strcmp(said.text, m->known.password.text) == 0;
}

bool passwords_variable(const struct mutation *m, const struct cmdline *c, struct buf *out)
{
	const cJSON *e;

	buf_reset(out);
	if (m->known.password.said != SAID_KNOWN)
		return false;
	json_each(e, json_get(c->container, "env", NULL)) {
		const char *name = json_str(e, "name", NULL), *value = json_str(e, "value", NULL);

		if (name && value && strcmp(value, m->known.password.text) == 0 && is_its_value(m, c, name))
			return buf_addf(out, "${%s}", name) == 0;
	}
	return false;
}

bool passwords_is_variable(const char *value)
{
	size_t len = strlen(value);

	return strncmp(value, "${", 2) == 0 && strchr(value, '}') == value + len - 1;
}

static int look_for_dashboard(void *arg, const cJSON *set)
{
	struct peers *p = arg;

	p->is_found = is_peer(p, set, CODIS_DASHBOARD);
	return p->is_found;
}

/* Whether the dashboard is told --product_auth from where the server has its password. */
static bool has_dashboard_password(const struct mutation *m)
{
	struct peers p = { .namespace = m->namespace, .own = &m->known, .wanted = SAID_SAME };

	if (!m->known.password.maybe && !(m->known.password.said == SAID_KNOWN && !m->known.password.text[0]))
		m->lookups->each(m->lookups->ctx, look_for_dashboard, &p);
	return p.is_found;
}

/* The variable of the password as this start is given it, of `--requirepass ${NAME}` or of the container. It is for
 * words beside those, so its shell's text may have set it. */
static bool find_name(const struct mutation *m, const struct cmdline *c, const struct cmdline_start *s, bool said,
		      struct buf *name)
{
	char value[CMDLINE_VALUE_MAX];
	struct buf quoted = BUF_IN(value);
	struct shell_word word;

	if (!said)
		return has_dashboard_password(m) && buf_addstr(name, "PRODUCT_AUTH") == 0;
	return cmdline_flag(c, s, "--requirepass", &word) >= 0 && word.len && cmdline_quote(c, &word, &quoted) &&
	       (passwords_is_variable(quoted.data) || passwords_variable(m, c, &quoted)) &&
	       buf_add(name, quoted.data + 2, quoted.len - 3) == 0;
}

void passwords_add(struct mutation *m, const struct cmdline *c, int start, struct buf *out)
{
	const struct cmdline_start *s = &c->starts[start];
	bool said = cmdline_flag(c, s, "--requirepass", NULL) >= 0, shell = c->kind == CMDLINE_SHELL;
	bool has = said || cmdline_has_env(c->container, "PRODUCT_AUTH");
	char written[128], value[160] = "";
	struct buf name = BUF_IN(written);

	if (has && cmdline_flag(c, s, "--masterauth", NULL) < 0 && find_name(m, c, s, said, &name))
		snprintf(value, sizeof(value), shell ? "\"$%s\"" : "$(%s)", name.data);
	else if (has && !said)
		admission_warn(m->verdict, "write --requirepass $(PRODUCT_AUTH), unless its file has it: the variable "
					   "alone sets no password");
	if (value[0] && !said)
		buf_addf(out, "%s--requirepass %s", out->len ? " " : "", value);
	if (value[0])
		buf_addf(out, "%s--masterauth %s", out->len ? " " : "", value);
}

/* --- a server's own two ------------------------------------------------------------------------------------------- */

/* Of a server that may write into its file what its command line lacks. */
static bool is_told_elsewhere(const struct cmdline *c, const char *setting)
{
	return c->text && shell_find(c->text->valuestring, setting);
}

static void read_flag(const struct mutation *m, const struct cmdline *c, const char *flag, struct said_text *out)
{
	struct said_source src = {
		.object = m->pod, .namespace = m->namespace, .container = c->container, .secret = true
	};

	said_flag(&src, c, flag, out);
}

static bool is_none(const struct said_text *said)
{
	return said->said == SAID_NOTHING || (said->said == SAID_KNOWN && !said->text[0]);
}

static void warn_of_lack(struct mutation *m, const char *missing, const char *given)
{
	admission_warn(m->verdict,
		       "add %s as %s, unless its file has it: no replica follows a master of another password", missing,
		       given);
}

void passwords_check(struct mutation *m, const struct cmdline *c)
{
	bool asks = has_flag(c, "--requirepass"), tells = has_flag(c, "--masterauth");
	struct said_text asked, told;
	char written[128];
	struct buf name = BUF_IN(written);

	if ((!asks && !tells) || m->known.server_replica == 1)
		return;
	read_flag(m, c, "--requirepass", &asked);
	read_flag(m, c, "--masterauth", &told);
	if (is_none(&asked) && is_none(&told))
		return;
	if (is_none(&told)) {
		/* It is added to a variable's beside a guard; of any other it is said to take it from one. */
		if (!m->guarded && !is_told_elsewhere(c, "masterauth") && find_name(m, c, &c->starts[0], true, &name))
			warn_of_lack(m, "--masterauth", "--requirepass");
	} else if (is_none(&asked)) {
		if (!is_told_elsewhere(c, "requirepass") && !cmdline_has_env(c->container, "PRODUCT_AUTH"))
			warn_of_lack(m, "--requirepass", "--masterauth");
	} else if (said_compare(&asked, &told) == SAID_OTHER) {
		admission_warn(m->verdict, "write --masterauth as --requirepass, of the same key: no replica follows a "
					   "master of another password");
	}
}

/* --- of a product ------------------------------------------------------------------------------------------------- */

static int look_for_other(void *arg, const cJSON *set)
{
	struct peers *p = arg;
	const char *name = json_str(set, "metadata", "name", NULL);
	enum codis_component component = codis_component_of(json_get(set, "spec", "template", NULL));

	if (!name || (p->name && strcmp(name, p->name) == 0) || !has_password(component) || !is_peer(p, set, component))
		return 0;
	snprintf(p->found, sizeof(p->found), "%s", name);
	return 1;
}

/* Reads it where its program is told a password. */
static bool read_told(const cJSON *set, struct codis_pod *pod)
{
	enum codis_component component = codis_component_of(json_get(set, "spec", "template", NULL));

	return has_password(component) && is_told(set, component) && codis_template_read(set, pod, NULL) == 0 &&
	       !is_none(&pod->password);
}

static bool is_new(const cJSON *old, const struct codis_pod *now)
{
	struct codis_pod was;

	return !read_told(old, &was) || said_compare(&was.password, &now->password) != SAID_SAME ||
	       said_compare(&was.product, &now->product) == SAID_OTHER;
}

/* Its new pods get this password, since the dashboard is told it; those that run have none. */
static int look_for_untold(void *arg, const cJSON *set)
{
	struct peers *p = arg;
	const char *name = json_str(set, "metadata", "name", NULL);
	struct codis_pod pod;

	if (!name || json_int(1, set, "spec", "replicas", NULL) <= 0 ||
	    !lookups_is_of(set, p->namespace, p->own, CODIS_SERVER, &pod) || is_told(set, CODIS_SERVER) ||
	    pod.server_replica == 1 || pod.password.maybe ||
	    said_compare(&pod.password, &p->own->password) != SAID_SAME)
		return 0;
	snprintf(p->found, sizeof(p->found), "%s", name);
	return 1;
}

static void check_untold(const struct peers *asked, const struct lookups *lookups, struct admission_verdict *v)
{
	struct peers p = { .namespace = asked->namespace, .own = asked->own };

	lookups->each(lookups->ctx, look_for_untold, &p);
	if (p.found[0])
		admission_warn(v,
			       "set the password by CONFIG SET on the servers of %.24s that run: no replica follows a "
			       "master of another one",
			       p.found);
}

void passwords_check_product(const struct admission_request *req, const struct lookups *lookups,
			     struct admission_verdict *v)
{
	struct codis_pod own;
	struct peers p = { .namespace = req->namespace, .own = &own, .wanted = SAID_OTHER };

	if (!read_told(req->object, &own) || !is_new(req->old_object, &own))
		return;
	if (strcmp(req->resource, "statefulsets") == 0)
		p.name = json_str(req->object, "metadata", "name", NULL);
	lookups->each(lookups->ctx, look_for_other, &p);
	if (p.found[0])
		admission_warn(v,
			       "give it the password of %.40s: with another one the programs of a product do not "
			       "reach each other",
			       p.found);
	if (own.component == CODIS_DASHBOARD)
		check_untold(&p, lookups, v);
}

void passwords_check_roll(const cJSON *old, const cJSON *now, struct admission_verdict *v)
{
	struct codis_pod was, is;
	bool before = read_told(old, &was), after = read_told(now, &is);

	if ((!before && !after) || (before && after && said_compare(&was.password, &is.password) != SAID_OTHER) ||
	    (after ? &is : &was)->server_replica == 1)
		return;
	admission_warn(v, "if this changes the password, set it by CONFIG SET on all servers too: no replica follows a "
			  "master of another one");
}
