/* SPDX-License-Identifier: MIT */
/*
 * The table of settings, and their kinds. The CLI's task; boot.
 */
#include "rootpart/vm/vm_keys.h"

#include "base/errno.h"
#include "lib/format.h"
#include "lib/string.h"
#include "rootpart/vm/vm_disk_text.h"

/* How much of a wrong value is repeated. */
#define SHOWN "\"%.48s\""

static int set_number(const struct vm_key *key, void *field, const char *text, char *why)
{
	u64 v;

	if (str_to_u64(text, false, &v) != 0 || v < key->min || v > key->max) {
		(void)format(why, VM_KEY_WHY, SHOWN " is no number from %llu to %llu", text,
			(unsigned long long)key->min, (unsigned long long)key->max);
		return -EINVAL;
	}
	*(u32 *)field = (u32)v;
	return 0;
}

static void get_number(const struct vm_key *key, const void *field, char *word)
{
	(void)key;
	(void)format(word, VM_KEY_WORD, "%u", *(const u32 *)field);
}

static const struct vm_key_kind kind_number = { false, set_number, get_number };

/* Bytes with the largest unit that they are whole of: "512M". */
static void write_size(u64 bytes, char *text, size_t size)
{
	static const char units[] = { 'K', 'M', 'G' };
	char unit[2] = "";

	for (u32 i = 0; i < ARRAY_SIZE(units) && bytes > 0 && bytes % KIB == 0; i++) {
		bytes /= KIB;
		unit[0] = units[i];
	}
	(void)format(text, size, "%llu%s", (unsigned long long)bytes, unit);
}

static int set_size(const struct vm_key *key, void *field, const char *text, char *why)
{
	char least[24], most[24];
	u64 v;
	int wrong = str_to_u64(text, true, &v), r = -EINVAL;

	write_size(key->min, least, sizeof(least));
	write_size(key->max, most, sizeof(most));
	if (wrong == -EINVAL)
		(void)format(why, VM_KEY_WHY,
			SHOWN " is no size; write a number with K, M or G, as 512M", text);
	else if (wrong != 0 || v < key->min || v > key->max)
		(void)format(why, VM_KEY_WHY,
			SHOWN " is not from %s to %s; K, M or G may follow the number", text, least,
			most);
	else if (v % key->min != 0)
		(void)format(why, VM_KEY_WHY, SHOWN " is no multiple of %s", text, least);
	else
		r = 0;
	if (r == 0)
		*(u64 *)field = v;
	return r;
}

static void get_size(const struct vm_key *key, const void *field, char *word)
{
	(void)key;
	write_size(*(const u64 *)field, word, VM_KEY_WORD);
}

static const struct vm_key_kind kind_size = { false, set_size, get_size };

/* max: characters. */
static int set_text(const struct vm_key *key, void *field, const char *text, char *why)
{
	if (strlen(text) > key->max) {
		(void)format(why, VM_KEY_WHY, "it is longer than %llu characters",
			(unsigned long long)key->max);
		return -EINVAL;
	}
	return str_copy(field, text, key->max + 1);
}

static const struct vm_key_kind kind_text = { true, set_text, NULL };

static int set_path(const struct vm_key *key, void *field, const char *text, char *why)
{
	char normal[PATH_MAX] = "";

	if (text[0] != '\0' && path_normalise(text, normal) != 0) {
		(void)format(why, VM_KEY_WHY, SHOWN "... is too long a path", text);
		return -EINVAL;
	}
	return str_copy(field, normal, key->max + 1);
}

static const struct vm_key_kind kind_path = { true, set_path, NULL };

static int set_disk(const struct vm_key *key, void *field, const char *text, char *why)
{
	struct vm_disk_text disk;
	const char *wrong = text[0] != '\0' ? vm_disk_text_parse(&disk, text) : NULL;

	(void)key;
	if (wrong != NULL) {
		(void)format(why, VM_KEY_WHY, SHOWN ": %s", text, wrong);
		return -EINVAL;
	}
	if (text[0] != '\0')
		vm_disk_text_format(&disk, field);
	else
		*(char *)field = '\0';
	return 0;
}

static const struct vm_key_kind kind_disk = { true, set_disk, NULL };

static const char *const no_yes[] = { "no", "yes" };
static const char *const on_reset[] = {
	[VM_RESET_RESTART] = "restart",
	[VM_RESET_STOP] = "stop",
};

/* Index of @text among two words, or -EINVAL. */
static int choose(const char *const words[2], const char *text, char *why)
{
	for (int i = 0; i < 2; i++) {
		if (strcmp(text, words[i]) == 0)
			return i;
	}
	(void)format(why, VM_KEY_WHY, SHOWN " is neither %s nor %s", text, words[0], words[1]);
	return -EINVAL;
}

