/* SPDX-License-Identifier: MIT */
/*
 * The root's console and command line against a made-up UART, with FIFOs, an
 * edge-triggered line and RTS: nothing is lost or doubled either way, log
 * lines and commands never mix, and the dying still say everything.
 * sources: rootpart/console.c rootpart/console_output.c rootpart/console_input.c
 * sources: rootpart/serial.c rootpart/keyboard.c rootpart/keymap.c rootpart/log.c
 * sources: rootpart/log_reader.c rootpart/errno_text.c rootpart/cli/cli.c
 * sources: rootpart/cli/lineedit.c rootpart/cli/completion.c rootpart/cli/out.c
 * sources: lib/format.c lib/string.c tests/unit/fake/fake.c
 * cflags: -iquote tests/unit/fake/root -I tests/unit/fake
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/errno.h"
#include "fake/fake.h"
#include "rootpart/boot_modules.h"
#include "rootpart/cli/cli.h"
#include "rootpart/cli/command.h"
#include "rootpart/console.h"
#include "rootpart/console_input.h"
#include "rootpart/cpu.h"
#include "rootpart/irq.h"
#include "rootpart/log.h"
#include "rootpart/log_reader.h"
#include "rootpart/panic.h"
#include "rootpart/screen_console.h"
#include "rootpart/task.h"
#include "rootpart/waitq.h"

#define COM1      0x3f8
#define FIFO_SIZE 16u
#define OUTPUT    (1u << 20)
#define INPUT     (1u << 16)

bool fake_irq_on = true;

/* The UART, and what stands at the other end of its line. */
static struct {
	u8 ier, lcr, mcr;
	u32 waiting; /* bytes in the transmitter */
	bool room;   /* its interrupt: it has become empty */
	u32 polls;
	bool level, edge;
	char output[OUTPUT];
	size_t output_len;
	char input[INPUT];
	size_t input_len, input_at;
	u8 received[FIFO_SIZE];
	u32 received_count;
	irq_handler handler;
	bool handling;
} uart;

static u8 uart_cause(void)
{
	if ((uart.ier & 1) && uart.received_count > 0)
		return 4;
	return (uart.ier & 2) && uart.room ? 2 : 1;
}

static void uart_update(void)
{
	bool level = uart_cause() != 1 && (uart.mcr & 8);

	uart.edge |= level && !uart.level;
	uart.level = level;
}

static void uart_sent(void)
{
	uart.room |= uart.waiting > 0;
	uart.waiting = 0;
}

static u8 uart_lsr(void)
{
	if (++uart.polls % 5 == 0)
		uart_sent();
	return (u8)((uart.received_count > 0 ? 1 : 0) | (uart.waiting == 0 ? 0x60 : 0));
}

static u8 uart_take(void)
{
	u8 byte = uart.received[0];

	assert_true(uart.received_count > 0);
	memmove(uart.received, uart.received + 1, --uart.received_count);
	return byte;
}

static u32 port_in(u16 port, u32 size)
{
	u32 v = 0xff;

	assert_int_equal(size, 1);
	if (port == COM1)
		v = uart_take();
	if (port == COM1 + 2) {
		v = uart_cause() | 0xc0u;
		uart.room = uart.room && (v & 0xf) != 2;
	}
	if (port == COM1 + 5)
		v = uart_lsr();
	uart_update();
	return v;
}

static void uart_write(u8 v)
{
	if (uart.lcr & 0x80)
		return;
	assert_true(uart.waiting < FIFO_SIZE && uart.output_len < OUTPUT - 1);
	uart.output[uart.output_len++] = (char)v;
	uart.waiting++;
	uart.room = false;
}

static void port_out(u16 port, u32 size, u32 v)
{
	assert_int_equal(size, 1);
	if (port == COM1)
		uart_write((u8)v);
	if (port == COM1 + 1) {
		uart.room |= (v & 2) && !(uart.ier & 2) && uart.waiting == 0;
		uart.ier = (u8)v;
	}
	if (port == COM1 + 3)
		uart.lcr = (u8)v;
	if (port == COM1 + 4)
		uart.mcr = (u8)v;
	uart_update();
}

