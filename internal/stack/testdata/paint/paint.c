// Calls functions on a painted stack, and prints how much of it each used. What
// is linked to it defines functions, count, inputs and input_count.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>

#define BUFFERS 6
#define BUFFER_SIZE 65536

struct function {
	const char *name;
	void *code;
	uint64_t size;        // of the painted part
	const uint64_t *args; // 8 for each call
	uint64_t calls;
};

extern const struct function functions[];
extern const uint64_t function_count;
extern const unsigned char inputs[]; // for buffer 1, 4096 bytes each
extern const uint64_t input_count;
extern unsigned char painted_end[]; // above it there are zeros, below a stack

void gate(void *code, const uint64_t *args, void *stack);

static unsigned char buffers[BUFFERS][BUFFER_SIZE] __attribute__((aligned(64)));
static sigjmp_buf landing;

// A panic traps.
static void trapped(int signal) {
	(void)signal;
	siglongjmp(landing, 1);
}

// translate makes addresses of buffers of what has the top bit set.
static void translate(const uint64_t *from, uint64_t *to) {
	for (int i = 0; i < 8; i++) {
		to[i] = from[i];
		if (from[i] >> 63)
			to[i] = (uint64_t)buffers[from[i] & 7];
	}
}

// fill and copy do as memset and memcpy, of which the ones at hand are for size,
// not for speed. Sizes are multiples of 8.
static void fill(void *to, unsigned char with, uint64_t size) {
	volatile uint64_t *p = to;
	uint64_t word = with * 0x0101010101010101;
	for (uint64_t i = 0; i < size / 8; i++)
		p[i] = word;
}

static void copy(void *to, const void *from, uint64_t size) {
	volatile uint64_t *p = to;
	const uint64_t *q = from;
	for (uint64_t i = 0; i < size / 8; i++)
		p[i] = q[i];
}

// untouched returns how many bytes from the start on are still painted.
static uint64_t untouched(const unsigned char *stack, unsigned char paint, uint64_t size) {
	const uint64_t *p = (const uint64_t *)stack;
	uint64_t n = 0;
	while (n < size / 8 && p[n] == paint * 0x0101010101010101)
		n++;
	for (n *= 8; n < size && stack[n] == paint;)
		n++;
	return n;
}

int main(void) {
	static unsigned char signal_stack[65536];
	stack_t alternate = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
	struct sigaction action = {.sa_handler = trapped, .sa_flags = SA_ONSTACK | SA_NODEFER};
	sigaltstack(&alternate, 0);
	sigaction(SIGTRAP, &action, 0);
	sigaction(SIGILL, &action, 0);
	for (uint64_t f = 0; f < function_count; f++) {
		const struct function *fn = &functions[f];
		unsigned char *stack = painted_end - fn->size;
		uint64_t measured = 0, panics = 0;
		for (uint64_t input = 0; input < input_count; input++)
			for (uint64_t call = 0; call < fn->calls; call++)
				for (int paint = 0x5a; paint <= 0xa5; paint += 0xa5 - 0x5a) { // what is stored may look like one of them
					uint64_t args[8];
					translate(fn->args + 8 * call, args);
					fill(buffers, 0, input_count > 1 ? 4096 : sizeof buffers);
					copy(buffers[1], inputs + 4096 * input, 4096);
					fill(stack, paint, fn->size);
					if (sigsetjmp(landing, 1) == 0)
						gate(fn->code, args, painted_end);
					else if (paint == 0x5a)
						panics++;
					uint64_t used = fn->size - untouched(stack, paint, fn->size);
					if (used > measured)
						measured = used;
				}
		printf("%s %llu %llu\n", fn->name, (unsigned long long)measured, (unsigned long long)panics);
		fflush(stdout);
	}
	return 0;
}
