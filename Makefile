# codis-k8s. `make help` lists the targets (the text behind their `##`) and the variables (the lines below with two #).
#
## Variables, before or behind `make` (sudo passes on what stands behind it: sudo make demo DEMO_KILLS=10):
##   CODIS_BIN_DIR=DIR      codis-dashboard, codis-proxy, codis-admin, codis-fe, codis-server of a Codis 3.2 build in place of
##                          codis-sim: contract, image, demo, e2e, chaos, test
##   KUBE_VERSION=v1.35.4   the Kubernetes that e2e, chaos and demo run on; another one is built first
##   KUBE_BIN_DIR=DIR       the built Kubernetes (default ~/.cache/codis-k8s/kube-$KUBE_VERSION)
##   DEMO=tour              the demo goes on with what people do on purpose, each command and what it cost (four minutes)
##   DEMO_SET=plain|article, DEMO_KILLS=1..100, DEMO_AGAIN=1 (ends a demo that runs already)
##   DEMO_CLUSTER=current DEMO_IMAGE=IMAGE   the demo on the cluster of KUBECONFIG; needs no root
##   CLUSTER_NAME=NAME      another local Kubernetes, beside those that run
##   CASES=FILE[.CASE]      some of e2e's, hostile's or scheduler-test's cases
##   FIXTURES='NAME...'     some of webhook-fixtures, or --update: what is answered is written down as expected
##   N=100 SEED=NUMBER FROM=1 KINDS=A,B SET=plain|article   how many faults chaos plays, in which order, from
##                          which on, of which kinds, with which manifests
##   TIME=SECONDS           how long fuzz runs each parser (default 15, always the same way; 0: only what is kept in tests/fuzz/corpus), soak (600)
##   FUZZ='NAME...'         some of tests/fuzz; JOBS=N: so many side by side (default: one a core)
##   DEPS_YES=1             deps does not ask
##   MILLION=1              bench-webhook answers a million reviews, for what it then holds
##   HISTORY=FILE           linearizable: a history of codis-writers --registers=N --history=FILE
##   TIMES=N                spread: so many times as many clusters as usual
##   SEEDS=N | SEED=N       simulate: so many histories, or this one in words; MUTANTS='N...': some of mutants
##   SANITIZE=address,undefined | thread   in a build folder of its own; CC=clang; ERR=1 (warnings are errors); V=1 (shows commands)

CC       ?= cc
BUILD    ?= build$(if $(SANITIZE),/$(subst $(comma),-,$(SANITIZE)))
comma    := ,
HEADERS  := microhttpd.h gnutls/gnutls.h openssl/ssl.h cjson/cJSON.h curl/curl.h hiredis/hiredis.h uv.h libwebsockets.h yaml.h zookeeper/zookeeper.h
PKGS     := libmicrohttpd gnutls openssl libcjson libcurl hiredis libuv yaml-0.1
# Asked once; what is missing is said by .headers and .cmocka.
pkg_config = $(shell pkg-config $(1) 2>/dev/null)
PKG_CFLAGS  := $(call pkg_config,--cflags $(PKGS))
PKG_LIBS    := $(call pkg_config,--libs $(PKGS))
CMOCKA_LIBS := $(call pkg_config,--libs cmocka)
# Only codisctl and its tests link it.
WEBSOCKET_LIBS := $(call pkg_config,--libs libwebsockets)
# What lets libwebsockets use libuv is loaded by it when it is needed.
WEBSOCKET_UV   := $(wildcard $(call pkg_config,--variable=libdir libwebsockets)/libwebsockets-evlib_uv.so)
# The version, and behind it the commit where it is known (a semantic version's build).
VERSION  := $(shell cat VERSION)$(addprefix +,$(shell git describe --always --dirty --exclude='*' 2>/dev/null))

CFLAGS   ?= -O2 -g
CPPFLAGS += -I. -D_GNU_SOURCE -include common/base/banned.h -DCODIS_VERSION='"$(VERSION)"'
C_WARN   := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wundef \
            -Wwrite-strings -Wformat=2 $(if $(ERR),-Werror)
