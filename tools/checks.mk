# SPDX-License-Identifier: MIT
#
# What the checks compile: unit tests and fuzz targets for the host, and every
# header alone. Run by tests/run as `make -k -f tools/checks.mk`.
#
# A unit test is tests/unit/NAME_test.c, a fuzz target tests/fuzz/NAME_fuzz.c.
# In its first comment the line `sources: FILE…` names what is linked to it, and
# `cflags: …`, if there, puts flags before the common ones for the test and its
# sources: -I of a folder with headers of the same names replaces x86/*.h.
# `sanitize: thread` builds it with that sanitizer instead of the common ones; with
# -fno-builtin, or copies that gcc writes out are not seen.

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules
include tools/flags.mk

UNIT_CC := gcc
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
HOST_WARNINGS := -Wall -Wextra -Werror
HOST_CFLAGS := -std=gnu2x -g -O1 -fno-omit-frame-pointer $(HOST_WARNINGS) \
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

# $(call host_tags,kind,name,test source): what host_program knows of it.
define host_tags
$(1)_$(2)_cflags := $(call tag,cflags,$(3))
$(1)_$(2)_sanitize := $(addprefix -fsanitize=,$(call tag,sanitize,$(3)))
$(1)_$(2)_sources := $(call tag,sources,$(3))
endef
# $(call host_own,kind_name): flags of its own; $(call host_sanitize,kind_name,common ones).
host_own = $(strip $($(1)_sanitize) $($(1)_cflags))
host_sanitize = $(or $($(1)_sanitize),$(2))

# $(call host_program,kind,name,test source,compiler,flags,libraries): tests
# without flags of their own share their objects.
define host_program
$(1)_$(2)_objects := $$(addprefix $(BUILD)/obj/$(1)/$(if $(call host_own,$(1)_$(2)),$(2),shared)/,\
	$$(addsuffix .o,$(3) $$($(1)_$(2)_sources)))
$(BUILD)/$(1)/$(2): $$($(1)_$(2)_objects)
	@mkdir -p $$(@D)
	$(Q)$(4) $(call host_sanitize,$(1)_$(2),$(5)) $$^ $(6) -o $$@
$(if $(call host_own,$(1)_$(2)),$(call host_compile,$(1)/$(2),$(4),$(call host_sanitize,$(1)_$(2),$(5)) $($(1)_$(2)_cflags)))
-include $$($(1)_$(2)_objects:.o=.d)
endef

define host_compile
$(BUILD)/obj/$(1)/%.o: % tools/checks.mk tools/flags.mk
	@mkdir -p $$(@D)
	@$(SAY) '  HOSTCC  $$<'
	$(Q)$(2) $(3) $(HOST_CFLAGS) -MMD -MP -c $$< -o $$@
endef

FUZZ_SANITIZE := $(SANITIZE) -fsanitize=fuzzer
$(foreach u,$(UNITS),$(eval $(call host_tags,unit,$(u),tests/unit/$(u)_test.c)))
$(foreach f,$(FUZZERS),$(eval $(call host_tags,fuzz,$(f),tests/fuzz/$(f)_fuzz.c)))
$(foreach u,$(UNITS),$(eval $(call host_program,unit,$(u),tests/unit/$(u)_test.c,$(UNIT_CC),$(SANITIZE),-lcmocka)))
$(foreach f,$(FUZZERS),$(eval $(call host_program,fuzz,$(f),tests/fuzz/$(f)_fuzz.c,clang,$(FUZZ_SANITIZE),)))
$(eval $(call host_compile,unit/shared,$(UNIT_CC),$(SANITIZE)))
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
