#if defined(__x86_64__)
// System headers come first: only the bodies may carry the attribute.
#include "CKernels.h"
#include <string.h>

#pragma clang attribute push(__attribute__((target("avx2,fma,bmi,bmi2"))), apply_to = function)
#define TABLE winnow_kernels_avx2
#define NAME "avx2"
#include "Table.h"
#pragma clang attribute pop
#endif
