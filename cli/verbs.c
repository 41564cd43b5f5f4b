#include "cli/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cli/parts.h"
#include "common/base/error.h"

const struct verb cli_verbs[] = {
	{ "status", "what each Codis is doing, and what is wrong with it", "[PRODUCT]",
	  "Says of each product in the namespace (-A: in all) its word and the cause first, then its groups, proxies "
	  "and "
	  "what was done lately. Both pods of codis-controller are asked, each for 1.5 s at most, and the one that "
	  "leads "
	  "is believed; where none answers, it says so and shows what Kubernetes and the dashboards know. The status "
	  "is 0 "
	  "when all that is shown is OK, else 1.",
	  status_options, 1, false, status_run },
	{ "pause", "let codis-controller only watch a product", "[REASON]",
	  "Writes codis.io/paused on the product's codis-server StatefulSet, with the reason that its status then "
	  "shows: "
	  "say who you are. Nothing is done to that product until `codisctl resume`, also no failover. It ends when "
	  "the "
	  "status says PAUSED.",
	  annotate_options, 1, false, pause_run },
	{ "resume", "end a pause", "",
	  "Takes codis.io/paused off the product's StatefulSets. It ends when the status says PAUSED no more.",
	  annotate_options, 0, false, resume_run },
	{ "adopt", "replace servers that have no guard, one by one", "",
	  "Writes codis.io/adopt on the product's codis-server StatefulSet: servers that were there before codis-k8s "
	  "are "
	  "replaced one by one, replicas first, each master after a switch. How far it is, and what it waits for, is "
	  "in "
	  "the status.",
	  annotate_options, 0, false, adopt_run },
	{ "switchover", "another master for a group, without losing a write", "GROUP",
	  "Wishes that another server of the group leads (codis.io/switchover on the StatefulSet that makes it), and "
	  "tells what codis-controller made of it: the best replica in sync, or the one that --to names, catches up "
	  "and leads, with what that took; the status is 1 where it is refused, with the reason. It is done once or "
	  "not at all. Interrupted and repeated it waits for the same one.",
	  switchover_options, 1, false, switchover_run },
	{ "ping", "PONG through every proxy of a product", "[PRODUCT]",
	  "Connects to each proxy by a port-forward through the API server, sends PING (AUTH before it where the pod's "
	  "--session_auth can be read, also from its Secret), which the proxy hands to a codis-server, and waits for 3 "
	  "s at "
	  "most. A line for each proxy, then PONG; the status is 1 when one does not answer so.",
	  NULL, 1, false, ping_run },
	{ "scale-proxy", "so many proxies, and PONG through each", "N [PRODUCT]",
	  "Scales the Deployment, StatefulSet or ReplicationController that makes the product's proxies, waits until "
	  "codis-controller says "
	  "that so "
	  "many serve and no others are left, and ends with PONG (codisctl ping). Interrupted it goes on in the "
	  "cluster, and "
	  "the same command waits again.",
	  scale_proxy_options, 2, false, scale_proxy_run },
	{ "install", "codis-k8s itself, with the kube-scheduler of this cluster's version", "",
	  "Applies the install.yaml that codisctl brings along (-f: another one), with kube-scheduler of the API "
	  "server's version, and waits until all pods are ready; --print only prints it. What is there and the same is "
	  "unchanged, and images that run already stay, but for the version. So the same command upgrades, and follows "
	  "an upgrade of the API server. Interrupted, or repeated, it goes on. It takes the rights of an "
	  "administrator.",
	  install_options, 0, false, install_run },
	{ "buildup", "a Codis of manifests, until it serves and answers PONG", "",
	  "Applies manifests (-f, or a set that codisctl brings along) to the namespace, which is made where it is "
	  "missing; "
	  "waits until codis-controller says OK with all groups and proxies that they ask for, and ends with PONG "
	  "(codisctl ping). What is there and the same is unchanged, what was scaled stays so. Before it applies "
	  "anything "
	  "it looks whether codis-k8s is installed. Interrupted, what was applied stands, and the same command goes "
	  "on.",
	  buildup_options, 0, false, buildup_run },
	{ "logs", "what was decided and why, by all controllers, in order of time", "[PRODUCT]",
	  "Merges the logs of all pods of codis-controller: what they say of the product, or of all in the namespace "
	  "(-A: in all), and of who leads. Each line has the time, the pod that said it, whether that one led, how "
	  "grave it is, the product, the event and its fields: why= says why something was done. A pod that is silent "
	  "for 2 s is said to be missing; the status is 1 then. Of a container that was replaced both logs are shown.",
	  logs_options, 1, false, logs_run },
	{ "history", "the last decisions, also of controllers that are gone", "[PRODUCT]",
	  "What was done to the product, or to all in the namespace (-A: in all), one sentence each, the oldest first: "
	  "failovers, switches, joins, slots, losses, and who led. The last 1,000 are kept in the ConfigMap "
	  "codis-decisions, so that they outlive the pods whose logs codisctl logs reads, and are read here without "
	  "any "
	  "of them.",
	  history_options, 1, false, history_run },
	{ "plan", "what would become of manifests, without a cluster", "[FILE|-]",
	  "Says what codis-webhook would refuse, warn of and change, where each pod would go by codis-extender, and "
	  "which group loses what with each node and zone: by their own code, offline. The status is 1 when something "
	  "would be refused, a pod finds no node, or a group would lose two members to one node; 2 when the manifests "
	  "cannot be read.",
	  plan_options, 1, false, plan_run },
	{ "scale-server", "so many servers: slots move first, with every key", "N | --cancel",
	  "Writes codis.io/scale-to on the product's codis-server StatefulSet. With more servers than there are, the "
	  "new "
	  "groups get their share of the slots; with fewer, the slots of the groups that go move to the others, then "
	  "the "
	  "servers end and the groups are removed. It tells how far it is and what it waits for, and ends with PONG "
	  "when "
	  "all is done (codisctl ping). 0 empties all groups of a StatefulSet into those of another one of the "
	  "product. "
	  "Interrupted it goes on in the cluster, and the same command waits again; "
	  "--cancel "
	  "takes it back, and groups that lost slots get their share again. N is a multiple of SERVER_REPLICA.",
	  scale_server_options, 1, false, scale_server_run },
	{ "backup", "the tree of a product in ZooKeeper, as one document", "[PRODUCT]",
	  "Which group has which slots and servers, and the proxies, with versions and the time; not the dashboard's "
	  "lock, and no keys. --from-proxies rebuilds it from what living proxies say of their slots and pods of their "
	  "groups and roles, where ZooKeeper has lost it.",
	  backup_options, 1, false, backup_run },
	{ "restore", "write a product's tree back to ZooKeeper, where it is missing", "",
	  "From a file of codisctl backup, or --from-proxies. It says what is missing and what differs, and writes "
	  "nothing without --yes. A tree that has slots is left alone without --force; groups and proxies that are "
	  "there are newer than a copy, and stay. Then the dashboard reads it. Interrupted, or repeated, it goes on.",
	  restore_options, 0, false, restore_run },
	{ "cleanup", "take a product away, its tree in ZooKeeper too, and nothing else", "",
	  "Says what goes and what stays, asks for the product's name (--yes: does not), pauses codis-controller for "
	  "it, and "
	  "deletes what makes its pods, its Services, budgets and ConfigMaps, and its tree in ZooKeeper, which is "
	  "reached by a "
	  "port-forward. ZooKeeper itself goes where buildup made it and no other product is in it. "
	  "PersistentVolumeClaims stay "
	  "without --delete-data. It ends when all pods are gone; interrupted, the same command goes on.",
	  cleanup_options, 0, false, cleanup_run },
	{ "certs", "the certificates of codis-webhook: until when, and a new CA", "status|rotate",
	  "status: what the webhook's pods serve with and until when, the CAs of their Secret, and whether the API "
	  "server trusts them; the status is 1 where that is not so, or where something ends within 5 days. rotate: "
	  "asks for a new CA, as when its key has got out, tells of each stage and what it waits for, and ends when "
	  "the "
	  "old one is trusted no more; where a change is under way it waits for that one. A key is never printed.",
	  certs_options, 1, false, certs_run },
	{ "version", "its own version, the API server's, and the images of codis-k8s in the cluster", "", NULL, NULL, 0,
	  false, version_run },
	{ "completion", "the completion of a shell, for its start file", "bash|zsh|fish",
	  "For bash: source <(codisctl completion bash). For zsh: source <(codisctl completion zsh), behind compinit. "
	  "For "
	  "fish: codisctl completion fish | source.",
	  NULL, 1, false, completion_run },
	{ "help", "what a verb does, and its options", "[VERB]", NULL, NULL, 1, false, help_run },
	{ "man", "the man page codisctl.1", "", NULL, NULL, 0, true, man_run },
	{ .name = NULL },
};

