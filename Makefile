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

.PHONY: all modules modules-for lib cann selftests vm demo check check-debug \
	check-lane torture bench install uninstall deb rpm clean help packages-build \
	packages-vm packages-check packages-deb packages-rpm

all: lib
	@if [ -e "$(KDIR)/Makefile" ]; then $(MAKE) modules; else \
	echo "no kernel headers in $(KDIR): built the library and the tool," \
	"not the module (install linux-headers-$(RELEASE) or give KDIR=)"; fi

packages-build packages-vm packages-check packages-deb packages-rpm: packages-%:
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

selftests: lib cann packages-check
	@mkdir -p $(BUILD)/selftests
	@k=$$($(VM)/kselftest.sh) && $(MAKE) -s -C selftests \
		OUTPUT=$(BUILD)/selftests \
		KSELFTEST=$$k/tools/testing/selftests all

vm: packages-vm lib cann
	@[ -n "$(RUN)" ] || { echo "make vm RUN=program" >&2; exit 2; }
	@KERNEL=$(KERNEL) SVM=$(SVM) FILES="$(FILES)" \
		$(VM)/run.sh $(RUN) $(ARGS); rc=$$?; \
		[ $$rc = 0 ] || echo "exit status $$rc" >&2; exit $$rc

demo: packages-vm lib cann
	@$(MAKE) -s -C selftests/demo OUT=$(BUILD)/demo CANN=$(BUILD)/cann
	@SVM=v2 FILES="$(addprefix $(BUILD)/demo/,exporter importer timeline)" \
		$(VM)/run.sh $(BUILD)/demo/demo.sh

check: selftests
	@$(VM)/check.sh

# DEBUG=kcsan or DEBUG="debug kcsan"; a debug kernel is several times slower
check-debug: selftests
	@KERNELS="$(or $(DEBUG),debug)" HOST=no LOGS=$(BUILD)/check-debug \
		TEST_TIMEOUT=1200 TIMEOUT=7200 $(VM)/check.sh

# do the debug kernels see defects at all?
check-lane: packages-vm lib cann
	@KERNELS="$(or $(DEBUG),debug kcsan)" $(VM)/lane.sh

# make torture DURATION=600 SEED=7; one VM for each of KERNELS and SVMS.  Then the
# job of 200 processes that is killed at once, 50 rounds of it.
torture: selftests
	@for k in $(or $(KERNELS),6.1 6.12); do for s in $(or $(SVMS),v2 v3); do \
		echo "kernel $$k, SVM $$s"; KERNEL=$$k SVM=$$s \
		TIMEOUT=$$(($(or $(DURATION),20) + 300)) \
		APPEND="$(addprefix SEED=,$(SEED)) DURATION=$(or $(DURATION),20)" \
		$(VM)/run.sh $(BUILD)/selftests/torture || exit; done; done
	@echo "the job, kernel $(firstword $(KERNELS) 6.1)"; \
		KERNEL=$(firstword $(KERNELS) 6.1) TIMEOUT=1800 \
		APPEND=JOB_SECONDS=1500 \
		$(VM)/run.sh $(BUILD)/selftests/death_job

bench: packages-vm lib cann
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
	@echo 'make check-lane  do these kernels find defects made on purpose?'
	@echo 'make vm RUN=path [FILES="paths"] [ARGS="..."] [SVM=v2|v3]'
	@echo '                 [KERNEL=5.10|6.1|6.12|7.x] [TIMEOUT=s] [MEM=mb]'
	@echo '                 [ACLIPC_PARAMS="..."] [SIM_PARAMS="..."]'
	@echo '                 a program of yours in a VM, with all in place;'
	@echo '                 its exit status as such: selftests/vm/run.sh PROGRAM'
	@echo 'make torture     random deaths; DURATION=seconds SEED=number'
	@echo 'make bench       the benchmark, build/bench.json'
	@echo 'make modules     the module alone; KDIR=folder of the headers'
	@echo 'make modules-for KERNEL=5.10|6.1|6.12|7.x'
	@echo '                 the modules for a kernel of Debian'
	@echo 'make install     also uninstall; DESTDIR, PREFIX, LIBDIR'
	@echo 'make deb, rpm    packages in build/packages/'
	@echo 'make clean       remove build/'
