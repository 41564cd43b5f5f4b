/* codis-writers - clients of a Codis that tell what a fault has cost them.
 *
 * Each writer has its own connection, a timeout of 1 s, and writes one unique key after the other; a write that fails
 * is tried again, on a new connection if need be, until it is acknowledged. So a writer stands still for as long as the
 * group of its key is out of service, as a client that cannot skip its work would, and the longest gap between two
 * acknowledgements is the outage. Told when a fault happened, it reports that outage, and reads every acknowledged key
 * back to find the ones that are missing.
 *
 *   GET  /status                 what was acknowledged so far
 *   POST /fault[?at=US]          a fault happened at this wall time in microseconds (default: now)
 *   GET  /report[?since=US]      gaps, and missing keys, by fault; reads all keys that were acknowledged since
 *   POST /stop                   they end; a history is whole then
 *
 * With --registers they read and write the same few keys, and what each was told and when is the history that
 * tests/linearizable judges; a report then has the gaps alone. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/error.h"
#include "common/base/json.h"
#include "common/base/log.h"
#include "common/base/opt.h"
#include "common/net/addr.h"
#include "common/net/httpd.h"
#include "tools/writers/client.h"
#include "tools/writers/record.h"
#include "tools/writers/registers.h"

#define FAULTS_MAX       256
#define COMPLAINTS_MAX   16 /* kinds of errors that are told apart */
#define RETRY_US         5000
#define PIPELINE         256
#define CHECK_TIMEOUT_US (60 * 1000000LL)

struct config {
	char *addr, *listen, *history;
	int writers, rate, keep, max_writes, registers;
};

#define MEMBER(m) .offset = offsetof(struct config, m)

static const struct opt options[] = {
	{ .name = "addr",
	  .env = "CODIS_ADDR",
	  .type = OPT_STRING,
	  MEMBER(addr),
	  .def = "codis-proxy:19000",
	  .arg = "ADDR",
	  .help = "the proxies' Service; a name is resolved once, so that no name server takes part" },
	{ .name = "listen",
	  .type = OPT_STRING,
	  MEMBER(listen),
	  .def = ":8090",
	  .arg = "ADDR",
	  .help = "where reports are asked for" },
	{ .name = "writers",
	  .type = OPT_INT,
	  MEMBER(writers),
	  .def = "8",
	  .min = 1,
	  .max = RECORD_WRITERS_MAX,
	  .arg = "N",
	  .help = "how many clients write" },
	{ .name = "rate",
	  .type = OPT_INT,
	  MEMBER(rate),
	  .def = "250",
	  .min = 0,
	  .max = 1000000,
	  .arg = "N",
	  .help = "writes a second by each of them; 0: as fast as they are acknowledged" },
	{ .name = "keep",
	  .type = OPT_INT,
	  MEMBER(keep),
	  .def = "0",
	  .min = 0,
	  .max = 1000000,
	  .arg = "N",
	  .help = "how many writes a connection is kept for, as a pool renews them; 0: for ever" },
	{ .name = "max-writes",
	  .type = OPT_INT,
	  MEMBER(max_writes),
	  .def = "4000000",
	  .min = 1,
	  .max = 100000000,
	  .arg = "N",
	  .help = "how many acknowledgements of a writer are remembered; it stops there" },
	{ .name = "registers",
	  .type = OPT_INT,
	  MEMBER(registers),
	  .def = "0",
	  .min = 0,
	  .max = REGISTERS_MAX,
	  .arg = "N",
	  .help = "all of them read and write so many keys by turns of chance, for --history; 0: each writes keys of "
		  "its own" },
	{ .name = "history",
	  .type = OPT_STRING,
	  MEMBER(history),
	  .arg = "FILE",
	  .help = "where what they read and wrote is written, a line of JSON each; whole after POST /stop" },
	OPT_END
};

struct complaint {
	char text[128];
	uint64_t count;
};

struct writers {
	struct config cfg;
	struct logger log;
	char host[64]; /* numeric */
	uint16_t port;
	char run[16]; /* in every key, so that two runs on one Codis do not meet */
	int64_t began_us;
	atomic_bool stopping;
	struct record records[RECORD_WRITERS_MAX];
	struct registers registers;
	struct writer {
		struct writers *all;
		int number;
		struct client client;
		pthread_t thread;
	} writer[RECORD_WRITERS_MAX];
	int started;
	pthread_mutex_t ending; /* started, once they run */
	pthread_mutex_t lock;   /* what follows */
	int64_t faults[FAULTS_MAX];
	int nfaults;
	struct complaint complaints[COMPLAINTS_MAX];
};

