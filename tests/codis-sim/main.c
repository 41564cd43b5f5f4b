/* codis-sim: plays the programs of Codis 3.2, by the name that it is called by. See README.md. */
#include <curl/curl.h>

#include "tests/codis-sim/programs.h"

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} programs[] = { { "codis-dashboard", dashboard_main },
			 { "codis-proxy", proxy_main },
			 { "codis-admin", admin_main },
			 { "codis-fe", fe_main },
			 { "codis-ha", ha_main },
			 { "codis-server", server_main } };
	const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];

	curl_global_init(CURL_GLOBAL_DEFAULT);
	if (strcmp(name, "codis-sim") == 0 && argc > 1) {
		name = argv[1];
		argv++;
		argc--;
	}
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (strcmp(name, programs[i].name) == 0)
			return programs[i].run(argc, argv);
	fprintf(stderr,
		"codis-sim plays codis-dashboard, codis-proxy, codis-admin, codis-fe, codis-ha and codis-server:\n"
		"call it by one of these names (a link), or give the name as its first argument\n");
	return 1;
}