/* Time passes: bytes move on the line, interrupts come. False: nothing happens any more. */
static bool world_step(void)
{
	bool moved = uart.waiting > 0 || uart.edge;

	uart_sent();
	for (u32 i = 0; i < 8 && (uart.mcr & 2) && uart.input_at < uart.input_len; i++) {
		/* A sender that RTS does not hold back runs the receiver over. */
		assert_true(uart.received_count < FIFO_SIZE);
		uart.received[uart.received_count++] = (u8)uart.input[uart.input_at++];
		moved = true;
	}
	uart_update();
	if (uart.edge) {
		uart.edge = false;
		fake_irq_on = false;
		uart.handler(NULL);
		fake_irq_on = true;
	}
	return moved;
}

/* What the code under test stands on. */
static jmp_buf idle;
static void (*on_idle)(void);
static u64 now;
static void (*cli_entry)(void *arg);
static struct cpu cpu0;
static struct bootinfo info = { .vendor = "svm", .processors = 2 };
static bool screen_there;
static char screen[OUTPUT];
static size_t screen_len;

void wait_wake_all(struct wait_queue *q)
{
	(void)q;
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

int wait_step(struct wait_queue *q, struct waiter *w, u64 deadline)
{
	void (*act)(void) = on_idle;

	(void)q;
	(void)w;
	assert_true(fake_irq_on);
	if (world_step())
		return 0;
	if (deadline != TIME_NEVER) {
		now = deadline;
		return -ETIMEDOUT;
	}
	if (act == NULL)
		longjmp(idle, 1);
	on_idle = NULL;
	act();
	return 0;
}

void wait_end(struct wait_queue *q, struct waiter *w)
{
	(void)q;
	(void)w;
}

u64 time_ns(void)
{
	return now;
}

void task_yield(void)
{
	(void)world_step();
}

struct task *task_create(const char *name, void (*entry)(void *arg), void *arg)
{
	static struct task task;

	(void)arg;
	if (strcmp(name, "cli") == 0)
		cli_entry = entry;
	return &task;
}

struct cpu *this_cpu(void)
{
	return &cpu0;
}

int irq_request_isa(u32 line, u32 vp, irq_handler handler, void *ctx, struct irq **out)
{
	(void)vp;
	(void)ctx;
	(void)out;
	assert_int_equal(line, 4);
	uart.handler = handler;
	return 0;
}

const struct bootinfo *boot_info(void)
{
	return &info;
}

_Noreturn void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}

void early_console_write(const char *text, size_t len)
{
	(void)text;
	(void)len;
}

void early_console_write_panic(const char *text, size_t len)
{
	(void)text;
	(void)len;
}

void early_console_flush(void)
{
}

bool screen_console_init(const struct bootinfo_framebuffer *fb)
{
	(void)fb;
	return screen_there;
}

bool screen_console_present(void)
{
	return screen_there;
}

void screen_console_start(void)
{
}

void screen_console_write(const char *text, size_t len)
{
	memcpy(screen + screen_len, text, len);
	screen_len += len;
}

void complete_line(void *ctx, const char *line, size_t cursor, struct completion *c)
{
	(void)ctx;
	(void)line;
	c->from = cursor;
}

void cli_printf(struct cli *cli, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	out_vprintf(&cli->out, fmt, args);
	va_end(args);
}

void cli_text(struct cli *cli, const char *text)
{
	out_text(&cli->out, text);
}

static bool it_is_there;

static bool look(void *ctx)
{
	return *(bool *)ctx;
}

static const char *wait_for_it(u64 deadline)
{
	switch (console_wait_for(look, &it_is_there, deadline)) {
	case 0:
		return "there\n";
	case -EINTR:
		return "stopped\n";
	case -ETIMEDOUT:
		return "late\n";
	}
	return "wrong\n";
}