static int64_t wall_offset_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000 - clock_mono_us();
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static void complain(struct writers *all, const char *text)
{
	struct complaint *c;

	pthread_mutex_lock(&all->lock);
	for (c = all->complaints; c < all->complaints + COMPLAINTS_MAX - 1; c++) {
		if (!c->count || strcmp(c->text, text) == 0)
			break;
	}
	snprintf(c->text, sizeof(c->text), "%s", c == all->complaints + COMPLAINTS_MAX - 1 ? "others" : text);
	c->count++;
	pthread_mutex_unlock(&all->lock);
}

static void key_of(const struct writers *all, int writer, size_t number, char *out, size_t size)
{
	snprintf(out, size, "%s:w%d:%zu", all->run, writer, number);
}

/* One attempt. */
static bool write_once(struct writer *w, struct client *c, size_t number)
{
	char key[64], value[32];
	redisReply *reply;

	key_of(w->all, w->number, number, key, sizeof(key));
	snprintf(value, sizeof(value), "%zu", number);
	reply = client_set(c, key, value, strlen(value));
	if (!reply)
		complain(w->all, c->said);
	else
		freeReplyObject(reply);
	return reply != NULL;
}

/* Sleeps until the next write is due; one that is late does not make the following ones come in a burst. */
static void pace(int64_t *due_us, int64_t period_us)
{
	int64_t now_us = clock_mono_us();

	*due_us += period_us;
	if (*due_us > now_us)
		usleep((useconds_t)(*due_us - now_us));
	else
		*due_us = now_us;
}

/* Adds an acknowledgement. Whether there is room for more. */
static bool acknowledge(struct writer *w)
{
	struct record *record = &w->all->records[w->number];

	if (record_add(record, clock_mono_us()) == 0)
		return true;
	log_warn(&w->all->log, "writers.full", "writer=%d max=%zu", w->number, record->max);
	return false;
}

static void write_keys(struct writer *w, struct client *c, int64_t period_us)
{
	int64_t due_us = clock_mono_us();
	size_t number = 0;

	while (!atomic_load(&w->all->stopping)) {
		if (!write_once(w, c, number)) {
			usleep(RETRY_US);
			continue;
		}
		if (!acknowledge(w))
			break;
		number++;
		if (w->all->cfg.keep && number % (size_t)w->all->cfg.keep == 0)
			client_close(c);
		if (period_us)
			pace(&due_us, period_us);
	}
}

/* Until the end, when it reads what is left in each register. */
static void use_registers(struct writer *w, struct client *c, int64_t period_us)
{
	struct registers_client r = { .all = &w->all->registers, .number = w->number, .client = c };
	int64_t due_us = clock_mono_us();

	registers_begin(&r);
	while (!atomic_load(&w->all->stopping)) {
		if (registers_step(&r)) {
			if (!acknowledge(w))
				break;
		} else {
			complain(w->all, c->said);
			usleep(RETRY_US);
		}
		if (period_us)
			pace(&due_us, period_us);
	}
	registers_end(&r);
}

static void *write_on(void *arg)
{
	struct writer *w = arg;
	int64_t period_us = w->all->cfg.rate ? 1000000 / w->all->cfg.rate : 0;

	w->client.host = w->all->host;
	w->client.port = w->all->port;
	if (w->all->cfg.registers)
		use_registers(w, &w->client, period_us);
	else
		write_keys(w, &w->client, period_us);
	client_close(&w->client);
	return NULL;
}

/* --- reading back ------------------------------------------------------------------------------------------------- */

struct check {
	struct writers *all;
	redisContext *c;
	int64_t faults[FAULTS_MAX]; /* as they were when the report began */
	int nfaults;
	int64_t deadline_us;
	size_t checked, missing;
	size_t lost[FAULTS_MAX][LOSS_KINDS];
	char failure[160]; /* why not all keys could be read; "" */
};

static void count_missing(struct check *k, int64_t at_us)
{
	enum loss loss;
	int fault;

	k->missing++;
	if (!k->nfaults)
		return;
	loss = record_charge(at_us, k->faults, k->nfaults, &fault);
	k->lost[fault][loss]++;
}

