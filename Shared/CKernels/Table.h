// The function bodies, compiled for one instruction set. TABLE is the name of the resulting table.
#include "CKernels.h"
#include "Dense.h"
#include "Attention.h"
#include "Product.h"

const struct winnow_kernels TABLE = {
    .name = NAME,
    .embed = embed,
    .attention = attention,
    .residual_norm = residual_norm,
    .gelu = gelu,
    .mean = mean,
    .linear = linear,
    .product = product,
};
