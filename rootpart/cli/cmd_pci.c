/* SPDX-License-Identifier: MIT */
/*
 * pci: the devices that were found at boot.
 */
#include "lib/format.h"
#include "rootpart/cli/commands.h"
#include "rootpart/pci/pci.h"
#include "rootpart/pci/pci_class.h"

#define ID_SIZE 10u

static const char *id_of(const struct pci_device *dev, char *text)
{
	(void)format(text, ID_SIZE, "%04x:%04x", dev->vendor, dev->device);
	return text;
}

static const char *or_dash(const char *text)
{
	return text != NULL ? text : "-";
}

static void list_json(struct json *j, const struct pci_device *dev)
{
	char name[PCI_NAME_SIZE], id[ID_SIZE];

	json_object(j, NULL);
	json_string(j, "address", pci_name(dev, name));
	json_string(j, "id", id_of(dev, id));
	json_string(j, "driver", dev->driver != NULL ? dev->driver->name : NULL);
	json_string(j, "interrupt", pci_irq_kind(dev));
	json_number(j, "vectors", pci_irq_count(dev));
	json_string(j, "class", pci_class_text(dev));
	json_close(j);
}

static void list_one(struct cli *cli, const struct pci_device *dev)
{
	char name[PCI_NAME_SIZE], id[ID_SIZE];

	cli_printf(cli, "%-12s  %-9s  %-10s  %-9s  %7u  %s\n", pci_name(dev, name), id_of(dev, id),
		or_dash(dev->driver != NULL ? dev->driver->name : NULL), or_dash(pci_irq_kind(dev)),
		pci_irq_count(dev), pci_class_text(dev));
}

static int list_for_people(struct cli *cli)
{
	cli_printf(cli, "%-12s  %-9s  %-10s  %-9s  %7s  %s\n", "address", "id", "driver",
		"interrupt", "vectors", "class");
	for (u32 i = 0; i < pci_count(); i++)
		list_one(cli, pci_get(i));
	return 0;
}

static int run_list(struct cli *cli, const struct cli_args *args)
{
	struct json json;

	if (!args_has(args, "json"))
		return list_for_people(cli);
	json_begin(&json, &cli->out);
	json_array(&json, NULL);
	for (u32 i = 0; i < pci_count(); i++)
		list_json(&json, pci_get(i));
	json_close(&json);
	json_end(&json);
	return 0;
}

static const struct cli_option options[] = { CLI_OPTION_JSON };

static const struct cli_command command_pci_list = {
	.name = "pci list",
	.usage = "[--json]",
	.help = "list the PCI functions of this machine",
	.more = "interrupt is the kind that a driver gets; vectors, how many of them.",
	.options = options,
	.option_count = ARRAY_SIZE(options),
	.run = run_list,
};

static const struct cli_command *const commands[] = {
	&command_pci_list,
};

const struct cli_command command_pci = {
	.name = "pci",
	.usage = "COMMAND ...",
	.help = "PCI devices; see help pci",
	.commands = commands,
	.command_count = ARRAY_SIZE(commands),
};
