#include "common/codis/said.h"

#include <ctype.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/base/text.h"
#include "common/codis/cmdline.h"

/* Variables that stand for variables are followed this far, and so many in all: what is built to take for ever ends. */
#define DEPTH_MAX   16
#define LOOKUPS_MAX 64
/* Of the environment and of shell text, so much is looked through for one value; an entry counts as LOOK_ENTRY bytes. A
 * pod may have a megabyte of either, and each of its variables is looked for in all of it. */
#define LOOK_MAX   (256u << 10)
#define LOOK_ENTRY 16

/* One value while it is put together. */
struct expansion {
	const struct said_source *src;
	struct said_text *out;
	size_t len;
	int lookups;
	size_t looked; /* through */
	bool holes, too_long;
};

static void add(struct expansion *x, const char *text, size_t len)
{
	if (x->len + len >= sizeof(x->out->text)) {
		x->too_long = true;
		return;
	}
	memcpy(x->out->text + x->len, text, len);
	x->len += len;
}

static bool may_go_on(const struct expansion *x)
{
	return !x->too_long && x->lookups <= LOOKUPS_MAX;
}

static bool is_too_involved(const struct expansion *x)
{
	return x->lookups > LOOKUPS_MAX || x->looked > LOOK_MAX;
}

static void copy(char *out, size_t size, const char *s)
{
	size_t len = text_fit(s, size - 1);

	memcpy(out, s, len);
	out[len] = '\0';
}

__attribute__((format(printf, 5, 6))) static void hole(struct expansion *x, enum said_where where, const char *object,
						       const char *key, const char *why, ...)
{
	static const char mark = SAID_HOLE;
	char text[1024];
	va_list ap;

	add(x, &mark, 1);
	if (x->holes)
		return;
	x->holes = true;
	x->out->where = where;
	copy(x->out->object, sizeof(x->out->object), object ? object : "");
	copy(x->out->key, sizeof(x->out->key), key ? key : "");
	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	/* A piece of a password is one as well. */
	if (x->src->secret && where == WHERE_UNKNOWN)
		copy(text, sizeof(text), "only the running pod can tell what its password is");
	copy(x->out->why, sizeof(x->out->why), text);
}

/* kind and what, "env " and "PORT", name it where it is too long. */
static void finish(struct expansion *x, const char *kind, const char *what)
{
	struct said_text *out = x->out;

	out->text[x->len] = '\0';
	out->said = x->holes ? SAID_ELSEWHERE : SAID_KNOWN;
	if (x->too_long) {
		said_unknown(out, "%s%.80s is longer than %d bytes", kind, what, SAID_TEXT_MAX - 1);
		return;
	}
	/* A part of it is no use to whoever looks it up. */
	if (x->holes && x->len != 1) {
		out->where = WHERE_UNKNOWN;
		out->object[0] = out->key[0] = '\0';
		out->maybe = false;
	}
}

void said_unknown(struct said_text *out, const char *why, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, why);
	vsnprintf(text, sizeof(text), why, ap);
	va_end(ap);
	said_clear(out);
	out->said = SAID_ELSEWHERE;
	out->where = WHERE_UNKNOWN;
	out->text[0] = SAID_HOLE;
	copy(out->why, sizeof(out->why), text);
}

void said_literal(struct said_text *out, const char *what, const char *value)
{
	struct expansion x = { .out = out };

	said_clear(out);
	add(&x, value, strlen(value));
	finish(&x, "", what);
}

static bool is_told(const struct said_text *t)
{
	return t->said == SAID_KNOWN || (t->said == SAID_ELSEWHERE && t->where != WHERE_UNKNOWN && t->object[0]);
}

enum said_likeness said_compare(const struct said_text *a, const struct said_text *b)
{
	bool same;

	if (!is_told(a) || !is_told(b))
		return SAID_UNCLEAR;
	if (a->said == SAID_KNOWN)
		same = b->said == SAID_KNOWN && strcmp(a->text, b->text) == 0;
	else
		same = b->said == SAID_ELSEWHERE && a->where == b->where && strcmp(a->object, b->object) == 0 &&
		       strcmp(a->key, b->key) == 0;
	return same ? SAID_SAME : SAID_OTHER;
}

/* --- the environment ---------------------------------------------------------------------------------------------- */

