#include "webhook/article.h"

#include <stdio.h>
#include <string.h>

#include "common/base/json.h"
#include "common/codis/shell.h"

struct article {
	enum codis_component component;
	const char *which;
	const char *step;
	const char *warning;
};

static const struct article articles[] = {
	{ CODIS_SERVER, "postStart", "--group-add",
	  "the article's postStart is replaced: it ends a server that has no role yet (exit 1 when group-add fails)" },
	{ CODIS_SERVER, "preStop", "--group-del",
	  "the article's preStop is replaced: it takes a master from its group; codis-controller switches first" },
	{ CODIS_PROXY, "preStop", "--remove-proxy",
	  "the article's preStop is replaced: it stops a proxy that still gets clients; they are sent elsewhere "
	  "first" },
	{ CODIS_DASHBOARD, "postStart", "--dashboard-list",
	  "the article's postStart is left out: it ends the dashboard when ZooKeeper does not answer yet" },
	{ CODIS_DASHBOARD, "preStop", "dashboard.pid",
	  "the article's preStop is replaced: a stray quote behind its shell makes it fail each time" },
};

#define ARTICLES (sizeof(articles) / sizeof(articles[0]))

static const struct article *find_article(enum codis_component component, const char *which)
{
	for (size_t i = 0; i < ARTICLES; i++) {
		if (articles[i].component == component && strcmp(articles[i].which, which) == 0)
			return &articles[i];
	}
	return NULL;
}

const char *article_text(const cJSON *handler)
{
	const cJSON *words = json_get(handler, "exec", "command", NULL);
	const cJSON *flag = cJSON_GetArrayItem(words, 1), *text = cJSON_GetArrayItem(words, 2);

	if (cJSON_GetArraySize(words) != 3 || !cJSON_IsString(flag) || strcmp(flag->valuestring, "-c") != 0)
		return NULL;
	return cJSON_GetStringValue(text);
}

static bool is_article_step(const char *program)
{
	static const char *const steps[] = { "codis-admin", "$admin", "${admin}", "exit", "[",    "test",
					     "sleep",       "expr",   "hostname", "awk",  "true", ":",
					     "echo",        "fi",     "done",     "kill", "ps",   "cat" };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(program, steps[i]) == 0)
			return true;
	}
	return false;
}

static int find_other_step(void *ctx, const struct shell_command *command)
{
	int i = shell_program(command);
	char program[32];

	(void)ctx;
	if (i == command->count)
		return 0;
	snprintf(program, sizeof(program), "%.*s", command->words[i].len < 31 ? (int)command->words[i].len : 31,
		 command->words[i].text);
	return is_article_step(program) ? 0 : 1;
}

const char *article_warning(enum codis_component component, const char *which, const cJSON *hook)
{
	const struct article *a = find_article(component, which);
	const char *text = article_text(hook);

	return a && text && strstr(text, a->step) && shell_each(text, find_other_step, NULL, NULL) == 0 ? a->warning
													: NULL;
}