C_HARD   := -fstack-protector-strong -fPIE -fno-plt $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2)
C_ALL     = -std=gnu17 $(C_WARN) $(C_HARD) $(CFLAGS) $(CPPFLAGS) $(PKG_CFLAGS)
L_ALL     = -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE)) $(LDFLAGS)
LIBS      = $(PKG_LIBS) -lzookeeper_st -lm -lpthread

COMMON   := $(wildcard common/*/*.c) $(wildcard certs/*.c)
PROGRAMS := $(foreach p,webhook extender controller,$(if $(wildcard $(p)/main.c),codis-$(p))) codisctl
TOOLS    := $(if $(wildcard tests/codis-sim/main.c),codis-sim) $(if $(wildcard tools/writers/main.c),codis-writers)
UNIT     := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

obj       = $(patsubst %.c,$(BUILD)/%.o,$(1))
WEBHOOK_SRC    := $(wildcard webhook/*.c)
EXTENDER_SRC   := $(wildcard extender/*.c)
CONTROLLER_SRC := $(wildcard controller/*.c)
CLI_SRC        := $(wildcard cli/*.c) cli/stock_files.c
SIM_SRC        := $(wildcard tests/codis-sim/*.c)
WRITERS_SRC    := $(wildcard tools/writers/*.c)
WORLD_SRC      := $(wildcard tests/bench/controller/*.c)
CALLS_SRC      := $(wildcard tests/bench/extender/*.c)
# Programs never include each other (but `codisctl plan` the two headers that tools/check-includes names: what is behind
# them is in an archive), and a unit test reaches into one of them at most: test_<program>_*.c, and not into
# its main.c. What several tests share is in an archive, of which each takes what it uses; what all tests of one program
# share is in <program>_*.c.
TESTED         := webhook extender controller cli writers
TEST_OF_ONE    := $(foreach p,$(TESTED),$(wildcard tests/unit/$(p)_*.c))
TEST_SHARED    := $(filter-out tests/unit/test_%.c $(TEST_OF_ONE),$(wildcard tests/unit/*.c))
parts_webhook    = $(filter-out %/main.c,$(WEBHOOK_SRC))
parts_extender   = $(filter-out %/main.c,$(EXTENDER_SRC))
parts_controller = $(filter-out %/main.c,$(CONTROLLER_SRC))
parts_cli        = $(filter-out %/main.c,$(CLI_SRC))
parts_writers    = $(filter-out %/main.c,$(WRITERS_SRC))
# What codisctl is linked with besides.
beside           = $(if $(filter cli codisctl,$(1)),$(BUILD)/liboffline.a)
program_of       = $(word 2,$(subst _, ,$(1)))
parts_of         = $(parts_$(program_of)) $(filter tests/unit/$(program_of)_%,$(TEST_OF_ONE))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY: # objects of tests are kept, so that a second `make unit` only runs

Q   := $(if $(V),,@)
say  = @$(if $(V),:,printf '  %-7s %s\n' $(1) '$(2)')

# What root has built by sudo in a user's checkout is the user's.
give_back = $(if $(SUDO_UID),@[ "$$(id -u)" != 0 ] || chown -Rh '$(SUDO_UID):$(SUDO_GID)' $(BUILD))

.PHONY: all
all: $(addprefix $(BUILD)/,$(PROGRAMS) $(TOOLS)) ## build the programs into build/ (half a minute)
	$(give_back)

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@sed -n 's/^## \{0,1\}//p' $(firstword $(MAKEFILE_LIST)) | sed '1s/^/\n/'

# --- objects: rebuilt when the flags change (flag stamp) or a header does (-MMD) ---------------------------------------
STAMP := $(BUILD)/.flags
FLAGS_NOW = $(CC) $(C_ALL) $(L_ALL)
$(shell mkdir -p $(BUILD))
ifneq ($(shell cat $(STAMP) 2>/dev/null | cksum),$(shell printf '%s\n' '$(subst ','\'',$(filter-out -DCODIS_VERSION=%,$(FLAGS_NOW)))' | cksum))
$(shell printf '%s\n' '$(subst ','\'',$(filter-out -DCODIS_VERSION=%,$(FLAGS_NOW)))' > $(STAMP))
endif

unwritable = { echo '$(BUILD) cannot be written; after a make as root: sudo chown -R '"$$(id -un)"' $(BUILD)' >&2; exit 1; }
$(STAMP):
	@$(unwritable)
# What is missing is said once, and not by a hundred compilers.
compiles = @printf '\#include <%s>\n' $(1) | $(CC) $(C_ALL) -fsyntax-only -x c - || \
	{ echo 'the compiler or a header is missing: make deps installs what is missing' >&2; exit 1; }; touch $@
$(BUILD)/.headers: $(STAMP)
	@[ -w $(BUILD) ] || $(unwritable)
	$(call compiles,$(HEADERS))
# What tests are made of needs cmocka besides.
$(BUILD)/.cmocka: $(BUILD)/.headers
	$(call compiles,stdarg.h stddef.h stdint.h setjmp.h cmocka.h)
$(call obj,$(wildcard tests/unit/*.c $(WORLD_SRC))): | $(BUILD)/.cmocka

$(BUILD)/%.o: %.c $(STAMP) | $(BUILD)/.headers
	@mkdir -p $(@D) 2>/dev/null && [ -w $(@D) ] || $(unwritable)
	$(call say,CC,$<)
	$(Q)$(CC) $(C_ALL) -MMD -MP -c -o $@ $<

# The manifests that codisctl brings along, as C; cli/stock.h has the names of the sets.
STOCK_SETS := plain article persistent
$(BUILD)/cli/stock_files.c: tools/embed cli/stock.h $(foreach s,$(STOCK_SETS),$(wildcard manifests/codis/$(s)/*.yaml))
	@mkdir -p $(@D)
	$(Q)tools/embed manifests/codis $(STOCK_SETS) >$@
$(BUILD)/cli/stock_files.o: $(BUILD)/cli/stock_files.c $(STAMP) | $(BUILD)/.headers
	$(call say,CC,$<)
	$(Q)$(CC) $(C_ALL) -MMD -MP -c -o $@ $<

# The page of codis-controller has these within it, which no compiler tells of.
$(BUILD)/controller/web_files.o $(BUILD)/simulation/controller/web_files.o: $(wildcard controller/web/*)

# So does codisctl.
$(BUILD)/cli/install_file.o: manifests/install.yaml

$(BUILD)/libcodis.a: $(call obj,$(COMMON))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

FUZZ      ?= $(FUZZERS)
FUZZ_CC   := clang-14
FUZZ_JOBS := $(or $(JOBS),$(shell nproc))
side_by_side = $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(FUZZ_JOBS))

link_with = $(Q)printf '$(if $(V),,  LINK    $@\n)'; $(CC) $(L_ALL) -o $@ $(filter %.o,$^) $(1) $(BUILD)/libcodis.a $(LIBS) $(2)
link      = $(link_with)
$(BUILD)/codis-webhook: $(call obj,$(WEBHOOK_SRC)) $(BUILD)/libcodis.a
	$(link)
$(BUILD)/codis-extender: $(call obj,$(EXTENDER_SRC)) $(BUILD)/libcodis.a
	$(link)
$(BUILD)/codis-controller: $(call obj,$(CONTROLLER_SRC)) $(BUILD)/libcodis.a
	$(link)
$(BUILD)/liboffline.a: $(call obj,$(parts_webhook) $(parts_extender))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^
$(BUILD)/codisctl: $(call obj,$(CLI_SRC)) $(BUILD)/liboffline.a $(BUILD)/libcodis.a
	$(call link_with,$(call beside,codisctl) ,$(WEBSOCKET_LIBS))
	@ln -sf $(@F) $(@D)/kubectl-codis
$(BUILD)/codis-sim: $(call obj,$(SIM_SRC)) $(BUILD)/libcodis.a | $(BUILD)/codis-sim.so
	$(link)
# The module that makes redis-server a codis-server; it runs inside redis-server, so without sanitizers.
$(BUILD)/codis-sim.so: tests/codis-sim/module/level.c tests/codis-sim/module/api.h | $(BUILD)/.headers
	$(CC) -std=gnu17 $(C_WARN) $(CFLAGS) $(CPPFLAGS) -fPIC -shared -o $@ $<
$(BUILD)/codis-writers: $(call obj,$(WRITERS_SRC)) $(BUILD)/libcodis.a
	$(link)
$(BUILD)/libtest.a: $(call obj,$(TEST_SHARED))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^

# What the extender's bench calls.
$(BUILD)/extender-calls: $(call obj,$(CALLS_SRC) $(parts_extender)) $(BUILD)/libcodis.a
	$(call link_with,)

# The model of how evenly pods stand.
$(BUILD)/spread: $(call obj,$(wildcard tests/spread/*.c) $(parts_extender)) $(BUILD)/libcodis.a
	$(call link_with,)

# What the controller's bench plays: with the tests' API server, so with cmocka.
$(BUILD)/controller-world: $(call obj,$(WORLD_SRC)) $(BUILD)/libtest.a $(BUILD)/libcodis.a
	$(call link_with,$(BUILD)/libtest.a ,$(CMOCKA_LIBS))

# The simulator has its own objects: of all slots it has a few. What it plays is linked before the library.
SIMULATED := $(wildcard tests/simulation/*.c) $(parts_controller)
sim_obj    = $(patsubst %.c,$(BUILD)/simulation/%.o,$(1))
$(BUILD)/simulation/%.o: %.c $(STAMP) | $(BUILD)/.headers
	@mkdir -p $(@D) 2>/dev/null && [ -w $(@D) ] || $(unwritable)
	$(call say,CC,$<)
	$(Q)$(CC) $(C_ALL) -DCODIS_SLOTS=8 -MMD -MP -c -o $@ $<
$(BUILD)/simulation/libcodis.a: $(call sim_obj,$(COMMON))
	@rm -f $@
	$(call say,AR,$@)
	$(Q)$(AR) rcs $@ $^
$(BUILD)/simulate: $(call sim_obj,$(SIMULATED)) $(BUILD)/simulation/libcodis.a
	$(Q)printf '$(if $(V),,  LINK    $@\n)'; $(CC) $(L_ALL) -o $@ $(filter %.o,$^) $(BUILD)/simulation/libcodis.a $(LIBS)

define unit_program
$(BUILD)/tests/unit/$(1): $(BUILD)/tests/unit/$(1).o $(call obj,$(call parts_of,$(1))) $(BUILD)/libtest.a $(call beside,$(call program_of,$(1))) $(BUILD)/libcodis.a
	$$(call link_with,$(call beside,$(call program_of,$(1))) $(BUILD)/libtest.a ,$(CMOCKA_LIBS) $(if $(filter cli websocket,$(call program_of,$(1))),$(WEBSOCKET_LIBS)))
endef
$(foreach t,$(UNIT),$(eval $(call unit_program,$(t))))

# Likewise a fuzzer, tests/fuzz/<program>_*.c. They are linked by `make fuzz` alone, whose objects are made for libFuzzer;
# that they still compile is seen by `make unit`.
define fuzz_program
$(BUILD)/tests/fuzz/$(1): $(call obj,tests/fuzz/$(1).c $(parts_$(word 1,$(subst _, ,$(1))))) $(call beside,$(word 1,$(subst _, ,$(1)))) $(BUILD)/libcodis.a
	$$(call link_with,$(call beside,$(word 1,$(subst _, ,$(1)))) ,-fsanitize=fuzzer $(if $(filter cli,$(word 1,$(subst _, ,$(1)))),$(WEBSOCKET_LIBS)))
endef
$(foreach f,$(FUZZERS),$(eval $(call fuzz_program,$(f))))

$(BUILD)/tests/webhook/driver: $(call obj,tests/webhook/driver.c $(parts_webhook)) $(BUILD)/libcodis.a
	$(link)

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# --- tests ------------------------------------------------------------------------------------------------------------
sanitized = $(if $(SANITIZE),tests/sanitized)

.PHONY: unit
unit: $(addprefix $(BUILD)/tests/unit/,$(UNIT)) $(call obj,$(wildcard tests/fuzz/*.c) tests/webhook/driver.c) $(BUILD)/codisctl ## unit tests (cmocka), and those of the scripts (a minute)
	$(give_back)
	@BUILD=$(BUILD) $(sanitized) tests/run-unit $(filter-out %.o %/codisctl,$^) $(wildcard tests/scripts/test_*)

.PHONY: webhook-fixtures
webhook-fixtures: $(BUILD)/tests/webhook/driver ## what the webhook answers to what users write: tests/webhook/fixtures (some seconds)
	$(give_back)
	@BUILD=$(abspath $(BUILD)) $(sanitized) tests/webhook/run $(FIXTURES)

.PHONY: fuzz
fuzz: ## what comes from outside, in every form that libFuzzer thinks of: each parser for TIME seconds (two minutes)
	+@command -v $(FUZZ_CC) >/dev/null || { echo '$(FUZZ_CC) is missing: make deps installs it' >&2; exit 1; }
	+@$(MAKE) --no-print-directory $(if $(V),,-s) $(side_by_side) CC=$(FUZZ_CC) CFLAGS='-O1 -g' \
		SANITIZE=fuzzer-no-link,address,undefined BUILD=$(BUILD)/fuzz $(addprefix $(BUILD)/fuzz/tests/fuzz/,$(FUZZ))
	$(give_back)
	@BUILD=$(abspath $(BUILD)) tests/fuzz/run --seconds $(or $(TIME),15) --seed $(if $(TIME),0,1) --jobs $(FUZZ_JOBS) $(FUZZ); status=$$?; \
		$(or $(subst @,,$(give_back)),:); exit $$status

.PHONY: hostile
hostile: $(addprefix $(BUILD)/,$(PROGRAMS)) $(BUILD)/controller-world ## the programs among peers and callers that wish them ill (three minutes)
	@BUILD=$(abspath $(BUILD)) SANITIZE=$(SANITIZE) $(sanitized) tests/hostile/run $(CASES)

.PHONY: soak
soak: $(addprefix $(BUILD)/,$(PROGRAMS)) $(BUILD)/controller-world ## that and churn for TIME seconds (600): a report and a picture in build/soak
	@BUILD=$(abspath $(BUILD)) tests/hostile/soak --seconds $(or $(TIME),600)
	$(give_back)

.PHONY: simulate
simulate: $(BUILD)/simulate ## SEEDS=2000 histories of a played Codis with real controllers, or the one of SEED=N in words (a quarter of a minute)
	@$(BUILD)/simulate $(if $(SEED),--verbose $(SEED),1 $(or $(SEEDS),2000))

.PHONY: spread
spread: $(BUILD)/spread ## how evenly pods stand, by kube-scheduler alone and by codis-extender, in a table with bounds (some seconds)
	@$(BUILD)/spread $(TIMES)

.PHONY: mutants
mutants: $(BUILD)/simulate ## faults made on purpose in the controller are each found by the simulation (some minutes)
	@BUILD='$(BUILD)' COMPILE='$(subst ','\'',$(CC) $(C_ALL) -DCODIS_SLOTS=8)' LINK='$(CC) $(L_ALL)' \
		OBJECTS='$(call sim_obj,$(SIMULATED)) $(BUILD)/simulation/libcodis.a $(LIBS)' tests/simulation/mutate $(MUTANTS)

.PHONY: contract
contract: $(BUILD)/codis-sim ## what a Codis must do, on codis-sim or on CODIS_BIN_DIR (a minute)
	@CODIS_SIM=$(abspath $(BUILD))/codis-sim $(sanitized) tests/contract/run

.PHONY: scheduler-test
scheduler-test: $(addprefix $(BUILD)/,$(PROGRAMS)) ## codis-extender with stock kube-schedulers and a real API server, without nodes (four minutes)
	@tests/cluster/cluster build
	@BUILD=$(abspath $(BUILD)) tests/scheduler/run $(CASES)

.PHONY: chart-test
chart-test: ## the Helm chart is install.yaml, by helm itself, which Go builds once (seconds; the first time three minutes)
	@tests/cluster/cluster build
	@helm=$$(tests/chart/build) && HELM=$$helm tests/chart/run

# The page is made by the controller's own code.
$(BUILD)/page-render: $(call obj,tests/page/main.c $(parts_controller)) $(BUILD)/libcodis.a
	$(call link_with,)

.PHONY: page-test
page-test: $(BUILD)/page-render ## the controller's web page in a headless Chromium (half a minute)
	@RENDER=$(abspath $<) tests/page/run

.PHONY: page-shots
page-shots: $(BUILD)/page-render ## the pictures of it in docs/images
	@RENDER=$(abspath $<) tests/page/run shots docs/images

.PHONY: cluster-test
cluster-test: ## the local Kubernetes keeps its promises (root; two minutes)
	@if [ -n "$$CI" ] || tests/cluster/cluster check; then tests/cluster/selftest; else echo "0 passed, 0 failed, 1 skipped"; fi

# Go fetches its one module the first time.
LINEARIZABLE := $(BUILD)/linearizable
$(LINEARIZABLE): $(wildcard tests/linearizable/*.go) tests/linearizable/go.mod tests/linearizable/go.sum
	@command -v go >/dev/null || { echo 'go is missing: install Go 1.26 or newer (https://go.dev/dl)' >&2; exit 1; }
	$(call say,GO,$@)
	$(Q)cd tests/linearizable && go build -buildvcs=false -trimpath -o $(abspath $@) .

.PHONY: linearizable
linearizable: $(LINEARIZABLE) ## the checker of histories and its own tests; with HISTORY=FILE: what it says of that one (some seconds)
	$(give_back)
	@cd tests/linearizable && go vet ./... && go test -count=1 ./... $(if $(HISTORY),&& $(abspath $(LINEARIZABLE)) $(abspath $(HISTORY)))

.PHONY: e2e
e2e: image $(LINEARIZABLE) ## everything together on a local Kubernetes of 4 nodes (root; some minutes)
	@IMAGES=$(IMAGES) LINEARIZABLE=$(abspath $(LINEARIZABLE)) tests/e2e/run $(CASES)

.PHONY: chaos
chaos: image ## N random faults (100) on a local Kubernetes, 16 writers going, and what each cost by kind (root; half a minute a fault)
	@IMAGES=$(IMAGES) N=$(N) SEED=$(SEED) FROM=$(FROM) KINDS=$(KINDS) SET=$(SET) tests/chaos/run

.PHONY: test
test: ## unit, webhook-fixtures, simulate, spread, fuzz, contract, hostile, scheduler-test, chart-test, page-test, cluster-test and e2e; one closing line (root; twenty minutes)
	@tools/deps
	+@MAKE="$(MAKE)" tests/run-all unit webhook-fixtures simulate spread fuzz contract hostile scheduler-test chart-test page-test cluster-test e2e

.PHONY: sanitize
sanitize: ## unit, webhook-fixtures, contract and hostile, with AddressSanitizer and UndefinedBehaviorSanitizer and with ThreadSanitizer (twenty minutes)
	+@MAKE="$(MAKE)" tests/run-all $(side_by_side) $(foreach s,address$(comma)undefined thread,SANITIZE=$(s) unit webhook-fixtures contract hostile)

.PHONY: bench-controller
bench-controller: $(BUILD)/codis-controller $(BUILD)/controller-world ## what one controller with 1,000 groups costs (four minutes)
	@BUILD=$(abspath $(BUILD)) tests/bench/controller/bench $(SETUPS)

.PHONY: bench-calls
bench-calls: $(BUILD)/extender-calls $(BUILD)/codis-extender ## what a call of the scheduler costs codis-extender, by names and pods, and how long it takes beside a busy watch (two minutes)
	@$(BUILD)/extender-calls
	@BUILD=$(abspath $(BUILD)) tests/bench/extender/busy

.PHONY: bench-extender
bench-extender: $(addprefix $(BUILD)/,$(PROGRAMS)) $(BUILD)/extender-calls ## that, and what it costs and saves a stock kube-scheduler at 5,000 nodes (seven minutes)
	@$(BUILD)/extender-calls
	@BUILD=$(abspath $(BUILD)) tests/bench/extender/bench

.PHONY: bench-memory
bench-memory: $(addprefix $(BUILD)/,$(PROGRAMS)) ## what the three programs hold of a large cluster (three minutes)
	@BUILD=$(abspath $(BUILD)) tests/bench/memory/bench

.PHONY: bench-webhook
bench-webhook: $(BUILD)/codis-webhook ## what a review costs codis-webhook, and a webhook of controller-runtime (Go; a minute and a half, the first time minutes more)
	@BUILD=$(abspath $(BUILD)) tests/bench/webhook/bench $(if $(MILLION),--million)

.PHONY: lint
lint: ## the text: format and length of C, includes, shell, Python, manifests, docs
	@tools/lint

.PHONY: docs-check
docs-check: ## whether README and docs know what the code has (metrics, Events, options, alerts, refusals and warnings), their links work, and the Chinese README is equal; a part of lint
	@tools/docs-check

.PHONY: format
format: ## clang-format over all C
	@git ls-files -z '*.c' '*.h' | xargs -0 clang-format-14 -i

.PHONY: analyze
analyze: ## the meaning: cppcheck, gcc -fanalyzer, clang without warnings (a minute)
	+@MAKE="$(MAKE)" BUILD="$(BUILD)" tools/analyze

# --- the demo, images, and a local Kubernetes to play with ------------------------------------------------------------------
.PHONY: demo
demo: ## a Kubernetes, a Codis, the kill -9 of a master, and what it cost (root; a minute; the first time ten more)
	@IMAGES=$(IMAGES) tests/demo/demo

.PHONY: demo-down
demo-down: ## end what make demo has started (root)
	@tests/demo/demo down

.PHONY: deps
deps: ## install the Debian packages of tools/packages that are missing (root)
	@tools/deps

IMAGES := $(abspath $(BUILD))/images$(if $(CODIS_BIN_DIR),-codis)

.PHONY: image
image: $(IMAGES)/codis-k8s.tar $(IMAGES)/codis-image.tar ## images for the local Kubernetes: codis-k8s, codis-image, codis-zookeeper
	$(give_back)

$(IMAGES)/codis-k8s.tar: $(addprefix $(BUILD)/,$(PROGRAMS)) tests/cluster/mkimage
	@mkdir -p $(@D)
	tests/cluster/mkimage codis-k8s:latest $@ $(foreach f,$(filter-out %/mkimage,$^),$(f)=/usr/bin/) $(WEBSOCKET_UV)

# Another CODIS_BIN_DIR, or other programs in it, is another image: the stamp has the folder and the programs' sums.
ifdef CODIS_BIN_DIR
CODIS_STAMP := $(IMAGES)/.programs
CODIS_NOW   := $(abspath $(CODIS_BIN_DIR)) $(shell cd '$(CODIS_BIN_DIR)' 2>/dev/null && find -L codis-* assets -type f 2>/dev/null | \
                 sort | xargs -r sha256sum | sha256sum)
ifneq ($(shell cat $(CODIS_STAMP) 2>/dev/null),$(CODIS_NOW))
$(shell mkdir -p $(IMAGES) && echo '$(CODIS_NOW)' >$(CODIS_STAMP))
endif
endif

$(IMAGES)/codis-image.tar: $(BUILD)/codis-sim $(BUILD)/codis-writers $(wildcard tests/codis-sim/image/*) tests/codis-sim/mkimages \
                            tests/cluster/mkimage $(CODIS_STAMP)
	@mkdir -p $(@D)
	BUILD=$(abspath $(BUILD)) tests/codis-sim/mkimages $(@D) >/dev/null

.PHONY: deb
deb: $(addprefix $(BUILD)/,$(PROGRAMS)) ## a Debian package of the programs, with man pages, manifests and docs, in build/
	@tools/deb $(BUILD) $(BUILD)
	$(give_back)

.PHONY: sbom
sbom: $(addprefix $(BUILD)/,$(PROGRAMS)) ## build/codis-k8s.spdx.json: Debian's packages that the programs load, with versions (SPDX)
	@tools/sbom $^ >$(BUILD)/codis-k8s.spdx.json
	$(give_back)

.PHONY: cluster-start
cluster-start: ## a local Kubernetes of 4 nodes (CLUSTER_NAME=codis) without anything on it (root; a quarter of a minute)
	@tests/cluster/cluster start

.PHONY: cluster-stop
cluster-stop: ## end that Kubernetes (root)
	@tests/cluster/cluster stop

.PHONY: clean
clean: ## remove build/
	rm -rf build