/* The last entry of that name; before: only of those that stand before it. */
static const cJSON *find_entry(struct expansion *x, const char *name, size_t len, const cJSON *before)
{
	const cJSON *e, *found = NULL;

	json_each(e, json_get(x->src->container, "env", NULL)) {
		const char *n = e == before ? NULL : json_str(e, "name", NULL);

		if (e == before)
			break;
		x->looked += LOOK_ENTRY;
		if (n && strlen(n) == len && memcmp(n, name, len) == 0)
			found = e;
	}
	return found;
}

/* "metadata.labels['a/b']": the key, or NULL when the path is another one. */
static const char *subscript(const char *path, const char *field, char key[SAID_NAME_MAX])
{
	size_t len = strlen(field), n;

	if (strncmp(path, field, len) != 0 || strncmp(path + len, "['", 2) != 0)
		return NULL;
	n = strcspn(path + len + 2, "'");
	if (strcmp(path + len + 2 + n, "']") != 0 || n >= SAID_NAME_MAX)
		return NULL;
	memcpy(key, path + len + 2, n);
	key[n] = '\0';
	return key;
}

/* A field of the pod itself, or NULL when it is not known (yet). */
static const char *field_value(const struct said_source *src, const char *path)
{
	const cJSON *metadata = json_get(src->object, "metadata", NULL);
	const char *name = json_str(metadata, "name", NULL), *value = NULL;
	char key[SAID_NAME_MAX];

	if (strcmp(path, "metadata.name") == 0)
		return name;
	if (strcmp(path, "metadata.namespace") == 0)
		return (value = json_str(metadata, "namespace", NULL)) ? value : src->namespace;
	if (strcmp(path, "status.podIP") == 0)
		return json_str(src->object, "status", "podIP", NULL);
	if (subscript(path, "metadata.labels", key))
		value = json_str(metadata, "labels", key, NULL);
	else if (subscript(path, "metadata.annotations", key))
		value = json_str(metadata, "annotations", key, NULL);
	else
		return NULL;
	/* A pod of a template may get labels that the template lacks; what a pod lacks is "" to the kubelet. */
	return value ? value : name ? "" : NULL;
}

static void add_value_from(struct expansion *x, const char *name, const cJSON *from)
{
	const cJSON *map = json_get(from, "configMapKeyRef", NULL), *secret = json_get(from, "secretKeyRef", NULL);
	const cJSON *ref = map ? map : secret;
	const char *object = json_str(ref, "name", NULL), *key = json_str(ref, "key", NULL);
	const char *path = json_str(from, "fieldRef", "fieldPath", NULL);
	const char *value = path ? field_value(x->src, path) : NULL;

	if (value)
		add(x, value, strlen(value));
	else if (ref)
		hole(x, map ? WHERE_CONFIG_MAP : WHERE_SECRET, object, key, "env %.64s comes from %s %s, key %s", name,
		     map ? "ConfigMap" : "Secret", object ? object : "", key ? key : "");
	else
		hole(x, WHERE_UNKNOWN, NULL, NULL, "env %.64s comes from %.64s, which only the running pod has", name,
		     path ? path : "a place");
}

static bool is_set(const char *s)
{
	return s && s[0];
}

/* The envFrom that the variable would come from, if it holds it. */
static const cJSON *find_env_from(struct expansion *x, const char *name, size_t len)
{
	const cJSON *e, *found = NULL;

	json_each(e, json_get(x->src->container, "envFrom", NULL)) {
		x->looked += LOOK_ENTRY;
		if (!cmdline_may_hold(e, name, len))
			continue;
		if (!(x->src->secret && json_get(found, "secretRef", NULL)) || json_get(e, "secretRef", NULL))
			found = e;
	}
	return found;
}

static bool add_env_from(struct expansion *x, const char *name, size_t len)
{
	const cJSON *from = find_env_from(x, name, len);
	const char *map = json_str(from, "configMapRef", "name", NULL),
		   *secret = json_str(from, "secretRef", "name", NULL), *prefix = json_str(from, "prefix", NULL);
	const char *object = map ? map : secret ? secret : "";
	char key[SAID_NAME_MAX];

	if (!from)
		return false;
	snprintf(key, sizeof(key), "%.*s", (int)(len < 250 ? len : 250), name);
	if (!x->holes)
		x->out->maybe = true;
	hole(x, map ? WHERE_CONFIG_MAP : WHERE_SECRET, object, key + (is_set(prefix) ? strlen(prefix) : 0),
	     "env %.64s may come from %s %s by envFrom", key, map ? "ConfigMap" : "Secret", object);
	return true;
}

