"""Are the faces of a folder of photos found, in any light and turned, and none where nobody is?

    python -m benchmarks.faces PHOTOS [--people "p*,g*,t03"] [--sheet OUT.png]

PHOTOS holds pictures; those whose names fit --people show people, the others nobody. What is found
on the pictures as they are is the reference, to be looked at on the sheet: a face nobody found is
in no figure. Then each picture is darkened to a quarter, put under a red, a green and a blue gel,
mirrored, and turned by 20 degrees to both sides; a reference face counts as found where one of the
same size lies in the same place. False faces
are counted on all versions of pictures without people.
"""

import argparse
from collections import Counter
from collections.abc import Callable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.lit_scenes import read_rgb
from mcp_relight.engine import people
from mcp_relight.engine.color import decode, encode
from mcp_relight.engine.face_mesh import MeshFace
from mcp_relight.engine.grid import working_size

Photo = NDArray[np.uint8]
Points = NDArray[np.float64]
Version = tuple[Photo, Callable[[Points], Points]]
"""A changed picture, and where points (N, 2) of the picture are in it."""

_OFF, _SIZES = 0.35, (0.6, 1.67)
"""In widths of a face: how far off the same one may be found, and how large beside itself."""
_GELS = {"red": (1, 0.12, 0.12), "green": (0.12, 1, 0.12), "blue": (0.12, 0.12, 1)}
_CELL_PX = 320


def lit(photo: Photo, factors: tuple[float, float, float]) -> Version:
    return encode(decode(photo) * np.asarray(factors, np.float32)), lambda points: points


def mirrored(photo: Photo) -> Version:
    last = photo.shape[1] - 1
    flipped = np.ascontiguousarray(photo[:, ::-1])
    return flipped, lambda points: np.column_stack([last - points[:, 0], points[:, 1]])


def turned(photo: Photo, degrees: float) -> Version:
    """On a frame that holds all of it."""
    height, width = photo.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    across, down = np.abs(turn[:, :2]) @ (width, height)
    turn[:, 2] += (across / 2 - width / 2, down / 2 - height / 2)
    size = round(float(across)), round(float(down))
    whole = cv2.warpAffine(photo, turn, size, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(whole, np.uint8), lambda points: points @ turn[:, :2].T + turn[:, 2]


def versions(photo: Photo) -> Iterator[tuple[str, Version]]:
    yield "a quarter", lit(photo, (0.25, 0.25, 0.25))
    for name, factors in _GELS.items():
        yield name, lit(photo, factors)
    yield "mirrored", mirrored(photo)
    for degrees in (-20, 20):
        yield f"turned {degrees:+d}", turned(photo, degrees)


def faces(photo: Photo) -> list[MeshFace]:
    """In pixels of the photo."""
    size = working_size(*photo.shape[:2])
    found, _ = people.find(photo, size)
    return [mesh.scaled(photo.shape[1] / size[1]) for mesh in found.meshes]


def middle(face: MeshFace) -> Points:
    return face.points[:, :2].astype(np.float64).mean(axis=0)


def is_found(face: MeshFace, place: Points, among: list[MeshFace]) -> bool:
    low, high = _SIZES
    return any(
        float(np.linalg.norm(middle(other) - place)) < _OFF * face.width
        and low < other.width / face.width < high
        for other in among
    )


def drawn(photo: Photo, found: list[MeshFace], name: str) -> Photo:
    """A cell of the sheet, faces framed."""
    cell = photo.copy()
    thick = max(2, photo.shape[1] // 200)
    for face in found:
        left, top, right, bottom = (round(edge) for edge in face.box)
        cv2.rectangle(cell, (left, top), (right, bottom), (0, 255, 0), thick)
    scale = _CELL_PX / max(cell.shape[:2])
    cell = cv2.resize(cell, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    framed = np.zeros((_CELL_PX, _CELL_PX, 3), np.uint8)
    framed[: cell.shape[0], : cell.shape[1]] = cell
    cv2.putText(framed, name, (4, _CELL_PX - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0))
    return framed


def write_sheet(path: Path, cells: list[Photo], columns: int = 4) -> None:
    empty = np.zeros((_CELL_PX, _CELL_PX, 3), np.uint8)
    cells = cells + [empty] * (-len(cells) % columns)
    rows = [np.hstack(cells[at : at + columns]) for at in range(0, len(cells), columns)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--people", default="p*,g*", help="names of pictures that show people")
    parser.add_argument("--sheet", type=Path, help="where to draw what was found, to be looked at")
    arguments = parser.parse_args()
    wanted, hits, false = Counter[str](), Counter[str](), 0
    cells: list[Photo] = []
    for path in sorted(arguments.photos.iterdir()):
        photo = read_rgb(path)
        found = faces(photo)
        has_people = any(fnmatch(path.stem, one) for one in arguments.people.split(","))
        false += 0 if has_people else len(found)
        if has_people or found:
            cells.append(drawn(photo, found, f"{path.stem}: {len(found)}"))
        for name, (changed, moved) in versions(photo):
            again = faces(changed)
            false += 0 if has_people else len(again)
            if not has_people:
                continue
            places = [moved(middle(face)[None])[0] for face in found]
            missed = sum(
                not is_found(face, place, again) for face, place in zip(found, places, strict=True)
            )
            wanted[name] += len(found)
            hits[name] += len(found) - missed
            if missed:
                print(f"{path.stem} {name}: {missed} of {len(found)} not found", flush=True)
    for name in wanted:
        print(f"{name:12s} {hits[name]}/{wanted[name]}")
    total = max(wanted.total(), 1)
    print(f"all {hits.total()}/{wanted.total()} ({hits.total() / total:.1%}), false faces: {false}")
    if arguments.sheet and cells:
        write_sheet(arguments.sheet, cells)


if __name__ == "__main__":
    main()
