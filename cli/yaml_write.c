#include "cli/yaml_write.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <yaml.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"

static int on_text(void *ctx, unsigned char *bytes, size_t len)
{
	return buf_add(ctx, bytes, len) == 0;
}

static bool emit(yaml_emitter_t *e, yaml_event_t *event, int made)
{
	return made && yaml_emitter_emit(e, event);
}

static bool scalar(yaml_emitter_t *e, const char *of, bool quoted)
{
	/* Of several lines each stands in its own, where that can be: libyaml quotes the others. */
	yaml_scalar_style_t style = strchr(of, '\n') ? YAML_LITERAL_SCALAR_STYLE : YAML_DOUBLE_QUOTED_SCALAR_STYLE;
	yaml_event_t event;

	return emit(e, &event,
		    yaml_scalar_event_initialize(&event, NULL, NULL, (const yaml_char_t *)of, (int)strlen(of), !quoted,
						 quoted, quoted ? style : YAML_PLAIN_SCALAR_STYLE));
}

/* A word that is nothing else in YAML 1.1 either. */
static bool is_word(const char *text)
{
	static const char *const others[] = { "true", "false", "null", "yes", "no", "on", "off", "y", "n" };

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		if (strcasecmp(text, others[i]) == 0)
			return false;
	}
	return isalpha((unsigned char)text[0]) &&
	       text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-")] == '\0';
}

static bool text(yaml_emitter_t *e, const char *of)
{
	return scalar(e, of, !is_word(of));
}

static bool number(yaml_emitter_t *e, double n)
{
	char digits[40];

	snprintf(digits, sizeof(digits), "%.15g", n);
	return scalar(e, digits, false);
}

static bool value(yaml_emitter_t *e, const cJSON *item);

static bool array(yaml_emitter_t *e, const cJSON *item)
{
	yaml_event_t event;
	const cJSON *at;
	bool ok =
		emit(e, &event, yaml_sequence_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));

	json_each(at, item)
		ok = ok && value(e, at);
	return ok && emit(e, &event, yaml_sequence_end_event_initialize(&event));
}

static bool object(yaml_emitter_t *e, const cJSON *item)
{
	yaml_event_t event;
	const cJSON *at;
	bool ok = emit(e, &event, yaml_mapping_start_event_initialize(&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));

	json_each(at, item)
		ok = ok && text(e, at->string) && value(e, at);
	return ok && emit(e, &event, yaml_mapping_end_event_initialize(&event));
}

/* As deep as cJSON parses at most. */
static bool value(yaml_emitter_t *e, const cJSON *item)
{
	if (cJSON_IsObject(item))
		return object(e, item);
	if (cJSON_IsArray(item))
		return array(e, item);
	if (cJSON_IsString(item))
		return text(e, item->valuestring);
	if (cJSON_IsNumber(item))
		return number(e, item->valuedouble);
	return scalar(e, cJSON_IsTrue(item) ? "true" : cJSON_IsFalse(item) ? "false" : "null", false);
}

int yaml_write(const cJSON *item, struct buf *out, struct error *err)
{
	yaml_emitter_t e;
	yaml_event_t event;
	bool ok;

	if (!yaml_emitter_initialize(&e))
		return error_set(err, ERR_NOMEM, "no memory");
	yaml_emitter_set_output(&e, on_text, out);
	yaml_emitter_set_unicode(&e, 1);
	yaml_emitter_set_width(&e, -1);
	ok = emit(&e, &event, yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING)) &&
	     emit(&e, &event, yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1)) && value(&e, item) &&
	     emit(&e, &event, yaml_document_end_event_initialize(&event, 1)) &&
	     emit(&e, &event, yaml_stream_end_event_initialize(&event));
	if (!ok)
		error_set(err, ERR_INVALID, "no YAML: %s", e.problem ? e.problem : "no memory");
	yaml_emitter_delete(&e);
	return ok ? 0 : -1;
}