/* Commands of this test. */
int cli_run_line(struct cli *cli, char *line)
{
	if (strcmp(line, "mix") == 0) {
		cli_text(cli, "begun");
		log_printf("area: during=%d", 1);
		cli_text(cli, "ended");
	} else if (strcmp(line, "wait") == 0) {
		cli_text(cli, "waiting\n");
		cli_text(cli, console_wait(TIME_NEVER - 1) == -EINTR ? "stopped\n" : "over\n");
	} else if (strcmp(line, "look") == 0) {
		cli_text(cli, "looking\n");
		cli_text(cli, wait_for_it(TIME_NEVER));
		it_is_there = false;
		cli_text(cli, wait_for_it(TIME_NEVER - 1));
	} else if (line[0] != '\0') {
		cli_printf(cli, "<%s>\n", line);
	}
	return 0;
}

static void input(const char *text)
{
	memcpy(uart.input + uart.input_len, text, strlen(text));
	uart.input_len += strlen(text);
}

static const char *output(void)
{
	uart.output[uart.output_len] = '\0';
	return uart.output;
}

/* Runs the command line until nothing happens any more. */
static void run(void)
{
	if (setjmp(idle) == 0)
		cli_entry(NULL);
}

#define BANNER "Verdigris 0.1.0 on svm, 2 processors. Type help for the commands.\r\n"

static void start(void)
{
	const struct bootinfo_framebuffer none = { 0 };

	memset(&uart, 0, sizeof(uart));
	screen_there = false;
	screen_len = 0;
	on_idle = NULL;
	fake_on_in = port_in;
	fake_on_out = port_out;
	console_init(COM1, &none);
	cli_start();
}

/* The console's state goes on from one to the next, as it does for a person. */
static void session(const char *typed, const char *expected)
{
	start();
	input(typed);
	run();
	assert_string_equal(output(), expected);
}

static void commands_are_run(void **state)
{
	(void)state;
	session("one\r\rtwo\n\rx\177\r",
		BANNER "root> one\r\n<one>\r\nroot> \r\nroot> two\r\n<two>\r\n"
		       "root> \r\nroot> x\b \b\r\nroot> ");
}

static void news(void)
{
	log_printf("area: news=%d", 7);
	log_printf("area: more");
}

static void log_line_at_an_empty_prompt(void **state)
{
	(void)state;
	start();
	on_idle = news;
	run();
	/* The prompt was printed once and is not repeated. */
	assert_string_equal(output(), BANNER "root> \r\narea: news=7\r\narea: more\r\n");
}

static void quiet_news(void)
{
	log_quiet("area: quiet=1");
}

static void some_news(void)
{
	log_quiet("area: quiet=1");
	news();
	log_quiet("area: quiet=2");
}

/* How many of them the log has. */
static u32 quiet_lines(void)
{
	const struct log_ring *ring = log_ring_own();
	char line[LOG_LINE];
	u64 at = 0;
	u32 count = 0;

	while (log_reader_next(ring, &at, line, sizeof(line)))
		count += strncmp(line, "area: quiet=", 12) == 0;
	return count;
}

static void quiet_lines_are_only_in_the_log(void **state)
{
	u32 before = quiet_lines();

	(void)state;
	start();
	input("ab\033[D");
	on_idle = quiet_news;
	run();
	assert_string_equal(output(), BANNER "root> ab\b");
	assert_int_equal(quiet_lines(), before + 1);
	start();
	input("ab\033[D");
	on_idle = some_news;
	run();
	assert_string_equal(
		output(), BANNER "root> ab\b\r\narea: news=7\r\narea: more\r\nroot> ab\b");
	assert_int_equal(quiet_lines(), before + 3);
}

static void log_line_between_input(void **state)
{
	(void)state;
	start();
	input("ab\033[D");
	on_idle = news;
	run();
	assert_string_equal(
		output(), BANNER "root> ab\b\r\narea: news=7\r\narea: more\r\nroot> ab\b");
}

