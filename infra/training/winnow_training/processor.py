"""The number formats that this machine's processor multiplies in hardware. Emulation is 15 to 20 times slower than f32."""

from __future__ import annotations

from typing import Any

import torch

_CAN: dict[str, Any] = torch.cpu.get_capabilities()
HAS_BF16 = bool(_CAN.get("avx512_bf16") or _CAN.get("amx_bf16"))
HAS_INT8 = bool(_CAN.get("avx512_vnni") or _CAN.get("amx_int8"))


def autocast() -> torch.autocast:
    """bf16 if the processor supports it, which trains twice as fast, and f32 otherwise."""
    return torch.autocast("cpu", torch.bfloat16, enabled=HAS_BF16)