static int set_yes(const struct vm_key *key, void *field, const char *text, char *why)
{
	int r = choose(no_yes, text, why);

	(void)key;
	if (r >= 0)
		*(bool *)field = r == 1;
	return MIN(r, 0);
}

static void get_yes(const struct vm_key *key, const void *field, char *word)
{
	(void)key;
	(void)str_copy(word, no_yes[*(const bool *)field], VM_KEY_WORD);
}

static const struct vm_key_kind kind_yes = { false, set_yes, get_yes };

static int set_reset(const struct vm_key *key, void *field, const char *text, char *why)
{
	int r = choose(on_reset, text, why);

	(void)key;
	if (r >= 0)
		*(enum vm_on_reset *)field = (enum vm_on_reset)r;
	return MIN(r, 0);
}

static void get_reset(const struct vm_key *key, const void *field, char *word)
{
	(void)key;
	(void)str_copy(word, on_reset[*(const enum vm_on_reset *)field], VM_KEY_WORD);
}

static const struct vm_key_kind kind_reset = { false, set_reset, get_reset };

static const char *const sector_sizes[] = { "512", "4096" };

static int set_sector(const struct vm_key *key, void *field, const char *text, char *why)
{
	int r = choose(sector_sizes, text, why);

	(void)key;
	if (r >= 0)
		*(u32 *)field = r == 0 ? 512 : 4096;
	return MIN(r, 0);
}

static const struct vm_key_kind kind_sector = { false, set_sector, get_number };

/* The decimal number up to @max that **@text begins with; moves *@text on. */
static int take_number(const char **text, u64 max, u64 *out)
{
	const char *t = *text;

	if (*t < '0' || *t > '9')
		return -EINVAL;
	for (*out = 0; *t >= '0' && *t <= '9' && *out <= max; t++)
		*out = *out * 10 + (u64)(*t - '0');
	*text = t;
	return *out <= max ? 0 : -EINVAL;
}

/* "0-3,5": bits 0 to 3 and 5. */
static int parse_processors(const char *text, u64 max, u64 *bits)
{
	u64 from, to;

	*bits = 0;
	for (;; text++) {
		if (take_number(&text, max, &from) != 0)
			return -EINVAL;
		to = from;
		if (*text == '-') {
			text++;
			if (take_number(&text, max, &to) != 0 || to < from)
				return -EINVAL;
		}
		for (; from <= to; from++)
			*bits |= BIT(from);
		if (*text != ',')
			return *text == '\0' ? 0 : -EINVAL;
	}
}

static int set_processors(const struct vm_key *key, void *field, const char *text, char *why)
{
	u64 bits = 0;

	if (strcmp(text, "all") != 0 && parse_processors(text, key->max, &bits) != 0) {
		(void)format(why, VM_KEY_WHY,
			SHOWN " is neither \"all\" nor a list of processors from 0 to %llu, "
			      "as 0-3,5",
			text, (unsigned long long)key->max);
		return -EINVAL;
	}
	*(u64 *)field = bits;
	return 0;
}

static void get_processors(const struct vm_key *key, const void *field, char *word)
{
	u64 bits = *(const u64 *)field;
	size_t len = 0;

	(void)str_copy(word, bits == 0 ? "all" : "", VM_KEY_WORD);
	for (u64 from = 0, end; from <= key->max; from = end + 1) {
		for (end = from; end <= key->max && (bits >> end & 1); end++)
			;
		if (end == from)
			continue;
		len += (size_t)format(word + len, VM_KEY_WORD - len, "%s%llu", len > 0 ? "," : "",
			(unsigned long long)from);
		if (end - from > 1)
			len += (size_t)format(word + len, VM_KEY_WORD - len, "-%llu",
				(unsigned long long)end - 1);
	}
}

static const struct vm_key_kind kind_processors = { false, set_processors, get_processors };

/* max: how many words of 64 bits. */
static int set_bits(const struct vm_key *key, void *field, const char *text, char *why)
{
	u64 v[2];
	u32 count = 0;

	while (*text != '\0' && count < key->max) {
		const char *space = strchr(text, ' ');
		size_t len = space != NULL ? (size_t)(space - text) : strlen(text);
		char one[24];

		/* What does not fit is cut, and must not pass for what is left of it. */
		(void)format(one, sizeof(one), "%.*s", (int)MIN(len, sizeof(one)), text);
		if (len >= sizeof(one) || str_to_u64(one, false, &v[count++]) != 0)
			break;
		for (text += len; *text == ' ';)
			text++;
	}
	if (*text != '\0' || count != key->max) {
		(void)format(why, VM_KEY_WHY, "it is not %s of 64 bits, as 0x1f",
			key->max == 1 ? "one number" : "two numbers");
		return -EINVAL;
	}
	memcpy(field, v, count * sizeof(v[0]));
	return 0;
}

