# Skein: one Makefile, nothing written outside build/.  `make help` lists the targets.
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
common_pkgs := openssl
store_pkgs := sqlite3
graph_pkgs :=
draw_pkgs := libcgraph libgvc
assess_pkgs :=
sensor_pkgs := libevent libevent_openssl $(if $(filter 1,$(BPF)),libbpf)
collector_pkgs := libevent libevent_openssl
cli_pkgs := libcjson

# The folders that are libraries; the order is that of linking, users first.
LIBS := cli draw assess graph store sensor collector common
folder_draw := graph/draw
folder = $(or $(folder_$1),$1)
srcs = $(filter-out %/main.c,$(wildcard $(call folder,$1)/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call srcs,$1))
lib = $(if $(call srcs,$1),$(B)/lib$1.a)
pkgs = $(sort $(foreach l,$1,$($l_pkgs)))
libs_of = $(if $1,$(shell $(PKG_CONFIG) --libs $1))

skein-sensor_libs := sensor common
skein-collector_libs := collector graph store common
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
	$$(Q)$$(CC) $$(OWN_LD) $$(LDFLAGS) -o $$@ $$^ $$(call libs_of,$$(call pkgs,$($1_libs))) $$(LDLIBS)
endef
$(eval $(call program,skein-sensor,sensor))
$(eval $(call program,skein-collector,collector))
$(eval $(call program,skein,cli))

# The schema stands in the program as a string.
$(B)/store/schema.inc: store/schema.sql
	@mkdir -p $(@D)
	$(Q)sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/^/"/' -e 's/$$/\\n"/' $< > $@.tmp && mv $@.tmp $@
$(B)/store/schema.o: $(B)/store/schema.inc

# BPF: objects for this architecture, skeletons; nothing generated is kept in git.
BPF_ARCH ?= $(patsubst aarch64,arm64,$(patsubst x86_64,x86,$(shell uname -m)))
BPF_SRCS := $(wildcard bpf/*.bpf.c)
multiarch := $(wildcard /usr/include/$(shell $(CC) -print-multiarch 2>/dev/null))
BPF_CFLAGS := -target bpf -g -O2 -std=gnu11 -Wall -Wno-missing-declarations -I. \
	$(if $(multiarch),-idirafter $(multiarch))

$(B)/bpf/%.bpf.o: bpf/%.bpf.c bpf/kernel.h bpf/event.h Makefile
	@mkdir -p $(@D)
	$(say) BPF $@
	$(Q)$(CLANG) $(BPF_CFLAGS) -D__TARGET_ARCH_$(BPF_ARCH) -c -o $@.tmp $< && \
		mv $@.tmp $@
$(B)/bpf/%.skel.h: $(B)/bpf/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst .,_,$*)_bpf > $@.tmp && mv $@.tmp $@
ifeq ($(BPF),1)
$(B)/sensor/probe_ebpf.o: $(patsubst bpf/%.bpf.c,$(B)/bpf/%.skel.h,$(BPF_SRCS))
endif

# Tests
UNIT := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/test_*.c))
$(B)/tests/test_%: $(B)/tests/test_%.o $(B)/tests/support.o $(foreach l,$(LIBS),$(call lib,$l))
	$(say) LD $@
	$(Q)$(CC) $(OWN_LD) $(LDFLAGS) -o $@ $^ $(call libs_of,$(call pkgs,$(LIBS)) check) $(LDLIBS)

.PHONY: clean
clean:
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
