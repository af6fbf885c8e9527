"""The networks the local engine brings along, by name of their file.

Their hashes are part of the key of every cached analysis, and the engine runs no other bytes.
"""

import hashlib
from typing import Final

WEIGHTS: Final[dict[str, str]] = {
    "face_detection_short_range.tflite": (
        "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633"
    ),
    "face_detection_full_range.tflite": (
        "99bf9494d84f50acc6617d89873f71bf6635a841ea699c17cb3377f9507cfec3"
    ),
    "face_landmark.tflite": "c603fa6149219a3e9487dc9abd7a0c24474c77263273d24868378cdf40aa26d1",
    "face_mesh_triangles.npy": "8a40d8a0a970d34601967fc7556ebf92bdadbbd425580b1382ada15d591f7013",
    "u2netp_fp16.onnx": "986b0212984962d24b862c12c7777c5d1d766964a227d8af877d5f25cf56865e",
}
"""File name in `engine/weights` and sha256."""

WEIGHTS_DIGEST: Final = hashlib.sha256("".join(WEIGHTS.values()).encode()).hexdigest()[:16]
