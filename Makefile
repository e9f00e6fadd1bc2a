# SPDX-License-Identifier: GPL-2.0
# aclipc: kernel module, library, tool, tests.  make help

SHELL := /bin/bash
MAKEFLAGS += --no-print-directory
TOP := $(CURDIR)
BUILD ?= $(TOP)/build
PREFIX ?= /usr/local
LIBDIR ?= $(PREFIX)/lib
VERSION := $(shell sed -n 's/^#define ACLIPC_VERSION\t"\(.*\)"/\1/p' \
	kernel/aclipc.h)
RELEASE ?= $(shell uname -r)
KDIR ?= /lib/modules/$(RELEASE)/build
VM := selftests/vm
export BUILD

packages := $(addprefix packages-,build vm check model deb rpm dkms fuzz kernels)

.PHONY: all modules modules-for lib cann conform selftests vm demo check \
	check-debug check-kernels check-lane check-packages check-skew \
	check-dkms analyze model torture fuzz coverage mutate bench install \
	uninstall deb rpm clean help $(packages)

all: lib
	@if [ -e "$(KDIR)/Makefile" ]; then $(MAKE) modules; else \
	echo "no kernel headers in $(KDIR): built the library and the tool," \
	"not the module (install linux-headers-$(RELEASE) or give KDIR=)"; fi

$(packages): packages-%:
	@$(VM)/packages.sh $*

modules: packages-build
	@[ -e "$(KDIR)/Makefile" ] || { echo "no kernel headers in $(KDIR):" \
	"install linux-headers-$(RELEASE) or give KDIR=" >&2; exit 2; }
	@mkdir -p $(BUILD)/module
	@cp -ru Kbuild kernel uapi $(BUILD)/module
	$(MAKE) -C $(KDIR) M=$(BUILD)/module modules

modules-for: packages-vm
	@[ -n "$(KERNEL)" ] || { echo "make modules-for KERNEL=6.1" >&2; exit 2; }
	@$(VM)/modules.sh $(KERNEL)

lib: packages-build
	@$(MAKE) -s -C lib OUT=$(BUILD)

cann: packages-build
	@$(MAKE) -s -C selftests/cann OUT=$(BUILD)/cann

conform: packages-build
	@$(MAKE) -s -C selftests/conform OUT=$(BUILD)/conform

selftests: lib cann conform packages-check
	@mkdir -p $(BUILD)/selftests
	@k=$$($(VM)/kselftest.sh) && $(MAKE) -s -C selftests \
		OUTPUT=$(BUILD)/selftests \
		KSELFTEST=$$k/tools/testing/selftests ACLIPC=$(BUILD)/include \
		ACLIPC_LIB=$(BUILD)/lib CANN=$(BUILD)/cann all

vm: packages-vm lib cann
	@[ -n "$(RUN)" ] || { echo "make vm RUN=program" >&2; exit 2; }
	@KERNEL=$(KERNEL) SVM=$(SVM) FILES="$(FILES)" \
		$(VM)/run.sh $(RUN) $(ARGS); rc=$$?; \
		[ $$rc = 0 ] || echo "exit status $$rc" >&2; exit $$rc

demo: packages-vm lib cann conform
	@$(MAKE) -s -C selftests/demo OUT=$(BUILD)/demo CANN=$(BUILD)/cann
	@SVM=v2 SIM_PARAMS=teardown_max_ms=700 \
		FILES="$(addprefix $(BUILD)/demo/,demo.sh exporter importer \
		timeline)" $(VM)/run.sh $(BUILD)/conform/conform ./demo.sh

check: selftests
	@$(VM)/check.sh

# DEBUG=kcsan or DEBUG="debug kcsan"; a debug kernel is several times slower
check-debug: selftests
	@KERNELS="$(or $(DEBUG),debug)" HOST=no \
		LOGS="$(or $(LOGS),$(BUILD)/check-debug)" TEST_TIMEOUT=1200 \
		TIMEOUT=$(or $(TIMEOUT),7200) $(VM)/check.sh

# other kernels, arm64, clang, and what is like 5.4
check-kernels: selftests packages-kernels
	@HOST=matrix LOGS="$(or $(LOGS),$(BUILD)/check-kernels)" \
		SVMS="$(or $(SVMS),v2)" \
		KERNELS="$(or $(KERNELS),5.10 6.1 6.12 7.x 5.4-like 6.1-clang \
		6.1-arm64 6.12-arm64)" TEST_TIMEOUT=600 \
		TIMEOUT=$(or $(TIMEOUT),3600) $(VM)/check.sh

# do the debug kernels see defects at all?
check-lane: packages-vm lib cann
	@KERNELS="$(or $(DEBUG),debug kcsan)" $(VM)/lane.sh

# the Debian packages and the RPM: what is in them, and what they do in a VM
check-packages: lib
	@.packaging/check.sh

# DKMS and the packages, in Debian 12 and 13, booted with two kernels each
check-dkms: selftests packages-dkms
	@selftests/dkms/run.sh

# library and module of versions that are one and two apart
check-skew: selftests
	@selftests/skew/run.sh

# what static analyzers say of the sources; make check has it, too
analyze: packages-check
	@mkdir -p $(BUILD)
	@set -o pipefail; { $(VM)/style.sh && $(VM)/analyze.sh; } | \
		tee $(BUILD)/analyze.log
	@awk -f $(VM)/count.awk $(BUILD)/analyze.log

