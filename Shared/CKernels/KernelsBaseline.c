// Whatever the compiler's target has at least: SSE2 on x86-64, NEON on arm64.
#define TABLE winnow_kernels_baseline
#define NAME "baseline"
#include "Table.h"
