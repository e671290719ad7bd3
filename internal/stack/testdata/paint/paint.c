// Calls functions on a painted stack, and prints how much of it each used. What
// is linked to it defines functions, count, inputs and input_count.
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

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
					memset(buffers, 0, input_count > 1 ? 4096 : sizeof buffers);
					memcpy(buffers[1], inputs + 4096 * input, 4096);
					memset(stack, paint, fn->size);
					if (sigsetjmp(landing, 1) == 0)
						gate(fn->code, args, painted_end);
					else if (paint == 0x5a)
						panics++;
					uint64_t untouched = 0;
					while (untouched < fn->size && stack[untouched] == paint)
						untouched++;
					if (fn->size - untouched > measured)
						measured = fn->size - untouched;
				}
		printf("%s %llu %llu\n", fn->name, (unsigned long long)measured, (unsigned long long)panics);
		fflush(stdout);
	}
	return 0;
}
