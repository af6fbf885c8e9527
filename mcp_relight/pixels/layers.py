"""What travels in a file beside its picture and is left out here: gain maps and depth.

Recognized by the names that their makers give them in metadata. Source: Ultra HDR image format
1.1, ISO 21496-1, Dynamic Depth 1.0, GDepth, and the auxiliary image types of Apple's cameras.
"""

GAIN_MAP = (
    "The picture has a gain map for HDR screens; it is left out and the standard picture is used."
)
DEPTH = "The picture has a depth layer; it is left out."

_NAMES = {
    GAIN_MAP: (
        b"ns.adobe.com/hdr-gain-map",
        b"urn:iso:std:iso:ts:21496",
        b"aux:hdrgainmap",
        b'Semantic="GainMap"',
    ),
    DEPTH: (
        b"ns.google.com/photos/1.0/depthmap",
        b"ns.google.com/photos/dd/1.0/",
        b"aux:disparity",
        b"auxiliary:depth",
        b"hevc:2015:auxid:2",
    ),
}


def layers_in(file: bytes) -> frozenset[str]:
    """The warnings for every layer that a file, or the metadata of one, names."""
    return frozenset(
        warning for warning, names in _NAMES.items() if any(name in file for name in names)
    )
