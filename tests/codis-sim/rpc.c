#include "tests/codis-sim/rpc.h"

#include <curl/curl.h>

#include "common/base/buf.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "tests/codis-sim/gojson.h"

enum { ANSWER_MAX = 16 << 20, CONNECT_MS = 1000 };

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	return buf_add(ctx, data, size * n) < 0 ? 0 : size * n;
}

static void prepare(CURL *curl, const char *method, const char *url, const char *body, struct curl_slist *headers,
		    int timeout_ms, struct buf *out)
{
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	if (body)
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
}

static int perform(const char *method, const char *url, const char *body, int timeout_ms, int *status, struct buf *out,
		   struct error *err)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
	CURL *curl = curl_easy_init();
	CURLcode rc = CURLE_FAILED_INIT;
	long code = 0;

	if (body)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	if (curl) {
		prepare(curl, method, url, body, headers, timeout_ms, out);
		rc = curl_easy_perform(curl);
		curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &code);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	*status = (int)code;
	if (rc != CURLE_OK)
		return error_set(err, rc == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_IO, "%s: %s", url,
				 curl_easy_strerror(rc));
	return 0;
}

int rpc_forward(const char *method, const char *addr, const char *path, const char *body, int *status, struct buf *out,
		struct error *err)
{
	BUF_CLEANUP struct buf url = BUF_INIT(4096);

	buf_addf(&url, "http://%s%s", addr, path);
	return perform(method, url.data, body, RPC_TIMEOUT_MS, status, out, err);
}

static int remote_error(int status, const cJSON *value, const char *path, struct error *err)
{
	const char *cause = json_str(value, "Cause", NULL);

	if (status == 800 && cause)
		return error_set(err, ERR_STATUS, "[Remote Error] %s", cause);
	return error_set(err, ERR_STATUS, "[%d] - %s", status, path);
}

int rpc_call(const char *method, const char *addr, const char *path, const cJSON *body, int timeout_ms, cJSON **answer,
	     struct error *err)
{
	BUF_CLEANUP struct buf url = BUF_INIT(4096), text = BUF_INIT(ANSWER_MAX), out = BUF_INIT(ANSWER_MAX);
	JSON_CLEANUP cJSON *value = NULL;
	int status;

	buf_addf(&url, "http://%s%s", addr, path);
	if (body)
		gojson_print(body, &text);
	if (perform(method, url.data, body ? text.data : NULL, timeout_ms, &status, &out, err) < 0)
		return -1;
	value = json_parse(out.data, out.len, JSON_ITEMS, NULL);
	if (status != 200)
		return remote_error(status, value, path, err);
	if (answer) {
		if (!value)
			return error_set(err, ERR_PROTOCOL, "%s: the answer is no JSON", path);
		*answer = value;
		value = NULL;
	}
	return 0;
}
