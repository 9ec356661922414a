#define _GNU_SOURCE
#include "CKernels.h"
#include <dlfcn.h>

extern const struct winnow_kernels winnow_kernels_baseline, winnow_kernels_avx2, winnow_kernels_avx512;

const struct winnow_kernels *winnow_kernels_at(int index) {
    const struct winnow_kernels *tables[4] = {0};
    int count = 0;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512vl"))
        tables[count++] = &winnow_kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2"))
        tables[count++] = &winnow_kernels_avx2;
#endif
    tables[count++] = &winnow_kernels_baseline;
    return index >= 0 && index < count ? tables[index] : NULL;
}

size_t winnow_packed_size(int n, int k) { return (size_t)n * (size_t)(k + (k & 1)); }

void winnow_pack(const int8_t *weights, int n, int k, int8_t *packed) {
    for (int column = 0; column < n; column += 16)
        for (int from = 0; from < k; from += 2)
            for (int output = 0; output < 16; output++)
                for (int i = from; i < from + 2; i++)
                    *packed++ = i < k ? weights[(size_t)(column + output) * (size_t)k + (size_t)i] : 0;
}

size_t winnow_attention_scratch(int count, int head_size) {
    size_t lanes = ((size_t)count + 15) / 16 * 16;
    return lanes * (size_t)head_size * 3 + lanes * 4;
}

void winnow_single_thread(void) {
    // The function is looked up at run time, because oneDNN may use another OpenMP runtime or none.
    void (*limit)(int) = (void (*)(int))dlsym(RTLD_DEFAULT, "omp_set_num_threads");
    if (limit) limit(1);
}
