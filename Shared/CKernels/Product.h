// The int8 product for processors where oneDNN's would saturate. Pairs of inputs are widened to 16 bits, multiplied and
// summed in 32 bits. If the instruction set has one instruction for this, the including file defines MULTIPLY_ADD
// first.

typedef int16_t v16s __attribute__((ext_vector_type(16)));
typedef int32_t v8i __attribute__((ext_vector_type(8)));

#ifndef MULTIPLY_ADD
#define MULTIPLY_ADD multiply_add
INLINE v8i multiply_add(v16s a, v16s b) {
    return __builtin_convertvector(a.even, v8i) * __builtin_convertvector(b.even, v8i)
        + __builtin_convertvector(a.odd, v8i) * __builtin_convertvector(b.odd, v8i);
}
#endif

enum {
    /// Rows whose sums stay in registers. With 16 outputs each they fill half of AVX2's registers.
    ROWS = 4,
    /// Inputs of a tile that are widened at a time. The number is even, and small enough for the first-level cache.
    INPUTS = 512,
};

INLINE v16s widened(const int8_t *p) {
    v16c v;
    memcpy(&v, p, sizeof v);
    return __builtin_convertvector(v, v16s);
}

/// Repeats two neighbouring inputs eight times.
INLINE v16s repeated(const int16_t *p) {
    int32_t both;
    memcpy(&both, p, sizeof both);
    return (v16s)(v8i)both;
}

INLINE v8i load_sums(const int32_t *p) {
    v8i v;
    memcpy(&v, p, sizeof v);
    return v;
}

/// Computes sixteen outputs of `rows` rows. `rows` is a constant wherever this is inlined, so the sums stay in
/// registers.
INLINE void tile(int rows, int16_t inputs[ROWS][INPUTS], const int8_t *weights, int pairs, int32_t *out, int stride, int adds) {
    v8i low[ROWS], high[ROWS];
#pragma unroll
    for (int r = 0; r < rows; r++) {
        low[r] = adds ? load_sums(out + r * stride) : (v8i)0;
        high[r] = adds ? load_sums(out + r * stride + 8) : (v8i)0;
    }
    for (int pair = 0; pair < pairs; pair++) {
        v16s first = widened(weights + 32 * pair), second = widened(weights + 32 * pair + 16);
#pragma unroll
        for (int r = 0; r < rows; r++) {
            v16s x = repeated(inputs[r] + 2 * pair);
            low[r] += MULTIPLY_ADD(x, first);
            high[r] += MULTIPLY_ADD(x, second);
        }
    }
#pragma unroll
    for (int r = 0; r < rows; r++) {
        memcpy(out + r * stride, &low[r], sizeof low[r]);
        memcpy(out + r * stride + 8, &high[r], sizeof high[r]);
    }
}

static void product(const uint8_t *a, const int8_t *packed, int m, int n, int k, int32_t *out) {
    int16_t inputs[ROWS][INPUTS];
    for (int row = 0; row < m; row += ROWS) {
        int rows = m - row < ROWS ? m - row : ROWS;
        for (int from = 0; from < k; from += INPUTS) {
            int width = k - from < INPUTS ? k - from : INPUTS, pairs = (width + 1) / 2;
            for (int r = 0; r < rows; r++) {
                const uint8_t *x = a + (size_t)(row + r) * (size_t)k + from;
                for (int i = 0; i < width; i++) inputs[r][i] = x[i];
                if (width & 1) inputs[r][width] = 0;
            }
            const int8_t *weights = packed + (size_t)from * 16;
            size_t step = (size_t)(k + (k & 1)) * 16;
            for (int column = 0; column < n; column += 16, weights += step) {
                int32_t *sums = out + (size_t)row * (size_t)n + column;
                switch (rows) {
                case 1: tile(1, inputs, weights, pairs, sums, n, from > 0); break;
                case 2: tile(2, inputs, weights, pairs, sums, n, from > 0); break;
                case 3: tile(3, inputs, weights, pairs, sums, n, from > 0); break;
                default: tile(ROWS, inputs, weights, pairs, sums, n, from > 0);
                }
            }
        }
    }
}