const struct verb *verb_find(const char *name)
{
	for (const struct verb *v = cli_verbs; v->name; v++)
		if (strcmp(v->name, name) == 0)
			return v;
	return NULL;
}

#define NAME_MAX_LEN 32
#define NEAR         3 /* changes */

/* How many letters have to be put in, taken out, changed or swapped with the next (Damerau and Levenshtein). */
static int distance(const char *a, const char *b)
{
	int n = (int)strnlen(a, NAME_MAX_LEN), m = (int)strnlen(b, NAME_MAX_LEN);
	int d[NAME_MAX_LEN + 1][NAME_MAX_LEN + 1];

	for (int i = 0; i <= n; i++)
		d[i][0] = i;
	for (int j = 0; j <= m; j++)
		d[0][j] = j;
	for (int i = 1; i <= n; i++) {
		for (int j = 1; j <= m; j++) {
			int least = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < least)
				least = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < least)
				least = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < least)
				least = d[i - 2][j - 2] + 1;
			d[i][j] = least;
		}
	}
	return d[n][m];
}

const struct verb *verb_nearest(const char *name)
{
	const struct verb *best = NULL;
	int near = NEAR;

	for (const struct verb *v = cli_verbs; v->name; v++) {
		int far = distance(name, v->name);

		/* of a short name little is left after three changes */
		if (v->hidden || far >= near || (size_t)far * 2 > strlen(v->name))
			continue;
		best = v;
		near = far;
	}
	return best;
}

