/* SPDX-License-Identifier: MIT */
/*
 * A table of flags for each VP. Its lock is held while a signal is told, so that it cannot go meanwhile.
 */
#include "rootpart/vm/vm_signal.h"

#include "base/errno.h"
#include "hv/port.h"
#include "rootpart/cpu.h"
#include "rootpart/heap.h"
#include "rootpart/hypercall.h"
#include "rootpart/hypercall_port.h"
#include "rootpart/lock.h"
#include "rootpart/panic.h"
#include "rootpart/synic.h"
#include "rootpart/vm/deposit.h"
#include "x86/atomic.h"

#define FLAGS 1024u /* of a VP */
/* Port ids: behind those of message ports, which are partitions'. */
#define FIRST_PORT     0x10000u
#define PORT(vp, flag) (FIRST_PORT + (vp)*HV_EVENT_FLAGS + (flag))

static struct table {
	struct spinlock lock;
	u32 words; /* up to the last flag that was ever used; atomic */
	struct vm_signal **signals;
} tables[HV_MAX_PROCESSORS];

void vm_signal_init(void)
{
	for (u32 vp = 0; vp < cpu_count; vp++) {
		tables[vp].signals = kzalloc(FLAGS * sizeof(struct vm_signal *));
		if (tables[vp].signals == NULL)
			panic("no memory for the signals of VP %u", vp);
	}
}

static int flag_take(struct vm_signal *s)
{
	struct table *t = &tables[s->vp];
	u64 state = lock_irq(&t->lock);
	u32 flag = 0;

	while (flag < FLAGS && t->signals[flag] != NULL)
		flag++;
	if (flag < FLAGS) {
		t->signals[flag] = s;
		s->flag = flag;
		store_relaxed(&t->words, MAX(t->words, flag / 64 + 1));
	}
	unlock_irq(&t->lock, state);
	return flag < FLAGS ? 0 : -ENOSPC;
}

/* A flag that is set by now, or later by who holds the port, finds nobody. */
static void flag_give(const struct vm_signal *s)
{
	struct table *t = &tables[s->vp];
	u64 state = lock_irq(&t->lock);

	t->signals[s->flag] = NULL;
	unlock_irq(&t->lock, state);
}

static struct hypercall_port port_of(const struct vm_signal *s)
{
	return (struct hypercall_port){
		.owner = HV_PARTITION_SELF,
		.from = s->from,
		.id = PORT(s->vp, s->flag),
		.sint = SYNIC_BUS_SINT,
		.vp = s->vp,
	};
}

static int port_open(const struct vm_signal *s)
{
	const struct hypercall_port port = port_of(s);
	int r;

	do
		r = hypercall_create_event_port(&port, (u16)s->flag, 1);
	while (deposit_more(HV_PARTITION_SELF, r));
	if (r != 0)
		return r;
	do
		r = hypercall_connect_port(s->from, s->connection, &port, HV_PORT_EVENT);
	while (deposit_more(s->from, r));
	if (r != 0)
		(void)hypercall_delete_port(HV_PARTITION_SELF, port.id);
	return r;
}

int vm_signal_open(struct vm_signal *s, u64 from, u32 connection, u32 vp)
{
	int r;

	s->vp = vp;
	s->from = from;
	s->connection = connection;
	r = flag_take(s);
	if (r != 0)
		return r;
	r = port_open(s);
	if (r != 0)
		flag_give(s);
	return r;
}

void vm_signal_close(struct vm_signal *s)
{
	(void)hypercall_disconnect_port(s->from, s->connection);
	(void)hypercall_delete_port(HV_PARTITION_SELF, port_of(s).id);
	flag_give(s);
}

/* Lock held. */
static void raise_word(const struct table *t, u32 word, u64 set)
{
	for (; set != 0; set &= set - 1) {
		struct vm_signal *s = t->signals[word * 64 + (u32)__builtin_ctzll(set)];

		if (s != NULL)
			s->raised(s);
	}
}

/* Flags of nobody are only cleared. Interrupts are off. */
void vm_signal_events(u64 *flags)
{
	struct table *t = &tables[this_cpu()->vp];
	u32 words = load_relaxed(&t->words);

	spin_lock(&t->lock);
	for (u32 i = 0; i < words; i++) {
		/* Pairs with the hypervisor's OR: what the child did before it signalled is seen. */
		if (load_relaxed(&flags[i]) != 0)
			raise_word(t, i, atomic_exchange(&flags[i], 0ull));
	}
	spin_unlock(&t->lock);
}
