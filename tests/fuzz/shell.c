/* fuzz: -max_len=2048 */
/* Any text as a shell's: the words that are found lie in it, one behind the other, and what is plain has no quotes that
 * only a shell could take away. */
#include "common/codis/shell.h"
#include "common/base/buf.h"
#include "common/base/error.h"
#include "tests/fuzz/fuzz.h"

struct script {
	const char *text, *end;
};

static int on_command(void *ctx, const struct shell_command *command)
{
	const struct script *s = ctx;
	const char *at = s->text;
	int program = shell_program(command);

	CHECK(command->count > 0 && command->count <= SHELL_WORDS);
	CHECK(program >= 0 && program <= command->count);
	for (int i = 0; i < command->count; i++) {
		BUF_CLEANUP struct buf plain = BUF_INIT(1u << 16);
		const struct shell_word *w = &command->words[i];

		CHECK(w->len > 0 && w->text >= at && w->text + w->len <= s->end);
		at = w->text + w->len;
		if (shell_plain(w, &plain))
			CHECK(!plain.failed && plain.len <= w->len);
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct input in = { data, len };
	char *text = take_text(&in);
	struct script s = { text, text + strlen(text) };
	struct error err = ERROR_INIT;

	if (shell_each(text, on_command, &s, &err) < 0)
		CHECK(err.code != ERR_NONE && err.text[0]);
	free(text);
	return 0;
}