/* Reads n keys in one go. 0, or -1 when the connection broke or a server answered with an error: nothing is counted. */
static int read_batch(struct check *k, int writer, size_t first, size_t n)
{
	bool missing[PIPELINE] = { false };
	char key[64], value[32];
	redisReply *reply;

	for (size_t i = 0; i < n; i++) {
		key_of(k->all, writer, first + i, key, sizeof(key));
		redisAppendCommand(k->c, "GET %s", key);
	}
	for (size_t i = 0; i < n; i++) {
		if (redisGetReply(k->c, (void **)&reply) != REDIS_OK) {
			snprintf(k->failure, sizeof(k->failure), "%s", k->c->errstr);
			return -1;
		}
		snprintf(value, sizeof(value), "%zu", first + i);
		missing[i] = reply->type != REDIS_REPLY_STRING || strcmp(reply->str, value) != 0;
		if (reply->type == REDIS_REPLY_ERROR) {
			snprintf(k->failure, sizeof(k->failure), "%.150s", reply->str);
			freeReplyObject(reply);
			return -1;
		}
		freeReplyObject(reply);
	}
	for (size_t i = 0; i < n; i++) {
		if (missing[i])
			count_missing(k, k->all->records[writer].at_us[first + i]);
	}
	k->checked += n;
	return 0;
}

/* A batch is read again, on a new connection, until it is read or the time of the whole check is over. */
static int read_batch_anyhow(struct check *k, int writer, size_t first, size_t n)
{
	while (clock_mono_us() < k->deadline_us && !atomic_load(&k->all->stopping)) {
		if (!k->c)
			k->c = client_connect(k->all->host, k->all->port);
		if (k->c && !k->c->err && read_batch(k, writer, first, n) == 0)
			return 0;
		if (k->c && k->c->err)
			snprintf(k->failure, sizeof(k->failure), "%s", k->c->errstr);
		if (k->c)
			redisFree(k->c);
		k->c = NULL;
		usleep(RETRY_US);
	}
	return -1;
}

static void check_all(struct check *k, const size_t *first, const size_t *end)
{
	for (int w = 0; w < k->all->cfg.writers; w++) {
		for (size_t i = first[w]; i < end[w]; i += PIPELINE) {
			size_t n = end[w] - i < PIPELINE ? end[w] - i : PIPELINE;

			if (read_batch_anyhow(k, w, i, n) < 0)
				return;
		}
	}
	k->failure[0] = '\0';
}

/* --- report ------------------------------------------------------------------------------------------------------- */

static void add_fault(cJSON *list, const struct check *k, int i, int64_t now_us)
{
	const struct writers *all = k->all;
	int64_t until_us = i + 1 < k->nfaults ? k->faults[i + 1] : now_us, offset_us = wall_offset_us();
	struct gap worst = record_worst_gap(all->records, all->cfg.writers, k->faults[i], until_us);
	struct gap first =
		record_first_gap(all->records, all->cfg.writers, k->faults[i], k->faults[i] + RECORD_TAIL_US, until_us);
	struct gap common = record_common_gap(all->records, all->cfg.writers, k->faults[i], until_us);
	cJSON *item = cJSON_CreateObject();

	json_add_int(item, "at_us", k->faults[i] + offset_us);
	json_add_int(item, "outage_us", worst.end_us - worst.begin_us);
	json_add_int(item, "outage_begin_us", worst.begin_us + offset_us);
	json_add_int(item, "outage_writer", worst.writer);
	json_add_int(item, "first_outage_us", first.end_us - first.begin_us);
	json_add_int(item, "all_writers_outage_us", common.end_us - common.begin_us);
	json_add_int(item, "missing_before", (int64_t)k->lost[i][LOSS_BEFORE]);
	json_add_int(item, "missing_tail", (int64_t)k->lost[i][LOSS_TAIL]);
	json_add_int(item, "missing_after", (int64_t)k->lost[i][LOSS_AFTER]);
	json_push(list, item);
}

static void add_complaints(cJSON *answer, struct writers *all)
{
	cJSON *errors = json_add_object(answer, "errors");

	pthread_mutex_lock(&all->lock);
	for (int i = 0; i < COMPLAINTS_MAX && all->complaints[i].count; i++)
		json_add_int(errors, all->complaints[i].text, (int64_t)all->complaints[i].count);
	pthread_mutex_unlock(&all->lock);
}

/* Takes those faults over that happened since. */
static void take_faults(struct check *k, int64_t since_us)
{
	pthread_mutex_lock(&k->all->lock);
	for (int i = 0; i < k->all->nfaults; i++) {
		if (k->all->faults[i] >= since_us)
			k->faults[k->nfaults++] = k->all->faults[i];
	}
	pthread_mutex_unlock(&k->all->lock);
}

