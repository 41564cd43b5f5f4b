/* Memory runs out within what all programs have in common: what comes out is right, or it is said that memory is short;
 * never that somebody has said something wrong, nor a part for the whole. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/json_patch.h"
#include "common/base/metrics.h"
#include "common/base/opt.h"
#include "common/codis/model.h"
#include "common/codis/overview.h"
#include "common/kube/config.h"
#include "tests/unit/nomem.h"
#include "tests/unit/parse_text.h"
#include "tests/unit/test.h"

/* --- JSON --------------------------------------------------------------------------------------------------------- */

TEST(json_is_read_and_written_as_it_is)
{
	static const char text[] = "{\"a\":[1,\"two\",{\"three\":null}],\"b\":true}";

	NOMEM_EACH
	{
		struct error err = ERROR_INIT;
		struct buf out = BUF_INIT(4096);
		cJSON *json;

		nomem_on();
		json = json_parse(text, sizeof(text) - 1, JSON_ITEMS, &err);
		if (json)
			json_write(json, &out);
		nomem_off();
		if (!json)
			assert_int_equal(err.code, ERR_NOMEM);
		else if (!out.failed)
			assert_string_equal(out.data, text);
		else
			assert_true(out.nomem);
		cJSON_Delete(json);
		buf_release(&out);
	}
}

TEST(what_is_no_json_is_not_taken_for_a_lack_of_memory)
{
	struct error err = ERROR_INIT;

	assert_null(json_parse("{\"a\":", 5, JSON_ITEMS, &err));
	assert_int_equal(err.code, ERR_INVALID);
}

TEST(a_tree_that_lacks_a_part_is_not_written)
{
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(4096);
		cJSON *root, *list;

		nomem_on();
		root = cJSON_CreateObject();
		list = json_add_array(json_add_object(root, "outer"), "list");
		json_push(list, cJSON_CreateString("one"));
		json_add_str(root, "text", "t");
		json_add_fmt(root, "number", "%d", 7);
		json_add_int(root, "int", 7);
		json_add_bool(root, "bool", true);
		json_set(root, "text", cJSON_CreateString("other"));
		json_write(root, &out);
		nomem_off();
		assert_int_equal(out.failed, nomem_failed());
		if (!out.failed)
			assert_string_equal(out.data, "{\"outer\":{\"list\":[\"one\"]},\"number\":\"7\",\"int\":7,"
						      "\"bool\":true,\"text\":\"other\"}");
		cJSON_Delete(root);
		buf_release(&out);
	}
}

TEST(a_patch_is_whole_or_none)
{
	JSON_CLEANUP cJSON *from = parse_text("{\"a\":[1,2,3],\"b\":{\"c\":\"d\"},\"gone\":1}");
	JSON_CLEANUP cJSON *to = parse_text("{\"a\":[1,3],\"b\":{\"c\":\"e\",\"new\":[1]}}");
	BUF_CLEANUP struct buf right = BUF_INIT(4096);

	assert_int_equal(json_patch_write(from, to, &right), 4);
	NOMEM_EACH
	{
		BUF_CLEANUP struct buf patch = BUF_INIT(4096);
		int operations;

		nomem_on();
		operations = json_patch_write(from, to, &patch);
		nomem_off();
		assert_int_equal(operations, nomem_failed() ? -1 : 4);
		if (operations > 0)
			assert_string_equal(patch.data, right.data);
	}
}

/* --- what Codis says ---------------------------------------------------------------------------------------------- */

TEST(an_overview_is_whole_or_none)
{
	static const char text[] =
		"{\"version\":\"x\",\"stats\":{\"slots\":[{\"id\":0,\"group_id\":1},{\"id\":1}],\"more\":{}}}";

	for (int only_slots = 0; only_slots < 2; only_slots++) {
		NOMEM_EACH
		{
			struct overview_slots seen = { 0 };
			struct error err = ERROR_INIT;
			cJSON *answer;

			nomem_on();
			answer = overview_parse(text, sizeof(text) - 1, only_slots, &seen, &err);
			nomem_off();
			if (answer) {
				assert_int_equal(cJSON_GetArraySize(json_get(answer, "stats", "slots", NULL)), 2);
			} else {
				assert_int_equal(err.code, ERR_NOMEM);
				assert_int_equal(seen.len, 0); /* all slots are asked for again */
			}
			cJSON_Delete(answer);
		}
	}
}