static void expand(struct expansion *x, const char *text, size_t len, const cJSON *before, int depth);

/* False: there is no such variable. */
static bool add_variable(struct expansion *x, const char *name, size_t len, const cJSON *before, int depth)
{
	const cJSON *e, *from;
	const char *value;

	x->lookups++;
	if (is_too_involved(x) || depth > DEPTH_MAX) {
		hole(x, WHERE_UNKNOWN, NULL, NULL, "env %.*s is too involved", (int)(len < 64 ? len : 64), name);
		return true;
	}
	e = find_entry(x, name, len, before);
	if (!e)
		return add_env_from(x, name, len);
	from = json_get(e, "valueFrom", NULL);
	value = json_str(e, "value", NULL);
	if (is_set(value))
		expand(x, value, strlen(value), e, depth + 1);
	else if (from && !cJSON_IsNull(from))
		add_value_from(x, json_str(e, "name", NULL), from);
	return true;
}

/* As the kubelet replaces $(NAME) and $$ (k8s.io/kubernetes third_party/forked/golang/expansion). A name that stands
 * for nothing stays as it is written; nobody means that. */
static void expand(struct expansion *x, const char *text, size_t len, const cJSON *before, int depth)
{
	for (size_t i = 0; i < len && may_go_on(x); i++) {
		const char *close = NULL;
		size_t n;

		if (text[i] == '$' && i + 1 < len && text[i + 1] == '(')
			close = memchr(text + i, ')', len - i);
		if (!close) {
			add(x, text + i, 1);
			i += text[i] == '$' && i + 1 < len && text[i + 1] == '$';
			continue;
		}
		n = (size_t)(close - (text + i + 2));
		if (!add_variable(x, text + i + 2, n, before, depth))
			hole(x, WHERE_UNKNOWN, NULL, NULL, "there is no env %.*s for its $(%.*s)",
			     (int)(n < 64 ? n : 64), text + i + 2, (int)(n < 64 ? n : 64), text + i + 2);
		i += n + 2;
	}
}

void said_env(const struct said_source *src, const char *name, struct said_text *out)
{
	struct expansion x = { .src = src, .out = out };

	said_clear(out);
	if (add_variable(&x, name, strlen(name), NULL, 0))
		finish(&x, "env ", name);
}

/* --- flags -------------------------------------------------------------------------------------------------------- */

static bool is_replaced(struct expansion *x, const struct cmdline *c, const char *name, size_t len)
{
	x->looked += strlen(c->text->valuestring);
	return cmdline_is_replaced(c, name, len);
}

/* Where what is in brackets at p ends. */
static size_t bracket_len(const char *p, size_t len)
{
	char open = p[0], close = open == '{' ? '}' : ')';
	int level = 0;

	for (size_t i = 0; i < len; i++) {
		level += (p[i] == open) - (p[i] == close);
		if (level == 0)
			return i + 1;
	}
	return len;
}

/* A variable of the container in a shell's text; kubelet: written as $(NAME). */
static void add_shell_variable(struct expansion *x, const struct cmdline *c, const char *name, size_t len, bool kubelet)
{
	size_t from = x->len;

	if ((!kubelet && !is_too_involved(x) && is_replaced(x, c, name, len)) || !add_variable(x, name, len, NULL, 0))
		hole(x, WHERE_UNKNOWN, NULL, NULL, "variable %.*s of its shell text is not in env",
		     (int)(len < 64 ? len : 64), name);
	/* The kubelet's replacement is read by the shell once more. */
	x->out->text[x->len] = '\0';
	if (kubelet && strpbrk(x->out->text + from, "$`\"'\\ \t\n;&|<>()"))
		hole(x, WHERE_UNKNOWN, NULL, NULL, "variable %.*s has what a shell would read otherwise",
		     (int)(len < 64 ? len : 64), name);
}

