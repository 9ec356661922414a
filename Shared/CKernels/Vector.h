// Sixteen floats at a time in Clang's portable vectors: one AVX-512 register, two of AVX2, four of SSE or NEON. The
// file is included once for each instruction set, under that set's `target` attribute, so it has no include guard.
#include <stdint.h>
#include <string.h>

typedef float v16f __attribute__((ext_vector_type(16)));
typedef int32_t v16i __attribute__((ext_vector_type(16)));
typedef uint8_t v16b __attribute__((ext_vector_type(16)));
typedef int8_t v16c __attribute__((ext_vector_type(16)));

// Every function with a vector parameter or result is inlined, so calling conventions cannot differ.
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE static inline __attribute__((always_inline))

INLINE v16f load(const float *p) {
    v16f v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, v16f v) { memcpy(p, &v, sizeof v); }

INLINE v16i load_int(const int32_t *p) {
    v16i v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE v16f load_bytes(const int8_t *p) {
    v16c v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, v16f);
}

INLINE v16f splat(float x) { return (v16f)x; }

INLINE v16f select(v16i mask, v16f a, v16f b) { return mask ? a : b; }

// A comparison is used because __builtin_elementwise_max handles NaN with three more instructions.
INLINE v16f maximum(v16f a, v16f b) { return a > b ? a : b; }

INLINE v16f minimum(v16f a, v16f b) { return a < b ? a : b; }

INLINE v16f absolute(v16f a) { return (v16f)((v16i)a & 0x7FFFFFFF); }

typedef float v8f __attribute__((ext_vector_type(8)));
typedef float v4f __attribute__((ext_vector_type(4)));

INLINE float largest(v16f a) {
    v8f b = a.lo > a.hi ? a.lo : a.hi;
    v4f c = b.lo > b.hi ? b.lo : b.hi;
    float d = c.x > c.z ? c.x : c.z, e = c.y > c.w ? c.y : c.w;
    return d > e ? d : e;
}

INLINE float total(v16f a) {
    v8f b = a.lo + a.hi;
    v4f c = b.lo + b.hi;
    return (c.x + c.z) + (c.y + c.w);
}

/// Rounds half to even, for |x| < 2^22. Adding 1.5 * 2^23 leaves no bits for a fraction.
INLINE v16f rounded(v16f x) { return (x + 12582912.0f) - 12582912.0f; }

/// Computes e^x to 2 units in the last place. Below -87 it returns the smallest normal number, which is negligible in a
/// softmax.
INLINE v16f exponential(v16f x) {
    x = minimum(maximum(x, splat(-87.0f)), splat(88.0f));
    v16f n = rounded(x * 1.44269504088896341f);
    v16f r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    v16f p = 1.9875691500e-4f * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * (r * r) + r + 1.0f;
    return (v16f)((v16i)p + (__builtin_convertvector(n, v16i) << 23));
}

/// Approximates erf by a quotient of polynomials, to about 1e-7.
INLINE v16f error_function(v16f x) {
    x = minimum(maximum(x, splat(-4.0f)), splat(4.0f));
    v16f s = x * x;
    v16f p = -2.72614225801306e-10f * s + 2.77068142495902e-08f;
    p = p * s - 2.10102402082508e-06f;
    p = p * s - 5.69250639462346e-05f;
    p = p * s - 7.34990630326855e-04f;
    p = p * s - 2.95459980854025e-03f;
    p = p * s - 1.60960333262415e-02f;
    v16f q = -1.45660718464996e-05f * s - 2.13374055278905e-04f;
    q = q * s - 1.68282697438203e-03f;
    q = q * s - 7.37332916720468e-03f;
    q = q * s - 1.42647390514189e-02f;
    return x * p / q;
}

/// Transposes 16 rows of 16, with four rounds of the perfect shuffle.
INLINE void transpose(v16f rows[16]) {
    v16f other[16];
    for (int round = 0; round < 4; round++) {
        v16f *from = round & 1 ? other : rows, *to = round & 1 ? rows : other;
        for (int i = 0; i < 8; i++) {
            to[2 * i] = __builtin_shufflevector(
                from[i], from[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            to[2 * i + 1] = __builtin_shufflevector(
                from[i], from[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
    }
}