TEST(a_group_is_written_whole_or_not)
{
	struct codis_group group = { .id = 1 };
	BUF_CLEANUP struct buf right = BUF_INIT(4096);

	codis_group_append(&group, "10.0.0.1:6379");
	codis_group_append(&group, "10.0.0.2:6379");
	assert_int_equal(codis_group_write(&group, &right), 0);
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(4096);
		int done;

		nomem_on();
		done = codis_group_write(&group, &out);
		nomem_off();
		assert_true(done == 0 || nomem_failed());
		if (done == 0)
			assert_string_equal(out.data, right.data);
		buf_release(&out);
	}
}

/* --- how a program begins ----------------------------------------------------------------------------------------- */

struct options {
	char *listen, *word;
	int threads;
};

TEST(options_are_all_there_or_refused)
{
	static const struct opt table[] = {
		{ "listen", NULL, OPT_STRING, offsetof(struct options, listen), .def = ":9443", .arg = "ADDR",
		  .help = "" },
		{ "word", NULL, OPT_CHOICE, offsetof(struct options, word), .def = "a", .choices = "a|b", .help = "" },
		{ "threads", NULL, OPT_INT, offsetof(struct options, threads), .def = "2", .help = "" },
		OPT_END
	};
	char words[4][16] = { "p", "--listen=:1", "--word", "b" };
	char *argv[] = { words[0], words[1], words[2], words[3], NULL };

	NOMEM_EACH
	{
		struct options o = { 0 };
		struct error err = ERROR_INIT;
		int done;

		nomem_on();
		done = opt_parse(table, &o, 4, argv, &err);
		nomem_off();
		if (done < 0) {
			assert_int_equal(err.code, ERR_NOMEM);
		} else {
			assert_string_equal(o.listen, ":1");
			assert_string_equal(o.word, "b");
			assert_int_equal(o.threads, 2);
		}
		opt_release(table, &o);
	}
}

static const char kubeconfig[] =
	"current-context: c\n"
	"contexts: [{name: c, context: {cluster: k, user: u, namespace: ns}}]\n"
	"clusters: [{name: k, cluster: {server: 'https://h:1', certificate-authority-data: Y2E=}}]\n"
	"users: [{name: u, user: {token: t}}]\n";

TEST(a_kubeconfig_is_read_whole_or_not)
{
	char path[] = "/tmp/codis-nomem-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, kubeconfig, sizeof(kubeconfig) - 1), (ssize_t)sizeof(kubeconfig) - 1);
	close(fd);
	NOMEM_EACH
	{
		struct kube_config cfg;
		struct error err = ERROR_INIT;
		int done;

		nomem_on();
		done = kube_config_load(&cfg, path, &err);
		nomem_off();
		assert_true(done == 0 || nomem_failed());
		if (done == 0) {
			assert_string_equal(cfg.server, "https://h:1");
			assert_string_equal(cfg.ca_pem, "ca");
			assert_string_equal(cfg.token, "t");
			assert_string_equal(cfg.namespace, "ns");
		}
		kube_config_release(&cfg);
	}
	unlink(path);
}

/* --- metrics ------------------------------------------------------------------------------------------------------ */

TEST(metrics_are_a_page_or_none)
{
	NOMEM_EACH
	{
		struct buf out = BUF_INIT(65536);
		struct metrics *m = metrics_new();

		nomem_on();
		metric_add(metric_counter(m, "c_total", "a=\"b\"", "Help."), 2);
		metric_observe_us(metric_histogram(m, "h_seconds", "", "Help."), 700);
		metrics_write(m, &out);
		nomem_off();
		/* What could not be kept is counted as that. */
		if (!out.failed && !strstr(out.data, "c_total{a=\"b\"} 2\n"))
			assert_null(strstr(out.data, "codis_metrics_dropped_total 0\n"));
		assert_true(nomem_failed() || strstr(out.data, "h_seconds_count 1\n"));
		buf_release(&out);
		metrics_free(m);
	}
}