static void get_bits(const struct vm_key *key, const void *field, char *word)
{
	const u64 *v = field;
	size_t len = 0;

	for (u32 i = 0; i < key->max; i++)
		len += (size_t)format(word + len, VM_KEY_WORD - len, "%s%#llx", i > 0 ? " " : "",
			(unsigned long long)v[i]);
}

static const struct vm_key_kind kind_bits = { false, set_bits, get_bits };

static int set_hz(const struct vm_key *key, void *field, const char *text, char *why)
{
	u64 v;

	if (str_to_u64(text, false, &v) != 0 || v < key->min || v > key->max) {
		(void)format(why, VM_KEY_WHY, SHOWN " is no frequency in Hz", text);
		return -EINVAL;
	}
	*(u64 *)field = v;
	return 0;
}

static void get_hz(const struct vm_key *key, const void *field, char *word)
{
	(void)key;
	(void)format(word, VM_KEY_WORD, "%llu", (unsigned long long)*(const u64 *)field);
}

static const struct vm_key_kind kind_hz = { false, set_hz, get_hz };

#define KEY(key_name, field, key_kind, key_min, key_max)                                        \
	{                                                                                       \
		.name = key_name, .kind = &kind_##key_kind,                                     \
		.offset = offsetof(struct vm_config, field), .min = (key_min), .max = (key_max) \
	}
#define FEATURE(key_name, field, key_kind, key_min, key_max)                                    \
	{                                                                                       \
		.name = key_name, .kind = &kind_##key_kind, .feature = true,                    \
		.offset = offsetof(struct vm_config, field), .min = (key_min), .max = (key_max) \
	}

#define LIVE(key_name, field, key_kind, key_min, key_max)                                       \
	{                                                                                       \
		.name = key_name, .kind = &kind_##key_kind, .live = true,                       \
		.offset = offsetof(struct vm_config, field), .min = (key_min), .max = (key_max) \
	}

#define DISK(lun)                                                        \
	{                                                                \
		.name = "disk" #lun, .kind = &kind_disk, .sparse = true, \
		.offset = offsetof(struct vm_config, disks[lun])         \
	}

const struct vm_key vm_keys[] = {
	KEY("memory", memory, size, VM_MEMORY_MIN, VM_MEMORY_MAX),
	KEY("cpus", cpus, number, 1, VM_CPUS_MAX),
	KEY("kernel", kernel, path, 0, PATH_MAX - 1),
	KEY("initrd", initrd, path, 0, PATH_MAX - 1),
	KEY("cmdline", cmdline, text, 0, VM_CMDLINE_MAX),
	LIVE("weight", weight, number, 1, 10000),
	LIVE("cap", cap, number, 0, 100),
	LIVE("reserve", reserve, number, 0, 100),
	KEY("affinity", affinity, processors, 0, 63),
	KEY("autostart", autostart, yes, 0, 1),
	KEY("on-reset", on_reset, reset, 0, 1),
	KEY("sector-size", sector_size, sector, 0, 0),
	DISK(0),
	DISK(1),
	DISK(2),
	DISK(3),
	DISK(4),
	DISK(5),
	DISK(6),
	DISK(7),
	DISK(8),
	DISK(9),
	DISK(10),
	DISK(11),
	DISK(12),
	DISK(13),
	DISK(14),
	DISK(15),
	FEATURE("processor-features", features, bits, 0, 2),
	FEATURE("xsave-states", xsave_states, bits, 0, 1),
	FEATURE("tsc-hz", tsc_hz, hz, 1, ~0ull),
};

const u32 vm_key_count = ARRAY_SIZE(vm_keys);

const struct vm_key *vm_key_find(const char *name)
{
	for (u32 i = 0; i < vm_key_count; i++) {
		if (strcmp(vm_keys[i].name, name) == 0)
			return &vm_keys[i];
	}
	return NULL;
}

int vm_key_set(const struct vm_key *key, struct vm_config *c, const char *text, char *why)
{
	return key->kind->set(key, (char *)c + key->offset, text, why);
}

void vm_key_get(const struct vm_key *key, const struct vm_config *c, char *word)
{
	key->kind->get(key, (const char *)c + key->offset, word);
}

const char *vm_key_text(const struct vm_key *key, const struct vm_config *c)
{
	return (const char *)c + key->offset;
}

const char *vm_config_clash(const struct vm_config *c)
{
	if (c->cap != 0 && c->reserve > c->cap)
		return "reserve is more than cap, which is the most that it may use";
	if (c->initrd[0] != '\0' && c->kernel[0] == '\0')
		return "an initrd needs a kernel";
	if (vm_disk_text_twice(c))
		return "two of its disks are the same one";
	return NULL;
}
