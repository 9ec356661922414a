// Compiled for the minimum of the compiler's target: SSE2 on x86-64, NEON on arm64.
#define TABLE winnow_kernels_baseline
#define NAME "baseline"
#include "Table.h"