static int report(struct writers *all, int64_t since_us, struct buf *out)
{
	JSON_CLEANUP cJSON *answer = cJSON_CreateObject();
	cJSON *faults = json_add_array(answer, "faults");
	size_t first[RECORD_WRITERS_MAX], end[RECORD_WRITERS_MAX], acknowledged = 0;
	struct check *k = calloc(1, sizeof(*k));
	int64_t now_us;

	if (!k)
		return -1;
	k->all = all;
	take_faults(k, since_us);
	for (int w = 0; w < all->cfg.writers; w++) {
		first[w] = record_first(&all->records[w], since_us);
		end[w] = atomic_load(&all->records[w].count);
		acknowledged += end[w] - first[w];
	}
	now_us = clock_mono_us();
	k->deadline_us = now_us + CHECK_TIMEOUT_US;
	if (!all->cfg.registers)
		check_all(k, first, end);
	for (int i = 0; i < k->nfaults; i++)
		add_fault(faults, k, i, now_us);
	json_add_int(answer, "writers", all->cfg.writers);
	json_add_int(answer, "acknowledged", (int64_t)acknowledged);
	json_add_int(answer, "checked", (int64_t)k->checked);
	json_add_int(answer, "missing", (int64_t)k->missing);
	json_add_str(answer, "check_failure", k->failure);
	add_complaints(answer, all);
	if (k->c)
		redisFree(k->c);
	free(k);
	return json_write(answer, out);
}

static int status(struct writers *all, struct buf *out)
{
	JSON_CLEANUP cJSON *answer = cJSON_CreateObject();
	int64_t acknowledged = 0, now_us = clock_mono_us(), silent_us = 0;
	cJSON *connections = json_add_array(answer, "connections"); /* that each of them has made so far */

	for (int w = 0; w < all->cfg.writers; w++) {
		size_t count = atomic_load(&all->records[w].count);
		int64_t last_us = count ? all->records[w].at_us[count - 1] : all->began_us;

		acknowledged += (int64_t)count;
		if (now_us - last_us > silent_us)
			silent_us = now_us - last_us;
		json_push(connections, cJSON_CreateNumber(atomic_load(&all->writer[w].client.made)));
	}
	json_add_int(answer, "now_us", now_us + wall_offset_us());
	json_add_int(answer, "acknowledged", acknowledged);
	json_add_int(answer, "longest_silence_us", silent_us); /* of a single writer, until now */
	add_complaints(answer, all);
	return json_write(answer, out);
}

/* --- control ------------------------------------------------------------------------------------------------------ */

/* A wall time in microseconds as a monotonic one; def when the argument is absent. 0, or -1: it is no number. */
static int time_argument(const struct http_request *req, const char *name, int64_t def, int64_t *mono_us)
{
	const char *text = httpd_query(req, name);
	char *end;

	*mono_us = def;
	if (!text)
		return 0;
	errno = 0;
	*mono_us = strtoll(text, &end, 10) - wall_offset_us();
	return errno || end == text || *end ? -1 : 0;
}

static int add_fault_time(struct writers *all, int64_t at_us)
{
	int i, added = -1;

	pthread_mutex_lock(&all->lock);
	if (all->nfaults < FAULTS_MAX) {
		for (i = all->nfaults++; i > 0 && all->faults[i - 1] > at_us; i--)
			all->faults[i] = all->faults[i - 1];
		all->faults[i] = at_us;
		added = 0;
	}
	pthread_mutex_unlock(&all->lock);
	return added;
}

/* Waits for what is under way. May be called again, by any thread. 0, or -1: the history cannot be written. */
static int end_writers(struct writers *all)
{
	int r;

	atomic_store(&all->stopping, true);
	pthread_mutex_lock(&all->ending);
	for (; all->started; all->started--)
		pthread_join(all->writer[all->started - 1].thread, NULL);
	r = registers_close(&all->registers);
	pthread_mutex_unlock(&all->ending);
	return r;
}

static void refuse(struct http_response *res, int code, const char *sentence)
{
	res->status = code;
	buf_reset(&res->body);
	buf_addf(&res->body, "%s\n", sentence);
}

static void handle(void *ctx, const struct http_request *req, struct http_response *res)
{
	struct writers *all = ctx;
	bool post = strcmp(req->method, "POST") == 0;
	int64_t at_us;

	res->content_type = "application/json";
	if (!post && strcmp(req->path, "/status") == 0) {
		if (status(all, &res->body) < 0)
			refuse(res, 500, "no memory");
	} else if (!post && strcmp(req->path, "/report") == 0) {
		if (time_argument(req, "since", 0, &at_us) < 0)
			refuse(res, 400, "since: a wall time in microseconds is wanted");
		else if (report(all, at_us, &res->body) < 0)
			refuse(res, 500, "no memory");
	} else if (post && strcmp(req->path, "/fault") == 0) {
		if (time_argument(req, "at", clock_mono_us(), &at_us) < 0)
			refuse(res, 400, "at: a wall time in microseconds is wanted");
		else if (add_fault_time(all, at_us) < 0)
			refuse(res, 409, "that are more faults than can be remembered");
		else
			buf_addf(&res->body, "{\"at_us\":%lld}\n", (long long)(at_us + wall_offset_us()));
	} else if (post && strcmp(req->path, "/stop") == 0) {
		if (end_writers(all) < 0)
			refuse(res, 500, "the history could not be written");
		else if (status(all, &res->body) < 0)
			refuse(res, 500, "no memory");
	} else {
		refuse(res, 404, "GET /status, GET /report, POST /fault or POST /stop is wanted");
	}
}

