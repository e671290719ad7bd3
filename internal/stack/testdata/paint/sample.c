// Functions of integers for GCC to compile, to be called on a painted stack.
typedef unsigned long u64;
typedef unsigned char byte;
#define NOINLINE __attribute__((noinline, noclone))
#define USE(x) __asm__ volatile("" : "+r"(x) : : "memory")

u64 leaf(u64 n) { return n * 3; }

NOINLINE static u64 callee(u64 n) {
	volatile u64 a[20];
	for (int i = 0; i < 20; i++)
		a[i] = n + i;
	return a[n % 20];
}
u64 two_calls(u64 n) { return callee(n) + callee(n + 1); }
u64 tail_call(u64 n) { return callee(n ^ 5); }

u64 one_page(u64 n) {
	byte a[5000];
	byte *p = a;
	USE(p);
	p[n % sizeof a] = n;
	USE(p);
	return p[n % sizeof a];
}

u64 many_pages(u64 n) {
	byte a[400000];
	byte *p = a;
	USE(p);
	p[n % sizeof a] = n;
	USE(p);
	return p[n % sizeof a] + callee(n);
}

u64 aligned(u64 n) {
	byte a[300] __attribute__((aligned(128)));
	byte *p = a;
	USE(p);
	p[n % sizeof a] = n;
	USE(p);
	return p[n % sizeof a] + callee(n);
}

u64 table(u64 op, u64 n) {
	switch (op) {
	case 0: return n + 1;
	case 1: return callee(n) + 1;
	case 2: return n * n;
	case 3: return n << 7 | n >> 57;
	case 4: return ~n;
	case 5: return n ^ 0xfeed;
	case 6: return n / 3;
	case 7: return two_calls(n) - 1;
	case 8: return n % 11;
	case 9: return aligned(n);
	case 10: return n & 0x1234;
	case 11: return n | 77;
	case 13: return -n;
	}
	return 0;
}

u64 large_table(u64 op, u64 n) {
#define CASE(k) case k: n = n * (2 * k + 1) ^ n >> (k % 60 + 1) ^ callee(n); break;
#define CASES(k) CASE(k) CASE(k + 1) CASE(k + 2) CASE(k + 3) CASE(k + 4) CASE(k + 5) CASE(k + 6) CASE(k + 7)
	switch (op) {
		CASES(0) CASES(8) CASES(16) CASES(24) CASES(32) CASES(40)
	}
	return n;
}

static u64 (*chosen)(u64) = callee;
u64 by_static(u64 n) {
	if (n & 1)
		chosen = two_calls;
	return chosen(n) + 1;
}

static u64 (*const functions[])(u64) = {leaf, two_calls, one_page};
u64 by_table(u64 n) { return functions[n % 3](n) + 1; }

u64 quad(u64 n) {
	long double x = n, y = n + 2;
	return (u64)(x * y / (x + 1) - y);
}

u64 arguments(u64 a, u64 b, u64 c, u64 d, u64 e, u64 f, u64 g, u64 h) { return callee(a + b) + callee(c + d + e) + f + g + h; }
