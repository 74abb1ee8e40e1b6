# SPDX-License-Identifier: MIT
#
# The images: hypervisor.elf, rootpart.elf, worker.elf, one guest/NAME.elf per
# test kernel, worker-tests.elf with the test programs of ring 3, linux/NAME per
# test program under Linux, boot.cpio, verdigris.iso. Sources are found by wildcard, headers by
# -MMD; each image has its own object directory. Beside each image lie NAME.sym
# (nm -n), NAME.dis (objdump -d) and NAME.debug (DWARF for gdb).

# Every .c and .S below the given directories.
find = $(sort $(foreach d,$(1),$(shell find $(d) -name '*.[cS]' 2>/dev/null)))
objects = $(patsubst %,$(BUILD)/obj/$(1)/%.o,$(2))

HYPERVISOR_SRC := $(call find,boot hypervisor)
WORKER_SRC := $(call find,rootpart/worker)
ROOTPART_SRC := $(filter-out $(WORKER_SRC),$(call find,rootpart vmbus vsp))
GUEST_LIB_SRC := $(sort $(wildcard tests/guest/lib/*.[cS]))
LIB_SRC := $(sort $(wildcard lib/*.c))
# What a guest with disks has besides.
GUEST_DISK_SRC := $(sort $(wildcard tests/guest/disk/*.c)) $(call find,vsc) \
	vmbus/client.c vmbus/ring.c
GUESTS := $(sort $(patsubst tests/guest/%.c,%,$(wildcard tests/guest/*.c)))
GUEST_ELF := $(GUESTS:%=$(BUILD)/guest/%.elf)
WORKER_TEST_LIB_SRC := $(sort $(wildcard tests/worker/lib/*.[cS]))
WORKER_TESTS := $(sort $(patsubst tests/worker/%.c,%,$(wildcard tests/worker/*.c)))
WORKER_TEST_ELF := $(BUILD)/worker-tests.elf
LINUX_LIB_SRC := $(sort $(wildcard tests/linux/lib/*.[cS]))
LINUX_TESTS := $(sort $(patsubst tests/linux/%.c,%,$(wildcard tests/linux/*.c)))
LINUX_PROGRAMS := $(LINUX_TESTS:%=$(BUILD)/linux/%)
IMAGES := $(BUILD)/hypervisor.elf $(BUILD)/rootpart.elf $(BUILD)/worker.elf

.PHONY: images guests iso
images: $(IMAGES)
guests: $(GUEST_ELF) $(WORKER_TEST_ELF) $(LINUX_PROGRAMS)
iso: $(BUILD)/verdigris.iso

# Changes when the compiler or a flag does, and only then.
FLAGS_STAMP := $(BUILD)/obj/flags
.PHONY: force
$(FLAGS_STAMP): force
	@mkdir -p $(@D)
	@echo '$(CC) $(IMAGE_CFLAGS) $(WORKER_CFLAGS) $(IMAGE_LDFLAGS)' | cmp -s - $@ || \
		echo '$(CC) $(IMAGE_CFLAGS) $(WORKER_CFLAGS) $(IMAGE_LDFLAGS)' > $@

# $(call compile_rule,image,flags)
define compile_rule
$(BUILD)/obj/$(1)/%.o: % $(FLAGS_STAMP)
	@mkdir -p $$(@D)
	@$(SAY) '  CC      $$<'
	$(Q)$(CC) $(2) -MMD -MP -c $$< -o $$@
endef
$(foreach i,hypervisor rootpart guest worker-test,$(eval $(call compile_rule,$(i),$(IMAGE_CFLAGS))))
$(foreach i,worker linux,$(eval $(call compile_rule,$(i),$(WORKER_CFLAGS))))

# lib/ is an archive, so that an image has of it only what it uses; of a guest it has the disk's, too.
define archive_rule
$(BUILD)/obj/$(1)/lib.a: $(call objects,$(1),$(LIB_SRC) $(2)) $(BUILD)/obj/lib.list
	$(Q)rm -f $$@
	$(Q)ar rcD $$@ $$(filter %.o,$$^)
endef
$(foreach i,hypervisor rootpart worker worker-test linux,$(eval $(call archive_rule,$(i))))
$(eval $(call archive_rule,guest,$(GUEST_DISK_SRC)))

# $(call link,objects,linker script): full image first, then the shipped one,
# which keeps its symbol table and loses the DWARF.
define link
	@mkdir -p $(@D)
	@$(SAY) '  LD      $@'
	$(Q)$(CC) $(IMAGE_LDFLAGS) -Wl,-T,$(2) -Wl,-Map,$(@:.elf=.map) $(1) -o $@.full
	$(Q)objcopy --only-keep-debug $@.full $(@:.elf=.debug)
	$(Q)objcopy --strip-debug --remove-section=.comment $@.full $@
	$(Q)rm $@.full
	$(Q)nm -n $@ > $(@:.elf=.sym)
	$(Q)objdump -d $@ > $(@:.elf=.dis)
endef

# A removed source must relink, too: the list of objects is a prerequisite.
$(BUILD)/obj/%.list: force
	@mkdir -p $(@D)
	@echo '$(LIST)' | cmp -s - $@ || echo '$(LIST)' > $@
$(BUILD)/obj/hypervisor.list: LIST = $(HYPERVISOR_SRC)
$(BUILD)/obj/rootpart.list: LIST = $(ROOTPART_SRC)
$(BUILD)/obj/worker.list: LIST = $(WORKER_SRC)
$(BUILD)/obj/guest.list: LIST = $(GUEST_LIB_SRC)
$(BUILD)/obj/worker-test.list: LIST = $(WORKER_TEST_LIB_SRC)
$(BUILD)/obj/worker-test/names.list: LIST = $(WORKER_TESTS)
$(BUILD)/obj/linux.list: LIST = $(LINUX_LIB_SRC)
$(BUILD)/obj/lib.list: LIST = $(LIB_SRC) $(GUEST_DISK_SRC)

# The archive stands last: the linker takes from it what is still missing.
image_objects = $(call objects,$(1),$(2)) $(BUILD)/obj/$(1)/lib.a
HYPERVISOR_OBJ := $(call image_objects,hypervisor,$(HYPERVISOR_SRC))
ROOTPART_OBJ := $(call image_objects,rootpart,$(ROOTPART_SRC))
WORKER_OBJ := $(call image_objects,worker,$(WORKER_SRC))
GUEST_LIB_OBJ := $(call image_objects,guest,$(GUEST_LIB_SRC))
WORKER_TEST_LIB_OBJ := $(call image_objects,worker-test,$(WORKER_TEST_LIB_SRC))
LINUX_LIB_OBJ := $(call image_objects,linux,$(LINUX_LIB_SRC))

$(BUILD)/hypervisor.elf: $(HYPERVISOR_OBJ) linker.ld $(BUILD)/obj/hypervisor.list
	$(call link,$(HYPERVISOR_OBJ),linker.ld)

$(BUILD)/rootpart.elf: $(ROOTPART_OBJ) rootpart/rootpart.ld $(BUILD)/obj/rootpart.list
	$(call link,$(ROOTPART_OBJ),rootpart/rootpart.ld)

# Its segments become mappings of ring 3 as they are.
$(BUILD)/worker.elf: $(WORKER_OBJ) rootpart/worker/worker.ld $(BUILD)/obj/worker.list \
		tools/check_segments.sh
	$(call link,$(WORKER_OBJ),rootpart/worker/worker.ld)
	$(Q)tools/check_segments.sh $@

$(GUEST_ELF): $(BUILD)/guest/%.elf: $(BUILD)/obj/guest/tests/guest/%.c.o \
		$(GUEST_LIB_OBJ) tests/guest/guest.ld $(BUILD)/obj/guest.list
	$(call link,$< $(GUEST_LIB_OBJ),tests/guest/guest.ld)

# All of them are one program, which does what its VM is called, and is the real
# worker for any other name. Each has its worker_test() by another name there.
WORKER_TEST_DIR := $(BUILD)/obj/worker-test
$(WORKER_TEST_DIR)/named/%.o: $(WORKER_TEST_DIR)/tests/worker/%.c.o
	@mkdir -p $(@D)
	$(Q)objcopy --redefine-sym worker_test=worker_test_$* $< $@

$(WORKER_TEST_DIR)/real.o: $(WORKER_OBJ)
	@mkdir -p $(@D)
	$(Q)ld -r -o $@.all $(WORKER_OBJ)
	$(Q)objcopy --keep-global-symbol=real_worker_entry \
		--redefine-sym worker_entry=real_worker_entry $@.all $@

$(WORKER_TEST_DIR)/names.c: $(WORKER_TEST_DIR)/names.list
	$(Q)(echo '#include "tests/worker/lib/worker.h"'; \
		for n in $(WORKER_TESTS); do echo "const char *worker_test_$$n(void);"; done; \
		echo 'const struct worker_program worker_programs[] = {'; \
		for n in $(WORKER_TESTS); do echo "{ \"$$n\", worker_test_$$n },"; done; \
		echo '{ 0, 0 } };') > $@

$(WORKER_TEST_DIR)/names.o: $(WORKER_TEST_DIR)/names.c tests/worker/lib/worker.h
	$(Q)$(CC) $(IMAGE_CFLAGS) -c $< -o $@

WORKER_TEST_OBJ := $(WORKER_TEST_LIB_OBJ) $(WORKER_TEST_DIR)/names.o $(WORKER_TEST_DIR)/real.o \
	$(WORKER_TESTS:%=$(WORKER_TEST_DIR)/named/%.o)
$(WORKER_TEST_ELF): $(WORKER_TEST_OBJ) tests/worker/worker.ld $(BUILD)/obj/worker-test.list
	$(call link,$(WORKER_TEST_OBJ),tests/worker/worker.ld)

# Programs for the initrd of a Linux child, without a C library.
$(LINUX_PROGRAMS): $(BUILD)/linux/%: $(BUILD)/obj/linux/tests/linux/%.c.o $(LINUX_LIB_OBJ) \
		$(BUILD)/obj/linux.list
	@mkdir -p $(@D)
	@$(SAY) '  LD      $@'
	$(Q)$(CC) $(IMAGE_LDFLAGS) -s $< $(LINUX_LIB_OBJ) -o $@

-include $(patsubst %.o,%.d,$(filter %.o,$(HYPERVISOR_OBJ) $(ROOTPART_OBJ) $(WORKER_OBJ) \
		$(GUEST_LIB_OBJ) $(WORKER_TEST_LIB_OBJ) $(LINUX_LIB_OBJ)) \
	$(foreach i,hypervisor rootpart worker guest worker-test linux,$(call objects,$(i),$(LIB_SRC))) \
	$(call objects,guest,$(GUESTS:%=tests/guest/%.c) $(GUEST_DISK_SRC)) \
	$(call objects,worker-test,$(WORKER_TESTS:%=tests/worker/%.c)) \
	$(call objects,linux,$(LINUX_TESTS:%=tests/linux/%.c)))

# The boot archive: what lies in boot/archive, the worker, an example kernel, and the version.
ARCHIVE_SRC := $(sort $(shell find boot/archive -type f 2>/dev/null))
$(BUILD)/boot.cpio: $(ARCHIVE_SRC) $(BUILD)/worker.elf $(BUILD)/guest/echo.elf Makefile tools/mkcpio.py
	@mkdir -p $(@D)
	@$(SAY) '  CPIO    $@'
	$(Q)$(PYTHON) tools/mkcpio.py --out $@ --tree boot/archive \
		--file worker.elf $(BUILD)/worker.elf \
		--file examples/echo.elf $(BUILD)/guest/echo.elf --text version.txt 'Verdigris $(VERSION)'

$(BUILD)/verdigris.iso: $(IMAGES) $(BUILD)/boot.cpio boot/grub.cfg tools/mkiso.py
	@$(SAY) '  ISO     $@'
	$(Q)$(PYTHON) tools/mkiso.py --build $(BUILD) --out $@
