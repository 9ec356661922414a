// Scaled dot-product attention of one sequence in f32, head by head in a scratch buffer that fits the first-level
// cache.
#include "CKernels.h"

enum { TILE = 4 };

INLINE int padded(int count, int to) { return (count + to - 1) / to * to; }

/// Extracts q, k and v of one head from the accumulators. q and v have one row per token. k is transposed, so that a
/// vector holds several keys.
INLINE void unpack(
    const int32_t *acc, struct winnow_dequant d, const float *row_scales, int count, int width, int column, int size,
    float *queries, float *keys, float *values) {
    int lanes = padded(count, 16), stride = 3 * width;
    for (int block = 0; block < lanes; block += 16) {
        int here = count - block < 16 ? count - block : 16;
        for (int n = 0; n < size; n += 16) {
            v16f rows[16];
            for (int m = 0; m < here; m++) {
                const int32_t *row = acc + (size_t)(block + m) * (size_t)stride;
                float scale = row_scales[block + m];
                store(queries + (block + m) * size + n, dequantized(row, d, scale, column + n));
                rows[m] = dequantized(row, d, scale, width + column + n);
                store(values + (block + m) * size + n, dequantized(row, d, scale, 2 * width + column + n));
            }
            for (int m = here; m < 16; m++) rows[m] = splat(0);
            transpose(rows);
            for (int i = 0; i < 16; i++) store(keys + (size_t)(n + i) * (size_t)lanes + block, rows[i]);
        }
    }
}

/// Computes `scores[TILE][lanes]` for TILE queries.
INLINE void score(const float *queries, const float *keys, int lanes, int size, float *scores) {
    int block = 0;
    for (; block + 32 <= lanes; block += 32) {
        v16f sums[TILE][2];
        for (int m = 0; m < TILE; m++) sums[m][0] = sums[m][1] = splat(0);
        for (int i = 0; i < size; i++) {
            v16f left = load(keys + (size_t)i * (size_t)lanes + block);
            v16f right = load(keys + (size_t)i * (size_t)lanes + block + 16);
            for (int m = 0; m < TILE; m++) {
                sums[m][0] += queries[m * size + i] * left;
                sums[m][1] += queries[m * size + i] * right;
            }
        }
        for (int m = 0; m < TILE; m++) {
            store(scores + m * lanes + block, sums[m][0]);
            store(scores + m * lanes + block + 16, sums[m][1]);
        }
    }
    if (block == lanes) return;
    v16f sums[TILE];
    for (int m = 0; m < TILE; m++) sums[m] = splat(0);
    for (int i = 0; i < size; i++) {
        v16f key = load(keys + (size_t)i * (size_t)lanes + block);
        for (int m = 0; m < TILE; m++) sums[m] += queries[m * size + i] * key;
    }
    for (int m = 0; m < TILE; m++) store(scores + m * lanes + block, sums[m]);
}

/// Computes the softmax without its division. - Returns: the factor to multiply by after the sum over the values.
INLINE float soften(float *scores, int count, int lanes, float factor) {
    const v16i index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    v16i real = index < count - (lanes - 16);
    v16f peak = select(real, load(scores + lanes - 16), splat(-3.0e38f));
    for (int n = 0; n < lanes - 16; n += 16) peak = maximum(peak, load(scores + n));
    float top = largest(peak);
    v16f sum = splat(0);
    for (int n = 0; n < lanes; n += 16) {
        v16f p = exponential((load(scores + n) - top) * factor);
        if (n == lanes - 16) p = select(real, p, splat(0));
        store(scores + n, p);
        sum += p;
    }
    return 1.0f / total(sum);
}

/// Computes `out[TILE][16]` for 16 columns of the values.
INLINE void mix(
    const float *scores, const float *values, const float *factors, int count, int lanes, int size, int rows,
    int width, float *out) {
    v16f sums[TILE][2];
    int halves = size >= 32 ? 2 : 1;
    for (int n = 0; n < size; n += 16 * halves) {
        if (n + 32 > size) halves = 1;
        for (int m = 0; m < TILE; m++) sums[m][0] = sums[m][1] = splat(0);
        for (int i = 0; i < count; i++) {
            const float *value = values + i * size + n;
            for (int m = 0; m < TILE; m++) {
                sums[m][0] += scores[m * lanes + i] * load(value);
                if (halves == 2) sums[m][1] += scores[m * lanes + i] * load(value + 16);
            }
        }
        for (int m = 0; m < rows; m++) {
            store(out + (size_t)m * (size_t)width + n, sums[m][0] * factors[m]);
            if (halves == 2) store(out + (size_t)m * (size_t)width + n + 16, sums[m][1] * factors[m]);
        }
    }
}

INLINE void attend(
    const int32_t *acc, struct winnow_dequant d, const float *row_scales, int count, int heads, int size,
    float *scratch, float *out) {
    int lanes = padded(count, 16), width = heads * size;
    float *queries = scratch, *values = queries + lanes * size, *keys = values + lanes * size;
    float *scores = keys + lanes * size, factor = 1.0f / __builtin_sqrtf((float)size);
    for (int m = count; m < padded(count, TILE); m++) memset(queries + m * size, 0, (size_t)size * sizeof(float));
    for (int head = 0; head < heads; head++) {
        unpack(acc, d, row_scales, count, width, head * size, size, queries, keys, values);
        for (int m = 0; m < count; m += TILE) {
            int rows = count - m < TILE ? count - m : TILE;
            float factors[TILE];
            score(queries + m * size, keys, lanes, size, scores);
            for (int i = 0; i < rows; i++) factors[i] = soften(scores + i * lanes, count, lanes, factor);
            mix(scores, values, factors, count, lanes, size, rows, width,
                out + (size_t)m * (size_t)width + head * size);
        }
    }
}

static void attention(
    const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, int count, int heads, int head_size,
    float *scratch, struct winnow_rows out) {
    // All models so far have this size, so the compiler gets it as a constant.
    if (head_size == 32) attend(acc, dequant, row_scales, count, heads, 32, scratch, out.values);
    else attend(acc, dequant, row_scales, count, heads, head_size, scratch, out.values);
    int width = heads * head_size;
    for (int m = 0; m < count; m++) {
        const float *row = out.values + (size_t)m * (size_t)width;
        v16f peak = splat(0);
        for (int n = 0; n < width; n += 16) peak = maximum(peak, absolute(load(row + n)));
        out.scales[m] = quantize_row(row, peak, width, out.quantized + (size_t)m * (size_t)width);
    }
}
