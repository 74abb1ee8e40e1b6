/* SPDX-License-Identifier: MIT */
/*
 * What a port reads and writes: a page with its command list, and a page for
 * each slot's command table; low where the adapter has 32 address bits.
 */
#include "base/errno.h"
#include "lib/string.h"
#include "rootpart/drivers/ahci/ahci.h"
#include "rootpart/page_alloc.h"

static void *pages_get(const struct ahci *h, u32 order)
{
	void *p = (h->capabilities & CAP_64) ? page_alloc(order) : page_alloc_low(order);

	if (p != NULL)
		memset(p, 0, PAGE_SIZE << order);
	return p;
}

int ahci_memory_get(struct ahci_port *p)
{
	p->memory = pages_get(p->hba, 0);
	return p->memory != NULL ? 0 : -ENOMEM;
}

int ahci_memory_tables(struct ahci_port *p, u32 slots)
{
	p->tables_order = page_order(slots * sizeof(struct ahci_table));
	p->tables = pages_get(p->hba, p->tables_order);
	return p->tables != NULL ? 0 : -ENOMEM;
}

void ahci_memory_free(struct ahci_port *p)
{
	if (p->tables != NULL)
		(void)page_free(p->tables, p->tables_order);
	if (p->memory != NULL)
		(void)page_free(p->memory, 0);
	p->tables = NULL;
	p->memory = NULL;
}