# the protocol itself, each rule of it removed in turn; make check has it, too
model: packages-model
	@selftests/model/run.sh

# make torture DURATION=600 SEED=7; one VM for each of KERNELS and SVMS.  Then the
# job of 200 processes that is killed at once, 50 rounds of it.
torture: selftests
	@for k in $(or $(KERNELS),6.1 6.12); do for s in $(or $(SVMS),v2 v2-old v3); do \
		echo "kernel $$k, SVM $$s"; KERNEL=$$k SVM=$$s \
		TIMEOUT=$$(($(or $(DURATION),20) + 300)) \
		APPEND="$(addprefix SEED=,$(SEED)) DURATION=$(or $(DURATION),20)" \
		FILES=$(BUILD)/selftests/torture \
		$(VM)/run.sh $(BUILD)/conform/conform ./torture || exit; done; done
	@echo "the job, kernel $(firstword $(KERNELS) 6.1)"; \
		KERNEL=$(firstword $(KERNELS) 6.1) TIMEOUT=1800 \
		APPEND=JOB_SECONDS=1500 \
		$(VM)/run.sh $(BUILD)/selftests/death_job

# make fuzz DURATION=60 SEED=7; KERNEL=kcsan; COVER=50
fuzz: lib cann packages-fuzz
	@DURATION=$(DURATION) SEED=$(SEED) KERNEL=$(KERNEL) COVER=$(COVER) \
		selftests/fuzz/run.sh

# lines and branches that the tests run; do the tests notice small defects?
coverage: packages-vm selftests
	@$(VM)/coverage.sh

mutate: packages-vm selftests
	@selftests/mutate/mutate.sh

bench: packages-vm selftests
	@selftests/bench/run.sh

install: lib
	@$(MAKE) -s -C lib install OUT=$(BUILD) DESTDIR=$(DESTDIR) \
		PREFIX=$(PREFIX) LIBDIR=$(LIBDIR)
	@$(MAKE) -s -C kernel/dist install DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	@if [ -e $(BUILD)/module/aclipc.ko ]; then \
	install -D -m 644 $(BUILD)/module/aclipc.ko \
		$(DESTDIR)/lib/modules/$(RELEASE)/updates/aclipc.ko; \
	[ -n "$(DESTDIR)" ] || depmod $(RELEASE); fi

uninstall:
	@$(MAKE) -s -C lib uninstall OUT=$(BUILD) DESTDIR=$(DESTDIR) \
		PREFIX=$(PREFIX) LIBDIR=$(LIBDIR)
	@$(MAKE) -s -C kernel/dist uninstall DESTDIR=$(DESTDIR) PREFIX=$(PREFIX)
	@m=$(DESTDIR)/lib/modules/$(RELEASE)/updates/aclipc.ko; \
	if [ -e $$m ]; then \
	rm -f $$m; [ -n "$(DESTDIR)" ] || depmod $(RELEASE); fi

deb rpm: %: packages-%
	@.packaging/build.sh $@

clean:
	rm -rf $(BUILD)

help:
	@echo 'make             module for KDIR, library, tool: build/'
	@echo 'make demo        the ordering demo in a VM'
	@echo 'make check       all tests; TESTS="names" KERNELS="6.1" SVMS="v2"'
	@echo 'make check-debug the VM tests in a kernel with KASAN, lockdep, kmemleak;'
	@echo '                 DEBUG=kcsan: in one that finds data races'
	@echo 'make check-kernels'
	@echo '                 all kernels, arm64, clang; KERNELS= TESTS= SVMS='
	@echo 'make check-lane  do these kernels find defects made on purpose?'
	@echo 'make check-dkms  DKMS and packages in Debian 12 and 13; SUITES="trixie"'
	@echo 'make check-packages, check-skew'
	@echo '                 the packages; versions that are apart'
	@echo 'make analyze     sparse, coccinelle, clang-tidy and other analyzers'
	@echo 'make model       the protocol, checked exhaustively with spin'
	@echo 'make vm RUN=path [FILES="paths"] [ARGS="..."] [SVM=v2|v2-old|v3]'
	@echo '                 [KERNEL=5.10|6.1|6.12|7.x|6.1-arm64] [TIMEOUT=s] [MEM=mb]'
	@echo '                 [ACLIPC_PARAMS="..."] [SIM_PARAMS="..."]'
	@echo '                 a program of yours in a VM, with all in place;'
	@echo '                 its exit status as such: selftests/vm/run.sh PROGRAM'
	@echo 'make torture     random deaths; DURATION=seconds SEED=number KERNELS= SVMS='
	@echo 'make fuzz        random calls and input; DURATION=seconds SEED=number'
	@echo '                 KERNEL=debug|kcsan|6.1'
	@echo 'make coverage    lines and branches that the tests run'
	@echo 'make mutate      do the tests notice small defects?'
	@echo 'make bench       the benchmark, build/bench.json'
	@echo 'make modules     the module alone; KDIR=folder of the headers'
	@echo 'make modules-for KERNEL=5.10|6.1|6.12|7.x'
	@echo '                 the modules for a kernel of Debian'
	@echo 'make install     also uninstall; DESTDIR, PREFIX, LIBDIR'
	@echo 'make deb, rpm    packages in build/packages/'
	@echo 'make clean       remove build/'
