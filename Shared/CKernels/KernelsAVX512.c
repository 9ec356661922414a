#if defined(__x86_64__)
// System headers come first: only the bodies may carry the attributes.
#include "CKernels.h"
#include <string.h>

typedef short v16hi __attribute__((vector_size(32)));

// Without the second attribute Clang would split 512-bit vectors in two on processors that once clocked down for them.
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma,bmi,bmi2"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define MULTIPLY_ADD(a, b) (v8i) __builtin_ia32_pmaddwd256((v16hi)(a), (v16hi)(b))
#define TABLE winnow_kernels_avx512
#define NAME "avx512"
#include "Table.h"
#pragma clang attribute pop
#pragma clang attribute pop
#endif
