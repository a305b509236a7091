# Skein: one Makefile, nothing written outside build/.
#: make             the programs, in build/
#: make up          install what is needed, build, and watch this machine (as root)
#: make down        stop what `make up` started
#: make check       install what the tests need, build, run every test (root: system tests too)
#: make check-NAME  one test: a module (check-wire), check-cli, check-system ...
#: make check-kills  collector and sensors that die at random, exact totals (KILLS=200)
#: make check-links  links and clocks that are bad for MIN minutes, exact totals (root; MIN=10)
#: make check-kernels  the sensor under Debian's kernel in an emulator (KERNELS="X.deb ...")
#: make asan        the unit tests under sanitizers
#: make fuzz        every fuzzer for T seconds each (T=20)
#: make bench       measurements, as ratios
#: make bench-groups  how good the grouper is and what it takes (ARGS="--quick --markdown")
#: make bench-graph  from the file to the graph as JSON (ARGS="1000 10000": machines)
#: make bench-host  what the sensor costs its host (root; ARGS="--quick")
#: make bench-mirror  what reading a capture costs, over libpcap alone (ARGS="--quick --peers")
#: make bench-collector  what a collector holds: 10,000 sensors at once (ARGS="--quick")
#: make soak        MIN minutes of churn (root; MIN=10): nothing lost, nothing grows
#: make fit         fits the grouper's models again (graph/fit.c)
#: make lint        format, includes, headers, static analysis
#: make deps        packages that the build needs
#: make install     DESTDIR, prefix (/usr/local), bindir, mandir, datadir
#: make deb         packages for Debian and Ubuntu, in build/deb (PREBUILT=1: of what is built)
#: make rpm         packages for Fedora, RHEL and SUSE, in build/rpm
#: make clean
#: V=1 shows the commands; BPF=0 builds without eBPF; your CC, CFLAGS, LDFLAGS are respected.
SHELL := /bin/bash
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

-include config.mak # your own wishes; git ignores it

VERSION := $(shell sed -n 's/.*SKEIN_VERSION "\(.*\)".*/\1/p' common/version.h)

CC ?= cc
ifeq ($(origin CC),default)
CC := cc
endif
CLANG ?= clang
BPFTOOL ?= $(firstword $(wildcard /usr/sbin/bpftool /sbin/bpftool /usr/bin/bpftool) bpftool)
PKG_CONFIG ?= pkg-config
CFLAGS ?= -O2 -g
prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
mandir ?= $(prefix)/share/man
datadir ?= $(prefix)/share
BPF ?= 1

B ?= build$(if $(VARIANT),/$(VARIANT))

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	-Wvla -Wwrite-strings -Wno-missing-field-initializers $(if $(WERROR),-Werror)
HARD := $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2) -fstack-protector-strong -fPIE
OWN := -std=gnu11 -D_GNU_SOURCE -I. -I$(B) -DHAVE_BPF=$(BPF) $(WARN) $(HARD) \
	$(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
OWN_LD := -pie -Wl,-z,relro,-z,now $(if $(SANITIZE),-fsanitize=$(SANITIZE))

# Packages by folder, as pkg-config names them; a program links what its folders name.
common_pkgs := openssl inih
store_pkgs := sqlite3
graph_pkgs :=
draw_pkgs := libcgraph libgvc
assess_pkgs :=
mirror_pkgs := libpcap
sensor_pkgs := libevent libevent_openssl libzstd libnl-3.0 libseccomp libcap-ng \
	$(if $(filter 1,$(BPF)),libbpf)
flows_pkgs :=
collector_pkgs := libevent libevent_openssl libzstd libseccomp libcap-ng
cli_pkgs := libcurl

# The folders that are libraries; the order is that of linking, users first.
LIBS := cli draw assess sensor mirror collector flows graph store common
folder_draw := graph/draw
folder_mirror := sensor/mirror
folder_flows := collector/flows
folder = $(or $(folder_$1),$1)
srcs = $(filter-out %/main.c,$(wildcard $(call folder,$1)/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call srcs,$1))
lib = $(if $(call srcs,$1),$(B)/lib$1.a)
pkgs = $(sort $(foreach l,$1,$($l_pkgs)))
libs_of = $(if $1,$(shell $(PKG_CONFIG) --libs $1))

skein-sensor_libs := sensor mirror common
skein-collector_libs := collector flows graph store common
skein_libs := cli draw assess graph store common
PROGRAMS := $(if $(wildcard sensor/main.c),skein-sensor) $(if $(wildcard collector/main.c),skein-collector) \
	$(if $(wildcard cli/main.c),skein)

.PHONY: all
all: $(addprefix $(B)/,$(PROGRAMS))

# Compiling
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(call pkgs,$(LIBS)) 2>/dev/null)

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(say) CC $@
	$(Q)$(CC) $(OWN) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

