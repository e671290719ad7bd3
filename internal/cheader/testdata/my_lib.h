/**
 * The Rust library my_lib.
 *
 * Ends * / here, begins / * there
 *
 * and\
 */
#ifndef RUSTGO_MY_LIB_H
#define RUSTGO_MY_LIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef RUSTGO_ASSERT
#ifdef __cplusplus
#define RUSTGO_ASSERT static_assert
#define RUSTGO_ALIGNAS alignas
#define RUSTGO_ALIGNOF alignof
#else
#define RUSTGO_ASSERT _Static_assert
#define RUSTGO_ALIGNAS _Alignas
#define RUSTGO_ALIGNOF _Alignof
#endif
#endif

#ifdef __cplusplus
extern "C" {
#endif

RUSTGO_ASSERT(sizeof(void *) == 8 && sizeof(size_t) == 8, "Rust was compiled for 64 bits");

__extension__ typedef __int128 rustgo_i128;
__extension__ typedef unsigned __int128 rustgo_u128;

typedef struct Aligned Aligned;
typedef struct Empty Empty;
typedef struct Inner Inner;
typedef struct List___u8_3_Point List___u8_3_Point;
typedef struct Mixed Mixed;
typedef struct Newtype Newtype;
typedef struct Padded Padded;
typedef struct y_Point y_Point;
typedef struct z_Point z_Point;

/** x::Padded * / */
struct Padded {
	uint8_t padding[4];
	/**
	 * two
	 * * /
	 */
	uint16_t double_;
	uint64_t _t;
	uint8_t padding_[4];
	uint8_t f1;
};
RUSTGO_ASSERT(sizeof(Padded) == 24 && RUSTGO_ALIGNOF(Padded) == 8, "the layout of Padded");
RUSTGO_ASSERT(offsetof(Padded, double_) == 4 && sizeof(((Padded *)0)->double_) == 2, "the layout of Padded");
RUSTGO_ASSERT(offsetof(Padded, _t) == 8 && sizeof(((Padded *)0)->_t) == 8, "the layout of Padded");
RUSTGO_ASSERT(offsetof(Padded, f1) == 20 && sizeof(((Padded *)0)->f1) == 1, "the layout of Padded");

/** x::Aligned * / */
struct Aligned {
	RUSTGO_ALIGNAS(64) Padded a;
};
RUSTGO_ASSERT(sizeof(Aligned) == 64 && RUSTGO_ALIGNOF(Aligned) == 64, "the layout of Aligned");
RUSTGO_ASSERT(offsetof(Aligned, a) == 0 && sizeof(((Aligned *)0)->a) == 24, "the layout of Aligned");

/** x::Code * / */
typedef int64_t Code;
/** / * */
#define Code_Least ((Code)INT64_MIN)
#define Code_Minus ((Code)INT64_C(-1))
#define Code_linux ((Code)INT64_C(9223372036854775807))
RUSTGO_ASSERT(sizeof(Code) == 8, "the size of Code");

/** x::Inner * / */
struct Inner {
	int8_t f0;
};
RUSTGO_ASSERT(sizeof(Inner) == 1 && RUSTGO_ALIGNOF(Inner) == 1, "the layout of Inner");
RUSTGO_ASSERT(offsetof(Inner, f0) == 0 && sizeof(((Inner *)0)->f0) == 1, "the layout of Inner");

/** x::List<'_, [u8; 3], y::Point> * / */
struct List___u8_3_Point {
	const List___u8_3_Point *next;
	uint64_t value;
};
RUSTGO_ASSERT(sizeof(List___u8_3_Point) == 16 && RUSTGO_ALIGNOF(List___u8_3_Point) == 8, "the layout of List___u8_3_Point");
RUSTGO_ASSERT(offsetof(List___u8_3_Point, next) == 0 && sizeof(((List___u8_3_Point *)0)->next) == 8, "the layout of List___u8_3_Point");
RUSTGO_ASSERT(offsetof(List___u8_3_Point, value) == 8 && sizeof(((List___u8_3_Point *)0)->value) == 8, "the layout of List___u8_3_Point");

/** x::Mixed * / */
struct Mixed {
	rustgo_i128 w;
	Code c;
	const uint32_t (*m[2][1])[2];
};
RUSTGO_ASSERT(sizeof(Mixed) == 48 && RUSTGO_ALIGNOF(Mixed) == 16, "the layout of Mixed");
RUSTGO_ASSERT(offsetof(Mixed, w) == 0 && sizeof(((Mixed *)0)->w) == 16, "the layout of Mixed");
RUSTGO_ASSERT(offsetof(Mixed, c) == 16 && sizeof(((Mixed *)0)->c) == 8, "the layout of Mixed");
RUSTGO_ASSERT(offsetof(Mixed, m) == 24 && sizeof(((Mixed *)0)->m) == 16, "the layout of Mixed");

/** x::Newtype * / */
struct Newtype {
	Inner f0;
};
RUSTGO_ASSERT(sizeof(Newtype) == 1 && RUSTGO_ALIGNOF(Newtype) == 1, "the layout of Newtype");
RUSTGO_ASSERT(offsetof(Newtype, f0) == 0 && sizeof(((Newtype *)0)->f0) == 1, "the layout of Newtype");

/** x::linux * / */
typedef uint8_t x_linux;
#define x_linux_All ((x_linux)UINT8_C(255))
RUSTGO_ASSERT(sizeof(x_linux) == 1, "the size of x_linux");

/** y::Point * / */
struct y_Point {
	uint8_t f;
	uint8_t f_;
};
RUSTGO_ASSERT(sizeof(y_Point) == 2 && RUSTGO_ALIGNOF(y_Point) == 1, "the layout of y_Point");
RUSTGO_ASSERT(offsetof(y_Point, f) == 0 && sizeof(((y_Point *)0)->f) == 1, "the layout of y_Point");
RUSTGO_ASSERT(offsetof(y_Point, f_) == 1 && sizeof(((y_Point *)0)->f_) == 1, "the layout of y_Point");

/** z::Point * / */
struct z_Point {
	uint8_t f;
};
RUSTGO_ASSERT(sizeof(z_Point) == 1 && RUSTGO_ALIGNOF(z_Point) == 1, "the layout of z_Point");
RUSTGO_ASSERT(offsetof(z_Point, f) == 0 && sizeof(((z_Point *)0)->f) == 1, "the layout of z_Point");

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
void Point(y_Point Point, uint8_t q, Padded *Padded_);

/** a.b is not declared: that is no name in C and C++. */

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
const uint8_t (*arrays(const uint8_t in[4], uint8_t out[4], const void *none))[3][2];

/** delete is not declared: that is no name in C and C++. */

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
Code enums(x_linux flags, uint64_t errno_, const List___u8_3_Point *list, int8_t newtype);

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
void *const *pointers(const uint8_t **p0, void *p1, uint8_t p1_);

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
Newtype same(void);

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
Mixed values(Mixed mixed, const Aligned *aligned, const Empty *ref);

/**
 * * / int x; \
 * / * / int y; * / * / int z;
 *  ? ? ?/
 */
void zero(void);

#ifdef __cplusplus
}
#endif

#endif