static void log_line_in_a_command(void **state)
{
	(void)state;
	session("mix\r", BANNER "root> mix\r\nbegun\r\narea: during=1\r\nended\r\nroot> ");
}

static void make_it_so(void)
{
	it_is_there = true;
	console_wake();
}

/* What is typed meanwhile stays for the next line. */
static void a_command_waits_for_something(void **state)
{
	(void)state;
	start();
	input("look\rnext\r");
	on_idle = make_it_so;
	run();
	assert_string_equal(output(),
		BANNER "root> look\r\nlooking\r\nthere\r\nlate\r\nroot> next\r\n<next>\r\nroot> ");
	session("look\r\003", BANNER "root> look\r\nlooking\r\nstopped\r\nstopped\r\n^C\r\nroot> ");
}

static void ctrl_c_ends_a_command(void **state)
{
	(void)state;
	session("wait\rlost\r\003kept\r",
		BANNER "root> wait\r\nwaiting\r\nstopped\r\n^C\r\nroot> kept\r\n<kept>\r\nroot> ");
}

static void ctrl_c_at_the_prompt(void **state)
{
	(void)state;
	session("gone\003kept\r", BANNER "root> gone^C\r\nroot> kept\r\n<kept>\r\nroot> ");
}

/* Far more than the queue holds, while a command does not read. */
static void pasted_input_waits_at_the_sender(void **state)
{
	static char expected[OUTPUT];
	size_t len = (size_t)sprintf(expected, BANNER "root> wait\r\nwaiting\r\nover\r\n");
	char line[32];

	(void)state;
	start();
	input("wait\r");
	for (int i = 0; i < 2000; i++) {
		sprintf(line, "line %d\r", i);
		input(line);
		len += (size_t)sprintf(expected + len, "root> line %d\r\n<line %d>\r\n", i, i);
	}
	strcpy(expected + len, "root> ");
	run();
	assert_string_equal(output(), expected);
	assert_int_equal(uart.input_at, uart.input_len);
}

/* More than the ring holds, by those who may wait and those who may not. */
static void no_output_is_lost(void **state)
{
	size_t before;
	u64 sum = 0;

	(void)state;
	start();
	run();
	before = uart.output_len;
	for (u32 i = 0; i < 20000; i++) {
		char line[16];
		int len = sprintf(line, "%07u\n", i);

		if (i % 3 == 0)
			console_write_wait(line, (size_t)len);
		else
			console_write(line, (size_t)len);
	}
	console_flush();
	assert_int_equal(uart.output_len - before, 20000 * 9);
	for (u32 i = 0; i < 20000; i++)
		sum += strtoul(uart.output + before + 9ul * i, NULL, 10) == i;
	assert_int_equal(sum, 20000);
}

/* Text that waits, log lines that nobody has shown, then the last words. */
static void the_dying_say_everything(void **state)
{
	(void)state;
	start();
	screen_there = true;
	run();
	console_write("text ", 5);
	log_printf("area: unseen");
	fake_irq_on = false;
	console_panic_mode();
	console_printf("\npanic: %s\n", "end");
	assert_string_equal(output(), BANNER "root> text \r\narea: unseen\r\n\r\npanic: end\r\n");
	screen[screen_len] = '\0';
	assert_non_null(strstr(screen, "area: unseen\n\npanic: end\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_run),
		cmocka_unit_test(log_line_at_an_empty_prompt),
		cmocka_unit_test(log_line_between_input),
		cmocka_unit_test(quiet_lines_are_only_in_the_log),
		cmocka_unit_test(log_line_in_a_command),
		cmocka_unit_test(a_command_waits_for_something),
		cmocka_unit_test(ctrl_c_ends_a_command),
		cmocka_unit_test(ctrl_c_at_the_prompt),
		cmocka_unit_test(pasted_input_waits_at_the_sender),
		cmocka_unit_test(no_output_is_lost),
		cmocka_unit_test(the_dying_say_everything),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