define library
$(B)/lib$1.a: $(call objs,$1)
	@mkdir -p $$(@D)
	$$(say) AR $$@
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(if $(call srcs,$l),$(eval $(call library,$l))))

define program
$(B)/$1: $(B)/$2/main.o $(foreach l,$($1_libs),$(call lib,$l))
	$$(say) LD $$@
	$$(Q)$$(CC) $$(OWN_LD) $$(LDFLAGS) -o $$@ $$^ $$(call libs_of,$$(call pkgs,$($1_libs))) -lm $$(LDLIBS)
endef
$(eval $(call program,skein-sensor,sensor))
$(eval $(call program,skein-collector,collector))
$(eval $(call program,skein,cli))

# The schema stands in the program as strings.
$(B)/store/%.inc: store/%.sql
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@.tmp && mv $@.tmp $@
$(B)/store/schema.o: $(B)/store/schema.inc $(B)/store/plan.inc $(B)/store/host.inc $(B)/store/collect.inc

# BPF: objects for this architecture, skeletons; nothing generated is kept in git.
BPF_ARCH ?= $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_SRCS := $(wildcard bpf/*.bpf.c)
multiarch := $(wildcard /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null))
BPF_CFLAGS := -target bpf -g -O2 -std=gnu11 -Wall -Wno-missing-declarations -I. \
	$(if $(multiarch),-idirafter $(multiarch))

$(B)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) Makefile
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) $(BPF_CFLAGS) -D__TARGET_ARCH_$(BPF_ARCH) -c -o $@.tmp $< && \
		mv $@.tmp $@
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@.tmp && mv $@.tmp $@
ifeq ($(BPF),1)
$(B)/sensor/probe_ebpf.o $(B)/sensor/udp_ebpf.o: $(patsubst bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(BPF_SRCS))
endif

# Tests: `make check` runs everything, `make check-NAME` one of it (check-wire, check-cli,
# check-system ...; `make check-help` lists the names).
UNIT := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
HELPERS := $(B)/tests/simsensor $(B)/tests/probespy $(B)/tests/hasty $(B)/tests/uringd
SETCLOCK := $(B)/tests/setclock.so
TESTLIBS = $(foreach l,$(LIBS),$(call lib,$l))
define testprogram
	$(say) LD $@
	$(Q)$(CC) $(OWN_LD) $(LDFLAGS) -o $@ $^ $(call libs_of,$(call pkgs,$(LIBS)) check) -lm $(LDLIBS)
endef
$(B)/tests/test_%: $(B)/tests/test_%.o $(TESTLIBS)
	$(testprogram)
$(HELPERS): $(B)/tests/%: $(B)/tests/%.o $(TESTLIBS)
	$(testprogram)
$(B)/tests/uringd: LDLIBS += -luring
$(SETCLOCK): tests/system/setclock.c
	@mkdir -p $(@D)
	$(say) LD $@
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) -fPIC -shared -o $@ $<
$(B)/tests/test_barred: LDLIBS += -Wl,--wrap=wire_get_batch,--wrap=unzip,--wrap=wire_reader_begin
$(B)/tests/bench_%: $(B)/tests/bench/bench_%.o $(TESTLIBS)
	$(testprogram)

AS_USER := scripts/as-user.sh

.PHONY: tests check check-unit bpf-arm64
tests: all $(UNIT) $(HELPERS) $(SETCLOCK)

check:
	@scripts/deps.sh build
	@scripts/deps.sh test
	+@$(AS_USER) $(MAKE) --no-print-directory tests bpf-arm64 fuzzers-built
	@/usr/bin/python3 tests/run.py $(B)

.PHONY: check-decoders
check-decoders:
	+@$(AS_USER) $(MAKE) --no-print-directory fuzzers-built
	@/usr/bin/python3 tests/run.py $(B) decoders

check-%:
	+@$(AS_USER) $(MAKE) --no-print-directory tests
	@/usr/bin/python3 tests/run.py $(B) $*

# Links that are cut, half-open and lossy, and clocks that are set, at random: namespaces of its own.
MIN ?= 10
.PHONY: check-links
check-links:
	+@$(AS_USER) $(MAKE) --no-print-directory tests
	@SKEIN_BUILD=$(abspath $(B)) /usr/bin/python3 tests/links.py $(MIN)

# The sensor under other kernels, and this one: one scene, the same figures.
KERNELS ?=
$(B)/tests/kernels/scene: $(B)/tests/kernels/scene.o
	$(say) LD $@
	$(Q)$(CC) $(OWN_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.PHONY: check-kernels
check-kernels:
	@scripts/deps.sh build
	@scripts/deps.sh kernels
	+@$(AS_USER) $(MAKE) --no-print-directory $(B)/skein-sensor $(B)/tests/kernels/scene
	@/usr/bin/python3 tests/kernels/run.py $(B) $(KERNELS)

# Without network, root or installing: the unit tests alone, as `make asan` runs them too.
check-unit: $(UNIT)
	@for t in $(UNIT); do $$t || exit 1; done

# The programs of the kernel for the other architecture, so that nothing in them is ours alone.
bpf-arm64: $(patsubst bpf/%.bpf.c,$(B)/bpf/arm64/%.bpf.o,$(if $(filter 1,$(BPF)),$(BPF_SRCS)))
$(B)/bpf/arm64/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h) Makefile
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) $(BPF_CFLAGS) -D__TARGET_ARCH_arm64 -c -o $@ $<

# The unit tests under AddressSanitizer and UndefinedBehaviorSanitizer.
.PHONY: asan
asan:
	+@ASAN_OPTIONS=$(ASAN_OPTIONS) $(MAKE) --no-print-directory VARIANT=asan \
		SANITIZE=address,undefined CFLAGS='-O1 -g' check-unit

# Every decoder under sanitizers: all that is one byte from a seed, then T seconds of fuzzing.
T ?= 20
FUZZERS := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
.PHONY: fuzz fuzzers fuzzers-built
fuzz: fuzzers-built
	@/usr/bin/python3 tests/fuzz/run.py $(B) $(T)
fuzzers-built:
	+@$(MAKE) --no-print-directory VARIANT=fuzz CC='$(CLANG)' CFLAGS='-O1 -g' \
		SANITIZE=address,undefined,fuzzer-no-link fuzzers
fuzzers: $(addprefix $(B)/tests/,$(FUZZERS))
$(B)/tests/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/walk.o $(TESTLIBS)
	$(say) LD $@
	$(Q)$(CC) $(OWN_LD) -fsanitize=address,undefined,fuzzer -o $@ $^ \
		$(call libs_of,$(call pkgs,$(LIBS))) -lm

.PHONY: bench
BENCHES := $(patsubst tests/bench/%.c,$(B)/tests/%,$(wildcard tests/bench/bench_*.c))
bench: all $(BENCHES)
	@for b in $(BENCHES); do $$b || exit 1; done

ARGS ?=
# What the sensor costs its host: root, loopback only, a few minutes.
$(B)/tests/host_%: $(B)/tests/bench/host_%.o $(TESTLIBS)
	$(testprogram)
.PHONY: bench-host
bench-host: $(B)/tests/host_load $(B)/tests/host_probe
	@/usr/bin/python3 tests/bench/host.py $(B) $(ARGS)

# What the mirror sensor takes to read captures, made once and kept in the build folder.
$(B)/tests/mirror_gen $(B)/tests/mirror_floor: $(B)/tests/%: $(B)/tests/bench/%.o $(TESTLIBS)
	$(testprogram)
.PHONY: bench-mirror
bench-mirror: $(B)/skein-sensor $(B)/tests/mirror_gen $(B)/tests/mirror_floor
	@/usr/bin/python3 tests/bench/mirror.py $(B) $(ARGS)

# Thousands of sensors on one collector; totals are checked to the last connection.
$(B)/tests/collector_load: $(B)/tests/bench/collector_load.o $(TESTLIBS)
	$(testprogram)
.PHONY: bench-collector
bench-collector: $(B)/skein-collector $(B)/tests/collector_load
	@/usr/bin/python3 tests/bench/collector.py $(B) $(ARGS)

# From the file to JSON: estates made once and kept in the build folder.
$(B)/tests/graph_bench: $(B)/tests/bench/graph.o $(TESTLIBS)
	$(testprogram)
.PHONY: bench-graph
bench-graph: $(B)/skein $(B)/tests/graph_bench
	@$(B)/tests/graph_bench $(B) $(or $(ARGS),1000 10000)

# Minutes of churn, from the sensor to the database: root, namespaces of its own.
.PHONY: soak
soak: all $(B)/tests/hasty
	@SKEIN_BUILD=$(abspath $(B)) /usr/bin/python3 tests/bench/soak.py $(MIN)

# On estates of fixed seeds, made once and kept in the build folder.
.PHONY: bench-groups
bench-groups: all
	@SKEIN_BUILD=$(B) /usr/bin/python3 tests/bench/groups.py $(ARGS)

# The grouper's models, fitted again on generated estates: graph/fit.c.
.PHONY: fit
$(B)/tests/fit: $(B)/tests/estate/fit.o $(TESTLIBS)
	$(testprogram)
fit: all $(B)/tests/fit
	/usr/bin/python3 tests/estate/fit.py $(B) > $(B)/fit.c
	clang-format $(B)/fit.c > graph/fit.c

# Format, includes, every header by itself, and the compiler's own analysis of the pure modules.
.PHONY: lint
SOURCES := $(shell find bpf common store graph sensor collector cli tests -name '*.[ch]' 2>/dev/null)
HEADERS := $(filter bpf/event.h bpf/ports.h,$(SOURCES)) $(filter-out bpf/%,$(filter %.h,$(SOURCES)))
lint:
	@clang-format --version >/dev/null || { echo "lint: clang-format is missing"; exit 1; }
	clang-format --dry-run -Werror $(SOURCES)
	python3 tests/includes.py
	@for h in $(HEADERS); do \
		echo "#include \"$$h\"" | $(CC) $(OWN) $(PKG_CFLAGS) -fsyntax-only -x c - || exit 1; \
	done
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -I. \
		--suppress=missingIncludeSystem --enable=warning,portability \
		--include=tests/cppcheck.h \
		common store graph sensor collector cli

# Using it
.PHONY: deps up down
deps:
	@scripts/deps.sh build

DATA ?=
FOR ?=
up:
	@scripts/deps.sh build
	+@$(AS_USER) $(MAKE) --no-print-directory all
	@exec $(B)/skein up $(if $(DATA),--data $(DATA)) $(if $(FOR),--for $(FOR))

down:
	@$(B)/skein down $(if $(DATA),--data $(DATA))

.PHONY: install
install: all
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(mandir)/man5 $(DESTDIR)$(mandir)/man8 \
		$(DESTDIR)$(datadir)/bash-completion/completions \
		$(DESTDIR)$(datadir)/zsh/site-functions $(DESTDIR)$(datadir)/fish/vendor_completions.d
	install -m 755 $(addprefix $(B)/,$(PROGRAMS)) $(DESTDIR)$(bindir)
	install -m 644 $(wildcard docs/man/*.1) $(DESTDIR)$(mandir)/man1
	install -m 644 $(wildcard docs/man/*.5) $(DESTDIR)$(mandir)/man5
	install -m 644 $(wildcard docs/man/*.8) $(DESTDIR)$(mandir)/man8
	for p in skein skein-sensor skein-collector; do \
		install -m 644 completion/skein.bash \
			$(DESTDIR)$(datadir)/bash-completion/completions/$$p; done
	install -m 644 completion/_skein $(DESTDIR)$(datadir)/zsh/site-functions
	install -m 644 $(wildcard completion/*.fish) $(DESTDIR)$(datadir)/fish/vendor_completions.d

# Packages, from a copy of the tree.  SOURCE_DATE_EPOCH is that of the changelog by default.
.PHONY: deb rpm
TREE := tar -c --exclude=./build --exclude='./build-*' --exclude=./.git --sort=name .
JOBS ?= 2
deb: $(if $(PREBUILT),all)
	rm -rf $(B)/deb && mkdir -p $(B)/deb/skein
	$(TREE) | tar -x -C $(B)/deb/skein
	cd $(B)/deb/skein && DEB_BUILD_OPTIONS="$(if $(PREBUILT),noautodbgsym) parallel=$(JOBS)" \
		MAKEFLAGS= SKEIN_BUILT=$(if $(PREBUILT),$(abspath $(B))) \
		dpkg-buildpackage -b -us -uc
	rm -rf $(B)/deb/skein
	@ls $(B)/deb/*.deb

rpm:
	rm -rf $(B)/rpm && mkdir -p $(B)/rpm/SOURCES
	$(TREE) --transform='s,^\.,skein-$(VERSION),' | gzip -n > $(B)/rpm/SOURCES/skein-$(VERSION).tar.gz
	rpmbuild -bb --define '_topdir $(abspath $(B))/rpm' \
		$(RPMFLAGS) packaging/skein.spec
	@find $(B)/rpm/RPMS -name '*.rpm'

.PHONY: help clean
help:
	@sed -n 's/^#: //p' Makefile

clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
