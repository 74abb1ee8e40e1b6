# SPDX-License-Identifier: MIT
#
# What the checks compile: unit tests and fuzz targets for the host, and every
# header alone. Run by tests/run as `make -k -f tools/checks.mk`.
#
# A unit test is tests/unit/NAME_test.c, a fuzz target tests/fuzz/NAME_fuzz.c.
# In its first comment the line `sources: FILE…` names what is linked to it, and
# `cflags: …`, if there, puts flags before the common ones for the test and its
# sources: -I of a folder with headers of the same names replaces x86/*.h.

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
include tools/flags.mk

SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_CFLAGS := -std=gnu2x -g -O1 -fno-omit-frame-pointer -Wall -Wextra -Werror \
	$(INCLUDES) -I tests/unit
UNITS := $(patsubst tests/unit/%_test.c,%,$(sort $(wildcard tests/unit/*_test.c)))
FUZZERS := $(patsubst tests/fuzz/%_fuzz.c,%,$(sort $(wildcard tests/fuzz/*_fuzz.c)))
HEADERS := $(sort $(shell find include lib boot hypervisor rootpart vmbus vsp vsc \
	tests/guest tests/worker -name '*.h' 2>/dev/null))

.PHONY: units fuzzers headers
units: $(UNITS:%=$(BUILD)/unit/%)
fuzzers: $(FUZZERS:%=$(BUILD)/fuzz/%)
headers: $(HEADERS:%=$(BUILD)/headers/gcc/%) $(HEADERS:%=$(BUILD)/headers/clang/%)

# $(call tag,word,file): what follows "word:" in the file's first comment.
tag = $(shell sed -n '1,40s/^.*\b$(1): *//p' $(2))

# $(call host_program,kind,name,test source,compiler,flags,libraries): tests
# without cflags share their objects.
define host_program
$(1)_$(2)_cflags := $(call tag,cflags,$(3))
$(1)_$(2)_objects := $$(addprefix $(BUILD)/obj/$(1)/$$(if $$($(1)_$(2)_cflags),$(2),shared)/,\
	$$(addsuffix .o,$(3) $(call tag,sources,$(3))))
$(BUILD)/$(1)/$(2): $$($(1)_$(2)_objects)
	@mkdir -p $$(@D)
	$(Q)$(4) $(5) $$^ $(6) -o $$@
$(if $(call tag,cflags,$(3)),$(call host_compile,$(1)/$(2),$(4),$(5) $(call tag,cflags,$(3))))
-include $$($(1)_$(2)_objects:.o=.d)
endef

define host_compile
$(BUILD)/obj/$(1)/%.o: % tools/checks.mk tools/flags.mk
	@mkdir -p $$(@D)
	@$(SAY) '  HOSTCC  $$<'
	$(Q)$(2) $(3) $(HOST_CFLAGS) -MMD -MP -c $$< -o $$@
endef

FUZZ_SANITIZE := $(SANITIZE) -fsanitize=fuzzer
$(foreach u,$(UNITS),$(eval $(call host_program,unit,$(u),tests/unit/$(u)_test.c,gcc,$(SANITIZE),-lcmocka)))
$(foreach f,$(FUZZERS),$(eval $(call host_program,fuzz,$(f),tests/fuzz/$(f)_fuzz.c,clang,$(FUZZ_SANITIZE),)))
$(eval $(call host_compile,unit/shared,gcc,$(SANITIZE)))
$(eval $(call host_compile,fuzz/shared,clang,$(FUZZ_SANITIZE)))

# Included twice, from an empty file, with the images' own warnings.
define header_rule
$(BUILD)/headers/$(1)/%.h: %.h tools/checks.mk
	@mkdir -p $$(@D)
	$(Q)printf '#include "%s"\n' $$< $$< | \
		$(1) $(IMAGE_CFLAGS) -x c -MMD -MP -MT $$@ -MF $$@.d -c -o /dev/null -
	@touch $$@
endef
$(foreach c,gcc clang,$(eval $(call header_rule,$(c))))
-include $(HEADERS:%=$(BUILD)/headers/gcc/%.d) $(HEADERS:%=$(BUILD)/headers/clang/%.d)
