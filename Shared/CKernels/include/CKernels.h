#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// What turns the int32 accumulators of an int8 product back into f32:
/// `y = (acc - offset[n]) * row_scale[m] * scale[n] + bias[n]`.
/// `offset` is 128 times the sum of a weight row: activations are stored as `q + 128`.
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

/// Rows of activations in the two forms that a layer needs.
struct winnow_rows {
    float *values;
    uint8_t *quantized;
    float *scales;
};

/// The f32 work between two int8 products, one table an instruction set. Widths are multiples of 16 throughout,
/// except `k` of `product`; nothing allocates.
struct winnow_kernels {
    const char *name;

    /// One sequence: word row * its scale + position, LayerNorm, quantized.
    void (*embed)(
        const int8_t *words, const float *word_scales, const float *positions, struct winnow_norm norm,
        const int32_t *ids, int count, int width, struct winnow_rows out);

    /// One sequence's attention. `acc` holds q, k and v, `3 * heads * head_size` a row. `scratch` holds
    /// `winnow_attention_scratch` floats; `out.values` is scratch too.
    void (*attention)(
        const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, int count, int heads,
        int head_size, float *scratch, struct winnow_rows out);

    /// `x = LayerNorm(x + y)`, quantized as well unless `out.quantized` is null.
    void (*residual_norm)(
        const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, struct winnow_norm norm,
        int rows, int width, struct winnow_rows out);

    /// Exact GELU of `y`, quantized; `out.values` is one row of scratch.
    /// `out.scales` may be `row_scales`: a row's scale is read before it is written.
    void (*gelu)(
        const int32_t *acc, struct winnow_dequant dequant, const float *row_scales, int rows, int width,
        struct winnow_rows out);

    /// Mean of `rows` rows.
    void (*mean)(const float *values, int rows, int width, float *out);

    /// `out[m][n] = sum over k of a[m][k] * b[n][k] + bias[n]`
    void (*linear)(
        const float *a, const float *b, const float *bias, int m, int n, int k, float *out);

    /// `out[m][n] = sum over k of a[m][k] * b[n][k]`, exact in int32: the product where oneDNN's saturates.
    /// `packed` is `b` from `winnow_pack`.
    void (*product)(const uint8_t *a, const int8_t *packed, int m, int n, int k, int32_t *out);
};

/// - Returns: the tables that this processor can run, the widest first; null behind the last.
const struct winnow_kernels *winnow_kernels_at(int index);

/// Bytes of `n` rows of `k` weights when packed.
size_t winnow_packed_size(int n, int k);

/// Weight rows as `product` reads them: sixteen outputs side by side, two inputs of each together. `n` is a multiple of 16.
void winnow_pack(const int8_t *weights, int n, int k, int8_t *packed);

/// Floats that `attention` needs for a sequence of `count` tokens.
size_t winnow_attention_scratch(int count, int head_size);

/// Confines oneDNN's OpenMP to the calling thread. libgomp has read `OMP_NUM_THREADS` when the process started, so
/// that setting it now would come too late; the limit it keeps a thread is set instead.
void winnow_single_thread(void);

/// How the reference tokenizer treats the Unicode scalars from `first` on.
/// - Source: Scripts/unicode_tables.py
struct winnow_scalar_rule {
    uint32_t first;
    /// Scalars that the rule covers: `first`, `first + stride`, …
    uint16_t count;
    uint8_t stride;
    /// One of `WINNOW_SCALAR_…`.
    uint8_t kind;
    /// Added to the scalar, or for a sequence an index into `winnow_scalar_sequences`.
    int32_t value;
};

enum {
    WINNOW_SCALAR_DROPPED = 1,
    WINNOW_SCALAR_SHIFTED = 2,
    /// Replaced by several scalars; `value >> 4` is where they begin, `value & 15` how many they are.
    WINNOW_SCALAR_SEQUENCE = 3,
    /// Shifted, and a word of its own.
    WINNOW_SCALAR_ALONE = 4,
};

enum { WINNOW_SCALAR_SPACE = 1, WINNOW_SCALAR_PUNCTUATION = 2 };

/// Ascending by `first` and disjoint; a scalar without a rule stays as it is.
extern const struct winnow_scalar_rule *const winnow_scalar_rules;
extern const int winnow_scalar_rules_count;
extern const uint32_t *const winnow_scalar_sequences;

/// White space and punctuation, asked of what the rules gave; `value` is unused.
extern const struct winnow_scalar_rule *const winnow_scalar_classes;
extern const int winnow_scalar_classes_count;