/* At a "$" or "`" that is not escaped: returns its length. */
static size_t add_expansion(struct expansion *x, const struct cmdline *c, const char *p, size_t len, bool single)
{
	bool round = len > 1 && p[1] == '(', brace = len > 1 && p[1] == '{';
	const char *name = p + 1 + (round || brace);
	size_t n = *p == '$' && len > 1 ? strspn(name, SHELL_NAME_CHARS) : 0;
	bool closed = (!round && !brace) || (n + 2 < len && name[n] == (round ? ')' : '}'));

	/* $(NAME) is the kubelet's, whatever quotes stand around it. */
	if (n && closed && round && (is_too_involved(x) || find_entry(x, name, n, NULL) || find_env_from(x, name, n))) {
		add_shell_variable(x, c, name, n, true);
		return n + 3;
	}
	if (single) {
		add(x, p, 1);
		return 1;
	}
	if (n && closed && !round && !isdigit((unsigned char)name[0])) {
		add_shell_variable(x, c, name, n, false);
		return n + (brace ? 3 : 1);
	}
	hole(x, WHERE_UNKNOWN, NULL, NULL, "only a shell can tell what is meant by %.*s", (int)(len < 64 ? len : 64),
	     p);
	if (round || brace)
		return 1 + bracket_len(p + 1, len - 1);
	return *p == '`' ? len : 1;
}

static bool escapes(char c)
{
	return c == '"' || c == '\\' || c == '$' || c == '`';
}

static void expand_shell(struct expansion *x, const struct cmdline *c, const struct shell_word *w)
{
	char quote = '\0';

	for (size_t i = 0; i < w->len && may_go_on(x);) {
		const char *p = w->text + i;
		char next = i + 1 < w->len ? p[1] : '\0';

		if ((*p == '\'' && quote != '"') || (*p == '"' && quote != '\'')) {
			quote = quote ? '\0' : *p;
			i++;
		} else if (*p == '$' || (*p == '`' && quote != '\'')) {
			i += add_expansion(x, c, p, w->len - i, quote == '\'');
		} else if (*p == '\\' && next && quote != '\'' && (!quote || escapes(next))) {
			add(x, p + 1, next != '\n');
			i += 2;
		} else {
			add(x, p, 1);
			i++;
		}
	}
}

static bool read_start(const struct said_source *src, const struct cmdline *c, const struct cmdline_start *s,
		       const char *flag, struct said_text *out)
{
	struct expansion x = { .src = src, .out = out };
	struct shell_word value;

	if (cmdline_flag(c, s, flag, &value) < 0 || value.len == 0)
		return false;
	said_clear(out);
	if (c->kind == CMDLINE_SHELL)
		expand_shell(&x, c, &value);
	else
		expand(&x, value.text, value.len, NULL, 0);
	finish(&x, "", flag);
	out->maybe = false; /* the program is told something */
	return true;
}

struct flag_search {
	const struct said_source *src;
	const char *flag;
	struct cmdline c;
	struct said_text *out;
};

static int on_any_command(void *ctx, const struct shell_command *command)
{
	struct flag_search *f = ctx;
	struct cmdline_start *s = &f->c.starts[0];

	s->count = command->count;
	s->handed = 0;
	memcpy(s->words, command->words, (size_t)command->count * sizeof(s->words[0]));
	return read_start(f->src, &f->c, s, f->flag, f->out);
}

/* Of another command of the text, as of the codis-admin that a script asks first. */
static void read_text(const struct said_source *src, const struct cmdline *c, const char *flag, struct said_text *out)
{
	struct flag_search f = { .src = src, .flag = flag, .out = out };

	f.c.kind = CMDLINE_SHELL;
	f.c.container = c->container;
	f.c.text = c->text;
	if (!shell_find(c->text->valuestring, flag) || shell_each(c->text->valuestring, on_any_command, &f, NULL) == 1)
		return;
	said_unknown(out, "%s stands in shell text that cannot be followed", flag);
}

/* Those of a start script, and those behind a text (exec gosu redis "$@"), are handed on. */
static void read_words(const struct said_source *src, const struct cmdline *c, const char *flag, struct said_text *out)
{
	struct cmdline all;

	cmdline_words(c->container, &all);
	if (all.count)
		read_start(src, &all, &all.starts[0], flag, out);
}

void said_flag(const struct said_source *src, const struct cmdline *c, const char *flag, struct said_text *out)
{
	struct said_text other;
	bool found = false;

	said_clear(out);
	if (!src->container)
		return;
	for (int i = 0; i < c->count; i++) {
		if (!read_start(src, c, &c->starts[i], flag, found ? &other : out))
			continue;
		if (found && strcmp(other.text, out->text) != 0) {
			said_unknown(out, "%s is said more than once, and differently", flag);
			return;
		}
		found = true;
	}
	if (!found && c->text)
		read_text(src, c, flag, out);
	if (!c->count && out->said == SAID_NOTHING)
		read_words(src, c, flag, out);
}
