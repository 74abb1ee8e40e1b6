/* SPDX-License-Identifier: MIT */
/*
 * The console's text on its way out: one ring, read at their own pace by the
 * serial line (interrupts; whoever finds the ring full polls, so nothing is
 * lost) and by the screen's task (which skips what would have scrolled out of
 * sight anyway). Input of all devices goes to console_input.c.
 */
#include "rootpart/console.h"

#include "base/errno.h"
#include "rootpart/console_input.h"
#include "rootpart/cpu.h"
#include "rootpart/errno_text.h"
#include "rootpart/irq.h"
#include "rootpart/keyboard.h"
#include "rootpart/lock.h"
#include "rootpart/log.h"
#include "rootpart/screen_console.h"
#include "rootpart/serial.h"
#include "rootpart/task.h"
#include "rootpart/waitq.h"
#include "x86/atomic.h"

#define RING_SIZE 32768u
#define CHUNK     256u
/* What those who may wait write ahead of the serial line: so much still comes
 * after a Ctrl-C, 0.2 seconds at 115200 baud. */
#define AHEAD_MAX 2048u
#define BURST_MAX 4096u /* rounds of one serial interrupt */

static struct {
	struct spinlock lock;
	/* The lock's; positions are read alone without it. */
	u64 head;        /* bytes ever written */
	u64 sent;        /* of them on the serial line */
	u64 drawn;       /* of them on the screen; its task's */
	bool cr_sent;    /* the "\r" before the "\n" at sent */
	bool interrupts; /* send; before, everybody polls */
	bool drawing;    /* the screen's task is there */
	bool held;       /* the serial line's input, for want of room */
	bool dying;
	struct irq *irq;
	char text[RING_SIZE];
} con;

static struct wait_queue writers = WAIT_QUEUE_INIT(writers);
static struct wait_queue drawers = WAIT_QUEUE_INIT(drawers);

static u64 unsent(void)
{
	return load_relaxed(&con.head) - load_relaxed(&con.sent);
}

static void send_next(void)
{
	char c = con.text[con.sent % RING_SIZE];

	if (c == '\n' && !con.cr_sent) {
		con.cr_sent = true;
		serial_send('\r');
		return;
	}
	con.cr_sent = false;
	serial_send((u8)c);
	store_relaxed(&con.sent, con.sent + 1);
}

/* Sends what the UART takes now; the rest at its interrupt. */
static void pump(void)
{
	if (!serial_present()) {
		store_relaxed(&con.sent, con.head);
		return;
	}
	if (con.sent != con.head) {
		for (u32 n = serial_room(); n > 0 && con.sent != con.head; n--)
			send_next();
	}
	serial_notify_room(con.sent != con.head);
}

/* Polls until everything before @position is sent. A dead UART loses it. */
static void drain(u64 position)
{
	while (con.sent < position) {
		if (serial_present() && !serial_wait_room())
			store_relaxed(&con.sent, position);
		pump();
	}
}

static void append(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (unsent() == RING_SIZE)
			drain(con.head + CHUNK - RING_SIZE);
		con.text[con.head % RING_SIZE] = text[i];
		store_relaxed(&con.head, con.head + 1);
	}
}

static bool mid_line(void)
{
	return con.head > 0 && con.text[(con.head - 1) % RING_SIZE] != '\n';
}

static void append_line(const char *text, size_t len)
{
	if (mid_line())
		append("\n", 1);
	append(text, len);
}

static void wake_writers(void)
{
	if (unsent() <= AHEAD_MAX / 2)
		wait_wake_all(&writers);
}

static void output(const char *text, size_t len, bool own_line)
{
	u64 flags = lock_irq(&con.lock);

	if (own_line)
		append_line(text, len);
	else
		append(text, len);
	if (con.interrupts)
		pump();
	else
		drain(con.head);
	unlock_irq(&con.lock, flags);
	wake_writers();
	if (load_relaxed(&con.drawing))
		wait_wake_all(&drawers);
}

static void sink_write(const char *text, size_t len)
{
	output(text, len, false);
}

void console_write_line(const char *text, size_t len)
{
	output(text, len, true);
}

void console_fresh_line(void)
{
	output("", 0, true);
}

void console_write_wait(const char *text, size_t len)
{
	for (size_t n; len > 0; text += n, len -= n) {
		n = MIN(len, CHUNK);
		wait_event(&writers, unsent() + n <= AHEAD_MAX);
		console_write(text, n);
	}
}

