#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The parameters that convert the int32 accumulators of an int8 product to f32:
/// `y = (acc - offset[n]) * row_scale[m] * scale[n] + bias[n]`.
/// `offset` is 128 times the sum of a weight row, because activations are stored as `q + 128`.
struct winnow_dequant {
    const int32_t *offset;
    const float *scale;
    const float *bias;
};

struct winnow_norm {
    const float *weight;
    const float *bias;
    float epsilon;
};

/// The marks of a sequence's tokens, and the embedding of each mark. Without marks both are null.
struct winnow_marks {
    const float *rows;
    const uint8_t *marks;
};

/// Rows of activations in the two formats that a layer needs.
struct winnow_rows {
    float *values;
    uint8_t *quantized;
    float *scales;
};

/// The f32 work between two int8 products, with one table for each instruction set. All widths are multiples of 16,
/// except `k` of `product`. No function allocates.
struct winnow_kernels {
    const char *name;

    /// Embeds one sequence: word row * its scale + position + mark, LayerNorm, quantization.
    void (*embed)(
        const int8_t *words, const float *word_scales, const float *positions, struct winnow_marks marks,
        struct winnow_norm norm, const int32_t *ids, int count, int width, struct winnow_rows out);

    /// Computes the attention of one sequence. A row of `acc` has q, k and v, `3 * heads * head_size` values. `scratch`
    /// has `winnow_attention_scratch` floats. `out.values` is also scratch.
    void (*attention)(
        const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, int count, int heads,
        int head_size, float *scratch, struct winnow_rows out);

    /// Computes `x = LayerNorm(x + y)`, and quantizes it unless `out.quantized` is null.
    void (*residual_norm)(
        const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, struct winnow_norm norm,
        int rows, int width, struct winnow_rows out);

    /// Computes the exact GELU of `y`, and quantizes it. `out.values` is one row of scratch. `out.scales` may be
    /// `row_scales`, because a row's scale is read before it is written.
    void (*gelu)(
        const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, int rows, int width,
        struct winnow_rows out);

    /// Computes the mean of `rows` rows.
    void (*mean)(const float *values, int rows, int width, float *out);

    /// `out[m][n] = sum over k of a[m][k] * b[n][k] + bias[n]`
    void (*linear)(
        const float *a, const float *b, const float *bias, int m, int n, int k, float *out);

    /// Computes `out[m][n] = sum over k of a[m][k] * b[n][k]`, exact in int32. Used where oneDNN's product saturates.
    /// `packed` is `b` from `winnow_pack`.
    void (*product)(const uint8_t *a, const int8_t *packed, int m, int n, int k, int32_t *out);
};

/// - Returns: a table that this processor supports, 0 for the widest; null after the last.
const struct winnow_kernels *winnow_kernels_at(int index);

/// Returns the packed size in bytes of `n` rows of `k` weights.
size_t winnow_packed_size(int n, int k);

/// Packs weight rows for `product`: sixteen outputs side by side, with two inputs of each together. `n` is a multiple
/// of 16.
void winnow_pack(const int8_t *weights, int n, int k, int8_t *packed);

/// Returns the floats that `attention` needs for a sequence of `count` tokens.
size_t winnow_attention_scratch(int count, int head_size);

/// Limits oneDNN's OpenMP to the calling thread. libgomp reads `OMP_NUM_THREADS` when the process starts, so setting it
/// now would be too late. The per-thread limit is set instead.
void winnow_single_thread(void);

/// A rule of the reference tokenizer for the Unicode scalars from `first` on.
/// - Source: Scripts/unicode_tables.py
struct winnow_scalar_rule {
    uint32_t first;
    /// The number of scalars that the rule covers: `first`, `first + stride`, …
    uint16_t count;
    uint8_t stride;
    /// One of `WINNOW_SCALAR_…`.
    uint8_t kind;
    /// The number to add to the scalar, or an index into `winnow_scalar_sequences`.
    int32_t value;
};

enum {
    WINNOW_SCALAR_DROPPED = 1,
    WINNOW_SCALAR_SHIFTED = 2,
    /// Replaced by several scalars. `value >> 4` is the index of the first, `value & 15` their number.
    WINNOW_SCALAR_SEQUENCE = 3,
    /// Shifted, and a word of its own.
    WINNOW_SCALAR_ALONE = 4,
};

enum { WINNOW_SCALAR_SPACE = 1, WINNOW_SCALAR_PUNCTUATION = 2 };

/// Ascending by `first` and disjoint. A scalar without a rule stays unchanged.
extern const struct winnow_scalar_rule *const winnow_scalar_rules;
extern const int winnow_scalar_rules_count;
extern const uint32_t *const winnow_scalar_sequences;

/// White space and punctuation, applied to the results of the rules. `value` is unused.
extern const struct winnow_scalar_rule *const winnow_scalar_classes;
extern const int winnow_scalar_classes_count;
