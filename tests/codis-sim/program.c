/* What dashboard and proxy do alike before they begin. */
#include <stdio.h>

#include "tests/codis-sim/conf.h"
#include "tests/codis-sim/flags.h"
#include "tests/codis-sim/golog.h"
#include "tests/codis-sim/programs.h"
#include "tests/codis-sim/version.h"

bool program_answers(const struct flags *f, const struct conf_key *keys)
{
	const char *level = flags_value(f, "--log-level");

	if (flags_given(f, "--default-config")) {
		conf_print_default(keys);
		return true;
	}
	if (flags_given(f, "--version")) {
		printf("version: %s\ncompile: %s\n", SIM_VERSION, SIM_COMPILE);
		return true;
	}
	if (flags_value(f, "--log"))
		golog_open(flags_value(f, "--log"));
	if (level && !golog_set_level(level))
		golog_panic("option --log-level = %s", level);
	return false;
}