static void sink_flush(void)
{
	u64 flags = lock_irq(&con.lock);

	drain(con.head);
	serial_wait_idle();
	unlock_irq(&con.lock, flags);
}

/* Copies what the screen lacks next; returns how much. */
static size_t take_undrawn(char text[static CHUNK])
{
	size_t len = 0;

	if (con.head - con.drawn > RING_SIZE) {
		con.drawn = con.head - RING_SIZE / 2;
		while (con.drawn < con.head && con.text[con.drawn++ % RING_SIZE] != '\n')
			;
	}
	while (len < CHUNK && con.drawn < con.head)
		text[len++] = con.text[con.drawn++ % RING_SIZE];
	return len;
}

/* The dying: nobody else runs, so no lock. Each step ends. */
static void sink_write_panic(const char *text, size_t len)
{
	char chunk[CHUNK];

	if (!con.dying) {
		con.dying = true;
		log_show_panic(append_line);
	}
	append(text, len);
	drain(con.head);
	while (screen_console_present() && con.drawn < con.head)
		screen_console_write(chunk, take_undrawn(chunk));
}

static const struct console_sink sink = {
	.write = sink_write,
	.write_panic = sink_write_panic,
	.flush = sink_flush,
};

void console_init(u16 serial_port, const struct bootinfo_framebuffer *fb)
{
	(void)serial_init(serial_port);
	(void)screen_console_init(fb);
	console_set_sink(&sink);
}

static void screen_task(void *arg)
{
	char text[CHUNK];
	size_t len;
	u64 flags;

	(void)arg;
	screen_console_start();
	for (;;) {
		wait_event(&drawers, load_relaxed(&con.head) != con.drawn);
		flags = lock_irq(&con.lock);
		len = take_undrawn(text);
		unlock_irq(&con.lock, flags);
		screen_console_write(text, len);
		task_yield();
	}
}

static void receive(void)
{
	u8 byte;

	while (!con.held) {
		if (console_input_room() == 0) {
			serial_hold(true);
			store_relaxed(&con.held, true);
		} else if (serial_receive(&byte)) {
			(void)console_input_push(byte);
		} else {
			return;
		}
	}
}

void console_input_taken(void)
{
	u64 flags;

	if (!load_relaxed(&con.held) || console_input_room() < CHUNK)
		return;
	flags = lock_irq(&con.lock);
	if (con.held) {
		store_relaxed(&con.held, false);
		serial_hold(false);
		receive();
	}
	unlock_irq(&con.lock, flags);
}

/*
 * The line is edge-triggered: only when the UART has nothing more to say does
 * it fall, and can rise again.
 */
static void serial_interrupt(void *ctx)
{
	(void)ctx;
	spin_lock(&con.lock);
	for (u32 i = 0; i < BURST_MAX && serial_pending(); i++) {
		receive();
		pump();
	}
	spin_unlock(&con.lock);
	wake_writers();
}

static void start_serial(void)
{
	int r = irq_request_isa(
		serial_irq_line(), this_cpu()->vp, serial_interrupt, NULL, &con.irq);
	u64 flags;

	if (r != 0) {
		log_printf("console: serial line without interrupt, no input from it: %s",
			errno_text(r));
		return;
	}
	flags = lock_irq(&con.lock);
	con.interrupts = true;
	serial_enable_interrupts();
	receive();
	pump();
	unlock_irq(&con.lock, flags);
}

/* In the keyboard's interrupt. A sequence goes in whole or not at all. */
static void key_pressed(const char *bytes, u32 count)
{
	if (console_input_room() < count)
		return;
	for (u32 i = 0; i < count; i++)
		(void)console_input_push((u8)bytes[i]);
}

static void start_keyboard(void)
{
	int r = keyboard_init(this_cpu()->vp, key_pressed);

	/* A machine without one is nothing special. */
	if (r != 0 && r != -ENODEV)
		log_printf("console: keyboard does not work: %s", errno_text(r));
}

static void start_screen(void)
{
	if (task_create("screen", screen_task, NULL) == NULL) {
		log_printf("console: no memory for the screen's task");
		return;
	}
	store_relaxed(&con.drawing, true);
}

void console_start(void)
{
	if (serial_present())
		start_serial();
	start_keyboard();
	if (screen_console_present())
		start_screen();
}
