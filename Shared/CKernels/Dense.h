// All steps between two int8 products except attention. See winnow_kernels for a description of each.
#include "Vector.h"

INLINE v16f dequantized(const int32_t *acc, struct winnow_dequant d, float row_scale, int n) {
    v16f y = __builtin_convertvector(load_int(acc + n) - load_int(d.offset + n), v16f);
    return y * row_scale * load(d.scale + n) + load(d.bias + n);
}

/// Quantizes a row. `largest` is its largest magnitude. - Returns: the row's scale.
INLINE float quantize_row(const float *row, v16f largest_lanes, int width, uint8_t *out) {
    float peak = largest(largest_lanes);
    float scale = peak > 0 ? peak / 127.0f : 1.0f;
    for (int n = 0; n < width; n += 16) {
        v16i q = __builtin_convertvector(rounded(load(row + n) / scale), v16i) + 128;
        v16b bytes = __builtin_convertvector(q, v16b);
        memcpy(out + n, &bytes, sizeof bytes);
    }
    return scale;
}

/// Applies LayerNorm to one row in place, given the row's sum, and quantizes the result.
INLINE void norm_row(float *row, float sum, struct winnow_norm norm, int width, uint8_t *quantized, float *scale) {
    float mean = sum / (float)width;
    v16f squares = splat(0);
    for (int n = 0; n < width; n += 16) {
        v16f centred = load(row + n) - mean;
        squares += centred * centred;
    }
    float factor = 1.0f / __builtin_sqrtf(total(squares) / (float)width + norm.epsilon);
    v16f peak = splat(0);
    for (int n = 0; n < width; n += 16) {
        v16f y = (load(row + n) - mean) * factor * load(norm.weight + n) + load(norm.bias + n);
        store(row + n, y);
        peak = maximum(peak, absolute(y));
    }
    if (quantized) *scale = quantize_row(row, peak, width, quantized);
}

static void embed(
    const int8_t *words, const float *word_scales, const float *positions, struct winnow_marks marks,
    struct winnow_norm norm, const int32_t *ids, int count, int width, struct winnow_rows out) {
    for (int m = 0; m < count; m++) {
        const int8_t *word = words + (size_t)ids[m] * (size_t)width;
        const float *position = positions + (size_t)m * (size_t)width;
        const float *mark = marks.rows ? marks.rows + (size_t)marks.marks[m] * (size_t)width : NULL;
        float *row = out.values + (size_t)m * (size_t)width, scale = word_scales[ids[m]];
        v16f sum = splat(0);
        for (int n = 0; n < width; n += 16) {
            v16f x = load_bytes(word + n) * scale + load(position + n);
            if (mark) x += load(mark + n);
            store(row + n, x);
            sum += x;
        }
        norm_row(row, total(sum), norm, width, out.quantized + (size_t)m * (size_t)width, out.scales + m);
    }
}

static void residual_norm(
    const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, struct winnow_norm norm, int rows,
    int width, struct winnow_rows out) {
    for (int m = 0; m < rows; m++) {
        size_t at = (size_t)m * (size_t)width;
        v16f sum = splat(0);
        for (int n = 0; n < width; n += 16) {
            v16f x = load(out.values + at + n) + dequantized(acc + at, dequant, row_scales[m], n);
            store(out.values + at + n, x);
            sum += x;
        }
        norm_row(
            out.values + at, total(sum), norm, width, out.quantized ? out.quantized + at : NULL, out.scales + m);
    }
}

static void gelu(
    const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, int rows, int width,
    struct winnow_rows out) {
    for (int m = 0; m < rows; m++) {
        size_t at = (size_t)m * (size_t)width;
        v16f peak = splat(0);
        for (int n = 0; n < width; n += 16) {
            v16f x = dequantized(acc + at, dequant, row_scales[m], n);
            v16f y = x * 0.5f * (1.0f + error_function(x * 0.70710678118654752f));
            store(out.values + n, y);
            peak = maximum(peak, absolute(y));
        }
        out.scales[m] = quantize_row(out.values, peak, width, out.quantized + at);
    }
}

static void mean(const float *values, int rows, int width, float *out) {
    float factor = 1.0f / (float)rows;
    for (int n = 0; n < width; n += 16) {
        v16f sum = splat(0);
        for (int m = 0; m < rows; m++) sum += load(values + (size_t)m * (size_t)width + n);
        store(out + n, sum * factor);
    }
}

static void linear(const float *a, const float *b, const float *bias, int m, int n, int k, float *out) {
    for (int label = 0; label < n; label++) {
        const float *row = b + (size_t)label * (size_t)k;
        for (int item = 0; item < m; item++) {
            v16f sum = splat(0);
            for (int i = 0; i < k; i += 16) sum += load(a + (size_t)item * (size_t)k + i) * load(row + i);
            out[(size_t)item * (size_t)n + label] = total(sum) + bias[label];
        }
    }
}