static int append(struct opt *out, int n, const struct opt *table)
{
	for (; table && table->name && n < VERB_OPTIONS_MAX - 1; table++)
		out[n++] = *table;
	return n;
}

void verb_options(const struct verb *v, struct opt out[VERB_OPTIONS_MAX])
{
	int n = append(out, append(out, 0, v->options), cli_options);

	out[n] = (struct opt)OPT_END;
}

/* --- the command line --------------------------------------------------------------------------------------------- */

static enum cli_status unknown_verb(struct cli *c, const char *name)
{
	const struct verb *near = verb_nearest(name);

	if (near)
		return cli_fail(c, CLI_USAGE, "there is no verb \"%.64s\"; did you mean %s? codisctl help lists them",
				name, near->name);
	return cli_fail(c, CLI_USAGE, "there is no verb \"%.64s\"; codisctl help lists them", name);
}

/* Where the verb stands, behind options that all have; argc when there is none, -1 and said. */
static int find_verb(struct cli *c, int argc, char **argv)
{
	struct cli_options before = { .all = false };
	struct error err;
	int at = opt_parse(cli_options, &before, argc, argv, &err);

	opt_release(cli_options, &before);
	if (at < 0)
		cli_fail(c, CLI_USAGE, "%s", err.text);
	return at;
}

static enum cli_status run_verb(struct cli *c, int argc, char **argv)
{
	struct opt options[VERB_OPTIONS_MAX];
	struct error err;
	int at;

