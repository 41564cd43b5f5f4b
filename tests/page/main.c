/* page-render: the controller's web page of a /status.json on standard input; with "event" what /events says. */
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "controller/web.h"

#define STATUS_MAX (64u << 20)
#define AT_MS      1795000000000 /* 2026-11-18T13:46:40Z */

static int read_all(FILE *in, struct buf *text)
{
	char part[65536];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), in)) > 0)
		buf_add(text, part, n);
	return ferror(in) || text->failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	BUF_CLEANUP struct buf text = BUF_INIT(STATUS_MAX), out = BUF_INIT(STATUS_MAX);
	JSON_CLEANUP cJSON *status = NULL;
	struct error err = ERROR_INIT;

	if (read_all(stdin, &text) < 0 || !(status = json_parse(text.data, text.len, STATUS_MAX, &err))) {
		fprintf(stderr, "page-render: %s\n", err.code ? err.text : "standard input cannot be read");
		return 1;
	}
	if (argc > 1 && strcmp(argv[1], "event") == 0)
		web_event(status, &out);
	else
		web_page(status, AT_MS, &out);
	return !out.failed && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0 ? 0 : 1;
}