/* --- start and stop ----------------------------------------------------------------------------------------------- */

/* A name may appear later than we do, so it is asked for until it is there. */
static int resolve(struct writers *all, struct error *err)
{
	struct addrinfo hints = { .ai_family = AF_INET, .ai_socktype = SOCK_STREAM }, *found = NULL;
	char host[256];
	int r;

	if (addr_split(all->cfg.addr, host, sizeof(host), &all->port, err) < 0)
		return -1;
	while ((r = getaddrinfo(host, NULL, &hints, &found)) != 0) {
		log_warn(&all->log, "writers.resolve", "host=%s err=%s", host, LOGQ(gai_strerror(r)));
		sleep(1);
	}
	getnameinfo(found->ai_addr, found->ai_addrlen, all->host, sizeof(all->host), NULL, 0, NI_NUMERICHOST);
	freeaddrinfo(found);
	return 0;
}

static int start_writers(struct writers *all, struct error *err)
{
	for (int w = 0; w < all->cfg.writers; w++) {
		if (record_init(&all->records[w], (size_t)all->cfg.max_writes) < 0)
			return error_set(err, ERR_NOMEM, "no memory for %d acknowledgements", all->cfg.max_writes);
	}
	all->began_us = clock_mono_us();
	snprintf(all->run, sizeof(all->run), "%llx", (unsigned long long)clock_wall_ms());
	if (all->cfg.registers &&
	    registers_open(&all->registers, all->cfg.registers, all->run, all->cfg.history, err) < 0)
		return -1;
	for (int w = 0; w < all->cfg.writers; w++) {
		all->writer[w] = (struct writer){ .all = all, .number = w };
		if (pthread_create(&all->writer[w].thread, NULL, write_on, &all->writer[w]) != 0)
			return error_set(err, ERR_NOMEM, "writer %d: no thread", w);
		all->started++;
	}
	return 0;
}

static void stop_writers(struct writers *all)
{
	end_writers(all);
	for (int w = 0; w < all->cfg.writers; w++)
		record_release(&all->records[w]);
}

static int serve(struct writers *all, const sigset_t *ends, struct error *err)
{
	struct httpd_config web = { .address = all->cfg.listen, .threads = 2, .handler = handle, .ctx = all };
	struct httpd *httpd = NULL;
	int r, sig;

	r = resolve(all, err);
	if (r == 0)
		r = start_writers(all, err);
	if (r == 0 && !(httpd = httpd_start(&web, err)))
		r = -1;
	if (r == 0) {
		log_info(&all->log, "writers.started", "addr=%s:%d writers=%d rate=%d", all->host, all->port,
			 all->cfg.writers, all->cfg.rate);
		sigwait(ends, &sig);
	}
	atomic_store(&all->stopping, true); /* a check that runs ends too */
	httpd_stop(httpd);
	stop_writers(all);
	return r;
}

static int help(void)
{
	struct buf text BUF_CLEANUP = BUF_INIT(1 << 16);

	opt_help(options, &text);
	printf("codis-writers: clients that write through the proxies and tell what a fault has cost them\n\n%s",
	       text.data);
	return 0;
}

int main(int argc, char **argv)
{
	static struct writers all = { .log = { .fd = STDERR_FILENO, .level = LOG_LEVEL_INFO },
				      .ending = PTHREAD_MUTEX_INITIALIZER,
				      .lock = PTHREAD_MUTEX_INITIALIZER };
	struct error err = ERROR_INIT;
	sigset_t ends;
	int r;

	if (opt_wants(argc, argv, "--help"))
		return help();
	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigaddset(&ends, SIGINT);
	pthread_sigmask(SIG_BLOCK, &ends, NULL);
	signal(SIGPIPE, SIG_IGN);
	r = opt_parse(options, &all.cfg, argc, argv, &err);
	if (r >= 0)
		r = serve(&all, &ends, &err);
	if (r < 0)
		log_error(&all.log, "writers.failed", "err=%s", LOGQ(err.text));
	opt_release(options, &all.cfg);
	return r < 0;
}