	verb_options(c->verb, options);
	at = opt_parse_anywhere(options, &c->options, argc, argv, &err);
	if (at < 0)
		return cli_fail(c, CLI_USAGE, "%s: %s", c->verb->name, err.text);
	c->args = argv + at;
	c->arg_count = argc - at;
	if (c->options.help) {
		verb_help(c->verb, &c->out);
		return CLI_OK;
	}
	if (c->options.namespace && !cli_is_namespace(c->options.namespace))
		return cli_fail(c, CLI_USAGE, "%s: --namespace \"%.64s\" is no name of a namespace", c->verb->name,
				c->options.namespace);
	if (!cli_is_namespace(c->options.system))
		return cli_fail(c, CLI_USAGE, "%s: --system-namespace \"%.64s\" is no name of a namespace",
				c->verb->name, c->options.system);
	if (c->arg_count > c->verb->max_arguments)
		return cli_fail(c, CLI_USAGE, "%s: \"%.64s\" is one argument too many; codisctl help %s", c->verb->name,
				c->args[c->verb->max_arguments], c->verb->name);
	cli_end_at_signals();
	return c->verb->run(c);
}

enum cli_status verbs_run(struct cli *c, int argc, char **argv)
{
	int at;

	if (argc > 1 && strcmp(argv[1], "--version") == 0) {
		buf_addf(&c->out, "codisctl %s\n", CODIS_VERSION);
		return CLI_OK;
	}
	at = find_verb(c, argc, argv);
	if (at < 0)
		return CLI_USAGE;
	if (at == argc) {
		bool asked = opt_wants(argc, argv, "--help") || opt_wants(argc, argv, "-h");

		verbs_help(asked ? &c->out : &c->err);
		return asked ? CLI_OK : CLI_USAGE;
	}
	c->verb = verb_find(argv[at]);
	if (!c->verb)
		return unknown_verb(c, argv[at]);
	memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof(*argv));
	return run_verb(c, argc - 1, argv);
}

/* --- help --------------------------------------------------------------------------------------------------------- */

#define WIDTH 100

/* A paragraph, broken at blanks. */
static void add_paragraph(struct buf *out, const char *text)
{
	size_t column = 0;

	while (*text) {
		size_t len = strcspn(text, " ");

		if (column && column + 1 + len > WIDTH) {
			buf_addch(out, '\n');
			column = 0;
		}
		buf_addf(out, "%s%.*s", column ? " " : "", (int)len, text);
		column += len + (column > 0);
		text += len + (text[len] == ' ');
	}
	buf_addch(out, '\n');
}

void verbs_help(struct buf *out)
{
	buf_addf(out, "codisctl: %s\n\n  codisctl VERB [ARGUMENTS] [OPTIONS]\n\n", VERBS_PURPOSE);
	for (const struct verb *v = cli_verbs; v->name; v++) {
		if (!v->hidden)
			buf_addf(out, "  %-12s %s\n", v->name, v->purpose);
	}
	buf_addstr(out, "\nOptions of all verbs:\n");
	opt_help(cli_options, out);
	buf_addstr(out, "\ncodisctl help VERB tells more. It ends with 0 when all is well, 1 when what was asked for "
			"is not so,\n"
			"2 for a wrong command line, 3 without a cluster, 4 when what it waited for did not come.\n");
}

void verb_help(const struct verb *v, struct buf *out)
{
	buf_addf(out, "codisctl %s%s%s: %s\n\n", v->name, *v->arguments ? " " : "", v->arguments, v->purpose);
	if (v->details) {
		add_paragraph(out, v->details);
		buf_addch(out, '\n');
	}
	if (v->options) {
		opt_help(v->options, out);
		buf_addch(out, '\n');
	}
	buf_addstr(out, "Options of all verbs:\n");
	opt_help(cli_options, out);
}

enum cli_status help_run(struct cli *c)
{
	const struct verb *v = c->arg_count ? verb_find(c->args[0]) : NULL;

	if (!c->arg_count)
		verbs_help(&c->out);
	else if (!v)
		return unknown_verb(c, c->args[0]);
	else
		verb_help(v, &c->out);
	return CLI_OK;
}
