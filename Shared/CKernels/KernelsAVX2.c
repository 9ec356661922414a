#if defined(__x86_64__)
// System headers come first: only the bodies may carry the attribute.
#include "CKernels.h"
#include <string.h>

typedef short v16hi __attribute__((vector_size(32)));

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#define MULTIPLY_ADD(a, b) (v8i) __builtin_ia32_pmaddwd256((v16hi)(a), (v16hi)(b))
#define TABLE winnow_kernels_avx2
#define NAME "avx2"
#include "Table.h"
#pragma clang attribute pop
#endif
